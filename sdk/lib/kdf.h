/*
 * HKDF-SHA256 of RFC 5869 over the table's HMAC.  CSN_E_INVALID when more than 8160
 * bytes are asked for; outputs are wiped on failure.
 */
#ifndef CSN_LIB_KDF_H
#define CSN_LIB_KDF_H

#include "lib/crypto.h"

/* Extract over ikm parts, one after the other; an empty salt is 32 zeros. */
int csn_hkdf_extract(const struct csn_crypto *c, struct csn_bytes salt,
                     const struct csn_bytes *ikm, size_t n, uint8_t ret_prk[32]);
/* Expand with info parts, one after the other. */
int csn_hkdf_expand(const struct csn_crypto *c, struct csn_bytes prk,
                    const struct csn_bytes *info, size_t n, uint8_t *ret_okm, size_t len);
/* KDF(salt, ikm, info, len) of protocol.md section 2. */
int csn_kdf(const struct csn_crypto *c, struct csn_bytes salt, struct csn_bytes ikm,
            struct csn_bytes info, uint8_t *ret_okm, size_t len);
/* KDF(salt, ikm, L(label), len): the common case. */
int csn_kdf_label(const struct csn_crypto *c, struct csn_bytes salt,
                  struct csn_bytes ikm, const char *label, uint8_t *ret_okm, size_t len);

#endif
