/*
 * Stages, whom policy wants asked, and the one gate.  A decision is told, and the gate
 * opens, after its entry is durable and not before.
 */
#include "core/session/int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERSON_MS 120000u

/* ---- decide ----------------------------------------------------------------- */

/* What entering a stage means to the person who watches. */
static const char *const told[] = {
	[CSN_STAGE_SEEN] = "a device is there",
	[CSN_STAGE_BOOTSTRAPPED] = "what it says of itself was read",
	[CSN_STAGE_KEYED] = "its key is known",
	[CSN_STAGE_OOB_CONFIRMED] = "both channels agree",
	[CSN_STAGE_AUTHENTICATED] = "it is who it says",
	[CSN_STAGE_ATTESTED] = "its evidence was judged",
	[CSN_STAGE_AUTHORISED] = "policy allows it",
	[CSN_STAGE_DELIVERED] = "the configuration went over",
	[CSN_STAGE_ACKED] = "its answer came home",
	[CSN_STAGE_ENROLLED] = "done",
};

static void
stage_story(struct session *s, uint32_t stage, bool yes)
{
	char text[320];

	if (yes)
		snprintf(text, sizeof text, "%s", told[stage]);
	else
		snprintf(text, sizeof text, "not %s: found %s, wanted %s",
			 audit_stage_name(stage),
			 s->answer.found[0] != '\0' ? s->answer.found
						    : "nobody who agrees",
			 s->answer.wanted[0] != '\0' ? s->answer.wanted : "somebody");
	session_story(s, yes ? stage : 0, text);
}

static void
decided(struct call *call, int result, struct csn_buf *buf)
{
	struct session *s = call->s;

	(void)buf;
	s->deciding = false;
	if (result < 0) { /* without a record there is no yes and no no        */
		s->store_broken = true;
		session_answer(call, session_store_failed(result) ? result : CSN_E_INTERNAL,
			       NULL);
		return;
	}
	if (call->yes) {
		s->stage = call->stage;
		s->authorised = s->authorised || call->stage == CSN_STAGE_AUTHORISED;
	}
	stage_story(s, call->stage, call->yes);
	session_answer(call, call->yes ? CSN_OK : CSN_E_REFUSED, NULL);
}

/*
 * A refused device waits for a person.  Policy judges after the evidence: whoever only
 * names another's device never comes this far.  Without an id there is nothing to block.
 */
static int
store_quarantine(struct call *call, const struct audit_entry *entry)
{
	const struct csn_store_item item = {
		.kind = CSN_ITEM_PUT,
		.space = "quarantine",
		.key = { entry->field[AUDIT_DID], 16 },
		.value = { (const uint8_t *)entry->reason, strlen(entry->reason) },
	};

	return session_store(call, &item, entry->has[AUDIT_DID] ? 1 : 0, entry);
}

static int
record_decision(struct call *call, bool yes, const char *reason)
{
	struct audit_entry entry;
	int r = session_entry(call->s, AUDIT_DECIDE, &entry);

	if (r < 0)
		return r;
	call->yes = yes;
	call->then = decided;
	entry.yes = yes;
	entry.stage = call->stage;
	snprintf(entry.reason, sizeof entry.reason, "%s", reason);
	if (!yes)
		snprintf(call->s->reason, sizeof call->s->reason, "%s", reason);
	if (!yes && strcmp(reason, "policy") == 0 &&
	    policy_quarantines(call->s->parts.policy))
		return store_quarantine(call, &entry);
	return session_store(call, NULL, 0, &entry);
}

static int ask_people(struct call *call);

/* @result is a person's answer; yes goes on to the next one. */
static void
person_said(struct call *call, int result, bool *wanted, const char *reason)
{
	*wanted = false;
	int r = result == CSN_OK ? ask_people(call) : record_decision(call, false, reason);

	if (r < 0)
		decided(call, r, NULL);
}

static void
second_person(struct call *call, int result, struct csn_buf *buf)
{
	(void)buf;
	person_said(call, result, &call->s->answer.two_person, "two-person");
}

static void
compared(struct call *call, int result, struct csn_buf *buf)
{
	(void)buf;
	if (result == CSN_OK)
		result = facts_set(&call->s->facts, "human.compared", "yes");
	if (result == CSN_OK)
		call->s->answer.found[0] = call->s->answer.wanted[0] = '\0';
	person_said(call, result, &call->s->answer.compare, "compare");
}

static int
ask_person(struct call *call, const struct csn_prompt *prompt, const char *reason)
{
	const struct session_parts *parts = &call->s->parts;

	if (!session_may_ask(call->s))
		return record_decision(call, false, reason);
	struct csn_op *op = session_op(call, "prompt: policy", PERSON_MS,
				       parts->prompt->cancel, parts->prompt_self);
	if (op == NULL)
		return CSN_E_NOMEM;
	int r = session_op_started(call,
				   parts->prompt->ask(parts->prompt_self, op, prompt));
	return r < 0 ? record_decision(call, false, reason) : CSN_OK;
}

/*
 * The head of the device's id, as the device itself shows it: its key has answered, but
 * only eyes tell that it is the one in hand that did.
 */
