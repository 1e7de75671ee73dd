#include "lib/body.h"

#include <stdarg.h>
#include <stdio.h>

/* One walk over a body: what is being looked at, and what was found. */
struct walk {
	struct csn_body_place place; /* path grows and shrinks; text at the end     */
	size_t                path_len;
	bool                  partial; /* a record: device and session may lack    */
	bool                  critical; /* an unknown negative key was met          */
	struct csn_body_place critical_place;
};

/* Adds to the path; what does not fit is cut, the check goes on. */
__attribute__((format(printf, 2, 3))) static size_t
enter(struct walk *w, const char *fmt, ...)
{
	size_t  before = w->path_len, room = sizeof w->place.path - before;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(w->place.path + before, room, fmt, args);
	va_end(args);
	if (n > 0)
		w->path_len += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

static void
leave(struct walk *w, size_t before)
{
	w->path_len            = before;
	w->place.path[before] = '\0';
}

__attribute__((format(printf, 2, 3))) static bool
fail(struct walk *w, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(w->place.text, sizeof w->place.text, fmt, args);
	va_end(args);
	return false;
}

static bool
check_uint(struct walk *w, struct csn_dcbor_in *in, uint64_t min, uint64_t max)
{
	if (csn_dcbor_peek(in) != CSN_DCBOR_UINT)
		return fail(w, "needs to be a number from %llu to %llu",
		            (unsigned long long)min, (unsigned long long)max);
	uint64_t value = csn_dcbor_uint(in, UINT64_MAX);
	if (value < min || value > max)
		return fail(w, "%llu, needs %llu to %llu", (unsigned long long)value,
		            (unsigned long long)min, (unsigned long long)max);
	return true;
}

/* A byte or text string within the bounds of its field. */
static bool
check_string(struct walk *w, struct csn_dcbor_in *in, enum csn_dcbor_type type,
             uint64_t min, uint64_t max)
{
	bool text = type == CSN_DCBOR_TEXT;

	if (csn_dcbor_peek(in) != type)
		return fail(w, "needs to be %s", text ? "text" : "bytes");
	size_t len = text ? csn_dcbor_text(in, 0, SIZE_MAX).len
	                  : csn_dcbor_bytes(in, 0, SIZE_MAX).len;
	if (len >= min && len <= max)
		return true;
	if (min == max)
		return fail(w, "%zu bytes, needs %llu", len, (unsigned long long)min);
	return fail(w, "%zu bytes, needs %llu to %llu", len, (unsigned long long)min,
	            (unsigned long long)max);
}

static bool
check_short(struct walk *w, struct csn_dcbor_in *in)
{
	return check_string(w, in, CSN_DCBOR_TEXT, 1, 255);
}

/* Opens an array or a map, naming both bounds when the count is out of them. */
static bool
open_count(struct walk *w, struct csn_dcbor_in *in, bool map, size_t min, size_t max,
           size_t *ret_n)
{
	if (csn_dcbor_peek(in) != (map ? CSN_DCBOR_MAP : CSN_DCBOR_ARRAY))
		return fail(w, "needs to be %s", map ? "a map" : "an array");
	*ret_n = map ? csn_dcbor_map(in, 0, SIZE_MAX) : csn_dcbor_array(in, 0, SIZE_MAX);
	if (*ret_n < min || *ret_n > max)
		return fail(w, "%zu members, needs %zu to %zu", *ret_n, min, max);
	return true;
}

static bool
check_window(struct walk *w, struct csn_dcbor_in *in)
{
	size_t n;

	return open_count(w, in, false, 2, 2, &n) && check_uint(w, in, 0, UINT32_MAX) &&
	       check_uint(w, in, 0, UINT32_MAX);
}

static bool
check_checkpoint(struct walk *w, struct csn_dcbor_in *in)
{
	size_t n;

	return open_count(w, in, false, 2, 2, &n) && check_uint(w, in, 0, UINT64_MAX) &&
	       check_string(w, in, CSN_DCBOR_BYTES, 32, 32);
}

static bool
check_urls(struct walk *w, struct csn_dcbor_in *in)
{
	size_t n;

	if (!open_count(w, in, true, 1, 16, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!check_short(w, in) || !check_short(w, in))
			return false;
	return true;
}

/*
 * Any value below app, one item after the other: only map keys have a rule.  The raw
 * bytes are known to be dCBOR no deeper than 8, so 8 counters hold the walk.
 */
static bool
check_app(struct walk *w, struct csn_dcbor_in *in)
{
	struct {
		size_t left;
		bool   map, key;
	} open[CSN_DCBOR_DEPTH_MAX];
	size_t depth = 0, n;

	if (csn_dcbor_peek(in) != CSN_DCBOR_MAP)
		return fail(w, "needs to be a map");
	do {
		if (depth > 0 && open[depth - 1].map && open[depth - 1].key) {
			if (!check_short(w, in))
				return false;
			open[depth - 1].key = false;
			continue;
		}
		if (depth > 0) {
			open[depth - 1].left--;
			open[depth - 1].key = true;
		}
		enum csn_dcbor_type type = csn_dcbor_peek(in);
		if (type == CSN_DCBOR_MAP || type == CSN_DCBOR_ARRAY) {
			bool map = type == CSN_DCBOR_MAP;
			if (depth == CSN_DCBOR_DEPTH_MAX)
				return fail(w, "nested too deep");
			n = map ? csn_dcbor_map(in, 0, SIZE_MAX)
			        : csn_dcbor_array(in, 0, SIZE_MAX);
			open[depth].left = n;
			open[depth].map  = map;
			open[depth].key  = true;
			depth++;
		} else {
			csn_dcbor_item(in);
		}
		while (depth > 0 && open[depth - 1].left == 0)
			depth--;
	} while (depth > 0 && !in->bad);
	return !in->bad;
}

static bool check_map(struct walk *w, struct csn_dcbor_in *in,
                      const struct csn_map_schema *schema);

static bool
check_attkey(struct walk *w, struct csn_dcbor_in *in)
{
	if (csn_dcbor_peek(in) != CSN_DCBOR_BYTES)
		return fail(w, "needs to be bytes");
	size_t len = csn_dcbor_bytes(in, 0, SIZE_MAX).len;
	return len == 16 || len == 32 || fail(w, "%zu bytes, needs 16 or 32", len);
}

static bool
check_value(struct walk *w, struct csn_dcbor_in *in, const struct csn_field *f)
{
	switch (f->type) {
	case CSN_FIELD_UINT:
		return check_uint(w, in, f->min, f->max);
	case CSN_FIELD_BYTES:
		return check_string(w, in, CSN_DCBOR_BYTES, f->min, f->max);
	case CSN_FIELD_TEXT:
		return check_string(w, in, CSN_DCBOR_TEXT, f->min, f->max);
	case CSN_FIELD_BOOL:
		csn_dcbor_bool(in);
		return !in->bad || fail(w, "needs to be true or false");
	case CSN_FIELD_MAP:
		return check_map(w, in, f->map);
	case CSN_FIELD_URLS:
		return check_urls(w, in);
	case CSN_FIELD_APP:
		return check_app(w, in);
	case CSN_FIELD_WINDOW:
		return check_window(w, in);
	case CSN_FIELD_CHECKPOINT:
		return check_checkpoint(w, in);
	case CSN_FIELD_ATTKEY:
		return check_attkey(w, in);
	default:
		return fail(w, "has no schema");
	}
}

static bool
check_field(struct walk *w, struct csn_dcbor_in *in, const struct csn_field *f)
{
	size_t n;

	if (f->list_max == 0)
		return check_value(w, in, f);
	if (!open_count(w, in, false, 1, f->list_max, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t before = enter(w, "[%zu]", i);
		if (!check_value(w, in, f))
			return false;
		leave(w, before);
	}
	return true;
}

/* One pair of a map; *ret_seen gets the bit of a key that has a field. */
static bool
check_pair(struct walk *w, struct csn_dcbor_in *in, const struct csn_map_schema *schema,
           uint32_t *ret_seen)
{
	enum csn_dcbor_type type = csn_dcbor_peek(in);

	if (type == CSN_DCBOR_TEXT)
		return fail(w, "a text key where numbers are keys");
	if (type == CSN_DCBOR_NINT) {
		csn_dcbor_item(in);
		if (!w->critical) {
			fail(w, "an unknown critical (negative) key");
			w->critical_place = w->place;
		}
		w->critical = true;
		csn_dcbor_item(in);
		return !in->bad;
	}
	uint64_t                key = csn_dcbor_uint(in, UINT64_MAX);
	const struct csn_field *f   = csn_schema_find(schema, key);
	if (f == NULL) {
		csn_dcbor_item(in);
		return !in->bad;
	}
	*ret_seen |= 1u << key;
	size_t before = enter(w, w->path_len == 0 ? "%s" : ".%s", f->name);
	if (!check_field(w, in, f))
		return false;
	leave(w, before);
	return true;
}

static bool
check_map(struct walk *w, struct csn_dcbor_in *in, const struct csn_map_schema *schema)
{
	const uint8_t *start = in->pos;
	uint32_t       seen  = 0;
	size_t         n;

	if (!open_count(w, in, true, 0, SIZE_MAX, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!check_pair(w, in, schema, &seen))
			return false;

	bool lax = w->partial && schema == &csn_body_schema;
	for (size_t i = 0; i < schema->len; i++) {
		const struct csn_field *f = &schema->fields[i];
		if (f->required && !lax && (seen & 1u << f->key) == 0) {
			enter(w, w->path_len == 0 ? "%s" : ".%s", f->name);
			return fail(w, "is missing");
		}
	}
	struct csn_bytes raw = { start, (size_t)(in->pos - start) };
	const char *complaint = schema->rule == NULL ? NULL : schema->rule(raw);
	return complaint == NULL || fail(w, "%s", complaint);
}

/* Syntax of the whole: 0, 172 or 177. */
static int
check_schema(struct walk *w, struct csn_bytes body)
{
	struct csn_dcbor_in in;

	if (csn_dcbor_check(body) < 0) {
		fail(w, "is not deterministic CBOR");
		return CSN_CODE_BODY_SYNTAX;
	}
	csn_dcbor_in_init(&in, body);
	if (!check_map(w, &in, &csn_body_schema) || csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_BODY_SYNTAX;
	if (!w->critical)
		return 0;
	w->place = w->critical_place;
	return CSN_CODE_BODY_CRITICAL;
}

/* The content of the byte string at @member[@key]. */
static struct csn_bytes
bytes_at(struct csn_bytes map, uint64_t key)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, csn_map_get(map, key));
	return csn_dcbor_bytes(&in, 0, SIZE_MAX);
}

static bool
is_bytes(struct csn_bytes have, const uint8_t *want, size_t len)
{
	return have.len == len && csn_same_n(have.ptr, want, len);
}

static bool
window_holds(struct csn_bytes window, const struct csn_body_want *want)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, window);
	csn_dcbor_array(&in, 2, 2);
	uint64_t from = csn_dcbor_uint(&in, UINT32_MAX);
	uint64_t to   = csn_dcbor_uint(&in, UINT32_MAX);
	/* No time lies in a reversed window. */
	if (csn_dcbor_in_end(&in) < 0 || want->ts < from || want->ts > to)
		return false;
	return !want->clock_trusted || (want->clock_now >= from && want->clock_now <= to);
}

static int
refuse(struct walk *w, int code, const char *path, const char *text)
{
	enter(w, "%s", path);
	fail(w, "%s", text);
	return code;
}

/* 173, 176, 175, 174. */
static int
check_identity(struct walk *w, struct csn_bytes body, const struct csn_body_want *want)
{
	struct csn_bytes device = csn_map_get(body, 1), session = csn_map_get(body, 6);

	if (!is_bytes(bytes_at(device, 1), want->did, CSN_ID_LEN))
		return refuse(w, CSN_CODE_BODY_DEVICE, "device.id", "names another device");
	if (!is_bytes(bytes_at(session, 1), want->sid, CSN_ID_LEN))
		return refuse(w, CSN_CODE_BODY_SESSION, "session.id", "is another session");
	if (!is_bytes(bytes_at(device, 4), want->maker_hash, CSN_HASH_LEN))
		return refuse(w, CSN_CODE_BODY_MAKER, "device.manufacturer", "is another");
	if (!is_bytes(bytes_at(session, 3), want->maker_hash, CSN_HASH_LEN))
		return refuse(w, CSN_CODE_BODY_MAKER, "session.manufacturer", "is another");
	if (!window_holds(csn_map_get(device, 2), want))
		return refuse(w, CSN_CODE_BODY_WINDOW, "device.window", "does not hold now");
	if (!window_holds(csn_map_get(session, 2), want))
		return refuse(w, CSN_CODE_BODY_WINDOW, "session.window", "does not hold now");
	return 0;
}

/* A list of maps in the body: a member, and a key in it (0: the member is the list). */
struct list {
	uint8_t     member, key;
	const char *name;
};

static const struct list keys         = { 2, 1, "credentials.keys" };
static const struct list certificates = { 2, 2, "credentials.certificates" };
static const struct list anchors      = { 2, 3, "credentials.anchors" };
static const struct list wifis        = { 3, 1, "config.wifi" };
static const struct list mqtts        = { 3, 2, "config.mqtt" };
static const struct list attachments  = { 7, 0, "attachments" };

/* Each @key of the maps in @from is an id in @to. */
static const struct reference {
	const struct list *from;
	uint8_t            key;
	const struct list *to;
} references[] = {
	{ &certificates, 3, &keys }, { &wifis, 4, &certificates },
	{ &mqtts, 4, &certificates }, { &mqtts, 5, &anchors },
};

static struct csn_bytes
list_of(struct csn_bytes body, const struct list *list)
{
	struct csn_bytes member = csn_map_get(body, list->member);

	return list->key == 0 ? member : csn_map_get(member, list->key);
}

/* Opens a list; 0 and an empty cursor when it is not there. */
static size_t
open_list(struct csn_bytes body, const struct list *list, struct csn_dcbor_in *ret_in)
{
	struct csn_bytes raw = list_of(body, list);

	csn_dcbor_in_init(ret_in, raw);
	return raw.len == 0 ? 0 : csn_dcbor_array(ret_in, 0, CSN_DCBOR_ITEMS_MAX);
}

/* How many of the first @limit members of @list have this id. */
static size_t
count_id(struct csn_bytes body, const struct list *list, struct csn_bytes id,
         size_t limit)
{
	struct csn_dcbor_in in;
	size_t              n = open_list(body, list, &in), found = 0;

	for (size_t i = 0; i < n && i < limit && !in.bad; i++)
		found += csn_same(bytes_at(csn_dcbor_item(&in), 1), id);
	return found;
}

static bool
check_ids(struct walk *w, struct csn_bytes body, const struct list *list)
{
	struct csn_dcbor_in in;
	size_t              n = open_list(body, list, &in);

	for (size_t i = 0; i < n; i++) {
		struct csn_bytes id = bytes_at(csn_dcbor_item(&in), 1);
		if (count_id(body, list, id, i) > 0) {
			enter(w, "%s[%zu].id", list->name, i);
			return fail(w, "is there twice");
		}
	}
	return true;
}

static bool
check_reference(struct walk *w, struct csn_bytes body, const struct reference *r)
{
	struct csn_dcbor_in in;
	size_t              n = open_list(body, r->from, &in);

	for (size_t i = 0; i < n; i++) {
		struct csn_bytes map = csn_dcbor_item(&in);
		if (csn_map_get(map, r->key).len == 0)
			continue;
		if (count_id(body, r->to, bytes_at(map, r->key), SIZE_MAX) == 0) {
			enter(w, "%s[%zu]", r->from->name, i);
			return fail(w, "names an id that is not in %s", r->to->name);
		}
	}
	return true;
}

static bool
check_attachment_keys(struct walk *w, struct csn_bytes body, unsigned suite)
{
	struct csn_dcbor_in in;
	size_t              n = open_list(body, &attachments, &in);

	for (size_t i = 0; i < n && suite != 0; i++) {
		size_t len = bytes_at(csn_dcbor_item(&in), 4).len;
		if (len != csn_suite_key_len(suite)) {
			enter(w, "attachments[%zu].key", i);
			return fail(w, "%zu bytes, suite %u needs %zu", len, suite,
			            csn_suite_key_len(suite));
		}
	}
	return true;
}

/* 181, but for what firmware says about its attachment. */
static int
check_references(struct walk *w, struct csn_bytes body, unsigned suite)
{
	static const struct list *const with_ids[] = { &keys, &certificates, &anchors,
		                                       &attachments };
	struct csn_bytes firmware = csn_map_get(body, 4);

	for (size_t i = 0; i < sizeof with_ids / sizeof *with_ids; i++)
		if (!check_ids(w, body, with_ids[i]))
			return CSN_CODE_BODY_REF;
	for (size_t i = 0; i < sizeof references / sizeof *references; i++)
		if (!check_reference(w, body, &references[i]))
			return CSN_CODE_BODY_REF;
	if (csn_map_get(firmware, 2).len > 0 &&
	    count_id(body, &attachments, bytes_at(firmware, 2), SIZE_MAX) == 0)
		return refuse(w, CSN_CODE_BODY_REF, "firmware.attachment",
		              "names an id that is not in attachments");
	return check_attachment_keys(w, body, suite) ? 0 : CSN_CODE_BODY_REF;
}

int
csn_body_check(struct csn_bytes body, const struct csn_body_want *want,
               struct csn_body_place *ret_place)
{
	struct walk w = { 0 };

	int code = check_schema(&w, body);
	if (code == 0)
		code = check_identity(&w, body, want);
	if (code == 0)
		code = check_references(&w, body, want->suite);
	if (code != 0 && ret_place != NULL)
		*ret_place = w.place;
	return code;
}

int
csn_body_record_check(struct csn_bytes record, unsigned suite,
                      struct csn_body_place *ret_place)
{
	struct walk w = { .partial = true };

	int code = check_schema(&w, record);
	if (code == 0)
		code = check_references(&w, record, suite);
	if (code != 0 && ret_place != NULL)
		*ret_place = w.place;
	return code;
}
