/*
 * The ceremony csgn1-device over a session that this test plays: what is committed in
 * one transaction, what is asked before, what is sent and how it ends.
 */
#define _GNU_SOURCE /* memmem */

#include "kit/fakehost.h"
#include "kit/tap.h"

#include <unistd.h>

#include <jansson.h>

#include "lib/csgn1.h"
#include "plugins/ceremony/csgn1-device/csgn1-device.h"

#define NS_PER_S UINT64_C(1000000000)

enum { EVENTS_MAX = 32, BYTES_MAX = 16384, STAGES_MAX = 16 };

struct answer {
	uint32_t type, call;
	int32_t  result;
	size_t   len;
	uint8_t  bytes[BYTES_MAX];
};

struct stored {
	bool    there;
	size_t  len;
	uint8_t bytes[BYTES_MAX];
};

/* The session: keeps what it was asked and answers later, as the core does. */
struct fake {
	struct csn_session pub;
	void              *run;
	struct answer      queue[EVENTS_MAX];
	size_t             head, count;
	struct stored      state, body, m3, sent, audit;
	uint32_t           stages[STAGES_MAX], stage_count, refuse_stage;
	unsigned           commits, audits, listens, asks, sends;
	unsigned           listened_at_commit; /* the first one                 */
	int                commit_result;
	bool               body_before_gate;
	bool               nobody; /* what is sent is not taken              */
	const char        *pin;
	char               told[32];
	uint64_t           now_ns, timer_ns;
	uint32_t           timer_call;
	uint32_t           outcome, code;
	bool               finished;
	char               text[128];
};

static struct fake fake;

static void
put(struct stored *stored, struct csn_bytes bytes)
{
	if (bytes.len > sizeof stored->bytes)
		abort();
	stored->there = true;
	stored->len = bytes.len;
	if (bytes.len > 0)
		memcpy(stored->bytes, bytes.ptr, bytes.len);
}

static int
later(uint32_t type, uint32_t call, int result, const void *bytes, size_t len)
{
	struct answer *answer = &fake.queue[(fake.head + fake.count) % EVENTS_MAX];

	if (fake.count == EVENTS_MAX || len > BYTES_MAX || call == 0)
		abort();
	fake.count++;
	*answer = (struct answer){ .type = type, .call = call, .result = result, .len = len };
	if (len > 0)
		memcpy(answer->bytes, bytes, len);
	return CSN_OK;
}

static int
fake_send(struct csn_session *s, uint32_t call, uint32_t role, struct csn_bytes message)
{
	(void)s;
	if (role != CSN_ROLE_RETURN)
		return CSN_E_MISSING;
	put(&fake.sent, message);
	fake.sends++;
	if (fake.nobody)
		return CSN_OK;
	return later(CSN_EVENT_SENT, call, CSN_OK, NULL, 0);
}

static int
fake_listen(struct csn_session *s, uint32_t role)
{
	(void)s;
	fake.listens |= 1u << role;
	return CSN_OK;
}

static int
fake_ask(struct csn_session *s, uint32_t call, const struct csn_prompt *prompt)
{
	(void)s;
	fake.asks += prompt->question == CSN_ASK_PIN;
	if (prompt->question == CSN_TELL) {
		snprintf(fake.told, sizeof fake.told, "%s", prompt->code);
		return later(CSN_EVENT_ANSWER, call, CSN_OK, NULL, 0);
	}
	if (fake.pin == NULL)
		return later(CSN_EVENT_ANSWER, call, CSN_E_TIMEOUT, NULL, 0);
	return later(CSN_EVENT_ANSWER, call, CSN_OK, fake.pin, strlen(fake.pin));
}

static int
fake_load(struct csn_session *s, uint32_t call, const char *space, struct csn_bytes key)
{
	(void)s;
	if (strcmp(space, "device") != 0 || key.len != 5 || !fake.state.there)
		return later(CSN_EVENT_LOADED, call, CSN_E_MISSING, NULL, 0);
	return later(CSN_EVENT_LOADED, call, CSN_OK, fake.state.bytes, fake.state.len);
}

static bool
authorised(void)
{
	return fake.stage_count > 0 && fake.stages[fake.stage_count - 1] == CSN_STAGE_AUTHORISED;
}

