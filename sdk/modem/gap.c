/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples lost within a burst: what follows comes early.  A symbol's prefix is its own
 * end, so the symbol that was torn still says how many points are missing: by the
 * distance at which the two are alike.
 */
#include <math.h>
#include <string.h>

#include "modem/demod.h"

enum {
	GAP_LEAST  = 3,   /* points */
	GAP_MOST   = 150, /* 25 ms */
	PLACES     = 16,  /* looked at within the torn symbol */
	EARLY      = 128, /* points of prefix that must agree */
};

static const struct cpx zero = { 0, 0 };

/* Mean likeness below which it is not worth a try. */
static const float least_score = 0.2f;

/* Likeness that leaves no doubt, and how many times that of no tear: by one torn symbol, by early ones. */
static const float clear_score = 0.3f, clear_ratio = 1.6f;
static const float clear_early = 0.4f, early_ratio = 1.4f;

/* Likeness of two stretches of the ring, each point of the second times the first's conjugate. */
static struct cpx
alike(const struct demod *d, int64_t a, int64_t b, size_t n)
{
	struct cpx sum = zero;
	float ea = 1e-20f, eb = 1e-20f;

	for (size_t i = 0; i < n; i++) {
		struct cpx x = modem_ring_point(d, a + (int64_t)i);
		struct cpx y = modem_ring_point(d, b + (int64_t)i);

		sum = cpx_add(sum, cpx_mulc(y, x));
		ea += cpx_norm(x);
		eb += cpx_norm(y);
	}
	return cpx_scale(sum, 1 / sqrtf(ea * eb));
}

/* Where the middle of the fade into a symbol's prefix lies by the strongest path. */
static int64_t
prefix_at(const struct demod *d, size_t symbol)
{
	double u = modem_symbol_start(d->g, symbol) - d->g->prefix + RAMP / 2;

	return (int64_t)floor(d->origin + u * (1 + d->rate) + (double)modem_backoff(d->g) +
	                       0.5);
}

/*
 * The likeliest torn symbol and number of points: the symbols before it are alike where
 * they should be, those behind it so many points early.
 */
struct tear {
	size_t symbol;
	int    lost;
	float  score; /* mean likeness with it */
	float  whole; /* without */
};

static struct tear
find_tear(const struct demod *d)
{
	size_t n = d->g->n, p = d->g->prefix;
	struct tear best = { 0 };

	for (int lost = GAP_LEAST; lost <= GAP_MOST; lost++) {
		struct cpx before = zero, behind = zero;

		for (size_t s = 0; s < d->symbols; s++) {
			int64_t at = prefix_at(d, s);

			before = cpx_add(before, alike(d, at, at + (int64_t)n, p));
		}
		best.whole = sqrtf(cpx_norm(before));
		for (size_t s = d->symbols; s-- > 0;) {
			int64_t at = prefix_at(d, s);
			float torn = sqrtf(cpx_norm(alike(d, at, at + (int64_t)n - lost, p)));
			float score;

			before = cpx_sub(before, alike(d, at, at + (int64_t)n, p));
			score = torn + sqrtf(cpx_norm(before)) + sqrtf(cpx_norm(behind));
			if (score > best.score) {
				best.score = score;
				best.symbol = s;
				best.lost = lost;
			}
			behind = cpx_add(behind, alike(d, at - lost, at - lost + (int64_t)n, p));
		}
	}
	best.score /= (float)d->symbols;
	best.whole /= (float)d->symbols;
	return best;
}

/* Likeness when the first symbols are early, all by as much: torn before the data. */
static float
early_score(const struct demod *d)
{
	size_t n = d->g->n, p = d->g->prefix, count = (EARLY + p - 1) / p;
	float best = 0;

	count = count < d->symbols ? count : d->symbols;
	for (int lost = GAP_LEAST; lost <= GAP_MOST; lost++) {
		struct cpx sum = zero;

		for (size_t s = 0; s < count; s++) {
			int64_t at = prefix_at(d, s) - lost;

			sum = cpx_add(sum, alike(d, at, at + (int64_t)n, p));
		}
		best = fmaxf(best, sqrtf(cpx_norm(sum)) / (float)count);
	}
	return best;
}

bool
modem_is_torn(struct demod *d)
{
	const struct tear tear = find_tear(d);
	const float early = early_score(d);

	return (tear.score > clear_score && tear.score > clear_ratio * tear.whole) ||
		(early > clear_early && early > early_ratio * tear.whole);
}

/*
 * The same to a fraction of a point: the slope of the phase behind the tear says it
 * roughly, the carrier's phase within the torn symbol modulo a turn.
 */
static double
fine_lost(struct demod *d, size_t symbol, int lost)
{
	int64_t at = prefix_at(d, symbol);
	double drift = d->rate * d->g->n, rough = lost, turns;
	struct cpx v = alike(d, at, at + d->g->n - lost, d->g->prefix);

	if (symbol + 1 < d->symbols) {
		d->gap_at = modem_symbol_start(d->g, symbol);
		d->gap_length = lost;
		rough -= modem_lateness(d, symbol + 1);
	}
	if (cpx_norm(v) < 0.16f) /* torn where it is no longer alike */
		return rough;
	turns = atan2f(v.im, v.re) / (2 * MODEM_PI);
	turns += floor(d->ring->carrier * (rough - drift) - turns + 0.5);
	return turns / d->ring->carrier + drift;
}

/* Places of the tear by the noise that each would leave in the torn symbol. */
static size_t
place_tear(struct demod *d, size_t symbol, struct gap *gaps, size_t most)
{
	double start = modem_symbol_start(d->g, symbol);
	size_t count = 0;

	for (int place = -1; place <= PLACES; place++) {
		struct gap gap = { start + (double)d->g->n * place / PLACES, d->gap_length, 0 };
		size_t at;

		d->gap_at = gap.at;
		gap.trouble = modem_symbol_trouble(d, symbol);
		if (count == most && gap.trouble >= gaps[most - 1].trouble)
			continue;
		count += count < most;
		for (at = count - 1; at > 0 && gaps[at - 1].trouble > gap.trouble; at--)
			gaps[at] = gaps[at - 1];
		gaps[at] = gap;
	}
	return count;
}

size_t
modem_find_gaps(struct demod *d, struct gap *ret_gaps, size_t most)
{
	struct tear tear;
	size_t count;

	d->gap_length = 0;
	tear = find_tear(d);
	if (tear.score < least_score)
		return 0;
	d->gap_length = fine_lost(d, tear.symbol, tear.lost);
	count = place_tear(d, tear.symbol, ret_gaps, most);
	d->gap_length = 0;
	return count;
}
