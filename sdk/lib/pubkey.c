#include "lib/pubkey.h"

#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/scbor.h"

/* SubjectPublicKeyInfo up to the key's own bytes. */
static const uint8_t head_ed25519[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
	                                0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
static const uint8_t head_p256[]    = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	                                0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	                                0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
static const uint8_t head_p384[]    = { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
	                                0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
	                                0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00 };
static const uint8_t head_p521[] = { 0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
	                             0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
	                             0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00 };
static const uint8_t alg_rsa[]   = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
	                             0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

static const struct kind {
	struct csn_bytes head;
	size_t           raw_len, half; /* half: of r || s                          */
	int64_t          crv, cose_alg; /* COSE's numbers                           */
} kinds[] = {
	[CSN_KEY_ED25519] = { { head_ed25519, sizeof head_ed25519 }, 32, 0, 6, -8 },
	[CSN_KEY_P256]    = { { head_p256, sizeof head_p256 }, 65, 32, 1, -7 },
	[CSN_KEY_P384]    = { { head_p384, sizeof head_p384 }, 97, 48, 2, -35 },
	[CSN_KEY_P521]    = { { head_p521, sizeof head_p521 }, 133, 66, 3, -36 },
};
#define KINDS (sizeof kinds / sizeof *kinds)

static int
refuse(const char **ret_why, const char *why)
{
	ERR_clear_error();
	if (ret_why != NULL)
		*ret_why = why;
	return CSN_E_PROTOCOL;
}

/*
 * A key of each curve, made once, whose point is exchanged for another: OpenSSL checks
 * that it lies on the curve, and its decoders, which take twice the time of a signature
 * check, are not asked.
 */
static EVP_PKEY   *forms[KINDS];
static CRYPTO_ONCE forms_once = CRYPTO_ONCE_STATIC_INIT;

static void
make_forms(void)
{
	forms[CSN_KEY_P256] = EVP_EC_gen("P-256");
	forms[CSN_KEY_P384] = EVP_EC_gen("P-384");
	forms[CSN_KEY_P521] = EVP_EC_gen("P-521");
	ERR_clear_error();
}

void
csn_pubkey_ready(void)
{
	CRYPTO_THREAD_run_once(&forms_once, make_forms);
}

static EVP_PKEY *
decode_quick(struct csn_bytes spki, enum csn_key_kind kind)
{
	struct csn_bytes raw = { spki.ptr + kinds[kind].head.len, kinds[kind].raw_len };

	if (kind == CSN_KEY_ED25519)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.ptr, raw.len);
	EVP_PKEY *key = EVP_PKEY_new();
	if (key != NULL && EVP_PKEY_copy_parameters(key, forms[kind]) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(key, raw.ptr, raw.len) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *
decode(struct csn_bytes spki, enum csn_key_kind kind)
{
	const uint8_t *p = spki.ptr;

	if (kind == CSN_KEY_ED25519 ||
	    (kind != CSN_KEY_RSA && CRYPTO_THREAD_run_once(&forms_once, make_forms) == 1 &&
	     forms[kind] != NULL))
		return decode_quick(spki, kind);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.len);
	if (key != NULL && p == spki.ptr + spki.len)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* @spki is of a known form: OpenSSL judges the point or the modulus. */
static int
load(struct csn_bytes spki, enum csn_key_kind kind, struct csn_pubkey *ret_key,
     const char **ret_why)
{
	struct csn_pubkey key = { .kind = kind, .pkey = decode(spki, kind) };
	unsigned          len = 0;

	if (key.pkey == NULL)
		return refuse(ret_why, kind == CSN_KEY_RSA ? "key.rsa" : "key.point");
	int bits = EVP_PKEY_get_bits(key.pkey);
	if (kind == CSN_KEY_RSA && (bits < 2048 || bits > 4096 || bits % 8 != 0)) {
		EVP_PKEY_free(key.pkey);
		return refuse(ret_why, "key.strength");
	}
	if (EVP_Digest(spki.ptr, spki.len, key.spki_hash, &len, EVP_sha256(), NULL) != 1) {
		EVP_PKEY_free(key.pkey);
		return CSN_E_INTERNAL;
	}
	if (kind != CSN_KEY_RSA) {
		key.raw_len = kinds[kind].raw_len;
		memcpy(key.raw, spki.ptr + kinds[kind].head.len, key.raw_len);
	}
	*ret_key = key;
	return CSN_OK;
}

static bool
is_rsa(struct csn_bytes spki)
{
	struct csn_der at;

	csn_der_init(&at, spki);
	struct csn_der outer = csn_der_open(&at, CSN_DER_SEQUENCE);
	csn_der_expect(&outer, CSN_BYTES_OF(alg_rsa));
	csn_der_take(&outer, CSN_DER_BIT_STRING);
	return csn_der_end(&outer) == CSN_OK && csn_der_end(&at) == CSN_OK;
}

int
csn_pubkey_from_spki(struct csn_bytes spki, struct csn_pubkey *ret_key, const char **ret_why)
{
	for (unsigned k = CSN_KEY_ED25519; k < KINDS; k++) {
		const struct kind *kind = &kinds[k];
		if (spki.len != kind->head.len + kind->raw_len ||
		    memcmp(spki.ptr, kind->head.ptr, kind->head.len) != 0)
			continue;
		if (k != CSN_KEY_ED25519 && spki.ptr[kind->head.len] != 4)
			return refuse(ret_why, "key.point");
		return load(spki, (enum csn_key_kind)k, ret_key, ret_why);
	}
	if (is_rsa(spki))
		return load(spki, CSN_KEY_RSA, ret_key, ret_why);
	return refuse(ret_why, "key.algorithm");
}

int
csn_pubkey_from_raw(enum csn_key_kind kind, struct csn_bytes raw, struct csn_pubkey *ret_key,
                    const char **ret_why)
{
	uint8_t spki[sizeof head_p521 + 133];

	if (kind <= CSN_KEY_NONE || kind >= KINDS || raw.len != kinds[kind].raw_len)
		return refuse(ret_why, "key.length");
	memcpy(spki, kinds[kind].head.ptr, kinds[kind].head.len);
	memcpy(spki + kinds[kind].head.len, raw.ptr, raw.len);
	return csn_pubkey_from_spki(
		(struct csn_bytes){ spki, kinds[kind].head.len + raw.len }, ret_key, ret_why);
}

/* Labels of a COSE_Key a public key may have: kty kid alg key_ops, crv x y. */
static bool
labels_known(struct csn_bytes item)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	size_t pairs = csn_dcbor_map(&in, 1, 8);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		int64_t label = csn_dcbor_int(&in);
		csn_scbor_item(&in);
		if ((label < 1 || label > 4) && (label < -3 || label > -1))
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* key_ops, when there, is an array that has verify (2) in it. */
static bool
ops_verify(struct csn_bytes ops)
{
	struct csn_dcbor_in in;
	bool                verify = false;

	if (ops.len == 0)
		return true;
	csn_dcbor_in_init(&in, ops);
	size_t n = csn_dcbor_array(&in, 1, 10);
	for (size_t i = 0; i < n && !in.bad; i++)
		verify = csn_dcbor_int(&in) == 2 || verify;
	return verify && csn_dcbor_in_end(&in) == CSN_OK;
}

/* The point 04 x y, or Ed25519's 32 bytes. */
static bool
take_raw(struct csn_bytes item, enum csn_key_kind kind, uint8_t raw[133])
{
	struct csn_bytes x, y;
	size_t           half = kinds[kind].half;

	if (!csn_scbor_as_bytes(csn_scbor_find(item, -2), &x))
		return false;
	if (kind == CSN_KEY_ED25519) {
		if (x.len != 32 || csn_scbor_find(item, -3).len != 0)
			return false;
		memcpy(raw, x.ptr, 32);
		return true;
	}
	if (x.len != half || !csn_scbor_as_bytes(csn_scbor_find(item, -3), &y) || y.len != half)
		return false;
	raw[0] = 4;
	memcpy(raw + 1, x.ptr, half);
	memcpy(raw + 1 + half, y.ptr, half);
	return true;
}

int
csn_pubkey_from_cose(struct csn_bytes item, struct csn_pubkey *ret_key, const char **ret_why)
{
	struct csn_bytes alg_item = csn_scbor_find(item, 3);
	int64_t          kty, crv, alg;
	uint8_t          raw[133];
	unsigned         k = CSN_KEY_ED25519;

	if (csn_scbor_find(item, -4).len != 0)
		return refuse(ret_why, "key.private");
	if (!labels_known(item))
		return refuse(ret_why, "key.labels");
	if (!csn_scbor_as_int(csn_scbor_find(item, 1), &kty) ||
	    !csn_scbor_as_int(csn_scbor_find(item, -1), &crv))
		return refuse(ret_why, "key.type");
	while (k < KINDS && kinds[k].crv != crv)
		k++;
	if (k == KINDS || kty != (k == CSN_KEY_ED25519 ? 1 : 2))
		return refuse(ret_why, "key.type");
	if (alg_item.len != 0 &&
	    (!csn_scbor_as_int(alg_item, &alg) || alg != kinds[k].cose_alg))
		return refuse(ret_why, "key.algorithm");
	if (!ops_verify(csn_scbor_find(item, 4)))
		return refuse(ret_why, "key.ops");
	if (!take_raw(item, (enum csn_key_kind)k, raw))
		return refuse(ret_why, "key.length");
	return csn_pubkey_from_raw((enum csn_key_kind)k,
	                           (struct csn_bytes){ raw, kinds[k].raw_len }, ret_key,
	                           ret_why);
}

int
csn_pubkey_from_pem(struct csn_bytes pem, struct csn_pubkey *ret_key, const char **ret_why)
{
	BIO      *bio = pem.len > 65536 ? NULL : BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	uint8_t  *der = NULL;
	int       len = pkey == NULL ? -1 : i2d_PUBKEY(pkey, &der);
	int       r = len <= 0 ? refuse(ret_why, "key.pem") :
	                         csn_pubkey_from_spki((struct csn_bytes){ der, (size_t)len },
	                                              ret_key, ret_why);

	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return r;
}

void
csn_pubkey_done(struct csn_pubkey *key)
{
	EVP_PKEY_free(key->pkey);
	memset(key, 0, sizeof *key);
}

bool
csn_pubkey_same(const struct csn_pubkey *a, const struct csn_pubkey *b)
{
	return csn_same_n(a->spki_hash, b->spki_hash, sizeof a->spki_hash);
}

static const EVP_MD *
digest_of(enum csn_sig_alg alg)
{
	switch (alg) {
	case CSN_SIG_ECDSA_SHA256: case CSN_SIG_RSA_SHA256: case CSN_SIG_PSS_SHA256:
		return EVP_sha256();
	case CSN_SIG_ECDSA_SHA384: case CSN_SIG_RSA_SHA384: case CSN_SIG_PSS_SHA384:
		return EVP_sha384();
	case CSN_SIG_ECDSA_SHA512: case CSN_SIG_RSA_SHA512: case CSN_SIG_PSS_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static bool
alg_fits(enum csn_key_kind kind, enum csn_sig_alg alg)
{
	if (kind == CSN_KEY_ED25519)
		return alg == CSN_SIG_EDDSA;
	if (kind == CSN_KEY_RSA)
		return alg >= CSN_SIG_RSA_SHA256;
	return kind != CSN_KEY_NONE && alg >= CSN_SIG_ECDSA_SHA256 &&
	       alg <= CSN_SIG_ECDSA_SHA512;
}

uint8_t *
csn_ecdsa_der(struct csn_bytes r_bytes, struct csn_bytes s_bytes, size_t *ret_len)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM    *r = BN_bin2bn(r_bytes.ptr, (int)r_bytes.len, NULL);
	BIGNUM    *s = BN_bin2bn(s_bytes.ptr, (int)s_bytes.len, NULL);
	uint8_t   *der = NULL;

	if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(pair);
		return NULL;
	}
	int len = i2d_ECDSA_SIG(pair, &der);
	ECDSA_SIG_free(pair);
	*ret_len = len > 0 ? (size_t)len : 0;
	return len > 0 ? der : NULL;
}

static int
verify_der(const struct csn_pubkey *key, enum csn_sig_alg alg, struct csn_bytes message,
           struct csn_bytes sig)
{
	EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int           r = CSN_E_INTERNAL;

	if (ctx == NULL ||
	    EVP_DigestVerifyInit(ctx, &pctx, digest_of(alg), NULL, key->pkey) != 1)
		goto done;
	if (alg >= CSN_SIG_PSS_SHA256 &&
	    (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1))
		goto done;
	r = EVP_DigestVerify(ctx, sig.ptr, sig.len, message.ptr, message.len) == 1 ?
	            CSN_OK :
	            CSN_E_REFUSED;
done:
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

int
csn_pubkey_verify(const struct csn_pubkey *key, enum csn_sig_alg alg, bool fixed,
                  struct csn_bytes message, struct csn_bytes sig)
{
	if (!alg_fits(key->kind, alg) || sig.len == 0)
		return CSN_E_REFUSED;
	if (!fixed || key->kind == CSN_KEY_ED25519 || key->kind == CSN_KEY_RSA)
		return verify_der(key, alg, message, sig);
	size_t half = kinds[key->kind].half, len = 0;
	if (sig.len != 2 * half)
		return CSN_E_REFUSED;
	uint8_t *der = csn_ecdsa_der((struct csn_bytes){ sig.ptr, half },
	                             (struct csn_bytes){ sig.ptr + half, half }, &len);
	if (der == NULL)
		return CSN_E_INTERNAL;
	int r = verify_der(key, alg, message, (struct csn_bytes){ der, len });
	OPENSSL_free(der);
	return r;
}

bool
csn_hash_by_len(struct csn_bytes message, size_t len, uint8_t ret_hash[64])
{
	const EVP_MD *md = len == 32 ? EVP_sha256() : len == 48 ? EVP_sha384()
	                                          : len == 64   ? EVP_sha512()
	                                                        : NULL;
	unsigned      got = 0;

	return md != NULL &&
	       EVP_Digest(message.ptr, message.len, ret_hash, &got, md, NULL) == 1 && got == len;
}
