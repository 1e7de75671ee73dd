#include "reader.h"

enum {
	INS_SELECT = 0xa4,
	INS_READ   = 0xb0,
	INS_UPDATE = 0xd6,
	FILE_CC    = 0xe103,
	CC_MIN     = 15,
	CC_MAX     = 255,
	SHORT_MAX  = 255,
	SW_OK      = 0x9000,
	SW_SPACE   = 0x6a84,
};

static uint32_t
get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* ---- one APDU --------------------------------------------------------------------- */

/*
 * Sends a command with @data, or with @le wanted.  The status, or READER_GONE; what came
 * before it goes to @answer, which has READER_RESPONSE_MAX bytes.
 */
static int
command(struct reader *reader, uint8_t ins, uint32_t p1p2, struct csn_bytes data, size_t le,
        uint8_t *answer, size_t *ret_len)
{
	uint8_t apdu[READER_APDU_MAX] = { 0, ins, (uint8_t)(p1p2 >> 8), (uint8_t)p1p2 };
	size_t len = 4, got = 0;

	if (data.len > 0) {
		apdu[len++] = (uint8_t)data.len;
		memcpy(apdu + len, data.ptr, data.len);
		len += data.len;
	} else {
		apdu[len++] = (uint8_t)le;
	}
	reader->exchanges++;
	if (reader->transmit(reader->arg, (struct csn_bytes){ apdu, len }, answer, &got) < 0 ||
	    got < 2 || got > READER_RESPONSE_MAX)
		return READER_GONE;
	*ret_len = got - 2;
	return (int)get16(answer + got - 2);
}

static int
select_file(struct reader *reader, uint16_t file)
{
	const uint8_t number[2] = { (uint8_t)(file >> 8), (uint8_t)file };
	uint8_t answer[READER_RESPONSE_MAX];
	size_t len;

	/* P2 0x0c: no answer but the status */
	return command(reader, INS_SELECT, 0x000c, CSN_BYTES_OF(number), 0, answer, &len);
}

static int
select_application(struct reader *reader)
{
	static const uint8_t application[] = { 0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01 };
	uint8_t answer[READER_RESPONSE_MAX];
	size_t len;

	return command(reader, INS_SELECT, 0x0400, CSN_BYTES_OF(application), 0, answer, &len);
}

/* Bytes from..to of the selected file into reader->file; a status or READER_GONE. */
static int
read_range(struct reader *reader, size_t from, size_t to)
{
	while (from < to) {
		uint8_t answer[READER_RESPONSE_MAX];
		size_t want = to - from < reader->read_max ? to - from : reader->read_max, got;
		const int sw = command(reader, INS_READ, (uint32_t)from, CSN_BYTES_NONE, want,
		                       answer, &got);

		if (sw != SW_OK)
			return sw;
		if (got == 0 || got > want)
			return READER_GONE;
		memcpy(reader->file + from, answer, got);
		from += got;
	}
	return SW_OK;
}

static int
update(struct reader *reader, size_t offset, struct csn_bytes data)
{
	uint8_t answer[READER_RESPONSE_MAX];
	size_t len;

	return command(reader, INS_UPDATE, (uint32_t)offset, data, 0, answer, &len);
}

/* ---- a tag comes --------------------------------------------------------------------- */

