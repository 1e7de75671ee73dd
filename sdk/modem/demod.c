/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver's second half: a burst in the ring becomes a message. */
#include <math.h>
#include <string.h>

#include "modem/internal.h"

enum {
	PASSES        = 5,
	TAP_PASSES    = 6,
	MEMORY_BURSTS = 8,                  /* soft bits of so many are added at most */
	MEMORY_POINTS = 30 * BASE_RATE_HZ,  /* and for so long */
};

static const struct cpx zero = { 0, 0 };

/* Windows begin this many points before the strongest path. */
static const uint8_t backoff[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST] = 16, [CSN_MODEM_LONG] = 24, [CSN_MODEM_MOTION] = 6,
};

/* ---- set up ---- */

bool
modem_demod_init(struct demod *d, const struct csn_modem_config *config)
{
	bool ok = true;

	memset(d, 0, sizeof *d);
	modem_fft_table(d->twiddle, FFT_MAX);
	for (size_t p = 0; p < CSN_MODEM_PROFILES; p++) {
		struct geometry *geo = &d->geo[p];

		modem_geometry(geo, config, (enum csn_modem_profile)p);
		modem_fft_table(d->bit_twiddle[p], geo->bits);
		ok = modem_fft_plan(&d->bit_fft[p], geo->bits, d->bit_twiddle[p],
		                    geo->bits) && ok;
		for (int f = -geo->kp; f <= geo->kp; f++)
			d->preamble[p][f + geo->kp] = modem_preamble_carrier(geo, f);
	}
	return ok;
}

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

/* ---- out of the ring ---- */

static struct cpx
limit_point(struct cpx v, float bound)
{
	float norm = cpx_norm(v);

	return norm <= bound * bound ? v : cpx_scale(v, bound / sqrtf(norm));
}

