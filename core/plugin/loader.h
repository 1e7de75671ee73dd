/*
 * Opens modules, built in or from a file, by absolute path; never searches, never
 * unloads.  Every module it looked at is kept with its state and the reason for it.
 */
#ifndef CSN_CORE_LOADER_H
#define CSN_CORE_LOADER_H

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/plugin/trust.h"

#include <countersign/plugin.h>

enum csn_module_state {
	CSN_MODULE_REFUSED = 0,
	CSN_MODULE_READY   = 1,
};

struct csn_module {
	struct csn_module       *next;
	uint32_t                 state;    /* enum csn_module_state           */
	char                    *path;     /* NULL: built in                  */
	const struct csn_plugin *plugin;   /* NULL when refused               */
	char                     name[64]; /* "channel_qr"                    */
	char                     digest[65]; /* SHA-256 of the file, or ""    */
	int                      sealed_fd;  /* the bytes that were judged and loaded; -1 */
	char                     reason[CSN_ERROR_TEXT]; /* "" when ready     */
};

struct csn_loader;

/* @log and @list may be NULL and stay the caller's. */
struct csn_loader *csn_loader_new(struct csn_log *log, const struct csn_trust_list *list);
/* Frees the books; modules stay mapped until the process ends. */
void csn_loader_free(struct csn_loader *loader);

/* Takes in what was linked in with -dlpreopen; the number of modules, or negative. */
int csn_loader_add_builtin(struct csn_loader *loader);
/* Every *.so of @folder (absolute), in order of name; negative when it cannot be read. */
int csn_loader_add_folder(struct csn_loader *loader, const char *folder,
                          struct csn_error *err);
/* One module file KIND_NAME.so by absolute path; CSN_OK or why it was refused. */
int csn_loader_add_file(struct csn_loader *loader, const char *path,
                        struct csn_error *err);
/*
 * The module another process looked at: the file with that digest, or, with @sealed_fd
 * over 0, the very bytes in that descriptor, which stays open.
 */
int csn_loader_add_same(struct csn_loader *loader, const char *path, const char *digest,
                        int sealed_fd, struct csn_error *err);
/* A descriptor that is here already, as from a test; checked as any other. */
int csn_loader_add_plugin(struct csn_loader *loader, const struct csn_plugin *plugin,
                          struct csn_error *err);

/* All modules in the order they were taken in, refused ones too. */
const struct csn_module *csn_loader_list(const struct csn_loader *loader);
/* The component, or NULL and in @err why there is none and what is near. */
const struct csn_component *csn_loader_find(const struct csn_loader *loader,
                                            uint32_t kind, const char *name,
                                            struct csn_error *err);
/* The module @component is from. */
const struct csn_module *csn_loader_module(const struct csn_loader *loader,
                                           const struct csn_component *component);

#endif
