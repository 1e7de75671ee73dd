/* Computes where it should come back at once. */
#include <time.h>
#define FUNCTIONS static void compute(void) { clock_t end = clock() + CLOCKS_PER_SEC / 32; while (clock() < end) continue; }
#define ON_CAPS(me, caps) compute()
#include "channel.h"
