#include "gst.h"

enum {
	/*
	 * Sound after a pause starts this much later, so that a whole burst waits in the
	 * pipeline before its first sample is due and a busy machine tears no hole into it.
	 */
	LEAD_NS = 250 * 1000000,
};

static void push_done(struct media *media);

static bool
has_room(const struct media *media)
{
	const guint64 room = media->medium == CSN_MEDIUM_AUDIO ? MEDIA_SOUND_ROOM : MEDIA_ROOM;

	return gst_app_src_get_current_level_buffers(GST_APP_SRC(media->app)) < room;
}

static void
on_frame_timer(void *self)
{
	struct media *media = self;

	media->play_timer = NULL;
	push_done(media);
}

/* Ends the play when there is room; a picture also stays for its time. */
static void
push_done(struct media *media)
{
	const struct csn_host *host = media->host;

	if (media->playing == NULL || media->play_timer != NULL || !has_room(media))
		return;
	if (media->medium == CSN_MEDIUM_VIDEO && host->now(host) < media->next_ns) {
		media->play_timer = host->timer_add(host, media->next_ns, on_frame_timer, media);
		if (media->play_timer != NULL)
			return;
	}
	media_end(media, &media->playing, CSN_OK);
}

/* ---- buffers ----------------------------------------------------------- */

static GstBuffer *
sound_buffer(struct media *media, const struct csn_frame *frame)
{
	const size_t size = frame->count * sizeof(float);
	GstBuffer *buffer = gst_buffer_new_allocate(NULL, size, NULL);
	const GstClockTime now = media_running_time(media);

	if (buffer == NULL)
		return NULL;
	gst_buffer_fill(buffer, 0, frame->samples, size);
	/* Buffers follow one another without a seam; after a pause they start anew. */
	if (media->end->live != 0 && media->next_pts < now) {
		media->next_pts = now + LEAD_NS;
		GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
	}
	GST_BUFFER_PTS(buffer)      = media->next_pts;
	GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(frame->count, GST_SECOND,
	                                                    MEDIA_RATE_HZ);
	media->next_pts += GST_BUFFER_DURATION(buffer);
	return buffer;
}

static GstBuffer *
picture_buffer(struct media *media, const struct csn_frame *frame)
{
	GstVideoInfo info;
	GstVideoFrame picture;
	GstBuffer *buffer;

	gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, frame->width, frame->height);
	buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
	if (buffer == NULL || !gst_video_frame_map(&picture, &info, buffer, GST_MAP_WRITE)) {
		if (buffer != NULL)
			gst_buffer_unref(buffer);
		return NULL;
	}
	uint8_t *out = GST_VIDEO_FRAME_PLANE_DATA(&picture, 0);
	const size_t stride = (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(&picture, 0);
	for (size_t y = 0; y < frame->height; y++)
		memcpy(out + y * stride, frame->grey + y * frame->stride, frame->width);
	gst_video_frame_unmap(&picture);
	GST_BUFFER_PTS(buffer) = media_running_time(media);
	return buffer;
}

/* ---- ops --------------------------------------------------------------- */

static int
check_sound(const struct media *media, const struct csn_frame *frame, struct csn_error *err)
{
	if (frame->medium != CSN_MEDIUM_AUDIO || frame->samples == NULL)
		return media->host->fail(err, CSN_E_INVALID, "a %s plays samples only",
		                         media->end->what);
	if (frame->rate_hz != MEDIA_RATE_HZ)
		return media->host->fail(err, CSN_E_INVALID,
		                         "found sound at %u Hz, wanted %d Hz; resample it first",
		                         (unsigned)frame->rate_hz, MEDIA_RATE_HZ);
	if (frame->count == 0 || frame->count > MEDIA_BLOCK)
		return media->host->fail(err, CSN_E_TOO_BIG,
		                         "a block of %zu samples, wanted 1 to %d", frame->count,
		                         MEDIA_BLOCK);
	return CSN_OK;
}

static int
check_picture(const struct media *media, const struct csn_frame *frame,
              struct csn_error *err)
{
	if (frame->medium != CSN_MEDIUM_VIDEO || frame->grey == NULL)
		return media->host->fail(err, CSN_E_INVALID, "a %s shows pictures only",
		                         media->end->what);
	if (frame->width != media->width || frame->height != media->height ||
	    frame->stride < frame->width)
		return media->host->fail(err, CSN_E_INVALID,
		                         "found a picture of %ux%u pixels, wanted %ux%u",
		                         (unsigned)frame->width, (unsigned)frame->height,
		                         (unsigned)media->width, (unsigned)media->height);
	return CSN_OK;
}

int
play_frame(void *self, struct csn_op *op, const struct csn_frame *frame)
{
	struct media *media = self;
	const struct csn_host *host = media->host;
	struct csn_error *err = host->op_error(op);
	const bool audio = media->medium == CSN_MEDIUM_AUDIO;
	GstBuffer *buffer;

	int r = audio ? check_sound(media, frame, err) : check_picture(media, frame, err);
	if (r < 0)
		return r;
	buffer = audio ? sound_buffer(media, frame) : picture_buffer(media, frame);
	if (buffer == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a frame");
	if (gst_app_src_push_buffer(GST_APP_SRC(media->app), buffer) != GST_FLOW_OK)
		return host->fail(err, CSN_E_IO, "%s takes nothing more; start it again",
		                  media->end->what);
	media->next_ns = host->now(host) + media->frame_ms * UINT64_C(1000000);
	media->playing = op;
	push_done(media);
	return CSN_OK;
}

/* How long what was queued still takes until it has left the device. */
static GstClockTime
remaining(const struct media *media)
{
	GstQuery *query = gst_query_new_latency();
	GstClockTime latency = 0, end = media->next_pts;
	const GstClockTime now = media_running_time(media);

	if (gst_element_query(media->pipeline, query))
		gst_query_parse_latency(query, NULL, &latency, NULL);
	gst_query_unref(query);
	if (end == 0 || !GST_CLOCK_TIME_IS_VALID(latency))
		return 0;
	end += latency;
	return end > now ? end - now : 0;
}

static void
on_drain_timer(void *self)
{
	struct media *media = self;

	media->drain_timer = NULL;
	play_try(media);
}

static void
drain_try(struct media *media)
{
	const struct csn_host *host = media->host;
	const bool sound = media->medium == CSN_MEDIUM_AUDIO && media->end->live != 0;
	GstClockTime wait;

	if (media->draining == NULL || media->drain_timer != NULL)
		return;
	if (gst_app_src_get_current_level_buffers(GST_APP_SRC(media->app)) > 0)
		return; /* the bell rings when it is empty */
	wait = sound ? remaining(media) : 0;
	if (wait > 0) {
		media->drain_timer = host->timer_add(host, host->now(host) + wait,
		                                     on_drain_timer, media);
		if (media->drain_timer != NULL)
			return;
	}
	media_end(media, &media->draining, CSN_OK);
}

int
play_drain(void *self, struct csn_op *op)
{
	struct media *media = self;

	media->draining = op;
	drain_try(media);
	return CSN_OK;
}

void
play_try(struct media *media)
{
	if (!media->running || media->failed)
		return;
	push_done(media);
	drain_try(media);
}

void
play_stop(struct media *media, int result)
{
	media->host->timer_drop(media->play_timer);
	media->host->timer_drop(media->drain_timer);
	media->play_timer  = NULL;
	media->drain_timer = NULL;
	media_end(media, &media->playing, result);
	media_end(media, &media->draining, result);
}
