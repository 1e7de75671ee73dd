#include "lib/attachment.h"

#include "lib/csgn1.h"

/* L("csgn1/att", id, length): label, id of 32 and a u32 in any encoding. */
#define AAD_MAX 64

uint32_t
csn_att_chunks(uint32_t length)
{
	return length == 0 ? 0 : (length - 1) / CSN_ATT_CHUNK + 1;
}

uint64_t
csn_att_stream_len(uint32_t length)
{
	return (uint64_t)length + (uint64_t)csn_att_chunks(length) * CSN_TAG_LEN;
}

size_t
csn_att_chunk_len(uint32_t length, uint32_t i)
{
	uint32_t chunks = csn_att_chunks(length);

	if (i >= chunks)
		return 0;
	return i + 1 < chunks ? CSN_ATT_CHUNK : length - i * (uint32_t)CSN_ATT_CHUNK;
}

/* 7 zero bytes, the number of the chunk, and 1 for the last one. */
static void
chunk_nonce(const struct csn_att *att, uint32_t i, uint8_t nonce[CSN_NONCE_LEN])
{
	memset(nonce, 0, CSN_NONCE_LEN);
	for (unsigned k = 0; k < 4; k++)
		nonce[7 + k] = (uint8_t)(i >> (24 - 8 * k));
	nonce[11] = i + 1 == csn_att_chunks(att->length);
}

static int
chunk_aad(const struct csn_att *att, uint8_t buf[AAD_MAX], struct csn_bytes *ret_aad)
{
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, AAD_MAX);
	csn_dcbor_put_label(&out, "csgn1/att", 2);
	csn_dcbor_put_bytes(&out, att->id);
	csn_dcbor_put_uint(&out, att->length);
	return csn_dcbor_out_end(&out, ret_aad);
}

int
csn_att_seal(const struct csn_crypto *c, const struct csn_att *att, uint32_t i,
             struct csn_bytes plain, uint8_t *ret_sealed)
{
	uint8_t          nonce[CSN_NONCE_LEN], buf[AAD_MAX];
	struct csn_bytes aad;

	if (plain.len == 0 || plain.len != csn_att_chunk_len(att->length, i))
		return CSN_E_INVALID;
	chunk_nonce(att, i, nonce);
	int r = chunk_aad(att, buf, &aad);
	return r < 0 ? r
	             : c->aead_seal(c->self, att->suite, att->key, nonce, aad, plain,
	                            ret_sealed);
}

int
csn_att_open(const struct csn_crypto *c, const struct csn_att *att, uint32_t i,
             struct csn_bytes sealed, uint8_t *ret_plain)
{
	uint8_t          nonce[CSN_NONCE_LEN], buf[AAD_MAX];
	struct csn_bytes aad;
	size_t           len = csn_att_chunk_len(att->length, i);

	if (len == 0 || sealed.len != len + CSN_TAG_LEN)
		return CSN_CODE_ATT_LENGTH;
	chunk_nonce(att, i, nonce);
	int r = chunk_aad(att, buf, &aad);
	if (r == CSN_OK)
		r = c->aead_open(c->self, att->suite, att->key, nonce, aad, sealed, ret_plain);
	return r == CSN_E_REFUSED ? CSN_CODE_ATT_CHUNK : r;
}
