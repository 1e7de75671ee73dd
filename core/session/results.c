/*
 * What becomes of a verdict: facts for policy, and a signed attestation result that goes
 * into the store together with the next entry of the audit log.
 */
#include "core/session/int.h"

#include "lib/cose.h"
#include "lib/ear.h"
#include "lib/verdict.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>

#define SIGN_MS 30000u

/* ---- facts ------------------------------------------------------------------ */

static const char *
judgement_name(uint32_t judgement)
{
	return judgement == CSN_ACCEPTED   ? "accepted"
	       : judgement == CSN_REJECTED ? "rejected"
					   : "undecided";
}

/* How much one accepted verdict assures, by what it proved and what it affirms. */
static uint32_t
assurance_of(const struct call *call)
{
	const int32_t *trust = call->verdict.trust;
	bool measured = csn_trust_tier(trust[CSN_TRUST_EXECUTABLES]) == CSN_TIER_AFFIRMING;
	bool hardware = csn_trust_tier(trust[CSN_TRUST_HARDWARE]) == CSN_TIER_AFFIRMING;

	if (call->evidence.challenge.len == 0) /* nothing fresh in it          */
		return POLICY_CLAIMED;
	if (!measured)
		return POLICY_PROVED;
	return hardware ? POLICY_HARDWARE : POLICY_MEASURED;
}

static int
trust_facts(struct session *s)
{
	char name[48];
	int r = facts_set(&s->facts, "trust.status",
			  csn_tier_name(csn_verdict_status(&s->trust)));

	for (uint32_t i = 0; r == CSN_OK && i < CSN_TRUST_COUNT; i++) {
		if (s->trust.trust[i] == CSN_CODE_NONE)
			continue;
		snprintf(name, sizeof name, "trust.%s", csn_trust_name(i));
		r = facts_set(&s->facts, name,
			      csn_tier_name(csn_trust_tier(s->trust.trust[i])));
	}
	return r;
}

/* Of an accepted verdict only; what a verifier says cannot replace the core's. */
static int
accepted_facts(struct session *s, const struct call *call)
{
	const struct csn_verdict *v = &call->verdict;
	uint32_t assured = assurance_of(call);
	char number[16];
	int r = CSN_OK;

	for (uint32_t i = 0; r == CSN_OK && i < v->fact_count; i++)
		r = s->pub.ops->fact(&s->pub, v->facts[i].name, v->facts[i].value);
	for (uint32_t i = 0; i < CSN_TRUST_COUNT; i++)
		if (v->trust[i] != CSN_CODE_NONE)
			csn_verdict_claim(&s->trust, i, v->trust[i]);
	s->assurance = assured > s->assurance ? assured : s->assurance;
	snprintf(number, sizeof number, "%u", s->assurance);
	if (r == CSN_OK)
		r = facts_set(&s->facts, "assurance", number);
	return r == CSN_OK ? trust_facts(s) : r;
}

static int
verdict_facts(struct session *s, const struct call *call)
{
	char name[48];

	snprintf(name, sizeof name, "evidence.%.20s", call->evidence.type);
	int r = facts_set(&s->facts, name, judgement_name(call->verdict.judgement));
	if (r == CSN_OK && call->verdict.judgement == CSN_ACCEPTED)
		r = accepted_facts(s, call);
	return r;
}

/* ---- the result --------------------------------------------------------------- */

static void
answer(struct call *call, int result)
{
	if (result == CSN_OK && verdict_facts(call->s, call) < 0)
		result = CSN_E_INTERNAL;
	if (result < 0)
		call->verdict.judgement = CSN_UNDECIDED;
	session_answer(call, result, NULL);
}

/* A word of an entry: the rest of a longer one is in the result itself. */
static void
copy_reason(const char *from, char to[AUDIT_REASON_MAX])
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t len = strspn(from, good);

	if (len > AUDIT_REASON_MAX - 1)
		len = AUDIT_REASON_MAX - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* Takes @bytes over. */
static int
keep(struct call *call, uint8_t *bytes, size_t len)
{
	struct session *s = call->s;
	struct result *result = &s->results[s->result_count];

	if (s->result_count == SESSION_RESULTS_MAX ||
	    EVP_Digest(bytes, len, result->hash, NULL, EVP_sha256(), NULL) != 1) {
		free(bytes);
		return CSN_E_TOO_BIG;
	}
	result->bytes = bytes;
	result->len = len;
	result->accepted = call->verdict.judgement == CSN_ACCEPTED;
	copy_reason(call->verdict.reason, result->reason);
	s->result_count++;
	return CSN_OK;
}

