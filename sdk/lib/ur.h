/*
 * Uniform Resources of BCR-2020-005 (multipart: BCR-2024-001, bytewords: BCR-2020-012):
 * bytes as text for codes that wallets and other readers know.
 *
 *   ur:TYPE/BYTEWORDS                 one part: the message, CBOR
 *   ur:TYPE/NUMBER-COUNT/BYTEWORDS    part NUMBER, from 1 on without an end: CBOR
 *                                     [number, count, length, crc32, data]
 *
 * Parts up to COUNT are pieces of the message, the others sums of some over GF(2), which
 * ones a hash of the number says.  There is a CRC-32 and no key: whoever reads such a
 * message must judge it by what is inside.
 */
#ifndef CSN_LIB_UR_H
#define CSN_LIB_UR_H

#include <countersign/types.h>

#include <stdbool.h>

enum {
	CSN_UR_TYPE_MAX   = 32,      /* characters */
	CSN_UR_PARTS_MAX  = 4096,    /* pieces of a message */
	CSN_UR_PIECE_MIN  = 10,      /* bytes */
	CSN_UR_MESSAGE_MAX = 1 << 20, /* bytes */
};

/* Bytes and their CRC-32 as the first and last letters of words, 2 x (len + 4) characters. */
void csn_bytewords_put(struct csn_bytes bytes, char *ret_text);
/* In either case; CSN_E_PROTOCOL: no such word, or the CRC-32 is wrong.  @ret has len / 2 bytes. */
int csn_bytewords_take(const char *text, size_t len, uint8_t *ret, size_t *ret_len);

/* Sender ------------------------------------------------------------------ */

struct csn_ur_sender;

/*
 * @message is copied.  @text_max: characters of a part at most.  CSN_E_INVALID: a type of
 * other letters than a-z, 0-9, -, no message, or no room; CSN_E_TOO_BIG: over the bounds.
 */
int csn_ur_sender_new(const char *type, struct csn_bytes message, size_t text_max,
                      struct csn_ur_sender **ret_sender);
/* The same with pieces of @piece_max bytes at most. */
int csn_ur_sender_pieces(const char *type, struct csn_bytes message, size_t piece_max,
                         struct csn_ur_sender **ret_sender);
void csn_ur_sender_free(struct csn_ur_sender *sender);
/* Pieces; 1: the message goes as one part. */
uint32_t csn_ur_sender_count(const struct csn_ur_sender *sender);
/* Characters of the longest part that will be written, with its end. */
size_t csn_ur_sender_room(const struct csn_ur_sender *sender);
/* Part @number, from 1 on; its length without the end.  @ret_text as csn_ur_sender_room says. */
size_t csn_ur_sender_part(struct csn_ur_sender *sender, uint32_t number, char *ret_text);

/* Receiver ---------------------------------------------------------------- */

struct csn_ur_receiver;

enum csn_ur_was {
	CSN_UR_NEW,
	CSN_UR_KNOWN,  /* nothing new in it */
	CSN_UR_SYNTAX, /* no UR */
	CSN_UR_BOUND,  /* of another message, or over a bound */
	CSN_UR_BROKEN, /* all parts are there and their CRC-32 is wrong: begun again */
};

/* NULL: no memory. */
struct csn_ur_receiver *csn_ur_receiver_new(size_t message_max);
void csn_ur_receiver_free(struct csn_ur_receiver *receiver);
/* Forgets everything. */
void csn_ur_receiver_reset(struct csn_ur_receiver *receiver);
/* Takes one UR.  CSN_OK and what it was, or CSN_E_NOMEM. */
int csn_ur_receiver_take(struct csn_ur_receiver *receiver, struct csn_bytes text,
                         enum csn_ur_was *ret_was);
/* Independent parts that came, of so many. */
void csn_ur_receiver_progress(const struct csn_ur_receiver *receiver, uint32_t *ret_have,
                              uint32_t *ret_count);
/* The message once it is complete, borrowed until the next call; before: empty. */
struct csn_bytes csn_ur_receiver_message(const struct csn_ur_receiver *receiver, const char **ret_type);

/* The draw, for tests ----------------------------------------------------- */

struct csn_ur_draw { /* xoshiro256** */
	uint64_t s[4];
};

bool csn_ur_draw_seed(struct csn_ur_draw *draw, struct csn_bytes seed);
uint64_t csn_ur_draw_next(struct csn_ur_draw *draw);
/* From low to high, both included. */
uint64_t csn_ur_draw_int(struct csn_ur_draw *draw, uint64_t low, uint64_t high);

/* Weighted draws by the alias method: @weight of each of @n. */
struct csn_ur_weights {
	uint32_t n;
	double   chance[CSN_UR_PARTS_MAX];
	uint16_t alias[CSN_UR_PARTS_MAX];
};
void csn_ur_weights_make(struct csn_ur_weights *weights, const double *weight, uint32_t n);
uint32_t csn_ur_weights_draw(const struct csn_ur_weights *weights, struct csn_ur_draw *draw);

/* The first @want of 0 to @n - 1 shuffled. */
void csn_ur_shuffle(struct csn_ur_draw *draw, uint32_t n, uint32_t want, uint16_t *ret_order);

uint32_t csn_ur_crc32(struct csn_bytes bytes);
size_t csn_ur_piece_len(size_t message_len, size_t least, size_t most);

#endif
