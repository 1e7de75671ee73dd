/*
 * Evidence items "dice" as a verifier gets them: who signed the challenge, whose key that
 * is, and reference values from a folder of authorities.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */

#include "kit/tap.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../plugins/attest/dice/verifier.h"
#include "kit/cdi-forge.h"
#include "kit/dice-forge.h"
#include "lib/crypto-openssl.h"

#define NOW 1795000000

enum chain { CERTS, CDI, BOTH, NEITHER };

/* How an item differs from a good one. */
struct item_case {
	const char *what, *reason; /* NULL: accepted                                    */
	enum chain  chain;
	const char *protect; /* hex of the byte string                                  */
	const char *more;    /* hex of one more unprotected header                      */
	bool stranger, other_challenge, other_did, attached, other_uds, no_did_rule, short_chal;
	bool root_first;
};

static const struct item_case item_cases[] = {
	{ .what = "an X.509 chain", .chain = CERTS },
	{ .what = "a CDI chain", .chain = CDI },
	{ .what = "a CDI chain whose root a maker certified", .chain = BOTH },
	{ .what = "another device than the one that said hello", .reason = "dice.did",
	  .chain = CERTS, .other_did = true },
	{ .what = "another device, where policy does not ask", .chain = CERTS, .other_did = true,
	  .no_did_rule = true },
	{ .what = "the challenge of another session", .reason = "dice.proof", .chain = CERTS,
	  .other_challenge = true },
	{ .what = "the challenge signed by a stranger", .reason = "dice.proof", .chain = CERTS,
	  .stranger = true },
	{ .what = "a CDI chain with a stranger's signature", .reason = "dice.proof", .chain = CDI,
	  .stranger = true },
	{ .what = "a challenge that is none", .reason = "dice.challenge", .chain = CERTS,
	  .short_chal = true },
	{ .what = "the payload attached", .reason = "dice.syntax", .chain = CERTS,
	  .attached = true },
	{ .what = "no chain", .reason = "dice.headers", .chain = NEITHER },
	{ .what = "a header more", .reason = "dice.headers", .chain = CERTS, .more = "0440" },
	{ .what = "a protected header more", .reason = "dice.headers", .chain = CERTS,
	  .protect = "45a201260340" },
	{ .what = "an algorithm that is not the leaf's", .reason = "dice.proof", .chain = CERTS,
	  .protect = "43a10127" },
	{ .what = "the chain the wrong way round", .reason = "dice.anchor", .chain = CERTS,
	  .root_first = true },
	{ .what = "a root key certified for another", .reason = "dice.uds", .chain = BOTH,
	  .other_uds = true },
};

/* Fresh keys of both kinds of chain, once. */
static struct {
	struct forge_chain forged;
	EVP_PKEY          *cdi_keys[CDIS + 2];
	struct csn_pubkey  maker, cdi_root;
} lab;

static void
put_hex(struct csn_dcbor_out *out, const char *hex)
{
	uint8_t bytes[256];

	csn_dcbor_put_raw(out, (struct csn_bytes){ bytes, forge_unhex(hex, bytes, sizeof bytes) });
}

static void
put_x5chain(struct csn_dcbor_out *out, bool root_first)
{
	csn_dcbor_put_uint(out, 33);
	csn_dcbor_put_array(out, lab.forged.count);
	for (size_t i = 0; i < lab.forged.count; i++)
		csn_dcbor_put_bytes(out, lab.forged.der[root_first ? i : lab.forged.count - 1 - i]);
}

/* Certificates of a maker over the CDI chain's root key: maker, then the UDS. */
static void
describe_uds(bool other)
{
	static char    spki_hex[2 * 64];
	uint8_t        spki[200];
	size_t         len = forge_spki(lab.cdi_keys[other ? 4 : 0], spki);

	for (size_t i = 0; i < len; i++)
		snprintf(spki_hex + 2 * i, 3, "%02x", spki[i]);
	lab.forged.count = 2;
	lab.forged.certs[1].spki = spki_hex;
	lab.forged.certs[1].ueid = NULL;
}

static void
put_headers(struct csn_dcbor_out *out, const struct item_case *c)
{
	struct cdi  cdis[CDIS];
	const char *configs[CDIS];
	bool        x5 = c->chain == CERTS || c->chain == BOTH;
	bool        cdi = c->chain == CDI || c->chain == BOTH;

	forge_describe(&lab.forged);
	if (c->chain == BOTH)
		describe_uds(c->other_uds);
	forge_build(&lab.forged);
	cdi_describe(cdis, configs);
	csn_dcbor_put_map(out, (size_t)x5 + (size_t)cdi + (c->more != NULL));
	if (c->more != NULL)
		put_hex(out, c->more);
	if (x5)
		put_x5chain(out, c->root_first);
	if (cdi) {
		csn_dcbor_put_int(out, DICE_HEADER_CDI);
		cdi_put_chain(out, cdis, configs, lab.cdi_keys, CDIS);
	}
}

