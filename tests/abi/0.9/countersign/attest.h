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

#define CSN_VERDICT_FACTS 16

struct csn_fact {
	char name[32];  /* "identity.did", "key.hash", "executables.svn"      */
	char value[96];
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

/* Arrives zeroed with size set; filled by verify, then by appraise. */
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
};

struct csn_attest_ops {
	uint32_t size;
	/* The evidence type this verifier takes; lives as long as the instance. */
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
