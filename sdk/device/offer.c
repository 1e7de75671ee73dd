/* Steps 1 to 7: is this offer ours, whole, fresh and from somebody we belong to? */
#include "device/internal.h"
#include "lib/hpke.h"
#include "lib/ladder.h"
#include "lib/offer.h"

CSN_SECRET_TYPE(device_seed, CSN_SEED_LEN);
CSN_SECRET_TYPE(device_sk, CSN_SK_LEN);
CSN_SECRET_TYPE(device_key, CSN_AEAD_KEY_MAX);

static bool
same_id(const uint8_t a[CSN_ID_LEN], const uint8_t b[CSN_ID_LEN])
{
	return csn_same_n(a, b, CSN_ID_LEN);
}

static bool
mode_fits(const struct csn_m1 *m1)
{
	const bool two_way = (m1->hdr.mode & CSN_MODE_TWO_WAY) != 0;
	const bool psk = (m1->hdr.mode & CSN_MODE_PSK) != 0;

	return csn_mode_valid(m1->hdr.mode) && m1->hdr.has_idx == !two_way &&
	       m1->enc.len == (psk ? 0 : csn_suite_pk_len(m1->hdr.suite));
}

static bool
mode_allowed(const struct csn_device_state *state, uint64_t mode)
{
	if ((state->modes & (1u << mode)) == 0)
		return false;
	if ((mode & CSN_MODE_TWO_WAY) != 0 && !state->has_identity)
		return false;
	if ((mode & CSN_MODE_PIN) != 0 && state->cost == 0)
		return false;
	return mode != CSN_MODE_PAKE || state->has_pake;
}

int
device_step_offer(const struct csn_device *dev, const struct csn_m1 *m1, uint64_t now_ns)
{
	const struct csn_device_state *state = &dev->state;
	const struct csn_hdr          *hdr = &m1->hdr;

	if (hdr->suite != state->suite)
		return CSN_CODE_SUITE;
	if (!mode_fits(m1))
		return CSN_CODE_MODE;
	if (!same_id(hdr->did, state->did))
		return CSN_CODE_NOT_MINE;
	if (!mode_allowed(state, hdr->mode))
		return CSN_CODE_MODE_POLICY;
	if (hdr->has_idx && hdr->idx < state->next)
		return CSN_CODE_RUNG_USED;
	if (hdr->has_idx && hdr->idx > state->next + CSN_DEVICE_RUNGS_AHEAD)
		return CSN_CODE_RUNG_FAR;
	if (!hdr->has_idx && (!device_greeted(dev, hdr->sid, now_ns) ||
	                      !same_id(dev->greeting.skid, hdr->skid)))
		return CSN_CODE_NO_SESSION;
	return 0;
}

int
device_step_bind(const struct csn_device_session *s, const struct csn_device_bind *bind,
                 struct csn_m2 *ret_m2)
{
	uint64_t apart = bind->at_ns > s->offer_at_ns ? bind->at_ns - s->offer_at_ns
	                                              : s->offer_at_ns - bind->at_ns;
	int code = csn_m2_parse(CSN_BYTES_OF(bind->m2), ret_m2);

	/* 120 and 121 were judged when it was heard: only M2s of this sid4 come here. */
	if (code != 0)
		return code;
	if (strcmp(bind->medium, s->offer_medium) == 0)
		return CSN_CODE_BIND_MEDIA;
	if (apart > (uint64_t)CSN_DEVICE_BIND_LATE_MS * NS_PER_MS)
		return CSN_CODE_BIND_LATE;
	if (bind->twice)
		return CSN_CODE_BIND_TWICE;
	return 0;
}

static struct csn_bytes
session_enc(const struct csn_device_session *s)
{
	return (struct csn_bytes){ s->enc, s->enc_len };
}

static int
keys_psk(struct csn_device *dev, const struct device_seed *seed,
         struct csn_offer_keys *keys)
{
	const struct csn_crypto   *c = dev->crypto;
	struct csn_device_session *s = &dev->s;
	CSN_SECRET(device_seed) psk = { 0 };

