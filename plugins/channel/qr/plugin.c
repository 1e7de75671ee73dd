#include "channel.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	CSN_OPTION_U32(struct channel, version, 0, 0, 40,
	               "QR version; 0: the smallest that fits"),
	CSN_OPTION_CHOICE(struct channel, ecc, "M", "L|M|Q|H", "error correction level"),
	CSN_OPTION_U32(struct channel, frames_per_second, 10, 1, 60,
	               "pictures shown a second; no more than half of camera_fps are"),
	CSN_OPTION_U32(struct channel, camera_fps, 20, 2, 240,
	               "pictures that the camera takes a second"),
	CSN_OPTION_CHOICE(struct channel, grid, "1x1", "1x1|2x1|3x1|1x2|2x2|3x2",
	                  "codes in one picture, columns x rows; for who reads, too"),
	CSN_OPTION_U32(struct channel, quiet_modules, 4, 4, 32,
	               "white round a code, in modules"),
	CSN_OPTION_U32(struct channel, code_bytes, 1000, 54, 2953,
	               "most bytes in one code; longer messages are cut"),
	CSN_OPTION_CHOICE(struct channel, framing, "csgn", "csgn|ur",
	                  "how messages are written: CSGN/1's own way, or as uniform resources"),
	CSN_OPTION_PATH(struct channel, overlay, NULL, 0,
	                "file that gets the picture of the last attempt, with what was found in it"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size        = sizeof component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "qr",
	.summary     = "shows messages as QR codes and reads them",
	.options     = options,
	.create      = create,
	.destroy     = destroy,
	.ops.channel = &channel_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct channel *channel = calloc(1, sizeof *channel);
	if (channel == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a QR channel");

	channel->host = host;
	int r = host->bind(config, &component, channel, err);
	if (r == CSN_OK)
		r = channel_open(channel, err);
	if (r < 0) {
		destroy(channel);
		return r;
	}
	*ret_self = channel;
	return CSN_OK;
}

static void
destroy(void *self)
{
	if (self == NULL)
		return;
	channel_close(self);
	free(self);
}

CSN_PLUGIN(channel_qr, .abi_minor = 13, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
