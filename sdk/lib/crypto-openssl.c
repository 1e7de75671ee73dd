#include "lib/crypto-openssl.h"

#include "lib/crypto-openssl-p256.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

/* N = 2^17, r = 8 takes 128 MiB and a little. */
#define SCRYPT_MEMORY ((uint64_t)160 << 20)

/* Some EVP calls take NULL for "keep the old", so empty bytes need a place. */
static const uint8_t *
place(struct csn_bytes bytes)
{
	static const uint8_t none;

	return bytes.len == 0 ? &none : bytes.ptr;
}

static int
ossl_sha256(void *self, const struct csn_bytes *parts, size_t n,
            uint8_t ret_hash[CSN_HASH_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool        ok  = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	(void)self;
	for (size_t i = 0; i < n && ok; i++)
		ok = EVP_DigestUpdate(ctx, place(parts[i]), parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, ret_hash, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? CSN_OK : CSN_E_INTERNAL;
}

static int
ossl_hmac_sha256(void *self, struct csn_bytes key, const struct csn_bytes *parts,
                 size_t n, uint8_t ret_mac[CSN_HASH_LEN])
{
	char         digest[] = "SHA256";
	OSSL_PARAM   params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC     *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	size_t       len = 0;
	bool ok = ctx != NULL && EVP_MAC_init(ctx, place(key), key.len, params) == 1;

	(void)self;
	for (size_t i = 0; i < n && ok; i++)
		ok = EVP_MAC_update(ctx, place(parts[i]), parts[i].len) == 1;
	ok = ok && EVP_MAC_final(ctx, ret_mac, &len, CSN_HASH_LEN) == 1 &&
	     len == CSN_HASH_LEN;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? CSN_OK : CSN_E_INTERNAL;
}

static const EVP_CIPHER *
cipher_of(unsigned suite)
{
	return suite == CSN_SUITE_X25519 ? EVP_chacha20_poly1305()
	       : suite == CSN_SUITE_P256 ? EVP_aes_128_gcm()
	                                 : NULL;
}

/* Feeds @in, then writes what comes out; EVP lengths are int. */
static bool
cipher_run(EVP_CIPHER_CTX *ctx, struct csn_bytes aad, struct csn_bytes in,
           uint8_t *ret_out)
{
	int len = 0;

	if (aad.len > INT32_MAX || in.len > INT32_MAX)
		return false;
	if (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &len, aad.ptr, (int)aad.len) != 1)
		return false;
	len = 0;
	if (in.len > 0 && EVP_CipherUpdate(ctx, ret_out, &len, in.ptr, (int)in.len) != 1)
		return false;
	return (size_t)len == in.len;
}

static int
ossl_aead_seal(void *self, unsigned suite, const uint8_t *key,
               const uint8_t nonce[CSN_NONCE_LEN], struct csn_bytes aad,
               struct csn_bytes plain, uint8_t *ret_sealed)
{
	const EVP_CIPHER *cipher = cipher_of(suite);
	uint8_t           rest[16];
	int               len = 0;

	(void)self;
	if (cipher == NULL)
		return CSN_E_INVALID;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx != NULL && EVP_EncryptInit_ex(ctx, cipher, NULL, key, nonce) == 1 &&
	          cipher_run(ctx, aad, plain, ret_sealed) &&
	          EVP_EncryptFinal_ex(ctx, rest, &len) == 1 && len == 0 &&
	          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CSN_TAG_LEN,
	                              ret_sealed + plain.len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? CSN_OK : CSN_E_INTERNAL;
}

static int
ossl_aead_open(void *self, unsigned suite, const uint8_t *key,
               const uint8_t nonce[CSN_NONCE_LEN], struct csn_bytes aad,
               struct csn_bytes sealed, uint8_t *ret_plain)
{
	const EVP_CIPHER *cipher = cipher_of(suite);
	uint8_t           rest[16], tag[CSN_TAG_LEN];
	int               len = 0;

	(void)self;
	if (cipher == NULL)
		return CSN_E_INVALID;
	if (sealed.len < CSN_TAG_LEN)
		return CSN_E_REFUSED;
	sealed.len -= CSN_TAG_LEN;
	memcpy(tag, sealed.ptr + sealed.len, sizeof tag);

	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int             r   = CSN_E_INTERNAL;
	if (ctx != NULL && EVP_DecryptInit_ex(ctx, cipher, NULL, key, nonce) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CSN_TAG_LEN, tag) == 1 &&
	    cipher_run(ctx, aad, sealed, ret_plain))
		r = EVP_DecryptFinal_ex(ctx, rest, &len) == 1 && len == 0 ? CSN_OK
		                                                          : CSN_E_REFUSED;
	if (r < 0)
		csn_wipe(ret_plain, sealed.len);
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

/* The public half of a raw X25519 or Ed25519 key. */
static int
raw_public(int type, const uint8_t sk[CSN_SK_LEN], uint8_t ret_pk[32])
{
	size_t    len = 32;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(type, NULL, sk, CSN_SK_LEN);
	bool      ok  = key != NULL && EVP_PKEY_get_raw_public_key(key, ret_pk, &len) == 1;

	EVP_PKEY_free(key);
	return ok && len == 32 ? CSN_OK : CSN_E_INTERNAL;
}

static int
ossl_kem_public(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
                uint8_t *ret_pk)
{
	(void)self;
	if (suite == CSN_SUITE_X25519)
		return raw_public(EVP_PKEY_X25519, sk, ret_pk);
	return suite == CSN_SUITE_P256 ? p256_public(sk, ret_pk) : CSN_E_INVALID;
}

static int
x25519_dh(const uint8_t sk[CSN_SK_LEN], struct csn_bytes pk, uint8_t ret_shared[32])
{
	static const uint8_t zeros[32];
	size_t               len = 32;
	int                  r   = CSN_E_INTERNAL;
	EVP_PKEY_CTX        *ctx = NULL;
	EVP_PKEY *mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, sk, CSN_SK_LEN);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, pk.ptr, pk.len);

	if (mine == NULL || peer == NULL)
		goto out;
	ctx = EVP_PKEY_CTX_new(mine, NULL);
	if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) != 1)
		goto out;
	/* The library fails on a low order point; not every version did. */
	r = EVP_PKEY_derive(ctx, ret_shared, &len) == 1 && len == 32 &&
	                    !csn_same_n(ret_shared, zeros, sizeof zeros)
	            ? CSN_OK
	            : CSN_E_REFUSED;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
	return r;
}

