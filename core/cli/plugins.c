/* plugins: what is there, what it can do, and why something is refused. */
#include "core/cli/check.h"
#include "core/cli/plugins.h"
#include "core/config.h"
#include "core/loader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *path, *parent;
static const char *templates;

static struct check_options check;

static const struct poptOption options[] = {
	{ "plugin-path", 0, POPT_ARG_STRING, &path, 0,
	  "look here (default: what the configuration says, else the installed ones)", "DIR" },
	{ "set", 0, POPT_ARG_ARGV, &check.sets, 0,
	  "check: an option of the plugin, paths absolute; may be repeated", "KEY=VALUE" },
	{ "peer", 0, POPT_ARG_ARGV, &check.peers, 0,
	  "check: an option of a channel's other end; may be repeated", "KEY=VALUE" },
	{ "secret", 0, POPT_ARG_ARGV, &check.secrets, 0,
	  "check: what this file holds must not stay in memory; may be repeated", "FILE" },
	{ "inject", 0, POPT_ARG_STRING, &check.inject, 0,
	  "check: write strange bytes here, where a channel reads", "FILE" },
	{ "dir", 0, POPT_ARG_STRING, &parent, 0, "new: write the folder in here (default: here)",
	  "DIR" },
	{ "template", 0, POPT_ARG_STRING, &templates, 0,
	  "new: where the templates are (default: the installed ones)", "DIR" },
	POPT_TABLEEND,
};

static const char *const type_names[] = { "?", "bool", "integer", "integer",
	                                  "text", "path", "choice" };

static json_t *
option_json(const struct csn_option *o)
{
	json_t *row = json_pack("{s:s, s:s, s:s}", "name", o->key, "type",
	                        o->type < 7 ? type_names[o->type] : "?", "help", o->help);

	if (o->fallback != NULL)
		json_object_set_new(row, "default", json_string(o->fallback));
	if (o->choices != NULL)
		json_object_set_new(row, "choices", json_string(o->choices));
	if (o->type == CSN_U32 || o->type == CSN_I64) {
		json_object_set_new(row, "min", json_integer(o->min));
		json_object_set_new(row, "max", json_integer(o->max));
	}
	return row;
}

static void
list_component(struct cli *cli, const struct csn_module *m, const struct csn_component *c)
{
	cli_line(cli, "%-9s %-13s %-8s %d.%-3d %-9s ready      %s", csn_kind_name(c->kind), c->name,
	         m->plugin->version ? m->plugin->version : "-", m->plugin->abi_major,
	         m->plugin->abi_minor, m->path ? "file" : "built in", c->summary);
	json_array_append_new(
		json_object_get(cli->doc, "plugins"),
		json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s}", "kind", csn_kind_name(c->kind), "name",
	                  c->name, "state", "ready", "summary", c->summary, "path", m->path,
	                  "digest", m->digest));
}

static int
run_list(struct cli *cli, const struct csn_loader *loader)
{
	json_object_set_new(cli->doc, "plugins", json_array());
	cli_line(cli, "KIND      NAME          VERSION  ABI   FROM      STATE      SUMMARY");
	for (const struct csn_module *m = csn_loader_list(loader); m != NULL; m = m->next) {
		if (m->state != CSN_MODULE_READY) {
			cli_line(cli, "%-9s %-13s %-8s %-5s %-9s refused: %s", "-", m->name, "-", "-",
			         "file", m->reason);
			json_array_append_new(json_object_get(cli->doc, "plugins"),
			                      json_pack("{s:s, s:s, s:s, s:s?}", "name", m->name,
			                                "state", "refused", "reason", m->reason,
			                                "path", m->path));
			continue;
		}
		for (size_t i = 0; m->plugin->components[i] != NULL; i++)
			list_component(cli, m, m->plugin->components[i]);
	}
	return CLI_OK;
}

static void
info_component(struct cli *cli, const struct csn_module *m, const struct csn_component *c)
{
	json_t *rows = json_array();

	cli_line(cli, "%s %s: %s", csn_kind_name(c->kind), c->name, c->summary);
	cli_line(cli, "  licence  %s", m->plugin->license ? m->plugin->license : "not stated");
	cli_line(cli, "  file     %s", m->path ? m->path : "built in");
	cli_line(cli, "  digest   %s", m->digest[0] ? m->digest : "-");
	for (const struct csn_need *n = c->needs; n != NULL && n->kind != 0; n++)
		cli_line(cli, "  needs    %s %s%s: %s", csn_kind_name(n->kind), n->name ? n->name : "",
		         n->flags & CSN_NEED_OPTIONAL ? " (optional)" : "", n->why);
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++) {
		cli_line(cli, "  option   %-14s %-8s %s%s%s%s", o->key,
		         o->type < 7 ? type_names[o->type] : "?", o->help,
		         o->fallback ? " (default " : "", o->fallback ? o->fallback : "",
		         o->fallback ? ")" : "");
		json_array_append_new(rows, option_json(o));
	}
	json_array_append_new(json_object_get(cli->doc, "components"),
	                      json_pack("{s:s, s:s, s:s, s:o}", "kind", csn_kind_name(c->kind),
	                                "name", c->name, "summary", c->summary, "options", rows));
}

