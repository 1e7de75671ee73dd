#include "device/tag.h"

enum {
	FILE_CC     = 0xe103,
	FILE_INBOX  = 0xe104,
	FILE_OUTBOX = 0xe105,
};

enum status {
	OK               = 0x9000,
	WRONG_LENGTH     = 0x6700,
	NOT_ALLOWED      = 0x6982, /* security status: a file that is read only */
	REFUSED          = 0x6985, /* a part that does not follow               */
	NO_FILE_SELECTED = 0x6986,
	BROKEN           = 0x6a80, /* an NDEF message that is none of ours      */
	NOT_FOUND        = 0x6a82,
	NO_SPACE         = 0x6a84,
	WRONG_OFFSET     = 0x6b00,
	NO_SUCH_COMMAND  = 0x6d00,
	NO_SUCH_CLASS    = 0x6e00,
};

static const uint8_t application[] = { 0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01 };

/* A command APDU of the short form, taken apart. */
struct apdu {
	uint8_t          ins, p1, p2;
	struct csn_bytes data;
	size_t           le;
};

static void
put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

int
csn_tag_init(struct csn_tag *tag, const struct csn_tag_setup *setup)
{
	uint8_t *cc = tag->cc;

	if (setup->file_cap < CSN_TAG_FILE_MIN || setup->file_cap > CSN_T4T_FILE_MAX ||
	    setup->inbox == NULL || setup->outbox == NULL || setup->buf == NULL ||
	    setup->buf_cap == 0 || setup->read_max < 15 || setup->read_max > 255 ||
	    setup->update_max < 13 || setup->update_max > 255)
		return CSN_E_INVALID;
	memset(tag, 0, sizeof *tag);
	tag->setup = *setup;
	tag->in = (struct csn_t4t_in){ .buf = setup->buf, .cap = setup->buf_cap };
	put16(setup->inbox, 0);
	put16(cc, CSN_TAG_CC_LEN);
	cc[2] = 0x20; /* mapping version 2.0 */
	put16(cc + 3, setup->read_max);
	put16(cc + 5, setup->update_max);
	for (size_t i = 0; i < 2; i++) { /* the NDEF file, a proprietary one */
		uint8_t *tlv = cc + 7 + 8 * i;

		tlv[0] = (uint8_t)(4 + i);
		tlv[1] = 6;
		put16(tlv + 2, FILE_INBOX + i);
		put16(tlv + 4, setup->file_cap);
		tlv[6] = 0;
		tlv[7] = i == 0 ? 0 : 0xff;
	}
	return CSN_OK;
}

void
csn_tag_leave(struct csn_tag *tag)
{
	tag->in_app = false;
	tag->file = 0;
	put16(tag->setup.inbox, 0);
}

void
csn_tag_send(struct csn_tag *tag, struct csn_bytes message, uint32_t name)
{
	tag->out = (struct csn_t4t_out){ .message = message, .name = message.len > 0 ? name : 0 };
}

bool
csn_tag_sent(const struct csn_tag *tag)
{
	return tag->out.name != 0 && tag->out.held == tag->out.message.len;
}

struct csn_bytes
csn_tag_take(struct csn_tag *tag)
{
	const struct csn_bytes message = tag->message;

	tag->message = CSN_BYTES_NONE;
	return message;
}

/* ---- commands ------------------------------------------------------------------------ */

static bool
parse(struct csn_bytes c, struct apdu *ret)
{
	struct apdu apdu = { .data = CSN_BYTES_NONE };

	if (c.len < 4)
		return false;
	apdu.ins = c.ptr[1];
	apdu.p1 = c.ptr[2];
	apdu.p2 = c.ptr[3];
	if (c.len == 5) {
		apdu.le = c.ptr[4] != 0 ? c.ptr[4] : 256;
	} else if (c.len > 5) {
		const size_t lc = c.ptr[4];

		if (lc == 0 || (c.len != 5 + lc && c.len != 6 + lc))
			return false;
		apdu.data = (struct csn_bytes){ c.ptr + 5, lc };
		if (c.len == 6 + lc)
			apdu.le = c.ptr[5 + lc] != 0 ? c.ptr[5 + lc] : 256;
	}
	*ret = apdu;
	return true;
}

/* What a reader sees of the outbox stays as it is until it selects it again. */
static void
render(struct csn_tag *tag)
{
	const struct csn_t4t_part part = csn_t4t_next(&tag->out, &tag->in, tag->setup.file_cap);

	if (csn_t4t_put(&part, tag->setup.outbox, tag->setup.file_cap, &tag->outbox_len) == CSN_OK)
		return;
	put16(tag->setup.outbox, 0);
	tag->outbox_len = 2;
}