static struct cpx
ring_point(const struct demod *d, int64_t at)
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
static void
extract(const struct demod *d, double u, double late, double rate, size_t n,
        struct cpx *out)
{
	for (size_t i = 0; i < n; i++) {
		double shift = late + rate * (double)i;
		double t = d->origin + u + (double)i + shift;
		double whole = floor(t);
		const float *sinc = d->ring->sinc[(size_t)((t - whole) * SINC_PHASES + 0.5)];
		int64_t at = (int64_t)whole - (SINC_TAPS / 2 - 1);
		struct cpx sum = zero;

		for (int k = 0; k < SINC_TAPS; k++)
			sum = cpx_add(sum, cpx_scale(ring_point(d, at + k), sinc[k]));
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
static float
ring_bound(struct demod *d, int64_t at, size_t n)
{
	size_t step = n / FFT_MAX + 1;

	for (size_t i = 0; i < n / step; i++)
		d->work[i] = ring_point(d, at + (int64_t)(i * step));
	return impulse_bound(d->work, n / step);
}

static struct cpx *
bin(struct cpx *spectrum, size_t n, int f)
{
	return &spectrum[(size_t)(f + (int)n) % n];
}

/* ---- preamble ---- */

/* Both halves as spectra over n, from -kp upwards. */
static void
read_halves(struct demod *d, double rate, struct cpx *a, struct cpx *b)
{
	const struct geometry *g = d->g;
	struct fft fft;
	double second = g->np + RAMP;

	modem_fft_plan(&fft, g->np, d->twiddle, FFT_MAX);
	extract(d, 0, 0, rate, g->np, d->time);
	modem_fft(&fft, d->time, d->freq);
	for (int f = -g->kp; f <= g->kp; f++)
		a[f + g->kp] = cpx_scale(*bin(d->freq, g->np, f), 1.0f / g->np);
	extract(d, second, second * rate, rate, g->np, d->time);
	modem_fft(&fft, d->time, d->freq);
	for (int f = -g->kp; f <= g->kp; f++)
		b[f + g->kp] = cpx_scale(*bin(d->freq, g->np, f), 1.0f / g->np);
}

/* Turns that undo a class's cyclic shift at carrier f. */
static struct cpx
unshift(const struct geometry *g, size_t class, int f)
{
	return modem_turn((double)f * (double)(class * g->shift) / g->np);
}

/* How alike the halves are under a class; strong tones weigh by their root only. */
static struct cpx
likeness(const struct geometry *g, const struct cpx *a, const struct cpx *b, size_t class)
{
	struct cpx sum = zero;
	float all = 1e-20f;

	for (int f = -g->kp; f <= g->kp; f++) {
		struct cpx u = cpx_mulc(b[f + g->kp], a[f + g->kp]);
		float m = sqrtf(sqrtf(cpx_norm(u)));

		if (m < 1e-12f)
			continue;
		all += m;
		sum = cpx_add(sum, cpx_mul(cpx_scale(u, 1 / m), unshift(g, class, f)));
	}
	return cpx_scale(sum, 1 / all);
}

static void
begin(struct demod *d, const struct ring *ring, const struct sighting *sight)
{
	d->ring = ring;
	d->g = &d->geo[sight->profile];
	d->origin = (double)sight->at - backoff[sight->profile];
	d->limit = 1e30f;
}

/* A half as the preamble over a single path arriving so late; |value| <= 1. */
static struct cpx
path_share(const struct demod *d, const struct cpx *half, double late)
{
	const struct geometry *g = d->g;
	const struct cpx *preamble = d->preamble[g->profile];
	struct cpx step = modem_turn(late / g->np);
	struct cpx turn = modem_turn(-late / g->np * g->kp);
	struct cpx sum = zero;
	float all = 1e-20f;

	for (int i = 0; i <= 2 * g->kp; i++) {
		sum = cpx_add(sum, cpx_mul(cpx_mulc(half[i], preamble[i]), turn));
		all += cpx_norm(half[i]);
		turn = cpx_mul(turn, step);
	}
	return cpx_scale(sum, 1 / sqrtf(all * (float)(2 * g->kp + 1)));
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

static struct relation
relate(const struct demod *d, const struct cpx *a, const struct cpx *b, size_t class)
{
	const struct geometry *g = d->g;
	struct cpx like = likeness(g, a, b, class), path = zero;
	float second = 0;

	for (int lag = -4; lag <= 4; lag++) {
		double late = backoff[g->profile] + 0.5 * lag;
		struct cpx pa = path_share(d, a, late);
		struct cpx pb = path_share(d, b, late + (double)(class * g->shift));
		struct cpx both = cpx_mulc(pb, pa);

		if (cpx_norm(both) > cpx_norm(path))
			path = both;
		if (cpx_norm(pb) > second)
			second = cpx_norm(pb);
	}
	return (struct relation){ cpx_add(like, path),
	                          sqrtf((cpx_norm(like) + second) / 2) };
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

	begin(d, ring, sight);
	d->limit = ring_bound(d, (int64_t)d->origin, 2u * d->g->np + RAMP);
	sight->pair = 0;
	for (int k = -1; k <= 1; k++) {
		read_halves(d, k * coarse, d->first, d->channel);
		for (size_t class = 0; class + 1 < CLASSES; class++) {
			float firm = relate(d, d->first, d->channel, class).firm;

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
	read_halves(d, rate, d->first, d->channel);
	return relate(d, d->first, d->channel, class).turn;
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
		band[f + g->kp] = *bin(d->freq, n, f);
	for (int pass = 0; pass < TAP_PASSES; pass++) {
		if (pass > 0) {
			modem_fft(fft, d->time, d->freq);
			for (size_t i = 0; i < n; i++)
				d->freq[i] = cpx_scale(d->freq[i], 1.0f / (float)n);
		}
		for (int f = -g->kp; f <= g->kp; f++)
			*bin(d->freq, n, f) = band[f + g->kp];
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

		*bin(d->freq, g->np, f) = cpx_scale(
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

		d->first[f + g->k] = cpx_scale(*bin(d->freq, g->n, f), scale);
	}
}

static void
read_preamble(struct demod *d, size_t class)
{
	const struct geometry *g = d->g;
	struct cpx *a = d->spectra, *b = d->spectra + 2 * FFT_MAX;

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

/* ---- data symbols: timing ---- */

static struct cpx *
spectrum_of(struct demod *d, size_t symbol)
{
	return d->spectra + symbol * (2u * (size_t)d->g->k + 1);
}

static double
symbol_start(const struct geometry *g, size_t symbol)
{
	return (double)(2 * g->np + RAMP + g->prefix) +
		(double)symbol * (double)(g->n + g->prefix);
}

static int
abs_int(int v)
{
	return v < 0 ? -v : v;
}

/* The carrier that repeats what carrier f says, conjugated. */
static int
partner(const struct geometry *g, int f)
{
	return (f > 0 ? g->bits / 2 : -(g->bits / 2)) - f;
}

/* Carrier spectrum of a symbol as believed. */
static void
believed(struct demod *d, size_t symbol, struct cpx *x)
{
	const struct geometry *g = d->g;
	size_t bits = g->bits;
	float root = 1 / sqrtf((float)bits);

	for (size_t i = 0; i < bits; i++)
		d->time[i] = (struct cpx){ d->mean[symbol * bits + i], 0 };
	modem_fft(&d->bit_fft[g->profile], d->time, d->work);
	for (int f = -g->k; f <= g->k; f++) {
		size_t at = (size_t)(f - (int)(bits / 4) + 2 * (int)bits) % bits;

		x[f + g->k] = cpx_scale(d->work[at], root);
	}
}

/* A complex figure and how many times its own noise it is, in power. */
struct figure {
	struct cpx value;
	float      sure;
};

/*
 * A symbol's gain, squared, without knowing its bits: a carrier times its
 * partner has the phase of the channel alone, and their noise is not shared.
 */
static struct figure
squared_gain(const struct demod *d, const struct cpx *y)
{
	const struct geometry *g = d->g;
	struct cpx sum = zero;
	float all = 1e-30f, spread = 1e-30f;

	for (int f = -g->k; f <= g->k; f++) {
		int p = partner(g, f);
		struct cpx h, v;
		float w;

		if (f == 0 || p < -g->k || p > g->k)
			continue;
		h = cpx_mul(d->channel[f + g->k], d->channel[p + g->k]);
		w = 1 / (d->noise[f + g->k] * d->noise[p + g->k]);
		v = cpx_scale(cpx_mulc(cpx_mul(y[f + g->k], y[p + g->k]), h), w);
		sum = cpx_add(sum, v);
		spread += cpx_norm(v);
		all += w * cpx_norm(h);
	}
	return (struct figure){ cpx_scale(sum, 1 / all), cpx_norm(sum) / (2 * spread) };
}

/* A symbol's gain by the bits that are known or believed. */
static struct figure
known_gain(struct demod *d, size_t symbol, const struct cpx *y)
{
	size_t m = 2u * (size_t)d->g->k + 1;
	struct cpx sum = zero;
	float all = 1e-30f, spread = 1e-30f;

	believed(d, symbol, d->freq);
	for (size_t i = 0; i < m; i++) {
		struct cpx e = cpx_mul(d->channel[i], d->freq[i]);
		struct cpx v = cpx_scale(cpx_mulc(y[i], e), 1 / d->noise[i]);

		sum = cpx_add(sum, v);
		spread += cpx_norm(v);
		all += cpx_norm(e) / d->noise[i];
	}
	return (struct figure){ cpx_scale(sum, 1 / all), cpx_norm(sum) / spread };
}

/* ---- following delay, rate and acceleration, in turns of the carrier per symbol ---- */

static const struct motion {
	float rate, acceleration; /* what is expected at first, standard deviations */
	float wander;             /* of the delay, and of the acceleration, each symbol */
	float jerk;
} motions[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST]   = { 0.02f, 1e-4f, 1e-3f, 1e-5f },
	[CSN_MODEM_LONG]   = { 0.02f, 1e-4f, 1e-3f, 1e-5f },
	[CSN_MODEM_MOTION] = { 0.03f, 0.03f, 5e-3f, 6e-3f },
};

static void
track_begin(struct track *t, const struct demod *d)
{
	const struct motion *m = &motions[d->g->profile];
	double symbol = d->g->n + d->g->prefix;

	memset(t, 0, sizeof *t);
	t->x[1] = d->rate * d->ring->carrier * symbol;
	t->x[0] = t->x[1] * (symbol_start(d->g, 0) / symbol - 1);
	t->p[0][0] = 1e-3f;
	t->p[1][1] = m->rate * m->rate;
	t->p[2][2] = m->acceleration * m->acceleration;
}

/* out = f a f' for the step of one symbol, f = 1 1 1/2, 0 1 1, 0 0 1 */
static void
step_covariance(float out[3][3], float a[3][3])
{
	static const float f[3][3] = { { 1, 1, 0.5f }, { 0, 1, 1 }, { 0, 0, 1 } };
	float fa[3][3];

	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			fa[i][j] = f[i][0] * a[0][j] + f[i][1] * a[1][j] + f[i][2] * a[2][j];
	}
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			out[i][j] = fa[i][0] * f[j][0] + fa[i][1] * f[j][1] +
				fa[i][2] * f[j][2];
	}
}

static void
track_ahead(struct track *t, const struct demod *d)
{
	const struct motion *m = &motions[d->g->profile];
	float next[3][3];

	t->x[0] += t->x[1] + 0.5 * t->x[2];
	t->x[1] += t->x[2];
	step_covariance(next, t->p);
	memcpy(t->p, next, sizeof next);
	t->p[0][0] += m->wander * m->wander;
	t->p[2][2] += m->jerk * m->jerk;
}

/* A delay measured modulo `period` turns. */
static void
track_measure(struct track *t, double delay, double period, float variance)
{
	double off = delay - t->x[0];
	float gain[3], row[3];

	off -= period * floor(off / period + 0.5);
	for (int i = 0; i < 3; i++) {
		row[i] = t->p[0][i];
		gain[i] = t->p[i][0] / (t->p[0][0] + variance);
	}
	for (int i = 0; i < 3; i++) {
		t->x[i] += (double)gain[i] * off;
		for (int j = 0; j < 3; j++)
			t->p[i][j] -= gain[i] * row[j];
	}
}

static void
read_symbol(struct demod *d, size_t symbol, const struct track *t)
{
	const struct geometry *g = d->g;
	struct cpx *y = spectrum_of(d, symbol);
	double late = t->x[0] / d->ring->carrier;
	double rate = t->x[1] / d->ring->carrier / (g->n + g->prefix);
	struct fft fft;

	modem_fft_plan(&fft, g->n, d->twiddle, FFT_MAX);
	extract(d, symbol_start(g, symbol), late, rate, g->n, d->time);
	modem_fft(&fft, d->time, d->freq);
	for (int f = -g->k; f <= g->k; f++)
		y[f + g->k] = cpx_scale(*bin(d->freq, g->n, f), 1.0f / g->n);
}

/* Variance of a phase in turns from a figure's certainty; 1/(8 pi^2) each way. */
static float
phase_variance(struct figure figure)
{
	float excess = figure.sure - 0.7f;

	return 0.0127f / (excess > 0.05f ? excess : 0.05f);
}

static float
phase_turns(struct figure figure)
{
	return atan2f(figure.value.im, figure.value.re) / (2 * MODEM_PI);
}

/* Reads a symbol where the track says and corrects the track by what it finds. */
static void
follow(struct demod *d, size_t symbol, struct track *t, const struct track *where)
{
	struct cpx *y = spectrum_of(d, symbol);
	struct figure known, squared;

	read_symbol(d, symbol, where);
	known = known_gain(d, symbol, y);
	squared = squared_gain(d, y);
	track_measure(t, where->x[0] - (double)phase_turns(known), 1, phase_variance(known));
	track_measure(t, where->x[0] - 0.5 * (double)phase_turns(squared), 0.5,
	              phase_variance(squared) / 4);
}

/* The inverse of a symmetric matrix, by cofactors. */
static void
invert3(float out[3][3], float a[3][3])
{
	float det = 0;

	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++) {
			int r = (i + 1) % 3, s = (i + 2) % 3, u = (j + 1) % 3, v = (j + 2) % 3;

			out[j][i] = a[r][u] * a[s][v] - a[r][v] * a[s][u];
		}
	}
	for (int j = 0; j < 3; j++)
		det += a[0][j] * out[j][0];
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			out[i][j] /= det;
	}
}

/* What later symbols say about an earlier one: x += p f' (next's p)^-1 (change of next). */
static void
look_back(const struct demod *d, struct track *t, const struct track *smooth)
{
	struct track next = *t;
	float inverse[3][3];
	double change[3], w[3] = { 0, 0, 0 }, v[3];

	track_ahead(&next, d);
	invert3(inverse, next.p);
	for (int i = 0; i < 3; i++)
		change[i] = smooth->x[i] - next.x[i];
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			w[i] += (double)inverse[i][j] * change[j];
	}
	v[0] = w[0];
	v[1] = w[0] + w[1];
	v[2] = 0.5 * w[0] + w[1] + w[2];
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++)
			t->x[i] += (double)t->p[i][j] * v[j];
	}
}

