#include "ocsp.h"

#include "path-checks.h"

#include <string.h>

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

/* A successful basic response and nothing after it. */
static OCSP_BASICRESP *
read_response(struct csn_bytes der)
{
	const unsigned char *p = der.ptr;
	OCSP_RESPONSE       *response = NULL;
	OCSP_BASICRESP      *basic = NULL;

	if (der.len > 0 && der.len <= X509_CERT_MAX)
		response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	if (response != NULL && p == der.ptr + der.len &&
	    OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return basic;
}

static const char *
check_authentic(OCSP_BASICRESP *basic, X509 *issuer, int64_t unix_s, bool sha1)
{
	const char *why = check_algorithm(
		OBJ_obj2nid(OCSP_resp_get0_tbs_sigalg(basic)->algorithm), sha1);

	if (why == NULL)
		why = check_about(basic, issuer);
	if (why == NULL)
		why = check_signed(basic, issuer, unix_s, sha1);
	ERR_clear_error();
	return why;
}

const char *
x509_ocsp_authentic(struct csn_bytes der, X509 *issuer, int64_t unix_s, bool sha1)
{
	OCSP_BASICRESP *basic = read_response(der);
	const char     *why = "x509.ocsp.syntax";

	if (basic != NULL)
		why = check_authentic(basic, issuer, unix_s, sha1);
	OCSP_BASICRESP_free(basic);
	return why;
}

/* The one answer about @cert, by its serial; the issuer was compared already. */
static OCSP_SINGLERESP *
answer_of(OCSP_BASICRESP *basic, const X509 *cert)
{
	OCSP_SINGLERESP *found = NULL;

	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		ASN1_INTEGER    *serial = NULL;
		OCSP_id_get0_info(NULL, NULL, NULL, &serial,
		                  (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single));
		if (serial == NULL ||
		    ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) != 0)
			continue;
		if (found != NULL) /* two answers are none                        */
			return NULL;
		found = single;
	}
	return found;
}

/* Nothing critical is understood. */
static const char *
check_extensions(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single)
{
	for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic); i++)
		if (X509_EXTENSION_get_critical(OCSP_BASICRESP_get_ext(basic, i)))
			return "x509.ocsp.ext";
	for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single); i++)
		if (X509_EXTENSION_get_critical(OCSP_SINGLERESP_get_ext(single, i)))
			return "x509.ocsp.ext";
	return NULL;
}

static const char *
check_nonce(OCSP_BASICRESP *basic, struct csn_bytes want)
{
	uint8_t head[2 + 32];
	int     at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);

	if (want.len == 0) /* normal for a stapled one                           */
		return NULL;
	if (at < 0 || want.len > 32)
		return "x509.ocsp.nonce";
	head[0] = V_ASN1_OCTET_STRING;
	head[1] = (uint8_t)want.len;
	memcpy(head + 2, want.ptr, want.len);
	const ASN1_OCTET_STRING *have = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
	return (size_t)ASN1_STRING_length(have) == want.len + 2 &&
	                       memcmp(ASN1_STRING_get0_data(have), head, want.len + 2) == 0 ?
	               NULL :
	               "x509.ocsp.nonce";
}

/* @time against @unix_s: -1, 0 or 1; -2 for a form that is not the one allowed. */
static int
compare_time(const ASN1_GENERALIZEDTIME *time, int64_t unix_s)
{
	if (time == NULL || ASN1_STRING_type(time) != V_ASN1_GENERALIZEDTIME ||
	    !x509_time_form(time))
		return -2;
	return ASN1_TIME_cmp_time_t(time, (time_t)unix_s);
}

static const char *
check_dates(OCSP_BASICRESP *basic, const ASN1_GENERALIZEDTIME *from,
            const ASN1_GENERALIZEDTIME *to, const struct x509_ocsp_rules *rules)
{
	int64_t ahead = rules->unix_s + (int64_t)rules->skew_s;
	int64_t behind = rules->unix_s - (int64_t)rules->skew_s;
	int     made = compare_time(OCSP_resp_get0_produced_at(basic), ahead);
	int     begun = compare_time(from, ahead);
	int     ended = to == NULL ? 1 : compare_time(to, behind);

	if (made == -2 || made > 0 || begun == -2 || begun > 0 || ended < 0)
		return "x509.ocsp.time";
	/* Without a date to end it, somebody has to say how old it may be. */
	if (to == NULL && rules->max_age_s == 0)
		return "x509.ocsp.time";
	if (rules->max_age_s != 0 &&
	    compare_time(from, rules->unix_s - (int64_t)rules->max_age_s) < 0)
		return "x509.ocsp.time";
	return NULL;
}

/* Who vouches for a delegated signer?  Its issuer says "nobody need ask", or nobody. */
static const char *
check_signer_status(OCSP_BASICRESP *basic, X509 *issuer)
{
	STACK_OF(X509) *own = sk_X509_new_null();
	X509           *signer = NULL;
	bool            good = own != NULL && sk_X509_push(own, issuer) > 0 &&
	            OCSP_resp_get0_signer(basic, &signer, own) == 1;

	good = good && (X509_cmp(signer, issuer) == 0 ||
	                X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) >= 0);
	sk_X509_free(own);
	return good ? NULL : "x509.ocsp.signer-status";
}

static const char *
check_answer(OCSP_BASICRESP *basic, X509 *cert, X509 *issuer,
             const struct x509_ocsp_rules *rules)
{
	ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
	OCSP_SINGLERESP      *single = answer_of(basic, cert);
	const char           *why;

	if (single == NULL)
		return "x509.ocsp.other";
	int status = OCSP_single_get0_status(single, NULL, NULL, &from, &to);
	/* A certificate once revoked stays so, however old the answer is. */
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return "x509.ocsp.revoked";
	if ((why = check_extensions(basic, single)) != NULL ||
	    (why = check_nonce(basic, rules->nonce)) != NULL ||
	    (why = check_dates(basic, from, to, rules)) != NULL ||
	    (why = check_signer_status(basic, issuer)) != NULL)
		return why;
	return status == V_OCSP_CERTSTATUS_GOOD ? NULL : "x509.ocsp.unknown";
}

const char *
x509_ocsp_check(struct csn_bytes der, X509 *cert, X509 *issuer,
                const struct x509_ocsp_rules *rules)
{
	OCSP_BASICRESP *basic = read_response(der);
	const char     *why = "x509.ocsp.syntax";

	if (basic != NULL)
		why = check_authentic(basic, issuer, rules->unix_s, rules->sha1);
	if (basic != NULL && why == NULL)
		why = check_answer(basic, cert, issuer, rules);
	OCSP_BASICRESP_free(basic);
	ERR_clear_error();
	return why;
}
