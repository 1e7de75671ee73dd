/* Step 8: tries are counted durably before anything is compared. */
#include "device/internal.h"
#include "lib/offer.h"
#include "lib/spake2p.h"

CSN_SECRET_TYPE(pin_scalar, 32);

int
device_step_pin_locked(const struct csn_device *dev)
{
	return dev->state.tries >= CSN_DEVICE_TRIES_MAX ? CSN_CODE_PIN_LOCKED : 0;
}

/* Modes 2 and 6: what was typed becomes pin_part; nothing is compared here. */
int
device_step_pin(struct csn_device *dev, struct csn_bytes pin)
{
	struct csn_device_session *s = &dev->s;

	if (!csn_pin_valid(pin) || csn_offer_pin_part(dev->crypto, pin, s->hh, dev->state.cost,
	                                              s->pin_part) != CSN_OK)
		return CSN_CODE_PIN_MISSING;
	return 0;
}

int
device_step_pin_compare(struct csn_device *dev)
{
	struct csn_device_session *s = &dev->s;
	struct csn_offer_bind b = { dev->state.suite, s->hh, { s->enc, s->enc_len }, s->nu };
	uint8_t               com[CSN_HASH_LEN];
	CSN_SECRET(pin_scalar) s1 = { 0 };

	if (csn_offer_s1(dev->crypto, &b, s->x, s->pin_part, s1.b) != CSN_OK ||
	    csn_offer_com(dev->crypto, s1.b, com) != CSN_OK ||
	    !csn_same_n(com, s->inner_com, sizeof com))
		return CSN_CODE_PIN_WRONG;
	return 0;
}

/* Mode 3, after the try: our share, and what the station must confirm. */
int
device_step_share(struct csn_device *dev)
{
	const struct csn_crypto   *c = dev->crypto;
	struct csn_device_session *s = &dev->s;
	struct csn_pake_ids        ids;
	struct csn_pake_keys       keys;
	struct csn_m4              m4;
	struct csn_dcbor_out       out;
	struct csn_bytes           done;
	uint8_t                    context[64];
	CSN_SECRET(pin_scalar) y = { 0 };

	if (csn_pake_ids(dev->state.did, s->t1, context, &ids) != CSN_OK ||
	    csn_pake_random(c, y.b) != CSN_OK)
		return CSN_CODE_PAKE_SHARE;
	if (csn_pake_verifier(c, &ids, dev->state.pake_w0, dev->state.pake_l, y.b,
	                      CSN_BYTES_OF(s->share_p), s->share_v, &keys) != CSN_OK)
		return CSN_CODE_PIN_WRONG;

	memcpy(s->pin_part, keys.k_shared, sizeof s->pin_part);
	memcpy(s->confirm_p, keys.confirm_p, sizeof s->confirm_p);
	memcpy(m4.sid, s->sid, sizeof m4.sid);
	memcpy(m4.share_v, s->share_v, sizeof m4.share_v);
	memcpy(m4.confirm_v, keys.confirm_v, sizeof m4.confirm_v);
	csn_wipe(&keys, sizeof keys);

	csn_dcbor_out_init(&out, dev->out.b, sizeof dev->out.b);
	csn_m4_put(&out, &m4);
	if (csn_dcbor_out_end(&out, &done) != CSN_OK)
		return CSN_CODE_PAKE_SHARE;
	dev->out.len = (uint16_t)done.len;
	return 0;
}

/*
 * M1 is no longer needed but for its signature, which t2 hashes: that moves to the
 * front of the buffer and M5 comes behind it.
 */
static int
keep_m5(struct csn_device *dev, struct csn_bytes m5, struct csn_bytes *ret_m5)
{
	struct csn_device_session *s = &dev->s;

	memmove(dev->buf, s->sig.ptr, s->sig.len);
	s->sig.ptr = dev->buf;
	if (m5.len > CSN_M5_MAX || m5.len > dev->buf_cap - s->sig.len)
		return CSN_CODE_PAKE_SYNTAX;
	memcpy(dev->buf + s->sig.len, m5.ptr, m5.len);
	*ret_m5 = (struct csn_bytes){ dev->buf + s->sig.len, m5.len };
	return 0;
}

static int
verify_m5(struct csn_device *dev, struct csn_m5 *m5)
{
	const struct csn_crypto   *c = dev->crypto;
	const unsigned             suite = dev->state.suite;
	struct csn_device_session *s = &dev->s;
	uint8_t                    inner_hash[CSN_HASH_LEN], buf[CSN_L_MAX];
	struct csn_dcbor_out       out;
	struct csn_bytes           stmt;

	if (csn_cose_headers(&m5->sig, suite, CSN_COSE_PLAIN) != CSN_OK ||
	    csn_sha256(c, m5->inner, inner_hash) != CSN_OK)
		return CSN_CODE_PAKE_SIG;
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_offer_put_stmt5(&out, s->t1, s->share_p, s->share_v, inner_hash, m5->com);
	if (csn_dcbor_out_end(&out, &stmt) != CSN_OK ||
	    csn_cose_verify(c, &m5->sig, suite, (struct csn_bytes){ s->leaf_key, s->leaf_len },
	                    stmt) != CSN_OK)
		return CSN_CODE_PAKE_SIG;
	return 0;
}

int
device_step_m5(struct csn_device *dev, struct csn_bytes bytes)
{
	struct csn_device_session *s = &dev->s;
	struct csn_bytes           kept;
	struct csn_m5              m5;

	int code = keep_m5(dev, bytes, &kept);
	if (code == 0)
		code = csn_m5_parse(kept, &m5);
	if (code != 0)
		return code;
	if (!csn_same_n(m5.sid, s->sid, sizeof m5.sid))
		return CSN_CODE_PAKE_SYNTAX;
	if (!csn_same_n(m5.confirm_p, s->confirm_p, sizeof m5.confirm_p))
		return CSN_CODE_PIN_WRONG;
	code = verify_m5(dev, &m5);
	if (code != 0)
		return code;

	if (csn_sha256(dev->crypto, kept, s->m5_hash) != CSN_OK)
		return CSN_CODE_PAKE_SIG;
	s->has_m5 = 1;
	s->inner = m5.inner;
	memcpy(s->inner_com, m5.com, sizeof s->inner_com);
	return 0;
}
