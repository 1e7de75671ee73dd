/* Ends an operation on a thread of its own. */
#include <pthread.h>
#define MEMBERS struct csn_op *sent;
#define FUNCTIONS static void *end_it(void *arg) { struct wrong *me = arg; \
	me->host->op_done(me->sent, CSN_OK, NULL); return NULL; } \
static void elsewhere(struct wrong *me, struct csn_op *op) { pthread_t thread; me->sent = op; \
	if (pthread_create(&thread, NULL, end_it, me) == 0) pthread_join(thread, NULL); }
#define ON_SENT(me, op) elsewhere(me, op)
#include "channel.h"
