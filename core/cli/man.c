#include "core/cli/man.h"

#include <string.h>

static const struct {
	int         code;
	const char *meaning;
} exits[] = {
	{ CLI_OK, "did it; or nothing to do" },
	{ CLI_NO, "ran, and the answer is no: refused, broken, or errors were found" },
	{ CLI_USAGE, "wrong use or configuration; nothing was started" },
	{ CLI_CANNOT, "cannot run here: a device, permission, plugin or daemon is missing" },
	{ CLI_TIMEOUT, "nothing came in time" },
	{ CLI_PARTLY, "true as far as it goes: outcome unknown, or not anchored" },
	{ CLI_INTERNAL, "our own fault" },
	{ CLI_INTERRUPTED, "interrupted (143 by SIGTERM); the state is consistent" },
};

static void
help_options(const struct poptOption *options, FILE *out)
{
	for (; options != NULL && (options->longName != NULL || options->shortName != 0);
	     options++) {
		char text[64];

		snprintf(text, sizeof text, "%s%c%s--%s%s%s", options->shortName ? "-" : "  ",
		         options->shortName ? options->shortName : ' ',
		         options->shortName ? ", " : " ", options->longName,
		         options->argDescrip ? " " : "",
		         options->argDescrip ? options->argDescrip : "");
		fprintf(out, "  %-28s %s\n", text, options->descrip);
	}
}

void
man_help(const struct cli_command *command, FILE *out)
{
	if (command != NULL) {
		fprintf(out, "usage: countersign %s %s\n%s.\n\n%s\n\n", command->name,
		        command->synopsis, command->summary, command->detail);
		help_options(command->options, out);
		help_options(cli_globals, out);
		return;
	}
	fputs("usage: countersign COMMAND [ARG...]     countersign COMMAND --help\n"
	      "  countersign demo                            see it work, no device needed\n"
	      "  countersign provision DEVICE/manifest.cbor --payload wifi.json\n\n",
	      out);
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		fprintf(out, "  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
}

void
man_text(const char *text, FILE *out)
{
	const char *first = text;
	bool        start = true;

	for (; *text != 0; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == ' ' && text > first && text[-1] == '.')
			putc('\n', out); /* a new sentence, a new line              */
		else if (*text == '-')
			fputs("\\-", out);
		else
			putc(*text, out);
		start = *text == '\n';
	}
}

static void
mdoc_options(const struct poptOption *options, FILE *out)
{
	if (options == NULL)
		return;
	fputs(".Bl -tag -width Ds\n", out);
	for (; options->longName != NULL || options->shortName != 0; options++) {
		fputs(".It ", out);
		if (options->shortName)
			fprintf(out, "Fl %c , ", options->shortName);
		fprintf(out, "Fl \\-%s", options->longName);
		if (options->argDescrip)
			fprintf(out, " Ar %s", options->argDescrip);
		fputs("\n", out);
		man_text(options->descrip, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

static void
mdoc_command(const struct cli_command *command, FILE *out)
{
	fprintf(out, ".Ss countersign %s ", command->name);
	man_text(command->synopsis, out);
	fputs("\n", out);
	man_text(command->summary, out);
	fputs(".\n.Pp\n", out);
	man_text(command->detail, out);
	fputs("\n", out);
	mdoc_options(command->options, out);
}

void
man_page(FILE *out)
{
	fputs(".Dd November 25, 2026\n.Dt COUNTERSIGN 1\n.Os\n.Sh NAME\n.Nm countersign\n"
	      ".Nd bring a new device safely into its owner's hands, without a network\n"
	      ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar argument ...\n.Sh DESCRIPTION\n"
	      "A station shows an encrypted offer on one channel and countersigns it over a\n"
	      "second, independent one.\n"
	      "The device accepts only what both agree on and what its manufacturer and owner\n"
	      "vouch for.\n.Pp\nOptions that every command takes:\n",
	      out);
	mdoc_options(cli_globals, out);
	fputs(".Sh COMMANDS\n", out);
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		mdoc_command(cli_commands[i], out);
	fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		fprintf(out, ".It %d\n%s.\n", exits[i].code, exits[i].meaning);
	fputs(".El\n.Sh SEE ALSO\n.Xr countersign.conf 5\n", out);
}

static void
bash_words(const struct cli_command *command, FILE *out)
{
	const struct poptOption *tables[] = { command->options, cli_globals };

	fprintf(out, "\t%s) words=\"%s", command->name, command->words ? command->words : "");
	for (size_t t = 0; t < 2; t++)
		for (const struct poptOption *o = tables[t]; o != NULL && o->longName; o++)
			fprintf(out, " --%s", o->longName);
	fputs("\" ;;\n", out);
}

static void
bash_function(FILE *out)
{
	fputs("_countersign() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then words=\"",
	      out);
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		fprintf(out, "%s ", cli_commands[i]->name);
	fputs("\"\n\telse case ${COMP_WORDS[1]} in\n", out);
	for (size_t i = 0; cli_commands[i] != NULL; i++)
		bash_words(cli_commands[i], out);
	fputs("\tesac; fi\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -f -- \"$cur\")\n}\n"
	      "complete -F _countersign countersign\n",
	      out);
}

static void
fish_lines(FILE *out)
{
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		const struct cli_command *c = cli_commands[i];

		fprintf(out, "complete -c countersign -n __fish_use_subcommand -a %s -d '%s'\n",
		        c->name, c->summary);
		for (const struct poptOption *o = c->options; o != NULL && o->longName; o++)
			fprintf(out,
			        "complete -c countersign -n '__fish_seen_subcommand_from %s' "
			        "-l %s\n",
			        c->name, o->longName);
	}
}

bool
man_completion(const char *shell, FILE *out)
{
	if (strcmp(shell, "fish") == 0) {
		fish_lines(out);
		return true;
	}
	if (strcmp(shell, "zsh") == 0)
		fputs("#compdef countersign\nautoload -U +X bashcompinit && bashcompinit\n", out);
	else if (strcmp(shell, "bash") != 0)
		return false;
	bash_function(out);
	return true;
}