static int
write_ear(struct call *call, uint8_t *buf, size_t cap, struct csn_bytes *ret_ear)
{
	const struct csn_evidence *evidence = &call->evidence;
	uint8_t evidence_hash[32], policy[32];
	struct csn_dcbor_out out;
	struct csn_ear ear = { .build = PACKAGE_VERSION,
			       .iat = evidence->unix_s,
			       .nonce = evidence->challenge,
			       .type = evidence->type,
			       .policy_hash = policy,
			       .evidence_hash = evidence_hash,
			       .verdict = &call->verdict };

	if (EVP_Digest(evidence->value.ptr, evidence->value.len, evidence_hash, NULL,
		       EVP_sha256(), NULL) != 1 ||
	    policy_hash(call->s->parts.policy, policy) < 0)
		return CSN_E_INTERNAL;
	csn_dcbor_out_init(&out, buf, cap);
	csn_ear_put(&out, &ear);
	return csn_dcbor_out_end(&out, ret_ear);
}

/* The signature is there: the result is complete. */
static void
on_signed(struct call *call, int result, struct csn_buf *buf)
{
	struct csn_bytes sig = result == CSN_OK ? csn_buf_bytes(buf) : CSN_BYTES_NONE;
	struct csn_bytes ear = { call->ear, call->ear_len }, done;
	size_t cap = call->ear_len + CSN_COSE_OVERHEAD + CSN_SIG_LEN + 16;
	uint8_t *bytes = NULL;
	struct csn_dcbor_out out;

	if (result == CSN_OK && sig.len != CSN_SIG_LEN)
		result = CSN_E_INTERNAL;
	if (result == CSN_OK && (bytes = malloc(cap)) == NULL)
		result = CSN_E_NOMEM;
	if (result == CSN_OK) {
		csn_dcbor_out_init(&out, bytes, cap);
		csn_cose_put(&out, CSN_SUITE_X25519, NULL, 0, ear, sig.ptr);
		result = csn_dcbor_out_end(&out, &done);
	}
	if (result == CSN_OK)
		result = keep(call, bytes, done.len);
	else
		free(bytes);
	answer(call, result == CSN_OK ? call->verified : result);
}

static int
sign(struct call *call)
{
	const struct session_parts *parts = &call->s->parts;
	struct csn_bytes ear = { call->ear, call->ear_len }, to_sign;
	size_t cap = ear.len + CSN_COSE_OVERHEAD + 16;
	uint8_t *buf = malloc(cap);
	struct csn_dcbor_out out;

	if (buf == NULL)
		return CSN_E_NOMEM;
	csn_dcbor_out_init(&out, buf, cap);
	csn_cose_put_to_sign(&out, CSN_SUITE_X25519, ear);
	int r = csn_dcbor_out_end(&out, &to_sign);
	call->then = on_signed;
	struct csn_op *op = r < 0 ? NULL
				  : session_op(call, "keys: sign a result", SIGN_MS,
					       parts->keys->cancel, parts->keys_self);
	if (r == CSN_OK)
		r = op == NULL ? CSN_E_NOMEM
			       : session_op_started(call,
						    parts->keys->sign(
							    parts->keys_self, op,
							    parts->result_key, "EdDSA",
							    to_sign));
	free(buf);
	return r;
}

void
session_judged(struct call *call, int result)
{
	const struct session_parts *parts = &call->s->parts;
	struct csn_bytes ear;
	uint8_t *bytes = malloc(CSN_EAR_MAX);
	int r = bytes == NULL ? CSN_E_NOMEM : write_ear(call, bytes, CSN_EAR_MAX, &ear);

	if (r < 0) {
		free(bytes);
		answer(call, r);
		return;
	}
	if (parts->result_key == NULL || !CSN_HAS(parts->keys, sign)) {
		r = keep(call, bytes, ear.len);
		answer(call, r < 0 ? r : result);
		return;
	}
	call->ear = bytes;
	call->ear_len = ear.len;
	call->verified = result;
	r = sign(call);
	if (r < 0)
		answer(call, r);
}

/* ---- into the store ------------------------------------------------------------ */

int
session_results_items(struct session *s, const struct audit_entry *entry,
		      uint8_t bytes[][AUDIT_ENTRY_MAX], struct csn_store_item *items,
		      size_t *ret_count)
{
	size_t count = 0;

	for (size_t i = 0; i < s->result_count; i++) {
		const struct result *result = &s->results[i];
		struct audit_entry judged = *entry;
		struct csn_bytes coded;

		judged.what = AUDIT_APPRAISE;
		judged.yes = result->accepted;
		judged.outcome = judged.code = 0;
		memcpy(judged.reason, result->reason, sizeof judged.reason);
		judged.has[AUDIT_RESULT] = true;
		memcpy(judged.field[AUDIT_RESULT], result->hash, sizeof result->hash);
		int r = audit_encode(&judged, bytes[i], &coded);
		if (r < 0)
			return r;
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_PUT,
			.space = "result",
			.key = { result->hash, sizeof result->hash },
			.value = { result->bytes, result->len },
		};
		items[count++] = (struct csn_store_item){ .kind = CSN_ITEM_AUDIT,
							  .value = coded };
	}
	*ret_count = count;
	return CSN_OK;
}

void
session_results_done(struct session *s)
{
	for (size_t i = 0; i < s->result_count; i++)
		free(s->results[i].bytes);
	s->result_count = 0;
}
