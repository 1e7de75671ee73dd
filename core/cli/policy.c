/* policy: what the configuration asks of devices, and what it would say of this evidence. */
#include "core/base/error.h"
#include "core/cli/cli.h"
#include "core/cli/runner.h"
#include "lib/csgn1.h"
#include "lib/crypto-openssl.h"
#include "lib/hex.h"
#include "lib/offer.h"
#include "lib/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVIDENCE_MAX 10
#define FILE_MAX     (1u << 20)

static char *type_name, *challenge_hex, *did_hex, *class_name, *save_path, *at_text;
static int   with_pin;

static const struct poptOption options[] = {
	{ "type", 0, POPT_ARG_STRING, &type_name, 0, "evidence type of a file of raw bytes", "TYPE" },
	{ "challenge", 0, POPT_ARG_STRING, &challenge_hex, 0, "what freshness is bound to", "HEX" },
	{ "did", 0, POPT_ARG_STRING, &did_hex, 0, "device the evidence is to be about", "HEX" },
	{ "class", 0, POPT_ARG_STRING, &class_name, 0, "device class to judge by", "NAME" },
	{ "at", 0, POPT_ARG_STRING, &at_text, 0, "judge as of this time, in seconds since 1970",
	  "SECONDS" },
	{ "pin", 0, POPT_ARG_NONE, &with_pin, 0, "as if a PIN were there", NULL },
	{ "save", 0, POPT_ARG_STRING, &save_path, 0, "write what was judged as a recording", "FILE" },
	POPT_TABLEEND,
};

/* What is tried: pieces of evidence, and memory they point into. */
struct trial {
	struct cli         *cli;
	struct csn_evidence evidence[EVIDENCE_MAX];
	size_t              count;
	char                types[EVIDENCE_MAX][64];
	uint8_t             challenge[64], did[16];
	size_t              challenge_len;
	bool                has_did;
	uint64_t            unix_s;
	uint8_t            *file; /* malloced                                     */
	json_t             *recording;
	uint8_t            *values[EVIDENCE_MAX]; /* malloced, of a recording       */
	json_t             *judged, *rules, *facts;
};

/* ---- reading ---------------------------------------------------------------------- */

/* At most @room bytes. */
static bool
unhex(const char *text, uint8_t *out, size_t room, size_t *ret_len)
{
	size_t len = strlen(text);

	if (len / 2 > room || !csn_hex_read((struct csn_bytes){ (const uint8_t *)text, len },
	                                    CSN_HEX_ANY, out, len / 2))
		return false;
	*ret_len = len / 2;
	return true;
}

static int
usage(struct cli *cli, const char *found, const char *wanted)
{
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = "CSN-POL-001", .found = found,
	                                       .wanted = wanted },
	                "policy try cannot use this");
}

static bool
add(struct trial *trial, struct csn_bytes type, struct csn_bytes value, bool fresh)
{
	if (trial->count == EVIDENCE_MAX || type.len >= sizeof trial->types[0])
		return false;
	memcpy(trial->types[trial->count], type.ptr, type.len);
	trial->types[trial->count][type.len] = '\0';
	trial->evidence[trial->count] = (struct csn_evidence){
		.size = sizeof trial->evidence[0],
		.type = trial->types[trial->count],
		.value = value,
		.challenge = fresh ? (struct csn_bytes){ trial->challenge, trial->challenge_len } :
		                     CSN_BYTES_NONE,
		.did = trial->has_did ? CSN_BYTES_OF(trial->did) : CSN_BYTES_NONE,
		.device_class = class_name,
	};
	trial->count++;
	return true;
}

static struct csn_bytes
text_bytes(const char *text)
{
	return (struct csn_bytes){ (const uint8_t *)text, strlen(text) };
}

/* A hello (M0b) and the items in it, each under the challenge it makes. */
static bool
read_hello(struct trial *trial, struct csn_bytes file)
{
	struct csn_m0b m0b;

	if (csn_m0b_parse(file, &m0b) != 0 || csn_suite_pk_len(m0b.hello.suite) == 0 ||
	    csn_offer_chal(csn_crypto_openssl(), m0b.hello.sid, m0b.hello.skid, m0b.hello.did,
	                   m0b.hello.e_d, trial->challenge) < 0)
		return false;
	trial->challenge_len = 32;
	memcpy(trial->did, m0b.hello.did, sizeof trial->did);
	trial->has_did = true;
	bool good = add(trial, text_bytes("x509"), file, true);
	for (size_t i = 0; good && i < m0b.evidence_len; i++)
		good = add(trial, m0b.evidence[i].type, m0b.evidence[i].value, true);
	return good;
}

