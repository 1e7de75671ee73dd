/* SPDX-License-Identifier: Apache-2.0 */
/* The preamble: confirming it, its clock, channel and noise. */
#include <math.h>
#include <string.h>

#include "modem/demod.h"

enum {
	TAP_PASSES = 6,
	LAGS       = 4, /* half points about the strongest path where both halves are sought */
};

static const struct cpx zero = { 0, 0 };

/* Windows begin this many points before the strongest path. */
static const uint8_t backoff[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST] = 16, [CSN_MODEM_LONG] = 24, [CSN_MODEM_MOTION] = 6,
};

size_t
modem_backoff(const struct geometry *geo)
{
	return backoff[geo->profile];
}

/* Both halves as spectra over n, from -kp upwards. */
static void
read_halves(struct demod *d, double rate, struct cpx *a, struct cpx *b)
{
	const struct geometry *g = d->g;
	struct fft fft;
	double second = g->np + RAMP;

	modem_fft_plan(&fft, g->np, d->twiddle, FFT_MAX);
	modem_extract(d, 0, 0, rate, g->np, d->time);
	modem_fft(&fft, d->time, d->freq);
	for (int f = -g->kp; f <= g->kp; f++)
		a[f + g->kp] = cpx_scale(*modem_bin(d->freq, g->np, f), 1.0f / g->np);
	modem_extract(d, second, second * rate, rate, g->np, d->time);
	modem_fft(&fft, d->time, d->freq);
	for (int f = -g->kp; f <= g->kp; f++)
		b[f + g->kp] = cpx_scale(*modem_bin(d->freq, g->np, f), 1.0f / g->np);
}

/* Turns that undo a class's cyclic shift at carrier f. */
static struct cpx
unshift(const struct geometry *g, size_t class, int f)
{
	return modem_turn((double)f * (double)(class * g->shift) / g->np);
}

/*
 * How alike the halves are under each class; strong tones weigh by their root only.
 * A class turns carrier f by f * class / CLASSES, so carriers that far apart go together.
 */
static void
likeness(const struct demod *d, const struct cpx *a, const struct cpx *b,
         struct cpx like[CLASSES])
{
	const struct geometry *g = d->g;
	struct cpx folded[CLASSES] = { zero };
	struct fft fft;
	float all = 1e-20f;

	for (int f = -g->kp; f <= g->kp; f++) {
		struct cpx u = cpx_mulc(b[f + g->kp], a[f + g->kp]);
		struct cpx *fold = modem_bin(folded, CLASSES, f % CLASSES);
		float m = sqrtf(sqrtf(cpx_norm(u)));

		if (m < 1e-12f)
			continue;
		all += m;
		*fold = cpx_add(*fold, cpx_scale(u, 1 / m));
	}
	modem_fft_plan(&fft, CLASSES, d->twiddle, FFT_MAX);
	modem_ifft(&fft, folded, like);
	for (size_t class = 0; class < CLASSES; class++)
		like[class] = cpx_scale(like[class], 1 / all);
}

void
modem_begin(struct demod *d, const struct ring *ring, const struct sighting *sight)
{
	d->ring = ring;
	d->g = &d->geo[sight->profile];
	d->origin = (double)sight->at - backoff[sight->profile];
	d->limit = 1e30f;
	d->gap_length = 0;
}

/* A half as the preamble over a single path, by its delay in half points; |value| <= 1. */
static void
path_shares(struct demod *d, const struct cpx *half, struct cpx *share)
{
	const struct geometry *g = d->g;
	const struct cpx *preamble = d->preamble[g->profile];
	size_t n = 2u * g->np;
	struct fft fft;
	float all = 1e-20f, scale;

	memset(d->freq, 0, n * sizeof *d->freq);
	for (int f = -g->kp; f <= g->kp; f++) {
		*modem_bin(d->freq, n, f) = cpx_mulc(half[f + g->kp], preamble[f + g->kp]);
		all += cpx_norm(half[f + g->kp]);
	}
	modem_fft_plan(&fft, n, d->twiddle, FFT_MAX);
	modem_ifft(&fft, d->freq, share);
	scale = 1 / sqrtf(all * (float)(2 * g->kp + 1));
	for (size_t i = 0; i < n; i++)
		share[i] = cpx_scale(share[i], scale);
}

/*
 * How the halves relate under a class.  Over one path both must look like the
 * preamble, which is firm in noise; likeness holds in any echo but needs a
 * good signal.  Both turn by the stretch between the halves.
 */
