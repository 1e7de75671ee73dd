/* poll(2), a heap of timers, and a queue of posts behind an eventfd. */
#include "core/loop/int.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MAX_MS 60000 /* a clock that was set is noticed within a minute   */
#define NEVER       UINT64_MAX

struct csn_watch {
	struct csn_loop  *loop;
	struct csn_watch *next;
	int               fd; /* -1: dropped, freed after the round           */
	uint32_t          want;
	csn_fd_fn        *fn;
	void             *self;
};

struct post {
	struct post *next;
	csn_call_fn *fn;
	void        *arg;
};

struct csn_loop *
csn_loop_new(enum csn_clock clock)
{
	struct csn_loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL)
		return NULL;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0 || pthread_mutex_init(&loop->lock, NULL) != 0) {
		if (loop->wake_fd >= 0)
			close(loop->wake_fd);
		free(loop);
		return NULL;
	}
	loop->clock = clock;
	loop->soon_end = &loop->soon;
	loop->posts_end = &loop->posts;
	return loop;
}

void
csn_loop_free(struct csn_loop *loop)
{
	struct csn_watch *watch;
	struct post      *post;

	if (loop == NULL)
		return;
	while ((watch = loop->watches) != NULL) {
		loop->watches = watch->next;
		free(watch);
	}
	while ((post = loop->posts) != NULL) {
		loop->posts = post->next;
		free(post);
	}
	timers_done(&loop->timers);
	free(loop->polls);
	free(loop->round);
	pthread_mutex_destroy(&loop->lock);
	close(loop->wake_fd);
	free(loop);
}

/* --- watches ------------------------------------------------------------------ */

struct csn_watch *
csn_loop_watch_add(struct csn_loop *loop, int fd, uint32_t want, csn_fd_fn *fn, void *self)
{
	struct csn_watch *watch, **end = &loop->watches;

	if (fd < 0 || fn == NULL || (want & ~(uint32_t)(CSN_READABLE | CSN_WRITABLE |
	                                                CSN_HANGUP)) != 0)
		return NULL;
	watch = calloc(1, sizeof *watch);
	if (watch == NULL)
		return NULL;
	*watch = (struct csn_watch){ loop, NULL, fd, want, fn, self };
	while (*end != NULL)
		end = &(*end)->next;
	*end = watch;
	loop->watch_count++;
	return watch;
}

void
csn_loop_watch_drop(struct csn_watch *watch)
{
	if (watch == NULL || watch->fd < 0)
		return;
	watch->fd = -1;
	watch->loop->watch_count--;
}

static void
sweep_watches(struct csn_loop *loop)
{
	struct csn_watch **at = &loop->watches;

	while (*at != NULL) {
		struct csn_watch *watch = *at;

		if (watch->fd >= 0) {
			at = &watch->next;
			continue;
		}
		*at = watch->next;
		free(watch);
	}
}

/* --- timers ------------------------------------------------------------------- */

struct csn_timer *
csn_loop_timer_add(struct csn_loop *loop, uint64_t at_ns, csn_call_fn *fn, void *self)
{
	return fn != NULL ? timers_add(&loop->timers, at_ns, fn, self) : NULL;
}

void
csn_loop_timer_drop(struct csn_timer *timer)
{
	if (timer == NULL)
		return;
	timers_take(timer);
	free(timer);
}

/* --- posts -------------------------------------------------------------------- */

static void
wake(struct csn_loop *loop)
{
	uint64_t one = 1;
	ssize_t  n;

	do
		n = write(loop->wake_fd, &one, sizeof one);
	while (n < 0 && errno == EINTR); /* EAGAIN: it is awake already */
}

int
csn_loop_post(struct csn_loop *loop, csn_call_fn *fn, void *arg)
{
	struct post *post = malloc(sizeof *post);

	if (post == NULL)
		return CSN_E_NOMEM;
	*post = (struct post){ NULL, fn, arg };
	pthread_mutex_lock(&loop->lock);
	*loop->posts_end = post;
	loop->posts_end = &post->next;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	return CSN_OK;
}

void
csn_loop_soon(struct csn_loop *loop, struct csn_soon *soon, csn_call_fn *fn, void *arg)
{
	if (soon->queued)
		return;
	*soon = (struct csn_soon){ NULL, fn, arg, 1 };
	*loop->soon_end = soon;
	loop->soon_end = &soon->next;
}

void
csn_loop_soon_drop(struct csn_loop *loop, struct csn_soon *soon)
{
	struct csn_soon **at = &loop->soon;

	if (!soon->queued)
		return;
	while (*at != NULL && *at != soon)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = soon->next;
	if (loop->soon_end == &soon->next)
		loop->soon_end = at;
	soon->queued = 0;
}

