/*
 * A configuration file as checked options.  Reading finds every mistake it can and
 * keeps each as one line "FILE:LINE: ..."; nothing is used while there are any.
 *
 * struct csn_config is one group of the file (or a list: its items are groups).  It
 * lives as long as its file.  NULL stands for a group that is not there and may be
 * passed anywhere: every getter then gives its fallback.
 */
#ifndef CSN_CORE_CONFIG_H
#define CSN_CORE_CONFIG_H

#include "core/base/error.h"

#include <countersign/plugin.h>

struct csn_loader;
struct csn_config_file;

#define CSN_CONFIG_MAX (1 << 20) /* bytes of one file, includes apart         */

/*
 * Reads @path and what it includes.  CSN_OK also when there are mistakes inside;
 * negative only when the file cannot be read at all or memory is out.
 */
int csn_config_read(const char *path, struct csn_config_file **ret_file,
                    struct csn_error *err);
void csn_config_free(struct csn_config_file *file); /* NULL is fine; strings go too */

/*
 * Puts @value in the place of "store.path" (groups are made where they lack), as if
 * the file said so; converted as the option's type asks.  Before csn_config_check.
 */
int csn_config_override(struct csn_config_file *file, const char *path,
                        const char *value, struct csn_error *err);

/* Checks the fixed sections and all components' options (@loader NULL: not those). */
void csn_config_check(struct csn_config_file *file, const struct csn_loader *loader);
size_t csn_config_mistakes(const struct csn_config_file *file);
/* "station.conf:6: unknown option ...", in order of discovery. */
const char *csn_config_mistake(const struct csn_config_file *file, size_t i);
/* CSN_OK when there are none, else CSN_E_CONFIG, the first and how many more. */
int csn_config_verdict(const struct csn_config_file *file, struct csn_error *err);

/*
 * Gives @loader what was linked in, then the folders of plugins.path; without those, or
 * with no @file, the installed ones, when that folder is there.
 */
int csn_config_load_plugins(const struct csn_config_file *file, struct csn_loader *loader,
                            struct csn_error *err);

/* The fixed sections.  Rows bind to the structs below by csn_config_fill(). */
enum csn_shape {
	CSN_SHAPE_GROUP = 1, /* store : { ... };                              */
	CSN_SHAPE_LIST  = 2, /* channels = ( { ... }, { ... } );              */
	CSN_SHAPE_NAMED = 3, /* media : { screen : { ... }; ... };            */
	CSN_SHAPE_RAW   = 4, /* policy: its owner checks it                   */
};

struct csn_section {
	const char              *name;
	uint32_t                 shape; /* enum csn_shape                     */
	uint32_t                 kind;  /* of the component `use` names, 0: none */
	uint32_t                 required;
	const struct csn_option *rows;   /* own members, `use` apart; or NULL */
	const char *const       *arrays; /* own members that are arrays of texts, or NULL */
};

extern const struct csn_section csn_sections[]; /* name NULL ends it          */

/* station : { ... } */
struct csn_config_station {
	char    *name;
	uint32_t profile; /* 0 factory, 1 lab                                 */
	uint32_t log;     /* 0 error, 1 warn, 2 info, 3 debug                 */
	char    *log_key; /* name of the key that signs checkpoints, or NULL  */
	uint32_t clock;   /* enum csn_wall                                    */
	uint32_t log_style; /* enum csn_log_style                              */
};

/* One item of channels. */
struct csn_config_channel {
	uint32_t role;  /* enum csn_role less one                             */
	char    *also;  /* more roles of the same channel, or NULL            */
	char    *media; /* label in the media section, or NULL                */
	uint32_t isolation; /* enum csn_config_isolation                      */
};

/* Where an instance runs. */
enum csn_config_isolation {
	CSN_ISOLATION_AUTO   = 0, /* in a worker where it parses foreign bytes */
	CSN_ISOLATION_WORKER = 1,
	CSN_ISOLATION_NONE   = 2, /* in the station's own process              */
};

/* One item of attest. */
struct csn_config_attest {
	uint32_t isolation;
};

/* plugins : { path = [ ... ]; digests = "..."; }; path: csn_config_path_at(). */
struct csn_config_plugins {
	char    *digests;
	char    *signers;
	char    *worker;
	uint32_t isolation; /* what auto means: 0 auto, 1 none                */
};

extern const struct csn_option csn_config_station_rows[];
extern const struct csn_option csn_config_channel_rows[];
extern const struct csn_option csn_config_attest_rows[];
extern const struct csn_option csn_config_plugins_rows[];

const struct csn_config *csn_config_root(const struct csn_config_file *file);
/* Member group or list @key of @config, or NULL. */
const struct csn_config *csn_config_sub(const struct csn_config *config, const char *key);
/* Items of a list, or the groups in a group. */
size_t csn_config_count(const struct csn_config *config);
const struct csn_config *csn_config_item(const struct csn_config *config, size_t i);
/* The member's own name ("screen"), or "" in a list. */
const char *csn_config_name(const struct csn_config *config);
/* The component a section names by `use`, or NULL. */
const char *csn_config_use(const struct csn_config *config);
/* Where the group itself stands: *ret_line, and the file's name. */
const char *csn_config_where(const struct csn_config *config, unsigned *ret_line);

/*
 * Typed getters for sections of a shape of their own (policy).  A value of the wrong
 * type or outside its bounds is noted as a mistake and gives the fallback.
 */
int csn_config_bool(const struct csn_config *config, const char *key, int fallback);
const char *csn_config_text(const struct csn_config *config, const char *key,
                            const char *fallback, size_t max_len);
/* A path made absolute against the folder of the file that names it. */
const char *csn_config_path(const struct csn_config *config, const char *key,
                            const char *fallback);
/* Texts of an array ("a", or [ "a", "b" ]): how many, and number @i. */
size_t csn_config_text_count(const struct csn_config *config, const char *key);
const char *csn_config_text_at(const struct csn_config *config, const char *key, size_t i);
const char *csn_config_path_at(const struct csn_config *config, const char *key, size_t i);
/* Notes every member that is not in @keys (NULL ends) as a mistake; @what: "policy". */
void csn_config_only(const struct csn_config *config, const char *what,
                     const char *const *keys);
/* Notes a mistake of the caller's own at @key (NULL: at the group). */
__attribute__((format(printf, 3, 4))) void csn_config_note(const struct csn_config *config,
                                                           const char *key,
                                                           const char *fmt, ...);

/*
 * Fills a struct by rows: fallbacks first, then what the file says.  Mistakes are
 * noted; the first is also in @err and the return is CSN_E_CONFIG.  Does not look for
 * unknown members.  Strings belong to the file (fallbacks: to the rows).
 */
int csn_config_fill(const struct csn_config *config, const struct csn_option *rows,
                    void *self, struct csn_error *err);
/* host->bind: as fill with the component's rows. */
int csn_config_bind(const struct csn_config *config, const struct csn_component *component,
                    void *self, struct csn_error *err);

#endif
