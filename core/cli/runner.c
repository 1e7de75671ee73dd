#include "core/cli/runner.h"

#include "core/base/error.h"
#include "lib/csgn1.h"
#include "lib/hex.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct csn_station   *volatile signalled; /* what Ctrl-C stops        */
static volatile sig_atomic_t interrupts, last_signal;

static void
on_interrupt(int number)
{
	last_signal = number;
	if (++interrupts > 1)
		_exit(128 + number);
	if (signalled != NULL)
		csn_station_stop(signalled);
}

bool
runner_interrupted(void)
{
	return interrupts > 0;
}

int
runner_exit(int code)
{
	return interrupts > 0 ? 128 + last_signal : code;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* A configuration named on the command line, else the one in the working folder. */
static const char *
config_path(const struct cli *cli)
{
	return cli->config != NULL ? cli->config : "countersign.conf";
}

int
runner_open(struct runner *r, struct cli *cli, enum csn_side side)
{
	struct csn_station_override overrides[3] = { { NULL, NULL } };
	struct csn_error            err          = { 0 };
	size_t                      n            = 0;

	r->cli  = cli;
	r->side = side;
	catch_signals();
	if (cli->verbose)
		overrides[n++] = (struct csn_station_override){ "station.log", "debug" };
	if (cli->log_style != NULL)
		overrides[n++] = (struct csn_station_override){ "station.log_style",
			                                        cli->log_style };
	int result = csn_station_open(config_path(cli), side, overrides, &r->station, &err);
	if (result == CSN_OK) {
		signalled = r->station;
		return CLI_OK;
	}
	bool        config = result == CSN_E_CONFIG;
	const char *next   = strrchr(csn_error_text(&err), ';');

	if (config)
		next = "countersign config check lists every mistake";
	else
		next = next != NULL ? next + 2 : "countersign plugins list shows what is there";
	return cli_fail(cli, config ? CLI_USAGE : CLI_CANNOT,
	                &(struct cli_failure){
				.code   = config ? "CSN-CFG-001" : "CSN-RUN-001",
				.stage  = "start",
				.found  = config_path(cli),
				.effect = "nothing was started",
				.next   = next,
			},
	                "%s", csn_error_text(&err));
}

/* Cuts "what: found; next" in place; a part that is not there is "". */
static void
cut_trouble(char *text, const char **ret_found, const char **ret_next)
{
	char *found = strstr(text, ": "), *next = strrchr(text, ';');

	*ret_found = *ret_next = "";
	if (found != NULL) {
		*found     = '\0';
		*ret_found = found + 2;
	}
	if (next != NULL && next > found) {
		*next     = '\0';
		*ret_next = next + (next[1] == ' ' ? 2 : 1);
	}
}

static void
on_trouble(struct runner *r, const char *text)
{
	json_t     *list = json_object_get(r->cli->doc, "troubles");
	char        what[sizeof r->trouble], line[sizeof r->trouble + 32];
	const char *found, *next;

	snprintf(r->trouble, sizeof r->trouble, "%s", text);
	snprintf(what, sizeof what, "%s", text);
	cut_trouble(what, &found, &next);
	snprintf(line, sizeof line, "%s does not work", what);
	cli_tell(&(struct cli_failure){ .code   = "CSN-DEV-011",
	                                .found  = found,
	                                .wanted = "what the configuration names",
	                                .effect = "the session waits for it; Ctrl-C ends it",
	                                .next   = next[0] != 0 ? next : "countersign config show" },
	         line);
	if (list == NULL)
		json_object_set_new(r->cli->doc, "troubles", list = json_array());
	json_array_append_new(list, json_string(text));
}

static void
on_story(void *arg, uint32_t stage, const char *text)
{
	static const char *const names[] = { "",           "seen",          "bootstrapped",
		                             "keyed",      "bound",         "authenticated",
		                             "attested",   "authorised",    "delivered",
		                             "acknowledged", "enrolled" };
	struct runner           *r       = arg;

	if (stage == CSN_STORY_TROUBLE) {
		on_trouble(r, text);
		return;
	}
	if (stage >= sizeof names / sizeof *names)
		stage = 0;
	cli_story(r->cli, stage == 0 ? '-' : '+', names[stage], "%s", text);
}

static void
on_end(void *arg, const struct session_end *end)
{
	struct runner *r = arg;

	r->ended   = true;
	r->outcome = end->outcome;
	r->code    = end->code;
	memcpy(r->sid, end->sid, sizeof r->sid);
	memcpy(r->did, end->did, sizeof r->did);
	snprintf(r->text, sizeof r->text, "%s", end->text ? end->text : "");
	snprintf(r->found, sizeof r->found, "%s", end->found ? end->found : "");
	snprintf(r->wanted, sizeof r->wanted, "%s", end->wanted ? end->wanted : "");
	snprintf(r->reason, sizeof r->reason, "%s", end->reason ? end->reason : "");
	csn_station_stop(r->station);
}

int
runner_session(struct runner *r, struct csn_station_ask *ask)
{
	struct csn_station_session *session = NULL;
	struct csn_error            err     = { 0 };

	ask->story = on_story;
	ask->end   = on_end;
	ask->arg   = r;
	ask->no_input = r->cli->no_input != 0;
	r->ended   = false;
	r->trouble[0] = '\0';
	int result = csn_station_session(r->station, ask, &session, &err);
	bool stopped = false;

	while (result == CSN_OK && !r->ended) {
		result = csn_station_run(r->station, &err);
		if (result == CSN_OK && !r->ended && !stopped) {
			stopped = true; /* the first Ctrl-C: end the session, then look again */
			csn_station_session_stop(session);
		}
	}
	if (result == CSN_OK)
		return CLI_OK;
	return cli_fail(r->cli, result == CSN_E_CONFIG || result == CSN_E_PROTOCOL ? CLI_USAGE
	                                                                          : CLI_CANNOT,
	                &(struct cli_failure){ .code   = "CSN-RUN-002",
	                                       .stage  = "session",
	                                       .found  = csn_error_text(&err),
	                                       .effect = "nothing was sent",
	                                       .next   = "correct it and start again" },
	                "%s", csn_error_text(&err));
}

/* What this machine or its operator lacked, by the session's own word for it. */
static const struct cause {
	const char *reason, *code, *text, *wanted, *next;
	int         exit_code;
} causes[] = {
	{ "channel", "CSN-DEV-011", "a channel does not work", "what the configuration names",
	  "countersign config show", CLI_CANNOT },
	{ "store", "CSN-RUN-003", "what happens cannot be put on record, so it does not happen",
	  "a store that takes it", "make room where store.path is, then: countersign audit verify",
	  CLI_CANNOT },
	{ "no-input", "CSN-USE-008", "an answer is needed, and --no-input lets nobody be asked",
	  "an answer, or a session that needs none",
	  "leave out --no-input, or have prompt : { use = \"script\"; path = ...; }; answer",
	  CLI_USAGE },
	{ "prompt", "CSN-RUN-004", "an answer is needed, and there is nobody to ask here",
	  "a terminal, or a prompt that answers by itself",
	  "start it on a terminal, or have prompt : { use = \"script\"; path = ...; }; answer",
	  CLI_CANNOT },
};

/* NULL when the offer itself was the reason. */
static const struct cause *
cause_of(const struct runner *r)
{
	static const struct cause stopped = { "", "CSN-INT-001", "stopped", NULL,
		                              "start it again when it suits", 0 };

	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
		if (strcmp(r->reason, causes[i].reason) == 0 &&
		    (r->code == 0 || r->code == CSN_CODE_PIN_MISSING))
			return &causes[i];
	return interrupts > 0 && r->code == 0 ? &stopped : NULL;
}

static const char *
effect_of(const struct runner *r)
{
	return r->side == CSN_SIDE_STATION ? "no credential was released by this refusal" :
	                                     "nothing was committed";
}

static int
report_cause(struct runner *r, const struct cause *cause)
{
	char        what[sizeof r->trouble];
	const char *found = "", *next = "";

	snprintf(what, sizeof what, "%s", r->trouble);
	if (cause->exit_code == CLI_CANNOT)
		cut_trouble(what, &found, &next);
	return cli_fail(r->cli, runner_exit(cause->exit_code),
	                &(struct cli_failure){
				.code   = cause->code,
				.stage  = r->reason,
				.found  = found[0] != 0    ? found :
				          r->found[0] != 0 ? r->found :
				                             r->text,
				.wanted = cause->wanted,
				.effect = effect_of(r),
				.next   = next[0] != 0 ? next : cause->next,
			},
	                "%s", cause->text);
}

static int
report_refusal(struct runner *r)
{
	const struct cause      *cause = cause_of(r);
	char                     code[32] = "CSN-RUN-005";
	char                     number[16];
	const struct cli_reason *reason = NULL;

	if (cause != NULL)
		return report_cause(r, cause);
	if (strcmp(r->reason, "policy") == 0 || strcmp(r->reason, "two-person") == 0 ||
	    strcmp(r->reason, "compare") == 0)
		snprintf(code, sizeof code, "CSN-POL-001");
	if (r->code != 0) {
		snprintf(code, sizeof code, "CSN-%u", r->code);
		snprintf(number, sizeof number, "%u", r->code);
		reason = cli_reason_find(number);
	}
	cli_story(r->cli, 'x', "refused", "%s%s%s  %s", reason ? reason->name : "", reason ? ": " : "",
	          r->text, code);
	return cli_fail(r->cli, r->code == CSN_CODE_TIMEOUT ? CLI_TIMEOUT : CLI_NO,
	                &(struct cli_failure){
				.code   = code,
				.stage  = r->reason,
				.found  = r->found[0] ? r->found : r->text,
				.wanted = r->wanted[0] ? r->wanted : NULL,
				.effect = effect_of(r),
				.next   = reason ? reason->next : "countersign audit show",
			},
	                "refused: %s", reason ? reason->name : r->text);
}

/* No failure: neither side may be told that the device is as it was. */
static void
report_unknown(struct runner *r, const char *sid)
{
	char next[64];

	snprintf(next, sizeof next, "countersign provision --resume %.8s", sid);
	cli_story(r->cli, '?', "unknown", "%s", r->text);
	cli_line(r->cli, "     next        %s", next);
	json_object_set_new(r->cli->doc, "text", json_string(r->text));
	json_object_set_new(r->cli->doc, "next", json_string(next));
}

int
runner_report(struct runner *r)
{
	static const struct {
		const char *name, *title;
		char        mark;
		int         exit_code;
	} outcomes[] = {
		[CSN_OUTCOME_ENROLLED] = { "enrolled", "Enrolled", '+', CLI_OK },
		[CSN_OUTCOME_OFFERED]  = { "offered", "Offered, nothing came back yet", '+', CLI_OK },
		[CSN_OUTCOME_REFUSED]  = { "refused", "Refused", 'x', CLI_NO },
		[CSN_OUTCOME_UNKNOWN]  = { "unknown", "Unknown: the answer was lost", '?', CLI_PARTLY },
	};
	char sid[33] = "", did[33] = "";

	if (r->outcome == CSN_OUTCOME_NONE || r->outcome > CSN_OUTCOME_UNKNOWN)
		return CLI_INTERNAL;
	csn_hex_write(r->sid, sizeof r->sid, sid);
	csn_hex_write(r->did, sizeof r->did, did);
	json_object_set_new(r->cli->doc, "outcome", json_string(outcomes[r->outcome].name));
	json_object_set_new(r->cli->doc, "code", json_integer(r->code));
	json_object_set_new(r->cli->doc, "sid", json_string(sid));
	json_object_set_new(r->cli->doc, "did", json_string(did));
	if (r->outcome == CSN_OUTCOME_REFUSED)
		return report_refusal(r);
	cli_line(r->cli, "%s %.8s · session %.8s", outcomes[r->outcome].title, did, sid);
	if (r->outcome == CSN_OUTCOME_UNKNOWN && r->side == CSN_SIDE_STATION)
		report_unknown(r, sid);
	return r->outcome == CSN_OUTCOME_ENROLLED ? CLI_OK :
	                                            runner_exit(outcomes[r->outcome].exit_code);
}

void
runner_close(struct runner *r)
{
	signalled = NULL;
	csn_station_close(r->station);
	r->station = NULL;
}
