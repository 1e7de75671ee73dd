#include "x509.h"

#include <stdbool.h>
#include <stdio.h>

#include "lib/cert.h"
#include "lib/csgn1.h"
#include "lib/offer.h"
#include "lib/verdict.h"

/* The three things this verifier reads, brought to one form. */
struct claim {
	unsigned         suite;
	struct csn_cose  cose;
	enum csn_cose_kind kind;
	unsigned         roles;
	struct csn_bytes payload;
	struct csn_bytes subject; /* SPKI the claim is about; empty: the leaf's  */
	bool             by_maker; /* a signer other than the subject is fine     */
	bool             has_key;
	uint8_t          did[16];
	struct csn_bytes class_name;
	uint8_t          buf[CSN_L_MAX];
};

static int
reject(struct csn_verdict *verdict, int32_t code, const char *reason, const char *layer,
       const char *wanted)
{
	struct csn_reason why = { .layer = CSN_NO_LAYER, .claim = CSN_TRUST_INSTANCE };

	snprintf(why.code, sizeof why.code, "%s", reason);
	snprintf(why.wanted, sizeof why.wanted, "%s", wanted);
	return csn_verdict_reject(verdict, code, &why, layer);
}

static bool
read_manifest(struct claim *claim)
{
	struct csn_manifest m;

	claim->payload = claim->cose.payload;
	if (csn_manifest_parse(claim->payload, &m) != 0 || csn_suite_pk_len(m.suite) == 0 ||
	    csn_manifest_keys_check(&m) != 0)
		return false;
	claim->suite = (unsigned)m.suite;
	claim->kind = CSN_COSE_OBJECT;
	claim->roles = CSN_ROLE_MANIFEST | CSN_ROLE_DEVICE;
	claim->by_maker = true;
	claim->subject = m.spki;
	claim->has_key = m.spki.len > 0;
	claim->class_name = m.class_name;
	memcpy(claim->did, m.did, sizeof claim->did);
	return true;
}

/* An item says nothing of its suite but by the algorithm of its signature. */
static bool
read_item(const struct csn_evidence *evidence, struct claim *claim)
{
	static const uint8_t eddsa[] = { 0xa1, 0x01, 0x27 };
	struct csn_dcbor_out out;

	if (evidence->challenge.len != 32 || evidence->did.len != sizeof claim->did)
		return false;
	claim->suite = csn_same(claim->cose.protect, CSN_BYTES_OF(eddsa)) ? CSN_SUITE_X25519 :
	                                                                    CSN_SUITE_P256;
	claim->kind = CSN_COSE_CHAIN;
	claim->roles = CSN_ROLE_DEVICE;
	claim->has_key = true;
	memcpy(claim->did, evidence->did.ptr, sizeof claim->did);
	csn_dcbor_out_init(&out, claim->buf, sizeof claim->buf);
	csn_offer_put_evid(&out, "csgn1/evid-x509", evidence->challenge.ptr);
	return csn_dcbor_out_end(&out, &claim->payload) == CSN_OK;
}

/* The hello carries its own challenge: it must be the one of this session. */
static bool
read_hello(const struct x509 *x509, const struct csn_evidence *evidence, struct csn_m0b *m0b,
           struct claim *claim)
{
	const struct csn_hello *hello = &m0b->hello;
	struct csn_dcbor_out    out;
	uint8_t                 hash[32];

	if (csn_m0b_parse(evidence->value, m0b) != 0 || csn_suite_pk_len(hello->suite) == 0)
		return false;
	if (csn_sha256(x509->crypto, m0b->evidence_raw, hash) < 0 ||
	    !csn_same_n(hash, hello->evh, sizeof hash))
		return false;
	if (csn_offer_chal(x509->crypto, hello->sid, hello->skid, hello->did, hello->e_d,
	                   hash) < 0 ||
	    !csn_same(evidence->challenge, CSN_BYTES_OF(hash)))
		return false;
	claim->suite = (unsigned)hello->suite;
	claim->cose = m0b->sig;
	claim->kind = CSN_COSE_CHAIN;
	claim->roles = CSN_ROLE_DEVICE;
	claim->has_key = true;
	memcpy(claim->did, hello->did, sizeof claim->did);
	csn_dcbor_out_init(&out, claim->buf, sizeof claim->buf);
	csn_offer_put_hello(&out, m0b->hello_raw);
	return csn_dcbor_out_end(&out, &claim->payload) == CSN_OK;
}

