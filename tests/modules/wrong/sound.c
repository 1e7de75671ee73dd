/* Nothing is wrong here. */
#include "channel.h"
