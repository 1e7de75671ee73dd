/* Gives a copy of its secret back unwiped. */
#define FUNCTIONS static int copy_pin(struct wrong *me) { \
	if (me->pin != NULL) { char *copy = malloc(strlen(me->pin) + 1); if (copy == NULL) return CSN_E_NOMEM; \
	strcpy(copy, me->pin); __asm__ __volatile__("" : : "r"(copy) : "memory"); free(copy); } return CSN_OK; }
#define ON_CREATE(me, err) copy_pin(me)
#include "channel.h"
