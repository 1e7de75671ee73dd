#include "gst.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CHAIN_MAX = 8, PIPEWIRE_BUFFERS = 32 };
#define SOUND_ROOM_NS       ((guint64)1300 * 1000 * 1000)
/* How far the clock may be off before a sink moves what it plays, and what it holds. */
#define SEAMLESS_NS         ((guint64)2000 * 1000 * 1000)
#define SINK_BUFFER_US      ((gint64)400 * 1000)
#define PIPEWIRE_RESERVE_NS ((gint64)200 * 1000 * 1000)

struct chain {
	struct media     *media;
	struct csn_error *err;
	GstElement       *element[CHAIN_MAX];
	size_t            count;
	int               result;
};

/* ---- the bell ---------------------------------------------------------- */

struct bell *
bell_new(void)
{
	struct bell *bell = calloc(1, sizeof *bell);

	if (bell == NULL)
		return NULL;
	bell->refs = 1;
	bell->fd   = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell->fd < 0) {
		free(bell);
		return NULL;
	}
	return bell;
}

void
bell_unref(void *self)
{
	struct bell *bell = self;

	if (bell == NULL || !g_atomic_int_dec_and_test(&bell->refs))
		return;
	close(bell->fd);
	free(bell);
}

static void
ring(const struct bell *bell)
{
	const uint64_t one = 1;
	const ssize_t n = write(bell->fd, &one, sizeof one);

	(void)n; /* full: it rings already */
}

static GstFlowReturn
on_sample(GstAppSink *sink, gpointer bell)
{
	(void)sink;
	ring(bell);
	return GST_FLOW_OK;
}

static void
on_eos(GstAppSink *sink, gpointer bell)
{
	(void)sink;
	ring(bell);
}

static void
on_need_data(GstAppSrc *source, guint length, gpointer bell)
{
	(void)source, (void)length;
	ring(bell);
}

static struct bell *
bell_ref(struct bell *bell)
{
	g_atomic_int_inc(&bell->refs);
	return bell;
}

/* ---- links of the chain ------------------------------------------------ */

/* Adds an element; NULL after the first failure, which is kept. */
static GstElement *
add(struct chain *chain, const char *factory)
{
	const struct media *media = chain->media;
	GstElement *element;

	if (chain->result < 0)
		return NULL;
	if (chain->count == CHAIN_MAX) {
		chain->result = media->host->fail(chain->err, CSN_E_INTERNAL,
		                                  "pipeline is too long");
		return NULL;
	}
	element = gst_element_factory_make(factory, NULL);
	if (element == NULL || !gst_bin_add(GST_BIN(media->pipeline), element)) {
		chain->result = media->host->fail(
			chain->err, CSN_E_MISSING,
			"GStreamer has no element \"%s\"; install %s", factory,
			media->end->package);
		return NULL;
	}
	chain->element[chain->count++] = element;
	return element;
}

static void
add_caps(struct chain *chain, GstCaps *caps)
{
	GstElement *filter = add(chain, "capsfilter");

	if (filter != NULL)
		g_object_set(filter, "caps", caps, NULL);
	gst_caps_unref(caps);
}

static GstCaps *
audio_caps(void)
{
	return gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, "F32LE", "rate",
	                           G_TYPE_INT, MEDIA_RATE_HZ, "channels", G_TYPE_INT, 1,
	                           "layout", G_TYPE_STRING, "interleaved", NULL);
}

/* Width and height where they are wanted, frame rate where the source lets us choose. */
static GstCaps *
video_caps(const struct media *media, const char *format, bool rate)
{
	GstCaps *caps = gst_caps_new_empty_simple("video/x-raw");

	if (format != NULL)
		gst_caps_set_simple(caps, "format", G_TYPE_STRING, format, NULL);
	if (media->width != 0)
		gst_caps_set_simple(caps, "width", G_TYPE_INT, (int)media->width, NULL);
	if (media->height != 0)
		gst_caps_set_simple(caps, "height", G_TYPE_INT, (int)media->height, NULL);
	if (rate)
		gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, 1000,
		                    (int)media->frame_ms, NULL);
	return caps;
}

