/* One rule: its operators, its text, and whether it holds. */
#include "core/policy/int.h"

#include <string.h>

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
	return policy_list_has(have, want);
}

static bool
holds_in(const char *have, const char *want)
{
	return policy_list_has(want, have);
}

static bool
holds_exists(const char *have, const char *want)
{
	(void)want;
	return have[0] != '\0';
}

#define HOLDS_NUMBER(name, op)                                                         \
	static bool name(const char *have, const char *want)                           \
	{                                                                              \
		int64_t a, b;                                                          \
		return policy_number(have, &a) && policy_number(want, &b) && a op b;   \
	}
HOLDS_NUMBER(holds_lt, <)
HOLDS_NUMBER(holds_le, <=)
HOLDS_NUMBER(holds_gt, >)
HOLDS_NUMBER(holds_ge, >=)

static const struct rule_op rule_ops[] = {
	{ "==", holds_eq, TEXT, false },        { "!=", holds_ne, TEXT, false },
	{ "<=", holds_le, NUMBER, false },      { ">=", holds_ge, NUMBER, false },
	{ "<", holds_lt, NUMBER, false },       { ">", holds_gt, NUMBER, false },
	{ "has", holds_has, TEXT, false },      { "in", holds_in, TEXT, false },
	{ "exists", holds_exists, TEXT, true },
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

const char *
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
	if (!policy_printable(text, sizeof rule->value, 1))
		return "a value of 1 to 95 plain characters is wanted";
	if (rule->op->compare == NUMBER && !policy_number(text, &n))
		return "this operator wants a whole number";
	memcpy(rule->value, text, strlen(text));
	return NULL;
}

bool
rule_holds(const struct rule *rule, const struct facts *facts, bool unknown)
{
	const char *have = facts_get(facts, rule->fact);

	return have == NULL ? unknown : rule->op->holds(have, rule->value);
}
