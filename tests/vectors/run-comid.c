#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/corim.h"
#include "vectors/runners.h"

/*
 * CoMIDs in the JSON that veraison's tools compile: made into the CBOR a CoRIM carries and
 * judged as that, by the rules of the scheme whose folder they lie in.
 */

enum { ROOM = 16384 };

/* What is not translated makes the whole left out, not good. */
static bool untold;

static void
put_uuid(struct csn_dcbor_out *out, const char *text)
{
	char   hex[33] = "";
	size_t n = 0;

	for (; *text != '\0' && n < 32; text++)
		if (*text != '-')
			hex[n++] = *text;
	csn_dcbor_put_bytes(out, vec_unhex(hex));
}

static void
put_tag(struct csn_dcbor_out *out, unsigned tag)
{
	uint8_t head[3] = { 0xd9, (uint8_t)(tag >> 8), (uint8_t)tag };
	size_t  from = tag < 24 ? 2 : tag < 256 ? 1 : 0;

	if (tag < 24)
		head[2] = (uint8_t)(0xc0 | tag);
	else if (tag < 256)
		head[1] = 0xd8;
	csn_dcbor_put_raw(out, (struct csn_bytes){ head + from, 3 - from });
}

/* 1.2.3.4 as the content of an OBJECT IDENTIFIER. */
static void
put_oid(struct csn_dcbor_out *out, const char *text)
{
	uint8_t bytes[64];
	size_t  len = 1;
	char   *at;
	long    first = strtol(text, &at, 10);

	bytes[0] = (uint8_t)(40 * first + strtol(at + (*at == '.'), &at, 10));
	while (*at == '.' && len < sizeof bytes - 5) {
		long arc = strtol(at + 1, &at, 10);
		for (int shift = 28; shift >= 0; shift -= 7)
			if (arc >> shift != 0 || shift == 0)
				bytes[len++] = (uint8_t)((arc >> shift & 0x7f) | (shift > 0 ? 0x80 : 0));
	}
	csn_dcbor_put_bytes(out, (struct csn_bytes){ bytes, len });
}

static void
put_base64(struct csn_dcbor_out *out, const json_t *value)
{
	const char *text = json_string_value(value);

	csn_dcbor_put_bytes(out, text == NULL ? CSN_BYTES_NONE :
	                                        vec_unbase64(text, strlen(text)));
}

/* {type, value}: an identifier, a key, a number. */
static void
put_typed(struct csn_dcbor_out *out, const json_t *typed)
{
	static const struct {
		const char *type;
		unsigned    tag;
		char        form; /* u: UUID, b: base64, t: text, o: OID, n: number        */
	} types[] = {
		{ "uuid", 37, 'u' },          { "bytes", 560, 'b' },
		{ "ueid", 550, 'b' },         { "oid", 111, 'o' },
		{ "string", 0, 't' },         { "uint", 0, 'n' },
		{ "exact-value", 552, 'n' },  { "min-value", 553, 'n' },
		{ "pkix-base64-key", 554, 't' }, { "pkix-base64-cert", 555, 't' },
		{ "pkix-base64-cert-path", 556, 't' },
	};
	const char   *type = vec_str(typed, "type", "");
	const json_t *value = json_object_get(typed, "value");

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcmp(type, types[i].type) != 0)
			continue;
		if (types[i].tag != 0)
			put_tag(out, types[i].tag);
		if (types[i].form == 'n' && json_is_number(value))
			csn_dcbor_put_uint(out, (uint64_t)json_number_value(value));
		else if (types[i].form == 'b')
			put_base64(out, value);
		else if (!json_is_string(value))
			untold = true;
		else if (types[i].form == 'u')
			put_uuid(out, json_string_value(value));
		else if (types[i].form == 'o')
			put_oid(out, json_string_value(value));
		else
			csn_dcbor_put_text(out, json_string_value(value));
		return;
	}
	untold = true;
}

