#include "lib/frag.h"

#include "lib/csgn1.h"

#define HEAD 9 /* sid4, msg, index, total                                      */

/* CRC-32C by nibble: 64 bytes of table, for devices that count them. */
uint32_t
csn_crc32c(struct csn_bytes bytes)
{
	static const uint32_t step[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= bytes.ptr[i];
		crc = crc >> 4 ^ step[crc & 15];
		crc = crc >> 4 ^ step[crc & 15];
	}
	return ~crc;
}

size_t
csn_frag_count(size_t len, size_t data_size)
{
	if (len == 0 || data_size == 0)
		return 0;
	size_t n = (len - 1) / data_size + 1;
	return n <= CSN_FRAG_TOTAL_MAX ? n : 0;
}

static void
put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

int
csn_frag_make(struct csn_bytes message, const uint8_t sid4[4], unsigned msg,
              size_t data_size, size_t index, uint8_t *buf, size_t cap, size_t *ret_len)
{
	size_t total = csn_frag_count(message.len, data_size);

	if (index >= total || csn_msg_max(msg) == 0)
		return CSN_E_INVALID;
	size_t at  = index * data_size;
	size_t len = message.len - at < data_size ? message.len - at : data_size;
	if (cap < CSN_FRAG_OVERHEAD || len > cap - CSN_FRAG_OVERHEAD)
		return CSN_E_TOO_BIG;

	memcpy(buf, sid4, CSN_SID4_LEN);
	buf[4] = (uint8_t)msg;
	put16(buf + 5, index);
	put16(buf + 7, total);
	memcpy(buf + HEAD, message.ptr + at, len);
	uint32_t crc = csn_crc32c((struct csn_bytes){ buf, HEAD + len });
	put16(buf + HEAD + len, crc >> 16);
	put16(buf + HEAD + len + 2, crc & 0xffff);
	*ret_len = CSN_FRAG_OVERHEAD + len;
	return CSN_OK;
}

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* What one fragment alone shows to be over a cap. */
static bool
over_cap(const struct csn_frag *f, size_t cap)
{
	bool   last  = f->index + 1 == f->total;
	size_t least = last ? f->data.len + f->total - 1u
	                    : f->data.len * (f->total - 1u) + 1;

	return f->total > CSN_FRAG_TOTAL_MAX || least > cap;
}

int
csn_frag_parse(struct csn_bytes bytes, struct csn_frag *ret_frag)
{
	const uint8_t  *p = bytes.ptr;
	struct csn_frag f = { 0 };

	if (bytes.len <= CSN_FRAG_OVERHEAD)
		return CSN_CODE_FRAME_SYNTAX;
	memcpy(f.sid4, p, CSN_SID4_LEN);
	f.msg   = p[4];
	f.index = get16(p + 5);
	f.total = get16(p + 7);
	f.data  = (struct csn_bytes){ p + HEAD, bytes.len - CSN_FRAG_OVERHEAD };
	if (f.index >= f.total || csn_msg_max(f.msg) == 0)
		return CSN_CODE_FRAME_SYNTAX;

	const uint8_t *end = p + bytes.len - 4;
	uint32_t       crc = (uint32_t)get16(end) << 16 | get16(end + 2);
	if (crc != csn_crc32c((struct csn_bytes){ p, bytes.len - 4 }))
		return CSN_CODE_FRAME_CRC;
	if (over_cap(&f, csn_msg_max(f.msg)))
		return CSN_CODE_FRAME_CAP;
	*ret_frag = f;
	return 0;
}

void
csn_frag_join_init(struct csn_frag_join *join, uint8_t *buf, size_t cap)
{
	*join = (struct csn_frag_join){ .buf = buf, .cap = cap };
}

void
csn_frag_join_reset(struct csn_frag_join *join)
{
	csn_wipe(join->buf, join->cap);
	csn_frag_join_init(join, join->buf, join->cap);
}