struct relation {
	struct cpx turn;  /* angle: delay gained from the first to the second */
	float      firm;  /* 0..1 */
};

/* Reads both halves at a clock: d->time and d->work become their path shares. */
static void
compare_halves(struct demod *d, double rate, struct cpx like[CLASSES])
{
	struct cpx *a = d->first, *b = d->channel;

	read_halves(d, rate, a, b);
	likeness(d, a, b, like);
	path_shares(d, a, d->time);
	path_shares(d, b, d->work);
}

static struct relation
relate(const struct demod *d, const struct cpx like[CLASSES], size_t class)
{
	const struct geometry *g = d->g;
	size_t n = 2u * g->np, near = 2u * backoff[g->profile] - LAGS;
	struct cpx path = zero;
	float second = 0;

	for (size_t late = near; late <= near + 2 * LAGS; late++) {
		struct cpx pa = d->time[late];
		struct cpx pb = d->work[(late + 2 * class * g->shift) % n];
		struct cpx both = cpx_mulc(pb, pa);

		if (cpx_norm(both) > cpx_norm(path))
			path = both;
		if (cpx_norm(pb) > second)
			second = cpx_norm(pb);
	}
	return (struct relation){ cpx_add(like[class], path),
	                          sqrtf((cpx_norm(like[class]) + second) / 2) };
}

/* The clocks tried, in steps: a wrong one hides the pair as much as noise does. */
static const struct {
	double most, coarse, fine;
} stretch[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST]   = { 400e-6, 400e-6, 100e-6 },
	[CSN_MODEM_LONG]   = { 400e-6, 200e-6, 50e-6 },
	[CSN_MODEM_MOTION] = { 1000e-6, 500e-6, 100e-6 },
};

void
modem_confirm(struct demod *d, const struct ring *ring, struct sighting *sight)
{
	double coarse = stretch[sight->profile].coarse;
	struct cpx like[CLASSES];

	modem_begin(d, ring, sight);
	d->limit = modem_ring_bound(d, (int64_t)d->origin, 2u * d->g->np + RAMP);
	sight->pair = 0;
	for (int k = -1; k <= 1; k++) {
		compare_halves(d, k * coarse, like);
		for (size_t class = 0; class + 1 < CLASSES; class++) {
			float firm = relate(d, like, class).firm;

			if (firm > sight->pair) {
				sight->pair = firm;
				sight->class = class;
			}
		}
	}
	sight->end = sight->at + modem_burst_points(d->g, sight->class) - d->g->prefix + 8;
}

static struct cpx
turn_at(struct demod *d, size_t class, double rate)
{
	struct cpx like[CLASSES];

	compare_halves(d, rate, like);
	return relate(d, like, class).turn;
}

/*
 * The stretch between the halves: the clock at which they agree best in
 * phase, then by the phase that is left.
 */
static double
find_rate(struct demod *d, size_t class)
{
	double turn = 1 / (d->ring->carrier * (d->g->np + RAMP));
	double most = stretch[d->g->profile].most, fine = stretch[d->g->profile].fine;
	double rate = 0;
	float best = -9;

	for (double r = -most; r < most + fine / 2; r += fine) {
		float agree = turn_at(d, class, r).re;

		if (agree > best) {
			best = agree;
			rate = r;
		}
	}
	for (int pass = 0; pass < 2; pass++) {
		struct cpx u = turn_at(d, class, rate);

		rate -= atan2(u.im, u.re) / (2 * 3.14159265358979) * turn;
	}
	return rate;
}

/* Noise by carrier, smoothed, from what the halves do not share. */
static void
preamble_noise(struct demod *d, const struct cpx *a, const struct cpx *b)
{
	const struct geometry *g = d->g;
	float ratio = (float)g->n / g->np;

	for (int f = -g->k; f <= g->k; f++) {
		int mid = (int)((float)f / ratio), from = mid - 8, to = mid + 8;
		float sum = 0;

		from = from < -g->kp ? -g->kp : from;
		to = to > g->kp ? g->kp : to;
		for (int i = from; i <= to; i++)
			sum += cpx_norm(cpx_sub(a[i + g->kp], b[i + g->kp]));
		d->noise[f + g->k] = sum / ((float)(2 * (to - from + 1)) * ratio) + 1e-14f;
	}
}

