#include "core/cli/runner.h"

#include "core/error.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct csn_station   *volatile signalled; /* what Ctrl-C stops        */
static volatile sig_atomic_t interrupts;

static void
on_interrupt(int number)
{
	(void)number;
	if (++interrupts > 1)
		_exit(CLI_INTERRUPTED);
	if (signalled != NULL)
		csn_station_stop(signalled);
}

bool
runner_interrupted(void)
{
	return interrupts > 0;
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
	static const struct csn_station_override debug[] = { { "station.log", "debug" },
		                                             { NULL, NULL } };
	struct csn_error                         err     = { 0 };

	r->cli  = cli;
	r->side = side;
	catch_signals();
	int result = csn_station_open(config_path(cli), side, cli->verbose ? debug : NULL,
	                              &r->station, &err);
	if (result == CSN_OK) {
		signalled = r->station;
		return CLI_OK;
	}
	bool config = result == CSN_E_CONFIG;
	return cli_fail(cli, config ? CLI_USAGE : CLI_CANNOT,
	                &(struct cli_failure){
				.code   = config ? "CSN-CFG-001" : "CSN-RUN-001",
				.stage  = "start",
				.found  = config_path(cli),
				.effect = "nothing was started",
				.next   = config ? "countersign config check lists every mistake"
	                                         : "countersign plugins list shows what is there",
			},
	                "%s", csn_error_text(&err));
}

static void
on_story(void *arg, uint32_t stage, const char *text)
{
	static const char *const names[] = { "",           "seen",          "bootstrapped",
		                             "keyed",      "bound",         "authenticated",
		                             "attested",   "authorised",    "delivered",
		                             "acknowledged", "enrolled" };
	struct runner           *r       = arg;

	if (stage >= sizeof names / sizeof *names)
		stage = 0;
	cli_story(r->cli, stage == 0 ? '-' : '+', names[stage], "%s", text);
}

static void
on_end(void *arg, const struct csn_station_end *end)
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
	r->ended   = false;
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

static int
report_refusal(struct runner *r)
{
	char                     code[32] = "CSN-POL-001";
	char                     number[16];
	const struct cli_reason *reason = NULL;

	if (r->code != 0) {
		snprintf(code, sizeof code, "CSN-%u", r->code);
		snprintf(number, sizeof number, "%u", r->code);
		reason = cli_reason_find(number);
	}
	cli_story(r->cli, 'x', "refused", "%s%s%s  %s", reason ? reason->name : "", reason ? ": " : "",
	          r->text, code);
	return cli_fail(r->cli, CLI_NO,
	                &(struct cli_failure){
				.code   = code,
				.stage  = r->reason,
				.found  = r->found[0] ? r->found : r->text,
				.wanted = r->wanted[0] ? r->wanted : NULL,
				.effect = r->side == CSN_SIDE_STATION
	                                          ? "no credential was released by this refusal"
	                                          : "nothing was committed",
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
	cli_hex(r->sid, sizeof r->sid, sid);
	cli_hex(r->did, sizeof r->did, did);
	json_object_set_new(r->cli->doc, "outcome", json_string(outcomes[r->outcome].name));
	json_object_set_new(r->cli->doc, "code", json_integer(r->code));
	json_object_set_new(r->cli->doc, "sid", json_string(sid));
	json_object_set_new(r->cli->doc, "did", json_string(did));
	if (r->outcome == CSN_OUTCOME_REFUSED)
		return report_refusal(r);
	cli_line(r->cli, "%s %.8s · session %.8s", outcomes[r->outcome].title, did, sid);
	if (r->outcome == CSN_OUTCOME_UNKNOWN && r->side == CSN_SIDE_STATION)
		report_unknown(r, sid);
	return outcomes[r->outcome].exit_code;
}

void
runner_close(struct runner *r)
{
	signalled = NULL;
	csn_station_close(r->station);
	r->station = NULL;
}
