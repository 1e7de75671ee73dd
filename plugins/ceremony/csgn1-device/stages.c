/* The stages an agent enters round its commit, and the facts it tells. */
#include "run.h"

#include "lib/hex.h"

/* The agent's own stages, in order; the rest is left out. */
static const uint32_t stages[] = {
	CSN_STAGE_SEEN, CSN_STAGE_OOB_CONFIRMED, CSN_STAGE_AUTHENTICATED, CSN_STAGE_AUTHORISED,
	CSN_STAGE_DELIVERED, CSN_STAGE_ENROLLED,
};

enum {
	STAGES_BEFORE_COMMIT = 4,
	STAGES_ALL           = sizeof stages / sizeof stages[0],
};

/* An id of zeros is one that was not known yet. */
void
run_fact_hex(struct csgn1_device_run *run, const char *name, const uint8_t id[CSN_ID_LEN])
{
	static const uint8_t unknown[CSN_ID_LEN];
	char                 hex[2 * CSN_ID_LEN + 1];

	if (memcmp(id, unknown, CSN_ID_LEN) == 0)
		return;
	csn_hex_write(id, CSN_ID_LEN, hex);
	run->session->ops->fact(run->session, name, hex);
}

void
run_tell_facts(struct csgn1_device_run *run, const struct csn_device_audit *audit)
{
	const struct csn_session_ops *ops = run->session->ops;

	run_fact_hex(run, "sid", audit->sid);
	run_fact_hex(run, "skid", audit->skid);
	if (audit->what != CSN_DEVICE_ACCEPT)
		return;
	ops->fact(run->session, "replay.checked", "yes");
	ops->fact(run->session, "mutual", audit->mode & CSN_MODE_TWO_WAY ? "yes" : "no");
	ops->fact(run->session, "pin", audit->mode & CSN_MODE_PIN ? "yes" : "no");
	if ((audit->mode & CSN_MODE_PSK) != 0)
		ops->fact(run->session, "tier", "basic");
	ops->transcript(run->session, audit->t1);
}

static void
stages_done(struct csgn1_device_run *run, const struct csn_event *ev)
{
	if (run->accepting) {
		run->accepting = false;
		run_commit(run, ev, &run->accept);
		return;
	}
	run_end_soon(run, CSN_OUTCOME_ENROLLED, 0, "configuration accepted");
}

/* @result: CSN_E_REFUSED when policy said no, else why it could not be asked. */
static void
stages_refused(struct csgn1_device_run *run, const struct csn_event *ev, int result)
{
	if (run->accepting) {
		run->accepting = false;
		run_feed(run, ev, CSN_DEVICE_COMMITTED, result);
		return;
	}
	/* The commit stands whatever is said of it now. */
	run_end_soon(run, CSN_OUTCOME_UNKNOWN, 0, "configuration accepted, session not closed");
}

void
run_next_stage(struct csgn1_device_run *run, const struct csn_event *ev)
{
	const size_t until = run->accepting ? (size_t)STAGES_BEFORE_COMMIT : (size_t)STAGES_ALL;

	if (run->stage >= until) {
		stages_done(run, ev);
		return;
	}
	int r = run->session->ops->decide(run->session, run_call(run, CALL_DECIDE),
	                                  stages[run->stage]);
	if (run_started(run, CALL_DECIDE, r) < 0)
		stages_refused(run, ev, r);
}

void
run_on_decided(struct csgn1_device_run *run, const struct csn_event *ev)
{
	if (ev->result != CSN_OK) {
		stages_refused(run, ev, ev->result);
		return;
	}
	run->stage++;
	run_next_stage(run, ev);
}
