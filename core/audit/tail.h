/*
 * The end of the audit log as it counts for equal refusals: those in a row are one entry
 * and a number, so that whoever is refused again and again does not fill the log.  The
 * number is a row of the store until the next entry takes it along.
 */
#ifndef CSN_CORE_TAIL_H
#define CSN_CORE_TAIL_H

#include "core/audit/audit.h"

#include <countersign/store.h>

#define TAIL_SPACE   "tail"
#define TAIL_ROW_MAX 96

struct tail {
	bool live; /* the last entry is a refusal, this one:                   */
	uint32_t code;
	char reason[AUDIT_REASON_MAX];
	bool has_did;
	uint8_t did[16];
	uint64_t repeats; /* came again and stand in no entry yet                */
};

extern const struct csn_bytes tail_key;

int tail_decode(struct csn_bytes bytes, struct tail *ret_tail);
/*
 * What becomes of @entry: it is to be written, with the number in it, or (true) only
 * counted.  *tail is moved on; @alone: its session has written nothing else.
 */
bool tail_take(struct tail *tail, struct audit_entry *entry, bool alone);
/* Something else was written at the end of the log. */
void tail_break(struct tail *tail);
/* The row as it is now; @buf of TAIL_ROW_MAX bytes. */
int tail_item(const struct tail *tail, uint8_t *buf, struct csn_store_item *ret_item);

#endif
