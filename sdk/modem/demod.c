/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver's second half: a burst in the ring becomes a message. */
#include <math.h>
#include <string.h>

#include "modem/internal.h"

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
ring_point(const struct demod *d, int64_t at)
{
	const struct ring *ring = d->ring;
	struct cpx v;
	float norm;

	if (at < 0 || (uint64_t)at >= ring->count || (uint64_t)at + RING < ring->count)
		return zero;
	v = ring->point[(uint64_t)at % RING];
	norm = cpx_norm(v);
	return norm <= d->limit * d->limit ? v : cpx_scale(v, d->limit / sqrtf(norm));
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

/* Mean magnitude without the loudest: what is far above is an impulse. */
static float
impulse_limit(const struct demod *d, int64_t at, size_t n)
{
	float bound = 1e30f;

	for (int pass = 0; pass < 3; pass++) {
		float sum = 0;
		size_t count = 1;

		for (size_t i = 0; i < n; i++) {
			float m = sqrtf(cpx_norm(ring_point(d, at + (int64_t)i)));

			if (m <= bound) {
				sum += m;
				count++;
			}
		}
		bound = 2.5f * sum / (float)count;
	}
	return bound + 1e-9f;
}

static struct cpx *
bin(struct cpx *spectrum, size_t n, int f)
{
	return &spectrum[(size_t)(f + (int)n) % n];
}

/* ---- preamble ---- */

struct pair {
	struct cpx a[2 * FFT_MAX / 4], b[2 * FFT_MAX / 4]; /* carriers -kp..kp */
};

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

void
modem_confirm(struct demod *d, const struct ring *ring, struct sighting *sight)
{
	begin(d, ring, sight);
	read_halves(d, 0, d->first, d->channel);
	sight->pair = 0;
	for (size_t class = 0; class + 1 < CLASSES; class++) {
		float like = sqrtf(cpx_norm(likeness(d->g, d->first, d->channel, class)));

		if (like > sight->pair) {
			sight->pair = like;
			sight->class = class;
		}
	}
	sight->end = sight->at + modem_burst_points(d->g, sight->class) - d->g->prefix + 8;
}

/* The stretch between the halves, by the phase they turned; whole turns tried. */
static void
find_rate(struct demod *d, size_t class)
{
	static const float most[CSN_MODEM_PROFILES] = { 400e-6f, 400e-6f, 1000e-6f };
	double gap = d->g->np + RAMP;
	double turn = 1 / (d->ring->carrier * gap);
	double best_rate = 0;
	float best = -1;

	for (int k = -1; k <= 1; k++) {
		double rate = 0;
		float like = 0;

		for (int pass = 0; pass < 3; pass++) {
			struct cpx u;

			read_halves(d, rate, d->first, d->channel);
			u = likeness(d->g, d->first, d->channel, class);
			like = cpx_norm(u);
			rate -= atan2(u.im, u.re) / (2 * 3.14159265358979) * turn;
			if (pass == 0)
				rate += k * turn;
			if (fabs(rate) > (double)most[d->g->profile] + 0.5 * turn * (k == 0))
				break;
		}
		if (fabs(rate) <= (double)most[d->g->profile] && like > best) {
			best = like;
			best_rate = rate;
		}
	}
	d->rate = best_rate;
}

/* Noise by carrier, smoothed, from what the halves do not share. */
static void
preamble_noise(struct demod *d, const struct cpx *a, const struct cpx *b)
{
	const struct geometry *g = d->g;
	int ratio = g->n / g->np;

	for (int f = -g->k; f <= g->k; f++) {
		int mid = f / ratio, from = mid - 8, to = mid + 8;
		float sum = 0;

		from = from < -g->kp ? -g->kp : from;
		to = to > g->kp ? g->kp : to;
		for (int i = from; i <= to; i++)
			sum += cpx_norm(cpx_sub(a[i + g->kp], b[i + g->kp]));
		d->noise[f + g->k] = sum / (float)(2 * (to - from + 1) * ratio) + 1e-14f;
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

/* Channel at the data carriers from the halves' mean, by way of its echo. */
static void
preamble_channel(struct demod *d, const struct cpx *a, const struct cpx *b)
{
	const struct geometry *g = d->g;
	size_t early = g->np / 8u;
	float root = sqrtf((float)(2 * g->kp + 1)) / 2, noise = 0;
	struct fft fft;

	memset(d->freq, 0, g->np * sizeof *d->freq);
	for (int f = -g->kp; f <= g->kp; f++) {
		struct cpx sum = cpx_add(a[f + g->kp], b[f + g->kp]);

		*bin(d->freq, g->np, f) = cpx_scale(
			cpx_mulc(sum, modem_preamble_carrier(g, f)), root);
		noise += d->noise[(f * (g->n / g->np)) + g->k] * (float)(g->n / g->np);
	}
	modem_fft_plan(&fft, g->np, d->twiddle, FFT_MAX);
	modem_ifft(&fft, d->freq, d->time);
	clean_taps(d, d->time, noise * root * root * 2);

	memset(d->work, 0, g->n * sizeof *d->work);
	memcpy(d->work, d->time, (g->np - early) * sizeof *d->work);
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

	find_rate(d, class);
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

/* The carrier that repeats what carrier f says, conjugated. */
static int
partner(const struct geometry *g, int f)
{
	return (f > 0 ? g->bits / 2 : -(g->bits / 2)) - f;
}

/*
 * A symbol's gain, squared, without knowing its bits: a carrier times its
 * partner has the phase of the channel alone, and their noise is not shared.
 */
static struct cpx
squared_gain(const struct demod *d, const struct cpx *y)
{
	const struct geometry *g = d->g;
	struct cpx sum = zero;
	float all = 1e-30f;

	for (int f = -g->k; f <= g->k; f++) {
		int p = partner(g, f);
		struct cpx h;
		float w;

		if (f == 0 || p < -g->k || p > g->k)
			continue;
		h = cpx_mul(d->channel[f + g->k], d->channel[p + g->k]);
		w = 1 / (d->noise[f + g->k] * d->noise[p + g->k]);
		sum = cpx_add(sum, cpx_scale(
			cpx_mulc(cpx_mul(y[f + g->k], y[p + g->k]), h), w));
		all += w * cpx_norm(h);
	}
	return cpx_scale(sum, 1 / all);
}

static float
energy(const struct cpx *v, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += cpx_norm(v[i]);
	return sum;
}

/* Gain and noise of a symbol from its squared gain and its energy. */
static void
judge_symbol(struct demod *d, size_t symbol, struct cpx squared)
{
	const struct geometry *g = d->g;
	size_t m = 2u * (size_t)g->k + 1;
	float heard = energy(spectrum_of(d, symbol), m);
	float sent = energy(d->channel, m), noise = 0, power;

	for (size_t i = 0; i < m; i++)
		noise += d->noise[i];
	power = sqrtf(cpx_norm(squared));
	if (g->alpha < 0.5f)
		power = 1;
	if (power * sent > heard)
		power = heard / sent;
	d->gain[symbol] = (struct cpx){ sqrtf(power), 0 };
	d->trouble[symbol] = (heard - power * sent) / noise;
	if (d->trouble[symbol] < 0.5f)
		d->trouble[symbol] = 0.5f;
}

/* Reads every symbol, following delay and rate from one to the next. */
static void
read_symbols(struct demod *d)
{
	const struct geometry *g = d->g;
	double rate = d->rate;
	double late = rate * symbol_start(g, 0);
	double last = symbol_start(g, 0);
	struct fft fft;

	modem_fft_plan(&fft, g->n, d->twiddle, FFT_MAX);
	for (size_t s = 0; s < d->symbols; s++) {
		struct cpx *y = spectrum_of(d, s), squared, turn;
		double u = symbol_start(g, s), off;
		float sure;

		late += rate * (u - last);
		last = u;
		extract(d, u, late, rate, g->n, d->time);
		modem_fft(&fft, d->time, d->freq);
		for (int f = -g->k; f <= g->k; f++)
			y[f + g->k] = cpx_scale(*bin(d->freq, g->n, f), 1.0f / g->n);
		squared = squared_gain(d, y);
		judge_symbol(d, s, squared);
		off = 0.5 * atan2(squared.im, squared.re) / (2 * 3.14159265358979);
		sure = sqrtf(cpx_norm(squared));
		sure = sure > 1 ? 1 : sure;
		off *= sure;
		turn = modem_turn(-off);
		for (size_t i = 0; i < 2u * (size_t)g->k + 1; i++)
			y[i] = cpx_mul(y[i], turn);
		late -= off / d->ring->carrier;
		rate -= 0.3 * off / d->ring->carrier / (g->n + g->prefix);
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

/* Slots to code bits. */
static void
gather(struct demod *d, const float *slot)
{
	memset(d->code, 0, d->slots.code * sizeof *d->code);
	for (uint32_t j = 0; j < d->slots.total; j++)
		d->code[modem_slot_code(&d->slots, j)] += slot[modem_slot_place(&d->slots, j)];
}

static bool
decode(struct demod *d, const float *slot, size_t iterations)
{
	gather(d, slot);
	return modem_decode(&d->decoder, d->code, d->slots.info, d->g->profile, iterations,
	                    d->belief);
}

/* What the decoder says about each place beyond what that place said itself. */
static void
spread(struct demod *d, bool whole)
{
	for (uint32_t j = 0; j < d->slots.total; j++) {
		uint32_t place = modem_slot_place(&d->slots, j);
		float belief = d->belief[modem_slot_code(&d->slots, j)];
		float m = tanhf((whole ? belief : belief - d->slot[place]) / 2);

		d->mean[place] = modem_scramble(place) ? -m : m;
	}
}

/* ---- learning from the decision ---- */

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
	const struct geometry *g = d->g;
	size_t m = 2u * (size_t)g->k + 1;
	float weight[CHANNEL_MAX];

	for (size_t i = 0; i < m; i++) {
		float w = modem_window(g, (int)i - g->k);

		/* the preamble stands for two symbols of half the length */
		weight[i] = 1 / d->noise[i];
		d->channel[i] = cpx_scale(d->first[i], weight[i]);
		(void)w;
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
	bool done = false;

	begin(d, ring, sight);
	d->symbols = modem_symbols(d->g, sight->class);
	modem_slots(&d->slots, 8 * modem_frame_bytes(sight->class),
	            d->symbols * d->g->bits);
	memset(ret_event, 0, sizeof *ret_event);
	ret_event->report.profile = sight->profile;
	ret_event->report.score = sight->score;
	ret_event->report.stage = CSN_MODEM_STAGE_DECODE;

	d->limit = impulse_limit(d, (int64_t)d->origin, sight->end - sight->at);
	read_preamble(d, sight->class);
	read_symbols(d);
	memset(d->mean, 0, sizeof d->mean);
	for (int pass = 0; pass < 5 && !done; pass++) {
		if (pass > 0) {
			spread(d, true);
			learn_gains(d);
			learn_channel(d);
			spread(d, false);
		}
		for (size_t s = 0; s < d->symbols; s++)
			equalise(d, s);
		done = decode(d, d->slot, 6);
		ret_event->report.combined = (uint32_t)pass + 1;
	}
	ret_event->report.clock_ppm = (float)(d->rate * 1e6);
	if (done)
		finish(d, ret_event);
}
