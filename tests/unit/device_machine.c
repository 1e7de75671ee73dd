/*
 * The device's state machine beyond the vectors: time, repeats, rate limits, what is
 * durable before what, and what is left in memory.
 */
#include "kit/tap.h"

#include <unistd.h>

#include <jansson.h>

#include "device/device.h"
#include "lib/cert.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"

#define NS_PER_S UINT64_C(1000000000)

static const struct csn_device_policy no_policy;

/* One device and the messages one vector file holds for it. */
struct bench {
	json_t                 *root;
	struct csn_device       dev;
	struct csn_device_state born;
	struct csn_bytes        m1, m2, m0a;
	const char             *pin;
	unsigned                commits, audits, last_kind;
	struct csn_device_audit audit;
	struct csn_device_state durable;
	int                     store_result; /* of the next commits           */
	uint64_t                now_s, unix_s;
	uint32_t                clock_trusted;
	const char             *offer_medium, *bind_medium;
	uint8_t                 buf[CSN_M1_MAX];
};

static uint8_t pool[1 << 20];
static size_t  pool_used;

static struct csn_bytes
unhex(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	size_t      len = text == NULL ? 0 : strlen(text) / 2;
	uint8_t    *out = pool + pool_used;

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

static uint8_t
modes_of(const json_t *device)
{
	const json_t *modes = json_object_get(device, "modes");
	unsigned      set = 0;

	for (size_t i = 0; i < json_array_size(modes); i++)
		set |= 1u << json_integer_value(json_array_get(modes, i));
	return (uint8_t)set;
}

static struct csn_device_birth
birth_of(const json_t *device)
{
	const json_t           *certs = json_object_get(device, "identity_chain");
	const json_t           *pake = json_object_get(device, "pake");
	const char             *model = json_string_value(json_object_get(device, "class"));
	struct csn_device_birth birth = {
		.suite        = (uint8_t)json_integer_value(json_object_get(device, "suite")),
		.cost         = (uint8_t)json_integer_value(json_object_get(device, "cost")),
		.modes        = modes_of(device),
		.floor        = (uint32_t)json_integer_value(json_object_get(device, "floor")),
		.seed         = unhex(device, "seed"),
		.model        = { (const uint8_t *)model, strlen(model) },
		.maker_spki   = unhex(device, "maker_spki"),
		.owner_spki   = unhex(device, "owner_spki"),
		.identity_key = unhex(device, "identity_key"),
		.w0           = unhex(pake, "w0"),
		.l            = unhex(pake, "L"),
	};

	for (size_t i = 0; i < json_array_size(certs) && i < 3; i++) {
		json_t *one = json_pack("{s:O}", "der", json_array_get(certs, i));

		birth.certs[birth.cert_count++] = unhex(one, "der");
		json_decref(one);
	}
	return birth;
}

static const json_t *
vector_of(const struct bench *b)
{
	return json_object_get(b->root, "vector");
}

static void
bench_restart(struct bench *b, const struct csn_device_state *state)
{
	csn_device_init(&b->dev, csn_crypto_openssl(), &no_policy, b->buf, sizeof b->buf);
	csn_device_load(&b->dev, state, b->now_s * NS_PER_S);
	b->durable = *state;
	b->store_result = CSN_OK;
	b->commits = b->audits = 0;
}

static const char *
vector_dir(void)
{
	const char *dir = getenv("CSN_VECTORS");

	return dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1";
}

/* Makes the row @name of an array file look like a positive file. */
static json_t *
as_vector(json_t *rows, const char *name)
{
	json_t *row, *root = NULL;
	size_t  i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			root = json_pack("{s:O}", "vector", row);
	json_decref(rows);
	return root;
}

static bool
bench_init(struct bench *b, const char *file, const char *row)
{
	char path[4096];

	memset(b, 0, sizeof *b);
	pool_used = 0;
	snprintf(path, sizeof path, "%s/%s", vector_dir(), file);
	b->root = json_load_file(path, 0, NULL);
	if (b->root != NULL && row != NULL)
		b->root = as_vector(b->root, row);
	if (b->root == NULL)
		return tap_ok(false, "%s is there", file);

	struct csn_device_birth birth = birth_of(json_object_get(vector_of(b), "device"));
	if (csn_device_state_init(csn_crypto_openssl(), &birth, &b->born) != CSN_OK)
		return tap_ok(false, "%s: the device can be made", file);
	b->m1 = unhex(vector_of(b), "offer");
	b->m2 = unhex(vector_of(b), "bind");
	b->m0a = unhex(json_object_get(b->root, "trace"), "M0a");
	b->pin = json_string_value(json_object_get(vector_of(b), "pin"));
	b->now_s = 1000;
	b->offer_medium = "qr";
	b->bind_medium = "ultrasonic";
	bench_restart(b, &b->born);
	return true;
}

static void
bench_done(struct bench *b)
{
	csn_device_done(&b->dev);
	json_decref(b->root);
}

static struct csn_device_action
feed(struct bench *b, uint32_t type, uint32_t role, struct csn_bytes bytes, int32_t result)
{
	struct csn_device_event ev = {
		.type   = type,
		.role   = role,
		.medium = role == CSN_ROLE_BIND ? b->bind_medium : b->offer_medium,
		.at_ns  = b->now_s * NS_PER_S,
		.now_ns = b->now_s * NS_PER_S,
		.bytes  = bytes,
		.result = result,
		.unix_s        = b->unix_s,
		.clock_trusted = b->clock_trusted,
	};

	return csn_device_event(&b->dev, &ev);
}

/* Does the host's part until the device has said its last about @a. */
static struct csn_device_action
settle(struct bench *b, struct csn_device_action a)
{
	while (a.type == CSN_DEVICE_COMMIT) {
		b->commits++;
		b->last_kind = a.commit.kind;
		if (a.commit.audit != NULL) {
			b->audits++;
			b->audit = *a.commit.audit;
		}
		if (b->store_result == CSN_OK)
			b->durable = *a.commit.state;
		a = feed(b, CSN_DEVICE_COMMITTED, 0, CSN_BYTES_NONE, b->store_result);
	}
	return a;
}

static struct csn_device_action
offer(struct bench *b, struct csn_bytes m1)
{
	return settle(b, feed(b, CSN_DEVICE_MESSAGE, CSN_ROLE_OFFER, m1, CSN_OK));
}

static struct csn_device_action
bind(struct bench *b, struct csn_bytes m2)
{
	return settle(b, feed(b, CSN_DEVICE_MESSAGE, CSN_ROLE_BIND, m2, CSN_OK));
}

static struct csn_device_action
timer(struct bench *b)
{
	return settle(b, feed(b, CSN_DEVICE_TIMER, 0, CSN_BYTES_NONE, CSN_OK));
}

static struct csn_device_action
type_pin(struct bench *b, const char *pin)
{
	struct csn_bytes bytes = { (const uint8_t *)pin, pin == NULL ? 0 : strlen(pin) };

	return settle(b, feed(b, CSN_DEVICE_PIN, 0, bytes, CSN_OK));
}

/* A copy of @bytes with bit 0 of byte @at turned. */
static struct csn_bytes
turned(struct csn_bytes bytes, size_t at)
{
	uint8_t *copy = pool + pool_used;

	if (bytes.len > sizeof pool - pool_used)
		abort();
	memcpy(copy, bytes.ptr, bytes.len);
	copy[at] ^= 1;
	pool_used += bytes.len;
	return (struct csn_bytes){ copy, bytes.len };
}

/* M2 with a wrong tag: refused 126 once its M1 is there. */
static struct csn_bytes
bad_bind(const struct bench *b)
{
	return turned(b->m2, CSN_M2_LEN - 1);
}

static bool
zero(const void *ptr, size_t len)
{
	const uint8_t *bytes = ptr;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* Where the sid stands in M1: behind the heads of M1 and hdr and three small numbers. */
enum { SID_AT = 7, DID_AT = SID_AT + 17 };

static void
test_time(struct bench *b)
{
	struct csn_device_action a;

	bench_restart(b, &b->born);
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_WAIT && a.wake_ns == (b->now_s + 30) * NS_PER_S + 1,
	       "an offer waits 30 s for its bind");
	b->now_s += 30;
	tap_ok(timer(b).wake_ns != 0, "the 30th second is still in time");
	b->now_s += 1;
	a = timer(b);
	tap_ok(a.type == CSN_DEVICE_WAIT && a.wake_ns == 0 && b->commits == 0,
	       "then the offer is forgotten without a word");
	tap_ok(zero(b->buf, sizeof b->buf) && zero(&b->dev.s, sizeof b->dev.s),
	       "nothing of it is left in memory");
	offer(b, b->m1);
	tap_is(bind(b, b->m2).type, CSN_DEVICE_ACCEPTED, "seen again, it is taken");

	bench_restart(b, &b->born);
	a = bind(b, b->m2);
	tap_ok(a.type == CSN_DEVICE_WAIT && a.wake_ns == (b->now_s + 30) * NS_PER_S + 1,
	       "a bind that comes first is kept for 30 s");
	b->now_s += 31;
	timer(b);
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_WAIT && b->commits == 0,
	       "a bind that is forgotten is no late bind: the offer waits for the next");
	tap_is(bind(b, b->m2).type, CSN_DEVICE_ACCEPTED, "which is taken");
}

