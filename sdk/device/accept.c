/* Step 9: what the offer wants of us; then the state after, and M3. */
#include "device/internal.h"
#include "lib/body.h"
#include "lib/offer.h"

CSN_SECRET_TYPE(accept_key, CSN_AEAD_KEY_MAX);

static struct csn_offer_bind
session_bind(const struct csn_device *dev)
{
	const struct csn_device_session *s = &dev->s;

	return (struct csn_offer_bind){ dev->state.suite, s->hh, { s->enc, s->enc_len }, s->nu };
}

/* 170, 171; the body replaces inner in the buffer. */
static int
open_inner(struct csn_device *dev)
{
	const struct csn_crypto   *c = dev->crypto;
	struct csn_device_session *s = &dev->s;
	struct csn_offer_bind      b = session_bind(dev);
	uint8_t                   *plain = dev->buf + (s->inner.ptr - dev->buf);
	uint8_t                    com[CSN_HASH_LEN];
	CSN_SECRET(accept_key) s1 = { 0 };
	CSN_SECRET(accept_key) k1 = { 0 };

	if (csn_offer_s1(c, &b, s->x, s->pin_part, s1.b) != CSN_OK ||
	    csn_offer_com(c, s1.b, com) != CSN_OK ||
	    !csn_same_n(com, s->inner_com, sizeof com))
		return CSN_CODE_COMMITMENT;
	if (s->inner.len < CSN_TAG_LEN || csn_offer_k1(c, b.suite, s1.b, k1.b) != CSN_OK ||
	    csn_offer_open(c, b.suite, k1.b, s->hh, s->inner, plain) != CSN_OK)
		return CSN_CODE_INNER;
	s->body = (struct csn_bytes){ plain, s->inner.len - CSN_TAG_LEN };
	return 0;
}

static int
check_body(struct csn_device *dev, const struct device_clock *clock)
{
	struct csn_device_session *s = &dev->s;
	uint8_t                    maker_hash[CSN_HASH_LEN];
	struct csn_body_want       want = {
		.suite         = dev->state.suite,
		.did           = dev->state.did,
		.sid           = s->sid,
		.maker_hash    = maker_hash,
		.ts            = s->ts,
		.clock_trusted = clock->trusted,
		.clock_now     = clock->now,
	};

	if (csn_sha256(dev->crypto, device_spki(&dev->state.maker), maker_hash) != CSN_OK)
		return CSN_CODE_BODY_MAKER;
	return csn_body_check(s->body, &want, NULL);
}

/* 179 in all its ways. */
static int
open_firmware(const struct csn_device *dev, struct csn_bytes object,
              struct csn_fw_payload *ret_fw)
{
	const struct csn_device_state *state = &dev->state;
	struct csn_cose                cose;
	struct csn_cert                leaf;

	if (csn_dcbor_check(object) != CSN_OK || csn_cose_parse(object, &cose) != CSN_OK ||
	    csn_cose_headers(&cose, state->suite, CSN_COSE_OBJECT) != CSN_OK ||
	    csn_chain_check(dev->crypto, state->suite, cose.chain, cose.chain_len,
	                    device_spki(&state->maker), CSN_ROLE_FIRMWARE, dev->s.ts,
	                    &leaf) != CSN_OK ||
	    csn_cose_verify(dev->crypto, &cose, state->suite, leaf.pk, cose.payload) != CSN_OK ||
	    csn_fw_payload_parse(cose.payload, ret_fw) != 0)
		return CSN_CODE_FW_SIG;
	return 0;
}

static int
check_firmware(const struct csn_device *dev, const struct csn_body_view *view)
{
	const struct csn_device_state *state = &dev->state;
	struct csn_fw_payload          fw;

	if (view->fw_object.len == 0)
		return 0;
	int code = open_firmware(dev, view->fw_object, &fw);
	if (code == 0)
		code = csn_body_firmware_ref(view, &fw);
	if (code != 0)
		return code;
	if (!csn_same(fw.class_name, (struct csn_bytes){ state->model.b, state->model.len }))
		return CSN_CODE_FW_CLASS;
	if (fw.counter < state->fw_counter)
		return CSN_CODE_FW_ROLLBACK;
	return 0;
}

