/* Linked into a program and found there as a file is. */
#include "broken.h"

COMPONENT("builtin", .ops.channel = &ops);
BROKEN(channel_builtin, .abi_minor = 9);
