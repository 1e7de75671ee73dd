#include "core/cli/cli.h"
#include "lib/hex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The marks of a story line, with words beside them so that no colour is needed. */
static const struct {
	char        mark;
	const char *utf8, *ascii, *word;
} marks[] = {
	{ '+', "✓", "+", "ok" },      { 'x', "✗", "x", "refused" }, { '!', "!", "!", "warning" },
	{ '?', "?", "?", "unknown" }, { '-', "–", "-", "left out" },
};

static size_t
mark_index(char mark)
{
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (marks[i].mark == mark)
			return i;
	return 0;
}

void
cli_line(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->json || cli->quiet)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* One event of the story as a JSON line. */
static void
story_json(const char *word, const char *stage, const char *text)
{
	json_t *line = json_pack("{s:i, s:s, s:s, s:s}", "schema", 1, "stage", stage, "state",
	                         word, "text", text);

	if (line == NULL)
		return;
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

void
cli_story(const struct cli *cli, char mark, const char *stage, const char *fmt, ...)
{
	char    text[512];
	va_list args;
	size_t  i = mark_index(mark);

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (cli->json_lines)
		story_json(marks[i].word, stage, text);
	else
		cli_line(cli, " %s %-13s %s", cli->ascii ? marks[i].ascii : marks[i].utf8, stage,
		         text);
}

static void
print_member(const char *name, const char *value)
{
	if (value != NULL)
		fprintf(stderr, "     %-11s %s\n", name, value);
}

static void
set_member(json_t *object, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(object, name, json_string(value));
}

void
cli_tell(const struct cli_failure *why, const char *text)
{
	fprintf(stderr, "countersign: %s%s%s%s\n", text, why->code != NULL ? "  [" : "",
	        why->code != NULL ? why->code : "", why->code != NULL ? "]" : "");
	print_member("found", why->found);
	print_member("wanted", why->wanted);
	print_member("effect", why->effect);
	print_member("next", why->next);
}

int
cli_fail(struct cli *cli, int exit_code, const struct cli_failure *why, const char *fmt, ...)
{
	static const struct cli_failure nothing = { 0 };
	char                            text[1024];
	va_list                         args;

	if (why == NULL)
		why = &nothing;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	cli_tell(why, text);

	json_t *error = json_object();
	set_member(error, "code", why->code);
	set_member(error, "stage", why->stage);
	set_member(error, "text", text);
	set_member(error, "found", why->found);
	set_member(error, "wanted", why->wanted);
	set_member(error, "effect", why->effect);
	set_member(error, "next", why->next);
	json_object_set_new(cli->doc, "error", error);
	return exit_code;
}

bool
cli_did(const char *text, uint8_t ret_did[16])
{
	return text != NULL && csn_hex_read((struct csn_bytes){ (const uint8_t *)text, strlen(text) },
	                                    CSN_HEX_ANY, ret_did, 16);
}

const char *
cli_word(struct cli *cli, const char *command, const char *choices)
{
	const char *word = cli->arg_count > 0 ? cli->args[0] : NULL;
	size_t      len  = word != NULL ? strlen(word) : 0;

	for (const char *at = choices; len > 0 && (at = strstr(at, word)) != NULL; at += len)
		if ((at == choices || at[-1] == ' ') && (at[len] == 0 || at[len] == ' '))
			return word;
	cli_fail(cli, CLI_USAGE,
	         &(struct cli_failure){ .code = "CSN-USE-001", .found = word, .wanted = choices },
	         word == NULL ? "%s needs a word" : "%s has no such word", command);
	return NULL;
}
