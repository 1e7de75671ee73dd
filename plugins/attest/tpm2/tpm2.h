/*
 * TPM 2.0 quotes: the signature of an attestation key over PCRs, the values of the PCRs,
 * and the event log that explains them.
 *
 * What a library unmarshals is bounded and looked at by hand first.  Pure: no TPM, no
 * clock, no files.
 */
#ifndef CSN_ATTEST_TPM2_TPM2_H
#define CSN_ATTEST_TPM2_TPM2_H

#include <stdbool.h>

#include <openssl/evp.h>

#include <countersign/attest.h>
#include <tss2/tss2_tpm2_types.h>

#include "lib/corim.h"

#define TPM2_PART_MAX    1024 /* of each structure                                */
#define TPM2_PCRS        24
#define TPM2_BANKS       4
#define TPM2_LOG_MAX     ((size_t)1 << 20)
#define TPM2_EVENTS_MAX  8192
#define TPM2_DIGEST_MAX  64

/* Values of one bank; a set bit of @have is a PCR there is a value of. */
struct tpm2_bank {
	uint16_t alg; /* TPM2_ALG_SHA256, ...                                       */
	uint32_t have;
	uint8_t  pcr[TPM2_PCRS][TPM2_DIGEST_MAX];
};

struct tpm2_pcrs {
	struct tpm2_bank banks[TPM2_BANKS];
	size_t           count;
};

/* An attestation key: what it is, and its name. */
struct tpm2_key {
	EVP_PKEY *pkey;
	uint8_t   spki_hash[32];
	uint8_t   name[2 + TPM2_DIGEST_MAX];
	size_t    name_len;
	uint16_t  sign_hash; /* of its scheme; TPM2_ALG_NULL: any                   */
	uint32_t  attributes;
};

struct tpm2_policy {
	bool sha1; /* relaxation: SHA-1 in signatures and banks                     */
	const struct csn_corim *corims; /* keys and reference values                */
	size_t   corim_count;
	const uint8_t (*names)[32]; /* SHA-256 of the SPKIs of keys taken as they are */
	size_t   name_count;
	uint32_t pcrs_needed; /* PCRs that must be quoted and match a reference      */
	bool     log_needed;
	int64_t  unix_s;
};

/* Size of a digest by its TPM algorithm; 0 for one we do not take. */
size_t        tpm2_digest_len(uint16_t alg);
const EVP_MD *tpm2_digest(uint16_t alg);

/* Lengths and choices of a TPMS_ATTEST, a TPMT_SIGNATURE, a TPMT_PUBLIC, to the last byte. */
bool tpm2_shape_attest(struct csn_bytes bytes, uint16_t type);
bool tpm2_shape_signature(struct csn_bytes bytes);
bool tpm2_shape_public(struct csn_bytes bytes);

/* A TPMT_PUBLIC.  CSN_OK, CSN_E_PROTOCOL with a constant, or a fault. */
int  tpm2_key_read(struct csn_bytes public, struct tpm2_key *ret_key, const char **ret_why);
void tpm2_key_done(struct tpm2_key *key);
/* A TPMT_SIGNATURE over @message: CSN_OK, CSN_E_REFUSED with a constant. */
int  tpm2_signature_check(const struct tpm2_key *key, struct csn_bytes message,
                          struct csn_bytes signature, bool sha1, uint16_t *ret_hash,
                          const char **ret_why);
/* The same with a key of which only the public half is known, as a CoRIM has it. */
int  tpm2_signature_pkey(EVP_PKEY *pkey, struct csn_bytes message, struct csn_bytes signature,
                         bool sha1, uint16_t *ret_hash, const char **ret_why);

/* What a quote says; the structure itself was signed by nobody yet. */
int tpm2_quote_read(struct csn_bytes attest, TPMS_ATTEST *ret_attest, const char **ret_why);
/* A certification of another key: the name it certifies. */
int tpm2_certify_read(struct csn_bytes attest, TPMS_ATTEST *ret_attest, const char **ret_why);
/* Is the quote's digest that of these values?  False also when one it selects is missing. */
bool tpm2_pcrs_match(const TPMS_ATTEST *quote, uint16_t hash, const struct tpm2_pcrs *pcrs);
/* PCRs of @bank a quote selects, as bits. */
uint32_t tpm2_selected(const TPMS_ATTEST *quote, uint16_t alg);

/*
 * Reads an event log, of SHA-1 alone or crypto-agile, and extends what it says from reset:
 * CSN_OK, or CSN_E_PROTOCOL with a constant.
 */
int tpm2_log_replay(struct csn_bytes log, struct tpm2_pcrs *ret_pcrs, unsigned *ret_events,
                    const char **ret_why);

/*
 * Judges an evidence item: {1: TPMS_ATTEST, 2: TPMT_SIGNATURE, 3: TPMT_PUBLIC,
 * 4: [[alg, {pcr: value}]], ? 5: event log}.  The quote's qualifying data must be @nonce.
 * CSN_OK with the vector filled, CSN_E_REFUSED with the verdict, or a fault.
 */
int tpm2_judge(const struct tpm2_policy *policy, struct csn_bytes item, struct csn_bytes nonce,
               struct csn_verdict *verdict);
/* The parts of an item, without CBOR: what an item of other makers has, too. */
struct tpm2_parts {
	struct csn_bytes attest, signature, public, log;
	struct tpm2_pcrs pcrs;
};
int tpm2_judge_parts(const struct tpm2_policy *policy, const struct tpm2_parts *parts,
                     struct csn_bytes nonce, struct csn_verdict *verdict);
bool tpm2_parts_read(struct csn_bytes item, struct tpm2_parts *ret_parts);

#endif
