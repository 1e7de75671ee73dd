/* heap.c: bytes a program has allocated, now and at most since the reset. */
#ifndef BENCH_HEAP_H
#define BENCH_HEAP_H

#include <stddef.h>

void   heap_reset(void);
size_t heap_now(void);
size_t heap_peak(size_t before);

#endif
