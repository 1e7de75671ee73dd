#include "lib/dcbor.h"

/* One head: major type, argument, and how many bytes it took. */
struct head {
	unsigned major;
	uint64_t arg;
};

/* Takes a head in its shortest form; false when it is anything else. */
static bool
take_head(struct csn_dcbor_in *in, struct head *ret_head)
{
	if (in->bad || in->pos == in->end)
		return false;

	unsigned low   = *in->pos & 31;
	unsigned major = *in->pos >> 5;
	if (low < 24) {
		in->pos++;
		*ret_head = (struct head){ major, low };
		return true;
	}
	if (low > 27)
		return false;

	size_t width = (size_t)1 << (low - 24);
	if ((size_t)(in->end - in->pos) <= width)
		return false;
	uint64_t arg = 0;
	for (size_t i = 1; i <= width; i++)
		arg = arg << 8 | in->pos[i];

	uint64_t least = width == 1 ? 24 : (uint64_t)1 << (4 * width);
	if (arg < least)
		return false;
	in->pos += 1 + width;
	*ret_head = (struct head){ major, arg };
	return true;
}

static size_t
left(const struct csn_dcbor_in *in)
{
	return (size_t)(in->end - in->pos);
}

/* The least code point of a sequence of n bytes, so that overlong ones are refused. */
static const uint32_t utf8_least[5] = { 0, 0, 0x80, 0x800, 0x10000 };

static bool
utf8_valid(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint8_t b = p[i];
		size_t  n = b < 0x80 ? 1 : (b & 0xe0) == 0xc0 ? 2
		                   : (b & 0xf0) == 0xe0 ? 3
		                   : (b & 0xf8) == 0xf0 ? 4
		                                        : 0;
		if (n == 0 || n > len - i)
			return false;
		uint32_t code = n == 1 ? b : b & (0x7fu >> n);
		for (size_t k = 1; k < n; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (p[i + k] & 0x3f);
		}
		if (code < utf8_least[n] || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return false;
		i += n;
	}
	return true;
}

/* An open array or map while the whole item is judged. */
struct level {
	uint64_t       left; /* items still to come                            */
	bool           map;
	bool           key; /* the next item is a key                          */
	const uint8_t *last;
	size_t         last_len; /* the key before                             */
};

struct check {
	struct csn_dcbor_in in;
	struct level        level[CSN_DCBOR_DEPTH_MAX];
	unsigned            depth;
	unsigned            items;
};

/* Opens an array or map after its head was taken. */
static bool
open_level(struct check *k, const struct head *h)
{
	bool     map   = h->major == 5;
	uint64_t count = h->arg;

	if (k->depth == CSN_DCBOR_DEPTH_MAX)
		return false;
	/* Every member is at least one byte, so a count beyond the bytes is a lie. */
	if (count > left(&k->in) || (map && count > left(&k->in) / 2))
		return false;
	k->level[k->depth++] = (struct level){ map ? 2 * count : count, map, map, NULL, 0 };
	return true;
}

/* Judges what follows the head of a value that is no array and no map. */
static bool
check_scalar(struct check *k, const struct head *h)
{
	switch (h->major) {
	case 0:
	case 1:
		return true;
	case 2:
	case 3:
		if (h->arg > left(&k->in))
			return false;
		if (h->major == 3 && !utf8_valid(k->in.pos, (size_t)h->arg))
			return false;
		k->in.pos += h->arg;
		return true;
	case 7:
		return h->arg >= 20 && h->arg <= 22;
	default:
		return false;
	}
}

/* Strictly ascending bytewise: later keys are greater, and none is there twice. */
static bool
key_ascends(struct level *l, const uint8_t *key, size_t len)
{
	if (l->last != NULL) {
		size_t shorter = len < l->last_len ? len : l->last_len;
		int    order   = memcmp(l->last, key, shorter);
		if (order > 0 || (order == 0 && l->last_len >= len))
			return false;
	}
	l->last     = key;
	l->last_len = len;
	return true;
}

static bool
check_item(struct check *k)
{
	const uint8_t *start = k->in.pos;
	struct level  *in    = k->depth == 0 ? NULL : &k->level[k->depth - 1];
	bool           key   = in != NULL && in->map && in->key;
	struct head    h;

	if (++k->items > CSN_DCBOR_ITEMS_MAX || !take_head(&k->in, &h))
		return false;
	if (in != NULL) {
		in->left--;
		in->key = !in->key;
	}
	if (h.major == 4 || h.major == 5)
		return !key && open_level(k, &h);
	if (!check_scalar(k, &h))
		return false;
	if (key)
		return h.major != 2 && h.major != 7 &&
		       key_ascends(in, start, (size_t)(k->in.pos - start));
	return true;
}

