/*
 * Judges the evidence of a device that a manufacturer certified: a COSE_Sign1 over the
 * session's challenge, with the device's own chain, stapled OCSP responses when there are
 * any, by the rules of a named profile.  Pure; device-io.c reads what is believed.
 */
#ifndef CSN_ATTEST_X509_DEVICE_H
#define CSN_ATTEST_X509_DEVICE_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include "path.h"
#include "quick.h"

#define X509_MAKERS_MAX     32
#define X509_DEVICE_CHAIN   X509_QUICK_CHAIN /* certificates a device may send    */
#define X509_DEVICE_OCSP    4 /* responses beside them                            */
#define X509_DEVICE_OF      8192 /* bytes of an item (protocol.md 5)              */
#define X509_HEADER_CHAIN   33
#define X509_HEADER_OCSP    (-70001) /* bstr, or 2 to 4 of them                   */

enum x509_profile {
	X509_PROFILE_CSGN1 = 0, /* the protocol's own: x509.h                     */
	X509_PROFILE_IDEVID,    /* IEEE 802.1AR, of the manufacturer              */
	X509_PROFILE_LDEVID,    /* IEEE 802.1AR, of an owner                      */
	X509_PROFILE_MATTER,    /* DAC under PAI under PAA                        */
	X509_PROFILE_RFC5280,   /* no more than a good path                       */
};
#define X509_PROFILE_CHOICES "csgn1|idevid|ldevid|matter|rfc5280"
const char *x509_profile_name(uint32_t profile);

/* A manufacturer: whom it certifies by, whom it revoked, what it gets wrong. */
struct x509_maker {
	char                name[64];
	STACK_OF(X509)     *anchors;
	STACK_OF(X509_CRL) *crls; /* NULL: none                                   */
	uint32_t            relax;
	struct x509_quick_anchor *quick; /* one of each anchor; NULL: not prepared */
};

/* SHA-256 of SubjectPublicKeyInfos, sorted. */
struct x509_keys {
	uint8_t (*hashes)[32];
	size_t   count;
};

/* Who a device must be: its id, its manufacturer and the serial in its certificate. */
struct x509_identity {
	uint8_t did[16];
	char    maker[64], serial[65];
};

struct x509_devices {
	uint32_t              profile;
	uint32_t              revocation; /* enum x509_revocation                   */
	uint32_t              crl_grace_h, ocsp_max_age_h;
	uint32_t              allow_alone; /* an allowed key needs no path            */
	char                 *makers_path, *allow_path, *deny_path, *identities_path;
	struct x509_maker     makers[X509_MAKERS_MAX];
	size_t                maker_count;
	bool                  has_allow, has_identities;
	struct x509_keys      allow, deny;
	struct x509_identity *identities;
	size_t                identity_count;
	struct x509_quick_forms forms;
	uint8_t               policy_hash[32], reference_hash[32];
};

/* device-io.c: reads everything the paths name, or says why not. */
int x509_devices_load(struct x509_devices *devices, const struct csn_host *host,
                      struct csn_error *err);
void x509_devices_done(struct x509_devices *devices); /* zeroed is fine           */
/* Both hashes, and anchors ready for the quick way, from the rest. */
int x509_devices_prepare(struct x509_devices *devices);

/*
 * Fills @verdict as attest.h says.  *ret_relaxed: relaxations that were needed, and
 * *ret_maker whose they are, for the log; NULL: none.
 */
int x509_devices_judge(const struct x509_devices *devices,
                       const struct csn_evidence *evidence, struct csn_verdict *verdict,
                       uint32_t *ret_relaxed, const struct x509_maker **ret_maker);

/*
 * The serial an 802.1AR certificate gives its device: serialNumber of the subject, else
 * hex of hwSerialNum in hardwareModuleName.  NULL, or the reason there is none.
 */
const char *x509_device_serial(X509 *cert, char ret_serial[65]);

#endif
