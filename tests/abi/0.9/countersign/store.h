/*
 * Stores keep what must survive: values, claims and audit entries, in one durable
 * transaction.  A store never acknowledges before the bytes are on the disk.
 */
#ifndef COUNTERSIGN_STORE_H
#define COUNTERSIGN_STORE_H

#include <countersign/types.h>

enum csn_item_kind {
	CSN_ITEM_PUT    = 1, /* space, key := value                           */
	CSN_ITEM_DELETE = 2, /* space, key; absent is fine                    */
	CSN_ITEM_CLAIM  = 3, /* space, key: CSN_E_REFUSED if ever claimed     */
	CSN_ITEM_EXPECT = 4, /* space, key holds value (len 0 and ptr NULL: is absent),
	                        else CSN_E_BUSY                               */
	CSN_ITEM_AUDIT  = 5, /* appends value to the log, at the next index   */
};

struct csn_store_item {
	uint32_t         kind, flags;
	const char      *space; /* "device", "rung", "quarantine", ...        */
	struct csn_bytes key, value;
};

struct csn_store_ops {
	uint32_t size;
	/* [loop] All items or none; @op ends CSN_OK once durable. */
	int (*commit)(void *self, struct csn_op *op, const struct csn_store_item *items,
	              size_t count);
	/* [loop] Ends @op with the value, or CSN_E_MISSING. */
	int (*get)(void *self, struct csn_op *op, const char *space, struct csn_bytes key);
	/*
	 * [loop] Ends @op with the first key of @space after @after (bytewise; empty:
	 * from the start) and its value, as dCBOR [key, value]; CSN_E_MISSING past the end.
	 */
	int (*next)(void *self, struct csn_op *op, const char *space, struct csn_bytes after);
	/* [loop] Ends @op with audit entry @index (from 0), or CSN_E_MISSING. */
	int (*entry)(void *self, struct csn_op *op, uint64_t index);
	/* [loop] Ends @op with the number of audit entries, 8 bytes big endian. */
	int (*count)(void *self, struct csn_op *op);
	void (*cancel)(void *self, struct csn_op *op); /* [loop]              */
};

#endif