int
csn_dcbor_check(struct csn_bytes item)
{
	struct check k = { 0 };

	csn_dcbor_in_init(&k.in, item);
	do {
		if (!check_item(&k))
			return CSN_E_PROTOCOL;
		while (k.depth > 0 && k.level[k.depth - 1].left == 0)
			k.depth--;
	} while (k.depth > 0);
	return left(&k.in) == 0 ? CSN_OK : CSN_E_PROTOCOL;
}

void
csn_dcbor_in_init(struct csn_dcbor_in *in, struct csn_bytes bytes)
{
	static const uint8_t none;

	if (bytes.len == 0)
		bytes.ptr = &none;
	*in = (struct csn_dcbor_in){ bytes.ptr, bytes.ptr + bytes.len, false };
}

enum csn_dcbor_type
csn_dcbor_peek(const struct csn_dcbor_in *in)
{
	static const enum csn_dcbor_type majors[7] = {
		CSN_DCBOR_UINT, CSN_DCBOR_NINT,  CSN_DCBOR_BYTES, CSN_DCBOR_TEXT,
		CSN_DCBOR_ARRAY, CSN_DCBOR_MAP, CSN_DCBOR_END,
	};

	if (in->bad || in->pos == in->end)
		return CSN_DCBOR_END;
	switch (*in->pos) {
	case 0xf4:
		return CSN_DCBOR_FALSE;
	case 0xf5:
		return CSN_DCBOR_TRUE;
	case 0xf6:
		return CSN_DCBOR_NULL;
	default:
		return *in->pos >= 0xe0 ? CSN_DCBOR_END : majors[*in->pos >> 5];
	}
}

/* Takes a head of @major with an argument in min..max; 0 and a bad cursor else. */
static uint64_t
take(struct csn_dcbor_in *in, unsigned major, uint64_t min, uint64_t max)
{
	struct head h;

	if (!take_head(in, &h) || h.major != major || h.arg < min || h.arg > max) {
		in->bad = true;
		return 0;
	}
	return h.arg;
}

static struct csn_bytes
take_string(struct csn_dcbor_in *in, unsigned major, size_t min, size_t max)
{
	size_t len = (size_t)take(in, major, min, max);

	if (in->bad || len > left(in)) {
		in->bad = true;
		return CSN_BYTES_NONE;
	}
	struct csn_bytes s = { in->pos, len };
	in->pos += len;
	return s;
}

uint64_t
csn_dcbor_uint(struct csn_dcbor_in *in, uint64_t max)
{
	return take(in, 0, 0, max);
}

int64_t
csn_dcbor_int(struct csn_dcbor_in *in)
{
	if (csn_dcbor_peek(in) == CSN_DCBOR_NINT)
		return -1 - (int64_t)take(in, 1, 0, INT64_MAX);
	return (int64_t)take(in, 0, 0, INT64_MAX);
}

struct csn_bytes
csn_dcbor_bytes(struct csn_dcbor_in *in, size_t min, size_t max)
{
	return take_string(in, 2, min, max);
}

struct csn_bytes
csn_dcbor_text(struct csn_dcbor_in *in, size_t min, size_t max)
{
	return take_string(in, 3, min, max);
}

bool
csn_dcbor_bool(struct csn_dcbor_in *in)
{
	enum csn_dcbor_type type = csn_dcbor_peek(in);

	if (type != CSN_DCBOR_FALSE && type != CSN_DCBOR_TRUE) {
		in->bad = true;
		return false;
	}
	in->pos++;
	return type == CSN_DCBOR_TRUE;
}

void
csn_dcbor_copy(struct csn_dcbor_in *in, uint8_t *ret, size_t len)
{
	struct csn_bytes bytes = csn_dcbor_bytes(in, len, len);

	if (in->bad)
		memset(ret, 0, len);
	else if (len > 0)
		memcpy(ret, bytes.ptr, len);
}

size_t
csn_dcbor_array(struct csn_dcbor_in *in, size_t min, size_t max)
{
	return (size_t)take(in, 4, min, max);
}

size_t
csn_dcbor_map(struct csn_dcbor_in *in, size_t min, size_t max)
{
	return (size_t)take(in, 5, min, max);
}

bool
csn_dcbor_null(struct csn_dcbor_in *in)
{
	if (csn_dcbor_peek(in) != CSN_DCBOR_NULL)
		return false;
	in->pos++;
	return true;
}

struct csn_bytes
csn_dcbor_item(struct csn_dcbor_in *in)
{
	const uint8_t *start   = in->pos;
	uint64_t       pending = 1;

	while (pending > 0) {
		struct head h;
		if (!take_head(in, &h) || h.major == 6)
			goto bad;
		pending--;
		if (h.major == 2 || h.major == 3) {
			if (h.arg > left(in))
				goto bad;
			in->pos += h.arg;
		} else if (h.major == 4 || h.major == 5) {
			/* Bounds the sum, too: each pending item is a byte to come. */
			if (h.arg > left(in))
				goto bad;
			pending += h.major == 5 ? 2 * h.arg : h.arg;
			if (pending > left(in))
				goto bad;
		}
	}
	return (struct csn_bytes){ start, (size_t)(in->pos - start) };

bad:
	in->bad = true;
	return CSN_BYTES_NONE;
}

