/*
 * CSGN/1 through the library alone: every value of the accepted ceremonies is computed
 * again under its own name, and the rows that need no state machine are run.  Rows of the
 * device and the station go to their own halves.
 */
#include "lib/body.h"
#include "lib/cert.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/ladder.h"
#include "lib/offer.h"
#include "lib/spake2p.h"
#include "vectors/csgn1-station.h"
#include "vectors/runners.h"

/* One file: what it says, and what was computed on the way. */
struct trace {
	struct vec             *v;
	const struct csn_crypto *c;
	const json_t           *root, *values;
	unsigned                suite, mode;
	struct csn_m1           m1;
	struct csn_offer_keys   keys;
	uint8_t                 hh[32], k0[32], s1[32], k1[32], t1[32], t2[32], kc[32];
	struct csn_offer_bind   bind;
	struct csn_bytes        pin_part; /* empty without PIN                     */
};

/* One row: @got is the value the trace has under @name. */
static bool
same(struct trace *t, const char *name, int code, const uint8_t *got, size_t len)
{
	struct csn_bytes want = vec_hex(t->values, name);

	return vec_row(t->v, code == 0 && vec_same((struct csn_bytes){ got, len }, want),
	               "%s (code %d, %zu bytes, wanted %zu)", name, code, len, want.len);
}

static bool
same_bytes(struct trace *t, const char *name, int code, struct csn_bytes got)
{
	return same(t, name, code, got.ptr, got.len);
}

static struct csn_bytes
value(const struct trace *t, const char *name)
{
	return vec_hex(t->values, name);
}

static const json_t *
party(const struct trace *t, const char *name)
{
	return json_object_get(json_object_get(t->root, "parties"), name);
}

/* A buffer for anything a message can be. */
static void
out_init(struct csn_dcbor_out *out)
{
	csn_dcbor_out_init(out, vec_alloc(CSN_M0B_MAX), CSN_M0B_MAX);
}

static void
same_out(struct trace *t, const char *name, const struct csn_dcbor_out *out)
{
	struct csn_bytes bytes = CSN_BYTES_NONE;
	int              r     = csn_dcbor_out_end(out, &bytes);

	same_bytes(t, name, r, bytes);
}

static void
run_ladder(struct trace *t)
{
	const json_t    *rows = json_object_get(t->root, "ladder"), *row;
	struct csn_bytes seed0 = vec_hex(json_array_get(rows, 0), "seed");
	size_t           i, pk_len = csn_suite_pk_len(t->suite);

	json_array_foreach(rows, i, row) {
		uint8_t seed[32], psk[32], sk[32], pk[65];
		bool ok = csn_ladder_forward(t->c, seed0.ptr, (unsigned)i, seed) == CSN_OK &&
		          csn_ladder_psk(t->c, seed, psk) == CSN_OK &&
		          csn_ladder_keys(t->c, t->suite, seed, sk, pk) == CSN_OK &&
		          vec_same(CSN_BYTES_OF(seed), vec_hex(row, "seed")) &&
		          vec_same(CSN_BYTES_OF(psk), vec_hex(row, "psk")) &&
		          vec_same(CSN_BYTES_OF(sk), vec_hex(row, "sk")) &&
		          vec_same((struct csn_bytes){ pk, pk_len }, vec_hex(row, "pk"));
		vec_row(t->v, ok, "rung %zu", i);
	}
}

static void
run_header(struct trace *t)
{
	struct csn_dcbor_out out;
	int                  r = csn_m1_parse(value(t, "M1"), &t->m1);

	same_bytes(t, "hdr", r, t->m1.hdr_raw);
	same_bytes(t, "enc", r, t->m1.enc);
	same_bytes(t, "ct", r, t->m1.ct);
	out_init(&out);
	csn_hdr_put(&out, &t->m1.hdr);
	same_out(t, "hdr", &out);
	out_init(&out);
	csn_m1_put(&out, t->m1.hdr_raw, t->m1.enc, t->m1.ct);
	same_out(t, "M1", &out);
	r = csn_offer_hh(t->c, t->m1.hdr_raw, value(t, "R"), value(t, "hello"), t->hh);
	same(t, "hh", r, t->hh, 32);
}

