/* Nothing is wrong here. */
#include "broken.h"

COMPONENT("good", .ops.channel = &ops);
BROKEN(channel_good, .abi_minor = 9);
