/*
 * An earlier session whose answer was lost: its M1 is shown once more, for the device
 * then sends the M3 it stored (section 5), and what is on record judges it.
 */
#include "csgn1.h"

int
csgn1_unsettled(struct csgn1_run *run, const struct csn_event *event, const char *why)
{
	return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
	                 "%s; what the device did is still not known", why);
}

static int
load(struct csgn1_run *run, const struct csn_event *event, const char *space)
{
	int r = run->session->ops->load(run->session, run->call, space,
	                                CSN_BYTES_OF(run->st.sid));

	return r < 0 ? csgn1_unsettled(run, event, "the store did not answer") : CSN_OK;
}

static int
enter_row(struct csgn1_run *run, const struct csn_event *event)
{
	return load(run, event, "offer");
}

static int
leave_row(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return csgn1_unsettled(run, event, "its offer is not on record");
	if (station_offer_read(event->bytes, &run->st) != CSN_OK)
		return csgn1_unsettled(run, event, "its record cannot be read");
	run->recorded = true;
	run->two_way = (run->st.mode & CSN_MODE_TWO_WAY) != 0;
	run->record = (run->st.mode & CSN_MODE_PSK) != 0;
	run->paked = run->st.has_m5;
	csgn1_say_hex(run, "identity.did", run->st.did, sizeof run->st.did);
	csgn1_say_hex(run, "sid", run->st.sid, sizeof run->st.sid);
	run->session->ops->transcript(run->session, run->st.t1);
	if (run->session->ops->listen(run->session, CSN_ROLE_RETURN) < 0)
		return csgn1_unsettled(run, event, "there is no channel of role return");
	return csgn1_go(run, PHASE_RESUME_M1, event);
}

static int
enter_m1(struct csgn1_run *run, const struct csn_event *event)
{
	return load(run, event, "m1");
}

/* One way the device cannot be asked; its answer may still be on the way. */
static int
leave_m1(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result == CSN_E_MISSING)
		return csgn1_go(run, PHASE_RESUMED, event);
	if (event->result != CSN_OK || event->bytes.len > sizeof run->m1)
		return csgn1_unsettled(run, event, "its offer cannot be read");
	memcpy(run->m1, event->bytes.ptr, event->bytes.len);
	run->m1_len = event->bytes.len;
	return csgn1_go(run, PHASE_REOFFER, event);
}

static int
enter_reoffer(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->send(run->session, run->call, CSN_ROLE_OFFER,
	                                csgn1_bytes(run->m1, run->m1_len));

	if (r == CSN_OK)
		r = csgn1_deadline(run);
	return r < 0 ? csgn1_unsettled(run, event, "the offer could not be shown") : CSN_OK;
}

static int
leave_reoffer(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return csgn1_unsettled(run, event, "the offer could not be shown");
	return csgn1_go(run, PHASE_RESUMED, event);
}

/* That it answers is the proof that the offer reached it. */
static int
enter_reached(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->decide(run->session, run->call, CSN_STAGE_DELIVERED);

	return r < 0 ? csgn1_unsettled(run, event, "the answer could not be put on record") :
	               CSN_OK;
}

static int
leave_reached(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return csgn1_unsettled(run, event, "the answer could not be put on record");
	return csgn1_go(run, PHASE_ACKED, event);
}

const struct csgn1_step *
csgn1_resume_step(uint32_t phase)
{
	static const struct csgn1_step steps[PHASE_COUNT] = {
		[PHASE_RESUME_ROW] = { CSN_EVENT_LOADED, enter_row, leave_row },
		[PHASE_RESUME_M1] = { CSN_EVENT_LOADED, enter_m1, leave_m1 },
		[PHASE_REOFFER] = { CSN_EVENT_SENT, enter_reoffer, leave_reoffer },
		[PHASE_REACHED] = { CSN_EVENT_DECIDED, enter_reached, leave_reached },
	};

	return phase < PHASE_COUNT && steps[phase].enter != NULL ? &steps[phase] : NULL;
}