static void
run_kem(struct trace *t)
{
	struct csn_hpke ctx = { 0 };
	uint8_t         enc[65];
	int             r;

	if ((t->mode & CSN_MODE_PSK) != 0) {
		r = csn_offer_keys_psk(t->c, t->hh, value(t, "psk").ptr, &t->keys);
	} else {
		r = csn_hpke_setup_sender(t->c, t->suite, value(t, "R"),
		                          CSN_BYTES_OF(t->hh), value(t, "ikmE"), enc, &ctx);
		same(t, "enc", r, enc, csn_suite_pk_len(t->suite));
		same(t, "exporter_secret", r, ctx.exporter_secret, 32);
		r = csn_offer_keys_hpke(t->c, &ctx, &t->keys);
	}
	same(t, "x", r, t->keys.x, 32);
	same(t, "ku", r, t->keys.ku, 32);
	same(t, "xc", r, t->keys.xc, 32);
}

/* Mode 3: the pin_part is what SPAKE2+ agrees on, on both sides. */
static void
run_pake(struct trace *t)
{
	const json_t        *device = party(t, "device"), *row = json_object_get(t->root, "vector");
	const char          *pin    = vec_str(device, "pin", "");
	struct csn_bytes     did = vec_hex(device, "did"), x = value(t, "pake_x");
	struct csn_pake_ids  ids;
	struct csn_pake_keys p = { 0 }, d = { 0 };
	struct csn_m4        m4 = { 0 };
	struct csn_m5        m5 = { 0 };
	uint8_t              w0[32], w1[32], l[65], share[65], share_v[65], buf[64];

	int r = csn_pake_scalars(t->c, (struct csn_bytes){ (const uint8_t *)pin, strlen(pin) },
	                         did.ptr, (unsigned)vec_int(t->values, "cost", 0), w0, w1);
	same(t, "w0", r, w0, 32);
	same(t, "w1", r, w1, 32);
	same(t, "L", csn_pake_record(t->c, w1, l), l, 65);
	r = csn_pake_share_p(t->c, w0, x.ptr, share);
	same(t, "shareP", r, share, 65);
	r = csn_m4_parse(value(t, "M4"), &m4);
	if (r == 0)
		r = csn_pake_ids(did.ptr, value(t, "t1").ptr, buf, &ids);
	if (r == 0)
		r = csn_pake_prover(t->c, &ids, w0, w1, x.ptr, share,
		                    CSN_BYTES_OF(m4.share_v), &p);
	same(t, "pin_part", r, p.k_shared, 32);
	vec_row(t->v, csn_same_n(p.confirm_v, m4.confirm_v, 32), "confirmV of M4");
	r = csn_m5_parse(value(t, "M5"), &m5);
	vec_row(t->v, r == 0 && csn_same_n(p.confirm_p, m5.confirm_p, 32), "confirmP of M5");
	r = csn_pake_verifier(t->c, &ids, w0, l, vec_hex(row, "pake_y").ptr,
	                      CSN_BYTES_OF(share), share_v, &d);
	vec_row(t->v, r == 0 && csn_same_n(share_v, m4.share_v, 65), "shareV of M4");
	vec_row(t->v, memcmp(&p, &d, sizeof p) == 0, "both sides agree");
}

static void
run_pin(struct trace *t)
{
	const json_t *device = party(t, "device");
	const char   *pin    = vec_str(device, "pin", "");
	uint8_t      *part   = vec_alloc(32);

	t->pin_part = (struct csn_bytes){ part, 32 };
	if (t->mode == CSN_MODE_PAKE) {
		t->pin_part = value(t, "pin_part");
		run_pake(t);
	} else if ((t->mode & CSN_MODE_PIN) != 0) {
		int r = csn_offer_pin_part(
			t->c, (struct csn_bytes){ (const uint8_t *)pin, strlen(pin) }, t->hh,
			(unsigned)vec_int(device, "cost", 0), part);
		same(t, "pin_part", r, part, 32);
	} else {
		same(t, "pin_part", 0, part, 32);
		t->pin_part = CSN_BYTES_NONE;
	}
}