static bool
role_refused(const struct csn_device_policy *policy, struct csn_bytes role)
{
	for (size_t i = 0; i < policy->refuse_role_count; i++) {
		if (csn_same(policy->refuse_roles[i], role))
			return true;
	}
	return false;
}

static int
check_policy(const struct csn_device *dev, const struct csn_body_view *view)
{
	struct csn_dcbor_in in;
	size_t              count;

	if (view->roles.len == 0)
		return 0;
	csn_dcbor_in_init(&in, view->roles);
	count = csn_dcbor_array(&in, 1, 16);
	for (size_t i = 0; i < count; i++) {
		if (role_refused(dev->policy, csn_dcbor_text(&in, 1, 255)))
			return CSN_CODE_POLICY;
	}
	return csn_dcbor_in_end(&in) == CSN_OK ? 0 : CSN_CODE_POLICY;
}

/* The identity key proves who we are and nothing else: no credential is for it. */
static int
check_enrolled(const struct csn_device *dev, const struct csn_body_view *view)
{
	size_t  len = dev->state.suite == CSN_SUITE_P256 ? CSN_PK_MAX : 32;
	uint8_t pk[CSN_PK_MAX];

	if (!dev->state.has_identity || view->credentials.len < len)
		return 0;
	if (dev->crypto->sign_public(dev->crypto->self, dev->state.suite,
	                             dev->state.identity_key, pk) < 0)
		return CSN_CODE_POLICY;
	for (size_t i = 0; i + len <= view->credentials.len; i++)
		if (memcmp(view->credentials.ptr + i, pk, len) == 0)
			return CSN_CODE_POLICY;
	return 0;
}

int
device_step_body(struct csn_device *dev, const struct device_clock *clock)
{
	struct csn_body_view view;

	int code = open_inner(dev);
	if (code == 0)
		code = check_body(dev, clock);
	if (code == 0)
		code = csn_body_view(dev->s.body, &view);
	if (code == 0)
		code = check_firmware(dev, &view);
	if (code == 0)
		code = check_policy(dev, &view);
	if (code == 0)
		code = check_enrolled(dev, &view);
	return code;
}

/* S's checkpoint out of the body; null when nothing was accepted. */
static int
checkpoint(const struct csn_device *dev, unsigned result, struct csn_bytes *ret_item)
{
	struct csn_body_view view;

	*ret_item = CSN_BYTES_NONE;
	if (result != 0)
		return CSN_OK;
	if (csn_body_view(dev->s.body, &view) != 0)
		return CSN_E_INTERNAL;
	*ret_item = view.checkpoint;
	return CSN_OK;
}

/* Writes the receipt to @buf; empty for a device without identity key. */
static int
make_receipt(const struct csn_device *dev, const uint8_t t2[32], unsigned result,
             uint8_t *buf, size_t cap, struct csn_bytes *ret_receipt)
{
	const struct csn_device_state *state = &dev->state;
	struct csn_dcbor_out           out;
	struct csn_bytes               item, payload;
	uint8_t                        payload_buf[CSN_L_MAX], sig[CSN_SIG_LEN];

	*ret_receipt = CSN_BYTES_NONE;
	if (!state->has_identity)
		return CSN_OK;
	int r = checkpoint(dev, result, &item);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, payload_buf, sizeof payload_buf);
	csn_offer_put_receipt(&out, t2, state->did, result, item);
	r = csn_dcbor_out_end(&out, &payload);
	if (r < 0)
		return r;
	r = csn_cose_sign(dev->crypto, state->suite, state->identity_key, payload, sig);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, buf, cap);
	csn_cose_put(&out, state->suite, NULL, 0, CSN_BYTES_NONE, sig);
	return csn_dcbor_out_end(&out, ret_receipt);
}

