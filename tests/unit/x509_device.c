/*
 * attest/x509 on devices of other manufacturers: evidence that is good in all but one way,
 * with fresh keys, and which check refused it.  The pitfalls of X.509 are rows here.
 */
#define SEED_NAME "device"
#include "unit/x509_tree.h"

/* Makes the tree of the row, judges it and expects. */
struct tree_row {
	const char     *what, *reason;
	struct pki_cert root, ca, leaf;
	uint32_t        profile, relax;
	int64_t         at;
};

static void
test_rows(const struct tree_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct x509_devices devices = {
			.profile = rows[i].profile != 0 ? rows[i].profile : X509_PROFILE_IDEVID
		};

		tree_make(&tree, PKI_P256, rows[i].root.subject ? rows[i].root : good_root,
		          rows[i].ca.subject ? rows[i].ca : good_ca,
		          rows[i].leaf.subject ? rows[i].leaf : good_leaf);
		add_maker(&devices, "acme", tree.root);
		devices.makers[0].relax = rows[i].relax;
		expect(judge(&devices, &(struct attempt){ .at = rows[i].at }), rows[i].reason,
		       rows[i].what);
		x509_devices_done(&devices);
		tree_free(&tree);
	}
}

#define CA(...)   { .subject = "Acme Devices", __VA_ARGS__ }
#define LEAF(...) { .subject = "pump", __VA_ARGS__ }
#define SN        .serial_number = "SN-48213"

static void
test_certificates(void)
{
	const struct tree_row rows[] = {
		{ "a device of the manufacturer", NULL, .at = 0 },
		{ "a CA without basicConstraints' flag", "x509.ca.flag",
		  .ca = CA(.constraints = "critical,CA:FALSE") },
		{ "a CA whose flag is not critical", "x509.ca.flag",
		  .ca = CA(.constraints = "CA:TRUE") },
		{ "the same, relaxed for this maker", NULL, .ca = CA(.constraints = "CA:TRUE"),
		  .relax = X509_RELAX_CA_NONCRITICAL },
		{ "a path length exceeded", "x509.pathlen",
		  .root = { .subject = "Acme Root", .pathlen = "0" }, .ca = CA(.ca = true) },
		{ "a version 1 certificate between", "x509.version", .ca = CA(.version = 1),
		  .relax = X509_RELAX_AKI },
		{ "a device that is a CA", "x509.leaf.ca", .leaf = LEAF(SN, .ca = true) },
		{ "a device that may sign certificates", "x509.leaf.usage",
		  .leaf = LEAF(SN, .usage = "critical,digitalSignature,keyCertSign") },
		{ "a critical extension nobody knows, in the device", "x509.ext.critical",
		  .leaf = LEAF(SN, .extra_oid = "1.2.3.4", .extra_critical = true) },
		{ "one between", "x509.ext.critical",
		  .ca = CA(.extra_oid = "1.2.3.4", .extra_critical = true) },
		{ "one in the anchor", "x509.ext.critical",
		  .root = { .subject = "Acme Root", .extra_oid = "1.2.3.4",
		            .extra_critical = true } },
		{ "TCG's DICE extension, critical, which nobody here reads",
		  "x509.ext.critical",
		  .leaf = LEAF(SN, .extra_oid = "2.23.133.5.4.1", .extra_critical = true) },
		{ "one nobody knows that is not critical", NULL,
		  .leaf = LEAF(SN, .extra_oid = "1.2.3.4") },
		{ "a signature over SHA-1", "x509.sigalg", .leaf = LEAF(SN, .md = EVP_sha1()) },
		{ "a serial of zero", "x509.serial", .leaf = LEAF(SN, .serial_zero = true) },
		{ "the same, relaxed", NULL, .leaf = LEAF(SN, .serial_zero = true),
		  .relax = X509_RELAX_SERIAL },
		{ "no authority key identifier", "x509.aki.missing",
		  .leaf = LEAF(SN, .no_aki = true) },
		{ "a CA that may not sign certificates", "x509.usage.sign",
		  .ca = CA(.usage = "critical,cRLSign") },
		{ "a device that ran out", "x509.time.expired",
		  .leaf = LEAF(SN, .to = "20241231235959Z") },
		{ "in its last second", NULL, .leaf = LEAF(SN, .to = "20250101000000Z"),
		  .profile = X509_PROFILE_LDEVID },
		{ "one second later", "x509.time.expired",
		  .leaf = LEAF(SN, .to = "20250101000000Z"), .profile = X509_PROFILE_LDEVID,
		  .at = PKI_NOW + 1 },
		{ "a device of next year", "x509.time.not-yet",
		  .leaf = LEAF(SN, .from = "20260101000000Z") },
		{ "an anchor that ran out", "x509.time.expired",
		  .root = { .subject = "Acme Root", .to = "20240101000000Z" } },
		{ "IDevID: a name in the CN is no serial number", "x509.devid.no-serial",
		  .leaf = { .subject = "SN-48213" } },
		{ "IDevID: an end", "x509.devid.ends",
		  .leaf = LEAF(SN, .to = "20350101000000Z") },
		{ "IDevID: usage that is not critical", "x509.devid.usage",
		  .leaf = LEAF(SN, .usage = "digitalSignature") },
		{ "IDevID: usage without signatures", "x509.devid.usage",
		  .leaf = LEAF(SN, .usage = "critical,keyAgreement") },
		{ "IDevID: the serial in a hardwareModuleName", NULL,
		  .leaf = LEAF(.hardware = "0102ff") },
		{ "LDevID: an end is fine", NULL, .leaf = LEAF(SN, .to = "20350101000000Z"),
		  .profile = X509_PROFILE_LDEVID },
		{ "RFC 5280 alone: no serial number is fine", NULL,
		  .leaf = { .subject = "pump" }, .profile = X509_PROFILE_RFC5280 },
		{ "Matter: not its profile", "x509.matter.constraints",
		  .ca = CA(.constraints = "critical,CA:TRUE"), .profile = X509_PROFILE_MATTER },
		{ "name constraints that are not critical", "x509.nc.noncritical",
		  .ca = CA(.names = "permitted;DNS:acme.example") },
		{ "name constraints in the device", "x509.nc.leaf",
		  .leaf = LEAF(SN, .names = "critical,permitted;DNS:acme.example") },
	};

	test_rows(rows, sizeof rows / sizeof *rows);
}

