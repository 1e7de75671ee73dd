/*
 * Sessions of which something may have come and nobody knows what: a row of the
 * station's store from the transaction that records the offer until one that records
 * an answer.  Space "unsettled", by sid.
 */
#ifndef CSN_CORE_UNSETTLED_H
#define CSN_CORE_UNSETTLED_H

#include <countersign/types.h>

#include <stdbool.h>

#define UNSETTLED_SPACE   "unsettled"
#define UNSETTLED_ROW_MAX 64

struct unsettled {
	uint32_t outcome, code; /* enum csn_outcome; NONE: it was interrupted  */
	uint64_t unix_s;        /* of the last word on it                      */
	bool has_did;
	uint8_t did[16];
};

/* Into @buf of UNSETTLED_ROW_MAX bytes; *ret_bytes points there. */
int unsettled_encode(const struct unsettled *row, uint8_t *buf,
		     struct csn_bytes *ret_bytes);
int unsettled_decode(struct csn_bytes bytes, struct unsettled *ret_row);

#endif