static int
ask_comparison(struct call *call)
{
	struct policy_answer *answer = &call->s->answer;
	const char *did = facts_get(&call->s->facts, "identity.did");
	char code[sizeof "0123 4567 89ab"];
	const struct csn_prompt prompt = {
		.size = sizeof prompt,
		.question = CSN_ASK_COMPARE,
		.text = "Does the device in front of you show this code?",
		.code = code,
	};

	snprintf(answer->found, sizeof answer->found, "nobody who saw its code on it");
	if (did == NULL || strlen(did) < 12)
		return record_decision(call, false, "compare");
	snprintf(code, sizeof code, "%.4s %.4s %.4s", did, did + 4, did + 8);
	snprintf(answer->wanted, sizeof answer->wanted, "%s", code);
	call->then = compared;
	return ask_person(call, &prompt, "compare");
}

static int
ask_second_person(struct call *call)
{
	const struct csn_prompt prompt = {
		.size = sizeof prompt,
		.question = CSN_ASK_CONFIRM,
		.text = "Policy wants a second person: do you, who did not start this, "
			"agree?",
	};

	call->then = second_person;
	return ask_person(call, &prompt, "two-person");
}

/* Those whom policy wants asked, in turn; when nobody is left it is a yes. */
static int
ask_people(struct call *call)
{
	const struct policy_answer *answer = &call->s->answer;

	if (answer->compare)
		return ask_comparison(call);
	return answer->two_person ? ask_second_person(call) : record_decision(call, true, "");
}

/* Every stage between the last one and @stage must be declared as left out. */
static bool
in_order(const struct session *s, uint32_t stage)
{
	uint32_t left_out = s->parts.ceremony->stages_left_out;

	if (stage <= s->stage || stage > CSN_STAGE_ENROLLED ||
	    (left_out & (1u << stage)) != 0)
		return false;
	for (uint32_t between = s->stage + 1; between < stage; between++)
		if ((left_out & (1u << between)) == 0)
			return false;
	return true;
}

/* Policy has its say at one stage; the others are put on record as they come. */
static int
judge(struct call *call)
{
	struct session *s = call->s;

	if (call->stage != CSN_STAGE_AUTHORISED)
		return record_decision(call, true, "");
	policy_judge(s->parts.policy, &s->facts, &s->answer);
	if (!s->answer.allowed)
		return record_decision(call, false, "policy");
	return ask_people(call);
}

int
session_decide(struct csn_session *pub, uint32_t id, uint32_t stage)
{
	struct session *s = (struct session *)pub;

	if (s->closing || id == 0)
		return CSN_E_INVALID;
	if (s->store_broken)
		return CSN_E_IO;
	if (s->deciding || !in_order(s, stage)) {
		session_fail(s, "order", "the ceremony asked for %s after %s",
			     audit_stage_name(stage), audit_stage_name(s->stage));
		return CSN_E_INVALID;
	}
	struct call *call = session_call_new(s, id, CSN_EVENT_DECIDED);
	if (call == NULL)
		return CSN_E_INVALID;
	call->stage = stage;
	s->deciding = true;
	int r = session_limit(s);
	if (r == CSN_OK)
		r = judge(call);
	if (r < 0) {
		s->deciding = false;
		s->store_broken = true;
		session_call_drop(s, call);
	}
	return r;
}

/* The gate.  Nothing else in the core hands out a payload. */
int
session_payload(struct csn_session *pub, uint32_t id)
{
	struct session *s = (struct session *)pub;

	if (s->closing || id == 0)
		return CSN_E_INVALID;
	if (!s->authorised || s->store_broken)
		return CSN_E_REFUSED;
	if (s->payload == NULL)
		return CSN_E_MISSING;
	struct call *call = session_call_new(s, id, CSN_EVENT_PAYLOAD);
	if (call == NULL)
		return CSN_E_INVALID;
	session_answer(call, CSN_OK, s->payload);
	return CSN_OK;
}

/* ---- the end ---------------------------------------------------------------- */

/* What the record does not bear out is not claimed. */
static uint32_t
earned(const struct session *s, uint32_t outcome)
{
	uint32_t less = s->effects ? CSN_OUTCOME_UNKNOWN : CSN_OUTCOME_REFUSED;

	switch (outcome) {
	case CSN_OUTCOME_ENROLLED:
		return s->stage == CSN_STAGE_ENROLLED ? outcome : less;
	case CSN_OUTCOME_OFFERED:
		return s->stage >= CSN_STAGE_DELIVERED ? outcome : less;
	case CSN_OUTCOME_REFUSED:
	case CSN_OUTCOME_UNKNOWN:
		return outcome;
	default:
		return less;
	}
}

void
session_finish(struct csn_session *pub, uint32_t outcome, uint32_t code,
	       const char *text)
{
	struct session *s = (struct session *)pub;
	const char *reason = s->reason[0] != '\0' ? s->reason : "ceremony";
	char kept[sizeof s->reason];

	if (s->closing)
		return;
	/*
	 * Something left already and its record failed: nobody knows what came of it.
	 */
	if (outcome == CSN_OUTCOME_REFUSED && s->effects && s->store_broken)
		outcome = CSN_OUTCOME_UNKNOWN;
	uint32_t got = earned(s, outcome);
	if (got != outcome) {
		session_fail(s, "order", "the ceremony ended %s after %s",
			     audit_outcome_name(outcome), audit_stage_name(s->stage));
		return;
	}
	if (s->store_broken)
		reason = "store";
	snprintf(kept, sizeof kept, "%s",
		 got == CSN_OUTCOME_ENROLLED || got == CSN_OUTCOME_OFFERED ? ""
									   : reason);
	session_close(s, got, code, kept, text);
}
