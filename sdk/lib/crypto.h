/*
 * The primitives of CSGN/1 as a table, so that the same protocol code runs over
 * OpenSSL on a station and over whatever a device has.
 *
 * All functions return CSN_OK or a negative code and leave their output undefined, but
 * without secrets of value, on failure:
 *   CSN_E_REFUSED   a tag, a signature or a point is not good;
 *   CSN_E_INVALID   the caller broke a length or named an unknown suite;
 *   CSN_E_INTERNAL  the library failed; randomness failure is this, too.
 * Lengths of arrays are in the declarations.  Point formats: 32 bytes of X25519, or 65
 * bytes uncompressed P-256 beginning with 04.  Scalars are 32 bytes, big endian for
 * P-256.  All are [any] when @self allows it; the OpenSSL table has no state.
 */
#ifndef CSN_LIB_CRYPTO_H
#define CSN_LIB_CRYPTO_H

#include <stdbool.h>

#include <countersign/types.h>

#define CSN_HASH_LEN  32
#define CSN_SK_LEN    32
#define CSN_SIG_LEN   64
#define CSN_NONCE_LEN 12
#define CSN_TAG_LEN   16
#define CSN_PK_MAX    65
#define CSN_POINT_LEN 65
#define CSN_AEAD_KEY_MAX 32

enum csn_suite {
	CSN_SUITE_X25519 = 1, /* X25519, ChaCha20-Poly1305, Ed25519            */
	CSN_SUITE_P256   = 2, /* P-256, AES-128-GCM, ES256                     */
};

struct csn_crypto {
	uint32_t size;
	void    *self;

	/* SHA-256 of the @n parts, one after the other. */
	int (*sha256)(void *self, const struct csn_bytes *parts, size_t n,
	              uint8_t ret_hash[CSN_HASH_LEN]);
	int (*hmac_sha256)(void *self, struct csn_bytes key, const struct csn_bytes *parts,
	                   size_t n, uint8_t ret_mac[CSN_HASH_LEN]);

	/* The suite's AEAD, key Nk bytes.  @ret_sealed has plain.len + 16 bytes. */
	int (*aead_seal)(void *self, unsigned suite, const uint8_t *key,
	                 const uint8_t nonce[CSN_NONCE_LEN], struct csn_bytes aad,
	                 struct csn_bytes plain, uint8_t *ret_sealed);
	/*
	 * @ret_plain has sealed.len - 16 bytes and is wiped when the tag is wrong.  It may
	 * be sealed.ptr itself: opening in place saves a device the second buffer.
	 */
	int (*aead_open)(void *self, unsigned suite, const uint8_t *key,
	                 const uint8_t nonce[CSN_NONCE_LEN], struct csn_bytes aad,
	                 struct csn_bytes sealed, uint8_t *ret_plain);

	/* The KEM's public key, Npk bytes; P-256 scalars 0 and >= n are refused. */
	int (*kem_public)(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
	                  uint8_t *ret_pk);
	/* The KEM's DH.  Refuses points off the curve and an all-zero X25519 result. */
	int (*dh)(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
	          struct csn_bytes pk, uint8_t ret_shared[32]);
	/* CSN_OK when @pk is a public key of the suite's KEM: length, and on the curve. */
	int (*point_valid)(void *self, unsigned suite, struct csn_bytes pk);

	/* The signature key's public half: 32 bytes Ed25519, 65 bytes P-256. */
	int (*sign_public)(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
	                   uint8_t *ret_pk);
	/* Ed25519, or ES256 as r || s with the deterministic k of RFC 6979. */
	int (*sign)(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
	            const struct csn_bytes *parts, size_t n, uint8_t ret_sig[CSN_SIG_LEN]);
	int (*verify)(void *self, unsigned suite, struct csn_bytes pk,
	              const struct csn_bytes *parts, size_t n,
	              const uint8_t sig[CSN_SIG_LEN]);

	/* r = 8, p = 1, N = 2^log2_n; log2_n 1 to 17. */
	int (*scrypt)(void *self, struct csn_bytes password, struct csn_bytes salt,
	              unsigned log2_n, uint8_t *ret_key, size_t len);
	int (*random)(void *self, uint8_t *ret_bytes, size_t len);

	/*
	 * The P-256 group, for SPAKE2+.  @point NULL is the generator.  A point that is
	 * not on the curve is CSN_E_INVALID, a result at infinity CSN_E_REFUSED.
	 */
	int (*p256_mul)(void *self, const uint8_t scalar[32],
	                const uint8_t point[CSN_POINT_LEN], uint8_t ret[CSN_POINT_LEN]);
	int (*p256_add)(void *self, const uint8_t a[CSN_POINT_LEN],
	                const uint8_t b[CSN_POINT_LEN], uint8_t ret[CSN_POINT_LEN]);
	int (*p256_sub)(void *self, const uint8_t a[CSN_POINT_LEN],
	                const uint8_t b[CSN_POINT_LEN], uint8_t ret[CSN_POINT_LEN]);
	/* A number of any length up to 64 bytes, modulo the order n. */
	int (*p256_reduce)(void *self, struct csn_bytes wide, uint8_t ret_scalar[32]);
};

/* Npk = Nenc of the suite: 32 or 65; 0 for an unknown suite. */
size_t csn_suite_pk_len(uint64_t suite);
/* Nk of the suite: 32 or 16; 0 for an unknown suite. */
size_t csn_suite_key_len(uint64_t suite);

/* Constant time in the contents; false when the lengths differ. */
bool csn_same(struct csn_bytes a, struct csn_bytes b);
bool csn_same_n(const uint8_t *a, const uint8_t *b, size_t len);

/* SHA-256 of one run of bytes. */
int csn_sha256(const struct csn_crypto *c, struct csn_bytes bytes,
               uint8_t ret_hash[CSN_HASH_LEN]);
/* HMAC-SHA256 of one run of bytes, cut to its first 16. */
int csn_mac16(const struct csn_crypto *c, struct csn_bytes key, struct csn_bytes bytes,
              uint8_t ret_mac[16]);

#endif
