/* From JSON to the record: names become keys, the schema's order is the map's. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

/* The most a byte string of the schema may have: what a record holds at all. */
#define BYTES_MAX CSN_CT_MAX

static const char *
kind_of(const json_t *value)
{
	static const char *const kinds[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a number with a fraction",
		[JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null",
	};

	return kinds[json_typeof(value)];
}

static bool
needs(struct json_place *place, const char *what, const json_t *got)
{
	return json_complain(place, "is %s, needs to be %s", kind_of(got), what);
}

static bool
put_uint(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	if (!json_is_integer(value))
		return needs(place, "a whole number", value);
	if (json_integer_value(value) < 0)
		return json_complain(place, "%lld, needs to be 0 or more",
		                     (long long)json_integer_value(value));
	csn_dcbor_put_uint(out, (uint64_t)json_integer_value(value));
	return true;
}

/* A choice is written by its name. */
static bool
put_choice(const struct csn_field *f, const json_t *value, struct csn_dcbor_out *out,
           struct json_place *place)
{
	char   names[120] = "";
	size_t len        = 0;

	for (uint64_t i = f->min; i <= f->max; i++) {
		const char *name = f->choices[i];
		if (json_is_string(value) && strcmp(json_string_value(value), name) == 0) {
			csn_dcbor_put_uint(out, i);
			return true;
		}
		if (len + strlen(name) + 3 < sizeof names)
			len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
			                        len == 0 ? "" : ", ", name);
	}
	return json_complain(place, "needs to be one of: %s", names);
}

static bool
put_bytes(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	bool   text;
	size_t len;

	if (!json_is_string(value))
		return needs(place, "a string", value);
	size_t   cap = json_string_length(value);
	uint8_t *buf = malloc(cap + 1);
	if (buf == NULL)
		return json_complain(place, "no memory for %zu bytes", cap);
	bool ok = json_bytes_parse(json_string_value(value), cap, buf, cap, &len, &text);
	if (ok)
		csn_dcbor_put_bytes(out, (struct csn_bytes){ buf, len });
	else
		json_complain(place, "is not what its prefix says");
	csn_wipe(buf, cap);
	free(buf);
	return ok;
}

static struct csn_bytes
string_bytes(const json_t *value)
{
	return (struct csn_bytes){ (const uint8_t *)json_string_value(value),
		                   json_string_length(value) };
}

static bool
put_text(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	if (!json_is_string(value))
		return needs(place, "a string", value);
	csn_dcbor_put_text_n(out, string_bytes(value));
	return true;
}

static bool
put_time(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	uint32_t stamp;

	if (json_is_integer(value))
		return put_uint(value, out, place);
	if (!json_is_string(value) || !json_time_parse(json_string_value(value), &stamp))
		return json_complain(place, "needs to be a time like 2026-11-25T12:00:00Z from "
		                            "2020 to 2156");
	csn_dcbor_put_uint(out, stamp);
	return true;
}

typedef bool put_fn(const json_t *value, struct csn_dcbor_out *out,
                    struct json_place *place);

/* Two members that become an array of two: a window, a checkpoint. */
struct pair {
	const char *name[2];
	put_fn     *put[2];
};

static const struct pair window     = { { "not_before", "not_after" },
	                                { put_time, put_time } };
static const struct pair checkpoint = { { "size", "root" }, { put_uint, put_bytes } };

static bool
put_pair(const struct pair *pair, const json_t *value, struct csn_dcbor_out *out,
         struct json_place *place)
{
	if (!json_is_object(value))
		return needs(place, "an object", value);
	if (json_object_size(value) != 2)
		return json_complain(place, "needs exactly %s and %s", pair->name[0],
		                     pair->name[1]);
	csn_dcbor_put_array(out, 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *member = json_object_get(value, pair->name[i]);
		size_t        before = json_enter(place, ".%s", pair->name[i]);
		if (member == NULL)
			return json_complain(place, "is missing");
		if (!pair->put[i](member, out, place))
			return false;
		json_leave(place, before);
	}
	return true;
}

/* Text keys in the order of their encoding: the shorter first, then bytewise. */
static int
by_encoding(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t      n = strlen(x), m = strlen(y);

	return n != m ? (n < m ? -1 : 1) : memcmp(x, y, n);
}

/* A map with text keys; @put writes each value. */
static bool
put_named(const json_t *value, put_fn *put, struct csn_dcbor_out *out,
          struct json_place *place)
{
	size_t      n = json_object_size(value), i = 0;
	const char *key;
	json_t     *member;
	bool        ok = false;

	if (!json_is_object(value))
		return needs(place, "an object", value);
	const char **keys = calloc(n + 1, sizeof *keys);
	if (keys == NULL)
		return json_complain(place, "no memory for %zu keys", n);
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
		keys[i++] = key;
	qsort(keys, n, sizeof *keys, by_encoding);
	csn_dcbor_put_map(out, n);
	for (i = 0; i < n; i++) {
		size_t before = json_enter(place, ".%.40s", keys[i]);
		csn_dcbor_put_text(out, keys[i]);
		if (!put(json_object_get(value, keys[i]), out, place))
			goto out;
		json_leave(place, before);
	}
	ok = true;
out:
	free(keys);
	return ok;
}

