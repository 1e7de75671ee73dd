#include "path-checks.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define SERIAL_MAX 20 /* octets, RFC 5280 4.1.2.2 */
#define DSA_MIN    1024

bool
x509_time_form(const ASN1_TIME *time)
{
	const unsigned char *text = ASN1_STRING_get0_data(time);
	int  len  = ASN1_STRING_length(time);
	bool utc  = ASN1_STRING_type(time) == V_ASN1_UTCTIME;
	int  want = utc ? 13 : 15;

	if (len != want || text[len - 1] != 'Z' || ASN1_TIME_check(time) != 1)
		return false;
	return true;
}

static const struct {
	const char *name;
	uint32_t    relax;
} relaxations[] = {
	{ "leaf-ca", X509_RELAX_LEAF_CA },
	{ "name-constraints-not-critical", X509_RELAX_NC_NONCRITICAL },
	{ "ca-flag-not-critical", X509_RELAX_CA_NONCRITICAL },
	{ "policy-constraints-not-critical", X509_RELAX_POLICY_NONCRITICAL },
	{ "sha1", X509_RELAX_SHA1 },
	{ "dsa", X509_RELAX_DSA },
	{ "serial", X509_RELAX_SERIAL },
	{ "no-authority-key-id", X509_RELAX_AKI },
	{ "no-crl-number", X509_RELAX_CRL_NUMBER },
};

const char *
x509_relax_name(uint32_t relax)
{
	for (size_t i = 0; i < sizeof relaxations / sizeof *relaxations; i++)
		if (relaxations[i].relax == relax)
			return relaxations[i].name;
	return NULL;
}

uint32_t
x509_relax_of(const char *name)
{
	for (size_t i = 0; i < sizeof relaxations / sizeof *relaxations; i++)
		if (strcmp(relaxations[i].name, name) == 0)
			return relaxations[i].relax;
	return 0;
}

bool
x509_relaxed(const struct x509_path_rules *rules, uint32_t relax)
{
	if ((rules->relax & relax) != relax)
		return false;
	if (rules->relaxed != NULL)
		*rules->relaxed |= relax;
	return true;
}

static const char *
check_time(const X509 *cert, const struct x509_path_rules *rules)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
	int              past_from, past_to;

	if (!x509_time_form(from) || !x509_time_form(to))
		return "x509.time.form";
	past_from = ASN1_TIME_cmp_time_t(from, (time_t)rules->unix_s);
	past_to = ASN1_TIME_cmp_time_t(to, (time_t)rules->unix_s);
	if (past_from == -2 || past_to == -2)
		return "x509.time.form";
	if (past_from > 0)
		return "x509.time.not-yet";
	return past_to < 0 ? "x509.time.expired" : NULL; /* the last second counts */
}

static const char *
check_serial(X509 *cert, const struct x509_path_rules *rules)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	BIGNUM             *value = ASN1_INTEGER_to_BN(serial, NULL);
	bool                good;

	/* A set top bit costs one more octet in DER: 20 octets are 159 bits. */
	good = value != NULL && !BN_is_negative(value) && !BN_is_zero(value) &&
	       BN_num_bits(value) < SERIAL_MAX * 8;
	BN_free(value);
	return good || x509_relaxed(rules, X509_RELAX_SERIAL) ? NULL : "x509.serial";
}

static const char *
check_ec(const EVP_PKEY *key)
{
	static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
	char name[40];
	int  explicit_params = 1;

	if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
	                           &explicit_params) != 1 ||
	    explicit_params != 0)
		return "x509.key.curve";
	if (EVP_PKEY_get_group_name(key, name, sizeof name, NULL) != 1)
		return "x509.key.curve";
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (strcmp(name, curves[i]) == 0)
			return NULL;
	return "x509.key.curve";
}

static const char *
check_rsa(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	int     bits = EVP_PKEY_get_bits(key);
	bool    good;

	good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) &&
	       !BN_is_one(e);
	BN_free(e);
	return good && bits >= 2048 && bits <= 8192 && bits % 8 == 0 ? NULL : "x509.key.rsa";
}

static const char *
check_key(X509 *cert, const struct x509_path_rules *rules)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key == NULL)
		return "x509.key.malformed";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		return check_ec(key);
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return check_rsa(key);
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return NULL;
	case EVP_PKEY_DSA:
		return EVP_PKEY_get_bits(key) >= DSA_MIN && x509_relaxed(rules, X509_RELAX_DSA) ?
		               NULL :
		               "x509.key.algorithm";
	default:
		return "x509.key.algorithm";
	}
}