static int
fake_commit(struct csn_session *s, uint32_t call, const struct csn_store_item *items,
            size_t count)
{
	(void)s;
	if (fake.commits++ == 0)
		fake.listened_at_commit = fake.listens;
	for (size_t i = 0; i < count && fake.commit_result == CSN_OK; i++) {
		if (items[i].kind == CSN_ITEM_AUDIT) {
			put(&fake.audit, items[i].value);
			fake.audits++;
		} else if (strcmp(items[i].space, "device") == 0) {
			put(&fake.state, items[i].value);
		} else if (strcmp(items[i].space, "staged") == 0) {
			put(&fake.body, items[i].value);
			fake.body_before_gate = !authorised();
		} else if (strcmp(items[i].space, "receipt") == 0) {
			put(&fake.m3, items[i].value);
		}
	}
	return later(CSN_EVENT_COMMITTED, call, fake.commit_result, NULL, 0);
}

static int
fake_decide(struct csn_session *s, uint32_t call, uint32_t stage)
{
	(void)s;
	if (stage == fake.refuse_stage)
		return later(CSN_EVENT_DECIDED, call, CSN_E_REFUSED, NULL, 0);
	if (fake.stage_count == STAGES_MAX)
		abort();
	fake.stages[fake.stage_count++] = stage;
	return later(CSN_EVENT_DECIDED, call, CSN_OK, NULL, 0);
}

static int
fake_timer(struct csn_session *s, uint32_t call, uint64_t delay_ms)
{
	(void)s;
	fake.timer_call = call;
	fake.timer_ns = fake.now_ns + delay_ms * 1000000;
	return CSN_OK;
}

static int
fake_random(struct csn_session *s, void *out, size_t len)
{
	(void)s;
	memset(out, 0x5a, len);
	return CSN_OK;
}

static int
fake_fact(struct csn_session *s, const char *name, const char *value)
{
	(void)s;
	return name == NULL || value == NULL ? CSN_E_INVALID : CSN_OK;
}

static void
fake_transcript(struct csn_session *s, const uint8_t hash[32])
{
	(void)s;
	(void)hash;
}

static void
fake_finish(struct csn_session *s, uint32_t outcome, uint32_t code, const char *text)
{
	(void)s;
	if (fake.finished)
		abort();
	fake.finished = true;
	fake.outcome = outcome;
	fake.code = code;
	snprintf(fake.text, sizeof fake.text, "%s", text);
}

static const struct csn_session_ops fake_ops = {
	.size       = sizeof fake_ops,
	.send       = fake_send,
	.listen     = fake_listen,
	.ask        = fake_ask,
	.load       = fake_load,
	.commit     = fake_commit,
	.decide     = fake_decide,
	.timer      = fake_timer,
	.random     = fake_random,
	.fact       = fake_fact,
	.transcript = fake_transcript,
	.finish     = fake_finish,
};

/* --- Driving --------------------------------------------------------------------- */

static void
step(struct csn_event ev)
{
	ev.size = sizeof ev;
	ev.now_ns = fake.now_ns;
	tap_failed += csgn1_device_ops.step(fake.run, &ev) != CSN_OK;
}

/* Delivers answers until none is left. */
static void
settle(void)
{
	static struct answer answer;

	while (fake.count > 0 && !fake.finished) {
		answer = fake.queue[fake.head];
		fake.head = (fake.head + 1) % EVENTS_MAX;
		fake.count--;
		step((struct csn_event){ .type   = answer.type,
		                         .call   = answer.call,
		                         .result = answer.result,
		                         .bytes  = { answer.bytes, answer.len } });
	}
}

static void
message_only(uint32_t role, struct csn_bytes bytes)
{
	step((struct csn_event){ .type   = CSN_EVENT_MESSAGE,
	                         .role   = role,
	                         .medium = role == CSN_ROLE_BIND ? "ultrasonic" : "qr",
	                         .at_ns  = fake.now_ns,
	                         .bytes  = bytes });
}

static void
message(uint32_t role, struct csn_bytes bytes)
{
	message_only(role, bytes);
	settle();
}

