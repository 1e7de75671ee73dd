/* Uses memory that it did not get. */
#define MEMBERS char *copy;
#define FUNCTIONS static int use(struct wrong *me) { me->copy = malloc(24); me->copy[0] = 'x'; return CSN_OK; }
#define ON_CREATE(me, err) use(me)
#define ON_DESTROY(me) free((me)->copy)
#include "channel.h"