/* ---- the proof, and what is sent ------------------------------------------------- */

static void
test_proof(void)
{
	struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };
	uint8_t             elsewhere[32] = { 0x43 };
	EVP_PKEY           *stranger = pki_key(PKI_P256);

	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	tree_make(&other, PKI_P256, (struct pki_cert){ .subject = "Else Root" },
	          (struct pki_cert){ .subject = "Else Devices" }, good_leaf);
	add_maker(&devices, "acme", tree.root);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "the device itself");
	tap_ok(verdict.has_key && verdict.trust[CSN_TRUST_INSTANCE] == CSN_CODE_AFFIRMED &&
	               verdict.trust[CSN_TRUST_EXECUTABLES] == CSN_CODE_NONE &&
	               verdict.trust[CSN_TRUST_HARDWARE] == CSN_CODE_NONE,
	       "it affirms who, and nothing of what runs there");
	tap_ok(verdict.hashes == (CSN_HASH_POLICY | CSN_HASH_REFERENCE), "by hashes that are told");
	tap_ok(verdict.fact_count == 5 && strcmp(verdict.facts[1].value, "acme") == 0 &&
	               strcmp(verdict.facts[2].value, "SN-48213") == 0,
	       "manufacturer and serial are facts");
	expect(judge(&devices, &(struct attempt){ .challenge = CSN_BYTES_OF(elsewhere) }),
	       "x509.proof", "an answer to another session's challenge");
	expect(judge(&devices, &(struct attempt){ .challenge = { challenge, 31 } }),
	       "x509.challenge", "a challenge of 31 bytes");
	expect(judge(&devices, &(struct attempt){ .key = stranger }), "x509.proof",
	       "a stranger who holds the certificates");
	expect(judge(&devices, &(struct attempt){ .key = tree.ca_key }), "x509.proof",
	       "the issuer's key in the device's place");
	expect(judge(&devices, &(struct attempt){ .label = "csgn1/evid-ldevid" }), "x509.proof",
	       "an answer under another profile's label");
	expect(judge(&devices, &(struct attempt){ .attached = true }), "x509.cose",
	       "a payload of the device's own");
	expect(judge(&devices, &(struct attempt){ .trailing = true }), "x509.cose",
	       "a byte behind the item");
	expect(judge(&devices, &(struct attempt){ .chain = { tree.leaf }, .count = 1 }),
	       "x509.anchor", "the issuer left out");
	expect(judge(&devices, &(struct attempt){ .chain = { tree.leaf, tree.ca, tree.root },
	                                          .count = 3 }),
	       NULL, "the anchor sent along");
	expect(judge(&devices, &(struct attempt){ .chain = { tree.leaf, tree.ca, tree.ca },
	                                          .count = 3 }),
	       "x509.chain.twice", "one certificate twice");
	expect(judge(&devices, &(struct attempt){ .chain = { tree.ca, tree.leaf },
	                                          .count = 2 }),
	       "x509.anchor", "the chain the wrong way round");
	expect(judge(&devices, &(struct attempt){ .chain = { other.leaf, other.ca, other.root },
	                                          .count = 3, .key = other.leaf_key }),
	       "x509.anchor", "a root of the device's own");
	expect(judge(&devices, &(struct attempt){ .chain = { other.leaf, tree.ca }, .count = 2,
	                                          .key = other.leaf_key }),
	       "x509.issuer", "a leaf of one maker under another's issuer");
	x509_devices_done(&devices);

	devices = (struct x509_devices){ .profile = X509_PROFILE_IDEVID };
	add_maker(&devices, "acme", tree.ca);
	expect(judge(&devices, &(struct attempt){ .chain = { tree.leaf }, .count = 1 }), NULL,
	       "a pinned issuer that is no root");
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "sent along");
	x509_devices_done(&devices);
	EVP_PKEY_free(stranger);
	tree_free(&tree);
	tree_free(&other);
}

