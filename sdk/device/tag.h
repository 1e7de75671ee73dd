/*
 * A device that plays an NFC Forum Type 4 Tag: answers command APDUs, so that firmware
 * behind a card-emulating chip has only to pass them on.  No allocation, no I/O, no
 * clock; lib/t4t.h says how messages travel in the tag's two files.
 */
#ifndef CSN_DEVICE_TAG_H
#define CSN_DEVICE_TAG_H

#include "lib/t4t.h"

enum {
	CSN_TAG_CC_LEN       = 23,
	CSN_TAG_RESPONSE_MAX = 258,
	CSN_TAG_FILE_MIN     = 128,
};

/* All memory is the caller's and stays borrowed. */
struct csn_tag_setup {
	uint8_t *inbox, *outbox; /* the two files                               */
	size_t   file_cap;       /* of each, CSN_TAG_FILE_MIN to CSN_T4T_FILE_MAX */
	uint8_t *buf;            /* for the message that comes in               */
	size_t   buf_cap;
	uint16_t read_max, update_max; /* MLe and MLc: 15 and 13, to 255        */
};

struct csn_tag {
	struct csn_tag_setup setup;
	uint8_t              cc[CSN_TAG_CC_LEN];
	bool                 in_app;
	uint16_t             file; /* selected; 0: none                         */
	size_t               outbox_len;
	struct csn_t4t_in    in;
	struct csn_t4t_out   out;
	struct csn_bytes     message; /* came, not taken yet                    */
};

int csn_tag_init(struct csn_tag *tag, const struct csn_tag_setup *setup);
/* The field went: the next reader starts with SELECT.  Messages under way are kept. */
void csn_tag_leave(struct csn_tag *tag);

/* Answers one command APDU; @response has room for CSN_TAG_RESPONSE_MAX bytes. */
void csn_tag_apdu(struct csn_tag *tag, struct csn_bytes command, uint8_t *response,
                  size_t *ret_len);

/*
 * Shows @message, borrowed until the next one or empty bytes.  @name is random, not 0,
 * and another one for each message.
 */
void csn_tag_send(struct csn_tag *tag, struct csn_bytes message, uint32_t name);
/* Has a reader taken all of it? */
bool csn_tag_sent(const struct csn_tag *tag);
/* The message that came since the last call, valid until the next APDU; or empty. */
struct csn_bytes csn_tag_take(struct csn_tag *tag);

#endif