/* One run over what the store holds; the next one may follow. */
static void
begin(struct csgn1_device *self)
{
	const struct csn_begin begin = { .size = sizeof begin, .side = CSN_SIDE_DEVICE };
	struct stored          state = fake.state;
	const char            *pin = fake.pin;
	uint32_t               refuse_stage = fake.refuse_stage;
	int                    commit_result = fake.commit_result;

	memset(&fake, 0, sizeof fake);
	fake.pub.ops = &fake_ops;
	fake.state = state;
	fake.pin = pin;
	fake.refuse_stage = refuse_stage;
	fake.commit_result = commit_result;
	fake.now_ns = 1000 * NS_PER_S;
	if (csgn1_device_ops.begin(self, &fake.pub, &begin, &fake.run, NULL) != CSN_OK)
		abort();
	step((struct csn_event){ .type = CSN_EVENT_START });
	settle();
}

static void
end(void)
{
	csgn1_device_ops.end(fake.run);
	fake.run = NULL;
}

/* --- The vectors ----------------------------------------------------------------- */

static uint8_t pool[1 << 20];
static size_t  pool_used;

static struct csn_bytes
unhex_text(const char *text)
{
	size_t   len = text == NULL ? 0 : strlen(text) / 2;
	uint8_t *out = pool + pool_used;

	if (len > sizeof pool - pool_used)
		abort();
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			abort();
		out[i] = (uint8_t)byte;
	}
	pool_used += len;
	return (struct csn_bytes){ out, len };
}

static struct csn_bytes
unhex(const json_t *object, const char *key)
{
	return unhex_text(json_string_value(json_object_get(object, key)));
}

static void
state_in_store(const json_t *device, const struct csn_crypto *crypto)
{
	static struct csn_device_state state;
	const json_t           *certs = json_object_get(device, "identity_chain");
	const char             *model = json_string_value(json_object_get(device, "class"));
	struct csn_bytes        sid = unhex(device, "last_sid"), m3 = unhex(device, "last_m3");
	struct csn_device_birth birth = {
		.suite        = (uint8_t)json_integer_value(json_object_get(device, "suite")),
		.cost         = (uint8_t)json_integer_value(json_object_get(device, "cost")),
		.modes        = 0x5f,
		.seed         = unhex(device, "seed"),
		.model        = { (const uint8_t *)model, strlen(model) },
		.maker_spki   = unhex(device, "maker_spki"),
		.owner_spki   = unhex(device, "owner_spki"),
		.identity_key = unhex(device, "identity_key"),
		.cert_count   = json_array_size(certs),
	};

	for (size_t i = 0; i < birth.cert_count && i < 3; i++)
		birth.certs[i] = unhex_text(json_string_value(json_array_get(certs, i)));
	if (csn_device_state_init(crypto, &birth, &state) != CSN_OK)
		abort();
	if (sid.len == sizeof state.last_sid) {
		state.has_last = 1;
		memcpy(state.last_sid, sid.ptr, sid.len);
		memcpy(state.last_m3.b, m3.ptr, m3.len);
		state.last_m3.len = (uint16_t)m3.len;
	}
	fake.state.there = true;
	if (csn_device_state_encode(&state, fake.state.bytes, sizeof fake.state.bytes,
	                            &fake.state.len) != CSN_OK)
		abort();
}

