/* One station or device opened for a command, and one session run on it. */
#ifndef CSN_CLI_RUNNER_H
#define CSN_CLI_RUNNER_H

#include "core/cli/cli.h"
#include "core/station/station.h"

struct runner {
	struct cli                 *cli;
	enum csn_side               side;
	struct csn_station         *station;
	/* how the last session ended */
	bool     ended;
	uint32_t outcome, code;
	uint8_t  sid[16], did[16];
	char     text[256], found[128], wanted[128], reason[48];
	char     trouble[256]; /* what this machine lacked last: "what: found; next" */
};

/* Opens what the configuration names; CLI_OK or an exit code after cli_fail. */
int runner_open(struct runner *r, struct cli *cli, enum csn_side side);
/* Runs one session to its end or to a Ctrl-C; an exit code. */
int runner_session(struct runner *r, struct csn_station_ask *ask);
/* Says how it ended, for a person and in cli->doc; an exit code. */
int runner_report(struct runner *r);
void runner_close(struct runner *r);
/* Was Ctrl-C pressed? */
bool runner_interrupted(void);
/* @code, or 128 and the signal that interrupted. */
int runner_exit(int code);

#endif
