/*
 * The primitives over OpenSSL 3.0, by EVP; in libcsncrypto.la.  No state: the table is
 * const and good for every thread.
 */
#ifndef CSN_LIB_CRYPTO_OPENSSL_H
#define CSN_LIB_CRYPTO_OPENSSL_H

#include "lib/crypto.h"

const struct csn_crypto *csn_crypto_openssl(void);

#endif
