/* Results as EAR: the bytes another program reads, and a strict reader. */
#include "kit/tap.h"

#include "lib/ear.h"
#include "lib/verdict.h"

static uint8_t buf[CSN_EAR_MAX];

static struct csn_bytes
write_ear(const struct csn_verdict *verdict, struct csn_bytes nonce, const uint8_t *policy)
{
	static const uint8_t evidence[32] = { 0xee };
	struct csn_dcbor_out out;
	struct csn_bytes     bytes = CSN_BYTES_NONE;
	struct csn_ear       ear = { .build = "1", .iat = 1666091373, .nonce = nonce,
		                     .type = "x509", .policy_hash = policy,
		                     .evidence_hash = evidence, .verdict = verdict };

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_ear_put(&out, &ear);
	if (csn_dcbor_out_end(&out, &bytes) < 0)
		return CSN_BYTES_NONE;
	return bytes;
}

/* Written by hand from the draft's tables. */
static void
test_bytes(void)
{
	static const char want[] =
		"\xa4"
		"\x06\x1a\x63\x4e\x89\x6d"                                /* iat         */
		"\x19\x01\x09\x78\x20tag:github.com,2023:veraison/ear"    /* profile     */
		"\x19\x01\x0a\xa1\x64x509"                                /* submods     */
		"\xa6"
		"\x19\x03\xe8\x02"                                        /* affirming   */
		"\x19\x03\xe9\xa1\x00\x02"                                /* instance: 2 */
		"\x69" "csn.facts\x80"
		"\x6b" "csn.reasons\x80"
		"\x6c" "csn.evidence\x58\x20\xee\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"\x6d" "csn.judgement\x68" "accepted"
		"\x19\x03\xec\xa2\x00\x6b" "Countersign\x01\x61" "1";     /* verifier id */
	struct csn_verdict v = { .size = sizeof v };

	csn_verdict_claim(&v, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	csn_verdict_accept(&v);
	struct csn_bytes got = write_ear(&v, CSN_BYTES_NONE, NULL);
	tap_ok(got.len == sizeof want - 1 && memcmp(got.ptr, want, got.len) == 0,
	       "the bytes of the smallest result");
}

static void
fill(struct csn_verdict *v, char c)
{
	static const uint8_t hash[32] = { 0x77 };

	for (unsigned i = 0; i < CSN_VERDICT_FACTS; i++) {
		char value[96];
		memset(value, c, sizeof value - 1);
		value[sizeof value - 1] = '\0';
		csn_verdict_fact(v, "identity.serial-number", value);
	}
	for (unsigned i = 0; i < CSN_VERDICT_REASONS; i++) {
		struct csn_reason reason = { .layer = (int32_t)i - 1, .claim = i };
		memset(reason.code, 'r', sizeof reason.code - 1);
		memset(reason.found, c, sizeof reason.found - 1);
		memset(reason.wanted, c, sizeof reason.wanted - 1);
		csn_verdict_note(v, CSN_CODE_WARNING, &reason);
	}
	csn_verdict_hash(v, CSN_HASH_POLICY, hash);
	csn_verdict_hash(v, CSN_HASH_REFERENCE, hash);
	v->has_key = 1;
	v->not_after = UINT64_MAX;
}

static void
test_read(void)
{
	static const uint8_t policy[32] = { 0x11 }, nonce[32] = { 0x22 };
	struct csn_verdict   v = { .size = sizeof v };
	struct csn_ear_view  view;

	fill(&v, 'x');
	csn_verdict_accept(&v);
	struct csn_bytes all = write_ear(&v, CSN_BYTES_OF(nonce), policy);
	tap_ok(all.len > 0 && all.len <= CSN_EAR_MAX, "the largest result fits (%zu bytes)",
	       all.len);
	tap_ok(csn_dcbor_check(all) == CSN_OK, "and is deterministic");
	tap_ok(csn_ear_read(all, &view) == CSN_OK && view.iat == 1666091373 &&
	               view.status == CSN_TIER_WARNING &&
	               view.trust[CSN_TRUST_SOURCED] == CSN_CODE_WARNING &&
	               view.judgement.len == 8 && view.policy_id.len == 72,
	       "and is read again");
	size_t wrong = 0;
	for (size_t len = 0; len < all.len; len++)
		wrong += csn_ear_read((struct csn_bytes){ all.ptr, len }, &view) == CSN_OK;
	tap_ok(wrong == 0, "cut anywhere it is none");

	v = (struct csn_verdict){ .size = sizeof v };
	struct csn_reason why = { .code = "x509.proof", .layer = 0 };
	csn_verdict_reject(&v, CSN_CODE_FORGED, &why, "leaf");
	tap_ok(csn_ear_read(write_ear(&v, CSN_BYTES_NONE, NULL), &view) == CSN_OK &&
	               view.status == CSN_TIER_CONTRAINDICATED &&
	               memcmp(view.judgement.ptr, "rejected", 8) == 0,
	       "a rejection says so in status and judgement");
	v = (struct csn_verdict){ .size = sizeof v };
	tap_ok(csn_ear_read(write_ear(&v, CSN_BYTES_NONE, NULL), &view) == CSN_OK &&
	               view.status == CSN_TIER_NONE &&
	               memcmp(view.judgement.ptr, "undecided", 9) == 0,
	       "nothing decided is status none");
}

int
main(void)
{
	test_bytes();
	test_read();
	return tap_done();
}
