/* Takes a function of a later host without asking whether it is there. */
#define MEMBERS void *volatile later;
#define ON_CREATE(me, err) ((me)->later = *(void **)(uintptr_t)((const char *)(me)->host + sizeof *(me)->host), CSN_OK)
#include "channel.h"
