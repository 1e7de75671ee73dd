/*
 * A session service for tests of ceremony/csgn1: answers every call from a queue, keeps
 * a log of what was asked, and draws its "random" bytes from a vector, so that a whole
 * run gives the vector's bytes.
 */
#ifndef CSN_TESTS_CSGN1_FAKE_H
#define CSN_TESTS_CSGN1_FAKE_H

#include <stdbool.h>

#include <jansson.h>

#include "plugins/ceremony/csgn1/csgn1.h"

enum fake_kind {
	FAKE_SEND = 1, FAKE_ASK, FAKE_VERIFY, FAKE_LOAD, FAKE_COMMIT, FAKE_SIGN,
	FAKE_DECIDE, FAKE_PAYLOAD, FAKE_TIMER,
};

enum { FAKE_LOG_MAX = 256, FAKE_ROWS_MAX = 16, FAKE_QUEUE_MAX = 64 };

/* One call that was made. */
struct fake_call {
	uint32_t kind, call, detail; /* detail: role, stage, question             */
	uint64_t delay_ms;
	uint8_t *bytes;
	size_t   len;
};

struct fake_row {
	char     space[16];
	uint8_t  key[16], value[8192];
	size_t   len;
	bool     used;
};

struct fake {
	struct csn_session     session; /* first: the service finds the fake by it  */
	struct csn_session_ops ops;
	struct csgn1           self;
	struct csgn1_run      *run;
	json_t                *file;
	const json_t          *trace;

	struct fake_call log[FAKE_LOG_MAX];
	size_t           log_len, answered;
	struct fake_row  rows[FAKE_ROWS_MAX];
	uint8_t          random[512];
	size_t           random_len, random_at;
	uint8_t          record[32768], subject[16384], pin[16];
	size_t           record_len, subject_len, pin_len;
	struct csn_bytes chain[3];
	size_t           chain_len;
	char             facts[2048];
	uint64_t         unix_s, not_after_unix_s;

	/* What goes wrong. */
	size_t   fail_answer, fail_start; /* 1 + index in the log; 0: nothing     */
	int      fail_result;
	uint32_t verdict, refuse_stage;
	bool     spoil_signature, random_fails;
	size_t   limit; /* answers given at most; 0: all of them                */

	bool     finished;
	uint32_t outcome, code;
	char     text[256];
};

/* A station for the positive file NAME of the vectors; ends the test when it is missing. */
void fake_init(struct fake *fake, const char *name);
void fake_done(struct fake *fake);
/* begin and START; then every answer until nothing is pending. */
void fake_start(struct fake *fake);
int  fake_begin(struct fake *fake, uint32_t side, struct csn_error *err);
void fake_pump(struct fake *fake);
/* Another run that settles this one: begin and START, over the same rows. */
void fake_resume(struct fake *fake);
/* One event from outside, and what follows. */
void fake_message(struct fake *fake, struct csn_bytes bytes);
void fake_event(struct fake *fake, uint32_t type);
/* Fires the last timer asked for with @delay_ms; false when there is none. */
bool fake_fire(struct fake *fake, uint64_t delay_ms);
/* Answers nothing beyond the call of this kind and detail: the next pump stops there. */
void fake_hold(struct fake *fake, uint32_t kind, uint32_t detail);

/* Position in the log of the @nth (from 0) call like this; -1 when there is none. */
long             fake_find(const struct fake *fake, uint32_t kind, uint32_t detail, size_t nth);
size_t           fake_count(const struct fake *fake, uint32_t kind, uint32_t detail);
struct csn_bytes fake_sent(const struct fake *fake, uint32_t role, size_t nth);
struct fake_row *fake_row(struct fake *fake, const char *space, const uint8_t *key, bool make);
/* A member of the trace as bytes; memory lives until the program ends. */
struct csn_bytes fake_trace(const struct fake *fake, const char *key);
struct csn_bytes fake_unhex(const char *hex);

#endif