static void
test_repeats(struct bench *b)
{
	struct csn_device_action a;

	bench_restart(b, &b->born);
	offer(b, b->m1);
	b->now_s += 20;
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_IGNORED && a.wake_ns == (b->now_s + 30) * NS_PER_S + 1,
	       "the camera sees the offer again: only its time moves");
	a = offer(b, turned(b->m1, SID_AT));
	tap_ok(a.type == CSN_DEVICE_IGNORED && b->commits == 0,
	       "another offer meanwhile is ignored");
	a = bind(b, turned(b->m2, 1));
	tap_ok(a.type == CSN_DEVICE_IGNORED && a.code == CSN_CODE_BIND_SID && b->commits == 0,
	       "a bind for another session is ignored without audit");
	tap_is(bind(b, b->m2).type, CSN_DEVICE_ACCEPTED, "then its own bind is taken");
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_IGNORED && a.code == CSN_CODE_RUNG_USED && b->audits == 1,
	       "the offer still on the screen is no replay: no audit, no count");

	bench_restart(b, &b->born);
	offer(b, b->m1);
	a = bind(b, bad_bind(b));
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_BIND_TAG && b->audits == 1,
	       "a wrong tag refuses and is audited");
	tap_ok(zero(b->buf, sizeof b->buf) && zero(&b->dev.s, sizeof b->dev.s) &&
	           zero(&b->dev.pending, sizeof b->dev.pending),
	       "nothing of the refused offer is left in memory");
	for (int i = 0; i < 10; i++)
		a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_IGNORED && b->audits == 1 && b->dev.rate.count == 1,
	       "the refused offer on the screen counts once");
}

