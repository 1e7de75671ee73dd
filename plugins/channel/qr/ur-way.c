#include "ur-way.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

enum {
	STRANGERS_MAX = 12, /* parts of others before a message that does not come is given up */
	HEAD          = 3,  /* bytes that CBOR puts before a string of up to 65535 */
};

void
ur_way_done(struct ur_way *way)
{
	csn_ur_sender_free(way->out);
	csn_ur_receiver_free(way->in);
	free(way->text);
	memset(way, 0, sizeof *way);
}

int
ur_way_send(struct ur_way *way, struct csn_bytes message, size_t room, size_t *ret_codes,
            size_t *ret_payload)
{
	uint8_t *wrapped = malloc(HEAD + message.len);
	struct csn_ur_sender *out = NULL;
	size_t n = 0;

	if (wrapped == NULL)
		return CSN_E_NOMEM;
	wrapped[n++] = message.len < 24 ? (uint8_t)(0x40 + message.len) : message.len < 256 ? 0x58 : 0x59;
	if (message.len >= 256)
		wrapped[n++] = (uint8_t)(message.len >> 8);
	if (message.len >= 24)
		wrapped[n++] = (uint8_t)message.len;
	memcpy(wrapped + n, message.ptr, message.len);
	int r = csn_ur_sender_new("bytes", (struct csn_bytes){ wrapped, n + message.len }, room, &out);
	free(wrapped);
	if (r < 0)
		return r;
	char *text = malloc(csn_ur_sender_room(out));
	if (text == NULL) {
		csn_ur_sender_free(out);
		return CSN_E_NOMEM;
	}
	csn_ur_sender_free(way->out);
	free(way->text);
	way->out = out;
	way->text = text;
	*ret_codes = csn_ur_sender_count(out);
	/* All codes alike, whatever their numbers: as long as the longest may be. */
	*ret_payload = csn_ur_sender_count(out) == 1 ? csn_ur_sender_part(out, 1, text)
	                                             : csn_ur_sender_room(out) - 1;
	return CSN_OK;
}

int
ur_way_write(struct ur_way *way, size_t index, uint8_t *payload, size_t room, size_t *ret_len)
{
	size_t len = csn_ur_sender_part(way->out, (uint32_t)(index + 1), way->text);

	if (len > room)
		return CSN_E_TOO_BIG;
	for (size_t i = 0; i < len; i++) {
		char c = way->text[i];

		payload[i] = (uint8_t)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	*ret_len = len;
	return CSN_OK;
}

/* The bytes of a CBOR byte string and nothing else; empty when it is none. */
static struct csn_bytes
unwrap(struct csn_bytes in)
{
	const struct csn_bytes none = { NULL, 0 };
	size_t head = 1, len;

	if (in.len == 0 || in.ptr[0] < 0x40 || in.ptr[0] > 0x59)
		return none;
	len = in.ptr[0] - 0x40;
	if (len >= 24) {
		head = in.ptr[0] == 0x58 ? 2 : 3;
		if (in.len < head)
			return none;
		len = head == 2 ? in.ptr[1] : (size_t)in.ptr[1] << 8 | in.ptr[2];
	}
	return in.len == head + len ? (struct csn_bytes){ in.ptr + head, len } : none;
}

int
ur_way_take(struct ur_way *way, struct csn_bytes payload, struct csn_bytes *ret_message)
{
	const char *type = "";
	enum csn_ur_was was;

	*ret_message = CSN_BYTES_NONE;
	if (way->in == NULL && (way->in = csn_ur_receiver_new(MESSAGE_MAX + HEAD)) == NULL)
		return CSN_E_NOMEM;
	int r = csn_ur_receiver_take(way->in, payload, &was);
	if (r < 0)
		return r;
	struct csn_bytes whole = csn_ur_receiver_message(way->in, &type);
	if (was == CSN_UR_BOUND) {
		/* The next message, or one that a forged part has begun. */
		if (whole.len == 0 && ++way->strangers < STRANGERS_MAX)
			return CSN_OK;
		csn_ur_receiver_reset(way->in);
		r = csn_ur_receiver_take(way->in, payload, &was);
		whole = csn_ur_receiver_message(way->in, &type);
	}
	if (r < 0 || (was != CSN_UR_NEW && was != CSN_UR_KNOWN))
		return r;
	way->strangers = 0;
	if (whole.len > 0 && strcmp(type, "bytes") == 0)
		*ret_message = unwrap(whole);
	return CSN_OK;
}
