/*
 * COSE_Sign1 and COSE_Mac0 (RFC 9052) as others write them: evidence, tokens, reference
 * values.  The project's own messages use the narrower cose.h.
 *
 * Verification is over the received bytes.  The algorithm must stand in the protected
 * header and be the key's own; any critical header is one we do not understand.  Bytes
 * are borrowed from the input.  Needs OpenSSL; in libcsnevidence.la.
 */
#ifndef CSN_LIB_COSE_ANY_H
#define CSN_LIB_COSE_ANY_H

#include "lib/pubkey.h"
#include "lib/scbor.h"

enum csn_cose_form { CSN_COSE_SIGN1 = 18, CSN_COSE_MAC0 = 17 }; /* their tags      */

struct csn_cose_any {
	struct csn_bytes raw;
	struct csn_bytes protect;   /* content of the byte string               */
	struct csn_bytes unprotect; /* the map, encoded                         */
	bool             detached;
	struct csn_bytes payload;
	struct csn_bytes sig; /* or tag                                         */
	int64_t          alg;
};

/*
 * Parses @item, with or without the tag of @form in front.  CSN_OK, or CSN_E_PROTOCOL
 * with a constant in *ret_why: "cose.cbor", "cose.shape", "cose.headers", "cose.crit",
 * "cose.alg".
 */
int csn_cose_any_parse(struct csn_bytes item, enum csn_cose_form form,
                       struct csn_cose_any *ret_cose, const char **ret_why);
/* A header by its label, from the protected map, else from the other; empty: none. */
struct csn_bytes csn_cose_any_header(const struct csn_cose_any *cose, int64_t label);
struct csn_bytes csn_cose_any_protected(const struct csn_cose_any *cose, int64_t label);

/*
 * CSN_OK when the signature over @aad and @payload (the caller's when detached, else the
 * attached one) is good under @key; CSN_E_REFUSED, with "cose.alg" or "cose.signature",
 * CSN_E_NOMEM or CSN_E_INTERNAL otherwise.
 */
int csn_cose_any_verify(const struct csn_cose_any *cose, const struct csn_pubkey *key,
                        struct csn_bytes aad, struct csn_bytes payload,
                        const char **ret_why);
/* The same for a Mac0 under a secret key: HMAC 256/64, 256/256, 384/384, 512/512. */
int csn_cose_any_mac(const struct csn_cose_any *cose, struct csn_bytes key,
                     struct csn_bytes aad, struct csn_bytes payload, const char **ret_why);

#endif
