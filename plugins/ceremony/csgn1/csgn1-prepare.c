/* From START to AUTHORISED, and the PIN: who is it, and may it be served? */
#include "csgn1.h"

#include "lib/hex.h"

#include <inttypes.h>
#include <stdio.h>

static void
say(struct csgn1_run *run, const char *name, const char *value)
{
	(void)run->session->ops->fact(run->session, name, value);
}

void
csgn1_say_hex(struct csgn1_run *run, const char *name, const uint8_t *bytes, size_t len)
{
	char text[65];

	csn_hex_write(bytes, len, text);
	say(run, name, text);
}

static int
set_now(struct csgn1_run *run, uint64_t unix_s)
{
	if (unix_s < CSN_STAMP_EPOCH || unix_s - CSN_STAMP_EPOCH > UINT32_MAX)
		return CSN_E_INVALID;
	run->trust.now = (uint32_t)(unix_s - CSN_STAMP_EPOCH);
	return CSN_OK;
}

/*
 * The chain of our key for @suite, and its skid.  A key that is not there leaves its
 * suite unserved; one whose certificate is unusable is an error.
 */
static int
load_chain(struct csgn1_run *run, uint32_t suite)
{
	const char *key = csgn1_key(run, suite);
	size_t      at = suite - 1, n = 0;
	int         r = CSN_OK;

	if (key == NULL || key[0] == '\0')
		return CSN_OK;
	while (r == CSN_OK && n < STATION_CHAIN) {
		r = run->session->ops->certificate(run->session, key, (uint32_t)n,
		                                   &run->chain[at][n]);
		n += r == CSN_OK;
	}
	if (r < 0 && r != CSN_E_MISSING)
		return r;
	if (n == 0)
		return CSN_OK;
	run->st.suite = suite;
	r = station_own(&run->st, run->chain[at][0]);
	if (r < 0)
		return r;
	run->chain_len[at] = n;
	memcpy(run->skid[at], run->st.skid, sizeof run->skid[at]);
	run->trust.suites |= 1u << suite;
	return CSN_OK;
}

/* What the session is about, once the device is known. */
static int
adopt_device(struct csgn1_run *run)
{
	struct station              *st = &run->st;
	const struct station_device *device = &run->device;

	st->suite = device->suite;
	st->cost = device->cost;
	st->mode = (run->two_way ? CSN_MODE_TWO_WAY : 0u) | (run->pin ? CSN_MODE_PIN : 0u) |
	           (run->record ? CSN_MODE_PSK : 0u);
	memcpy(st->did, device->did, sizeof st->did);
	memcpy(st->pk, device->pk, device->pk_len);
	st->pk_len = device->pk_len;
	return station_own(st, run->chain[st->suite - 1][0]);
}

static void
say_facts(struct csgn1_run *run)
{
	const struct station *st = &run->st;
	char                  number[16];

	csgn1_say_hex(run, "identity.did", st->did, sizeof st->did);
	csgn1_say_hex(run, "sid", st->sid, sizeof st->sid);
	csgn1_say_hex(run, "skid", st->skid, sizeof st->skid);
	csgn1_say_hex(run, "identity.maker", run->device.maker, sizeof run->device.maker);
	if (run->device.class_name[0] != '\0')
		say(run, "identity.class", run->device.class_name);
	snprintf(number, sizeof number, "%" PRIu32, st->suite);
	say(run, "suite", number);
	snprintf(number, sizeof number, "%" PRIu32, st->mode);
	say(run, "mode", number);
	/* Who holds a shared secret can read and forge: that is to be seen everywhere. */
	say(run, "tier", run->record ? "basic" : "keyed");
	say(run, "mutual", run->two_way ? "yes" : "no");
	say(run, "forward_secrecy", "yes");
	say(run, "replay.checked", "yes");
}

/* One way: the subject tells who the device is. */
static int
start_one_way(struct csgn1_run *run, const struct csn_event *event)
{
	struct csn_bytes subject = csgn1_bytes(run->subject, run->subject_len);

	run->record = station_is_record(subject);
	int r = run->record ? station_record(&run->trust, subject, &run->device) :
	                      station_manifest(&run->trust, subject, &run->device);
	if (r == 0)
		r = adopt_device(run);
	if (r != 0)
		return csgn1_refuse(run, r, event);
	/* An answer may come home even so; without the channel it may not. */
	(void)run->session->ops->listen(run->session, CSN_ROLE_RETURN);
	return csgn1_go(run, PHASE_BLOCKED, event);
}