static json_t *
load(const char *file)
{
	const char *dir = getenv("CSN_VECTORS");
	char        path[4096];

	snprintf(path, sizeof path, "%s/%s",
	         dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1", file);
	return access(path, R_OK) == 0 ? json_load_file(path, 0, NULL) : NULL;
}

/* The row @name of an array file, or the vector of a positive file. */
static const json_t *
row_of(const json_t *root, const char *name)
{
	const json_t *row;
	size_t        i;

	json_array_foreach(root, i, row)
		if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			return row;
	return json_object_get(root, "vector");
}

static uint32_t
next_rung(void)
{
	static struct csn_device_state state;

	if (csn_device_state_decode((struct csn_bytes){ fake.state.bytes, fake.state.len },
	                            &state) != CSN_OK)
		return UINT32_MAX;
	return state.next;
}

static bool
same(const struct stored *stored, struct csn_bytes want)
{
	return stored->there && stored->len == want.len &&
	       memcmp(stored->bytes, want.ptr, want.len) == 0;
}

/* --- Tests ----------------------------------------------------------------------- */

/* One device, its agent and the messages of one row. */
struct scene {
	struct csgn1_device *self;
	json_t              *root;
	const json_t        *row;
	struct csn_bytes     m1, m2;
};

static struct csn_bytes
turned(struct csn_bytes bytes, size_t at)
{
	uint8_t *copy = pool + pool_used;

	memcpy(copy, bytes.ptr, bytes.len);
	pool_used += bytes.len;
	copy[at] ^= 1;
	return (struct csn_bytes){ copy, bytes.len };
}

/* Killed between its commit and the activation; a station's file comes only once. */
static void
check_left_over(struct scene *s)
{
	static struct csn_device_state state;
	struct stored                 *row = &fake.state;

	if (csn_device_state_decode((struct csn_bytes){ row->bytes, row->len }, &state) < 0)
		abort();
	state.active = 0;
	csn_device_state_encode(&state, row->bytes, sizeof row->bytes, &row->len);
	begin(s->self);
	tap_ok(fake.commits == 1 && fake.listened_at_commit == 0,
	       "what is left to activate is done before it listens");
	tap_ok(fake.listens == (1u << CSN_ROLE_OFFER | 1u << CSN_ROLE_BIND) && !fake.finished,
	       "and then it listens");
	end();
}

static void
test_accepted(struct scene *s)
{
	static const uint32_t order[] = { CSN_STAGE_SEEN, CSN_STAGE_OOB_CONFIRMED,
		                          CSN_STAGE_AUTHENTICATED, CSN_STAGE_AUTHORISED,
		                          CSN_STAGE_DELIVERED, CSN_STAGE_ENROLLED };
	const json_t *expect = json_object_get(s->row, "expect");

	begin(s->self);
	tap_ok(fake.listens == (1u << CSN_ROLE_OFFER | 1u << CSN_ROLE_BIND),
	       "it listens for offer and bind");
	message(CSN_ROLE_OFFER, turned(s->m1, 24));
	tap_ok(fake.commits == 0 && !fake.finished, "an offer for another device leaves no trace");
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_OFFER, s->m1);
	tap_ok(fake.timer_call != 0 && fake.commits == 0, "an offer seen twice waits for its bind");
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_ENROLLED && fake.code == 0,
	       "both together enrol");
	tap_ok(same(&fake.body, unhex(expect, "body")) && same(&fake.m3, unhex(expect, "done")) &&
	           fake.audits == 1 && fake.commits == 2 && !fake.body_before_gate,
	       "body, M3 and audit entry are committed once, after the gate");
	tap_ok(fake.stage_count == 6 && memcmp(fake.stages, order, sizeof order) == 0,
	       "the stages are entered in order");
	tap_is(fake.sends, 0, "one way nothing is sent");
	end();
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	tap_ok(!fake.finished && fake.commits == 0,
	       "the next session does not mind the old offer on the screen");
	end();
	check_left_over(s);
}

static void
test_receipt(struct scene *s)
{
	begin(s->self);
	s->self->send_receipt = 1;
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.sends == 1 && same(&fake.sent, unhex(json_object_get(s->row, "expect"), "done")) &&
	           fake.finished && fake.outcome == CSN_OUTCOME_ENROLLED,
	       "with send_receipt M3 goes home one way, too, before the end");
	end();
}

static void
test_nobody_there(struct scene *s)
{
	begin(s->self);
	s->self->send_receipt = 1;
	fake.nobody = true;
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.commits == 2 && fake.sends == 1 && !fake.finished,
	       "after its commit a device waits until its answer is carried");
	tap_is((long long)(fake.timer_ns - fake.now_ns), 30 * (long long)NS_PER_S, "for half a minute");
	fake.now_ns = fake.timer_ns;
	step((struct csn_event){ .type = CSN_EVENT_TIMER, .call = fake.timer_call });
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_ENROLLED,
	       "then it ends all the same: what is committed does not hang on the answer");
	end();
}

