/* plugins check: a module held to the contract, one TAP line for each thing asked. */
#include "core/cli/check.h"

#include "core/cli/plugins.h"
#include "core/config.h"
#include "core/loader.h"
#include "core/option.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct trial *watched; /* op_done of the contract has no argument of ours */

bool
check_ok(struct bench *b, bool pass, const char *fmt, ...)
{
	va_list args;

	b->failed += !pass;
	printf("%s %d - ", pass ? "ok" : "not ok", ++b->count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout); /* what was reached stays visible when the plugin crashes */
	return pass;
}

void
check_skip(struct bench *b, const char *fmt, ...)
{
	va_list args;

	printf("ok %d - # SKIP ", ++b->count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Counts completions, then does as the host does. */
static void
counted_done(struct csn_op *op, int result, struct csn_buf *take)
{
	if (watched != NULL && watched->op == op)
		watched->completions++;
	csn_op_done(op, result, take);
}

static void
answered(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct trial *t = arg;

	(void)op;
	t->answers++;
	t->result = result;
	t->buf    = buf != NULL ? csn_buf_ref(buf) : NULL;
}

int
trial_begin(struct bench *b, struct trial *t, csn_op_cancel_fn *cancel)
{
	*t    = (struct trial){ 0 };
	t->op = csn_op_new(b->ops, &(struct csn_op_start){
	                                   .what        = "check",
	                                   .fn          = answered,
	                                   .arg         = t,
	                                   .deadline_ns = csn_loop_now(b->loop) + CHECK_WAIT,
	                                   .cancel      = cancel,
	                                   .self        = b->self,
	                           });
	watched = t;
	return t->op != NULL ? CSN_OK : CSN_E_NOMEM;
}

void
trial_started(struct trial *t, int result)
{
	if (result >= 0)
		return;
	t->answers = 1;
	t->result  = result;
	csn_op_drop(t->op);
}

void
trial_wait(struct bench *b, struct trial *t)
{
	uint64_t end = csn_loop_now(b->loop) + CHECK_WAIT + 2 * CSN_SECOND;

	while (t->answers == 0 && csn_loop_now(b->loop) < end)
		csn_loop_run_until(b->loop, csn_loop_now(b->loop) + 10 * CSN_MS);
	csn_loop_run_until(b->loop, csn_loop_now(b->loop) + 10 * CSN_MS);
}

void
trial_end(struct trial *t)
{
	watched = NULL;
	csn_buf_unref(t->buf);
	t->buf = NULL;
}

/* The reason create() cannot be tried without a configuration, or NULL. */
static const char *
required_option(const struct csn_component *c)
{
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++)
		if (o->flags & CSN_OPT_REQUIRED)
			return o->key;
	return NULL;
}

static void
check_options(struct bench *b)
{
	const struct csn_component *c = b->component;

	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++) {
		struct option_value value = { 0, NULL };
		struct csn_error    why   = { 0 };

		check_ok(b, option_check(o, &why) == CSN_OK, "option %s is well-formed%s%s", o->key,
		         why.text[0] ? ": " : "", why.text);
		check_ok(b, o->help != NULL && o->help[0] != '\0', "option %s says what it is for",
		         o->key);
		if (o->fallback != NULL)
			check_ok(b, option_parse(o, o->fallback, &value, &why) == CSN_OK,
			         "option %s: the default \"%s\" is within its bounds", o->key,
			         o->fallback);
		if ((o->type != CSN_U32 && o->type != CSN_I64) || o->max == INT64_MAX)
			continue;
		check_ok(b, option_number(o, o->max + 1, &value, &why) == CSN_E_CONFIG,
		         "option %s: one over its maximum is refused", o->key);
	}
}

/* Creates with defaults; false when it cannot be, with the reason in a TAP line. */
static bool
create(struct bench *b, const char *time)
{
	const struct csn_component *c    = b->component;
	struct csn_error            err  = { 0 };
	static char                 untouched;
	void                       *self = &untouched;
	int                         r    = c->create(b->host, b->config, &self, &err);

	b->self = NULL;
	if (r == CSN_E_MISSING || r == CSN_E_IO || r == CSN_E_CONFIG) {
		check_ok(b, self == &untouched && err.text[0] != '\0',
		         "%s create says why it failed and leaves *ret_self alone", time);
		check_skip(b, "cannot be created here: %s", csn_error_text(&err));
		return false;
	}
	if (!check_ok(b, r == CSN_OK && self != NULL && self != &untouched,
	              "%s create gives an instance%s%s", time,
	              r < 0 ? ": " : "", r < 0 ? csn_error_text(&err) : ""))
		return false;
	b->self = self;
	return true;
}

