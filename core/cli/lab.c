/* lab: looking at what was recorded and measured. */
#include "core/cli/lab.h"

#include <errno.h>
#include <string.h>

static struct lab_options own = { .from_khz = 0, .to_khz = 24 };

static const struct poptOption options[] = {
	{ "out", 'o', POPT_ARG_STRING, &own.out, 0, "write the plot here, as SVG", "FILE" },
	{ "in", 0, POPT_ARG_STRING, &own.in, 0,
	  "constellation, picture: what receives, a media or USE:KEY=VALUE,...", "MEDIA" },
	{ "set", 0, POPT_ARG_ARGV, &own.sets, 0,
	  "constellation, picture: an option of the channel; may be repeated", "KEY=VALUE" },
	{ "column", 0, POPT_ARG_STRING, &own.column, 0,
	  "success: the column of the x axis (default: snr, else snr_db)", "NAME" },
	{ "from", 0, POPT_ARG_DOUBLE, &own.from_khz, 0, "spectrogram: lowest frequency (default 0)",
	  "KHZ" },
	{ "to", 0, POPT_ARG_DOUBLE, &own.to_khz, 0, "spectrogram: highest frequency (default 24)",
	  "KHZ" },
	{ "plugin-path", 0, POPT_ARG_STRING, &own.plugin_path, 0,
	  "where the plugins are (default: as configured, else the installed ones)", "DIR" },
	POPT_TABLEEND,
};

/* A plot is a row here and a file of its own. */
static const struct {
	const char *name;
	int (*plot)(struct cli *cli, const struct lab_options *options, const char *subject);
} plots[] = {
	{ "spectrogram", lab_spectrogram },
	{ "constellation", lab_constellation },
	{ "picture", lab_picture },
	{ "success", lab_success },
};

int
lab_cannot_write(struct cli *cli, const struct lab_options *o)
{
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-LAB-001", .found = o->out },
	                "the plot could not be written: %s", strerror(errno));
}

static int
run(struct cli *cli)
{
	const char *word = cli_word(cli, "lab", "plot");

	if (word == NULL)
		return CLI_USAGE;
	if (cli->arg_count != 3 || own.out == NULL)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-001",
		                                       .wanted = "lab plot WHAT SUBJECT -o FILE" },
		                "lab plot needs what to plot, of what, and where to");
	for (size_t i = 0; i < sizeof plots / sizeof *plots; i++)
		if (strcmp(plots[i].name, cli->args[1]) == 0)
			return plots[i].plot(cli, &own, cli->args[2]);
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = "CSN-USE-001", .found = cli->args[1],
	                                       .wanted = "spectrogram, constellation, picture or success" },
	                "there is no such plot");
}

const struct cli_command cli_lab = {
	.name     = "lab",
	.summary  = "look at what was recorded and measured",
	.synopsis = "plot spectrogram WAV | constellation CHANNEL | picture CHANNEL | success CSV -o FILE",
	.detail   = "spectrogram shows a recording by time and frequency, constellation the bits of\n"
	            "every attempt that CHANNEL makes of what comes in, picture what CHANNEL found in a\n"
	            "picture, with figures and the likely cause of failure, success how often a message\n"
	            "arrived by SNR, with its 95 % confidence band, from a table with a row a trial, as\n"
	            "the benchmarks write it. Exit 0: written; 3: cannot be read or written; 4: there is\n"
	            "nothing to show.",
	.words    = "plot",
	.options  = options,
	.run      = run,
};
