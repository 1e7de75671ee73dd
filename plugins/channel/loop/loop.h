/* A channel that returns each message to its sender, for demonstrations and tests. */
#ifndef CHANNEL_LOOP_H
#define CHANNEL_LOOP_H

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

enum {
	LOOP_ROOM = 16, /* messages that may wait to be received */
};

struct loop {
	const struct csn_host *host;
	char                  *medium;
	uint32_t               limit;
	uint32_t               delay_ms;

	struct csn_op    *sending;
	struct csn_buf   *in_air; /* what @sending carries */
	struct csn_timer *arrival;
	struct csn_op    *receiving;
	struct csn_buf   *waiting[LOOP_ROOM]; /* oldest first */
	size_t            waiting_count;
};

extern const struct csn_channel_ops loop_ops;

void loop_stop(struct loop *loop);

#endif
