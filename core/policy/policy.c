/* A policy read from the configuration, and said again: as texts and as a hash. */
#include "core/policy/int.h"

#include <openssl/evp.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const policy_list_names[RULE_LISTS] = { "require", "pin_when",
						    "two_person_when", "compare_when" };
static const char *const members[] = { "require",      "pin_when",   "two_person_when",
				       "compare_when", "basic_tier", "classes",
				       "quarantine",   NULL };
static const char *const class_members[] = { "class", "all_of",     "any_of", "assurance",
					     "pin",   "two_person", "compare",
					     NULL };

/* When the configuration says nothing: two media, a named device, no clock set back. */
static const char *const strict[] = { "oob.channels >= 2", "identity.did exists",
				      "clock != behind" };

static const char *
rule_add(struct policy *policy, enum rule_list list, const char *text)
{
	struct rule rule = { .list = list };

	if (policy->count == RULES_MAX)
		return "over 64 rules";
	if (snprintf(rule.text, sizeof rule.text, "%s: %s", policy_list_names[list], text) >=
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
		size_t count = csn_config_text_count(config, policy_list_names[list]);

		for (size_t i = 0; i < count; i++) {
			const char *text =
				csn_config_text_at(config, policy_list_names[list], i);
			const char *wrong =
				rule_add(policy, list, text != NULL ? text : "");

			if (wrong == NULL)
				continue;
			csn_config_note(config, policy_list_names[list], "rule \"%.80s\": %s",
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

		if (type == NULL || !policy_printable(type, sizeof types->name[i], 1))
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
	if (!policy_printable(name, sizeof class->name, 1))
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
	class->compare = csn_config_bool(config, "compare", 0) == 1;
	describe(class, "%s%s%s", class->pin ? "; pin" : "",
		 class->two_person ? "; two_person" : "",
		 class->compare ? "; compare" : "");
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
