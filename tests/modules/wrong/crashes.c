/* Crashes in create. */
#define ON_CREATE(me, err) (*(volatile int *)8 = 1)
#include "channel.h"