/* An issuer below one that may have none below it. */
static void
test_long_path(void)
{
	for (int allowed = 0; allowed <= 1; allowed++) {
		struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };
		EVP_PKEY           *low_key = pki_key(PKI_P256), *leaf_key = pki_key(PKI_P256);

		tree_make(&tree, PKI_P256, good_root,
		          (struct pki_cert){ .subject = "Acme Devices",
		                             .pathlen = allowed ? "1" : "0" },
		          good_leaf);
		add_maker(&devices, "acme", tree.root);
		struct pki_cert low = { .subject = "Acme Line 3", .key = low_key, .ca = true,
			                .issuer = tree.ca, .issuer_key = tree.ca_key };
		X509           *low_cert = pki_make(&low);
		struct pki_cert leaf = good_leaf;
		leaf.key = leaf_key;
		leaf.issuer = low_cert;
		leaf.issuer_key = low_key;
		X509 *leaf_cert = pki_make(&leaf);
		expect(judge(&devices, &(struct attempt){ .chain = { leaf_cert, low_cert, tree.ca },
		                                          .count = 3, .key = leaf_key }),
		       allowed ? NULL : "x509.pathlen",
		       allowed ? "an issuer below one that may have one" :
		                 "an issuer below one that may have none");
		X509_free(leaf_cert);
		X509_free(low_cert);
		EVP_PKEY_free(leaf_key);
		EVP_PKEY_free(low_key);
		x509_devices_done(&devices);
		tree_free(&tree);
	}
}

static void
test_algorithms(void)
{
	static const char *const names[] = { "P-256", "P-384", "Ed25519", "RSA 2048" };

	for (int kind = PKI_P256; kind <= PKI_RSA; kind++) {
		struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };
		tree_make(&tree, (enum pki_key)kind, good_root, good_ca, good_leaf);
		add_maker(&devices, "acme", tree.root);
		expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, names[kind]);
		challenge[0] ^= 1;
		struct attempt late = { .challenge = { NULL, 0 } };
		static uint8_t first[32];
		memcpy(first, challenge, 32);
		first[0] ^= 1;
		late.challenge = CSN_BYTES_OF(first);
		expect(judge(&devices, &late), "x509.proof", names[kind]);
		challenge[0] ^= 1;
		x509_devices_done(&devices);
		tree_free(&tree);
	}
}

/* ---- lists ------------------------------------------------------------------------- */

