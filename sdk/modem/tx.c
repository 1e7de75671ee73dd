/* SPDX-License-Identifier: Apache-2.0 */
/* The sender: frame, code, offset-QPSK symbols, interpolation, carrier. */
#include <math.h>
#include <string.h>

#include "modem/internal.h"

enum { CREST_PASSES = 12 };

struct csn_modem_tx {
	struct geometry geo;
	struct slots    slots;
	struct fft      carriers, bits;
	size_t   class, symbols, symbol; /* symbol: the next data symbol to build */
	size_t   points, point;          /* of the whole burst, at 6 kHz */
	size_t   length, sample;         /* at 48 kHz, the filter's run-out included */
	size_t   block_at, block_n;      /* of block: read so far, filled */
	size_t   phase;                  /* of the interpolator */
	float    gain, peak;
	double   turns_per_sample;
	float    taps[TX_TAPS];
	struct cpx history[TX_TAPS / DECIMATE];
	struct cpx edge[RAMP];           /* cyclic end of the last block, fading */
	struct cpx block[FFT_MAX + 256];
	struct cpx spectrum[FFT_MAX], time[FFT_MAX];
	struct cpx twiddle[FFT_MAX], bit_twiddle[BITS_MAX];
	uint8_t  slot_bit[SLOTS_MAX];    /* by place in the burst */
	uint8_t  code[CODE_MAX];
	uint8_t  frame[FRAME_MAX];
};

/* Peak over rms of each profile's waveform: what is cut costs less than it gains. */
static const float crest[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST]   = 1.66f, /* 4.4 dB */
	[CSN_MODEM_LONG]   = 1.66f,
	[CSN_MODEM_MOTION] = 1.58f, /* 4.0 dB */
};

size_t
csn_modem_tx_size(void)
{
	return sizeof(struct csn_modem_tx);
}

static int
check_burst(const struct csn_modem_config *config, enum csn_modem_profile profile,
            size_t len)
{
	int r = csn_modem_config_check(config);

	if (r < 0)
		return r;
	if ((unsigned)profile >= CSN_MODEM_PROFILES)
		return CSN_MODEM_E_PROFILE;
	if (len == 0 || len > CSN_MODEM_MESSAGE_MAX)
		return CSN_MODEM_E_LENGTH;
	return CSN_MODEM_OK;
}

static size_t
burst_samples(const struct geometry *geo, size_t class)
{
	return modem_burst_points(geo, class) * DECIMATE + TX_TAPS - DECIMATE;
}

size_t
csn_modem_burst_length(const struct csn_modem_config *config,
                       enum csn_modem_profile profile, size_t len)
{
	struct geometry geo;

	if (check_burst(config, profile, len) < 0)
		return 0;
	modem_geometry(&geo, config, profile);
	return burst_samples(&geo, modem_class_of(len));
}

static void
place_bits(struct csn_modem_tx *tx, size_t info)
{
	const struct geometry *geo = &tx->geo;

	modem_encode(tx->frame, info, tx->code);
	modem_slots(&tx->slots, info, tx->symbols * modem_code_bits(geo));
	for (uint32_t place = 0; place < tx->symbols * geo->bits; place++)
		tx->slot_bit[place] = modem_scramble(place); /* a pilot is a zero */
	for (uint32_t j = 0; j < tx->slots.total; j++)
		tx->slot_bit[modem_slot_place(geo, &tx->slots, j)] ^=
			tx->code[modem_slot_code(&tx->slots, j)];
}

int
csn_modem_tx_init(void *memory, size_t size, const struct csn_modem_config *config,
                  enum csn_modem_profile profile, const uint8_t *message, size_t len,
                  struct csn_modem_tx **ret_tx)
{
	struct csn_modem_tx *tx = memory;
	int r = check_burst(config, profile, len);

	if (r < 0)
		return r;
	if (memory == NULL || size < sizeof *tx ||
	    (uintptr_t)memory % _Alignof(struct csn_modem_tx) != 0)
		return CSN_MODEM_E_MEMORY;

	memset(tx, 0, sizeof *tx);
	modem_geometry(&tx->geo, config, profile);
	tx->class = modem_class_of(len);
	tx->symbols = modem_symbols(&tx->geo, tx->class);
	tx->points = modem_burst_points(&tx->geo, tx->class);
	tx->length = burst_samples(&tx->geo, tx->class);
	modem_fft_table(tx->twiddle, FFT_MAX);
	modem_fft_table(tx->bit_twiddle, tx->geo.bits);
	modem_fft_plan(&tx->bits, tx->geo.bits, tx->bit_twiddle, tx->geo.bits);
	modem_lowpass(tx->taps, TX_TAPS);
	tx->peak = powf(10.0f, config->peak_dbfs / 20);
	tx->gain = tx->peak / (crest[profile] * 1.035f) * sqrtf(2.0f);
	tx->turns_per_sample = 0.5 * ((double)config->band_low_hz +
	                              (double)config->band_high_hz) / CSN_MODEM_RATE_HZ;
	place_bits(tx, 8 * modem_frame_pack(tx->frame, profile, message, len));
	*ret_tx = tx;
	return CSN_MODEM_OK;
}

static void
unit_power(struct cpx *v, size_t n)
{
	float power = 0;

	for (size_t i = 0; i < n; i++)
		power += cpx_norm(v[i]);
	power = sqrtf((float)n / power);
	for (size_t i = 0; i < n; i++)
		v[i] = cpx_scale(v[i], power);
}

