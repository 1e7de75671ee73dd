/* Leaves a timer behind. */
#define FUNCTIONS static void ring(void *self) { (void)self; }
#define ON_CREATE(me, err) ((me)->host->timer_add((me)->host, UINT64_MAX / 2, ring, NULL) != NULL ? CSN_OK : CSN_E_NOMEM)
#include "channel.h"
