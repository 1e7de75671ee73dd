#include "ocsp.h"

#include "path-checks.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

static const char *
check_algorithm(int nid, bool sha1)
{
	static const int good[] = {
		NID_ecdsa_with_SHA256,       NID_ecdsa_with_SHA384,
		NID_ecdsa_with_SHA512,       NID_sha256WithRSAEncryption,
		NID_sha384WithRSAEncryption, NID_sha512WithRSAEncryption,
		NID_ED25519,                 NID_ED448,
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (nid == good[i])
			return NULL;
	if (sha1 && (nid == NID_sha1WithRSAEncryption || nid == NID_ecdsa_with_SHA1))
		return NULL;
	return "x509.ocsp.sigalg";
}

/* Both hashes of the id, made again from the issuer's certificate. */
static bool
is_about(const OCSP_SINGLERESP *single, const X509 *issuer)
{
	OCSP_CERTID       *id = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
	ASN1_OBJECT       *hash = NULL;
	ASN1_INTEGER      *serial = NULL;
	OCSP_CERTID       *made = NULL;

	if (OCSP_id_get0_info(NULL, &hash, NULL, &serial, id) != 1)
		return false;
	const EVP_MD *md = EVP_get_digestbyobj(hash);
	if (md != NULL)
		made = OCSP_cert_id_new(md, X509_get_subject_name(issuer),
		                        X509_get0_pubkey_bitstr(issuer), serial);
	bool same = made != NULL && OCSP_id_issuer_cmp(id, made) == 0;
	OCSP_CERTID_free(made);
	return same;
}

static const char *
check_about(OCSP_BASICRESP *basic, const X509 *issuer)
{
	if (OCSP_resp_count(basic) < 1)
		return "x509.ocsp.empty";
	for (int i = 0; i < OCSP_resp_count(basic); i++)
		if (!is_about(OCSP_resp_get0(basic, i), issuer))
			return "x509.ocsp.issuer";
	return NULL;
}

/* A signer the issuer named for this: signed by it, good now, and for nothing wider. */
static const char *
check_delegate(X509 *signer, X509 *issuer, int64_t unix_s, bool sha1)
{
	const ASN1_TIME *from = X509_get0_notBefore(signer), *to = X509_get0_notAfter(signer);

	if (X509_NAME_cmp(X509_get_issuer_name(signer), X509_get_subject_name(issuer)) != 0 ||
	    X509_verify(signer, X509_get0_pubkey(issuer)) != 1)
		return "x509.ocsp.signer";
	if (check_algorithm(X509_get_signature_nid(signer), sha1) != NULL)
		return "x509.ocsp.sigalg";
	if (!x509_time_form(from) || !x509_time_form(to))
		return "x509.ocsp.time";
	int past_from = ASN1_TIME_cmp_time_t(from, (time_t)unix_s);
	int past_to = ASN1_TIME_cmp_time_t(to, (time_t)unix_s);
	if (past_from == -2 || past_to == -2 || past_from > 0 || past_to < 0)
		return "x509.ocsp.time";
	uint32_t flags = X509_get_extension_flags(signer);
	if ((flags & EXFLAG_XKUSAGE) == 0 ||
	    (flags & (EXFLAG_INVALID | EXFLAG_CA | EXFLAG_CRITICAL)) != 0 ||
	    (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) == 0 ||
	    (X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) == 0)
		return "x509.ocsp.usage";
	return NULL;
}

static const char *
check_signed(OCSP_BASICRESP *basic, X509 *issuer, int64_t unix_s, bool sha1)
{
	STACK_OF(X509) *own = sk_X509_new_null();
	X509           *signer = NULL;
	const char     *why = "x509.ocsp.signer";

	if (own == NULL || sk_X509_push(own, issuer) == 0)
		goto done;
	if (OCSP_resp_get0_signer(basic, &signer, own) != 1)
		goto done;
	why = X509_cmp(signer, issuer) == 0 ? NULL :
	                                      check_delegate(signer, issuer, unix_s, sha1);
	/* The chain is judged above; this is the signature alone. */
	if (why == NULL && OCSP_basic_verify(basic, own, NULL, OCSP_NOVERIFY) != 1)
		why = "x509.ocsp.signature";
done:
	sk_X509_free(own);
	return why;
}

const char *
x509_ocsp_authentic(struct csn_bytes der, X509 *issuer, int64_t unix_s, bool sha1)
{
	const unsigned char *p = der.ptr;
	OCSP_RESPONSE       *response = NULL;
	OCSP_BASICRESP      *basic = NULL;
	const char          *why = "x509.ocsp.syntax";

	if (der.len > 0 && der.len <= X509_CERT_MAX)
		response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	if (response == NULL || p != der.ptr + der.len ||
	    OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		goto done;
	basic = OCSP_response_get1_basic(response);
	if (basic == NULL)
		goto done;
	why = check_algorithm(
		OBJ_obj2nid(OCSP_resp_get0_tbs_sigalg(basic)->algorithm), sha1);
	if (why == NULL)
		why = check_about(basic, issuer);
	if (why == NULL)
		why = check_signed(basic, issuer, unix_s, sha1);
done:
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return why;
}