/* --- rounds ------------------------------------------------------------------- */

static uint64_t
call_begins(const struct csn_loop *loop)
{
	return loop->slow_ns != 0 ? loop_clock_ns(CLOCK_MONOTONIC) : 0;
}

static void
call_ended(const struct csn_loop *loop, const char *what, uint64_t began)
{
	uint64_t took;

	if (loop->slow_ns == 0 || began == 0)
		return;
	took = loop_clock_ns(CLOCK_MONOTONIC) - began;
	if (took > loop->slow_ns)
		loop->slow_fn(loop->slow_arg, what, took);
}

void
csn_loop_watch_slow(struct csn_loop *loop, uint64_t limit_ns, csn_slow_fn *fn, void *arg)
{
	loop->slow_ns = fn != NULL ? limit_ns : 0;
	loop->slow_fn = fn;
	loop->slow_arg = arg;
}

static int
stopped(const struct csn_loop *loop)
{
	return atomic_load(&loop->quit);
}

/* Runs what was queued when it began, so a call that queues itself cannot hold us. */
static int
run_soon(struct csn_loop *loop)
{
	int calls = 0, queued = 0;

	for (struct csn_soon *s = loop->soon; s != NULL; s = s->next)
		queued++;
	while (calls < queued && loop->soon != NULL && !stopped(loop)) {
		struct csn_soon *soon = loop->soon;
		uint64_t         began = call_begins(loop);

		csn_loop_soon_drop(loop, soon);
		soon->fn(soon->arg);
		call_ended(loop, "a queued call", began);
		calls++;
	}
	return calls;
}

static int
run_posts(struct csn_loop *loop)
{
	int          calls = 0;
	struct post *todo;

	pthread_mutex_lock(&loop->lock);
	todo = loop->posts;
	loop->posts = NULL;
	loop->posts_end = &loop->posts;
	pthread_mutex_unlock(&loop->lock);

	while (todo != NULL && !stopped(loop)) {
		struct post *post = todo;
		uint64_t     began = call_begins(loop);

		todo = post->next;
		post->fn(post->arg);
		free(post);
		call_ended(loop, "a post", began);
		calls++;
	}
	if (todo == NULL)
		return calls;

	/* Stopped half way: the rest stays, in front of what came since. */
	pthread_mutex_lock(&loop->lock);
	struct post *tail = todo;
	while (tail->next != NULL)
		tail = tail->next;
	tail->next = loop->posts;
	if (loop->posts == NULL)
		loop->posts_end = &tail->next;
	loop->posts = todo;
	pthread_mutex_unlock(&loop->lock);
	return calls;
}

static int
run_timers(struct csn_loop *loop)
{
	uint64_t now = csn_loop_now(loop), newest = loop->timers.order;
	int      calls = 0;

	while (loop->timers.count > 0 && !stopped(loop)) {
		struct csn_timer *timer = loop->timers.heap[0];
		uint64_t          began;

		if (timer->at_ns > now || timer->order >= newest)
			break;
		began = call_begins(loop);
		timers_take(timer);
		timer->fn(timer->self);
		free(timer);
		call_ended(loop, "a timer", began);
		calls++;
	}
	return calls;
}

static int
grow_polls(struct csn_loop *loop)
{
	size_t room = 2 * (loop->watch_count + 1) + 8;
	void  *polls, *round;

	if (loop->watch_count + 1 <= loop->poll_room)
		return CSN_OK;
	polls = realloc(loop->polls, room * sizeof *loop->polls);
	if (polls == NULL)
		return CSN_E_NOMEM;
	loop->polls = polls;
	round = realloc(loop->round, room * sizeof(struct csn_watch *));
	if (round == NULL)
		return CSN_E_NOMEM;
	loop->round = round;
	loop->poll_room = room;
	return CSN_OK;
}

static uint32_t
ready_of(short revents)
{
	return (revents & POLLIN ? (uint32_t)CSN_READABLE : 0) |
	       (revents & POLLOUT ? (uint32_t)CSN_WRITABLE : 0) |
	       (revents & (POLLHUP | POLLERR | POLLNVAL) ? (uint32_t)CSN_HANGUP : 0);
}

