/* Drops a timer that has run. */
#define MEMBERS struct csn_timer *timer;
#define FUNCTIONS static void ring(void *self) { struct wrong *me = self; me->host->timer_drop(me->timer); me->timer = NULL; }
#define ON_SENT(me, op) ((me)->timer == NULL ? (void)((me)->timer = (me)->host->timer_add((me)->host, (me)->host->now((me)->host), ring, me)) : (void)0, \
	(me)->host->op_done(op, CSN_OK, NULL))
#define ON_DESTROY(me) (me)->host->timer_drop((me)->timer)
#include "channel.h"
