/*
 * One sound channel, a queue, that each file beside this one spoils in one way: it
 * defines the part that it does otherwise and includes this.
 */
#ifndef CSN_TESTS_MODULES_WRONG_CHANNEL_H
#define CSN_TESTS_MODULES_WRONG_CHANNEL_H

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdio.h>
#include <stdlib.h>

#ifndef MEMBERS
#define MEMBERS
#endif
#ifndef OPTIONS
#define OPTIONS
#endif
#ifndef ON_CREATE /* may return a negative code                               */
#define ON_CREATE(me, err) CSN_OK
#endif
#ifndef ON_DESTROY
#define ON_DESTROY(me)
#endif
#ifndef ON_CAPS
#define ON_CAPS(me, caps)
#endif
#ifndef ON_CANCEL
#define ON_CANCEL(me, op) (me)->host->op_done(op, CSN_E_CANCELLED, NULL)
#endif
#ifndef ON_SENT
#define ON_SENT(me, op) (me)->host->op_done(op, CSN_OK, NULL)
#endif
#ifndef KEEP /* how much of a message is kept                                 */
#define KEEP(message) (message).len
#endif
#ifndef REFUSED /* what becomes of a message of @len bytes; 0: it is taken      */
#define REFUSED(len) ((len) == 0 ? CSN_E_INVALID : (len) > LIMIT ? CSN_E_TOO_BIG : CSN_OK)
#endif
#ifndef NEEDS
#define NEEDS NULL
#endif
#ifndef NEXT /* which of @count messages comes next                           */
#define NEXT(count) 0
#endif
#ifndef MEDIUM
#define MEDIUM CSN_MEDIUM_NONE
#define MORE_OPS
#endif

enum { ROOM = 8, LIMIT = 64 };

struct wrong {
	const struct csn_host *host;
	struct csn_buf        *queue[ROOM];
	size_t                 count;
	struct csn_op         *receiving;
	char                  *pin;
	MEMBERS
};

#ifdef FUNCTIONS
FUNCTIONS
#endif

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	struct wrong *me = self;

	(void)me;
	ret_caps->direction   = CSN_SEND | CSN_RECEIVE;
	ret_caps->medium      = MEDIUM;
	ret_caps->max_message = LIMIT;
	ret_caps->medium_name = "wrong";
	ON_CAPS(me, ret_caps);
	return CSN_OK;
}

static void
deliver(struct wrong *me)
{
	struct csn_op *op = me->receiving;

	if (op == NULL || me->count == 0)
		return;
	const size_t    at      = NEXT(me->count);
	struct csn_buf *message = me->queue[at];

	me->receiving = NULL;
	me->count--;
	memmove(&me->queue[at], &me->queue[at + 1], (me->count - at) * sizeof me->queue[0]);
	me->host->op_done(op, CSN_OK, message);
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct wrong *me = self;

	if (REFUSED(message.len) != CSN_OK)
		return REFUSED(message.len);
	if (me->count == ROOM)
		return CSN_E_BUSY;
	struct csn_buf *copy = me->host->buf_new(message.ptr, KEEP(message), 0);
	if (copy == NULL)
		return CSN_E_NOMEM;
	me->queue[me->count++] = copy;
	ON_SENT(me, op);
	deliver(me);
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct wrong *me = self;

	if (me->receiving != NULL)
		return CSN_E_BUSY;
	me->receiving = op;
	deliver(me);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct wrong *me = self;

	if (op != me->receiving)
		return;
	me->receiving = NULL;
	ON_CANCEL(me, op);
}

static const struct csn_channel_ops ops = {
	.size = sizeof ops, .caps = caps, .send = send_message, .receive = receive,
	.cancel = cancel, MORE_OPS
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_option options[] = {
	{ .key = "pin", .type = CSN_STRING, .flags = CSN_OPT_SECRET, .max = 64,
	  .offset = offsetof(struct wrong, pin), .help = "a secret" },
	OPTIONS
	CSN_OPTION_END
};

static const struct csn_component component = {
	.size = sizeof component, .kind = CSN_KIND_CHANNEL, .name = "wrong",
	.summary = "a queue with one thing wrong", .options = options, .create = create,
	.destroy = destroy, .needs = NEEDS, .ops.channel = &ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct wrong *me = calloc(1, sizeof *me);

	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	me->host = host;
	int r    = host->bind(config, &component, me, err);
	if (r == CSN_OK)
		r = ON_CREATE(me, err);
	if (r < 0) {
		destroy(me);
		return r;
	}
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct wrong *me = self;

	if (me == NULL)
		return;
	ON_DESTROY(me);
	while (me->count > 0)
		me->host->buf_unref(me->queue[--me->count]);
	free(me);
}

CSN_PLUGIN(channel_wrong, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&component));

#endif
