/* Names no bound. */
#define ON_CAPS(me, caps) (caps)->max_message = 0
#include "channel.h"
