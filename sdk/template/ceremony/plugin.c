/* A ceremony that refuses every session: the place to begin. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/ceremony.h>

#include <stdlib.h>

/* Every event a ceremony meets is in step(); this one says no at the first. */
struct instance {
	const struct csn_host *host;
};

struct run {
	struct csn_session *session;
	int                 ended;
};

static int
begin(void *self, struct csn_session *session, const struct csn_begin *begin, void **ret_run,
      struct csn_error *err)
{
	const struct instance *me = self;

	if (begin->side != CSN_SIDE_STATION && begin->side != CSN_SIDE_DEVICE)
		return me->host->fail(err, CSN_E_INVALID, "side %u is unknown",
		                      (unsigned)begin->side);
	struct run *run = calloc(1, sizeof *run);
	if (run == NULL)
		return me->host->fail(err, CSN_E_NOMEM, "no memory for a session");
	run->session = session;
	*ret_run     = run;
	return CSN_OK;
}

static int
step(void *self, const struct csn_event *event)
{
	struct run *run = self;

	(void)event;
	if (run->ended)
		return CSN_E_INVALID;
	run->ended = 1;
	run->session->ops->finish(run->session, CSN_OUTCOME_REFUSED, 0,
	                          "@NAME@ enrols nobody yet");
	return CSN_OK;
}

static void
end(void *self)
{
	struct run *run = self;

	if (run == NULL)
		return;
	csn_wipe(run, sizeof *run);
	free(run);
}

static const struct csn_ceremony_ops ops = {
	.size  = sizeof ops,
	.begin = begin,
	.step  = step,
	.end   = end,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_CEREMONY,
	.name    = "@NAME@",
	.summary = "refuses every session",
	.create  = create,
	.destroy = destroy,
	.ops.ceremony = &ops,
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
