/* A camera that sees plain grey pictures, one each frame_ms. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/media.h>

#include <stdlib.h>

enum { WIDTH = 64, HEIGHT = 64 };

struct instance {
	const struct csn_host *host;
	uint32_t               frame_ms, level;
	struct csn_op         *capturing;
	struct csn_frame      *frame;
	struct csn_timer      *timer;
	uint8_t                grey[WIDTH * HEIGHT];
};

static const struct csn_option options[] = {
	CSN_OPTION_U32(struct instance, frame_ms, 40, 1, 10000, "time between pictures"),
	CSN_OPTION_U32(struct instance, level, 128, 0, 255, "how bright the pictures are"),
	CSN_OPTION_END
};

static int
caps(void *self, struct csn_media_caps *caps)
{
	const struct instance *me = self;

	caps->medium    = CSN_MEDIUM_VIDEO;
	caps->direction = CSN_RECEIVE;
	caps->width     = WIDTH;
	caps->height    = HEIGHT;
	caps->frame_ms  = me->frame_ms;
	return CSN_OK;
}

static int
start(void *self, struct csn_op *op)
{
	struct instance *me = self;

	memset(me->grey, (int)me->level, sizeof me->grey);
	me->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static void
picture(void *self)
{
	struct instance *me = self;
	struct csn_op   *op = me->capturing;

	me->timer           = NULL;
	me->capturing       = NULL;
	me->frame->medium   = CSN_MEDIUM_VIDEO;
	me->frame->flags    = 0;
	me->frame->time_ns  = me->host->now(me->host);
	me->frame->grey     = me->grey;
	me->frame->width    = WIDTH;
	me->frame->height   = HEIGHT;
	me->frame->stride   = WIDTH;
	me->host->op_done(op, CSN_OK, NULL);
}

static int
capture(void *self, struct csn_op *op, struct csn_frame *frame)
{
	struct instance       *me   = self;
	const struct csn_host *host = me->host;

	if (me->capturing != NULL)
		return host->fail(host->op_error(op), CSN_E_BUSY, "a capture is pending");
	me->timer = host->timer_add(host, host->now(host) + me->frame_ms * UINT64_C(1000000),
	                            picture, me);
	if (me->timer == NULL)
		return host->fail(host->op_error(op), CSN_E_NOMEM, "no memory for a timer");
	me->capturing = op;
	me->frame     = frame;
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct instance *me = self;

	if (op != me->capturing)
		return;
	me->host->timer_drop(me->timer);
	me->timer     = NULL;
	me->capturing = NULL;
	me->host->op_done(op, CSN_E_CANCELLED, NULL);
}

static void
stop(void *self)
{
	struct instance *me = self;

	if (me->capturing != NULL)
		cancel(me, me->capturing);
}

static const struct csn_media_ops ops = {
	.size    = sizeof ops,
	.caps    = caps,
	.start   = start,
	.capture = capture,
	.cancel  = cancel,
	.stop    = stop,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_MEDIA,
	.name    = "@NAME@",
	.summary = "sees plain grey pictures",
	.options = options,
	.create  = create,
	.destroy = destroy,
	.ops.media = &ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct instance *me = calloc(1, sizeof *me);
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for @KIND@ @NAME@");
	me->host = host;
	int r    = host->bind(config, &component, me, err);
	if (r < 0) {
		destroy(me);
		return r;
	}
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct instance *me = self;

	if (me == NULL)
		return;
	me->host->timer_drop(me->timer);
	free(me);
}

CSN_PLUGIN(@KIND@_@NAME@, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
