/*
 * CoRIM: reference values and keys a maker or an integrator vouches for
 * (draft-ietf-rats-corim).  Signed ones are COSE_Sign1 over tag 501; unsigned ones are
 * read only when policy says so.
 *
 * Everything is borrowed from the bytes given, which must outlive the object.  A triple
 * that says something we do not know refuses the whole: a reference that is half read
 * would vouch for more than was meant.  Needs OpenSSL; in libcsnevidence.la.
 */
#ifndef CSN_LIB_CORIM_H
#define CSN_LIB_CORIM_H

#include "lib/pubkey.h"
#include "lib/scbor.h"

#define CSN_CORIM_BYTES_MAX   ((size_t)1 << 20)
#define CSN_CORIM_TRIPLES_MAX 4096
#define CSN_CORIM_DIGESTS_MAX 8

enum csn_corim_kind {
	CSN_CORIM_REFERENCE = 0, /* what good evidence says                      */
	CSN_CORIM_ENDORSED  = 1,
	CSN_CORIM_IDENTITY  = 2, /* keys of a device                              */
	CSN_CORIM_ATTEST    = 3, /* keys evidence is signed with                  */
	CSN_CORIM_OTHER     = 4, /* known, read for its form, not used             */
};

/* Tags of a value: what kind of class, instance or key it is. */
enum csn_corim_tag {
	CSN_TAG_NONE = 0, CSN_TAG_UUID = 37, CSN_TAG_OID = 111, CSN_TAG_UEID = 550,
	CSN_TAG_SVN = 552, CSN_TAG_MIN_SVN = 553, CSN_TAG_PKIX_KEY = 554,
	CSN_TAG_PKIX_CERT = 555, CSN_TAG_PKIX_PATH = 556, CSN_TAG_THUMBPRINT = 557,
	CSN_TAG_COSE_KEY = 558, CSN_TAG_BYTES = 560,
};

struct csn_corim_value {
	uint64_t         tag; /* enum csn_corim_tag, others as they are             */
	struct csn_bytes bytes; /* content: string bytes, or an encoded item        */
};

struct csn_corim_env {
	struct csn_corim_value class_id, instance, group; /* tag NONE and empty: none  */
	struct csn_bytes       vendor, model;
	bool                   has_class, has_layer, has_index;
	uint64_t               layer, index;
};

/* One measurement of a reference triple, or one list of keys. */
struct csn_corim_triple {
	enum csn_corim_kind  kind;
	unsigned             group; /* measurements of one triple share it          */
	struct csn_corim_env env;
	struct csn_bytes     mkey;  /* encoded; empty: none                          */
	struct csn_bytes     mval;  /* the map, encoded                              */
	struct csn_bytes     keys;  /* the array, encoded: IDENTITY and ATTEST       */
};

struct csn_corim {
	struct csn_bytes         raw, id, profile; /* profile: text of a URI, or an OID  */
	bool                     is_signed;
	struct csn_bytes         signer;     /* name in corim-meta                      */
	struct csn_pubkey        key;        /* that verified it; borrowed, none: zeroed */
	uint8_t                  hash[32];   /* SHA-256 of raw                           */
	int64_t                  not_before, not_after; /* of all validities it names    */
	struct csn_corim_triple *triples;    /* owned                                    */
	size_t                   count, room;
	unsigned                 groups;
};

struct csn_corim_policy {
	const struct csn_pubkey *keys; /* who may sign                              */
	size_t  key_count;
	bool    unsigned_ok;
	bool    any_time; /* validity is judged later, by csn_corim_valid()           */
	int64_t unix_s;   /* or by this                                               */
};

/*
 * CSN_OK, CSN_E_PROTOCOL or CSN_E_REFUSED with a constant in *ret_why ("corim.cbor",
 * "corim.unsigned", "corim.signature", "corim.time", "corim.triples", ...), CSN_E_NOMEM.
 * *ret_corim is to be freed with csn_corim_done() only after CSN_OK.
 */
int csn_corim_read(struct csn_bytes bytes, const struct csn_corim_policy *policy,
                   struct csn_corim *ret_corim, const char **ret_why);
/* A bare CoMID, or concise evidence (tag 571): the same triples without an envelope. */
int csn_comid_read(struct csn_bytes bytes, struct csn_corim *ret_corim, const char **ret_why);
void csn_corim_done(struct csn_corim *corim);
bool csn_corim_valid(const struct csn_corim *corim, int64_t unix_s);

/*
 * The rules of the profile a CoRIM names, on top of its form: psa, cca_platform,
 * cca_realm, Parsec's two, EnactTrust's and RIoT's.  CSN_OK also for a profile without
 * rules here, with *ret_known false.
 */
int csn_corim_profile(const struct csn_corim *corim, bool *ret_known, const char **ret_why);

/* Digest @i of a measurement; false past the last.  @ret_alg: IANA's number. */
bool csn_corim_digest(struct csn_bytes mval, size_t i, uint64_t *ret_alg,
                      struct csn_bytes *ret_digest);
/* svn: exact or at least; false when there is none. */
bool csn_corim_svn(struct csn_bytes mval, bool *ret_min, uint64_t *ret_svn);
/* raw-value's bytes; false when there is none. */
bool csn_corim_raw(struct csn_bytes mval, struct csn_bytes *ret_raw);
/* Key @i of an array of keys; false past the last or when it is no tagged key. */
bool csn_corim_key(struct csn_bytes keys, size_t i, struct csn_corim_value *ret_key);

#endif