static void
test_not_mine(struct bench *b)
{
	struct csn_device_state  locked = b->born;
	struct csn_device_action a;

	bench_restart(b, &b->born);
	a = offer(b, turned(b->m1, DID_AT));
	tap_ok(a.type == CSN_DEVICE_IGNORED && a.code == CSN_CODE_NOT_MINE && b->commits == 0,
	       "an offer for another device is ignored without audit");
	locked.quarantined = 1;
	bench_restart(b, &locked);
	a = offer(b, turned(b->m1, DID_AT));
	tap_ok(a.type == CSN_DEVICE_IGNORED && b->commits == 0, "in quarantine, too");
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_QUARANTINED && b->audits == 1,
	       "an offer for a device in quarantine is refused and audited");
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_IGNORED && b->audits == 1, "once");
}

/* Refuses one more session, each with another sid. */
static struct csn_device_action
refuse_one(struct bench *b, uint8_t number)
{
	struct csn_bytes m1 = turned(b->m1, SID_AT), m2 = bad_bind(b);

	((uint8_t *)(uintptr_t)m1.ptr)[SID_AT] = number;
	((uint8_t *)(uintptr_t)m2.ptr)[1] = number;
	offer(b, m1);
	return bind(b, m2);
}

static void
test_rate(struct bench *b)
{
	struct csn_device_action a;
	uint64_t                 cool_ms[8];

	bench_restart(b, &b->born);
	for (uint8_t i = 0; i < 4; i++)
		a = refuse_one(b, i);
	tap_ok(a.code == CSN_CODE_BIND_TAG && b->audits == 1 && b->dev.rate.repeats == 3,
	       "equal refusals in a row are one audit entry with a count");
	tap_ok(b->dev.state.cool_until_ms == 0, "four refusals cool nothing");
	refuse_one(b, 4);
	tap_ok(b->durable.cool_until_ms == (b->now_s + 2) * 1000 && b->audits == 2 &&
	           b->audit.repeats == 3,
	       "the fifth cools for 2 s, durably, and tells the count");
	b->now_s += 1;
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_RATE_LIMITED,
	       "while it cools an offer is refused");
	a = offer(b, turned(b->m1, DID_AT));
	tap_is(a.type, CSN_DEVICE_IGNORED, "and one for another device ignored");
	b->now_s += 1;
	for (uint8_t i = 0; i < 8; i++) {
		refuse_one(b, (uint8_t)(16 + i));
		cool_ms[i] = b->dev.state.cool_until_ms - b->now_s * 1000;
		b->now_s = b->dev.state.cool_until_ms / 1000;
		if (i > 3) { /* long cooling outlasts the window: fill it again  */
			for (uint8_t k = 0; k < 4; k++)
				refuse_one(b, (uint8_t)(64 + 8 * i + k));
		}
	}
	tap_ok(cool_ms[0] == 4000 && cool_ms[1] == 8000 && cool_ms[2] == 16000,
	       "each further one doubles it");
	tap_ok(b->dev.state.cool_level <= 8 &&
	           b->dev.state.cool_until_ms <= b->now_s * 1000 + 256000,
	       "up to 256 s");

	b->now_s += 300;
	offer(b, b->m1);
	a = bind(b, b->m2);
	tap_ok(a.type == CSN_DEVICE_ACCEPTED && b->durable.cool_level == 0 &&
	           b->dev.rate.count == 0,
	       "one commit resets");

	for (int apart_s = 15; apart_s <= 16; apart_s++) {
		bench_restart(b, &b->born);
		for (uint8_t i = 0; i < 5; i++) {
			b->now_s += (uint64_t)apart_s;
			refuse_one(b, i);
		}
		tap_ok((b->durable.cool_until_ms != 0) == (apart_s == 15),
		       "five refusals %d s apart %s", apart_s, apart_s == 15 ? "cool" : "do not");
	}

	struct csn_device_state hot = b->born;
	hot.cool_until_ms = UINT64_MAX;
	hot.cool_level = 8;
	b->now_s = 5;
	bench_restart(b, &hot);
	tap_is((long long)b->dev.state.cool_until_ms, 261000,
	       "after a restart of the boot-time clock cooling lasts 256 s at most");
	b->now_s = 1000;
}

