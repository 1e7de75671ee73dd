/* The last message comes first. */
#define NEXT(count) ((count) - 1)
#include "channel.h"
