/* Attachments over a channel of messages: the packets of lib/stream.h, one a message. */
#ifndef CSN_CLI_BULK_H
#define CSN_CLI_BULK_H

#include "core/cli/attach.h"
#include "lib/body.h"
#include "lib/stream.h"

#define BULK_STREAM_MAX (64u << 20) /* bytes of a sealed stream, which is held in memory */

/*
 * Shows the streams of @set on the channel of role bulk, @passes times over (0: for ever),
 * or until the device says on the channel of role return that it has them all; an exit code.
 */
int bulk_send(struct runner *r, struct attach_set *set, unsigned passes);

/* One attachment that is awaited, and what is known of it. */
struct bulk_row {
	const struct csn_attachment_row *row;
	unsigned                         suite;
	const char                      *name;   /* for people */
	char                            *stream; /* where the whole stream goes */
	char                            *part;   /* packets that came so far, to go on from */
	struct csn_receiver             *receiver[2]; /* a station that enlarged has a second */
	int                              journal;
	unsigned                         told;   /* tenths of its way that a person was told */
	uint64_t                         heard, missed; /* as of the last status */
	unsigned                         silent; /* statuses in a row without a packet */
	bool                             done;
};

/*
 * Listens on the channel of role bulk for at most @wait_s seconds until all rows are
 * there, and tells the station on the channel of role return how it goes.  What came is
 * kept in .part files and counts the next time.  CLI_OK, also when some are missing.
 */
int bulk_take(struct runner *r, struct bulk_row *rows, size_t count, unsigned wait_s);

#endif
