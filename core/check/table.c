/* The host as a plugin sees it: every service checks who calls it, then does it. */
#include "core/check/check.h"

#include "core/check/heap.h"
#include "core/host.h"

#include <countersign/ceremony.h>
#include <countersign/channel.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define HOOKS_MAX 4096 /* timers and watches in a row before a place is used again */

enum hook_state { HOOK_FREE, HOOK_TIMER, HOOK_WATCH, HOOK_OVER };

/* A timer or a watch of the plugin's: its callback is a call into the plugin. */
struct hook {
	enum hook_state state;
	csn_call_fn    *call;
	csn_fd_fn      *ready;
	void           *self;
	void           *real;
};

struct posted {
	csn_call_fn *fn;
	void        *arg;
};

static struct csn_host *real_host;
static struct hook      hooks[HOOKS_MAX];
static size_t           next_hook;
static pthread_t        loop_thread;
static struct {
	void  *base;
	size_t room, len, growth;
} slots[SLOT_COUNT];

/* --- around every call -------------------------------------------------------------- */

static struct {
	const char   *call;
	uint64_t      began_ns, cpu_ns, queued_ns;
	long          waits;
} running;

static uint64_t
clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * CSN_SECOND + (uint64_t)t.tv_nsec;
}

static long
waits_so_far(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* How long this thread was ready and had no processor; 0 where the kernel keeps no count. */
static uint64_t
queued_so_far(void)
{
	uint64_t ran, queued = 0;
	FILE    *file = fopen("/proc/thread-self/schedstat", "re");

	if (file == NULL || fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &queued) != 2)
		queued = 0;
	if (file != NULL)
		fclose(file);
	return queued;
}

void
enter(const char *call)
{
	snprintf(page->call, sizeof page->call, "%s", call);
	running.call      = call;
	running.queued_ns = queued_so_far();
	running.waits     = waits_so_far();
	running.cpu_ns    = clock_of(CLOCK_THREAD_CPUTIME_ID);
	running.began_ns  = clock_of(CLOCK_MONOTONIC);
	heap_watch(true);
}

/*
 * Time that others had the processor for is not the plugin's: it has neither waited nor
 * computed then.  Whoever waited once may have queued for the processor afterwards.
 */
void
leave(void)
{
	heap_watch(false);
	uint64_t took   = clock_of(CLOCK_MONOTONIC) - running.began_ns;
	uint64_t cpu    = clock_of(CLOCK_THREAD_CPUTIME_ID) - running.cpu_ns;
	bool     waited = waits_so_far() > running.waits;
	uint64_t queued = waited ? queued_so_far() - running.queued_ns : 0;
	uint64_t blamed = !waited ? cpu : took > queued ? took - queued : 0;

	page->call[0] = '\0';
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct clocked *c = &bench.clocked[i];

		if (c->call != NULL && strcmp(c->call, running.call) != 0)
			continue;
		c->call = running.call;
		if (blamed > c->worst_ns)
			c->worst_ns = blamed;
		return;
	}
}

static bool
on_loop(const char *service)
{
	if (pthread_equal(pthread_self(), loop_thread))
		return true;
	check_broken(RULE_THREAD, "%s was called from another thread", service);
	return false;
}

/* A ceremony reads no clock, draws nothing by itself and waits for nobody. */
static void
not_of_a_ceremony(const char *service)
{
	static const char *const calls[] = { "begin", "step", "freeze", "thaw", "end" };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (bench.component->kind == CSN_KIND_CEREMONY && strcmp(page->call, calls[i]) == 0)
			check_broken(RULE_SESSION, "%s was called in %s: a ceremony does no I/O",
			             service, calls[i]);
}

/* --- timers, watches, posts ------------------------------------------------------------ */

static struct hook *
take_hook(enum hook_state state, void *self)
{
	for (size_t i = 0; i < HOOKS_MAX; i++) {
		struct hook *hook = &hooks[next_hook++ % HOOKS_MAX];

		if (hook->state == HOOK_TIMER || hook->state == HOOK_WATCH)
			continue;
		*hook = (struct hook){ .state = state, .self = self };
		return hook;
	}
	return NULL;
}

static bool
is_hook(const void *handle, enum hook_state state, const char *what)
{
	const struct hook *hook = handle;

	if (hook < hooks || hook >= hooks + HOOKS_MAX || hook->state != state) {
		check_broken(RULE_HOST, "%s", what);
		return false;
	}
	return true;
}

static void
timer_fired(void *arg)
{
	struct hook *hook = arg;

	hook->state = HOOK_OVER;
	enter("a timer's callback");
	hook->call(hook->self);
	leave();
}

