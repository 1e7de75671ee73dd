/* SPDX-License-Identifier: Apache-2.0 */
/* Data symbols: following delay and Doppler, judging gain and noise. */
#include <math.h>
#include <string.h>

#include "modem/demod.h"

static const struct cpx zero = { 0, 0 };

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
void
modem_believed(struct demod *d, size_t symbol, struct cpx *x)
{
	const struct geometry *g = d->g;
	size_t bits = g->bits;
	float root = 1 / sqrtf((float)bits);

	for (size_t i = 0; i < bits; i++)
		d->time[i] = (struct cpx){ d->mean[symbol * bits + i], 0 };
	modem_fft(&d->bit_fft[g->profile], d->time, d->work);
	for (int f = -g->k; f <= g->k; f++) {
		size_t at = modem_bit_bin(g, f);

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
	size_t m = modem_carriers(d->g);
	struct cpx sum = zero;
	float all = 1e-30f, spread = 1e-30f;

	modem_believed(d, symbol, d->freq);
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
	t->x[0] = t->x[1] * (modem_symbol_start(d->g, 0) / symbol - 1);
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
	struct cpx *y = modem_spectrum(d, symbol);
	double late = t->x[0] / d->ring->carrier;
	double rate = t->x[1] / d->ring->carrier / (g->n + g->prefix);
	struct fft fft;

	modem_fft_plan(&fft, g->n, d->twiddle, FFT_MAX);
	modem_extract(d, modem_symbol_start(g, symbol), late, rate, g->n, d->time);
	modem_fft(&fft, d->time, d->freq);
	for (int f = -g->k; f <= g->k; f++)
		y[f + g->k] = cpx_scale(*modem_bin(d->freq, g->n, f), 1.0f / g->n);
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
	struct cpx *y = modem_spectrum(d, symbol);
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
void
modem_read_symbols(struct demod *d, bool first)
{
	size_t m = modem_carriers(d->g);
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
		struct cpx *y = modem_spectrum(d, s);

		for (size_t i = 0; i < m; i++)
			y[i] = cpx_mul(y[i], turn);
	}
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
void
modem_judge_symbols(struct demod *d)
{
	size_t m = modem_carriers(d->g);
	float sent = modem_energy(d->channel, m) + 1e-20f, noise = 0;

	for (size_t i = 0; i < m; i++)
		noise += d->noise[i];
	for (size_t s = 0; s < d->symbols; s++) {
		float heard = modem_energy(modem_spectrum(d, s), m);
		float trouble = disagreement(d, modem_spectrum(d, s));
		float power = (heard - trouble * noise) / sent;

		d->gain[s] = (struct cpx){ sqrtf(power < 0.02f ? 0.02f : power), 0 };
		d->trouble[s] = trouble < 0.3f ? 0.3f : trouble;
	}
}

/* Where a symbol would be by the preamble's clock alone. */
static void
read_ahead(struct demod *d, size_t symbol)
{
	struct track t;

	track_begin(&t, d);
	for (size_t s = 0; s <= symbol; s++)
		track_ahead(&t, d);
	read_symbol(d, symbol, &t);
}

float
modem_symbol_trouble(struct demod *d, size_t symbol)
{
	read_ahead(d, symbol);
	return disagreement(d, modem_spectrum(d, symbol));
}

/*
 * A carrier times its partner turns with the delay, in the upper half of the band
 * against the lower: what both have in common is the carrier's phase and falls out.
 */
double
modem_lateness(struct demod *d, size_t from)
{
	const struct geometry *g = d->g;
	struct cpx all = zero;

	for (size_t s = from; s < d->symbols; s++) {
		const struct cpx *y = modem_spectrum(d, s);
		struct cpx half[2] = { zero, zero };

		read_ahead(d, s);
		for (int f = -g->k; f <= g->k; f++) {
			int p = partner(g, f);
			struct cpx h;
			float w;

			if (f == 0 || p < -g->k || p > g->k)
				continue;
			h = cpx_mul(d->channel[f + g->k], d->channel[p + g->k]);
			w = 1 / (d->noise[f + g->k] * d->noise[p + g->k]);
			half[f > 0] = cpx_add(half[f > 0], cpx_scale(cpx_mulc(
				cpx_mul(y[f + g->k], y[p + g->k]), h), w));
		}
		all = cpx_add(all, cpx_mulc(half[1], half[0]));
	}
	return -(double)(atan2f(all.im, all.re) / (2 * MODEM_PI) * g->n / g->bits);
}
