/* What a policy says to the facts, as a whole and rule by rule. */
#include "core/policy/int.h"

#include <stdio.h>
#include <string.h>

static const struct rule *
first_when(const struct policy *policy, const struct facts *facts, enum rule_list list)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].list == list &&
		    rule_holds(&policy->rules[i], facts, true))
			return &policy->rules[i];
	return NULL;
}

/* The entry for the class of these facts; NULL: none, or no classes are told apart. */
static const struct class_rule *
class_of(const struct policy *policy, const struct facts *facts)
{
	const char *class = facts_get(facts, "identity.class");

	for (size_t i = 0; i < policy->class_count; i++)
		if (strcmp(policy->classes[i].name, "*") == 0 ||
		    (class != NULL && strcmp(policy->classes[i].name, class) == 0))
			return &policy->classes[i];
	return NULL;
}

static void
no(struct policy_answer *answer, const struct facts *facts, const char *rule,
   const char *fact, const char *wanted)
{
	const char *have = facts_get(facts, fact);

	answer->rule = rule;
	snprintf(answer->found, sizeof answer->found, "%s %s", fact,
		 have != NULL ? have : "(nobody reported it)");
	snprintf(answer->wanted, sizeof answer->wanted, "%s", wanted);
}

static bool
is_accepted(const struct facts *facts, const char *type)
{
	char name[48];

	snprintf(name, sizeof name, "evidence.%s", type);
	const char *have = facts_get(facts, name);
	return have != NULL && strcmp(have, "accepted") == 0;
}

static void
no_evidence(struct policy_answer *answer, const struct facts *facts, const char *rule,
	    const char *type, const char *kind)
{
	char fact[48], wanted[96];

	snprintf(fact, sizeof fact, "evidence.%s", type);
	snprintf(wanted, sizeof wanted, "evidence %s accepted (%s)", type, kind);
	no(answer, facts, rule, fact, wanted);
}

/* Composition: every one of all_of, one of any_of; never an average. */
static bool
evidence_suffices(const struct class_rule *class, const struct facts *facts,
		  struct policy_answer *answer)
{
	const struct types *all = &class->all_of, *any = &class->any_of;
	bool one = any->name[0][0] == '\0';

	for (size_t i = 0; all->name[i][0] != '\0'; i++)
		if (!is_accepted(facts, all->name[i])) {
			no_evidence(answer, facts, class->text, all->name[i], "all_of");
			return false;
		}
	for (size_t i = 0; any->name[i][0] != '\0'; i++)
		one = one || is_accepted(facts, any->name[i]);
	if (!one)
		no_evidence(answer, facts, class->text, any->name[0], "any_of");
	return one;
}

static bool
assurance_suffices(const struct class_rule *class, const struct facts *facts,
		   struct policy_answer *answer)
{
	const char *have = facts_get(facts, "assurance");
	int64_t level = 0;
	char wanted[48];

	if (have != NULL && !policy_number(have, &level))
		level = 0;
	if (level >= (int64_t)class->assurance)
		return true;
	snprintf(wanted, sizeof wanted, "assurance %u (%s)", class->assurance,
		 policy_assurance_name(class->assurance));
	no(answer, facts, class->text, "assurance", wanted);
	return false;
}

/* What a station asks of devices of this class. */
static bool
class_suffices(const struct policy *policy, const struct facts *facts,
	       struct policy_answer *answer)
{
	const struct class_rule *class = class_of(policy, facts);
	const char *side = facts_get(facts, "side"), *pin = facts_get(facts, "pin");

	if (policy->class_count == 0 || side == NULL || strcmp(side, "station") != 0)
		return true;
	if (class == NULL) {
		no(answer, facts, "classes", "identity.class", "a class the policy names");
		return false;
	}
	if (!evidence_suffices(class, facts, answer) ||
	    !assurance_suffices(class, facts, answer))
		return false;
	if (class->pin && (pin == NULL || strcmp(pin, "yes") != 0)) {
		no(answer, facts, class->text, "pin", "a PIN");
		return false;
	}
	answer->two_person = class->two_person;
	answer->compare = class->compare;
	return true;
}

