/*
 * The verifier of evidence items "cwt": a token whose nonce is the challenge of the
 * session (a realm's, SHA-512 of it).
 */
#ifndef CSN_ATTEST_EAT_VERIFIER_H
#define CSN_ATTEST_EAT_VERIFIER_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include "eat.h"
#include "lib/crypto.h"
#include "lib/references.h"

#define EAT_MAC_KEYS_MAX 64

struct eat {
	const struct csn_host   *host;
	const struct csn_crypto *crypto;
	/* options */
	char    *references_path, *mac_keys_path, *profiles_text, *lifecycles_text;
	uint32_t unsigned_references, components_needed;
	/* what they led to */
	struct csn_references references;
	struct eat_mac_key   *mac_keys;
	size_t                mac_key_count;
	struct eat_policy     policy;
	uint8_t               policy_hash[32];
};

/* Fills @verdict: ACCEPTED, or REJECTED with the reason; an error leaves it UNDECIDED. */
int eat_verdict(const struct eat *eat, const struct csn_evidence *evidence,
                struct csn_verdict *verdict);

int  eat_load(struct eat *eat, struct csn_error *err);
void eat_unload(struct eat *eat);
/* One secret as hex: 32 to 128 bytes that do not all agree; false otherwise. */
bool eat_parse_key(struct csn_bytes text, struct eat_mac_key *ret_key);

extern const struct csn_attest_ops eat_ops;

#endif
