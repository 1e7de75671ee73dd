/*
 * Messages through an NFC Forum Type 4 Tag: what both the reader and the tag must agree
 * on.  Pure.
 *
 * The tag has its NDEF file, written by the reader ("inbox"), and, where a device plays
 * the tag, a second file of the same form that only the device writes ("outbox", the
 * first proprietary file in the capability container).  Each holds one NDEF record, of the
 * external type "countersign.org:m1", whose payload is one part, big endian:
 *
 *   0  version  1
 *   1  ack      4 bytes: the name of the other side's message that is held, or 0
 *   5  next     4 bytes: how many bytes of it are held
 *   9  name     4 bytes: random name of the message this part belongs to; 0: no message
 *  13  total    4 bytes: length of that message
 *  17  offset   4 bytes: where the data belongs
 *  21  data
 *  ..  CRC-32C of all before
 *
 * A message goes part after part.  What was held stays held while the tag is out of the
 * field: whoever sends looks at ack and next, and goes on from there.
 */
#ifndef CSN_LIB_T4T_H
#define CSN_LIB_T4T_H

#include <stdbool.h>

#include <countersign/types.h>

enum {
	CSN_T4T_HEAD   = 21,
	CSN_T4T_CRC    = 4,
	CSN_T4T_TYPE   = 18,                   /* "countersign.org:m1"          */
	CSN_T4T_RECORD = 2 + 6 + CSN_T4T_TYPE, /* NLEN, record header, type     */
	CSN_T4T_AROUND = CSN_T4T_RECORD + CSN_T4T_HEAD + CSN_T4T_CRC,
	CSN_T4T_FILE_MAX = 0x7fff, /* the last offset a short APDU can name     */
};

struct csn_t4t_part {
	uint32_t         ack, next;
	uint32_t         name, total, offset;
	struct csn_bytes data; /* borrowed                                      */
};

/* A file of NLEN and one record; *ret_len bytes.  CSN_E_TOO_BIG over @cap. */
int csn_t4t_put(const struct csn_t4t_part *part, uint8_t *file, size_t cap, size_t *ret_len);
/* CSN_E_MISSING: NLEN is 0 or the record is another's; CSN_E_PROTOCOL: it is broken. */
int csn_t4t_get(struct csn_bytes file, struct csn_t4t_part *ret_part);

/* A message coming in, in the caller's memory. */
struct csn_t4t_in {
	uint8_t *buf;
	size_t   cap;
	uint32_t name, total, held; /* name 0: nothing yet                      */
	bool     over;              /* whole, and handed out                    */
};

/*
 * Takes a part in.  CSN_OK, and *ret_message when it made the message whole; a part that
 * is held already is fine.  CSN_E_PROTOCOL for one that does not follow, CSN_E_TOO_BIG
 * for a message over the room.
 */
int csn_t4t_take(struct csn_t4t_in *in, const struct csn_t4t_part *part,
                 struct csn_bytes *ret_message);

/* A message going out. */
struct csn_t4t_out {
	struct csn_bytes message; /* borrowed                                   */
	uint32_t         name;    /* 0: none                                    */
	uint32_t         held;    /* by the other side                          */
};

/* What the other side says it holds. */
void csn_t4t_acked(struct csn_t4t_out *out, const struct csn_t4t_part *part);
/* The next part that fits a file of @file_cap bytes; name 0 when nothing is left. */
struct csn_t4t_part csn_t4t_next(const struct csn_t4t_out *out, const struct csn_t4t_in *in,
                                 size_t file_cap);

#endif