static int
ossl_dh(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN], struct csn_bytes pk,
        uint8_t ret_shared[32])
{
	(void)self;
	if (csn_suite_pk_len(suite) == 0)
		return CSN_E_INVALID;
	if (pk.len != csn_suite_pk_len(suite))
		return CSN_E_REFUSED;
	return suite == CSN_SUITE_X25519 ? x25519_dh(sk, pk, ret_shared)
	                                 : p256_dh(sk, pk, ret_shared);
}

static int
ossl_point_valid(void *self, unsigned suite, struct csn_bytes pk)
{
	(void)self;
	if (suite == CSN_SUITE_P256)
		return p256_valid(pk);
	return suite == CSN_SUITE_X25519 && pk.len == 32 ? CSN_OK : CSN_E_REFUSED;
}

static int
ossl_sign_public(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
                 uint8_t *ret_pk)
{
	(void)self;
	if (suite == CSN_SUITE_X25519)
		return raw_public(EVP_PKEY_ED25519, sk, ret_pk);
	return suite == CSN_SUITE_P256 ? p256_public(sk, ret_pk) : CSN_E_INVALID;
}

/* Ed25519 reads its message twice, so EVP wants it in one run. */
static uint8_t *
joined(const struct csn_bytes *parts, size_t n, size_t *ret_len)
{
	size_t len = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > SIZE_MAX / 2 - len)
			return NULL;
		len += parts[i].len;
	}
	uint8_t *run = OPENSSL_malloc(len + 1);
	if (run == NULL)
		return NULL;
	for (size_t i = 0; i < n; at += parts[i++].len)
		memcpy(run + at, place(parts[i]), parts[i].len);
	*ret_len = len;
	return run;
}

static int
ed25519_sign(const uint8_t sk[CSN_SK_LEN], struct csn_bytes message,
             uint8_t ret_sig[CSN_SIG_LEN])
{
	size_t      len = CSN_SIG_LEN;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, sk, CSN_SK_LEN);
	bool        ok  = ctx != NULL && key != NULL &&
	          EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	          EVP_DigestSign(ctx, ret_sig, &len, message.ptr, message.len) == 1 &&
	          len == CSN_SIG_LEN;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok ? CSN_OK : CSN_E_INTERNAL;
}

