/* The timers of a loop: a binary heap, the earliest first. */
#ifndef CSN_CORE_TIMERS_H
#define CSN_CORE_TIMERS_H

#include <countersign/host.h>

struct csn_timer {
	struct timers *timers;
	uint64_t       at_ns, order; /* equal times go as they were added     */
	size_t         slot;
	csn_call_fn   *fn;
	void          *self;
};

/* Zeroed is empty. */
struct timers {
	struct csn_timer **heap; /* [0] is the earliest                       */
	size_t             count, room;
	uint64_t           order; /* of the next one added                    */
};

/* NULL when out of memory. */
struct csn_timer *timers_add(struct timers *timers, uint64_t at_ns, csn_call_fn *fn,
                             void *self);
/* Takes @timer out of its heap; the memory is the caller's then. */
void timers_take(struct csn_timer *timer);
void timers_done(struct timers *timers);

#endif
