/* Ends the whole process. */
#define ON_CREATE(me, err) (exit(3), CSN_OK)
#include "channel.h"
