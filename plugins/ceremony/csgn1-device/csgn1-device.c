/*
 * Turns session events into device events and device actions into session calls.
 * Judges nothing itself: every check is in sdk/device.
 */
#include "csgn1-device.h"

#include <stdlib.h>

#include "lib/crypto-openssl.h"

#define NS_PER_MS 1000000u

/* The agent's own stages, in order; the rest is left out. */
static const uint32_t stages[] = {
	CSN_STAGE_SEEN, CSN_STAGE_OOB_CONFIRMED, CSN_STAGE_AUTHENTICATED, CSN_STAGE_AUTHORISED,
	CSN_STAGE_DELIVERED, CSN_STAGE_ENROLLED,
};

enum {
	STAGES_BEFORE_COMMIT = 4,
	STAGES_ALL           = sizeof stages / sizeof stages[0],
	STAGES_LEFT_OUT      = 1 << CSN_STAGE_BOOTSTRAPPED | 1 << CSN_STAGE_KEYED |
	                  1 << CSN_STAGE_ATTESTED | 1 << CSN_STAGE_ACKED,
	ITEMS_MAX = 4,
	AUDIT_MAX = 256,
};

/* Pending calls by what they are for; 0 is none. */
enum call {
	CALL_PSK, CALL_STATE, CALL_PIN, CALL_COMMIT, CALL_TIMER, CALL_DECIDE, CALL_SEND,
	CALLS,
};

struct csgn1_device_run {
	struct csgn1_device     *self;
	struct csn_session      *session;
	uint32_t                 last_call;
	uint32_t                 calls[CALLS];
	uint64_t                 armed_ns;   /* when the pending timer comes      */
	size_t                   stage;      /* how many stages were entered      */
	struct csn_device_action accept;     /* waits for the stages before it    */
	bool                     loaded, accepting, ending, stopping, finished;
	uint32_t                 outcome, code;
	const char              *text;
	uint8_t                  state_buf[CSN_DEVICE_STATE_MAX];
};

static void obey(struct csgn1_device_run *run, const struct csn_event *ev,
                 const struct csn_device_action *a);

/* --- Small helpers --------------------------------------------------------------- */

static struct csn_bytes
text_bytes(const char *text)
{
	return (struct csn_bytes){ (const uint8_t *)text, strlen(text) };
}

static uint32_t
new_call(struct csgn1_device_run *run, enum call what)
{
	if (++run->last_call == 0)
		run->last_call = 1;
	run->calls[what] = run->last_call;
	return run->last_call;
}

/* A call that did not start answers with no event. */
static int
started(struct csgn1_device_run *run, enum call what, int result)
{
	if (result < 0)
		run->calls[what] = 0;
	return result;
}

/* Is @ev the answer to the pending call?  Then it is pending no longer. */
static bool
answers(struct csgn1_device_run *run, enum call what, const struct csn_event *ev)
{
	if (run->calls[what] == 0 || run->calls[what] != ev->call)
		return false;
	run->calls[what] = 0;
	return true;
}

/* An id of zeros is one that was not known yet. */
static void
fact_hex(struct csgn1_device_run *run, const char *name, const uint8_t id[CSN_ID_LEN])
{
	static const char    digits[] = "0123456789abcdef";
	static const uint8_t unknown[CSN_ID_LEN];
	char                 hex[2 * CSN_ID_LEN + 1];

	if (memcmp(id, unknown, CSN_ID_LEN) == 0)
		return;
	for (size_t i = 0; i < CSN_ID_LEN; i++) {
		hex[2 * i] = digits[id[i] >> 4];
		hex[2 * i + 1] = digits[id[i] & 15];
	}
	hex[2 * CSN_ID_LEN] = '\0';
	run->session->ops->fact(run->session, name, hex);
}

/* Outside there is one refusal; the code goes to the audit log only. */
static void
finish(struct csgn1_device_run *run, uint32_t outcome, uint32_t code, const char *text)
{
	if (run->finished)
		return;
	run->finished = true;
	run->session->ops->finish(run->session, outcome, code, text);
}

/* Ends the run once nothing of ours is on its way any more. */
static void
end_soon(struct csgn1_device_run *run, uint32_t outcome, uint32_t code, const char *text)
{
	run->ending = true;
	run->outcome = outcome;
	run->code = code;
	run->text = text;
	if (run->calls[CALL_SEND] == 0 || run->stopping)
		finish(run, outcome, code, text);
}

static void
feed(struct csgn1_device_run *run, const struct csn_event *ev, uint32_t type, int32_t result)
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

	obey(run, ev, &a);
}

/* --- Committing ------------------------------------------------------------------ */

