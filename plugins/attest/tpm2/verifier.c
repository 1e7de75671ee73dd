#include "verifier.h"

#include "lib/verdict.h"

int
tpm2_verdict(const struct tpm2 *tpm2, const struct csn_evidence *evidence,
             struct csn_verdict *verdict)
{
	struct tpm2_policy policy = tpm2->policy;

	if (evidence->unix_s > INT64_MAX)
		return CSN_E_INVALID;
	policy.unix_s = (int64_t)evidence->unix_s;
	if (evidence->challenge.len != 32) {
		struct csn_reason reason = { .code = "tpm2.challenge", .layer = CSN_NO_LAYER,
			                     .claim = CSN_TRUST_INSTANCE,
			                     .wanted = "the challenge of a session" };
		return csn_verdict_reject(verdict, CSN_CODE_UNRECOGNISED, &reason, "quote");
	}
	int r = tpm2_judge(&policy, evidence->value, evidence->challenge, verdict);
	if (r < 0)
		return r == CSN_E_REFUSED ? CSN_OK : r;
	csn_verdict_hash(verdict, CSN_HASH_POLICY, tpm2->policy_hash);
	if (tpm2->references.count > 0)
		csn_verdict_hash(verdict, CSN_HASH_REFERENCE, tpm2->references.hash);
	return csn_verdict_accept(verdict);
}

static const char *
tpm2_type(void *self)
{
	(void)self;
	return "tpm2";
}

/* The key an item brings: untrusted, for looking things up. */
static int
tpm2_identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
              size_t room, size_t *ret_count)
{
	struct csn_verdict scratch = { .size = sizeof scratch };
	struct tpm2_parts  parts;
	struct tpm2_key    key = { 0 };
	const char        *why;

	(void)self;
	if (room == 0 || !tpm2_parts_read(evidence->value, &parts) ||
	    tpm2_key_read(parts.public, &key, &why) < 0)
		return CSN_E_PROTOCOL;
	csn_verdict_fact_hex(&scratch, "identity.key", key.spki_hash, 32);
	tpm2_key_done(&key);
	ret_facts[0] = scratch.facts[0];
	*ret_count = 1;
	return CSN_OK;
}

static int
tpm2_verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
            struct csn_verdict *verdict)
{
	const struct tpm2 *tpm2 = self;

	tpm2->host->op_done(op, tpm2_verdict(tpm2, evidence, verdict), NULL);
	return CSN_OK;
}

/* Everything ends inside verify: there is nothing to withdraw. */
static void
tpm2_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

const struct csn_attest_ops tpm2_ops = {
	.size = sizeof tpm2_ops,
	.type = tpm2_type,
	.identify = tpm2_identify,
	.verify = tpm2_verify,
	.cancel = tpm2_cancel,
};
