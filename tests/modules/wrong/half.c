/* Forgets its first block when it does not get the second. */
#define MEMBERS void *blocks[2];
#define FUNCTIONS static int get_two(struct wrong *me) { \
	void *volatile first = malloc(24); void *second = first != NULL ? malloc(24) : NULL; \
	if (second == NULL) return CSN_E_NOMEM; \
	me->blocks[0] = first; me->blocks[1] = second; return CSN_OK; }
#define ON_CREATE(me, err) get_two(me)
#define ON_DESTROY(me) free((me)->blocks[0]), free((me)->blocks[1])
#include "channel.h"
