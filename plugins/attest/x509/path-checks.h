/* The parts of x509_path_check(); each gives NULL or the reason of its refusal. */
#ifndef CSN_ATTEST_X509_PATH_CHECKS_H
#define CSN_ATTEST_X509_PATH_CHECKS_H

#include "path.h"

enum x509_place { X509_LEAF, X509_INTERMEDIATE, X509_ANCHOR };

/* What one certificate shows by itself. */
const char *x509_check_cert(X509 *cert, enum x509_place place,
                            const struct x509_path_rules *rules);
/* The form of names and name constraints. */
const char *x509_check_names(X509 *cert, const struct x509_path_rules *rules);
/* A wildcard of @cert that reaches into a subtree @issuer excludes. */
const char *x509_check_wildcards(X509 *cert, X509 *issuer);
/* Revocation of @cert, by the lists of @issuer. */
const char *x509_check_crls(X509 *cert, X509 *issuer, const struct x509_path_rules *rules);
/* A time in the one form the profile has, DER and Zulu. */
bool x509_time_form(const ASN1_TIME *time);

#endif