/* A refusal tells nothing: no PIN part, no M5, no checkpoint. */
int
device_m3(struct csn_device *dev, unsigned result, struct csn_device_m3 *ret_m3)
{
	const struct csn_crypto         *c = dev->crypto;
	const struct csn_device_session *s = &dev->s;
	struct csn_offer_bind            b = session_bind(dev);
	struct csn_dcbor_out             out;
	struct csn_bytes                 receipt, done;
	uint8_t                          t2[32], tag3[16], receipt_buf[CSN_DEVICE_M3_MAX];
	CSN_SECRET(accept_key) kc = { 0 };

	int r = csn_offer_t2(c, s->t1, s->nu, s->ts, s->sig,
	                     result == 0 && s->has_m5 ? s->m5_hash : NULL, t2);
	if (r == CSN_OK)
		r = csn_offer_kc(c, &b, s->xc, result == 0 ? s->pin_part : NULL, kc.b);
	if (r == CSN_OK)
		r = csn_offer_tag3(c, kc.b, t2, result, tag3);
	if (r == CSN_OK)
		r = make_receipt(dev, t2, result, receipt_buf, sizeof receipt_buf, &receipt);
	if (r < 0)
		return r;

	csn_dcbor_out_init(&out, ret_m3->b, sizeof ret_m3->b);
	csn_m3_put(&out, s->sid, result, tag3, receipt);
	r = csn_dcbor_out_end(&out, &done);
	ret_m3->len = r == CSN_OK ? (uint16_t)done.len : 0;
	return r;
}

/* Adds those of the body that are not there yet; the oldest go first. */
static void
revoke(struct csn_device_skids *skids, const struct csn_body_view *view)
{
	for (size_t i = 0; i < view->revoked_len; i++) {
		size_t at = 0;

		while (at < skids->count && memcmp(skids->b[at], view->revoked[i], CSN_ID_LEN) != 0)
			at++;
		if (at < skids->count)
			continue;
		if (skids->count == CSN_DEVICE_REVOKED_MAX) {
			memmove(skids->b[0], skids->b[1],
			        (CSN_DEVICE_REVOKED_MAX - 1) * sizeof skids->b[0]);
			skids->count--;
		}
		memcpy(skids->b[skids->count++], view->revoked[i], CSN_ID_LEN);
	}
}

static uint32_t
floor_after(uint32_t floor, uint32_t ts)
{
	const uint64_t step = (uint64_t)floor + CSN_FLOOR_STEP_S;

	if (ts <= floor)
		return floor;
	return step < ts ? (uint32_t)step : ts;
}

int
device_stage(struct csn_device *dev)
{
	struct csn_device_session *s = &dev->s;
	struct csn_device_state   *after = &dev->pending;
	struct csn_body_view       view;

	*after = dev->state;
	if (csn_body_view(s->body, &view) != 0 ||
	    csn_sha256(dev->crypto, s->body, after->staged_hash) != CSN_OK ||
	    device_m3(dev, 0, &s->m3) != CSN_OK)
		return CSN_E_INTERNAL;

	if ((s->mode & CSN_MODE_TWO_WAY) == 0) {
		after->next = s->idx + 1;
		memcpy(after->seed, s->seed_after, sizeof after->seed);
	}
	if (s->new_owner) {
		after->owner = s->owner;
		after->voucher_seq = s->voucher_seq;
	}
	revoke(&after->revoked, &view);
	after->floor = floor_after(after->floor, s->ts);
	after->tries = 0;
	after->has_staged = 1;
	after->active = 0;
	after->has_last = 1;
	memcpy(after->last_sid, s->sid, sizeof after->last_sid);
	after->last_m3 = s->m3;
	return CSN_OK;
}