static void
test_store(struct bench *b)
{
	struct csn_device_state  half;
	struct csn_device_action a;

	bench_restart(b, &b->born);
	offer(b, b->m1);
	a = feed(b, CSN_DEVICE_MESSAGE, CSN_ROLE_BIND, b->m2, CSN_OK);
	tap_ok(a.type == CSN_DEVICE_COMMIT && a.commit.kind == CSN_DEVICE_ACCEPT &&
	           a.commit.body.len > 0 && a.commit.m3.len > 0 && a.commit.audit != NULL &&
	           a.send.len == 0 && a.commit.state->next == b->born.next + 1 &&
	           memcmp(a.commit.state->seed, b->born.seed, 32) != 0,
	       "rung, body, M3 and audit entry are one transaction and nothing is sent before");
	tap_is(b->dev.state.next, b->born.next, "until it is durable the rung is not used");
	half = *a.commit.state;
	b->store_result = CSN_E_REFUSED;
	a = settle(b, feed(b, CSN_DEVICE_COMMITTED, 0, CSN_BYTES_NONE, CSN_E_REFUSED));
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_POLICY,
	       "the host's policy can refuse in its place");
	tap_is(b->dev.state.next, b->born.next, "and the rung is still there");

	csn_device_init(&b->dev, csn_crypto_openssl(), &no_policy, b->buf, sizeof b->buf);
	a = csn_device_load(&b->dev, &half, 0);
	tap_ok(a.type == CSN_DEVICE_COMMIT && a.commit.kind == CSN_DEVICE_ACTIVATE &&
	           a.commit.state->active == 1,
	       "a body staged before a crash is activated at the next start");
	a = feed(b, CSN_DEVICE_COMMITTED, 0, CSN_BYTES_NONE, CSN_E_IO);
	tap_ok(a.type == CSN_DEVICE_ACCEPTED && b->dev.state.active == 0,
	       "an activation that failed is left for the start after that");
}

static void
test_pin(struct bench *b)
{
	struct csn_device_action a;

	bench_restart(b, &b->born);
	offer(b, b->m1);
	a = bind(b, b->m2);
	tap_ok(a.type == CSN_DEVICE_ASK_PIN && b->commits == 0, "a person is asked after step 7");
	a = feed(b, CSN_DEVICE_PIN, 0, (struct csn_bytes){ (const uint8_t *)b->pin, 6 }, CSN_OK);
	tap_ok(a.type == CSN_DEVICE_COMMIT && a.commit.kind == CSN_DEVICE_TRY &&
	           a.commit.state->tries == 1,
	       "the try is committed before the right PIN is compared");
	b->store_result = CSN_E_IO;
	a = settle(b, a);
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_STORE,
	       "a try that cannot be counted is no try: refused");

	bench_restart(b, &b->born);
	offer(b, b->m1);
	bind(b, b->m2);
	a = type_pin(b, b->pin);
	tap_ok(a.type == CSN_DEVICE_ACCEPTED && b->durable.tries == 0,
	       "the right PIN is taken and the tries are reset");

	bench_restart(b, &b->born);
	offer(b, b->m1);
	bind(b, b->m2);
	b->now_s += 121;
	a = timer(b);
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_PIN_MISSING &&
	           b->durable.tries == 0,
	       "nobody types for two minutes: refused, no try counted");
	tap_is(type_pin(b, b->pin).type, CSN_DEVICE_IGNORED, "a PIN that comes later is ignored");
}

static void
test_five_pins(struct bench *b)
{
	struct csn_device_action a = { 0 };
	unsigned                 tries = 0;

	bench_restart(b, &b->born);
	for (int i = 0; i < 6; i++) {
		/* The same offer in a new process: what counts is in the store. */
		struct csn_device_state stored = b->durable;

		b->now_s += 61;
		bench_restart(b, &stored);
		a = offer(b, b->m1);
		if (a.type == CSN_DEVICE_WAIT && bind(b, b->m2).type == CSN_DEVICE_ASK_PIN) {
			tries++;
			a = type_pin(b, "000000");
		}
	}
	tap_ok(tries == 5 && b->durable.tries == 5 && b->durable.quarantined == 1,
	       "five wrong PINs over five restarts and the device is in quarantine");
	tap_is(a.code, CSN_CODE_QUARANTINED, "and stays there after a restart");
}

