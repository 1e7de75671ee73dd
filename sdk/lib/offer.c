#include "lib/offer.h"

#include "lib/csgn1.h"
#include "lib/kdf.h"

/* A writer with room for any L() of the key schedule. */
struct label {
	uint8_t              buf[CSN_L_MAX];
	struct csn_dcbor_out out;
};

static void
begin(struct label *l, const char *label, size_t members)
{
	csn_dcbor_out_init(&l->out, l->buf, sizeof l->buf);
	csn_dcbor_put_label(&l->out, label, members);
}

static void
put32(struct csn_dcbor_out *out, const uint8_t hash[32])
{
	csn_dcbor_put_bytes(out, (struct csn_bytes){ hash, 32 });
}

/* H(...) of what was written. */
static int
hashed(const struct csn_crypto *c, const struct label *l, uint8_t ret_hash[32])
{
	struct csn_bytes bytes;

	int r = csn_dcbor_out_end(&l->out, &bytes);
	return r < 0 ? r : csn_sha256(c, bytes, ret_hash);
}

static int
mac16(const struct csn_crypto *c, const uint8_t key[32], const struct label *l,
      uint8_t ret_mac[16])
{
	struct csn_bytes bytes;

	int r = csn_dcbor_out_end(&l->out, &bytes);
	return r < 0 ? r : csn_mac16(c, (struct csn_bytes){ key, 32 }, bytes, ret_mac);
}

int
csn_offer_hh(const struct csn_crypto *c, struct csn_bytes hdr_raw, struct csn_bytes r,
             struct csn_bytes hello_raw, uint8_t ret_hh[32])
{
	struct label l;

	begin(&l, "csgn1/hdr", 3);
	csn_dcbor_put_item(&l.out, hdr_raw);
	if (r.len == 0)
		csn_dcbor_put_null(&l.out);
	else
		csn_dcbor_put_bytes(&l.out, r);
	csn_dcbor_put_item(&l.out, hello_raw);
	return hashed(c, &l, ret_hh);
}

/* The labels of the three exports, and where each goes. */
static const struct export_row {
	const char *label;
	size_t      offset;
} exports[] = {
	{ "csgn1/pay", offsetof(struct csn_offer_keys, x) },
	{ "csgn1/bind", offsetof(struct csn_offer_keys, ku) },
	{ "csgn1/conf", offsetof(struct csn_offer_keys, xc) },
};

/* One export: by the context when there is one, else from the psk. */
static int
export_one(const struct csn_crypto *c, const struct csn_hpke *ctx, const uint8_t *hh,
           const uint8_t *psk, const char *label, uint8_t ret_key[32])
{
	struct label     l;
	struct csn_bytes info;

	begin(&l, label, 0);
	int r = csn_dcbor_out_end(&l.out, &info);
	if (r < 0)
		return r;
	if (ctx != NULL)
		return csn_hpke_export(c, ctx, info, ret_key, 32);
	return csn_kdf(c, (struct csn_bytes){ hh, 32 }, (struct csn_bytes){ psk, 32 }, info,
	               ret_key, 32);
}

static int
export_all(const struct csn_crypto *c, const struct csn_hpke *ctx, const uint8_t *hh,
           const uint8_t *psk, struct csn_offer_keys *ret_keys)
{
	int r = CSN_OK;

	for (size_t i = 0; i < 3 && r == CSN_OK; i++)
		r = export_one(c, ctx, hh, psk, exports[i].label,
		               (uint8_t *)ret_keys + exports[i].offset);
	if (r < 0)
		csn_offer_keys_done(ret_keys);
	return r;
}

int
csn_offer_keys_hpke(const struct csn_crypto *c, const struct csn_hpke *ctx,
                    struct csn_offer_keys *ret_keys)
{
	return export_all(c, ctx, NULL, NULL, ret_keys);
}

int
csn_offer_keys_psk(const struct csn_crypto *c, const uint8_t hh[32],
                   const uint8_t psk[32], struct csn_offer_keys *ret_keys)
{
	return export_all(c, NULL, hh, psk, ret_keys);
}

void
csn_offer_keys_done(struct csn_offer_keys *keys)
{
	csn_wipe(keys, sizeof *keys);
}

/* KDF(nu, ikm, L(label, hh, enc), len). */
static int
bound(const struct csn_crypto *c, const struct csn_offer_bind *b, struct csn_bytes ikm,
      const char *label, uint8_t *ret, size_t len)
{
	struct label     l;
	struct csn_bytes info;

	begin(&l, label, 2);
	put32(&l.out, b->hh);
	csn_dcbor_put_bytes(&l.out, b->enc);
	int r = csn_dcbor_out_end(&l.out, &info);
	return r < 0 ? r
	             : csn_kdf(c, (struct csn_bytes){ b->nu, CSN_NU_LEN }, ikm, info, ret,
	                       len);
}

