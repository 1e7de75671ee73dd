/*
 * Plays the host of sdk/device for one row: feeds what the row says in the order of its
 * times, keeps what is committed, and compares everything the row expects.  Nothing
 * expected is computed here.
 */
#include "vectors/csgn1-device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/bulk.h"
#include "device/device.h"
#include "lib/cert.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"

#define NS_PER_S 1000000000u

enum { POOL_MAX = 64, ROLES_MAX = 8 };

/* What is allocated while a row runs. */
struct pool {
	void  *list[POOL_MAX];
	size_t count;
};

struct run {
	struct pool              pool;
	const json_t            *row, *expect;
	struct csn_crypto        crypto;
	struct csn_bytes         pake_y;
	struct csn_device        dev;
	struct csn_device_state  before, durable;
	struct csn_device_policy policy;
	struct csn_bytes         roles[ROLES_MAX];
	bool                     store_fails, committed, audited;
	struct csn_bytes         body, m3, sent, m4;
	uint32_t                 verb, code;
	char                    *why;
	size_t                   why_cap;
	uint8_t                  buf[CSN_M1_MAX];
};

__attribute__((format(printf, 2, 3))) static bool
fail(struct run *run, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(run->why, run->why_cap, fmt, args);
	va_end(args);
	return false;
}

static void *
pool_take(struct run *run, size_t len)
{
	void *p = calloc(1, len + 1);

	if (p == NULL || run->pool.count == POOL_MAX)
		abort();
	run->pool.list[run->pool.count++] = p;
	return p;
}

static struct csn_bytes
keep(struct run *run, struct csn_bytes bytes)
{
	uint8_t *copy = pool_take(run, bytes.len);

	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	return (struct csn_bytes){ copy, bytes.len };
}