static bool
read_manifest(struct trial *trial, struct csn_bytes file)
{
	struct csn_cose     cose;
	struct csn_manifest manifest;

	return csn_dcbor_check(file) == CSN_OK && csn_cose_parse(file, &cose) == CSN_OK &&
	       !cose.detached && csn_manifest_parse(cose.payload, &manifest) == 0 &&
	       add(trial, text_bytes("x509"), file, false);
}

/* {"schema":1,"challenge":HEX,"did":HEX,"class":TEXT,"unix_s":N,"evidence":[{"type","value"}]} */
static bool
read_recording(struct trial *trial, struct csn_bytes file)
{
	json_t     *root = json_loadb((const char *)file.ptr, file.len, JSON_REJECT_DUPLICATES, NULL);
	const char *challenge = "", *did = "", *class = NULL;
	json_int_t  schema = 0, unix_s = 0;
	json_t     *list = NULL, *item;
	size_t      i, did_len = 0;

	if (root == NULL)
		return false;
	trial->recording = root;
	if (json_unpack(root, "{s:I, s?s, s?s, s?s, s?I, s:o !}", "schema", &schema, "challenge",
	                &challenge, "did", &did, "class", &class, "unix_s", &unix_s, "evidence",
	                &list) < 0 ||
	    schema != 1 || unix_s < 0 ||
	    !unhex(challenge, trial->challenge, sizeof trial->challenge, &trial->challenge_len) ||
	    !unhex(did, trial->did, sizeof trial->did, &did_len) || (did_len != 0 && did_len != 16))
		return false;
	trial->has_did = did_len == 16;
	if (trial->unix_s == 0)
		trial->unix_s = (uint64_t)unix_s;
	if (class_name == NULL && class != NULL)
		class_name = strdup(class);
	json_array_foreach(list, i, item) {
		const char *type = NULL, *hex = NULL;
		int         fresh = trial->challenge_len > 0;
		size_t      len;
		if (i == EVIDENCE_MAX || json_unpack(item, "{s:s, s:s, s?b !}", "type", &type,
		                                     "value", &hex, "fresh", &fresh) < 0)
			return false;
		trial->values[i] = malloc(strlen(hex) / 2 + 1);
		if (trial->values[i] == NULL ||
		    !unhex(hex, trial->values[i], strlen(hex) / 2, &len) ||
		    !add(trial, text_bytes(type), (struct csn_bytes){ trial->values[i], len },
		         fresh != 0))
			return false;
	}
	return trial->count > 0;
}

/* Options first; then the file by what it is. */
static int
read_trial(struct trial *trial, const char *path)
{
	size_t len = 0, did_len = 0;
	char  *end = NULL;

	if (challenge_hex != NULL && !unhex(challenge_hex, trial->challenge,
	                                    sizeof trial->challenge, &trial->challenge_len))
		return usage(trial->cli, challenge_hex, "--challenge of at most 64 bytes in hex");
	if (did_hex != NULL && (!unhex(did_hex, trial->did, 16, &did_len) || did_len != 16))
		return usage(trial->cli, did_hex, "--did of 16 bytes in hex");
	trial->has_did = did_hex != NULL;
	if (at_text != NULL) {
		trial->unix_s = strtoull(at_text, &end, 10);
		if (*at_text < '0' || *at_text > '9' || *end != '\0' || trial->unix_s == 0)
			return usage(trial->cli, at_text, "--at in seconds since 1970");
	}
	if (cli_read(path, FILE_MAX, &trial->file, &len) < 0)
		return cli_fail(trial->cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-004", .found = path },
		                "%s cannot be read, or is over 1 MiB", path);
	struct csn_bytes file = { trial->file, len };
	if (type_name != NULL)
		return add(trial, text_bytes(type_name), file, trial->challenge_len > 0) ?
		               CLI_OK :
		               usage(trial->cli, type_name, "a type of at most 63 characters");
	if (len > 0 && file.ptr[0] == '{')
		return read_recording(trial, file) ?
		               CLI_OK :
		               usage(trial->cli, path, "a recording as `policy try --save` writes it");
	return read_hello(trial, file) || read_manifest(trial, file) ?
	               CLI_OK :
	               usage(trial->cli, path,
	                     "a manifest, a hello, a recording, or --type TYPE for raw bytes");
}

/* ---- telling ---------------------------------------------------------------------- */