static void
judge_m0b(struct bench *b, struct csn_bytes bytes)
{
	uint8_t              payload[CSN_L_MAX];
	struct csn_dcbor_out out;
	struct csn_bytes     stmt;
	struct csn_cert      leaf;
	struct csn_m0b       m0b;

	int code = csn_m0b_parse(bytes, &m0b);
	tap_is(code, 0, "M0b is well-formed");
	if (code != 0)
		return;
	csn_dcbor_out_init(&out, payload, sizeof payload);
	csn_dcbor_put_label(&out, "csgn1/hello", 1);
	csn_dcbor_put_item(&out, m0b.hello_raw);
	tap_ok(csn_dcbor_out_end(&out, &stmt) == CSN_OK &&
	           csn_cose_headers(&m0b.sig, b->born.suite, CSN_COSE_CHAIN) == CSN_OK &&
	           csn_chain_check(csn_crypto_openssl(), b->born.suite, m0b.sig.chain,
	                           m0b.sig.chain_len,
	                           (struct csn_bytes){ b->born.maker.b, b->born.maker.len },
	                           CSN_ROLE_DEVICE, 217400000, &leaf) == CSN_OK &&
	           csn_cose_verify(csn_crypto_openssl(), &m0b.sig, b->born.suite, leaf.pk,
	                           stmt) == CSN_OK,
	       "the hello is signed by the device's identity");
	tap_ok(memcmp(m0b.hello.did, b->born.did, 16) == 0, "and names its did");
}

static void
test_greeting(struct bench *b)
{
	struct csn_device_action a, again;
	uint8_t                  first[CSN_PK_MAX];

	bench_restart(b, &b->born);
	a = offer(b, b->m0a);
	tap_ok(a.type == CSN_DEVICE_WAIT && a.role == CSN_ROLE_RETURN && a.send.len > 0 &&
	           a.wake_ns == (b->now_s + 120) * NS_PER_S + 1 && b->commits == 0,
	       "M0a is answered and the key lives 120 s");
	judge_m0b(b, a.send);
	memcpy(first, b->dev.greeting.e_pk, sizeof first);
	again = offer(b, b->m0a);
	tap_ok(again.type == CSN_DEVICE_IGNORED && again.send.len == 0,
	       "the camera sees M0a again: not answered at once");
	b->now_s += 3;
	again = offer(b, b->m0a);
	tap_ok(again.send.len > 0 && memcmp(first, b->dev.greeting.e_pk, sizeof first) == 0,
	       "seconds later the same hello goes out again");
	b->now_s += 120;
	again = offer(b, b->m1);
	tap_ok(again.type == CSN_DEVICE_REFUSED && again.code == CSN_CODE_NO_SESSION,
	       "an offer after the key died is refused");
	timer(b);
	tap_ok(zero(&b->dev.greeting, sizeof b->dev.greeting), "and the key is wiped");
	offer(b, b->m0a);
	tap_ok(memcmp(first, b->dev.greeting.e_pk, sizeof first) != 0, "the next key is fresh");
}

/* Says whether decoding the damaged encoding was refused. */
static bool
damaged(const struct bench *b, size_t len, size_t at, uint8_t value)
{
	static uint8_t          bytes[CSN_DEVICE_STATE_MAX];
	struct csn_device_state state;
	size_t                  whole;

	if (csn_device_state_encode(&b->born, bytes, sizeof bytes, &whole) != CSN_OK)
		return false;
	bytes[at] = value;
	return csn_device_state_decode((struct csn_bytes){ bytes, len == 0 ? whole : len },
	                               &state) == CSN_E_PROTOCOL &&
	       zero(&state, sizeof state);
}

static void
test_state(struct bench *b)
{
	const json_t           *device = json_object_get(vector_of(b), "device");
	struct csn_device_birth birth = birth_of(device);
	struct csn_device_state state, bad = b->born;
	uint8_t                 bytes[CSN_DEVICE_STATE_MAX], audit[256];
	size_t                  len;
	struct csn_bytes        did = unhex(device, "did");

	tap_ok(memcmp(b->born.did, did.ptr, 16) == 0, "a device's did is that of its identity key");
	birth.identity_key = unhex(device, "seed");
	tap_is(csn_device_state_init(csn_crypto_openssl(), &birth, &state), CSN_E_INVALID,
	       "a certificate for another key makes no device");
	birth = birth_of(device);
	birth.suite = birth.suite == 1 ? 2 : 1;
	tap_is(csn_device_state_init(csn_crypto_openssl(), &birth, &state), CSN_E_INVALID,
	       "anchors of the other suite make no device");
	birth = birth_of(device);
	birth.seed.len = 16;
	tap_is(csn_device_state_init(csn_crypto_openssl(), &birth, &state), CSN_E_INVALID,
	       "a seed of 16 bytes makes no device");
	tap_is(csn_device_state_encode(&b->born, bytes, 100, &len), CSN_E_TOO_BIG,
	       "encoding says when the buffer is too small");
	tap_ok(damaged(b, 200, 0, 0x98), "a state cut short is refused");
	tap_ok(damaged(b, 0, 3, 'x'), "a state with another label is refused");
	bad.tries = 6;
	tap_ok(csn_device_state_encode(&bad, bytes, sizeof bytes, &len) == CSN_OK &&
	           csn_device_state_decode((struct csn_bytes){ bytes, len }, &state) ==
	               CSN_E_PROTOCOL,
	       "a state with six tries is refused");
	memset(b->audit.t1, 7, sizeof b->audit.t1);
	b->audit.what = CSN_DEVICE_REFUSE;
	b->audit.code = CSN_CODE_BIND_TAG;
	tap_ok(csn_device_audit_encode(&b->audit, audit, sizeof audit, &len) == CSN_OK &&
	           csn_dcbor_check((struct csn_bytes){ audit, len }) == CSN_OK,
	       "an audit entry is dCBOR");
}

