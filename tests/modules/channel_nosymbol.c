/* Its symbol carries the name of another module, as after a rename of the file. */
#include "broken.h"

COMPONENT("nosymbol", .ops.channel = &ops);
BROKEN(channel_before, .abi_minor = 9);
