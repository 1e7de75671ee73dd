/* The small commands: version, completion, man. */
#include "core/cli/man.h"

#include <countersign/types.h>

#include <stdlib.h>

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

/* Of a module file, whatever the configuration says: its author wants to read it, too. */
static int
module_page(struct cli *cli, const char *path)
{
	struct csn_error   err    = { 0 };
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	char              *real   = realpath(path, NULL);
	int                code   = CLI_OK;

	if (loader == NULL)
		code = CLI_INTERNAL;
	else if (csn_loader_add_file(loader, real != NULL ? real : path, &err) < 0)
		code = cli_fail(cli, CLI_NO, &(struct cli_failure){ .code = "CSN-PLG-002" }, "%s",
		                csn_error_text(&err));
	else
		man_plugin(csn_loader_list(loader), stdout);
	free(real);
	csn_loader_free(loader);
	return code;
}

static int
run_man(struct cli *cli)
{
	if (cli->arg_count > 0)
		return module_page(cli, cli->args[0]);
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
	.summary  = "this manual page, or a plugin's, as mdoc",
	.synopsis = "[MODULE.so]",
	.detail   = "The installed manual pages are made by this command.  A plugin's is made from its\n"
	            "descriptor: countersign man ./channel_fifo.so | man -l -",
	.run      = run_man,
};