static json_t *
reasons_json(const struct csn_verdict *v)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < v->reason_count; i++) {
		const struct csn_reason *r = &v->reasons[i];
		json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "code", r->code, "claim",
		                        csn_trust_name(r->claim), "found", r->found, "wanted",
		                        r->wanted);
		json_object_set_new(row, "layer", r->layer == CSN_NO_LAYER ?
		                                          json_null() :
		                                          json_integer(r->layer));
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *
vector_json(const struct csn_verdict *v)
{
	json_t *vector = json_object();

	for (uint32_t i = 0; i < CSN_TRUST_COUNT; i++)
		if (v->trust[i] != CSN_CODE_NONE)
			json_object_set_new(vector, csn_trust_name(i), json_integer(v->trust[i]));
	return vector;
}

static void
tell_vector(struct cli *cli, const struct csn_verdict *v)
{
	for (uint32_t i = 0; i < CSN_TRUST_COUNT; i++)
		if (v->trust[i] != CSN_CODE_NONE)
			cli_line(cli, "     %-18s %s (%d)", csn_trust_name(i),
			         csn_tier_name(csn_trust_tier(v->trust[i])), (int)v->trust[i]);
}

static void
tell_judged(void *arg, size_t i, int result, const struct csn_verdict *v)
{
	static const char *const judgements[] = { "undecided", "rejected", "accepted" };
	struct trial            *trial = arg;
	struct cli              *cli = trial->cli;
	const char              *type = trial->types[i];
	uint32_t                 judgement = v != NULL ? v->judgement : CSN_UNDECIDED;
	const char              *word = judgements[judgement];

	json_t *row = json_pack("{s:s, s:s}", "type", type, "judgement", word);
	if (v != NULL && result == CSN_OK) {
		json_object_set_new(row, "status", json_string(csn_tier_name(csn_verdict_status(v))));
		json_object_set_new(row, "trust", vector_json(v));
		json_object_set_new(row, "reasons", reasons_json(v));
	}
	json_array_append_new(trial->judged, row);
	if (judgement == CSN_ACCEPTED) {
		cli_story(cli, '+', type, "accepted");
		tell_vector(cli, v);
		return;
	}
	if (v == NULL || result != CSN_OK || judgement == CSN_UNDECIDED) {
		cli_story(cli, '?', type, "undecided: %s",
		          result == CSN_E_MISSING ? "no verifier of that type is configured" :
		                                    "the verifier gave no judgement");
		return;
	}
	cli_story(cli, 'x', type, "rejected at %s  [%s]", v->layer[0] ? v->layer : "the item",
	          v->reason);
	tell_vector(cli, v);
	if (v->found[0] != '\0')
		cli_line(cli, "     found       %s", v->found);
	cli_line(cli, "     wanted      %s", v->wanted);
	cli_line(cli, "     next        countersign explain %s", v->reason);
}

static void
tell_fact(void *arg, const char *name, const char *value)
{
	struct trial *trial = arg;

	json_object_set_new(trial->facts, name, json_string(value));
}

static void
tell_rule(void *arg, const struct csn_station_rule *rule)
{
	struct trial *trial = arg;
	struct cli   *cli = trial->cli;

	json_array_append_new(trial->rules,
	                      json_pack("{s:s, s:s, s:s, s:s}", "rule", rule->rule, "state",
	                                rule->state, "found", rule->found, "wanted",
	                                rule->wanted));
	switch (rule->state[0]) {
	case 'y':
		cli_story(cli, '+', "policy", "%s", rule->rule);
		break;
	case 'n':
		cli_story(cli, 'x', "policy", "%s", rule->rule);
		cli_line(cli, "     found       %s", rule->found);
		cli_line(cli, "     wanted      %s", rule->wanted);
		break;
	case 'u':
		cli_story(cli, '-', "policy", "%s: only a session shows this", rule->rule);
		break;
	default:
		if (strcmp(rule->state, "asks") == 0)
			cli_story(cli, '!', "policy", "%s: a person is asked", rule->rule);
		break;
	}
}

static char *
hex_of(const uint8_t *bytes, size_t len)
{
	char *text = malloc(2 * len + 1);

	if (text != NULL)
		csn_hex_write(bytes, len, text);
	return text;
}