static struct csn_timer *
host_timer_add(const struct csn_host *host, uint64_t at_ns, csn_call_fn *fn, void *self)
{
	struct hook *hook = on_loop("timer_add") && fn != NULL ? take_hook(HOOK_TIMER, self) : NULL;

	(void)host;
	not_of_a_ceremony("timer_add");
	if (hook == NULL)
		return NULL;
	hook->call = fn;
	hook->real = csn_loop_timer_add(bench.loop, at_ns, timer_fired, hook);
	if (hook->real == NULL)
		hook->state = HOOK_FREE;
	return hook->real != NULL ? (struct csn_timer *)(void *)hook : NULL;
}

static void
host_timer_drop(struct csn_timer *timer)
{
	struct hook *hook = (void *)timer;

	if (hook == NULL || !on_loop("timer_drop") ||
	    !is_hook(hook, HOOK_TIMER, "timer_drop got a timer that has run or was dropped"))
		return;
	hook->state = HOOK_FREE;
	csn_loop_timer_drop(hook->real);
}

static void
watch_ready(void *arg, int fd, uint32_t ready)
{
	struct hook *hook = arg;

	enter("a descriptor's callback");
	hook->ready(hook->self, fd, ready);
	leave();
}

static struct csn_watch *
host_watch_add(const struct csn_host *host, int fd, uint32_t want, csn_fd_fn *fn, void *self)
{
	struct hook *hook = on_loop("watch_add") && fn != NULL ? take_hook(HOOK_WATCH, self) : NULL;

	(void)host;
	not_of_a_ceremony("watch_add");
	if (hook == NULL)
		return NULL;
	hook->ready = fn;
	hook->real  = csn_loop_watch_add(bench.loop, fd, want, watch_ready, hook);
	if (hook->real == NULL)
		hook->state = HOOK_FREE;
	return hook->real != NULL ? (struct csn_watch *)(void *)hook : NULL;
}

static void
host_watch_drop(struct csn_watch *watch)
{
	struct hook *hook = (void *)watch;

	if (hook == NULL || !on_loop("watch_drop") ||
	    !is_hook(hook, HOOK_WATCH, "watch_drop got a watch that was dropped"))
		return;
	hook->state = HOOK_FREE;
	csn_loop_watch_drop(hook->real);
}

static void
posted(void *arg)
{
	struct posted post = *(struct posted *)arg;

	free(arg);
	enter("a posted call");
	post.fn(post.arg);
	leave();
}

static int
host_post(const struct csn_host *host, csn_call_fn *fn, void *arg)
{
	bool           before = heap_watch(false);
	struct posted *post   = malloc(sizeof *post);
	int            r      = CSN_E_NOMEM;

	(void)host;
	not_of_a_ceremony("post");
	if (post != NULL) {
		*post = (struct posted){ fn, arg };
		r     = csn_loop_post(bench.loop, posted, post);
	}
	heap_watch(before);
	if (r < 0)
		free(post);
	return r;
}

void
bench_nothing_left(const char *when)
{
	for (size_t i = 0; i < HOOKS_MAX; i++) {
		struct hook *hook = &hooks[i];

		if (hook->state == HOOK_TIMER) {
			check_broken(RULE_LEFT, "a timer after %s", when);
			csn_loop_timer_drop(hook->real);
		} else if (hook->state == HOOK_WATCH) {
			check_broken(RULE_LEFT, "a watched descriptor after %s", when);
			csn_loop_watch_drop(hook->real);
		}
		hook->state = HOOK_FREE;
	}
}

/* --- the rest of the table --------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void
host_log(const struct csn_host *host, int level, const char *fmt, ...)
{
	char    line[256];
	va_list args;

	(void)host;
	if (level != CSN_LOG_ERROR && level != CSN_LOG_WARN && level != CSN_LOG_INFO &&
	    level != CSN_LOG_DEBUG)
		check_broken(RULE_HOST, "log was given the unknown level %d", level);
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if (heap_secret_in(line, strnlen(line, sizeof line)))
		check_broken(RULE_HOST, "log was given a secret");
}

static uint64_t
host_now(const struct csn_host *host)
{
	(void)host;
	not_of_a_ceremony("now");
	return csn_loop_now(bench.loop);
}

static uint64_t
host_wall(const struct csn_host *host, int *ret_trusted)
{
	(void)host;
	not_of_a_ceremony("wall");
	return csn_loop_wall(bench.loop, ret_trusted);
}

static int
host_random(const struct csn_host *host, void *out, size_t len)
{
	(void)host;
	not_of_a_ceremony("random");
	return csn_loop_random(bench.loop, out, len);
}

static int
host_bind(const struct csn_config *config, const struct csn_component *component, void *self,
          struct csn_error *err)
{
	on_loop("bind");
	if (heap_turn())
		return csn_fail(err, CSN_E_NOMEM, "no memory for an option");
	bool before = heap_watch(false); /* texts are the host's               */
	int  r      = csn_config_bind(config, component, self, err);
	heap_watch(before);
	return r;
}

struct late_end {
	struct csn_op  *op;
	int             result;
	struct csn_buf *take;
};

static void
end_late(void *arg)
{
	struct late_end end = *(struct late_end *)arg;

	free(arg);
	trial_done(end.op, end.result, end.take);
}

