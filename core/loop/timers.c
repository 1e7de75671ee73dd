/* Each timer knows its slot, so one in the middle can be taken out. */
#include "core/loop/timers.h"

#include <stdlib.h>

static int
earlier(const struct csn_timer *a, const struct csn_timer *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
seat(struct timers *timers, struct csn_timer *timer, size_t slot)
{
	timers->heap[slot] = timer;
	timer->slot = slot;
}

static void
sift_up(struct timers *timers, struct csn_timer *timer, size_t slot)
{
	while (slot > 0 && earlier(timer, timers->heap[(slot - 1) / 2])) {
		seat(timers, timers->heap[(slot - 1) / 2], slot);
		slot = (slot - 1) / 2;
	}
	seat(timers, timer, slot);
}

static void
sift_down(struct timers *timers, struct csn_timer *timer, size_t slot)
{
	for (;;) {
		size_t child = 2 * slot + 1;

		if (child + 1 < timers->count &&
		    earlier(timers->heap[child + 1], timers->heap[child]))
			child++;
		if (child >= timers->count || !earlier(timers->heap[child], timer))
			break;
		seat(timers, timers->heap[child], slot);
		slot = child;
	}
	seat(timers, timer, slot);
}

struct csn_timer *
timers_add(struct timers *timers, uint64_t at_ns, csn_call_fn *fn, void *self)
{
	struct csn_timer *timer;

	if (timers->count == timers->room) {
		size_t room = timers->room == 0 ? 16 : 2 * timers->room;
		void  *heap = realloc(timers->heap, room * sizeof(struct csn_timer *));

		if (heap == NULL)
			return NULL;
		timers->heap = heap;
		timers->room = room;
	}
	timer = malloc(sizeof *timer);
	if (timer == NULL)
		return NULL;
	*timer = (struct csn_timer){ timers, at_ns, timers->order++, 0, fn, self };
	sift_up(timers, timer, timers->count++);
	return timer;
}

void
timers_take(struct csn_timer *timer)
{
	struct timers    *timers = timer->timers;
	size_t            slot = timer->slot;
	struct csn_timer *last = timers->heap[--timers->count];

	if (last == timer)
		return;
	if (earlier(last, timer))
		sift_up(timers, last, slot);
	else
		sift_down(timers, last, slot);
}

void
timers_done(struct timers *timers)
{
	for (size_t i = 0; i < timers->count; i++)
		free(timers->heap[i]);
	free(timers->heap);
}
