#include "loop.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	CSN_OPTION_U32(struct loop, limit, 65536, 1, 65536, "largest message, in bytes"),
	CSN_OPTION_U32(struct loop, delay_ms, 0, 0, 10000, "pretend the air is this slow"),
	CSN_OPTION_STRING(struct loop, medium, "loop", 1, 32,
	                  "name of the medium this stands for"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size        = sizeof component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "loop",
	.summary     = "returns each message to its sender",
	.options     = options,
	.create      = create,
	.destroy     = destroy,
	.ops.channel = &loop_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct loop *loop = calloc(1, sizeof *loop);
	if (loop == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a loop channel");

	loop->host = host;
	int r = host->bind(config, &component, loop, err);
	if (r < 0) {
		destroy(loop);
		return r;
	}
	*ret_self = loop;
	return CSN_OK;
}

static void
destroy(void *self)
{
	if (self == NULL)
		return;
	loop_stop(self);
	free(self);
}

CSN_PLUGIN(channel_loop, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
