/*
 * P-256 for the OpenSSL table: the group, ECDH and ES256.  Contracts are those of the
 * members of the same name in crypto.h.
 */
#ifndef CSN_LIB_CRYPTO_OPENSSL_P256_H
#define CSN_LIB_CRYPTO_OPENSSL_P256_H

#include "lib/crypto.h"

int p256_valid(struct csn_bytes pk);
int p256_mul(void *self, const uint8_t scalar[32], const uint8_t point[CSN_POINT_LEN],
             uint8_t ret[CSN_POINT_LEN]);
int p256_add(void *self, const uint8_t a[CSN_POINT_LEN],
             const uint8_t b[CSN_POINT_LEN], uint8_t ret[CSN_POINT_LEN]);
int p256_sub(void *self, const uint8_t a[CSN_POINT_LEN],
             const uint8_t b[CSN_POINT_LEN], uint8_t ret[CSN_POINT_LEN]);
int p256_reduce(void *self, struct csn_bytes wide, uint8_t ret_scalar[32]);

/* The public key of a scalar in 1..n-1. */
int p256_public(const uint8_t sk[CSN_SK_LEN], uint8_t ret_pk[CSN_POINT_LEN]);
int p256_dh(const uint8_t sk[CSN_SK_LEN], struct csn_bytes pk, uint8_t ret_shared[32]);

/* ES256 over the SHA-256 @hash of the message. */
int p256_sign(const uint8_t sk[CSN_SK_LEN], const uint8_t hash[CSN_HASH_LEN],
              uint8_t ret_sig[CSN_SIG_LEN]);
int p256_verify(struct csn_bytes pk, const uint8_t hash[CSN_HASH_LEN],
                const uint8_t sig[CSN_SIG_LEN]);

#endif
