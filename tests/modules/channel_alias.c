/* Calls itself by another name than its file has. */
#include "broken.h"

COMPONENT("alias", .ops.channel = &ops);

extern CSN_EXPORT const struct csn_plugin channel_alias_LTX_csn_plugin;
const struct csn_plugin channel_alias_LTX_csn_plugin = {
	.magic = CSN_PLUGIN_MAGIC, .size = sizeof(struct csn_plugin), .abi_minor = 9,
	.name = "channel_other", .license = "Apache-2.0", .components = CSN_LIST(&component),
};
