#include "core/cli/cli.h"

#include <string.h>

static int
list_all(struct cli *cli)
{
	json_t *list = json_array();

	for (const struct cli_reason *r = cli_reasons; r->name != NULL; r++) {
		cli_line(cli, "CSN-%d  %-18s %s", r->code, r->name, r->meaning);
		json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:s}", "code", r->code,
		                                      "name", r->name, "meaning", r->meaning,
		                                      "next", r->next));
	}
	json_object_set_new(cli->doc, "codes", list);
	return CLI_OK;
}

static json_t *
evidence_json(const char *code, const struct cli_evidence_reason *r)
{
	return json_pack("{s:s, s:s, s:s}", "code", code, "meaning", r->meaning, "next", r->next);
}

/* "x509", "dice", ...: every row of that kind. */
static int
list_kind(struct cli *cli, const char *kind)
{
	size_t  len = strlen(kind);
	json_t *list = json_array();

	for (const struct cli_evidence_reason *r = cli_evidence_reasons; r->name != NULL; r++)
		if (strncmp(r->name, kind, len) == 0 && r->name[len] == '.') {
			cli_line(cli, "%-24s %s", r->name, r->meaning);
			json_array_append_new(list, evidence_json(r->name, r));
		}
	if (json_array_size(list) == 0) {
		json_decref(list);
		return CLI_USAGE;
	}
	json_object_set_new(cli->doc, "codes", list);
	return CLI_OK;
}

static int
explain_evidence(struct cli *cli, const char *code)
{
	const struct cli_evidence_reason *r = cli_evidence_reason_find(code);

	if (r == NULL)
		return list_kind(cli, code);
	cli_line(cli, "%s", code);
	cli_line(cli, "  refused when  %s", r->meaning);
	cli_line(cli, "  next          %s", r->next);
	json_object_set_new(cli->doc, "reason", evidence_json(code, r));
	return CLI_OK;
}

static int
run(struct cli *cli)
{
	if (cli->arg_count == 0)
		return list_all(cli);
	if (explain_evidence(cli, cli->args[0]) == CLI_OK)
		return CLI_OK;
	const struct cli_reason *r = cli_reason_find(cli->args[0]);
	if (r == NULL)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code   = "CSN-USE-003",
		                                       .found  = cli->args[0],
		                                       .wanted = "a code such as 126, CSN-126, "
		                                                 "BIND_TAG or dice.fwid",
		                                       .next = "countersign explain lists all" },
		                "no such code: %s", cli->args[0]);
	cli_line(cli, "CSN-%d %s", r->code, r->name);
	cli_line(cli, "  refused when  %s", r->meaning);
	cli_line(cli, "  next          %s", r->next);
	json_object_set_new(cli->doc, "reason",
	                    json_pack("{s:i, s:s, s:s, s:s}", "code", r->code, "name", r->name,
	                              "meaning", r->meaning, "next", r->next));
	return CLI_OK;
}

const struct cli_command cli_explain = {
	.name     = "explain",
	.summary  = "what a refusal code means and what to do",
	.synopsis = "[CODE]",
	.detail   = "CODE is a number, CSN-NUMBER or a name, or the reason evidence was refused, such as\n"
	            "dice.fwid; dice lists all of that kind. Without one, all numbers are listed.",
	.run      = run,
};
