/*
 * For channels that do their own I/O: messages wait here for the receive that takes them.
 * All [loop].
 */
#ifndef CSN_LIB_INBOX_H
#define CSN_LIB_INBOX_H

#include <countersign/host.h>

enum {
	CSN_INBOX_ROOM = 8,
};

/* Zeroed but for @host. */
struct csn_inbox {
	const struct csn_host *host;
	struct csn_op         *receiving;
	struct csn_buf        *waiting[CSN_INBOX_ROOM];
	size_t                 count;
};

/* Takes a copy; the oldest goes when there is no room. */
void csn_inbox_put(struct csn_inbox *inbox, struct csn_bytes message);
/* A channel's receive: CSN_E_BUSY while another one waits. */
int csn_inbox_receive(struct csn_inbox *inbox, struct csn_op *op);
/* Ends @op if it is the one that waits; true then. */
int csn_inbox_cancel(struct csn_inbox *inbox, struct csn_op *op);
/* Ends what waits and forgets what came. */
void csn_inbox_done(struct csn_inbox *inbox);

#endif
