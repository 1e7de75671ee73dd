#include "verifier.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cose-any.h"
#include "lib/csgn1.h"
#include "lib/offer.h"
#include "lib/verdict.h"

/* An item taken apart. */
struct item {
	struct csn_cose_any cose;
	struct csn_bytes    certs[DICE_LAYERS_MAX]; /* root first                    */
	size_t              cert_count;
	struct csn_bytes    cdi;
	uint8_t             payload[CSN_L_MAX];
	struct csn_bytes    signed_payload;
};

static int
refuse_item(struct csn_verdict *verdict, const char *code, const char *found,
            const char *wanted)
{
	return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, code, 0, CSN_TRUST_INSTANCE, found,
	                   wanted);
}

/* x5chain: one byte string, or an array of them; leaf first becomes root first. */
static bool
take_certs(struct csn_bytes header, struct item *item)
{
	struct csn_dcbor_in in;
	size_t              n = 1;

	if (header.len == 0)
		return true;
	csn_dcbor_in_init(&in, header);
	if (csn_dcbor_peek(&in) == CSN_DCBOR_ARRAY)
		n = csn_dcbor_array(&in, 2, DICE_LAYERS_MAX);
	for (size_t i = n; i-- > 0 && !in.bad;)
		item->certs[i] = csn_dcbor_bytes(&in, 1, DICE_CERT_MAX);
	item->cert_count = n;
	return csn_dcbor_in_end(&in) == CSN_OK;
}

static bool
headers_known(struct csn_bytes map, size_t want)
{
	return csn_scbor_pairs(map) == want;
}

static int
take_item(const struct csn_evidence *evidence, struct item *item, struct csn_verdict *verdict)
{
	struct csn_dcbor_out out;
	const char          *why = "";

	if (evidence->challenge.len != 32)
		return refuse_item(verdict, "dice.challenge", "", "the challenge of a session");
	if (evidence->value.len > DICE_CHAIN_BYTES_MAX ||
	    csn_cose_any_parse(evidence->value, CSN_COSE_SIGN1, &item->cose, &why) < 0 ||
	    !item->cose.detached)
		return refuse_item(verdict, "dice.syntax", why, "a detached COSE_Sign1");
	item->cdi = csn_scbor_find(item->cose.unprotect, DICE_HEADER_CDI);
	struct csn_bytes x5chain = csn_scbor_find(item->cose.unprotect, DICE_HEADER_CHAIN);
	size_t           chains = (size_t)(item->cdi.len != 0) + (size_t)(x5chain.len != 0);
	if (chains == 0 || !headers_known(item->cose.unprotect, chains) ||
	    !headers_known(item->cose.protect, 1) || !take_certs(x5chain, item))
		return refuse_item(verdict, "dice.headers", "", "a chain and nothing else");
	csn_dcbor_out_init(&out, item->payload, sizeof item->payload);
	csn_offer_put_evid(&out, "csgn1/evid-dice", evidence->challenge.ptr);
	return csn_dcbor_out_end(&out, &item->signed_payload);
}