static void
hash_of(X509 *cert, uint8_t hash[32])
{
	unsigned char *der = NULL;
	int            len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

static void
one_key(struct x509_keys *keys, X509 *cert)
{
	free(keys->hashes);
	keys->hashes = calloc(1, 32);
	keys->count = 1;
	hash_of(cert, keys->hashes[0]);
}

static void
test_lists(void)
{
	struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };

	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	tree_make(&other, PKI_P256, good_root, good_ca, good_leaf);
	add_maker(&devices, "acme", tree.root);
	one_key(&devices.deny, tree.leaf);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.deny", "a blocked key");
	one_key(&devices.deny, tree.ca);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.deny",
	       "a blocked key of an issuer");
	one_key(&devices.deny, other.leaf);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "another's key blocked");
	devices.has_allow = true;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.allow",
	       "an empty allow-list allows nobody");
	one_key(&devices.allow, other.leaf);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.allow",
	       "a key not on the allow-list");
	one_key(&devices.allow, tree.leaf);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "a key on it");
	expect(judge(&devices, &(struct attempt){ .key = other.leaf_key }), "x509.proof",
	       "a key on it without a proof");
	x509_devices_done(&devices);

	devices = (struct x509_devices){ .profile = X509_PROFILE_IDEVID, .has_allow = true };
	one_key(&devices.allow, tree.leaf);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.anchor",
	       "an allowed key without a maker, when a path is wanted, too");
	devices.allow_alone = 1;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "the same, alone");
	expect(judge(&devices, &(struct attempt){ .key = other.leaf_key }), "x509.proof",
	       "alone, but not without a proof");
	expect(judge(&devices, &(struct attempt){ .chain = { other.leaf, other.ca }, .count = 2,
	                                          .key = other.leaf_key }),
	       "x509.allow", "alone, and another key");
	x509_devices_done(&devices);
	tree_free(&tree);
	tree_free(&other);
}

static void
test_identities(void)
{
	struct x509_identity who = { .maker = "acme", .serial = "SN-48213" };
	struct x509_devices  devices = { .profile = X509_PROFILE_IDEVID,
		                         .has_identities = true,
		                         .identity_count = 1 };

	memcpy(who.did, did, sizeof did);
	devices.identities = malloc(sizeof who);
	*devices.identities = who;
	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	add_maker(&devices, "acme", tree.root);
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "the device on the list");
	strcpy(devices.identities->serial, "SN-48214");
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.identity",
	       "another serial than the list's");
	*devices.identities = who;
	strcpy(devices.identities->maker, "else");
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.identity",
	       "the right serial of another manufacturer");
	*devices.identities = who;
	devices.identities->did[15] ^= 1;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.identity",
	       "a device that is on no line");
	x509_devices_done(&devices);
	tree_free(&tree);
}

static void
test_relaxed_makers(void)
{
	struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };

	tree_make(&tree, PKI_P256, good_root,
	          (struct pki_cert){ .subject = "Acme Devices", .constraints = "CA:TRUE" },
	          good_leaf);
	tree_make(&other, PKI_P256, (struct pki_cert){ .subject = "Else Root" },
	          (struct pki_cert){ .subject = "Else Devices" }, good_leaf);
	add_maker(&devices, "acme", tree.root);
	add_maker(&devices, "else", other.root);
	devices.makers[1].relax = X509_RELAX_CA_NONCRITICAL;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), "x509.ca.flag",
	       "a relaxation of another manufacturer");
	devices.makers[0].relax = X509_RELAX_CA_NONCRITICAL | X509_RELAX_SHA1;
	expect(judge(&devices, &(struct attempt){ .at = 0 }), NULL, "one of its own");
	tap_ok(relaxed == X509_RELAX_CA_NONCRITICAL && verdict.reason_count == 1 &&
	               strcmp(verdict.reasons[0].code, "x509.relaxed.ca-flag-not-critical") == 0,
	       "the one that was needed is told, and no other");
	x509_devices_done(&devices);
	tree_free(&tree);
	tree_free(&other);
	for (uint32_t bit = 1; bit < 1u << X509_RELAX_COUNT; bit <<= 1)
		tap_ok(x509_relax_name(bit) != NULL && x509_relax_of(x509_relax_name(bit)) == bit,
		       "the relaxation %s has a name", x509_relax_name(bit));
}

/* ---- the quick way ---------------------------------------------------------------------- */

