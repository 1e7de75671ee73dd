/*
 * A byte line (UART, USB service port) made to carry whole messages: COBS frames with a
 * CRC-32C, fragments, acknowledgements and repeats.  Both ends run the same code.  Pure:
 * no allocation, no clock, no I/O.
 *
 * Before COBS a frame is, big endian:
 *
 *   0  kind    1 data, 2 acknowledgement, 3 greeting, 4 settled
 *   1  id      4 bytes: epoch (16 bits, random per start of the sender), counter (16 bits)
 *   5  index   data: from 0; acknowledgement: all below it are held
 *   7  total   data: 1 to 1024 fragments; acknowledgement, settled: the same
 *   9  data    data: 1 byte or more, equal in all fragments but the last, which may be
 *              shorter; acknowledgement: bits of what is held from index on, first is 0x80
 *   .. CRC-32C of all before
 *
 * A frame stands between zero bytes.  What is damaged, foreign or old is dropped; the
 * sender repeats what is not acknowledged.  A greeting (index 0, answered by one of index
 * 1) says that an end has started: the other one then says again what it is showing.
 * An acknowledgement of a whole message is answered by "settled": an end that is about to
 * leave says its last acknowledgement again until it hears that, or gives up.
 */
#ifndef CSN_LIB_LINE_H
#define CSN_LIB_LINE_H

#include <stdbool.h>

#include <countersign/types.h>

enum {
	CSN_LINE_FRAGMENTS = 1024,
	CSN_LINE_DATA_MIN  = 16,
	CSN_LINE_DATA_MAX  = 4096,
	CSN_LINE_RAW_MAX   = CSN_LINE_DATA_MAX + 13,
	/* One more byte in every 254, and a zero at each end. */
	CSN_LINE_FRAME_MAX = CSN_LINE_RAW_MAX + CSN_LINE_RAW_MAX / 254 + 3,
	CSN_LINE_WINDOW    = 16,
};

/* Writes @raw without a zero in it; 0 when @out is too small. */
size_t csn_cobs_encode(struct csn_bytes raw, uint8_t *out, size_t cap);
/* The other way, in place allowed; 0 when it is not COBS, empty or too long for @out. */
size_t csn_cobs_decode(struct csn_bytes coded, uint8_t *out, size_t cap);

struct csn_line_setup {
	uint32_t data_size; /* CSN_LINE_DATA_MIN to CSN_LINE_DATA_MAX          */
	uint32_t baud;      /* 10 bits a byte; only sets how long to wait      */
	uint16_t epoch;     /* random                                          */
	uint8_t *buf;       /* for the message that comes in                   */
	size_t   cap;
};

struct csn_line_out {
	struct csn_bytes message; /* borrowed until the next one or rest       */
	bool             sending; /* not acknowledged in full                  */
	uint32_t         id;
	uint32_t         total, held;
	uint32_t         order[CSN_LINE_FRAGMENTS];  /* of the last time sent; 0: never */
	uint64_t         due_ms[CSN_LINE_FRAGMENTS]; /* to be said again then  */
	uint8_t          acked[CSN_LINE_FRAGMENTS / 8];
};

struct csn_line_in {
	bool     used, over; /* over: held in full and handed out             */
	bool     settled;    /* the other end knows that it is over           */
	uint32_t id;
	uint32_t total, held, next;
	size_t   size, last_len;
	uint8_t  seen[CSN_LINE_FRAGMENTS / 8];
};

/* Counts for a person who asks why nothing comes. */
struct csn_line_count {
	uint32_t frames, bad, repeats, messages;
};

struct csn_line {
	struct csn_line_setup setup;
	struct csn_line_out   out;
	struct csn_line_in    in;
	struct csn_line_count count;
	uint16_t              counter;
	uint32_t              order;
	bool                  ack, heard, answer, settle;
	uint32_t              peer, before; /* epochs; over 65535: none      */
	uint64_t              greet_ms;
	size_t                raw_len;
	bool                  lost; /* the frame coming in is too long         */
	uint8_t               raw[CSN_LINE_FRAME_MAX];
};

int csn_line_init(struct csn_line *line, const struct csn_line_setup *setup);
/* The line was cut and joined again: greets, and says again what is shown. */
void csn_line_restart(struct csn_line *line);

/* Shows @message until the next one or rest; csn_line_sent() tells when it was carried. */
int csn_line_send(struct csn_line *line, struct csn_bytes message);
void csn_line_rest(struct csn_line *line);
bool csn_line_sent(const struct csn_line *line);

/*
 * Takes bytes in, up to the end of the first whole message; *ret_used of them.  Then
 * *ret_message is that message, valid until the next call, or empty.
 */
void csn_line_input(struct csn_line *line, struct csn_bytes bytes, size_t *ret_used,
                    struct csn_bytes *ret_message);

/* The next bytes to write, at most @cap (CSN_LINE_FRAME_MAX); 0: nothing is due. */
size_t csn_line_output(struct csn_line *line, uint64_t now_ms, uint8_t *out, size_t cap);
/* When output has something again, if nothing comes in; UINT64_MAX: never. */
uint64_t csn_line_wake(const struct csn_line *line);

/* Does the other end perhaps not know that its last message was taken in full? */
bool csn_line_owes(const struct csn_line *line);
/* Says that acknowledgement again. */
void csn_line_remind(struct csn_line *line);

#endif
