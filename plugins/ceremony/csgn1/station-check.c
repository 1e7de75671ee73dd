#include "station.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/cert.h"
#include "lib/cose.h"
#include "lib/spake2p.h"

__attribute__((format(printf, 2, 3))) static void
note(const struct station_trust *trust, const char *fmt, ...)
{
	va_list args;

	if (trust->note == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(trust->note->text, sizeof trust->note->text, fmt, args);
	va_end(args);
}

static bool
served(const struct station_trust *trust, uint64_t suite)
{
	return csn_suite_pk_len(suite) != 0 && (trust->suites >> suite & 1) != 0;
}

/* Which anchor certifies the chain; CSN_CHAIN_PATH when none does. */
static int
find_maker(const struct station_trust *trust, unsigned suite, const struct csn_cert *certs,
           size_t len, uint8_t ret_maker[32])
{
	for (size_t i = 0; i < trust->maker_count; i++) {
		const struct station_maker *maker = &trust->makers[i];

		if (maker->suite != suite)
			continue;
		int r = csn_chain_path(trust->crypto, suite, certs, len, maker->spki);
		if (r == CSN_OK)
			return csn_sha256(trust->crypto, maker->spki, ret_maker);
		if (r < 0)
			return r;
	}
	return CSN_CHAIN_PATH;
}

static const char *const part_text[] = {
	[CSN_CHAIN_SYNTAX] = "a certificate outside the profile",
	[CSN_CHAIN_PATH]   = "a chain that ends at no maker pinned here",
	[CSN_CHAIN_USAGE]  = "a leaf without the role",
	[CSN_CHAIN_TIME]   = "a certificate not valid now",
};

/* The chain check against every maker of the suite: 0, a part, or CSN_E_... */
static int
check_chain(const struct station_trust *trust, unsigned suite, const struct csn_cose *cose,
            unsigned roles, struct csn_cert *ret_leaf, uint8_t ret_maker[32])
{
	struct csn_cert certs[CSN_CHAIN_MAX];
	int r = csn_chain_parse(suite, cose->chain, cose->chain_len, certs);

	if (r == CSN_OK)
		r = find_maker(trust, suite, certs, cose->chain_len, ret_maker);
	if (r == CSN_OK)
		r = csn_chain_usage(&certs[0], roles);
	if (r == CSN_OK)
		r = csn_chain_time(certs, cose->chain_len, trust->now);
	if (r > 0 && r <= CSN_CHAIN_TIME)
		note(trust, "found %s", part_text[r]);
	if (r == CSN_OK)
		*ret_leaf = certs[0];
	return r;
}

static void
copy_class(struct station_device *device, struct csn_bytes name)
{
	size_t len = name.len < sizeof device->class_name ? name.len :
	                                                      sizeof device->class_name - 1;
	memcpy(device->class_name, name.ptr, len);
	device->class_name[len] = '\0';
}

/* The did of a key, and the key raw: 0, @code, or CSN_E_... */
static int
check_did(const struct station_trust *trust, struct csn_bytes spki, int code,
          struct station_device *device)
{
	uint8_t          want[16];
	struct csn_bytes pk;
	int              r = csn_short_id(trust->crypto, spki, want);

	if (r < 0)
		return r;
	if (memcmp(want, device->did, sizeof want) != 0)
		return code;
	if (csn_spki_parse(spki, device->suite, &pk) < 0 || pk.len > sizeof device->pk)
		return code;
	memcpy(device->pk, pk.ptr, pk.len);
	device->pk_len = pk.len;
	return 0;
}

/* MANIFEST_CHAIN, MANIFEST_USAGE and MANIFEST_SIG. */
static int
check_signer(const struct station_trust *trust, const struct csn_cose *cose,
             const struct csn_manifest *manifest, struct station_device *device)
{
	struct csn_cert leaf;
	unsigned        roles = CSN_ROLE_MANIFEST | CSN_ROLE_DEVICE;
	int r = check_chain(trust, device->suite, cose, roles, &leaf, device->maker);

	if (r < 0)
		return r;
	if (r == CSN_CHAIN_USAGE)
		return CSN_CODE_MANIFEST_USAGE;
	if (r != 0)
		return CSN_CODE_MANIFEST_CHAIN;
	/* A device may speak for itself only. */
	if ((leaf.roles & CSN_ROLE_MANIFEST) == 0 && !csn_same(leaf.spki, manifest->spki)) {
		note(trust, "found a device that signs for another one");
		return CSN_CODE_MANIFEST_USAGE;
	}
	r = csn_cose_verify(trust->crypto, cose, device->suite, leaf.pk, cose->payload);
	return r == CSN_E_REFUSED ? CSN_CODE_MANIFEST_SIG : r;
}

int
station_manifest(const struct station_trust *trust, struct csn_bytes manifest,
                 struct station_device *ret_device)
{
	struct csn_cose     cose;
	struct csn_manifest m;

	if (csn_dcbor_check(manifest) < 0 || csn_cose_parse(manifest, &cose) < 0 ||
	    cose.detached)
		return CSN_CODE_MANIFEST_SYNTAX;
	if (csn_manifest_parse(cose.payload, &m) != 0)
		return CSN_CODE_MANIFEST_SYNTAX;
	if (!served(trust, m.suite)) {
		note(trust, "found suite %" PRIu64 ", no key is configured for it", m.suite);
		return CSN_CODE_MANIFEST_SUITE;
	}
	if (csn_manifest_keys_check(&m) != 0)
		return CSN_CODE_MANIFEST_SYNTAX;

	struct station_device device = {
		.suite = (uint32_t)m.suite,
		.cost = m.cost,
		.first = m.first,
		.key_count = m.keys_len,
	};
	memcpy(device.did, m.did, sizeof device.did);
	memcpy(device.keys, m.keys, sizeof device.keys);
	copy_class(&device, m.class_name);
	if (csn_cose_headers(&cose, device.suite, CSN_COSE_OBJECT) < 0)
		return CSN_CODE_MANIFEST_COSE;
	int r = check_signer(trust, &cose, &m, &device);
	if (r == 0 && m.spki.len > 0)
		r = check_did(trust, m.spki, CSN_CODE_MANIFEST_DID, &device);
	if (r == 0)
		*ret_device = device;
	return r;
}

int
station_rung_key(const struct station_trust *trust, const struct station_device *device,
                 uint32_t idx, struct csn_bytes *ret_key)
{
	if (idx < device->first || idx - device->first >= device->key_count) {
		note(trust, "found rungs %" PRIu32 " to %zu, wanted %" PRIu32, device->first,
		     device->first + device->key_count - 1, idx);
		return CSN_CODE_NO_RUNG;
	}
	*ret_key = device->keys[idx - device->first];
	return 0;
}

bool
station_is_record(struct csn_bytes subject)
{
	static const char   label[] = "csgn1/psk-record";
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, subject);
	if (csn_dcbor_array(&in, 7, 7) != 7)
		return false;
	struct csn_bytes text = csn_dcbor_text(&in, 1, sizeof label - 1);
	return text.len == sizeof label - 1 && memcmp(text.ptr, label, text.len) == 0;
}

