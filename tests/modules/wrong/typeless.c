/* Has an option of no type. */
#define OPTIONS { .key = "odd", .type = 9, .help = "nobody knows" },
#include "channel.h"
