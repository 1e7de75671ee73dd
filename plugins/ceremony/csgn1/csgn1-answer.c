/* From the offer on screen to the end: repeats, answers, time, and the result on record. */
#include "csgn1.h"

#include <stdio.h>

/* How this session ends when nothing came back. */
static int
unheard(struct csgn1_run *run, const struct csn_event *event, const char *why)
{
	if (run->resumed) {
		run->code = CSN_CODE_TIMEOUT;
		return csgn1_unsettled(run, event, why);
	}
	if (!run->two_way)
		return csgn1_end(run, event, CSN_OUTCOME_OFFERED,
		                 "%s; the offer stands, the device has not confirmed it", why);
	run->code = CSN_CODE_TIMEOUT;
	return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
	                 "%s; what the device did is not known", why);
}

static int
judge_reply(struct csgn1_run *run, const struct csn_event *event, struct csn_bytes m4)
{
	int r = station_pake_reply(&run->st, m4);

	if (r != 0)
		return csgn1_refuse(run, r, event);
	run->deadline_call = 0;
	run->repeat_call = 0;
	run->session->ops->rest(run->session, CSN_ROLE_BIND);
	return csgn1_go(run, PHASE_BODY, event);
}

/*
 * Only a device's own word is a refusal.  A message that is not one says nothing about
 * what the device did, once it had all it needs to commit.
 */
static int
not_done(struct csgn1_run *run, const struct csn_event *event, int r)
{
	bool may_have_committed = run->st.mode != CSN_MODE_PAKE || run->paked;

	if (r == CSN_CODE_DEVICE_REFUSED || !may_have_committed)
		return csgn1_refuse(run, r, event);
	const char *why = r > 0 ? station_text(r) : csgn1_why(r);
	run->code = r > 0 ? (uint32_t)r : 0;
	if (!run->two_way && !run->resumed)
		return csgn1_end(run, event, CSN_OUTCOME_OFFERED,
		                 "%s; the offer stands, the device has not confirmed it", why);
	return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
	                 "%s; what the device did is not known", why);
}

static int
judge_done(struct csgn1_run *run, const struct csn_event *event, struct csn_bytes m3)
{
	struct csn_bytes receipt = CSN_BYTES_NONE;
	uint8_t          t2[32];
	int              r = station_done(&run->st, m3, CSN_BYTES_NONE, &receipt, t2);

	if (r == 0 || r == CSN_CODE_DEVICE_REFUSED) {
		memcpy(run->t2, t2, sizeof run->t2);
		run->has_t2 = true;
		if (receipt.len > 0 && receipt.len <= sizeof run->receipt) {
			memcpy(run->receipt, receipt.ptr, receipt.len);
			run->receipt_len = receipt.len;
		}
	}
	if (r != 0)
		return not_done(run, event, r);
	run->deadline_call = 0;
	run->repeat_call = 0;
	run->word_call = 0;
	return csgn1_go(run, run->resumed ? PHASE_REACHED : PHASE_ACKED, event);
}

/* The message number a message claims; 0 when it does not look like one. */
static unsigned
number_of(struct csn_bytes message)
{
	return message.len >= 2 && message.ptr[0] >> 5 == 4 && message.ptr[1] < 24 ?
	               message.ptr[1] :
	               0;
}

static int
judge(struct csgn1_run *run, const struct csn_event *event, struct csn_bytes message)
{
	unsigned number = number_of(message);

	/* A greeting or a PIN reply said twice is no answer to what is shown now. */
	if (number == CSN_M0B)
		return CSN_OK;
	if (run->resumed && number != CSN_M3)
		return CSN_OK;
	if (run->st.mode == CSN_MODE_PAKE && !run->paked && number != CSN_M3)
		return judge_reply(run, event, message);
	if (number == CSN_M4)
		return CSN_OK;
	return judge_done(run, event, message);
}

/* An answer can overtake the event that says the question was sent: keep the first. */
static void
hold(struct csgn1_run *run, struct csn_bytes message)
{
	unsigned number = number_of(message);

	if ((number != CSN_M3 && (number != CSN_M4 || run->resumed)) || run->held_len > 0 ||
	    message.len > sizeof run->held)
		return;
	memcpy(run->held, message.ptr, message.len);
	run->held_len = message.len;
}

/*
 * A return channel is shared: by the sessions of a batch, by stations side by side, and
 * by what an earlier session left on it.  What names another session is not ours to judge.
 */
bool
csgn1_for_another(const struct csgn1_run *run, struct csn_bytes message)
{
	unsigned       number = number_of(message);
	struct csn_m0b m0b;
	const uint8_t *sid = NULL;

	if (number == CSN_M0B && csn_m0b_parse(message, &m0b) == 0)
		sid = m0b.hello.sid;
	else if ((number == CSN_M3 || number == CSN_M4) && message.len >= 19 &&
	         message.ptr[2] == 0x50)
		sid = message.ptr + 3;
	return sid != NULL && memcmp(sid, run->st.sid, 16) != 0;
}