static bool
read_claim(const struct x509 *x509, const struct csn_evidence *evidence, struct csn_m0b *m0b,
           struct claim *claim)
{
	if (csn_dcbor_check(evidence->value) < 0)
		return false;
	if (csn_cose_parse(evidence->value, &claim->cose) < 0)
		return read_hello(x509, evidence, m0b, claim);
	return claim->cose.detached ? read_item(evidence, claim) : read_manifest(claim);
}

/* CSN_OK, a part of the chain check, or a negative code. */
static int
check_chain(const struct x509 *x509, const struct claim *claim, uint64_t unix_s,
            struct csn_cert *ret_leaf)
{
	struct csn_cert certs[CSN_CHAIN_MAX];
	uint32_t        at = (uint32_t)(unix_s - CSN_STAMP_EPOCH);
	int r = csn_chain_parse(claim->suite, claim->cose.chain, claim->cose.chain_len, certs);

	if (r != CSN_OK)
		return r;
	r = CSN_CHAIN_PATH;
	for (size_t i = 0; r == CSN_CHAIN_PATH && i < x509->count; i++)
		if (x509->anchors[i].suite == claim->suite)
			r = csn_chain_path(x509->crypto, claim->suite, certs,
			                   claim->cose.chain_len,
			                   (struct csn_bytes){ x509->anchors[i].spki,
			                                       x509->anchors[i].len });
	if (r == CSN_OK)
		r = csn_chain_usage(&certs[0], claim->roles);
	if (r == CSN_OK)
		r = csn_chain_time(certs, claim->cose.chain_len, at);
	if (r == CSN_OK)
		*ret_leaf = certs[0];
	return r;
}

static int
reject_chain(struct csn_verdict *verdict, int part)
{
	static const char *const reasons[][2] = {
		[CSN_CHAIN_SYNTAX] = { "x509.chain.profile", "certificates of the profile" },
		[CSN_CHAIN_PATH] = { "x509.chain.anchor", "a chain to a pinned maker" },
		[CSN_CHAIN_USAGE] = { "x509.chain.role", "a leaf with the role" },
		[CSN_CHAIN_TIME] = { "x509.chain.time", "certificates valid now" },
	};

	return reject(verdict, CSN_CODE_UNRECOGNISED, reasons[part][0], "chain",
	              reasons[part][1]);
}

/* Whose key is it, and is it who it claims to be? */
static int
check_identity(const struct x509 *x509, const struct csn_evidence *evidence,
               const struct claim *claim, const struct csn_cert *leaf,
               struct csn_verdict *verdict)
{
	struct csn_bytes subject = claim->by_maker ? claim->subject : leaf->spki;
	uint8_t          did[16];

	if (claim->by_maker && (leaf->roles & CSN_ROLE_MANIFEST) == 0 &&
	    !csn_same(leaf->spki, claim->subject))
		return reject(verdict, CSN_CODE_UNRECOGNISED, "x509.chain.role", "leaf",
		              "a manifest signer, or the device itself");
	if (evidence->did.len != 0 && !csn_same(evidence->did, CSN_BYTES_OF(claim->did)))
		return reject(verdict, CSN_CODE_UNRECOGNISED, "x509.did", "claim",
		              "the device asked about");
	if (!claim->has_key)
		return CSN_OK;
	int r = csn_short_id(x509->crypto, subject, did);
	if (r < 0)
		return r;
	if (memcmp(did, claim->did, sizeof did) != 0)
		return reject(verdict, CSN_CODE_UNRECOGNISED, "x509.did", "key",
		              "a device id derived from the key");
	r = csn_sha256(x509->crypto, subject, verdict->key_hash);
	verdict->has_key = r == CSN_OK;
	return r;
}

