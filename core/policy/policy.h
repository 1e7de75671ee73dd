/*
 * Judges facts by the rules of the configuration.  A rule is "FACT OP VALUE":
 *
 *   oob.channels >= 2          numbers: ==  !=  <  <=  >  >=
 *   mutual == yes              texts:   ==  !=
 *   oob.media has ultrasonic   one of a comma list
 *   identity.class in sensor,lamp
 *   identity.did exists
 *
 * Classes say what a station asks of devices of a class, the first that fits ("*" fits
 * all): evidence types all of which, or one of which, must be accepted; the assurance it
 * must come to; a PIN, a second person, a comparison by eye.  Where classes are told apart and none fits, no.
 *
 * A fact nobody reported makes every rule about it false, so what is required fails
 * and what would only ask for less does not help.  pin_when, two_person_when and
 * compare_when are turned round: there an unknown fact counts as true.  Everything here is [loop].
 */
#ifndef CSN_CORE_POLICY_H
#define CSN_CORE_POLICY_H

#include "core/base/error.h"
#include "core/config/config.h"

#include <countersign/attest.h>

#include <stdbool.h>

#define POLICY_FACTS_MAX 128

/* The facts of one session; later values replace earlier ones. */
struct facts {
	size_t count;
	struct csn_fact rows[POLICY_FACTS_MAX];
};

/*
 * CSN_E_TOO_BIG, or CSN_E_INVALID for a name or value with other than printable ASCII.
 */
int facts_set(struct facts *facts, const char *name, const char *value);
const char *facts_get(const struct facts *facts, const char *name); /* NULL: none */
/* A fact that is 16 bytes in lower-case hex; false and untouched for anything else. */
bool facts_id(const struct facts *facts, const char *name, uint8_t ret_id[16]);
/* Appends to a comma list what is not in it yet. */
int facts_add(struct facts *facts, const char *name, const char *word);
/* SHA-256 over the facts in order of name, as dCBOR. */
int facts_hash(const struct facts *facts, uint8_t ret_hash[32]);

/* How much a device's evidence assures: the fact "assurance", a number. */
enum policy_assurance {
	POLICY_NONE,     /* nothing was accepted                                */
	POLICY_CLAIMED,  /* a manufacturer's word about it, nothing fresh       */
	POLICY_PROVED,   /* a key answered this session's challenge             */
	POLICY_MEASURED, /* and what runs there is affirmed                     */
	POLICY_HARDWARE, /* and the hardware it runs on                         */
	POLICY_ASSURANCES
};
/* "proved"; "?" past the end. */
const char *policy_assurance_name(uint32_t assurance);

struct policy;

/*
 * @config NULL: the default, which is strict.  Mistakes are noted in the file, with
 * their line, and returned as CSN_E_CONFIG.
 */
int policy_new(const struct csn_config *config, struct policy **ret_policy,
	       struct csn_error *err);
void policy_free(struct policy *policy); /* NULL is fine */

/* Arrives zeroed; zero is no. */
struct policy_answer {
	bool allowed, two_person;
	bool compare; /* does the device in hand show the code of its id?      */
	const char *rule; /* which one said no; lives as long as the policy   */
	char found[128], wanted[128];
};

/* May a session with these facts be authorised? */
void policy_judge(const struct policy *policy, const struct facts *facts,
		  struct policy_answer *ret_answer);
/* Is a device that policy refuses put into quarantine? */
bool policy_quarantines(const struct policy *policy);
enum policy_state {
	POLICY_NO,      /* does not hold                                      */
	POLICY_YES,     /* holds                                              */
	POLICY_UNKNOWN, /* nobody reported the fact                           */
	POLICY_ASKS,    /* a person would be asked                            */
	POLICY_ASIDE,   /* says nothing here: another class, or not the case  */
};

/* One rule by itself, for people who ask why. */
struct policy_row {
	const char *rule; /* as policy_rule() gives it                        */
	enum policy_state state;
	char found[128], wanted[128];
};

/* Rule @i under these facts; false past the end.  Only policy_judge() decides. */
bool policy_row(const struct policy *policy, size_t i, const struct facts *facts,
		struct policy_row *ret_row);
/* SHA-256 over everything it asks for, the defaults, too. */
int policy_hash(const struct policy *policy, uint8_t ret_hash[32]);
/*
 * Every rule as text, "require: oob.channels >= 2", "class pump: all_of x509; any_of; pin";
 * NULL past the end.
 */
const char *policy_rule(const struct policy *policy, size_t i);

#endif
