/* Verdicts: nothing passes by omission, and the worst claim counts. */
#include "kit/tap.h"

#include "lib/verdict.h"

static void
test_tiers(void)
{
	static const struct {
		int32_t       code;
		enum csn_tier want;
		const char   *what;
	} cases[] = {
		{ -1, CSN_TIER_NONE, "a fault is no tier" },
		{ 0, CSN_TIER_NONE, "no claim is no tier" },
		{ 1, CSN_TIER_NONE, "unexpected evidence is no tier" },
		{ 2, CSN_TIER_AFFIRMING, "2 affirms" },
		{ 31, CSN_TIER_AFFIRMING, "31 affirms" },
		{ 32, CSN_TIER_WARNING, "32 warns" },
		{ 95, CSN_TIER_WARNING, "95 warns" },
		{ 96, CSN_TIER_CONTRAINDICATED, "96 speaks against" },
		{ 99, CSN_TIER_CONTRAINDICATED, "99 speaks against" },
		{ INT32_MIN, CSN_TIER_NONE, "a code below the range is no tier" },
		{ INT32_MAX, CSN_TIER_CONTRAINDICATED, "a code over the range speaks against" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		tap_ok(csn_trust_tier(cases[i].code) == cases[i].want, "%s", cases[i].what);
}

/* Two claims, and what becomes of a verdict that has them. */
static void
test_accept(void)
{
	static const struct {
		const char   *what;
		int32_t       a, b;
		enum csn_tier status;
		uint32_t      want;
	} cases[] = {
		{ "an empty vector never passes", 0, 0, CSN_TIER_NONE, CSN_UNDECIDED },
		{ "one affirmed member passes", 2, 0, CSN_TIER_AFFIRMING, CSN_ACCEPTED },
		{ "a warning beside it passes as a warning", 2, 32, CSN_TIER_WARNING,
		  CSN_ACCEPTED },
		{ "one member that speaks against stops all", 2, 96, CSN_TIER_CONTRAINDICATED,
		  CSN_UNDECIDED },
		{ "a forged one does, too", 99, 2, CSN_TIER_CONTRAINDICATED, CSN_UNDECIDED },
		{ "a fault beside an affirmed one stops it", 2, -1, CSN_TIER_NONE,
		  CSN_UNDECIDED },
		{ "unexpected evidence stops it", 2, 1, CSN_TIER_NONE, CSN_UNDECIDED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_verdict v = { .size = sizeof v };

		csn_verdict_claim(&v, CSN_TRUST_INSTANCE, cases[i].a);
		csn_verdict_claim(&v, CSN_TRUST_EXECUTABLES, cases[i].b);
		enum csn_tier status = csn_verdict_status(&v);
		int           r = csn_verdict_accept(&v);
		tap_ok(status == cases[i].status && v.judgement == cases[i].want &&
		               (r == CSN_OK) == (cases[i].want == CSN_ACCEPTED),
		       "%s", cases[i].what);
	}
}

static void
test_worst_stays(void)
{
	static const int32_t order[] = { 0, 2, 32, 96, -1 };

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
			struct csn_verdict v = { .size = sizeof v };
			int32_t            want = order[i > k ? i : k];
			csn_verdict_claim(&v, CSN_TRUST_HARDWARE, order[i]);
			csn_verdict_claim(&v, CSN_TRUST_HARDWARE, order[k]);
			tap_ok(v.trust[CSN_TRUST_HARDWARE] == want, "%d, then %d: %d stays",
			       (int)order[i], (int)order[k], (int)want);
		}
}

static void
test_reject(void)
{
	struct csn_verdict v = { .size = sizeof v };
	struct csn_reason  svn = { .code = "dice.svn", .layer = 2,
		                   .claim = CSN_TRUST_EXECUTABLES, .found = "3",
		                   .wanted = "4 or more" };
	struct csn_reason  later = { .code = "dice.flags", .layer = 3,
		                     .claim = CSN_TRUST_CONFIGURATION };

	csn_verdict_claim(&v, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	tap_ok(csn_verdict_reject(&v, CSN_CODE_CONTRAINDICATED, &svn, "dice layer 2") ==
	               CSN_OK && v.judgement == CSN_REJECTED,
	       "a rejection is a judgement");
	tap_ok(strcmp(v.reason, "dice.svn") == 0 && strcmp(v.layer, "dice layer 2") == 0 &&
	               strcmp(v.found, "3") == 0 && strcmp(v.wanted, "4 or more") == 0,
	       "it says what, where, found and wanted");
	csn_verdict_reject(&v, CSN_CODE_CONTRAINDICATED, &later, "dice layer 3");
	tap_ok(strcmp(v.reason, "dice.svn") == 0 && v.reason_count == 2 &&
	               strcmp(v.reasons[1].code, "dice.flags") == 0 && v.reasons[1].layer == 3,
	       "a second one joins the list, the first stays the reason");
	tap_ok(csn_verdict_accept(&v) == CSN_OK && v.judgement == CSN_REJECTED,
	       "what was rejected cannot be accepted any more");
	for (unsigned i = 0; i < 20; i++)
		csn_verdict_note(&v, CSN_CODE_WARNING, &later);
	tap_ok(v.reason_count == CSN_VERDICT_REASONS, "the list of reasons is bounded");
}

static void
test_facts(void)
{
	static const uint8_t hash[48] = { 0xab, 0x01 };
	char                 name[40], value[120];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	for (unsigned i = 0; i < 4; i++) {
		struct csn_verdict v = { .size = sizeof v };
		csn_verdict_claim(&v, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
		if (i == 0)
			csn_verdict_fact(&v, name, "1");
		else if (i == 1)
			csn_verdict_fact(&v, "fact", value);
		else if (i == 2)
			csn_verdict_fact_hex(&v, "fact", hash, sizeof hash);
		for (unsigned k = 0; i == 3 && k <= CSN_VERDICT_FACTS; k++)
			csn_verdict_fact(&v, "fact", "1");
		tap_ok(csn_verdict_accept(&v) == CSN_E_INTERNAL && v.judgement == CSN_UNDECIDED,
		       "a fact that does not fit is no fact, and nothing passes (%u)", i);
	}
	struct csn_verdict v = { .size = sizeof v };
	csn_verdict_fact_hex(&v, "key.hash", hash, 2);
	tap_ok(strcmp(v.facts[0].value, "ab01") == 0, "bytes are written as hex");
	csn_verdict_claim(&v, CSN_TRUST_COUNT, CSN_CODE_AFFIRMED);
	tap_ok(v.trust[CSN_TRUST_INSTANCE] == CSN_CODE_FAULT,
	       "a claim past the vector is a fault, not a gift");
}

int
main(void)
{
	test_tiers();
	test_accept();
	test_worst_stays();
	test_reject();
	test_facts();
	return tap_done();
}