static void
run_schedule(struct trace *t)
{
	size_t  key_len = csn_suite_key_len(t->suite);
	uint8_t com[32];

	t->bind = (struct csn_offer_bind){ t->suite, t->hh, t->m1.enc, value(t, "nu").ptr };
	int r   = csn_offer_k0(t->c, &t->bind, t->keys.x, t->k0);
	same(t, "k0", r, t->k0, key_len);
	r = csn_offer_s1(t->c, &t->bind, t->keys.x, t->pin_part.ptr, t->s1);
	same(t, "s1", r, t->s1, 32);
	r = csn_offer_k1(t->c, t->suite, t->s1, t->k1);
	same(t, "k1", r, t->k1, key_len);
	r = csn_offer_com(t->c, t->s1, com);
	same(t, "com", r, com, 32);
	r = csn_offer_kc(t->c, &t->bind, t->keys.xc, t->pin_part.ptr, t->kc);
	same(t, "kc", r, t->kc, 32);
}

static void
run_body(struct trace *t)
{
	struct csn_bytes body = value(t, "body"), inner = value(t, "inner");
	struct csn_bytes maker = vec_hex(party(t, "manufacturer_anchor"), "public_spki");
	uint8_t         *sealed = vec_alloc(body.len + 16), *plain = vec_alloc(inner.len);
	uint8_t          maker_hash[32];
	struct csn_body_place place = { 0 };

	int r = csn_offer_seal(t->c, t->suite, t->k1, t->hh, body, sealed);
	same(t, "inner", r, sealed, body.len + 16);
	r = csn_offer_open(t->c, t->suite, t->k1, t->hh, inner, plain);
	same(t, "body", r, plain, inner.len - 16);

	csn_sha256(t->c, maker, maker_hash);
	struct csn_body_want want = {
		.suite      = t->suite,
		.did        = t->m1.hdr.did,
		.sid        = t->m1.hdr.sid,
		.maker_hash = maker_hash,
		.ts         = (uint32_t)vec_int(t->values, "ts", 0),
	};
	r = csn_body_check(body, &want, &place);
	vec_row(t->v, r == 0, "body check: %d at %s: %s", r, place.path, place.text);
	r = csn_body_check(body, &(struct csn_body_want){
		.suite = want.suite, .did = want.sid, .sid = want.sid,
		.maker_hash = maker_hash, .ts = want.ts }, &place);
	vec_row(t->v, r == CSN_CODE_BODY_DEVICE, "body of another device: %d", r);
}

/* The firmware manifest of the body, if it has one, by role .5 of the maker. */
static void
run_firmware(struct trace *t)
{
	struct csn_body_view  view;
	struct csn_cose       cose = { 0 };
	struct csn_cert       leaf = { 0 };
	struct csn_fw_payload fw   = { 0 };

	int r = csn_body_view(value(t, "body"), &view);
	vec_row(t->v, r == 0, "the body can be taken apart");
	if (r != 0 || view.fw_object.len == 0)
		return;
	r = csn_dcbor_check(view.fw_object);
	if (r == 0)
		r = csn_cose_parse(view.fw_object, &cose);
	if (r == 0)
		r = csn_cose_headers(&cose, t->suite, CSN_COSE_OBJECT);
	if (r == 0)
		r = csn_chain_check(t->c, t->suite, cose.chain, cose.chain_len,
		                    vec_hex(party(t, "manufacturer_anchor"), "public_spki"),
		                    CSN_ROLE_FIRMWARE, (uint32_t)vec_int(t->values, "ts", 0),
		                    &leaf);
	if (r == 0)
		r = csn_cose_verify(t->c, &cose, t->suite, leaf.pk, cose.payload);
	if (r == 0)
		r = csn_fw_payload_parse(cose.payload, &fw);
	if (r == 0)
		r = csn_body_firmware_ref(&view, &fw);
	vec_row(t->v, r == 0, "firmware manifest: %d", r);
}