/*
 * Reads every symbol: the first time where the track so far points, later
 * where the whole burst's track went.
 */
static void
read_symbols(struct demod *d, bool first)
{
	size_t m = 2u * (size_t)d->g->k + 1;
	struct track t;

	track_begin(&t, d);
	for (size_t s = 0; s < d->symbols; s++) {
		struct track where;

		track_ahead(&t, d);
		where = first ? t : d->track[s];
		d->read_at[s] = where.x[0];
		follow(d, s, &t, &where);
		d->track[s] = t;
	}
	for (size_t s = d->symbols - 1; s-- > 0;)
		look_back(d, &d->track[s], &d->track[s + 1]);
	for (size_t s = 0; s < d->symbols; s++) {
		struct cpx turn = modem_turn(d->track[s].x[0] - d->read_at[s]);
		struct cpx *y = spectrum_of(d, s);

		for (size_t i = 0; i < m; i++)
			y[i] = cpx_mul(y[i], turn);
	}
}

static float
energy(const struct cpx *v, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += cpx_norm(v[i]);
	return sum;
}

/*
 * Noise of a symbol over that of the preamble, without knowing its bits: what
 * a carrier and its partner do not agree on.
 */
static float
disagreement(const struct demod *d, const struct cpx *y)
{
	const struct geometry *g = d->g;
	float sum = 0, count = 1e-3f;

	for (int f = -g->k; f <= g->k; f++) {
		int p = partner(g, f);
		struct cpx hf, hp, left;
		float all;

		if (f == 0 || p < -g->k || p > g->k || abs_int(f) >= abs_int(p))
			continue;
		hf = d->channel[f + g->k];
		hp = d->channel[p + g->k];
		/* hp* y - hf (partner's y)*: the bit's share cancels */
		left = cpx_sub(cpx_mulc(y[f + g->k], hp), cpx_mulc(hf, y[p + g->k]));
		all = cpx_norm(hf) * d->noise[p + g->k] + cpx_norm(hp) * d->noise[f + g->k];
		sum += cpx_norm(left) / (all + 1e-30f);
		count += 1;
	}
	return sum / count;
}

