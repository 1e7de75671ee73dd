/* Evidence of a hello: items bound to its challenge (protocol.md section 5). */
#include <string.h>

#include "device/internal.h"
#include "lib/kdf.h"
#include "lib/offer.h"

#define TYPE_MAX  20
#define LABEL_MAX 32 /* "csgn1/evid-", a type and a zero                            */

/* A device without provers needs no more than its own chain. */
size_t
device_evidence_room(const struct csn_device *dev)
{
	return dev->policy->prover_count == 0 ?
	               DEVICE_SIGN1_MAX + 256 :
	               (dev->buf_cap - 2 * DEVICE_SIGN1_MAX - 512) / 2;
}

int
device_put_sign1(const struct csn_device *dev, struct csn_bytes payload,
                 struct csn_dcbor_out *out)
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
payload_of(const char *type, const uint8_t chal[32], uint8_t buf[CSN_L_MAX],
           struct csn_bytes *ret_payload)
{
	struct csn_dcbor_out out;
	char                 label[LABEL_MAX] = "csgn1/evid-";
	size_t               len = strlen(type);

	if (len > TYPE_MAX)
		return CSN_E_INVALID;
	memcpy(label + strlen(label), type, len);
	csn_dcbor_out_init(&out, buf, CSN_L_MAX);
	csn_offer_put_evid(&out, label, chal);
	return csn_dcbor_out_end(&out, ret_payload);
}

static void
set_type(struct csn_evid *item, const char *type)
{
	item->type = (struct csn_bytes){ (const uint8_t *)type, strlen(type) };
}

static int
prove_x509(const struct csn_device *dev, const uint8_t chal[32], uint8_t *buf, size_t cap,
           struct csn_evid *item)
{
	uint8_t              payload_buf[CSN_L_MAX];
	struct csn_bytes     payload;
	struct csn_dcbor_out out;

	int r = payload_of("x509", chal, payload_buf, &payload);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, buf, cap);
	r = device_put_sign1(dev, payload, &out);
	if (r < 0)
		return r;
	set_type(item, "x509");
	return csn_dcbor_out_end(&out, &item->value);
}

static int
prove_key(const struct csn_device *dev, const struct csn_device_prover *prover,
          const uint8_t chal[32], uint8_t *buf, size_t cap, struct csn_evid *item)
{
	uint8_t              payload_buf[CSN_L_MAX], sig[CSN_SIG_LEN];
	struct csn_bytes     payload;
	struct csn_dcbor_out out;

	int r = payload_of(prover->type, chal, payload_buf, &payload);
	if (r == CSN_OK)
		r = csn_cose_sign(dev->crypto, prover->suite, prover->key, payload, sig);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, buf, cap);
	csn_cose_put(&out, prover->suite, prover->chain, prover->chain_len, CSN_BYTES_NONE, sig);
	set_type(item, prover->type);
	return csn_dcbor_out_end(&out, &item->value);
}

static int
prove_psk(const struct csn_device *dev, const uint8_t chal[32], uint8_t mac[32],
          struct csn_evid *item)
{
	const char      *type = dev->policy->psk_derive ? "psk-kdf" : "psk";
	struct csn_bytes key = dev->policy->evidence_psk;
	uint8_t          payload_buf[CSN_L_MAX], derived[32];
	struct csn_bytes payload;

	int r = payload_of(type, chal, payload_buf, &payload);
	if (r == CSN_OK && dev->policy->psk_derive) {
		r = csn_kdf_label(dev->crypto, (struct csn_bytes){ chal, 32 }, key,
		                  "csgn1/psk-to-station", derived, sizeof derived);
		key = CSN_BYTES_OF(derived);
	}
	if (r == CSN_OK)
		r = dev->crypto->hmac_sha256(dev->crypto->self, key, &payload, 1, mac);
	csn_wipe(derived, sizeof derived);
	set_type(item, type);
	item->value = (struct csn_bytes){ mac, 32 };
	return r;
}

/* Each item behind the one before, from @at on. */
static int
prove_all(const struct csn_device *dev, const uint8_t chal[32], uint8_t mac[32], size_t at,
          struct csn_evid *items, size_t *ret_count)
{
	const struct csn_device_policy *policy = dev->policy;
	size_t                          n = 0;
	int                             r = CSN_OK;

	if (policy->evidence_x509) {
		r = prove_x509(dev, chal, dev->buf + at, dev->buf_cap - at, &items[n]);
		at += r == CSN_OK ? items[n++].value.len : 0;
	}
	if (r == CSN_OK && policy->evidence_psk.len >= 32)
		r = prove_psk(dev, chal, mac, &items[n++]);
	for (size_t i = 0; r == CSN_OK && i < policy->prover_count; i++) {
		r = prove_key(dev, &policy->provers[i], chal, dev->buf + at, dev->buf_cap - at,
		              &items[n]);
		at += r == CSN_OK ? items[n++].value.len : 0;
	}
	*ret_count = n;
	return r;
}

int
device_evidence(struct csn_device *dev, struct csn_bytes *ret_raw)
{
	const struct csn_device_greeting *g = &dev->greeting;
	struct csn_evid                   items[2 + CSN_DEVICE_PROVERS_MAX];
	struct csn_dcbor_out              out;
	uint8_t                           chal[32], mac[32];
	size_t                            n = 0, room = device_evidence_room(dev);

	if (dev->policy->prover_count > CSN_DEVICE_PROVERS_MAX)
		return CSN_E_INVALID;
	if (dev->policy->prover_count > 0 && dev->buf_cap < CSN_DEVICE_BUF_MAX)
		return CSN_E_UNSUPPORTED;
	int r = csn_offer_chal(dev->crypto, g->sid, g->skid, dev->state.did,
	                       (struct csn_bytes){ g->e_pk, csn_suite_pk_len(dev->state.suite) },
	                       chal);
	if (r == CSN_OK)
		r = prove_all(dev, chal, mac, room, items, &n);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, dev->buf, room);
	csn_evidence_put(&out, items, n);
	return csn_dcbor_out_end(&out, ret_raw);
}
