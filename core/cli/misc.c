/* The small commands: version, completion, man. */
#include "core/cli/man.h"

#include <countersign/types.h>

static int
run_version(struct cli *cli)
{
	cli_line(cli, "countersign %s, plugin contract %d.%d", PACKAGE_VERSION, CSN_ABI_MAJOR,
	         CSN_ABI_MINOR);
	json_object_set_new(cli->doc, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(cli->doc, "abi", json_sprintf("%d.%d", CSN_ABI_MAJOR, CSN_ABI_MINOR));
	return CLI_OK;
}

static int
run_completion(struct cli *cli)
{
	const char *shell = cli_word(cli, "completion", "bash zsh fish");

	if (shell == NULL)
		return CLI_USAGE;
	return man_completion(shell, stdout) ? CLI_OK : CLI_USAGE;
}

static int
run_man(struct cli *cli)
{
	(void)cli;
	man_page(stdout);
	return CLI_OK;
}

const struct cli_command cli_version = {
	.name     = "version",
	.summary  = "the version of the program and of the plugin contract",
	.synopsis = "",
	.detail   = "Prints both versions.",
	.run      = run_version,
};

const struct cli_command cli_completion = {
	.name     = "completion",
	.summary  = "completion script for a shell",
	.synopsis = "bash|zsh|fish",
	.detail   = "For bash: eval \"$(countersign completion bash)\".",
	.words    = "bash zsh fish",
	.run      = run_completion,
};

const struct cli_command cli_man = {
	.name     = "man",
	.summary  = "this manual page, as mdoc",
	.synopsis = "",
	.detail   = "The installed manual page is made by this command.",
	.run      = run_man,
};
