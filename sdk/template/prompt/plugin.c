/* A prompt with nobody behind it: it tells the log and answers no question. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/prompt.h>

#include <stdlib.h>

struct instance {
	const struct csn_host *host;
};

static int
ask(void *self, struct csn_op *op, const struct csn_prompt *prompt)
{
	const struct instance *me = self;

	if (prompt->question != CSN_TELL)
		return me->host->fail(me->host->op_error(op), CSN_E_MISSING,
		                      "nobody is there to answer");
	me->host->log(me->host, CSN_LOG_INFO, "%s%s%s", prompt->text,
	              prompt->code != NULL ? " " : "", prompt->code != NULL ? prompt->code : "");
	me->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	(void)self; /* no op stays pending */
	(void)op;
}

static const struct csn_prompt_ops ops = {
	.size   = sizeof ops,
	.ask    = ask,
	.cancel = cancel,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_PROMPT,
	.name    = "@NAME@",
	.summary = "tells the log and answers nothing",
	.create  = create,
	.destroy = destroy,
	.ops.prompt = &ops,
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
