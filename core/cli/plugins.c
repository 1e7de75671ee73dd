/* plugins: what is there, what it can do, and why something is refused. */
#include "core/cli/check.h"
#include "core/cli/plugins.h"
#include "core/config/config.h"
#include "core/isolate/isolate.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/loader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *path, *parent, *key;
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
	{ "leave-out", 0, POPT_ARG_ARGV, &check.left_out, 0,
	  "check: a scene that is not played, by its name; may be repeated", "SCENE" },
	{ "wait", 0, POPT_ARG_STRING, &check.wait, 0,
	  "check: really waited for each ten ms of the loop's clock, when others need theirs", "MS" },
	{ "subject", 0, POPT_ARG_STRING, &check.subject, 0,
	  "check: what a ceremony's session is about, as a manifest", "FILE" },
	{ "keys", 0, POPT_ARG_STRING, &check.keys, 0,
	  "check: a module that signs in a ceremony's sessions; --peer gives it options", "MODULE" },
	{ "inject", 0, POPT_ARG_STRING, &check.inject, 0,
	  "check: write strange bytes here, where a channel reads", "FILE" },
	{ "key", 0, POPT_ARG_STRING, &key, 0, "sign: the signer's Ed25519 private key, PEM", "FILE" },
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

/* "sealed": a copy that was judged by a list or a signature is what was loaded. */
static const char *
from(const struct csn_module *m)
{
	return m->path == NULL ? "built in" : m->sealed_fd >= 0 ? "sealed" : "file";
}

/* Where it runs when the configuration does not say: isolation in countersign.conf(5). */
static const char *
worker_word(const struct csn_component *c)
{
	return isolate_fits(c) ? "yes" : c->kind == CSN_KIND_MEDIA ? "channel" : "-";
}

static void
list_component(struct cli *cli, const struct csn_module *m, const struct csn_component *c)
{
	cli_line(cli, "%-9s %-13s %-8s %d.%-3d %-9s %-7s ready      %s", csn_kind_name(c->kind), c->name,
	         m->plugin->version ? m->plugin->version : "-", m->plugin->abi_major,
	         m->plugin->abi_minor, from(m), worker_word(c), c->summary);
	json_array_append_new(
		json_object_get(cli->doc, "plugins"),
		json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s}", "kind",
	                  csn_kind_name(c->kind), "name", c->name, "state", "ready", "summary",
	                  c->summary, "path", m->path, "digest", m->digest, "from", from(m),
	                  "isolation", worker_word(c)));
}