int
station_record(const struct station_trust *trust, struct csn_bytes record,
               struct station_device *ret_device)
{
	struct csn_psk_record rec;
	int                   code = CSN_CODE_MANIFEST_SYNTAX;

	if (csn_psk_record_parse(record, &rec) < 0)
		goto done;
	code = CSN_CODE_MANIFEST_SUITE;
	if (!served(trust, rec.suite)) {
		note(trust, "found suite %u, no key is configured for it", rec.suite);
		goto done;
	}
	/* A record names no manufacturer: with two of one suite nobody could tell. */
	code = CSN_CODE_MANIFEST_CHAIN;
	const struct station_maker *maker = NULL;
	size_t                      makers = 0;
	for (size_t i = 0; i < trust->maker_count; i++) {
		if (trust->makers[i].suite == rec.suite) {
			maker = &trust->makers[i];
			makers++;
		}
	}
	if (maker == NULL || makers != 1) {
		note(trust,
		     "found %zu makers of the suite, a record needs exactly one: "
		     "name its PEM file as ceremony.makers",
		     makers);
		goto done;
	}
	memset(ret_device, 0, sizeof *ret_device);
	ret_device->suite = rec.suite;
	ret_device->cost = rec.cost;
	ret_device->first = rec.idx;
	memcpy(ret_device->did, rec.did, sizeof ret_device->did);
	memcpy(ret_device->seed, rec.seed, sizeof ret_device->seed);
	copy_class(ret_device, rec.class_name);
	code = csn_sha256(trust->crypto, maker->spki, ret_device->maker);
done:
	csn_wipe(&rec, sizeof rec);
	return code;
}

