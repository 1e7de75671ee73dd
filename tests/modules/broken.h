/* One sound channel that each module of this folder spoils in its own way. */
#ifndef CSN_TESTS_MODULES_BROKEN_H
#define CSN_TESTS_MODULES_BROKEN_H

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	(void)self;
	ret_caps->max_message = 1;
	return CSN_OK;
}

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	static char instance;

	(void)host;
	(void)config;
	(void)err;
	*ret_self = &instance;
	return CSN_OK;
}

static void
destroy(void *self)
{
	(void)self;
}

static const struct csn_channel_ops ops = { .size = sizeof ops, .caps = caps };

#define COMPONENT(id, ...)                                                     \
	static const struct csn_component component = {                        \
		.size = sizeof component, .kind = CSN_KIND_CHANNEL, .name = id, \
		.summary = "carries nothing", .create = create,                \
		.destroy = destroy, __VA_ARGS__                                \
	}
#define BROKEN(id, ...)                                      \
	CSN_PLUGIN(id, .version = "1", .license = "Apache-2.0", \
	           .components = CSN_LIST(&component), __VA_ARGS__)

#endif
