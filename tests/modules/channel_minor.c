/* Needs a host newer than this one. */
#include "broken.h"

COMPONENT("minor", .ops.channel = &ops);
BROKEN(channel_minor, .abi_minor = 999);