static void
test_refused(struct scene *s)
{
	static const char *text = "the offer was refused";

	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, turned(s->m2, CSN_M2_LEN - 1));
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_REFUSED &&
	           fake.code == CSN_CODE_BIND_TAG && strcmp(fake.text, text) == 0,
	       "a wrong tag ends refused, with one text for outside");
	tap_ok(fake.audits == 1 && !fake.body.there && next_rung() == 0,
	       "it is audited and stages nothing");
	tap_ok(csn_dcbor_check((struct csn_bytes){ fake.audit.bytes, fake.audit.len }) == CSN_OK &&
	           memmem(fake.audit.bytes, fake.audit.len, "\x64" "code\x18\x7e", 7) != NULL,
	       "the entry holds the exact code");
	end();
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	tap_ok(!fake.finished && fake.commits == 0, "seen again in the next session: nothing");
	end();
}

static void
test_policy(struct scene *s)
{
	fake.refuse_stage = CSN_STAGE_AUTHORISED;
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_REFUSED &&
	           fake.code == CSN_CODE_POLICY && !fake.body.there && next_rung() == 0,
	       "a policy that says no refuses (180) and the rung is unused");
	end();
}

static void
test_store_fails(struct scene *s)
{
	fake.commit_result = CSN_E_IO;
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_REFUSED &&
	           fake.code == CSN_CODE_STORE && next_rung() == 0,
	       "a commit that fails refuses (190)");
	end();
}

static void
test_pin(struct scene *s)
{
	fake.pin = json_string_value(json_object_get(s->row, "pin"));
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.asks == 1 && fake.finished && fake.outcome == CSN_OUTCOME_ENROLLED,
	       "a PIN is asked for and taken");
	end();
}

static void
test_no_pin(struct scene *s)
{
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.asks == 1 && fake.finished && fake.code == CSN_CODE_PIN_MISSING,
	       "nobody types: refused (160)");
	end();
}

static void
test_role(struct scene *s)
{
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message(CSN_ROLE_BIND, s->m2);
	tap_ok(fake.finished && fake.code == CSN_CODE_POLICY && !fake.body.there,
	       "a role of refuse_roles refuses (180)");
	end();
}

static void
test_resend(struct scene *s)
{
	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	tap_ok(same(&fake.sent, unhex(json_object_get(s->row, "expect"), "resend")) &&
	           !fake.finished && fake.commits == 0,
	       "the offer of the last commit is answered with the stored M3");
	message(CSN_ROLE_OFFER, s->m1);
	tap_is(fake.sends, 1, "not for every picture of it");
	end();
}

static void
test_code(struct scene *s)
{
	struct csn_bytes did = unhex(json_object_get(s->row, "device"), "did");
	char want[16];

	begin(s->self);
	tap_ok(fake.told[0] == '\0', "nothing is shown unasked");
	end();
	snprintf(want, sizeof want, "%02x%02x %02x%02x %02x%02x", did.ptr[0], did.ptr[1],
	         did.ptr[2], did.ptr[3], did.ptr[4], did.ptr[5]);
	s->self->show_code = 1;
	begin(s->self);
	tap_ok(strcmp(fake.told, want) == 0 && !fake.finished,
	       "with show_code the head of its id is shown: %s", fake.told);
	end();
}

static void
test_hello(struct scene *s)
{
	struct csn_bytes m0a = unhex(json_object_get(s->root, "trace"), "M0a");
	struct csn_m0b   m0b;

	begin(s->self);
	message(CSN_ROLE_OFFER, m0a);
	tap_ok(fake.sends == 1 &&
	           csn_m0b_parse((struct csn_bytes){ fake.sent.bytes, fake.sent.len }, &m0b) == 0 &&
	           m0b.evidence_len == 1 && memcmp(m0b.evidence[0].type.ptr, "x509", 4) == 0,
	       "M0a is answered with a hello and x509 evidence");
	fake.now_ns = fake.timer_ns;
	step((struct csn_event){ .type = CSN_EVENT_TIMER, .call = fake.timer_call });
	settle();
	tap_ok(!s->self->dev.greeting.live && !fake.finished, "the timer ends the hello quietly");
	end();
}

