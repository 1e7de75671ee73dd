#include "gst.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
media_end(struct media *media, struct csn_op **at, int result)
{
	struct csn_op *op = *at;

	if (op == NULL)
		return;
	*at = NULL;
	media->host->op_done(op, result, NULL);
}

GstClockTime
media_running_time(const struct media *media)
{
	GstClock *clock = gst_element_get_clock(media->pipeline);
	GstClockTime now = 0;

	if (clock == NULL)
		return 0;
	now = gst_clock_get_time(clock);
	gst_object_unref(clock);
	const GstClockTime base = gst_element_get_base_time(media->pipeline);
	return now > base ? now - base : 0;
}

/* ---- failures ---------------------------------------------------------- */

static void
fail_op(struct media *media, struct csn_op **at, int code)
{
	if (*at == NULL)
		return;
	media->host->fail(media->host->op_error(*at), code, "%s", media->reason);
	media_end(media, at, code);
}

static void
fail_all(struct media *media, int code)
{
	media->failed = true;
	media->host->timer_drop(media->start_timer);
	media->start_timer = NULL;
	fail_op(media, &media->starting, code);
	fail_op(media, &media->capturing, code);
	fail_op(media, &media->playing, code);
	fail_op(media, &media->draining, code);
	play_stop(media, code);
}

static const char *
device_name(const struct media *media)
{
	const char *name = media->end->through == THROUGH_FILE ? media->location
	                                                       : media->device;

	return name != NULL ? name : "default";
}

/* Did the device not open?  Anything else at the start is a misfit, of sizes mostly. */
static bool
is_absent(const GError *error)
{
	return error->domain == GST_RESOURCE_ERROR ||
	       (error->domain == GST_LIBRARY_ERROR && error->code == GST_LIBRARY_ERROR_INIT) ||
	       (error->domain == GST_CORE_ERROR &&
	        error->code == GST_CORE_ERROR_STATE_CHANGE);
}

/* Some elements fail without a word; then the device's own file may tell why. */
static const char *
why(const struct media *media, const GError *error)
{
	const char *name = device_name(media);

	if (error->domain == GST_CORE_ERROR && error->code == GST_CORE_ERROR_STATE_CHANGE &&
	    name[0] == '/' && access(name, R_OK | W_OK) < 0)
		return strerror(errno);
	return error->message;
}

static void
on_error(struct media *media, GstMessage *message)
{
	GError *error = NULL;
	gchar *debug = NULL;

	gst_message_parse_error(message, &error, &debug);
	const bool absent = !media->running && is_absent(error);
	const char *text = why(media, error);
	size_t len = strlen(text);
	if (len > 0 && text[len - 1] == '.')
		len--;
	snprintf(media->reason, sizeof media->reason, "%s%s%s (%s): %.*s; %s",
	         absent ? "no " : "", media->end->what, absent ? "" : " failed",
	         device_name(media), (int)len, text, media->end->next);
	if (debug != NULL)
		media->host->log(media->host, CSN_LOG_DEBUG, "%s: %s", GST_MESSAGE_SRC_NAME(message),
		                 debug);
	g_error_free(error);
	g_free(debug);
	fail_all(media, absent ? CSN_E_MISSING : CSN_E_IO);
}

/* ---- what the pipeline says -------------------------------------------- */

static void
on_playing(struct media *media)
{
	if (media->running)
		return;
	media->running  = true;
	media->start_ns = media->host->now(media->host);
	media->host->timer_drop(media->start_timer);
	media->start_timer = NULL;
	media_end(media, &media->starting, CSN_OK);
}

static void
on_message(struct media *media, GstMessage *message)
{
	GstState state = GST_STATE_NULL;

	switch (GST_MESSAGE_TYPE(message)) {
	case GST_MESSAGE_ERROR:
		if (!media->failed)
			on_error(media, message);
		break;
	case GST_MESSAGE_STATE_CHANGED:
		if (GST_MESSAGE_SRC(message) != GST_OBJECT(media->pipeline))
			break;
		gst_message_parse_state_changed(message, NULL, &state, NULL);
		if (state == GST_STATE_PLAYING)
			on_playing(media);
		break;
	default:
		break;
	}
}