/* A crypto table whose call number @fail_at fails; 0: none does. */
struct faulty {
	struct csn_crypto table;
	unsigned          calls, fail_at;
};

static bool
fault(void *self)
{
	struct faulty *faulty = self;

	return ++faulty->calls == faulty->fail_at;
}

static int
f_sha256(void *self, const struct csn_bytes *parts, size_t n, uint8_t *ret)
{
	return fault(self) ? CSN_E_INTERNAL : csn_crypto_openssl()->sha256(NULL, parts, n, ret);
}

static int
f_hmac(void *self, struct csn_bytes key, const struct csn_bytes *parts, size_t n, uint8_t *ret)
{
	return fault(self) ? CSN_E_INTERNAL
	                   : csn_crypto_openssl()->hmac_sha256(NULL, key, parts, n, ret);
}

static int
f_open(void *self, unsigned suite, const uint8_t *key, const uint8_t *nonce,
       struct csn_bytes aad, struct csn_bytes sealed, uint8_t *ret)
{
	return fault(self) ? CSN_E_INTERNAL
	                   : csn_crypto_openssl()->aead_open(NULL, suite, key, nonce, aad, sealed,
	                                                     ret);
}

static int
f_dh(void *self, unsigned suite, const uint8_t *sk, struct csn_bytes pk, uint8_t *ret)
{
	return fault(self) ? CSN_E_INTERNAL : csn_crypto_openssl()->dh(NULL, suite, sk, pk, ret);
}

static int
f_sign(void *self, unsigned suite, const uint8_t *sk, const struct csn_bytes *parts, size_t n,
       uint8_t *ret)
{
	return fault(self) ? CSN_E_INTERNAL
	                   : csn_crypto_openssl()->sign(NULL, suite, sk, parts, n, ret);
}

static int
f_verify(void *self, unsigned suite, struct csn_bytes pk, const struct csn_bytes *parts,
         size_t n, const uint8_t *sig)
{
	return fault(self) ? CSN_E_REFUSED
	                   : csn_crypto_openssl()->verify(NULL, suite, pk, parts, n, sig);
}

static int
f_scrypt(void *self, struct csn_bytes password, struct csn_bytes salt, unsigned log2_n,
         uint8_t *ret, size_t len)
{
	return fault(self) ? CSN_E_NOMEM
	                   : csn_crypto_openssl()->scrypt(NULL, password, salt, log2_n, ret, len);
}

/* One whole ceremony with fault @fail_at; says whether it was accepted. */
static bool
accepted_with_fault(struct bench *b, struct faulty *faulty, unsigned fail_at)
{
	struct csn_device_action a;

	bench_restart(b, &b->born);
	b->dev.crypto = &faulty->table;
	faulty->calls = 0;
	faulty->fail_at = fail_at;
	offer(b, b->m1);
	a = bind(b, b->m2);
	if (a.type == CSN_DEVICE_ASK_PIN)
		a = type_pin(b, b->pin);
	return a.type == CSN_DEVICE_ACCEPTED;
}

static void
test_faults(struct bench *b)
{
	struct faulty faulty = { .table = *csn_crypto_openssl() };
	unsigned      total, wrong = 0, left = 0;

	faulty.table.self = &faulty;
	faulty.table.sha256 = f_sha256;
	faulty.table.hmac_sha256 = f_hmac;
	faulty.table.aead_open = f_open;
	faulty.table.dh = f_dh;
	faulty.table.sign = f_sign;
	faulty.table.verify = f_verify;
	faulty.table.scrypt = f_scrypt;
	tap_ok(accepted_with_fault(b, &faulty, 0), "without a fault it is taken");
	total = faulty.calls;
	for (unsigned k = 1; k <= total; k++) {
		wrong += accepted_with_fault(b, &faulty, k) || b->durable.next != b->born.next;
		left += !zero(b->buf, sizeof b->buf) || !zero(&b->dev.pending, sizeof b->dev.pending);
	}
	tap_ok(wrong == 0, "each of %u crypto calls failing in turn refuses, %u did not", total,
	       wrong);
	tap_ok(left == 0, "and leaves nothing in memory");
}

/* Every bit of both messages, one at a time. */
static void
test_bits(struct bench *b)
{
	unsigned wrong = 0;
	uint8_t  m1[4096], m2[CSN_M2_LEN];

	if (b->m1.len > sizeof m1)
		abort();
	for (size_t bit = 0; bit < 8 * (b->m1.len + b->m2.len); bit++) {
		size_t at = bit / 8;

		memcpy(m1, b->m1.ptr, b->m1.len);
		memcpy(m2, b->m2.ptr, b->m2.len);
		if (at < b->m1.len)
			m1[at] ^= (uint8_t)(1u << bit % 8);
		else
			m2[at - b->m1.len] ^= (uint8_t)(1u << bit % 8);
		bench_restart(b, &b->born);
		offer(b, (struct csn_bytes){ m1, b->m1.len });
		bind(b, CSN_BYTES_OF(m2));
		wrong += b->durable.next != b->born.next || b->last_kind == CSN_DEVICE_ACCEPT;
	}
	tap_ok(wrong == 0, "none of %zu single-bit flips is taken, %u were",
	       8 * (b->m1.len + b->m2.len), wrong);
}

