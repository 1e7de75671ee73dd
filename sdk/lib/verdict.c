#include "lib/verdict.h"

#include "lib/hex.h"

#include <stdio.h>

#define FACT_HEX_MAX 47

enum csn_tier
csn_trust_tier(int32_t code)
{
	if (code >= CSN_CODE_CONTRAINDICATED)
		return CSN_TIER_CONTRAINDICATED;
	if (code >= CSN_CODE_WARNING)
		return CSN_TIER_WARNING;
	return code >= CSN_CODE_AFFIRMED ? CSN_TIER_AFFIRMING : CSN_TIER_NONE;
}

const char *
csn_trust_name(uint32_t claim)
{
	static const char *const names[CSN_TRUST_COUNT] = {
		[CSN_TRUST_INSTANCE] = "instance-identity",
		[CSN_TRUST_CONFIGURATION] = "configuration",
		[CSN_TRUST_EXECUTABLES] = "executables",
		[CSN_TRUST_FILESYSTEM] = "file-system",
		[CSN_TRUST_HARDWARE] = "hardware",
		[CSN_TRUST_RUNTIME] = "runtime-opaque",
		[CSN_TRUST_STORAGE] = "storage-opaque",
		[CSN_TRUST_SOURCED] = "sourced-data",
	};

	return claim < CSN_TRUST_COUNT ? names[claim] : "?";
}

const char *
csn_tier_name(enum csn_tier tier)
{
	switch (tier) {
	case CSN_TIER_AFFIRMING:
		return "affirming";
	case CSN_TIER_WARNING:
		return "warning";
	case CSN_TIER_CONTRAINDICATED:
		return "contraindicated";
	default:
		return "none";
	}
}

/* A claim that was made and says that nothing can be said. */
static bool
is_broken(int32_t code)
{
	return code != CSN_CODE_NONE && csn_trust_tier(code) == CSN_TIER_NONE;
}

enum csn_tier
csn_verdict_status(const struct csn_verdict *verdict)
{
	enum csn_tier worst = CSN_TIER_NONE;

	for (unsigned i = 0; i < CSN_TRUST_COUNT; i++) {
		enum csn_tier tier = csn_trust_tier(verdict->trust[i]);
		if (is_broken(verdict->trust[i]))
			return CSN_TIER_NONE;
		worst = tier > worst ? tier : worst;
	}
	return worst;
}

bool
csn_verdict_acceptable(const struct csn_verdict *verdict)
{
	enum csn_tier status = csn_verdict_status(verdict);

	return status == CSN_TIER_AFFIRMING || status == CSN_TIER_WARNING;
}

/* What a code weighs: a fault more than any claim, no claim least. */
static int
weight(int32_t code)
{
	return is_broken(code) ? CSN_TIER_CONTRAINDICATED + 1 : (int)csn_trust_tier(code);
}

void
csn_verdict_claim(struct csn_verdict *verdict, uint32_t claim, int32_t code)
{
	if (claim >= CSN_TRUST_COUNT) {
		claim = CSN_TRUST_INSTANCE;
		code = CSN_CODE_FAULT;
	}
	if (verdict->trust[claim] == CSN_CODE_NONE ||
	    weight(code) > weight(verdict->trust[claim]))
		verdict->trust[claim] = code;
}

void
csn_verdict_note(struct csn_verdict *verdict, int32_t code, const struct csn_reason *reason)
{
	csn_verdict_claim(verdict, reason->claim, code);
	if (verdict->reason_count < CSN_VERDICT_REASONS)
		verdict->reasons[verdict->reason_count++] = *reason;
}

int
csn_verdict_reject(struct csn_verdict *verdict, int32_t code,
                   const struct csn_reason *reason, const char *layer)
{
	csn_verdict_note(verdict, code, reason);
	if (verdict->judgement == CSN_REJECTED) /* the first one is the reason     */
		return CSN_OK;
	verdict->judgement = CSN_REJECTED;
	snprintf(verdict->reason, sizeof verdict->reason, "%s", reason->code);
	snprintf(verdict->layer, sizeof verdict->layer, "%s", layer);
	snprintf(verdict->found, sizeof verdict->found, "%s", reason->found);
	snprintf(verdict->wanted, sizeof verdict->wanted, "%s", reason->wanted);
	return CSN_OK;
}

int
csn_verdict_accept(struct csn_verdict *verdict)
{
	if (verdict->judgement == CSN_REJECTED)
		return CSN_OK;
	verdict->judgement = CSN_UNDECIDED;
	if (!csn_verdict_acceptable(verdict))
		return CSN_E_INTERNAL;
	verdict->judgement = CSN_ACCEPTED;
	return CSN_OK;
}

void
csn_verdict_fact(struct csn_verdict *verdict, const char *name, const char *value)
{
	struct csn_fact fact = { .name = "" };
	size_t          name_len = strlen(name), value_len = strlen(value);

	/* A fact cut short would be another fact. */
	if (verdict->fact_count >= CSN_VERDICT_FACTS || name_len >= sizeof fact.name ||
	    value_len >= sizeof fact.value) {
		csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_FAULT);
		return;
	}
	memcpy(fact.name, name, name_len);
	memcpy(fact.value, value, value_len);
	verdict->facts[verdict->fact_count++] = fact;
}

void
csn_verdict_fact_hex(struct csn_verdict *verdict, const char *name, const uint8_t *bytes,
                     size_t len)
{
	char text[2 * FACT_HEX_MAX + 1] = "";

	if (len > FACT_HEX_MAX) {
		csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_FAULT);
		return;
	}
	csn_hex_write(bytes, len, text);
	csn_verdict_fact(verdict, name, text);
}

void
csn_verdict_hash(struct csn_verdict *verdict, enum csn_verdict_hash which,
                 const uint8_t hash[32])
{
	verdict->hashes |= (uint32_t)which;
	if (which & CSN_HASH_POLICY)
		memcpy(verdict->policy_hash, hash, 32);
	if (which & CSN_HASH_REFERENCE)
		memcpy(verdict->reference_hash, hash, 32);
}