static int
run_list(struct cli *cli, const struct csn_loader *loader)
{
	json_object_set_new(cli->doc, "plugins", json_array());
	cli_line(cli, "KIND      NAME          VERSION  ABI   FROM      WORKER  STATE      SUMMARY");
	for (const struct csn_module *m = csn_loader_list(loader); m != NULL; m = m->next) {
		if (m->state != CSN_MODULE_READY) {
			cli_line(cli, "%-9s %-13s %-8s %-5s %-9s %-7s refused: %s", "-", m->name, "-",
			         "-", "file", "-", m->reason);
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
	cli_line(cli, "  digest   %s%s", m->digest[0] ? m->digest : "-",
	         m->sealed_fd >= 0 ? " (judged and loaded from a sealed copy)" : "");
	cli_line(cli, "  worker   %s",
	         isolate_fits(c)           ? "runs in one, unless isolation = \"none\"" :
	         c->kind == CSN_KIND_MEDIA ? "runs in that of its channel" :
	                                     "runs in the station's process");
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
	if (folder == NULL) {
		int r = csn_config_load_plugins(file, loader, err);

		return r == CSN_OK && csn_loader_list(loader) == NULL ?
		               csn_fail(err, CSN_E_MISSING, "no plugin in " PLUGINDIR) :
		               r;
	}
	char *real = realpath(folder, NULL);
	int   r    = csn_loader_add_builtin(loader);
	if (r >= 0)
		r = csn_loader_add_folder(loader, real != NULL ? real : folder, err);
	free(real);
	return r;
}

/* A configuration, its folders and whom it trusts; --plugin-path DIR is one folder instead. */
struct place {
	struct csn_config_file *file;
	struct csn_trust_list  *trusted;
	struct csn_loader      *loader;
};

static void
leave_place(struct place *place)
{
	csn_loader_free(place->loader);
	csn_trust_list_free(place->trusted);
	csn_config_free(place->file);
}

/* Only a lab loads what a command line names. */
static int
check_path(const struct place *place, struct csn_error *err)
{
	const struct csn_config  *root = csn_config_root(place->file);
	struct csn_config_station own  = { 0 };

	if (csn_config_fill(csn_config_sub(root, "station"), csn_config_station_rows, &own, NULL) < 0 ||
	    own.profile != 1)
		return csn_fail(err, CSN_E_REFUSED,
		                "--plugin-path works in the lab profile only; this configuration's is factory");
	return CSN_OK;
}

static int
read_place(struct place *place, const char *config, struct csn_error *err)
{
	struct csn_config_plugins own = { 0 };
	int                       r   = csn_config_read(config, &place->file, err);

	if (r == CSN_OK && path != NULL)
		r = check_path(place, err);
	if (r == CSN_OK)
		r = csn_config_fill(csn_config_sub(csn_config_root(place->file), "plugins"),
		                    csn_config_plugins_rows, &own, err);
	if (r == CSN_OK && own.digests != NULL)
		r = csn_trust_list_read(own.digests, &place->trusted, err);
	if (r == CSN_OK && own.signers != NULL)
		r = csn_trust_signers_read(own.signers, &place->trusted, err);
	return r;
}

static int
enter_place(const struct cli *cli, struct place *place, struct csn_error *err)
{
	int r = cli->config != NULL ? read_place(place, cli->config, err) : CSN_OK;

	if (r < 0)
		return r;
	place->loader = csn_loader_new(NULL, place->trusted);
	if (place->loader == NULL)
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	return plugins_folders(place->loader, place->file, path, err);
}

static int
run(struct cli *cli)
{
	struct csn_error   err  = { 0 };
	const char        *word = cli_word(cli, "plugins", "list info why new check sign");
	const char        *name = cli->arg_count > 1 ? cli->args[1] : NULL;
	struct place       place = { NULL, NULL, NULL };
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
	if (strcmp(word, "sign") == 0)
		return plugins_sign(cli, name, key);
	if (enter_place(cli, &place, &err) < 0)
		code = cli_fail(cli, err.code == CSN_E_REFUSED && path != NULL ? CLI_USAGE : CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-PLG-003",
		                                       .next = path == NULL ? "name the folder: --plugin-path DIR" :
		                                                              NULL },
		                "%s", csn_error_text(&err));
	else if (strcmp(word, "list") == 0)
		code = run_list(cli, place.loader);
	else if (strcmp(word, "info") == 0)
		code = run_info(cli, place.loader, name);
	else
		code = run_why(cli, place.loader, name);
	leave_place(&place);
	return code;
}

const struct cli_command cli_plugins = {
	.name     = "plugins",
	.summary  = "what plugins there are, what they can do, why one is refused",
	.synopsis = "list | info NAME | why NAME | new KIND NAME | check FILE | sign FILE",
	.detail   = "list shows every module found and its state, info the options of a component,\n"
	            "why the true reason of a module that was refused.  new writes the folder KIND_NAME\n"
	            "of a plugin that builds; check holds a module to the contract and answers in TAP:\n"
	            "its options and structs, create and destroy, cancelling at every point, every\n"
	            "allocation failing in turn, leaks, secrets left in memory, slow calls, threads, and\n"
	            "what its kind must do.  Each scene is a process of its own: a crash is one line.\n"
	            "sign writes FILE.sig for stations whose configuration names plugins.signers.",
	.words    = "list info why new check sign",
	.options  = options,
	.run      = run,
};