static int
start_commit(struct csgn1_device_run *run, const struct csn_device_action *a)
{
	struct csn_store_item items[ITEMS_MAX];
	size_t                count = 0, state_len, audit_len;
	uint8_t               audit[AUDIT_MAX];

	int r = csn_device_state_encode(a->commit.state, run->state_buf, sizeof run->state_buf,
	                                &state_len);
	if (r < 0)
		return r;
	items[count++] = (struct csn_store_item){
		.kind = CSN_ITEM_PUT, .space = "device", .key = text_bytes("state"),
		.value = { run->state_buf, state_len },
	};
	if (a->commit.kind == CSN_DEVICE_ACCEPT) {
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_PUT, .space = "staged", .key = text_bytes("body"),
			.value = a->commit.body,
		};
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_PUT, .space = "receipt",
			.key = CSN_BYTES_OF(a->commit.state->last_sid), .value = a->commit.m3,
		};
	}
	if (a->commit.audit != NULL) {
		r = csn_device_audit_encode(a->commit.audit, audit, sizeof audit, &audit_len);
		if (r < 0)
			return r;
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_AUDIT, .value = { audit, audit_len },
		};
	}
	r = run->session->ops->commit(run->session, new_call(run, CALL_COMMIT), items, count);
	return started(run, CALL_COMMIT, r);
}

static void
commit(struct csgn1_device_run *run, const struct csn_event *ev,
       const struct csn_device_action *a)
{
	int r = start_commit(run, a);

	csn_wipe(run->state_buf, sizeof run->state_buf);
	if (r < 0)
		feed(run, ev, CSN_DEVICE_COMMITTED, r);
}

/* --- Stages ---------------------------------------------------------------------- */

static void
tell_facts(struct csgn1_device_run *run, const struct csn_device_audit *audit)
{
	const struct csn_session_ops *ops = run->session->ops;

	fact_hex(run, "sid", audit->sid);
	fact_hex(run, "skid", audit->skid);
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
		commit(run, ev, &run->accept);
		return;
	}
	end_soon(run, CSN_OUTCOME_ENROLLED, 0, "configuration accepted");
}

/* @result: CSN_E_REFUSED when policy said no, else why it could not be asked. */
static void
stages_refused(struct csgn1_device_run *run, const struct csn_event *ev, int result)
{
	if (run->accepting) {
		run->accepting = false;
		feed(run, ev, CSN_DEVICE_COMMITTED, result);
		return;
	}
	/* The commit stands whatever is said of it now. */
	end_soon(run, CSN_OUTCOME_UNKNOWN, 0, "configuration accepted, session not closed");
}

static void
next_stage(struct csgn1_device_run *run, const struct csn_event *ev)
{
	const size_t until = run->accepting ? (size_t)STAGES_BEFORE_COMMIT : (size_t)STAGES_ALL;

	if (run->stage >= until) {
		stages_done(run, ev);
		return;
	}
	int r = run->session->ops->decide(run->session, new_call(run, CALL_DECIDE),
	                                  stages[run->stage]);
	if (started(run, CALL_DECIDE, r) < 0)
		stages_refused(run, ev, r);
}

static void
on_decided(struct csgn1_device_run *run, const struct csn_event *ev)
{
	if (ev->result != CSN_OK) {
		stages_refused(run, ev, ev->result);
		return;
	}
	run->stage++;
	next_stage(run, ev);
}

/* --- What the device asks for ---------------------------------------------------- */

/* A lost message is the peer's to ask for again: the outcome does not hang on it. */
static void
send(struct csgn1_device_run *run, const struct csn_device_action *a)
{
	if (a->send.len == 0)
		return;
	int r = run->session->ops->send(run->session, new_call(run, CALL_SEND), a->role, a->send);
	if (started(run, CALL_SEND, r) < 0)
		run->self->host->log(run->self->host, CSN_LOG_INFO, "no way back to the station");
}

/* One timer is pending at most; one that comes early is set again. */
static void
arm(struct csgn1_device_run *run, uint64_t wake_ns, uint64_t now_ns)
{
	uint64_t delay_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;

	if (wake_ns == 0 || (run->calls[CALL_TIMER] != 0 && run->armed_ns <= wake_ns))
		return;
	int r = run->session->ops->timer(run->session, new_call(run, CALL_TIMER),
	                                 delay_ns / NS_PER_MS + 1);
	if (started(run, CALL_TIMER, r) == CSN_OK)
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

	int r = run->session->ops->ask(run->session, new_call(run, CALL_PIN), &prompt);
	if (started(run, CALL_PIN, r) == CSN_OK)
		return;
	none.bytes = CSN_BYTES_NONE;
	feed(run, &none, CSN_DEVICE_PIN, CSN_OK);
}

