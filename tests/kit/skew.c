/* Preloaded: the time of day is SKEW_S seconds off, and no other clock. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t id, struct timespec *t)
{
	const char *skew = getenv("SKEW_S");
	int         r = (int)syscall(SYS_clock_gettime, id, t);

	if (r == 0 && id == CLOCK_REALTIME && skew != NULL)
		t->tv_sec += atol(skew);
	return r;
}
