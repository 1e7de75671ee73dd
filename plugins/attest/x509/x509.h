/*
 * Judges what a maker's certificates vouch for: a manifest, a whole hello (M0b), or an
 * evidence item "x509" of a hello.  Pure.
 */
#ifndef CSN_ATTEST_X509_X509_H
#define CSN_ATTEST_X509_X509_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include "device.h"
#include "lib/anchors.h"

struct x509 {
	const struct csn_host   *host;
	char                    *anchors_path;
	const struct csn_crypto *crypto;
	struct csn_anchor        anchors[CSN_ANCHORS_MAX];
	size_t                   count;
	struct x509_devices      devices; /* of the profiles other than csgn1         */
};

/*
 * Fills @verdict, which arrives zeroed with size set: ACCEPTED, or REJECTED with the
 * reason.  A negative return is a fault of the crypto table and leaves it UNDECIDED.
 */
int x509_judge(const struct x509 *x509, const struct csn_evidence *evidence,
               struct csn_verdict *verdict);

extern const struct csn_attest_ops x509_ops;

#endif