	int r = csn_ladder_psk(c, seed->b, psk.b);
	if (r < 0)
		return r;
	r = csn_offer_hh(c, s->hdr, CSN_BYTES_NONE, CSN_BYTES_NONE, s->hh);
	if (r < 0)
		return r;
	return csn_offer_keys_psk(c, s->hh, psk.b, keys);
}

static int
keys_hpke(struct csn_device *dev, const struct device_sk *sk, const uint8_t *pk,
          struct csn_bytes hello, struct csn_offer_keys *keys)
{
	const struct csn_crypto   *c = dev->crypto;
	const unsigned             suite = dev->state.suite;
	struct csn_device_session *s = &dev->s;
	struct csn_hpke            ctx;

	int r = csn_offer_hh(c, s->hdr, (struct csn_bytes){ pk, csn_suite_pk_len(suite) },
	                     hello, s->hh);
	if (r < 0)
		return r;
	r = csn_hpke_setup_receiver(c, suite, session_enc(s), sk->b, CSN_BYTES_OF(s->hh), &ctx);
	if (r == CSN_OK)
		r = csn_offer_keys_hpke(c, &ctx, keys);
	csn_hpke_done(&ctx);
	return r;
}

/* Derives forward in RAM only; the seed after this rung waits for the commit. */
static int
keys_rung(struct csn_device *dev, struct csn_offer_keys *keys)
{
	const struct csn_crypto   *c = dev->crypto;
	struct csn_device_session *s = &dev->s;
	uint8_t                    pk[CSN_PK_MAX];
	CSN_SECRET(device_seed) seed = { 0 };
	CSN_SECRET(device_sk) sk = { 0 };

	int r = csn_ladder_forward(c, dev->state.seed, s->idx - dev->state.next, seed.b);
	if (r < 0)
		return r;
	r = csn_ladder_forward(c, seed.b, 1, s->seed_after);
	if (r < 0)
		return r;
	if ((s->mode & CSN_MODE_PSK) != 0)
		return keys_psk(dev, &seed, keys);
	r = csn_ladder_keys(c, dev->state.suite, seed.b, sk.b, pk);
	if (r < 0)
		return r;
	return keys_hpke(dev, &sk, pk, CSN_BYTES_NONE, keys);
}

static int
keys_greeting(struct csn_device *dev, struct csn_offer_keys *keys)
{
	struct csn_device_greeting *g = &dev->greeting;
	CSN_SECRET(device_sk) sk = { 0 };

	memcpy(sk.b, g->e_sk, sizeof sk.b);
	return keys_hpke(dev, &sk, g->e_pk, (struct csn_bytes){ g->hello, g->hello_len }, keys);
}

static int
open_ct(struct csn_device *dev, struct csn_plain *ret_plain)
{
	struct csn_device_session *s = &dev->s;
	struct csn_offer_bind      b = { dev->state.suite, s->hh, session_enc(s), s->nu };
	uint8_t                   *content = dev->buf + (s->ct.ptr - dev->buf);
	size_t                     len = s->ct.len - CSN_TAG_LEN;
	CSN_SECRET(device_key) k0 = { 0 };

	/* In place: the ciphertext has been hashed and is not needed again. */
	if (csn_offer_k0(dev->crypto, &b, s->x, k0.b) != CSN_OK ||
	    csn_offer_open(dev->crypto, b.suite, k0.b, s->hh, s->ct, content) != CSN_OK)
		return CSN_CODE_OPEN;
	return csn_plain_parse((struct csn_bytes){ content, len }, s->mode, ret_plain);
}

