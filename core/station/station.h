/*
 * A station (or a device's agent): what a configuration asks for, built in the
 * order of its needs and taken down in reverse.  Everything here is [loop].
 */
#ifndef CSN_CORE_STATION_H
#define CSN_CORE_STATION_H

#include "core/session/session.h"

#include <countersign/ceremony.h>
#include <countersign/keys.h>
#include <countersign/store.h>
#include <countersign/types.h>

#include <stdbool.h>

struct csn_buf;
struct csn_host;
struct csn_station;
struct csn_station_session;

/* Settings that come before the file's, e.g. { "store.path", "/tmp/x.db" }. */
struct csn_station_override {
	const char *path;  /* NULL ends a list                                */
	const char *value; /* text; converted as the option's type asks       */
};

/*
 * What a person is told while a session runs.  @stage is an enum csn_stage that
 * was entered, or 0 for a remark; @text is one line without secrets, borrowed.
 */
#define CSN_STORY_TROUBLE UINT32_MAX /* or this: "what: found; next", of this machine  */
typedef void csn_station_story_fn(void *arg, uint32_t stage, const char *text);

/* Called once a session; the session is gone when it returns. */
typedef void csn_station_end_fn(void *arg, const struct session_end *end);

struct csn_station_ask {
	struct csn_begin begin;      /* borrowed until the call returns     */
	const char *format;          /* of @payload: "json", "cbor"         */
	struct csn_bytes payload;    /* station side: what to deliver       */
	bool no_input;               /* a question to a person is refused   */
	csn_station_story_fn *story; /* optional                            */
	csn_station_end_fn *end;
	void *arg;
};

/*
 * Reads @config_path, loads the plugins it names and makes its instances.
 * @overrides may be NULL.  On failure nothing is left and @err says why.
 */
int csn_station_open(const char *config_path, enum csn_side side,
		     const struct csn_station_override *overrides,
		     struct csn_station **ret_station, struct csn_error *err);

/* Starts a session; callbacks come from csn_station_run, never from here. */
int csn_station_session(struct csn_station *st, const struct csn_station_ask *ask,
			struct csn_station_session **ret_session,
			struct csn_error *err);

/*
 * The next session after @after (empty: the first) of which nobody knows what came,
 * or CSN_E_MISSING.  To settle one give its sid as ask.begin.resume.
 */
struct csn_station_unsettled {
	struct csn_bytes sid; /* into sid_bytes                                 */
	uint8_t sid_bytes[16], did[16];
	bool has_did;
	uint32_t outcome, code; /* as it ended; NONE: it was cut off            */
	uint64_t unix_s;
};
int csn_station_unsettled(struct csn_station *st, struct csn_bytes after,
			  struct csn_station_unsettled *ret_row, struct csn_error *err);

/* Asks a running session to end soon (the operator said so); safe in a callback. */
void csn_station_session_stop(struct csn_station_session *session);

/* Runs the loop until csn_station_stop; returns CSN_OK, or why the loop failed. */
int csn_station_run(struct csn_station *st, struct csn_error *err);

/* Makes run return soon; safe in a callback and, alone here, in a signal handler. */
void csn_station_stop(struct csn_station *st);

/* Ends every session as refused, destroys instances in reverse; NULL is fine. */
void csn_station_close(struct csn_station *st);

/* What the command needs beside sessions; all borrowed until close. */
const char *csn_station_name(const struct csn_station *st);
const struct csn_host *csn_station_host(const struct csn_station *st);
const struct csn_keys_ops *csn_station_keys(const struct csn_station *st,
					    void **ret_self);

/*
 * The store and the formats, one call at a time.  These run the loop until the answer
 * is there, so they are not for use inside a callback.
 */
int csn_station_commit(struct csn_station *st, const struct csn_store_item *items,
		       size_t count, struct csn_error *err);
/* CSN_E_MISSING when there is none; *ret_value is a new reference, secret. */
int csn_station_get(struct csn_station *st, const char *space, struct csn_bytes key,
		    struct csn_buf **ret_value, struct csn_error *err);
