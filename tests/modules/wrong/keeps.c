/* Keeps its secret in a variable for ever. */
#define FUNCTIONS static char kept[64]; \
static int keep_pin(struct wrong *me) { \
	if (me->pin != NULL) snprintf(kept, sizeof kept, "%s", me->pin); \
	__asm__ __volatile__("" : : "r"(kept) : "memory"); return CSN_OK; }
#define ON_CREATE(me, err) keep_pin(me)
#include "channel.h"