/* Steps 3 and 4: *ret_plain points into dev->buf. */
static int
open_offer(struct csn_device *dev, const struct csn_m2 *m2, struct csn_plain *ret_plain)
{
	const struct csn_crypto   *c = dev->crypto;
	struct csn_device_session *s = &dev->s;
	struct csn_offer_keys      keys;
	uint8_t                    tag[16];

	int r = s->mode & CSN_MODE_TWO_WAY ? keys_greeting(dev, &keys) : keys_rung(dev, &keys);
	if (r != CSN_OK) {
		csn_offer_keys_done(&keys);
		return CSN_CODE_DECAP;
	}
	memcpy(s->x, keys.x, sizeof s->x);
	memcpy(s->ku, keys.ku, sizeof s->ku);
	memcpy(s->xc, keys.xc, sizeof s->xc);
	csn_offer_keys_done(&keys);

	memcpy(s->nu, m2->nu, sizeof s->nu);
	s->ts = m2->ts;
	if (csn_offer_t1(c, s->hh, session_enc(s), s->ct, s->t1) != CSN_OK ||
	    csn_offer_tag(c, s->ku, s->t1, s->nu, s->ts, tag) != CSN_OK ||
	    !csn_same_n(tag, m2->tag, sizeof tag))
		return CSN_CODE_BIND_TAG;
	return open_ct(dev, ret_plain);
}

/* 140, 141, 142: who owns a device that has no owner yet. */
static int
step_voucher(struct csn_device *dev, struct csn_bytes bytes)
{
	const struct csn_device_state *state = &dev->state;
	struct csn_device_session     *s = &dev->s;
	struct csn_cose                cose;
	struct csn_cert                leaf;
	struct csn_voucher             voucher;
	struct csn_bytes               pk;

	if (csn_dcbor_check(bytes) != CSN_OK || csn_cose_parse(bytes, &cose) != CSN_OK ||
	    csn_cose_headers(&cose, state->suite, CSN_COSE_OBJECT) != CSN_OK ||
	    csn_chain_check(dev->crypto, state->suite, cose.chain, cose.chain_len,
	                    device_spki(&state->maker), CSN_ROLE_VOUCHER, s->ts,
	                    &leaf) != CSN_OK ||
	    csn_cose_verify(dev->crypto, &cose, state->suite, leaf.pk, cose.payload) != CSN_OK ||
	    csn_voucher_parse(cose.payload, &voucher) != 0)
		return CSN_CODE_VOUCHER;
	if (voucher.suite != state->suite || !same_id(voucher.did, state->did))
		return CSN_CODE_VOUCHER_DID;
	if (voucher.seq < state->voucher_seq)
		return CSN_CODE_VOUCHER_SEQ;
	if (voucher.owner.len > sizeof s->owner.b ||
	    csn_spki_parse(voucher.owner, state->suite, &pk) != CSN_OK)
		return CSN_CODE_VOUCHER;

	memcpy(s->owner.b, voucher.owner.ptr, voucher.owner.len);
	s->owner.len = (uint16_t)voucher.owner.len;
	s->voucher_seq = voucher.seq;
	s->new_owner = 1;
	return 0;
}

static int
step_anchor(struct csn_device *dev, const struct csn_plain *plain)
{
	if (dev->state.owner.len > 0) {
		dev->s.owner = dev->state.owner;
		return 0;
	}
	if (plain->voucher.len == 0)
		return CSN_CODE_NO_OWNER;
	return step_voucher(dev, plain->voucher);
}

static bool
revoked(const struct csn_device_skids *skids, const uint8_t skid[CSN_ID_LEN])
{
	for (size_t i = 0; i < skids->count; i++) {
		if (same_id(skids->b[i], skid))
			return true;
	}
	return false;
}

static int
step_chain(struct csn_device *dev, const struct csn_cose *sig, struct csn_cert *certs)
{
	const unsigned             suite = dev->state.suite;
	struct csn_device_session *s = &dev->s;

	if (csn_chain_parse(suite, sig->chain, sig->chain_len, certs) != CSN_OK)
		return CSN_CODE_CERT_SYNTAX;
	if (csn_chain_path(dev->crypto, suite, certs, sig->chain_len, device_spki(&s->owner)) !=
	    CSN_OK)
		return CSN_CODE_CHAIN;
	if (csn_chain_usage(&certs[0], CSN_ROLE_STATION) != CSN_OK)
		return CSN_CODE_CERT_USAGE;
	if (csn_chain_time(certs, sig->chain_len, s->ts) != CSN_OK)
		return CSN_CODE_CERT_TIME;
	if (revoked(&dev->state.revoked, s->skid))
		return CSN_CODE_REVOKED;
	return 0;
}

