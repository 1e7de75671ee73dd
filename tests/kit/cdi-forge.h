/*
 * Forges chains of CDI certificates in CBOR with fresh Ed25519 keys; each entry of a
 * payload and each part of its COSE_Sign1 can be spoilt.
 */
#ifndef CSN_TESTS_KIT_CDI_FORGE_H
#define CSN_TESTS_KIT_CDI_FORGE_H

#include <openssl/evp.h>

#include "lib/dcbor.h"

/* A root key and three layers of Ed25519. */
#define CDIS 3

/* Entries of a payload by their place in a good one; each is hex, or NULL. */
enum { ISS, SUB, CODE, CONFIG, CONFIG_SUM, AUTHORITY, MODE, SUBJECT_KEY, CDI_USE, MORE, ENTRIES };

struct cdi {
	const char *entries[ENTRIES]; /* NULL: not there; "": computed                  */
	const char *protect, *unprotect, *head; /* hex instead                    */
	const char *cose_key; /* hex of what comes before x, and of what comes behind   */
	const char *behind;
	unsigned    key, signer;
	bool        spoil, detached;
};

#define HASH_C "5820c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
#define HASH_D "5820d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"
/* {-70002: "os", -70005: 4} */
#define CONFIG_4   "a23a00011171626f733a0001117404"
#define KEY_HEAD   "a401010327200621" "5820"
#define CONFIG_DESC "a23a00011171626f733a0001117405"

/* A good chain: layer i has key i + 1 and is signed by key i. */
void cdi_describe(struct cdi cdis[CDIS], const char *configs[CDIS]);
/* The root key and the certificates but @dropped (CDIS: none). */
void cdi_put_chain(struct csn_dcbor_out *out, const struct cdi cdis[CDIS],
                   const char *const configs[CDIS], EVP_PKEY *const *keys, unsigned dropped);

#endif
