/* The inside of one session, shared by the files of this folder only. */
#ifndef CSN_CORE_SESSION_INT_H
#define CSN_CORE_SESSION_INT_H

#include "core/audit/audit.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/link/link.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "core/policy/policy.h"
#include "core/session/session.h"

#define SESSION_CALLS_MAX    64
#define SESSION_MESSAGES_MAX 32 /* waiting for the ceremony; more are dropped */
#define SESSION_CERTS_MAX    32
#define SESSION_RESULTS_MAX  16
#define SESSION_LIFE_MS      900000u
#define SESSION_STOP_MS      5000u /* what a ceremony has after STOP          */

/*
 * What the ceremony or the core waits for; holds its own event, so answers cannot fail.
 */
struct call {
	struct call *next;
	struct session *s; /* NULL: the session is gone, the answer is dropped */
	uint32_t id;       /* the ceremony's; 0: the core's own                */
	uint32_t type;     /* enum csn_event_type of the answer              */
	uint32_t stage;    /* DECIDED                                       */
	bool yes;          /* DECIDED                                       */
	int result;
	uint32_t role; /* MESSAGE                                        */
	const char *medium;
	uint64_t at_ns;
	struct csn_buf *buf;
	struct csn_op *op;
	struct csn_timer *timer;
	struct link *link;
	struct link_send *send;
	/* Continues a call of several steps; NULL: the answer is the event. */
	void (*then)(struct call *call, int result, struct csn_buf *buf);
	/* VERDICT: what the verifier writes into and was given. */
	struct csn_verdict verdict;
	struct csn_evidence evidence;
	const struct session_attest *attest;
	struct csn_buf *evidence_bufs[3];
	char evidence_text[2][64];
	int verified; /* what verify came to, while its result is signed      */
	uint8_t *ear;
	size_t ear_len;
};

/* An attestation result that waits for the next transaction. */
struct result {
	uint8_t *bytes;
	size_t len;
	uint8_t hash[32];
	bool accepted;
	char reason[AUDIT_REASON_MAX];
};

struct role {
	struct link_listener listener;
	struct session *s;
	uint32_t role;
	bool listening, used;
};

struct session {
	struct csn_session pub; /* first: what the ceremony holds              */
	struct session_parts parts;
	struct session_calls calls;
	struct csn_buf *payload;
	void *run;
	uint32_t side;
	struct csn_soon soon;
	struct call *pending; /* not answered yet                         */
	struct call *events, **events_tail; /* to be stepped, in order    */
	size_t call_count, messages;
	struct role roles[CSN_ROLE_BULK + 1];
	struct csn_buf *certs[SESSION_CERTS_MAX];
	size_t cert_count;
	struct csn_timer *life;

	struct facts facts;
	struct csn_verdict trust; /* the worst claims of what was accepted          */
	uint32_t assurance;       /* enum policy_assurance                          */
	struct result results[SESSION_RESULTS_MAX];
	size_t result_count;
	struct policy_answer answer; /* the last one of policy                    */
	uint32_t stage;              /* last entered                              */
	bool deciding, authorised, committed, delivered_payload;
	bool effects; /* something may have come of it            */
	bool wrote;     /* it has an entry in the log already                      */
	bool resumed;   /* it settles an earlier one: no stage up to AUTHORISED    */
	bool unsettled; /* the store has its row in the space "unsettled"          */
	bool store_broken, stepping, closing, ending, ended;
	bool has_t1;
	uint8_t t1[32];

	uint32_t outcome, code;
	char reason[AUDIT_REASON_MAX];
	char text[256];
	char words[128]; /* what a plugin said when an operation of ours failed last */
};

/* session.c */
struct call *session_call_new(struct session *s, uint32_t id, uint32_t type);
void session_call_drop(struct session *s, struct call *call); /* never started */
/* The answer is there: it becomes the next event. */
void session_answer(struct call *call, int result, struct csn_buf *buf);
/* Starts @call's operation; a negative return dropped nothing. */
struct csn_op *session_op(struct call *call, const char *what, uint32_t limit_ms,
			  csn_op_cancel_fn *cancel, void *self);
int session_op_started(struct call *call, int result);
/* From now on the session has SESSION_LIFE_MS left; a second call changes nothing. */
int session_limit(struct session *s);
/* Ends the session for a reason of the core's own. */
__attribute__((format(printf, 3, 4))) void
session_fail(struct session *s, const char *reason, const char *fmt, ...);
void session_story(struct session *s, uint32_t stage, const char *text);
/* Should it end as refused by the ceremony, this is the stable word for it. */
void session_because(struct session *s, const char *reason);
/* Is there a prompt, and one that needs no person where none may be asked? */
bool session_may_ask(const struct session *s);
/* The ceremony's own goodbye, already judged. */
void session_close(struct session *s, uint32_t outcome, uint32_t code,
		   const char *reason, const char *text);

/* record.c */
/* An entry of now, with what is known of the session. */
int session_entry(const struct session *s, enum audit_what what,
		  struct audit_entry *ret_entry);
/* @count items and, with @entry, one more, in one transaction; @call gets the answer. */
int session_store(struct call *call, const struct csn_store_item *items, size_t count,
		  const struct audit_entry *entry);
/* A refused claim or a lost race is an answer; anything else is a store that failed. */
bool session_store_failed(int result);
int session_commit(struct csn_session *pub, uint32_t id,
		   const struct csn_store_item *items, size_t count);
/* Puts the last entry on record; @call answers by its then. */
int session_record_end(struct call *call);

/* decide.c */
int session_decide(struct csn_session *pub, uint32_t id, uint32_t stage);
int session_payload(struct csn_session *pub, uint32_t id);
void session_finish(struct csn_session *pub, uint32_t outcome, uint32_t code,
		    const char *text);

/* facts.c */
/* The core's own facts at the start of a session. */
int session_first_facts(struct session *s, const struct csn_begin *begin);
void session_heard(struct session *s, uint32_t role, const char *medium);

/* results.c */
/*
 * Writes the verdict of @call down, signed, and then answers the call; what cannot be
 * written down is undecided.
 */
void session_judged(struct call *call, int result);
/*
 * Items of what waits, at most 2 * SESSION_RESULTS_MAX; @entry is how an entry of now
 * looks, @bytes its room.  Borrowed until session_results_done().
 */
int session_results_items(struct session *s, const struct audit_entry *entry,
			  uint8_t bytes[][AUDIT_ENTRY_MAX], struct csn_store_item *items,
			  size_t *ret_count);
void session_results_done(struct session *s);

/* calls.c */
extern const struct csn_session_ops session_ops;

#endif