/* The next key of @space and its value as dCBOR [key, value]; see store.h. */
int csn_station_next(struct csn_station *st, const char *space, struct csn_bytes after,
		     struct csn_buf **ret_pair, struct csn_error *err);
/* A record as @format ("json") writes it, and back; new references, secret. */
int csn_station_encode(struct csn_station *st, const char *format,
		       struct csn_bytes record, struct csn_buf **ret_bytes,
		       struct csn_error *err);
int csn_station_decode(struct csn_station *st, const char *format,
		       struct csn_bytes bytes, struct csn_buf **ret_record,
		       struct csn_error *err);

/*
 * Sends one message on the channel of @role (enum csn_role) and comes back when it was
 * carried in full once, or csn_station_stop was called: then CSN_E_CANCELLED.
 */
int csn_station_send(struct csn_station *st, uint32_t role, struct csn_bytes message,
		     struct csn_error *err);

/* What csn_station_try() is asked and tells; texts are borrowed for the call. */
struct csn_station_rule {
	const char *rule;  /* "require: oob.channels >= 2"                     */
	const char *state; /* "yes", "no", "unknown", "asks", "aside"          */
	const char *found, *wanted;
};

struct csn_station_try {
	const struct csn_evidence *evidence;
	size_t count;
	const char *device_class; /* NULL: what the evidence says               */
	uint64_t unix_s;          /* evidence is judged at; 0: now              */
	bool pin;                 /* a PIN would be there                       */
	void (*judged)(void *arg, size_t i, int result, const struct csn_verdict *verdict);
	void (*fact)(void *arg, const char *name, const char *value);
	void (*rule)(void *arg, const struct csn_station_rule *rule);
	void *arg;
};

/*
 * Judges evidence and policy as a session would; nothing is sent, asked, signed or
 * stored.  *ret_yes: all evidence was accepted and no rule says no.  Rules about facts
 * that only a session brings are told as unknown and do not count.  Runs the loop.
 */
int csn_station_try(struct csn_station *st, const struct csn_station_try *ask,
		    bool *ret_yes, struct csn_error *err);
/* Every rule of the policy as text; NULL past the end. */
const char *csn_station_policy(const struct csn_station *st, size_t i);

/*
 * Many messages on the channel of @send_role, one after another, and what is heard on
 * that of @hear_role meanwhile; 0: none.  Comes back with CSN_OK once next() answered
 * CSN_E_MISSING or heard() above 0; with what either of them failed with;
 * CSN_E_TIMEOUT after limit_ms (0: never) or when a recording that is heard has ended;
 * CSN_E_CANCELLED after csn_station_stop.
 */
struct csn_station_flow {
	uint32_t send_role, hear_role;
	uint32_t limit_ms;
	int (*next)(void *arg, struct csn_bytes *ret_message); /* valid until the next call */
	uint32_t (*pause_ms)(void *arg); /* optional: to wait before the next one     */
	int (*heard)(void *arg, struct csn_bytes message);
	void *arg;
};
int csn_station_flow(struct csn_station *st, const struct csn_station_flow *flow,
		     struct csn_error *err);

/* What the channel of @role can do; NULL: there is none.  Borrowed until close. */
struct csn_channel_caps;
const struct csn_channel_caps *csn_station_caps(const struct csn_station *st, uint32_t role);

/*
 * Walks the audit log: runs the loop until every entry went through @each (a
 * non-zero return ends the walk with that value).
 */
typedef int csn_station_entry_fn(void *arg, uint64_t index, struct csn_bytes entry);
int csn_station_audit(struct csn_station *st, csn_station_entry_fn *each, void *arg,
		      struct csn_error *err);

/*
 * The signed checkpoint of the log as it is now (C2SP signed note), by the key
 * station.log_key; *ret_note is malloc()ed text.  Runs the loop.  CSN_E_REFUSED when
 * the log does not grow from the checkpoint signed before: then nothing is signed.
 */
int csn_station_checkpoint(struct csn_station *st, char **ret_note,
			   struct csn_error *err);

#endif