static EVP_PKEY *
leaf_key(const struct item_case *c)
{
	return c->chain == CDI || c->chain == BOTH ? lab.cdi_keys[CDIS] : lab.forged.keys[4];
}

static struct csn_bytes
make_item(const struct item_case *c, const uint8_t chal[32], uint8_t *buf, size_t room)
{
	struct csn_dcbor_out out, payload, tbs;
	uint8_t     payload_buf[64], tbs_buf[256], sig[160], mine[32];
	EVP_PKEY   *key = c->stranger ? (leaf_key(c) == lab.cdi_keys[CDIS] ? lab.cdi_keys[4] :
	                                                                     lab.forged.keys[6]) :
	                                leaf_key(c);
	const char *protect = c->protect != NULL             ? c->protect :
	                      EVP_PKEY_is_a(key, "ED25519") ? "43a10127" :
	                                                      "43a10126";

	memcpy(mine, chal, sizeof mine);
	mine[0] ^= c->other_challenge;
	csn_dcbor_out_init(&payload, payload_buf, sizeof payload_buf);
	csn_dcbor_put_array(&payload, 2);
	csn_dcbor_put_text(&payload, "csgn1/evid-dice");
	csn_dcbor_put_bytes(&payload, CSN_BYTES_OF(mine));
	struct csn_bytes what = { payload_buf, payload.len };
	csn_dcbor_out_init(&tbs, tbs_buf, sizeof tbs_buf);
	csn_dcbor_put_array(&tbs, 4);
	csn_dcbor_put_text(&tbs, "Signature1");
	put_hex(&tbs, protect);
	csn_dcbor_put_bytes(&tbs, CSN_BYTES_NONE);
	csn_dcbor_put_bytes(&tbs, what);
	size_t len = forge_sign(key, (struct csn_bytes){ tbs_buf, tbs.len }, true, sig);
	csn_dcbor_out_init(&out, buf, room);
	csn_dcbor_put_array(&out, 4);
	put_hex(&out, protect);
	put_headers(&out, c);
	if (c->attached)
		csn_dcbor_put_bytes(&out, what);
	else
		csn_dcbor_put_null(&out);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, len });
	return (struct csn_bytes){ buf, out.len };
}

static void
test_item(const struct item_case *c)
{
	static const uint8_t chal[32] = { 7 };
	static uint8_t       buf[16384];
	uint8_t              spki[200], hash[32];
	unsigned             hash_len = 0;
	struct csn_pubkey    anchors[2] = { lab.maker, lab.cdi_root };
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct dice          dice = {
		.crypto = csn_crypto_openssl(),
		.leaf_is_device = !c->no_did_rule,
		.android = true,
		.policy = { .anchors = anchors, .anchor_count = c->chain == BOTH ? 1 : 2,
		            .layers_min = 3, .layers_max = 3, .android = true },
	};

	EVP_Digest(spki, forge_spki(leaf_key(c), spki), hash, &hash_len, EVP_sha256(), NULL);
	hash[0] ^= c->other_did;
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = "dice",
		.value = make_item(c, chal, buf, sizeof buf),
		.challenge = { chal, c->short_chal ? 16 : 32 },
		.did = { hash, 16 },
		.unix_s = NOW,
	};
	int  r = dice_judge(&dice, &evidence, &verdict);
	bool good = c->reason == NULL ?
	                    r == CSN_OK && verdict.judgement == CSN_ACCEPTED && verdict.has_key &&
	                            verdict.trust[CSN_TRUST_INSTANCE] == CSN_CODE_AFFIRMED &&
	                            verdict.trust[CSN_TRUST_EXECUTABLES] == CSN_CODE_NONE :
	                    r == CSN_OK && verdict.judgement == CSN_REJECTED &&
	                            strcmp(verdict.reason, c->reason) == 0;
	if (!tap_ok(good, "item: %s", c->what))
		tap_note("got %d, judgement %u, %s", r, verdict.judgement, verdict.reason);
}

/* ---- references on disk -------------------------------------------------------- */

static char root[64];

static void
write_file(const char *name, const void *bytes, size_t len)
{
	char  path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", root, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, len, file) != len)
		abort();
	fclose(file);
}

/* A CoRIM with one reference of vendor "ACME", unsigned. */
static size_t
write_corim(const char *name)
{
	uint8_t bytes[512];
	size_t  len = forge_unhex(
		"d901f5 a2 00626964 01 81 d901fa 5849 a2 01a100626964 04a100 81 82"
		"a100a1016441434d45 81 a101 a102 81 8201 5820 "
		"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
		bytes, sizeof bytes);

	/* The length of the CoMID follows from what was written. */
	bytes[14] = (uint8_t)(len - 15);
	write_file(name, bytes, len);
	return len;
}