/* Gain and noise of each symbol. */
static void
judge_symbols(struct demod *d)
{
	size_t m = 2u * (size_t)d->g->k + 1;
	float sent = energy(d->channel, m), noise = 0;

	for (size_t i = 0; i < m; i++)
		noise += d->noise[i];
	for (size_t s = 0; s < d->symbols; s++) {
		float heard = energy(spectrum_of(d, s), m);
		float trouble = disagreement(d, spectrum_of(d, s));
		float power = (heard - trouble * noise) / sent;

		d->gain[s] = (struct cpx){ sqrtf(power < 0.02f ? 0.02f : power), 0 };
		d->trouble[s] = trouble < 0.3f ? 0.3f : trouble;
	}
}

/* ---- data symbols: bits ---- */

/* The bits' spectrum, conjugate-symmetric, each carrier and its partner summed. */
static void
matched(struct demod *d, size_t symbol, const struct cpx *y, struct cpx *z, float *power)
{
	const struct geometry *g = d->g;
	size_t bits = g->bits;

	for (size_t i = 0; i < bits; i++) {
		z[i] = zero;
		power[i] = 0;
	}
	for (int f = -g->k; f <= g->k; f++) {
		size_t at = (size_t)(f - (int)(bits / 4) + 2 * (int)bits) % bits;
		size_t mirror = (bits - at) % bits;
		struct cpx h = cpx_mul(d->channel[f + g->k], d->gain[symbol]);
		float inverse = 1 / (d->noise[f + g->k] * d->trouble[symbol]);
		struct cpx v = cpx_scale(cpx_mulc(y[f + g->k], h), inverse);
		float p = cpx_norm(h) * inverse;

		z[at] = cpx_add(z[at], v);
		power[at] += p;
		z[mirror] = cpx_add(z[mirror], (struct cpx){ v.re, -v.im });
		power[mirror] += p;
	}
}

