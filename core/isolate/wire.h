/*
 * The wire between the core and a worker: frames over a stream socket, each the length
 * of what follows in 4 bytes, big endian, and one dCBOR array whose first member is the
 * type.  Pure: bytes in, frames out.  Both ends check everything: to the core a worker
 * is a stranger, for it reads hostile pictures.
 */
#ifndef CSN_CORE_WIRE_H
#define CSN_CORE_WIRE_H

#include <countersign/attest.h>
#include <countersign/types.h>

#include "lib/dcbor.h"

#define WIRE_VERSION   2
#define WIRE_BYTES_MAX (1u << 20)                /* one message                 */
#define WIRE_FRAME_MAX (WIRE_BYTES_MAX + 16384u) /* one frame without its length */
#define WIRE_TEXT_MAX  512u                      /* texts for people            */
#define WIRE_NAME_MAX  64u
#define WIRE_VALUES    10
#define WIRE_EXIT_SPENT 10 /* exit code: its device was closed; ask another one */
#define WIRE_CREDITS   16u /* messages a worker may have under way              */

enum wire_type {
	/* to the worker */
	WIRE_SETUP  = 1, /* setup: all a worker is told, see struct wire_setup */
	WIRE_SEND   = 2, /* id, message                                        */
	WIRE_CANCEL = 3, /* id of a send or a verify                           */
	WIRE_LISTEN = 4, /* 1 begins, 0 ends                                   */
	WIRE_REST   = 5, /* show and play nothing                              */
	WIRE_TAKEN  = 6, /* one message was taken: one more may come           */
	WIRE_VERIFY = 7, /* id, type, value, challenge, did, class, unix time  */
	WIRE_PING   = 8, /* number                                             */
	WIRE_CHALLENGE = 9,  /* id                                             */
	WIRE_IDENTIFY  = 10, /* as WIRE_VERIFY                                 */
	WIRE_BESIDE    = 11, /* message: carried beside that of the next send  */
	/* to the core */
	WIRE_READY     = 16, /* version, result, text, name: a channel's medium or
	                        the type of evidence; then a channel's
	                        direction, traits, max_message, bytes a second,
	                        latency in ms and messages at once             */
	WIRE_SENT      = 17, /* id, result, text                               */
	WIRE_MESSAGE   = 18, /* when its last byte came, message               */
	WIRE_DIAGNOSIS = 19, /* text: why nothing came                         */
	WIRE_VERDICT   = 20, /* id, result, text, verified, result, appraised  */
	WIRE_PONG      = 21, /* number                                         */
	WIRE_TROUBLE   = 22, /* text: what its device lacks; it tries again    */
	WIRE_NONCE     = 23, /* id, result, text, bytes                        */
	WIRE_FACTS     = 24, /* id, result, facts                              */
};

/* Why bytes or a frame were refused; 0 is none. */
enum wire_fault {
	WIRE_FINE       = 0,
	WIRE_EMPTY      = 1, /* a frame of no bytes                            */
	WIRE_OVERSIZED  = 2, /* over WIRE_FRAME_MAX                            */
	WIRE_TRUNCATED  = 3, /* the stream ended inside a frame                */
	WIRE_MALFORMED  = 4, /* not the one dCBOR item its type asks for       */
	WIRE_UNKNOWN    = 5, /* a type nobody knows                            */
	WIRE_UNEXPECTED = 6, /* known, but not from there or not now           */
	WIRE_UNASKED    = 7, /* an answer to nothing that was asked            */
	WIRE_FLOOD      = 8, /* more than was allowed                          */
	WIRE_BOUND      = 9, /* a message over what the channel carries        */
};

const char *wire_fault_name(enum wire_fault fault); /* "wire.oversized"    */

struct wire_value {
	uint64_t         number; /* also a negative result, as -result         */
	struct csn_bytes bytes;  /* borrowed from the frame                    */
};

struct wire_frame {
	uint32_t          type;
	struct wire_value v[WIRE_VALUES]; /* in the order of enum wire_type's words */
};

/* A result a frame carries: 0 or a negative csn_result. */
static inline int
wire_result(const struct wire_value *value)
{
	return -(int)value->number;
}

/* What arrives, put together to frames. */
struct wire_in {
	uint8_t *bytes;
	size_t   len, room, used;
	int      from_worker; /* which types may come                          */
};

void wire_in_init(struct wire_in *in, int from_worker);
void wire_in_done(struct wire_in *in); /* wipes                             */
/* Room for at least @want more bytes, or NULL when out of memory. */
uint8_t *wire_in_room(struct wire_in *in, size_t want);
void     wire_in_add(struct wire_in *in, size_t len); /* that many came      */
/*
 * Takes the next frame: 1 and *ret_frame, borrowed until the next call; 0 when more
 * bytes are needed; else 0 and *ret_fault, after which the stream is of no use.
 */
int wire_in_next(struct wire_in *in, struct wire_frame *ret_frame,
                 enum wire_fault *ret_fault);
/* The stream ended: WIRE_FINE between two frames. */
enum wire_fault wire_in_end(const struct wire_in *in);

/* Judges one frame without its length. */
enum wire_fault wire_parse(struct csn_bytes body, int from_worker,
                           struct wire_frame *ret_frame);
/* The whole frame, malloc()ed, wiped and freed by wire_free; NULL: no memory or bound. */
uint8_t *wire_make(const struct wire_frame *frame, size_t *ret_len);
void     wire_free(uint8_t *frame, size_t len);

/* A verdict as an item of a frame, and back; false when it is no verdict. */
#define WIRE_VERDICT_MAX 8192
int  wire_put_verdict(const struct csn_verdict *verdict, uint8_t out[WIRE_VERDICT_MAX],
                      struct csn_bytes *ret_item);
bool wire_get_verdict(struct csn_bytes item, struct csn_verdict *ret_verdict);

/* Facts likewise; at most @room of them. */
int  wire_put_facts(const struct csn_fact *facts, size_t count, uint8_t out[WIRE_VERDICT_MAX],
                    struct csn_bytes *ret_item);
bool wire_get_facts(struct csn_bytes item, struct csn_fact *ret_facts, size_t room,
                    size_t *ret_count);

/* ---- what a worker is told ------------------------------------------------------ */

#define WIRE_PARTS   2 /* a channel and its media, or a verifier               */
#define WIRE_OPTIONS 64

struct wire_option {
	struct csn_bytes key, value; /* as text, paths absolute                */
};

struct wire_part {
	uint32_t         kind;
	struct csn_bytes name, label; /* "qr", "channel offer"                 */
	struct csn_bytes path;        /* of its module; none: built in         */
	struct csn_bytes digest;      /* hex of the module's SHA-256           */
	uint64_t         sealed_fd;   /* the module's verified bytes; 0: none  */
	size_t           option_count;
	struct wire_option options[WIRE_OPTIONS];
};

struct wire_setup {
	uint64_t         level;       /* least urgent that is logged           */
	uint64_t         wall_trusted;
	size_t           part_count;
	struct wire_part parts[WIRE_PARTS];
};

/* As the item of WIRE_SETUP, malloc()ed; wire_free(). */
uint8_t *wire_put_setup(const struct wire_setup *setup, size_t *ret_len);
bool     wire_get_setup(struct csn_bytes item, struct wire_setup *ret_setup);

#endif
