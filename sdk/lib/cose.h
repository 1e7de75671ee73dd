/*
 * COSE_Sign1 as protocol.md section 2 narrows it.
 *
 * The shape is judged where a message is parsed, the headers later and with a code of
 * their own, so these are two calls.  Both return CSN_OK or CSN_E_PROTOCOL; the caller
 * knows which refusal code that is.  Bytes are borrowed from the input.
 */
#ifndef CSN_LIB_COSE_H
#define CSN_LIB_COSE_H

#include "lib/crypto.h"
#include "lib/dcbor.h"

#define CSN_CHAIN_MAX 3
#define CSN_CERT_MAX  2048
/* The most that Sig_structure adds around a payload. */
#define CSN_COSE_OVERHEAD 32

enum csn_cose_kind {
	CSN_COSE_PLAIN  = 1, /* no chain, detached                             */
	CSN_COSE_CHAIN  = 2, /* with chain, detached                           */
	CSN_COSE_OBJECT = 3, /* with chain, attached                           */
};

struct csn_cose {
	struct csn_bytes raw;       /* the whole item                           */
	struct csn_bytes protect;   /* content of the byte string               */
	struct csn_bytes unprotect; /* the map, encoded                         */
	bool             detached;
	struct csn_bytes payload;   /* empty when detached                      */
	const uint8_t   *sig;       /* CSN_SIG_LEN bytes                        */
	struct csn_bytes chain[CSN_CHAIN_MAX]; /* by csn_cose_headers            */
	size_t           chain_len;
};

/* The shape [bytes, map, null or bytes, 64 bytes] of checked dCBOR. */
int csn_cose_parse(struct csn_bytes item, struct csn_cose *ret_cose);
/* The same at a cursor; on another shape the cursor is bad. */
void csn_cose_read(struct csn_dcbor_in *in, struct csn_cose *ret_cose);
/* The exact headers, and detached or attached, of @kind; fills the chain. */
int csn_cose_headers(struct csn_cose *cose, unsigned suite, enum csn_cose_kind kind);

/*
 * CSN_OK when the signature over @payload (the attached one, or the one the receiver
 * rebuilt) is good under the raw public key, CSN_E_REFUSED when not.
 */
int csn_cose_verify(const struct csn_crypto *c, const struct csn_cose *cose,
                    unsigned suite, struct csn_bytes pk, struct csn_bytes payload);

/* Writes the bytes to be signed, for a signer that takes one message. */
void csn_cose_put_to_sign(struct csn_dcbor_out *out, unsigned suite,
                          struct csn_bytes payload);
/* Signs with a key in memory. */
int csn_cose_sign(const struct csn_crypto *c, unsigned suite,
                  const uint8_t sk[CSN_SK_LEN], struct csn_bytes payload,
                  uint8_t ret_sig[CSN_SIG_LEN]);
/*
 * Writes a COSE_Sign1 item.  No certificates: no chain.  An empty @payload: detached.
 */
void csn_cose_put(struct csn_dcbor_out *out, unsigned suite,
                  const struct csn_bytes *chain, size_t chain_len,
                  struct csn_bytes payload, const uint8_t sig[CSN_SIG_LEN]);

#endif
