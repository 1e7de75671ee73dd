/*
 * Ceremonies are sans-I/O: begin, step(event), end.  A ceremony asks through the
 * session's table; every answer comes back as an event carrying the caller's id.
 * It never opens a socket, reads a clock, draws randomness by itself or blocks.
 */
#ifndef COUNTERSIGN_CEREMONY_H
#define COUNTERSIGN_CEREMONY_H

#include <countersign/attest.h>
#include <countersign/prompt.h>
#include <countersign/store.h>
#include <countersign/types.h>

enum csn_role {
	CSN_ROLE_OFFER  = 1, /* station to device                             */
	CSN_ROLE_BIND   = 2, /* station to device, another medium             */
	CSN_ROLE_RETURN = 3, /* device to station                             */
	CSN_ROLE_BULK   = 4, /* attachments                                   */
};

/* The core checks and audits these; a ceremony declares what it leaves out. */
enum csn_stage {
	CSN_STAGE_SEEN = 1, CSN_STAGE_BOOTSTRAPPED, CSN_STAGE_KEYED,
	CSN_STAGE_OOB_CONFIRMED, CSN_STAGE_AUTHENTICATED, CSN_STAGE_ATTESTED,
	CSN_STAGE_AUTHORISED, CSN_STAGE_DELIVERED, CSN_STAGE_ACKED, CSN_STAGE_ENROLLED,
};

enum csn_outcome {
	CSN_OUTCOME_NONE     = 0,
	CSN_OUTCOME_ENROLLED = 1,
	CSN_OUTCOME_OFFERED  = 2, /* one way: nothing came back yet           */
	CSN_OUTCOME_REFUSED  = 3,
	CSN_OUTCOME_UNKNOWN  = 4, /* two way: the answer was lost             */
};

enum csn_side {
	CSN_SIDE_STATION = 1,
	CSN_SIDE_DEVICE  = 2,
};

enum csn_event_type {
	CSN_EVENT_START = 1, /* first event of every run                      */
	CSN_EVENT_MESSAGE,   /* role, medium, at_ns, bytes                    */
	CSN_EVENT_SENT,      /* call, result                                  */
	CSN_EVENT_ANSWER,    /* call, result, bytes (secret for a PIN)        */
	CSN_EVENT_VERDICT,   /* call, result, verdict                         */
	CSN_EVENT_LOADED,    /* call, result, bytes                           */
	CSN_EVENT_COMMITTED, /* call, result                                  */
	CSN_EVENT_SIGNED,    /* call, result, bytes                           */
	CSN_EVENT_DECIDED,   /* call, result: CSN_OK or CSN_E_REFUSED         */
	CSN_EVENT_PAYLOAD,   /* call, result, bytes (secret): the neutral record */
	CSN_EVENT_TIMER,     /* call                                          */
	CSN_EVENT_STOP,      /* the operator ends the session; finish soon    */
};

/* Everything in it is borrowed for the length of step(). */
struct csn_event {
	uint32_t                  size;
	uint32_t                  type;    /* enum csn_event_type             */
	uint32_t                  call;    /* the id the ceremony chose       */
	int32_t                   result;  /* CSN_OK or CSN_E_...             */
	uint32_t                  role;    /* MESSAGE                         */
	const char               *medium;  /* MESSAGE: which medium carried it */
	uint64_t                  at_ns;   /* MESSAGE: when its last byte came */
	uint64_t                  now_ns;  /* boot-time clock at this step    */
	uint64_t                  unix_s;  /* wall clock at this step         */
	uint32_t                  clock_trusted;
	struct csn_bytes          bytes;
	const struct csn_verdict *verdict; /* VERDICT                         */
};