static int
ed25519_verify(struct csn_bytes pk, struct csn_bytes message,
               const uint8_t sig[CSN_SIG_LEN])
{
	int         r   = CSN_E_INTERNAL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY   *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pk.ptr, pk.len);

	if (ctx != NULL && key != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		r = EVP_DigestVerify(ctx, sig, CSN_SIG_LEN, message.ptr, message.len) == 1
		            ? CSN_OK
		            : CSN_E_REFUSED;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return r;
}

static int
ossl_sign(void *self, unsigned suite, const uint8_t sk[CSN_SK_LEN],
          const struct csn_bytes *parts, size_t n, uint8_t ret_sig[CSN_SIG_LEN])
{
	uint8_t hash[CSN_HASH_LEN];
	size_t  len = 0;

	if (suite == CSN_SUITE_P256) {
		int r = ossl_sha256(self, parts, n, hash);
		return r < 0 ? r : p256_sign(sk, hash, ret_sig);
	}
	if (suite != CSN_SUITE_X25519)
		return CSN_E_INVALID;
	uint8_t *run = joined(parts, n, &len);
	if (run == NULL)
		return CSN_E_NOMEM;
	int r = ed25519_sign(sk, (struct csn_bytes){ run, len }, ret_sig);
	OPENSSL_clear_free(run, len + 1);
	return r;
}

static int
ossl_verify(void *self, unsigned suite, struct csn_bytes pk,
            const struct csn_bytes *parts, size_t n, const uint8_t sig[CSN_SIG_LEN])
{
	uint8_t hash[CSN_HASH_LEN];
	size_t  len = 0;

	if (csn_suite_pk_len(suite) == 0)
		return CSN_E_INVALID;
	if (pk.len != csn_suite_pk_len(suite))
		return CSN_E_REFUSED;
	if (suite == CSN_SUITE_P256) {
		int r = ossl_sha256(self, parts, n, hash);
		return r < 0 ? r : p256_verify(pk, hash, sig);
	}
	uint8_t *run = joined(parts, n, &len);
	if (run == NULL)
		return CSN_E_NOMEM;
	int r = ed25519_verify(pk, (struct csn_bytes){ run, len }, sig);
	OPENSSL_clear_free(run, len + 1);
	return r;
}

static int
ossl_scrypt(void *self, struct csn_bytes password, struct csn_bytes salt,
            unsigned log2_n, uint8_t *ret_key, size_t len)
{
	(void)self;
	if (log2_n < 1 || log2_n > 17)
		return CSN_E_INVALID;
	int ok = EVP_PBE_scrypt((const char *)place(password), password.len, place(salt),
	                        salt.len, (uint64_t)1 << log2_n, 8, 1, SCRYPT_MEMORY,
	                        ret_key, len);
	return ok == 1 ? CSN_OK : CSN_E_INTERNAL;
}

static int
ossl_random(void *self, uint8_t *ret_bytes, size_t len)
{
	(void)self;
	if (len > INT32_MAX)
		return CSN_E_INVALID;
	return RAND_priv_bytes(ret_bytes, (int)len) == 1 ? CSN_OK : CSN_E_INTERNAL;
}

const struct csn_crypto *
csn_crypto_openssl(void)
{
	static const struct csn_crypto table = {
		.size        = sizeof table,
		.sha256      = ossl_sha256,
		.hmac_sha256 = ossl_hmac_sha256,
		.aead_seal   = ossl_aead_seal,
		.aead_open   = ossl_aead_open,
		.kem_public  = ossl_kem_public,
		.dh          = ossl_dh,
		.point_valid = ossl_point_valid,
		.sign_public = ossl_sign_public,
		.sign        = ossl_sign,
		.verify      = ossl_verify,
		.scrypt      = ossl_scrypt,
		.random      = ossl_random,
		.p256_mul    = p256_mul,
		.p256_add    = p256_add,
		.p256_sub    = p256_sub,
		.p256_reduce = p256_reduce,
	};

	return &table;
}
