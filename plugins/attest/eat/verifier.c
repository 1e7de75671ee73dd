#include "verifier.h"

#include "lib/hex.h"
#include "lib/verdict.h"

bool
eat_parse_key(struct csn_bytes text, struct eat_mac_key *ret_key)
{
	bool varied = false;

	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
		text.len--;
	ret_key->len = text.len / 2;
	if (ret_key->len < 32 || ret_key->len > sizeof ret_key->key ||
	    !csn_hex_read(text, CSN_HEX_LOWER, ret_key->key, ret_key->len))
		return false;
	for (size_t i = 1; i < ret_key->len; i++)
		varied = varied || ret_key->key[i] != ret_key->key[0];
	return varied;
}

int
eat_verdict(const struct eat *eat, const struct csn_evidence *evidence,
            struct csn_verdict *verdict)
{
	struct eat_policy policy = eat->policy;

	if (evidence->unix_s > INT64_MAX)
		return CSN_E_INVALID;
	policy.unix_s = (int64_t)evidence->unix_s;
	if (evidence->challenge.len != 32) {
		struct csn_reason reason = { .code = "eat.challenge", .layer = CSN_NO_LAYER,
			                     .claim = CSN_TRUST_INSTANCE,
			                     .wanted = "the challenge of a session" };
		return csn_verdict_reject(verdict, CSN_CODE_UNRECOGNISED, &reason, "token");
	}
	int r = eat_judge(&policy, evidence->value, evidence->challenge, verdict);
	if (r < 0)
		return r == CSN_E_REFUSED ? CSN_OK : r;
	if (verdict->has_key)
		csn_verdict_fact_hex(verdict, "identity.key", verdict->key_hash, 32);
	csn_verdict_hash(verdict, CSN_HASH_POLICY, eat->policy_hash);
	if (eat->references.count > 0)
		csn_verdict_hash(verdict, CSN_HASH_REFERENCE, eat->references.hash);
	return csn_verdict_accept(verdict);
}

static const char *
eat_type(void *self)
{
	(void)self;
	return "cwt";
}

/* The instance a token names for itself: untrusted, for looking things up. */
static int
eat_identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
             size_t room, size_t *ret_count)
{
	struct csn_verdict  scratch = { .size = sizeof scratch };
	struct csn_cose_any cose;
	struct eat_claims   claims;
	struct csn_bytes    token = evidence->value, realm;
	const char         *why;

	(void)self;
	eat_split_cca(evidence->value, &token, &realm);
	if (room == 0 ||
	    (csn_cose_any_parse(token, CSN_COSE_SIGN1, &cose, &why) < 0 &&
	     csn_cose_any_parse(token, CSN_COSE_MAC0, &cose, &why) < 0) ||
	    eat_read_claims(cose.payload, false, &claims, &why) < 0)
		return CSN_E_PROTOCOL;
	csn_verdict_fact_hex(&scratch, "identity.ueid", claims.instance_id.ptr,
	                     claims.instance_id.len);
	ret_facts[0] = scratch.facts[0];
	*ret_count = 1;
	return CSN_OK;
}

static int
eat_verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
           struct csn_verdict *verdict)
{
	const struct eat *eat = self;

	eat->host->op_done(op, eat_verdict(eat, evidence, verdict), NULL);
	return CSN_OK;
}

/* Everything ends inside verify: there is nothing to withdraw. */
static void
eat_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

const struct csn_attest_ops eat_ops = {
	.size = sizeof eat_ops,
	.type = eat_type,
	.identify = eat_identify,
	.verify = eat_verify,
	.cancel = eat_cancel,
};
