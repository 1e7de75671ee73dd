/*
 * Who only listens is sealed once its device is open, as a worker is, before the first
 * frame reaches the channel.  What writes files while it listens (--record, an option of
 * the channel that is a path) cannot be.
 */
#include "core/cli/probe.h"
#include "core/isolate/sandbox.h"

static struct {
	struct probe               *p;
	const struct csn_media_ops *media;
	struct csn_media_ops        held; /* with another start               */
	struct csn_op              *outer, *inner;
	struct sandbox              sandbox;
	bool                        sealed;
} seal;

static void
on_started(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct csn_op        *outer = seal.outer;
	struct csn_error     *err = csn_op_error(outer);
	struct sandbox_report report;

	(void)arg, (void)buf;
	seal.outer = seal.inner = NULL;
	if (result == CSN_OK)
		result = sandbox_enter(&seal.sandbox, &report, err);
	else
		*err = *csn_op_error(op);
	seal.sealed |= result == CSN_OK;
	csn_op_done(outer, result, NULL);
}

static int
held_start(void *self, struct csn_op *outer)
{
	struct csn_op_start start = {
		.what = "media: start",
		.fn = on_started,
		.deadline_ns = csn_loop_now(seal.p->loop) + 60 * CSN_SECOND,
		.cancel = seal.media->cancel,
		.self = self,
	};

	if (seal.sealed)
		return csn_fail(csn_op_error(outer), CSN_E_IO,
		                "it was closed, and nothing is opened any more: listen again");
	struct csn_op *inner = csn_op_new(seal.p->ops, &start);
	if (inner == NULL)
		return CSN_E_NOMEM;
	seal.outer = outer;
	seal.inner = inner;
	int r = seal.media->start(self, inner);
	if (r < 0) {
		*csn_op_error(outer) = *csn_op_error(inner);
		seal.outer = seal.inner = NULL;
		csn_op_drop(inner);
	}
	return r;
}

static void
held_cancel(void *self, struct csn_op *op)
{
	if (op == seal.outer)
		csn_op_cancel(seal.inner);
	else if (seal.media->cancel != NULL)
		seal.media->cancel(self, op);
}

/* A recording is one file a picture: its path may still be opened. */
static void
keep_paths(const struct csn_component *c, const struct csn_config *config)
{
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++) {
		const char *path = o->type == CSN_PATH && config != NULL ?
		                           csn_config_path_at(config, o->key, 0) :
		                           NULL;

		if (path != NULL && seal.sandbox.path_count < SANDBOX_PATHS)
			seal.sandbox.paths[seal.sandbox.path_count++] = path;
	}
}

const struct csn_media_ops *
probe_sealed(struct probe *p, const struct csn_instance *media)
{
	const struct csn_media_ops *ops = media->component->ops.media;

	seal.p = p;
	seal.media = ops;
	seal.sandbox = (struct sandbox){ .media = true, .threads = true, .doors = true };
	keep_paths(media->component, media->config);
	memcpy(&seal.held, ops, ops->size < sizeof seal.held ? ops->size : sizeof seal.held);
	seal.held.start = held_start;
	seal.held.cancel = held_cancel;
	return &seal.held;
}

bool
probe_writes(const struct csn_component *channel, const struct csn_config *config)
{
	for (const struct csn_option *o = channel->options; o != NULL && o->key != NULL; o++)
		if (o->type == CSN_PATH && config != NULL &&
		    csn_config_text_at(config, o->key, 0) != NULL)
			return true;
	return false;
}