static void
on_bus(void *self, int fd, uint32_t ready)
{
	struct media *media = self;
	GstMessage *message;

	(void)fd, (void)ready;
	while (media->bus != NULL && (message = gst_bus_pop(media->bus)) != NULL) {
		on_message(media, message);
		gst_message_unref(message);
	}
}

static void
on_bell(void *self, int fd, uint32_t ready)
{
	struct media *media = self;
	uint64_t count;
	const ssize_t n = read(fd, &count, sizeof count);

	(void)n, (void)ready;
	if (media->direction == CSN_SEND)
		play_try(media);
	else
		capture_try(media);
}

/* ---- start and stop ---------------------------------------------------- */

static void
on_start_timer(void *self)
{
	struct media *media = self;

	media->start_timer = NULL;
	snprintf(media->reason, sizeof media->reason, "%s (%s) did not start within %u ms; %s",
	         media->end->what, device_name(media), (unsigned)media->start_ms,
	         media->end->next);
	fail_all(media, CSN_E_TIMEOUT);
}

/* On a thread of GStreamer's: opening a device may take long. */
static void
set_playing(GstElement *pipeline, gpointer unused)
{
	(void)unused;
	if (gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
		return;
	/* Behind the element's own message, if it sent one. */
	GError *error = g_error_new_literal(GST_CORE_ERROR, GST_CORE_ERROR_STATE_CHANGE,
	                                    "GStreamer could not start it");
	gst_element_post_message(pipeline, gst_message_new_error(GST_OBJECT(pipeline), error,
	                                                         NULL));
	g_error_free(error);
}

static void
set_null(GstElement *pipeline, gpointer unused)
{
	(void)unused;
	gst_element_set_state(pipeline, GST_STATE_NULL);
}

static int
watch(struct media *media, struct csn_error *err)
{
	const struct csn_host *host = media->host;
	GPollFD fd = { 0 };

	media->bus = gst_element_get_bus(media->pipeline);
	gst_bus_get_pollfd(media->bus, &fd);
	media->bus_watch  = host->watch_add(host, fd.fd, CSN_READABLE, on_bus, media);
	media->bell_watch = host->watch_add(host, media->bell->fd, CSN_READABLE, on_bell,
	                                    media);
	media->start_timer = host->timer_add(
		host, host->now(host) + media->start_ms * UINT64_C(1000000), on_start_timer,
		media);
	if (media->bus_watch == NULL || media->bell_watch == NULL ||
	    media->start_timer == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory to watch a pipeline");
	return CSN_OK;
}

static int
start(void *self, struct csn_op *op)
{
	struct media *media = self;
	const struct csn_host *host = media->host;
	struct csn_error *err = host->op_error(op);

	if (media->pipeline != NULL)
		return host->fail(err, CSN_E_BUSY, "%s is running already", media->end->what);
	media->bell = bell_new();
	if (media->bell == NULL)
		return host->fail(err, CSN_E_NOMEM, "no descriptor for a bell");
	int r = pipeline_build(media, err);
	if (r == CSN_OK)
		r = watch(media, err);
	if (r < 0) {
		media_stop(media);
		return r;
	}
	media->starting = op;
	gst_element_call_async(media->pipeline, set_playing, NULL, NULL);
	return CSN_OK;
}

/* A file's header is written when its stream ends, so it must end. */
static void
finish_file(struct media *media)
{
	GstMessage *message;

	if (!media->running || media->failed || media->direction != CSN_SEND ||
	    media->end->through != THROUGH_FILE)
		return;
	gst_app_src_end_of_stream(GST_APP_SRC(media->app));
	message = gst_bus_timed_pop_filtered(media->bus, GST_SECOND,
	                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
	if (message == NULL || GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
		media->host->log(media->host, CSN_LOG_WARN, "file %s was not finished",
		                 media->location);
	if (message != NULL)
		gst_message_unref(message);
}

static void
drop_pipeline(struct media *media)
{
	if (media->pipeline == NULL)
		return;
	finish_file(media);
	/*
	 * A device that hangs while it opens holds the pipeline's lock: waiting for it
	 * here would hang the loop as well.
	 */
	if (media->running || media->failed)
		gst_element_set_state(media->pipeline, GST_STATE_NULL);
	else
		gst_element_call_async(media->pipeline, set_null, NULL, NULL);
	gst_object_unref(media->pipeline);
	media->pipeline = NULL;
	media->app      = NULL;
}

void
media_stop(struct media *media)
{
	const struct csn_host *host = media->host;

	capture_release(media);
	host->watch_drop(media->bus_watch);
	host->watch_drop(media->bell_watch);
	host->timer_drop(media->start_timer);
	media->bus_watch   = NULL;
	media->bell_watch  = NULL;
	media->start_timer = NULL;
	play_stop(media, CSN_E_CANCELLED);
	media_end(media, &media->starting, CSN_E_CANCELLED);
	media_end(media, &media->capturing, CSN_E_CANCELLED);
	drop_pipeline(media);
	if (media->bus != NULL)
		gst_object_unref(media->bus);
	bell_unref(media->bell);
	media->bus      = NULL;
	media->bell     = NULL;
	media->running  = false;
	media->ended    = false;
	media->failed   = false;
	media->next_pts = 0;
	media->next_ns  = 0;
	media->expected = GST_CLOCK_TIME_NONE;
}

static void
stop(void *self)
{
	media_stop(self);
}

/* ---- the rest ---------------------------------------------------------- */

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
	ret_caps->width    = media->seen_width != 0 ? media->seen_width : media->width;
	ret_caps->height   = media->seen_height != 0 ? media->seen_height : media->height;
	ret_caps->frame_ms = media->frame_ms;
	return CSN_OK;
}

/* What any call after start needs. */
static int
check_running(const struct media *media, struct csn_op *op, struct csn_op *const *busy,
              uint32_t direction)
{
	const struct csn_host *host = media->host;
	struct csn_error *err = host->op_error(op);

	if (media->direction != direction)
		return host->fail(err, CSN_E_UNSUPPORTED, "this %s only %s", media->end->what,
		                  direction == CSN_SEND ? "captures" : "plays");
	if (media->failed)
		return host->fail(err, CSN_E_IO, "%s", media->reason);
	if (!media->running)
		return host->fail(err, CSN_E_INVALID, "%s was not started", media->end->what);
	if (*busy != NULL)
		return host->fail(err, CSN_E_BUSY, "one is already waiting");
	return CSN_OK;
}

static int
capture(void *self, struct csn_op *op, struct csn_frame *frame)
{
	struct media *media = self;
	int r = check_running(media, op, &media->capturing, CSN_RECEIVE);

	if (r < 0)
		return r;
	media->capturing = op;
	media->frame     = frame;
	capture_try(media);
	return CSN_OK;
}

static int
play(void *self, struct csn_op *op, const struct csn_frame *frame)
{
	const struct media *media = self;
	int r = check_running(media, op, &media->playing, CSN_SEND);

	return r < 0 ? r : play_frame(self, op, frame);
}

static int
drain(void *self, struct csn_op *op)
{
	const struct media *media = self;
	int r = check_running(media, op, &media->draining, CSN_SEND);

	return r < 0 ? r : play_drain(self, op);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct media *media = self;
	struct csn_op **const all[] = { &media->starting, &media->capturing, &media->playing,
		                        &media->draining };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (*all[i] == op)
			media_end(media, all[i], CSN_E_CANCELLED);
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
