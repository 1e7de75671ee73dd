#include "message.h"

#include "lib/csgn1.h"

#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)

/* ---- names ------------------------------------------------------------- */

static bool
is_array(uint8_t byte)
{
	return byte >= 0x80 && byte <= 0x97;
}

/*
 * The session id is the first byte string of 16 bytes, after nothing but array heads and
 * small numbers: [1, [1, suite, mode, sid, ...], [5, [1, suite, sid, ... or [3, sid, ...
 */
static bool
find_sid(struct csn_bytes m, struct message_name *ret_name)
{
	const size_t far = 8;

	if (m.len < 2 || !is_array(m.ptr[0]) || csn_msg_max(m.ptr[1]) == 0)
		return false;
	for (size_t i = 2; i < far && i + 17 <= m.len; i++) {
		if (m.ptr[i] == 0x50) {
			ret_name->msg = m.ptr[1];
			memcpy(ret_name->sid4, m.ptr + i + 1, sizeof ret_name->sid4);
			return true;
		}
		if (!is_array(m.ptr[i]) && m.ptr[i] > 0x17)
			return false;
	}
	return false;
}

void
message_name(struct csn_bytes message, struct message_name *ret_name)
{
	if (message.len == CSN_M2_LEN && message.ptr[0] == CSN_M2) {
		ret_name->msg = CSN_M2;
		memcpy(ret_name->sid4, message.ptr + 1, sizeof ret_name->sid4);
		return;
	}
	if (find_sid(message, ret_name))
		return;
	const uint32_t crc = csn_crc32c(message);
	ret_name->msg = CSN_M1;
	for (size_t i = 0; i < sizeof ret_name->sid4; i++)
		ret_name->sid4[i] = (uint8_t)(crc >> (24 - 8 * i));
}

static bool
same_name(const struct message_name *a, const struct message_name *b)
{
	return a->msg == b->msg && memcmp(a->sid4, b->sid4, sizeof a->sid4) == 0;
}

/* ---- cutting ----------------------------------------------------------- */

int
message_cut(struct csn_bytes message, size_t room, struct message_cut *ret_cut)
{
	struct csn_frag frag;
	const int r = csn_frag_parse(message, &frag);

	if (message.len <= room && (r == CSN_CODE_FRAME_SYNTAX || r == CSN_CODE_FRAME_CRC)) {
		*ret_cut = (struct message_cut){ 1, 0, message.len };
		return CSN_OK;
	}
	if (room <= CSN_FRAG_OVERHEAD)
		return CSN_E_TOO_BIG;
	const size_t codes = csn_frag_count(message.len, room - CSN_FRAG_OVERHEAD);
	if (codes == 0)
		return CSN_E_TOO_BIG;
	/* As small as so many codes can be: smaller codes are easier to read. */
	const size_t data = (message.len + codes - 1) / codes;
	*ret_cut = (struct message_cut){ csn_frag_count(message.len, data), data,
		                         data + CSN_FRAG_OVERHEAD };
	return CSN_OK;
}

/* ---- what is in view --------------------------------------------------- */

static void
forget(struct inbox_recent *recent)
{
	if (recent->bytes != NULL)
		csn_wipe(recent->bytes, recent->len);
	free(recent->bytes);
	*recent = (struct inbox_recent){ 0 };
}

static bool
in_view(const struct inbox_recent *recent, uint64_t time_ns)
{
	return recent->bytes != NULL &&
	       (time_ns < recent->seen_ns ||
	        time_ns - recent->seen_ns < INBOX_FORGET_S * SECOND_NS);
}

/* Is it a message, or a part of one, that was delivered and never left the view? */
static bool
is_known(struct inbox *inbox, struct csn_bytes message, uint64_t time_ns)
{
	for (size_t i = 0; i < INBOX_RECENT; i++) {
		struct inbox_recent *recent = &inbox->recent[i];
		if (in_view(recent, time_ns) && recent->len == message.len &&
		    memcmp(recent->bytes, message.ptr, message.len) == 0) {
			recent->seen_ns = time_ns;
			return true;
		}
	}
	return false;
}

static bool
is_part(const struct inbox_recent *recent, const struct csn_frag *frag)
{
	const bool last = frag->index + 1 == frag->total;
	const size_t at = last ? recent->len - frag->data.len : frag->index * frag->data.len;

	return frag->data.len <= recent->len && at <= recent->len - frag->data.len &&
	       memcmp(recent->bytes + at, frag->data.ptr, frag->data.len) == 0;
}

static bool
is_known_part(struct inbox *inbox, const struct csn_frag *frag, uint64_t time_ns)
{
	struct message_name name = { .msg = frag->msg };

	memcpy(name.sid4, frag->sid4, sizeof name.sid4);
	for (size_t i = 0; i < INBOX_RECENT; i++) {
		struct inbox_recent *recent = &inbox->recent[i];
		if (in_view(recent, time_ns) && same_name(&recent->name, &name) &&
		    is_part(recent, frag)) {
			recent->seen_ns = time_ns;
			return true;
		}
	}
	return false;
}

