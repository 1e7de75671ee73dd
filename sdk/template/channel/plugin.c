/* A channel that keeps what was sent in a queue until it is received. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/channel.h>

#include <stdlib.h>

enum { ROOM = 8 };

struct instance {
	const struct csn_host *host;
	uint32_t               limit;
	struct csn_buf        *queue[ROOM];
	size_t                 count;
	struct csn_op         *receiving;
};

static const struct csn_option options[] = {
	CSN_OPTION_U32(struct instance, limit, 4096, 1, 65536, "largest message, in bytes"),
	CSN_OPTION_END
};

static int
caps(void *self, struct csn_channel_caps *caps)
{
	const struct instance *me = self;

	caps->direction   = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	caps->medium      = CSN_MEDIUM_NONE;
	caps->max_message = me->limit;
	caps->medium_name = "@NAME@";
	return CSN_OK;
}

/* Hands the oldest message to whoever waits for one. */
static void
deliver(struct instance *me)
{
	if (me->receiving == NULL || me->count == 0)
		return;
	struct csn_op  *op      = me->receiving;
	struct csn_buf *message = me->queue[0];

	me->receiving = NULL;
	me->count--;
	memmove(&me->queue[0], &me->queue[1], me->count * sizeof me->queue[0]);
	me->host->op_done(op, CSN_OK, message);
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct instance       *me   = self;
	const struct csn_host *host = me->host;
	struct csn_error      *err  = host->op_error(op);

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > me->limit)
		return host->fail(err, CSN_E_TOO_BIG, "message is %zu bytes, at most %u fit",
		                  message.len, (unsigned)me->limit);
	if (me->count == ROOM)
		return host->fail(err, CSN_E_BUSY, "%d messages wait already", ROOM);
	struct csn_buf *copy = host->buf_new(message.ptr, message.len, 0);
	if (copy == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a message");
	me->queue[me->count++] = copy;
	host->op_done(op, CSN_OK, NULL);
	deliver(me);
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct instance *me = self;

	if (me->receiving != NULL)
		return me->host->fail(me->host->op_error(op), CSN_E_BUSY,
		                      "somebody else is receiving");
	me->receiving = op;
	deliver(me);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct instance *me = self;

	if (op != me->receiving)
		return;
	me->receiving = NULL;
	me->host->op_done(op, CSN_E_CANCELLED, NULL);
}

static void
rest(void *self)
{
	(void)self; /* nothing is shown or played */
}

static const struct csn_channel_ops ops = {
	.size    = sizeof ops,
	.caps    = caps,
	.send    = send_message,
	.receive = receive,
	.cancel  = cancel,
	.rest    = rest,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_CHANNEL,
	.name    = "@NAME@",
	.summary = "keeps messages in a queue",
	.options = options,
	.create  = create,
	.destroy = destroy,
	.ops.channel = &ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct instance *me = calloc(1, sizeof *me);
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for @KIND@ @NAME@");
	me->host = host;
	int r    = host->bind(config, &component, me, err);
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
	struct instance *me = self;

	if (me == NULL)
		return;
	while (me->count > 0)
		me->host->buf_unref(me->queue[--me->count]);
	free(me);
}

CSN_PLUGIN(@KIND@_@NAME@, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
