/* Never ends a send. */
#define ON_SENT(me, op) (void)(op)
#include "channel.h"
