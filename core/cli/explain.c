#include "core/cli/cli.h"

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

static int
run(struct cli *cli)
{
	if (cli->arg_count == 0)
		return list_all(cli);
	const struct cli_reason *r = cli_reason_find(cli->args[0]);
	if (r == NULL)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code   = "CSN-USE-003",
		                                       .found  = cli->args[0],
		                                       .wanted = "a code such as 126, CSN-126 "
		                                                 "or BIND_TAG",
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
	.detail   = "CODE is a number, CSN-NUMBER or a name. Without one, all codes are listed.",
	.run      = run,
};
