/*
 * A manufacturer's tree made on the spot, and evidence of its device judged both ways, for
 * the tests of attest/x509 on devices.  SEED_NAME names the seeds a test leaves.
 */
#ifndef CSN_TESTS_X509_TREE_H
#define CSN_TESTS_X509_TREE_H

#include "kit/pki.h"
#include "kit/tap.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/verdict.h"
#include "plugins/attest/x509/device.h"

/* One manufacturer's tree: anchor, one issuer between, the device. */
struct tree {
	EVP_PKEY *root_key, *ca_key, *leaf_key;
	X509     *root, *ca, *leaf;
};

static struct tree tree, other;
static uint8_t     challenge[32] = { 0x42 };
static const uint8_t did[16] = { 0xd1, 0xd2 };

static void
tree_make(struct tree *t, enum pki_key kind, struct pki_cert root, struct pki_cert ca,
          struct pki_cert leaf)
{
	t->root_key = pki_key(kind);
	t->ca_key = pki_key(kind);
	t->leaf_key = pki_key(kind);
	root.key = t->root_key;
	root.ca = true;
	t->root = pki_make(&root);
	ca.key = t->ca_key;
	ca.issuer = t->root;
	ca.issuer_key = t->root_key;
	ca.ca = true;
	t->ca = pki_make(&ca);
	leaf.key = t->leaf_key;
	leaf.issuer = t->ca;
	leaf.issuer_key = t->ca_key;
	t->leaf = pki_make(&leaf);
}

static void
tree_free(struct tree *t)
{
	EVP_PKEY_free(t->root_key);
	EVP_PKEY_free(t->ca_key);
	EVP_PKEY_free(t->leaf_key);
	X509_free(t->root);
	X509_free(t->ca);
	X509_free(t->leaf);
	memset(t, 0, sizeof *t);
}

static const struct pki_cert good_root = { .subject = "Acme Root" };
static const struct pki_cert good_ca = { .subject = "Acme Devices", .pathlen = "0" };
static const struct pki_cert good_leaf = { .subject = "pump", .serial_number = "SN-48213" };

static void
add_maker(struct x509_devices *devices, const char *name, X509 *anchor)
{
	struct x509_maker *maker = &devices->makers[devices->maker_count++];

	snprintf(maker->name, sizeof maker->name, "%s", name);
	maker->anchors = sk_X509_new_null();
	X509_up_ref(anchor);
	sk_X509_push(maker->anchors, anchor);
}

/* What one try is about; zeroed members mean: as it should be. */
struct attempt {
	X509            *chain[4];
	size_t           count;
	EVP_PKEY        *key;
	const char      *label;
	struct csn_bytes ocsp, challenge;
	bool             attached, trailing;
	int64_t          at;
};

static struct csn_verdict verdict;
static uint32_t           relaxed;
static unsigned           apart; /* how often the quick way and the long one differed */

static void
unprepare(struct x509_devices *devices)
{
	for (size_t i = 0; i < devices->maker_count; i++) {
		struct x509_maker *maker = &devices->makers[i];
		for (int k = 0; maker->quick != NULL && k < sk_X509_num(maker->anchors); k++)
			x509_quick_anchor_done(&maker->quick[k]);
		free(maker->quick);
		maker->quick = NULL;
	}
	x509_quick_forms_done(&devices->forms);
	memset(devices->policy_hash, 0, 32);
	memset(devices->reference_hash, 0, 32);
}

