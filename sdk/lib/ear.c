#include "lib/ear.h"

#include <stdio.h>

#include "lib/hex.h"
#include "lib/verdict.h"

enum { /* labels of EAT and EAR                                               */
	LABEL_IAT = 6, LABEL_NONCE = 10, LABEL_PROFILE = 265, LABEL_SUBMODS = 266,
	LABEL_STATUS = 1000, LABEL_VECTOR = 1001, LABEL_POLICY = 1003, LABEL_VERIFIER = 1004,
};

static const char *const judgements[] = { "undecided", "rejected", "accepted" };

#define JUDGEMENTS (sizeof judgements / sizeof *judgements)

static void
put_vector(struct csn_dcbor_out *out, const int32_t trust[CSN_TRUST_COUNT])
{
	size_t made = 0;

	for (unsigned i = 0; i < CSN_TRUST_COUNT; i++)
		made += trust[i] != CSN_CODE_NONE;
	csn_dcbor_put_uint(out, LABEL_VECTOR);
	csn_dcbor_put_map(out, made);
	for (unsigned i = 0; i < CSN_TRUST_COUNT; i++) {
		if (trust[i] == CSN_CODE_NONE)
			continue;
		csn_dcbor_put_uint(out, i);
		csn_dcbor_put_int(out, trust[i]);
	}
}

static void
put_reasons(struct csn_dcbor_out *out, const struct csn_verdict *verdict)
{
	csn_dcbor_put_text(out, "csn.reasons");
	csn_dcbor_put_array(out, verdict->reason_count);
	for (uint32_t i = 0; i < verdict->reason_count; i++) {
		const struct csn_reason *reason = &verdict->reasons[i];
		csn_dcbor_put_array(out, 5);
		csn_dcbor_put_text(out, reason->code);
		if (reason->layer == CSN_NO_LAYER)
			csn_dcbor_put_null(out);
		else
			csn_dcbor_put_int(out, reason->layer);
		csn_dcbor_put_text(out, csn_trust_name(reason->claim));
		csn_dcbor_put_text(out, reason->found);
		csn_dcbor_put_text(out, reason->wanted);
	}
}

static void
put_facts(struct csn_dcbor_out *out, const struct csn_verdict *verdict)
{
	csn_dcbor_put_text(out, "csn.facts");
	csn_dcbor_put_array(out, 2 * (size_t)verdict->fact_count);
	for (uint32_t i = 0; i < verdict->fact_count; i++) {
		csn_dcbor_put_text(out, verdict->facts[i].name);
		csn_dcbor_put_text(out, verdict->facts[i].value);
	}
}

static void
put_named_hash(struct csn_dcbor_out *out, const char *name, const uint8_t hash[32])
{
	csn_dcbor_put_text(out, name);
	csn_dcbor_put_hash(out, hash, 32);
}

static void
put_policy_id(struct csn_dcbor_out *out, const uint8_t hash[32])
{
	char text[8 + 64 + 1] = "sha-256:";

	csn_hex_write(hash, 32, text + 8);
	csn_dcbor_put_uint(out, LABEL_POLICY);
	csn_dcbor_put_text(out, text);
}

/* Keys in the order of their encodings: numbers, then texts by length. */
static void
put_submodule(struct csn_dcbor_out *out, const struct csn_ear *ear)
{
	const struct csn_verdict *v = ear->verdict;
	bool   policy = (v->hashes & CSN_HASH_POLICY) != 0;
	bool   reference = (v->hashes & CSN_HASH_REFERENCE) != 0;
	size_t pairs = 6;

	pairs += ear->policy_hash != NULL ? 1 : 0;
	pairs += (v->has_key ? 1u : 0u) + (policy ? 1u : 0u) + (reference ? 1u : 0u) +
	         (v->not_after != 0 ? 1u : 0u);
	csn_dcbor_put_map(out, pairs);
	csn_dcbor_put_uint(out, LABEL_STATUS);
	csn_dcbor_put_uint(out, (uint64_t)csn_verdict_status(v));
	put_vector(out, v->trust);
	if (ear->policy_hash != NULL)
		put_policy_id(out, ear->policy_hash);
	if (v->has_key)
		put_named_hash(out, "csn.key", v->key_hash);
	put_facts(out, v);
	if (policy)
		put_named_hash(out, "csn.policy", v->policy_hash);
	put_reasons(out, v);
	put_named_hash(out, "csn.evidence", ear->evidence_hash);
	csn_dcbor_put_text(out, "csn.judgement");
	csn_dcbor_put_text(out, v->judgement < JUDGEMENTS ? judgements[v->judgement] : "undecided");
	if (v->not_after != 0) {
		csn_dcbor_put_text(out, "csn.not-after");
		csn_dcbor_put_uint(out, v->not_after);
	}
	if (reference)
		put_named_hash(out, "csn.reference", v->reference_hash);
}

