/* Attachments: 191, 192, 193. */
#include "device/bulk.h"

#include "lib/csgn1.h"

int
csn_bulk_length(const struct csn_attachment_row *row, uint64_t stream_len)
{
	return stream_len == csn_att_stream_len(row->length) ? 0 : CSN_CODE_ATT_LENGTH;
}

int
csn_bulk_chunk(const struct csn_crypto *crypto, unsigned suite,
               const struct csn_attachment_row *row, uint32_t index, struct csn_bytes sealed,
               uint8_t *ret_plain, size_t *ret_len)
{
	struct csn_att att = { suite, row->id, row->length, row->key.ptr };

	if (row->key.len != csn_suite_key_len(suite))
		return CSN_CODE_ATT_CHUNK;
	int code = csn_att_open(crypto, &att, index, sealed, ret_plain);
	if (code != 0)
		return code < 0 ? CSN_CODE_ATT_CHUNK : code;
	*ret_len = csn_att_chunk_len(row->length, index);
	return 0;
}

int
csn_bulk_end(const struct csn_crypto *crypto, const struct csn_attachment_row *row,
             const struct csn_bytes *parts, size_t count)
{
	uint8_t  hash[CSN_HASH_LEN];
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += parts[i].len;
	if (total != row->length ||
	    crypto->sha256(crypto->self, parts, count, hash) != CSN_OK ||
	    !csn_same_n(hash, row->hash, sizeof hash))
		return CSN_CODE_ATT_DIGEST;
	return 0;
}