/* The same over secret and pin_part: the two halves have fixed length. */
static int
bound_pin(const struct csn_crypto *c, const struct csn_offer_bind *b,
          const uint8_t secret[32], const uint8_t *pin_part, const char *label,
          uint8_t ret[32])
{
	uint8_t ikm[64] = { 0 };

	memcpy(ikm, secret, 32);
	if (pin_part != NULL)
		memcpy(ikm + 32, pin_part, 32);
	int r = bound(c, b, CSN_BYTES_OF(ikm), label, ret, 32);
	csn_wipe(ikm, sizeof ikm);
	return r;
}

int
csn_offer_k0(const struct csn_crypto *c, const struct csn_offer_bind *b,
             const uint8_t x[32], uint8_t ret_k0[CSN_AEAD_KEY_MAX])
{
	size_t len = csn_suite_key_len(b->suite);

	if (len == 0)
		return CSN_E_INVALID;
	return bound(c, b, (struct csn_bytes){ x, 32 }, "csgn1/k0", ret_k0, len);
}

int
csn_offer_s1(const struct csn_crypto *c, const struct csn_offer_bind *b,
             const uint8_t x[32], const uint8_t *pin_part, uint8_t ret_s1[32])
{
	return bound_pin(c, b, x, pin_part, "csgn1/s1", ret_s1);
}

int
csn_offer_k1(const struct csn_crypto *c, unsigned suite, const uint8_t s1[32],
             uint8_t ret_k1[CSN_AEAD_KEY_MAX])
{
	size_t len = csn_suite_key_len(suite);

	if (len == 0)
		return CSN_E_INVALID;
	return csn_kdf_label(c, CSN_BYTES_NONE, (struct csn_bytes){ s1, 32 }, "csgn1/k1",
	                     ret_k1, len);
}

int
csn_offer_com(const struct csn_crypto *c, const uint8_t s1[32], uint8_t ret_com[32])
{
	return csn_kdf_label(c, CSN_BYTES_NONE, (struct csn_bytes){ s1, 32 }, "csgn1/com",
	                     ret_com, 32);
}

int
csn_offer_kc(const struct csn_crypto *c, const struct csn_offer_bind *b,
             const uint8_t xc[32], const uint8_t *pin_part, uint8_t ret_kc[32])
{
	return bound_pin(c, b, xc, pin_part, "csgn1/kc", ret_kc);
}

int
csn_offer_pin_part(const struct csn_crypto *c, struct csn_bytes pin,
                   const uint8_t hh[32], unsigned cost, uint8_t ret_part[32])
{
	return c->scrypt(c->self, pin, (struct csn_bytes){ hh, 32 }, cost, ret_part, 32);
}

/* Every key of an offer is used once, so its nonce may be zeros. */
static const uint8_t nonce_zero[CSN_NONCE_LEN];

int
csn_offer_seal(const struct csn_crypto *c, unsigned suite, const uint8_t *key,
               const uint8_t hh[32], struct csn_bytes plain, uint8_t *ret_sealed)
{
	return c->aead_seal(c->self, suite, key, nonce_zero, (struct csn_bytes){ hh, 32 },
	                    plain, ret_sealed);
}

int
csn_offer_open(const struct csn_crypto *c, unsigned suite, const uint8_t *key,
               const uint8_t hh[32], struct csn_bytes sealed, uint8_t *ret_plain)
{
	return c->aead_open(c->self, suite, key, nonce_zero, (struct csn_bytes){ hh, 32 },
	                    sealed, ret_plain);
}

int
csn_offer_t1(const struct csn_crypto *c, const uint8_t hh[32], struct csn_bytes enc,
             struct csn_bytes ct, uint8_t ret_t1[32])
{
	struct label l;
	uint8_t      hash[CSN_HASH_LEN];

	int r = csn_sha256(c, ct, hash);
	if (r < 0)
		return r;
	begin(&l, "csgn1/t1", 3);
	put32(&l.out, hh);
	csn_dcbor_put_bytes(&l.out, enc);
	put32(&l.out, hash);
	return hashed(c, &l, ret_t1);
}

