/* How often may strangers make the device work?  Section 11 of the protocol. */
#include "device/internal.h"

enum {
	WINDOW_MS      = 60000,
	COOL_FIRST_MS  = 2000,
	COOL_LEVEL_MAX = 8, /* 2 s shifted seven times is 256 s               */
};

bool
device_rate_cooling(const struct csn_device *dev, uint64_t now_ms)
{
	return now_ms < dev->state.cool_until_ms;
}

/*
 * The boot-time clock begins again with every boot, so a deadline from before may lie
 * far ahead: no cooling lasts longer than its own length.
 */
void
device_rate_boot(struct csn_device *dev, uint64_t now_ms)
{
	uint64_t longest = now_ms + ((uint64_t)COOL_FIRST_MS << (COOL_LEVEL_MAX - 1));

	if (dev->state.cool_until_ms > longest)
		dev->state.cool_until_ms = longest;
}

/* Counts one refused session and sets the cooling in @state when it was the fifth. */
void
device_rate_refused(struct csn_device_rate *rate, struct csn_device_state *state,
                    uint64_t now_ms)
{
	const size_t last = sizeof rate->refused_ms / sizeof rate->refused_ms[0] - 1;

	memmove(rate->refused_ms, rate->refused_ms + 1, last * sizeof rate->refused_ms[0]);
	rate->refused_ms[last] = now_ms;
	if (rate->count <= last)
		rate->count++;
	if (rate->count <= last || now_ms - rate->refused_ms[0] > WINDOW_MS)
		return;

	if (state->cool_level < COOL_LEVEL_MAX)
		state->cool_level++;
	state->cool_until_ms = now_ms + ((uint64_t)COOL_FIRST_MS << (state->cool_level - 1));
}

void
device_rate_reset(struct csn_device_rate *rate, struct csn_device_state *state)
{
	rate->count = 0;
	state->cool_level = 0;
	state->cool_until_ms = 0;
}