void
policy_judge(const struct policy *policy, const struct facts *facts,
	     struct policy_answer *ret_answer)
{
	struct policy_answer answer = { .allowed = false };
	const struct rule *rule;
	const char *tier = facts_get(facts, "tier"), *pin = facts_get(facts, "pin");
	size_t required = 0;

	*ret_answer = answer;
	for (size_t i = 0; i < policy->count; i++) {
		rule = &policy->rules[i];
		if (rule->list != REQUIRE)
			continue;
		required++;
		if (!rule_holds(rule, facts, false)) {
			no(ret_answer, facts, rule->text, rule->fact,
			   rule->text + strlen(policy_list_names[REQUIRE]) + 2);
			return;
		}
	}
	if (tier != NULL && strcmp(tier, "basic") == 0 && !policy->basic_tier) {
		no(ret_answer, facts, "basic_tier = false", "tier",
		   "a device with a key of its own, or basic_tier = true");
		return;
	}
	if (!class_suffices(policy, facts, ret_answer))
		return;
	answer.two_person = ret_answer->two_person;
	answer.compare = ret_answer->compare;
	*ret_answer = (struct policy_answer){ .allowed = false };
	rule = first_when(policy, facts, PIN_WHEN);
	if (rule != NULL && (pin == NULL || strcmp(pin, "yes") != 0)) {
		no(ret_answer, facts, rule->text, "pin", "a PIN");
		return;
	}
	answer.two_person = answer.two_person ||
			    first_when(policy, facts, TWO_PERSON_WHEN) != NULL;
	answer.compare = answer.compare || first_when(policy, facts, COMPARE_WHEN) != NULL;
	answer.allowed = required > 0;
	*ret_answer = answer;
}

/* ---- one rule by itself --------------------------------------------------------- */

static void
row_of_rule(const struct rule *rule, const struct facts *facts, struct policy_row *row)
{
	const char *have = facts_get(facts, rule->fact);
	bool holds = rule_holds(rule, facts, rule->list != REQUIRE);
	struct policy_answer answer;

	no(&answer, facts, rule->text, rule->fact,
	   rule->text + strlen(policy_list_names[rule->list]) + 2);
	memcpy(row->found, answer.found, sizeof row->found);
	memcpy(row->wanted, answer.wanted, sizeof row->wanted);
	if (rule->list != REQUIRE)
		row->state = holds ? POLICY_ASKS : POLICY_ASIDE;
	else if (have == NULL)
		row->state = POLICY_UNKNOWN;
	else
		row->state = holds ? POLICY_YES : POLICY_NO;
}

static void
row_of_class(const struct policy *policy, const struct class_rule *class,
	     const struct facts *facts, struct policy_row *row)
{
	struct policy_answer answer = { .allowed = false };

	if (class_of(policy, facts) != class) {
		row->state = POLICY_ASIDE;
		return;
	}
	bool good = evidence_suffices(class, facts, &answer) &&
		    assurance_suffices(class, facts, &answer);
	memcpy(row->found, answer.found, sizeof row->found);
	memcpy(row->wanted, answer.wanted, sizeof row->wanted);
	bool asks = class->pin || class->two_person || class->compare;
	row->state = !good ? POLICY_NO : asks ? POLICY_ASKS : POLICY_YES;
}

bool
policy_row(const struct policy *policy, size_t i, const struct facts *facts,
	   struct policy_row *ret_row)
{
	struct policy_row row = { .rule = policy_rule(policy, i) };

	if (row.rule == NULL)
		return false;
	if (i < policy->count)
		row_of_rule(&policy->rules[i], facts, &row);
	else
		row_of_class(policy, &policy->classes[i - policy->count], facts, &row);
	*ret_row = row;
	return true;
}
