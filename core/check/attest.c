/* Verifiers: no evidence is never a pass, and neither is noise. */
#include "core/check/check.h"

#include <countersign/attest.h>

#include <stdio.h>

static const uint8_t noise[4096] = { 0xa5, 0x5a, 0xff, 0x00, 0x84 };
static const uint8_t zeros[64];

static const struct {
	const char      *what;
	struct csn_bytes value, challenge;
} cases[] = {
	{ "no evidence at all", { NULL, 0 }, { NULL, 0 } },
	{ "no evidence to a challenge", { NULL, 0 }, { noise, 32 } },
	{ "one byte", { noise, 1 }, { noise, 32 } },
	{ "noise", { noise, 64 }, { noise, 32 } },
	{ "noise without a challenge", { noise, 64 }, { NULL, 0 } },
	{ "the challenge itself", { noise, 32 }, { noise, 32 } },
	{ "zeros of a signature's length", { zeros, 64 }, { noise, 32 } },
	{ "zeros of a MAC's length", { zeros, 32 }, { zeros, 32 } },
	{ "four thousand bytes", { noise, sizeof noise }, { noise, 32 } },
};

struct question {
	const struct csn_evidence *evidence;
	struct csn_verdict        *verdict;
};

static int
start(void *self, struct csn_op *op, const void *arg)
{
	const struct question *q = arg;

	return bench.component->ops.attest->verify(self, op, q->evidence, q->verdict);
}

static struct csn_evidence *
evidence_of(size_t i, const char *type)
{
	struct csn_evidence *evidence = scratch(SLOT_EVIDENCE, sizeof *evidence);

	evidence->type         = type;
	evidence->value        = cases[i].value;
	evidence->challenge    = cases[i].challenge;
	evidence->device_class = "check";
	evidence->unix_s       = CSN_VIRTUAL_EPOCH;
	return evidence;
}

static void
check_case(size_t i, const char *type)
{
	const struct csn_attest_ops *ops = bench.component->ops.attest;
	struct csn_verdict          *verdict = scratch(SLOT_VERDICT, sizeof *verdict);
	const struct question        q = { evidence_of(i, type), verdict };
	struct trial                 t;

	check_doing("%s", cases[i].what);
	if (!trial_start(&t, "verify", bench.self, start, &q))
		return;
	trial_wait(&t);
	check_ok(verdict->judgement != CSN_ACCEPTED, "%s is never a pass", cases[i].what);
	check_ok(t.result != CSN_OK || verdict->judgement != CSN_UNDECIDED,
	         "%s: an answer of CSN_OK holds a judgement", cases[i].what);
	check_ok(t.result == CSN_OK || verdict->judgement == CSN_UNDECIDED,
	         "%s: an error leaves the verdict undecided", cases[i].what);
	check_ok(verdict->fact_count <= CSN_VERDICT_FACTS, "%s: no more facts than there is room",
	         cases[i].what);
	if (CSN_HAS(ops, appraise)) {
		enter("appraise");
		ops->appraise(bench.self, q.evidence, verdict);
		leave();
		check_ok(verdict->judgement != CSN_ACCEPTED, "%s: appraise does not raise it",
		         cases[i].what);
	}
	trial_end(&t);
}

/* What was never verified is undecided, and only a verification can change that. */
static void
check_appraise(const char *type)
{
	const struct csn_attest_ops *ops = bench.component->ops.attest;
	struct csn_verdict          *verdict = scratch(SLOT_VERDICT, sizeof *verdict);

	if (!CSN_HAS(ops, appraise))
		return;
	enter("appraise");
	ops->appraise(bench.self, evidence_of(0, type), verdict);
	leave();
	check_ok(verdict->judgement != CSN_ACCEPTED, "an undecided verdict is not raised");
}

void
check_attest(void)
{
	const char *type = bench.component->ops.attest->type(bench.self);

	if (!check_ok(type != NULL && type[0] != '\0', "the evidence type has a name"))
		return;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check_case(i, type);
	check_appraise(type);
}