/* The certificates over a root key: they end in a UDS that the maker certified. */
static int
judge_uds(const struct dice *dice, const struct item *item, int64_t unix_s,
          const struct csn_pubkey *root, struct csn_verdict *verdict)
{
	struct dice_chain *uds = calloc(1, sizeof *uds);
	struct dice_policy policy = dice->policy;

	if (uds == NULL)
		return CSN_E_NOMEM;
	policy.unix_s = unix_s;
	policy.leaf_certifies = true;
	policy.layers_min = 0;
	policy.no_measurement = DICE_ALLOW;
	int r = dice_read_x509(item->certs, item->cert_count, uds, verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(uds, &policy, verdict);
	if (r == CSN_OK && !csn_pubkey_same(dice_leaf_key(uds), root))
		r = dice_refuse(verdict, CSN_CODE_FORGED, "dice.uds", 0, CSN_TRUST_INSTANCE, "",
		                "a certificate of the root key");
	dice_chain_done(uds);
	free(uds);
	return r;
}

static int
judge_chain(const struct dice *dice, const struct item *item, int64_t unix_s,
            struct dice_chain *chain, struct csn_verdict *verdict)
{
	struct dice_policy policy = dice->policy;
	int                r;

	policy.unix_s = unix_s;
	if (item->cdi.len == 0)
		r = dice_read_x509(item->certs, item->cert_count, chain, verdict);
	else
		r = dice_read_cbor(item->cdi, dice->android != 0, chain, verdict);
	if (r == CSN_OK && item->cdi.len != 0 && item->cert_count > 0) {
		r = judge_uds(dice, item, unix_s, &chain->root, verdict);
		policy.any_root = true;
	}
	if (r == CSN_OK)
		r = dice_chain_judge(chain, &policy, verdict);
	if (r == CSN_OK && !chain->degenerate && dice->ref_count > 0)
		r = dice_appraise(chain, dice->refs, dice->ref_count, unix_s, verdict);
	return r;
}

/* The leaf signs the challenge, and is the key the device speaks with. */
static int
judge_leaf(const struct dice *dice, const struct csn_evidence *evidence,
           const struct item *item, const struct dice_chain *chain,
           struct csn_verdict *verdict)
{
	const struct csn_pubkey *leaf = dice_leaf_key(chain);
	unsigned                 at = (unsigned)chain->count - 1;
	const char              *why = "";

	int r = csn_cose_any_verify(&item->cose, leaf, CSN_BYTES_NONE, item->signed_payload,
	                            &why);
	if (r == CSN_E_REFUSED)
		return dice_refuse(verdict, CSN_CODE_FORGED, "dice.proof", at, CSN_TRUST_INSTANCE,
		                   why, "the challenge signed by the leaf");
	/* did is the first half of the hash of the key that signed the hello. */
	if (r == CSN_OK && dice->leaf_is_device != 0 &&
	    (evidence->did.len != CSN_ID_LEN ||
	     memcmp(evidence->did.ptr, leaf->spki_hash, CSN_ID_LEN) != 0))
		return dice_refuse(verdict, CSN_CODE_FORGED, "dice.did", at, CSN_TRUST_INSTANCE,
		                   "", "the key that signed the hello");
	return r;
}

static void
tell(const struct dice *dice, const struct dice_chain *chain, struct csn_verdict *verdict)
{
	const struct csn_pubkey *leaf = dice_leaf_key(chain);
	struct csn_bytes         ueid = CSN_BYTES_NONE;
	char                     number[24];

	memcpy(verdict->key_hash, leaf->spki_hash, sizeof verdict->key_hash);
	verdict->has_key = true;
	csn_verdict_fact_hex(verdict, "key.hash", leaf->spki_hash, 32);
	snprintf(number, sizeof number, "%zu", chain->count);
	csn_verdict_fact(verdict, "dice.certificates", number);
	csn_verdict_fact(verdict, "dice.form", chain->degenerate ? "degenerate" :
	                          chain->form == DICE_CBOR       ? "cbor" :
	                                                           "x509");
	for (size_t i = 0; i < chain->count; i++)
		if (chain->layers[i].ueid.len != 0)
			ueid = chain->layers[i].ueid;
	if (ueid.len != 0)
		csn_verdict_fact_hex(verdict, "identity.ueid", ueid.ptr, ueid.len);
	csn_verdict_hash(verdict, CSN_HASH_POLICY, dice->policy_hash);
	if (dice->ref_count > 0)
		csn_verdict_hash(verdict, CSN_HASH_REFERENCE, dice->references.hash);
}

int
dice_judge(const struct dice *dice, const struct csn_evidence *evidence,
           struct csn_verdict *verdict)
{
	struct item        item = { 0 };
	struct dice_chain *chain = calloc(1, sizeof *chain);

	if (chain == NULL)
		return CSN_E_NOMEM;
	int r = evidence->unix_s > INT64_MAX ? CSN_E_INVALID : take_item(evidence, &item, verdict);
	if (r == CSN_OK)
		r = judge_chain(dice, &item, (int64_t)evidence->unix_s, chain, verdict);
	if (r == CSN_OK)
		r = judge_leaf(dice, evidence, &item, chain, verdict);
	if (r == CSN_OK) {
		tell(dice, chain, verdict);
		r = csn_verdict_accept(verdict);
	}
	dice_chain_done(chain);
	free(chain);
	return r == CSN_E_REFUSED ? CSN_OK : r;
}

static const char *
dice_type(void *self)
{
	(void)self;
	return "dice";
}

/* Who it says it is: untrusted, so only the form of the item is looked at. */
static int
dice_identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
              size_t room, size_t *ret_count)
{
	const struct dice *dice = self;
	struct csn_verdict scratch = { .size = sizeof scratch };
	struct item        item = { 0 };
	struct dice_chain *chain = calloc(1, sizeof *chain);

	if (chain == NULL)
		return CSN_E_NOMEM;
	int r = room == 0 ? CSN_E_INVALID : take_item(evidence, &item, &scratch);
	if (r == CSN_OK)
		r = item.cdi.len == 0 ?
		            dice_read_x509(item.certs, item.cert_count, chain, &scratch) :
		            dice_read_cbor(item.cdi, dice->android != 0, chain, &scratch);
	if (r == CSN_OK) {
		csn_verdict_fact_hex(&scratch, "key.hash", dice_leaf_key(chain)->spki_hash, 32);
		ret_facts[0] = scratch.facts[0];
		*ret_count = 1;
	}
	dice_chain_done(chain);
	free(chain);
	return r == CSN_E_REFUSED ? CSN_E_PROTOCOL : r;
}

static int
dice_verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
            struct csn_verdict *verdict)
{
	const struct dice *dice = self;

	dice->host->op_done(op, dice_judge(dice, evidence, verdict), NULL);
	return CSN_OK;
}

/* Everything ends inside verify: there is nothing to withdraw. */
static void
dice_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

const struct csn_attest_ops dice_ops = {
	.size = sizeof dice_ops,
	.type = dice_type,
	.identify = dice_identify,
	.verify = dice_verify,
	.cancel = dice_cancel,
};
