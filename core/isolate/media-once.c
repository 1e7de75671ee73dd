#include "core/isolate/media-once.h"

#include <string.h>

/* A media's functions get the media's self: what belongs to this process stands here. */
static struct {
	struct media_once           once;
	const struct csn_media_ops *media;
	struct csn_media_ops        held; /* with another start and cancel    */
	struct csn_op              *outer, *inner; /* of a start              */
} now;

static void
on_started(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct csn_op    *outer = now.outer;
	struct csn_error *err = csn_op_error(outer);

	(void)arg, (void)buf;
	now.outer = now.inner = NULL;
	if (result == CSN_OK)
		result = now.once.close_door(now.once.arg, err);
	else
		*err = *csn_op_error(op);
	csn_op_done(outer, result, NULL);
}

static int
held_start(void *self, struct csn_op *outer)
{
	struct csn_op_start start = {
		.what = "media: start",
		.fn = on_started,
		.deadline_ns = csn_loop_now(now.once.loop) + 60 * CSN_SECOND,
		.cancel = now.media->cancel,
		.self = self,
	};
	int r = now.once.may_open(now.once.arg, csn_op_error(outer));

	if (r < 0)
		return r;
	struct csn_op *inner = csn_op_new(now.once.ops, &start);
	if (inner == NULL)
		return CSN_E_NOMEM;
	now.outer = outer;
	now.inner = inner;
	r = now.media->start(self, inner);
	if (r < 0) {
		*csn_op_error(outer) = *csn_op_error(inner);
		now.outer = now.inner = NULL;
		csn_op_drop(inner);
	}
	return r;
}

static void
held_cancel(void *self, struct csn_op *op)
{
	if (op == now.outer)
		csn_op_cancel(now.inner);
	else if (now.media->cancel != NULL)
		now.media->cancel(self, op);
}

const struct csn_media_ops *
media_once(const struct media_once *once, const struct csn_media_ops *media)
{
	now.once = *once;
	now.media = media;
	memcpy(&now.held, media, media->size < sizeof now.held ? media->size : sizeof now.held);
	now.held.start = held_start;
	now.held.cancel = held_cancel;
	return &now.held;
}
