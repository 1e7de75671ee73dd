/* The verifier of evidence items "tpm2": a quote whose qualifying data is the challenge. */
#ifndef CSN_ATTEST_TPM2_VERIFIER_H
#define CSN_ATTEST_TPM2_VERIFIER_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include "lib/crypto.h"
#include "lib/references.h"
#include "tpm2.h"

#define TPM2_ALLOW_MAX 1024

struct tpm2 {
	const struct csn_host   *host;
	const struct csn_crypto *crypto;
	/* options */
	char    *references_path, *allow_path, *pcrs_text;
	uint32_t unsigned_references, log_needed, sha1;
	/* what they led to */
	struct csn_references references;
	uint8_t (*allow)[32];
	size_t                allow_count;
	struct tpm2_policy    policy;
	uint8_t               policy_hash[32];
};

/* Fills @verdict: ACCEPTED, or REJECTED with the reason; an error leaves it UNDECIDED. */
int tpm2_verdict(const struct tpm2 *tpm2, const struct csn_evidence *evidence,
                 struct csn_verdict *verdict);

int  tpm2_load(struct tpm2 *tpm2, struct csn_error *err);
void tpm2_unload(struct tpm2 *tpm2);

extern const struct csn_attest_ops tpm2_ops;

#endif
