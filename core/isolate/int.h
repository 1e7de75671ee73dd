/* The inside of an isolated instance, shared by the files of this folder only. */
#ifndef CSN_CORE_ISOLATE_INT_H
#define CSN_CORE_ISOLATE_INT_H

#include "core/isolate/isolate.h"

#include "core/base/buf.h"
#include "core/isolate/wire.h"
#include "core/loop/op.h"

#define STDERR_ROOM 1024

enum isolate_state {
	ISOLATE_DOWN,    /* no process                                        */
	ISOLATE_COMING,  /* started; did not say yet that it is ready         */
	ISOLATE_UP,
	ISOLATE_LEAVING, /* asked to end, or killed; not gone yet             */
};

struct isolate_kind {
	/* READY came: what waits is sent. */
	void (*up)(struct isolate *iso);
	/* One frame of a worker that is up. */
	enum wire_fault (*frame)(struct isolate *iso, const struct wire_frame *frame);
	/* It is gone; @code and iso->why say how, CSN_OK: it was asked to go. */
	void (*down)(struct isolate *iso, int code);
	/* Does anything need a worker now? */
	bool (*busy)(const struct isolate *iso);
	void (*done)(struct isolate *iso);
};

extern const struct isolate_kind isolate_channel, isolate_attest;

struct isolate_out { /* bytes the socket did not take yet                     */
	struct isolate_out *next;
	uint8_t            *bytes;
	size_t              len, done;
};

struct isolate_message {
	struct isolate_message *next;
	struct csn_buf         *buf;
	uint64_t                at_ns;
};

struct isolate_channel {
	struct csn_channel_caps caps;
	char                    medium_name[WIRE_NAME_MAX + 1];
	struct csn_op          *send, *receive;
	struct csn_buf         *message[CSN_AT_ONCE_MAX]; /* of the send      */
	size_t                  messages;
	uint64_t                send_id, answered; /* the last of each         */
	bool                    sent, listening, showing;
	struct isolate_message *first, **end;
	uint32_t                under_way; /* messages not taken yet          */
	uint64_t                received_ns;
	char                    diagnosis[WIRE_TEXT_MAX + 1];
};

struct isolate_verify {
	struct isolate_verify *next;
	struct csn_op         *op; /* NULL: withdrawn                         */
	uint64_t               id;
	uint8_t               *frame; /* made when it was asked               */
	size_t                 frame_len;
	struct csn_verdict    *verdict;
};

struct isolate_appraised { /* what appraise() will say of a verdict           */
	struct isolate_appraised *next;
	struct csn_verdict        before, after;
	int                       result;
};

struct isolate_verifier {
	char                      type[WIRE_NAME_MAX + 1];
	struct isolate_verify    *first, **end; /* the first is being judged  */
	bool                      asked; /* the first was sent                */
	struct isolate_appraised *appraised;
	struct csn_op            *challenge; /* and its id                    */
	uint64_t                  challenge_id, identify_id; /* 0: none asked */
	bool                      challenged; /* it was sent                   */
	bool                      identified, wanted; /* a worker, by identify */
	int                       facts_result;
	size_t                    fact_count;
	struct csn_fact           facts[CSN_VERDICT_FACTS];
};

struct isolate {
	struct csn_isolation       how;
	const struct isolate_kind *kind;
	enum isolate_state         state;
	bool                       made;  /* was ready once                   */
	bool                       asked; /* to leave                         */
	int                        code;  /* of the end                       */
	char                       why[CSN_ERROR_TEXT];
	struct csn_error           failed; /* what READY said of a failure    */

	uint8_t *setup; /* the item of WIRE_SETUP                             */
	size_t   setup_len;
	int      sealed[WIRE_PARTS];
	struct isolate_door *doors; /* of a channel without a media            */

	pid_t               pid;
	int                 fd, err_fd, pid_fd, door_fd;
	struct csn_watch   *fd_watch, *out_watch, *err_watch, *pid_watch, *door_watch;
	struct csn_timer   *timer; /* of the state: ready, ping, kill or again */
	struct wire_in      in;
	struct isolate_out *out, **out_end;
	size_t              out_bytes;
	uint64_t            ping, pong, next_id;

	unsigned ended, in_a_row;
	uint64_t up_ns, second_ns;
	unsigned lines, notes, asks, refusals; /* in this second              */
	char     line[STDERR_ROOM];
	size_t   line_len;

	struct isolate_channel  channel;
	struct isolate_verifier verifier;
};

/* Ends the operation in @slot, if any, with the worker's words; @take is used up. */
static inline void
isolate_end_op(struct csn_op **slot, int result, const char *text, struct csn_buf *take)
{
	struct csn_op *op = *slot;

	*slot = NULL;
	if (op == NULL) {
		csn_buf_unref(take);
		return;
	}
	if (result < 0 && text[0] != '\0')
		csn_fail(csn_op_error(op), result, "%s", text);
	csn_op_done(op, result, take);
}

/* isolate.c */
void isolate_put(struct isolate *iso, const struct wire_frame *frame);
void isolate_put_bytes(struct isolate *iso, uint8_t *bytes, size_t len); /* takes over */
/* Something waits: a worker is started unless one is there or a back-off runs. */
void isolate_want(struct isolate *iso);
/* It is needed no more: it may finish and go. */
void isolate_leave(struct isolate *iso);
/* Milliseconds until it is tried again; 0: nothing is in the way. */
uint32_t isolate_wait_ms(const struct isolate *iso);
/* More than @most of a kind in one second? */
bool isolate_floods(struct isolate *iso, unsigned *count, unsigned most);

/* Takes frames until *@answered, at most as long as a worker may be silent. */
bool isolate_wait(struct isolate *iso, const bool *answered);

/* doors.c */
int  isolate_doors_add(struct isolate *iso, const struct csn_option *row, const char *text);
void isolate_doors_ready(void *self, int fd, uint32_t ready);
void isolate_doors_done(struct isolate *iso);

/* spawn.c */
int  isolate_spawn(struct isolate *iso, struct csn_error *err);
int  isolate_tell(struct isolate *iso, struct csn_error *err); /* makes setup */
void isolate_on_stderr(void *self, int fd, uint32_t ready);

#endif
