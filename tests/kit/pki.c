#define _DEFAULT_SOURCE

#include "kit/pki.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "lib/dcbor.h"

#define MUST(expr)                                                                  \
	do {                                                                        \
		if (!(expr)) {                                                      \
			fprintf(stderr, "pki.c:%d: %s\n", __LINE__, #expr);         \
			abort();                                                    \
		}                                                                   \
	} while (0)

EVP_PKEY *
pki_key(enum pki_key kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case PKI_P256:
		key = EVP_EC_gen("P-256");
		break;
	case PKI_P384:
		key = EVP_EC_gen("P-384");
		break;
	case PKI_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case PKI_RSA:
		key = EVP_RSA_gen(2048);
		break;
	}
	MUST(key != NULL);
	return key;
}

static void
set_time(ASN1_TIME *time, const char *text)
{
	MUST(ASN1_TIME_set_string_X509(time, text) == 1);
}

static void
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer != NULL ? issuer : cert, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	MUST(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
add_unknown(X509 *cert, const char *oid, bool critical)
{
	ASN1_OBJECT       *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	MUST(object != NULL && value != NULL);
	MUST(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2) == 1);
	X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
	MUST(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
}

/* subjectAltName with one hardwareModuleName of a made-up hwType. */
static void
add_hardware(X509 *cert, const char *hex)
{
	uint8_t der[64] = { 0 };
	size_t  n = strlen(hex) / 2, at = 0;

	/* GeneralNames { [0] { OID, [0] { SEQUENCE { OID 1.2.3, OCTET STRING } } } } */
	static const uint8_t oid[] = { 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04 };
	size_t  module = 4 + 2 + n, other = sizeof oid + 2 + 2 + module;
	const uint8_t head[] = { 0x30, (uint8_t)(2 + other), 0xa0, (uint8_t)other };

	MUST(n <= 20);
	memcpy(der + at, head, sizeof head);
	at += sizeof head;
	memcpy(der + at, oid, sizeof oid);
	at += sizeof oid;
	const uint8_t inner[] = { 0xa0, (uint8_t)(2 + module), 0x30, (uint8_t)module, 0x06, 0x02,
		                  0x2a, 0x03, 0x04, (uint8_t)n };
	memcpy(der + at, inner, sizeof inner);
	at += sizeof inner;
	for (size_t i = 0; i < n; i++) {
		unsigned byte = 0;
		MUST(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		der[at++] = (uint8_t)byte;
	}
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	MUST(value != NULL && ASN1_OCTET_STRING_set(value, der, (int)at) == 1);
	X509_EXTENSION *ext = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
	MUST(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
}

static void
set_names(X509 *cert, const struct pki_cert *spec)
{
	X509_NAME *name = X509_get_subject_name(cert);

	MUST(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	                                (const unsigned char *)spec->subject, -1, -1, 0) == 1);
	if (spec->serial_number != NULL)
		MUST(X509_NAME_add_entry_by_NID(name, NID_serialNumber, V_ASN1_PRINTABLESTRING,
		                                (const unsigned char *)spec->serial_number, -1, -1,
		                                0) == 1);
	MUST(X509_set_issuer_name(cert, spec->issuer != NULL ?
	                                        X509_get_subject_name(spec->issuer) :
	                                        name) == 1);
}

static void
set_serial(X509 *cert, const struct pki_cert *spec)
{
	uint64_t value = (uint64_t)spec->serial;

	if (spec->serial == 0 && !spec->serial_zero) {
		MUST(RAND_bytes((unsigned char *)&value, sizeof value) == 1);
		value = (value >> 2) | 1;
	}
	MUST(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), value) == 1);
}

static void
add_extensions(X509 *cert, const struct pki_cert *spec)
{
	char text[64];

	snprintf(text, sizeof text, "critical,CA:%s%s%s", spec->ca ? "TRUE" : "FALSE",
	         spec->pathlen != NULL ? ",pathlen:" : "", spec->pathlen != NULL ? spec->pathlen : "");
	add_ext(cert, spec->issuer, NID_basic_constraints,
	        spec->constraints != NULL ? spec->constraints : text);
	add_ext(cert, spec->issuer, NID_key_usage,
	        spec->usage != NULL ? spec->usage :
	        spec->ca            ? "critical,keyCertSign,cRLSign" :
	                              "critical,digitalSignature");
	if (!spec->no_ski)
		add_ext(cert, spec->issuer, NID_subject_key_identifier, "hash");
	if (!spec->no_aki &&
	    (spec->issuer == NULL || X509_get0_subject_key_id(spec->issuer) != NULL))
		add_ext(cert, spec->issuer, NID_authority_key_identifier, "keyid:always");
	if (spec->names != NULL)
		add_ext(cert, spec->issuer, NID_name_constraints, spec->names);
	if (spec->alt_names != NULL)
		add_ext(cert, spec->issuer, NID_subject_alt_name, spec->alt_names);
	if (spec->eku != NULL)
		add_ext(cert, spec->issuer, NID_ext_key_usage, spec->eku);
	if (spec->hardware != NULL)
		add_hardware(cert, spec->hardware);
	if (spec->extra_oid != NULL)
		add_unknown(cert, spec->extra_oid, spec->extra_critical);
}