static void
check_component(struct bench *b)
{
	const struct csn_component *c    = b->component;
	const char                 *must = required_option(c);

	printf("# %s %s: %s\n", csn_kind_name(c->kind), c->name, c->summary);
	check_options(b);
	for (const struct csn_need *n = c->needs; n != NULL && n->kind != 0; n++)
		check_ok(b, n->why != NULL && n->why[0] != '\0', "the need of a %s says why",
		         csn_kind_name(n->kind));
	c->destroy(NULL);
	check_ok(b, true, "destroy takes NULL");
	if (must != NULL) {
		struct csn_error err  = { 0 };
		void            *self = NULL;

		check_ok(b, c->create(b->host, NULL, &self, &err) == CSN_E_CONFIG && self == NULL,
		         "create without the required option %s is refused", must);
		if (b->config == NULL) {
			check_skip(b, "cannot be created without a value for %s: --set", must);
			return;
		}
	}
	if (!create(b, "the first"))
		return;
	check_kind(b);
	c->destroy(b->self);
	if (!create(b, "the second"))
		return;
	c->destroy(b->self);
	check_ok(b, csn_ops_pending(b->ops) == 0, "no operation is left behind");
}

static int
check_module(struct bench *b, const struct csn_module *m)
{
	for (size_t i = 0; m->plugin->components[i] != NULL; i++) {
		b->component = m->plugin->components[i];
		b->loop      = csn_loop_new(CSN_CLOCK_VIRTUAL);
		b->ops       = b->loop != NULL ? csn_ops_new(b->loop, NULL) : NULL;
		b->host      = b->loop != NULL ? csn_host_new(b->loop, NULL, m->name) : NULL;
		bool ready   = b->ops != NULL && b->host != NULL;

		if (ready) {
			b->host->op_done = counted_done;
			check_component(b);
		}
		csn_ops_free(b->ops);
		csn_host_free(b->host);
		csn_loop_free(b->loop);
		if (!ready)
			return CLI_INTERNAL;
	}
	return b->failed > 0 ? CLI_NO : CLI_OK;
}

/* Puts KEY=VALUE texts into the group "check" of an empty configuration. */
static int
read_sets(char **sets, struct csn_config_file **ret_file, struct csn_error *err)
{
	char empty[32]; /* a file without a folder: paths have to be absolute */
	int  fd = memfd_create("check", MFD_CLOEXEC);

	if (fd < 0)
		return csn_fail(err, CSN_E_IO, "no memory file");
	snprintf(empty, sizeof empty, "/proc/self/fd/%d", fd);
	int r = csn_config_read(empty, ret_file, err);
	close(fd);
	for (; r == CSN_OK && *sets != NULL; sets++) {
		char *equals = strchr(*sets, '=');
		char  where[128];

		if (equals == NULL || equals - *sets > 64)
			return csn_fail(err, CSN_E_CONFIG, "\"%.64s\" is not KEY=VALUE", *sets);
		snprintf(where, sizeof where, "check.%.*s", (int)(equals - *sets), *sets);
		r = csn_config_override(*ret_file, where, equals + 1, err);
	}
	return r;
}

int
plugins_check(struct cli *cli, const char *path, char **sets)
{
	struct csn_config_file *file = NULL;
	struct bench       b      = { 0 };
	struct csn_error   err    = { 0 };
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	char              *real   = realpath(path, NULL);
	int                code   = CLI_NO;

	if (cli->json)
		code = cli_fail(cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-002" },
		                "plugins check answers in TAP, not in JSON");
	else if (loader == NULL)
		code = CLI_INTERNAL;
	else if (sets != NULL && read_sets(sets, &file, &err) < 0)
		code = cli_fail(cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-002" }, "%s",
		                csn_error_text(&err));
	else if (file != NULL && (b.config = csn_config_sub(csn_config_root(file), "check")) == NULL)
		code = CLI_INTERNAL;
	else if (check_ok(&b, csn_loader_add_file(loader, real != NULL ? real : path, &err) == CSN_OK,
	                  "the loader takes the module%s%s", err.text[0] ? ": " : "", err.text))
		code = check_module(&b, csn_loader_list(loader));
	if (b.count > 0)
		printf("1..%d\n", b.count);
	csn_config_free(file);
	free(real);
	csn_loader_free(loader);
	return code;
}
