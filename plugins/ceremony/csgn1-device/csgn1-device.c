/*
 * Turns session events into device events and device actions into session calls.
 * Judges nothing itself: every check is in sdk/device.
 */
#include "run.h"

#include <stdlib.h>

#include "lib/crypto-openssl.h"

#define NS_PER_MS 1000000u

/* --- Small helpers --------------------------------------------------------------- */

uint32_t
run_call(struct csgn1_device_run *run, enum call what)
{
	if (++run->last_call == 0)
		run->last_call = 1;
	run->calls[what] = run->last_call;
	return run->last_call;
}

/* A call that did not start answers with no event. */
int
run_started(struct csgn1_device_run *run, enum call what, int result)
{
	if (result < 0)
		run->calls[what] = 0;
	return result;
}

/* Is @ev the answer to the pending call?  Then it is pending no longer. */
static bool
run_answers(struct csgn1_device_run *run, enum call what, const struct csn_event *ev)
{
	if (run->calls[what] == 0 || run->calls[what] != ev->call)
		return false;
	run->calls[what] = 0;
	return true;
}

/* Outside there is one refusal; the code goes to the audit log only. */
void
run_finish(struct csgn1_device_run *run, uint32_t outcome, uint32_t code, const char *text)
{
	if (run->finished)
		return;
	run->finished = true;
	run->session->ops->finish(run->session, outcome, code, text);
}

/*
 * What is decided does not hang on its answer, which is kept and sent again when asked
 * for: a station that has gone is not waited for for ever.
 */
void
run_end_soon(struct csgn1_device_run *run, uint32_t outcome, uint32_t code, const char *text)
{
	run->ending = true;
	run->outcome = outcome;
	run->code = code;
	run->text = text;
	if (run->calls[CALL_SEND] != 0 && !run->stopping) {
		int r = run->session->ops->timer(run->session, run_call(run, CALL_GIVE_UP),
		                                 run->self->answer_ms);
		if (run_started(run, CALL_GIVE_UP, r) == CSN_OK)
			return;
	}
	run_finish(run, outcome, code, text);
}

void
run_feed(struct csgn1_device_run *run, const struct csn_event *ev, uint32_t type, int32_t result)
{
	const struct csn_device_event event = {
		.type          = type,
		.role          = ev->role,
		.result        = result,
		.medium        = ev->medium,
		.at_ns         = ev->at_ns,
		.now_ns        = ev->now_ns,
		.unix_s        = ev->unix_s,
		.clock_trusted = ev->clock_trusted,
		.bytes         = ev->bytes,
	};
	struct csn_device_action a = csn_device_event(&run->self->dev, &event);

	run_obey(run, ev, &a);
}

/* --- What the device asks for ---------------------------------------------------- */

/* A lost message is the peer's to ask for again: the outcome does not hang on it. */
static void
send(struct csgn1_device_run *run, const struct csn_device_action *a)
{
	if (a->send.len == 0)
		return;
	int r = run->session->ops->send(run->session, run_call(run, CALL_SEND), a->role, a->send);
	if (run_started(run, CALL_SEND, r) < 0)
		run->self->host->log(run->self->host, CSN_LOG_INFO, "no way back to the station");
}

/* One timer is pending at most; one that comes early is set again. */
static void
arm(struct csgn1_device_run *run, uint64_t wake_ns, uint64_t now_ns)
{
	uint64_t delay_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;

	if (wake_ns == 0 || (run->calls[CALL_TIMER] != 0 && run->armed_ns <= wake_ns))
		return;
	int r = run->session->ops->timer(run->session, run_call(run, CALL_TIMER),
	                                 delay_ns / NS_PER_MS + 1);
	if (run_started(run, CALL_TIMER, r) == CSN_OK)
		run->armed_ns = wake_ns;
}

static void
ask_pin(struct csgn1_device_run *run, const struct csn_event *ev)
{
	static const struct csn_prompt prompt = {
		.size     = sizeof prompt,
		.question = CSN_ASK_PIN,
		.min_len  = CSN_PIN_MIN,
		.max_len  = CSN_PIN_MAX,
		.text     = "PIN for this device",
	};
	struct csn_event none = *ev;

	int r = run->session->ops->ask(run->session, run_call(run, CALL_PIN), &prompt);
	if (run_started(run, CALL_PIN, r) == CSN_OK)
		return;
	none.bytes = CSN_BYTES_NONE;
	run_feed(run, &none, CSN_DEVICE_PIN, CSN_OK);
}

static void
start_accept(struct csgn1_device_run *run, const struct csn_event *ev,
             const struct csn_device_action *a)
{
	run_tell_facts(run, a->commit.audit);
	run->accept = *a;
	run->accepting = true;
	run_next_stage(run, ev);
}

