/*
 * Formats turn a payload file into the neutral record and back, strictly.
 *
 * The neutral record is the dCBOR map of protocol.md section 9: a full body, or one
 * without the members 1 (device) and 6 (session), which the ceremony adds.
 */
#ifndef COUNTERSIGN_FORMAT_H
#define COUNTERSIGN_FORMAT_H

#include <countersign/types.h>

struct csn_format_ops {
	uint32_t size;
	/* [loop] Record to bytes.  *ret_bytes is a new reference, secret. */
	int (*encode)(void *self, struct csn_bytes record, struct csn_buf **ret_bytes,
	              struct csn_error *err);
	/*
	 * [loop] Bytes to record.  *ret_record is a new reference, secret.  Trailing
	 * bytes, duplicate keys, lone surrogates and unknown members are refused, with
	 * the place and the bound in @err.
	 */
	int (*decode)(void *self, struct csn_bytes in, struct csn_buf **ret_record,
	              struct csn_error *err);
};

#endif
