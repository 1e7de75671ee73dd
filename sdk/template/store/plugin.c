/* A store of nothing: it refuses to keep what it cannot make durable. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/store.h>

#include <stdlib.h>

/* Acknowledge a commit only once the bytes are on the disk. */
struct instance {
	const struct csn_host *host;
};

static int
no_disk(const struct instance *me, struct csn_op *op)
{
	return me->host->fail(me->host->op_error(op), CSN_E_IO,
	                      "store @NAME@ has no disk: nothing was kept");
}

static int
commit(void *self, struct csn_op *op, const struct csn_store_item *items, size_t count)
{
	const struct instance *me = self;

	(void)items;
	if (count > 0)
		return no_disk(me, op);
	me->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
missing(const struct instance *me, struct csn_op *op)
{
	return me->host->fail(me->host->op_error(op), CSN_E_MISSING, "nothing is kept here");
}

static int
get(void *self, struct csn_op *op, const char *space, struct csn_bytes key)
{
	(void)space;
	(void)key;
	return missing(self, op);
}

static int
next(void *self, struct csn_op *op, const char *space, struct csn_bytes after)
{
	(void)space;
	(void)after;
	return missing(self, op);
}

static int
entry(void *self, struct csn_op *op, uint64_t index)
{
	(void)index;
	return missing(self, op);
}

static int
count_entries(void *self, struct csn_op *op)
{
	static const uint8_t   zero[8];
	const struct instance *me  = self;
	struct csn_buf        *buf = me->host->buf_new(zero, sizeof zero, 0);

	if (buf == NULL)
		return me->host->fail(me->host->op_error(op), CSN_E_NOMEM, "no memory");
	me->host->op_done(op, CSN_OK, buf);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	(void)self; /* no op stays pending */
	(void)op;
}

static const struct csn_store_ops ops = {
	.size   = sizeof ops,
	.commit = commit,
	.get    = get,
	.next   = next,
	.entry  = entry,
	.count  = count_entries,
	.cancel = cancel,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_STORE,
	.name    = "@NAME@",
	.summary = "keeps nothing and says so",
	.create  = create,
	.destroy = destroy,
	.ops.store = &ops,
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
	free(me);
}

CSN_PLUGIN(@KIND@_@NAME@, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
