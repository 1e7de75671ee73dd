#include "core/policy.h"

#include "lib/dcbor.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 64
#define RULE_MAX  160

/* ---- facts ------------------------------------------------------------------ */

static bool
printable(const char *text, size_t room, size_t least)
{
	size_t len = strnlen(text, room);

	if (len < least || len == room)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

static struct csn_fact *
fact_row(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->count; i++)
		if (strcmp(facts->rows[i].name, name) == 0)
			return (struct csn_fact *)&facts->rows[i];
	return NULL;
}

int
facts_set(struct facts *facts, const char *name, const char *value)
{
	struct csn_fact row = { .name = "" };

	if (name == NULL || value == NULL || !printable(name, sizeof row.name, 1) ||
	    !printable(value, sizeof row.value, 0))
		return CSN_E_INVALID;
	struct csn_fact *at = fact_row(facts, name);
	if (at == NULL) {
		if (facts->count == POLICY_FACTS_MAX)
			return CSN_E_TOO_BIG;
		at = &facts->rows[facts->count++];
	}
	memcpy(row.name, name, strlen(name));
	memcpy(row.value, value, strlen(value));
	*at = row;
	return CSN_OK;
}

const char *
facts_get(const struct facts *facts, const char *name)
{
	const struct csn_fact *row = fact_row(facts, name);

	return row != NULL ? row->value : NULL;
}

/* Is @word one of the members of the comma list @list? */
static bool
list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (len > 0 && strncmp(at, word, len) == 0 &&
		    (at[len] == ',' || at[len] == '\0'))
			return true;
		if (*at == '\0')
			break;
	}
	return false;
}

int
facts_add(struct facts *facts, const char *name, const char *word)
{
	const char *held = facts_get(facts, name);
	char text[sizeof facts->rows[0].value];

	if (held == NULL || held[0] == '\0')
		return facts_set(facts, name, word);
	if (list_has(held, word))
		return CSN_OK;
	if (snprintf(text, sizeof text, "%s,%s", held, word) >= (int)sizeof text)
		return CSN_E_TOO_BIG;
	return facts_set(facts, name, text);
}

static int
by_name(const void *a, const void *b)
{
	const struct csn_fact *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int
facts_hash(const struct facts *facts, uint8_t ret_hash[32])
{
	struct facts *sorted = malloc(sizeof *sorted);
	size_t room = 16 + sizeof facts->rows;
	uint8_t *bytes = malloc(room);
	struct csn_dcbor_out out;
	struct csn_bytes done = { NULL, 0 };
	int r = CSN_E_NOMEM;

	if (sorted == NULL || bytes == NULL)
		goto end;
	*sorted = *facts;
	qsort(sorted->rows, sorted->count, sizeof *sorted->rows, by_name);
	csn_dcbor_out_init(&out, bytes, room);
	csn_dcbor_put_array(&out, 2 * sorted->count);
	for (size_t i = 0; i < sorted->count; i++) {
		csn_dcbor_put_text(&out, sorted->rows[i].name);
		csn_dcbor_put_text(&out, sorted->rows[i].value);
	}
	r = csn_dcbor_out_end(&out, &done);
	if (r == CSN_OK &&
	    EVP_Digest(done.ptr, done.len, ret_hash, NULL, EVP_sha256(), NULL) != 1)
		r = CSN_E_INTERNAL;
end:
	free(sorted);
	free(bytes);
	return r;
}

/* ---- rules ------------------------------------------------------------------ */

enum compare { NUMBER, TEXT };

/* Each says whether the fact's value holds against the rule's; both are known. */
static bool
holds_eq(const char *have, const char *want)
{
	return strcmp(have, want) == 0;
}

static bool
holds_ne(const char *have, const char *want)
{
	return strcmp(have, want) != 0;
}

static bool
holds_has(const char *have, const char *want)
{
	return list_has(have, want);
}

static bool
holds_in(const char *have, const char *want)
{
	return list_has(want, have);
}

static bool
holds_exists(const char *have, const char *want)
{
	(void)want;
	return have[0] != '\0';
}

/* A whole decimal number of at most 18 digits, or nothing. */
static bool
number(const char *text, int64_t *ret_value)
{
	size_t digits = strspn(text, "0123456789");
	int64_t value = 0;

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	*ret_value = value;
	return true;
}

#define HOLDS_NUMBER(name, op)                                                         \
	static bool name(const char *have, const char *want)                           \
	{                                                                              \
		int64_t a, b;                                                          \
		return number(have, &a) && number(want, &b) && a op b;                 \
	}
HOLDS_NUMBER(holds_lt, <)
HOLDS_NUMBER(holds_le, <=)
HOLDS_NUMBER(holds_gt, >)
HOLDS_NUMBER(holds_ge, >=)

static const struct rule_op {
	const char *text;
	bool (*holds)(const char *have, const char *want);
	enum compare compare;
	bool unary;
} rule_ops[] = {
	{ "==", holds_eq, TEXT, false },        { "!=", holds_ne, TEXT, false },
	{ "<=", holds_le, NUMBER, false },      { ">=", holds_ge, NUMBER, false },
	{ "<", holds_lt, NUMBER, false },       { ">", holds_gt, NUMBER, false },
	{ "has", holds_has, TEXT, false },      { "in", holds_in, TEXT, false },
	{ "exists", holds_exists, TEXT, true },
};

enum rule_list { REQUIRE, PIN_WHEN, TWO_PERSON_WHEN, RULE_LISTS };

static const char *const list_names[RULE_LISTS] = { "require", "pin_when",
						    "two_person_when" };
static const char *const members[] = { "require", "pin_when", "two_person_when",
				       "basic_tier", NULL };

/* What holds when the configuration says nothing: two media, a named device. */
static const char *const strict[] = { "oob.channels >= 2", "identity.did exists" };

struct rule {
	enum rule_list list;
	const struct rule_op *op;
	char fact[32], value[96];
	char text[RULE_MAX]; /* "require: oob.channels >= 2" */
};

struct policy {
	bool basic_tier;
	size_t count;
	struct rule rules[RULES_MAX];
};

static const struct rule_op *
op_of(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof rule_ops / sizeof *rule_ops; i++)
		if (strlen(rule_ops[i].text) == len &&
		    strncmp(rule_ops[i].text, word, len) == 0)
			return &rule_ops[i];
	return NULL;
}

