/*
 * attest/x509 on devices of other manufacturers, whose standing is asked: revocation lists
 * and stapled OCSP answers, each good in all but one way.
 */
#define SEED_NAME "standing"
#include "unit/x509_tree.h"

#define LAST_MONTH "20241201000000Z"
#define NEXT_MONTH "20250201000000Z"
#define YESTERDAY  "20241231000000Z"

static void
set_crls(struct x509_devices *devices, X509_CRL *a, X509_CRL *b)
{
	sk_X509_CRL_pop_free(devices->makers[0].crls, X509_CRL_free);
	devices->makers[0].crls = sk_X509_CRL_new_null();
	sk_X509_CRL_push(devices->makers[0].crls, a);
	if (b != NULL)
		sk_X509_CRL_push(devices->makers[0].crls, b);
}

static X509_CRL *
list(X509 *const *revoked, size_t count, const char *to, long number)
{
	return pki_crl(tree.ca, tree.ca_key, revoked, count, LAST_MONTH, to, number);
}

static void
test_revocation_lists(void)
{
	struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };

	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	tree_make(&other, PKI_P256, good_root, good_ca, good_leaf);
	add_maker(&devices, "acme", tree.root);
	devices.revocation = X509_REVOCATION_LEAF;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.crl.missing",
	       "a list is wanted and there is none");
	set_crls(&devices, list(NULL, 0, NEXT_MONTH, 1), NULL);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "a list without the device");
	set_crls(&devices, list(&tree.leaf, 1, NEXT_MONTH, 1), NULL);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.revoked", "a list with it");
	devices.revocation = X509_REVOCATION_KNOWN;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.revoked",
	       "a list with it, where none is wanted");
	devices.revocation = X509_REVOCATION_LEAF;
	set_crls(&devices, list(NULL, 0, YESTERDAY, 1), NULL);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.crl.time",
	       "a list that ran out yesterday");
	devices.crl_grace_h = 48;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "the same with two days' grace");
	devices.crl_grace_h = 0;
	set_crls(&devices, list(NULL, 0, NEXT_MONTH, -1), NULL);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.crl.number",
	       "a list without a number");
	set_crls(&devices,
	         pki_crl(tree.ca, tree.ca_key, NULL, 0, YESTERDAY, NEXT_MONTH, 4),
	         list(NULL, 0, NEXT_MONTH, 5));
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.crl.rollback",
	       "a later list with a lower number");
	set_crls(&devices, pki_crl(tree.ca, other.ca_key, NULL, 0, LAST_MONTH, NEXT_MONTH, 1),
	         NULL);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.crl.signature",
	       "a list signed by another key");
	set_crls(&devices, list(NULL, 0, NEXT_MONTH, 1), NULL);
	devices.revocation = X509_REVOCATION_ALL;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.crl.missing",
	       "all are wanted and the issuer's list is missing");
	set_crls(&devices, list(NULL, 0, NEXT_MONTH, 1),
	         pki_crl(tree.root, tree.root_key, &tree.ca, 1, LAST_MONTH, NEXT_MONTH, 1));
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.revoked",
	       "all are wanted and the issuer is revoked");
	x509_devices_done(&devices);
	tree_free(&tree);
	tree_free(&other);
}

static void
answer(struct x509_devices *devices, struct csn_bytes der, const char *reason,
       const char *what)
{
	expect(judge(devices, &(struct attempt){ .ocsp = der }), reason, what);
	OPENSSL_free((void *)(uintptr_t)der.ptr);
}

static void
test_answers(void)
{
	struct x509_devices devices = { .profile = X509_PROFILE_IDEVID,
		                        .revocation = X509_REVOCATION_LEAF };
	EVP_PKEY           *key = pki_key(PKI_P256);
	uint8_t             noise[] = { 0x30, 0x00 };

	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	tree_make(&other, PKI_P256, good_root, good_ca, good_leaf);
	add_maker(&devices, "acme", tree.root);
	struct pki_cert delegate = { .subject = "Acme OCSP", .key = key, .issuer = tree.ca,
		                     .issuer_key = tree.ca_key, .eku = "OCSPSigning" };
	X509 *signer = pki_make(&delegate);
	delegate.eku = "clientAuth";
	X509 *wrong = pki_make(&delegate);

#define BY_CA(status, age, life) \
	pki_ocsp(tree.leaf, tree.ca, tree.ca, tree.ca_key, status, age, life)
	answer(&devices, BY_CA(PKI_GOOD, 60, 3600), NULL, "an answer that it is good");
	answer(&devices, BY_CA(PKI_REVOKED, 60, 3600), "x509.ocsp.revoked", "that it is revoked");
	answer(&devices, BY_CA(PKI_REVOKED, 9000, 3600), "x509.ocsp.revoked",
	       "that it is revoked, of long ago");
	answer(&devices, BY_CA(PKI_UNKNOWN, 60, 3600), "x509.ocsp.unknown", "that it is unknown");
	answer(&devices, BY_CA(PKI_GOOD, 9000, 3600), "x509.ocsp.time", "an answer that ran out");
	answer(&devices, BY_CA(PKI_GOOD, -9000, 36000), "x509.ocsp.time", "one of tomorrow");
	answer(&devices, BY_CA(PKI_GOOD, 60, 0), "x509.ocsp.time", "one that never ends");
	devices.ocsp_max_age_h = 1;
	answer(&devices, BY_CA(PKI_GOOD, 60, 0), NULL, "the same, where an hour is allowed");
	answer(&devices, BY_CA(PKI_GOOD, 7200, 36000), "x509.ocsp.time",
	       "older than the hour allowed");
	devices.ocsp_max_age_h = 0;
	answer(&devices, pki_ocsp(other.leaf, tree.ca, tree.ca, tree.ca_key, PKI_GOOD, 60, 3600),
	       "x509.crl.missing", "an answer about another device");
	answer(&devices, pki_ocsp(tree.leaf, tree.ca, other.ca, other.ca_key, PKI_GOOD, 60, 3600),
	       "x509.ocsp.signature", "one by a stranger of the issuer's name");
	answer(&devices, pki_ocsp(tree.leaf, tree.ca, wrong, key, PKI_GOOD, 60, 3600),
	       "x509.ocsp.usage", "one by a certificate not meant for that");
	answer(&devices, pki_ocsp(tree.leaf, tree.ca, signer, key, PKI_GOOD, 60, 3600),
	       "x509.ocsp.signer-status", "one by a signer nobody vouches for");
	expect(judge(&devices, &(struct attempt){ .ocsp = CSN_BYTES_OF(noise) }),
	       "x509.ocsp.syntax", "noise in its place");
	X509_free(signer);
	X509_free(wrong);
	EVP_PKEY_free(key);
	x509_devices_done(&devices);
	tree_free(&tree);
	tree_free(&other);
}

int
main(void)
{
	test_revocation_lists();
	test_answers();
	expect_both();
	return tap_done();
}
