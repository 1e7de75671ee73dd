/* countersign-check: a module held to the contract, one TAP line for each thing asked. */
#include "core/check/check.h"
#include "core/base/nearest.h"

#include "core/check/heap.h"
#include "core/check/session.h"
#include "core/plugin/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <popt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct bench bench;
struct page *page;

static char **sets, **peers, **secrets, **left_out;
static char  *subject, *keys;
static int    limit_s = 120;

static const struct poptOption options[] = {
	{ "set", 0, POPT_ARG_ARGV, &sets, 0, "an option of the plugin", "KEY=VALUE" },
	{ "peer", 0, POPT_ARG_ARGV, &peers, 0, "an option of the other end", "KEY=VALUE" },
	{ "secret", 0, POPT_ARG_ARGV, &secrets, 0, "what must not stay in memory", "FILE" },
	{ "inject", 0, POPT_ARG_STRING, &bench.inject, 0, "where strange bytes are written",
	  "FILE" },
	{ "subject", 0, POPT_ARG_STRING, &subject, 0, "what a station's session is about", "FILE" },
	{ "keys", 0, POPT_ARG_STRING, &keys, 0, "a module that signs in sessions; --peer is its", "MODULE" },
	{ "leave-out", 0, POPT_ARG_ARGV, &left_out, 0, "a scene that is not played", "SCENE" },
	{ "wait", 0, POPT_ARG_INT, &bench.wait_ms, 0,
	  "milliseconds really waited for each ten of the loop's clock: others need theirs", "MS" },
	{ "limit", 0, POPT_ARG_INT, &limit_s, 0, "seconds a scene may take", "S" },
	POPT_TABLEEND,
};

static const struct {
	const char *what;
	void (*run)(void);
	bool needs_instance;
	bool needs_ends; /* of no use when operations do not end              */
} scenes[] = {
	{ "the options", scene_options, false, false },
	{ "create and destroy", scene_life, false, false },
	{ "what its kind must do", scene_kind, true, false },
	{ "the sizes of structs", scene_size, true, false },
	{ "cancel at every point", scene_cancel, true, true },
	{ "a leak", scene_leak, true, true },
	{ "every allocation failing in turn", scene_memory, true, true },
	{ "secrets", scene_secret, true, true },
	{ "time", scene_time, true, true },
};

/* --- one line each --------------------------------------------------------------- */

bool
check_ok(bool pass, const char *fmt, ...)
{
	bool    before = heap_watch(false);
	va_list args;

	page->failed += !pass;
	printf("%s %d - ", pass ? "ok" : "not ok", ++page->count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout); /* the next scene is another process                  */
	heap_watch(before);
	return pass;
}

