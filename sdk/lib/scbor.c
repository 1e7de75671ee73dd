#include "lib/scbor.h"

enum { MAJOR_UINT, MAJOR_NINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG,
       MAJOR_SIMPLE };

static size_t
left(const struct csn_dcbor_in *in)
{
	return (size_t)(in->end - in->pos);
}

/* Takes a head in its shortest form. */
static bool
take_head(struct csn_dcbor_in *in, unsigned *ret_major, uint64_t *ret_arg)
{
	if (in->bad || left(in) == 0)
		return false;
	unsigned low = *in->pos & 31;
	*ret_major = *in->pos >> 5;
	if (low < 24) {
		in->pos++;
		*ret_arg = low;
		return true;
	}
	if (low > 27)
		return false;
	size_t width = (size_t)1 << (low - 24);
	if (left(in) <= width)
		return false;
	uint64_t arg = 0;
	for (size_t i = 1; i <= width; i++)
		arg = arg << 8 | in->pos[i];
	if (arg < (width == 1 ? 24 : (uint64_t)1 << (4 * width)))
		return false;
	in->pos += 1 + width;
	*ret_arg = arg;
	return true;
}

static bool
utf8_good(struct csn_bytes text)
{
	for (size_t i = 0; i < text.len;) {
		uint8_t b = text.ptr[i];
		size_t  n = b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2
		                   : (b & 0xf0) == 0xe0 ? 3
		                   : b >= 0xf0 && b < 0xf5 ? 4
		                                           : 0;
		if (n == 0 || n > text.len - i)
			return false;
		uint8_t second = n > 1 ? text.ptr[i + 1] : 0x80;
		for (size_t k = 1; k < n; k++)
			if ((text.ptr[i + k] & 0xc0) != 0x80)
				return false;
		/* Overlong forms, surrogates and what lies beyond the last code point. */
		if ((b == 0xe0 && second < 0xa0) || (b == 0xed && second > 0x9f) ||
		    (b == 0xf0 && second < 0x90) || (b == 0xf4 && second > 0x8f))
			return false;
		i += n;
	}
	return true;
}

struct walk {
	struct csn_dcbor_in in;
	unsigned            depth, items;
};

static bool check_item(struct walk *w);

static bool
seen_before(const struct csn_bytes *keys, size_t count, struct csn_bytes key)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].len == key.len && memcmp(keys[i].ptr, key.ptr, key.len) == 0)
			return true;
	return false;
}

static bool
check_map(struct walk *w, uint64_t pairs)
{
	struct csn_bytes keys[CSN_SCBOR_PAIRS_MAX];

	if (pairs > CSN_SCBOR_PAIRS_MAX || pairs > left(&w->in) / 2)
		return false;
	for (size_t i = 0; i < pairs; i++) {
		const uint8_t *start = w->in.pos;
		unsigned       major = left(&w->in) == 0 ? MAJOR_SIMPLE : *start >> 5;
		if (major != MAJOR_UINT && major != MAJOR_NINT && major != MAJOR_TEXT)
			return false;
		if (!check_item(w))
			return false;
		keys[i] = (struct csn_bytes){ start, (size_t)(w->in.pos - start) };
		if (seen_before(keys, i, keys[i]) || !check_item(w))
			return false;
	}
	return true;
}

static bool
check_content(struct walk *w, unsigned major, uint64_t arg)
{
	switch (major) {
	case MAJOR_UINT:
	case MAJOR_NINT:
		return true;
	case MAJOR_BYTES:
	case MAJOR_TEXT:
		if (arg > left(&w->in))
			return false;
		w->in.pos += arg;
		return major == MAJOR_BYTES ||
		       utf8_good((struct csn_bytes){ w->in.pos - arg, (size_t)arg });
	case MAJOR_ARRAY:
		if (arg > left(&w->in))
			return false;
		for (uint64_t i = 0; i < arg; i++)
			if (!check_item(w))
				return false;
		return true;
	case MAJOR_MAP:
		return check_map(w, arg);
	case MAJOR_TAG:
		return check_item(w);
	default:
		return arg >= 20 && arg <= 22;
	}
}

