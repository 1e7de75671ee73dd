/*
 * Certification declarations of Matter (core specification 6.3): a CMS signature over a
 * small TLV structure, and whether it is about this product and this chain.  Pure.
 */
#ifndef CSN_ATTEST_X509_MATTER_CD_H
#define CSN_ATTEST_X509_MATTER_CD_H

#include "matter.h"

#include <openssl/evp.h>

#define X509_CD_MAX      1024 /* bytes of a declaration                          */
#define X509_CD_PRODUCTS 100
#define X509_CD_PAAS     10

/* One who may sign declarations, known by the identifier of the key. */
struct x509_cd_signer {
	uint8_t   id[20];
	EVP_PKEY *key; /* P-256                                                  */
};

/* What a register of certified products says; NULL or X509_MATTER_NONE: not known. */
struct x509_cd_record {
	const char *certificate_id;
	long        version, device_type;
};

/* What a declaration is compared with. */
struct x509_cd_wanted {
	long                         vendor_id, product_id; /* as announced       */
	X509 *const                 *path; /* DAC, PAI and PAA, checked already   */
	const struct x509_cd_signer *signers;
	size_t                       signer_count;
	struct x509_cd_record        record;
};

/* NULL, or the reason ("x509.matter.cd.*") a declaration is refused. */
const char *x509_cd_check(struct csn_bytes cd, const struct x509_cd_wanted *wanted);

#endif
