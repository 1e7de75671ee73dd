#include "path-checks.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/*
 * Which revocation lists are fit for use.  Who signed them and what they say of a
 * certificate, over complete, delta and indirect ones, is OpenSSL's part (path.c).
 */

static const char *
check_extensions(const X509_CRL *crl, const struct x509_path_rules *rules)
{
	int at = X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1);

	if (at < 0 ? !x509_relaxed(rules, X509_RELAX_CRL_NUMBER) :
	             X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, at)))
		return "x509.crl.number";
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *ext = X509_CRL_get_ext(crl, i);
		int             nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		if (X509_CRL_get_ext_by_OBJ(crl, X509_EXTENSION_get_object(ext), i) >= 0)
			return "x509.crl.ext";
		if (X509_EXTENSION_get_critical(ext) && nid != NID_delta_crl &&
		    nid != NID_issuing_distribution_point)
			return "x509.crl.ext";
	}
	return NULL;
}

static const char *
check_form(const X509_CRL *crl, const struct x509_path_rules *rules)
{
	const ASN1_TIME *from = X509_CRL_get0_lastUpdate(crl);
	const ASN1_TIME *to = X509_CRL_get0_nextUpdate(crl);
	const char      *why;

	if (to == NULL || !x509_time_form(from) || !x509_time_form(to))
		return "x509.crl.time";
	if ((why = x509_check_sigalg(X509_CRL_get_signature_nid(crl), rules)) != NULL)
		return why;
	return check_extensions(crl, rules);
}

static bool
is_current(const X509_CRL *crl, const struct x509_path_rules *rules)
{
	int64_t old = rules->unix_s - (int64_t)rules->crl_grace_s;
	int from = ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(crl), (time_t)rules->unix_s);
	int to = ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(crl), (time_t)old);

	return from != -2 && to != -2 && from <= 0 && to >= 0;
}

static bool
same_scope(X509_CRL *a, X509_CRL *b)
{
	static const int nids[] = { NID_issuing_distribution_point, NID_delta_crl };

	if (X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) != 0)
		return false;
	for (size_t i = 0; i < sizeof nids / sizeof *nids; i++) {
		int at = X509_CRL_get_ext_by_NID(a, nids[i], -1);
		int bt = X509_CRL_get_ext_by_NID(b, nids[i], -1);
		if ((at < 0) != (bt < 0))
			return false;
		if (at >= 0 && i == 0 &&
		    ASN1_OCTET_STRING_cmp(
			    X509_EXTENSION_get_data(X509_CRL_get_ext(a, at)),
			    X509_EXTENSION_get_data(X509_CRL_get_ext(b, bt))) != 0)
			return false;
	}
	return true;
}

static bool
same_signer(X509_CRL *a, X509_CRL *b)
{
	AUTHORITY_KEYID *x = X509_CRL_get_ext_d2i(a, NID_authority_key_identifier, NULL, NULL);
	AUTHORITY_KEYID *y = X509_CRL_get_ext_d2i(b, NID_authority_key_identifier, NULL, NULL);
	bool             same = (x == NULL || x->keyid == NULL || y == NULL || y->keyid == NULL ||
	                         ASN1_OCTET_STRING_cmp(x->keyid, y->keyid) == 0);

	AUTHORITY_KEYID_free(x);
	AUTHORITY_KEYID_free(y);
	return same;
}

/* Issued later with a lower number: one of the two is not what it says. */
static bool
goes_back(X509_CRL *crl, const struct x509_path_rules *rules)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	bool          back = false;

	for (int i = 0; number != NULL && !back && i < sk_X509_CRL_num(rules->crls); i++) {
		X509_CRL *other = sk_X509_CRL_value(rules->crls, i);
		if (other == crl || !same_scope(crl, other) || !same_signer(crl, other) ||
		    ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl),
		                      X509_CRL_get0_lastUpdate(other)) <= 0)
			continue;
		ASN1_INTEGER *than = X509_CRL_get_ext_d2i(other, NID_crl_number, NULL, NULL);
		back = than != NULL && ASN1_INTEGER_cmp(number, than) < 0;
		ASN1_INTEGER_free(than);
	}
	ASN1_INTEGER_free(number);
	return back;
}

/* Where in the path a list of @crl's issuer is asked for; @count: nowhere. */
static unsigned
asked_at(const X509_CRL *crl, X509 *const *path, unsigned count)
{
	unsigned at = 0;

	while (at + 1 < count && X509_NAME_cmp(X509_CRL_get_issuer(crl),
	                                       X509_get_issuer_name(path[at])) != 0)
		at++;
	return at + 1 < count ? at : count;
}

STACK_OF(X509_CRL) *
x509_usable_crls(X509 *const *path, unsigned count, const struct x509_path_rules *rules,
                 struct x509_refusal *why)
{
	STACK_OF(X509_CRL) *usable = sk_X509_CRL_new_null();
	bool                stale = false;
	unsigned            stale_at = 0;

	*why = (struct x509_refusal){ "x509.fault", 0 };
	for (int i = 0; usable != NULL && i < sk_X509_CRL_num(rules->crls); i++) {
		X509_CRL   *crl = sk_X509_CRL_value(rules->crls, i);
		const char *reason = check_form(crl, rules);
		unsigned    at = asked_at(crl, path, count);
		if (reason == NULL && goes_back(crl, rules))
			reason = "x509.crl.rollback";
		/* A bad list of an issuer of the path is no reason to believe the others. */
		if (reason != NULL && at < count) {
			*why = (struct x509_refusal){ reason, at };
			goto fail;
		}
		if (reason == NULL && is_current(crl, rules)) {
			if (sk_X509_CRL_push(usable, crl) == 0)
				goto fail;
		} else if (reason == NULL && at < count) {
			stale = true;
			stale_at = at;
		}
	}
	/* When a list turns out to be missing, one that ran out is the better reason. */
	*why = stale ? (struct x509_refusal){ "x509.crl.time", stale_at } :
	               (struct x509_refusal){ NULL, 0 };
	ERR_clear_error();
	return usable;
fail:
	sk_X509_CRL_free(usable);
	ERR_clear_error();
	return NULL;
}

/* Not a certificate of the path: judged as a CA's but for the right to be one. */
static bool
may_sign(X509 *cert, const struct x509_path_rules *rules)
{
	uint32_t             ignored = 0;
	struct x509_path_rules plain = *rules;

	plain.relaxed = rules->relaxed != NULL ? &ignored : NULL;
	plain.eku = 0;
	plain.relax |= X509_RELAX_LEAF_CA;
	if (x509_check_cert(cert, X509_LEAF, &plain) != NULL)
		return false;
	return (X509_get_key_usage(cert) & KU_CRL_SIGN) != 0;
}

STACK_OF(X509) *
x509_usable_signers(const struct x509_path_rules *rules)
{
	STACK_OF(X509) *usable = sk_X509_new_null();

	for (int i = 0; usable != NULL && i < sk_X509_num(rules->crl_signers); i++) {
		X509 *cert = sk_X509_value(rules->crl_signers, i);
		if (may_sign(cert, rules) && sk_X509_push(usable, cert) == 0) {
			sk_X509_free(usable);
			return NULL;
		}
	}
	ERR_clear_error();
	return usable;
}
