/*
 * RFC 9180 base mode, for export only: both suites of CSGN/1.
 *
 * Errors are those of the crypto table; CSN_E_REFUSED from the setups means the
 * peer's point is not valid or gave an all-zero secret (125, 220).
 */
#ifndef CSN_LIB_HPKE_H
#define CSN_LIB_HPKE_H

#include "lib/crypto.h"

/* A context reduced to what CSGN/1 uses of it.  Secret: wipe with csn_hpke_done(). */
struct csn_hpke {
	unsigned suite;
	uint8_t  exporter_secret[32];
};

/* DeriveKeyPair (7.1.3).  @ret_pk has Npk bytes. */
int csn_hpke_derive_key_pair(const struct csn_crypto *c, unsigned suite,
                             struct csn_bytes ikm, uint8_t ret_sk[CSN_SK_LEN],
                             uint8_t *ret_pk);

/*
 * SetupBaseS with the ephemeral DeriveKeyPair(ikm_e): 32 fresh random bytes, except in
 * a test.  @ret_enc has Npk bytes.
 */
int csn_hpke_setup_sender(const struct csn_crypto *c, unsigned suite,
                          struct csn_bytes pk_r, struct csn_bytes info,
                          struct csn_bytes ikm_e, uint8_t *ret_enc,
                          struct csn_hpke *ret_ctx);
/* SetupBaseR.  The receiver's public key is computed from its secret one. */
int csn_hpke_setup_receiver(const struct csn_crypto *c, unsigned suite,
                            struct csn_bytes enc, const uint8_t sk_r[CSN_SK_LEN],
                            struct csn_bytes info, struct csn_hpke *ret_ctx);

/* X.Export(context, len). */
int csn_hpke_export(const struct csn_crypto *c, const struct csn_hpke *ctx,
                    struct csn_bytes context, uint8_t *ret_secret, size_t len);

void csn_hpke_done(struct csn_hpke *ctx);

#endif
