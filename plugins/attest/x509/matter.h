/*
 * The profile "matter": a device certificate (DAC) under a product certificate (PAI) under
 * a pinned PAA, on top of x509_path_check().  Pure.
 */
#ifndef CSN_ATTEST_X509_MATTER_H
#define CSN_ATTEST_X509_MATTER_H

#include "path.h"

#define X509_MATTER_PATH 3
#define X509_MATTER_NONE (-1)

/*
 * The vendor and product ids of a subject: by their attributes, or without any written in
 * the common name; X509_MATTER_NONE where there is none.  False: of a wrong form.
 */
bool x509_matter_ids(const X509 *cert, long *ret_vendor, long *ret_product);

/* Checks DAC, PAI and PAA; @product_id is the one announced, or X509_MATTER_NONE. */
bool x509_matter_check(X509 *const path[X509_MATTER_PATH],
                       const struct x509_path_rules *rules, long product_id,
                       struct x509_refusal *why);

#endif