/* A detached signature: exact headers, chain when there is one, and the same bytes. */
static void
check_sig(struct trace *t, const char *name, struct csn_cose cose, enum csn_cose_kind kind,
          unsigned role, const char *signer, const char *anchor, struct csn_bytes payload)
{
	struct csn_cert  leaf = { 0 };
	struct csn_bytes sk = vec_hex(party(t, signer), "private_raw"), pk = CSN_BYTES_NONE;
	uint8_t          sig[64];

	int r = csn_cose_headers(&cose, t->suite, kind);
	vec_row(t->v, r == 0, "%s: headers", name);
	r = csn_spki_parse(vec_hex(party(t, signer), "public_spki"), t->suite, &pk);
	if (r == 0 && kind == CSN_COSE_CHAIN) {
		r = csn_chain_check(t->c, t->suite, cose.chain, cose.chain_len,
		                    vec_hex(party(t, anchor), "public_spki"), role,
		                    (uint32_t)vec_int(t->values, "ts", 0), &leaf);
		vec_row(t->v, r == 0 && vec_same(pk, leaf.pk), "%s: chain check %d", name, r);
	}
	r = csn_cose_verify(t->c, &cose, t->suite, pk, payload);
	vec_row(t->v, r == 0, "%s: signature", name);
	r = csn_cose_sign(t->c, t->suite, sk.ptr, payload, sig);
	vec_row(t->v, r == 0 && memcmp(sig, cose.sig, 64) == 0, "%s: signed again, differs",
	        name);
}

static void
run_statement(struct trace *t)
{
	struct csn_bytes     inner = value(t, "inner"), com = value(t, "com");
	struct csn_bytes     plain_raw = value(t, "plain"), stmt = CSN_BYTES_NONE;
	struct csn_plain     plain = { 0 };
	struct csn_dcbor_out out;
	uint8_t              inner_hash[32], leaf_hash[32];
	bool                 pake = t->mode == CSN_MODE_PAKE;

	int r = csn_plain_parse(plain_raw, t->mode, &plain);
	vec_row(t->v, r == 0, "plain parses: %d", r);
	same_bytes(t, "sig", r, plain.sig.raw);
	out_init(&out);
	csn_plain_put(&out, plain.inner, plain.has_com ? plain.com : NULL, plain.voucher,
	              plain.sig.raw);
	same_out(t, "plain", &out);

	struct csn_bytes leaf = vec_unhex(json_string_value(
		json_array_get(json_object_get(party(t, "station"), "chain"), 0)));
	csn_sha256(t->c, pake ? value(t, "shareP") : inner, inner_hash);
	csn_sha256(t->c, leaf, leaf_hash);
	out_init(&out);
	csn_offer_put_stmt(&out, &t->bind, (uint32_t)vec_int(t->values, "ts", 0), inner_hash,
	                   pake ? NULL : com.ptr, leaf_hash);
	same_out(t, "stmt", &out);
	csn_dcbor_out_end(&out, &stmt);
	check_sig(t, "sig", plain.sig, CSN_COSE_CHAIN, CSN_ROLE_STATION, "station",
	          "owner_anchor", stmt);

	uint8_t *ct = vec_alloc(plain_raw.len + 16), *opened = vec_alloc(t->m1.ct.len);
	r           = csn_offer_seal(t->c, t->suite, t->k0, t->hh, plain_raw, ct);
	same(t, "ct", r, ct, plain_raw.len + 16);
	r = csn_offer_open(t->c, t->suite, t->k0, t->hh, t->m1.ct, opened);
	same(t, "plain", r, opened, t->m1.ct.len - 16);
}