static bool put_any(const json_t *value, struct csn_dcbor_out *out,
                    struct json_place *place);

static bool
put_any_array(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	const json_t *member;
	size_t        i;

	csn_dcbor_put_array(out, json_array_size(value));
	json_array_foreach(value, i, member) {
		size_t before = json_enter(place, "[%zu]", i);
		if (!put_any(member, out, place))
			return false;
		json_leave(place, before);
	}
	return true;
}

/* A string of app is text unless its prefix says bytes. */
static bool
put_any_string(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	size_t   cap = json_string_length(value), len;
	uint8_t *buf = malloc(cap + 1);
	bool     text;

	if (buf == NULL)
		return json_complain(place, "no memory for %zu bytes", cap);
	bool ok = json_bytes_parse(json_string_value(value), cap, buf, cap, &len, &text);
	struct csn_bytes bytes = { buf, ok ? len : 0 };
	if (!ok)
		json_complain(place, "is not what its prefix says");
	else if (text)
		csn_dcbor_put_text_n(out, bytes);
	else
		csn_dcbor_put_bytes(out, bytes);
	csn_wipe(buf, cap);
	free(buf);
	return ok;
}

/* Depth is bounded by the parser here, and by the record check after. */
static bool
put_any(const json_t *value, struct csn_dcbor_out *out, struct json_place *place)
{
	switch (json_typeof(value)) {
	case JSON_INTEGER:
		csn_dcbor_put_int(out, json_integer_value(value));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		csn_dcbor_put_bool(out, json_is_true(value));
		return true;
	case JSON_NULL:
		csn_dcbor_put_null(out);
		return true;
	case JSON_STRING:
		return put_any_string(value, out, place);
	case JSON_ARRAY:
		return put_any_array(value, out, place);
	case JSON_OBJECT:
		return put_named(value, put_any, out, place);
	default:
		return json_complain(place, "is %s, needs to be whole", kind_of(value));
	}
}

static bool put_map(const struct csn_map_schema *schema, const json_t *value,
                    struct csn_dcbor_out *out, struct json_place *place);

static bool
put_value(const struct csn_field *f, const json_t *value, struct csn_dcbor_out *out,
          struct json_place *place)
{
	switch (f->type) {
	case CSN_FIELD_UINT:
		return f->choices != NULL ? put_choice(f, value, out, place)
		                          : put_uint(value, out, place);
	case CSN_FIELD_BYTES:
	case CSN_FIELD_ATTKEY:
		return put_bytes(value, out, place);
	case CSN_FIELD_TEXT:
		return put_text(value, out, place);
	case CSN_FIELD_BOOL:
		if (!json_is_boolean(value))
			return needs(place, "true or false", value);
		csn_dcbor_put_bool(out, json_is_true(value));
		return true;
	case CSN_FIELD_MAP:
		return put_map(f->map, value, out, place);
	case CSN_FIELD_URLS:
		return put_named(value, put_text, out, place);
	case CSN_FIELD_APP:
		return put_named(value, put_any, out, place);
	case CSN_FIELD_WINDOW:
		return put_pair(&window, value, out, place);
	case CSN_FIELD_CHECKPOINT:
		return put_pair(&checkpoint, value, out, place);
	default:
		return json_complain(place, "has no schema");
	}
}

static bool
put_field(const struct csn_field *f, const json_t *value, struct csn_dcbor_out *out,
          struct json_place *place)
{
	const json_t *member;
	size_t        i;

	if (f->list_max == 0)
		return put_value(f, value, out, place);
	if (!json_is_array(value))
		return needs(place, "an array", value);
	csn_dcbor_put_array(out, json_array_size(value));
	json_array_foreach(value, i, member) {
		size_t before = json_enter(place, "[%zu]", i);
		if (!put_value(f, member, out, place))
			return false;
		json_leave(place, before);
	}
	return true;
}

static bool
name_known(const struct csn_map_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->len; i++)
		if (strcmp(schema->fields[i].name, name) == 0)
			return true;
	return false;
}

static bool
put_map(const struct csn_map_schema *schema, const json_t *value,
        struct csn_dcbor_out *out, struct json_place *place)
{
	const char *key;
	json_t     *member;
	const char *dot = place->len == 0 ? "" : ".";

	if (!json_is_object(value))
		return needs(place, "an object", value);
	json_object_foreach((json_t *)(uintptr_t)value, key, member) {
		if (name_known(schema, key))
			continue;
		json_enter(place, "%s%.40s", dot, key);
		return json_complain(place, "is not a member of %s", schema->name);
	}
	csn_dcbor_put_map(out, json_object_size(value));
	for (size_t i = 0; i < schema->len; i++) {
		const struct csn_field *f = &schema->fields[i];
		member                    = json_object_get(value, f->name);
		if (member == NULL)
			continue;
		size_t before = json_enter(place, "%s%s", dot, f->name);
		csn_dcbor_put_uint(out, f->key);
		if (!put_field(f, member, out, place))
			return false;
		json_leave(place, before);
	}
	return true;
}

bool
json_to_record(const json_t *root, struct csn_dcbor_out *out, struct json_place *place)
{
	return put_map(&csn_body_schema, root, out, place);
}
