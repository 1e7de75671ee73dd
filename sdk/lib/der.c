#include "lib/der.h"

void
csn_der_init(struct csn_der *in, struct csn_bytes bytes)
{
	static const uint8_t none;

	if (bytes.len == 0)
		bytes.ptr = &none;
	*in = (struct csn_der){ bytes.ptr, bytes.ptr + bytes.len, false };
}

bool
csn_der_next(const struct csn_der *in, uint8_t tag)
{
	return csn_der_more(in) && *in->pos == tag;
}

bool
csn_der_more(const struct csn_der *in)
{
	return !in->bad && in->pos < in->end;
}

/* The length at @p, shortest form: bytes it took, 0 when it is not good. */
static size_t
take_length(const uint8_t *p, size_t left, size_t *ret_len)
{
	if (left >= 1 && p[0] < 0x80) {
		*ret_len = p[0];
		return 1;
	}
	if (left >= 2 && p[0] == 0x81 && p[1] >= 0x80) {
		*ret_len = p[1];
		return 2;
	}
	if (left >= 3 && p[0] == 0x82 && p[1] != 0) {
		*ret_len = (size_t)p[1] << 8 | p[2];
		return 3;
	}
	return 0;
}

/* Takes any element; *ret_content is borrowed. */
static struct csn_bytes
take_any(struct csn_der *in, struct csn_bytes *ret_content)
{
	const uint8_t *start = in->pos;
	size_t         left  = (size_t)(in->end - start), len = 0;

	*ret_content = CSN_BYTES_NONE;
	if (in->bad || left < 2)
		goto bad;
	/* Tags of more than one byte are in no certificate. */
	size_t head = (start[0] & 0x1f) == 0x1f ? 0 : take_length(start + 1, left - 1, &len);
	if (head == 0 || len > left - 1 - head)
		goto bad;
	in->pos += 1 + head + len;
	*ret_content = (struct csn_bytes){ start + 1 + head, len };
	return (struct csn_bytes){ start, 1 + head + len };

bad:
	in->bad = true;
	return CSN_BYTES_NONE;
}

struct csn_bytes
csn_der_take(struct csn_der *in, uint8_t tag)
{
	struct csn_bytes content = CSN_BYTES_NONE;

	if (csn_der_next(in, tag))
		take_any(in, &content);
	else
		in->bad = true;
	return content;
}

struct csn_bytes
csn_der_take_raw(struct csn_der *in, uint8_t tag)
{
	struct csn_bytes content;

	if (csn_der_next(in, tag))
		return take_any(in, &content);
	in->bad = true;
	return CSN_BYTES_NONE;
}

void
csn_der_skip(struct csn_der *in)
{
	struct csn_bytes content;

	take_any(in, &content);
}

struct csn_der
csn_der_open(struct csn_der *in, uint8_t tag)
{
	struct csn_der inner;

	csn_der_init(&inner, csn_der_take(in, tag));
	inner.bad = in->bad;
	return inner;
}

void
csn_der_expect(struct csn_der *in, struct csn_bytes want)
{
	if (in->bad || (size_t)(in->end - in->pos) < want.len ||
	    memcmp(in->pos, want.ptr, want.len) != 0)
		in->bad = true;
	else
		in->pos += want.len;
}

struct csn_bytes
csn_der_unsigned(struct csn_der *in)
{
	struct csn_bytes n = csn_der_take(in, CSN_DER_INTEGER);

	if (in->bad || n.len == 0 || n.ptr[0] >= 0x80 ||
	    (n.len > 1 && n.ptr[0] == 0 && n.ptr[1] < 0x80)) {
		in->bad = true;
		return CSN_BYTES_NONE;
	}
	if (n.ptr[0] == 0) {
		n.ptr++;
		n.len--;
	}
	return n;
}

void
csn_der_true(struct csn_der *in)
{
	struct csn_bytes value = csn_der_take(in, CSN_DER_BOOLEAN);

	if (value.len != 1 || value.ptr[0] != 0xff)
		in->bad = true;
}

int
csn_der_end(const struct csn_der *in)
{
	return !in->bad && in->pos == in->end ? CSN_OK : CSN_E_PROTOCOL;
}