int
csgn1_start(struct csgn1_run *run, const struct csn_event *event)
{
	int r = set_now(run, event->unix_s);

	if (run->resumed) /* needs neither a clock nor a key of ours                */
		return csgn1_go(run, PHASE_RESUME_ROW, event);
	if (r < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "the station's clock is wrong: %" PRIu64 " s since 1970",
		                 event->unix_s);
	for (uint32_t suite = 1; suite <= CSGN1_SUITES; suite++) {
		r = load_chain(run, suite);
		if (r < 0)
			return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
			                 "the station's key \"%s\" has no usable certificate: %s",
			                 csgn1_key(run, suite), csgn1_why(r));
	}
	if (run->trust.suites == 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "the station has no key with a certificate");
	r = run->session->ops->random(run->session, run->st.sid, sizeof run->st.sid);
	if (r < 0)
		return csgn1_refuse(run, r, event);
	return run->two_way ? csgn1_go(run, PHASE_ANNOUNCE, event) :
	                      start_one_way(run, event);
}

static int
enter_announce(struct csgn1_run *run, const struct csn_event *event)
{
	uint8_t              buf[128];
	struct csn_dcbor_out out;
	struct csn_bytes     bytes;
	struct csn_m0a       m0a = { 0 };

	memcpy(m0a.sid, run->st.sid, sizeof m0a.sid);
	for (uint32_t suite = 1; suite <= CSGN1_SUITES; suite++) {
		m0a.has_suite[suite] = (run->trust.suites >> suite & 1) != 0;
		memcpy(m0a.skid[suite], run->skid[suite - 1], sizeof m0a.skid[suite]);
	}
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_m0a_put(&out, &m0a);
	int r = csn_dcbor_out_end(&out, &bytes);
	if (r == CSN_OK)
		r = run->session->ops->listen(run->session, CSN_ROLE_RETURN);
	if (r == CSN_OK)
		r = run->session->ops->send(run->session, run->call, CSN_ROLE_OFFER, bytes);
	if (r < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "the greeting could not be sent: %s", csgn1_why(r));
	r = csgn1_deadline(run);
	return r < 0 ? csgn1_refuse(run, r, event) : CSN_OK;
}

static int
leave_announce(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "the greeting could not be sent: %s",
		                 csgn1_why(event->result));
	return csgn1_go(run, PHASE_HELLO, event);
}

static int
enter_hello(struct csgn1_run *run, const struct csn_event *event)
{
	(void)event;
	run->call = 0;
	return CSN_OK;
}

int
csgn1_on_hello(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->bytes.len > sizeof run->m0b)
		return csgn1_refuse(run, CSN_CODE_HELLO_SYNTAX, event);
	if (event->bytes.len > 0)
		memcpy(run->m0b, event->bytes.ptr, event->bytes.len);
	const uint8_t *const skids[CSGN1_SUITES] = { run->skid[0], run->skid[1] };
	run->m0b_len = event->bytes.len;
	run->deadline_call = 0;
	int r = set_now(run, event->unix_s);
	if (r == 0)
		r = station_hello(&run->trust, run->st.sid, skids,
		                  csgn1_bytes(run->m0b, run->m0b_len), &run->device,
		                  &run->hello);
	if (r == 0)
		r = adopt_device(run);
	return r != 0 ? csgn1_refuse(run, r, event) : csgn1_go(run, PHASE_BLOCKED, event);
}

static int
lookup(struct csgn1_run *run, const struct csn_event *event, const char *space)
{
	int r = run->session->ops->load(run->session, run->call, space,
	                                CSN_BYTES_OF(run->st.did));

	return r < 0 ? csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                         "the store did not answer: %s", csgn1_why(r)) :
	               CSN_OK;
}

static int
enter_blocked(struct csgn1_run *run, const struct csn_event *event)
{
	return lookup(run, event, "quarantine");
}

static int
store_failed(struct csgn1_run *run, const struct csn_event *event)
{
	return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "the store did not answer: %s",
	                 csgn1_why(event->result));
}

static int
leave_blocked(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result == CSN_OK)
		run->blocked = true;
	else if (event->result != CSN_E_MISSING)
		return store_failed(run, event);
	if (!run->two_way)
		return csgn1_go(run, PHASE_RUNG, event);
	if (run->blocked)
		return csgn1_refuse(run, CSN_CODE_DEVICE_BLOCKED, event);
	say_facts(run);
	return csgn1_go(run, PHASE_EVIDENCE, event);
}

static int
enter_rung(struct csgn1_run *run, const struct csn_event *event)
{
	return lookup(run, event, "rung");
}

/* NO_RUNG comes before DEVICE_BLOCKED, though the store was asked the other way round. */
static int
choose_rung(struct csgn1_run *run)
{
	struct csn_bytes key;
	struct station  *st = &run->st;

	if (run->record && run->rungs.confirmed_next < run->device.first)
		run->rungs.confirmed_next = run->device.first;
	st->idx = station_rung(&run->rungs, run->device.first);
	st->has_idx = true;
	if (st->idx > UINT16_MAX)
		return CSN_CODE_NO_RUNG;
	int r = run->record ? 0 : station_rung_key(&run->trust, &run->device, st->idx, &key);
	if (r == 0 && run->blocked)
		r = CSN_CODE_DEVICE_BLOCKED;
	return r;
}

