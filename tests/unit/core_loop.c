/* loop: order, time and threads, on a virtual clock and once on the real one. */
#include "core/loop/loop.h"

#include "kit/tap.h"

#include <pthread.h>
#include <unistd.h>

static char   trace[256];
static size_t trace_len;

static void
mark(void *arg)
{
	if (trace_len + 1 < sizeof trace)
		trace[trace_len++] = *(const char *)arg;
	trace[trace_len] = '\0';
}

static void
forget(void)
{
	trace_len = 0;
	trace[0] = '\0';
}

static void
traced(const char *want, const char *what)
{
	if (!tap_ok(strcmp(trace, want) == 0, "%s", what))
		tap_note("got \"%s\", wanted \"%s\"", trace, want);
	forget();
}

static void
test_timers(void)
{
	struct csn_loop  *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct csn_timer *drop;

	tap_is((long long)csn_loop_now(loop), 0, "virtual time starts at 0");
	csn_loop_timer_add(loop, 3 * CSN_SECOND, mark, "c");
	csn_loop_timer_add(loop, 1 * CSN_SECOND, mark, "a");
	drop = csn_loop_timer_add(loop, 2 * CSN_SECOND, mark, "X");
	csn_loop_timer_add(loop, 2 * CSN_SECOND, mark, "b");
	csn_loop_timer_add(loop, 3 * CSN_SECOND, mark, "d");
	csn_loop_timer_drop(drop);
	tap_is(csn_loop_run_until(loop, 2500 * CSN_MS), CSN_E_TIMEOUT,
	       "run_until stops between two timers");
	traced("ab", "the earlier fire first and a dropped one does not");
	tap_is((long long)csn_loop_now(loop), (long long)(2500 * CSN_MS),
	       "time stands where run_until was told");
	tap_is(csn_loop_run(loop), CSN_E_MISSING, "run ends when nothing is left to happen");
	traced("cd", "equal times fire in the order they were added");
	tap_is((long long)csn_loop_wall(loop, NULL), (long long)CSN_VIRTUAL_EPOCH + 3,
	       "the wall clock moves with it");
	int trusted = 1;
	csn_loop_trust_wall(loop, CSN_WALL_SYNCHRONISED);
	csn_loop_wall(loop, &trusted);
	tap_is(trusted, 0, "the kernel cannot vouch for a clock that is not its own");
	csn_loop_free(loop);
}

static void
test_many_timers(void)
{
	struct csn_loop *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct csn_timer *timers[100];
	static const char letters[] = "abcdefghij";
	char              want[51] = "";
	uint32_t          n = 7;

	/* Each time once from a permutation of 0..99; every second one is dropped. */
	for (size_t i = 0; i < 100; i++) {
		n = (n * 21 + 11) % 100;
		timers[n] = csn_loop_timer_add(loop, (n + 1) * CSN_MS, mark,
		                               (void *)(uintptr_t)&letters[n / 10]);
	}
	for (size_t i = 0; i < 100; i += 2)
		csn_loop_timer_drop(timers[i]);
	for (size_t i = 0; i < 50; i++)
		want[i] = letters[i / 5];
	csn_loop_run(loop);
	traced(want, "a hundred timers, half of them dropped, fire in order");
	csn_loop_free(loop);
}

/* The last of the heap moves into the gap and has to rise there: 5 comes before 10. */
static void
test_gap(void)
{
	static const uint64_t times[] = { 1, 10, 2, 11, 12, 3, 4, 20, 21, 22, 23, 5 };
	static const char     names[] = "1a2bc34defg5";
	struct csn_loop      *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct csn_timer     *timers[12];

	for (size_t i = 0; i < 12; i++)
		timers[i] = csn_loop_timer_add(loop, times[i], mark,
		                               (void *)(uintptr_t)&names[i]);
	csn_loop_timer_drop(timers[3]);
	csn_loop_run(loop);
	traced("12345acdefg", "one taken out of the middle leaves the others in order");
	csn_loop_free(loop);
}

struct again {
	struct csn_loop *loop;
	struct csn_soon  soon;
	int              left;
};

static void
again(void *arg)
{
	struct again *a = arg;

	mark("s");
	if (--a->left > 0)
		csn_loop_soon(a->loop, &a->soon, again, a);
}

static void
quit(void *arg)
{
	mark("q");
	csn_loop_quit(arg);
}

static void
test_posts(void)
{
	struct csn_loop *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct again     a = { loop, { 0 }, 2 };
	struct csn_soon  gone = { 0 };

	csn_loop_post(loop, mark, "1");
	csn_loop_post(loop, mark, "2");
	csn_loop_soon(loop, &gone, mark, "X");
	csn_loop_soon(loop, &gone, mark, "X");
	csn_loop_soon_drop(loop, &gone);
	csn_loop_soon(loop, &a.soon, again, &a);
	tap_is(csn_loop_step(loop), 3, "a step makes each queued call once");
	traced("s12", "a call that queues itself again waits for the next round");
	csn_loop_post(loop, quit, loop);
	csn_loop_post(loop, mark, "z");
	tap_is(csn_loop_run(loop), CSN_OK, "quit ends a run");
	traced("sq", "nothing is called after quit");
	csn_loop_run(loop);
	traced("z", "what was posted is still there for the next run");
	csn_loop_free(loop);
}