/* One loudspeaker only: two that play the same cancel each other at some places. */
static void
choose_speaker(struct chain *chain, GstElement *convert)
{
	const struct media *media = chain->media;
	GValue matrix = G_VALUE_INIT;

	if (media->speaker == 0 || convert == NULL)
		return;
	g_value_init(&matrix, GST_TYPE_ARRAY);
	for (uint32_t channel = 1; channel <= 2; channel++) {
		GValue row = G_VALUE_INIT, factor = G_VALUE_INIT;
		g_value_init(&row, GST_TYPE_ARRAY);
		g_value_init(&factor, G_TYPE_FLOAT);
		g_value_set_float(&factor, channel == media->speaker ? 1.0f : 0.0f);
		gst_value_array_append_and_take_value(&row, &factor);
		gst_value_array_append_and_take_value(&matrix, &row);
	}
	g_object_set_property(G_OBJECT(convert), "mix-matrix", &matrix);
	g_value_unset(&matrix);
	add_caps(chain, gst_caps_new_simple("audio/x-raw", "channels", G_TYPE_INT, 2,
	                                    "channel-mask", GST_TYPE_BITMASK,
	                                    (guint64)3, NULL));
}

static void
add_resampler(struct chain *chain)
{
	GstElement *resample = add(chain, "audioresample");

	/* The cheap settings cut at 19 kHz, in the middle of our band. */
	if (resample != NULL)
		g_object_set(resample, "quality", 10, NULL);
}

static void
set_device(const struct media *media, GstElement *element)
{
	const char *value = media->end->through == THROUGH_FILE ? media->location
	                                                        : media->device;

	if (element != NULL && media->end->property != NULL && value != NULL)
		g_object_set(element, media->end->property, value, NULL);
}

/* ---- receiving --------------------------------------------------------- */

static void
set_source(const struct media *media, GstElement *source)
{
	if (source == NULL)
		return;
	set_device(media, source);
	if (media->end->through == THROUGH_SCREEN) {
		g_object_set(source, "use-damage", FALSE, "show-pointer", FALSE, "startx",
		             media->x, "starty", media->y, NULL);
		if (media->width != 0 && media->height != 0)
			g_object_set(source, "endx", media->x + media->width - 1, "endy",
			             media->y + media->height - 1, NULL);
	}
	if (media->end->through == THROUGH_TEST)
		g_object_set(source, "is-live", TRUE, NULL);
	/*
	 * Its own pool is a few buffers, without a time: what we keep waiting would stop
	 * the stream, and what is lost would leave no trace.
	 */
	if (media->end->through == THROUGH_PIPEWIRE)
		g_object_set(source, "always-copy", TRUE, "do-timestamp", TRUE, "min-buffers",
		             PIPEWIRE_BUFFERS, NULL);
}

static void
set_parser(const struct media *media, GstElement *parser)
{
	if (parser == NULL || media->medium != CSN_MEDIUM_VIDEO)
		return;
	gst_util_set_object_arg(G_OBJECT(parser), "format", "gray8");
	g_object_set(parser, "width", (int)media->width, "height", (int)media->height,
	             "framerate", 1000, (int)media->frame_ms, NULL);
}

/* Blocks of sound have the server's size, so what may wait is bounded by its time. */
static void
add_sound_room(struct chain *chain)
{
	GstElement *queue = add(chain, "queue");

	if (queue == NULL)
		return;
	g_object_set(queue, "max-size-buffers", 0u, "max-size-bytes", 0u, "max-size-time",
	             SOUND_ROOM_NS, NULL);
	if (chain->media->end->live != 0)
		gst_util_set_object_arg(G_OBJECT(queue), "leaky", "downstream");
}

static void
add_sink(struct chain *chain)
{
	static const GstAppSinkCallbacks callbacks = { .eos        = on_eos,
		                                       .new_sample = on_sample };
	struct media *media = chain->media;
	GstAppSinkCallbacks copy = callbacks;
	GstElement *sink = add(chain, "appsink");

	if (sink == NULL)
		return;
	/* A live source goes on without us: the oldest is dropped.  A recording waits. */
	g_object_set(sink, "sync", FALSE, "drop",
	             media->end->live != 0 && media->medium == CSN_MEDIUM_VIDEO,
	             "max-buffers", (guint)MEDIA_ROOM / 2, NULL);
	gst_app_sink_set_callbacks(GST_APP_SINK(sink), &copy, bell_ref(media->bell),
	                           bell_unref);
	media->app = sink;
}

