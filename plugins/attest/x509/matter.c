#include "matter.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define VID_OID  "1.3.6.1.4.1.37244.2.1"
#define PID_OID  "1.3.6.1.4.1.37244.2.2"
#define ID_CHARS 4
#define BAD_ID   (-2)

/* Exactly four upper-case hexadecimal digits. */
static long
id_of(const unsigned char *text, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	long              id = 0;

	if (len < ID_CHARS)
		return BAD_ID;
	for (size_t i = 0; i < ID_CHARS; i++) {
		const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
		if (digit == NULL)
			return BAD_ID;
		id = id * 16 + (digit - digits);
	}
	return id;
}

/* An attribute of the subject: its value, X509_MATTER_NONE or BAD_ID. */
static long
attribute(const X509_NAME *name, const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	long         id = BAD_ID;

	if (object == NULL)
		return BAD_ID;
	int at = X509_NAME_get_index_by_OBJ(name, object, -1);
	if (at < 0) {
		id = at == -1 ? X509_MATTER_NONE : BAD_ID;
	} else if (X509_NAME_get_index_by_OBJ(name, object, at) < 0) {
		const ASN1_STRING *data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
		if (ASN1_STRING_length(data) == ID_CHARS &&
		    (ASN1_STRING_type(data) == V_ASN1_UTF8STRING ||
		     ASN1_STRING_type(data) == V_ASN1_PRINTABLESTRING))
			id = id_of(ASN1_STRING_get0_data(data), ID_CHARS);
	}
	ASN1_OBJECT_free(object);
	return id;
}

/* After the first prefix followed by an id; a prefix followed by none is a bad id. */
static long
search(const unsigned char *text, size_t len, const char *prefix)
{
	size_t prefix_len = strlen(prefix);
	long   id = X509_MATTER_NONE;

	for (size_t i = 0; id < 0 && i + prefix_len <= len; i++)
		if (memcmp(text + i, prefix, prefix_len) == 0)
			id = id_of(text + i + prefix_len, len - i - prefix_len);
	return id;
}

bool
x509_matter_ids(const X509 *cert, long *ret_vid, long *ret_pid)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int              at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	*ret_vid = attribute(name, VID_OID);
	*ret_pid = attribute(name, PID_OID);
	if (*ret_vid == X509_MATTER_NONE && *ret_pid == X509_MATTER_NONE && at >= 0) {
		const ASN1_STRING *cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
		const unsigned char *text = ASN1_STRING_get0_data(cn);
		*ret_vid = search(text, (size_t)ASN1_STRING_length(cn), "Mvid:");
		*ret_pid = search(text, (size_t)ASN1_STRING_length(cn), "Mpid:");
	}
	return *ret_vid != BAD_ID && *ret_pid != BAD_ID &&
	       (*ret_pid == X509_MATTER_NONE || *ret_vid != X509_MATTER_NONE);
}

static bool
is_p256(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char      name[40];

	return key != NULL && EVP_PKEY_get_group_name(key, name, sizeof name, NULL) == 1 &&
	       strcmp(name, "prime256v1") == 0;
}

static const char *
check_constraints(const X509 *cert, bool want_ca)
{
	int                critical = 0;
	BASIC_CONSTRAINTS *bc = X509_get_ext_d2i(cert, NID_basic_constraints, &critical, NULL);
	bool               good = bc != NULL && critical == 1 && (bc->ca != 0) == want_ca;

	if (good && want_ca)
		good = bc->pathlen != NULL && ASN1_INTEGER_get(bc->pathlen) == 0;
	else if (good)
		good = bc->pathlen == NULL;
	BASIC_CONSTRAINTS_free(bc);
	return good ? NULL : "x509.matter.constraints";
}

static const char *
check_usage(X509 *cert, bool is_ca)
{
	int      at = X509_get_ext_by_NID(cert, NID_key_usage, -1);
	uint32_t usage = X509_get_key_usage(cert);
	bool     good = at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(cert, at)) != 0;

	if (is_ca)
		good = good && (usage & ~(uint32_t)KU_DIGITAL_SIGNATURE) ==
		                       (KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	else
		good = good && usage == KU_DIGITAL_SIGNATURE;
	return good ? NULL : "x509.matter.usage";
}

static const char *
check_cert(X509 *cert, bool is_ca)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);
	const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(cert);
	const char              *why;

	if (X509_get_signature_nid(cert) != NID_ecdsa_with_SHA256 || !is_p256(cert))
		return "x509.matter.key";
	if (ski == NULL || ASN1_STRING_length(ski) != 20 || aki == NULL ||
	    ASN1_STRING_length(aki) != 20)
		return "x509.matter.key-id";
	if ((why = check_constraints(cert, is_ca)) != NULL)
		return why;
	return check_usage(cert, is_ca);
}

static const char *
check_ids(X509 *const path[X509_MATTER_PATH], long product_id)
{
	long vid[X509_MATTER_PATH], pid[X509_MATTER_PATH];

	for (unsigned i = 0; i < X509_MATTER_PATH; i++)
		if (!x509_matter_ids(path[i], &vid[i], &pid[i]))
			return "x509.matter.id-form";
	if (vid[0] == X509_MATTER_NONE || pid[0] == X509_MATTER_NONE ||
	    vid[1] == X509_MATTER_NONE || pid[2] != X509_MATTER_NONE)
		return "x509.matter.id-missing";
	if (vid[0] != vid[1] || (vid[2] != X509_MATTER_NONE && vid[2] != vid[1]))
		return "x509.matter.vendor";
	if ((pid[1] != X509_MATTER_NONE && pid[1] != pid[0]) ||
	    (product_id != X509_MATTER_NONE && product_id != pid[0]))
		return "x509.matter.product";
	return NULL;
}

bool
x509_matter_check(X509 *const path[X509_MATTER_PATH], const struct x509_path_rules *rules,
                  long product_id, struct x509_refusal *why)
{
	const char *reason = NULL;

	if (!x509_path_check(path, X509_MATTER_PATH, rules, why))
		return false;
	for (unsigned i = 0; reason == NULL && i + 1 < X509_MATTER_PATH; i++) {
		reason = check_cert(path[i], i > 0);
		*why = (struct x509_refusal){ reason, i };
	}
	if (reason == NULL) {
		reason = check_ids(path, product_id);
		*why = (struct x509_refusal){ reason, 0 };
	}
	return reason == NULL;
}
