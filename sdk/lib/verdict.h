/*
 * Filling and reading verdicts (attest.h), the same way in every verifier.
 *
 * A verifier's verify() goes: check by check, the first that fails ends it with
 *
 *	return csn_verdict_reject(verdict, CSN_CODE_FORGED,
 *	                          &(struct csn_reason){ .code = "dice.signature",
 *	                                                .layer = 2, .wanted = "..." },
 *	                          "dice layer 2");
 *
 * which says CSN_OK, because a rejection is a judgement.  What is only worth a warning is
 * csn_verdict_note() with CSN_CODE_WARNING or above, and the work goes on.  What was proved
 * is csn_verdict_claim() for each member of the vector the evidence speaks of (none by
 * omission), facts by csn_verdict_fact(), and last csn_verdict_accept(), which refuses a
 * vector that holds anything against the device.  An error of the verifier itself is a
 * negative return: the verdict stays UNDECIDED, and undecided never passes.
 *
 *	csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
 *	csn_verdict_claim(verdict, CSN_TRUST_EXECUTABLES, CSN_CODE_AFFIRMED);
 *	csn_verdict_hash(verdict, CSN_HASH_REFERENCE, digest_of_corim);
 *	csn_verdict_fact_hex(verdict, "key.hash", verdict->key_hash, 32);
 *	return csn_verdict_accept(verdict);
 *
 * The host adds what is its own: hash of the evidence, time, nonce, policy of the station;
 * it writes all of it as one EAR (ear.h), signs it and keeps it with the audit entry.
 * Pure, no allocation; all are [any].
 */
#ifndef CSN_LIB_VERDICT_H
#define CSN_LIB_VERDICT_H

#include <stdbool.h>

#include <countersign/attest.h>

/* The tier of one code; what no tier has is CSN_TIER_NONE, also for a fault. */
enum csn_tier csn_trust_tier(int32_t code);
/* "instance-identity"; "?" past the end. */
const char *csn_trust_name(uint32_t claim);
/* "none", "affirming", "warning", "contraindicated". */
const char *csn_tier_name(enum csn_tier tier);

/* The worst tier any claim has; faults and unexpected evidence make it NONE. */
enum csn_tier csn_verdict_status(const struct csn_verdict *verdict);
/* May a verdict with this vector be ACCEPTED? */
bool csn_verdict_acceptable(const struct csn_verdict *verdict);

/* Sets a claim; a worse one that is there already stays. */
void csn_verdict_claim(struct csn_verdict *verdict, uint32_t claim, int32_t code);
/* One more reason, and its claim gets @code; the judgement stays.  Over 8: claim only. */
void csn_verdict_note(struct csn_verdict *verdict, int32_t code,
                      const struct csn_reason *reason);
/* note(), then REJECTED for this reason; @layer is its name, "leaf".  CSN_OK. */
int csn_verdict_reject(struct csn_verdict *verdict, int32_t code,
                       const struct csn_reason *reason, const char *layer);
/*
 * ACCEPTED when nothing was decided yet and the vector allows it, CSN_OK; otherwise
 * CSN_E_INTERNAL and UNDECIDED, or CSN_OK and REJECTED as before.
 */
int csn_verdict_accept(struct csn_verdict *verdict);

/* Facts over CSN_VERDICT_FACTS or too long for their place make accept() fail. */
void csn_verdict_fact(struct csn_verdict *verdict, const char *name, const char *value);
/* At most 47 bytes as lower-case hex. */
void csn_verdict_fact_hex(struct csn_verdict *verdict, const char *name,
                          const uint8_t *bytes, size_t len);
/* Members of @which (enum csn_verdict_hash). */
void csn_verdict_hash(struct csn_verdict *verdict, enum csn_verdict_hash which,
                      const uint8_t hash[32]);

#endif