void
csn_ear_put(struct csn_dcbor_out *out, const struct csn_ear *ear)
{
	csn_dcbor_put_map(out, ear->nonce.len > 0 ? 5 : 4);
	csn_dcbor_put_uint(out, LABEL_IAT);
	csn_dcbor_put_uint(out, ear->iat);
	if (ear->nonce.len > 0) {
		csn_dcbor_put_uint(out, LABEL_NONCE);
		csn_dcbor_put_bytes(out, ear->nonce);
	}
	csn_dcbor_put_uint(out, LABEL_PROFILE);
	csn_dcbor_put_text(out, CSN_EAR_PROFILE);
	csn_dcbor_put_uint(out, LABEL_SUBMODS);
	csn_dcbor_put_map(out, 1);
	csn_dcbor_put_text(out, ear->type);
	put_submodule(out, ear);
	csn_dcbor_put_uint(out, LABEL_VERIFIER);
	csn_dcbor_put_map(out, 2);
	csn_dcbor_put_uint(out, 0);
	csn_dcbor_put_text(out, "Countersign");
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_text(out, ear->build);
}

/* ---- reading -------------------------------------------------------------------- */

static void
expect_uint(struct csn_dcbor_in *in, uint64_t want)
{
	if (csn_dcbor_uint(in, want) != want)
		csn_dcbor_fail(in);
}

static bool
text_is(struct csn_bytes text, const char *want)
{
	return text.len == strlen(want) && memcmp(text.ptr, want, text.len) == 0;
}

static void
expect_text(struct csn_dcbor_in *in, const char *want)
{
	if (!text_is(csn_dcbor_text(in, 0, SIZE_MAX), want))
		csn_dcbor_fail(in);
}

static void
read_vector(struct csn_dcbor_in *in, int32_t trust[CSN_TRUST_COUNT])
{
	expect_uint(in, LABEL_VECTOR);
	size_t count = csn_dcbor_map(in, 0, CSN_TRUST_COUNT);

	for (size_t i = 0; i < count && !in->bad; i++) {
		uint64_t claim = csn_dcbor_uint(in, CSN_TRUST_COUNT - 1);
		int64_t  code = csn_dcbor_int(in);
		if (code == CSN_CODE_NONE || code < INT8_MIN || code > INT8_MAX)
			csn_dcbor_fail(in);
		else if (!in->bad)
			trust[claim] = (int32_t)code;
	}
}

static void
read_rest(struct csn_dcbor_in *in, size_t pairs, struct csn_ear_view *view)
{
	for (size_t i = 0; i < pairs && !in->bad; i++) {
		if (csn_dcbor_peek(in) == CSN_DCBOR_UINT) {
			expect_uint(in, LABEL_POLICY);
			view->policy_id = csn_dcbor_text(in, 1, 128);
			continue;
		}
		struct csn_bytes key = csn_dcbor_text(in, 1, 32);
		if (text_is(key, "csn.evidence"))
			view->evidence_hash = csn_dcbor_bytes(in, 32, 32);
		else if (text_is(key, "csn.judgement"))
			view->judgement = csn_dcbor_text(in, 1, 16);
		else if (text_is(key, "csn.reasons"))
			view->reasons = csn_dcbor_item(in);
		else
			(void)csn_dcbor_item(in);
	}
}

static bool
is_judgement(struct csn_bytes text)
{
	for (size_t i = 0; i < JUDGEMENTS; i++)
		if (text_is(text, judgements[i]))
			return true;
	return false;
}

int
csn_ear_read(struct csn_bytes bytes, struct csn_ear_view *ret_view)
{
	struct csn_ear_view view = { .iat = 0 };
	struct csn_dcbor_in in;

	if (bytes.len > CSN_EAR_MAX || csn_dcbor_check(bytes) < 0)
		return CSN_E_PROTOCOL;
	csn_dcbor_in_init(&in, bytes);
	size_t pairs = csn_dcbor_map(&in, 4, 5);
	expect_uint(&in, LABEL_IAT);
	view.iat = csn_dcbor_uint(&in, UINT64_MAX);
	if (pairs == 5) {
		expect_uint(&in, LABEL_NONCE);
		(void)csn_dcbor_bytes(&in, 1, 64);
	}
	expect_uint(&in, LABEL_PROFILE);
	expect_text(&in, CSN_EAR_PROFILE);
	expect_uint(&in, LABEL_SUBMODS);
	csn_dcbor_map(&in, 1, 1);
	view.type = csn_dcbor_text(&in, 1, 63);
	size_t members = csn_dcbor_map(&in, 6, 11);
	expect_uint(&in, LABEL_STATUS);
	view.status = (int64_t)csn_dcbor_uint(&in, CSN_TIER_CONTRAINDICATED);
	read_vector(&in, view.trust);
	if (members >= 2)
		read_rest(&in, members - 2, &view);
	expect_uint(&in, LABEL_VERIFIER);
	(void)csn_dcbor_item(&in);
	if (csn_dcbor_in_end(&in) < 0 || view.evidence_hash.len != 32 ||
	    !is_judgement(view.judgement) || view.reasons.len == 0)
		return CSN_E_PROTOCOL;
	*ret_view = view;
	return CSN_OK;
}
