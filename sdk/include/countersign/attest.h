/*
 * Verifiers judge evidence (RFC 9334).  Undecided is zero, and zero never passes.
 * Evidence and verdicts are plain data, so a verifier runs in a worker unchanged.
 */
#ifndef COUNTERSIGN_ATTEST_H
#define COUNTERSIGN_ATTEST_H

#include <countersign/types.h>

enum csn_judgement {
	CSN_UNDECIDED = 0,
	CSN_REJECTED  = 1,
	CSN_ACCEPTED  = 2,
};

/* Members of the trust vector, in the order of the EAR draft. */
enum csn_trust {
	CSN_TRUST_INSTANCE, CSN_TRUST_CONFIGURATION, CSN_TRUST_EXECUTABLES,
	CSN_TRUST_FILESYSTEM, CSN_TRUST_HARDWARE, CSN_TRUST_RUNTIME,
	CSN_TRUST_STORAGE, CSN_TRUST_SOURCED, CSN_TRUST_COUNT
};

/*
 * What a claim of the trust vector says (AR4SI): 2 to 31 affirms, 32 to 95 warns, 96 and
 * over speaks against; -1 to 1 say nothing.  Codes of one member only, such as 33 of
 * CSN_TRUST_EXECUTABLES (not recognised), are in the EAR draft.
 */
enum csn_trust_code {
	CSN_CODE_FAULT           = -1, /* the verifier failed                  */
	CSN_CODE_NONE            = 0,  /* no claim: never affirms by omission  */
	CSN_CODE_UNEXPECTED      = 1,  /* evidence the verifier did not expect */
	CSN_CODE_AFFIRMED        = 2,
	CSN_CODE_WARNING         = 32,
	CSN_CODE_CONTRAINDICATED = 96,
	CSN_CODE_UNRECOGNISED    = 97,
	CSN_CODE_FORGED          = 99, /* a cryptographic check failed         */
};

/* Tiers, and the status of a whole vector. */
enum csn_tier {
	CSN_TIER_NONE            = 0,
	CSN_TIER_AFFIRMING       = 2,
	CSN_TIER_WARNING         = 32,
	CSN_TIER_CONTRAINDICATED = 96,
};

#define CSN_VERDICT_FACTS   16
#define CSN_VERDICT_REASONS 8
#define CSN_NO_LAYER        (-1)

struct csn_fact {
	char name[32];  /* "identity.did", "key.hash", "executables.svn"      */
	char value[96];
};

/*
 * Why a claim is what it is.  @code is stable over releases, "PLUGIN.CHECK[.DETAIL]";
 * values are what was observed and what policy or reference values want, never secrets.
 */
struct csn_reason {
	char     code[48];    /* "dice.svn"                                   */
	int32_t  layer;       /* certificate, DICE layer, PCR; CSN_NO_LAYER   */
	uint32_t claim;       /* enum csn_trust it bears upon                 */
	char     found[96], wanted[96];
};

enum csn_verdict_hash {
	CSN_HASH_POLICY    = 1 << 0, /* what the verifier's options ask for    */
	CSN_HASH_REFERENCE = 1 << 1, /* anchors and reference values used      */
};

/* What is to be judged.  Everything in it is borrowed and untrusted. */
struct csn_evidence {
	uint32_t         size;
	const char      *type;      /* "x509", "psk", "dice", ...              */
	struct csn_bytes value;
	struct csn_bytes challenge; /* what freshness is bound to              */
	struct csn_bytes did;       /* who it claims to be; 16 bytes or none   */
	const char      *device_class;
	uint64_t         unix_s;    /* the verifier's clock                    */
};

/*
 * Arrives zeroed with size set; filled by verify, then by appraise.  lib/verdict.h has
 * the calls that fill it.  ACCEPTED wants a claim that affirms or warns, and none that
 * speaks against, is CSN_CODE_FAULT or CSN_CODE_UNEXPECTED; else it counts as UNDECIDED.
 */
struct csn_verdict {
	uint32_t        size;
	uint32_t        judgement; /* enum csn_judgement                       */
	int32_t         trust[CSN_TRUST_COUNT]; /* EAR values; 0: no claim     */
	uint32_t        has_key;
	uint8_t         key_hash[32]; /* SHA-256 of the proved SPKI            */
	char            reason[48];   /* stable: "x509.chain.signature"        */
	char            layer[32];    /* where: "leaf", "dice layer 2"         */
	char            found[128], wanted[128];
	uint32_t        fact_count;
	struct csn_fact facts[CSN_VERDICT_FACTS];
	/* Since 0.10.  reason, layer, found and wanted above: what decided, once more. */
	uint32_t          reason_count;
	struct csn_reason reasons[CSN_VERDICT_REASONS];
	uint32_t          hashes; /* set of enum csn_verdict_hash              */
	uint8_t           policy_hash[32], reference_hash[32];
	uint64_t          not_after; /* unix_s it holds until; 0: nothing said  */
};

struct csn_attest_ops {
	uint32_t size;
	/* [loop] The evidence type this verifier takes; lives as long as the instance. */
	const char *(*type)(void *self);
	/* [loop] Optional: ends @op with a nonce of the verifier's own. */
	int (*challenge)(void *self, struct csn_op *op);
	/* [loop] Who the evidence says it is from; untrusted. */
	int (*identify)(void *self, const struct csn_evidence *evidence,
	                struct csn_fact *ret_facts, size_t room, size_t *ret_count);
	/*
	 * [loop] Integrity and freshness.  @op ends CSN_OK once @verdict holds a
	 * judgement (a rejection is CSN_OK too); an error leaves it UNDECIDED.
	 */
	int (*verify)(void *self, struct csn_op *op, const struct csn_evidence *evidence,
	              struct csn_verdict *verdict);
	/* [loop] Pure: facts against reference values; may only lower a judgement. */
	int (*appraise)(void *self, const struct csn_evidence *evidence,
	                struct csn_verdict *verdict);
	void (*cancel)(void *self, struct csn_op *op); /* [loop]              */
};

#endif
