/* The inside of a policy, shared by the files of this folder only. */
#ifndef CSN_CORE_POLICY_INT_H
#define CSN_CORE_POLICY_INT_H

#include "core/policy/policy.h"

#define RULES_MAX      64
#define RULE_MAX       160
#define CLASSES_MAX    32
#define TYPES_MAX      8
#define CLASS_TEXT_MAX 512

enum compare { NUMBER, TEXT };

struct rule_op {
	const char *text;
	bool (*holds)(const char *have, const char *want);
	enum compare compare;
	bool unary;
};

enum rule_list { REQUIRE, PIN_WHEN, TWO_PERSON_WHEN, COMPARE_WHEN, RULE_LISTS };

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
	bool pin, two_person, compare;
	char text[CLASS_TEXT_MAX];
};

struct policy {
	bool basic_tier, quarantine;
	size_t count, class_count;
	struct rule rules[RULES_MAX];
	struct class_rule classes[CLASSES_MAX];
};

/* policy.c: the members of the section by their list, "require". */
extern const char *const policy_list_names[RULE_LISTS];

/* facts.c: @least to @room - 1 characters of printable ASCII? */
bool policy_printable(const char *text, size_t room, size_t least);
/* Is @word one of the members of the comma list @list? */
bool policy_list_has(const char *list, const char *word);
/* A whole decimal number of at most 18 digits, or nothing. */
bool policy_number(const char *text, int64_t *ret_value);

/* rule.c: "FACT OP VALUE" with blanks between, the value the rest; NULL or what is wrong. */
const char *rule_parse(const char *text, struct rule *rule);
/* @unknown: what to say when nobody reported the fact. */
bool rule_holds(const struct rule *rule, const struct facts *facts, bool unknown);

#endif
