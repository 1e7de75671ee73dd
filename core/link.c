#include "core/link.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define SEND_MS     120000u
#define RECEIVE_MS  3600000u /* then it is asked again                        */
#define START_MS    15000u
#define FRAME_MS    30000u
#define SILENCE_MS  300u /* what a loudspeaker's last buffer may swallow      */
#define IDLE_MS     10u
#define RETRY_MS    500u
#define PIXELS_MAX  (8192u * 8192u)
#define SAMPLES_MAX (1u << 20)

struct link_send {
	struct link_send *next;
	link_sent_fn *fn;
	void *arg;
	struct csn_buf *message;
};

enum media_state { MEDIA_OFF, MEDIA_STARTING, MEDIA_ON };

struct link {
	struct link_parts parts;
	char label[64];
	struct csn_channel_caps caps;
	struct csn_media_caps media_caps;
	enum media_state media;
	size_t held; /* operations that still name this link */
	bool dead;

	struct csn_op *start, *capture, *play, *drain, *send, *receive;
	struct csn_timer *idle, *retry;

	struct link_listener *listeners;
	struct csn_error why; /* what a plugin said when it refused a call */
	struct csn_frame in;
	uint64_t fed_ns;

	struct link_send *sends, **tail; /* the first is being sent when @sending */
	bool sending, sent, showing;
	uint32_t silence; /* samples still to be played               */
	struct csn_frame out;
	void *out_memory;
	size_t out_room;
};

static void pump_send(struct link *link);
static void pump_receive(struct link *link);
static void pump_render(struct link *link);
static void pump_capture(struct link *link);

static bool
sends(const struct link *link)
{
	return link->sends != NULL || link->showing;
}

static void
link_release(struct link *link)
{
	if (!link->dead || link->held != 0)
		return;
	if (link->out_memory != NULL)
		free(link->out_memory);
	free(link);
}

/* ---- operations ------------------------------------------------------------- */

static struct csn_op *
op_start(struct link *link, const char *what, csn_op_fn *fn, uint32_t limit_ms,
	 bool media)
{
	char name[96];
	struct csn_op_start start = {
		.what = name,
		.fn = fn,
		.arg = link,
		.deadline_ns = csn_loop_now(link->parts.loop) + limit_ms * CSN_MS,
		.cancel =
			media ? link->parts.media->cancel : link->parts.channel->cancel,
		.self = media ? link->parts.media_self : link->parts.channel_self,
	};

	snprintf(name, sizeof name, "%s: %s", link->label, what);
	struct csn_op *op = csn_op_new(link->parts.ops, &start);
	if (op != NULL)
		link->held++;
	return op;
}

/* Puts the operation in its place, or takes it back when the plugin refused it. */
static int
op_keep(struct link *link, struct csn_op **slot, struct csn_op *op, int result)
{
	if (result < 0) {
		link->why = *csn_op_error(op);
		link->why.code = result;
		link->held--;
		csn_op_drop(op);
	} else
		*slot = op;
	return result;
}

/* The plugin's own words for @result, if it said any. */
static const struct csn_error *
refusal(const struct link *link, int result)
{
	return link->why.code == result ? &link->why : NULL;
}

/* An answer came; false when nobody is left to use it. */
static bool
op_over(struct link *link, struct csn_op **slot, struct csn_op *op)
{
	link->held--;
	if (*slot == op)
		*slot = NULL;
	if (!link->dead)
		return true;
	link_release(link);
	return false;
}

static void
op_end(struct csn_op **slot)
{
	struct csn_op *op = *slot;

	*slot = NULL;
	if (op != NULL)
		csn_op_cancel(op);
}

/* ---- media ------------------------------------------------------------------ */

static void
media_off(struct link *link)
{
	if (link->parts.media == NULL || link->media == MEDIA_OFF)
		return;
	op_end(&link->start);
	op_end(&link->capture);
	op_end(&link->play);
	op_end(&link->drain);
	csn_loop_timer_drop(link->idle);
	link->idle = NULL;
	link->media = MEDIA_OFF;
	link->parts.media->stop(link->parts.media_self);
}

