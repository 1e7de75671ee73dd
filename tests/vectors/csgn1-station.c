/*
 * Gives the pure station half the inputs of a row and compares with what the row says.
 * Nothing expected is computed here; where a value is rebuilt, it is from the inputs.
 */
#include "vectors/csgn1-station.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/crypto-openssl.h"
#include "plugins/attest/psk/psk.h"
#include "plugins/ceremony/csgn1/station.h"

enum { POOL_MAX = 256, MAKERS_MAX = 8 };

/* One row or one trace: its memory, its reason, what it is compared with. */
struct run {
	void                *pool[POOL_MAX];
	size_t               pool_len;
	char                *why;
	size_t               cap;
	unsigned             compared;
	const struct csn_crypto *crypto;
	const json_t        *trace;
	struct station_maker makers[MAKERS_MAX];
	struct station_trust trust;
	struct station_note  note;
	uint8_t              skid[2][16];
	struct csn_bytes     chain[STATION_CHAIN];
	size_t               chain_len;
	struct station       st;
};

__attribute__((format(printf, 2, 3))) static bool
fail(struct run *run, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(run->why, run->cap, fmt, args);
	va_end(args);
	return false;
}

static struct run *
run_new(char *why, size_t cap)
{
	struct run *run = calloc(1, sizeof *run);

	if (run == NULL)
		abort();
	run->why = why;
	run->cap = cap;
	run->crypto = csn_crypto_openssl();
	run->st.crypto = run->crypto;
	run->trust = (struct station_trust){ .crypto = run->crypto,
		                             .makers = run->makers,
		                             .note = &run->note };
	return run;
}

static void
run_free(struct run *run)
{
	for (size_t i = 0; i < run->pool_len; i++)
		free(run->pool[i]);
	free(run);
}

