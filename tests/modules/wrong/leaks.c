/* Forgets what it allocated. */
#define FUNCTIONS static int forget(void) { void *volatile lost = malloc(24); return lost != NULL ? CSN_OK : CSN_E_NOMEM; }
#define ON_CREATE(me, err) forget()
#include "channel.h"