static void
obey_commit(struct csgn1_device_run *run, const struct csn_event *ev,
            const struct csn_device_action *a)
{
	if (a->commit.kind == CSN_DEVICE_ACCEPT) {
		start_accept(run, ev, a);
		return;
	}
	if (a->commit.audit != NULL)
		run_tell_facts(run, a->commit.audit);
	run_commit(run, ev, a);
}

/* One way the receipt may go home over any channel, if the owner wants that. */
static void
send_receipt(struct csgn1_device_run *run)
{
	const struct csn_device_m3    *m3 = &run->self->dev.state.last_m3;
	const struct csn_device_action a  = { .role = CSN_ROLE_RETURN, .send = { m3->b, m3->len } };

	if (run->self->send_receipt)
		send(run, &a);
}

void
run_obey(struct csgn1_device_run *run, const struct csn_event *ev,
     const struct csn_device_action *a)
{
	send(run, a);
	arm(run, a->wake_ns, ev->now_ns);

	switch ((enum csn_device_verb)a->type) {
	case CSN_DEVICE_COMMIT:
		obey_commit(run, ev, a);
		break;
	case CSN_DEVICE_ASK_PIN:
		ask_pin(run, ev);
		break;
	case CSN_DEVICE_ACCEPTED:
		if (a->send.len == 0)
			send_receipt(run);
		/* Without stages this was an activation left over from before. */
		if (run->stage > 0)
			run_next_stage(run, ev);
		else
			run_listen(run);
		break;
	case CSN_DEVICE_REFUSED:
		run_end_soon(run, CSN_OUTCOME_REFUSED, a->code, "the offer was refused");
		break;
	case CSN_DEVICE_RELEASED:
		run->self->host->log(run->self->host, CSN_LOG_INFO, "quarantine has ended");
		break;
	case CSN_DEVICE_IGNORED:
		if (a->code != 0) /* no audit entry, section 6.3; a lab wants to see it */
			run->self->host->log(run->self->host, CSN_LOG_DEBUG, "ignored: %u %s",
			                     a->code, csn_code_name((int)a->code));
		break;
	case CSN_DEVICE_WAIT:
	case CSN_DEVICE_RESENT:
		break;
	}
}

/* --- Events ---------------------------------------------------------------------- */

static void
on_sent(struct csgn1_device_run *run)
{
	if (run->ending)
		run_finish(run, run->outcome, run->code, run->text);
}

static void
on_gave_up(struct csgn1_device_run *run)
{
	run->self->host->log(run->self->host, CSN_LOG_WARN,
	                     "nobody took the answer within %u ms; it is kept for the station "
	                     "that asks again", (unsigned)run->self->answer_ms);
	run_finish(run, run->outcome, run->code, run->text);
}

/* What is being committed is waited for: it may stand already. */
static void
on_stop(struct csgn1_device_run *run)
{
	run->stopping = true;
	if (run->ending)
		run_finish(run, run->outcome, run->code, run->text);
	else if (run->calls[CALL_COMMIT] == 0)
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "stopped");
}

static void
on_message(struct csgn1_device_run *run, const struct csn_event *ev)
{
	if (run->loaded && !run->accepting && !run->ending)
		run_feed(run, ev, CSN_DEVICE_MESSAGE, CSN_OK);
}

static void
on_answer(struct csgn1_device_run *run, const struct csn_event *ev)
{
	const struct csn_host *host = run->self->host;
	struct csn_event       pin = *ev;

	if (ev->result != CSN_OK)
		pin.bytes = CSN_BYTES_NONE;
	else
		host->log(host, CSN_LOG_INFO, "the PIN is stretched (scrypt, 2^%u, %u KiB)",
		          (unsigned)run->self->dev.state.cost,
		          1u << (run->self->dev.state.cost & 31));
	run_feed(run, &pin, CSN_DEVICE_PIN, CSN_OK);
}

static void
on_committed(struct csgn1_device_run *run, const struct csn_event *ev)
{
	run_feed(run, ev, CSN_DEVICE_COMMITTED, ev->result);
	if (run->stopping && run->calls[CALL_COMMIT] == 0 && run->calls[CALL_DECIDE] == 0 &&
	    !run->ending)
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "stopped");
}

