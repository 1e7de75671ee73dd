#include "core/policy/policy.h"

#include "lib/dcbor.h"

#include <openssl/evp.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX      64
#define RULE_MAX       160
#define CLASSES_MAX    32
#define TYPES_MAX      8
#define CLASS_TEXT_MAX 512

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

bool
facts_id(const struct facts *facts, const char *name, uint8_t ret_id[16])
{
	const char *hex = facts_get(facts, name);

	if (hex == NULL || strlen(hex) != 32 || strspn(hex, "0123456789abcdef") != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		ret_id[i] = (uint8_t)byte;
	}
	return true;
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
static const char *const members[] = { "require",    "pin_when", "two_person_when",
				       "basic_tier", "classes",  "quarantine",
				       NULL };
static const char *const class_members[] = { "class", "all_of",     "any_of", "assurance",
					     "pin",   "two_person", NULL };

/* What holds when the configuration says nothing: two media, a named device. */
static const char *const strict[] = { "oob.channels >= 2", "identity.did exists" };

struct rule {
	enum rule_list list;
	const struct rule_op *op;
	char fact[32], value[96];
	char text[RULE_MAX]; /* "require: oob.channels >= 2" */
};

/* Evidence types, "" ends. */
struct types {
	char name[TYPES_MAX + 1][24];
};

/* What devices of a class must bring; a name of "*" is for all others. */
struct class_rule {
	char name[64];
	struct types all_of, any_of;
	uint32_t assurance; /* enum policy_assurance                          */
	bool pin, two_person;
	char text[CLASS_TEXT_MAX];
};

struct policy {
	bool basic_tier, quarantine;
	size_t count, class_count;
	struct rule rules[RULES_MAX];
	struct class_rule classes[CLASSES_MAX];
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

/* ---- classes ------------------------------------------------------------------ */

const char *
policy_assurance_name(uint32_t assurance)
{
	static const char *const names[POLICY_ASSURANCES] = { "none", "claimed", "proved",
							      "measured", "hardware" };

	return assurance < POLICY_ASSURANCES ? names[assurance] : "?";
}

__attribute__((format(printf, 2, 3))) static void
describe(struct class_rule *class, const char *fmt, ...)
{
	size_t len = strlen(class->text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(class->text + len, sizeof class->text - len, fmt, args);
	va_end(args);
}

static const char *
read_types(const struct csn_config *config, const char *key, struct class_rule *class,
	   struct types *types)
{
	size_t count = csn_config_text_count(config, key);

	if (count > TYPES_MAX)
		return "at most 8 evidence types go";
	for (size_t i = 0; i < count; i++) {
		const char *type = csn_config_text_at(config, key, i);

		if (type == NULL || !printable(type, sizeof types->name[i], 1))
			return "an evidence type of 1 to 23 plain characters is wanted";
		memcpy(types->name[i], type, strlen(type) + 1);
		describe(class, "%s %s", i == 0 ? "" : ",", type);
	}
	return NULL;
}

static const char *
read_assurance(const struct csn_config *config, struct class_rule *class)
{
	const char *word = csn_config_text(config, "assurance", NULL, 32);

	if (word == NULL)
		return NULL;
	for (uint32_t i = 0; i < POLICY_ASSURANCES; i++)
		if (strcmp(word, policy_assurance_name(i)) == 0)
			class->assurance = i;
	if (strcmp(word, policy_assurance_name(class->assurance)) != 0)
		return "known are none, claimed, proved, measured and hardware";
	describe(class, "; assurance %s", word);
	return NULL;
}

static const char *
read_class(const struct csn_config *config, struct class_rule *class, const char **ret_key)
{
	const char *name = csn_config_text(config, "class", "", sizeof class->name - 1);
	const char *wrong;

	csn_config_only(config, "policy.classes", class_members);
	*ret_key = "class";
	if (!printable(name, sizeof class->name, 1))
		return "a class is wanted, or \"*\" for all others";
	memcpy(class->name, name, strlen(name) + 1);
	describe(class, "class %s: all_of", name);
	*ret_key = "all_of";
	if ((wrong = read_types(config, "all_of", class, &class->all_of)) != NULL)
		return wrong;
	describe(class, "; any_of");
	*ret_key = "any_of";
	if ((wrong = read_types(config, "any_of", class, &class->any_of)) != NULL)
		return wrong;
	*ret_key = "assurance";
	if ((wrong = read_assurance(config, class)) != NULL)
		return wrong;
	class->pin = csn_config_bool(config, "pin", 0) == 1;
	class->two_person = csn_config_bool(config, "two_person", 0) == 1;
	describe(class, "%s%s", class->pin ? "; pin" : "",
		 class->two_person ? "; two_person" : "");
	return NULL;
}

static int
read_classes(struct policy *policy, const struct csn_config *config, struct csn_error *err)
{
	const struct csn_config *list = csn_config_sub(config, "classes");
	int r = CSN_OK;

	for (size_t i = 0; i < csn_config_count(list); i++) {
		const struct csn_config *item = csn_config_item(list, i);
		struct class_rule class = { .name = "" };
		const char *key = "class", *wrong = "over 32 classes";

		if (policy->class_count < CLASSES_MAX)
			wrong = read_class(item, &class, &key);
		if (wrong == NULL) {
			policy->classes[policy->class_count++] = class;
			continue;
		}
		csn_config_note(item, key, "policy.classes: %s", wrong);
		if (r == CSN_OK)
			r = csn_fail(err, CSN_E_CONFIG, "policy.classes: %s", wrong);
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
		policy->quarantine = csn_config_bool(config, "quarantine", 0) == 1;
		r = read_lists(policy, config, err);
		int c = read_classes(policy, config, r == CSN_OK ? err : NULL);
		r = r == CSN_OK ? c : r;
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
	if (i < policy->count)
		return policy->rules[i].text;
	i -= policy->count;
	return i < policy->class_count ? policy->classes[i].text : NULL;
}

bool
policy_quarantines(const struct policy *policy)
{
	return policy->quarantine;
}

/* Every text with its zero, so that no two policies read alike. */
int
policy_hash(const struct policy *policy, uint8_t ret_hash[32])
{
	const char *flags[] = { policy->basic_tier ? "basic_tier" : "",
				policy->quarantine ? "quarantine" : "" };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	const char *text;

	for (size_t i = 0; good && i < sizeof flags / sizeof *flags; i++)
		good = EVP_DigestUpdate(ctx, flags[i], strlen(flags[i]) + 1) == 1;
	for (size_t i = 0; good && (text = policy_rule(policy, i)) != NULL; i++)
		good = EVP_DigestUpdate(ctx, text, strlen(text) + 1) == 1;
	good = good && EVP_DigestFinal_ex(ctx, ret_hash, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? CSN_OK : CSN_E_INTERNAL;
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

bool
policy_wants_pin(const struct policy *policy, const struct facts *facts)
{
	const struct class_rule *class = class_of(policy, facts);

	/* While nobody knows the class, it may be any. */
	for (size_t i = 0; facts_get(facts, "identity.class") == NULL &&
			   i < policy->class_count; i++)
		if (policy->classes[i].pin)
			return true;
	return first_when(policy, facts, PIN_WHEN) != NULL || (class != NULL && class->pin);
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

	if (have != NULL && !number(have, &level))
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
			   rule->text + strlen(list_names[REQUIRE]) + 2);
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
	*ret_answer = (struct policy_answer){ .allowed = false };
	rule = first_when(policy, facts, PIN_WHEN);
	if (rule != NULL && (pin == NULL || strcmp(pin, "yes") != 0)) {
		no(ret_answer, facts, rule->text, "pin", "a PIN");
		return;
	}
	answer.two_person = answer.two_person ||
			    first_when(policy, facts, TWO_PERSON_WHEN) != NULL;
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
	   rule->text + strlen(list_names[rule->list]) + 2);
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
	row->state = !good ? POLICY_NO : class->pin || class->two_person ? POLICY_ASKS
									 : POLICY_YES;
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