/* Soft bits of a symbol; what is believed already is taken off its neighbours. */
static void
equalise(struct demod *d, size_t symbol)
{
	const struct geometry *g = d->g;
	const struct fft *fft = &d->bit_fft[g->profile];
	size_t bits = g->bits, base = symbol * bits;
	float power[BITS_MAX], left = 0, mu = 0;
	float root = 1 / sqrtf((float)bits);

	matched(d, symbol, spectrum_of(d, symbol), d->freq, power);
	for (size_t i = 0; i < bits; i++) {
		float m = d->mean[base + i];

		left += (1 - m * m) / (float)bits;
		d->time[i] = (struct cpx){ m, 0 };
	}
	modem_fft(fft, d->time, d->work);
	for (size_t i = 0; i < bits; i++) {
		float filter = 1 / (1 + left * power[i]);
		struct cpx known = cpx_scale(d->work[i], root * power[i]);

		d->freq[i] = cpx_scale(cpx_sub(d->freq[i], known), filter);
		mu += power[i] * filter / (float)bits;
	}
	modem_ifft(fft, d->freq, d->time);
	for (size_t i = 0; i < bits; i++) {
		float v = d->time[i].re * root + mu * d->mean[base + i];
		float soft = 2 * v / (1 - left * mu + 1e-6f);

		soft = soft > 30 ? 30 : soft < -30 ? -30 : soft;
		d->slot[base + i] = modem_scramble((uint32_t)(base + i)) ? -soft : soft;
	}
}