static int
csgn1_device_step(void *arg, const struct csn_event *ev)
{
	struct csgn1_device_run *run = arg;

	if (run->finished)
		return CSN_OK;
	switch ((enum csn_event_type)ev->type) {
	case CSN_EVENT_START:
		run_load(run);
		break;
	case CSN_EVENT_MESSAGE:
		on_message(run, ev);
		break;
	case CSN_EVENT_LOADED:
		if (run_answers(run, CALL_PSK, ev))
			run_on_psk(run, ev);
		else if (run_answers(run, CALL_KEYS, ev))
			run_on_keys(run, ev);
		else if (run_answers(run, CALL_STATE, ev))
			run_on_state(run, ev);
		break;
	case CSN_EVENT_SENT:
		if (run_answers(run, CALL_SEND, ev))
			on_sent(run);
		break;
	case CSN_EVENT_ANSWER:
		if (run_answers(run, CALL_PIN, ev))
			on_answer(run, ev);
		else if (run_answers(run, CALL_CODE, ev) && ev->result != CSN_OK)
			run->self->host->log(run->self->host, CSN_LOG_INFO,
			                     "nobody saw the code %s", run->shown);
		break;
	case CSN_EVENT_COMMITTED:
		if (run_answers(run, CALL_COMMIT, ev))
			on_committed(run, ev);
		break;
	case CSN_EVENT_DECIDED:
		if (run_answers(run, CALL_DECIDE, ev))
			run_on_decided(run, ev);
		break;
	case CSN_EVENT_TIMER:
		if (run_answers(run, CALL_TIMER, ev))
			run_feed(run, ev, CSN_DEVICE_TIMER, CSN_OK);
		else if (run_answers(run, CALL_GIVE_UP, ev))
			on_gave_up(run);
		break;
	case CSN_EVENT_STOP:
		on_stop(run);
		break;
	default:
		break;
	}
	return CSN_OK;
}

static int
csgn1_device_begin(void *arg, struct csn_session *session, const struct csn_begin *begin,
                   void **ret_run, struct csn_error *err)
{
	struct csgn1_device     *self = arg;
	struct csgn1_device_run *run;

	if (begin->side != CSN_SIDE_DEVICE)
		return self->host->fail(err, CSN_E_UNSUPPORTED,
		                        "csgn1-device is the device's side only");
	if (self->live != NULL)
		return self->host->fail(err, CSN_E_BUSY, "this device is in a session already");
	run = calloc(1, sizeof *run);
	if (run == NULL)
		return self->host->fail(err, CSN_E_NOMEM, "no memory for a session");
	run->self = self;
	run->session = session;
	self->live = run;
	*ret_run = run;
	return CSN_OK;
}

static void
csgn1_device_end(void *arg)
{
	struct csgn1_device_run *run = arg;

	if (run == NULL)
		return;
	csn_device_rest(&run->self->dev);
	run->self->live = NULL;
	csn_wipe(run, sizeof *run);
	free(run);
}

/* --- The component --------------------------------------------------------------- */

/* Randomness is the session's, so that a ceremony replays. */
static int
session_random(void *arg, uint8_t *ret_bytes, size_t len)
{
	struct csgn1_device *self = arg;

	if (self->live == NULL)
		return CSN_E_INTERNAL;
	return self->live->session->ops->random(self->live->session, ret_bytes, len);
}

bool
csgn1_device_roles(struct csgn1_device *self)
{
	const char *at = self->refuse_roles == NULL ? "" : self->refuse_roles;
	size_t      count = 0;

	while (*at != '\0') {
		size_t len = strcspn(at, ",");

		if (len > 0 && count == CSGN1_DEVICE_ROLES_MAX)
			return false;
		if (len > 0)
			self->roles[count++] = (struct csn_bytes){ (const uint8_t *)at, len };
		at += len;
		at += strspn(at, ", ");
	}
	self->policy.refuse_roles = self->roles;
	self->policy.refuse_role_count = count;
	return true;
}

int
csgn1_device_create(const struct csn_host *host, const struct csn_config *config,
                    void **ret_self, struct csn_error *err)
{
	struct csgn1_device *self = calloc(1, sizeof *self);

	if (self == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a device");
	self->host = host;
	int r = host->bind(config, &csgn1_device_component, self, err);
	if (r < 0)
		goto fail;
	if (!csgn1_device_roles(self)) {
		r = host->fail(err, CSN_E_CONFIG, "refuse_roles names more than %d roles",
		               CSGN1_DEVICE_ROLES_MAX);
		goto fail;
	}
	self->policy.psk_derive = self->psk_derive;
	self->policy.evidence_x509 = (self->evidence & CSGN1_EVIDENCE_X509) != 0;
	self->crypto = *csn_crypto_openssl();
	self->crypto.self = self;
	self->crypto.random = session_random;
	csn_device_init(&self->dev, &self->crypto, &self->policy, self->buf, sizeof self->buf);
	*ret_self = self;
	return CSN_OK;

fail:
	csgn1_device_destroy(self);
	return r;
}

void
csgn1_device_destroy(void *arg)
{
	struct csgn1_device *self = arg;

	if (self == NULL)
		return;
	csn_device_done(&self->dev);
	csgn1_device_keys_done(&self->keys);
	csn_wipe(self, sizeof *self);
	free(self);
}

const struct csn_ceremony_ops csgn1_device_ops = {
	.size            = sizeof csgn1_device_ops,
	.stages_left_out = STAGES_LEFT_OUT,
	.begin           = csgn1_device_begin,
	.step            = csgn1_device_step,
	.end             = csgn1_device_end,
};