const char *
x509_check_sigalg(int nid, const struct x509_path_rules *rules)
{
	static const struct {
		int      nid;
		uint32_t relax; /* what it needs; 0: nothing                      */
	} known[] = {
		{ NID_ecdsa_with_SHA256, 0 },
		{ NID_ecdsa_with_SHA384, 0 },
		{ NID_ecdsa_with_SHA512, 0 },
		{ NID_sha256WithRSAEncryption, 0 },
		{ NID_sha384WithRSAEncryption, 0 },
		{ NID_sha512WithRSAEncryption, 0 },
		{ NID_rsassaPss, 0 },
		{ NID_ED25519, 0 },
		{ NID_ED448, 0 },
		{ NID_sha1WithRSAEncryption, X509_RELAX_SHA1 },
		{ NID_ecdsa_with_SHA1, X509_RELAX_SHA1 },
		{ NID_dsaWithSHA1, X509_RELAX_SHA1 | X509_RELAX_DSA },
		{ NID_dsa_with_SHA256, X509_RELAX_DSA },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (nid == known[i].nid)
			return known[i].relax == 0 || x509_relaxed(rules, known[i].relax) ?
			               NULL :
			               "x509.sigalg";
	return "x509.sigalg";
}

static const char *
check_signature_algorithm(const X509 *cert, enum x509_place place,
                          const struct x509_path_rules *rules)
{
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, cert);
	if (X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(cert)) != 0)
		return "x509.sigalg.mismatch";
	/* What signed an anchor vouches for nothing: it is pinned. */
	return place == X509_ANCHOR ? NULL :
	                              x509_check_sigalg(X509_get_signature_nid(cert), rules);
}

/* Which way an extension must be marked, by RFC 5280. */
static const char *
check_critical(int nid, bool critical, const struct x509_path_rules *rules)
{
	switch (nid) {
	case NID_authority_key_identifier:
		return critical ? "x509.aki.critical" : NULL;
	case NID_subject_key_identifier:
		return critical ? "x509.ski.critical" : NULL;
	case NID_info_access:
	case NID_sinfo_access:
		return critical ? "x509.aia.critical" : NULL;
	case NID_policy_constraints:
		return critical || x509_relaxed(rules, X509_RELAX_POLICY_NONCRITICAL) ?
		               NULL :
		               "x509.policy-constraints.noncritical";
	case NID_inhibit_any_policy:
		return critical ? NULL : "x509.inhibit-any.noncritical";
	case NID_name_constraints:
		return critical || x509_relaxed(rules, X509_RELAX_NC_NONCRITICAL) ?
		               NULL :
		               "x509.nc.noncritical";
	default:
		return NULL;
	}
}

static const char *
check_extension(const X509 *cert, int at, const struct x509_path_rules *rules)
{
	X509_EXTENSION *ext = X509_get_ext(cert, at);
	int             nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
	bool            critical = X509_EXTENSION_get_critical(ext) != 0;

	if (X509_get_ext_by_OBJ(cert, X509_EXTENSION_get_object(ext), at) >= 0)
		return "x509.ext.duplicate";
	if (critical && X509_supported_extension(ext) != 1)
		return "x509.ext.critical";
	const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
	if (method != NULL && method->it != NULL) {
		const unsigned char *p = ASN1_STRING_get0_data(X509_EXTENSION_get_data(ext));
		const unsigned char *end = p + ASN1_STRING_length(X509_EXTENSION_get_data(ext));
		ASN1_VALUE *value = ASN1_item_d2i(NULL, &p, end - p, ASN1_ITEM_ptr(method->it));
		bool good = value != NULL && p == end;
		ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
		if (!good)
			return "x509.ext.malformed";
	}
	return check_critical(nid, critical, rules);
}

/* anyPolicy can be mapped neither from nor to, RFC 5280 4.2.1.5. */
static const char *
check_mappings(const X509 *cert)
{
	POLICY_MAPPINGS *maps = X509_get_ext_d2i(cert, NID_policy_mappings, NULL, NULL);
	bool             any = false;

	for (int i = 0; i < sk_POLICY_MAPPING_num(maps); i++) {
		const POLICY_MAPPING *map = sk_POLICY_MAPPING_value(maps, i);
		any = any || OBJ_obj2nid(map->issuerDomainPolicy) == NID_any_policy ||
		      OBJ_obj2nid(map->subjectDomainPolicy) == NID_any_policy;
	}
	sk_POLICY_MAPPING_pop_free(maps, POLICY_MAPPING_free);
	return any ? "x509.policy-mapping" : NULL;
}

static const char *
check_extensions(const X509 *cert, const struct x509_path_rules *rules)
{
	const char *why = NULL;

	for (int i = 0; why == NULL && i < X509_get_ext_count(cert); i++)
		why = check_extension(cert, i, rules);
	return why != NULL ? why : check_mappings(cert);
}