/* What a session is about.  Borrowed for the length of begin(). */
struct csn_begin {
	uint32_t         size;
	uint32_t         side;    /* enum csn_side                            */
	struct csn_bytes subject; /* station: manifest or psk-record; device: none */
	uint32_t         two_way; /* station: return channel is there         */
	uint32_t         pin;     /* station: the operator wants a PIN         */
	uint64_t         not_after_unix_s; /* station: offer's end; 0 = none   */
	/*
	 * Since 0.11, station: the sid of an earlier session whose end nobody knows.  The
	 * run then offers nothing new: it asks the device what became of that one, says
	 * what it learns from DELIVERED on, and ends UNKNOWN if it learns nothing.
	 */
	struct csn_bytes resume;
};

struct csn_session;

/*
 * The session service, all [loop].  Calls with an id (@call, chosen by the ceremony,
 * not 0) return CSN_OK when started and answer with one event later, never from
 * inside the call; a negative return means no event will come.
 */
struct csn_session_ops {
	uint32_t size;
	int (*send)(struct csn_session *s, uint32_t call, uint32_t role,
	            struct csn_bytes message);
	/* From now on messages on @role arrive as events. */
	int (*listen)(struct csn_session *s, uint32_t role);
	void (*rest)(struct csn_session *s, uint32_t role);
	int (*ask)(struct csn_session *s, uint32_t call, const struct csn_prompt *prompt);
	int (*verify)(struct csn_session *s, uint32_t call,
	              const struct csn_evidence *evidence);
	int (*load)(struct csn_session *s, uint32_t call, const char *space,
	            struct csn_bytes key);
	/* The core adds its audit entry when @items hold none of kind AUDIT. */
	int (*commit)(struct csn_session *s, uint32_t call,
	              const struct csn_store_item *items, size_t count);
	int (*sign)(struct csn_session *s, uint32_t call, const char *key,
	            const char *algorithm, struct csn_bytes to_sign);
	/* Certificate @index of @key; *ret_der is borrowed until the session ends. */
	int (*certificate)(struct csn_session *s, const char *key, uint32_t index,
	                   struct csn_bytes *ret_der);
	/* May the session enter @stage?  Stages are asked in order. */
	int (*decide)(struct csn_session *s, uint32_t call, uint32_t stage);
	/* Only after decide(AUTHORISED) said yes: the record to deliver. */
	int (*payload)(struct csn_session *s, uint32_t call);
	int (*timer)(struct csn_session *s, uint32_t call, uint64_t delay_ms);
	int (*random)(struct csn_session *s, void *out, size_t len);
	/* Facts feed policy: "oob.media" = "qr,ultrasonic", "mutual" = "no". */
	int (*fact)(struct csn_session *s, const char *name, const char *value);
	/* Publishes the transcript hash a second channel may bind to. */
	void (*transcript)(struct csn_session *s, const uint8_t hash[32]);
	/*
	 * Ends the session; no event follows.  @code is the ceremony's own refusal
	 * code, 0 when there is none; @text one line for a person.
	 */
	void (*finish)(struct csn_session *s, uint32_t outcome, uint32_t code,
	               const char *text);
};

struct csn_session {
	const struct csn_session_ops *ops;
};

struct csn_ceremony_ops {
	uint32_t size;
	/* Stages this ceremony leaves out, one bit a stage: 1 << CSN_STAGE_X. */
	uint32_t stages_left_out;
	/* [loop] */
	int (*begin)(void *self, struct csn_session *session, const struct csn_begin *begin,
	             void **ret_run, struct csn_error *err);
	/* [loop] A negative return is our own fault and ends the session as refused. */
	int (*step)(void *run, const struct csn_event *event);
	/* [loop] Optional: state as dCBOR after a message, a new reference, secret. */
	int (*freeze)(void *run, struct csn_buf **ret_state);
	/* [loop] Optional: a run that goes on where freeze left one; @state is borrowed. */
	int (*thaw)(void *self, struct csn_session *session, struct csn_bytes state,
	            void **ret_run, struct csn_error *err);
	void (*end)(void *run); /* [loop] NULL is fine; wipes everything      */
};

#endif
