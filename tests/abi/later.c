/*
 * A channel whose author has headers of a later contract: longer tables, new functions,
 * all of them used only where the host has them.  It asks for 0.9 and works there.
 */
#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdlib.h>

struct later {
	const struct csn_host *host;
	struct csn_buf        *kept;
	struct csn_op         *receiving;
};

static int
caps(void *self, struct csn_channel_caps *caps)
{
	(void)self;
	caps->direction   = CSN_SEND | CSN_RECEIVE;
	caps->max_message = 64;
	caps->medium_name = "later";
	if (caps->size >= offsetof(struct csn_channel_caps, later) + sizeof caps->later)
		caps->later = 0; /* there is room for it                      */
	return CSN_OK;
}

static void
deliver(struct later *me)
{
	struct csn_op  *op   = me->receiving;
	struct csn_buf *kept = me->kept;

	if (op == NULL || kept == NULL)
		return;
	me->receiving = NULL;
	me->kept      = NULL;
	me->host->op_done(op, CSN_OK, kept);
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct later *me = self;

	if (message.len == 0 || message.len > 64)
		return message.len == 0 ? CSN_E_INVALID : CSN_E_TOO_BIG;
	if (me->kept != NULL)
		return CSN_E_BUSY;
	me->kept = me->host->buf_new(message.ptr, message.len, 0);
	if (me->kept == NULL)
		return CSN_E_NOMEM;
	me->host->op_done(op, CSN_OK, NULL);
	deliver(me);
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct later *me = self;

	if (me->receiving != NULL)
		return CSN_E_BUSY;
	me->receiving = op;
	deliver(me);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct later *me = self;

	if (op != me->receiving)
		return;
	me->receiving = NULL;
	me->host->op_done(op, CSN_E_CANCELLED, NULL);
}

static int
later(void *self)
{
	(void)self;
	abort(); /* no host of today can know it                              */
}

static const struct csn_channel_ops ops = {
	.size = sizeof ops, .caps = caps, .send = send_message, .receive = receive,
	.cancel = cancel, .later = later,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct later *me = calloc(1, sizeof *me);

	(void)config;
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	me->host = host;
	if (CSN_HAS(host, later))
		host->later(host);
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct later *me = self;

	if (me != NULL)
		me->host->buf_unref(me->kept);
	free(me);
}

static const struct csn_component component = {
	.size = sizeof component, .kind = CSN_KIND_CHANNEL, .name = "later",
	.summary = "made for a contract to come", .create = create, .destroy = destroy,
	.ops.channel = &ops, .later = "later",
};

CSN_PLUGIN(channel_later, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&component), .later = "later");