static struct csn_watch *other;

static void
readable(void *self, int fd, uint32_t ready)
{
	char c;

	(void)self;
	if (ready & CSN_HANGUP)
		mark("h");
	if ((ready & CSN_READABLE) && read(fd, &c, 1) == 1)
		mark(&c);
	csn_loop_watch_drop(other);
	other = NULL;
}

static void
test_watches(void)
{
	struct csn_loop  *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct csn_watch *watch;
	int               a[2], b[2];

	if (pipe(a) < 0 || pipe(b) < 0 || write(a[1], "x", 1) != 1 || write(b[1], "y", 1) != 1)
		exit(99);
	watch = csn_loop_watch_add(loop, a[0], CSN_READABLE, readable, NULL);
	other = csn_loop_watch_add(loop, b[0], CSN_READABLE, readable, NULL);
	csn_loop_timer_add(loop, CSN_SECOND, mark, "t");
	csn_loop_run_until(loop, 2 * CSN_SECOND);
	traced("xt", "a descriptor comes before time moves; one dropped in the round is quiet");
	close(a[1]);
	csn_loop_step(loop);
	traced("h", "a hangup is reported without being asked for");
	csn_loop_watch_drop(watch);
	tap_ok(csn_loop_watch_add(loop, -1, CSN_READABLE, readable, NULL) == NULL,
	       "no descriptor, no watch");
	close(a[0]);
	close(b[0]);
	close(b[1]);
	csn_loop_free(loop);
}

static void *
poster(void *arg)
{
	for (int i = 0; i < 1000; i++)
		if (csn_loop_post(arg, mark, "p") < 0)
			return NULL;
	csn_loop_post(arg, quit, arg);
	return arg;
}

static void
count_slow(void *arg, const char *what, uint64_t took_ns)
{
	(void)what;
	(void)took_ns;
	++*(int *)arg;
}

static void
test_real(void)
{
	struct csn_loop *loop = csn_loop_new(CSN_CLOCK_REAL);
	uint64_t         began = csn_loop_now(loop);
	pthread_t        thread;
	void            *result = NULL;
	int              slow = 0, trusted = 1;
	uint8_t          a[16] = { 0 }, b[16] = { 0 };

	csn_loop_watch_slow(loop, 1, count_slow, &slow);
	if (pthread_create(&thread, NULL, poster, loop) != 0)
		exit(99);
	tap_is(csn_loop_run(loop), CSN_OK, "a post from a thread wakes the real loop");
	pthread_join(thread, &result);
	tap_ok(result == loop && trace_len == sizeof trace - 1, "all of a thread's posts came");
	tap_ok(slow > 1000, "callbacks over the limit (1 ns here) are reported");
	forget();
	csn_loop_watch_slow(loop, 0, NULL, NULL);
	csn_loop_timer_add(loop, began, mark, "t");
	tap_is(csn_loop_run_until(loop, csn_loop_now(loop) + CSN_MS), CSN_E_TIMEOUT,
	       "the real clock reaches run_until's time");
	traced("t", "a timer in the past fires at once");
	csn_loop_wall(loop, &trusted);
	tap_is(trusted, 0, "nobody vouches for the wall clock at first");
	csn_loop_trust_wall(loop, CSN_WALL_TRUSTED);
	csn_loop_wall(loop, &trusted);
	tap_is(trusted, 1, "until somebody does");
	tap_ok(csn_loop_random(loop, a, sizeof a) == CSN_OK &&
	               csn_loop_random(loop, b, sizeof b) == CSN_OK &&
	               memcmp(a, b, sizeof a) != 0, "two draws differ");
	csn_loop_free(loop);
}

/* Somebody who always has more to do, as a camera that is faster than its reader. */
struct busy {
	struct csn_loop *loop;
	struct csn_soon  soon;
	uint64_t         until_ns; /* so that a loop which never ends fails, not hangs */
	bool             gave_up;
};

static void
busy_more(void *arg)
{
	struct busy *busy = arg;

	busy->gave_up = csn_loop_now(busy->loop) >= busy->until_ns;
	if (!busy->gave_up)
		csn_loop_soon(busy->loop, &busy->soon, busy_more, busy);
}

static void
test_busy(void)
{
	struct busy busy = { .loop = csn_loop_new(CSN_CLOCK_REAL) };

	busy.until_ns = csn_loop_now(busy.loop) + 5 * CSN_SECOND;
	csn_loop_soon(busy.loop, &busy.soon, busy_more, &busy);
	int r = csn_loop_run_until(busy.loop, csn_loop_now(busy.loop) + 20 * CSN_MS);
	tap_ok(r == CSN_E_TIMEOUT && !busy.gave_up,
	       "who always has more to do does not keep a run from its end");
	csn_loop_soon_drop(busy.loop, &busy.soon);
	csn_loop_free(busy.loop);
}

int
main(void)
{
	test_timers();
	test_many_timers();
	test_gap();
	test_posts();
	test_watches();
	test_real();
	test_busy();
	return tap_done();
}
