/* The inside of a loop, shared by the files of this folder only. */
#ifndef CSN_CORE_LOOP_INT_H
#define CSN_CORE_LOOP_INT_H

#include "core/loop/loop.h"
#include "core/loop/timers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct csn_loop {
	enum csn_clock     clock;
	_Atomic uint64_t   virtual_ns;
	atomic_int         wall, quit; /* enum csn_wall                        */
	int                wake_fd;
	struct csn_watch  *watches; /* in the order they were added           */
	size_t             watch_count;
	struct csn_watch **round; /* which watch each descriptor of polls is for */
	struct pollfd     *polls;
	size_t             poll_room;
	struct timers      timers;
	struct csn_soon   *soon, **soon_end;
	pthread_mutex_t    lock; /* guards what follows                       */
	struct post       *posts, **posts_end;
	uint64_t           slow_ns;
	csn_slow_fn       *slow_fn;
	void              *slow_arg;
};

/* clock.c */
uint64_t loop_clock_ns(clockid_t id);

#endif
