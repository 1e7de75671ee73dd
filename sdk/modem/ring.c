/* SPDX-License-Identifier: Apache-2.0 */
/* Points out of the ring: impulses taken down, clock and Doppler undone. */
#include <math.h>
#include <string.h>

#include "modem/demod.h"

static const struct cpx zero = { 0, 0 };

void
modem_ring_init(struct ring *ring, const struct csn_modem_config *config)
{
	memset(ring, 0, sizeof *ring);
	ring->carrier = 0.5 * ((double)config->band_low_hz + (double)config->band_high_hz) /
		BASE_RATE_HZ;
	for (size_t p = 0; p <= SINC_PHASES; p++) {
		for (size_t i = 0; i < SINC_TAPS; i++) {
			float t = (float)i - (SINC_TAPS / 2 - 1) - (float)p / SINC_PHASES;
			float w = cosf(MODEM_PI * t / (SINC_TAPS + 2));
			float s = t == 0 ? 1 : sinf(MODEM_PI * t) / (MODEM_PI * t);

			ring->sinc[p][i] = s * w * w;
		}
	}
}

static struct cpx
limit_point(struct cpx v, float bound)
{
	float norm = cpx_norm(v);

	return norm <= bound * bound ? v : cpx_scale(v, bound / sqrtf(norm));
}

struct cpx
modem_ring_point(const struct demod *d, int64_t at)
{
	const struct ring *ring = d->ring;

	if (at < 0 || (uint64_t)at >= ring->count || (uint64_t)at + RING < ring->count)
		return zero;
	return limit_point(ring->point[(uint64_t)at % RING], d->limit);
}

/*
 * n points that left the sender as points u, u + 1, ... after the preamble's
 * first, arriving `late` points late and stretched by `rate` around the first.
 */
void
modem_extract(const struct demod *d, double u, double late, double rate, size_t n,
        struct cpx *out)
{
	for (size_t i = 0; i < n; i++) {
		double shift = late + rate * (double)i, past = u + (double)i - d->gap_at;
		double t, whole;
		const float *sinc;
		struct cpx sum = zero;
		int64_t at;

		if (d->gap_length > 0 && past >= d->gap_length)
			shift -= d->gap_length;
		if (!(fabs(shift) < RING) || /* a track gone astray, or no number */
		    (past >= 0 && past < d->gap_length)) {
			out[i] = zero;
			continue;
		}
		t = d->origin + u + (double)i + shift;
		whole = floor(t);
		sinc = d->ring->sinc[(size_t)((t - whole) * SINC_PHASES + 0.5)];
		at = (int64_t)whole - (SINC_TAPS / 2 - 1);
		for (int k = 0; k < SINC_TAPS; k++)
			sum = cpx_add(sum, cpx_scale(modem_ring_point(d, at + k), sinc[k]));
		out[i] = cpx_mul(sum, modem_turn(d->ring->carrier * shift));
	}
}

/* Magnitude above which a point is an impulse: over the mean of those below. */
static float
impulse_bound(const struct cpx *point, size_t n)
{
	float bound = 1e30f;

	for (int pass = 0; pass < 3; pass++) {
		float sum = 0;
		size_t count = 1;

		for (size_t i = 0; i < n; i++) {
			float m = sqrtf(cpx_norm(point[i]));

			if (m <= bound) {
				sum += m;
				count++;
			}
		}
		bound = 2.5f * sum / (float)count;
	}
	return bound + 1e-9f;
}

void
modem_limit(struct cpx *point, size_t n)
{
	float bound = impulse_bound(point, n);

	for (size_t i = 0; i < n; i++)
		point[i] = limit_point(point[i], bound);
}

/* The bound over n points of the ring, a transform's worth of them looked at. */
float
modem_ring_bound(struct demod *d, int64_t at, size_t n)
{
	size_t step = n / FFT_MAX + 1;

	for (size_t i = 0; i < n / step; i++)
		d->work[i] = modem_ring_point(d, at + (int64_t)(i * step));
	return impulse_bound(d->work, n / step);
}
