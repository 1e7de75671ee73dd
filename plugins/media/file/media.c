#include "media.h"

#include <stdlib.h>

static int
caps(void *self, struct csn_media_caps *ret_caps)
{
	const struct media *media = self;

	ret_caps->medium    = media->medium;
	ret_caps->direction = media->direction;
	if (media->medium == CSN_MEDIUM_AUDIO) {
		ret_caps->rate_hz = MEDIA_RATE_HZ;
		ret_caps->block   = MEDIA_BLOCK;
		return CSN_OK;
	}
	ret_caps->width    = media->width;
	ret_caps->height   = media->height;
	ret_caps->frame_ms = media->frame_ms;
	return CSN_OK;
}

/* ---- time -------------------------------------------------------------- */

static void
end(struct media *media, int result)
{
	struct csn_op *op = media->waiting;

	if (op == NULL)
		return;
	media->host->timer_drop(media->timer);
	media->timer   = NULL;
	media->waiting = NULL;
	media->host->op_done(op, result, NULL);
}

static void
on_due(void *self)
{
	struct media *media = self;

	media->timer = NULL;
	end(media, CSN_OK);
}

/* Ends the op when the recording's time has come; at once when it is behind, or fast. */
static void
end_when_due(struct media *media, struct csn_op *op)
{
	const struct csn_host *host = media->host;
	const uint64_t due_ns = media->start_ns + media->at_ns;

	media->waiting = op;
	if (media->pace == 0 && due_ns > host->now(host))
		media->timer = host->timer_add(host, due_ns, on_due, media);
	if (media->timer == NULL)
		end(media, CSN_OK);
}

/* A pause of the player is a pause of the recording's time, not a rush after it. */
static void
catch_up(struct media *media)
{
	const uint64_t now_ns = media->host->now(media->host);

	if (media->start_ns + media->at_ns < now_ns)
		media->start_ns = now_ns - media->at_ns;
}

/* ---- ops --------------------------------------------------------------- */

static int
start(void *self, struct csn_op *op)
{
	struct media *media = self;
	const struct csn_host *host = media->host;
	struct csn_error *err = host->op_error(op);

	if (media->running)
		return host->fail(err, CSN_E_BUSY, "%s is running already", media->path);
	int r = media->direction == CSN_SEND ? write_open(media, err) : read_open(media, err);
	if (r < 0) {
		media_stop(media);
		return r;
	}
	media->running  = true;
	media->start_ns = host->now(host);
	host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
check(const struct media *media, struct csn_error *err, uint32_t direction)
{
	const struct csn_host *host = media->host;

	if (media->direction != direction)
		return host->fail(err, CSN_E_UNSUPPORTED, "%s is here to be %s", media->path,
		                  direction == CSN_SEND ? "replayed" : "recorded to");
	if (!media->running)
		return host->fail(err, CSN_E_INVALID, "%s was not started", media->path);
	if (media->waiting != NULL)
		return host->fail(err, CSN_E_BUSY, "one is already waiting");
	return CSN_OK;
}

static int
capture(void *self, struct csn_op *op, struct csn_frame *frame)
{
	struct media *media = self;
	struct csn_error *err = media->host->op_error(op);

	int r = check(media, err, CSN_RECEIVE);
	if (r < 0)
		return r;
	r = read_next(media, frame, err);
	if (r == CSN_E_MISSING && media->at_ns > 0)
		media->host->fail(err, r, "recording %s has ended", media->path);
	if (r < 0)
		return r;
	end_when_due(media, op);
	return CSN_OK;
}

static int
play(void *self, struct csn_op *op, const struct csn_frame *frame)
{
	struct media *media = self;
	struct csn_error *err = media->host->op_error(op);

	int r = check(media, err, CSN_SEND);
	if (r < 0)
		return r;
	catch_up(media);
	r = write_next(media, frame, err);
	if (r < 0)
		return r;
	end_when_due(media, op);
	return CSN_OK;
}

static int
drain(void *self, struct csn_op *op)
{
	struct media *media = self;

	int r = check(media, media->host->op_error(op), CSN_SEND);
	if (r < 0)
		return r;
	end_when_due(media, op);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct media *media = self;

	if (op == media->waiting)
		end(media, CSN_E_CANCELLED);
}

void
media_stop(struct media *media)
{
	end(media, CSN_E_CANCELLED);
	write_close(media);
	if (media->file != NULL)
		fclose(media->file);
	for (size_t i = 0; i < media->name_count; i++)
		free(media->names[i]);
	free(media->names);
	free(media->grey);
	media->file       = NULL;
	media->names      = NULL;
	media->name_count = 0;
	media->name_next  = 0;
	media->grey       = NULL;
	media->at_ns      = 0;
	media->written    = 0;
	media->pictures   = 0;
	media->running    = false;
}

static void
stop(void *self)
{
	media_stop(self);
}

const struct csn_media_ops media_ops = {
	.size    = sizeof media_ops,
	.caps    = caps,
	.start   = start,
	.capture = capture,
	.play    = play,
	.drain   = drain,
	.cancel  = cancel,
	.stop    = stop,
};
