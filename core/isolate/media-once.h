/*
 * A media that is opened once: the same table, but its start closes the door behind it,
 * before the first frame reaches the channel.  One a process, as its sandbox is.
 */
#ifndef CSN_CORE_ISOLATE_MEDIA_ONCE_H
#define CSN_CORE_ISOLATE_MEDIA_ONCE_H

#include "core/loop/loop.h"
#include "core/loop/op.h"

#include <countersign/media.h>

struct media_once {
	struct csn_loop *loop;
	struct csn_ops  *ops;
	void            *arg;
	/* Before a start; negative: no device can be opened any more. */
	int (*may_open)(void *arg, struct csn_error *err);
	/* The device is open; negative: the start failed. */
	int (*close_door)(void *arg, struct csn_error *err);
};

/* The table to be used in place of @media's, which lives on, as what @once points to does. */
const struct csn_media_ops *media_once(const struct media_once *once,
                                       const struct csn_media_ops *media);

#endif
