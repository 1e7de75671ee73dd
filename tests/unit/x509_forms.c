/*
 * attest/x509 on certificates whose bytes were meddled with and signed anew: what is right
 * to OpenSSL and not DER, or says two things; and what one relaxation forgives.
 */
#include "kit/pki.h"
#include "kit/tap.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "lib/verdict.h"
#include "plugins/attest/x509/device.h"

static EVP_PKEY *root_key, *leaf_key;
static X509     *root, *leaf;

/* A certificate in parts that can be changed. */
struct parts {
	uint8_t tbs[4096], alg[16];
	size_t  tbs_len, alg_len;
};

static size_t
put_head(uint8_t *to, uint8_t tag, size_t len)
{
	to[0] = tag;
	to[1] = 0x82;
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)len;
	return 4;
}

static struct parts
take_apart(X509 *cert)
{
	struct parts  parts = { .alg_len = 12 };
	unsigned char *p = parts.tbs;
	static const uint8_t es256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		                         0x04, 0x03, 0x02 };

	parts.tbs_len = (size_t)i2d_re_X509_tbs(cert, &p);
	memcpy(parts.alg, es256, sizeof es256);
	return parts;
}

/* The whole, signed over what the parts are now; into @out. */
static struct csn_bytes
put_together(const struct parts *parts, uint8_t *out)
{
	uint8_t     sig[80];
	size_t      sig_len = sizeof sig, len;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, root_key) != 1 ||
	    EVP_DigestSign(ctx, sig, &sig_len, parts->tbs, parts->tbs_len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	len = 4;
	memcpy(out + len, parts->tbs, parts->tbs_len);
	len += parts->tbs_len;
	memcpy(out + len, parts->alg, parts->alg_len);
	len += parts->alg_len;
	out[len++] = 0x03;
	out[len++] = (uint8_t)(sig_len + 1);
	out[len++] = 0;
	memcpy(out + len, sig, sig_len);
	len += sig_len;
	put_head(out, 0x30, len - 4);
	return (struct csn_bytes){ out, len };
}

/* One byte more at @at; the two lengths around it grow (each of two octets). */
static void
insert(struct parts *parts, size_t at, uint8_t byte)
{
	memmove(parts->tbs + at + 1, parts->tbs + at, parts->tbs_len - at);
	parts->tbs[at] = byte;
	parts->tbs_len++;
	put_head(parts->tbs, 0x30, parts->tbs_len - 4);
}

static size_t
find(const struct parts *parts, const char *bytes, size_t len)
{
	for (size_t i = 0; i + len <= parts->tbs_len; i++)
		if (memcmp(parts->tbs + i, bytes, len) == 0)
			return i;
	abort();
}

/* Judges a path of @der and the root; NULL reason: it holds. */
static void
expect(struct csn_bytes der, uint32_t relax, const char *reason, const char *what)
{
	uint32_t               relaxed = 0;
	struct x509_path_rules rules = { .unix_s = PKI_NOW, .relax = relax, .relaxed = &relaxed,
		                         .max_intermediates = X509_PATH_NO_LIMIT };
	struct x509_refusal    why = { "x509.parse", 0 };
	X509                  *path[] = { x509_cert_load(der), root };
	bool good = path[0] != NULL && x509_path_check(path, 2, &rules, &why);

	if (!tap_ok(good == (reason == NULL) && (good || strcmp(why.reason, reason) == 0), "%s: %s",
	            what, reason == NULL ? "accepted" : reason))
		tap_note("%s", good ? "accepted" : why.reason);
	X509_free(path[0]);
}

static void
test_der(void)
{
	static uint8_t  out[8192];
	struct parts    parts = take_apart(leaf), good = parts;
	struct csn_bytes der = put_together(&parts, out);

	expect(der, 0, NULL, "taken apart and put together");
	out[der.len] = 0;
	expect((struct csn_bytes){ out, der.len + 1 }, 0, "x509.parse",
	       "a byte after the certificate");
	/* The key's SEQUENCE: 30 59 becomes 30 81 59. */
	insert(&parts, find(&parts, "\x30\x59\x30\x13", 4) + 1, 0x81);
	const unsigned char *p = out;
	der = put_together(&parts, out);
	X509 *ber = d2i_X509(NULL, &p, (long)der.len);
	tap_ok(ber != NULL && X509_verify(ber, root_key) == 1,
	       "a key written with a longer length is one to OpenSSL");
	X509_free(ber);
	ERR_clear_error();
	expect(der, 0, "x509.parse", "and none to us: it would have another hash");
	parts = good;
	parts.alg[11] = 0x03; /* ecdsa-with-SHA384 */
	expect(put_together(&parts, out), 0, "x509.sigalg.mismatch",
	       "another algorithm outside than inside");
}