/* Slots to code bits, with what earlier bursts left when there is any. */
static void
gather(struct demod *d, const struct memory *memory)
{
	memset(d->code, 0, d->slots.code * sizeof *d->code);
	for (uint32_t j = 0; j < d->slots.total; j++) {
		uint32_t place = modem_slot_place(d->g, &d->slots, j);

		d->code[modem_slot_code(&d->slots, j)] += d->slot[place] +
			(memory == NULL ? 0 : memory->slot[place]);
	}
}

static bool
decode(struct demod *d, const struct memory *memory)
{
	gather(d, memory);
	return modem_decode(&d->decoder, d->code, d->slots.info, d->g->profile, 6,
	                    d->belief);
}

/* Nothing is known but the pilots. */
static void
begin_belief(struct demod *d)
{
	memset(d->mean, 0, sizeof d->mean);
	for (size_t i = 0; i < d->symbols * d->g->bits; i++) {
		if (modem_is_pilot(d->g, i))
			d->mean[i] = modem_scramble((uint32_t)i) ? -1.0f : 1.0f;
	}
}

/* What the decoder says about each place beyond what that place said itself. */
static void
spread(struct demod *d, bool whole)
{
	for (uint32_t j = 0; j < d->slots.total; j++) {
		uint32_t place = modem_slot_place(d->g, &d->slots, j);
		float belief = d->belief[modem_slot_code(&d->slots, j)];
		float m = tanhf((whole ? belief : belief - d->slot[place]) / 2);

		d->mean[place] = modem_scramble(place) ? -m : m;
	}
}

/* ---- learning from the decision ---- */

/* Gain and noise of each symbol under the belief. */
static void
learn_gains(struct demod *d)
{
	const struct geometry *g = d->g;
	size_t m = 2u * (size_t)g->k + 1;

	for (size_t s = 0; s < d->symbols; s++) {
		const struct cpx *y = spectrum_of(d, s);
		struct cpx dot = zero;
		float norm = 1e-20f, left = 0, noise = 0;

		believed(d, s, d->freq);
		for (size_t i = 0; i < m; i++) {
			struct cpx e = cpx_mul(d->channel[i], d->freq[i]);

			dot = cpx_add(dot, cpx_scale(cpx_mulc(y[i], e), 1 / d->noise[i]));
			norm += cpx_norm(e) / d->noise[i];
		}
		norm += 0.1f * (float)m;
		dot = cpx_add(dot, cpx_scale(d->gain[s], 0.1f * (float)m));
		d->gain[s] = cpx_scale(dot, 1 / norm);
		for (size_t i = 0; i < m; i++) {
			struct cpx e = cpx_mul(cpx_mul(d->channel[i], d->gain[s]), d->freq[i]);

			left += cpx_norm(cpx_sub(y[i], e));
			noise += d->noise[i];
		}
		d->trouble[s] = left / noise > 0.5f ? left / noise : 0.5f;
	}
}