static void
test_references(void)
{
	struct csn_references refs;
	struct dice_ref       list[4];
	char                  path[128], why[200];
	const char           *reason = "";
	size_t                count = 0;

	snprintf(root, sizeof root, "/tmp/countersign-dice-XXXXXX");
	if (mkdtemp(root) == NULL)
		abort();
	snprintf(path, sizeof path, "%s/acme", root);
	mkdir(path, 0700);
	tap_is(csn_references_load(root, true, &refs, why, sizeof why), CSN_E_CONFIG,
	       "a folder without a CoRIM is no references");
	write_corim("acme/one.cbor");
	int r = csn_references_load(root, false, &refs, why, sizeof why);
	tap_ok(r == CSN_E_REFUSED && strstr(why, "corim.unsigned") != NULL,
	       "an unsigned CoRIM is refused");
	r = csn_references_load(root, true, &refs, why, sizeof why);
	if (!tap_ok(r == CSN_OK && refs.count == 1, "and taken where policy says so"))
		tap_note("%s", why);
	if (r == CSN_OK) {
		tap_ok(dice_refs_read(&refs.corims[0], list, 4, &count, &reason) && count == 1 &&
		               list[0].vendor.len == 4 && list[0].fwid_count == 1 &&
		               list[0].fwids[0].alg == DICE_SHA256,
		       "its reference is one of DICE");
		csn_references_done(&refs);
	}
	write_file("acme/vendors", "ACMF\n", 5);
	r = csn_references_load(root, true, &refs, why, sizeof why);
	tap_ok(r == CSN_E_REFUSED && strstr(why, "not its own") != NULL,
	       "an authority may not speak of another's devices");
	write_file("acme/vendors", "ACMF\nACME\n", 10);
	r = csn_references_load(root, true, &refs, why, sizeof why);
	tap_is(r, CSN_OK, "it may speak of its own");
	if (r == CSN_OK)
		csn_references_done(&refs);
	write_file("acme/two.cbor", "\xa0", 1);
	tap_ok(csn_references_load(root, true, &refs, why, sizeof why) < 0,
	       "one bad file refuses the whole");
}

static void
clean_up(void)
{
	static const char *const names[] = { "acme/one.cbor", "acme/two.cbor", "acme/vendors" };
	char path[128];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", root, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/acme", root);
	rmdir(path);
	rmdir(root);
}

/* A root key and one entry that it signed for itself: off unless policy says so. */
static void
test_degenerate(void)
{
	static struct dice_chain chain;
	struct cdi               cdis[CDIS];
	const char              *configs[CDIS];
	uint8_t                  buf[4096], item[4096];
	struct csn_dcbor_out     out, two;
	struct csn_dcbor_in      in;

	cdi_describe(cdis, configs);
	cdis[0].key = 0;
	csn_dcbor_out_init(&out, buf, sizeof buf);
	cdi_put_chain(&out, cdis, configs, lab.cdi_keys, CDIS);
	csn_dcbor_in_init(&in, (struct csn_bytes){ buf, out.len });
	csn_dcbor_array(&in, CDIS + 1, CDIS + 1);
	csn_dcbor_out_init(&two, item, sizeof item);
	csn_dcbor_put_array(&two, 2);
	csn_dcbor_put_raw(&two, csn_scbor_item(&in));
	csn_dcbor_put_raw(&two, csn_scbor_item(&in));
	for (int allowed = 0; allowed < 2; allowed++) {
		struct csn_verdict verdict = { .size = sizeof verdict };
		struct dice_policy policy = { .anchors = &lab.cdi_root, .anchor_count = 1,
			                      .unix_s = NOW, .degenerate = allowed != 0 };
		memset(&chain, 0, sizeof chain);
		int r = dice_read_cbor((struct csn_bytes){ item, two.len }, true, &chain, &verdict);
		bool is = r == CSN_OK && chain.degenerate;
		if (r == CSN_OK)
			r = dice_chain_judge(&chain, &policy, &verdict);
		if (!tap_ok(is && (allowed ? r == CSN_OK :
		                             r == CSN_E_REFUSED &&
		                                     strcmp(verdict.reason, "dice.degenerate") == 0),
		            "a degenerate chain, %s", allowed ? "where policy takes it" :
		                                                "where nobody said so"))
			tap_note("%d %s, degenerate %d", r, verdict.reason, (int)is);
		dice_chain_done(&chain);
	}
}

int
main(void)
{
	uint8_t spki[200];

	forge_keys(&lab.forged);
	for (size_t i = 0; i < CDIS + 2; i++)
		lab.cdi_keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(lab.forged.keys[0], spki) },
	                     &lab.maker, NULL);
	csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(lab.cdi_keys[0], spki) },
	                     &lab.cdi_root, NULL);
	for (size_t i = 0; i < sizeof item_cases / sizeof *item_cases; i++)
		test_item(&item_cases[i]);
	test_references();
	test_degenerate();
	clean_up();
	csn_pubkey_done(&lab.maker);
	csn_pubkey_done(&lab.cdi_root);
	for (size_t i = 0; i < CDIS + 2; i++)
		EVP_PKEY_free(lab.cdi_keys[i]);
	forge_done(&lab.forged);
	return tap_done();
}
