/* Writes its secret to the log. */
#define ON_CREATE(me, err) ((me)->pin != NULL ? ((me)->host->log((me)->host, CSN_LOG_INFO, "pin %s", (me)->pin), CSN_OK) : CSN_OK)
#include "channel.h"
