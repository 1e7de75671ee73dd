/* A verifier of a made-up evidence: the challenge, repeated, with its own tag before it. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/attest.h>

#include <stdlib.h>

#include <stdio.h>

/*
 * Replace echo() by a real check.  It shows freshness and nothing else: whoever hears
 * the challenge can repeat it, so no key and no fact comes out of it.
 */
struct instance {
	const struct csn_host *host;
};

static const char tag[4] = { 'E', 'C', 'H', 'O' };

static const char *
type(void *self)
{
	(void)self;
	return "@NAME@";
}

static int
echo(struct csn_bytes value, struct csn_bytes challenge)
{
	uint8_t differ = 0;

	if (challenge.len == 0 || value.len != sizeof tag + challenge.len ||
	    memcmp(value.ptr, tag, sizeof tag) != 0)
		return 0;
	for (size_t i = 0; i < challenge.len; i++)
		differ |= value.ptr[sizeof tag + i] ^ challenge.ptr[i];
	return differ == 0;
}

static int
verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
       struct csn_verdict *verdict)
{
	struct instance *me = self;

	if (echo(evidence->value, evidence->challenge)) {
		verdict->judgement = CSN_ACCEPTED;
		verdict->trust[CSN_TRUST_INSTANCE] = CSN_CODE_AFFIRMED;
	} else {
		verdict->judgement = CSN_REJECTED;
		verdict->trust[CSN_TRUST_INSTANCE] = CSN_CODE_FORGED;
		snprintf(verdict->reason, sizeof verdict->reason, "@NAME@.echo");
	}
	me->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	(void)self; /* verify ends its op before it returns */
	(void)op;
}

static const struct csn_attest_ops ops = {
	.size   = sizeof ops,
	.type   = type,
	.verify = verify,
	.cancel = cancel,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_ATTEST,
	.name    = "@NAME@",
	.summary = "accepts a repeated challenge",
	.create  = create,
	.destroy = destroy,
	.ops.attest = &ops,
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

CSN_PLUGIN(@KIND@_@NAME@, .abi_minor = 10, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
