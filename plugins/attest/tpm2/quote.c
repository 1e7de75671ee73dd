#include "tpm2.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include "lib/crypto.h"
#include "lib/pubkey.h"

static const struct {
	uint16_t alg;
	size_t   len;
} digests[] = {
	{ TPM2_ALG_SHA1, 20 }, { TPM2_ALG_SHA256, 32 }, { TPM2_ALG_SHA384, 48 },
	{ TPM2_ALG_SHA512, 64 },
};

size_t
tpm2_digest_len(uint16_t alg)
{
	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
		if (digests[i].alg == alg)
			return digests[i].len;
	return 0;
}

const EVP_MD *
tpm2_digest(uint16_t alg)
{
	switch (alg) {
	case TPM2_ALG_SHA1:
		return EVP_sha1();
	case TPM2_ALG_SHA256:
		return EVP_sha256();
	case TPM2_ALG_SHA384:
		return EVP_sha384();
	case TPM2_ALG_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static int
refuse(const char **ret_why, int code, const char *why)
{
	ERR_clear_error();
	*ret_why = why;
	return code;
}

/* ---- keys ------------------------------------------------------------------------ */

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM   *params = bld == NULL ? NULL : OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY     *key = NULL;

	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
rsa_key(const TPMT_PUBLIC *public)
{
	const TPM2B_PUBLIC_KEY_RSA *n = &public->unique.rsa;
	uint32_t        e = public->parameters.rsaDetail.exponent;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM         *modulus = BN_bin2bn(n->buffer, n->size, NULL), *exponent = BN_new();
	EVP_PKEY       *key = NULL;

	if (bld != NULL && modulus != NULL && exponent != NULL && n->size >= 256 &&
	    n->size <= 512 && (n->buffer[0] & 0x80) != 0 &&
	    BN_set_word(exponent, e == 0 ? 65537 : e) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		key = from_params("RSA", bld);
	BN_free(modulus);
	BN_free(exponent);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

/* x and y, each filled up to the curve's width: OpenSSL judges the point. */
static EVP_PKEY *
ecc_key(const TPMT_PUBLIC *public)
{
	const TPMS_ECC_POINT *p = &public->unique.ecc;
	bool             p384 = public->parameters.eccDetail.curveID == TPM2_ECC_NIST_P384;
	size_t           half = p384 ? 48 : 32;
	uint8_t          raw[97] = { 4 };
	struct csn_pubkey key = { 0 };

	if ((!p384 && public->parameters.eccDetail.curveID != TPM2_ECC_NIST_P256) ||
	    p->x.size > half || p->y.size > half || p->x.size == 0 || p->y.size == 0)
		return NULL;
	memcpy(raw + 1 + half - p->x.size, p->x.buffer, p->x.size);
	memcpy(raw + 1 + 2 * half - p->y.size, p->y.buffer, p->y.size);
	if (csn_pubkey_from_raw(p384 ? CSN_KEY_P384 : CSN_KEY_P256,
	                        (struct csn_bytes){ raw, 1 + 2 * half }, &key, NULL) < 0)
		return NULL;
	return key.pkey;
}

static uint16_t
scheme_hash(const TPMT_PUBLIC *public)
{
	const TPMT_RSA_SCHEME *rsa = &public->parameters.rsaDetail.scheme;
	const TPMT_ECC_SCHEME *ecc = &public->parameters.eccDetail.scheme;

	if (public->type == TPM2_ALG_RSA)
		return rsa->scheme == TPM2_ALG_RSASSA ? rsa->details.rsassa.hashAlg :
		       rsa->scheme == TPM2_ALG_RSAPSS ? rsa->details.rsapss.hashAlg :
		                                        TPM2_ALG_NULL;
	return ecc->scheme == TPM2_ALG_ECDSA ? ecc->details.ecdsa.hashAlg : TPM2_ALG_NULL;
}

/* nameAlg, then the digest of the public area as it was received. */
static bool
make_name(struct csn_bytes public, uint16_t alg, struct tpm2_key *key)
{
	unsigned len = 0;

	if (tpm2_digest(alg) == NULL || alg == TPM2_ALG_SHA1)
		return false;
	key->name[0] = (uint8_t)(alg >> 8);
	key->name[1] = (uint8_t)alg;
	if (EVP_Digest(public.ptr, public.len, key->name + 2, &len, tpm2_digest(alg), NULL) != 1)
		return false;
	key->name_len = 2 + len;
	return true;
}

static bool
spki_hash(EVP_PKEY *pkey, uint8_t ret_hash[32])
{
	uint8_t *der = NULL;
	int      n = i2d_PUBKEY(pkey, &der);
	unsigned len = 0;
	bool good = n > 0 && EVP_Digest(der, (size_t)n, ret_hash, &len, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return good;
}

int
tpm2_key_read(struct csn_bytes public, struct tpm2_key *ret_key, const char **ret_why)
{
	TPMT_PUBLIC     area = { 0 };
	struct tpm2_key key = { 0 };
	size_t          at = 0;

	if (public.len < 10 || public.len > TPM2_PART_MAX || !tpm2_shape_public(public) ||
	    Tss2_MU_TPMT_PUBLIC_Unmarshal(public.ptr, public.len, &at, &area) != TSS2_RC_SUCCESS ||
	    at != public.len)
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.key.syntax");
	if (area.type != TPM2_ALG_RSA && area.type != TPM2_ALG_ECC)
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.key.type");
	if (!make_name(public, area.nameAlg, &key))
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.key.name");
	key.pkey = area.type == TPM2_ALG_RSA ? rsa_key(&area) : ecc_key(&area);
	if (key.pkey == NULL)
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.key");
	key.sign_hash = scheme_hash(&area);
	key.attributes = area.objectAttributes;
	if (!spki_hash(key.pkey, key.spki_hash)) {
		tpm2_key_done(&key);
		return CSN_E_INTERNAL;
	}
	*ret_key = key;
	return CSN_OK;
}

void
tpm2_key_done(struct tpm2_key *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

/* ---- signatures -------------------------------------------------------------------- */

static bool
verify(EVP_PKEY *pkey, uint16_t hash, bool pss, struct csn_bytes message, const uint8_t *sig,
       size_t len)
{
	EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	bool good = ctx != NULL &&
	            EVP_DigestVerifyInit(ctx, &pctx, tpm2_digest(hash), NULL, pkey) == 1 &&
	            (!pss || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	                      EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_AUTO) == 1)) &&
	            EVP_DigestVerify(ctx, sig, len, message.ptr, message.len) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static uint16_t
signature_hash(const TPMT_SIGNATURE *sig)
{
	switch (sig->sigAlg) {
	case TPM2_ALG_RSASSA:
		return sig->signature.rsassa.hash;
	case TPM2_ALG_RSAPSS:
		return sig->signature.rsapss.hash;
	case TPM2_ALG_ECDSA:
		return sig->signature.ecdsa.hash;
	default:
		return TPM2_ALG_NULL;
	}
}

int
tpm2_signature_pkey(EVP_PKEY *pkey, struct csn_bytes message, struct csn_bytes signature,
                    bool sha1, uint16_t *ret_hash, const char **ret_why)
{
	TPMT_SIGNATURE sig = { 0 };
	size_t         at = 0, len = 0;
	bool           good, rsa = EVP_PKEY_is_a(pkey, "RSA");

	if (signature.len < 6 || signature.len > TPM2_PART_MAX ||
	    !tpm2_shape_signature(signature) ||
	    Tss2_MU_TPMT_SIGNATURE_Unmarshal(signature.ptr, signature.len, &at, &sig) !=
	            TSS2_RC_SUCCESS ||
	    at != signature.len)
		return refuse(ret_why, CSN_E_REFUSED, "tpm2.signature.syntax");
	uint16_t hash = signature_hash(&sig);
	if (tpm2_digest(hash) == NULL || (hash == TPM2_ALG_SHA1 && !sha1))
		return refuse(ret_why, CSN_E_REFUSED, "tpm2.hash");
	if ((sig.sigAlg == TPM2_ALG_ECDSA) == rsa)
		return refuse(ret_why, CSN_E_REFUSED, "tpm2.signature");
	if (rsa) {
		const TPM2B_PUBLIC_KEY_RSA *bytes = &sig.signature.rsassa.sig;
		good = verify(pkey, hash, sig.sigAlg == TPM2_ALG_RSAPSS, message, bytes->buffer,
		              bytes->size);
	} else {
		const TPMS_SIGNATURE_ECC *ecc = &sig.signature.ecdsa;
		uint8_t *der = csn_ecdsa_der(
			(struct csn_bytes){ ecc->signatureR.buffer, ecc->signatureR.size },
			(struct csn_bytes){ ecc->signatureS.buffer, ecc->signatureS.size }, &len);
		good = der != NULL && verify(pkey, hash, false, message, der, len);
		OPENSSL_free(der);
	}
	*ret_hash = hash;
	return good ? CSN_OK : refuse(ret_why, CSN_E_REFUSED, "tpm2.signature");
}

int
tpm2_signature_check(const struct tpm2_key *key, struct csn_bytes message,
                     struct csn_bytes signature, bool sha1, uint16_t *ret_hash,
                     const char **ret_why)
{
	int r = tpm2_signature_pkey(key->pkey, message, signature, sha1, ret_hash, ret_why);

	if (r == CSN_OK && key->sign_hash != TPM2_ALG_NULL && key->sign_hash != *ret_hash)
		return refuse(ret_why, CSN_E_REFUSED, "tpm2.scheme");
	return r;
}

/* ---- quotes ------------------------------------------------------------------------ */

static int
attest_read(struct csn_bytes bytes, uint16_t type, TPMS_ATTEST *ret_attest,
            const char **ret_why)
{
	static const uint8_t magic[] = { 0xff, 0x54, 0x43, 0x47 };
	TPMS_ATTEST attest = { 0 };
	size_t      at = 0;

	/* Only a TPM begins so, and no TPM signs other bytes that do. */
	if (bytes.len < 6 || bytes.len > TPM2_PART_MAX ||
	    memcmp(bytes.ptr, magic, sizeof magic) != 0)
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.magic");
	if (bytes.ptr[4] != type >> 8 || bytes.ptr[5] != (type & 0xff))
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.type");
	if (!tpm2_shape_attest(bytes, type) ||
	    Tss2_MU_TPMS_ATTEST_Unmarshal(bytes.ptr, bytes.len, &at, &attest) != TSS2_RC_SUCCESS ||
	    at != bytes.len)
		return refuse(ret_why, CSN_E_PROTOCOL, "tpm2.quote.syntax");
	*ret_attest = attest;
	return CSN_OK;
}

int
tpm2_quote_read(struct csn_bytes attest, TPMS_ATTEST *ret_attest, const char **ret_why)
{
	return attest_read(attest, TPM2_ST_ATTEST_QUOTE, ret_attest, ret_why);
}

int
tpm2_certify_read(struct csn_bytes attest, TPMS_ATTEST *ret_attest, const char **ret_why)
{
	return attest_read(attest, TPM2_ST_ATTEST_CERTIFY, ret_attest, ret_why);
}

static uint32_t
selection_bits(const TPMS_PCR_SELECTION *selection)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < selection->sizeofSelect && i < 3; i++)
		bits |= (uint32_t)selection->pcrSelect[i] << 8 * i;
	return bits;
}

uint32_t
tpm2_selected(const TPMS_ATTEST *quote, uint16_t alg)
{
	const TPML_PCR_SELECTION *list = &quote->attested.quote.pcrSelect;
	uint32_t                  bits = 0;

	for (size_t i = 0; i < list->count && i < TPM2_NUM_PCR_BANKS; i++)
		if (list->pcrSelections[i].hash == alg)
			bits |= selection_bits(&list->pcrSelections[i]);
	return bits;
}

static const struct tpm2_bank *
bank_of(const struct tpm2_pcrs *pcrs, uint16_t alg)
{
	for (size_t i = 0; i < pcrs->count; i++)
		if (pcrs->banks[i].alg == alg)
			return &pcrs->banks[i];
	return NULL;
}

/* Adds the selected values of one bank, lowest PCR first. */
static bool
add_selected(EVP_MD_CTX *ctx, const TPMS_PCR_SELECTION *selection,
             const struct tpm2_pcrs *pcrs)
{
	uint32_t                bits = selection_bits(selection);
	const struct tpm2_bank *bank = bank_of(pcrs, selection->hash);
	size_t                  len = tpm2_digest_len(selection->hash);

	if (bits == 0)
		return true;
	if (bank == NULL || len == 0 || (bits & ~bank->have) != 0)
		return false;
	for (unsigned i = 0; i < TPM2_PCRS; i++)
		if ((bits & 1u << i) != 0 && EVP_DigestUpdate(ctx, bank->pcr[i], len) != 1)
			return false;
	return true;
}

bool
tpm2_pcrs_match(const TPMS_ATTEST *quote, uint16_t hash, const struct tpm2_pcrs *pcrs)
{
	const TPML_PCR_SELECTION *list = &quote->attested.quote.pcrSelect;
	const TPM2B_DIGEST       *want = &quote->attested.quote.pcrDigest;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t     digest[EVP_MAX_MD_SIZE];
	unsigned    len = 0;
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, tpm2_digest(hash), NULL) == 1 &&
	            list->count <= TPM2_NUM_PCR_BANKS;

	for (size_t i = 0; good && i < list->count; i++)
		good = add_selected(ctx, &list->pcrSelections[i], pcrs);
	good = good && EVP_DigestFinal_ex(ctx, digest, &len) == 1 && len == want->size &&
	       memcmp(digest, want->buffer, len) == 0;
	EVP_MD_CTX_free(ctx);
	return good;
}