int
csgn1_on_return(struct csgn1_run *run, const struct csn_event *event)
{
	if (run->phase == PHASE_SHOWN || run->phase == PHASE_RESUMED)
		return judge(run, event, event->bytes);
	if (run->phase >= PHASE_OFFER && run->phase <= PHASE_OFFER_INNER)
		hold(run, event->bytes);
	return CSN_OK;
}

static void
plan_repeat(struct csgn1_run *run)
{
	run->repeat_call = 0;
	if (run->repeats >= run->self->repeat || run->paked)
		return;
	run->repeat_call = ++run->last_call;
	if (run->session->ops->timer(run->session, run->repeat_call, run->self->repeat_ms) < 0)
		run->repeat_call = 0;
}

/*
 * One way, an operator may see the device succeed.  The word moves the rung a later
 * offer goes on and nothing else: the session stays unconfirmed.
 */
static void
ask_word(struct csgn1_run *run)
{
	const struct csn_prompt prompt = {
		.size = sizeof prompt,
		.question = CSN_ASK_CONFIRM,
		.text = "does the device itself show that it took the offer?",
	};

	if (run->two_way || !run->self->ask_success)
		return;
	run->word_call = ++run->last_call;
	if (run->session->ops->ask(run->session, run->word_call, &prompt) < 0)
		run->word_call = 0;
}

int
csgn1_on_word(struct csgn1_run *run, const struct csn_event *event)
{
	run->word_call = 0;
	if (run->phase != PHASE_SHOWN ||
	    (event->result != CSN_OK && event->result != CSN_E_REFUSED))
		return CSN_OK;
	run->said = event->result == CSN_OK;
	return unheard(run, event,
	               run->said ? "the operator says that the device took it (unproven)" :
	                           "the operator did not see the device succeed");
}

static int
enter_shown(struct csgn1_run *run, const struct csn_event *event)
{
	uint8_t held[sizeof run->held];
	size_t  len = run->held_len;

	run->call = 0;
	int r = csgn1_deadline(run);
	if (r < 0)
		return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN, "no timer: %s", csgn1_why(r));
	if (run->phase == PHASE_SHOWN) {
		plan_repeat(run);
		ask_word(run);
	}
	if (len == 0)
		return CSN_OK;
	memcpy(held, run->held, len);
	run->held_len = 0;
	return judge(run, event, csgn1_bytes(held, len));
}

/* The same 41 bytes once more; a repeat that fails is only one chance less. */
static int
repeat(struct csgn1_run *run)
{
	run->repeats++;
	if (run->session->ops->send(run->session, run->repeat_call, CSN_ROLE_BIND,
	                            CSN_BYTES_OF(run->m2)) < 0)
		plan_repeat(run);
	return CSN_OK;
}

int
csgn1_on_repeated(struct csgn1_run *run, const struct csn_event *event)
{
	(void)event;
	plan_repeat(run);
	return CSN_OK;
}

/* The device was there and went: nothing of a two-way session waits for ever. */
static int
late(struct csgn1_run *run, const struct csn_event *event)
{
	switch (run->phase) {
	case PHASE_ANNOUNCE:
	case PHASE_HELLO:
		return csgn1_refuse(run, CSN_CODE_TIMEOUT, event);
	case PHASE_OFFER:
		run->code = CSN_CODE_TIMEOUT;
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "the device did not take the offer in time, before the second "
		                 "channel spoke");
	case PHASE_BIND:
		return unheard(run, event, "the second channel was not taken in time");
	case PHASE_REOFFER:
	case PHASE_OFFER_INNER:
	case PHASE_SHOWN:
	case PHASE_RESUMED:
		return unheard(run, event, "nothing came back in time");
	default:
		return CSN_OK;
	}
}

int
csgn1_on_timer(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->call == 0)
		return CSN_OK;
	if (event->call == run->repeat_call && run->phase == PHASE_SHOWN)
		return repeat(run);
	if (event->call != run->deadline_call)
		return CSN_OK;
	run->deadline_call = 0;
	return late(run, event);
}

int
csgn1_on_stop(struct csgn1_run *run, const struct csn_event *event)
{
	if (run->phase >= PHASE_REACHED)
		return CSN_OK;
	if (run->resumed)
		return csgn1_unsettled(run, event, "stopped by the operator");
	if (!run->recorded)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "stopped by the operator before an offer was made");
	if (run->phase == PHASE_OFFER)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "stopped by the operator before the second channel spoke");
	/* The burst is not over: whether the device heard it nobody knows. */
	if (run->phase < PHASE_SHOWN)
		return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
		                 "stopped by the operator while the second channel spoke");
	return unheard(run, event, "stopped by the operator");
}

/* The device committed: that this is no success does not make it a refusal. */
static int
not_acked(struct csgn1_run *run, const struct csn_event *event)
{
	return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
	                 "the device took the offer, its answer could not be put on record");
}

