/*
 * A record as JSON with a name for every key.  The names are those of the schema table
 * in lib/body.h, so what can be written here is exactly what a device accepts.
 */
#ifndef FORMAT_JSON_H
#define FORMAT_JSON_H

#include <countersign/format.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <jansson.h>
#include <stdbool.h>

#include "lib/body.h"

#define JSON_INPUT_MAX 262144

struct json_format {
	const struct csn_host *host;
};

extern const struct csn_format_ops json_format_ops;

/* What went wrong first, and where. */
struct json_place {
	char   path[160];
	size_t len;
	char   text[200];
};

/* Steps into a member or an element; json_leave() takes what it returned. */
__attribute__((format(printf, 2, 3))) size_t json_enter(struct json_place *place,
                                                        const char *fmt, ...);
void json_leave(struct json_place *place, size_t before);
/* Says why, once; false, for the caller to return. */
__attribute__((format(printf, 2, 3))) bool json_complain(struct json_place *place,
                                                         const char *fmt, ...);

/*
 * Parses strictly: one object, UTF-8, no NUL, no lone surrogate, no key twice, nothing
 * after it.  NULL with @place filled in otherwise.  json_wipe() releases the result.
 */
json_t *json_read(struct csn_bytes in, struct json_place *place);
/* Overwrites every string of the tree and lets it go; takes NULL. */
void json_wipe(json_t *root);

/*
 * Strings for bytes: "hex:..." or "base64:..."; anything else stands for its own UTF-8
 * bytes, "text:..." for those after the prefix.
 */
bool json_bytes_parse(const char *s, size_t len, uint8_t *buf, size_t cap,
                      size_t *ret_len, bool *ret_is_text);
/* The string for @bytes: plain when all are printable ASCII, else a prefix. */
json_t *json_bytes_make(struct csn_bytes bytes);
/* The string for text in a place where bytes could stand as well. */
json_t *json_text_make(struct csn_bytes text);

/* "2026-11-25T12:00:00Z" and stamps, seconds since 2020. */
bool    json_time_parse(const char *s, uint32_t *ret_stamp);
json_t *json_time_make(uint32_t stamp);

/* The record of an object, and back; false with @place filled in. */
bool json_to_record(const json_t *root, struct csn_dcbor_out *out,
                    struct json_place *place);
json_t *json_from_record(struct csn_bytes record, struct json_place *place);

#endif
