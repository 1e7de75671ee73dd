/* Never comes back from caps. */
#define ON_CAPS(me, caps) for (volatile int x = 0;; x++)
#include "channel.h"