/* The picture or block that render() fills; made once, by what the media says. */
static int
out_ready(struct link *link)
{
	const struct csn_media_caps *caps = &link->media_caps;
	struct csn_frame *out = &link->out;
	bool video = caps->medium == CSN_MEDIUM_VIDEO;
	size_t pixels = (size_t)caps->width * caps->height;

	if (video ? pixels == 0 || pixels > PIXELS_MAX
		  : caps->block == 0 || caps->block > SAMPLES_MAX || caps->rate_hz == 0)
		return CSN_E_INVALID;
	/* A player that was stopped may still look at the old one: kept when it fits.
	 */
	size_t room = video ? pixels : caps->block * sizeof(float);
	if (link->out_room < room) {
		free(link->out_memory);
		link->out_memory = calloc(room, 1);
		link->out_room = link->out_memory != NULL ? room : 0;
	}
	if (link->out_memory == NULL)
		return CSN_E_NOMEM;
	*out = (struct csn_frame){ .size = sizeof *out, .medium = caps->medium };
	if (video) {
		out->grey = link->out_memory;
		out->width = out->stride = caps->width;
		out->height = caps->height;
	} else {
		out->samples = link->out_memory;
		out->rate_hz = caps->rate_hz;
	}
	return CSN_OK;
}

static void send_over(struct link *link, int result, const struct csn_error *err);
static void retry_soon(struct link *link);

static void
media_failed(struct link *link, int result, const struct csn_error *err)
{
	csn_log_line(link->parts.log, CSN_LOG_WARN, link->label, "%s",
		     err != NULL ? csn_error_text(err) : csn_result_text(result));
	media_off(link);
	link->showing = false;
	retry_soon(link); /* a camera may come back; a send is told instead   */
	if (link->sends != NULL)
		send_over(link, result, err);
}

static void
on_started(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->start == op;
	if (!op_over(link, &link->start, op) || !mine)
		return;
	if (result == CSN_OK) {
		link->media_caps =
			(struct csn_media_caps){ .size = sizeof link->media_caps };
		result = link->parts.media->caps(link->parts.media_self,
						 &link->media_caps);
		if (result == CSN_OK && link->media_caps.medium != link->caps.medium)
			result = CSN_E_CONFIG;
		if (result == CSN_OK && (link->media_caps.direction & CSN_SEND) != 0)
			result = out_ready(link);
	}
	if (result < 0) {
		media_failed(link, result, csn_op_error(op));
		return;
	}
	link->media = MEDIA_ON;
	if (sends(link))
		pump_send(link);
	pump_receive(link);
}

/* True when frames can move now; else it says what became of the start. */
static bool
media_ready(struct link *link, int *ret_result)
{
	*ret_result = CSN_OK;
	if (link->parts.media == NULL || link->media == MEDIA_ON)
		return true;
	if (link->media == MEDIA_STARTING)
		return false;
	struct csn_op *op = op_start(link, "start", on_started, START_MS, true);
	if (op == NULL) {
		*ret_result = CSN_E_NOMEM;
		return false;
	}
	*ret_result = op_keep(link, &link->start, op,
			      link->parts.media->start(link->parts.media_self, op));
	if (*ret_result == CSN_OK)
		link->media = MEDIA_STARTING;
	return false;
}

/* ---- sending ---------------------------------------------------------------- */

static void
send_over(struct link *link, int result, const struct csn_error *err)
{
	struct link_send *send = link->sends;

	link->sends = send->next;
	if (link->sends == NULL)
		link->tail = &link->sends;
	link->sending = link->sent = false;
	link->silence = 0;
	link_sent_fn *fn = send->fn;
	void *arg = send->arg;
	csn_buf_unref(send->message);
	free(send);
	link->held++; /* the callback may free the link                       */
	fn(arg, result, err);
	link->held--;
	if (link->dead)
		link_release(link);
	else
		pump_send(link);
}

static void
on_sent(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->send == op;
	if (!op_over(link, &link->send, op) || !mine || !link->sending)
		return;
	if (result == CSN_OK && link->caps.medium == CSN_MEDIUM_AUDIO) {
		link->sent = true; /* rendered; not heard before it was drained */
		link->silence = link->media_caps.rate_hz / 1000 * SILENCE_MS;
		pump_render(link);
		return;
	}
	send_over(link, result, csn_op_error(op));
}

