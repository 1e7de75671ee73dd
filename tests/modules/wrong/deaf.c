/* Forgets an operation when it is cancelled. */
#define ON_CANCEL(me, op) (void)(op)
#include "channel.h"
