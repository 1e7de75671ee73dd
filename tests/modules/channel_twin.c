/* Sound, but offers what channel_good offers. */
#include "broken.h"

COMPONENT("good", .ops.channel = &ops);
BROKEN(channel_twin, .abi_minor = 9);
