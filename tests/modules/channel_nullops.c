/* Has no table of functions. */
#include "broken.h"

extern const struct csn_channel_ops *const channel_nullops_unused;
const struct csn_channel_ops *const channel_nullops_unused = &ops;

COMPONENT("nullops", .ops.channel = NULL);
BROKEN(channel_nullops, .abi_minor = 9);
