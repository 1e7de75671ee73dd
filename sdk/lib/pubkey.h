/*
 * Public keys of foreign evidence: ECDSA on the NIST curves, Ed25519, RSA, from a DER
 * SubjectPublicKeyInfo or a COSE_Key, and signatures under them.
 *
 * Only named curves, uncompressed points on the curve, RSA of 2048 to 4096 bits.  Needs
 * OpenSSL; in libcsnevidence.la.
 */
#ifndef CSN_LIB_PUBKEY_H
#define CSN_LIB_PUBKEY_H

#include <stdbool.h>

#include <openssl/evp.h>

#include <countersign/types.h>

enum csn_key_kind {
	CSN_KEY_NONE    = 0,
	CSN_KEY_ED25519 = 1,
	CSN_KEY_P256    = 2,
	CSN_KEY_P384    = 3,
	CSN_KEY_P521    = 4,
	CSN_KEY_RSA     = 5,
};

struct csn_pubkey {
	enum csn_key_kind kind;
	EVP_PKEY         *pkey;
	uint8_t           spki_hash[32]; /* SHA-256 of the DER SPKI                  */
	uint8_t           raw[133];      /* Ed25519: 32 bytes; EC: 04 x y            */
	size_t            raw_len;       /* 0 for RSA                                */
};

enum csn_sig_alg {
	CSN_SIG_NONE = 0,
	CSN_SIG_EDDSA,
	CSN_SIG_ECDSA_SHA256, CSN_SIG_ECDSA_SHA384, CSN_SIG_ECDSA_SHA512,
	CSN_SIG_RSA_SHA256, CSN_SIG_RSA_SHA384, CSN_SIG_RSA_SHA512, /* PKCS #1 1.5    */
	CSN_SIG_PSS_SHA256, CSN_SIG_PSS_SHA384, CSN_SIG_PSS_SHA512,
};

/*
 * Makes what decoding keys will need, once.  A plugin calls it from create: later, in a
 * worker's sandbox, a library could not open what it lacks.
 */
void csn_pubkey_ready(void);

/*
 * All return CSN_OK, CSN_E_PROTOCOL for a key that is not acceptable (with a constant in
 * @ret_why when it is not NULL), or CSN_E_INTERNAL.  *ret_key is untouched on failure and
 * freed with csn_pubkey_done(), which takes a zeroed key too.
 */
int  csn_pubkey_from_spki(struct csn_bytes spki, struct csn_pubkey *ret_key,
                          const char **ret_why);
int  csn_pubkey_from_raw(enum csn_key_kind kind, struct csn_bytes raw,
                         struct csn_pubkey *ret_key, const char **ret_why);
/* A COSE_Key, checked CBOR; private members are refused. */
int  csn_pubkey_from_cose(struct csn_bytes item, struct csn_pubkey *ret_key,
                          const char **ret_why);
/* One PEM block "PUBLIC KEY". */
int  csn_pubkey_from_pem(struct csn_bytes pem, struct csn_pubkey *ret_key,
                         const char **ret_why);
void csn_pubkey_done(struct csn_pubkey *key);
bool csn_pubkey_same(const struct csn_pubkey *a, const struct csn_pubkey *b);

/*
 * CSN_OK, CSN_E_REFUSED when the signature is not good or @alg is none of the key's, or
 * CSN_E_INTERNAL.  @fixed: ECDSA as r || s of the curve's width; else DER.
 */
int csn_pubkey_verify(const struct csn_pubkey *key, enum csn_sig_alg alg, bool fixed,
                      struct csn_bytes message, struct csn_bytes sig);

/* r and s, big endian, as DER, to be freed by OPENSSL_free(); NULL without memory. */
uint8_t *csn_ecdsa_der(struct csn_bytes r, struct csn_bytes s, size_t *ret_len);

/* SHA-256, SHA-384 or SHA-512 by the length of the hash; false for another length. */
bool csn_hash_by_len(struct csn_bytes message, size_t len, uint8_t ret_hash[64]);

#endif
