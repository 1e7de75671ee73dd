/*
 * The ladder of protocol.md section 3: from the seed of one rung to its keys and to the
 * seed of the next.  Everything returned is secret, except public keys.
 */
#ifndef CSN_LIB_LADDER_H
#define CSN_LIB_LADDER_H

#include "lib/crypto.h"

#define CSN_SEED_LEN 32

/* sk_i and pk_i; @ret_pk has Npk bytes. */
int csn_ladder_keys(const struct csn_crypto *c, unsigned suite,
                    const uint8_t seed[CSN_SEED_LEN], uint8_t ret_sk[CSN_SK_LEN],
                    uint8_t *ret_pk);
/* psk_i, for the PSK tier. */
int csn_ladder_psk(const struct csn_crypto *c, const uint8_t seed[CSN_SEED_LEN],
                   uint8_t ret_psk[32]);
/* The seed @steps rungs further; 0 steps copy it.  In and out may be the same. */
int csn_ladder_forward(const struct csn_crypto *c, const uint8_t seed[CSN_SEED_LEN],
                       unsigned steps, uint8_t ret_seed[CSN_SEED_LEN]);

#endif
