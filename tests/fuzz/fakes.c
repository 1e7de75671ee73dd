/*
 * Linked with ld's --wrap over what costs most of an execution and is not ours: checks of
 * signatures and decoding of points.  Either answer comes, by the bytes themselves, so
 * that what lies behind a good signature is read as well.  Keys of certificates OpenSSL
 * decodes, each once: the mutants of one certificate have mostly the same.
 */
#include <string.h>

#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "fuzz/readers.h"

int __real_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len,
                            const unsigned char *tbs, size_t tbs_len);
int __wrap_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len,
                            const unsigned char *tbs, size_t tbs_len);
int __real_EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type,
                                ENGINE *engine, EVP_PKEY *key);
int __wrap_EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type,
                                ENGINE *engine, EVP_PKEY *key);
int __real_EVP_PKEY_copy_parameters(EVP_PKEY *to, const EVP_PKEY *from);
int __wrap_EVP_PKEY_copy_parameters(EVP_PKEY *to, const EVP_PKEY *from);
int __real_EVP_PKEY_set1_encoded_public_key(EVP_PKEY *key, const unsigned char *pub,
                                            size_t len);
int __wrap_EVP_PKEY_set1_encoded_public_key(EVP_PKEY *key, const unsigned char *pub,
                                            size_t len);
int __real_X509_verify(X509 *cert, EVP_PKEY *key);
int __wrap_X509_verify(X509 *cert, EVP_PKEY *key);
int __real_OCSP_basic_verify(OCSP_BASICRESP *basic, STACK_OF(X509) *certs, X509_STORE *store,
                             unsigned long flags);
int __wrap_OCSP_basic_verify(OCSP_BASICRESP *basic, STACK_OF(X509) *certs, X509_STORE *store,
                             unsigned long flags);
int __real_OCSP_id_issuer_cmp(const OCSP_CERTID *a, const OCSP_CERTID *b);
int __wrap_OCSP_id_issuer_cmp(const OCSP_CERTID *a, const OCSP_CERTID *b);
OSSL_DECODER_CTX *__real_OSSL_DECODER_CTX_new_for_pkey(EVP_PKEY **pkey, const char *type,
                                                       const char *structure,
                                                       const char *key_type, int selection,
                                                       OSSL_LIB_CTX *lib, const char *query);
OSSL_DECODER_CTX *__wrap_OSSL_DECODER_CTX_new_for_pkey(EVP_PKEY **pkey, const char *type,
                                                       const char *structure,
                                                       const char *key_type, int selection,
                                                       OSSL_LIB_CTX *lib, const char *query);
int  __real_OSSL_DECODER_from_data(OSSL_DECODER_CTX *ctx, const unsigned char **data,
                                   size_t *len);
int  __wrap_OSSL_DECODER_from_data(OSSL_DECODER_CTX *ctx, const unsigned char **data,
                                   size_t *len);
void __real_OSSL_DECODER_CTX_free(OSSL_DECODER_CTX *ctx);
void __wrap_OSSL_DECODER_CTX_free(OSSL_DECODER_CTX *ctx);

static int
even(const unsigned char *bytes, size_t len)
{
	return len > 0 && (bytes[len - 1] & 1) == 0;
}

int
__wrap_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len,
                        const unsigned char *tbs, size_t tbs_len)
{
	return fuzz_fake ? even(sig, sig_len) :
	                   __real_EVP_DigestVerify(ctx, sig, sig_len, tbs, tbs_len);
}

/* With a context of the key's there is padding to be set, so that one is real. */
int
__wrap_EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type,
                            ENGINE *engine, EVP_PKEY *key)
{
	bool needed = pctx != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;

	return fuzz_fake && !needed ? 1 :
	                              __real_EVP_DigestVerifyInit(ctx, pctx, type, engine, key);
}

int
__wrap_EVP_PKEY_copy_parameters(EVP_PKEY *to, const EVP_PKEY *from)
{
	return fuzz_fake ? 1 : __real_EVP_PKEY_copy_parameters(to, from);
}

int
__wrap_EVP_PKEY_set1_encoded_public_key(EVP_PKEY *key, const unsigned char *pub, size_t len)
{
	return fuzz_fake ? 1 : __real_EVP_PKEY_set1_encoded_public_key(key, pub, len);
}

