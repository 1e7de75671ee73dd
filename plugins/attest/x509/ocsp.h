/*
 * Stapled OCSP: is a response the word of this issuer?  Pure.  What it says of which
 * certificate, and until when, is for the caller to compare.
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

#endif
