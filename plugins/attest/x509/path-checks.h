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
/* Are all of @relax allowed?  Then they are noted as needed. */
bool x509_relaxed(const struct x509_path_rules *rules, uint32_t relax);
/* A signature algorithm that is good enough. */
const char *x509_check_sigalg(int nid, const struct x509_path_rules *rules);
/*
 * The lists of @rules that may be used now, a new stack of borrowed ones; NULL and a reason
 * when a list of an issuer in the path is of the wrong form, or there is no memory.
 */
STACK_OF(X509_CRL) *x509_usable_crls(X509 *const *path, unsigned count,
                                     const struct x509_path_rules *rules,
                                     struct x509_refusal *why);
/* Those who may sign lists beside the path, a new stack of borrowed ones; NULL: no memory. */
STACK_OF(X509) *x509_usable_signers(const struct x509_path_rules *rules);
/* A time in the one form the profile has, DER and Zulu. */
bool x509_time_form(const ASN1_TIME *time);

#endif
