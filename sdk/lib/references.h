/*
 * Keys and reference values from disk, for verifiers whose anchors are of any kind.
 *
 * A references folder has one folder for each authority: its *.pem are the public keys
 * that may sign, its *.cbor and *.corim the CoRIMs, and its file "vendors", when there is
 * one, names the only vendors of environments these may speak of, one a line.  Who signs
 * for one folder does not sign for another.  In libcsnevidence.la.
 */
#ifndef CSN_LIB_REFERENCES_H
#define CSN_LIB_REFERENCES_H

#include "lib/corim.h"

#define CSN_PUBKEYS_MAX    32
#define CSN_REFERENCES_MAX 256 /* CoRIMs of a folder of references                */

struct csn_pubkeys {
	struct csn_pubkey keys[CSN_PUBKEYS_MAX];
	size_t            count;
};

/*
 * Reads a PEM file of public keys, or a folder of *.pem.  CSN_OK, or CSN_E_MISSING,
 * CSN_E_IO, CSN_E_TOO_BIG, CSN_E_CONFIG, CSN_E_NOMEM with the reason in @why.
 */
int  csn_pubkeys_load(const char *path, struct csn_pubkeys *ret_keys, char *why,
                      size_t why_len);
void csn_pubkeys_done(struct csn_pubkeys *keys);

struct csn_references {
	struct csn_corim *corims; /* their bytes are kept beside them               */
	uint8_t         **files;
	size_t            count;
	uint8_t           hash[32]; /* over the hashes of all, in order of names     */
};

/* All of them, or none: one bad file refuses the whole.  Each obeys its profile. */
int  csn_references_load(const char *path, bool unsigned_ok, struct csn_references *ret_refs,
                         char *why, size_t why_len);
void csn_references_done(struct csn_references *refs);

#endif
