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

struct x509_path_rules {
	int64_t unix_s;
	int     eku;               /* NID each certificate's EKU must allow; 0: any  */
	int     max_intermediates; /* without self-issued ones; X509_PATH_NO_LIMIT   */
	bool    leaf_ca;           /* a CA certificate may be the leaf               */
	bool    nc_noncritical;    /* name constraints need not be critical          */
	/* Lists every certificate below the anchor must be covered by; NULL: none. */
	STACK_OF(X509_CRL) *crls;
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
