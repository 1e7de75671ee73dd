#include "core/audit/unsettled.h"

#include "lib/dcbor.h"

#include <countersign/ceremony.h>

int
unsettled_encode(const struct unsettled *row, uint8_t *buf, struct csn_bytes *ret_bytes)
{
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, UNSETTLED_ROW_MAX);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_uint(&out, row->outcome);
	csn_dcbor_put_uint(&out, row->code);
	csn_dcbor_put_uint(&out, row->unix_s);
	csn_dcbor_put_hash(&out, row->has_did ? row->did : NULL, sizeof row->did);
	return csn_dcbor_out_end(&out, ret_bytes);
}

int
unsettled_decode(struct csn_bytes bytes, struct unsettled *ret_row)
{
	struct unsettled row = { 0 };
	struct csn_dcbor_in in;
	int r = csn_dcbor_check(bytes);

	if (r < 0)
		return r;
	csn_dcbor_in_init(&in, bytes);
	csn_dcbor_array(&in, 4, 4);
	row.outcome = (uint32_t)csn_dcbor_uint(&in, CSN_OUTCOME_UNKNOWN);
	row.code = (uint32_t)csn_dcbor_uint(&in, UINT32_MAX);
	row.unix_s = csn_dcbor_uint(&in, UINT64_MAX);
	row.has_did = !csn_dcbor_null(&in);
	if (row.has_did)
		csn_dcbor_copy(&in, row.did, sizeof row.did);
	r = csn_dcbor_in_end(&in);
	if (r == CSN_OK)
		*ret_row = row;
	return r;
}
