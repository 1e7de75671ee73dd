/* One verifier that rejects everything; each file beside it lets one thing pass. */
#ifndef CSN_TESTS_MODULES_WRONG_ATTEST_H
#define CSN_TESTS_MODULES_WRONG_ATTEST_H

#include <countersign/attest.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdlib.h>

#ifndef JUDGE
#define JUDGE(evidence) CSN_REJECTED
#endif
#ifndef APPRAISE
#define APPRAISE(judgement) (judgement)
#endif
#ifndef RESULT
#define RESULT CSN_OK
#endif

static const char *
type(void *self)
{
	(void)self;
	return "wrong";
}

static int
verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
       struct csn_verdict *verdict)
{
	const struct csn_host *host = *(const struct csn_host **)self;

	(void)evidence;
	verdict->judgement = JUDGE(evidence);
	host->op_done(op, RESULT, NULL);
	return CSN_OK;
}

static int
appraise(void *self, const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	(void)self;
	(void)evidence;
	verdict->judgement = APPRAISE(verdict->judgement);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	const struct csn_host **me = malloc(sizeof *me);

	(void)config;
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	*me       = host;
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	free(self);
}

static const struct csn_attest_ops ops = {
	.size = sizeof ops, .type = type, .verify = verify, .appraise = appraise, .cancel = cancel,
};

static const struct csn_component component = {
	.size = sizeof component, .kind = CSN_KIND_ATTEST, .name = "wrong",
	.summary = "lets one thing pass", .create = create, .destroy = destroy, .ops.attest = &ops,
};

CSN_PLUGIN(attest_wrong, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&component));

#endif
