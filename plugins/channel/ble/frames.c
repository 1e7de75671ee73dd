#include "frames.h"

#include "lib/csgn1.h"

enum {
	ATT_HEAD = 3, /* of a write command or a notification                    */
	SID_LOOK = 9, /* a session id starts before this                         */
};

size_t
ble_value_len(uint32_t mtu)
{
	const size_t len = mtu < BLE_VALUE_MIN + ATT_HEAD ? BLE_VALUE_MIN : mtu - ATT_HEAD;

	return len < BLE_VALUE_MAX ? len : BLE_VALUE_MAX;
}

/*
 * All messages but M2 are arrays that start with their number; the session id is their
 * first byte string, 16 bytes, behind small numbers and nested array heads only.
 */
static const uint8_t *
session_of(struct csn_bytes message)
{
	for (size_t at = 2; at < SID_LOOK && at + 17 <= message.len; at++) {
		const uint8_t head = message.ptr[at];

		if (head == 0x50)
			return message.ptr + at + 1;
		if (head >= 0x18 && (head < 0x80 || head > 0x97))
			return NULL;
	}
	return NULL;
}

void
ble_name(struct csn_bytes message, uint8_t ret_sid4[4], unsigned *ret_msg)
{
	const uint8_t *sid = NULL;

	/* What is none of the protocol's goes under a number that lets it be as long. */
	*ret_msg = message.len > CSN_MSG_MAX ? CSN_M0B : CSN_M8;
	if (message.len == 41 && message.ptr[0] == CSN_M2) {
		*ret_msg = CSN_M2;
		sid = message.ptr + 1;
	} else if (message.len > 2 && message.ptr[0] >> 5 == 4 && message.ptr[1] >= CSN_M1 &&
	           message.ptr[1] < CSN_M8 && message.ptr[1] != CSN_M2) {
		sid = session_of(message);
		if (sid != NULL)
			*ret_msg = message.ptr[1];
	}
	if (sid != NULL) {
		memcpy(ret_sid4, sid, 4);
		return;
	}
	const uint32_t crc = csn_crc32c(message);
	for (size_t i = 0; i < 4; i++)
		ret_sid4[i] = (uint8_t)(crc >> (24 - 8 * i));
}

int
ble_fits(struct csn_bytes message, size_t value_len)
{
	uint8_t sid4[4];
	unsigned msg;

	ble_name(message, sid4, &msg);
	if (message.len == 0 || message.len > csn_msg_max(msg) ||
	    csn_frag_count(message.len, value_len - CSN_FRAG_OVERHEAD) == 0)
		return CSN_E_TOO_BIG;
	return CSN_OK;
}

size_t
ble_value(struct csn_bytes message, size_t value_len, size_t index, uint8_t out[BLE_VALUE_MAX])
{
	const size_t data = value_len - CSN_FRAG_OVERHEAD;
	uint8_t sid4[4];
	unsigned msg;
	size_t len;

	ble_name(message, sid4, &msg);
	if (index >= csn_frag_count(message.len, data) ||
	    csn_frag_make(message, sid4, msg, data, index, out, BLE_VALUE_MAX, &len) != CSN_OK)
		return 0;
	return len;
}

void
ble_greeting(uint32_t mtu, uint8_t out[BLE_GREETING])
{
	out[0] = 0;
	out[1] = (uint8_t)(mtu >> 8);
	out[2] = (uint8_t)mtu;
}

uint32_t
ble_greeted(struct csn_bytes value)
{
	if (value.len != BLE_GREETING || value.ptr[0] != 0)
		return 0;
	const uint32_t mtu = (uint32_t)value.ptr[1] << 8 | value.ptr[2];
	return mtu != 0 ? mtu : BLE_VALUE_MIN + ATT_HEAD;
}

void
ble_in_init(struct ble_in *in, uint8_t *buf)
{
	memset(in, 0, sizeof *in);
	for (size_t i = 0; i < BLE_JOINS; i++)
		csn_frag_join_init(&in->joins[i], buf + i * BLE_MESSAGE_MAX, BLE_MESSAGE_MAX);
}

/* The message the fragment belongs to, or the place of the one that is idle longest. */
static struct csn_frag_join *
place(struct ble_in *in, const struct csn_frag *frag)
{
	size_t at = 0;

	for (size_t i = 0; i < BLE_JOINS; i++)
		if (in->joins[i].used && csn_frag_join_is(&in->joins[i], frag)) {
			in->used[i] = in->values;
			return &in->joins[i];
		}
	for (size_t i = 1; i < BLE_JOINS; i++)
		if (in->used[i] < in->used[at])
			at = i;
	csn_frag_join_reset(&in->joins[at]);
	in->used[at] = in->values;
	return &in->joins[at];
}

struct csn_bytes
ble_take(struct ble_in *in, struct csn_bytes value)
{
	struct csn_frag_join *join;
	struct csn_frag frag;
	uint8_t sid4[4];
	unsigned msg;
	bool done = false;

	in->values++;
	if (csn_frag_parse(value, &frag) != CSN_OK) {
		in->bad++;
		return CSN_BYTES_NONE;
	}
	join = place(in, &frag);
	/* Whole and handed out: the same again is another time. */
	if (csn_frag_join_message(join).len > 0)
		csn_frag_join_reset(join);
	/* What does not fit the half that is there begins anew: a peer may have restarted. */
	if (csn_frag_join_add(join, &frag, &done) != CSN_OK) {
		csn_frag_join_reset(join);
		if (csn_frag_join_add(join, &frag, &done) != CSN_OK) {
			in->bad++;
			return CSN_BYTES_NONE;
		}
	}
	if (!done)
		return CSN_BYTES_NONE;
	const struct csn_bytes message = csn_frag_join_message(join);
	ble_name(message, sid4, &msg);
	if (msg != frag.msg || memcmp(sid4, frag.sid4, sizeof sid4) != 0) {
		in->bad++;
		return CSN_BYTES_NONE;
	}
	in->messages++;
	return message;
}
