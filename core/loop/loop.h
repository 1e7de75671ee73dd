/*
 * The one loop: descriptors, timers and posts, on the real clock or on one of its own
 * that jumps to the next timer as soon as nothing else is left to do.
 */
#ifndef CSN_CORE_LOOP_H
#define CSN_CORE_LOOP_H

#include <countersign/host.h>

enum csn_clock {
	CSN_CLOCK_REAL,
	CSN_CLOCK_VIRTUAL, /* starts at 0 ns, wall clock at CSN_VIRTUAL_EPOCH */
};

#define CSN_VIRTUAL_EPOCH UINT64_C(1767225600) /* 2026-01-01                  */
#define CSN_MS            UINT64_C(1000000)
#define CSN_SECOND        UINT64_C(1000000000)

/* A call to be made soon; zeroed, in its owner's memory, so queueing cannot fail. */
struct csn_soon {
	struct csn_soon *next;
	csn_call_fn     *fn;
	void            *arg;
	uint32_t         queued;
};

struct csn_loop;

struct csn_loop *csn_loop_new(enum csn_clock clock);
void csn_loop_free(struct csn_loop *loop); /* NULL is fine; drops all that is left */

uint64_t csn_loop_now(const struct csn_loop *loop);                    /* [any] */
uint64_t csn_loop_wall(const struct csn_loop *loop, int *ret_trusted); /* [any] */
/* Who vouches for the wall clock; nobody does at first. */
enum csn_wall {
	CSN_WALL_UNTRUSTED,
	CSN_WALL_TRUSTED,
	CSN_WALL_SYNCHRONISED, /* trusted while the kernel says it is synchronised    */
};
void csn_loop_trust_wall(struct csn_loop *loop, enum csn_wall wall);
/* [any] From the system. */
int csn_loop_random(struct csn_loop *loop, void *out, size_t len);

/* [loop] The shapes of struct csn_host; NULL when out of memory or out of contract. */
struct csn_watch *csn_loop_watch_add(struct csn_loop *loop, int fd, uint32_t want,
                                     csn_fd_fn *fn, void *self);
void csn_loop_watch_drop(struct csn_watch *watch);
struct csn_timer *csn_loop_timer_add(struct csn_loop *loop, uint64_t at_ns,
                                     csn_call_fn *fn, void *self);
void csn_loop_timer_drop(struct csn_timer *timer);
int csn_loop_post(struct csn_loop *loop, csn_call_fn *fn, void *arg); /* [any] */
/* [loop] As post, with the caller's memory.  Queued already: nothing happens. */
void csn_loop_soon(struct csn_loop *loop, struct csn_soon *soon, csn_call_fn *fn,
                   void *arg);
/* [loop] Takes a queued call back; not queued is fine. */
void csn_loop_soon_drop(struct csn_loop *loop, struct csn_soon *soon);

/*
 * Runs until quit (CSN_OK).  On a virtual clock also until nothing is left that could
 * happen (CSN_E_MISSING); on the real one a thread may always post.
 */
int csn_loop_run(struct csn_loop *loop);
/* As run, but no further than @at_ns, where it returns CSN_E_TIMEOUT. */
int csn_loop_run_until(struct csn_loop *loop, uint64_t at_ns);
/* One round without waiting; the number of callbacks made, or a negative code. */
int csn_loop_step(struct csn_loop *loop);
/* [any] Also from a signal handler.  A run that starts later ends at once, too. */
void csn_loop_quit(struct csn_loop *loop);

/* Reports each callback that ran for longer than @limit_ns; 0 stops that. */
typedef void csn_slow_fn(void *arg, const char *what, uint64_t took_ns);
void csn_loop_watch_slow(struct csn_loop *loop, uint64_t limit_ns, csn_slow_fn *fn,
                         void *arg);

#endif
