/* Written for another major version of the contract. */
#include "broken.h"

COMPONENT("major", .ops.channel = &ops);

extern CSN_EXPORT const struct csn_plugin channel_major_LTX_csn_plugin;
const struct csn_plugin channel_major_LTX_csn_plugin = {
	.magic = CSN_PLUGIN_MAGIC, .size = sizeof(struct csn_plugin), .abi_major = 7,
	.abi_minor = 1, .name = "channel_major", .license = "Apache-2.0",
	.components = CSN_LIST(&component),
};