static int
nibble(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

static struct csn_bytes
unhex(struct run *run, const char *hex)
{
	size_t   len = strlen(hex) / 2;
	uint8_t *out = pool_take(run, len);

	for (size_t i = 0; i < len; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			abort();
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (struct csn_bytes){ out, len };
}

/* Empty when null or not there. */
static struct csn_bytes
hex(struct run *run, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? CSN_BYTES_NONE : unhex(run, text);
}

static uint64_t
number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static bool
has(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return value != NULL && !json_is_null(value);
}

static bool
same(struct csn_bytes a, struct csn_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int
scripted_random(void *self, uint8_t *ret_bytes, size_t len)
{
	const struct run *run = self;
	size_t            n = run->pake_y.len < len ? run->pake_y.len : len;

	/* As a number: whatever width is drawn, its value is y. */
	memset(ret_bytes, 0, len);
	if (n > 0)
		memcpy(ret_bytes + len - n, run->pake_y.ptr + run->pake_y.len - n, n);
	return n == 0 ? CSN_E_INTERNAL : CSN_OK;
}

/* --- The state in the row -------------------------------------------------------- */

static void
fixed(struct run *run, const json_t *device, const char *key, uint8_t *to, size_t len)
{
	struct csn_bytes from = hex(run, device, key);

	if (from.len != 0 && from.len != len)
		abort();
	if (from.len != 0)
		memcpy(to, from.ptr, len);
}

static uint16_t
blob(struct run *run, const json_t *device, const char *key, uint8_t *to, size_t cap)
{
	struct csn_bytes from = hex(run, device, key);

	if (from.len > cap)
		abort();
	if (from.len != 0)
		memcpy(to, from.ptr, from.len);
	return (uint16_t)from.len;
}

static void
chain_of(struct run *run, const json_t *certs, struct csn_device_chain *chain)
{
	struct csn_dcbor_out out;
	struct csn_bytes     done;

	csn_dcbor_out_init(&out, chain->b, sizeof chain->b);
	if (json_array_size(certs) > 1)
		csn_dcbor_put_array(&out, json_array_size(certs));
	for (size_t i = 0; i < json_array_size(certs); i++)
		csn_dcbor_put_bytes(&out,
		                    unhex(run, json_string_value(json_array_get(certs, i))));
	if (csn_dcbor_out_end(&out, &done) != CSN_OK)
		abort();
	chain->len = (uint16_t)done.len;
}

static void
lists_of(struct run *run, const json_t *device, struct csn_device_state *state)
{
	const json_t *modes = json_object_get(device, "modes");
	const json_t *revoked = json_object_get(device, "revoked");
	const char   *model = json_string_value(json_object_get(device, "class"));

	for (size_t i = 0; i < json_array_size(modes); i++)
		state->modes |= (uint8_t)(1u << json_integer_value(json_array_get(modes, i)));
	for (size_t i = 0; i < json_array_size(revoked); i++)
		memcpy(state->revoked.b[state->revoked.count++],
		       unhex(run, json_string_value(json_array_get(revoked, i))).ptr, 16);
	state->model.len = (uint16_t)strlen(model);
	memcpy(state->model.b, model, state->model.len);
}

static void
state_of(struct run *run, const json_t *device, struct csn_device_state *state)
{
	const json_t    *pake = json_object_get(device, "pake");
	struct csn_bytes staged = hex(run, device, "staged");

	memset(state, 0, sizeof *state);
	state->suite = (uint8_t)number(device, "suite");
	state->cost = (uint8_t)number(device, "cost");
	state->tries = (uint8_t)number(device, "tries");
	state->quarantined = json_is_true(json_object_get(device, "quarantined"));
	state->next = (uint32_t)number(device, "next");
	state->floor = (uint32_t)number(device, "floor");
	state->voucher_seq = number(device, "voucher_seq");
	state->release_counter = number(device, "release_counter");
	state->fw_counter = number(device, "fw_counter");
	state->cool_until_ms = number(device, "cool_until") * 1000;
	fixed(run, device, "did", state->did, sizeof state->did);
	fixed(run, device, "seed", state->seed, sizeof state->seed);
	state->maker.len = blob(run, device, "maker_spki", state->maker.b, sizeof state->maker.b);
	state->owner.len = blob(run, device, "owner_spki", state->owner.b, sizeof state->owner.b);
	state->last_m3.len = blob(run, device, "last_m3", state->last_m3.b, sizeof state->last_m3.b);
	lists_of(run, device, state);
	state->has_identity = has(device, "identity_key");
	if (state->has_identity) {
		fixed(run, device, "identity_key", state->identity_key, 32);
		chain_of(run, json_object_get(device, "identity_chain"), &state->chain);
	}
	state->has_pake = json_is_object(pake);
	if (state->has_pake) {
		fixed(run, pake, "w0", state->pake_w0, sizeof state->pake_w0);
		fixed(run, pake, "L", state->pake_l, sizeof state->pake_l);
	}
	state->has_last = has(device, "last_sid");
	fixed(run, device, "last_sid", state->last_sid, sizeof state->last_sid);
	state->has_staged = staged.len > 0;
	if (state->has_staged &&
	    csn_sha256(&run->crypto, staged, state->staged_hash) != CSN_OK)
		abort();
	state->active = state->has_staged;
}

/* Through the store and back: what a row starts from has survived both ways. */
static bool
through_store(struct run *run, struct csn_device_state *state)
{
	static uint8_t          buf[CSN_DEVICE_STATE_MAX];
	struct csn_device_state copy;
	size_t                  len;

	if (csn_device_state_encode(state, buf, sizeof buf, &len) != CSN_OK ||
	    csn_device_state_decode((struct csn_bytes){ buf, len }, &copy) != CSN_OK ||
	    memcmp(&copy, state, sizeof copy) != 0)
		return fail(run, "the state does not survive its own encoding");
	*state = copy;
	return true;
}

static bool
same_state(const struct csn_device_state *a, const struct csn_device_state *b)
{
	static uint8_t one[CSN_DEVICE_STATE_MAX], two[CSN_DEVICE_STATE_MAX];
	size_t         one_len, two_len;

	return csn_device_state_encode(a, one, sizeof one, &one_len) == CSN_OK &&
	       csn_device_state_encode(b, two, sizeof two, &two_len) == CSN_OK &&
	       one_len == two_len && memcmp(one, two, one_len) == 0;
}

static void
greeting_of(struct run *run, const json_t *greeting)
{
	struct csn_device_greeting *g = &run->dev.greeting;
	struct csn_bytes            hello = hex(run, greeting, "hello");
	struct csn_dcbor_in         in;
	struct csn_bytes            e_d;

	csn_dcbor_in_init(&in, hello);
	csn_dcbor_array(&in, 9, 9);
	csn_dcbor_uint(&in, 1);
	csn_dcbor_uint(&in, 2);
	csn_dcbor_copy(&in, g->sid, sizeof g->sid);
	csn_dcbor_copy(&in, g->skid, sizeof g->skid);
	csn_dcbor_bytes(&in, 16, 16);
	e_d = csn_dcbor_bytes(&in, 32, 65);
	if (in.bad)
		abort();
	memcpy(g->e_pk, e_d.ptr, e_d.len);
	fixed(run, greeting, "e_sk", g->e_sk, sizeof g->e_sk);
	memcpy(g->hello, hello.ptr, hello.len);
	g->hello_len = (uint16_t)hello.len;
	g->until_ns = UINT64_MAX;
	g->live = 1;
}

static void
roles_of(struct run *run, const json_t *device)
{
	const json_t *roles = json_object_get(device, "refuse_roles");

	for (size_t i = 0; i < json_array_size(roles) && i < ROLES_MAX; i++) {
		const char *role = json_string_value(json_array_get(roles, i));

		run->roles[i] = (struct csn_bytes){ (const uint8_t *)role, strlen(role) };
		run->policy.refuse_role_count = i + 1;
	}
	run->policy.refuse_roles = run->roles;
}

/* --- The host -------------------------------------------------------------------- */

static struct csn_device_event
event(const struct run *run, uint32_t type)
{
	const json_t *device = json_object_get(run->row, "device");

	return (struct csn_device_event){
		.type          = type,
		.now_ns        = number(run->row, "boot_now") * NS_PER_S,
		.unix_s        = number(device, "clock_now") + CSN_STAMP_EPOCH,
		.clock_trusted = json_is_true(json_object_get(device, "clock_trusted")),
	};
}

/* One transaction; only the one that accepts is made to fail. */
static int
store(struct run *run, const struct csn_device_action *a)
{
	if (run->store_fails && a->commit.kind == CSN_DEVICE_ACCEPT)
		return CSN_E_IO;
	run->durable = *a->commit.state;
	run->audited = run->audited || a->commit.audit != NULL;
	if (a->commit.kind == CSN_DEVICE_ACCEPT) {
		run->committed = true;
		run->body = keep(run, a->commit.body);
		run->m3 = keep(run, a->commit.m3);
	}
	return CSN_OK;
}

/* Feeds @ev and whatever the device asks for in return, until it has had its say. */
static void
feed(struct run *run, struct csn_device_event ev)
{
	for (;;) {
		struct csn_device_action a = csn_device_event(&run->dev, &ev);

		run->verb = a.type;
		run->code = a.code;
		run->sent = keep(run, a.send);
		if (a.type == CSN_DEVICE_COMMIT) {
			ev = event(run, CSN_DEVICE_COMMITTED);
			ev.result = store(run, &a);
		} else if (a.type == CSN_DEVICE_ASK_PIN) {
			const char *pin = json_string_value(json_object_get(run->row, "pin"));

			ev = event(run, CSN_DEVICE_PIN);
			if (pin != NULL)
				ev.bytes = (struct csn_bytes){ (const uint8_t *)pin, strlen(pin) };
		} else {
			return;
		}
	}
}

static void
feed_message(struct run *run, uint32_t role, const char *key, const char *medium,
             const char *at)
{
	struct csn_device_event ev = event(run, CSN_DEVICE_MESSAGE);

	ev.role = role;
	ev.medium = json_string_value(json_object_get(run->row, medium));
	ev.at_ns = number(run->row, at) * NS_PER_S;
	ev.bytes = hex(run, run->row, key);
	feed(run, ev);
}

/* Mode 3: M4 went out; now M5 comes, or nothing does until the device gives up. */
static void
feed_m5(struct run *run)
{
	struct csn_device_event ev = event(run, CSN_DEVICE_TIMER);

	run->m4 = run->sent;
	if (has(run->row, "m5")) {
		feed_message(run, CSN_ROLE_OFFER, "m5", "offer_medium", "offer_at");
		return;
	}
	ev.now_ns += (uint64_t)121 * NS_PER_S;
	feed(run, ev);
}

static void
feed_both(struct run *run)
{
	const bool bind_first = has(run->row, "other_bind") ||
	                        number(run->row, "bind_at") < number(run->row, "offer_at");

	if (!bind_first)
		feed_message(run, CSN_ROLE_OFFER, "offer", "offer_medium", "offer_at");
	/* An offer that was turned away leaves nothing for M2 to answer. */
	if (bind_first || run->verb == CSN_DEVICE_WAIT)
		feed_message(run, CSN_ROLE_BIND, "bind", "bind_medium", "bind_at");
	if (has(run->row, "other_bind"))
		feed_message(run, CSN_ROLE_BIND, "other_bind", "bind_medium", "bind_at");
	if (bind_first)
		feed_message(run, CSN_ROLE_OFFER, "offer", "offer_medium", "offer_at");
	if (run->verb == CSN_DEVICE_WAIT && run->sent.len > 0)
		feed_m5(run);
}

/* --- Judging --------------------------------------------------------------------- */

static bool
expect_bytes(struct run *run, const char *key, struct csn_bytes got)
{
	if (!has(run->expect, key))
		return true;
	if (same(hex(run, run->expect, key), got))
		return true;
	return fail(run, "%s differs (%zu bytes)", key, got.len);
}

static bool
expect_number(struct run *run, const char *key, uint64_t got)
{
	const json_t *want = json_object_get(run->expect, key);
	uint64_t      value = json_is_boolean(want) ? json_is_true(want)
	                                            : (uint64_t)json_integer_value(want);

	if (want == NULL || value == got)
		return true;
	return fail(run, "%s is %llu", key, (unsigned long long)got);
}

/* A refusal moves nothing but tries, quarantine and cooling. */
static bool
expect_unmoved(struct run *run)
{
	struct csn_device_state want = run->before;

	want.tries = run->durable.tries;
	want.quarantined = run->durable.quarantined;
	want.release_owner = run->durable.release_owner;
	want.cool_level = run->durable.cool_level;
	want.cool_until_ms = run->durable.cool_until_ms;
	if (run->committed || !same_state(&want, &run->durable))
		return fail(run, "the refusal changed the durable state");
	return true;
}

static bool
expect_after(struct run *run)
{
	struct csn_device_state want;

	if (!has(run->expect, "device_after"))
		return true;
	state_of(run, json_object_get(run->expect, "device_after"), &want);
	if (!same_state(&want, &run->durable))
		return fail(run, "the durable state afterwards differs");
	return true;
}

/* Others' messages, and the offer of the last commit that is still on the screen. */
static bool
to_be_ignored(struct run *run)
{
	struct csn_bytes m1 = hex(run, run->row, "offer");
	struct csn_m1    parsed;

	if (run->code == CSN_CODE_NOT_MINE || run->code == CSN_CODE_BIND_SID)
		return true;
	return run->code == CSN_CODE_RUNG_USED && run->before.has_last &&
	       csn_m1_parse(m1, &parsed) == 0 &&
	       memcmp(parsed.hdr.sid, run->before.last_sid, CSN_ID_LEN) == 0;
}

static bool
judge_refused(struct run *run)
{
	if (to_be_ignored(run)) {
		if (run->verb != CSN_DEVICE_IGNORED || run->audited)
			return fail(run, "must be ignored without audit, verb %u", run->verb);
	} else if (run->verb != CSN_DEVICE_REFUSED || !run->audited) {
		return fail(run, "refused with verb %u, audited %d", run->verb, run->audited);
	}
	return expect_unmoved(run) && expect_bytes(run, "m3", run->sent) &&
	       (has(run->expect, "m3") || run->sent.len == 0 ||
	        fail(run, "an M3 was sent that the row does not know"));
}

static bool
judge_accepted(struct run *run)
{
	const bool two_way = (number(run->row, "mode") & CSN_MODE_TWO_WAY) != 0;

	if (has(run->expect, "resend"))
		return (run->verb == CSN_DEVICE_RESENT && !run->committed) ||
		       fail(run, "not a resend: verb %u", run->verb);
	if (run->verb != CSN_DEVICE_ACCEPTED || !run->committed || !run->audited)
		return fail(run, "verb %u", run->verb);
	if (!same(run->sent, two_way ? run->m3 : CSN_BYTES_NONE))
		return fail(run, "M3 is sent two way and only then");
	return expect_bytes(run, "done", run->m3) && expect_bytes(run, "body", run->body) &&
	       expect_after(run);
}

static bool
judge(struct run *run)
{
	const uint32_t want = (uint32_t)number(run->expect, "code");

	if (run->code != want)
		return fail(run, "code %u instead of %u", run->code, want);
	return expect_bytes(run, "resend", run->sent) &&
	       (!has(run->expect, "m4") || expect_bytes(run, "m4", run->m4)) &&
	       (want == 0 ? judge_accepted(run) : judge_refused(run)) &&
	       expect_number(run, "tries_after", run->durable.tries) &&
	       expect_number(run, "quarantined_after", run->durable.quarantined) &&
	       expect_number(run, "next_after", run->durable.next);
}

static bool
start(struct run *run)
{
	const json_t *device = json_object_get(run->row, "device");

	state_of(run, device, &run->before);
	if (!through_store(run, &run->before))
		return false;
	run->durable = run->before;
	run->pake_y = hex(run, run->row, "pake_y");
	run->crypto.self = run;
	run->crypto.random = scripted_random;
	run->store_fails = json_is_true(json_object_get(device, "store_fails"));
	roles_of(run, device);
	csn_device_init(&run->dev, &run->crypto, &run->policy, run->buf, sizeof run->buf);
	csn_device_load(&run->dev, &run->before, number(run->row, "boot_now") * NS_PER_S);
	return true;
}

static bool
run_receive(struct run *run)
{
	if (!start(run))
		return false;
	if (has(run->row, "greeting"))
		greeting_of(run, json_object_get(run->row, "greeting"));
	feed_both(run);
	return judge(run);
}

static bool
run_release(struct run *run)
{
	const uint32_t want = (uint32_t)number(run->expect, "code");
	const bool     free_again = want == 0;

	if (!start(run))
		return false;
	feed_message(run, CSN_ROLE_OFFER, "m8", "offer_medium", "offer_at");
	if (run->code != want ||
	    run->verb != (free_again ? CSN_DEVICE_RELEASED : CSN_DEVICE_REFUSED))
		return fail(run, "code %u instead of %u, verb %u", run->code, want, run->verb);
	if (!run->audited || run->durable.quarantined == free_again ||
	    (free_again && (run->durable.tries != 0 ||
	                    run->durable.release_counter <= run->before.release_counter)))
		return fail(run, "the durable state afterwards differs");
	return free_again || expect_unmoved(run);
}

static int
receive_attachment(struct run *run, const struct csn_attachment_row *row, uint8_t *plain)
{
	const unsigned   suite = (unsigned)number(run->row, "suite");
	struct csn_bytes stream = hex(run, run->row, "stream");
	size_t           at = 0, done = 0;

	int code = csn_bulk_length(row, stream.len);
	for (uint32_t i = 0; code == 0 && i < csn_att_chunks(row->length); i++) {
		size_t           len = csn_att_chunk_len(row->length, i);
		struct csn_bytes sealed = { stream.ptr + at, len + CSN_TAG_LEN };
		size_t           got = 0;

		code = csn_bulk_chunk(&run->crypto, suite, row, i, sealed, plain + done, &got);
		at += sealed.len;
		done += got;
	}
	if (code != 0)
		return code;
	struct csn_bytes whole = { plain, done };
	return csn_bulk_end(&run->crypto, row, &whole, 1);
}

static bool
run_attachment(struct run *run)
{
	const json_t             *json = json_object_get(run->row, "row");
	struct csn_bytes          hash = hex(run, json, "sha256");
	struct csn_attachment_row row = {
		.id     = hex(run, json, "id"),
		.length = (uint32_t)number(json, "length"),
		.hash   = hash.ptr,
		.key    = hex(run, json, "key"),
	};
	uint8_t *plain = pool_take(run, row.length);
	int      code = receive_attachment(run, &row, plain);

	run->code = (uint32_t)code;
	if (run->code != number(run->expect, "code"))
		return fail(run, "code %u", run->code);
	if (has(run->row, "plaintext") &&
	    !same(hex(run, run->row, "plaintext"), (struct csn_bytes){ plain, row.length }))
		return fail(run, "the plaintext differs");
	return true;
}

static const struct {
	const char *op;
	bool (*run)(struct run *run);
} ops[] = {
	{ "receive", run_receive },
	{ "release", run_release },
	{ "attachment", run_attachment },
};

bool
csgn1_device_judges(const char *op)
{
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		if (strcmp(ops[i].op, op) == 0)
			return true;
	}
	return false;
}

bool
csgn1_device_row(const json_t *row, char *ret_why, size_t cap)
{
	const char *op = json_string_value(json_object_get(row, "op"));
	struct run *run = calloc(1, sizeof *run);
	bool        pass = false;

	if (run == NULL || op == NULL)
		abort();
	run->row = row;
	run->expect = json_object_get(row, "expect");
	run->crypto = *csn_crypto_openssl();
	run->why = ret_why;
	run->why_cap = cap;
	fail(run, "no such op");
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		if (strcmp(ops[i].op, op) == 0)
			pass = ops[i].run(run);
	}
	csn_device_done(&run->dev);
	for (size_t i = 0; i < run->pool.count; i++)
		free(run->pool.list[i]);
	free(run);
	return pass;
}
