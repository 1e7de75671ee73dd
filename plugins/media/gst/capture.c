#include "gst.h"

enum {
	GAP_NS          = 5 * 1000000, /* clocks jitter; a lost buffer is longer */
	GAP_ARRIVAL_NS  = 60 * 1000000, /* where the time is that of arrival      */
};

void
capture_release(struct media *media)
{
	if (media->framed)
		gst_video_frame_unmap(&media->picture);
	if (media->mapped)
		gst_buffer_unmap(gst_sample_get_buffer(media->sample), &media->map);
	if (media->sample != NULL)
		gst_sample_unref(media->sample);
	media->framed = false;
	media->mapped = false;
	media->sample = NULL;
	media->used   = 0;
}

/* When a moment of the stream was, on the host's clock. */
static uint64_t
host_time(const struct media *media, GstClockTime pts)
{
	const uint64_t now_ns = media->host->now(media->host);
	GstClockTime at = pts;

	if (!GST_CLOCK_TIME_IS_VALID(pts))
		return now_ns;
	if (media->end->live == 0)
		return media->start_ns + pts; /* a recording has its own pace */
	const GstSegment *segment = gst_sample_get_segment(media->sample);
	if (segment != NULL && segment->format == GST_FORMAT_TIME)
		at = gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts);
	const GstClockTime running = media_running_time(media);
	if (!GST_CLOCK_TIME_IS_VALID(at) || at >= running || running - at > now_ns)
		return now_ns;
	return now_ns - (running - at);
}

static int
take_picture(struct media *media, GstBuffer *buffer)
{
	struct csn_frame *frame = media->frame;
	GstVideoInfo info;

	if (!gst_video_info_from_caps(&info, gst_sample_get_caps(media->sample)) ||
	    info.width < 1 || info.height < 1 || info.width > MEDIA_SIDE_MAX ||
	    info.height > MEDIA_SIDE_MAX)
		return media->host->fail(media->host->op_error(media->capturing),
		                         CSN_E_TOO_BIG, "%s gives pictures over %d pixels a side",
		                         media->end->what, MEDIA_SIDE_MAX);
	if (!gst_video_frame_map(&media->picture, &info, buffer, GST_MAP_READ))
		return media->host->fail(media->host->op_error(media->capturing), CSN_E_IO,
		                         "a picture of the %s cannot be read",
		                         media->end->what);
	media->framed      = true;
	media->seen_width  = (uint32_t)info.width;
	media->seen_height = (uint32_t)info.height;
	frame->medium  = CSN_MEDIUM_VIDEO;
	frame->grey    = GST_VIDEO_FRAME_PLANE_DATA(&media->picture, 0);
	frame->stride  = (uint32_t)GST_VIDEO_FRAME_PLANE_STRIDE(&media->picture, 0);
	frame->width   = media->seen_width;
	frame->height  = media->seen_height;
	frame->flags   = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)
	                         ? CSN_FRAME_GAP
	                         : 0;
	frame->time_ns = host_time(media, GST_BUFFER_PTS(buffer));
	return CSN_OK;
}

/* Something lost between the buffer before and this one? */
static bool
is_gap(struct media *media, GstBuffer *buffer, size_t count)
{
	const GstClockTime pts = GST_BUFFER_PTS(buffer);
	const GstClockTime expected = media->expected;

	media->expected = GST_CLOCK_TIME_IS_VALID(pts)
	                          ? pts + gst_util_uint64_scale(count, GST_SECOND,
	                                                        MEDIA_RATE_HZ)
	                          : GST_CLOCK_TIME_NONE;
	if (!GST_CLOCK_TIME_IS_VALID(expected) || !GST_CLOCK_TIME_IS_VALID(pts))
		return false;
	const GstClockTime allowed =
		media->end->through == THROUGH_PIPEWIRE ? GAP_ARRIVAL_NS : GAP_NS;
	return pts > expected + allowed ||
	       GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
}

/* A buffer longer than a block is handed out in pieces. */
static int
take_samples(struct media *media, GstBuffer *buffer)
{
	struct csn_frame *frame = media->frame;
	bool gap = false;

	if (!media->mapped) {
		if (!gst_buffer_map(buffer, &media->map, GST_MAP_READ))
			return media->host->fail(media->host->op_error(media->capturing), CSN_E_IO,
			                         "sound of the %s cannot be read",
			                         media->end->what);
		media->mapped = true;
		gap = is_gap(media, buffer, media->map.size / sizeof(float));
	}
	const size_t all = media->map.size / sizeof(float);
	size_t count = all - media->used;
	if (count > MEDIA_BLOCK)
		count = MEDIA_BLOCK;
	frame->medium  = CSN_MEDIUM_AUDIO;
	frame->rate_hz = MEDIA_RATE_HZ;
	frame->samples = (float *)(void *)media->map.data + media->used;
	frame->count   = count;
	frame->flags   = gap ? CSN_FRAME_GAP : 0;
	media->used += count;
	GstClockTime end = GST_BUFFER_PTS(buffer);
	if (GST_CLOCK_TIME_IS_VALID(end))
		end += gst_util_uint64_scale(media->used, GST_SECOND, MEDIA_RATE_HZ);
	frame->time_ns = host_time(media, end);
	return CSN_OK;
}

/* The buffer to read from: the one in hand while samples are left, or the next. */
static GstBuffer *
next_buffer(struct media *media)
{
	if (media->mapped && media->used < media->map.size / sizeof(float))
		return gst_sample_get_buffer(media->sample);
	for (;;) {
		capture_release(media);
		media->sample = gst_app_sink_try_pull_sample(GST_APP_SINK(media->app), 0);
		if (media->sample == NULL)
			return NULL;
		GstBuffer *buffer = gst_sample_get_buffer(media->sample);
		if (buffer != NULL && gst_buffer_get_size(buffer) >= sizeof(float))
			return buffer;
	}
}

void
capture_try(struct media *media)
{
	GstBuffer *buffer;
	int r;

	if (media->capturing == NULL)
		return;
	buffer = next_buffer(media);
	if (buffer == NULL && gst_app_sink_is_eos(GST_APP_SINK(media->app))) {
		r = media->host->fail(media->host->op_error(media->capturing), CSN_E_MISSING,
		                      "the recording has ended");
		media_end(media, &media->capturing, r);
		return;
	}
	if (buffer == NULL)
		return; /* the bell will ring */
	r = media->medium == CSN_MEDIUM_AUDIO ? take_samples(media, buffer)
	                                      : take_picture(media, buffer);
	media_end(media, &media->capturing, r);
}
