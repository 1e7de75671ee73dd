#include "lib/hpke.h"

#include "lib/kdf.h"

/* The ids of RFC 9180 section 7, by suite. */
static const struct ids {
	uint8_t kem[2], aead[2];
	size_t  pk_len;
} suites[] = {
	[CSN_SUITE_X25519] = { { 0x00, 0x20 }, { 0x00, 0x03 }, 32 },
	[CSN_SUITE_P256]   = { { 0x00, 0x10 }, { 0x00, 0x01 }, 65 },
};

/* suite_id of the KEM ("KEM" and id) or of the whole ("HPKE" and three ids). */
struct suite_id {
	uint8_t b[10];
	size_t  len;
};

static struct suite_id
kem_id(unsigned suite)
{
	const struct ids *ids = &suites[suite];

	return (struct suite_id){ { 'K', 'E', 'M', ids->kem[0], ids->kem[1] }, 5 };
}

static struct suite_id
hpke_id(unsigned suite)
{
	const struct ids *ids = &suites[suite];

	return (struct suite_id){ { 'H', 'P', 'K', 'E', ids->kem[0], ids->kem[1], 0, 1,
		                    ids->aead[0], ids->aead[1] },
		                  10 };
}

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

static int
labeled_extract(const struct csn_crypto *c, const struct suite_id *id,
                struct csn_bytes salt, const char *label, struct csn_bytes ikm,
                uint8_t ret_prk[32])
{
	struct csn_bytes parts[] = { text("HPKE-v1"), { id->b, id->len }, text(label), ikm };

	return csn_hkdf_extract(c, salt, parts, 4, ret_prk);
}

static int
labeled_expand(const struct csn_crypto *c, const struct suite_id *id,
               const uint8_t prk[32], const char *label, struct csn_bytes info,
               uint8_t *ret_okm, size_t len)
{
	if (len > 0xffff)
		return CSN_E_INVALID;
	uint8_t          wide[2] = { (uint8_t)(len >> 8), (uint8_t)len };
	struct csn_bytes parts[] = { CSN_BYTES_OF(wide), text("HPKE-v1"),
		                     { id->b, id->len }, text(label), info };

	return csn_hkdf_expand(c, (struct csn_bytes){ prk, 32 }, parts, 5, ret_okm, len);
}

/*
 * P-256 draws candidates until one is a scalar in 1..n-1: kem_public refuses others.
 * For X25519 the first is always taken.
 */
static int
derive_sk(const struct csn_crypto *c, unsigned suite, const struct suite_id *id,
          const uint8_t prk[32], uint8_t ret_sk[CSN_SK_LEN], uint8_t *ret_pk)
{
	if (suite == CSN_SUITE_X25519) {
		int r = labeled_expand(c, id, prk, "sk", CSN_BYTES_NONE, ret_sk, 32);
		return r < 0 ? r : c->kem_public(c->self, suite, ret_sk, ret_pk);
	}
	for (unsigned i = 0; i < 256; i++) {
		uint8_t counter = (uint8_t)i;
		int r = labeled_expand(c, id, prk, "candidate",
		                       (struct csn_bytes){ &counter, 1 }, ret_sk, 32);
		if (r < 0)
			return r;
		r = c->kem_public(c->self, suite, ret_sk, ret_pk);
		if (r != CSN_E_REFUSED)
			return r;
	}
	return CSN_E_INTERNAL;
}

int
csn_hpke_derive_key_pair(const struct csn_crypto *c, unsigned suite,
                         struct csn_bytes ikm, uint8_t ret_sk[CSN_SK_LEN],
                         uint8_t *ret_pk)
{
	uint8_t prk[32] = { 0 };

	if (csn_suite_pk_len(suite) == 0)
		return CSN_E_INVALID;
	struct suite_id id = kem_id(suite);
	int r = labeled_extract(c, &id, CSN_BYTES_NONE, "dkp_prk", ikm, prk);
	if (r == CSN_OK)
		r = derive_sk(c, suite, &id, prk, ret_sk, ret_pk);
	if (r < 0)
		csn_wipe(ret_sk, CSN_SK_LEN);
	csn_wipe(prk, sizeof prk);
	return r;
}

/* ExtractAndExpand of 4.1: kem_context is enc and pkR. */
static int
kem_secret(const struct csn_crypto *c, unsigned suite, const uint8_t dh[32],
           struct csn_bytes enc, struct csn_bytes pk_r, uint8_t ret_secret[32])
{
	uint8_t         prk[32] = { 0 }, context[2 * CSN_PK_MAX];
	struct suite_id id = kem_id(suite);

