/*
 * One provisioning: answers a ceremony's questions as later events, keeps the stages
 * in order, guards the one gate and writes down every decision.  Knows no protocol.
 *
 * The gate: payload() yields nothing before decide(AUTHORISED) said yes, and it says
 * yes only after policy allowed the facts and the audit entry is durable.
 *
 * What a ceremony can rely on beside ceremony.h:
 *  - a call id is free again once its event was delivered; two pending calls with
 *    one id are refused (CSN_E_INVALID);
 *  - decide(S) wants every stage between the last one entered and S to be declared
 *    as left out, else the session ends as refused;
 *  - finish(ENROLLED) wants decide(ENROLLED) to have said yes, finish(OFFERED) wants
 *    decide(DELIVERED), else the outcome becomes REFUSED (OFFERED: UNKNOWN after
 * AUTHORISED);
 *  - the core sets the facts "side", "oob.media", "oob.channels", "stages.left_out",
 *    "evidence.TYPE", "assurance", "trust.*" (policy.h) and, on the station, "pin" and
 *    "two_way"; its own value stays;
 *  - every verdict is written as an EAR, signed, and goes into space "result" under its
 *    SHA-256 with an entry of its own, in the transaction of the next entry;
 *  - it reads for its audit entries, as lower-case hex: "identity.did" (16 bytes),
 * "sid" (16), "skid" (16); transcript() gives t1;
 *  - policy reads "tier" ("basic" for a pre-shared secret), "pin" on the device
 *    ("yes" once one was checked), and what the configuration names.
 */
#ifndef CSN_CORE_SESSION_H
#define CSN_CORE_SESSION_H

#include <countersign/ceremony.h>
#include <countersign/keys.h>

#include <stdbool.h>

struct csn_log;
struct csn_loop;
struct csn_ops;
struct link;
struct policy;
struct session;
struct tail;

struct session_attest {
	const struct csn_attest_ops *ops;
	void *self;
};

/* What a session works with; borrowed until session_free. */
struct session_parts {
	struct csn_loop *loop;
	struct csn_ops *ops;
	struct csn_log *log; /* may be NULL                     */
	const struct csn_ceremony_ops *ceremony;
	void *ceremony_self;
	const struct csn_store_ops *store; /* required: no audit, no session */
	void *store_self;
	const struct csn_keys_ops *keys; /* this and below: NULL: not there */
	void *keys_self;
	const struct csn_prompt_ops *prompt;
	void *prompt_self;
	bool no_input; /* no person may be asked */
	const struct session_attest *attest;
	size_t attest_count;
	struct link *links[CSN_ROLE_BULK + 1]; /* by role */
	const struct policy *policy;
	struct tail *tail;       /* shared by all sessions of a store; NULL: no counting */
	struct csn_buf *payload; /* the neutral record; a reference is taken */
	uint64_t latest_unix_s;  /* the clock may not be behind it; 0: not known */
	uint64_t judge_unix_s;   /* evidence is judged at; 0: the clock        */
	const char *result_key;  /* Ed25519; signs attestation results; or NULL */
};

/* How a session ended; borrowed for the length of the call. */
struct session_end {
	uint32_t outcome;           /* enum csn_outcome, never NONE                  */
	uint32_t code;              /* the ceremony's refusal code, 0: none          */
	const char *reason;         /* stable: "policy", "store", "ceremony", ...    */
	const char *text;           /* one line for a person                         */
	const char *found, *wanted; /* what was seen and asked for, or ""            */
	uint8_t sid[16], did[16];
	bool has_sid, has_did;
};

/* @stage of a story line that says what this machine lacks: "channel X: found; next". */
#define SESSION_TROUBLE UINT32_MAX

typedef void session_story_fn(void *arg, uint32_t stage, const char *text);
/* The session may be freed from here, or later. */
typedef void session_end_fn(void *arg, const struct session_end *end);

struct session_calls {
	session_story_fn *story; /* optional                                  */
	session_end_fn *end;
	void *arg;
};

/* Makes a session; its first step comes from the loop. */
int session_new(const struct session_parts *parts, const struct csn_begin *begin,
		const struct session_calls *calls, struct session **ret_session,
		struct csn_error *err);
/* The ceremony gets STOP; it has a few seconds, then the session ends refused. */
void session_stop(struct session *s);
/* Ends it now, refused or unknown; the end is recorded and told from the loop. */
void session_abort(struct session *s);
/* Withdraws what is pending, wipes, no callback; NULL is fine. */
void session_free(struct session *s);

#endif