/* What a commit leaves besides the rung. */
static void
test_after(struct bench *b)
{
	const uint32_t          ts = 217400000;
	struct csn_device_state old = b->born;
	uint8_t                 revoked[16];

	old.floor = ts - 2 * CSN_FLOOR_STEP_S;
	bench_restart(b, &old);
	offer(b, b->m1);
	bind(b, b->m2);
	tap_is(b->durable.floor, ts - CSN_FLOOR_STEP_S, "the floor rises by 400 days at most");
	tap_is(b->durable.revoked.count, 1, "a revoked station is kept");
	memcpy(revoked, b->durable.revoked.b[0], sizeof revoked);

	old = b->born;
	for (uint8_t i = 0; i < CSN_DEVICE_REVOKED_MAX; i++)
		memset(old.revoked.b[i], i + 1, 16);
	old.revoked.count = CSN_DEVICE_REVOKED_MAX;
	bench_restart(b, &old);
	offer(b, b->m1);
	bind(b, b->m2);
	tap_ok(b->durable.floor == ts && b->durable.revoked.count == 64 &&
	           b->durable.revoked.b[0][0] == 2 &&
	           memcmp(b->durable.revoked.b[63], revoked, 16) == 0,
	       "a full list loses its oldest");
	memcpy(old.revoked.b[5], revoked, 16);
	bench_restart(b, &old);
	offer(b, b->m1);
	bind(b, b->m2);
	tap_ok(b->durable.revoked.count == 64 && b->durable.revoked.b[0][0] == 1,
	       "one that is listed is not listed twice");
}

static void
test_trusted_clock(struct bench *b)
{
	b->clock_trusted = 1;
	b->unix_s = CSN_STAMP_EPOCH + 217400000;
	bench_restart(b, &b->born);
	offer(b, b->m1);
	tap_is(bind(b, b->m2).type, CSN_DEVICE_ACCEPTED, "a trusted clock at not_after is in time");
	b->unix_s++;
	bench_restart(b, &b->born);
	offer(b, b->m1);
	tap_is(bind(b, b->m2).code, CSN_CODE_EXPIRED, "one second later it is not");
	b->unix_s = 0;
	bench_restart(b, &b->born);
	offer(b, b->m1);
	tap_is(bind(b, b->m2).code, CSN_CODE_CLOCK, "a trusted clock in 1970 is 2020 at best");
}

/* The offer is of 217,400,000 s after 2020; its rung is used only when it is taken. */
static void
test_clocks_apart(struct bench *b)
{
	static const struct {
		const char *what;
		int         apart_s;
		uint32_t    trusted, code;
	} rows[] = {
		{ "a trusted clock two minutes ahead", 120, 1, 0 },
		{ "a trusted clock two minutes behind", -120, 1, 0 },
		{ "a trusted clock a second more ahead", 121, 1, CSN_CODE_CLOCK },
		{ "a trusted clock a second more behind", -121, 1, CSN_CODE_CLOCK },
		{ "a clock nobody vouches for, ahead", 121, 0, 0 },
		{ "a clock nobody vouches for, behind", -121, 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		b->clock_trusted = rows[i].trusted;
		b->unix_s = (uint64_t)((int64_t)CSN_STAMP_EPOCH + 217400000 + rows[i].apart_s);
		bench_restart(b, &b->born);
		offer(b, b->m1);
		tap_is(bind(b, b->m2).code, rows[i].code, rows[i].what);
		tap_is(b->durable.next, b->born.next + (rows[i].code == 0), "and its rung");
	}
}

static void
test_release(struct bench *b)
{
	struct csn_bytes        m8 = unhex(vector_of(b), "m8");
	struct csn_device_state locked = b->born;

	locked.tries = CSN_DEVICE_TRIES_MAX;
	locked.quarantined = 1;
	locked.owner.len = 0;
	bench_restart(b, &locked);
	tap_is(offer(b, m8).code, CSN_CODE_RELEASE, "a device nobody owns is released by nobody");
	locked.release_owner = b->born.owner;
	bench_restart(b, &locked);
	tap_is(offer(b, m8).type, CSN_DEVICE_RELEASED,
	       "it is released by the owner whose voucher led there");
	tap_ok(b->durable.owner.len == 0 && b->durable.release_owner.len == 0 &&
	           b->durable.tries == 0 && b->durable.quarantined == 0,
	       "who is not pinned by that");
	tap_is(offer(b, m8).type, CSN_DEVICE_IGNORED, "the release still on the screen is ignored");
	locked = b->durable;
	locked.quarantined = 1;
	locked.owner = b->born.owner;
	bench_restart(b, &locked);
	tap_is(offer(b, m8).code, CSN_CODE_RELEASE, "and does not work twice");
	b->store_result = CSN_E_IO;
	locked.release_counter = 0;
	bench_restart(b, &locked);
	b->store_result = CSN_E_IO;
	tap_ok(offer(b, m8).type == CSN_DEVICE_REFUSED && b->dev.state.quarantined == 1,
	       "a release that is not durable is none");
}

static void
test_edges(struct bench *b)
{
	struct csn_device_action a;

	bench_restart(b, &b->born);
	b->dev.buf_cap = b->m1.len - 1;
	a = offer(b, b->m1);
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_OFFER_SYNTAX &&
	           zero(b->buf, sizeof b->buf),
	       "an offer one byte over the buffer is refused untouched");
	bench_restart(b, &b->born);
	b->dev.buf_cap = b->m1.len;
	offer(b, b->m1);
	tap_is(bind(b, b->m2).type, CSN_DEVICE_ACCEPTED, "one that fills it is taken");

	b->offer_medium = "camera-at-the-end-of-the-line-a1";
	b->bind_medium = "camera-at-the-end-of-the-line-a2";
	bench_restart(b, &b->born);
	offer(b, b->m1);
	tap_is(bind(b, b->m2).code, CSN_CODE_BIND_MEDIA,
	       "media that differ only where their names are cut are one");
	b->offer_medium = b->bind_medium = NULL;
	bench_restart(b, &b->born);
	offer(b, b->m1);
	tap_is(bind(b, b->m2).code, CSN_CODE_BIND_MEDIA, "so are media without names");
}

