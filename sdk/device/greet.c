/* Two way: a fresh key for one offer, and the hello that names it. */
#include "device/internal.h"
#include "lib/hpke.h"
#include "lib/offer.h"

CSN_SECRET_TYPE(greet_ikm, 32);

enum {
	/* dev->buf while M0b is made: evidence, its signature, M0b behind. */
	SIGN1_MAX    = CSN_DEVICE_CHAIN_MAX + 128,
	EVIDENCE_MAX = SIGN1_MAX + 256,
};

bool
device_greeted(const struct csn_device *dev, const uint8_t sid[CSN_ID_LEN], uint64_t now_ns)
{
	return dev->greeting.live && now_ns < dev->greeting.until_ns &&
	       csn_same_n(dev->greeting.sid, sid, CSN_ID_LEN);
}

/* A sign1-chain by the identity key over @payload. */
static int
put_sign1(const struct csn_device *dev, struct csn_bytes payload, struct csn_dcbor_out *out)
{
	const struct csn_device_state *state = &dev->state;
	struct csn_bytes               certs[CSN_CHAIN_MAX];
	uint8_t                        sig[CSN_SIG_LEN];
	size_t                         count = csn_device_state_chain(state, certs);

	if (count == 0)
		return CSN_E_INVALID;
	int r = csn_cose_sign(dev->crypto, state->suite, state->identity_key, payload, sig);
	if (r < 0)
		return r;
	csn_cose_put(out, state->suite, certs, count, CSN_BYTES_NONE, sig);
	return CSN_OK;
}

static int
evid_payload(const char *label, const uint8_t chal[32], uint8_t buf[CSN_L_MAX],
             struct csn_bytes *ret_payload)
{
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, CSN_L_MAX);
	csn_offer_put_evid(&out, label, chal);
	return csn_dcbor_out_end(&out, ret_payload);
}

static int
evidence_x509(const struct csn_device *dev, const uint8_t chal[32], uint8_t *buf, size_t cap,
              struct csn_evid *item)
{
	uint8_t              payload_buf[CSN_L_MAX];
	struct csn_bytes     payload;
	struct csn_dcbor_out out;

	int r = evid_payload("csgn1/evid-x509", chal, payload_buf, &payload);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, buf, cap);
	r = put_sign1(dev, payload, &out);
	if (r < 0)
		return r;
	item->type = (struct csn_bytes){ (const uint8_t *)"x509", 4 };
	return csn_dcbor_out_end(&out, &item->value);
}

static int
evidence_psk(const struct csn_device *dev, const uint8_t chal[32], uint8_t mac[32],
             struct csn_evid *item)
{
	uint8_t          payload_buf[CSN_L_MAX];
	struct csn_bytes payload;

	int r = evid_payload("csgn1/evid-psk", chal, payload_buf, &payload);
	if (r < 0)
		return r;
	r = dev->crypto->hmac_sha256(dev->crypto->self, dev->policy->evidence_psk, &payload, 1,
	                             mac);
	item->type = (struct csn_bytes){ (const uint8_t *)"psk", 3 };
	item->value = (struct csn_bytes){ mac, 32 };
	return r;
}

/* Writes the evidence array to the front of dev->buf. */
static int
make_evidence(struct csn_device *dev, struct csn_bytes *ret_raw)
{
	const struct csn_device_greeting *g = &dev->greeting;
	struct csn_evid          items[2];
	struct csn_dcbor_out              out;
	uint8_t                           chal[32], mac[32];
	size_t                            n = 0;

	int r = csn_offer_chal(dev->crypto, g->sid, g->skid, dev->state.did,
	                       (struct csn_bytes){ g->e_pk, csn_suite_pk_len(dev->state.suite) },
	                       chal);
	if (r == CSN_OK && dev->policy->evidence_x509)
		r = evidence_x509(dev, chal, dev->buf + EVIDENCE_MAX, SIGN1_MAX, &items[n++]);
	if (r == CSN_OK && dev->policy->evidence_psk.len >= 32)
		r = evidence_psk(dev, chal, mac, &items[n++]);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, dev->buf, EVIDENCE_MAX);
	csn_evidence_put(&out, items, n);
	return csn_dcbor_out_end(&out, ret_raw);
}

static int
make_hello(struct csn_device *dev)
{
	struct csn_device_greeting *g = &dev->greeting;
	struct csn_hello            hello = { .suite = dev->state.suite, .cost = dev->state.cost };
	struct csn_dcbor_out        out;
	struct csn_bytes            raw;

	int r = make_evidence(dev, &raw);
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

	if (!m0a->has_suite[suite] || dev->buf_cap < 2 * EVIDENCE_MAX)
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
	uint8_t                          *sig_buf = dev->buf + EVIDENCE_MAX;

	int r = make_evidence(dev, &evidence);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, payload_buf, sizeof payload_buf);
	csn_offer_put_hello(&out, hello);
	r = csn_dcbor_out_end(&out, &payload);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, sig_buf, SIGN1_MAX);
	r = put_sign1(dev, payload, &out);
	if (r == CSN_OK)
		r = csn_dcbor_out_end(&out, &sig);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, sig_buf + sig.len,
	                   dev->buf_cap - EVIDENCE_MAX - sig.len);
	csn_m0b_put(&out, hello, evidence, sig);
	return csn_dcbor_out_end(&out, ret_m0b);
}
