/* The manual page of a module: what its descriptor says, options from their rows. */
#include "core/cli/man.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/option.h"

#include <inttypes.h>
#include <string.h>

static void
option_type(const struct csn_option *o, FILE *out)
{
	static const char *const names[] = { "?", "true or false", "a number", "a number", "a text",
		                             "a path", "one of" };

	fputs(o->type < sizeof names / sizeof *names ? names[o->type] : "?", out);
	if (o->type == CSN_CHOICE) {
		for (const char *at = o->choices; at != NULL && *at != '\0';) {
			size_t n = strcspn(at, "|");

			fprintf(out, "%s%.*s", at == o->choices ? " " : ", ", (int)n, at);
			at += n + (at[n] == '|');
		}
	} else if (o->type == CSN_STRING) {
		fprintf(out, " of %" PRId64 " to %" PRId64 " bytes", o->min, o->max);
	} else if (o->type == CSN_U32 || o->type == CSN_I64) {
		fprintf(out, ", %" PRId64 " to %" PRId64, o->min, o->max);
	}
}

static void
write_option(const struct csn_option *o, FILE *out)
{
	fprintf(out, ".It Ic %s\n", o->key);
	man_text(o->help, out);
	fputs(".\nIt is ", out);
	option_type(o, out);
	if (o->flags & CSN_OPT_REQUIRED)
		fputs(", and required", out);
	else if (o->fallback != NULL)
		fprintf(out, ", by default\n.Ql %s", o->fallback[0] != '\0' ? o->fallback : "\\&");
	fputs(o->fallback != NULL && !(o->flags & CSN_OPT_REQUIRED) ? " .\n" : ".\n", out);
	if (o->flags & CSN_OPT_SECRET)
		fputs("Its value is never logged or shown.\n", out);
}

static void
write_component(const struct csn_component *c, FILE *out)
{
	const char *kind = csn_kind_name(c->kind);

	fprintf(out, ".Ss %s %s\n", kind, c->name);
	man_text(c->summary, out);
	fputs(".\n", out);
	for (const struct csn_need *n = c->needs; n != NULL && n->kind != 0; n++) {
		fprintf(out, ".Pp\nIt needs a %s%s%s%s: ", csn_kind_name(n->kind),
		        n->name != NULL ? " " : "", n->name != NULL ? n->name : "",
		        n->flags & CSN_NEED_OPTIONAL ? " when there is one" : "");
		man_text(n->why, out);
		fputs(".\n", out);
	}
	if (c->options == NULL || c->options->key == NULL) {
		fputs(".Pp\nIt has no options.\n", out);
		return;
	}
	fputs(".Pp\nOptions:\n.Bl -tag -width Ds\n", out);
	for (const struct csn_option *o = c->options; o->key != NULL; o++)
		write_option(o, out);
	fputs(".El\n", out);
}

void
man_plugin(const struct csn_module *m, FILE *out)
{
	const struct csn_plugin *p = m->plugin;
	char                     title[80];

	snprintf(title, sizeof title, "countersign-%s", m->name);
	for (char *at = title; (at = strchr(at, '_')) != NULL;)
		*at = '-';
	fputs(".Dd November 25, 2026\n.Dt ", out);
	for (const char *at = title; *at != '\0'; at++)
		putc(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at, out);
	fprintf(out, " 7\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", title);
	man_text(p->components[0]->summary, out);
	fputs("\n.Sh DESCRIPTION\n.\\\" README\n.Sh COMPONENTS\n", out);
	for (size_t i = 0; p->components[i] != NULL; i++)
		write_component(p->components[i], out);
	fprintf(out, ".Sh FILES\nThe module is\n.Pa %s.so ,\nin the folder of plugins.\n", m->name);
	fprintf(out, ".Sh SEE ALSO\n.Xr countersign 1 ,\n.Xr csn_%s 3 ,\n.Xr countersign.conf 5\n",
	        csn_kind_name(p->components[0]->kind));
	fprintf(out, ".Sh HISTORY\nVersion %s asks for contract %u.%u or later.\n",
	        p->version != NULL ? p->version : "unknown", p->abi_major, p->abi_minor);
	fprintf(out, "Its licence is %s.\n", p->license);
}
