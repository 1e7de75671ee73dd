/*
 * Stapled OCSP: is a response the word of this issuer, and what does it say of a
 * certificate at a time?  Pure.
 */
#ifndef CSN_ATTEST_X509_OCSP_H
#define CSN_ATTEST_X509_OCSP_H

#include "path.h"

/*
 * NULL when @der is one successful response about certificates of @issuer alone, signed by
 * it or by a signer it delegated to, whose certificate is good at @unix_s; otherwise the
 * reason.  @sha1 admits signatures over SHA-1, a relaxation for old responders.
 */
const char *x509_ocsp_authentic(struct csn_bytes der, X509 *issuer, int64_t unix_s,
                                bool sha1);

struct x509_ocsp_rules {
	int64_t          unix_s;
	uint32_t         skew_s;    /* how far a responder's clock may be ahead        */
	uint32_t         max_age_s; /* since thisUpdate; 0: as nextUpdate says        */
	bool             sha1;
	struct csn_bytes nonce;     /* wanted in the response; empty: not asked for   */
};

/*
 * NULL when @der is authentic, about @cert and current, and says good; otherwise the reason:
 * "x509.ocsp.revoked", ".unknown", ".other" for another certificate, ".time", ".nonce",
 * ".ext" for a critical extension, ".signer-status" for a delegated signer whose own
 * revocation nobody vouches for, or what x509_ocsp_authentic() says.
 */
const char *x509_ocsp_check(struct csn_bytes der, X509 *cert, X509 *issuer,
                            const struct x509_ocsp_rules *rules);

#endif