/* Keeps @message in the place of the one seen longest ago; borrowed from there. */
static int
remember(struct inbox *inbox, struct csn_bytes message, uint64_t time_ns,
         struct csn_bytes *ret_message)
{
	struct inbox_recent *place = &inbox->recent[0];
	uint8_t *bytes = malloc(message.len);

	if (bytes == NULL)
		return CSN_E_NOMEM;
	for (size_t i = 1; i < INBOX_RECENT && place->bytes != NULL; i++)
		if (inbox->recent[i].bytes == NULL ||
		    inbox->recent[i].seen_ns < place->seen_ns)
			place = &inbox->recent[i];
	memcpy(bytes, message.ptr, message.len);
	forget(place);
	place->bytes   = bytes;
	place->len     = message.len;
	place->seen_ns = time_ns;
	message_name(message, &place->name);
	*ret_message = (struct csn_bytes){ bytes, message.len };
	return CSN_OK;
}

/* ---- assembly ---------------------------------------------------------- */

static void
drop_join(struct inbox_join *join)
{
	if (join->memory != NULL)
		csn_frag_join_reset(&join->join);
	join->news_ns = 0;
}

static bool
is_stale(const struct inbox_join *join, uint64_t time_ns)
{
	return time_ns > join->news_ns &&
	       time_ns - join->news_ns > INBOX_STALE_S * SECOND_NS;
}

/* The assembly @frag belongs to, or the place for a new one: the one longest unchanged. */
static struct inbox_join *
find_join(struct inbox *inbox, const struct csn_frag *frag, uint64_t time_ns)
{
	struct inbox_join *place = &inbox->joins[0];

	for (size_t i = 0; i < INBOX_JOINS; i++) {
		struct inbox_join *join = &inbox->joins[i];
		if (join->join.used && is_stale(join, time_ns))
			drop_join(join);
		if (join->join.used && csn_frag_join_is(&join->join, frag))
			return join;
		if (join->news_ns < place->news_ns)
			place = join;
	}
	drop_join(place);
	if (place->memory == NULL) {
		place->memory = malloc(MESSAGE_MAX);
		if (place->memory == NULL)
			return NULL;
		csn_frag_join_init(&place->join, place->memory, MESSAGE_MAX);
	}
	return place;
}

static void
refuse(struct inbox *inbox, int code)
{
	inbox->refused++;
	inbox->code = code;
}

/* A whole message under another's name is not one. */
static bool
is_named(const struct inbox_join *join, struct csn_bytes message)
{
	struct message_name name, claimed = { .msg = join->join.msg };

	memcpy(claimed.sid4, join->join.sid4, sizeof claimed.sid4);
	message_name(message, &name);
	return same_name(&name, &claimed);
}

static int
take_fragment(struct inbox *inbox, const struct csn_frag *frag, uint64_t time_ns,
              struct csn_bytes *ret_message)
{
	bool done = false;
	int r = CSN_OK;

	if (is_known_part(inbox, frag, time_ns))
		return CSN_OK;
	struct inbox_join *join = find_join(inbox, frag, time_ns);
	if (join == NULL)
		return CSN_E_NOMEM;
	const uint16_t before = join->join.held;
	const int code = csn_frag_join_add(&join->join, frag, &done);
	if (code != 0) {
		refuse(inbox, code);
		return CSN_OK;
	}
	if (join->join.held != before)
		join->news_ns = time_ns;
	inbox->held  = join->join.held;
	inbox->total = join->join.total;
	if (!done)
		return CSN_OK;
	const struct csn_bytes message = csn_frag_join_message(&join->join);
	if (!is_named(join, message))
		refuse(inbox, CSN_CODE_FRAME_MIX);
	else if (!is_known(inbox, message, time_ns))
		r = remember(inbox, message, time_ns, ret_message);
	drop_join(join);
	return r;
}

int
inbox_take(struct inbox *inbox, struct csn_bytes payload, uint64_t time_ns,
           struct csn_bytes *ret_message)
{
	struct csn_frag frag;

	*ret_message = CSN_BYTES_NONE;
	if (payload.len == 0 || payload.len > MESSAGE_MAX)
		return CSN_OK;
	const int r = csn_frag_parse(payload, &frag);
	if (r == CSN_CODE_FRAME_CAP) {
		refuse(inbox, r);
		return CSN_OK;
	}
	if (r == 0)
		return take_fragment(inbox, &frag, time_ns, ret_message);
	return inbox_whole(inbox, payload, time_ns, ret_message);
}

int
inbox_whole(struct inbox *inbox, struct csn_bytes message, uint64_t time_ns,
            struct csn_bytes *ret_message)
{
	*ret_message = CSN_BYTES_NONE;
	if (is_known(inbox, message, time_ns))
		return CSN_OK;
	return remember(inbox, message, time_ns, ret_message);
}

void
inbox_done(struct inbox *inbox)
{
	for (size_t i = 0; i < INBOX_JOINS; i++) {
		drop_join(&inbox->joins[i]);
		free(inbox->joins[i].memory);
	}
	for (size_t i = 0; i < INBOX_RECENT; i++)
		forget(&inbox->recent[i]);
	*inbox = (struct inbox){ 0 };
}