/* Holds a point within a magnitude. */
static struct cpx
limit(struct cpx v, float most)
{
	float norm = cpx_norm(v);

	return norm <= most * most ? v : cpx_scale(v, most / sqrtf(norm));
}

/*
 * Spectrum to time with unit mean power and a low crest: peaks are cut, what
 * that spills beside carriers -k..k is taken away, and again.
 */
static void
to_time(struct csn_modem_tx *tx, size_t n, int k)
{
	float most = crest[tx->geo.profile] / sqrtf(2.0f);

	modem_fft_plan(&tx->carriers, n, tx->twiddle, FFT_MAX);
	modem_ifft(&tx->carriers, tx->spectrum, tx->time);
	unit_power(tx->time, n);
	for (int pass = 0; pass < CREST_PASSES; pass++) {
		for (size_t i = 0; i < n; i++)
			tx->time[i] = limit(tx->time[i], most);
		modem_fft(&tx->carriers, tx->time, tx->spectrum);
		for (size_t i = (size_t)k + 1; i < n - (size_t)k; i++)
			tx->spectrum[i] = (struct cpx){ 0, 0 };
		modem_ifft(&tx->carriers, tx->spectrum, tx->time);
		unit_power(tx->time, n);
	}
}

/* Appends the cyclic waveform in tx->time, from `first`, fading out what was before. */
static void
append(struct csn_modem_tx *tx, size_t n, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cpx now = tx->time[(first + i) % n];

		if (i < RAMP) {
			float up = 0.5f - 0.5f * cosf(MODEM_PI * ((float)i + 0.5f) / RAMP);

			now = cpx_add(cpx_scale(now, up), cpx_scale(tx->edge[i], 1 - up));
		}
		tx->block[tx->block_n++] = now;
	}
	for (size_t i = 0; i < RAMP; i++)
		tx->edge[i] = tx->time[(first + count + i) % n];
}

static void
build_preamble(struct csn_modem_tx *tx)
{
	const struct geometry *geo = &tx->geo;
	size_t n = geo->np;
	size_t shift = tx->class * geo->shift;

	memset(tx->spectrum, 0, sizeof tx->spectrum);
	for (int f = -geo->kp; f <= geo->kp; f++)
		tx->spectrum[(size_t)(f + (int)n) % n] = modem_preamble_carrier(geo, f);
	to_time(tx, n, geo->kp);
	append(tx, n, n - geo->prefix % n, geo->prefix + n);
	append(tx, n, 2 * n - shift - RAMP, RAMP + n);
}

static void
build_symbol(struct csn_modem_tx *tx)
{
	const struct geometry *geo = &tx->geo;
	size_t n = geo->n, bits = geo->bits;
	const uint8_t *bit = tx->slot_bit + tx->symbol * bits;

	for (size_t i = 0; i < bits; i++)
		tx->time[i] = (struct cpx){ bit[i] ? -1.0f : 1.0f, 0 };
	modem_fft(&tx->bits, tx->time, tx->spectrum + 0);
	memcpy(tx->time, tx->spectrum, bits * sizeof *tx->time);
	memset(tx->spectrum, 0, sizeof tx->spectrum);
	for (int f = -geo->k; f <= geo->k; f++) {
		size_t at = (size_t)(f - (int)(bits / 4) + 2 * (int)bits) % bits;

		tx->spectrum[(size_t)(f + (int)n) % n] =
			cpx_scale(tx->time[at], modem_window(geo, f));
	}
	to_time(tx, n, geo->k);
	append(tx, n, n - geo->prefix, geo->prefix + n);
	tx->symbol++;
}

static void
build_end(struct csn_modem_tx *tx)
{
	memset(tx->time, 0, sizeof tx->time);
	append(tx, RAMP, 0, RAMP);
}

static struct cpx
next_point(struct csn_modem_tx *tx)
{
	if (tx->point == tx->points)
		return (struct cpx){ 0, 0 };
	if (tx->block_at == tx->block_n) {
		tx->block_at = tx->block_n = 0;
		if (tx->point == 0)
			build_preamble(tx);
		else if (tx->symbol < tx->symbols)
			build_symbol(tx);
		else
			build_end(tx);
	}
	tx->point++;
	return tx->block[tx->block_at++];
}

static struct cpx
interpolate(const struct csn_modem_tx *tx)
{
	struct cpx sum = { 0, 0 };

	for (size_t i = 0; i < TX_TAPS / DECIMATE; i++)
		sum = cpx_add(sum, cpx_scale(tx->history[i],
		                             tx->taps[i * DECIMATE + tx->phase]));
	return cpx_scale(sum, DECIMATE);
}

size_t
csn_modem_tx_render(struct csn_modem_tx *tx, float *samples, size_t n)
{
	size_t done = 0;

	for (; done < n && tx->sample < tx->length; done++, tx->sample++) {
		struct cpx v, carrier;

		if (tx->phase == 0) {
			memmove(tx->history + 1, tx->history,
			        sizeof tx->history - sizeof *tx->history);
			tx->history[0] = next_point(tx);
		}
		v = limit(cpx_scale(interpolate(tx), tx->gain), tx->peak);
		carrier = modem_turn(tx->turns_per_sample * (double)tx->sample);
		samples[done] = v.re * carrier.re - v.im * carrier.im;
		tx->phase = (tx->phase + 1) % DECIMATE;
	}
	return done;
}

size_t
csn_modem_tx_length(const struct csn_modem_tx *tx)
{
	return tx->length;
}
