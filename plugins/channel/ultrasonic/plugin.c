#include "ultrasonic.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	CSN_OPTION_CHOICE(struct ultrasonic, profile, "fast", "fast|long|motion",
	                  "how bursts are sent; all are heard"),
	CSN_OPTION_U32(struct ultrasonic, band_low_hz, 17250, 15000, 22000,
	               "lower edge of the band; both sides must agree"),
	CSN_OPTION_U32(struct ultrasonic, band_high_hz, 20000, 15000, 22000,
	               "upper edge of the band; both sides must agree"),
	CSN_OPTION_I64(struct ultrasonic, level_dbfs, -1, -60, 0,
	               "no sample is louder than this"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size        = sizeof component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "ultrasonic",
	.summary     = "carries short messages as near-ultrasonic bursts",
	.options     = options,
	.create      = create,
	.destroy     = destroy,
	.ops.channel = &ultrasonic_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct ultrasonic *us = calloc(1, sizeof *us);
	if (us == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for an ultrasonic channel");

	us->host = host;
	int r = host->bind(config, &component, us, err);
	if (r == CSN_OK)
		r = ultrasonic_open(us, err);
	if (r < 0) {
		destroy(us);
		return r;
	}
	*ret_self = us;
	return CSN_OK;
}

static void
destroy(void *self)
{
	if (self == NULL)
		return;
	ultrasonic_close(self);
	free(self);
}

CSN_PLUGIN(channel_ultrasonic, .abi_minor = 9, .version = "0.1.0",
           .license = "Apache-2.0", .components = CSN_LIST(&component));