static unsigned
accepted_flipped(enum pki_key kind, size_t *ret_tried)
{
	struct x509_devices      devices = { .profile = X509_PROFILE_IDEVID };
	const struct x509_maker *maker;
	static uint8_t           buf[8192];
	unsigned                 accepted = 0;

	tree_make(&tree, kind, good_root, good_ca, good_leaf);
	add_maker(&devices, "acme", tree.root);
	struct pki_proof spec = { .chain = (X509 *[]){ tree.leaf, tree.ca }, .count = 2,
		                  .key = tree.leaf_key, .label = "csgn1/evid-idevid",
		                  .challenge = CSN_BYTES_OF(challenge) };
	struct csn_bytes    value = pki_proof(&spec, buf, sizeof buf);
	struct csn_evidence evidence = { .size = sizeof evidence, .type = "idevid",
		                         .value = value, .challenge = CSN_BYTES_OF(challenge),
		                         .unix_s = PKI_NOW };
	x509_devices_prepare(&devices);
	for (size_t i = 0; i < value.len; i++) {
		struct csn_verdict v[2] = { { .size = sizeof v[0] }, { .size = sizeof v[1] } };
		uint32_t           ignored;
		buf[i] ^= (uint8_t)(1u << i % 8);
		int q = x509_devices_judge(&devices, &evidence, &v[0], &ignored, &maker);
		struct x509_quick_anchor *quick = devices.makers[0].quick;
		devices.makers[0].quick = NULL;
		int r = x509_devices_judge(&devices, &evidence, &v[1], &ignored, &maker);
		devices.makers[0].quick = quick;
		apart += q != r || memcmp(&v[0], &v[1], sizeof v[0]) != 0;
		accepted += v[0].judgement == CSN_ACCEPTED;
		buf[i] ^= (uint8_t)(1u << i % 8);
	}
	*ret_tried = value.len;
	x509_devices_done(&devices);
	tree_free(&tree);
	return accepted;
}

static void
test_quick(void)
{
	static const char *const names[] = { "P-256", "P-384", "Ed25519" };
	struct x509_quick_forms  forms;
	struct x509_quick_anchor anchor;

	expect_both();
	for (int kind = PKI_P256; kind <= PKI_ED25519; kind++) {
		size_t   tried;
		unsigned accepted = accepted_flipped((enum pki_key)kind, &tried);
		tap_ok(accepted == 0 && apart == 0,
		       "%s: none of %zu with one bit flipped is accepted, and both agree",
		       names[kind], tried);
	}
	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	tap_ok(x509_quick_forms_make(&forms) && x509_quick_anchor(tree.root, &forms, &anchor) &&
	               anchor.key != NULL,
	       "an ordinary anchor is one for the quick way");
	x509_quick_anchor_done(&anchor);
	tap_ok(!x509_quick_anchor(tree.leaf, &forms, &anchor) && anchor.key == NULL,
	       "a device is no anchor");
	x509_quick_forms_done(&forms);
	tree_free(&tree);
}

/* A point off the curve, in a certificate that is signed all the same. */
static void
test_point(void)
{
	struct x509_devices devices = { .profile = X509_PROFILE_IDEVID };
	uint8_t             buf[8192];

	tree_make(&tree, PKI_P256, good_root, good_ca, good_leaf);
	add_maker(&devices, "acme", tree.root);
	struct csn_bytes der = pki_der(tree.leaf);
	X509            *bad = NULL;
	/* The last byte of the point, then the issuer signs anew over what is encoded. */
	uint8_t       *at = NULL, point[65];
	size_t         len;
	EVP_PKEY_get_octet_string_param(tree.leaf_key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
	                                sizeof point, &len);
	for (size_t i = 0; i + 65 <= der.len; i++)
		if (memcmp(der.ptr + i, point, 65) == 0)
			at = (uint8_t *)(uintptr_t)der.ptr + i;
	if (at == NULL)
		abort();
	at[64] ^= 1;
	const unsigned char *p = der.ptr;
	bad = d2i_X509(NULL, &p, (long)der.len);
	tap_ok(bad != NULL && i2d_re_X509_tbs(bad, NULL) > 0 &&
	               X509_sign(bad, tree.ca_key, EVP_sha256()) > 0,
	       "a certificate over a point off the curve");
	struct pki_proof spec = { .chain = (X509 *[]){ bad, tree.ca }, .count = 2,
		                  .key = tree.leaf_key, .label = "csgn1/evid-idevid",
		                  .challenge = CSN_BYTES_OF(challenge) };
	struct csn_evidence evidence = { .size = sizeof evidence, .type = "idevid",
		                         .value = pki_proof(&spec, buf, sizeof buf),
		                         .challenge = CSN_BYTES_OF(challenge),
		                         .unix_s = PKI_NOW };
	expect(judge_both(&devices, &evidence), "x509.key.malformed", "is refused");
	tap_ok(apart == 0, "by the quick way, too");
	X509_free(bad);
	OPENSSL_free((void *)(uintptr_t)der.ptr);
	x509_devices_done(&devices);
	tree_free(&tree);
}

int
main(void)
{
	test_certificates();
	test_proof();
	test_long_path();
	test_algorithms();
	test_lists();
	test_identities();
	test_relaxed_makers();
	test_quick();
	test_point();
	return tap_done();
}