static void
run_inner(struct trace *t)
{
	struct csn_m5        m5 = { 0 };
	struct csn_m4        m4 = { 0 };
	struct csn_dcbor_out out;
	struct csn_bytes     stmt = CSN_BYTES_NONE;
	uint8_t              hash[32];

	if (t->mode != CSN_MODE_PAKE)
		return;
	int r = csn_m5_parse(value(t, "M5"), &m5);
	if (r == 0)
		r = csn_m4_parse(value(t, "M4"), &m4);
	same_bytes(t, "inner", r, m5.inner);
	out_init(&out);
	csn_m4_put(&out, &m4);
	same_out(t, "M4", &out);
	out_init(&out);
	csn_m5_put(&out, m5.sid, m5.confirm_p, m5.inner, m5.com, m5.sig.raw);
	same_out(t, "M5", &out);
	csn_sha256(t->c, m5.inner, hash);
	out_init(&out);
	csn_offer_put_stmt5(&out, t->t1, value(t, "shareP").ptr, m4.share_v, hash, m5.com);
	same_out(t, "stmt5", &out);
	csn_dcbor_out_end(&out, &stmt);
	check_sig(t, "sig of M5", m5.sig, CSN_COSE_PLAIN, 0, "station", NULL, stmt);
}

static void
run_bind(struct trace *t)
{
	struct csn_m2 m2 = { 0 };
	uint8_t       tag[16], made[CSN_M2_LEN];

	int r = csn_offer_t1(t->c, t->hh, t->m1.enc, t->m1.ct, t->t1);
	same(t, "t1", r, t->t1, 32);
	r = csn_m2_parse(value(t, "M2"), &m2);
	same(t, "nu", r, m2.nu, 16);
	r = csn_offer_tag(t->c, t->keys.ku, t->t1, m2.nu, m2.ts, tag);
	same(t, "tag", r, tag, 16);
	csn_m2_make(&m2, made);
	same(t, "M2", 0, made, sizeof made);
}

static void
run_done(struct trace *t)
{
	struct csn_m3        m3 = { 0 };
	struct csn_bytes     m5 = value(t, "M5"), payload = CSN_BYTES_NONE;
	struct csn_body_view view;
	struct csn_dcbor_out out;
	uint8_t              m5h[32], tag3[16];

	int r = csn_m3_parse(value(t, "M3"), &m3);
	vec_row(t->v, r == 0 && csn_body_view(value(t, "body"), &view) == 0, "M3 parses");
	if (m5.len > 0)
		csn_sha256(t->c, m5, m5h);
	r = csn_offer_t2(t->c, t->t1, t->bind.nu, (uint32_t)vec_int(t->values, "ts", 0),
	                 value(t, "sig"), m5.len > 0 ? m5h : NULL, t->t2);
	same(t, "t2", r, t->t2, 32);
	r = csn_offer_tag3(t->c, t->kc, t->t2, m3.result, tag3);
	same(t, "tag3", r, tag3, 16);
	out_init(&out);
	csn_m3_put(&out, m3.sid, m3.result, m3.tag3, m3.receipt.raw);
	same_out(t, "M3", &out);
	if (!m3.has_receipt)
		return;
	same_bytes(t, "receipt", 0, m3.receipt.raw);
	out_init(&out);
	csn_offer_put_receipt(&out, t->t2, t->m1.hdr.did, m3.result, view.checkpoint);
	same_out(t, "receipt_payload", &out);
	csn_dcbor_out_end(&out, &payload);
	check_sig(t, "receipt", m3.receipt, CSN_COSE_PLAIN, 0, "device_identity", NULL,
	          payload);
}

static void
run_hello(struct trace *t)
{
	struct csn_m0a       m0a = { 0 };
	struct csn_m0b       m0b = { 0 };
	struct csn_dcbor_out out;
	struct csn_bytes     payload = CSN_BYTES_NONE;
	uint8_t              chal[32], hash[32], id[16];

	if ((t->mode & CSN_MODE_TWO_WAY) == 0)
		return;
	int r = csn_m0a_parse(value(t, "M0a"), &m0a);
	out_init(&out);
	csn_m0a_put(&out, &m0a);
	vec_row(t->v, r == 0, "M0a parses: %d", r);
	same_out(t, "M0a", &out);
	r = csn_m0b_parse(value(t, "M0b"), &m0b);
	vec_row(t->v, r == 0, "M0b parses: %d", r);
	same_bytes(t, "hello", r, m0b.hello_raw);
	out_init(&out);
	csn_hello_put(&out, &m0b.hello);
	same_out(t, "hello", &out);
	out_init(&out);
	csn_m0b_put(&out, m0b.hello_raw, m0b.evidence_raw, m0b.sig.raw);
	same_out(t, "M0b", &out);
	csn_sha256(t->c, m0b.evidence_raw, hash);
	vec_row(t->v, csn_same_n(hash, m0b.hello.evh, 32), "evh");
	r = csn_offer_chal(t->c, m0b.hello.sid, m0b.hello.skid, m0b.hello.did, m0b.hello.e_d,
	                   chal);
	same(t, "evidence_challenge", r, chal, 32);
	out_init(&out);
	csn_offer_put_hello(&out, m0b.hello_raw);
	csn_dcbor_out_end(&out, &payload);
	check_sig(t, "sig of M0b", m0b.sig, CSN_COSE_CHAIN, CSN_ROLE_DEVICE,
	          "device_identity", "manufacturer_anchor", payload);
	csn_short_id(t->c, vec_hex(party(t, "device_identity"), "public_spki"), id);
	vec_row(t->v, csn_same_n(id, m0b.hello.did, 16), "did of the identity key");
}