/* @name is a module (channel_qr) or a component (qr). */
static int
run_info(struct cli *cli, const struct csn_loader *loader, const char *name)
{
	int found = 0;

	json_object_set_new(cli->doc, "components", json_array());
	for (const struct csn_module *m = csn_loader_list(loader); m != NULL; m = m->next)
		for (size_t i = 0; m->plugin != NULL && m->plugin->components[i] != NULL; i++) {
			const struct csn_component *c = m->plugin->components[i];

			if (strcmp(c->name, name) != 0 && strcmp(m->name, name) != 0)
				continue;
			info_component(cli, m, c);
			found++;
		}
	if (found > 0)
		return CLI_OK;
	return cli_fail(cli, CLI_NO,
	                &(struct cli_failure){ .code = "CSN-PLG-001", .found = name,
	                                       .next = "countersign plugins list; plugins why NAME" },
	                "no plugin \"%s\" is ready", name);
}

static int
run_why(struct cli *cli, const struct csn_loader *loader, const char *name)
{
	for (const struct csn_module *m = csn_loader_list(loader); m != NULL; m = m->next) {
		const char *under = strchr(m->name, '_');

		if (strcmp(m->name, name) != 0 && (under == NULL || strcmp(under + 1, name) != 0))
			continue;
		bool ready = m->state == CSN_MODULE_READY;
		cli_line(cli, "%s: %s", m->path ? m->path : m->name, ready ? "ready" : m->reason);
		json_object_set_new(cli->doc, "state", json_string(ready ? "ready" : "refused"));
		json_object_set_new(cli->doc, "reason", json_string(m->reason));
		return ready ? CLI_OK : CLI_NO;
	}
	return cli_fail(cli, CLI_NO,
	                &(struct cli_failure){ .code = "CSN-PLG-002", .found = name,
	                                       .next = "countersign plugins list" },
	                "no module \"%s\" in any plugin folder", name);
}

int
plugins_folders(struct csn_loader *loader, const struct csn_config_file *file,
                const char *folder, struct csn_error *err)
{
	if (folder == NULL)
		return csn_loader_add_configured(loader, file, err);

	char *real = realpath(folder, NULL);
	int   r    = csn_loader_add_builtin(loader);
	if (r >= 0)
		r = csn_loader_add_folder(loader, real != NULL ? real : folder, err);
	free(real);
	return r;
}

/* As the command line and the configuration say. */
static int
add_folders(struct csn_loader *loader, const struct cli *cli, struct csn_error *err)
{
	struct csn_config_file *file = NULL;

	if (path == NULL && cli->config != NULL && csn_config_read(cli->config, &file, err) < 0)
		return err->code;
	int r = plugins_folders(loader, file, path, err);
	csn_config_free(file);
	return r;
}

static int
run(struct cli *cli)
{
	struct csn_error   err  = { 0 };
	const char        *word = cli_word(cli, "plugins", "list info why new check");
	const char        *name = cli->arg_count > 1 ? cli->args[1] : NULL;
	struct csn_loader *loader;
	int                code = CLI_USAGE;

	if (word == NULL)
		return CLI_USAGE;
	if (strcmp(word, "list") != 0 && name == NULL)
		return cli_fail(cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-001" },
		                "plugins %s needs a NAME", word);
	if (strcmp(word, "new") == 0)
		return plugins_new(cli, templates, parent);
	if (strcmp(word, "check") == 0)
		return plugins_check(cli, name, &check);
	if ((loader = csn_loader_new(NULL, NULL)) == NULL)
		return CLI_INTERNAL;
	if (add_folders(loader, cli, &err) < 0)
		code = cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-PLG-003",
		                                       .next = "name the folder: --plugin-path DIR" },
		                "%s", csn_error_text(&err));
	else if (strcmp(word, "list") == 0)
		code = run_list(cli, loader);
	else if (strcmp(word, "info") == 0)
		code = run_info(cli, loader, name);
	else
		code = run_why(cli, loader, name);
	csn_loader_free(loader);
	return code;
}

const struct cli_command cli_plugins = {
	.name     = "plugins",
	.summary  = "what plugins there are, what they can do, why one is refused",
	.synopsis = "list | info NAME | why NAME | new KIND NAME | check FILE",
	.detail   = "list shows every module found and its state, info the options of a component,\n"
	            "why the true reason of a module that was refused.  new writes the folder KIND_NAME\n"
	            "of a plugin that builds; check holds a module to the contract and answers in TAP:\n"
	            "its options and structs, create and destroy, cancelling at every point, every\n"
	            "allocation failing in turn, leaks, secrets left in memory, slow calls, threads, and\n"
	            "what its kind must do.  Each scene is a process of its own: a crash is one line.",
	.words    = "list info why new check",
	.options  = options,
	.run      = run,
};
