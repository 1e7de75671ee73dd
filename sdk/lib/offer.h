/*
 * The key schedule of protocol.md section 4 and 5, one function a value, named as
 * there.  Both sides use the same functions; nothing here decides anything.
 */
#ifndef CSN_LIB_OFFER_H
#define CSN_LIB_OFFER_H

#include "lib/crypto.h"
#include "lib/dcbor.h"
#include "lib/hpke.h"

/* x, ku, xc.  Secret: wipe with csn_offer_keys_done(). */
struct csn_offer_keys {
	uint8_t x[32], ku[32], xc[32];
};

/* hh; empty @r or @hello_raw is null. */
int csn_offer_hh(const struct csn_crypto *c, struct csn_bytes hdr_raw,
                 struct csn_bytes r, struct csn_bytes hello_raw, uint8_t ret_hh[32]);
/* The three exports of an HPKE context. */
int csn_offer_keys_hpke(const struct csn_crypto *c, const struct csn_hpke *ctx,
                        struct csn_offer_keys *ret_keys);
/* The same in the PSK tier. */
int csn_offer_keys_psk(const struct csn_crypto *c, const uint8_t hh[32],
                       const uint8_t psk[32], struct csn_offer_keys *ret_keys);
void csn_offer_keys_done(struct csn_offer_keys *keys);

/* What k0, s1 and kc are bound to. */
struct csn_offer_bind {
	unsigned         suite;
	const uint8_t   *hh; /* 32 bytes                                       */
	struct csn_bytes enc;
	const uint8_t   *nu; /* 16 bytes                                       */
};

/* k0, k1 have Nk bytes.  @pin_part NULL is 32 zeros. */
int csn_offer_k0(const struct csn_crypto *c, const struct csn_offer_bind *b,
                 const uint8_t x[32], uint8_t ret_k0[CSN_AEAD_KEY_MAX]);
int csn_offer_s1(const struct csn_crypto *c, const struct csn_offer_bind *b,
                 const uint8_t x[32], const uint8_t *pin_part, uint8_t ret_s1[32]);
int csn_offer_k1(const struct csn_crypto *c, unsigned suite, const uint8_t s1[32],
                 uint8_t ret_k1[CSN_AEAD_KEY_MAX]);
int csn_offer_com(const struct csn_crypto *c, const uint8_t s1[32], uint8_t ret_com[32]);
int csn_offer_kc(const struct csn_crypto *c, const struct csn_offer_bind *b,
                 const uint8_t xc[32], const uint8_t *pin_part, uint8_t ret_kc[32]);
/* pin_part of modes 2 and 6: scrypt of the PIN under hh. */
int csn_offer_pin_part(const struct csn_crypto *c, struct csn_bytes pin,
                       const uint8_t hh[32], unsigned cost, uint8_t ret_part[32]);

/* AEAD(k, hh, ...) with the nonce of zeros: inner under k1, ct under k0. */
int csn_offer_seal(const struct csn_crypto *c, unsigned suite, const uint8_t *key,
                   const uint8_t hh[32], struct csn_bytes plain, uint8_t *ret_sealed);
int csn_offer_open(const struct csn_crypto *c, unsigned suite, const uint8_t *key,
                   const uint8_t hh[32], struct csn_bytes sealed, uint8_t *ret_plain);

/* The transcript hashes and tags; @m5h NULL is null. */
int csn_offer_t1(const struct csn_crypto *c, const uint8_t hh[32], struct csn_bytes enc,
                 struct csn_bytes ct, uint8_t ret_t1[32]);
int csn_offer_tag(const struct csn_crypto *c, const uint8_t ku[32],
                  const uint8_t t1[32], const uint8_t nu[16], uint32_t ts,
                  uint8_t ret_tag[16]);
int csn_offer_t2(const struct csn_crypto *c, const uint8_t t1[32], const uint8_t nu[16],
                 uint32_t ts, struct csn_bytes sig_raw, const uint8_t *m5h,
                 uint8_t ret_t2[32]);
int csn_offer_tag3(const struct csn_crypto *c, const uint8_t kc[32],
                   const uint8_t t2[32], unsigned result, uint8_t ret_tag3[16]);
/* chal of evidence. */
int csn_offer_chal(const struct csn_crypto *c, const uint8_t sid[16],
                   const uint8_t skid[16], const uint8_t did[16], struct csn_bytes e_d,
                   uint8_t ret_chal[32]);

/* The payloads that are signed detached; CSN_L_MAX bytes hold each. */
void csn_offer_put_stmt(struct csn_dcbor_out *out, const struct csn_offer_bind *b,
                        uint32_t ts, const uint8_t inner_hash[32], const uint8_t *com,
                        const uint8_t leaf_hash[32]);
void csn_offer_put_stmt5(struct csn_dcbor_out *out, const uint8_t t1[32],
                         const uint8_t share_p[65], const uint8_t share_v[65],
                         const uint8_t inner_hash[32], const uint8_t com[32]);
void csn_offer_put_hello(struct csn_dcbor_out *out, struct csn_bytes hello_raw);
/* @checkpoint: the encoded item, empty for null. */
void csn_offer_put_receipt(struct csn_dcbor_out *out, const uint8_t t2[32],
                           const uint8_t did[16], unsigned result,
                           struct csn_bytes checkpoint);
/* The payloads of evidence: L("csgn1/evid-x509", chal) and L("csgn1/evid-psk", chal). */
void csn_offer_put_evid(struct csn_dcbor_out *out, const char *label,
                        const uint8_t chal[32]);

#endif
