/*
 * X.509 paths: from a device's certificate to a pinned anchor, at a given time, offline.
 * Our own checks of every certificate come first and last; OpenSSL checks signatures and
 * name constraints in between.  Pure: no clock, no files, no system store.
 */
#ifndef CSN_ATTEST_X509_PATH_H
#define CSN_ATTEST_X509_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <countersign/types.h>
#include <openssl/x509.h>

#define X509_PATH_MAX      12 /* certificates of a path, the anchor included        */
#define X509_PATH_BUDGET   256 /* signature checks one search may spend              */
#define X509_CERT_MAX      65536
#define X509_PATH_NO_LIMIT (-1)

/*
 * What a maker's certificates may get wrong, each by name (x509_relax_name).  A relaxation
 * that was needed is noted, so that it can be logged.
 */
enum x509_relax {
	X509_RELAX_LEAF_CA = 1 << 0,            /* a CA certificate may be the leaf     */
	X509_RELAX_NC_NONCRITICAL = 1 << 1,     /* name constraints not critical        */
	X509_RELAX_CA_NONCRITICAL = 1 << 2,     /* basicConstraints of a CA not critical */
	X509_RELAX_POLICY_NONCRITICAL = 1 << 3, /* policyConstraints not critical       */
	X509_RELAX_SHA1 = 1 << 4,               /* signatures over SHA-1                */
	X509_RELAX_DSA = 1 << 5,                /* DSA keys of 1024 bits or more        */
	X509_RELAX_SERIAL = 1 << 6,             /* a serial of zero, negative, too long */
	X509_RELAX_AKI = 1 << 7,                /* no authority key identifier          */
	X509_RELAX_CRL_NUMBER = 1 << 8,         /* revocation lists without a number    */
};
#define X509_RELAX_COUNT 9

/* "sha1"; NULL for what is not exactly one relaxation. */
const char *x509_relax_name(uint32_t relax);
/* 0 for a name nobody knows. */
uint32_t x509_relax_of(const char *name);

enum x509_revocation {
	X509_REVOCATION_KNOWN = 0, /* nobody: silence is fine                      */
	X509_REVOCATION_LEAF,      /* the leaf                                     */
	X509_REVOCATION_ALL,       /* every certificate below the anchor           */
};

struct x509_path_rules {
	int64_t unix_s;
	int     eku;               /* NID each certificate's EKU must allow; 0: any  */
	int     max_intermediates; /* without self-issued ones; X509_PATH_NO_LIMIT   */
	uint32_t relax;            /* set of enum x509_relax                         */
	uint32_t *relaxed;         /* those needed are added here; NULL: not asked   */
	/*
	 * Who must be shown not to be revoked; who is known to be revoked is refused anyway.
	 * Lists are complete, delta or indirect; their issuers are in the path or in
	 * @crl_signers.  Responses are stapled ones (ocsp.h).
	 */
	enum x509_revocation    revocation;
	const struct csn_bytes *ocsp;
	size_t                  ocsp_count;
	uint32_t                ocsp_max_age_s; /* 0: as the response says         */
	STACK_OF(X509_CRL) *crls;
	STACK_OF(X509)     *crl_signers;
	uint32_t            crl_grace_s; /* how long after nextUpdate a list is taken  */
	/* Certificate policies one of which is wanted; NULL: any. */
	STACK_OF(ASN1_OBJECT) *policies;
	bool                   policy_explicit, policy_no_mapping, policy_no_any;
};

/* Why not, and where: 0 is the leaf.  @reason is a constant, stable over releases. */
struct x509_refusal {
	const char *reason;
	unsigned    at;
};

/* One certificate in DER and nothing after it; NULL when it is not one. */
X509 *x509_cert_load(struct csn_bytes der);

/*
 * Checks the @count certificates @path, leaf first and the pinned anchor last.  True: it
 * holds.  False: @why tells the check that refused.
 */
bool x509_path_check(X509 *const *path, unsigned count, const struct x509_path_rules *rules,
                     struct x509_refusal *why);

/*
 * Looks for a path that x509_path_check() takes, from @leaf over any of @pool to one of
 * @anchors.  Work is bounded by X509_PATH_BUDGET, whatever the pool holds.
 */
bool x509_path_find(X509 *leaf, STACK_OF(X509) *pool, STACK_OF(X509) *anchors,
                    const struct x509_path_rules *rules, struct x509_refusal *why);

#endif