X509 *
pki_make(const struct pki_cert *spec)
{
	X509     *cert = X509_new();
	EVP_PKEY *signer = spec->issuer_key != NULL ? spec->issuer_key : spec->key;
	bool      eddsa = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519;

	MUST(cert != NULL);
	MUST(X509_set_version(cert, spec->version != 0 ? spec->version - 1 : 2) == 1);
	set_serial(cert, spec);
	set_names(cert, spec);
	set_time(X509_getm_notBefore(cert), spec->from != NULL ? spec->from : "20200101000000Z");
	set_time(X509_getm_notAfter(cert), spec->to != NULL ? spec->to : "99991231235959Z");
	MUST(X509_set_pubkey(cert, spec->key) == 1);
	if (spec->version == 0 || spec->version == 3)
		add_extensions(cert, spec);
	const EVP_MD *md = spec->md != NULL ? spec->md :
	                   EVP_PKEY_get_bits(signer) == 384 ? EVP_sha384() : EVP_sha256();
	MUST(X509_sign(cert, signer, eddsa ? NULL : md) > 0);
	return cert;
}

X509_CRL *
pki_crl(X509 *issuer, EVP_PKEY *key, X509 *const *revoked, size_t count, const char *from,
        const char *to, long number)
{
	X509_CRL     *crl = X509_CRL_new();
	ASN1_TIME    *time = ASN1_TIME_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	X509V3_CTX    ctx;

	MUST(crl != NULL && time != NULL && serial != NULL);
	MUST(X509_CRL_set_version(crl, 1) == 1);
	MUST(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1);
	set_time(time, from);
	MUST(X509_CRL_set1_lastUpdate(crl, time) == 1);
	set_time(time, to);
	MUST(X509_CRL_set1_nextUpdate(crl, time) == 1);
	for (size_t i = 0; i < count; i++) {
		X509_REVOKED *entry = X509_REVOKED_new();
		set_time(time, from);
		MUST(X509_REVOKED_set_serialNumber(
			     entry, (ASN1_INTEGER *)X509_get0_serialNumber(revoked[i])) == 1);
		MUST(X509_REVOKED_set_revocationDate(entry, time) == 1);
		MUST(X509_CRL_add0_revoked(crl, entry) == 1);
	}
	MUST(ASN1_INTEGER_set(serial, number) == 1);
	if (number >= 0)
		MUST(X509_CRL_add1_ext_i2d(crl, NID_crl_number, serial, 0, 0) == 1);
	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	X509_EXTENSION *aki = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier,
	                                          "keyid:always");
	MUST(aki != NULL && X509_CRL_add_ext(crl, aki, -1) == 1);
	X509_EXTENSION_free(aki);
	MUST(X509_CRL_sort(crl) == 1);
	MUST(X509_CRL_sign(crl, key,
	                   EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
	ASN1_TIME_free(time);
	ASN1_INTEGER_free(serial);
	return crl;
}

struct csn_bytes
pki_ocsp(X509 *cert, X509 *issuer, X509 *signer, EVP_PKEY *signer_key, enum pki_status status,
         long age_s, long life_s)
{
	static const int codes[] = { V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
		                     V_OCSP_CERTSTATUS_UNKNOWN };
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID    *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
	ASN1_TIME      *from = ASN1_GENERALIZEDTIME_set(NULL, PKI_NOW - age_s);
	ASN1_TIME      *to = ASN1_GENERALIZEDTIME_set(NULL, PKI_NOW - age_s + life_s);
	unsigned char  *der = NULL;

	MUST(basic != NULL && id != NULL && from != NULL && to != NULL);
	MUST(OCSP_basic_add1_status(basic, id, codes[status], 0,
	                            status == PKI_REVOKED ? from : NULL, from,
	                            life_s > 0 ? to : NULL) != NULL);
	/* producedAt is the clock's; it is put into the past before the signature. */
	MUST(ASN1_GENERALIZEDTIME_set((ASN1_GENERALIZEDTIME *)OCSP_resp_get0_produced_at(basic),
	                              PKI_NOW - age_s) != NULL);
	MUST(OCSP_basic_sign(basic, signer, signer_key, EVP_sha256(), NULL, OCSP_NOTIME) == 1);
	OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	int            len = i2d_OCSP_RESPONSE(response, &der);
	MUST(len > 0);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return (struct csn_bytes){ der, (size_t)len };
}

struct csn_bytes
pki_der(X509 *cert)
{
	unsigned char *der = NULL;
	int            len = i2d_X509(cert, &der);

	MUST(len > 0);
	return (struct csn_bytes){ der, (size_t)len };
}

/* ---- COSE ------------------------------------------------------------------------- */

static int
alg_of(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		return -8;
	case EVP_PKEY_RSA:
		return -37; /* PS256                                               */
	default:
		return EVP_PKEY_get_bits(key) == 384 ? -35 : -7;
	}
}