int
csn_offer_tag(const struct csn_crypto *c, const uint8_t ku[32], const uint8_t t1[32],
              const uint8_t nu[16], uint32_t ts, uint8_t ret_tag[16])
{
	struct label l;

	begin(&l, "csgn1/bind", 4);
	put32(&l.out, t1);
	csn_dcbor_put_uint(&l.out, CSN_M2);
	csn_dcbor_put_bytes(&l.out, (struct csn_bytes){ nu, CSN_NU_LEN });
	csn_dcbor_put_uint(&l.out, ts);
	return mac16(c, ku, &l, ret_tag);
}

int
csn_offer_t2(const struct csn_crypto *c, const uint8_t t1[32], const uint8_t nu[16],
             uint32_t ts, struct csn_bytes sig_raw, const uint8_t *m5h,
             uint8_t ret_t2[32])
{
	struct label l;
	uint8_t      hash[CSN_HASH_LEN];

	int r = csn_sha256(c, sig_raw, hash);
	if (r < 0)
		return r;
	begin(&l, "csgn1/done", 5);
	put32(&l.out, t1);
	csn_dcbor_put_bytes(&l.out, (struct csn_bytes){ nu, CSN_NU_LEN });
	csn_dcbor_put_uint(&l.out, ts);
	put32(&l.out, hash);
	csn_dcbor_put_hash(&l.out, m5h, CSN_HASH_LEN);
	return hashed(c, &l, ret_t2);
}

int
csn_offer_tag3(const struct csn_crypto *c, const uint8_t kc[32], const uint8_t t2[32],
               unsigned result, uint8_t ret_tag3[16])
{
	struct label l;

	begin(&l, "csgn1/fin", 2);
	put32(&l.out, t2);
	csn_dcbor_put_uint(&l.out, result);
	return mac16(c, kc, &l, ret_tag3);
}

int
csn_offer_chal(const struct csn_crypto *c, const uint8_t sid[16],
               const uint8_t skid[16], const uint8_t did[16], struct csn_bytes e_d,
               uint8_t ret_chal[32])
{
	struct label l;

	begin(&l, "csgn1/evid", 4);
	csn_dcbor_put_bytes(&l.out, (struct csn_bytes){ sid, CSN_ID_LEN });
	csn_dcbor_put_bytes(&l.out, (struct csn_bytes){ skid, CSN_ID_LEN });
	csn_dcbor_put_bytes(&l.out, (struct csn_bytes){ did, CSN_ID_LEN });
	csn_dcbor_put_bytes(&l.out, e_d);
	return hashed(c, &l, ret_chal);
}

void
csn_offer_put_stmt(struct csn_dcbor_out *out, const struct csn_offer_bind *b,
                   uint32_t ts, const uint8_t inner_hash[32], const uint8_t *com,
                   const uint8_t leaf_hash[32])
{
	csn_dcbor_put_label(out, "csgn1/offer", 7);
	put32(out, b->hh);
	csn_dcbor_put_bytes(out, b->enc);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ b->nu, CSN_NU_LEN });
	csn_dcbor_put_uint(out, ts);
	put32(out, inner_hash);
	csn_dcbor_put_hash(out, com, CSN_HASH_LEN);
	put32(out, leaf_hash);
}

void
csn_offer_put_stmt5(struct csn_dcbor_out *out, const uint8_t t1[32],
                    const uint8_t share_p[65], const uint8_t share_v[65],
                    const uint8_t inner_hash[32], const uint8_t com[32])
{
	csn_dcbor_put_label(out, "csgn1/inner", 5);
	put32(out, t1);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ share_p, CSN_POINT_LEN });
	csn_dcbor_put_bytes(out, (struct csn_bytes){ share_v, CSN_POINT_LEN });
	put32(out, inner_hash);
	put32(out, com);
}

void
csn_offer_put_hello(struct csn_dcbor_out *out, struct csn_bytes hello_raw)
{
	csn_dcbor_put_label(out, "csgn1/hello", 1);
	csn_dcbor_put_item(out, hello_raw);
}

void
csn_offer_put_receipt(struct csn_dcbor_out *out, const uint8_t t2[32],
                      const uint8_t did[16], unsigned result,
                      struct csn_bytes checkpoint)
{
	csn_dcbor_put_label(out, "csgn1/rcpt", 4);
	put32(out, t2);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ did, CSN_ID_LEN });
	csn_dcbor_put_uint(out, result);
	csn_dcbor_put_item(out, checkpoint);
}

void
csn_offer_put_evid(struct csn_dcbor_out *out, const char *label, const uint8_t chal[32])
{
	csn_dcbor_put_label(out, label, 1);
	put32(out, chal);
}