static void
test_stop(struct scene *s)
{
	begin(s->self);
	step((struct csn_event){ .type = CSN_EVENT_STOP });
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_REFUSED, "stopped while waiting");
	end();

	begin(s->self);
	message(CSN_ROLE_OFFER, s->m1);
	message_only(CSN_ROLE_BIND, s->m2);
	for (int i = 0; i < 4 && fake.commits == 0; i++) { /* up to the commit   */
		struct answer answer = fake.queue[fake.head];

		fake.head = (fake.head + 1) % EVENTS_MAX;
		fake.count--;
		step((struct csn_event){ .type = answer.type, .call = answer.call });
	}
	tap_ok(fake.commits == 1 && !fake.finished, "the commit is out");
	step((struct csn_event){ .type = CSN_EVENT_STOP });
	tap_ok(!fake.finished, "stopped while committing it waits");
	settle();
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_ENROLLED,
	       "and says what is true: enrolled");
	end();
}

static void
test_no_state(struct scene *s)
{
	static const uint8_t damaged[] = { 0x81, 0x00 };

	fake.state.there = false;
	begin(s->self);
	tap_ok(fake.finished && fake.outcome == CSN_OUTCOME_REFUSED && fake.listens == 0,
	       "without a state it ends before it listens");
	end();
	put(&fake.state, CSN_BYTES_OF(damaged));
	begin(s->self);
	tap_ok(fake.finished && fake.listens == 0, "with a damaged state, too");
	end();
}

static void
test_begin(struct scene *s)
{
	struct csn_begin station = { .size = sizeof station, .side = CSN_SIDE_STATION };
	struct csn_begin device = { .size = sizeof device, .side = CSN_SIDE_DEVICE };
	void            *run = NULL;

	tap_is(csgn1_device_ops.begin(s->self, &fake.pub, &station, &run, NULL),
	       CSN_E_UNSUPPORTED, "it is no station");
	begin(s->self);
	tap_is(csgn1_device_ops.begin(s->self, &fake.pub, &device, &run, NULL), CSN_E_BUSY,
	       "one session at a time");
	end();
	csgn1_device_ops.end(NULL);
}

static const struct {
	const char *file, *name, *roles;
	void (*test)(struct scene *s);
} tests[] = {
	{ "oneway-s1.json", "", "a", test_accepted },
	{ "oneway-full-s2.json", "", "a", test_accepted },
	{ "oneway-s1.json", "", "a", test_receipt },
	{ "oneway-s1.json", "", "a", test_nobody_there },
	{ "oneway-s1.json", "", "a", test_refused },
	{ "oneway-s1.json", "", "a", test_policy },
	{ "oneway-s1.json", "", "a", test_store_fails },
	{ "oneway-pin-s1.json", "", "a", test_pin },
	{ "oneway-pin-s1.json", "", "a", test_no_pin },
	{ "negative.json", "policy-s1", "admin, root", test_role },
	{ "accept.json", "resend-s1", "a", test_resend },
	{ "twoway-s2.json", "", "a", test_hello },
	{ "twoway-s2.json", "", "a", test_code },
	{ "oneway-s1.json", "", "a", test_stop },
	{ "oneway-s1.json", "", "a", test_no_state },
	{ "oneway-s1.json", "", "a", test_begin },
};

static void
run_test(struct fakehost *host, size_t i)
{
	const char *const options[] = { "refuse_roles", tests[i].roles, "evidence", "x509", NULL };
	struct scene      s = { .root = load(tests[i].file) };
	struct csn_error  err = { 0 };
	void             *self;

	if (s.root == NULL) {
		tap_skip(tests[i].file, "no such file; set CSN_VECTORS");
		return;
	}
	tap_note("with %s %s", tests[i].file, tests[i].name);
	if (fakehost_create(host, &csgn1_device_component, options, &self, &err) != CSN_OK) {
		tap_ok(false, "the component is made: %s", err.text);
		json_decref(s.root);
		return;
	}
	pool_used = 0;
	memset(&fake, 0, sizeof fake);
	fake.pub.ops = &fake_ops;
	s.self = self;
	s.row = row_of(s.root, tests[i].name);
	s.m1 = unhex(s.row, "offer");
	s.m2 = unhex(s.row, "bind");
	state_in_store(json_object_get(s.row, "device"), &s.self->crypto);
	tests[i].test(&s);
	csgn1_device_destroy(self);
	json_decref(s.root);
}

int
main(void)
{
	struct fakehost *host = fakehost_new(false);

	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		run_test(host, i);
	csgn1_device_destroy(NULL);
	fakehost_free(host);
	return tap_done();
}