static void
put_list(struct csn_dcbor_out *out, const json_t *list,
         void (*put)(struct csn_dcbor_out *out, const json_t *item))
{
	const json_t *item;
	size_t        i;

	csn_dcbor_put_array(out, json_array_size(list));
	json_array_foreach(list, i, item) put(out, item);
}

/* A member of a map under @label, when it is there. */
struct member {
	const char *name;
	unsigned    label;
	void (*put)(struct csn_dcbor_out *out, const json_t *value);
};

static void
put_map(struct csn_dcbor_out *out, const json_t *object, const struct member *members,
        size_t count)
{
	size_t pairs = 0;

	for (size_t i = 0; i < count; i++)
		pairs += json_object_get(object, members[i].name) != NULL;
	untold = untold || pairs != json_object_size(object);
	csn_dcbor_put_map(out, pairs);
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, members[i].name);
		if (value == NULL)
			continue;
		csn_dcbor_put_uint(out, members[i].label);
		members[i].put(out, value);
	}
}

#define MAP(out, object, members) put_map(out, object, members, sizeof members / sizeof *members)

static void
put_text(struct csn_dcbor_out *out, const json_t *value)
{
	csn_dcbor_put_text(out, json_is_string(value) ? json_string_value(value) : "");
}

static void
put_number(struct csn_dcbor_out *out, const json_t *value)
{
	csn_dcbor_put_uint(out, (uint64_t)json_number_value(value));
}

static void
put_scheme(struct csn_dcbor_out *out, const json_t *value)
{
	(void)value;
	csn_dcbor_put_uint(out, 16384);
}

static void
put_version(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = { { "value", 0, put_text }, { "scheme", 1, put_scheme } };

	MAP(out, value, members);
}

/* [number, base64] */
static void
put_digest(struct csn_dcbor_out *out, const json_t *value)
{
	csn_dcbor_put_array(out, 2);
	csn_dcbor_put_uint(out, (uint64_t)json_number_value(json_array_get(value, 0)));
	put_base64(out, json_array_get(value, 1));
}

static void
put_digests(struct csn_dcbor_out *out, const json_t *value)
{
	put_list(out, value, put_digest);
}

static void
put_keys(struct csn_dcbor_out *out, const json_t *value)
{
	put_list(out, value, put_typed);
}

/* Addresses: their bytes are not looked at by any rule. */
static void
put_address(struct csn_dcbor_out *out, const json_t *value)
{
	static const uint8_t bytes[16] = { 1 };

	csn_dcbor_put_bytes(out, (struct csn_bytes){ bytes,
	                                             strchr(json_string_value(value), '.') ? 4 : 16 });
}

static void
put_value(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = {
		{ "version", 0, put_version },    { "svn", 1, put_typed },
		{ "digests", 2, put_digests },    { "raw-value", 4, put_typed },
		{ "raw-value-mask", 5, put_base64 }, { "mac-addr", 6, put_address },
		{ "ip-addr", 7, put_address },    { "serial-number", 8, put_text },
		{ "name", 11, put_text },         { "cryptokeys", 13, put_keys },
	};

	MAP(out, value, members);
}

static void
put_measurement(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = { { "key", 0, put_typed }, { "value", 1, put_value } };

	MAP(out, value, members);
}

static void
put_class(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = {
		{ "id", 0, put_typed },     { "vendor", 1, put_text },  { "model", 2, put_text },
		{ "layer", 3, put_number }, { "index", 4, put_number },
	};

	MAP(out, value, members);
}

static void
put_environment(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = { { "class", 0, put_class },
		                                 { "instance", 1, put_typed },
		                                 { "group", 2, put_typed } };

	MAP(out, value, members);
}

static void
put_reference(struct csn_dcbor_out *out, const json_t *value)
{
	csn_dcbor_put_array(out, 2);
	put_environment(out, json_object_get(value, "environment"));
	put_list(out, json_object_get(value, "measurements"), put_measurement);
}