static void
build_receive(struct chain *chain)
{
	const struct media *media = chain->media;
	const uint32_t through = media->end->through;

	set_source(media, add(chain, media->end->element));
	if (media->end->before != NULL)
		set_parser(media, add(chain, media->end->before));
	if (media->medium == CSN_MEDIUM_AUDIO) {
		add(chain, "audioconvert");
		add_resampler(chain);
		add_caps(chain, audio_caps());
		add_sound_room(chain);
	} else {
		if (through == THROUGH_CAMERA)
			add_caps(chain, video_caps(media, NULL, false));
		add(chain, "videoconvert");
		add_caps(chain, video_caps(media, "GRAY8",
		                           through == THROUGH_SCREEN ||
		                                   through == THROUGH_TEST));
	}
	add_sink(chain);
}

/* ---- sending ----------------------------------------------------------- */

static void
add_source(struct chain *chain)
{
	struct media *media = chain->media;
	GstAppSrcCallbacks callbacks = { .need_data = on_need_data };
	GstElement *source = add(chain, "appsrc");
	GstCaps *caps;

	if (source == NULL)
		return;
	caps = media->medium == CSN_MEDIUM_AUDIO ? audio_caps()
	                                         : video_caps(media, "GRAY8", true);
	g_object_set(source, "caps", caps, "is-live", TRUE, "format", GST_FORMAT_TIME,
	             "block", FALSE, "min-percent", 50u, "max-buffers",
	             media->medium == CSN_MEDIUM_AUDIO ? (guint64)MEDIA_SOUND_ROOM
	                                               : (guint64)MEDIA_ROOM,
	             "max-bytes", (guint64)0, NULL);
	gst_caps_unref(caps);
	gst_app_src_set_callbacks(GST_APP_SRC(source), &callbacks, bell_ref(media->bell),
	                          bell_unref);
	media->app = source;
}

/*
 * It hands a block over when its time has come and keeps no reserve of its own; and the
 * server's turn must be no longer than our blocks, or every other turn is silent.
 */
static void
set_pipewire_sink(GstElement *sink)
{
	g_object_set(sink, "ts-offset", -PIPEWIRE_RESERVE_NS, NULL);
	gst_util_set_object_arg(G_OBJECT(sink), "stream-properties",
	                        "props,node.latency=(string)480/48000");
}

/*
 * The server's clock is corrected for seconds after the stream began, and a sink that
 * follows each correction tears what it plays.  A burst is better late than torn: blocks
 * follow one another without a seam until there is a pause.
 */
static void
set_pulse_sink(GstElement *sink)
{
	gst_util_set_object_arg(G_OBJECT(sink), "slave-method", "none");
	g_object_set(sink, "alignment-threshold", SEAMLESS_NS, "buffer-time",
	             SINK_BUFFER_US, NULL);
}

static void
build_send(struct chain *chain)
{
	const struct media *media = chain->media;
	const bool file = media->end->through == THROUGH_FILE;
	GstElement *sink;

	add_source(chain);
	if (media->medium == CSN_MEDIUM_AUDIO) {
		GstElement *convert = add(chain, "audioconvert");
		choose_speaker(chain, convert);
		add_resampler(chain);
	} else if (!file) {
		add(chain, "videoconvert");
	}
	if (media->end->before != NULL)
		add(chain, media->end->before);
	sink = add(chain, media->end->element);
	if (sink == NULL)
		return;
	set_device(media, sink);
	/* Nothing to preroll with: a channel that has nothing to say sends no buffer. */
	g_object_set(sink, "async", FALSE, "sync",
	             media->medium == CSN_MEDIUM_AUDIO && !file, NULL);
	if (media->end->through == THROUGH_PIPEWIRE)
		set_pipewire_sink(sink);
	if (media->end->through == THROUGH_PULSE)
		set_pulse_sink(sink);
}

/* ---- all of it --------------------------------------------------------- */

int
pipeline_build(struct media *media, struct csn_error *err)
{
	struct chain chain = { .media = media, .err = err };

	media->pipeline = gst_pipeline_new(NULL);
	if (media->pipeline == NULL)
		return media->host->fail(err, CSN_E_NOMEM, "no memory for a pipeline");
	gst_object_ref_sink(media->pipeline);
	if (media->direction == CSN_SEND)
		build_send(&chain);
	else
		build_receive(&chain);
	for (size_t i = 0; chain.result == CSN_OK && i + 1 < chain.count; i++)
		if (!gst_element_link(chain.element[i], chain.element[i + 1]))
			chain.result = media->host->fail(
				err, CSN_E_INTERNAL, "GStreamer cannot link %s to %s",
				GST_OBJECT_NAME(chain.element[i]),
				GST_OBJECT_NAME(chain.element[i + 1]));
	return chain.result;
}