/* Channel of every carrier again, from preamble and believed symbols together. */
static void
learn_channel(struct demod *d)
{
	size_t m = 2u * (size_t)d->g->k + 1;
	float weight[CHANNEL_MAX];

	for (size_t i = 0; i < m; i++) {
		weight[i] = 1 / d->noise[i];
		d->channel[i] = cpx_scale(d->first[i], weight[i]);
	}
	for (size_t s = 0; s < d->symbols; s++) {
		const struct cpx *y = spectrum_of(d, s);

		believed(d, s, d->freq);
		for (size_t i = 0; i < m; i++) {
			struct cpx x = cpx_mul(d->freq[i], d->gain[s]);
			float inverse = 1 / (d->noise[i] * d->trouble[s]);

			d->channel[i] = cpx_add(d->channel[i],
			                        cpx_scale(cpx_mulc(y[i], x), inverse));
			weight[i] += cpx_norm(x) * inverse;
		}
	}
	for (size_t i = 0; i < m; i++)
		d->channel[i] = cpx_scale(d->channel[i], 1 / weight[i]);
}

/* ---- a burst ---- */

/* Decodes, learns from the decision and decodes again. */
static bool
decode_passes(struct demod *d, const struct memory *memory)
{
	bool done = decode(d, memory);

	for (int pass = 1; pass < PASSES && !done; pass++) {
		spread(d, true);
		read_symbols(d, false);
		learn_gains(d);
		learn_channel(d);
		spread(d, false);
		for (size_t s = 0; s < d->symbols; s++)
			equalise(d, s);
		done = decode(d, memory);
	}
	return done;
}

static void
read_burst(struct demod *d, size_t class)
{
	d->rate = find_rate(d, class);
	read_preamble(d, class);
	begin_belief(d);
	read_symbols(d, true);
	read_symbols(d, false);
	judge_symbols(d);
	for (size_t s = 0; s < d->symbols; s++)
		equalise(d, s);
	memcpy(d->fresh, d->slot, sizeof d->fresh);
}

/* Likeness of soft bits to those kept; other messages give about 1/sqrt(total). */
static bool
same_message(const struct demod *d, const struct memory *memory)
{
	float both = 0, mine = 1e-20f, kept = 1e-20f;

	for (size_t i = 0; i < d->symbols * d->g->bits; i++) {
		if (modem_is_pilot(d->g, i))
			continue;
		both += d->fresh[i] * memory->slot[i];
		mine += d->fresh[i] * d->fresh[i];
		kept += memory->slot[i] * memory->slot[i];
	}
	return both * both * (float)d->slots.total > 9 * mine * kept && both > 0;
}

/* Keeps a failed burst's soft bits, added to those of the same message. */
static void
remember(struct demod *d, struct memory *memory, bool add)
{
	if (!add || memory->bursts >= MEMORY_BURSTS) {
		memset(memory->slot, 0, sizeof memory->slot);
		memory->bursts = 0;
	}
	for (size_t i = 0; i < d->symbols * d->g->bits; i++)
		memory->slot[i] += d->fresh[i];
	memory->bursts++;
}

/* Alone first; then together with what failed before. */
static bool
decode_burst(struct demod *d, const struct sighting *sight, uint32_t *ret_combined)
{
	struct memory *memory = &d->memory[sight->profile];
	bool alike = memory->bursts > 0 && memory->class == sight->class &&
		sight->at - memory->at < MEMORY_POINTS;
	bool done = decode_passes(d, NULL);

	*ret_combined = 1;
	if (!done && alike && same_message(d, memory)) {
		memcpy(d->slot, d->fresh, sizeof d->slot);
		begin_belief(d);
		done = decode_passes(d, memory);
		*ret_combined = memory->bursts + 1;
	} else {
		alike = false;
	}
	if (done) {
		memory->bursts = 0;
		return true;
	}
	remember(d, memory, alike);
	memory->class = sight->class;
	memory->at = sight->at;
	return false;
}

