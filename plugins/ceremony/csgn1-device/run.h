/* One run of the device's ceremony, shared by the files of this plugin only. */
#ifndef CSN_PLUGIN_CSGN1_DEVICE_RUN_H
#define CSN_PLUGIN_CSGN1_DEVICE_RUN_H

#include "csgn1-device.h"

/* The agent's own stages; the rest is left out. */
enum {
	STAGES_LEFT_OUT = 1 << CSN_STAGE_BOOTSTRAPPED | 1 << CSN_STAGE_KEYED |
	                  1 << CSN_STAGE_ATTESTED | 1 << CSN_STAGE_ACKED,
};

/* Pending calls by what they are for; 0 is none. */
enum call {
	CALL_PSK, CALL_KEYS, CALL_STATE, CALL_PIN, CALL_COMMIT, CALL_TIMER, CALL_DECIDE, CALL_SEND,
	CALL_GIVE_UP, CALL_CODE, CALLS,
};

struct csgn1_device_run {
	struct csgn1_device     *self;
	struct csn_session      *session;
	uint32_t                 last_call;
	uint32_t                 calls[CALLS];
	uint64_t                 armed_ns;   /* when the pending timer comes      */
	char                     shown[16];  /* what is shown to a person         */
	size_t                   stage;      /* how many stages were entered      */
	struct csn_device_action accept;     /* waits for the stages before it    */
	bool                     loaded, accepting, ending, stopping, finished;
	uint32_t                 outcome, code;
	const char              *text;
	uint8_t                  state_buf[CSN_DEVICE_STATE_MAX];
};

/* csgn1-device.c: calls, events in, actions out. */
uint32_t run_call(struct csgn1_device_run *run, enum call what);
/* A call that did not start answers with no event. */
int run_started(struct csgn1_device_run *run, enum call what, int result);
/* Outside there is one refusal; the code goes to the audit log only. */
void run_finish(struct csgn1_device_run *run, uint32_t outcome, uint32_t code,
                const char *text);
/* Ends the run once nothing of ours is on its way any more, or after answer_ms. */
void run_end_soon(struct csgn1_device_run *run, uint32_t outcome, uint32_t code,
                  const char *text);
void run_feed(struct csgn1_device_run *run, const struct csn_event *ev, uint32_t type,
              int32_t result);
void run_obey(struct csgn1_device_run *run, const struct csn_event *ev,
              const struct csn_device_action *a);

/* rows.c: what is durable. */
void run_commit(struct csgn1_device_run *run, const struct csn_event *ev,
                const struct csn_device_action *a);
void run_load(struct csgn1_device_run *run);
void run_listen(struct csgn1_device_run *run);
void run_on_keys(struct csgn1_device_run *run, const struct csn_event *ev);
void run_on_psk(struct csgn1_device_run *run, const struct csn_event *ev);
void run_on_state(struct csgn1_device_run *run, const struct csn_event *ev);

/* stages.c: the core's stages and facts. */
void run_fact_hex(struct csgn1_device_run *run, const char *name,
                  const uint8_t id[CSN_ID_LEN]);
void run_tell_facts(struct csgn1_device_run *run, const struct csn_device_audit *audit);
void run_next_stage(struct csgn1_device_run *run, const struct csn_event *ev);
void run_on_decided(struct csgn1_device_run *run, const struct csn_event *ev);

#endif
