/*
 * Policy: what each rule says of known and unknown facts, and what a mistake is called.
 */
#include "core/config/config.h"
#include "core/policy/policy.h"
#include "kit/tap.h"

#include <unistd.h>

static struct csn_config_file *
config(const char *text)
{
	char path[] = "/tmp/csn-policy-XXXXXX";
	struct csn_config_file *file = NULL;
	struct csn_error err = { 0 };
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    csn_config_read(path, &file, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	close(fd);
	unlink(path);
	return file;
}

static const struct {
	const char *what, *policy;
	const char *facts; /* "name=value;..." */
	bool allowed, two_person;
	const char *found;
	bool compare;
} judged[] = {
	{ "the default wants two channels, a device and a clock", "{ }",
	  "oob.channels=2;identity.did=aa;clock=untrusted", true, false, "", false },
	{ "the default refuses a clock that was set back", "{ }",
	  "oob.channels=2;identity.did=aa;clock=behind", false, false, "clock behind", false },
	{ "the default refuses one channel", "{ }", "oob.channels=1;identity.did=aa",
	  false, false, "oob.channels 1", false },
	{ "the default refuses a device without a name", "{ }", "oob.channels=2", false,
	  false, "identity.did (nobody reported it)", false },
	{ "no facts at all are refused", "{ }", "", false, false,
	  "oob.channels (nobody reported it)", false },
	{ "a policy of other rules only still requires the default",
	  "{ pin_when = [ \"a == b\" ]; }", "a=c;oob.channels=1;identity.did=aa", false,
	  false, "oob.channels 1", false },
	{ "equal", "{ require = [ \"mutual == yes\" ]; }", "mutual=yes", true, false,
	  "", false },
	{ "not equal", "{ require = [ \"mutual == yes\" ]; }", "mutual=no", false,
	  false, "mutual no", false },
	{ "!= of an unknown fact is false", "{ require = [ \"mode != 4\" ]; }", "",
	  false, false, "mode (nobody reported it)", false },
	{ "!= holds for another value", "{ require = [ \"mode != 4\" ]; }", "mode=2",
	  true, false, "", false },
	{ "numbers are compared as numbers", "{ require = [ \"n >= 10\" ]; }", "n=9",
	  false, false, "n 9", false },
	{ "ten is not under nine", "{ require = [ \"n < 9\" ]; }", "n=10", false, false,
	  "n 10", false },
	{ "a value that is no number fails a number rule",
	  "{ require = [ \"n >= 1\" ]; }", "n=2x", false, false, "n 2x", false },
	{ "a negative number is no number", "{ require = [ \"n < 5\" ]; }", "n=-1",
	  false, false, "n -1", false },
	{ "a number of 30 digits is no number", "{ require = [ \"n > 5\" ]; }",
	  "n=999999999999999999999999999999", false, false,
	  "n 999999999999999999999999999999", false },
	{ "has finds a member of a list", "{ require = [ \"oob.media has sound\" ]; }",
	  "oob.media=qr,sound", true, false, "", false },
	{ "has wants a whole member", "{ require = [ \"oob.media has sound\" ]; }",
	  "oob.media=qr,ultrasound", false, false, "oob.media qr,ultrasound", false },
	{ "has does not match a prefix", "{ require = [ \"oob.media has sound\" ]; }",
	  "oob.media=soundless", false, false, "oob.media soundless", false },
	{ "in finds the value in the rule's list", "{ require = [ \"c in a,b\" ]; }",
	  "c=b", true, false, "", false },
	{ "in refuses another", "{ require = [ \"c in a,b\" ]; }", "c=d", false, false,
	  "c d", false },
	{ "in refuses an empty value", "{ require = [ \"c in a,b\" ]; }", "c=", false,
	  false, "c ", false },
	{ "exists refuses an empty value", "{ require = [ \"c exists\" ]; }",
	  "c=", false, false, "c ", false },
	{ "every rule must hold", "{ require = [ \"a == 1\", \"b == 1\" ]; }",
	  "a=1;b=2", false, false, "b 2", false },
	{ "the basic tier needs leave", "{ require = [ \"a == 1\" ]; }",
	  "a=1;tier=basic", false, false, "tier basic", false },
	{ "the basic tier with leave",
	  "{ require = [ \"a == 1\" ]; basic_tier = true; }", "a=1;tier=basic", true,
	  false, "", false },
	{ "a PIN is wanted and was given",
	  "{ require = [ \"a == 1\" ]; pin_when = [ \"c == door\" ]; }",
	  "a=1;c=door;pin=yes", true, false, "", false },
	{ "a PIN is wanted and was not given",
	  "{ require = [ \"a == 1\" ]; pin_when = [ \"c == door\" ]; }",
	  "a=1;c=door;pin=no", false, false, "pin no", false },
	{ "nobody said whether a PIN was given",
	  "{ require = [ \"a == 1\" ]; pin_when = [ \"c == door\" ]; }", "a=1;c=door",
	  false, false, "pin (nobody reported it)", false },
	{ "an unknown class wants the PIN, too",
	  "{ require = [ \"a == 1\" ]; pin_when = [ \"c == door\" ]; }", "a=1;pin=no",
	  false, false, "pin no", false },
	{ "another class wants no PIN",
	  "{ require = [ \"a == 1\" ]; pin_when = [ \"c == door\" ]; }",
	  "a=1;c=lamp;pin=no", true, false, "", false },
	{ "a second person is wanted",
	  "{ require = [ \"a == 1\" ]; two_person_when = [ \"c == door\" ]; }",
	  "a=1;c=door", true, true, "", false },
	{ "an unknown class wants a second person",
	  "{ require = [ \"a == 1\" ]; two_person_when = [ \"c == door\" ]; }", "a=1",
	  true, true, "", false },
	{ "a class no entry names, and no entry for all others",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; } ); }",
	  "side=station;a=1;identity.class=lamp", false, false, "identity.class lamp", false },
	{ "an unknown class, and no entry for all others",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; } ); }",
	  "side=station;a=1", false, false, "identity.class (nobody reported it)", false },
	{ "classes are a station's: a device does not ask",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; } ); }",
	  "side=device;a=1", true, false, "", false },
	{ "all_of: both accepted",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; all_of = [ \"x509\", \"dice\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.x509=accepted;evidence.dice=accepted", true, false, "", false },
	{ "all_of: one missing",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; all_of = [ \"x509\", \"dice\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.x509=accepted", false, false, "evidence.dice (nobody reported it)", false },
	{ "all_of: one rejected",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; all_of = [ \"x509\", \"dice\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.x509=accepted;evidence.dice=rejected", false, false, "evidence.dice rejected", false },
	{ "all_of: one undecided, as after a crash or a timeout",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; all_of = [ \"x509\", \"dice\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.x509=accepted;evidence.dice=undecided", false, false, "evidence.dice undecided", false },
	{ "any_of: one accepted is enough",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; any_of = [ \"tpm2\", \"psk\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.tpm2=rejected;evidence.psk=accepted", true, false, "", false },
	{ "any_of: none accepted",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; any_of = [ \"tpm2\", \"psk\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.tpm2=undecided", false, false, "evidence.tpm2 undecided", false },
	{ "all_of and any_of: both count",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; all_of = [ \"x509\" ]; any_of = [ \"psk\" ]; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;evidence.psk=accepted", false, false, "evidence.x509 (nobody reported it)", false },
	{ "assurance reached",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; assurance = \"proved\"; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;assurance=2", true, false, "", false },
	{ "assurance below",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; assurance = \"measured\"; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;assurance=2", false, false, "assurance 2", false },
	{ "assurance nobody reported",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; assurance = \"claimed\"; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump", false, false, "assurance (nobody reported it)", false },
	{ "assurance that is no number",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; assurance = \"claimed\"; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;assurance=hardware", false, false, "assurance hardware", false },
	{ "the entry for all others",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; pin = true; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=lamp;assurance=1", true, false, "", false },
	{ "a critical class wants a PIN",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; pin = true; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;pin=no", false, false, "pin no", false },
	{ "and has one",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; pin = true; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump;pin=yes", true, false, "", false },
	{ "a critical class wants a second person",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; two_person = true; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump", true, true, "", false },
	{ "a critical class wants its code compared",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\"; compare = true; }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=1;identity.class=pump", true, false, "", true },
	{ "a code to be compared",
	  "{ require = [ \"a == 1\" ]; compare_when = [ \"two_way == yes\" ]; }",
	  "a=1;two_way=yes", true, false, "", true },
	{ "no code to be compared",
	  "{ require = [ \"a == 1\" ]; compare_when = [ \"two_way == yes\" ]; }",
	  "a=1;two_way=no", true, false, "", false },
	{ "nobody said whether it is two way: compared",
	  "{ require = [ \"a == 1\" ]; compare_when = [ \"two_way == yes\" ]; }", "a=1",
	  true, false, "", true },
	{ "what the class suffices for does not lift a rule",
	  "{ require = [ \"a == 1\" ]; classes = ( { class = \"pump\";  }, { class = \"*\"; assurance = \"claimed\"; } ); }",
	  "side=station;a=2;identity.class=pump", false, false, "a 2", false },
};

static void
set_all(struct facts *facts, const char *text)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof copy, "%s", text);
	for (char *row = strtok_r(copy, ";", &save); row != NULL;
	     row = strtok_r(NULL, ";", &save)) {
		char *value = strchr(row, '=');

		*value++ = '\0';
		if (facts_set(facts, row, value) < 0)
			exit(1);
	}
}

static void
test_judged(void)
{
	for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
		char text[512];
		struct policy *policy = NULL;
		struct csn_error err = { 0 };
		struct policy_answer answer = { .allowed = false };
		static struct facts facts;

		facts.count = 0;
		snprintf(text, sizeof text, "policy : %s;\n", judged[i].policy);
		struct csn_config_file *file = config(text);
		int r = policy_new(csn_config_sub(csn_config_root(file), "policy"),
				   &policy, &err);
		set_all(&facts, judged[i].facts);
		if (r == CSN_OK)
			policy_judge(policy, &facts, &answer);
		if (!tap_ok(r == CSN_OK && answer.allowed == judged[i].allowed &&
				    answer.two_person == judged[i].two_person &&
				    answer.compare == judged[i].compare &&
				    strcmp(answer.found, judged[i].found) == 0,
			    "%s", judged[i].what))
			tap_note("r %d (%s) allowed %d found \"%s\"", r, err.text,
				 answer.allowed, answer.found);
		policy_free(policy);
		csn_config_free(file);
	}
}

static const struct {
	const char *what, *rule, *said;
} mistakes[] = {
	{ "a word alone", "mutual",
	  "unknown operator; known are == != < <= > >= has in exists" },
	{ "an operator nobody knows", "a ~ b",
	  "unknown operator; known are == != < <= > >= has in exists" },
	{ "a number rule without a number", "a >= many",
	  "this operator wants a whole number" },
	{ "a rule without a value",
	  "a ==", "a value of 1 to 95 plain characters is wanted" },
	{ "something after exists", "a exists b", "nothing may follow exists" },
	{ "an empty rule", "", "wanted FACT OP VALUE, as in \"oob.channels >= 2\"" },
	{ "a fact's name over 31 bytes", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa == 1",
	  "wanted FACT OP VALUE, as in \"oob.channels >= 2\"" },
};

static const struct {
	const char *what, *class, *said;
} class_mistakes[] = {
	{ "no class", "all_of = [ \"x509\" ];", "a class is wanted" },
	{ "a level nobody knows", "class = \"a\"; assurance = \"high\";", "known are none, claimed" },
	{ "a member nobody knows", "class = \"a\"; allof = [ \"x509\" ];", "allof" },
	{ "a type that is too long", "class = \"a\"; all_of = [ \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" ];",
	  "an evidence type of 1 to 23" },
	{ "nine types", "class = \"a\"; all_of = [ \"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\" ];",
	  "at most 8" },
};

static void
test_classes(void)
{
	uint8_t hash[2][32];

	for (size_t i = 0; i < sizeof class_mistakes / sizeof *class_mistakes; i++) {
		char text[256];
		struct policy *policy = NULL;
		struct csn_error err = { 0 };

		snprintf(text, sizeof text, "policy : { classes = ( { %s } ); };\n",
			 class_mistakes[i].class);
		struct csn_config_file *file = config(text);
		policy_new(csn_config_sub(csn_config_root(file), "policy"), &policy, &err);
		tap_ok(csn_config_mistakes(file) == 1 &&
			       strstr(csn_config_mistake(file, 0), class_mistakes[i].said) != NULL,
		       "refused: %s", class_mistakes[i].what);
		policy_free(policy);
		csn_config_free(file);
	}
	for (size_t i = 0; i < 2; i++) {
		struct policy *policy = NULL;
		struct csn_error err = { 0 };
		struct csn_config_file *file =
			config(i == 0 ? "policy : { classes = ( { class = \"a\"; pin = true; } ); };\n"
				      : "policy : { classes = ( { class = \"a\"; } ); };\n");

		if (policy_new(csn_config_sub(csn_config_root(file), "policy"), &policy, &err) < 0)
			exit(1);
		tap_ok(policy_hash(policy, hash[i]) == CSN_OK, "a policy has a hash");
		tap_ok(strstr(policy_rule(policy, 3), i == 0 ? "class a: all_of; any_of; pin"
							     : "class a: all_of; any_of") != NULL &&
			       policy_rule(policy, 4) == NULL,
		       "a class is shown as one line (%zu)", i);
		policy_free(policy);
		csn_config_free(file);
	}
	tap_ok(memcmp(hash[0], hash[1], 32) != 0, "and another policy another hash");
}

static void
test_mistakes(void)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		char text[256];
		struct policy *policy = NULL;
		struct csn_error err = { 0 };

		snprintf(text, sizeof text, "policy : { require = [ \"%s\" ]; };\n",
			 mistakes[i].rule);
		struct csn_config_file *file = config(text);
		int r = policy_new(csn_config_sub(csn_config_root(file), "policy"),
				   &policy, &err);
		if (!tap_ok(r == CSN_E_CONFIG && policy == NULL &&
				    strstr(err.text, mistakes[i].said) != NULL &&
				    csn_config_mistakes(file) == 1,
			    "refused: %s", mistakes[i].what))
			tap_note("%d %s", r, err.text);
		csn_config_free(file);
	}
	struct csn_config_file *file =
		config("policy : { requires = [ \"a == 1\" ]; };\n");
	struct policy *policy = NULL;
	struct csn_error err = { 0 };
	policy_new(csn_config_sub(csn_config_root(file), "policy"), &policy, &err);
	tap_ok(csn_config_mistakes(file) == 1 &&
		       strstr(csn_config_mistake(file, 0), "requires") != NULL,
	       "a member nobody knows is a mistake, by its name");
	policy_free(policy);
	csn_config_free(file);
}

static void
test_facts(void)
{
	static struct facts a, b;
	uint8_t x[32], y[32];

	tap_is(facts_set(&a, "n", "line\nbreak"), CSN_E_INVALID,
	       "a value with a newline is refused");
	tap_is(facts_set(&a, "n", "\xc3\xa9"), CSN_E_INVALID,
	       "a value that is not ASCII is refused");
	tap_is(facts_set(&a, "", "x"), CSN_E_INVALID,
	       "a fact without a name is refused");
	facts_set(&a, "one", "1");
	facts_set(&a, "two", "2");
	facts_set(&b, "two", "2");
	facts_set(&b, "one", "0");
	facts_set(&b, "one", "1");
	tap_ok(facts_hash(&a, x) == CSN_OK && facts_hash(&b, y) == CSN_OK &&
		       memcmp(x, y, 32) == 0,
	       "the hash does not depend on the order facts came in");
	facts_set(&b, "one", "2");
	tap_ok(facts_hash(&b, y) == CSN_OK && memcmp(x, y, 32) != 0,
	       "another value is another hash");
	int r = CSN_OK;
	for (int i = 0; i < POLICY_FACTS_MAX + 1; i++) {
		char name[16];

		snprintf(name, sizeof name, "f%d", i);
		r = facts_set(&a, name, "x");
	}
	tap_is(r, CSN_E_TOO_BIG, "facts have a bound");
}

int
main(void)
{
	test_judged();
	test_mistakes();
	test_classes();
	test_facts();
	return tap_done();
}