/* An attached object of the maker: parsed, its chain for the role, its signature. */
static bool
check_object(struct trace *t, const char *name, struct csn_bytes item, unsigned roles,
             struct csn_cose *ret_cose)
{
	struct csn_cert leaf = { 0 };

	int r = csn_cose_parse(item, ret_cose);
	if (r == 0)
		r = csn_cose_headers(ret_cose, t->suite, CSN_COSE_OBJECT);
	if (r == 0)
		r = csn_chain_check(t->c, t->suite, ret_cose->chain, ret_cose->chain_len,
		                    vec_hex(party(t, "manufacturer_anchor"), "public_spki"),
		                    roles, (uint32_t)vec_int(t->values, "ts", 0), &leaf);
	if (r == 0)
		r = csn_cose_verify(t->c, ret_cose, t->suite, leaf.pk, ret_cose->payload);
	return vec_row(t->v, r == 0, "%s: %d", name, r);
}

static void
run_manifest(struct trace *t)
{
	const json_t       *row = json_object_get(t->root, "manifest");
	struct csn_bytes    payload = vec_hex(row, "payload"), made = CSN_BYTES_NONE;
	struct csn_bytes    item = vec_hex(row, "signed");
	struct csn_manifest m;
	struct csn_cose     cose = { 0 };
	struct csn_dcbor_out out;

	if (payload.len == 0)
		return;
	int r = csn_manifest_parse(payload, &m);
	if (!vec_row(t->v, r == 0 && csn_manifest_keys_check(&m) == 0, "manifest: %d", r))
		return;
	out_init(&out);
	csn_manifest_put(&out, &m);
	r = csn_dcbor_out_end(&out, &made);
	vec_row(t->v, r == 0 && vec_same(made, payload), "manifest written again");
	if (item.len > 0 &&
	    check_object(t, "signed manifest", item, CSN_ROLE_MANIFEST | CSN_ROLE_DEVICE,
	                 &cose))
		vec_row(t->v, vec_same(cose.payload, payload), "payload of the manifest");
}

/* The station's half makes the messages again from their inputs alone. */
static void
rebuild(struct vec *v, const json_t *root)
{
	char     why[256] = "";
	unsigned count = 0;
	bool     good = csgn1_station_trace(root, &count, why, sizeof why);

	vec_row(v, good, "station: rebuilt: after %u values: %s", count, why);
}

void
run_trace(struct vec *v, const json_t *root)
{
	struct trace t = {
		.v      = v,
		.c      = csn_crypto_openssl(),
		.root   = root,
		.values = json_object_get(root, "trace"),
		.suite  = (unsigned)vec_int(root, "suite", 0),
		.mode   = (unsigned)vec_int(root, "mode", 0),
	};

	run_ladder(&t);
	run_header(&t);
	run_kem(&t);
	run_pin(&t);
	run_schedule(&t);
	run_body(&t);
	run_firmware(&t);
	run_bind(&t);
	run_statement(&t);
	run_inner(&t);
	run_done(&t);
	run_hello(&t);
	run_manifest(&t);
	vec_half_row(v, json_object_get(root, "vector"));
	rebuild(v, root);
}