	memcpy(context, enc.ptr, enc.len);
	memcpy(context + enc.len, pk_r.ptr, pk_r.len);
	int r = labeled_extract(c, &id, CSN_BYTES_NONE, "eae_prk",
	                        (struct csn_bytes){ dh, 32 }, prk);
	if (r == CSN_OK)
		r = labeled_expand(c, &id, prk, "shared_secret",
		                   (struct csn_bytes){ context, enc.len + pk_r.len },
		                   ret_secret, 32);
	csn_wipe(prk, sizeof prk);
	return r;
}

/* The key schedule of 5.1 in mode 0 with no psk, up to exporter_secret. */
static int
key_schedule(const struct csn_crypto *c, unsigned suite, const uint8_t shared[32],
             struct csn_bytes info, struct csn_hpke *ret_ctx)
{
	uint8_t         context[1 + 32 + 32] = { 0 }, secret[32] = { 0 };
	struct suite_id id = hpke_id(suite);

	int r = labeled_extract(c, &id, CSN_BYTES_NONE, "psk_id_hash", CSN_BYTES_NONE,
	                        context + 1);
	if (r == CSN_OK)
		r = labeled_extract(c, &id, CSN_BYTES_NONE, "info_hash", info, context + 33);
	if (r == CSN_OK)
		r = labeled_extract(c, &id, (struct csn_bytes){ shared, 32 }, "secret",
		                    CSN_BYTES_NONE, secret);
	if (r == CSN_OK)
		r = labeled_expand(c, &id, secret, "exp", CSN_BYTES_OF(context),
		                   ret_ctx->exporter_secret, 32);
	ret_ctx->suite = suite;
	csn_wipe(secret, sizeof secret);
	return r;
}

/* What sender and receiver share once they have both keys of their DH. */
static int
setup(const struct csn_crypto *c, unsigned suite, const uint8_t sk[CSN_SK_LEN],
      struct csn_bytes peer, struct csn_bytes enc, struct csn_bytes pk_r,
      struct csn_bytes info, struct csn_hpke *ret_ctx)
{
	uint8_t dh[32] = { 0 }, shared[32] = { 0 };

	int r = c->dh(c->self, suite, sk, peer, dh);
	if (r == CSN_OK)
		r = kem_secret(c, suite, dh, enc, pk_r, shared);
	if (r == CSN_OK)
		r = key_schedule(c, suite, shared, info, ret_ctx);
	if (r < 0)
		csn_hpke_done(ret_ctx);
	csn_wipe(dh, sizeof dh);
	csn_wipe(shared, sizeof shared);
	return r;
}

int
csn_hpke_setup_sender(const struct csn_crypto *c, unsigned suite,
                      struct csn_bytes pk_r, struct csn_bytes info,
                      struct csn_bytes ikm_e, uint8_t *ret_enc,
                      struct csn_hpke *ret_ctx)
{
	uint8_t sk_e[CSN_SK_LEN] = { 0 };
	size_t  pk_len           = csn_suite_pk_len(suite);

	if (pk_len == 0)
		return CSN_E_INVALID;
	if (pk_r.len != pk_len)
		return CSN_E_REFUSED;
	int r = csn_hpke_derive_key_pair(c, suite, ikm_e, sk_e, ret_enc);
	if (r == CSN_OK)
		r = setup(c, suite, sk_e, pk_r, (struct csn_bytes){ ret_enc, pk_len }, pk_r,
		          info, ret_ctx);
	csn_wipe(sk_e, sizeof sk_e);
	return r;
}

int
csn_hpke_setup_receiver(const struct csn_crypto *c, unsigned suite,
                        struct csn_bytes enc, const uint8_t sk_r[CSN_SK_LEN],
                        struct csn_bytes info, struct csn_hpke *ret_ctx)
{
	uint8_t pk_r[CSN_PK_MAX];
	size_t  pk_len = csn_suite_pk_len(suite);

	if (pk_len == 0)
		return CSN_E_INVALID;
	if (enc.len != pk_len)
		return CSN_E_REFUSED;
	int r = c->kem_public(c->self, suite, sk_r, pk_r);
	if (r < 0)
		return r;
	return setup(c, suite, sk_r, enc, enc, (struct csn_bytes){ pk_r, pk_len }, info,
	             ret_ctx);
}

int
csn_hpke_export(const struct csn_crypto *c, const struct csn_hpke *ctx,
                struct csn_bytes context, uint8_t *ret_secret, size_t len)
{
	struct suite_id id = hpke_id(ctx->suite);

	return labeled_expand(c, &id, ctx->exporter_secret, "sec", context, ret_secret, len);
}

void
csn_hpke_done(struct csn_hpke *ctx)
{
	csn_wipe(ctx, sizeof *ctx);
}