static void
pump_send(struct link *link)
{
	int r;

	if (!sends(link) || !media_ready(link, &r)) {
		if (sends(link) && r < 0)
			media_failed(link, r, refusal(link, r));
		return;
	}
	if (link->sends != NULL && !link->sending) {
		struct csn_op *op = op_start(link, "send", on_sent, SEND_MS, false);

		link->sending = true;
		r = op == NULL ? CSN_E_NOMEM
			       : op_keep(link, &link->send, op,
					 link->parts.channel->send(
						 link->parts.channel_self, op,
						 csn_buf_bytes(link->sends->message)));
		if (r < 0) {
			send_over(link, r, refusal(link, r));
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
	pump_send(link);
}

static void
on_drained(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->drain == op;
	if (!op_over(link, &link->drain, op) || !mine || !link->sending)
		return;
	link->showing = false;
	send_over(link, result, csn_op_error(op));
}

static void
on_played(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->play == op;
	if (!op_over(link, &link->play, op) || !mine)
		return;
	if (result < 0)
		media_failed(link, result, csn_op_error(op));
	else
		pump_send(link);
}

/* The next picture or block: the channel's, else the silence after a burst. */
static int
render(struct link *link)
{
	struct csn_frame *out = &link->out;
	bool audio = out->medium == CSN_MEDIUM_AUDIO;

	out->flags = 0;
	out->time_ns = csn_loop_now(link->parts.loop);
	out->count = audio ? link->media_caps.block : 0;
	int r = link->parts.channel->render(link->parts.channel_self, out);
	if (r < 0)
		return r;
	if (audio && out->count > link->media_caps.block)
		return CSN_E_INVALID;
	if (out->count == 0 && audio && link->silence > 0) {
		out->count = link->silence < link->media_caps.block
				     ? link->silence
				     : link->media_caps.block;
		memset(out->samples, 0, out->count * sizeof *out->samples);
		link->silence -= (uint32_t)out->count;
	}
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
		op = op_start(link, "play", on_played, FRAME_MS, true);
		r = op == NULL ? CSN_E_NOMEM
			       : op_keep(link, &link->play, op,
					 link->parts.media->play(link->parts.media_self,
								 op, &link->out));
	} else if (r == CSN_OK && link->sent) {
		op = op_start(link, "drain", on_drained, FRAME_MS, true);
		r = op == NULL ? CSN_E_NOMEM
			       : op_keep(link, &link->drain, op,
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
		media_failed(link, r, refusal(link, r));
}

int
link_send(struct link *link, struct csn_bytes message, link_sent_fn *fn, void *arg,
	  struct link_send **ret_send)
{
	if ((link->caps.direction & (CSN_SEND | CSN_DUPLEX)) == 0)
		return CSN_E_UNSUPPORTED;
	if (message.len == 0 || message.len > link->caps.max_message)
		return CSN_E_TOO_BIG;
	struct link_send *send = calloc(1, sizeof *send);
	if (send == NULL)
		return CSN_E_NOMEM;
	send->message = csn_buf_new(message.ptr, message.len, 0);
	if (send->message == NULL) {
		free(send);
		return CSN_E_NOMEM;
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
	link->parts.channel->rest(link->parts.channel_self);
	op_end(&link->send);
	op_end(&link->drain);
	link->sending = link->sent = false;
	link->silence = 0;
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
	csn_buf_unref(send->message);
	free(send);
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
		media_off(link);
}

/* ---- receiving -------------------------------------------------------------- */

static void
on_retry(void *arg)
{
	struct link *link = arg;

	link->retry = NULL;
	pump_receive(link);
}

static void
retry_soon(struct link *link)
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
	csn_log_line(link->parts.log, CSN_LOG_WARN, link->label, "receiving: %s",
		     err != NULL ? csn_error_text(err) : csn_result_text(result));
	retry_soon(link);
}

static void
deliver(struct link *link, struct csn_bytes message)
{
	uint64_t now = csn_loop_now(link->parts.loop);
	uint64_t at = link->fed_ns != 0 && link->fed_ns <= now ? link->fed_ns : now;

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
	if (!op_over(link, &link->receive, op) || !mine)
		return;
	if (result == CSN_OK && csn_buf_bytes(buf).len > link->caps.max_message)
		result = CSN_E_TOO_BIG;
	if (result == CSN_OK)
		deliver(link, csn_buf_bytes(buf));
	else if (result != CSN_E_TIMEOUT && result != CSN_E_CANCELLED) {
		retry_later(link, result, csn_op_error(op));
		return;
	}
	if (link->dead)
		link_release(link);
	else
		pump_receive(link);
}

static void
on_captured(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;
	struct csn_frame *in = &link->in;

	(void)buf;
	bool mine = link->capture == op;
	if (!op_over(link, &link->capture, op) || !mine)
		return;
	if (result == CSN_E_MISSING) { /* the end of a recording: no more comes */
		csn_log_line(link->parts.log, CSN_LOG_INFO, link->label,
			     "the recording ended");
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
	}
	if (result == CSN_OK) {
		pump_capture(link);
		return;
	}
	media_off(link);
	retry_later(link, result, csn_op_error(op));
}

static void
pump_capture(struct link *link)
{
	if (link->parts.media == NULL || link->media != MEDIA_ON ||
	    link->capture != NULL || link->listeners == NULL)
		return;
	struct csn_op *op = op_start(link, "capture", on_captured, FRAME_MS, true);
	link->in = (struct csn_frame){ .size = sizeof link->in,
				       .medium = link->caps.medium };
	int r = op == NULL ? CSN_E_NOMEM
			   : op_keep(link, &link->capture, op,
				     link->parts.media->capture(link->parts.media_self,
								op, &link->in));
	if (r < 0)
		retry_later(link, r, refusal(link, r));
}

static void
pump_receive(struct link *link)
{
	int r;

	if (link->listeners == NULL || link->retry != NULL)
		return;
	if (!media_ready(link, &r)) {
		if (r < 0)
			retry_later(link, r, refusal(link, r));
		return;
	}
	if (link->receive == NULL) {
		struct csn_op *op =
			op_start(link, "receive", on_received, RECEIVE_MS, false);

		r = op == NULL ? CSN_E_NOMEM
			       : op_keep(link, &link->receive, op,
					 link->parts.channel->receive(
						 link->parts.channel_self, op));
		if (r < 0) {
			retry_later(link, r, refusal(link, r));
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
	pump_receive(link);
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
	op_end(&link->receive);
	op_end(&link->capture);
	csn_loop_timer_drop(link->retry);
	link->retry = NULL;
	if (!sends(link))
		media_off(link);
}

/* ---- the link itself -------------------------------------------------------- */

static int
check(const struct link_parts *parts, const struct csn_channel_caps *caps,
      struct csn_error *err)
{
	bool medium = caps->medium != CSN_MEDIUM_NONE;

	if (caps->max_message == 0 || caps->medium_name == NULL ||
	    caps->medium_name[0] == '\0')
		return csn_fail(err, CSN_E_INVALID,
				"channel %s names no medium or no bound", parts->label);
	if (medium && parts->media == NULL)
		return csn_fail(err, CSN_E_CONFIG,
				"channel %s needs a screen, camera, speaker or "
				"microphone: add media ="
				" \"NAME\" to it and NAME to the media section",
				parts->label);
	if (!medium && parts->media != NULL)
		return csn_fail(err, CSN_E_CONFIG,
				"channel %s uses no media: take it out", parts->label);
	if (medium &&
	    (!CSN_HAS(parts->channel, feed) || !CSN_HAS(parts->channel, render)))
		return csn_fail(err, CSN_E_UNSUPPORTED,
				"channel %s has no feed or render", parts->label);
	return CSN_OK;
}

int
link_new(const struct link_parts *parts, struct link **ret_link, struct csn_error *err)
{
	struct link *link = calloc(1, sizeof *link);

	if (link == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a link");
	link->parts = *parts;
	snprintf(link->label, sizeof link->label, "channel %s", parts->label);
	link->parts.label = link->label;
	link->tail = &link->sends;
	link->caps.size = sizeof link->caps;
	int r = parts->channel->caps(parts->channel_self, &link->caps);
	if (r < 0)
		csn_fail(err, r, "channel %s does not say what it carries",
			 parts->label);
	else
		r = check(parts, &link->caps, err);
	if (r < 0) {
		free(link);
		return r;
	}
	*ret_link = link;
	return CSN_OK;
}

void
link_free(struct link *link)
{
	if (link == NULL)
		return;
	while (link->sends != NULL)
		link_cancel(link, link->sends);
	link->listeners = NULL;
	link_rest(link);
	op_end(&link->receive);
	csn_loop_timer_drop(link->retry);
	link->retry = NULL;
	link->dead = true;
	link_release(link);
}

const char *
link_medium(const struct link *link)
{
	return link->caps.medium_name;
}

const struct csn_channel_caps *
link_caps(const struct link *link)
{
	return &link->caps;
}

void
link_diagnose(struct link *link, char *text, size_t len)
{
	text[0] = '\0';
	if (CSN_HAS(link->parts.channel, diagnose) &&
	    link->parts.channel->diagnose(link->parts.channel_self, text, len) < 0)
		text[0] = '\0';
	text[len - 1] = '\0';
}
