/*
 * The verifier of evidence items "dice": a device's chain and a signature by its leaf
 * over the challenge of the session.
 *
 * The value is a detached COSE_Sign1 over ["csgn1/evid-dice", chal].  Its unprotected
 * header has the chain: x5chain (33), leaf first, or under -70002 an array of a COSE_Key
 * and CDI certificates, root first; with both, the certificates vouch for the root key
 * (Android's UDS certificates).
 */
#ifndef CSN_ATTEST_DICE_VERIFIER_H
#define CSN_ATTEST_DICE_VERIFIER_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include "dice.h"
#include "lib/crypto.h"
#include "lib/references.h"

#define DICE_HEADER_CHAIN   33
#define DICE_HEADER_CDI     (-70002)
#define DICE_REFS_MAX       1024

struct dice {
	const struct csn_host   *host;
	const struct csn_crypto *crypto;
	/* options */
	char    *anchors_path, *references_path, *modes_text, *flags_text;
	uint32_t unsigned_references, references_needed, absent_flags, unmeasured;
	uint32_t layers_min, layers_max, degenerate, android, config_hash, leaf_is_device;
	/* what they led to */
	struct csn_pubkeys    anchors;
	struct csn_references references;
	struct dice_ref      *refs;
	size_t                ref_count;
	struct dice_policy    policy;
	uint8_t               policy_hash[32];
};

/* Fills @verdict: ACCEPTED, or REJECTED with the reason; an error leaves it UNDECIDED. */
int dice_judge(const struct dice *dice, const struct csn_evidence *evidence,
               struct csn_verdict *verdict);

/* Reads what the options name; on failure everything is released again. */
int  dice_load(struct dice *dice, struct csn_error *err);
void dice_unload(struct dice *dice);

extern const struct csn_attest_ops dice_ops;

#endif
