/*
 * An endless stream of packets that carries one object (an attachment of protocol.md,
 * already sealed) over a channel of messages, in any order, with any of them lost: codes
 * on a screen, most of all.
 *
 * Every packet describes itself and is authenticated:
 *
 *   offset size
 *        0    1  magic 0xc5
 *        1    1  version 1
 *        2    4  session, chosen by the sender, random
 *        6    4  total: length of the object, bytes
 *       10    2  symbol: bytes of data in every packet, a multiple of 3
 *       12    4  id: block x 2^20 + number within the block
 *       16    n  data, n = symbol
 *     16+n    8  HMAC-SHA256 of all before under the stream's key, cut
 *
 * A block holds K symbols, K at most CSN_STREAM_BLOCK_MAX.  Numbers below K are the
 * symbols themselves, the others are sums over GF(8), fountain.h, with factors drawn by the number.
 * The stream's key is derived from a secret that both sides have (the attachment's key)
 * and the session, so a packet made by a stranger is dropped before anything in it counts.
 */
#ifndef CHANNEL_CSN_STREAM_H
#define CHANNEL_CSN_STREAM_H

#include <countersign/types.h>

#include <stdbool.h>

enum {
	CSN_STREAM_PACKET_MAX = 7089, /* bytes: what the largest code on a screen carries */
	CSN_STREAM_HEADER     = 16,
	CSN_STREAM_TAG        = 8,
	CSN_STREAM_OVERHEAD   = CSN_STREAM_HEADER + CSN_STREAM_TAG,
	CSN_STREAM_BLOCK_MAX  = 1000, /* symbols a block */
	CSN_STREAM_BLOCKS_MAX = 4096, /* blocks an object */
	CSN_STREAM_SECRET_MIN = 16, /* bytes */
	CSN_STREAM_SECRET_MAX = 64,
};

/*
 * What a receiver may tell over a channel back, under the same key:
 *
 *   0 magic 0xc6, 1 version 1, 2 session 4, 6 have 4, 10 needed 4, 14 wish 1, 15 tag 8
 */
enum csn_stream_wish {
	CSN_WISH_NONE,
	CSN_WISH_SLOWER, /* packets are lost: show each for longer */
	CSN_WISH_LARGER, /* none is read at all: put less into each */
	CSN_WISH_DONE,   /* it is complete */
	CSN_WISH_COUNT
};

struct csn_stream_status {
	uint32_t             session; /* 0: none was heard yet */
	uint32_t             have, needed;
	enum csn_stream_wish wish;
};

enum { CSN_STREAM_STATUS = 23 };

/* CSN_E_INVALID: a secret of a wrong length. */
int csn_stream_status_make(struct csn_bytes secret, const struct csn_stream_status *status,
                           uint8_t ret_message[CSN_STREAM_STATUS]);
/* CSN_E_PROTOCOL: no status; CSN_E_REFUSED: not under this secret. */
int csn_stream_status_take(struct csn_bytes secret, struct csn_bytes message,
                           struct csn_stream_status *ret_status);

/* Sender ------------------------------------------------------------------ */

struct csn_sender;

struct csn_sender_options {
	struct csn_bytes secret;     /* borrowed for the call */
	uint32_t        session;
	size_t          packet_len; /* most bytes of a packet: what one code carries */
};

/*
 * @object is copied.  CSN_E_INVALID: a packet that carries no data or more than a code
 * can, a secret of a wrong length, an object of 0 bytes or session 0; CSN_E_TOO_BIG: an
 * object of more than 2^32 - 1 bytes or CSN_STREAM_BLOCKS_MAX blocks.
 */
int csn_sender_new(struct csn_bytes object, const struct csn_sender_options *options,
                  struct csn_sender **ret_sender);
void csn_sender_free(struct csn_sender *sender);

/*
 * Writes packet @number of the endless stream into @packet, as many bytes as
 * csn_sender_packet_len says: first all
 * symbols as they are, blocks interleaved, then sums for ever.
 * CSN_E_NOMEM is the only failure.
 */
int csn_sender_packet(struct csn_sender *sender, uint64_t number, uint8_t *packet);

/* Bytes of every packet: packet_len or up to two less. */
size_t csn_sender_packet_len(const struct csn_sender *sender);

/* Packets of one pass over the object, after which everything was shown once. */
uint64_t csn_sender_pass(const struct csn_sender *sender);

/* Receiver ---------------------------------------------------------------- */

struct csn_receiver;

struct csn_receiver_options {
	struct csn_bytes secret;     /* borrowed for the call */
	uint32_t        session;    /* the only one to take part in; 0: the first good one */
	size_t          object_len; /* known length; 0: what the first good packet says */
	size_t          object_max; /* largest object for which memory is given */
};

enum csn_packet { /* what a packet was; only the first two are good ones */
	CSN_PACKET_NEW,
	CSN_PACKET_KNOWN,   /* nothing new in it */
	CSN_PACKET_SYNTAX,  /* not one of our packets */
	CSN_PACKET_FORGED,  /* the tag is wrong */
	CSN_PACKET_SESSION, /* good, of another session: ignored */
	CSN_PACKET_BOUND,   /* good, but its lengths are over a bound or not the first one's */
	CSN_PACKET_COUNT
};

struct csn_progress {
	uint64_t needed;   /* packets that carry the whole object; 0: not known yet */
	uint64_t have;     /* of these, independent ones that came; never goes back */
	uint32_t session;
	size_t   object_len;
	size_t   blocks;
	size_t   blocks_done;
	uint64_t heard;  /* good packets of the session, */
	uint64_t missed; /* and those that were sent between them */
	uint64_t count[CSN_PACKET_COUNT];
	bool     complete;
};

int csn_receiver_new(const struct csn_receiver_options *options, struct csn_receiver **ret_receiver);
void csn_receiver_free(struct csn_receiver *receiver);

/* Takes a packet.  CSN_OK and what it was, or CSN_E_NOMEM and nothing changed. */
int csn_receiver_take(struct csn_receiver *receiver, struct csn_bytes packet, enum csn_packet *ret_was);

void csn_receiver_progress(const struct csn_receiver *receiver, struct csn_progress *ret_progress);

/*
 * The object's bytes that are known from @offset on without a gap, or without going
 * beyond a block, so that sealed chunks can be opened as they come.  Borrowed until the
 * receiver is freed; none are known: length 0.
 */
struct csn_bytes csn_receiver_read(const struct csn_receiver *receiver, size_t offset);

#endif