/* "FACT OP VALUE" with blanks between; the value is the rest of the line. */
static const char *
rule_parse(const char *text, struct rule *rule)
{
	size_t len = strcspn(text, " ");
	int64_t n;

	if (len == 0 || len >= sizeof rule->fact)
		return "wanted FACT OP VALUE, as in \"oob.channels >= 2\"";
	memcpy(rule->fact, text, len);
	text += len;
	text += strspn(text, " ");
	len = strcspn(text, " ");
	rule->op = op_of(text, len);
	if (rule->op == NULL)
		return "unknown operator; known are == != < <= > >= has in exists";
	text += len;
	text += strspn(text, " ");
	if (rule->op->unary)
		return *text == '\0' ? NULL : "nothing may follow exists";
	if (!printable(text, sizeof rule->value, 1))
		return "a value of 1 to 95 plain characters is wanted";
	if (rule->op->compare == NUMBER && !number(text, &n))
		return "this operator wants a whole number";
	memcpy(rule->value, text, strlen(text));
	return NULL;
}

static const char *
rule_add(struct policy *policy, enum rule_list list, const char *text)
{
	struct rule rule = { .list = list };

	if (policy->count == RULES_MAX)
		return "over 64 rules";
	if (snprintf(rule.text, sizeof rule.text, "%s: %s", list_names[list], text) >=
	    (int)sizeof rule.text)
		return "a rule of at most 140 characters is wanted";
	const char *wrong = rule_parse(text, &rule);
	if (wrong == NULL)
		policy->rules[policy->count++] = rule;
	return wrong;
}

static int
read_lists(struct policy *policy, const struct csn_config *config,
	   struct csn_error *err)
{
	int r = CSN_OK;

	for (enum rule_list list = REQUIRE; list < RULE_LISTS; list++) {
		size_t count = csn_config_text_count(config, list_names[list]);

		for (size_t i = 0; i < count; i++) {
			const char *text =
				csn_config_text_at(config, list_names[list], i);
			const char *wrong =
				rule_add(policy, list, text != NULL ? text : "");

			if (wrong == NULL)
				continue;
			csn_config_note(config, list_names[list], "rule \"%.80s\": %s",
					text != NULL ? text : "", wrong);
			if (r == CSN_OK)
				r = csn_fail(err, CSN_E_CONFIG,
					     "policy rule \"%.80s\": %s",
					     text != NULL ? text : "", wrong);
		}
	}
	return r;
}

int
policy_new(const struct csn_config *config, struct policy **ret_policy,
	   struct csn_error *err)
{
	struct policy *policy = calloc(1, sizeof *policy);
	int r = CSN_OK;

	if (policy == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for the policy");
	if (config != NULL) {
		csn_config_only(config, "policy", members);
		policy->basic_tier = csn_config_bool(config, "basic_tier", 0) == 1;
		r = read_lists(policy, config, err);
	}
	/* A policy that requires nothing would let everything through. */
	bool own = false;
	for (size_t i = 0; i < policy->count; i++)
		own = own || policy->rules[i].list == REQUIRE;
	for (size_t i = 0; !own && i < sizeof strict / sizeof *strict; i++)
		rule_add(policy, REQUIRE, strict[i]);
	if (r < 0) {
		free(policy);
		return r;
	}
	*ret_policy = policy;
	return CSN_OK;
}

void
policy_free(struct policy *policy)
{
	free(policy);
}

const char *
policy_rule(const struct policy *policy, size_t i)
{
	return i < policy->count ? policy->rules[i].text : NULL;
}

/* ---- judging ---------------------------------------------------------------- */

static bool
rule_holds(const struct rule *rule, const struct facts *facts, bool unknown)
{
	const char *have = facts_get(facts, rule->fact);

	return have == NULL ? unknown : rule->op->holds(have, rule->value);
}

static const struct rule *
first_when(const struct policy *policy, const struct facts *facts, enum rule_list list)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].list == list &&
		    rule_holds(&policy->rules[i], facts, true))
			return &policy->rules[i];
	return NULL;
}

bool
policy_wants_pin(const struct policy *policy, const struct facts *facts)
{
	return first_when(policy, facts, PIN_WHEN) != NULL;
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
			   rule->text + strlen(list_names[REQUIRE]) + 2);
			return;
		}
	}
	if (tier != NULL && strcmp(tier, "basic") == 0 && !policy->basic_tier) {
		no(ret_answer, facts, "basic_tier = false", "tier",
		   "a device with a key of its own, or basic_tier = true");
		return;
	}
	rule = first_when(policy, facts, PIN_WHEN);
	if (rule != NULL && (pin == NULL || strcmp(pin, "yes") != 0)) {
		no(ret_answer, facts, rule->text, "pin", "a PIN");
		return;
	}
	answer.two_person = first_when(policy, facts, TWO_PERSON_WHEN) != NULL;
	answer.allowed = required > 0;
	*ret_answer = answer;
}
