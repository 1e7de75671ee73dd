/* What goes out: one message after the other, rendered, played and drained. */
#include "core/link/int.h"

#include <stdlib.h>

static void pump_render(struct link *link);

static void
free_send(struct link_send *send)
{
	for (size_t i = 0; i < send->count; i++)
		csn_buf_unref(send->message[i]);
	free(send);
}

void
link_send_over(struct link *link, int result, const struct csn_error *err)
{
	struct link_send *send = link->sends;

	link->sends = send->next;
	if (link->sends == NULL)
		link->tail = &link->sends;
	link->sending = link->sent = false;
	link_sent_fn *fn = send->fn;
	void *arg = send->arg;
	free_send(send);
	link->held++; /* the callback may free the link                       */
	fn(arg, result, err);
	link->held--;
	if (link->dead)
		link_release(link);
	else
		link_pump_send(link);
}

static void
on_sent(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->send == op;
	if (!link_op_over(link, &link->send, op) || !mine || !link->sending)
		return;
	if (result == CSN_OK && link->caps.medium == CSN_MEDIUM_AUDIO) {
		link->sent = true; /* rendered; not heard before it was drained */
		pump_render(link);
		return;
	}
	link_send_over(link, result, csn_op_error(op));
}

/* What is first in line goes to the channel; one message by the call all channels have. */
static int
hand_over(struct link *link, struct csn_op *op)
{
	const struct link_send *send = link->sends;
	struct csn_bytes messages[CSN_AT_ONCE_MAX];

	for (size_t i = 0; i < send->count; i++)
		messages[i] = csn_buf_bytes(send->message[i]);
	if (send->count == 1)
		return link->parts.channel->send(link->parts.channel_self, op, messages[0]);
	return link->parts.channel->send_many(link->parts.channel_self, op, messages,
					      send->count);
}

void
link_pump_send(struct link *link)
{
	int r;

	if (!link_sends(link) || !link_media_ready(link, &r)) {
		if (link_sends(link) && r < 0)
			link_media_failed(link, r, link_refusal(link, r));
		return;
	}
	if (link->sends != NULL && !link->sending) {
		struct csn_op *op =
			link_op_start(link, "send", on_sent, SEND_MS, false);

		link->sending = true;
		r = op == NULL ? CSN_E_NOMEM
			       : link_op_keep(link, &link->send, op,
					      hand_over(link, op));
		if (r < 0) {
			link_send_over(link, r, link_refusal(link, r));
			return;
		}
		link->showing = link->parts.media != NULL;
	}
	pump_render(link);
}

static void
on_idle(void *arg)
{
	struct link *link = arg;

	link->idle = NULL;
	link_pump_send(link);
}

static void
on_drained(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->drain == op;
	if (!link_op_over(link, &link->drain, op) || !mine || !link->sending)
		return;
	link->showing = false;
	link_send_over(link, result, csn_op_error(op));
}

static void
on_played(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->play == op;
	if (!link_op_over(link, &link->play, op) || !mine)
		return;
	if (result < 0)
		link_media_failed(link, result, csn_op_error(op));
	else
		link_pump_send(link);
}

/* What render() may set is flags, time and count; the rest is whose memory it is. */
static bool
same_frame(const struct csn_frame *a, const struct csn_frame *b)
{
	return a->size == b->size && a->medium == b->medium && a->rate_hz == b->rate_hz &&
	       a->grey == b->grey && a->width == b->width && a->height == b->height &&
	       a->stride == b->stride && a->samples == b->samples;
}

/* The next picture or block of the channel. */
static int
render(struct link *link)
{
	struct csn_frame *out = &link->out;
	bool audio = out->medium == CSN_MEDIUM_AUDIO;

	out->flags = 0;
	out->time_ns = csn_loop_now(link->parts.loop);
	out->count = audio ? link->media_caps.block : 0;
	const struct csn_frame given = *out;
	int r = link->parts.channel->render(link->parts.channel_self, out);
	if (r < 0)
		return r;
	if (!same_frame(&given, out)) {
		*out = given;
		return csn_fail(&link->why, CSN_E_INVALID,
				"render changed its frame's shape or memory");
	}
	if (audio && out->count > link->media_caps.block)
		return csn_fail(&link->why, CSN_E_INVALID,
				"render wrote %zu samples where %u have room", out->count,
				link->media_caps.block);
	return CSN_OK;
}