static int
leave_rung(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result == CSN_OK) {
		if (event->bytes.len > sizeof run->rung_row ||
		    station_rungs_read(event->bytes, &run->rungs) < 0)
			return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
			                 "the store's rung of this device cannot be read");
		memcpy(run->rung_row, event->bytes.ptr, event->bytes.len);
		run->rung_row_len = event->bytes.len;
	} else if (event->result != CSN_E_MISSING) {
		return store_failed(run, event);
	}
	int r = choose_rung(run);
	if (r != 0)
		return csgn1_refuse(run, r, event);
	say_facts(run);
	return csgn1_go(run, PHASE_EVIDENCE, event);
}

/* Is @type in the comma list of what is required? */
static bool
is_required(const struct csgn1_run *run, const char *type, size_t len)
{
	const char *list = run->self->require_evidence;

	while (list != NULL && *list != '\0') {
		size_t item = strcspn(list, ", ");
		if (item == len && memcmp(list, type, len) == 0)
			return true;
		list += item;
		list += strspn(list, ", ");
	}
	return false;
}

static bool
is_present(const struct csgn1_run *run, const char *type, size_t len)
{
	const struct csn_m0b *m0b = &run->hello.m0b;

	for (size_t i = 0; run->two_way && i < m0b->evidence_len; i++)
		if (csn_same(m0b->evidence[i].type,
		             (struct csn_bytes){ (const uint8_t *)type, len }))
			return true;
	return false;
}

/* Every required type is there; one way only the manifest itself speaks, as x509. */
static bool
all_present(struct csgn1_run *run)
{
	const char *list = run->self->require_evidence;

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ", ");
		bool manifest = !run->two_way && !run->record && len == 4 &&
		                memcmp(list, "x509", 4) == 0;
		if (len > 0 && !manifest && !is_present(run, list, len)) {
			snprintf(run->note.text, sizeof run->note.text,
			         "found none of type %.*s", (int)(len < 40 ? len : 40), list);
			return false;
		}
		list += len;
		list += strspn(list, ", ");
	}
	return true;
}

/*
 * Item 0 is what identified the device: the manifest, or M0b.  The items of the hello
 * follow.  Returns false past the last one.
 */
static bool
next_item(struct csgn1_run *run, struct csn_bytes *ret_value)
{
	const struct csn_m0b *m0b = &run->hello.m0b;

	if (run->item == 0) {
		memcpy(run->item_type, "x509", sizeof "x509");
		run->item_needed = true;
		*ret_value = run->two_way ? csgn1_bytes(run->m0b, run->m0b_len) :
		                            csgn1_bytes(run->subject, run->subject_len);
		return true;
	}
	if (!run->two_way || run->item > m0b->evidence_len)
		return false;
	const struct csn_evid *item = &m0b->evidence[run->item - 1];
	memcpy(run->item_type, item->type.ptr, item->type.len);
	run->item_type[item->type.len] = '\0';
	run->item_needed = is_required(run, run->item_type, item->type.len);
	*ret_value = item->value;
	return true;
}

static int
refuse_evidence(struct csgn1_run *run, const struct csn_event *event, const char *why)
{
	snprintf(run->note.text, sizeof run->note.text, "%.24s: %.80s", run->item_type, why);
	return csgn1_refuse(run, CSN_CODE_EVIDENCE, event);
}

static int
enter_evidence(struct csgn1_run *run, const struct csn_event *event)
{
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = run->item_type,
		.did = CSN_BYTES_OF(run->st.did),
		.device_class = run->device.class_name[0] != '\0' ? run->device.class_name : NULL,
		.unix_s = event->unix_s,
	};

	if (run->two_way)
		evidence.challenge = CSN_BYTES_OF(run->hello.challenge);
	if (run->item == 0 && !all_present(run))
		return csgn1_refuse(run, CSN_CODE_EVIDENCE, event);
	if (run->record || !next_item(run, &evidence.value))
		return csgn1_go(run, PHASE_DECIDE, event);
	int r = run->session->ops->verify(run->session, run->call, &evidence);
	if (r == CSN_OK)
		return CSN_OK;
	if (run->item_needed)
		return refuse_evidence(run, event, "no verifier for it");
	run->item++;
	return csgn1_go(run, PHASE_EVIDENCE, event);
}