/* HELLO_COSE to HELLO_SIG. */
static int
check_greeter(const struct station_trust *trust, struct csn_m0b *m0b,
              struct station_device *device)
{
	struct csn_cert      leaf;
	struct csn_dcbor_out out;
	struct csn_bytes     payload;
	uint8_t              buf[CSN_HELLO_MAX + 32];

	if (csn_cose_headers(&m0b->sig, device->suite, CSN_COSE_CHAIN) < 0)
		return CSN_CODE_HELLO_COSE;
	int r = check_chain(trust, device->suite, &m0b->sig, CSN_ROLE_DEVICE, &leaf,
	                    device->maker);
	if (r < 0)
		return r;
	if (r != 0)
		return r == CSN_CHAIN_USAGE ? CSN_CODE_HELLO_USAGE : CSN_CODE_HELLO_CHAIN;
	r = check_did(trust, leaf.spki, CSN_CODE_HELLO_DID, device);
	if (r != 0)
		return r;
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_offer_put_hello(&out, m0b->hello_raw);
	r = csn_dcbor_out_end(&out, &payload);
	if (r < 0)
		return r;
	r = csn_cose_verify(trust->crypto, &m0b->sig, device->suite, leaf.pk, payload);
	return r == CSN_E_REFUSED ? CSN_CODE_HELLO_SIG : r;
}

int
station_hello(const struct station_trust *trust, const uint8_t sid[16],
              const uint8_t *const skids[2], struct csn_bytes m0b,
              struct station_device *ret_device, struct station_hello *ret_hello)
{
	struct csn_m0b          *m = &ret_hello->m0b;
	const struct csn_hello  *hello = &m->hello;
	uint8_t                  evh[32];

	if (csn_m0b_parse(m0b, m) != 0)
		return CSN_CODE_HELLO_SYNTAX;
	if (!served(trust, hello->suite)) {
		note(trust, "found suite %" PRIu64, hello->suite);
		return CSN_CODE_HELLO_SUITE;
	}
	if (hello->e_d.len != csn_suite_pk_len(hello->suite))
		return CSN_CODE_HELLO_SYNTAX;
	if (memcmp(hello->sid, sid, sizeof hello->sid) != 0)
		return CSN_CODE_HELLO_SID;
	if (memcmp(hello->skid, skids[hello->suite - 1], sizeof hello->skid) != 0)
		return CSN_CODE_HELLO_SKID;

	struct station_device device = { .suite = (uint32_t)hello->suite, .cost = hello->cost };
	memcpy(device.did, hello->did, sizeof device.did);
	int r = check_greeter(trust, m, &device);
	if (r != 0)
		return r;
	r = csn_sha256(trust->crypto, m->evidence_raw, evh);
	if (r < 0)
		return r;
	if (!csn_same_n(evh, hello->evh, sizeof evh))
		return CSN_CODE_HELLO_EVIDENCE;
	r = trust->crypto->point_valid(trust->crypto->self, device.suite, hello->e_d);
	if (r < 0)
		return r == CSN_E_INTERNAL ? r : CSN_CODE_HELLO_KEY;
	r = csn_offer_chal(trust->crypto, sid, hello->skid, hello->did, hello->e_d,
	                   ret_hello->challenge);
	if (r == 0)
		*ret_device = device;
	return r;
}

int
station_pake_reply(struct station *s, struct csn_bytes m4)
{
	struct csn_m4        msg;
	struct csn_pake_ids  ids;
	struct csn_pake_keys keys = { 0 };
	uint8_t              context[64];

	if (csn_m4_parse(m4, &msg) != 0 || memcmp(msg.sid, s->sid, sizeof msg.sid) != 0)
		return CSN_CODE_PAKE_REPLY_SYNTAX;
	if (csn_same_n(msg.share_v, s->share_p, sizeof msg.share_v))
		return CSN_CODE_PAKE_REPLY_SHARE;
	int r = csn_pake_ids(s->did, s->t1, context, &ids);
	if (r == CSN_OK)
		r = csn_pake_prover(s->crypto, &ids, s->w0, s->w1, s->pake_x, s->share_p,
		                    CSN_BYTES_OF(msg.share_v), &keys);
	if (r == CSN_E_PROTOCOL)
		r = CSN_CODE_PAKE_REPLY_SHARE;
	else if (r == CSN_E_REFUSED)
		r = CSN_CODE_PIN_REFUSED;
	else if (r == CSN_OK && !csn_same_n(keys.confirm_v, msg.confirm_v, 32))
		r = CSN_CODE_PIN_REFUSED;
	if (r == CSN_OK) {
		memcpy(s->pin_part, keys.k_shared, sizeof s->pin_part);
		memcpy(s->confirm_p, keys.confirm_p, sizeof s->confirm_p);
		memcpy(s->share_v, msg.share_v, sizeof s->share_v);
	}
	csn_wipe(&keys, sizeof keys);
	return r;
}

