/* The magic number is wrong. */
#include "broken.h"

COMPONENT("magic", .ops.channel = &ops);

extern CSN_EXPORT const struct csn_plugin channel_magic_LTX_csn_plugin;
const struct csn_plugin channel_magic_LTX_csn_plugin = {
	.magic = 0x12345678, .size = sizeof(struct csn_plugin), .name = "channel_magic",
	.license = "Apache-2.0", .components = CSN_LIST(&component),
};
