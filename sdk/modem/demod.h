/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CSN_MODEM_DEMOD_H
#define CSN_MODEM_DEMOD_H

/* What the files of the receiver's second half share. */
#include "modem/internal.h"

/* ---- ring.c ---- */

/*
 * n points that left the sender as points u, u + 1, ... after the preamble's
 * first, arriving `late` points late and stretched by `rate` around the first.
 */
void
modem_extract(const struct demod *d, double u, double late, double rate, size_t n,
              struct cpx *out);

/* A point of the ring, impulses taken down; zero where there is none. */
struct cpx
modem_ring_point(const struct demod *d, int64_t at);

/* The bound over n points of the ring, a transform's worth of them looked at. */
float
modem_ring_bound(struct demod *d, int64_t at, size_t n);

/* ---- preamble.c ---- */

/* Takes up a sighting: which ring, which profile, where it begins. */
void
modem_begin(struct demod *d, const struct ring *ring, const struct sighting *sight);

/* Windows begin this many points before the strongest path. */
size_t
modem_backoff(const struct geometry *geo);

/* Finds d->rate, d->noise, d->first and d->channel. */
void
modem_read_preamble(struct demod *d, size_t class);

/* ---- track.c ---- */

/* Carrier spectrum of a symbol as believed; wrecks d->time and d->work. */
void
modem_believed(struct demod *d, size_t symbol, struct cpx *x);

/*
 * Reads every symbol: the first time where the track so far points, later
 * where the whole burst's track went.
 */
void
modem_read_symbols(struct demod *d, bool first);

/* Gain and noise of each symbol, without its bits. */
void
modem_judge_symbols(struct demod *d);

/* Noise of one symbol where the track from the first symbol on would put it. */
float
modem_symbol_trouble(struct demod *d, size_t symbol);

/* Points by which symbols from this one on come too late; modulo what a bit takes. */
double
modem_lateness(struct demod *d, size_t from);

/* ---- gap.c ---- */

/* Points lost: from which place in the burst on, how many. */
struct gap {
	double at, length;
	float  trouble;
};

/* Where points may have been lost among the symbols, the likeliest first. */
size_t
modem_find_gaps(struct demod *d, struct gap *ret_gaps, size_t most);

/* Do the symbols say that points are missing before or among them? */
bool
modem_is_torn(struct demod *d);

/* ---- small things ---- */

static inline struct cpx *
modem_bin(struct cpx *spectrum, size_t n, int f)
{
	return &spectrum[(size_t)(f + (int)n) % n];
}

static inline size_t
modem_carriers(const struct geometry *g)
{
	return 2u * (size_t)g->k + 1;
}

/* Received carriers of a symbol. */
static inline struct cpx *
modem_spectrum(struct demod *d, size_t symbol)
{
	return d->spectra + symbol * modem_carriers(d->g);
}

/* First point of a symbol's window after the preamble's first. */
static inline double
modem_symbol_start(const struct geometry *g, size_t symbol)
{
	return (double)(2 * g->np + RAMP + g->prefix) +
		(double)symbol * (double)(g->n + g->prefix);
}

/* Where carrier f lies in the spectrum of the bits. */
static inline size_t
modem_bit_bin(const struct geometry *g, int f)
{
	int bits = g->bits;

	return (size_t)((f - bits / 4 + 2 * bits) % bits);
}

static inline float
modem_energy(const struct cpx *v, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += cpx_norm(v[i]);
	return sum;
}

#endif