static void
start_accept(struct csgn1_device_run *run, const struct csn_event *ev,
             const struct csn_device_action *a)
{
	tell_facts(run, a->commit.audit);
	run->accept = *a;
	run->accepting = true;
	next_stage(run, ev);
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
		tell_facts(run, a->commit.audit);
	commit(run, ev, a);
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

static void
obey(struct csgn1_device_run *run, const struct csn_event *ev,
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
			next_stage(run, ev);
		break;
	case CSN_DEVICE_REFUSED:
		end_soon(run, CSN_OUTCOME_REFUSED, a->code, "the offer was refused");
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

/* --- Loading --------------------------------------------------------------------- */

static void
load_state(struct csgn1_device_run *run)
{
	int r = run->session->ops->load(run->session, new_call(run, CALL_STATE), "device",
	                                text_bytes("state"));
	if (started(run, CALL_STATE, r) < 0)
		finish(run, CSN_OUTCOME_REFUSED, 0, "the device's store cannot be read");
}

static void
on_start(struct csgn1_device_run *run)
{
	int r;

	if ((run->self->evidence & CSGN1_EVIDENCE_PSK) == 0) {
		load_state(run);
		return;
	}
	r = run->session->ops->load(run->session, new_call(run, CALL_PSK), "device",
	                            text_bytes("evidence-psk"));
	if (started(run, CALL_PSK, r) < 0)
		load_state(run);
}

static void
on_psk(struct csgn1_device_run *run, const struct csn_event *ev)
{
	struct csgn1_device *self = run->self;

	if (ev->result == CSN_OK && ev->bytes.len <= sizeof self->psk) {
		memcpy(self->psk, ev->bytes.ptr, ev->bytes.len);
		self->policy.evidence_psk = (struct csn_bytes){ self->psk, ev->bytes.len };
	}
	load_state(run);
}

static void
on_state(struct csgn1_device_run *run, const struct csn_event *ev)
{
	const struct csn_session_ops *ops = run->session->ops;
	struct csgn1_device          *self = run->self;
	struct csn_device_state       state;

	if (ev->result != CSN_OK) {
		finish(run, CSN_OUTCOME_REFUSED, 0, "this device has not been set up yet");
		return;
	}
	if (csn_device_state_decode(ev->bytes, &state) != CSN_OK) {
		finish(run, CSN_OUTCOME_REFUSED, 0, "the device's stored state is damaged");
		return;
	}
	fact_hex(run, "identity.did", state.did);
	struct csn_device_action a = csn_device_load(&self->dev, &state, ev->now_ns);
	csn_wipe(&state, sizeof state);
	if (ops->listen(run->session, CSN_ROLE_OFFER) < 0 ||
	    ops->listen(run->session, CSN_ROLE_BIND) < 0) {
		finish(run, CSN_OUTCOME_REFUSED, 0, "offer and bind need a channel each");
		return;
	}
	run->loaded = true;
	obey(run, ev, &a);
}

/* --- Events ---------------------------------------------------------------------- */

static void
on_sent(struct csgn1_device_run *run)
{
	if (run->ending)
		finish(run, run->outcome, run->code, run->text);
}

/* What is being committed is waited for: it may stand already. */
static void
on_stop(struct csgn1_device_run *run)
{
	run->stopping = true;
	if (run->ending)
		finish(run, run->outcome, run->code, run->text);
	else if (run->calls[CALL_COMMIT] == 0)
		finish(run, CSN_OUTCOME_REFUSED, 0, "stopped");
}

static void
on_message(struct csgn1_device_run *run, const struct csn_event *ev)
{
	if (run->loaded && !run->accepting && !run->ending)
		feed(run, ev, CSN_DEVICE_MESSAGE, CSN_OK);
}

static void
on_answer(struct csgn1_device_run *run, const struct csn_event *ev)
{
	struct csn_event pin = *ev;

	if (ev->result != CSN_OK)
		pin.bytes = CSN_BYTES_NONE;
	feed(run, &pin, CSN_DEVICE_PIN, CSN_OK);
}

static void
on_committed(struct csgn1_device_run *run, const struct csn_event *ev)
{
	feed(run, ev, CSN_DEVICE_COMMITTED, ev->result);
	if (run->stopping && run->calls[CALL_COMMIT] == 0 && run->calls[CALL_DECIDE] == 0 &&
	    !run->ending)
		finish(run, CSN_OUTCOME_REFUSED, 0, "stopped");
}

static int
csgn1_device_step(void *arg, const struct csn_event *ev)
{
	struct csgn1_device_run *run = arg;

	if (run->finished)
		return CSN_OK;
	switch ((enum csn_event_type)ev->type) {
	case CSN_EVENT_START:
		on_start(run);
		break;
	case CSN_EVENT_MESSAGE:
		on_message(run, ev);
		break;
	case CSN_EVENT_LOADED:
		if (answers(run, CALL_PSK, ev))
			on_psk(run, ev);
		else if (answers(run, CALL_STATE, ev))
			on_state(run, ev);
		break;
	case CSN_EVENT_SENT:
		if (answers(run, CALL_SEND, ev))
			on_sent(run);
		break;
	case CSN_EVENT_ANSWER:
		if (answers(run, CALL_PIN, ev))
			on_answer(run, ev);
		break;
	case CSN_EVENT_COMMITTED:
		if (answers(run, CALL_COMMIT, ev))
			on_committed(run, ev);
		break;
	case CSN_EVENT_DECIDED:
		if (answers(run, CALL_DECIDE, ev))
			on_decided(run, ev);
		break;
	case CSN_EVENT_TIMER:
		if (answers(run, CALL_TIMER, ev))
			feed(run, ev, CSN_DEVICE_TIMER, CSN_OK);
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
