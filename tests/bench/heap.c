/* Every allocation of a program and its libraries counted, for what hostile bytes may take. */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench/heap.h"

/* What glibc's own are called beside these. */
void *__libc_malloc(size_t size);
void *__libc_realloc(void *old, size_t size);
void  __libc_free(void *ptr);

static size_t now, peak;

void
heap_reset(void)
{
	peak = now;
}

size_t
heap_peak(size_t before)
{
	return peak - before;
}

size_t
heap_now(void)
{
	return now;
}

static void *
grown(void *ptr)
{
	now += ptr != NULL ? malloc_usable_size(ptr) : 0;
	peak = now > peak ? now : peak;
	return ptr;
}

void *
malloc(size_t size)
{
	return grown(__libc_malloc(size));
}

void
free(void *ptr)
{
	now -= ptr != NULL ? malloc_usable_size(ptr) : 0;
	__libc_free(ptr);
}

void *
calloc(size_t count, size_t size)
{
	void *ptr = size != 0 && count > SIZE_MAX / size ? NULL : malloc(count * size);

	return ptr != NULL ? memset(ptr, 0, count * size) : NULL;
}

void *
realloc(void *old, size_t size)
{
	size_t was = old != NULL ? malloc_usable_size(old) : 0;
	void  *ptr = __libc_realloc(old, size);

	if (ptr != NULL || size == 0)
		now -= was;
	return grown(ptr);
}