static void
pump_render(struct link *link)
{
	struct csn_op *op;

	if (link->parts.media == NULL || link->media != MEDIA_ON || !link->showing ||
	    link->play != NULL || link->drain != NULL || link->idle != NULL)
		return;
	int r = render(link);
	if (r == CSN_OK && link->out.count > 0) {
		op = link_op_start(link, "play", on_played, FRAME_MS, true);
		r = op == NULL ? CSN_E_NOMEM
			       : link_op_keep(
					 link, &link->play, op,
					 link->parts.media->play(link->parts.media_self,
								 op, &link->out));
	} else if (r == CSN_OK && link->sent) {
		op = link_op_start(link, "drain", on_drained, FRAME_MS, true);
		r = op == NULL ? CSN_E_NOMEM
			       : link_op_keep(link, &link->drain, op,
					      link->parts.media->drain(
						      link->parts.media_self, op));
	} else if (r == CSN_OK) {
		uint32_t ms = link->media_caps.frame_ms != 0 ? link->media_caps.frame_ms
							     : IDLE_MS;

		link->idle = csn_loop_timer_add(
			link->parts.loop, csn_loop_now(link->parts.loop) + ms * CSN_MS,
			on_idle, link);
		r = link->idle != NULL ? CSN_OK : CSN_E_NOMEM;
	}
	if (r < 0)
		link_media_failed(link, r, link_refusal(link, r));
}

int
link_send(struct link *link, struct csn_bytes message, link_sent_fn *fn, void *arg,
	  struct link_send **ret_send)
{
	return link_send_many(link, &message, 1, fn, arg, ret_send);
}

int
link_send_many(struct link *link, const struct csn_bytes *messages, size_t count,
	       link_sent_fn *fn, void *arg, struct link_send **ret_send)
{
	if ((link->caps.direction & (CSN_SEND | CSN_DUPLEX)) == 0)
		return CSN_E_UNSUPPORTED;
	if (count == 0 || count > link->caps.at_once)
		return CSN_E_INVALID;
	for (size_t i = 0; i < count; i++)
		if (messages[i].len == 0 || messages[i].len > link->caps.max_message)
			return CSN_E_TOO_BIG;
	struct link_send *send = calloc(1, sizeof *send);
	if (send == NULL)
		return CSN_E_NOMEM;
	for (; send->count < count; send->count++) {
		send->message[send->count] = csn_buf_new(messages[send->count].ptr,
							 messages[send->count].len, 0);
		if (send->message[send->count] == NULL) {
			free_send(send);
			return CSN_E_NOMEM;
		}
	}
	send->fn = fn;
	send->arg = arg;
	bool first = link->sends == NULL;
	*link->tail = send;
	link->tail = &send->next;
	*ret_send = send;
	/* The first try comes from the loop, so @fn never runs inside this call. */
	if (first && link->idle == NULL)
		link->idle = csn_loop_timer_add(link->parts.loop,
						csn_loop_now(link->parts.loop), on_idle,
						link);
	return CSN_OK;
}

static void
stop_showing(struct link *link)
{
	link->showing = false;
	if (CSN_HAS(link->parts.channel, rest))
		link->parts.channel->rest(link->parts.channel_self);
	link_op_end(&link->send);
	link_op_end(&link->drain);
	link->sending = link->sent = false;
}

void
link_cancel(struct link *link, struct link_send *send)
{
	struct link_send **at = &link->sends;

	while (*at != NULL && *at != send)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	if (send == link->sends && link->sending)
		stop_showing(link);
	*at = send->next;
	if (*at == NULL)
		link->tail = at;
	free_send(send);
	if (link->sends != NULL && link->idle == NULL)
		link->idle = csn_loop_timer_add(link->parts.loop,
						csn_loop_now(link->parts.loop), on_idle,
						link);
}

void
link_rest(struct link *link)
{
	if (link->sends != NULL)
		return;
	stop_showing(link);
	csn_loop_timer_drop(link->idle);
	link->idle = NULL;
	if (link->listeners == NULL)
		link_media_off(link);
}
