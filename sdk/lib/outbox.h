/*
 * For channels that do their own I/O, beside the inbox: what every send asks first, and
 * the one operation that is under way.  All [loop].
 */
#ifndef CSN_LIB_OUTBOX_H
#define CSN_LIB_OUTBOX_H

#include <countersign/host.h>

/* Zeroed but for @host. */
struct csn_outbox {
	const struct csn_host *host;
	struct csn_op         *sending; /* NULL: none                         */
};

/*
 * Is @message one of 1 to @limit bytes, and is no other under way?  Then @op is, with a
 * copy of it; else the reason is told, as in "message is 9 bytes, @what takes 8".
 */
int csn_outbox_take(struct csn_outbox *outbox, struct csn_op *op, struct csn_bytes message,
                    size_t limit, const char *what, struct csn_buf **ret_copy);
/* For a send that fails after all: its return value is the answer. */
int csn_outbox_refuse(struct csn_outbox *outbox, struct csn_buf *copy, int result);
/* Answers what is under way, if anything is. */
void csn_outbox_end(struct csn_outbox *outbox, int result);

#endif