/* The files that the capability container names. */
static bool
parse_cc(struct reader *reader, const uint8_t *cc, size_t len)
{
	const size_t most = reader->chunk < SHORT_MAX ? reader->chunk : SHORT_MAX;

	reader->inbox = reader->outbox = 0;
	reader->read_max = get16(cc + 3);
	reader->update_max = get16(cc + 5);
	if (cc[2] >> 4 < 1 || cc[2] >> 4 > 3 || reader->read_max < CC_MIN || reader->update_max < 1)
		return false;
	reader->read_max = reader->read_max < most ? reader->read_max : most;
	reader->update_max = reader->update_max < most ? reader->update_max : most;
	for (size_t at = 7; at + 8 <= len && cc[at + 1] == 6; at += 8) {
		const uint8_t *tlv = cc + at;
		size_t cap = get16(tlv + 4);

		cap = cap < CSN_T4T_FILE_MAX ? cap : CSN_T4T_FILE_MAX;
		if (tlv[0] == 4 && reader->inbox == 0 && tlv[6] == 0) {
			reader->inbox = (uint16_t)get16(tlv + 2);
			reader->inbox_cap = cap;
			reader->read_only = tlv[7] != 0;
		} else if (tlv[0] == 5 && reader->outbox == 0 && tlv[6] == 0) {
			reader->outbox = (uint16_t)get16(tlv + 2);
			reader->outbox_cap = cap;
		}
	}
	return reader->inbox != 0 && reader->inbox_cap >= 5;
}

static int
read_cc(struct reader *reader)
{
	size_t len;

	reader->read_max = CC_MIN;
	int sw = select_file(reader, FILE_CC);
	if (sw == SW_OK)
		sw = read_range(reader, 0, CC_MIN);
	if (sw != SW_OK)
		return sw < 0 ? sw : READER_NOT_OURS;
	len = get16(reader->file);
	if (len < CC_MIN || len > CC_MAX)
		return READER_NOT_OURS;
	sw = read_range(reader, CC_MIN, len);
	if (sw != SW_OK)
		return sw < 0 ? sw : READER_NOT_OURS;
	return parse_cc(reader, reader->file, len) ? READER_MOVED : READER_NOT_OURS;
}

int
reader_meet(struct reader *reader)
{
	int r = select_application(reader);

	if (r != SW_OK)
		return r < 0 ? r : READER_NOT_OURS;
	reader->written = false;
	reader->told_ack = reader->told_next = 0;
	/* Another tag has nothing of this; the same one says so in its outbox. */
	reader->out.held = 0;
	return read_cc(reader);
}

/* ---- parts ----------------------------------------------------------------------------- */

void
reader_send(struct reader *reader, struct csn_bytes message, uint32_t name)
{
	reader->out = (struct csn_t4t_out){ .message = message,
		                            .name = message.len > 0 ? name : 0 };
	reader->written = false;
}

bool
reader_sent(const struct reader *reader)
{
	return reader->out.name != 0 && (reader->outbox == 0 ? reader->written :
	                                 reader->out.held == reader->out.message.len);
}

/* The record in @file of the tag, or CSN_E_MISSING; READER_... when it cannot be had. */
static int
read_part(struct reader *reader, uint16_t file, size_t cap, struct csn_t4t_part *ret_part)
{
	size_t first = cap < reader->read_max ? cap : reader->read_max;
	int sw = select_file(reader, file);

	if (sw == SW_OK)
		sw = read_range(reader, 0, first);
	if (sw != SW_OK)
		return sw < 0 ? sw : READER_NOT_OURS;
	const size_t len = 2 + get16(reader->file);
	if (len > cap)
		return READER_NOT_OURS;
	sw = read_range(reader, first, len);
	if (sw != SW_OK)
		return sw < 0 ? sw : READER_NOT_OURS;
	return csn_t4t_get((struct csn_bytes){ reader->file, len }, ret_part) == CSN_OK ?
	               READER_MOVED :
	               READER_IDLE;
}

/* As the tag's specification has it: length 0, the record, its length. */
static int
write_file(struct reader *reader, size_t len)
{
	static const uint8_t empty[2];
	int sw = select_file(reader, reader->inbox);

	if (sw == SW_OK && len <= reader->update_max)
		return update(reader, 0, (struct csn_bytes){ reader->file, len });
	if (sw == SW_OK)
		sw = update(reader, 0, CSN_BYTES_OF(empty));
	for (size_t at = 2; sw == SW_OK && at < len;) {
		const size_t n = len - at < reader->update_max ? len - at : reader->update_max;

		sw = update(reader, at, (struct csn_bytes){ reader->file + at, n });
		at += n;
	}
	return sw == SW_OK ? update(reader, 0, (struct csn_bytes){ reader->file, 2 }) : sw;
}

