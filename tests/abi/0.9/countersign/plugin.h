/*
 * What a plugin says about itself: one exported const symbol that points at
 * components.  The host never writes into it and nothing runs at load.
 */
#ifndef COUNTERSIGN_PLUGIN_H
#define COUNTERSIGN_PLUGIN_H

#include <countersign/types.h>

#define CSN_PLUGIN_MAGIC 0x43534e31u /* "CSN1" */

enum csn_kind {
	CSN_KIND_CHANNEL  = 1, /* carries bounded messages                    */
	CSN_KIND_MEDIA    = 2, /* owns pictures and samples                   */
	CSN_KIND_ATTEST   = 3, /* judges evidence                             */
	CSN_KIND_FORMAT   = 4, /* payload in and out                          */
	CSN_KIND_CEREMONY = 5, /* a protocol's state machine, sans-I/O        */
	CSN_KIND_KEYS     = 6, /* signs; the private key never leaves         */
	CSN_KIND_STORE    = 7, /* durable transactions                        */
	CSN_KIND_PROMPT   = 8, /* asks and tells a person                     */
	CSN_KIND_GATE     = 9, /* admits or isolates a device on the network  */
};

/* Where an option lands: the member type @offset points at. */
enum csn_type {
	CSN_BOOL   = 1, /* uint32_t, 0 or 1                                   */
	CSN_U32    = 2, /* uint32_t within min..max                           */
	CSN_I64    = 3, /* int64_t within min..max                            */
	CSN_STRING = 4, /* char *, of min..max bytes; the host owns the text  */
	CSN_PATH   = 5, /* char *, made absolute against the file's folder    */
	CSN_CHOICE = 6, /* uint32_t index into choices ("a|b|c")              */
};

enum csn_option_flags {
	CSN_OPT_REQUIRED = 1 << 0,
	CSN_OPT_SECRET   = 1 << 1, /* value is never logged or shown          */
};

struct csn_option {
	const char *key;      /* NULL ends a list                             */
	const char *fallback; /* default as text; NULL: none (0 or NULL)      */
	const char *help;     /* one line, no full stop                       */
	const char *choices;  /* CSN_CHOICE only: "a|b|c"                     */
	uint32_t    type, flags;
	size_t      offset;   /* in the instance that create() allocates      */
	int64_t     min, max;
};

enum csn_need_flags {
	CSN_NEED_OPTIONAL = 1 << 0,
};

/* Something another component must provide before this one can work. */
struct csn_need {
	uint32_t    kind, flags; /* kind 0 ends a list                        */
	const char *name;        /* NULL: any of this kind                    */
	const char *why;
};

/*
 * One thing a plugin can make.
 *
 * create [loop]: allocates an instance, fills it by host->bind, returns CSN_OK and
 * *ret_self, or a negative code after host->fail; leaves *ret_self untouched then.
 * destroy [loop]: takes NULL and half-made instances; no op is pending any more.
 * extension [loop]: table behind an id such as "org.example.rssi/1", or NULL.
 */
struct csn_component {
	uint32_t                 size, kind, flags;
	const char              *name, *summary;
	const struct csn_option *options; /* NULL: none                       */
	const struct csn_need   *needs;   /* NULL: none                       */
	int (*create)(const struct csn_host *host, const struct csn_config *config,
	              void **ret_self, struct csn_error *err);
	void (*destroy)(void *self);
	const void *(*extension)(void *self, const char *id);
	union {
		const void                    *any; /* NULL is refused at load */
		const struct csn_channel_ops  *channel;
		const struct csn_media_ops    *media;
		const struct csn_attest_ops   *attest;
		const struct csn_format_ops   *format;
		const struct csn_ceremony_ops *ceremony;
		const struct csn_keys_ops     *keys;
		const struct csn_store_ops    *store;
		const struct csn_prompt_ops   *prompt;
		const struct csn_gate_ops     *gate;
	} ops;
};

/* The one exported symbol of a module. */
struct csn_plugin {
	uint32_t    magic, size; /* filled by CSN_PLUGIN                      */
	uint16_t    abi_major;   /* filled by CSN_PLUGIN                      */
	uint16_t    abi_minor;   /* typed by the author: oldest host that will do */
	uint32_t    flags;
	const char *name, *version, *license, *origin;
	const struct csn_component *const *components; /* NULL ends           */
};

/* Instance member @f of struct @T, refusing any type but @ct at compile time. */
#define CSN_FIELD_OF(T, f, ct) \
	(offsetof(T, f) + 0 * sizeof(char[_Generic(((T *)0)->f, ct : 1)]))

#define CSN_OPTION_U32(T, f, dflt, lo, hi, text)                       \
	{ .key = #f, .fallback = #dflt, .help = (text), .type = CSN_U32, \
	  .offset = CSN_FIELD_OF(T, f, uint32_t), .min = (lo), .max = (hi) }
#define CSN_OPTION_I64(T, f, dflt, lo, hi, text)                       \
	{ .key = #f, .fallback = #dflt, .help = (text), .type = CSN_I64, \
	  .offset = CSN_FIELD_OF(T, f, int64_t), .min = (lo), .max = (hi) }
#define CSN_OPTION_BOOL(T, f, dflt, text)                               \
	{ .key = #f, .fallback = #dflt, .help = (text), .type = CSN_BOOL, \
	  .offset = CSN_FIELD_OF(T, f, uint32_t), .max = 1 }
#define CSN_OPTION_STRING(T, f, dflt, lo, hi, text)                         \
	{ .key = #f, .fallback = (dflt), .help = (text), .type = CSN_STRING, \
	  .offset = CSN_FIELD_OF(T, f, char *), .min = (lo), .max = (hi) }
#define CSN_OPTION_PATH(T, f, dflt, fl, text)                             \
	{ .key = #f, .fallback = (dflt), .help = (text), .type = CSN_PATH, \
	  .flags = (fl), .offset = CSN_FIELD_OF(T, f, char *), .min = 1, .max = 4095 }
#define CSN_OPTION_CHOICE(T, f, dflt, list, text)                           \
	{ .key = #f, .fallback = (dflt), .help = (text), .choices = (list), \
	  .type = CSN_CHOICE, .offset = CSN_FIELD_OF(T, f, uint32_t) }
#define CSN_OPTION_END \
	{ .key = NULL }

#define CSN_LIST(...) ((const struct csn_component *const[]){ __VA_ARGS__, NULL })

#define CSN_EXPORT __attribute__((visibility("default")))

/*
 * Defines the exported symbol @id_LTX_csn_plugin: libltdl finds it alike in a
 * built-in, a file and a sealed copy.  @id is KIND_NAME, e.g. channel_loop.
 */
#define CSN_PLUGIN(id, ...)                                         \
	extern CSN_EXPORT const struct csn_plugin id##_LTX_csn_plugin; \
	const struct csn_plugin                   id##_LTX_csn_plugin = { \
		.magic     = CSN_PLUGIN_MAGIC,                        \
		.size      = sizeof(struct csn_plugin),               \
		.abi_major = CSN_ABI_MAJOR,                           \
		.name      = #id,                                     \
		__VA_ARGS__                                           \
	}

#endif
