/* plugins new: a folder with a small plugin that builds, from the installed templates. */
#include "core/cli/plugins.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE_MAX 65536
#define PLUGIN_NAME  24 /* with its kind it stays below a module's 63 characters */

/* @from: of the kind's own folder, or of common. */
static const struct part {
	const char *folder; /* NULL: the kind's                               */
	const char *from;
	const char *to; /* NULL: KIND_NAME.c                                  */
} parts[] = {
	{ NULL, "plugin.c", NULL },
	{ NULL, "README.md", "README.md" },
	{ "common", "Makefile", "Makefile" },
	{ "common", "meson.build", "meson.build" },
	{ "common", "test.sh", "test.sh" },
};

/* A part of a C symbol and of a file's name alike. */
static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= PLUGIN_NAME && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* Writes @text with @NAME@ and @KIND@ filled in; never over a file that is there. */
static int
write_part(const char *path, const char *text, const char *kind, const char *name)
{
	FILE *f = fopen(path, "wxe");

	if (f == NULL)
		return -errno;
	for (const char *at = text; *at != '\0';) {
		const char *word = strncmp(at, "@NAME@", 6) == 0   ? name
		                   : strncmp(at, "@KIND@", 6) == 0 ? kind
		                                                   : NULL;
		if (word != NULL)
			fputs(word, f);
		else
			fputc(*at, f);
		at += word != NULL ? 6 : 1;
	}
	int bad = ferror(f);
	return fclose(f) != 0 || bad ? -EIO : 0;
}

/* One file of the new folder; 0, or a negative errno. */
static int
copy_part(const struct part *part, const char *templates, const char *folder,
          const char *kind, const char *name)
{
	uint8_t *bytes = NULL;
	char    *from = NULL, *to = NULL, *text = NULL;
	size_t   len = 0;
	int      r   = -ENOMEM;

	if (asprintf(&from, "%s/%s/%s", templates, part->folder ? part->folder : kind,
	             part->from) < 0) {
		from = NULL;
		goto done;
	}
	if ((part->to != NULL ? asprintf(&to, "%s/%s", folder, part->to)
	                      : asprintf(&to, "%s/%s_%s.c", folder, kind, name)) < 0) {
		to = NULL;
		goto done;
	}
	r = -ENOENT;
	if (cli_read(from, TEMPLATE_MAX, &bytes, &len) < 0)
		goto done;
	r = -ENOMEM;
	if ((text = strndup((const char *)bytes, len)) != NULL)
		r = write_part(to, text, kind, name);
done:
	free(bytes);
	free(text);
	free(from);
	free(to);
	return r;
}

static int
refuse(struct cli *cli, const char *code, const char *found, const char *wanted,
       const char *what)
{
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = code, .found = found, .wanted = wanted },
	                "%s", what);
}

static int
write_folder(struct cli *cli, const char *templates, const char *folder, const char *kind,
             const char *name)
{
	if (mkdir(folder, 0755) < 0)
		return cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code  = "CSN-PLG-005",
		                                       .found = folder,
		                                       .next  = "choose another NAME or --dir" },
		                "cannot make the folder: %s", strerror(errno));
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		int r = copy_part(&parts[i], templates, folder, kind, name);

		if (r < 0)
			return cli_fail(cli, CLI_CANNOT,
			                &(struct cli_failure){ .code  = "CSN-PLG-006",
			                                       .found = templates,
			                                       .effect = "the folder is not complete",
			                                       .next = "name the templates: --template DIR" },
			                "cannot write %s: %s", parts[i].from, strerror(-r));
	}
	cli_line(cli, "wrote %s; next: make -C %s check", folder, folder);
	json_object_set_new(cli->doc, "folder", json_string(folder));
	return CLI_OK;
}

int
plugins_new(struct cli *cli, const char *templates, const char *parent)
{
	const char *kind = cli->arg_count > 1 ? cli->args[1] : "";
	const char *name = cli->arg_count > 2 ? cli->args[2] : "";
	char       *folder, *own, installed[4096];

	if (templates == NULL)
		templates = cli_beside("../share/countersign/template", installed) ? installed
		                                                                    : TEMPLATEDIR;
	if (cli->arg_count != 3)
		return refuse(cli, "CSN-USE-001", NULL, "plugins new KIND NAME",
		              "plugins new needs a KIND and a NAME");
	if (csn_kind_of(kind) == 0 || csn_kind_of(kind) == CSN_KIND_GATE)
		return refuse(cli, "CSN-USE-001", kind,
		              "channel, media, attest, format, ceremony, keys, store or prompt",
		              "no template of this kind");
	if (!is_name(name))
		return refuse(cli, "CSN-PLG-004", name, "1 to 24 characters a-z 0-9 _, a letter first",
		              "not a plugin's name");
	if (asprintf(&own, "%s_%s", kind, name) < 0)
		return CLI_INTERNAL;
	folder = cli_path(parent != NULL ? parent : ".", own);
	free(own);
	if (folder == NULL)
		return CLI_INTERNAL;
	int code = write_folder(cli, templates, folder, kind, name);
	free(folder);
	return code;
}
