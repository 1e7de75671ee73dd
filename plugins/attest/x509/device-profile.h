/* The named profiles, each on top of x509_path_check().  Pure. */
#ifndef CSN_ATTEST_X509_DEVICE_PROFILE_H
#define CSN_ATTEST_X509_DEVICE_PROFILE_H

#include "device.h"

/* The @count certificates @path, leaf first, pinned anchor last, by @profile. */
bool x509_profile_check(uint32_t profile, X509 *const *path, unsigned count,
                        const struct x509_path_rules *rules, struct x509_refusal *why);

#endif
