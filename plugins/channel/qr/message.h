/*
 * Between messages and codes.  A message that fits one code is that code's payload, as
 * it is; a longer one is cut into the fragments of protocol.md section 12.
 *
 * A payload is a fragment when its last four bytes are the CRC-32C of all before and its
 * head makes sense; anything else is a whole message.  A message that would be taken for
 * a fragment is sent as one fragment, so there is no doubt on any wire.
 *
 * A fragment carries a name: the first four bytes of the session id and the number of
 * the message.  Messages of CSGN/1 have both near their front, where message_name finds
 * them; any other message is named by its own CRC-32C and number 1.
 *
 * Pure.
 */
#ifndef CHANNEL_QR_MESSAGE_H
#define CHANNEL_QR_MESSAGE_H

#include "lib/frag.h"

#include <countersign/types.h>

enum {
	MESSAGE_MAX    = 40960,
	INBOX_JOINS    = 4, /* messages under assembly at once                */
	INBOX_RECENT   = 12, /* messages known to be still in view: two grids  */
	INBOX_STALE_S  = 60, /* an assembly without news is given up          */
	INBOX_FORGET_S = 5,  /* a message out of view this long is new again  */
};

struct message_name {
	uint8_t  sid4[4];
	unsigned msg;
};

void message_name(struct csn_bytes message, struct message_name *ret_name);

/* How a message goes into codes of at most @room bytes. */
struct message_cut {
	size_t codes;
	size_t data; /* message bytes in all but the last; 0: the raw message */
	size_t payload; /* bytes of the largest code                          */
};

/* CSN_E_TOO_BIG when @room is too small for 1024 fragments. */
int message_cut(struct csn_bytes message, size_t room, struct message_cut *ret_cut);

struct inbox_join {
	struct csn_frag_join join;
	uint8_t             *memory; /* of MESSAGE_MAX bytes, or NULL          */
	uint64_t             news_ns;
};

struct inbox_recent {
	uint8_t            *bytes; /* NULL: none                              */
	size_t              len;
	struct message_name name;
	uint64_t            seen_ns;
};

/* What came together so far.  Zeroed it is empty. */
struct inbox {
	struct inbox_join   joins[INBOX_JOINS];
	struct inbox_recent recent[INBOX_RECENT];
	uint32_t            refused; /* fragments dropped                     */
	int                 code;    /* 301 to 304, of the last one dropped   */
	uint16_t            held, total; /* of the assembly that had news last */
};

void inbox_done(struct inbox *inbox);

/*
 * Takes a code's payload seen at @time_ns.  CSN_OK and the whole message, borrowed until
 * the next call, or empty bytes when there is none or it is still in view from before.
 */
int inbox_take(struct inbox *inbox, struct csn_bytes payload, uint64_t time_ns,
               struct csn_bytes *ret_message);

/* The same for a message that came whole in some other way. */
int inbox_whole(struct inbox *inbox, struct csn_bytes message, uint64_t time_ns,
                struct csn_bytes *ret_message);

#endif