int
station_expect(const struct station *s, unsigned result, uint8_t ret_t2[32],
               uint8_t ret_kc[32])
{
	const struct csn_offer_bind bind = { .suite = s->suite,
		                             .hh = s->hh,
		                             .enc = { s->enc, s->enc_len },
		                             .nu = s->nu };
	bool committed = result == 0;

	if (s->restored) {
		memcpy(ret_t2, s->want_t2[!committed], 32);
		memcpy(ret_kc, s->want_kc[!committed], 32);
		return CSN_OK;
	}
	int r = csn_offer_kc(s->crypto, &bind, s->keys.xc, committed ? s->pin_part : NULL,
	                      ret_kc);

	if (r < 0)
		return r;
	return csn_offer_t2(s->crypto, s->t1, s->nu, s->ts,
	                    (struct csn_bytes){ s->sig, s->sig_len },
	                    committed && s->has_m5 ? s->m5h : NULL, ret_t2);
}

/*
 * RECEIPT: there when the device has a key, by that key, over what we expect.  Of a
 * device whose key nobody told us a receipt says nothing, and is not looked at.
 */
static int
check_receipt(const struct station *s, struct csn_m3 *m3, const uint8_t t2[32],
              struct csn_bytes checkpoint)
{
	struct csn_dcbor_out out;
	struct csn_bytes     payload;
	uint8_t              buf[CSN_L_MAX];

	if (s->pk_len == 0)
		return 0;
	if (!m3->has_receipt || csn_cose_headers(&m3->receipt, s->suite, CSN_COSE_PLAIN) < 0)
		return CSN_CODE_RECEIPT;
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_offer_put_receipt(&out, t2, s->did, m3->result,
	                      m3->result == 0 ? checkpoint : CSN_BYTES_NONE);
	int r = csn_dcbor_out_end(&out, &payload);
	if (r < 0)
		return r;
	r = csn_cose_verify(s->crypto, &m3->receipt, s->suite,
	                    (struct csn_bytes){ s->pk, s->pk_len }, payload);
	return r == CSN_E_REFUSED ? CSN_CODE_RECEIPT : r;
}

int
station_done(const struct station *s, struct csn_bytes m3, struct csn_bytes checkpoint,
             struct csn_bytes *ret_receipt, uint8_t ret_t2[32])
{
	struct csn_m3 msg;
	uint8_t       kc[32], tag3[16];

	if (csn_m3_parse(m3, &msg) != 0)
		return CSN_CODE_DONE_SYNTAX;
	if (memcmp(msg.sid, s->sid, sizeof msg.sid) != 0)
		return CSN_CODE_DONE_SID;
	/*
	 * Until the PIN was proved pin_part is zeros, and a device that never saw a
	 * body could make a good tag over "committed".
	 */
	if (s->mode == CSN_MODE_PAKE && !s->has_m5 && msg.result == 0)
		return CSN_CODE_DONE_TAG;
	int r = station_expect(s, msg.result, ret_t2, kc);
	if (r == CSN_OK)
		r = csn_offer_tag3(s->crypto, kc, ret_t2, msg.result, tag3);
	csn_wipe(kc, sizeof kc);
	if (r < 0)
		return r;
	if (!csn_same_n(tag3, msg.tag3, sizeof tag3))
		return CSN_CODE_DONE_TAG;
	*ret_receipt = msg.has_receipt && s->pk_len > 0 ? msg.receipt.raw : CSN_BYTES_NONE;
	r = check_receipt(s, &msg, ret_t2, checkpoint);
	if (r != 0)
		return r;
	return msg.result == 0 ? 0 : CSN_CODE_DEVICE_REFUSED;
}