static void
put_references(struct csn_dcbor_out *out, const json_t *value)
{
	put_list(out, value, put_reference);
}

static void
put_anchor(struct csn_dcbor_out *out, const json_t *value)
{
	csn_dcbor_put_array(out, 2);
	put_environment(out, json_object_get(value, "environment"));
	put_list(out, json_object_get(value, "verification-keys"), put_typed);
}

static void
put_anchors(struct csn_dcbor_out *out, const json_t *value)
{
	put_list(out, value, put_anchor);
}

static void
put_triples(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = {
		{ "reference-values", 0, put_references },
		{ "endorsed-values", 1, put_references },
		{ "attester-verification-keys", 3, put_anchors },
	};

	MAP(out, value, members);
}

static void
put_id(struct csn_dcbor_out *out, const json_t *value)
{
	put_uuid(out, json_is_string(value) ? json_string_value(value) : "");
}

static void
put_identity(struct csn_dcbor_out *out, const json_t *value)
{
	static const struct member members[] = { { "id", 0, put_id }, { "version", 1, put_number } };

	MAP(out, value, members);
}

/* Whose rules a folder is about. */
static const char *
profile_of(const char *path)
{
	static const struct {
		const char *part, *uri;
	} schemes[] = {
		{ "cca-realm", "tag:arm.com,2025:cca_realm#1.0.0" },
		{ "cca-platform", "tag:arm.com,2025:cca_platform#1.0.0" },
		{ "parsec-cca/", "tag:github.com/parallaxsecond,2023-03-03:cca" },
		{ "parsec-tpm/", "tag:github.com/parallaxsecond,2023-03-03:tpm" },
		{ "psa-iot/", "tag:arm.com,2025:psa#1.0.0" },
		{ "riot/", "tag:veraison-project.com,2026:riot" },
		{ "tpm-enacttrust/", "https://enacttrust.com/veraison/1.0.0" },
	};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strstr(path, schemes[i].part) != NULL)
			return schemes[i].uri;
	return "";
}

static void
run_root(struct vec *v, const json_t *root)
{
	uint8_t             *buf = vec_alloc(ROOM);
	struct csn_dcbor_out out;
	struct csn_bytes     map = CSN_BYTES_NONE;
	struct csn_corim     corim = { 0 };
	const char          *why = "", *profile = profile_of(vec_full(v));
	bool                 known;

	if (json_object_get(root, "triples") == NULL) {
		vec_skip(v, "a frame for CoMIDs, without one");
		return;
	}
	untold = false;
	csn_dcbor_out_init(&out, buf, ROOM);
	csn_dcbor_put_map(&out, 2);
	csn_dcbor_put_uint(&out, 1);
	put_identity(&out, json_object_get(root, "tag-identity"));
	csn_dcbor_put_uint(&out, 4);
	put_triples(&out, json_object_get(root, "triples"));
	csn_dcbor_out_end(&out, &map);
	if (untold) {
		vec_skip(v, "an extension of upstream's tests");
		return;
	}
	int r = csn_comid_read(map, &corim, &why);
	if (r == CSN_OK) {
		corim.profile = (struct csn_bytes){ (const uint8_t *)profile, strlen(profile) };
		r = csn_corim_profile(&corim, &known, &why);
	}
	csn_corim_done(&corim);
	vec_verdict(v, "", !vec_wants_reject(v), r == CSN_OK, why);
}

void
run_comid_json(struct vec *v, const json_t *none)
{
	struct csn_bytes file = vec_file(v);
	/* An SVN of 64 bits is more than jansson's integers hold. */
	json_t *root = json_loadb((const char *)file.ptr, file.len, JSON_DECODE_INT_AS_REAL, NULL);

	(void)none;
	if (vec_row(v, root != NULL, "is not JSON")) {
		v->passed--;
		v->total--;
		run_root(v, root);
	}
	json_decref(root);
}
