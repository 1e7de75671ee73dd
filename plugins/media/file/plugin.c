#include "media.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	{ .key = "medium", .fallback = "video", .choices = "video|audio",
	  .type = CSN_CHOICE, .offset = CSN_FIELD_OF(struct media, medium_choice, uint32_t),
	  .help = "what it holds" },
	{ .key = "direction", .fallback = "receive", .choices = "receive|send",
	  .type = CSN_CHOICE, .offset = CSN_FIELD_OF(struct media, direction_choice, uint32_t),
	  .help = "replays, or records" },
	CSN_OPTION_PATH(struct media, path, NULL, CSN_OPT_REQUIRED,
	                "WAV file, picture, or folder of pictures"),
	CSN_OPTION_CHOICE(struct media, pace, "real", "real|fast",
	                  "as time goes by, or as fast as it is taken"),
	CSN_OPTION_BOOL(struct media, repeat, 0, "begin again at the end"),
	CSN_OPTION_U32(struct media, width, 0, 0, 4096, "pixels, of raw pictures or to record"),
	CSN_OPTION_U32(struct media, height, 0, 0, 4096, "pixels, of raw pictures or to record"),
	CSN_OPTION_U32(struct media, frame_ms, 50, 1, 10000, "time between pictures"),
	CSN_OPTION_U32(struct media, limit_mib, 256, 1, 1024, "size of a recording at most"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size      = sizeof component,
	.kind      = CSN_KIND_MEDIA,
	.name      = "file",
	.summary   = "replays and records sound and pictures",
	.options   = options,
	.create    = create,
	.destroy   = destroy,
	.ops.media = &media_ops,
};

static int
check(struct media *media, struct csn_error *err)
{
	media->medium    = media->medium_choice == 0 ? CSN_MEDIUM_VIDEO : CSN_MEDIUM_AUDIO;
	media->direction = media->direction_choice == 0 ? CSN_RECEIVE : CSN_SEND;
	if ((media->width == 0) != (media->height == 0))
		return media->host->fail(err, CSN_E_CONFIG, "width and height go together");
	if (media->width == 0 && media->direction == CSN_SEND)
		media->width = media->height = 720;
	return CSN_OK;
}

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct media *media = calloc(1, sizeof *media);
	if (media == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a recording");

	media->host = host;
	int r = host->bind(config, &component, media, err);
	if (r == CSN_OK)
		r = check(media, err);
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

CSN_PLUGIN(media_file, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