static int
leave_evidence(struct csgn1_run *run, const struct csn_event *event)
{
	const struct csn_verdict *verdict = event->verdict;
	uint32_t judgement = event->result == CSN_OK && verdict != NULL ? verdict->judgement :
	                                                                  CSN_UNDECIDED;

	/* Nobody to ask is no harm for an item nobody asked for; a no always is. */
	if (judgement != CSN_ACCEPTED && (run->item_needed || judgement != CSN_UNDECIDED))
		return refuse_evidence(run, event,
		                       judgement == CSN_REJECTED ? verdict->reason :
		                                                   "no verifier decided");
	run->item++;
	return csgn1_go(run, PHASE_EVIDENCE, event);
}

static const struct {
	uint32_t    stage;
	const char *name;
} stages[] = {
	{ CSN_STAGE_SEEN, "seen" },
	{ CSN_STAGE_BOOTSTRAPPED, "bootstrapped" },
	{ CSN_STAGE_KEYED, "keyed" },
	{ CSN_STAGE_AUTHENTICATED, "authenticated" },
	{ CSN_STAGE_ATTESTED, "attested" },
	{ CSN_STAGE_AUTHORISED, "authorised" },
};

static int
policy_said_no(struct csgn1_run *run, const struct csn_event *event)
{
	return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                 "the station's policy does not let the device be %s",
	                 stages[run->stage].name);
}

static int
enter_decide(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->decide(run->session, run->call, stages[run->stage].stage);

	return r < 0 ? policy_said_no(run, event) : CSN_OK;
}

static int
leave_decide(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return policy_said_no(run, event);
	if (++run->stage < sizeof stages / sizeof stages[0])
		return csgn1_go(run, PHASE_DECIDE, event);
	return csgn1_go(run, run->pin ? PHASE_PIN : PHASE_VOUCHER, event);
}

/* Digits without bias: bytes of 250 and more are thrown away. */
static int
draw_pin(struct csgn1_run *run)
{
	uint8_t  byte = 0;
	uint32_t len = run->self->pin_digits;

	for (uint32_t i = 0; i < len;) {
		int r = run->session->ops->random(run->session, &byte, 1);
		if (r < 0)
			return r;
		if (byte < 250)
			run->pin_text[i++] = (char)('0' + byte % 10);
	}
	run->pin_text[len] = '\0';
	csn_wipe(&byte, sizeof byte);
	return CSN_OK;
}

static int
enter_pin(struct csgn1_run *run, const struct csn_event *event)
{
	struct csn_prompt prompt = {
		.size = sizeof prompt,
		.question = CSN_ASK_PIN,
		.min_len = CSN_PIN_MIN,
		.max_len = CSN_PIN_MAX,
		.text = "PIN of the device",
	};
	int r = CSN_OK;

	if (run->st.cost == 0)
		return csgn1_refuse(run, CSN_CODE_MODE_POLICY, event);
	/* Two way the device holds a record of its own PIN: nothing to draw. */
	if (run->self->pin_generate && !run->two_way) {
		r = draw_pin(run);
		prompt.question = CSN_TELL;
		prompt.text = "type this PIN at the device when it asks";
		prompt.code = run->pin_text;
	}
	if (r == CSN_OK)
		r = run->session->ops->ask(run->session, run->call, &prompt);
	return r < 0 ? csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                         "nobody could be asked for the PIN: %s", csgn1_why(r)) :
	               CSN_OK;
}

static int
leave_pin(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "no PIN: %s",
		                 csgn1_why(event->result));
	if (run->pin_text[0] == '\0') {
		if (!csn_pin_valid(event->bytes))
			return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
			                 "a PIN has %d to %d digits", CSN_PIN_MIN,
			                 CSN_PIN_MAX);
		memcpy(run->pin_text, event->bytes.ptr, event->bytes.len);
	}
	return csgn1_go(run, PHASE_VOUCHER, event);
}

const struct csgn1_step *
csgn1_prepare_step(uint32_t phase)
{
	static const struct csgn1_step steps[PHASE_VOUCHER] = {
		[PHASE_ANNOUNCE] = { CSN_EVENT_SENT, enter_announce, leave_announce },
		[PHASE_HELLO] = { 0, enter_hello, NULL },
		[PHASE_BLOCKED] = { CSN_EVENT_LOADED, enter_blocked, leave_blocked },
		[PHASE_RUNG] = { CSN_EVENT_LOADED, enter_rung, leave_rung },
		[PHASE_EVIDENCE] = { CSN_EVENT_VERDICT, enter_evidence, leave_evidence },
		[PHASE_DECIDE] = { CSN_EVENT_DECIDED, enter_decide, leave_decide },
		[PHASE_PIN] = { CSN_EVENT_ANSWER, enter_pin, leave_pin },
	};

	return phase < PHASE_VOUCHER && steps[phase].enter != NULL ? &steps[phase] : NULL;
}