static int
write_part(struct reader *reader, const struct csn_t4t_part *part)
{
	size_t len;

	if (csn_t4t_put(part, reader->file, reader->inbox_cap, &len) < 0)
		return READER_TOO_BIG;
	const int sw = write_file(reader, len);
	if (sw != SW_OK)
		return sw < 0 ? sw : sw == SW_SPACE ? READER_TOO_BIG : READER_REFUSED;
	reader->parts++;
	reader->told_ack = part->ack;
	reader->told_next = part->next;
	return READER_MOVED;
}

static int
take(struct reader *reader, const struct csn_t4t_part *part, struct csn_bytes *ret_message)
{
	const uint32_t held = reader->in.held, name = reader->in.name;
	const int r = csn_t4t_take(&reader->in, part, ret_message);

	if (r == CSN_E_TOO_BIG)
		return READER_TOO_BIG;
	/* A part that does not follow: what we hold stands in our next record. */
	return r == CSN_OK && (held != reader->in.held || name != reader->in.name) ? READER_MOVED :
	                                                                             READER_IDLE;
}

/* A passive tag is a slip of paper: one record, whole, read back. */
static int
step_passive(struct reader *reader, struct csn_bytes *ret_message)
{
	struct csn_t4t_part part;

	if (reader->out.name == 0) {
		const int r = read_part(reader, reader->inbox, reader->inbox_cap, &part);
		return r == READER_MOVED ? take(reader, &part, ret_message) : r;
	}
	if (reader->written)
		return READER_IDLE;
	if (reader->read_only)
		return READER_REFUSED;
	reader->out.held = 0;
	part = csn_t4t_next(&reader->out, &reader->in, reader->inbox_cap);
	part.ack = part.next = 0;
	if (part.data.len != reader->out.message.len)
		return READER_TOO_BIG;
	int r = write_part(reader, &part);
	if (r != READER_MOVED)
		return r;
	r = read_part(reader, reader->inbox, reader->inbox_cap, &part);
	if (r != READER_MOVED)
		return r == READER_IDLE ? READER_REFUSED : r;
	reader->written = part.name == reader->out.name &&
			  part.data.len == reader->out.message.len &&
			  memcmp(part.data.ptr, reader->out.message.ptr, part.data.len) == 0;
	return reader->written ? READER_MOVED : READER_REFUSED;
}

/* Parts of one message, one after the other; the tag tells by its status what it took. */
static int
push(struct reader *reader)
{
	struct csn_t4t_part part;
	int r = READER_MOVED;

	do {
		part = csn_t4t_next(&reader->out, &reader->in, reader->inbox_cap);
		if (part.name == 0)
			break;
		r = write_part(reader, &part);
		if (r == READER_MOVED)
			reader->out.held += (uint32_t)part.data.len;
	} while (r == READER_MOVED);
	return r;
}

int
reader_step(struct reader *reader, struct csn_bytes *ret_message)
{
	struct csn_t4t_part part;
	bool moved;

	*ret_message = CSN_BYTES_NONE;
	if (reader->outbox == 0)
		return step_passive(reader, ret_message);
	int r = read_part(reader, reader->outbox, reader->outbox_cap, &part);
	if (r < 0)
		return r;
	if (r == READER_IDLE)
		part = (struct csn_t4t_part){ 0 };
	csn_t4t_acked(&reader->out, &part);
	r = take(reader, &part, ret_message);
	if (r < 0)
		return r;
	moved = r == READER_MOVED;
	part = csn_t4t_next(&reader->out, &reader->in, reader->inbox_cap);
	if (part.name != 0) {
		r = push(reader);
		return r < 0 ? r : READER_MOVED;
	}
	if (reader->in.name == reader->told_ack && reader->in.held == reader->told_next)
		return moved ? READER_MOVED : READER_IDLE;
	return write_part(reader, &part);
}
