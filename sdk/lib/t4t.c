#include "lib/t4t.h"

#include "lib/frag.h"

enum {
	NDEF_ONLY  = 0xc4, /* begins and ends the message, external type         */
	NDEF_SHORT = 0x10, /* the payload length is one byte                     */
	VERSION    = 1,
};

static const uint8_t type[CSN_T4T_TYPE] = { 'c', 'o', 'u', 'n', 't', 'e', 'r', 's', 'i', 'g',
	                                    'n', '.', 'o', 'r', 'g', ':', 'm', '1' };

static void
put32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t
get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int
csn_t4t_put(const struct csn_t4t_part *part, uint8_t *file, size_t cap, size_t *ret_len)
{
	const size_t payload = CSN_T4T_HEAD + part->data.len + CSN_T4T_CRC;
	const size_t len = CSN_T4T_RECORD + payload;
	uint8_t *at = file;

	if (part->data.len > CSN_T4T_FILE_MAX || len > cap || len > CSN_T4T_FILE_MAX)
		return CSN_E_TOO_BIG;
	*at++ = (uint8_t)((len - 2) >> 8);
	*at++ = (uint8_t)(len - 2);
	*at++ = NDEF_ONLY;
	*at++ = sizeof type;
	put32(at, (uint32_t)payload);
	at += 4;
	memcpy(at, type, sizeof type);
	at += sizeof type;
	at[0] = VERSION;
	put32(at + 1, part->ack);
	put32(at + 5, part->next);
	put32(at + 9, part->name);
	put32(at + 13, part->total);
	put32(at + 17, part->offset);
	if (part->data.len > 0)
		memcpy(at + CSN_T4T_HEAD, part->data.ptr, part->data.len);
	put32(at + payload - CSN_T4T_CRC,
	      csn_crc32c((struct csn_bytes){ at, payload - CSN_T4T_CRC }));
	*ret_len = len;
	return CSN_OK;
}

/* The payload of the one record there is; empty when the record is another's. */
static int
record(struct csn_bytes file, struct csn_bytes *ret_payload)
{
	const uint8_t *at = file.ptr;

	if (file.len < 2)
		return CSN_E_MISSING;
	size_t left = (size_t)at[0] << 8 | at[1];
	if (left == 0)
		return CSN_E_MISSING;
	if (left > file.len - 2)
		return CSN_E_PROTOCOL;
	at += 2;
	const size_t width = left > 0 && (at[0] & NDEF_SHORT) != 0 ? 1 : 4;
	if (left < 2 + width + sizeof type || (at[0] & ~NDEF_SHORT) != NDEF_ONLY ||
	    at[1] != sizeof type || memcmp(at + 2 + width, type, sizeof type) != 0)
		return CSN_E_MISSING;
	left -= 2 + width + sizeof type;
	if ((width == 1 ? at[2] : get32(at + 2)) != left)
		return CSN_E_PROTOCOL;
	*ret_payload = (struct csn_bytes){ at + 2 + width + sizeof type, left };
	return CSN_OK;
}

int
csn_t4t_get(struct csn_bytes file, struct csn_t4t_part *ret_part)
{
	struct csn_bytes p;

	int r = record(file, &p);
	if (r < 0)
		return r;
	if (p.len < CSN_T4T_HEAD + CSN_T4T_CRC || p.ptr[0] != VERSION ||
	    get32(p.ptr + p.len - CSN_T4T_CRC) !=
	            csn_crc32c((struct csn_bytes){ p.ptr, p.len - CSN_T4T_CRC }))
		return CSN_E_PROTOCOL;
	*ret_part = (struct csn_t4t_part){
		.ack = get32(p.ptr + 1), .next = get32(p.ptr + 5), .name = get32(p.ptr + 9),
		.total = get32(p.ptr + 13), .offset = get32(p.ptr + 17),
		.data = { p.ptr + CSN_T4T_HEAD, p.len - CSN_T4T_HEAD - CSN_T4T_CRC },
	};
	return CSN_OK;
}

int
csn_t4t_take(struct csn_t4t_in *in, const struct csn_t4t_part *part,
             struct csn_bytes *ret_message)
{
	*ret_message = CSN_BYTES_NONE;
	if (part->name == 0)
		return CSN_OK;
	if (part->total == 0 || part->offset > part->total ||
	    part->data.len > part->total - part->offset)
		return CSN_E_PROTOCOL;
	if (part->total > in->cap)
		return CSN_E_TOO_BIG;
	if (part->name != in->name || part->total != in->total) {
		in->name  = part->name;
		in->total = part->total;
		in->held  = 0;
		in->over  = false;
	}
	if (part->offset > in->held)
		return CSN_E_PROTOCOL;
	if (in->over || part->offset + part->data.len <= in->held)
		return CSN_OK;
	memcpy(in->buf + part->offset, part->data.ptr, part->data.len);
	in->held = part->offset + (uint32_t)part->data.len;
	if (in->held < in->total)
		return CSN_OK;
	in->over = true;
	*ret_message = (struct csn_bytes){ in->buf, in->total };
	return CSN_OK;
}

void
csn_t4t_acked(struct csn_t4t_out *out, const struct csn_t4t_part *part)
{
	if (out->name == 0)
		return;
	out->held = part->ack == out->name && part->next <= out->message.len ? part->next : 0;
}

struct csn_t4t_part
csn_t4t_next(const struct csn_t4t_out *out, const struct csn_t4t_in *in, size_t file_cap)
{
	struct csn_t4t_part part = { .ack = in->name, .next = in->held };
	const size_t cap = file_cap < CSN_T4T_FILE_MAX ? file_cap : CSN_T4T_FILE_MAX;

	if (out->name == 0 || cap <= CSN_T4T_AROUND)
		return part;
	const size_t left = out->message.len - out->held, room = cap - CSN_T4T_AROUND;
	if (left == 0)
		return part;
	part.name   = out->name;
	part.total  = (uint32_t)out->message.len;
	part.offset = out->held;
	part.data   = (struct csn_bytes){ out->message.ptr + out->held, left < room ? left : room };
	return part;
}
