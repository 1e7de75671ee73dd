/*
 * SPAKE2+ of RFC 9383, P256-SHA256-HKDF-SHA256-HMAC-SHA256.  The station is prover P,
 * the device verifier V.
 *
 * CSN_E_PROTOCOL: a share is not a point on the curve (163, 231).  CSN_E_REFUSED: the
 * unblinded share is the point at infinity (161, 232).  Comparing the confirmation the
 * peer sent with the one here, in constant time, is the caller's last step.
 */
#ifndef CSN_LIB_SPAKE2P_H
#define CSN_LIB_SPAKE2P_H

#include "lib/crypto.h"

/* The names a run is bound to; any length. */
struct csn_pake_ids {
	struct csn_bytes context, prover, verifier;
};

/* What both sides hold at the end.  Secret. */
struct csn_pake_keys {
	uint8_t k_shared[32];
	uint8_t confirm_p[32], confirm_v[32];
};

/*
 * w0 and w1 of protocol.md section 7: scrypt of the PIN, both reduced.  @cost 8 to 17.
 * CSN_E_REFUSED in the case of chance that one is 0.
 */
int csn_pake_scalars(const struct csn_crypto *c, struct csn_bytes pin,
                     const uint8_t did[16], unsigned cost, uint8_t ret_w0[32],
                     uint8_t ret_w1[32]);
/* L = w1*P, what a verifier keeps beside w0. */
int csn_pake_record(const struct csn_crypto *c, const uint8_t w1[32],
                    uint8_t ret_l[CSN_POINT_LEN]);
/* A scalar in 1..n-1 from the table's randomness. */
int csn_pake_random(const struct csn_crypto *c, uint8_t ret_scalar[32]);

/* The names of CSGN/1: csgn1-station, did, and L("csgn1/pake", t1) in @buf. */
int csn_pake_ids(const uint8_t did[16], const uint8_t t1[32], uint8_t buf[64],
                 struct csn_pake_ids *ret_ids);

/* shareP = x*P + w0*M. */
int csn_pake_share_p(const struct csn_crypto *c, const uint8_t w0[32],
                     const uint8_t x[32], uint8_t ret_share_p[CSN_POINT_LEN]);
/* The prover's end, when shareV came. */
int csn_pake_prover(const struct csn_crypto *c, const struct csn_pake_ids *ids,
                    const uint8_t w0[32], const uint8_t w1[32], const uint8_t x[32],
                    const uint8_t share_p[CSN_POINT_LEN], struct csn_bytes share_v,
                    struct csn_pake_keys *ret_keys);
/*
 * The verifier's one step: shareV = y*P + w0*N and the keys.  @ret_share_v must not
 * overlap @share_p.
 */
int csn_pake_verifier(const struct csn_crypto *c, const struct csn_pake_ids *ids,
                      const uint8_t w0[32], const uint8_t l[CSN_POINT_LEN],
                      const uint8_t y[32], struct csn_bytes share_p,
                      uint8_t ret_share_v[CSN_POINT_LEN],
                      struct csn_pake_keys *ret_keys);

#endif