static bool
check_item(struct walk *w)
{
	unsigned major;
	uint64_t arg;

	if (++w->items > CSN_SCBOR_ITEMS_MAX || w->depth == CSN_SCBOR_DEPTH_MAX ||
	    !take_head(&w->in, &major, &arg))
		return false;
	w->depth++;
	bool good = check_content(w, major, arg);
	w->depth--;
	return good;
}

int
csn_scbor_check(struct csn_bytes item)
{
	struct walk w = { 0 };

	if (item.len > CSN_SCBOR_BYTES_MAX)
		return CSN_E_PROTOCOL;
	csn_dcbor_in_init(&w.in, item);
	return check_item(&w) && left(&w.in) == 0 ? CSN_OK : CSN_E_PROTOCOL;
}

bool
csn_scbor_tag(struct csn_dcbor_in *in, uint64_t *ret_tag)
{
	unsigned major;

	if (in->bad || left(in) == 0 || *in->pos >> 5 != MAJOR_TAG)
		return false;
	if (take_head(in, &major, ret_tag))
		return true;
	in->bad = true;
	return false;
}

void
csn_scbor_expect_tag(struct csn_dcbor_in *in, uint64_t tag)
{
	uint64_t found;

	if (!csn_scbor_tag(in, &found) || found != tag)
		in->bad = true;
}

struct csn_bytes
csn_scbor_item(struct csn_dcbor_in *in)
{
	struct walk    w = { .in = *in };
	const uint8_t *start = in->pos;

	if (in->bad || !check_item(&w)) {
		in->bad = true;
		return CSN_BYTES_NONE;
	}
	in->pos = w.in.pos;
	return (struct csn_bytes){ start, (size_t)(in->pos - start) };
}

/* The value whose key is encoded as @key. */
static struct csn_bytes
find(struct csn_bytes map, struct csn_bytes key)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, map);
	size_t pairs = csn_dcbor_map(&in, 0, CSN_SCBOR_PAIRS_MAX);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		struct csn_bytes at = csn_scbor_item(&in), value = csn_scbor_item(&in);
		if (!in.bad && at.len == key.len && memcmp(at.ptr, key.ptr, key.len) == 0)
			return value;
	}
	return CSN_BYTES_NONE;
}

struct csn_bytes
csn_scbor_find(struct csn_bytes map, int64_t label)
{
	uint8_t              buf[9];
	struct csn_dcbor_out out;
	struct csn_bytes     key = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_int(&out, label);
	csn_dcbor_out_end(&out, &key);
	return find(map, key);
}

struct csn_bytes
csn_scbor_find_text(struct csn_bytes map, const char *label)
{
	uint8_t              buf[128];
	struct csn_dcbor_out out;
	struct csn_bytes     key = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_text(&out, label);
	if (csn_dcbor_out_end(&out, &key) < 0)
		return CSN_BYTES_NONE;
	return find(map, key);
}

size_t
csn_scbor_pairs(struct csn_bytes map)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, map);
	return csn_dcbor_peek(&in) == CSN_DCBOR_MAP ? csn_dcbor_map(&in, 0, SIZE_MAX) : 0;
}

bool
csn_scbor_as_int(struct csn_bytes item, int64_t *ret_value)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	int64_t value = csn_dcbor_int(&in);
	if (csn_dcbor_in_end(&in) < 0)
		return false;
	*ret_value = value;
	return true;
}

bool
csn_scbor_as_bytes(struct csn_bytes item, struct csn_bytes *ret_bytes)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	struct csn_bytes bytes = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	if (csn_dcbor_in_end(&in) < 0)
		return false;
	*ret_bytes = bytes;
	return true;
}

bool
csn_scbor_as_text(struct csn_bytes item, struct csn_bytes *ret_text)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	struct csn_bytes text = csn_dcbor_text(&in, 0, SIZE_MAX);
	if (csn_dcbor_in_end(&in) < 0)
		return false;
	*ret_text = text;
	return true;
}

bool
csn_scbor_is_text(struct csn_bytes item, const char *text)
{
	struct csn_bytes found;

	return csn_scbor_as_text(item, &found) && found.len == strlen(text) &&
	       memcmp(found.ptr, text, found.len) == 0;
}