static int
accept(const struct claim *claim, struct csn_verdict *verdict)
{
	char name[96];

	csn_verdict_fact_hex(verdict, "identity.did", claim->did, sizeof claim->did);
	if (verdict->has_key)
		csn_verdict_fact_hex(verdict, "key.hash", verdict->key_hash, sizeof verdict->key_hash);
	if (claim->class_name.len > 0 && claim->class_name.len < sizeof name) {
		memcpy(name, claim->class_name.ptr, claim->class_name.len);
		name[claim->class_name.len] = '\0';
		csn_verdict_fact(verdict, "identity.class", name);
	}
	csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	return csn_verdict_accept(verdict);
}

int
x509_judge(const struct x509 *x509, const struct csn_evidence *evidence,
           struct csn_verdict *verdict)
{
	struct claim    claim = { 0 };
	struct csn_m0b  m0b;
	struct csn_cert leaf;

	if (evidence->unix_s < CSN_STAMP_EPOCH ||
	    evidence->unix_s - CSN_STAMP_EPOCH > UINT32_MAX)
		return CSN_E_INVALID;
	if (!read_claim(x509, evidence, &m0b, &claim))
		return reject(verdict, CSN_CODE_UNRECOGNISED, "x509.syntax", "claim",
		              "a manifest, a hello or an item of this session");
	if (csn_cose_headers(&claim.cose, claim.suite, claim.kind) < 0)
		return reject(verdict, CSN_CODE_UNRECOGNISED, "x509.headers", "signature",
		              "exactly the headers");
	int r = check_chain(x509, &claim, evidence->unix_s, &leaf);
	if (r != CSN_OK)
		return r < 0 ? r : reject_chain(verdict, r);
	r = csn_cose_verify(x509->crypto, &claim.cose, claim.suite, leaf.pk, claim.payload);
	if (r == CSN_E_REFUSED)
		return reject(verdict, CSN_CODE_FORGED, "x509.signature", "leaf",
		              "a signature by the leaf");
	if (r == CSN_OK)
		r = check_identity(x509, evidence, &claim, &leaf, verdict);
	if (r == CSN_OK && verdict->judgement == CSN_UNDECIDED)
		r = accept(&claim, verdict);
	return r;
}

static const char *
x509_type(void *self)
{
	const struct x509 *x509 = self;

	return x509->devices.profile == X509_PROFILE_CSGN1 ?
	               "x509" :
	               x509_profile_name(x509->devices.profile);
}

/* Who it says it is: untrusted, so nothing of the chain is looked at. */
static int
x509_identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
              size_t room, size_t *ret_count)
{
	struct claim       claim = { 0 };
	struct csn_m0b     m0b;
	struct csn_verdict scratch = { .size = sizeof scratch };

	if (((struct x509 *)self)->devices.profile != X509_PROFILE_CSGN1) {
		*ret_count = 0; /* nothing in it that a stranger could not write      */
		return CSN_OK;
	}
	if (room == 0 || !read_claim(self, evidence, &m0b, &claim))
		return CSN_E_PROTOCOL;
	csn_verdict_fact_hex(&scratch, "identity.did", claim.did, sizeof claim.did);
	ret_facts[0] = scratch.facts[0];
	*ret_count = 1;
	return CSN_OK;
}

static int
x509_verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
            struct csn_verdict *verdict)
{
	const struct x509       *x509 = self;
	const struct x509_maker *maker = NULL;
	uint32_t                 relaxed = 0;
	int                      r;

	if (x509->devices.profile == X509_PROFILE_CSGN1)
		r = x509_judge(x509, evidence, verdict);
	else
		r = x509_devices_judge(&x509->devices, evidence, verdict, &relaxed, &maker);
	for (uint32_t bit = 1; bit < 1u << X509_RELAX_COUNT; bit <<= 1)
		if ((relaxed & bit) != 0 && maker != NULL)
			x509->host->log(x509->host, CSN_LOG_WARN,
			                "a device of %s passed by the relaxation %s", maker->name,
			                x509_relax_name(bit));
	x509->host->op_done(op, r, NULL);
	return CSN_OK;
}

/* Everything ends inside verify: there is nothing to withdraw. */
static void
x509_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

const struct csn_attest_ops x509_ops = {
	.size = sizeof x509_ops,
	.type = x509_type,
	.identify = x509_identify,
	.verify = x509_verify,
	.cancel = x509_cancel,
};
