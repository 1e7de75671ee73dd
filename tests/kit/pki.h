/*
 * Certificates, revocation lists, OCSP answers and evidence made on the spot, for tests
 * that need them good in all but one way.  Everything aborts on failure: a test without
 * its certificates tests nothing.
 */
#ifndef CSN_TESTS_PKI_H
#define CSN_TESTS_PKI_H

#include <stdbool.h>

#include <openssl/x509.h>

#include <countersign/types.h>

#define PKI_NOW 1735689600 /* 2025-01-01T00:00:00Z                                */

enum pki_key { PKI_P256, PKI_P384, PKI_ED25519, PKI_RSA };

/* A new key; freed by the caller. */
EVP_PKEY *pki_key(enum pki_key kind);

/* A certificate to be; zeroed members mean what is usual for its place. */
struct pki_cert {
	const char *subject;       /* common name; required                        */
	const char *serial_number; /* attribute of the subject; NULL: none         */
	const char *hardware;      /* hex of hwSerialNum; NULL: no hardwareModuleName */
	EVP_PKEY   *key;           /* subject's; required                          */
	X509       *issuer;        /* NULL: self-signed                            */
	EVP_PKEY   *issuer_key;
	bool        ca;
	const char *pathlen;       /* NULL: none                                   */
	const char *usage;         /* as OpenSSL writes it; NULL: by place         */
	const char *constraints;   /* basicConstraints; NULL: by place             */
	const char *extra_oid;     /* an extension nobody knows                    */
	bool        extra_critical;
	const char *names;         /* nameConstraints; NULL: none                  */
	const char *alt_names;     /* subjectAltName; NULL: none                   */
	const char *eku;           /* extendedKeyUsage; NULL: none                 */
	bool        no_aki, no_ski;
	long        serial;        /* 0: a random one                              */
	bool        serial_zero;
	int         version;       /* 0: 3                                         */
	const char *from, *to;     /* NULL: 20200101000000Z, 99991231235959Z       */
	const EVP_MD *md;          /* NULL: SHA-256, or the key's own              */
};

X509 *pki_make(const struct pki_cert *spec);

/* A list of @issuer over revoked @serials; @from and @to as in struct pki_cert. */
X509_CRL *pki_crl(X509 *issuer, EVP_PKEY *key, X509 *const *revoked, size_t count,
                  const char *from, const char *to, long number);

enum pki_status { PKI_GOOD, PKI_REVOKED, PKI_UNKNOWN };
/* An OCSP answer about @cert, from @age_s before PKI_NOW for @life_s; malloced by OpenSSL. */
struct csn_bytes pki_ocsp(X509 *cert, X509 *issuer, X509 *signer, EVP_PKEY *signer_key,
                          enum pki_status status, long age_s, long life_s);

/* DER of a certificate; OPENSSL_free. */
struct csn_bytes pki_der(X509 *cert);

/* A COSE_Sign1 to be. */
struct pki_proof {
	X509 *const     *chain;
	size_t           count;
	EVP_PKEY        *key;   /* that signs                                      */
	const char      *label; /* of what is signed                              */
	struct csn_bytes challenge;
	struct csn_bytes ocsp;  /* empty: none                                    */
	bool             attached;
	int              alg;   /* 0: the key's own                               */
	struct csn_bytes aad;   /* external data that is signed too; empty: none  */
};

/* Into @buf of @cap bytes. */
struct csn_bytes pki_proof(const struct pki_proof *spec, uint8_t *buf, size_t cap);

#endif
