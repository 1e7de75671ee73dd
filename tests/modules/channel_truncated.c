/* Its component is shorter than the first contract. */
#include "broken.h"

static const struct csn_component component = {
	.size = 24, .kind = CSN_KIND_CHANNEL, .name = "truncated", .summary = "cut off",
	.create = create, .destroy = destroy, .ops.channel = &ops,
};
BROKEN(channel_truncated, .abi_minor = 9);