/* With CSN_SEEDS in the environment, what is judged becomes a seed of fuzz_x509. */
static void
keep_seed(const struct x509_devices *devices, struct csn_bytes value)
{
	static unsigned number;
	const char     *folder = getenv("CSN_SEEDS");
	char            path[512];

	if (folder == NULL || devices->maker_count == 0 || value.len > 8192)
		return;
	snprintf(path, sizeof path, "%s/x509-both-ways/" SEED_NAME "-%04u", folder,
	         number);
	FILE            *both = fopen(path, "wb");
	snprintf(path, sizeof path, "%s/x509-item/" SEED_NAME "-%04u", folder, number++);
	FILE            *item = fopen(path, "wb");
	struct csn_bytes anchor = pki_der(sk_X509_value(devices->makers[0].anchors, 0));
	uint8_t          head[] = { (uint8_t)(anchor.len >> 8), (uint8_t)anchor.len };
	uint8_t          next[] = { (uint8_t)(value.len >> 8), (uint8_t)value.len };
	if (both == NULL || item == NULL || fwrite(head, 1, 2, both) != 2 ||
	    fwrite(anchor.ptr, 1, anchor.len, both) != anchor.len ||
	    fwrite(next, 1, 2, both) != 2 || fwrite(value.ptr, 1, value.len, both) != value.len ||
	    fwrite(value.ptr, 1, value.len, item) != value.len || fclose(both) != 0 ||
	    fclose(item) != 0)
		abort();
	OPENSSL_free((void *)(uintptr_t)anchor.ptr);
}

/* Judges the long way and the quick way, which must come to the same. */
static int
judge_both(struct x509_devices *devices, const struct csn_evidence *evidence)
{
	const struct x509_maker *maker;
	struct csn_verdict       quick = { .size = sizeof quick };
	uint32_t                 ignored;

	keep_seed(devices, evidence->value);
	verdict = (struct csn_verdict){ .size = sizeof verdict };
	int r = x509_devices_judge(devices, evidence, &verdict, &relaxed, &maker);
	if (x509_devices_prepare(devices) != CSN_OK)
		abort();
	int q = x509_devices_judge(devices, evidence, &quick, &ignored, &maker);
	memcpy(verdict.policy_hash, quick.policy_hash, 32);
	memcpy(verdict.reference_hash, quick.reference_hash, 32);
	apart += r != q || memcmp(&quick, &verdict, sizeof quick) != 0;
	unprepare(devices);
	return r;
}

static int
judge(struct x509_devices *devices, const struct attempt *try)
{
	static uint8_t buf[16384];
	char           label[48];

	snprintf(label, sizeof label, "csgn1/evid-%s", x509_profile_name(devices->profile));
	struct pki_proof spec = {
		.chain = try->count > 0 ? try->chain : (X509 *[]){ tree.leaf, tree.ca },
		.count = try->count > 0 ? try->count : 2,
		.key = try->key != NULL ? try->key : tree.leaf_key,
		.label = try->label != NULL ? try->label : label,
		.challenge = CSN_BYTES_OF(challenge),
		.ocsp = try->ocsp,
		.attached = try->attached,
	};
	struct csn_bytes value = pki_proof(&spec, buf, sizeof buf - 1);
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = "idevid",
		.value = { value.ptr, value.len + try->trailing },
		.challenge = try->challenge.len > 0 ? try->challenge : CSN_BYTES_OF(challenge),
		.did = { did, sizeof did },
		.unix_s = (uint64_t)(try->at != 0 ? try->at : PKI_NOW),
	};
	return judge_both(devices, &evidence);
}

/* @reason NULL: accepted. */
static void
expect(int r, const char *reason, const char *what)
{
	bool good = r == CSN_OK && verdict.judgement == (reason == NULL ? CSN_ACCEPTED :
	                                                                  CSN_REJECTED);

	if (reason != NULL)
		good = good && strcmp(verdict.reason, reason) == 0 && !verdict.fact_count;
	if (!tap_ok(good, "%s: %s", what, reason == NULL ? "accepted" : reason))
		tap_note("%d, judgement %u, %s at %d", r, verdict.judgement, verdict.reason,
		         (int)verdict.reasons[0].layer);
}

/* Last of a test: did the two ways ever come to different answers? */
static void
expect_both(void)
{
	tap_ok(apart == 0, "the quick way and the long one agreed on every row (%u did not)", apart);
}

#endif
