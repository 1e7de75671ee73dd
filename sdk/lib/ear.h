/*
 * Attestation results as EAR (draft-ietf-rats-ear) in deterministic CBOR: what a verifier
 * said, which evidence, policy and reference values it rests on, and for how long.  The
 * host signs it as COSE_Sign1 and keeps it; others read it with a tool of their own.
 *
 * Beyond the draft a submodule holds text keys of ours: "csn.key" (SHA-256 of the proved
 * SPKI), "csn.facts", "csn.policy" (of the verifier's options), "csn.reasons" (arrays
 * [code, layer or null, claim, found, wanted]), "csn.evidence", "csn.judgement",
 * "csn.not-after", "csn.reference".  Pure, no allocation; all are [any].
 */
#ifndef CSN_LIB_EAR_H
#define CSN_LIB_EAR_H

#include <countersign/attest.h>

#include "lib/dcbor.h"

#define CSN_EAR_MAX     8192 /* bytes of one result                             */
#define CSN_EAR_PROFILE "tag:github.com,2023:veraison/ear"

struct csn_ear {
	const char               *build;       /* "0.1.0" of the verifier's host     */
	uint64_t                  iat;         /* unix_s                             */
	struct csn_bytes          nonce;       /* what freshness is bound to, or none */
	const char               *type;        /* evidence type: name of the submodule */
	const uint8_t            *policy_hash; /* of the host's policy; NULL: none   */
	const uint8_t            *evidence_hash; /* SHA-256 of the evidence          */
	const struct csn_verdict *verdict;
};

/* Writes the claims; csn_dcbor_out_end() says whether they fitted. */
void csn_ear_put(struct csn_dcbor_out *out, const struct csn_ear *ear);

/* What a reader of results wants first; borrowed from the bytes. */
struct csn_ear_view {
	uint64_t         iat;
	struct csn_bytes type, judgement, policy_id;
	int64_t          status; /* enum csn_tier                              */
	int32_t          trust[CSN_TRUST_COUNT];
	struct csn_bytes evidence_hash;
	struct csn_bytes reasons; /* the array, encoded                        */
};

/* Strict: CSN_E_PROTOCOL for what csn_ear_put() would not write. */
int csn_ear_read(struct csn_bytes bytes, struct csn_ear_view *ret_view);

#endif