void
check_skip(const char *fmt, ...)
{
	va_list args;

	printf("ok %d - # SKIP ", ++page->count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void
check_doing(const char *fmt, ...)
{
	va_list args;

	page->call[0] = '\0';
	va_start(args, fmt);
	vsnprintf(page->doing, sizeof page->doing, fmt, args);
	va_end(args);
}

void
check_broken(enum rule rule, const char *fmt, ...)
{
	bool    before = heap_watch(false);
	va_list args;

	if (page->broken[rule][0] == '\0') {
		va_start(args, fmt);
		vsnprintf(page->broken[rule], sizeof page->broken[rule], fmt, args);
		va_end(args);
	}
	heap_watch(before);
}

bool
check_rules_hold(void)
{
	return page->broken[RULE_ENDS][0] == '\0' && page->broken[RULE_ONCE][0] == '\0';
}

/* --- scenes ------------------------------------------------------------------------ */

/* Waits for @child, no longer than the limit; false when it had to be killed. */
static bool
wait_for(pid_t child, int *ret_status)
{
	struct timespec   tick = { 0, 5000000 };
	struct sigaction  dfl = { .sa_handler = SIG_DFL };
	struct timespec   now;
	time_t            end;

	sigaction(SIGCHLD, &dfl, NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + limit_s;
	while (waitpid(child, ret_status, WNOHANG) == 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end) {
			kill(child, SIGKILL);
			waitpid(child, ret_status, 0);
			return false;
		}
		nanosleep(&tick, NULL);
	}
	return true;
}

/* In a session of its own: no terminal a plugin could ask, nothing on its input. */
static void
play(void (*run)(void))
{
	setsid();
	run();
	fflush(stdout);
	_exit(0);
}

static void
run_scene(const char *what, void (*run)(void))
{
	pid_t child;
	int   status = 0;

	check_doing("%s", what);
	fflush(stdout);
	child = fork();
	if (child < 0) {
		check_ok(false, "%s: no process for it: %s", what, strerror(errno));
		return;
	}
	if (child == 0)
		play(run);
	if (!wait_for(child, &status))
		check_ok(false, "it hangs%s%s: %s", page->call[0] ? " in " : "", page->call,
		         page->doing);
	else if (WIFSIGNALED(status))
		check_ok(false, "it crashes with SIG%s%s%s: %s", sigabbrev_np(WTERMSIG(status)),
		         page->call[0] ? " in " : "", page->call, page->doing);
	else if (WEXITSTATUS(status) != 0)
		check_ok(false, "it ends the process with exit code %d%s%s: %s",
		         WEXITSTATUS(status), page->call[0] ? " in " : "", page->call,
		         page->doing);
}

static bool
is_left_out(const char *what)
{
	for (char **out = left_out; out != NULL && *out != NULL; out++)
		if (strcmp(*out, what) == 0)
			return true;
	return false;
}

static void
run_component(const struct csn_component *c, uint16_t minor)
{
	bench.component = c;
	bench.minor     = minor;
	memset(page->broken, 0, sizeof page->broken);
	page->created = 0;
	printf("# %s %s: %s\n", csn_kind_name(c->kind), c->name, c->summary);
	for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
		if (scenes[i].needs_instance && !page->created)
			continue;
		if (scenes[i].needs_ends && !check_rules_hold()) {
			check_skip("%s: its operations do not end as they must", scenes[i].what);
			continue;
		}
		if (is_left_out(scenes[i].what)) {
			check_skip("%s: left out, as asked", scenes[i].what);
			continue;
		}
		run_scene(scenes[i].what, scenes[i].run);
	}
	if (page->created)
		scene_rules();
}

static int
usage(const char *why)
{
	fprintf(stderr, "countersign-check: %s\n"
	        "usage: countersign-check [--set KEY=VALUE]... [--peer KEY=VALUE]... "
	        "[--secret FILE]... [--inject FILE] [--subject FILE] [--keys MODULE] "
	        "[--leave-out SCENE]... [--wait MS] [--limit S] MODULE\n", why);
	return 2;
}

/* What --subject names, or a few bytes that are nobody's. */
static bool
read_subject(void)
{
	static uint8_t room[65536] = "countersign test";
	size_t         len = 16;

	if (subject != NULL) {
		FILE *file = fopen(subject, "re");

		len = file != NULL ? fread(room, 1, sizeof room, file) : 0;
		if (file != NULL)
			fclose(file);
	}
	bench.subject = (struct csn_bytes){ room, len };
	bench.unix_s = subject != NULL ? (uint64_t)time(NULL) : CSN_VIRTUAL_EPOCH; /* it is dated */
	return len > 0;
}

/* Every KEY is an option of something in the module; NULL, or what to say. */
static const char *
unknown_key(const struct csn_plugin *plugin, char **texts)
{
	static char text[256];
	const char *names[65] = { NULL };
	size_t      count = 0;

	for (size_t i = 0; plugin->components[i] != NULL; i++)
		for (const struct csn_option *o = plugin->components[i]->options;
		     o != NULL && o->key != NULL && count < 64; o++)
			names[count++] = o->key;
	for (; texts != NULL && *texts != NULL; texts++) {
		char        key[65];
		const char *near;
		bool        known = false;

		snprintf(key, sizeof key, "%.*s", (int)strcspn(*texts, "="), *texts);
		for (size_t i = 0; i < count; i++)
			known |= strcmp(names[i], key) == 0;
		if (known)
			continue;
		near = csn_nearest(key, names);
		snprintf(text, sizeof text, "the module has no option \"%s\"%s%s%s", key,
		         near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		         near != NULL ? "\"?" : "");
		return text;
	}
	return NULL;
}

static int
check_module(const char *path)
{
	struct csn_error   err    = { 0 };
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	char              *real   = realpath(path, NULL);
	const struct csn_plugin *plugin;
	bool               taken;
	int                code;

	if (loader == NULL) {
		free(real);
		return 70;
	}
	taken = csn_loader_add_file(loader, real != NULL ? real : path, &err) == CSN_OK;
	check_ok(taken, "the loader takes the module%s%s", err.text[0] ? ": " : "", err.text);
	plugin = csn_loader_list(loader) != NULL ? csn_loader_list(loader)->plugin : NULL;
	const char *unknown = taken ? unknown_key(plugin, sets) : NULL;
	if (taken && unknown == NULL && keys == NULL)
		unknown = unknown_key(plugin, peers);
	if (unknown != NULL) {
		code = usage(unknown);
	} else {
		for (size_t i = 0; taken && plugin->components[i] != NULL; i++)
			run_component(plugin->components[i], plugin->abi_minor);
		printf("1..%d\n", page->count);
		code = page->failed > 0;
	}
	free(real);
	csn_loader_free(loader);
	return code;
}

int
main(int argc, char **argv)
{
	static poptContext context; /* args live as long as the program       */
	struct csn_error   err = { 0 };

	context = poptGetContext("countersign-check", argc, (const char **)(uintptr_t)argv,
	                         options, 0);
	int              r = poptGetNextOpt(context);
	const char      *path = r == -1 ? poptGetArg(context) : NULL;
	int              null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (r < -1)
		return usage(poptStrerror(r));
	if (path == NULL || poptPeekArg(context) != NULL)
		return usage("wanted one MODULE");
	if (bench.wait_ms < 0 || bench.wait_ms > 100)
		return usage("--wait is 0 to 100");
	if (limit_s < 1 || null < 0 || dup2(null, STDIN_FILENO) < 0)
		return usage(limit_s < 1 ? "--limit is at least 1" : "no /dev/null");
	if ((sets != NULL && (bench.config = check_config(sets, &err)) == NULL) ||
	    (keys != NULL && keys_of(keys, peers, &err) < 0) ||
	    (keys == NULL && peers != NULL && (bench.peer_config = check_config(peers, &err)) == NULL))
		return usage(csn_error_text(&err));
	if (!read_subject())
		return usage("--subject cannot be read, or is empty");
	bench.secret_files = (const char *const *)(uintptr_t)secrets;
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 70;
	signal(SIGPIPE, SIG_IGN);
	return check_module(path);
}