/* ---- diagnosis ---- */

/* In-band ratio below which a profile is not expected to work, dB. */
static const float least_snr_db[CSN_MODEM_PROFILES] = { 3, -3, -4 };

static bool
ended_early(struct demod *d)
{
	size_t m = 2u * (size_t)d->g->k + 1;
	size_t tail = (d->symbols + 3) / 4;
	float last = 0, first = energy(d->channel, m);

	for (size_t s = d->symbols - tail; s < d->symbols; s++)
		last += energy(spectrum_of(d, s), m) / (float)tail;
	return last < 0.1f * first;
}

static enum csn_modem_cause
likely_cause(const struct demod *d, const struct csn_modem_report *report)
{
	float prefix_ms = 1e3f * d->g->prefix / BASE_RATE_HZ;
	float worst = 0, sum = 0;

	for (size_t s = 0; s < d->symbols; s++) {
		sum += d->trouble[s];
		worst = d->trouble[s] > worst ? d->trouble[s] : worst;
	}
	if (worst * (float)d->symbols > 6 * sum)
		return CSN_MODEM_CAUSE_NOISE;
	if (report->echo_ms > 2 * prefix_ms)
		return d->g->profile == CSN_MODEM_LONG ? CSN_MODEM_CAUSE_ECHO
		                                       : CSN_MODEM_CAUSE_PROFILE;
	if (report->snr_db < least_snr_db[d->g->profile])
		return CSN_MODEM_CAUSE_FAR;
	return CSN_MODEM_CAUSE_NOISE;
}

static void
fill_report(struct demod *d, struct csn_modem_report *report)
{
	size_t m = 2u * (size_t)d->g->k + 1;
	float sent = energy(d->channel, m), power = 0, trouble = 0, noise = 0;
	float symbols = (float)d->symbols;

	for (size_t s = 0; s < d->symbols; s++) {
		power += cpx_norm(d->gain[s]) / symbols;
		trouble += d->trouble[s] / symbols;
	}
	for (size_t i = 0; i < m; i++)
		noise += d->noise[i];
	report->level_dbfs = 10 * log10f(0.5f * sent * power + 1e-20f);
	report->snr_db = 10 * log10f(sent * power / (noise * trouble) + 1e-9f);
	report->clock_ppm = (float)(d->rate * 1e6);
	report->echo_ms = 1e3f * d->echo / BASE_RATE_HZ;
}

static void
finish(const struct demod *d, struct csn_modem_event *event)
{
	size_t len = d->decoder.frame[0];

	if (len == 0 || len > CSN_MODEM_MESSAGE_MAX ||
	    modem_frame_bytes(modem_class_of(len)) * 8 != d->slots.info) {
		event->report.stage = CSN_MODEM_STAGE_FRAME;
		return;
	}
	event->len = len;
	memcpy(event->message, d->decoder.frame + 1, len);
	event->report.stage = CSN_MODEM_STAGE_DONE;
}

void
modem_receive(struct demod *d, const struct ring *ring, const struct sighting *sight,
              struct csn_modem_event *ret_event)
{
	struct csn_modem_report *report = &ret_event->report;

	begin(d, ring, sight);
	d->symbols = modem_symbols(d->g, sight->class);
	modem_slots(&d->slots, 8 * modem_frame_bytes(sight->class),
	            d->symbols * modem_code_bits(d->g));
	memset(ret_event, 0, sizeof *ret_event);
	report->profile = sight->profile;
	report->score = sight->pair;

	d->limit = ring_bound(d, (int64_t)d->origin, sight->end - sight->at);
	read_burst(d, sight->class);
	if (decode_burst(d, sight, &report->combined)) {
		fill_report(d, report);
		finish(d, ret_event);
		return;
	}
	fill_report(d, report);
	report->stage = ended_early(d) ? CSN_MODEM_STAGE_TRUNCATED : CSN_MODEM_STAGE_DECODE;
	report->cause = likely_cause(d, report);
}