void
csn_dcbor_fail(struct csn_dcbor_in *in)
{
	in->bad = true;
}

int
csn_dcbor_in_end(const struct csn_dcbor_in *in)
{
	return !in->bad && in->pos == in->end ? CSN_OK : CSN_E_PROTOCOL;
}

void
csn_dcbor_out_init(struct csn_dcbor_out *out, uint8_t *buf, size_t cap)
{
	*out = (struct csn_dcbor_out){ buf, cap, 0 };
}

/* Counts always, writes while it fits: a length beyond cap is the overflow. */
static void
put(struct csn_dcbor_out *out, const uint8_t *bytes, size_t len)
{
	if (len > SIZE_MAX - out->len) {
		out->len = SIZE_MAX;
		return;
	}
	if (len > 0 && out->len <= out->cap && len <= out->cap - out->len)
		memcpy(out->buf + out->len, bytes, len);
	out->len += len;
}

static void
put_head(struct csn_dcbor_out *out, unsigned major, uint64_t arg)
{
	uint8_t  head[9];
	unsigned width = arg < 24 ? 0 : arg <= 0xff ? 1 : arg <= 0xffff ? 2
	                                              : arg <= 0xffffffff ? 4
	                                                                  : 8;
	unsigned low = width == 0 ? (unsigned)arg : width == 1 ? 24
	                                          : width == 2 ? 25
	                                          : width == 4 ? 26
	                                                       : 27;
	head[0] = (uint8_t)(major << 5 | low);
	for (unsigned i = 0; i < width; i++)
		head[1 + i] = (uint8_t)(arg >> 8 * (width - 1 - i));
	put(out, head, 1 + width);
}

void
csn_dcbor_put_uint(struct csn_dcbor_out *out, uint64_t value)
{
	put_head(out, 0, value);
}

void
csn_dcbor_put_int(struct csn_dcbor_out *out, int64_t value)
{
	if (value < 0)
		put_head(out, 1, (uint64_t)(-1 - value));
	else
		put_head(out, 0, (uint64_t)value);
}

void
csn_dcbor_put_bytes(struct csn_dcbor_out *out, struct csn_bytes bytes)
{
	put_head(out, 2, bytes.len);
	put(out, bytes.ptr, bytes.len);
}

void
csn_dcbor_put_text(struct csn_dcbor_out *out, const char *text)
{
	csn_dcbor_put_text_n(out,
	                     (struct csn_bytes){ (const uint8_t *)text, strlen(text) });
}

void
csn_dcbor_put_text_n(struct csn_dcbor_out *out, struct csn_bytes text)
{
	put_head(out, 3, text.len);
	put(out, text.ptr, text.len);
}

void
csn_dcbor_put_array(struct csn_dcbor_out *out, size_t members)
{
	put_head(out, 4, members);
}

void
csn_dcbor_put_map(struct csn_dcbor_out *out, size_t pairs)
{
	put_head(out, 5, pairs);
}

void
csn_dcbor_put_bool(struct csn_dcbor_out *out, bool value)
{
	put_head(out, 7, value ? 21 : 20);
}

void
csn_dcbor_put_null(struct csn_dcbor_out *out)
{
	put_head(out, 7, 22);
}

void
csn_dcbor_put_item(struct csn_dcbor_out *out, struct csn_bytes item)
{
	if (item.len == 0)
		csn_dcbor_put_null(out);
	else
		put(out, item.ptr, item.len);
}

void
csn_dcbor_put_bytes_head(struct csn_dcbor_out *out, size_t len)
{
	put_head(out, 2, len);
}

void
csn_dcbor_put_raw(struct csn_dcbor_out *out, struct csn_bytes bytes)
{
	put(out, bytes.ptr, bytes.len);
}

void
csn_dcbor_put_hash(struct csn_dcbor_out *out, const uint8_t *ptr, size_t len)
{
	if (ptr == NULL)
		csn_dcbor_put_null(out);
	else
		csn_dcbor_put_bytes(out, (struct csn_bytes){ ptr, len });
}

void
csn_dcbor_put_label(struct csn_dcbor_out *out, const char *label, size_t members)
{
	csn_dcbor_put_array(out, 1 + members);
	csn_dcbor_put_text(out, label);
}

int
csn_dcbor_out_end(const struct csn_dcbor_out *out, struct csn_bytes *ret_bytes)
{
	if (out->len > out->cap)
		return CSN_E_TOO_BIG;
	*ret_bytes = (struct csn_bytes){ out->buf, out->len };
	return CSN_OK;
}
