/* What comes in: captured while somebody listens, fed, handed to every listener. */
#include "core/link/int.h"

static void pump_capture(struct link *link);

static void
on_retry(void *arg)
{
	struct link *link = arg;

	link->retry = NULL;
	link_pump_receive(link);
}

void
link_retry_soon(struct link *link)
{
	if (link->retry == NULL && link->listeners != NULL)
		link->retry = csn_loop_timer_add(link->parts.loop,
						 csn_loop_now(link->parts.loop) +
							 RETRY_MS * CSN_MS,
						 on_retry, link);
}

static void
retry_later(struct link *link, int result, const struct csn_error *err)
{
	link_trouble(link, result, err);
	link_retry_soon(link);
}

static void
deliver(struct link *link, struct csn_bytes message)
{
	uint64_t now = csn_loop_now(link->parts.loop);
	uint64_t came = link->parts.received_ns != NULL
				? link->parts.received_ns(link->parts.channel_self)
				: link->fed_ns;
	uint64_t at = came != 0 && came <= now ? came : now;

	link->held++; /* a listener may leave, or free the link                */
	for (struct link_listener *l = link->listeners, *next; l != NULL && !link->dead;
	     l = next) {
		next = l->next;
		l->fn(l->arg, link, at, message);
	}
	link->held--;
}

static void
on_received(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	bool mine = link->receive == op;
	if (!link_op_over(link, &link->receive, op) || !mine)
		return;
	if (result == CSN_OK && csn_buf_bytes(buf).len > link->caps.max_message)
		result = CSN_E_TOO_BIG;
	if (result == CSN_OK) {
		link->trouble[0] = '\0';
		deliver(link, csn_buf_bytes(buf));
	} else if (result != CSN_E_TIMEOUT && result != CSN_E_CANCELLED) {
		retry_later(link, result, csn_op_error(op));
		return;
	}
	if (link->dead)
		link_release(link);
	else
		link_pump_receive(link);
}

/* The end of a recording: no more comes. */
static void
recording_over(struct link *link)
{
	csn_log_line(link->parts.log, CSN_LOG_INFO, link->label, "the recording ended");
	link->ended = true;
}

static void
on_captured(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;
	struct csn_frame *in = &link->in;

	(void)buf;
	bool mine = link->capture == op;
	if (!link_op_over(link, &link->capture, op) || !mine)
		return;
	if (result == CSN_E_MISSING) {
		recording_over(link);
		return;
	}
	if (result == CSN_OK &&
	    (in->medium != link->caps.medium ||
	     (in->medium == CSN_MEDIUM_AUDIO
		      ? in->samples == NULL || in->count > SAMPLES_MAX
		      : in->grey == NULL || in->stride < in->width ||
				(size_t)in->width * in->height > PIXELS_MAX)))
		result = CSN_E_INVALID;
	if (result == CSN_OK) {
		link->fed_ns = in->time_ns;
		result = link->parts.channel->feed(link->parts.channel_self, in);
		if (link->frame_fn != NULL)
			link->frame_fn(link->frame_arg, in);
	}
	if (result == CSN_OK) {
		link->trouble[0] = '\0';
		pump_capture(link);
		return;
	}
	link_media_off(link);
	retry_later(link, result, csn_op_error(op));
}

/* A picture may hold several messages: all are taken before the next one is looked at. */
static void
pump_capture(struct link *link)
{
	if (link->receive != NULL && csn_op_answered(link->receive))
		return;
	if (link->parts.media == NULL || link->media != MEDIA_ON || link->ended ||
	    link->capture != NULL || link->listeners == NULL)
		return;
	struct csn_op *op = link_op_start(link, "capture", on_captured, FRAME_MS, true);
	link->in = (struct csn_frame){ .size = sizeof link->in,
				       .medium = link->caps.medium };
	int r = op == NULL
			? CSN_E_NOMEM
			: link_op_keep(link, &link->capture, op,
				       link->parts.media->capture(
					       link->parts.media_self, op, &link->in));
	if (r == CSN_E_MISSING)
		recording_over(link);
	else if (r < 0)
		retry_later(link, r, link_refusal(link, r));
}

void
link_pump_receive(struct link *link)
{
	int r;

	if (link->listeners == NULL || link->retry != NULL)
		return;
	if (!link_media_ready(link, &r)) {
		if (r < 0)
			retry_later(link, r, link_refusal(link, r));
		return;
	}
	if (link->receive == NULL) {
		struct csn_op *op =
			link_op_start(link, "receive", on_received, RECEIVE_MS, false);

		r = op == NULL ? CSN_E_NOMEM
			       : link_op_keep(link, &link->receive, op,
					      link->parts.channel->receive(
						      link->parts.channel_self, op));
		if (r < 0) {
			retry_later(link, r, link_refusal(link, r));
			return;
		}
	}
	pump_capture(link);
}

int
link_listen(struct link *link, struct link_listener *listener)
{
	if ((link->caps.direction & (CSN_RECEIVE | CSN_DUPLEX)) == 0)
		return CSN_E_UNSUPPORTED;
	for (struct link_listener *l = link->listeners; l != NULL; l = l->next)
		if (l == listener)
			return CSN_OK;
	listener->next = link->listeners;
	link->listeners = listener;
	link_pump_receive(link);
	return CSN_OK;
}

void
link_unlisten(struct link *link, struct link_listener *listener)
{
	struct link_listener **at = &link->listeners;

	while (*at != NULL && *at != listener)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = listener->next;
	if (link->listeners != NULL)
		return;
	link_op_end(&link->receive);
	link_op_end(&link->capture);
	csn_loop_timer_drop(link->retry);
	link->retry = NULL;
	if (!link_sends(link))
		link_media_off(link);
}
