/*
 * The reader's side of lib/t4t.h: which APDUs to send, what their answers mean.  Talks to
 * the tag through a function only, so it runs against a reader, a test or a fuzzer.
 */
#ifndef CHANNEL_NFC_READER_H
#define CHANNEL_NFC_READER_H

#include "lib/t4t.h"

enum {
	READER_APDU_MAX     = 261,
	READER_RESPONSE_MAX = 258,
};

/*
 * One exchange: @response has READER_RESPONSE_MAX bytes, *ret_len of them came.  0, or
 * negative when the tag is out of reach.
 */
typedef int reader_transmit_fn(void *arg, struct csn_bytes command, uint8_t *response,
                               size_t *ret_len);

struct reader {
	reader_transmit_fn *transmit;
	void               *arg;
	uint32_t            chunk; /* most data bytes in one APDU               */

	/* what the tag that is there says of itself */
	uint16_t inbox, outbox; /* file numbers; outbox 0: a passive tag        */
	size_t   inbox_cap, outbox_cap, read_max, update_max;
	bool     read_only;

	struct csn_t4t_in  in;
	struct csn_t4t_out out;
	bool               written; /* a passive tag has the message             */
	uint32_t           told_ack, told_next; /* what the tag was told last    */
	uint32_t           parts, exchanges;
	uint8_t            file[CSN_T4T_FILE_MAX];
};

/* Which way a visit ended. */
enum reader_result {
	READER_IDLE     = 0, /* nothing moved                                   */
	READER_MOVED    = 1, /* a part went, or came                            */
	READER_GONE     = -1, /* the tag left the field                         */
	READER_NOT_OURS = -2, /* no Type 4 Tag that we can use                  */
	READER_REFUSED  = -3, /* the tag does not take what we write            */
	READER_TOO_BIG  = -4, /* the message is over the tag's or our room      */
};

/* Shows @message, borrowed; @name is random and not 0.  Empty bytes: nothing. */
void reader_send(struct reader *reader, struct csn_bytes message, uint32_t name);
bool reader_sent(const struct reader *reader);
/* A tag came: finds its files and where to go on. */
int reader_meet(struct reader *reader);
/* One part each way at most; *ret_message is what became whole, valid until the next. */
int reader_step(struct reader *reader, struct csn_bytes *ret_message);

#endif