/* r || s of the curve's width from DER. */
static size_t
fixed(const uint8_t *der, size_t len, size_t width, uint8_t *out)
{
	const unsigned char *p = der;
	ECDSA_SIG           *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);

	MUST(sig != NULL);
	MUST(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)width) > 0);
	MUST(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + width, (int)width) > 0);
	ECDSA_SIG_free(sig);
	return 2 * width;
}

static size_t
sign(EVP_PKEY *key, struct csn_bytes message, uint8_t *out, size_t cap)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int         id = EVP_PKEY_get_base_id(key);
	size_t      width = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8, len = cap;
	uint8_t     raw[1024];
	const EVP_MD *md = id == EVP_PKEY_ED25519 ? NULL :
	                   width == 48            ? EVP_sha384() :
	                                            EVP_sha256();

	EVP_PKEY_CTX *how = NULL;
	MUST(EVP_DigestSignInit(ctx, &how, md, NULL, key) == 1);
	if (id == EVP_PKEY_RSA)
		MUST(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1);
	len = sizeof raw;
	MUST(EVP_DigestSign(ctx, raw, &len, message.ptr, message.len) == 1 && len <= cap);
	EVP_MD_CTX_free(ctx);
	if (id == EVP_PKEY_EC)
		return fixed(raw, len, width, out);
	memcpy(out, raw, len);
	return len;
}

static void
put_chain(struct csn_dcbor_out *out, const struct pki_proof *spec)
{
	csn_dcbor_put_map(out, spec->ocsp.len > 0 ? 2 : 1);
	csn_dcbor_put_uint(out, 33);
	if (spec->count > 1)
		csn_dcbor_put_array(out, spec->count);
	for (size_t i = 0; i < spec->count; i++) {
		struct csn_bytes der = pki_der(spec->chain[i]);
		csn_dcbor_put_bytes(out, der);
		OPENSSL_free((void *)(uintptr_t)der.ptr);
	}
	if (spec->ocsp.len > 0) {
		csn_dcbor_put_int(out, -70001);
		csn_dcbor_put_bytes(out, spec->ocsp);
	}
}

struct csn_bytes
pki_proof(const struct pki_proof *spec, uint8_t *buf, size_t cap)
{
	uint8_t              protect[16], payload[96], signed_bytes[192], sig[1024];
	struct csn_dcbor_out out;
	struct csn_bytes     head, body, message, done;

	csn_dcbor_out_init(&out, protect, sizeof protect);
	csn_dcbor_put_map(&out, 1);
	csn_dcbor_put_uint(&out, 1);
	csn_dcbor_put_int(&out, spec->alg != 0 ? spec->alg : alg_of(spec->key));
	MUST(csn_dcbor_out_end(&out, &head) == CSN_OK);
	csn_dcbor_out_init(&out, payload, sizeof payload);
	csn_dcbor_put_array(&out, 2);
	csn_dcbor_put_text(&out, spec->label);
	csn_dcbor_put_bytes(&out, spec->challenge);
	MUST(csn_dcbor_out_end(&out, &body) == CSN_OK);
	csn_dcbor_out_init(&out, signed_bytes, sizeof signed_bytes);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_text(&out, "Signature1");
	csn_dcbor_put_bytes(&out, head);
	csn_dcbor_put_bytes(&out, spec->aad);
	csn_dcbor_put_bytes(&out, body);
	MUST(csn_dcbor_out_end(&out, &message) == CSN_OK);
	size_t sig_len = sign(spec->key, message, sig, sizeof sig);

	csn_dcbor_out_init(&out, buf, cap);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_bytes(&out, head);
	put_chain(&out, spec);
	if (spec->attached)
		csn_dcbor_put_bytes(&out, body);
	else
		csn_dcbor_put_null(&out);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, sig_len });
	MUST(csn_dcbor_out_end(&out, &done) == CSN_OK);
	return done;
}
