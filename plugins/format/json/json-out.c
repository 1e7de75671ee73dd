/*
 * From a record to JSON.  The record was judged by csn_body_record_check() before, so
 * types and bounds are known; what JSON cannot carry is refused here.
 */
#include "json.h"

#include "lib/hex.h"

#include <stdlib.h>

/* NULL with a complaint, so that a caller can return it. */
#define REFUSE(place, ...) (json_complain(place, __VA_ARGS__), (json_t *)NULL)

static bool
text_fits(struct csn_bytes text)
{
	return text.len == 0 || memchr(text.ptr, 0, text.len) == NULL;
}

static json_t *
get_text(struct csn_dcbor_in *in, struct json_place *place)
{
	struct csn_bytes text = csn_dcbor_text(in, 0, SIZE_MAX);

	if (!text_fits(text))
		return REFUSE(place, "has a NUL character, which JSON text here may not");
	return json_stringn((const char *)text.ptr, text.len);
}

static json_t *
get_number(struct csn_dcbor_in *in, struct json_place *place)
{
	int64_t value = csn_dcbor_int(in);

	if (in->bad)
		return REFUSE(place, "is a number beyond the 63 bits of JSON here");
	return json_integer(value);
}

static json_t *
get_bytes(struct csn_dcbor_in *in, struct json_place *place)
{
	(void)place;
	return json_bytes_make(csn_dcbor_bytes(in, 0, SIZE_MAX));
}

static json_t *
get_time(struct csn_dcbor_in *in, struct json_place *place)
{
	(void)place;
	return json_time_make((uint32_t)csn_dcbor_uint(in, UINT32_MAX));
}

typedef json_t *get_fn(struct csn_dcbor_in *in, struct json_place *place);

/* Puts what @get reads at @object.@name; false when it did not read. */
static bool
set_member(json_t *object, const char *name, get_fn *get, struct csn_dcbor_in *in,
           struct json_place *place)
{
	size_t  before = json_enter(place, ".%.40s", name);
	json_t *value  = get(in, place);

	if (value == NULL || json_object_set_new(object, name, value) != 0)
		return false;
	json_leave(place, before);
	return true;
}

static json_t *
get_pair(struct csn_dcbor_in *in, const char *a, get_fn *get_a, const char *b,
         get_fn *get_b, struct json_place *place)
{
	json_t *object = json_object();

	csn_dcbor_array(in, 2, 2);
	if (object != NULL && set_member(object, a, get_a, in, place) &&
	    set_member(object, b, get_b, in, place))
		return object;
	json_wipe(object);
	return NULL;
}

/* A map with text keys. */
static json_t *
get_named(struct csn_dcbor_in *in, get_fn *get, struct json_place *place)
{
	size_t  n      = csn_dcbor_map(in, 0, SIZE_MAX);
	json_t *object = json_object();

	for (size_t i = 0; i < n && object != NULL && !in->bad; i++) {
		char             name[256];
		struct csn_bytes key = csn_dcbor_text(in, 1, 255);
		if (in->bad || !text_fits(key)) {
			json_complain(place, "a key has a NUL character");
			goto fail;
		}
		memcpy(name, key.ptr, key.len);
		name[key.len] = '\0';
		if (!set_member(object, name, get, in, place))
			goto fail;
	}
	return object;

fail:
	json_wipe(object);
	return NULL;
}

static json_t *get_any(struct csn_dcbor_in *in, struct json_place *place);
static json_t *get_value(const struct csn_field *f, struct csn_dcbor_in *in,
                         struct json_place *place);

/* Each a value of @f, or, with none, anything. */
static json_t *
get_array(const struct csn_field *f, struct csn_dcbor_in *in, struct json_place *place)
{
	size_t  n     = csn_dcbor_array(in, 0, SIZE_MAX);
	json_t *array = json_array();

	for (size_t i = 0; i < n && array != NULL && !in->bad; i++) {
		size_t  before = json_enter(place, "[%zu]", i);
		json_t *value  = f != NULL ? get_value(f, in, place) : get_any(in, place);
		if (value == NULL || json_array_append_new(array, value) != 0) {
			json_wipe(array);
			return NULL;
		}
		json_leave(place, before);
	}
	return array;
}