static struct csn_bytes
unhex(struct run *run, const char *hex)
{
	size_t   len = hex == NULL ? 0 : strlen(hex) / 2;
	uint8_t *bytes = calloc(1, len + 1);

	if (bytes == NULL || run->pool_len == POOL_MAX)
		abort();
	run->pool[run->pool_len++] = bytes;
	for (size_t i = 0; i < len; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return (struct csn_bytes){ bytes, len };
}

static struct csn_bytes
field(struct run *run, const json_t *object, const char *key)
{
	return unhex(run, json_string_value(json_object_get(object, key)));
}

static long long
number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* Copies a value of exactly @len bytes; what is not there stays zeros. */
static void
take(struct run *run, const json_t *object, const char *key, uint8_t *out, size_t len)
{
	struct csn_bytes bytes = field(run, object, key);

	if (bytes.len == len)
		memcpy(out, bytes.ptr, len);
}

static void
set_station(struct run *run, const json_t *station)
{
	const char *name;
	json_t     *value, *spki;
	size_t      i;

	run->trust.now = (uint32_t)number(station, "now");
	json_object_foreach(json_object_get(station, "makers"), name, value) {
		json_array_foreach(value, i, spki) {
			if (run->trust.maker_count == MAKERS_MAX)
				abort();
			run->makers[run->trust.maker_count++] = (struct station_maker){
				.suite = (uint32_t)atoi(name),
				.spki = unhex(run, json_string_value(spki)),
			};
		}
	}
	json_object_foreach(json_object_get(station, "keys"), name, value) {
		uint32_t suite = (uint32_t)atoi(name);
		json_t  *chain = json_object_get(value, "chain");

		run->trust.suites |= 1u << suite;
		run->chain_len = 0;
		json_array_foreach(chain, i, spki) {
			run->chain[run->chain_len++] = unhex(run, json_string_value(spki));
		}
		run->st.suite = suite;
		if (station_own(&run->st, run->chain[0]) == CSN_OK)
			memcpy(run->skid[suite - 1], run->st.skid, sizeof run->st.skid);
	}
}

static bool
is_blocked(struct run *run, const json_t *station, const uint8_t did[16])
{
	json_t *item;
	size_t  i;

	json_array_foreach(json_object_get(station, "blocked"), i, item) {
		struct csn_bytes blocked = unhex(run, json_string_value(item));
		if (blocked.len == 16 && memcmp(blocked.ptr, did, 16) == 0)
			return true;
	}
	return false;
}

static int
run_manifest(struct run *run, const json_t *row)
{
	const json_t         *station = json_object_get(row, "station");
	struct station_device device;
	struct csn_bytes      key;

	set_station(run, station);
	int r = station_manifest(&run->trust, field(run, row, "manifest"), &device);
	if (r == 0)
		r = station_rung_key(&run->trust, &device, (uint32_t)number(row, "next"), &key);
	if (r == 0 && is_blocked(run, station, device.did))
		r = CSN_CODE_DEVICE_BLOCKED;
	return r;
}

/* A psk item under the key the station requires. */
static int
judge_evidence(struct run *run, struct csn_bytes key, const struct station_hello *hello)
{
	for (size_t i = 0; i < hello->m0b.evidence_len; i++) {
		const struct csn_evid *item = &hello->m0b.evidence[i];
		struct csn_verdict     verdict = { .size = sizeof verdict };
		struct csn_evidence    evidence = { .size = sizeof evidence,
			                            .value = item->value,
			                            .challenge = CSN_BYTES_OF(
			                                    hello->challenge) };
		if (item->type.len != 3 || memcmp(item->type.ptr, "psk", 3) != 0)
			continue;
		if (psk_judge(run->crypto, key, &evidence, &verdict) == CSN_OK &&
		    verdict.judgement == CSN_ACCEPTED)
			return 0;
		return CSN_CODE_EVIDENCE;
	}
	return CSN_CODE_EVIDENCE;
}

static int
run_hello(struct run *run, const json_t *row)
{
	const json_t         *station = json_object_get(row, "station");
	struct csn_bytes      psk = field(run, station, "require_psk");
	struct station_device device;
	struct station_hello  hello;
	uint8_t               sid[16] = { 0 };

	set_station(run, station);
	take(run, row, "sid", sid, sizeof sid);
	const uint8_t *const skids[2] = { run->skid[0], run->skid[1] };
	int r = station_hello(&run->trust, sid, skids, field(run, row, "m0b"), &device, &hello);
	if (r == 0 && is_blocked(run, station, device.did))
		r = CSN_CODE_DEVICE_BLOCKED;
	if (r == 0 && psk.len > 0)
		r = judge_evidence(run, psk, &hello);
	return r;
}

/* What the station remembers of a session. */
static void
set_session(struct run *run, const json_t *session)
{
	struct station  *st = &run->st;
	const json_t    *pake = json_object_get(session, "pake");
	struct csn_bytes enc = field(run, session, "enc"), sig = field(run, session, "sig");
	struct csn_bytes pk = field(run, session, "identity_pk"), m5 = field(run, session, "m5");

	st->suite = (uint32_t)number(session, "suite");
	st->mode = (uint32_t)number(session, "mode");
	st->ts = (uint32_t)number(session, "ts");
	take(run, session, "did", st->did, 16);
	take(run, session, "sid", st->sid, 16);
	take(run, session, "nu", st->nu, 16);
	take(run, session, "hh", st->hh, 32);
	take(run, session, "t1", st->t1, 32);
	take(run, session, "x", st->keys.x, 32);
	take(run, session, "xc", st->keys.xc, 32);
	take(run, session, "pin_part", st->pin_part, 32);
	take(run, pake, "w0", st->w0, 32);
	take(run, pake, "w1", st->w1, 32);
	take(run, pake, "x", st->pake_x, 32);
	take(run, pake, "shareP", st->share_p, 65);
	memcpy(st->enc, enc.ptr, enc.len);
	st->enc_len = enc.len;
	memcpy(st->sig, sig.ptr, sig.len);
	st->sig_len = sig.len;
	memcpy(st->pk, pk.ptr, pk.len);
	st->pk_len = pk.len;
	st->has_m5 = m5.len > 0;
	if (st->has_m5)
		(void)csn_sha256(run->crypto, m5, st->m5h);
}

static int
run_pake_reply(struct run *run, const json_t *row)
{
	set_session(run, json_object_get(row, "session"));
	return station_pake_reply(&run->st, field(run, row, "m4"));
}

static int
run_done(struct run *run, const json_t *row)
{
	struct csn_bytes receipt;
	uint8_t          t2[32];

	set_session(run, json_object_get(row, "session"));
	return station_done(&run->st, field(run, row, "m3"), field(run, row, "checkpoint"),
	                    &receipt, t2);
}

static const struct {
	const char *op;
	int (*run)(struct run *run, const json_t *row);
} ops[] = {
	{ "manifest", run_manifest },
	{ "hello", run_hello },
	{ "pake_reply", run_pake_reply },
	{ "done", run_done },
};

bool
csgn1_station_judges(const char *op)
{
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		if (strcmp(ops[i].op, op) == 0)
			return true;
	return false;
}

bool
csgn1_station_row(const json_t *row, char *ret_why, size_t cap)
{
	const char *op = json_string_value(json_object_get(row, "op"));
	const json_t *expect = json_object_get(row, "expect");
	struct run *run = run_new(ret_why, cap);
	bool        good = fail(run, "no such op");

	for (size_t i = 0; op != NULL && i < sizeof ops / sizeof ops[0]; i++) {
		if (strcmp(ops[i].op, op) != 0)
			continue;
		int code = ops[i].run(run, row);
		good = code == number(expect, "code") && json_object_get(expect, "code") != NULL;
		if (!good)
			fail(run, "got %d %s, wanted %lld %s", code,
			     code > 0 ? csn_code_name(code) : "", number(expect, "code"),
			     json_string_value(json_object_get(expect, "reason")));
	}
	run_free(run);
	return good;
}

/* Compares with a member of the trace; what a file does not use is null there. */
static bool
same(struct run *run, const char *key, const uint8_t *ptr, size_t len)
{
	struct csn_bytes want = field(run, run->trace, key);

	run->compared++;
	if (!json_is_string(json_object_get(run->trace, key)))
		return fail(run, "%s is not in the trace", key);
	if (want.len != len)
		return fail(run, "%s has %zu bytes, wanted %zu", key, len, want.len);
	if (len > 0 && memcmp(want.ptr, ptr, len) != 0)
		return fail(run, "%s differs", key);
	return true;
}

static bool
good(struct run *run, int r, const char *what)
{
	return r == CSN_OK || fail(run, "%s: %d %s", what, r, r > 0 ? csn_code_name(r) : "");
}

/* The manifest or the hello gives the device and the key R. */
static bool
trace_device(struct run *run, const json_t *file, struct station_device *device,
             struct station_hello *hello, struct csn_bytes *ret_r)
{
	const json_t    *manifest = json_object_get(file, "manifest");
	struct station  *st = &run->st;
	struct csn_bytes m0b = field(run, run->trace, "M0b");

	*ret_r = CSN_BYTES_NONE;
	if ((st->mode & CSN_MODE_TWO_WAY) != 0) {
		const uint8_t *const skids[2] = { run->skid[0], run->skid[1] };
		if (!good(run, station_hello(&run->trust, st->sid, skids, m0b, device, hello),
		          "M0b"))
			return false;
		*ret_r = hello->m0b.hello.e_d;
		return same(run, "hello", hello->m0b.hello_raw.ptr, hello->m0b.hello_raw.len) &&
		       same(run, "evidence_challenge", hello->challenge, 32) &&
		       same(run, "R", ret_r->ptr, ret_r->len);
	}
	if ((st->mode & CSN_MODE_PSK) != 0)
		return true;
	struct csn_bytes signed_manifest = field(run, manifest, "signed");
	return good(run, station_manifest(&run->trust, signed_manifest, device), "manifest") &&
	       good(run, station_rung_key(&run->trust, device, st->idx, ret_r), "rung") &&
	       same(run, "R", ret_r->ptr, ret_r->len);
}

static bool
trace_greeting(struct run *run)
{
	struct station      *st = &run->st;
	struct csn_m0a       m0a = { 0 };
	uint8_t              buf[128];
	struct csn_dcbor_out out;
	struct csn_bytes     bytes;

	if ((st->mode & CSN_MODE_TWO_WAY) == 0)
		return true;
	memcpy(m0a.sid, st->sid, sizeof m0a.sid);
	m0a.has_suite[st->suite] = true;
	memcpy(m0a.skid[st->suite], st->skid, sizeof m0a.skid[0]);
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_m0a_put(&out, &m0a);
	return good(run, csn_dcbor_out_end(&out, &bytes), "M0a") &&
	       same(run, "M0a", bytes.ptr, bytes.len);
}

static bool
trace_open(struct run *run, const json_t *file, struct csn_bytes r, struct csn_bytes hello)
{
	struct station *st = &run->st;
	uint8_t         secret[32] = { 0 };

	if ((st->mode & CSN_MODE_PSK) != 0) {
		struct station_device record = { .first = 0 };
		take(run, json_array_get(json_object_get(file, "ladder"), 0), "seed",
		     record.seed, 32);
		if (!good(run, station_psk(run->crypto, &record, st->idx, secret), "psk") ||
		    !same(run, "psk", secret, 32))
			return false;
	} else {
		take(run, run->trace, "ikmE", secret, 32);
	}
	return good(run, station_open(st, r, hello, secret), "open") &&
	       same(run, "hdr", st->hdr, st->hdr_len) && same(run, "hh", st->hh, 32) &&
	       same(run, "enc", st->enc, st->enc_len) && same(run, "x", st->keys.x, 32) &&
	       same(run, "ku", st->keys.ku, 32) && same(run, "xc", st->keys.xc, 32) &&
	       same(run, "k0", st->k0, csn_suite_key_len(st->suite));
}

static bool
trace_pin(struct run *run, const json_t *file)
{
	const json_t    *device = json_object_get(json_object_get(file, "parties"), "device");
	const char      *text = json_string_value(json_object_get(device, "pin"));
	struct station  *st = &run->st;
	uint8_t          scalar[32] = { 0 };

	st->cost = (uint32_t)number(device, "cost");
	if ((st->mode & CSN_MODE_PIN) == 0)
		return same(run, "pin_part", st->pin_part, 32);
	struct csn_bytes pin = { (const uint8_t *)text, strlen(text) };
	if (st->mode != CSN_MODE_PAKE)
		return good(run, station_pin(st, pin), "PIN") &&
		       same(run, "pin_part", st->pin_part, 32);
	take(run, run->trace, "pake_x", scalar, 32);
	return good(run, station_pake_start(st, pin, scalar), "PIN") &&
	       same(run, "w0", st->w0, 32) && same(run, "w1", st->w1, 32) &&
	       same(run, "shareP", st->share_p, 65);
}

/* The body from what is not the station's in it. */
static bool
trace_body(struct run *run, uint8_t *out, size_t room, size_t *ret_len)
{
	struct csn_bytes      body = field(run, run->trace, "body");
	struct csn_body_view  view;
	struct csn_body_place place = { 0 };
	struct csn_dcbor_in   in, device;
	struct csn_dcbor_out  record;
	struct csn_bytes      items[64], bytes;
	uint8_t              *buf = calloc(1, CSN_CT_MAX), maker[32];
	char                  name[256] = "";
	size_t                kept = 0;
	uint32_t              lifetime = 0, to = 0;
	bool                  ok = buf != NULL && good(run, csn_body_view(body, &view), "body");

	csn_dcbor_in_init(&in, body);
	for (size_t n = csn_dcbor_map(&in, 0, 32); n > 0; n--) {
		struct csn_bytes key = csn_dcbor_item(&in), value = csn_dcbor_item(&in);
		if (key.len == 1 && (key.ptr[0] == 1 || key.ptr[0] == 6))
			continue;
		items[kept++] = key;
		items[kept++] = value;
	}
	csn_dcbor_out_init(&record, buf, CSN_CT_MAX);
	csn_dcbor_put_map(&record, kept / 2);
	for (size_t i = 0; i < kept; i++)
		csn_dcbor_put_item(&record, items[i]);
	ok = ok && good(run, csn_dcbor_out_end(&record, &bytes), "record") &&
	     csn_sha256(run->crypto, run->makers[0].spki, maker) == CSN_OK;
	if (ok) {
		csn_dcbor_in_init(&device, view.device);
		for (size_t n = csn_dcbor_map(&device, 0, 8); n > 0; n--) {
			uint64_t key = csn_dcbor_uint(&device, 8);
			if (key == 3) {
				lifetime = (uint32_t)csn_dcbor_uint(&device, UINT32_MAX);
			} else if (key == 2) {
				csn_dcbor_array(&device, 2, 2);
				csn_dcbor_uint(&device, UINT32_MAX);
				to = (uint32_t)csn_dcbor_uint(&device, UINT32_MAX);
			} else {
				csn_dcbor_item(&device);
			}
		}
		memcpy(name, view.operator_id.ptr ? view.operator_id.ptr : (const uint8_t *)"",
		       view.operator_id.len);
		const struct station_frame frame = {
			.maker = maker,
			.early_s = 3600,
			.window_s = to - run->st.ts,
			.session_s = 600,
			.lifetime_s = lifetime,
			.checkpoint = view.checkpoint,
			.operator_name = view.operator_id.len > 0 ? name : NULL,
		};
		ok = good(run, station_body(&run->st, &frame, bytes, out, room, ret_len, &place),
		          place.text) &&
		     same(run, "body", out, *ret_len);
	}
	free(buf);
	return ok;
}

/* Signs as the station's key would; ES256 by RFC 6979, so every byte is the vector's. */
static bool
sign(struct run *run, const json_t *file, const char *stmt, const uint8_t *to_sign,
     size_t len, uint8_t sig[CSN_SIG_LEN])
{
	const json_t    *station = json_object_get(json_object_get(file, "parties"), "station");
	struct csn_bytes part = { to_sign, len };
	struct csn_bytes want = field(run, run->trace, stmt);
	uint8_t          sk[32] = { 0 };

	run->compared++;
	if (want.len == 0 || len < want.len ||
	    memcmp(to_sign + len - want.len, want.ptr, want.len) != 0)
		return fail(run, "%s differs", stmt);
	take(run, station, "private_raw", sk, 32);
	return good(run, run->crypto->sign(run->crypto->self, run->st.suite, sk, &part, 1, sig),
	            "signature");
}

static bool
trace_offer(struct run *run, const json_t *file, struct csn_bytes body)
{
	static uint8_t   m1[CSN_M1_MAX];
	struct station  *st = &run->st;
	struct csn_plain plain;
	uint8_t          to_sign[STATION_TO_SIGN], sig[CSN_SIG_LEN], m2[CSN_M2_LEN];
	size_t           len, m1_len;

	if (!good(run, csn_plain_parse(field(run, run->trace, "plain"), st->mode, &plain),
	          "plain"))
		return false;
	if (!good(run, station_offer_statement(st, body, to_sign, sizeof to_sign, &len),
	          "statement") ||
	    !sign(run, file, "stmt", to_sign, len, sig) ||
	    !good(run, station_offer(st, sig, run->chain, run->chain_len, plain.voucher, m1,
	                             sizeof m1, &m1_len, m2),
	          "offer"))
		return false;
	if (st->mode != CSN_MODE_PAKE &&
	    (!same(run, "com", st->com, 32) || !same(run, "inner", st->inner, st->inner_len)))
		return false;
	return same(run, "sig", st->sig, st->sig_len) && same(run, "t1", st->t1, 32) &&
	       same(run, "ct", st->ct, field(run, run->trace, "ct").len) &&
	       same(run, "plain", st->plain, field(run, run->trace, "plain").len) &&
	       same(run, "tag", m2 + 25, 16) && same(run, "M1", m1, m1_len) &&
	       same(run, "M2", m2, sizeof m2);
}

static bool
trace_inner(struct run *run, const json_t *file, struct csn_bytes body)
{
	static uint8_t  m5[CSN_M5_MAX];
	struct station *st = &run->st;
	uint8_t         to_sign[STATION_TO_SIGN], sig[CSN_SIG_LEN];
	size_t          len, m5_len;

	if (st->mode != CSN_MODE_PAKE)
		return true;
	return good(run, station_pake_reply(st, field(run, run->trace, "M4")), "M4") &&
	       same(run, "pin_part", st->pin_part, 32) &&
	       good(run, station_inner_statement(st, body, to_sign, sizeof to_sign, &len),
	            "inner") &&
	       same(run, "com", st->com, 32) && same(run, "inner", st->inner, st->inner_len) &&
	       sign(run, file, "stmt5", to_sign, len, sig) &&
	       good(run, station_inner(st, sig, m5, sizeof m5, &m5_len), "M5") &&
	       same(run, "M5", m5, m5_len);
}

static bool
trace_done(struct run *run, struct csn_bytes body)
{
	struct station      *st = &run->st;
	struct csn_body_view view;
	struct csn_bytes     receipt;
	uint8_t              t2[32], kc[32];

	return good(run, csn_body_view(body, &view), "body") &&
	       good(run, station_expect(st, 0, t2, kc), "t2") && same(run, "t2", t2, 32) &&
	       same(run, "kc", kc, 32) &&
	       good(run, station_done(st, field(run, run->trace, "M3"), view.checkpoint,
	                              &receipt, t2),
	            "M3") &&
	       same(run, "receipt", receipt.ptr, receipt.len);
}

static bool
trace(struct run *run, const json_t *file)
{
	struct station      *st = &run->st;
	static uint8_t       body[CSN_CT_MAX];
	struct station_device device = { 0 };
	struct station_hello hello = { 0 };
	struct csn_m1        m1;
	struct csn_bytes     r, pk;
	size_t               len;

	set_station(run, json_object_get(file, "station"));
	if (!good(run, csn_m1_parse(field(run, run->trace, "M1"), &m1), "the vector's M1"))
		return false;
	st->suite = (uint32_t)number(file, "suite");
	st->mode = (uint32_t)number(file, "mode");
	st->ts = (uint32_t)number(run->trace, "ts");
	st->has_idx = m1.hdr.has_idx;
	st->idx = m1.hdr.idx;
	st->has_not_after = m1.hdr.has_not_after;
	st->not_after = m1.hdr.not_after;
	take(run, run->trace, "sid", st->sid, 16);
	take(run, run->trace, "nu", st->nu, 16);
	take(run, json_object_get(json_object_get(file, "parties"), "device"), "did", st->did, 16);
	pk = field(run, json_object_get(file, "session"), "identity_pk");
	memcpy(st->pk, pk.ptr, pk.len);
	st->pk_len = pk.len;
	return trace_greeting(run) && trace_device(run, file, &device, &hello, &r) &&
	       trace_open(run, file, r, hello.m0b.hello_raw) && trace_pin(run, file) &&
	       trace_body(run, body, sizeof body, &len) &&
	       trace_offer(run, file, (struct csn_bytes){ body, len }) &&
	       trace_inner(run, file, (struct csn_bytes){ body, len }) &&
	       trace_done(run, (struct csn_bytes){ body, len });
}

bool
csgn1_station_trace(const json_t *file, unsigned *ret_count, char *ret_why, size_t cap)
{
	struct run *run = run_new(ret_why, cap);

	run->trace = json_object_get(file, "trace");
	bool ok = trace(run, file);
	*ret_count = run->compared;
	run_free(run);
	return ok;
}
