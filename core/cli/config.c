/* config: every mistake of a configuration, and what it says. */
#include "core/config/config.h"

#include "core/cli/cli.h"
#include "core/plugin/loader.h"

#include <stdlib.h>
#include <string.h>

/* Loads what the configuration names, so that plugins' options can be checked. */
static struct csn_loader *
load_plugins(const struct csn_config_file *file)
{
	struct csn_error   unread = { 0 }; /* a folder of the list is a mistake of its own */
	struct csn_loader *loader = csn_loader_new(NULL, NULL);

	if (loader != NULL)
		(void)csn_config_load_plugins(file, loader, &unread);
	return loader;
}

static int
show_mistakes(struct cli *cli, const struct csn_config_file *file)
{
	size_t  count = csn_config_mistakes(file);
	json_t *list  = json_array();

	for (size_t i = 0; i < count; i++) {
		cli_line(cli, "%s", csn_config_mistake(file, i));
		json_array_append_new(list, json_string(csn_config_mistake(file, i)));
	}
	json_object_set_new(cli->doc, "mistakes", list);
	cli_line(cli, count == 0 ? "no mistakes" : "%zu mistake%s", count, count == 1 ? "" : "s");
	return count == 0 ? CLI_OK : CLI_NO;
}

static void
show_group(struct cli *cli, const struct csn_config *group, const char *name, int depth)
{
	unsigned    line = 0;
	const char *file = csn_config_where(group, &line), *use = csn_config_use(group);

	cli_line(cli, "%*s%-*s %s%s  %s:%u", depth * 2, "", 16 - depth * 2,
	         name[0] != 0 ? name : "-", use ? "use " : "", use ? use : "", file, line);
	for (size_t i = 0; depth < 3 && i < csn_config_count(group); i++) {
		const struct csn_config *item = csn_config_item(group, i);

		show_group(cli, item, csn_config_name(item), depth + 1);
	}
}

static void
show(struct cli *cli, const struct csn_config_file *file)
{
	json_t *sections = json_array();

	for (const struct csn_section *s = csn_sections; s->name != NULL; s++) {
		const struct csn_config *group = csn_config_sub(csn_config_root(file), s->name);

		if (group == NULL)
			continue;
		show_group(cli, group, s->name, 0);
		json_array_append_new(sections, json_string(s->name));
	}
	json_object_set_new(cli->doc, "sections", sections);
}

static int
run(struct cli *cli)
{
	struct csn_error        err  = { 0 };
	struct csn_config_file *file = NULL;
	const char             *word = cli_word(cli, "config", "check show");
	const char             *path = cli->config ? cli->config
	                               : cli->arg_count > 1 ? cli->args[1]
	                                                    : "countersign.conf";

	if (word == NULL)
		return CLI_USAGE;
	if (csn_config_read(path, &file, &err) != CSN_OK)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-CFG-002", .found = path,
		                                       .next = "countersign setup makes a first one" },
		                "%s", csn_error_text(&err));
	struct csn_loader *loader = load_plugins(file);
	csn_config_check(file, loader);
	int code = CLI_OK;
	if (strcmp(word, "show") == 0)
		show(cli, file);
	if (strcmp(word, "check") == 0 || csn_config_mistakes(file) > 0)
		code = show_mistakes(cli, file);
	csn_config_free(file);
	csn_loader_free(loader);
	return code;
}

const struct cli_command cli_config = {
	.name     = "config",
	.summary  = "check a configuration, or show it",
	.synopsis = "check|show [FILE]",
	.detail   = "check lists every mistake with file and line, and the nearest name for an\n"
	            "unknown one. show lists the sections with the place each comes from.",
	.words    = "check show",
	.run      = run,
};