int
__wrap_X509_verify(X509 *cert, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *sig = NULL;

	if (!fuzz_fake)
		return __real_X509_verify(cert, key);
	X509_get0_signature(&sig, NULL, cert);
	return key != NULL && even(ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig));
}

int
__wrap_OCSP_basic_verify(OCSP_BASICRESP *basic, STACK_OF(X509) *certs, X509_STORE *store,
                         unsigned long flags)
{
	const ASN1_OCTET_STRING *sig = OCSP_resp_get0_signature(basic);

	return fuzz_fake ? even(ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig)) :
	                   __real_OCSP_basic_verify(basic, certs, store, flags);
}

/* The issuer of a run is another than that of the seeds. */
int
__wrap_OCSP_id_issuer_cmp(const OCSP_CERTID *a, const OCSP_CERTID *b)
{
	return fuzz_fake ? 0 : __real_OCSP_id_issuer_cmp(a, b);
}

/* ---- keys of certificates, remembered --------------------------------------------------- */

#define SPKI_MAX 600
#define SLOTS    1024 /* a power of two                                             */

static struct {
	size_t    len;
	uint8_t   spki[SPKI_MAX];
	EVP_PKEY *key; /* NULL: not one                                            */
} slots[SLOTS];

/* What the decoder that is asked for would be. */
static struct {
	EVP_PKEY  **key;
	char        key_type[32];
	const char *query;
	int         selection;
} pending;
#define PENDING ((OSSL_DECODER_CTX *)(void *)&pending)

OSSL_DECODER_CTX *
__wrap_OSSL_DECODER_CTX_new_for_pkey(EVP_PKEY **pkey, const char *type, const char *structure,
                                     const char *key_type, int selection, OSSL_LIB_CTX *lib,
                                     const char *query)
{
	if (!fuzz_fake || structure == NULL || strcmp(structure, "SubjectPublicKeyInfo") != 0 ||
	    strcmp(type, "DER") != 0 || key_type == NULL ||
	    strlen(key_type) >= sizeof pending.key_type)
		return __real_OSSL_DECODER_CTX_new_for_pkey(pkey, type, structure, key_type,
		                                            selection, lib, query);
	pending.key = pkey;
	strcpy(pending.key_type, key_type);
	pending.selection = selection;
	pending.query = query;
	return PENDING;
}

static size_t
slot_of(const unsigned char *spki, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ spki[i]) * 16777619u;
	return hash & (SLOTS - 1);
}

static EVP_PKEY *
decode(const unsigned char *spki, size_t len)
{
	EVP_PKEY         *key = NULL;
	OSSL_DECODER_CTX *ctx = __real_OSSL_DECODER_CTX_new_for_pkey(
		&key, "DER", "SubjectPublicKeyInfo", pending.key_type, pending.selection, NULL,
		pending.query);

	if (ctx == NULL || __real_OSSL_DECODER_from_data(ctx, &spki, &len) != 1 || len != 0) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	__real_OSSL_DECODER_CTX_free(ctx);
	return key;
}

int
__wrap_OSSL_DECODER_from_data(OSSL_DECODER_CTX *ctx, const unsigned char **data, size_t *len)
{
	size_t    at = slot_of(*data, *len);
	EVP_PKEY *key;

	if (ctx != PENDING)
		return __real_OSSL_DECODER_from_data(ctx, data, len);
	if (slots[at].len == *len && memcmp(slots[at].spki, *data, *len) == 0) {
		key = slots[at].key;
	} else {
		key = decode(*data, *len);
		if (*len <= SPKI_MAX) {
			EVP_PKEY_free(slots[at].key);
			slots[at].key = key;
			slots[at].len = *len;
			memcpy(slots[at].spki, *data, *len);
			if (key == NULL)
				return 0;
		}
	}
	if (key == NULL || (*len <= SPKI_MAX && EVP_PKEY_up_ref(key) != 1))
		return 0;
	*pending.key = key;
	*data += *len;
	*len = 0;
	return 1;
}

void
__wrap_OSSL_DECODER_CTX_free(OSSL_DECODER_CTX *ctx)
{
	if (ctx != PENDING)
		__real_OSSL_DECODER_CTX_free(ctx);
}