static int
step_signature(struct csn_device *dev, const struct csn_plain *plain,
               const struct csn_cert *leaf)
{
	const struct csn_crypto   *c = dev->crypto;
	struct csn_device_session *s = &dev->s;
	struct csn_offer_bind      b = { dev->state.suite, s->hh, session_enc(s), s->nu };
	uint8_t                    inner_hash[CSN_HASH_LEN], leaf_hash[CSN_HASH_LEN];
	uint8_t                    buf[CSN_L_MAX];
	struct csn_dcbor_out       out;
	struct csn_bytes           stmt;

	if (csn_sha256(c, plain->inner, inner_hash) != CSN_OK ||
	    csn_sha256(c, leaf->der, leaf_hash) != CSN_OK)
		return CSN_CODE_SIGNATURE;
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_offer_put_stmt(&out, &b, s->ts, inner_hash, plain->has_com ? plain->com : NULL,
	                   leaf_hash);
	if (csn_dcbor_out_end(&out, &stmt) != CSN_OK ||
	    csn_cose_verify(c, &plain->sig, b.suite, leaf->pk, stmt) != CSN_OK)
		return CSN_CODE_SIGNATURE;
	return 0;
}

/* Steps 5 and 6. */
static int
step_owner(struct csn_device *dev, struct csn_plain *plain)
{
	struct csn_device_session *s = &dev->s;
	struct csn_cert            certs[CSN_CHAIN_MAX];
	uint8_t                    skid[CSN_ID_LEN];

	if (csn_cose_headers(&plain->sig, dev->state.suite, CSN_COSE_CHAIN) != CSN_OK)
		return CSN_CODE_COSE;
	if (csn_short_id(dev->crypto, plain->sig.chain[0], skid) != CSN_OK ||
	    !same_id(skid, s->skid))
		return CSN_CODE_SKID;

	int code = step_anchor(dev, plain);
	if (code == 0)
		code = step_chain(dev, &plain->sig, certs);
	if (code == 0)
		code = step_signature(dev, plain, &certs[0]);
	if (code != 0)
		return code;

	memcpy(s->leaf_key, certs[0].pk.ptr, certs[0].pk.len);
	s->leaf_len = certs[0].pk.len;
	s->told = (s->mode & CSN_MODE_TWO_WAY) != 0;
	return 0;
}

/* Steps 3 to 6; afterwards the session holds all that later steps need. */
int
device_step_open(struct csn_device *dev, const struct csn_m2 *m2)
{
	struct csn_device_session *s = &dev->s;
	struct csn_plain           plain;

	int code = open_offer(dev, m2, &plain);
	if (code == 0)
		code = step_owner(dev, &plain);
	if (code != 0)
		return code;

	s->sig = plain.sig.raw;
	s->inner = plain.inner;
	if (plain.has_com)
		memcpy(s->inner_com, plain.com, sizeof s->inner_com);
	if (s->mode == CSN_MODE_PAKE)
		memcpy(s->share_p, plain.inner.ptr, sizeof s->share_p);
	return 0;
}

/* Step 7. */
int
device_step_time(const struct csn_device *dev, const struct device_clock *clock)
{
	const struct csn_device_session *s = &dev->s;
	uint32_t apart = clock->now > s->ts ? clock->now - s->ts : s->ts - clock->now;

	if (clock->trusted && apart > CSN_CLOCK_SKEW_S)
		return CSN_CODE_CLOCK;
	if (!clock->trusted && s->ts < dev->state.floor)
		return CSN_CODE_FLOOR;
	if (s->has_not_after &&
	    (s->ts > s->not_after || (clock->trusted && clock->now > s->not_after)))
		return CSN_CODE_EXPIRED;
	return 0;
}
