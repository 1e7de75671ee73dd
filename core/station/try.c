/*
 * Evidence and policy tried out: a session of its own kind that verifies and decides
 * nothing.  Its store forgets and it has no keys and no person, so nothing leaves it.
 */
#include "core/session/int.h"
#include "core/station/int.h"

#include <stdio.h>

#define TRY_S 60u

struct trial {
	const struct csn_station_try *ask;
	struct session *session; /* as the ceremony sees it                   */
	const struct policy *policy;
	size_t at; /* evidence being judged                                    */
	bool accepted, rules_hold, ended;
	char text[256];
};

/* ---- a store that forgets -------------------------------------------------------- */

static int
forget(void *self, struct csn_op *op, const struct csn_store_item *items, size_t count)
{
	(void)self;
	(void)items;
	(void)count;
	csn_op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
get_nothing(void *self, struct csn_op *op, const char *space, struct csn_bytes key)
{
	(void)self;
	(void)space;
	(void)key;
	csn_op_done(op, CSN_E_MISSING, NULL);
	return CSN_OK;
}

static void
cancel_nothing(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

static const struct csn_store_ops forgetful = { .size = sizeof forgetful,
						.commit = forget,
						.get = get_nothing,
						.cancel = cancel_nothing };

/* ---- the ceremony ----------------------------------------------------------------- */

static int
trial_begin(void *self, struct csn_session *session, const struct csn_begin *begin,
	    void **ret_run, struct csn_error *err)
{
	struct trial *trial = self;

	(void)begin;
	(void)err;
	trial->session = (struct session *)session;
	*ret_run = trial;
	return CSN_OK;
}

static void
tell_rules(struct trial *trial)
{
	static const char *const states[] = { [POLICY_NO] = "no",
					      [POLICY_YES] = "yes",
					      [POLICY_UNKNOWN] = "unknown",
					      [POLICY_ASKS] = "asks",
					      [POLICY_ASIDE] = "aside" };
	const struct facts *facts = &trial->session->facts;
	struct policy_row row;

	for (size_t i = 0; trial->ask->fact != NULL && i < facts->count; i++)
		trial->ask->fact(trial->ask->arg, facts->rows[i].name, facts->rows[i].value);
	trial->rules_hold = true;
	for (size_t i = 0; policy_row(trial->policy, i, facts, &row); i++) {
		const struct csn_station_rule told = { row.rule, states[row.state],
						       row.found, row.wanted };

		trial->rules_hold = trial->rules_hold && row.state != POLICY_NO;
		trial->ask->rule(trial->ask->arg, &told);
	}
}

/* The next piece of evidence, or the end. */
static int
go_on(struct trial *trial)
{
	const struct csn_session_ops *ops = trial->session->pub.ops;
	struct csn_session *pub = &trial->session->pub;

	while (trial->at < trial->ask->count) {
		int r = ops->verify(pub, 1, &trial->ask->evidence[trial->at]);

		if (r == CSN_OK)
			return CSN_OK;
		trial->accepted = false;
		trial->ask->judged(trial->ask->arg, trial->at++, r, NULL);
	}
	if (trial->ask->device_class != NULL)
		ops->fact(pub, "identity.class", trial->ask->device_class);
	tell_rules(trial);
	ops->finish(pub, CSN_OUTCOME_REFUSED, 0, "tried");
	return CSN_OK;
}

static int
trial_step(void *run, const struct csn_event *event)
{
	struct trial *trial = run;

	if (event->type == CSN_EVENT_STOP) {
		trial->session->pub.ops->finish(&trial->session->pub, CSN_OUTCOME_REFUSED, 0,
						"stopped");
		return CSN_OK;
	}
	if (event->type == CSN_EVENT_VERDICT) {
		trial->accepted = trial->accepted && event->result == CSN_OK &&
				  event->verdict->judgement == CSN_ACCEPTED;
		trial->ask->judged(trial->ask->arg, trial->at++, event->result,
				   event->verdict);
	}
	return go_on(trial);
}

static void
trial_end(void *run)
{
	((struct trial *)run)->session = NULL;
}

static const struct csn_ceremony_ops trial_ops = { .size = sizeof trial_ops,
						   .begin = trial_begin,
						   .step = trial_step,
						   .end = trial_end };

static void
on_end(void *arg, const struct session_end *end)
{
	struct trial *trial = arg;

	trial->ended = true;
	snprintf(trial->text, sizeof trial->text, "%s", end->text);
}

/* ---- the call --------------------------------------------------------------------- */

int
csn_station_try(struct csn_station *st, const struct csn_station_try *ask, bool *ret_yes,
		struct csn_error *err)
{
	struct trial trial = { .ask = ask,
			       .policy = st->policy,
			       .accepted = ask->count > 0 };
	struct session_parts parts = st->parts;
	struct csn_begin begin = { .size = sizeof begin, .side = st->side, .pin = ask->pin };
	struct session_calls calls = { NULL, on_end, &trial };
	struct session *session = NULL;

	parts.ceremony = &trial_ops;
	parts.ceremony_self = &trial;
	parts.store = &forgetful;
	parts.store_self = NULL;
	parts.keys = NULL;
	parts.prompt = NULL;
	parts.result_key = NULL;
	parts.judge_unix_s = ask->unix_s;
	int r = session_new(&parts, &begin, &calls, &session, err);
	if (r < 0)
		return r;
	uint64_t until = csn_loop_now(st->loop) + TRY_S * CSN_SECOND;
	while (!trial.ended && csn_loop_now(st->loop) < until)
		csn_loop_run_until(st->loop, csn_loop_now(st->loop) + CSN_MS);
	session_free(session);
	if (!trial.ended)
		return csn_fail(err, CSN_E_TIMEOUT, "the verifiers did not answer in %u s",
				TRY_S);
	*ret_yes = trial.accepted && trial.rules_hold;
	return CSN_OK;
}

const char *
csn_station_policy(const struct csn_station *st, size_t i)
{
	return policy_rule(st->policy, i);
}