static int
enter_acked(struct csgn1_run *run, const struct csn_event *event)
{
	uint32_t stage = run->phase == PHASE_ACKED ? CSN_STAGE_ACKED : CSN_STAGE_ENROLLED;
	int      r = run->session->ops->decide(run->session, run->call, stage);

	return r < 0 ? not_acked(run, event) : CSN_OK;
}

static int
leave_acked(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return not_acked(run, event);
	if (run->phase == PHASE_ACKED)
		return csgn1_go(run, PHASE_ENROLLED, event);
	return csgn1_end(run, event, CSN_OUTCOME_ENROLLED, "the device took the offer%s",
	                 run->record ? " (tier: basic)" : "");
}

/* Does the end change what is known of the device's ladder? */
static bool
moves_ladder(const struct csgn1_run *run)
{
	return run->st.has_idx && (run->said || run->outcome == CSN_OUTCOME_ENROLLED);
}

/* Nothing durable, nothing said: the true end is that nobody knows. */
static int
not_stored(struct csgn1_run *run, int r)
{
	run->outcome = CSN_OUTCOME_UNKNOWN;
	snprintf(run->text, sizeof run->text, "the result could not be stored: %s",
	         csgn1_why(r));
	return csgn1_finish(run);
}

static int
enter_reload(struct csgn1_run *run, const struct csn_event *event)
{
	if (!moves_ladder(run))
		return csgn1_go(run, PHASE_RESULT, event);
	int r = run->session->ops->load(run->session, run->call, "rung",
	                                CSN_BYTES_OF(run->st.did));
	return r < 0 ? not_stored(run, r) : CSN_OK;
}

static int
leave_reload(struct csgn1_run *run, const struct csn_event *event)
{
	uint32_t next = run->st.idx + 1;
	int      r = event->result;

	if (r == CSN_OK && event->bytes.len > sizeof run->rung_row)
		r = CSN_E_TOO_BIG;
	if (r == CSN_OK)
		r = station_rungs_read(event->bytes, &run->rungs);
	if (r < 0)
		return not_stored(run, r);
	memcpy(run->rung_row, event->bytes.ptr, event->bytes.len);
	run->rung_row_len = event->bytes.len;
	uint32_t *known = run->said ? &run->rungs.said_next : &run->rungs.confirmed_next;
	if (*known < next)
		*known = next;
	r = station_rungs_write(&run->rungs, run->new_rung_row, &run->new_rung_row_len);
	return r < 0 ? not_stored(run, r) : csgn1_go(run, PHASE_RESULT, event);
}

static int
enter_result(struct csgn1_run *run, const struct csn_event *event)
{
	const struct station_result result = {
		.outcome = run->outcome,
		.code = run->code,
		.receipt = csgn1_bytes(run->receipt, run->receipt_len),
		.t2 = run->has_t2 ? run->t2 : NULL,
	};
	struct csn_bytes sid = CSN_BYTES_OF(run->st.sid);
	size_t           len;
	int              r = station_result_row(&run->st, &result, run->result_row, &len);

	(void)event;
	if (r < 0)
		return not_stored(run, r);
	struct csn_store_item items[3] = {
		{ CSN_ITEM_PUT, 0, "result", sid, csgn1_bytes(run->result_row, len) },
	};
	size_t count = 1;
	if (moves_ladder(run)) {
		count += csgn1_rung_items(run, items + count);
	} else if (run->two_way && run->outcome != CSN_OUTCOME_UNKNOWN) {
		items[count++] = (struct csn_store_item){ CSN_ITEM_DELETE, 0, "m1", sid,
			                                  CSN_BYTES_NONE };
	}
	r = run->session->ops->commit(run->session, run->call, items, count);
	return r < 0 ? not_stored(run, r) : CSN_OK;
}

static int
leave_result(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result == CSN_E_BUSY && moves_ladder(run) &&
	    run->retries++ < CSGN1_RETRIES)
		return csgn1_go(run, PHASE_RELOAD, event);
	return event->result == CSN_OK ? csgn1_finish(run) : not_stored(run, event->result);
}

const struct csgn1_step *
csgn1_answer_step(uint32_t phase)
{
	static const struct csgn1_step steps[PHASE_COUNT] = {
		[PHASE_SHOWN] = { 0, enter_shown, NULL },
		[PHASE_RESUMED] = { 0, enter_shown, NULL },
		[PHASE_ACKED] = { CSN_EVENT_DECIDED, enter_acked, leave_acked },
		[PHASE_ENROLLED] = { CSN_EVENT_DECIDED, enter_acked, leave_acked },
		[PHASE_RELOAD] = { CSN_EVENT_LOADED, enter_reload, leave_reload },
		[PHASE_RESULT] = { CSN_EVENT_COMMITTED, enter_result, leave_result },
	};

	return phase < PHASE_COUNT && steps[phase].enter != NULL ? &steps[phase] : NULL;
}
