/* Ends a send twice. */
#define ON_SENT(me, op) ((me)->host->op_done(op, CSN_OK, NULL), (me)->host->op_done(op, CSN_OK, NULL))
#include "channel.h"
