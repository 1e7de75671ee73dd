/* What only the loop and the host read: clocks, and randomness. */
#include "core/loop/int.h"

#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timex.h>

uint64_t
loop_clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		abort(); /* the two clocks used are always there */
	return (uint64_t)t.tv_sec * CSN_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t
csn_loop_now(const struct csn_loop *loop)
{
	return loop->clock == CSN_CLOCK_VIRTUAL ? atomic_load(&loop->virtual_ns) :
	                                          loop_clock_ns(CLOCK_BOOTTIME);
}

static bool
wall_trusted(const struct csn_loop *loop)
{
	struct timex kernel = { .modes = 0 };

	switch ((enum csn_wall)atomic_load(&loop->wall)) {
	case CSN_WALL_TRUSTED:
		return true;
	case CSN_WALL_SYNCHRONISED:
		return loop->clock == CSN_CLOCK_REAL && adjtimex(&kernel) >= 0 &&
		       (kernel.status & STA_UNSYNC) == 0;
	case CSN_WALL_UNTRUSTED:
		break;
	}
	return false;
}

uint64_t
csn_loop_wall(const struct csn_loop *loop, int *ret_trusted)
{
	if (ret_trusted != NULL)
		*ret_trusted = wall_trusted(loop);
	if (loop->clock == CSN_CLOCK_VIRTUAL)
		return CSN_VIRTUAL_EPOCH + csn_loop_now(loop) / CSN_SECOND;
	return loop_clock_ns(CLOCK_REALTIME) / CSN_SECOND;
}

void
csn_loop_trust_wall(struct csn_loop *loop, enum csn_wall wall)
{
	atomic_store(&loop->wall, (int)wall);
}

int
csn_loop_random(struct csn_loop *loop, void *out, size_t len)
{
	(void)loop;
	if (len > INT32_MAX || RAND_priv_bytes(out, (int)len) != 1)
		return CSN_E_INTERNAL;
	return CSN_OK;
}