/* Echo taps under the noise are left out; early and late ones keep their place. */
static void
clean_taps(struct demod *d, struct cpx *tap, float noise)
{
	size_t n = d->g->np;

	for (size_t i = 0; i < n; i++) {
		float power = 0;

		for (size_t k = 0; k < 5; k++)
			power += cpx_norm(tap[(i + n + k - 2) % n]) / 5;
		d->work[i] = cpx_scale(tap[i], power > noise ? 1 - noise / power : 0);
	}
	memcpy(tap, d->work, n * sizeof *tap);
}

/*
 * Taps behind the band's carriers in d->freq.  What lies beside the band is
 * unknown, not zero: it is filled from the taps found so far, or the edges
 * would smear every tap.
 */
static void
find_taps(struct demod *d, const struct fft *fft, float noise)
{
	const struct geometry *g = d->g;
	size_t n = g->np;
	struct cpx *band = d->channel; /* free until the channel is known */

	for (int f = -g->kp; f <= g->kp; f++)
		band[f + g->kp] = *modem_bin(d->freq, n, f);
	for (int pass = 0; pass < TAP_PASSES; pass++) {
		if (pass > 0) {
			modem_fft(fft, d->time, d->freq);
			for (size_t i = 0; i < n; i++)
				d->freq[i] = cpx_scale(d->freq[i], 1.0f / (float)n);
		}
		for (int f = -g->kp; f <= g->kp; f++)
			*modem_bin(d->freq, n, f) = band[f + g->kp];
		modem_ifft(fft, d->freq, d->time);
		clean_taps(d, d->time, noise);
	}
}

/* Points from the first 5 % of the taps' energy to 90 %; `early` taps wrap round. */
static float
echo_points(const struct cpx *tap, size_t n, size_t early)
{
	float all = 0, sum = 0;
	size_t first = 0, i;

	for (i = 0; i < n; i++)
		all += cpx_norm(tap[i]);
	for (i = 0; i < n && sum <= 0.9f * all; i++) {
		sum += cpx_norm(tap[(i + n - early) % n]);
		if (sum <= 0.05f * all)
			first = i + 1;
	}
	return i > first + 1 ? (float)(i - 1 - first) : 0;
}

/* Channel at the data carriers from the halves' mean, by way of its echo. */
static void
preamble_channel(struct demod *d, const struct cpx *a, const struct cpx *b)
{
	const struct geometry *g = d->g;
	size_t least = g->np < g->n ? g->np : g->n, early = least / 8;
	float root = sqrtf((float)(2 * g->kp + 1)) / 2, noise = 0;
	struct fft fft;

	memset(d->freq, 0, g->np * sizeof *d->freq);
	for (int f = -g->kp; f <= g->kp; f++) {
		struct cpx sum = cpx_add(a[f + g->kp], b[f + g->kp]);

		*modem_bin(d->freq, g->np, f) = cpx_scale(
			cpx_mulc(sum, d->preamble[g->profile][f + g->kp]), root);
		noise += cpx_norm(cpx_sub(a[f + g->kp], b[f + g->kp])) / 2;
	}
	modem_fft_plan(&fft, g->np, d->twiddle, FFT_MAX);
	find_taps(d, &fft, noise * root * root * 2);
	d->echo = echo_points(d->time, g->np, early);

	memset(d->work, 0, g->n * sizeof *d->work);
	memcpy(d->work, d->time, (least - early) * sizeof *d->work);
	memcpy(d->work + g->n - early, d->time + g->np - early, early * sizeof *d->work);
	modem_fft_plan(&fft, g->n, d->twiddle, FFT_MAX);
	modem_fft(&fft, d->work, d->freq);
	for (int f = -g->k; f <= g->k; f++) {
		float scale = modem_window(g, f) / (sqrtf(d->window_sum) * g->np);

		d->first[f + g->k] = cpx_scale(*modem_bin(d->freq, g->n, f), scale);
	}
}

void
modem_read_preamble(struct demod *d, size_t class)
{
	const struct geometry *g = d->g;
	struct cpx *a = d->spectra, *b = d->spectra + 2 * FFT_MAX;

	d->rate = find_rate(d, class);
	read_halves(d, d->rate, a, b);
	for (int f = -g->kp; f <= g->kp; f++)
		b[f + g->kp] = cpx_mul(b[f + g->kp], unshift(g, class, f));
	d->window_sum = 0;
	for (int f = -g->k; f <= g->k; f++)
		d->window_sum += modem_window(g, f) * modem_window(g, f);
	preamble_noise(d, a, b);
	preamble_channel(d, a, b);
	memcpy(d->channel, d->first, sizeof d->channel);
}
