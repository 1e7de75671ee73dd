/* Two way: a fresh key for one offer, and the hello that names it. */
#include "device/internal.h"
#include "lib/hpke.h"
#include "lib/offer.h"

CSN_SECRET_TYPE(greet_ikm, 32);

bool
device_greeted(const struct csn_device *dev, const uint8_t sid[CSN_ID_LEN], uint64_t now_ns)
{
	return dev->greeting.live && now_ns < dev->greeting.until_ns &&
	       csn_same_n(dev->greeting.sid, sid, CSN_ID_LEN);
}

static int
make_hello(struct csn_device *dev)
{
	struct csn_device_greeting *g = &dev->greeting;
	struct csn_hello            hello = { .suite = dev->state.suite, .cost = dev->state.cost };
	struct csn_dcbor_out        out;
	struct csn_bytes            raw;

	int r = device_evidence(dev, &raw);
	if (r == CSN_OK)
		r = csn_sha256(dev->crypto, raw, hello.evh);
	if (r == CSN_OK)
		r = dev->crypto->random(dev->crypto->self, hello.nd, sizeof hello.nd);
	if (r < 0)
		return r;
	memcpy(hello.sid, g->sid, sizeof hello.sid);
	memcpy(hello.skid, g->skid, sizeof hello.skid);
	memcpy(hello.did, dev->state.did, sizeof hello.did);
	hello.e_d = (struct csn_bytes){ g->e_pk, csn_suite_pk_len(hello.suite) };

	csn_dcbor_out_init(&out, g->hello, sizeof g->hello);
	csn_hello_put(&out, &hello);
	r = csn_dcbor_out_end(&out, &raw);
	g->hello_len = r == CSN_OK ? (uint16_t)raw.len : 0;
	return r;
}

int
device_greet(struct csn_device *dev, const struct csn_m0a *m0a, uint64_t now_ns)
{
	struct csn_device_greeting *g = &dev->greeting;
	const unsigned              suite = dev->state.suite;
	CSN_SECRET(greet_ikm) ikm = { 0 };

	if (!m0a->has_suite[suite] || dev->buf_cap < DEVICE_GREET_MIN)
		return CSN_E_UNSUPPORTED;

	csn_wipe(g, sizeof *g);
	memcpy(g->sid, m0a->sid, sizeof g->sid);
	memcpy(g->skid, m0a->skid[suite], sizeof g->skid);
	int r = dev->crypto->random(dev->crypto->self, ikm.b, sizeof ikm.b);
	if (r == CSN_OK)
		r = csn_hpke_derive_key_pair(dev->crypto, suite, CSN_BYTES_OF(ikm.b), g->e_sk,
		                             g->e_pk);
	if (r == CSN_OK)
		r = make_hello(dev);
	if (r < 0) {
		csn_wipe(g, sizeof *g);
		return r;
	}
	g->until_ns = now_ns + (uint64_t)CSN_DEVICE_GREETING_MS * NS_PER_MS;
	g->live = 1;
	return CSN_OK;
}

/* M0b of the live greeting; the same bytes each time, as all signatures repeat. */
int
device_greet_message(struct csn_device *dev, struct csn_bytes *ret_m0b)
{
	const struct csn_device_greeting *g = &dev->greeting;
	struct csn_bytes                  hello = { g->hello, g->hello_len };
	struct csn_bytes                  evidence, payload, sig;
	struct csn_dcbor_out              out;
	uint8_t                           payload_buf[CSN_L_MAX];
	size_t                            room = device_evidence_room(dev);
	uint8_t                          *sig_buf = dev->buf + room;

	int r = device_evidence(dev, &evidence);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, payload_buf, sizeof payload_buf);
	csn_offer_put_hello(&out, hello);
	r = csn_dcbor_out_end(&out, &payload);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, sig_buf, DEVICE_SIGN1_MAX);
	r = device_put_sign1(dev, payload, &out);
	if (r == CSN_OK)
		r = csn_dcbor_out_end(&out, &sig);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, sig_buf + sig.len, dev->buf_cap - room - sig.len);
	csn_m0b_put(&out, hello, evidence, sig);
	return csn_dcbor_out_end(&out, ret_m0b);
}