static bool
is_self_issued(const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

static const char *
check_aki(X509 *cert, const struct x509_path_rules *rules)
{
	AUTHORITY_KEYID         *aki = X509_get_ext_d2i(cert, NID_authority_key_identifier,
	                                                NULL, NULL);
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);
	const char              *why = NULL;

	if (aki == NULL)
		return is_self_issued(cert) || x509_relaxed(rules, X509_RELAX_AKI) ?
		               NULL :
		               "x509.aki.missing";
	if (aki->keyid == NULL || ASN1_STRING_length(aki->keyid) == 0)
		why = "x509.aki.form";
	else if (is_self_issued(cert) &&
	         (aki->issuer != NULL || aki->serial != NULL || ski == NULL ||
	          ASN1_STRING_cmp(aki->keyid, ski) != 0) &&
	         X509_verify(cert, X509_get0_pubkey(cert)) == 1) /* not a new key's */
		why = "x509.aki.form";
	AUTHORITY_KEYID_free(aki);
	return why;
}

static const char *
check_ca(X509 *cert, enum x509_place place, bool is_ca, bool bc_critical,
         const struct x509_path_rules *rules)
{
	uint32_t flags = X509_get_extension_flags(cert);
	uint32_t usage = X509_get_key_usage(cert);

	if (!is_ca || (!bc_critical && !x509_relaxed(rules, X509_RELAX_CA_NONCRITICAL)))
		return "x509.ca.flag";
	if (X509_NAME_entry_count(X509_get_subject_name(cert)) == 0)
		return "x509.subject.empty";
	if ((flags & EXFLAG_KUSAGE) == 0)
		return place == X509_ANCHOR ? NULL : "x509.usage.missing";
	return (usage & KU_KEY_CERT_SIGN) != 0 ? NULL : "x509.usage.sign";
}

static const char *
check_leaf(X509 *cert, bool is_ca, bool has_pathlen, const struct x509_path_rules *rules)
{
	uint32_t flags = X509_get_extension_flags(cert);
	bool     signs = (flags & EXFLAG_KUSAGE) != 0 &&
	             (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) != 0;

	if (is_ca)
		return x509_relaxed(rules, X509_RELAX_LEAF_CA) ?
		               check_ca(cert, X509_LEAF, is_ca, true, rules) :
		               "x509.leaf.ca";
	if (signs || has_pathlen)
		return "x509.leaf.usage";
	if (X509_get_ext_by_NID(cert, NID_name_constraints, -1) >= 0)
		return "x509.nc.leaf";
	if (X509_NAME_entry_count(X509_get_subject_name(cert)) == 0 &&
	    X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) < 0)
		return "x509.subject.empty";
	return NULL;
}

static const char *
check_role(X509 *cert, enum x509_place place, const struct x509_path_rules *rules)
{
	int                critical = 0;
	BASIC_CONSTRAINTS *bc = X509_get_ext_d2i(cert, NID_basic_constraints, &critical, NULL);
	bool is_ca = bc != NULL && bc->ca != 0;
	bool has_pathlen = bc != NULL && bc->pathlen != NULL;

	BASIC_CONSTRAINTS_free(bc);
	if (place == X509_LEAF)
		return check_leaf(cert, is_ca, has_pathlen, rules);
	return check_ca(cert, place, is_ca, critical == 1, rules);
}

static const char *
check_eku(X509 *cert, enum x509_place place, const struct x509_path_rules *rules)
{
	EXTENDED_KEY_USAGE *eku;
	bool                good = false;

	if (rules->eku == 0 || place == X509_ANCHOR ||
	    (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) == 0)
		return NULL;
	eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; eku != NULL && !good && i < sk_ASN1_OBJECT_num(eku); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i));
		good = nid == rules->eku || nid == NID_anyExtendedKeyUsage;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return good ? NULL : "x509.eku";
}

const char *
x509_check_cert(X509 *cert, enum x509_place place, const struct x509_path_rules *rules)
{
	const char *why = NULL;

	if (X509_get_version(cert) != X509_VERSION_3)
		return "x509.version";
	if ((why = check_serial(cert, rules)) != NULL || (why = check_extensions(cert, rules)) != NULL)
		return why;
	/* Also parses the extensions into OpenSSL's cache. */
	if ((X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0)
		return "x509.ext.malformed";
	if ((why = check_signature_algorithm(cert, place, rules)) != NULL ||
	    (why = check_key(cert, rules)) != NULL || (why = check_time(cert, rules)) != NULL ||
	    (why = check_role(cert, place, rules)) != NULL ||
	    (why = check_aki(cert, rules)) != NULL || (why = check_eku(cert, place, rules)) != NULL)
		return why;
	return x509_check_names(cert, rules);
}