/* Raw evidence holds no secrets: it is what a device says to anybody. */
static int
save(struct trial *trial)
{
	json_t *list = json_array(), *root = json_pack("{s:i}", "schema", 1);
	char   *challenge = hex_of(trial->challenge, trial->challenge_len);
	char   *did = hex_of(trial->did, trial->has_did ? 16 : 0);

	for (size_t i = 0; i < trial->count; i++) {
		char *value = hex_of(trial->evidence[i].value.ptr, trial->evidence[i].value.len);
		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "type", trial->types[i],
		                                      "value", value, "fresh",
		                                      trial->evidence[i].challenge.len > 0));
		free(value);
	}
	json_object_set_new(root, "challenge", json_string(challenge));
	json_object_set_new(root, "did", json_string(did));
	if (class_name != NULL)
		json_object_set_new(root, "class", json_string(class_name));
	if (trial->unix_s != 0)
		json_object_set_new(root, "unix_s", json_integer((json_int_t)trial->unix_s));
	json_object_set_new(root, "evidence", list);
	char *text = json_dumps(root, JSON_INDENT(1));
	int   r = text != NULL ? cli_write(save_path, text, strlen(text), 0644) : CSN_E_NOMEM;
	free(text);
	free(challenge);
	free(did);
	json_decref(root);
	if (r < 0)
		return cli_fail(trial->cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-POL-002", .found = save_path },
		                "%s cannot be written", save_path);
	return CLI_OK;
}

/* ---- the words -------------------------------------------------------------------- */

static int
judge(struct trial *trial, struct csn_station *station)
{
	struct cli            *cli = trial->cli;
	struct csn_error       err = { 0 };
	bool                   yes = false;
	struct csn_station_try ask = { .evidence = trial->evidence,
		                       .count = trial->count,
		                       .device_class = class_name,
		                       .unix_s = trial->unix_s,
		                       .pin = with_pin != 0,
		                       .judged = tell_judged,
		                       .fact = tell_fact,
		                       .rule = tell_rule,
		                       .arg = trial };
	int r = csn_station_try(station, &ask, &yes, &err);

	if (r < 0)
		return cli_fail(cli, r == CSN_E_TIMEOUT ? CLI_TIMEOUT : CLI_INTERNAL,
		                &(struct cli_failure){ .code = "CSN-POL-003" }, "%s",
		                csn_error_text(&err));
	json_object_set(cli->doc, "evidence", trial->judged);
	json_object_set(cli->doc, "facts", trial->facts);
	json_object_set(cli->doc, "rules", trial->rules);
	json_object_set_new(cli->doc, "allowed", json_boolean(yes));
	cli_line(cli, "%s", yes ? "Policy allows it, as far as evidence alone shows." :
	                          "Policy does not allow it.");
	return yes ? CLI_OK : CLI_NO;
}

static int
try(struct cli *cli, struct csn_station *station)
{
	struct trial trial = { .cli = cli, .judged = json_array(), .rules = json_array(),
		               .facts = json_object() };
	int          code;

	if (cli->arg_count != 2)
		code = usage(cli, cli->arg_count > 2 ? cli->args[2] : NULL,
		             "one file: policy try EVIDENCE");
	else
		code = read_trial(&trial, cli->args[1]);
	if (code == CLI_OK)
		code = judge(&trial, station);
	if (save_path != NULL && (code == CLI_OK || code == CLI_NO)) {
		int saved = save(&trial);
		code = saved != CLI_OK ? saved : code;
	}
	for (size_t i = 0; i < EVIDENCE_MAX; i++)
		free(trial.values[i]);
	free(trial.file);
	json_decref(trial.recording);
	json_decref(trial.judged);
	json_decref(trial.rules);
	json_decref(trial.facts);
	return code;
}

static int
show(struct cli *cli, struct csn_station *station)
{
	json_t     *list = json_array();
	const char *rule;

	for (size_t i = 0; (rule = csn_station_policy(station, i)) != NULL; i++) {
		cli_line(cli, "%s", rule);
		json_array_append_new(list, json_string(rule));
	}
	json_object_set_new(cli->doc, "rules", list);
	return CLI_OK;
}

static int
run(struct cli *cli)
{
	struct runner runner = { 0 };
	const char   *word = cli_word(cli, "policy", "show try");

	if (word == NULL)
		return CLI_USAGE;
	int code = runner_open(&runner, cli, CSN_SIDE_STATION);
	if (code != CLI_OK)
		return code;
	code = strcmp(word, "show") == 0 ? show(cli, runner.station) : try(cli, runner.station);
	runner_close(&runner);
	return code;
}

const struct cli_command cli_policy = {
	.name     = "policy",
	.summary  = "what policy asks for, and what it would say of evidence",
	.synopsis = "show|try [EVIDENCE]",
	.detail   = "show lists every rule in force, the defaults, too. try judges EVIDENCE as a\n"
	            "session would and shows what was found and wanted: a manifest, a hello (M0b),\n"
	            "a recording that --save wrote, or raw bytes with --type. Nothing is sent,\n"
	            "asked or stored. Exit 0: accepted, and no rule says no; 1: it does.",
	.words    = "show try",
	.options  = options,
	.run      = run,
};
