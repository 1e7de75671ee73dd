/* One link: its operations, its media, its making and end. */
#include "core/link/int.h"

#include <stdio.h>
#include <stdlib.h>

bool
link_sends(const struct link *link)
{
	return link->sends != NULL || link->showing;
}

void
link_release(struct link *link)
{
	if (!link->dead || link->held != 0)
		return;
	if (link->out_memory != NULL)
		free(link->out_memory);
	free(link);
}

/* ---- operations ------------------------------------------------------------- */

struct csn_op *
link_op_start(struct link *link, const char *what, csn_op_fn *fn, uint32_t limit_ms,
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
int
link_op_keep(struct link *link, struct csn_op **slot, struct csn_op *op, int result)
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
const struct csn_error *
link_refusal(const struct link *link, int result)
{
	return link->why.code == result ? &link->why : NULL;
}

/* An answer came; false when nobody is left to use it. */
bool
link_op_over(struct link *link, struct csn_op **slot, struct csn_op *op)
{
	link->held--;
	if (*slot == op)
		*slot = NULL;
	if (!link->dead)
		return true;
	link_release(link);
	return false;
}

void
link_op_end(struct csn_op **slot)
{
	struct csn_op *op = *slot;

	*slot = NULL;
	if (op != NULL)
		csn_op_cancel(op);
}

/* ---- media ------------------------------------------------------------------ */

void
link_media_off(struct link *link)
{
	if (link->parts.media == NULL || link->media == MEDIA_OFF)
		return;
	link_op_end(&link->start);
	link_op_end(&link->capture);
	link_op_end(&link->play);
	link_op_end(&link->drain);
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

void
link_trouble(struct link *link, int result, const struct csn_error *err)
{
	char text[sizeof link->trouble];
	bool heard = false;

	snprintf(text, sizeof text, "%s: %s", link->label,
		 err != NULL ? csn_error_text(err) : csn_result_text(result));
	if (strcmp(text, link->trouble) == 0)
		return;
	memcpy(link->trouble, text, sizeof text);
	for (struct link_listener *l = link->listeners; l != NULL; l = l->next) {
		if (l->trouble != NULL)
			l->trouble(l->arg, text);
		heard = heard || l->trouble != NULL;
	}
	if (!heard)
		csn_log_line(link->parts.log, CSN_LOG_WARN, link->label, "%s",
			     text + strlen(link->label) + 2);
}

void
link_media_failed(struct link *link, int result, const struct csn_error *err)
{
	link_trouble(link, result, err);
	link_media_off(link);
	link->showing = false;
	link_retry_soon(link); /* a camera may come back; a send is told instead   */
	if (link->sends != NULL)
		link_send_over(link, result, err);
}

static void
on_started(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct link *link = arg;

	(void)buf;
	bool mine = link->start == op;
	if (!link_op_over(link, &link->start, op) || !mine)
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
		link_media_failed(link, result, csn_op_error(op));
		return;
	}
	link->media = MEDIA_ON;
	link->ended = false;
	if (link_sends(link))
		link_pump_send(link);
	link_pump_receive(link);
}

/* True when frames can move now; else it says what became of the start. */
bool
link_media_ready(struct link *link, int *ret_result)
{
	*ret_result = CSN_OK;
	if (link->parts.media == NULL || link->media == MEDIA_ON)
		return true;
	if (link->media == MEDIA_STARTING)
		return false;
	struct csn_op *op = link_op_start(link, "start", on_started, START_MS, true);
	if (op == NULL) {
		*ret_result = CSN_E_NOMEM;
		return false;
	}
	*ret_result =
		link_op_keep(link, &link->start, op,
			     link->parts.media->start(link->parts.media_self, op));
	if (*ret_result == CSN_OK)
		link->media = MEDIA_STARTING;
	return false;
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
	if (caps->at_once > CSN_AT_ONCE_MAX)
		return csn_fail(err, CSN_E_INVALID,
				"channel %s carries %u messages at once, %d is the bound",
				parts->label, (unsigned)caps->at_once, CSN_AT_ONCE_MAX);
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
	if (link->caps.at_once == 0 || !CSN_HAS(parts->channel, send_many))
		link->caps.at_once = 1;
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
	link_op_end(&link->receive);
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

static int
ask_report(struct link *link, int (*fn)(void *, struct csn_channel_report *),
	   struct csn_channel_report *ret_report)
{
	struct csn_channel_report report = { .size = sizeof report };
	int r = fn(link->parts.channel_self, &report);

	if (r < 0)
		return r;
	report.mode[sizeof report.mode - 1] = '\0';
	report.stage[sizeof report.stage - 1] = '\0';
	report.cause[sizeof report.cause - 1] = '\0';
	report.text[sizeof report.text - 1] = '\0';
	if (report.figures > CSN_FIGURES)
		report.figures = CSN_FIGURES;
	for (uint32_t i = 0; i < report.figures; i++) {
		struct csn_figure *f = &report.figure[i];

		f->name[sizeof f->name - 1] = f->unit[sizeof f->unit - 1] = '\0';
	}
	*ret_report = report;
	return CSN_OK;
}

int
link_attempt(struct link *link, struct csn_channel_report *ret_report)
{
	const struct csn_channel_ops *ops = link->parts.channel;

	return CSN_HAS(ops, attempt) ? ask_report(link, ops->attempt, ret_report)
				     : CSN_E_UNSUPPORTED;
}

int
link_meter(struct link *link, struct csn_channel_report *ret_report)
{
	const struct csn_channel_ops *ops = link->parts.channel;

	return CSN_HAS(ops, meter) ? ask_report(link, ops->meter, ret_report)
				   : CSN_E_UNSUPPORTED;
}

/* Asks the channel for places: @fn is its points or its marks, NULL when it has none. */
static int
ask_places(struct link *link, int (*fn)(void *self, float (*xy)[2], size_t room, size_t *ret_count),
	   float (*xy)[2], size_t room, size_t *ret_count)
{
	size_t count = 0;
	int r = fn != NULL ? fn(link->parts.channel_self, xy, room, &count) : CSN_E_UNSUPPORTED;

	if (r == CSN_OK)
		*ret_count = count < room ? count : room;
	return r;
}

int
link_points(struct link *link, float (*xy)[2], size_t room, size_t *ret_count)
{
	const struct csn_channel_ops *ops = link->parts.channel;

	return ask_places(link, CSN_HAS(ops, points) ? ops->points : NULL, xy, room, ret_count);
}

int
link_marks(struct link *link, float (*xy)[2], size_t room, size_t *ret_count)
{
	const struct csn_channel_ops *ops = link->parts.channel;

	return ask_places(link, CSN_HAS(ops, marks) ? ops->marks : NULL, xy, room, ret_count);
}

const char *
link_last_trouble(const struct link *link)
{
	return link->trouble;
}

void
link_on_frame(struct link *link, link_frame_fn *fn, void *arg)
{
	link->frame_fn = fn;
	link->frame_arg = arg;
}

bool
link_ended(const struct link *link)
{
	return link->ended;
}
