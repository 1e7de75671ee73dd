/*
 * An animated stream of codes that carries one object (an attachment of protocol.md,
 * already sealed) through a loop of pictures, in any order, with any of them lost.
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
 * A block holds K symbols, K at most QR_STREAM_BLOCK_MAX.  Numbers below K are the
 * symbols themselves, the others are sums over GF(8), fountain.h, with factors drawn by the number.
 * The stream's key is derived from a secret that both sides have (the attachment's key)
 * and the session, so a packet made by a stranger is dropped before anything in it counts.
 */
#ifndef CHANNEL_QR_STREAM_H
#define CHANNEL_QR_STREAM_H

#include "qr.h"

enum {
	QR_STREAM_HEADER     = 16,
	QR_STREAM_TAG        = 8,
	QR_STREAM_OVERHEAD   = QR_STREAM_HEADER + QR_STREAM_TAG,
	QR_STREAM_BLOCK_MAX  = 1000, /* symbols a block */
	QR_STREAM_BLOCKS_MAX = 4096, /* blocks an object */
	QR_STREAM_SECRET_MIN = 16, /* bytes */
	QR_STREAM_SECRET_MAX = 64,
};

/* Sender ------------------------------------------------------------------ */

struct qr_sender;

struct qr_sender_options {
	struct qr_bytes secret;     /* borrowed for the call */
	uint32_t        session;
	size_t          packet_len; /* most bytes of a packet: what one code carries */
};

/*
 * @object is copied.  QR_E_INVALID: a packet that carries no data or more than a code
 * can, a secret of a wrong length, an object of 0 bytes or session 0; QR_E_TOO_BIG: an
 * object of more than 2^32 - 1 bytes or QR_STREAM_BLOCKS_MAX blocks.
 */
int qr_sender_new(struct qr_bytes object, const struct qr_sender_options *options,
                  struct qr_sender **ret_sender);
void qr_sender_free(struct qr_sender *sender);

/*
 * Writes packet @number of the endless stream into @packet, as many bytes as
 * qr_sender_packet_len says: first all
 * symbols as they are, blocks interleaved, then sums for ever.
 * QR_E_NOMEM is the only failure.
 */
int qr_sender_packet(struct qr_sender *sender, uint64_t number, uint8_t *packet);

/* Bytes of every packet: packet_len or up to two less. */
size_t qr_sender_packet_len(const struct qr_sender *sender);

/* Packets of one pass over the object, after which everything was shown once. */
uint64_t qr_sender_pass(const struct qr_sender *sender);

/* Receiver ---------------------------------------------------------------- */

struct qr_receiver;

struct qr_receiver_options {
	struct qr_bytes secret;     /* borrowed for the call */
	uint32_t        session;    /* the only one to take part in; 0: the first good one */
	size_t          object_len; /* known length; 0: what the first good packet says */
	size_t          object_max; /* largest object for which memory is given */
};

enum qr_packet { /* what a packet was; only the first two are good ones */
	QR_PACKET_NEW,
	QR_PACKET_KNOWN,   /* nothing new in it */
	QR_PACKET_SYNTAX,  /* not one of our packets */
	QR_PACKET_FORGED,  /* the tag is wrong */
	QR_PACKET_SESSION, /* good, of another session: ignored */
	QR_PACKET_BOUND,   /* good, but its lengths are over a bound or not the first one's */
	QR_PACKET_COUNT
};

struct qr_progress {
	uint64_t needed;   /* packets that carry the whole object; 0: not known yet */
	uint64_t have;     /* of these, independent ones that came; never goes back */
	uint32_t session;
	size_t   object_len;
	size_t   blocks;
	size_t   blocks_done;
	uint64_t count[QR_PACKET_COUNT];
	bool     complete;
};

int qr_receiver_new(const struct qr_receiver_options *options, struct qr_receiver **ret_receiver);
void qr_receiver_free(struct qr_receiver *receiver);

/* Takes a packet.  QR_OK and what it was, or QR_E_NOMEM and nothing changed. */
int qr_receiver_take(struct qr_receiver *receiver, struct qr_bytes packet, enum qr_packet *ret_was);

void qr_receiver_progress(const struct qr_receiver *receiver, struct qr_progress *ret_progress);

/*
 * The object's bytes that are known from @offset on without a gap, or without going
 * beyond a block, so that sealed chunks can be opened as they come.  Borrowed until the
 * receiver is freed; none are known: length 0.
 */
struct qr_bytes qr_receiver_read(const struct qr_receiver *receiver, size_t offset);

#endif
