/* Fills whatever size it is told. */
#define ON_CAPS(me, caps) \
	if ((caps)->size > sizeof *(caps)) \
	memset((char *)(caps) + sizeof *(caps), 1, (caps)->size - sizeof *(caps))
#include "channel.h"