/* Waits up to @wait_ms for descriptors and posts; the number of callbacks made. */
static int
run_watches(struct csn_loop *loop, int wait_ms)
{
	nfds_t   count = 0;
	int      calls = 0;
	uint64_t drain;

	sweep_watches(loop);
	if (grow_polls(loop) < 0)
		return CSN_E_NOMEM;
	loop->polls[count++] = (struct pollfd){ .fd = loop->wake_fd, .events = POLLIN };
	for (struct csn_watch *w = loop->watches; w != NULL; w = w->next) {
		loop->round[count] = w;
		loop->polls[count++] = (struct pollfd){
			.fd = w->fd,
			.events = (short)((w->want & CSN_READABLE ? POLLIN : 0) |
			                  (w->want & CSN_WRITABLE ? POLLOUT : 0)),
		};
	}
	if (poll(loop->polls, count, wait_ms) < 0)
		return errno == EINTR ? 0 : CSN_E_IO;
	if (loop->polls[0].revents != 0 &&
	    read(loop->wake_fd, &drain, sizeof drain) < 0 && errno != EAGAIN)
		return CSN_E_IO;
	for (nfds_t i = 1; i < count && !stopped(loop); i++) {
		struct csn_watch *w = loop->round[i];
		uint64_t          began = call_begins(loop);

		if (loop->polls[i].revents == 0 || w->fd < 0)
			continue;
		w->fn(w->self, w->fd, ready_of(loop->polls[i].revents));
		call_ended(loop, "a descriptor's callback", began);
		calls++;
	}
	return calls;
}

/* One round: queued calls, posts, timers that are due, then descriptors. */
static int
round_once(struct csn_loop *loop, int wait_ms)
{
	int calls = run_soon(loop) + run_posts(loop) + run_timers(loop);
	int r;

	if (stopped(loop))
		return calls;
	r = run_watches(loop, calls > 0 || loop->soon != NULL ? 0 : wait_ms);
	return r < 0 ? r : calls + r;
}

int
csn_loop_step(struct csn_loop *loop)
{
	return round_once(loop, 0);
}

static int
posts_waiting(struct csn_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	int waiting = loop->posts != NULL;
	pthread_mutex_unlock(&loop->lock);
	return waiting || loop->soon != NULL;
}

static uint64_t
next_timer(const struct csn_loop *loop)
{
	return loop->timers.count > 0 ? loop->timers.heap[0]->at_ns : NEVER;
}

/* How long to wait for descriptors, in ms rounded up; -1: until one is ready. */
static int
wait_for(const struct csn_loop *loop, uint64_t until_ns)
{
	uint64_t now = csn_loop_now(loop), ms;

	if (until_ns == NEVER)
		return -1;
	if (until_ns <= now)
		return 0;
	ms = (until_ns - now - 1) / CSN_MS + 1;
	return ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)ms;
}

/*
 * Virtual time: a round without waiting; when it did nothing, time jumps.  Without a
 * timer to jump to only a descriptor or another thread's post can move us on.
 */
static int
advance(struct csn_loop *loop, uint64_t at_ns)
{
	uint64_t next;
	int      calls = round_once(loop, 0);

	if (calls != 0 || stopped(loop) || posts_waiting(loop))
		return calls;
	next = next_timer(loop);
	if (next > at_ns)
		next = at_ns;
	if (next != NEVER) {
		if (next > csn_loop_now(loop))
			atomic_store(&loop->virtual_ns, next);
		return 0;
	}
	if (loop->watch_count == 0)
		return CSN_E_MISSING;
	return round_once(loop, -1);
}

/*
 * The time has come and nothing that was due is left.  In real time more may become due
 * for ever, as with a camera that is faster than who looks at its pictures: a few rounds
 * for what is under way, then it is over.
 */
static bool
time_is_up(struct csn_loop *loop, uint64_t at_ns, unsigned *late)
{
	const unsigned rounds = 16;

	if (at_ns == NEVER || csn_loop_now(loop) < at_ns)
		return false;
	if (next_timer(loop) > at_ns && !posts_waiting(loop))
		return true;
	return loop->clock != CSN_CLOCK_VIRTUAL && ++*late > rounds;
}

static int
run_to(struct csn_loop *loop, uint64_t at_ns)
{
	unsigned late = 0;
	int      r = 0;

	while (!stopped(loop) && r >= 0) {
		uint64_t next = next_timer(loop);

		if (time_is_up(loop, at_ns, &late))
			return CSN_E_TIMEOUT;
		if (loop->clock == CSN_CLOCK_VIRTUAL)
			r = advance(loop, at_ns);
		else
			r = round_once(loop, wait_for(loop, next < at_ns ? next : at_ns));
	}
	if (!stopped(loop))
		return r;
	atomic_store(&loop->quit, 0);
	return CSN_OK;
}

int
csn_loop_run(struct csn_loop *loop)
{
	return run_to(loop, NEVER);
}

int
csn_loop_run_until(struct csn_loop *loop, uint64_t at_ns)
{
	return run_to(loop, at_ns);
}

void
csn_loop_quit(struct csn_loop *loop)
{
	atomic_store(&loop->quit, 1);
	wake(loop);
}
