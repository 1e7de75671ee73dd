/*
 * The path of an ordinary device, quickly.  OpenSSL spends more on decoding public keys
 * than on checking signatures; this reads the few forms nearly all devices have, itself.
 *
 * It only ever says yes, and only where x509_profile_check() would: whatever it does not
 * know (an extension, an algorithm, a name, a list to ask) is left to that.  Both are run
 * on every row of tests/unit/x509_device and must agree.
 */
#ifndef CSN_ATTEST_X509_QUICK_H
#define CSN_ATTEST_X509_QUICK_H

#include <stdbool.h>

#include <openssl/x509.h>

#include <countersign/types.h>

#define X509_QUICK_CHAIN 6

/* An anchor as it is needed; made once. */
struct x509_quick_anchor {
	uint8_t         *der; /* malloced; the rest points into it                */
	EVP_PKEY        *key; /* NULL: not one for the quick way                   */
	struct csn_bytes subject, key_id;
	int64_t          from, to;
	int              path_len; /* -1: none                                     */
};

/* A key of each curve, whose parameters others take. */
struct x509_quick_forms {
	EVP_PKEY *p256, *p384;
};

bool x509_quick_forms_make(struct x509_quick_forms *forms);
void x509_quick_forms_done(struct x509_quick_forms *forms); /* zeroed is fine      */

/* Makes @anchor ready; false and zeroed when it is not of the ordinary form. */
bool x509_quick_anchor(X509 *cert, const struct x509_quick_forms *forms,
                       struct x509_quick_anchor *anchor);
void x509_quick_anchor_done(struct x509_quick_anchor *anchor); /* zeroed is fine   */

struct x509_quick {
	EVP_PKEY *leaf_key; /* freed by the caller                                */
	uint8_t   hashes[X509_QUICK_CHAIN][32]; /* of every SubjectPublicKeyInfo    */
	char      serial[65]; /* serialNumber of the leaf's subject, or ""         */
};

struct x509_quick_rules {
	int64_t                        unix_s;
	bool                           devid, ends; /* 802.1AR; its leaf may end   */
	const struct x509_quick_forms *forms;
};

/* True: the chain @certs, leaf first, is good up to @anchor.  False says nothing. */
bool x509_quick_path(const struct csn_bytes *certs, size_t count,
                     const struct x509_quick_anchor *anchor,
                     const struct x509_quick_rules *rules, struct x509_quick *ret_quick);

#endif
