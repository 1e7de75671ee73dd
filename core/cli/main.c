#include "core/cli/cli.h"
#include "core/base/nearest.h"
#include "core/cli/man.h"
#include "core/config/config.h"

#include <langinfo.h>
#ifdef BUILTIN_PLUGINS
#include <ltdl.h>
#endif
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli cli;
static int        want_help, want_version;

const struct poptOption cli_globals[] = {
	{ "config", 'c', POPT_ARG_STRING, &cli.config, 0,
	  "configuration (default: countersign.conf here, then the installed one)", "FILE" },
	{ "json", 0, POPT_ARG_NONE, &cli.json, 0, "one JSON document on standard output", NULL },
	{ "json-lines", 0, POPT_ARG_NONE, &cli.json_lines, 0,
	  "the story as JSON lines on standard output", NULL },
	{ "quiet", 'q', POPT_ARG_NONE, &cli.quiet, 0, "errors only", NULL },
	{ "verbose", 'v', POPT_ARG_NONE, &cli.verbose, 0, "debug messages too", NULL },
	{ "log", 0, POPT_ARG_STRING, &cli.log_style, 0,
	  "shape of the log's lines: text, journal (with levels) or json", "STYLE" },
	{ "no-input", 0, POPT_ARG_NONE, &cli.no_input, 0,
	  "ask nobody: what would need an answer ends with an error (exit 2)", NULL },
	{ "help", 'h', POPT_ARG_NONE, &want_help, 0, "what the command does", NULL },
	{ "version", 0, POPT_ARG_NONE, &want_version, 0, "the version", NULL },
	POPT_TABLEEND,
};

static const struct cli_command *
find_command(const char *name)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

static int
unknown_command(const char *name)
{
	const char *names[64] = { NULL };

	for (size_t i = 0; cli_commands[i] != NULL && i < 63; i++)
		names[i] = cli_commands[i]->name;
	const char *near = csn_nearest(name, names);
	return cli_fail(&cli, CLI_USAGE,
	                &(struct cli_failure){ .code  = "CSN-USE-001",
	                                       .found = name,
	                                       .next  = near != NULL ? near : "countersign --help" },
	                near != NULL ? "no command \"%s\"; did you mean \"%s\"?"
	                             : "no command \"%s\"",
	                name, near != NULL ? near : "");
}

/* Parses the options of @command; what is left goes to cli.args.  An exit code. */
static int
parse(const struct cli_command *command, int argc, const char **argv)
{
	static const struct poptOption none[] = { POPT_TABLEEND };
	struct poptOption              table[] = {
                { NULL, 0, POPT_ARG_INCLUDE_TABLE,
		  (void *)(uintptr_t)(command->options ? command->options : none), 0,
		  "Options:", NULL },
                { NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)(uintptr_t)cli_globals, 0,
		  "Everywhere:", NULL },
                POPT_TABLEEND,
	};
	static poptContext context; /* args live as long as the program       */

	context = poptGetContext("countersign", argc, argv, table, 0);
	int r = poptGetNextOpt(context);
	if (r < -1)
		return cli_fail(&cli, CLI_USAGE,
		                &(struct cli_failure){ .code  = "CSN-USE-002",
		                                       .found = poptBadOption(context, 0),
		                                       .next  = "see --help" },
		                "%s: %s", command->name, poptStrerror(r));
	cli.args = (char **)(uintptr_t)poptGetArgs(context);
	for (cli.arg_count = 0; cli.args != NULL && cli.args[cli.arg_count] != NULL;)
		cli.arg_count++;
	return CLI_OK;
}

/* Options before the command: those that take no word, -c FILE and --log STYLE. */
static int
command_position(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0 ||
				     strcmp(argv[i], "--log") == 0
			     ? 2
			     : 1;
	return i;
}

static int
finish(int code)
{
	if (cli.json) {
		json_object_set_new(cli.doc, "schema", json_integer(1));
		json_object_set_new(cli.doc, "ok", json_boolean(code == CLI_OK));
		json_object_set_new(cli.doc, "exit", json_integer(code));
		json_dumpf(cli.doc, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(cli.doc);
	if (fflush(stdout) != 0 && code == CLI_OK)
		code = CLI_CANNOT;
	return code;
}

static int
run(int argc, char **argv)
{
	static const struct cli_command top = { .name = "countersign" };
	int                             at  = command_position(argc, argv);
	const struct cli_command       *command = at < argc ? find_command(argv[at]) : &top;

	for (int i = 1; i < argc; i++) /* so that a failing parse answers in JSON too */
		if (strcmp(argv[i], "--json") == 0)
			cli.json = 1;
	if (command == NULL)
		return unknown_command(argv[at]);
	const char **rest = calloc((size_t)argc + 1, sizeof *rest);
	if (rest == NULL)
		return CLI_INTERNAL;
	int count = 0;
	for (int i = 0; i < argc; i++)
		if (i != at)
			rest[count++] = argv[i];
	int code = parse(command, count, rest);
	if (code != CLI_OK)
		return code;
	if (want_version) {
		cli_line(&cli, "countersign %s", PACKAGE_VERSION);
		json_object_set_new(cli.doc, "version", json_string(PACKAGE_VERSION));
		return CLI_OK;
	}
	if (want_help || command == &top) {
		man_help(command == &top ? NULL : command, want_help ? stdout : stderr);
		return want_help ? CLI_OK : CLI_USAGE;
	}
	return command->run(&cli);
}

int
main(int argc, char **argv)
{
#ifdef BUILTIN_PLUGINS
	LTDL_SET_PRELOADED_SYMBOLS();
#endif
	setlocale(LC_CTYPE, "");
	cli.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	cli.doc   = json_object();
	if (cli.doc == NULL)
		return CLI_INTERNAL;
	signal(SIGPIPE, SIG_IGN);
	return finish(run(argc, argv));
}