static void
test_curve(void)
{
	EVP_PKEY        *key = pki_key(PKI_P256);
	struct pki_cert  spec = { .subject = "pump", .key = key, .issuer = root,
		                  .issuer_key = root_key };
	struct csn_bytes der;

	if (EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit") != 1)
		abort();
	X509 *cert = pki_make(&spec);
	der = pki_der(cert);
	expect(der, 0, "x509.key.curve", "a curve written out instead of named");
	OPENSSL_free((void *)(uintptr_t)der.ptr);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* What is forgiven is one thing; another wrong in the same path is still refused. */
static void
test_relaxed(void)
{
	static const struct {
		const char *what, *reason;
		uint32_t    relax;
		bool        spoil;
	} rows[] = {
		{ "no key identifier", "x509.aki.missing", 0, false },
		{ "relaxed", NULL, X509_RELAX_AKI, false },
		{ "relaxed, and a signature that does not hold", "x509.signature", X509_RELAX_AKI,
		  true },
		{ "every relaxation, and a signature that does not hold", "x509.signature",
		  (1u << X509_RELAX_COUNT) - 1, true },
	};
	struct pki_cert spec = { .subject = "pump", .key = leaf_key, .issuer = root,
		                 .issuer_key = root_key, .no_aki = true };
	X509           *cert = pki_make(&spec);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct csn_bytes der = pki_der(cert);
		if (rows[i].spoil)
			((uint8_t *)(uintptr_t)der.ptr)[der.len - 1] ^= 1;
		expect(der, rows[i].relax, rows[i].reason, rows[i].what);
		OPENSSL_free((void *)(uintptr_t)der.ptr);
	}
	X509_free(cert);
}

/* External data is empty in this protocol: a signature over some is over something else. */
static void
test_external(void)
{
	static const uint8_t     data[] = "x", did[16];
	uint8_t                  buf[8192], challenge[32] = { 7 };
	struct x509_devices      devices = { .profile = X509_PROFILE_RFC5280, .maker_count = 1 };
	const struct x509_maker *maker;
	uint32_t                 relaxed;

	strcpy(devices.makers[0].name, "acme");
	devices.makers[0].anchors = sk_X509_new_null();
	X509_up_ref(root);
	sk_X509_push(devices.makers[0].anchors, root);
	if (x509_devices_prepare(&devices) != CSN_OK)
		abort();
	for (int with = 0; with < 2; with++) {
		struct csn_verdict  verdict = { .size = sizeof verdict };
		struct pki_proof    spec = { .chain = &leaf, .count = 1, .key = leaf_key,
			                     .label = "csgn1/evid-rfc5280",
			                     .challenge = CSN_BYTES_OF(challenge),
			                     .aad = { data, (size_t)with } };
		struct csn_evidence evidence = { .size = sizeof evidence, .type = "rfc5280",
			                         .value = pki_proof(&spec, buf, sizeof buf),
			                         .challenge = CSN_BYTES_OF(challenge),
			                         .did = CSN_BYTES_OF(did), .unix_s = PKI_NOW };
		x509_devices_judge(&devices, &evidence, &verdict, &relaxed, &maker);
		tap_ok(with == 0 ? verdict.judgement == CSN_ACCEPTED :
		                   strcmp(verdict.reason, "x509.proof") == 0,
		       "a proof %s external data", with ? "over" : "without");
	}
	x509_devices_done(&devices);
}

int
main(void)
{
	root_key = pki_key(PKI_P256);
	leaf_key = pki_key(PKI_P256);
	root = pki_make(&(struct pki_cert){ .subject = "Acme Root", .key = root_key, .ca = true });
	leaf = pki_make(&(struct pki_cert){ .subject = "pump", .serial_number = "SN-1",
	                                    .key = leaf_key, .issuer = root,
	                                    .issuer_key = root_key });
	test_der();
	test_curve();
	test_relaxed();
	test_external();
	X509_free(root);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(leaf_key);
	return tap_done();
}
