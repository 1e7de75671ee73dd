/*
 * Forges DICE chains with fresh keys, right in everything but what a test spoils.  The
 * parts of a TcbInfo are kept as their encodings, so that any of them can be put out of
 * order, twice or not at all.
 */
#ifndef CSN_TESTS_KIT_DICE_FORGE_H
#define CSN_TESTS_KIT_DICE_FORGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include <countersign/types.h>

#define FORGE_CERTS   6
#define FORGE_TCBS    3
#define FORGE_MEMBERS 14
#define FORGE_BYTES   4096

/* Bytes written from the end backwards, so that a length is known when it is written. */
struct forge_buf {
	uint8_t bytes[FORGE_BYTES];
	size_t  len; /* the last @len bytes are the content                         */
};

struct forge_tcb {
	const char *members[FORGE_MEMBERS]; /* hex of each; NULL: none, in this order    */
};

struct forge_cert {
	EVP_PKEY   *key;     /* borrowed from the chain's keys                           */
	EVP_PKEY   *signer;
	const char *issuer, *subject; /* common names                                    */
	const char *not_before, *not_after; /* GeneralizedTime                           */
	const char *serial;  /* hex of the INTEGER's content                             */
	const char *spki;    /* hex instead of the key's own                             */
	const char *aki;     /* hex instead of the issuer's key id; "": none             */
	const char *basic;   /* hex of basicConstraints; "": none                        */
	const char *usage;   /* hex of keyUsage; "": none                                */
	const char *extra;   /* hex of one more extension                                */
	const char *tcb_raw; /* hex of the extension's value instead of tcbs             */
	const char *ueid;    /* hex of the UEID extension's value; NULL: none            */
	const char *input;   /* hex of the Open Profile's value; NULL: none              */
	const char *inner_alg; /* hex instead of the right AlgorithmIdentifier           */
	const char *version; /* hex instead of [0] 2                                     */
	bool        multi, both; /* MultiTcbInfo; both extensions                        */
	bool        trailing;    /* a byte behind the certificate                        */
	bool        spoil;       /* one bit of the signature                             */
	struct forge_tcb tcbs[FORGE_TCBS];
	size_t      tcb_count;
};

struct forge_chain {
	EVP_PKEY         *keys[FORGE_CERTS + 1]; /* the last one is a stranger's         */
	struct forge_cert certs[FORGE_CERTS];
	size_t            count;
	struct csn_bytes  der[FORGE_CERTS];
	uint8_t           store[FORGE_CERTS][FORGE_BYTES];
};

/*
 * The chain: 0 maker (pinned), 1 device id with the UEID, 2 first mutable code with a
 * MultiTcbInfo of hardware and code, 3 runtime, 4 application: the leaf.
 */
#define UEID_A "3013 0411 01 000102030405060708090a0b0c0d0e0f"
#define UEID_B "3013 0411 01 000102030405060708090a0b0c0d0e1f"
#define CA_ANY "30030101ff"
#define CA_1   "30060101ff020101"
#define CERT_SIGN "03020204"
#define SIGN      "03020780"

#define DIGEST_A "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define DIGEST_B "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"
#define OID_SHA256   "0609608648016503040201"
#define OID_SHA384   "0609608648016503040202"
#define FWID_A   "302d" OID_SHA256 "0420" DIGEST_A
#define FWID_B   "302d" OID_SHA256 "0420" DIGEST_B
#define FWIDS_A  "a62f" FWID_A
#define FLAGS_NONE "8705 00 00000001"

/* Members of a TcbInfo by the place they have in a good one. */
enum { VENDOR, MODEL, VERSION, SVN, LAYER, INDEX, FWIDS, FLAGS, END, END_2 };

/* A good chain of that kind, to be spoilt. */
void forge_describe(struct forge_chain *chain);

/* Fresh P-256 keys for all; certs are the caller's to describe. */
void forge_keys(struct forge_chain *chain);
void forge_done(struct forge_chain *chain);
/* Writes chain->der. */
void forge_build(struct forge_chain *chain);

/* Hex, blanks allowed; the bytes written. */
size_t forge_unhex(const char *hex, uint8_t *ret, size_t room);
/* A signature over @message: DER, or r || s when @fixed; Ed25519 as it is. */
size_t forge_sign(EVP_PKEY *key, struct csn_bytes message, bool fixed, uint8_t ret[160]);
/* DER SPKI. */
size_t forge_spki(EVP_PKEY *key, uint8_t ret[200]);

#endif