/* Bytes of app always have a prefix, or they would come back as text. */
static json_t *
get_any_bytes(struct csn_dcbor_in *in)
{
	struct csn_bytes bytes = csn_dcbor_bytes(in, 0, SIZE_MAX);
	size_t           len   = 4 + 2 * bytes.len;
	char            *s     = malloc(len + 1);

	if (s == NULL)
		return NULL;
	memcpy(s, "hex:", 4);
	csn_hex_write(bytes.ptr, bytes.len, s + 4);
	json_t *made = json_stringn(s, len);
	csn_wipe(s, len);
	free(s);
	return made;
}

static json_t *
get_any(struct csn_dcbor_in *in, struct json_place *place)
{
	struct csn_bytes text;

	switch (csn_dcbor_peek(in)) {
	case CSN_DCBOR_UINT:
	case CSN_DCBOR_NINT:
		return get_number(in, place);
	case CSN_DCBOR_BYTES:
		return get_any_bytes(in);
	case CSN_DCBOR_TEXT:
		text = csn_dcbor_text(in, 0, SIZE_MAX);
		return text_fits(text) ? json_text_make(text)
		                       : REFUSE(place, "has a NUL character");
	case CSN_DCBOR_ARRAY:
		return get_array(NULL, in, place);
	case CSN_DCBOR_MAP:
		return get_named(in, get_any, place);
	case CSN_DCBOR_TRUE:
	case CSN_DCBOR_FALSE:
		return json_boolean(csn_dcbor_bool(in));
	case CSN_DCBOR_NULL:
		csn_dcbor_null(in);
		return json_null();
	default:
		return REFUSE(place, "cannot be read");
	}
}

static json_t *get_map(const struct csn_map_schema *schema, struct csn_dcbor_in *in,
                       struct json_place *place);

static json_t *
get_value(const struct csn_field *f, struct csn_dcbor_in *in, struct json_place *place)
{
	switch (f->type) {
	case CSN_FIELD_UINT:
		return f->choices != NULL
		               ? json_string(f->choices[csn_dcbor_uint(in, f->max)])
		               : get_number(in, place);
	case CSN_FIELD_BYTES:
	case CSN_FIELD_ATTKEY:
		return get_bytes(in, place);
	case CSN_FIELD_TEXT:
		return get_text(in, place);
	case CSN_FIELD_BOOL:
		return json_boolean(csn_dcbor_bool(in));
	case CSN_FIELD_MAP:
		return get_map(f->map, in, place);
	case CSN_FIELD_URLS:
		return get_named(in, get_text, place);
	case CSN_FIELD_APP:
		return get_named(in, get_any, place);
	case CSN_FIELD_WINDOW:
		return get_pair(in, "not_before", get_time, "not_after", get_time, place);
	case CSN_FIELD_CHECKPOINT:
		return get_pair(in, "size", get_number, "root", get_bytes, place);
	default:
		return REFUSE(place, "has no schema");
	}
}

static json_t *
get_field(const struct csn_field *f, struct csn_dcbor_in *in, struct json_place *place)
{
	return f->list_max == 0 ? get_value(f, in, place) : get_array(f, in, place);
}

static json_t *
get_map(const struct csn_map_schema *schema, struct csn_dcbor_in *in,
        struct json_place *place)
{
	size_t  n      = csn_dcbor_map(in, 0, SIZE_MAX);
	json_t *object = json_object();

	for (size_t i = 0; i < n && object != NULL && !in->bad; i++) {
		uint64_t                key = csn_dcbor_uint(in, UINT64_MAX);
		const struct csn_field *f   = csn_schema_find(schema, key);
		if (f == NULL) {
			json_complain(place, "member %llu has no name in JSON",
			              (unsigned long long)key);
			goto fail;
		}
		size_t  before = json_enter(place, place->len == 0 ? "%s" : ".%s", f->name);
		json_t *value  = get_field(f, in, place);
		if (value == NULL || json_object_set_new(object, f->name, value) != 0)
			goto fail;
		json_leave(place, before);
	}
	return object;

fail:
	json_wipe(object);
	return NULL;
}

json_t *
json_from_record(struct csn_bytes record, struct json_place *place)
{
	struct csn_dcbor_in in;

	json_complain(place, "no memory for this record");
	csn_dcbor_in_init(&in, record);
	json_t *root = get_map(&csn_body_schema, &in, place);
	if (root != NULL && csn_dcbor_in_end(&in) < 0) {
		json_wipe(root);
		return NULL;
	}
	return root;
}