/* Says whether M0a is answered by a device in @state. */
static bool
greets(struct bench *b, const struct csn_device_state *state)
{
	bench_restart(b, state);
	return offer(b, b->m0a).send.len > 0;
}

static void
test_no_greeting(struct bench *b)
{
	struct csn_device_state state = b->born;
	struct csn_bytes        other = turned(b->m1, SID_AT);
	struct csn_device_action a;

	state.modes = 1;
	tap_ok(!greets(b, &state), "a device that takes no two-way offer is silent");
	state = b->born;
	state.has_identity = 0;
	tap_ok(!greets(b, &state), "so is one without an identity key");
	state = b->born;
	state.quarantined = 1;
	tap_ok(!greets(b, &state), "so is one in quarantine");
	tap_ok(greets(b, &b->born), "all others answer");

	state = b->born;
	state.has_last = 1;
	memcpy(state.last_sid, other.ptr + SID_AT, sizeof state.last_sid);
	state.last_m3.len = 3;
	bench_restart(b, &state);
	offer(b, b->m0a);
	tap_ok(offer(b, b->m1).type == CSN_DEVICE_WAIT && b->dev.s.phase == CSN_DEVICE_OFFERED,
	       "an offer for the hello is followed");
	b->now_s += 3;
	tap_ok(offer(b, b->m0a).send.len == 0, "meanwhile M0a is not answered");
	a = offer(b, other);
	tap_ok(a.type == CSN_DEVICE_RESENT && a.send.len == 3 &&
	           b->dev.s.phase == CSN_DEVICE_OFFERED,
	       "but the offer committed last still gets its M3, and nothing is lost");
}

static const struct {
	const char *file, *row;
	void (*test)(struct bench *b);
} tests[] = {
	{ "oneway-s1.json", NULL, test_time },
	{ "oneway-s2.json", NULL, test_time },
	{ "oneway-s1.json", NULL, test_repeats },
	{ "oneway-s1.json", NULL, test_not_mine },
	{ "oneway-s1.json", NULL, test_rate },
	{ "oneway-s1.json", NULL, test_store },
	{ "oneway-full-s1.json", NULL, test_after },
	{ "oneway-pin-s1.json", NULL, test_pin },
	{ "oneway-pin-s2.json", NULL, test_five_pins },
	{ "twoway-s1.json", NULL, test_greeting },
	{ "twoway-s2.json", NULL, test_greeting },
	{ "twoway-s1.json", NULL, test_no_greeting },
	{ "oneway-s1.json", NULL, test_edges },
	{ "accept.json", "not-after-edge-s1", test_trusted_clock },
	{ "oneway-s1.json", NULL, test_clocks_apart },
	{ "accept.json", "release-s1", test_release },
	{ "oneway-s1.json", NULL, test_state },
	{ "oneway-firmware-s1.json", NULL, test_faults },
	{ "oneway-pin-s2.json", NULL, test_faults },
	{ "oneway-s1.json", NULL, test_bits },
};

int
main(void)
{
	static struct bench bench;

	if (access(vector_dir(), R_OK) != 0) {
		tap_skip("messages", "no folder %s; set CSN_VECTORS", vector_dir());
		return tap_done();
	}
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		tap_note("with %s", tests[i].file);
		if (bench_init(&bench, tests[i].file, tests[i].row)) {
			tests[i].test(&bench);
			bench_done(&bench);
		}
	}
	return tap_done();
}