static enum status
select_file(struct csn_tag *tag, const struct apdu *apdu)
{
	if (apdu->p1 == 4) {
		tag->file = 0;
		tag->in_app = apdu->data.len == sizeof application &&
			      memcmp(apdu->data.ptr, application, sizeof application) == 0;
		return tag->in_app ? OK : NOT_FOUND;
	}
	if (apdu->p1 != 0 || apdu->data.len != 2 || !tag->in_app)
		return NOT_FOUND;
	const unsigned number = (unsigned)apdu->data.ptr[0] << 8 | apdu->data.ptr[1];
	if (number < FILE_CC || number > FILE_OUTBOX)
		return NOT_FOUND;
	tag->file = (uint16_t)number;
	if (number == FILE_OUTBOX)
		render(tag);
	return OK;
}

/* What is behind the record in a file reads as zeros. */
static struct csn_bytes
content(const struct csn_tag *tag, size_t *ret_size)
{
	const struct csn_tag_setup *setup = &tag->setup;

	*ret_size = tag->file == FILE_CC ? CSN_TAG_CC_LEN : setup->file_cap;
	if (tag->file == FILE_CC)
		return CSN_BYTES_OF(tag->cc);
	if (tag->file == FILE_OUTBOX)
		return (struct csn_bytes){ setup->outbox, tag->outbox_len };
	/* Its length may be half written. */
	const size_t len = 2 + ((size_t)setup->inbox[0] << 8 | setup->inbox[1]);
	return (struct csn_bytes){ setup->inbox, len < setup->file_cap ? len : setup->file_cap };
}

static enum status
read_binary(const struct csn_tag *tag, const struct apdu *apdu, uint8_t *response,
            size_t *ret_len)
{
	const size_t offset = (size_t)apdu->p1 << 8 | apdu->p2;
	size_t size, n = apdu->le < tag->setup.read_max ? apdu->le : tag->setup.read_max;

	if (tag->file == 0)
		return NO_FILE_SELECTED;
	if (apdu->data.len > 0 || apdu->le == 0)
		return WRONG_LENGTH;
	const struct csn_bytes file = content(tag, &size);
	if (offset >= size)
		return WRONG_OFFSET;
	n = n < size - offset ? n : size - offset;
	memset(response, 0, n);
	if (offset < file.len)
		memcpy(response, file.ptr + offset, n < file.len - offset ? n : file.len - offset);
	*ret_len = n;
	return OK;
}

/* A record stands whole in the inbox. */
static enum status
take_part(struct csn_tag *tag, size_t len)
{
	struct csn_t4t_part part;
	struct csn_bytes message;

	if (csn_t4t_get((struct csn_bytes){ tag->setup.inbox, 2 + len }, &part) < 0)
		return BROKEN;
	csn_t4t_acked(&tag->out, &part);
	const int r = csn_t4t_take(&tag->in, &part, &message);
	if (message.len > 0)
		tag->message = message;
	return r == CSN_OK ? OK : r == CSN_E_TOO_BIG ? NO_SPACE : REFUSED;
}

static enum status
update_binary(struct csn_tag *tag, const struct apdu *apdu)
{
	const size_t offset = (size_t)apdu->p1 << 8 | apdu->p2;
	uint8_t *inbox = tag->setup.inbox;

	if (tag->file == 0)
		return NO_FILE_SELECTED;
	if (tag->file != FILE_INBOX)
		return NOT_ALLOWED;
	if (apdu->data.len == 0 || apdu->data.len > tag->setup.update_max)
		return WRONG_LENGTH;
	if (offset > tag->setup.file_cap || apdu->data.len > tag->setup.file_cap - offset)
		return NO_SPACE;
	memcpy(inbox + offset, apdu->data.ptr, apdu->data.len);
	if (offset > 0 || apdu->data.len < 2)
		return OK;
	const size_t len = (size_t)inbox[0] << 8 | inbox[1];
	if (len > tag->setup.file_cap - 2) {
		put16(inbox, 0);
		return NO_SPACE;
	}
	return len == 0 ? OK : take_part(tag, len);
}

void
csn_tag_apdu(struct csn_tag *tag, struct csn_bytes command, uint8_t *response, size_t *ret_len)
{
	enum status status = WRONG_LENGTH;
	struct apdu apdu;
	size_t len = 0;

	if (command.len > 0 && command.ptr[0] != 0)
		status = NO_SUCH_CLASS;
	else if (parse(command, &apdu))
		status = apdu.ins == 0xa4 ? select_file(tag, &apdu) :
			 apdu.ins == 0xb0 ? read_binary(tag, &apdu, response, &len) :
			 apdu.ins == 0xd6 ? update_binary(tag, &apdu) :
					    NO_SUCH_COMMAND;
	put16(response + len, status);
	*ret_len = len + 2;
}
