#include "gst.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	{ .key = "medium", .fallback = "video", .choices = "video|audio",
	  .type = CSN_CHOICE, .offset = CSN_FIELD_OF(struct media, medium_choice, uint32_t),
	  .help = "what it carries" },
	{ .key = "direction", .fallback = "receive", .choices = "receive|send",
	  .type = CSN_CHOICE, .offset = CSN_FIELD_OF(struct media, direction_choice, uint32_t),
	  .help = "captures, or plays and shows" },
	{ .key = "through", .choices = THROUGH_CHOICES, .type = CSN_CHOICE,
	  .flags = CSN_OPT_REQUIRED, .offset = CSN_FIELD_OF(struct media, through, uint32_t),
	  .help = "what it goes through" },
	CSN_OPTION_STRING(struct media, device, NULL, 1, 255,
	                  "name of the device; none: the system's default"),
	CSN_OPTION_PATH(struct media, location, NULL, 0, "the file, with through = \"file\""),
	CSN_OPTION_U32(struct media, width, 0, 0, 4096, "pixels; 0: as the source gives it"),
	CSN_OPTION_U32(struct media, height, 0, 0, 4096, "pixels; 0: as the source gives it"),
	CSN_OPTION_U32(struct media, x, 0, 0, 32767, "left edge of the part of the screen"),
	CSN_OPTION_U32(struct media, y, 0, 0, 32767, "upper edge of the part of the screen"),
	CSN_OPTION_U32(struct media, frame_ms, 50, 10, 10000, "time between pictures"),
	CSN_OPTION_U32(struct media, start_ms, 5000, 100, 60000,
	               "time the device may take to start"),
	CSN_OPTION_CHOICE(struct media, speaker, "all", "all|left|right",
	                  "loudspeaker that plays; two may cancel each other"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size      = sizeof component,
	.kind      = CSN_KIND_MEDIA,
	.name      = "gst",
	.summary   = "screens, cameras, loudspeakers and microphones by GStreamer",
	.options   = options,
	.create    = create,
	.destroy   = destroy,
	.ops.media = &media_ops,
};

static const char *const words[] = { "video", "audio", "receive", "send" };

static int
check(struct media *media, struct csn_error *err)
{
	const struct csn_host *host = media->host;
	const bool file = media->through == THROUGH_FILE;

	media->medium    = media->medium_choice == 0 ? CSN_MEDIUM_VIDEO : CSN_MEDIUM_AUDIO;
	media->direction = media->direction_choice == 0 ? CSN_RECEIVE : CSN_SEND;
	media->end       = end_find(media->medium, media->direction, media->through);
	if (media->end == NULL)
		return host->fail(err, CSN_E_CONFIG,
		                  "\"through\" does not go with medium %s and direction %s; "
		                  "the README has a table of what does",
		                  words[media->medium_choice],
		                  words[2 + media->direction_choice]);
	if (file && media->location == NULL)
		return host->fail(err, CSN_E_CONFIG, "\"location\" must name the file");
	if (media->medium != CSN_MEDIUM_VIDEO)
		return CSN_OK;
	if ((media->width == 0) != (media->height == 0))
		return host->fail(err, CSN_E_CONFIG, "width and height go together");
	if (media->width == 0 && (file || media->direction == CSN_SEND)) {
		if (file)
			return host->fail(err, CSN_E_CONFIG,
			                  "raw pictures need \"width\" and \"height\"");
		media->width  = 720;
		media->height = 720;
	}
	return CSN_OK;
}

static int
load(const struct media *media, struct csn_error *err)
{
	GError *error = NULL;

	if (gst_init_check(NULL, NULL, &error))
		return CSN_OK;
	const int r = media->host->fail(err, CSN_E_MISSING, "GStreamer does not start: %s",
	                                error != NULL ? error->message : "no reason given");
	g_clear_error(&error);
	return r;
}

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct media *media = calloc(1, sizeof *media);
	if (media == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a media");

	media->host     = host;
	media->expected = GST_CLOCK_TIME_NONE;
	int r = host->bind(config, &component, media, err);
	if (r == CSN_OK)
		r = check(media, err);
	if (r == CSN_OK)
		r = load(media, err);
	if (r < 0) {
		destroy(media);
		return r;
	}
	*ret_self = media;
	return CSN_OK;
}

static void
destroy(void *self)
{
	if (self == NULL)
		return;
	media_stop(self);
	free(self);
}

CSN_PLUGIN(media_gst, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
