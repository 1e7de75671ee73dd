#include "path-checks.h"

#include <openssl/x509v3.h>

/* Delta, partial and indirect lists carry critical extensions: none is taken. */
static const char *
check_extensions(const X509_CRL *crl)
{
	int at = X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1);

	if (at < 0 || X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, at)))
		return "x509.crl.number";
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
			return "x509.crl.ext";
	return NULL;
}

static const char *
check_time(const X509_CRL *crl, time_t now)
{
	const ASN1_TIME *from = X509_CRL_get0_lastUpdate(crl);
	const ASN1_TIME *to = X509_CRL_get0_nextUpdate(crl);

	if (to == NULL || !x509_time_form(from) || !x509_time_form(to))
		return "x509.crl.time";
	int past_from = ASN1_TIME_cmp_time_t(from, now), past_to = ASN1_TIME_cmp_time_t(to, now);
	if (past_from == -2 || past_to == -2 || past_from > 0 || past_to < 0)
		return "x509.crl.time";
	return NULL;
}

static const char *
check_crl(X509_CRL *crl, X509 *cert, X509 *issuer, time_t now)
{
	X509_REVOKED *entry = NULL;
	const char   *why;

	if ((X509_get_extension_flags(issuer) & EXFLAG_KUSAGE) != 0 &&
	    (X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return "x509.crl.usage";
	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
		return "x509.crl.signature";
	if ((why = check_extensions(crl)) != NULL || (why = check_time(crl, now)) != NULL)
		return why;
	/* 2 is "removed from the list", which a complete list cannot say. */
	return X509_CRL_get0_by_cert(crl, &entry, cert) != 0 ? "x509.revoked" : NULL;
}

const char *
x509_check_crls(X509 *cert, X509 *issuer, const struct x509_path_rules *rules)
{
	const char *why = "x509.crl.missing";

	for (int i = 0; i < sk_X509_CRL_num(rules->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(rules->crls, i);
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) != 0)
			continue;
		/* All lists of the issuer must be good: a bad one is no reason to believe. */
		why = check_crl(crl, cert, issuer, (time_t)rules->unix_s);
		if (why != NULL)
			return why;
	}
	return why;
}
