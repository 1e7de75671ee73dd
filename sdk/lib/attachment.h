/*
 * Attachments of protocol.md section 9: chunks of 16384 bytes, each sealed with the
 * attachment's own key.  Chunks may come in any order; the caller keeps their places
 * and compares the digest (193) at the end.
 */
#ifndef CSN_LIB_ATTACHMENT_H
#define CSN_LIB_ATTACHMENT_H

#include "lib/crypto.h"

#define CSN_ATT_CHUNK  16384
#define CSN_ATT_SEALED (CSN_ATT_CHUNK + CSN_TAG_LEN)

/* What a chunk is bound to: the id and the length of the body's row, and the key. */
struct csn_att {
	unsigned         suite;
	struct csn_bytes id;     /* 1 to 32 bytes                                */
	uint32_t         length; /* of the plaintext, from 1                     */
	const uint8_t   *key;    /* Nk bytes                                     */
};

uint32_t csn_att_chunks(uint32_t length);
uint64_t csn_att_stream_len(uint32_t length);
/* Plaintext bytes of chunk @i; 0 when there is no such chunk. */
size_t csn_att_chunk_len(uint32_t length, uint32_t i);

/* @plain is exactly chunk @i; @ret_sealed has 16 bytes more. */
int csn_att_seal(const struct csn_crypto *c, const struct csn_att *att, uint32_t i,
                 struct csn_bytes plain, uint8_t *ret_sealed);
/* 0, or 191 for a chunk of the wrong length or place, or 192 when it does not open. */
int csn_att_open(const struct csn_crypto *c, const struct csn_att *att, uint32_t i,
                 struct csn_bytes sealed, uint8_t *ret_plain);

#endif