/* From another thread it is brought home, so that the trial still ends. */
static void
host_op_done(struct csn_op *op, int result, struct csn_buf *take)
{
	bool before = heap_watch(false);

	if (on_loop("op_done")) {
		trial_done(op, result, take);
	} else {
		struct late_end *end = malloc(sizeof *end);

		if (end != NULL) {
			*end = (struct late_end){ op, result, take };
			csn_loop_post(bench.loop, end_late, end);
		}
	}
	heap_watch(before);
}

static struct csn_error *
host_op_error(struct csn_op *op)
{
	on_loop("op_error");
	return csn_op_error(op);
}

static const void *
host_service(const struct csn_host *host, const char *id)
{
	on_loop("service");
	return real_host->service(host, id);
}

/* Beyond the table a page that nobody can read: a plugin that asks for more finds out. */
static const struct csn_host *
make_table(void)
{
	struct csn_host *table = scratch(SLOT_HOST, sizeof *table);

	if (table == NULL)
		return NULL;
	memcpy(table, real_host, sizeof *table);
	table->size       = (uint32_t)(sizeof *table + bench.growth);
	table->log        = host_log;
	table->now        = host_now;
	table->wall       = host_wall;
	table->random     = host_random;
	table->bind       = host_bind;
	table->watch_add  = host_watch_add;
	table->watch_drop = host_watch_drop;
	table->timer_add  = host_timer_add;
	table->timer_drop = host_timer_drop;
	table->post       = host_post;
	table->op_done    = host_op_done;
	table->op_error   = host_op_error;
	table->service    = host_service;
	return table;
}

bool
bench_open(void)
{
	loop_thread = pthread_self();
	bench.self = bench.peer = NULL;
	bench.loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	bench.ops  = bench.loop != NULL ? csn_ops_new(bench.loop, NULL) : NULL;
	real_host  = bench.loop != NULL ? csn_host_new(bench.loop, NULL, "check") : NULL;
	bench.host = real_host != NULL ? make_table() : NULL;
	if (bench.ops != NULL && bench.host != NULL)
		return true;
	check_ok(false, "no memory to check with");
	return false;
}

void
bench_close(void)
{
	csn_ops_free(bench.ops);
	csn_host_free(real_host);
	csn_loop_free(bench.loop);
	bench.ops  = NULL;
	bench.loop = NULL;
	real_host  = NULL;
}

/* --- structs whose end is watched ------------------------------------------------------------ */

/* How long a struct was up to and with contract 0.@minor; the host adds at its end. */
static const struct {
	enum slot slot;
	uint16_t  minor;
	size_t    len;
} earlier[] = {
	{ SLOT_VERDICT, 9, offsetof(struct csn_verdict, reason_count) },
	{ SLOT_BEGIN, 10, offsetof(struct csn_begin, resume) },
	{ SLOT_CAPS, 12, offsetof(struct csn_channel_caps, at_once) },
};

/* What the oldest host hands out that this plugin says it can do with. */
static size_t
oldest(enum slot slot, size_t len)
{
	for (size_t i = 0; i < sizeof earlier / sizeof earlier[0]; i++)
		if (earlier[i].slot == slot && bench.minor <= earlier[i].minor && earlier[i].len < len)
			return earlier[i].len;
	return len;
}

void *
scratch(enum slot slot, size_t now_len)
{
	size_t len  = bench.old_host ? oldest(slot, now_len) : now_len;
	size_t size = len + bench.growth, unit = (size_t)sysconf(_SC_PAGESIZE);
	size_t lead = (size + 7) & ~(size_t)7; /* where it begins, before the page */
	size_t room = (size + unit - 1) / unit * unit;
	char  *base = slots[slot].base;

	if (base != NULL && slots[slot].room != room) {
		munmap(base, slots[slot].room + unit);
		base = NULL;
	}
	if (base == NULL) {
		base = mmap(NULL, room + unit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		            -1, 0);
		if (base == MAP_FAILED || mprotect(base + room, unit, PROT_NONE) != 0)
			abort();
	}
	slots[slot].base   = base;
	slots[slot].room   = room;
	slots[slot].len    = len;
	slots[slot].growth = bench.growth;
	memset(base, 0, room);
	uint32_t told = (uint32_t)size;
	memcpy(base + room - lead, &told, sizeof told);
	return base + room - lead;
}

void
scratch_check(enum slot slot, const char *what)
{
	const size_t   size = slots[slot].len + slots[slot].growth;
	const size_t   lead = (size + 7) & ~(size_t)7;
	const uint8_t *at   = (const uint8_t *)slots[slot].base + slots[slot].room - lead;
	uint32_t       told;

	memcpy(&told, at, sizeof told);
	if (told != size)
		check_broken(RULE_SIZE, "%s changed the size it was told", what);
	for (size_t i = slots[slot].len; i < lead; i++)
		if (at[i] != 0)
			check_broken(RULE_SIZE, "%s wrote beyond what it knows", what);
}