bool
csn_frag_join_is(const struct csn_frag_join *join, const struct csn_frag *frag)
{
	return !join->used || (join->msg == frag->msg &&
	                       memcmp(join->sid4, frag->sid4, CSN_SID4_LEN) == 0);
}

static bool
is_seen(const struct csn_frag_join *join, size_t index)
{
	return (join->seen[index / 8] & 1u << index % 8) != 0;
}

/*
 * Where the bytes of a fragment are.  The last one waits at the end of the buffer, for
 * its place is not known before another has told the size; the two never overlap
 * because the whole message is within the cap.
 */
static uint8_t *
place_of(const struct csn_frag_join *join, const struct csn_frag *frag)
{
	if (frag->index + 1 == join->total)
		return join->buf + join->cap - frag->data.len;
	return join->buf + frag->index * frag->data.len;
}

/* 0, 303 or 304 for what the fragments held so far say about this one. */
static int
judge(const struct csn_frag_join *join, const struct csn_frag *frag)
{
	bool   last     = frag->index + 1 == frag->total;
	size_t max      = csn_msg_max(frag->msg);
	size_t cap      = join->cap < max ? join->cap : max;
	size_t size     = last ? join->size : frag->data.len;
	size_t last_len = last ? frag->data.len : join->last_len;

	if (over_cap(frag, cap) ||
	    (join->used && size > 0 && last_len > 0 && frag->total == join->total &&
	     last_len <= size && size * (frag->total - 1u) + last_len > cap))
		return CSN_CODE_FRAME_CAP;
	if (!join->used)
		return 0;
	if (frag->total != join->total ||
	    (!last && join->size != 0 && join->size != frag->data.len) ||
	    (size != 0 && last_len > size))
		return CSN_CODE_FRAME_MIX;
	if (!is_seen(join, frag->index))
		return 0;
	if ((last && join->last_len != frag->data.len) ||
	    memcmp(place_of(join, frag), frag->data.ptr, frag->data.len) != 0)
		return CSN_CODE_FRAME_MIX;
	return 0;
}

int
csn_frag_join_add(struct csn_frag_join *join, const struct csn_frag *frag,
                  bool *ret_done)
{
	if (!csn_frag_join_is(join, frag))
		return CSN_E_MISSING;
	/* All there: the last fragment has moved, so only whole copies are compared. */
	if (join->used && join->held == join->total) {
		*ret_done = true;
		size_t at = frag->index * join->size;
		bool   last = frag->index + 1 == frag->total;
		bool   same = frag->total == join->total &&
		            frag->data.len == (last ? join->last_len : join->size) &&
		            memcmp(join->buf + at, frag->data.ptr, frag->data.len) == 0;
		return same ? 0 : CSN_CODE_FRAME_MIX;
	}
	int code = judge(join, frag);
	if (code != 0)
		return code;

	if (!join->used) {
		join->used  = true;
		join->msg   = frag->msg;
		join->total = frag->total;
		memcpy(join->sid4, frag->sid4, CSN_SID4_LEN);
	}
	if (!is_seen(join, frag->index)) {
		memcpy(place_of(join, frag), frag->data.ptr, frag->data.len);
		join->seen[frag->index / 8] |= (uint8_t)(1u << frag->index % 8);
		join->held++;
		if (frag->index + 1 == frag->total)
			join->last_len = frag->data.len;
		else
			join->size = frag->data.len;
	}
	if (join->held == join->total)
		memmove(join->buf + join->size * (join->total - 1u),
		        join->buf + join->cap - join->last_len, join->last_len);
	*ret_done = join->held == join->total;
	return 0;
}

struct csn_bytes
csn_frag_join_message(const struct csn_frag_join *join)
{
	if (!join->used || join->held != join->total)
		return CSN_BYTES_NONE;
	return (struct csn_bytes){ join->buf,
		                   join->size * (join->total - 1u) + join->last_len };
}
