/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver's first half: samples to 6 kHz, preambles, events, meter. */
#include <math.h>
#include <string.h>

#include "modem/internal.h"

enum {
	HOP       = FFT_MAX / 2, /* points between two searches */
	EVENTS    = 8,
	SIGHTINGS = 8,
	PEAKS     = 8,
	APART     = 24,          /* points; closer ones are echoes of one another */
	LEAD      = HOP,         /* points of silence before the first that is heard */
	LONE      = 3 * FFT_MAX, /* points that a lone half waits for a burst that explains it */
};

/* A place that looks like the first half of a preamble. */
struct peak {
	float    score;
	uint64_t at;
};

struct peaks {
	size_t      count;
	struct peak peak[PEAKS]; /* oldest first */
};

struct csn_modem_rx {
	struct csn_modem_config config;
	uint64_t samples, bad, clipped, false_starts;

	/* to 6 kHz */
	float      taps[RX_TAPS];
	struct cpx line[2 * RX_TAPS]; /* every sample twice, RX_TAPS apart */
	size_t     line_at, phase;
	struct cpx turn, step;

	/* preambles */
	struct fft fft;
	int        edge; /* last carrier of the band at FFT_MAX points */
	struct cpx template[CSN_MODEM_PROFILES][FFT_MAX];
	struct cpx heard[FFT_MAX], product[FFT_MAX], out[FFT_MAX];
	float      power[FFT_MAX + 1]; /* running sum of in-band energy */
	struct peaks peaks[CSN_MODEM_PROFILES];
	struct sighting sighting[SIGHTINGS];
	size_t     sightings;
	uint64_t   tried_until; /* end of the last burst that was tried */
	struct csn_modem_event lone; /* a preamble without its second half, if its score is not 0 */
	uint64_t   lone_at;
	float      best_score;

	/* levels */
	float wide_power, clip_share, band_power, floor_power;
	uint32_t shifted; /* searches in a row that look like 44.1 kHz sound */
	uint64_t shifted_until;

	struct csn_modem_event event[EVENTS];
	size_t events;
	struct ring  ring;
	struct demod demod;
};

/* Share of samples at full scale that harms. */
static const float clipped_share = 1e-3f;

/* Score of a first half that is a burst even without its second. */
static const float lone_score[CSN_MODEM_PROFILES] = { 0.25f, 0.13f, 0.20f };

/* Pair score below which a sound is not a burst. */
static const float least_pair[CSN_MODEM_PROFILES] = { 0.34f, 0.30f, 0.38f };

size_t
csn_modem_rx_size(void)
{
	return sizeof(struct csn_modem_rx);
}

/* One preamble half, unit energy, as conjugated spectrum over FFT_MAX points. */
static void
make_template(struct csn_modem_rx *rx, const struct geometry *geo)
{
	struct fft fft;
	float scale = 1 / sqrtf((float)geo->np * (float)(2 * geo->kp + 1));

	modem_fft_plan(&fft, geo->np, rx->demod.twiddle, FFT_MAX);
	memset(rx->heard, 0, sizeof rx->heard);
	for (int f = -geo->kp; f <= geo->kp; f++)
		rx->heard[(size_t)(f + (int)geo->np) % geo->np] =
			cpx_scale(modem_preamble_carrier(geo, f), scale);
	memset(rx->product, 0, sizeof rx->product);
	modem_ifft(&fft, rx->heard, rx->product);
	modem_fft(&rx->fft, rx->product, rx->template[geo->profile]);
}

int
csn_modem_rx_init(void *memory, size_t size, const struct csn_modem_config *config,
                  struct csn_modem_rx **ret_rx)
{
	struct csn_modem_rx *rx = memory;
	int r = csn_modem_config_check(config);

	if (r < 0)
		return r;
	if (memory == NULL || size < sizeof *rx ||
	    (uintptr_t)memory % _Alignof(struct csn_modem_rx) != 0)
		return CSN_MODEM_E_MEMORY;

	memset(rx, 0, sizeof *rx);
	rx->config = *config;
	if (!modem_demod_init(&rx->demod, config))
		return CSN_MODEM_E_BAND;
	modem_ring_init(&rx->ring, config);
	rx->ring.count = LEAD; /* so that a burst may begin with the first sample */
	modem_lowpass(rx->taps, RX_TAPS);
	modem_fft_plan(&rx->fft, FFT_MAX, rx->demod.twiddle, FFT_MAX);
	rx->edge = (int)((config->band_high_hz - config->band_low_hz) / 2 * FFT_MAX /
	                 BASE_RATE_HZ);
	for (size_t p = 0; p < CSN_MODEM_PROFILES; p++)
		make_template(rx, &rx->demod.geo[p]);
	rx->turn = (struct cpx){ 1, 0 };
	rx->step = modem_turn(-rx->ring.carrier / DECIMATE);
	*ret_rx = rx;
	return CSN_MODEM_OK;
}

void
csn_modem_rx_reset(struct csn_modem_rx *rx)
{
	struct csn_modem_config config = rx->config;

	csn_modem_rx_init(rx, sizeof *rx, &config, &rx);
}

/* ---- events ---- */

/* Makes room by giving up the oldest failed attempt, else the oldest. */
static void
drop_event(struct csn_modem_rx *rx)
{
	size_t victim = 0;

	while (victim < rx->events && rx->event[victim].len > 0)
		victim++;
	if (victim == rx->events)
		victim = 0;
	rx->events--;
	memmove(&rx->event[victim], &rx->event[victim + 1],
	        (rx->events - victim) * sizeof *rx->event);
}

static void
push_event(struct csn_modem_rx *rx, const struct csn_modem_event *event)
{
	if (rx->events == EVENTS)
		drop_event(rx);
	rx->event[rx->events++] = *event;
}

int
csn_modem_rx_next(struct csn_modem_rx *rx, struct csn_modem_event *ret_event)
{
	if (rx->events == 0)
		return 0;
	*ret_event = rx->event[0];
	rx->events--;
	memmove(rx->event, rx->event + 1, rx->events * sizeof *rx->event);
	return 1;
}

/* ---- judging ---- */

static float
decibel(float power)
{
	return 10 * log10f(power + 1e-20f);
}

/* Where a point of the ring lies among the samples fed. */
static uint64_t
sample_at(uint64_t point)
{
	return point > LEAD ? (point - LEAD) * DECIMATE : 0;
}

/* What the sound around a failed burst adds to the judgement of the burst itself. */
static enum csn_modem_cause
judge_cause(const struct csn_modem_rx *rx, const struct csn_modem_report *report)
{
	const float floor_dbfs = decibel(rx->floor_power);
	const float above = report->level_dbfs - floor_dbfs;

	if (rx->clip_share > clipped_share)
		return CSN_MODEM_CAUSE_CLIPPED;
	if (rx->samples < rx->shifted_until)
		return CSN_MODEM_CAUSE_RATE;
	/* Loud over a quiet room and yet drowned: in its own echo, not in noise. */
	if (report->cause == CSN_MODEM_CAUSE_FAR &&
	    above > report->snr_db + 8)
		return report->profile == CSN_MODEM_LONG ? CSN_MODEM_CAUSE_ECHO
		                                         : CSN_MODEM_CAUSE_PROFILE;
	return report->cause;
}

/* ---- preambles ---- */

static void
drop_sighting(struct csn_modem_rx *rx, size_t i)
{
	rx->sightings--;
	memmove(&rx->sighting[i], &rx->sighting[i + 1],
	        (rx->sightings - i) * sizeof *rx->sighting);
}

/* Of two sightings that cannot both be right the likelier stays. */
static void
add_sighting(struct csn_modem_rx *rx, const struct sighting *sight)
{
	size_t span = modem_preamble_points(&rx->demod.geo[sight->profile]);
	size_t weakest = 0;

	for (size_t i = 0; i < rx->sightings; i++) {
		const struct sighting *other = &rx->sighting[i];

		if (other->profile != sight->profile || other->at + span < sight->at)
			continue;
		if (other->pair < sight->pair)
			rx->sighting[i] = *sight;
		return;
	}
	if (rx->sightings == SIGHTINGS) {
		for (size_t i = 1; i < rx->sightings; i++) {
			if (rx->sighting[i].pair < rx->sighting[weakest].pair)
				weakest = i;
		}
		drop_sighting(rx, weakest);
	}
	rx->sighting[rx->sightings++] = *sight;
}

static void
drop_peak(struct peaks *peaks, size_t i)
{
	peaks->count--;
	memmove(&peaks->peak[i], &peaks->peak[i + 1],
	        (peaks->count - i) * sizeof *peaks->peak);
}

/* Positions come in rising order; of neighbours the highest stays. */
static void
add_peak(struct peaks *peaks, uint64_t at, float score)
{
	struct peak *last = &peaks->peak[peaks->count - (peaks->count > 0)];
	size_t weakest = 0;

	if (peaks->count > 0 && at < last->at + APART) {
		if (score > last->score)
			*last = (struct peak){ score, at };
		return;
	}
	if (peaks->count == PEAKS) {
		for (size_t i = 1; i < PEAKS; i++) {
			if (peaks->peak[i].score < peaks->peak[weakest].score)
				weakest = i;
		}
		drop_peak(peaks, weakest);
	}
	peaks->peak[peaks->count++] = (struct peak){ score, at };
}

/*
 * A clear first half without a second: told as an attempt when no burst about it is
 * tried, for samples may have been lost within the preamble.
 */
static void
keep_lone(struct csn_modem_rx *rx, const struct sighting *sight)
{
	struct csn_modem_report *report = &rx->lone.report;
	size_t points = modem_preamble_points(&rx->demod.geo[sight->profile]);

	if (sight->at < rx->tried_until || sight->score < report->score ||
	    sight->score < lone_score[sight->profile])
		return;
	rx->lone_at = sight->at;
	*report = (struct csn_modem_report){
		.profile = sight->profile,
		.stage = CSN_MODEM_STAGE_PREAMBLE,
		.cause = CSN_MODEM_CAUSE_NOISE,
		.score = sight->score,
		.level_dbfs = decibel(rx->band_power),
		.start_sample = sample_at(sight->at),
		.end_sample = sample_at(sight->at + points),
	};
}

static void
tell_lone(struct csn_modem_rx *rx)
{
	if (rx->lone.report.score <= 0 || rx->sightings > 0 ||
	    rx->ring.count < rx->lone_at + LONE)
		return;
	rx->lone.report.cause = judge_cause(rx, &rx->lone.report);
	push_event(rx, &rx->lone);
	rx->lone.report.score = 0;
}

/* The second half has come: does it confirm the first? */
static void
confirm_peak(struct csn_modem_rx *rx, size_t profile, size_t i)
{
	struct peaks *peaks = &rx->peaks[profile];
	struct sighting sight = {
		.profile = (enum csn_modem_profile)profile,
		.at = peaks->peak[i].at,
		.score = peaks->peak[i].score,
	};

	drop_peak(peaks, i);
	modem_confirm(&rx->demod, &rx->ring, &sight);
	if (sight.pair < least_pair[profile]) {
		rx->false_starts++;
		keep_lone(rx, &sight);
	} else {
		add_sighting(rx, &sight);
	}
}

/* Correlates with one profile's preamble; windows starting at first..first+HOP. */
static void
search_profile(struct csn_modem_rx *rx, size_t profile, uint64_t block)
{
	const float least = csn_modem_least_score((enum csn_modem_profile)profile);
	size_t np = rx->demod.geo[profile].np;
	size_t first = HOP - np;

	for (size_t i = 0; i < FFT_MAX; i++)
		rx->product[i] = cpx_mulc(rx->heard[i], rx->template[profile][i]);
	modem_ifft(&rx->fft, rx->product, rx->out);
	for (size_t i = first; i < first + HOP; i++) {
		float all = rx->power[i + np] - rx->power[i];
		float c = cpx_norm(rx->out[i]) / ((float)FFT_MAX * FFT_MAX);
		float score = all > 1e-12f ? c / all : 0;

		if (score > rx->best_score)
			rx->best_score = score > 1 ? 1 : score;
		if (score >= least)
			add_peak(&rx->peaks[profile], block + i, score > 1 ? 1 : score);
	}
}

static void
band_energy(struct csn_modem_rx *rx)
{
	float sum = 0;

	memset(rx->product, 0, sizeof rx->product);
	for (int f = -rx->edge; f <= rx->edge; f++) {
		size_t at = (size_t)(f + FFT_MAX) % FFT_MAX;

		rx->product[at] = rx->heard[at];
	}
	modem_ifft(&rx->fft, rx->product, rx->out);
	rx->power[0] = 0;
	for (size_t i = 0; i < FFT_MAX; i++) {
		sum += cpx_norm(rx->out[i]) / ((float)FFT_MAX * FFT_MAX);
		rx->power[i + 1] = sum;
	}
	rx->band_power = (sum - rx->power[HOP]) / HOP / 2;
	rx->floor_power *= 1.01f;
	if (rx->band_power < rx->floor_power || rx->floor_power <= 0)
		rx->floor_power = rx->band_power + 1e-20f;
}

static float
carrier_energy(const struct csn_modem_rx *rx, float low_hz, float high_hz)
{
	int from = (int)(low_hz * FFT_MAX / BASE_RATE_HZ);
	int to = (int)(high_hz * FFT_MAX / BASE_RATE_HZ);
	float sum = 0;

	for (int f = from; f <= to; f++)
		sum += cpx_norm(rx->heard[(size_t)(f + FFT_MAX) % FFT_MAX]);
	return sum / (float)(to - from + 1) / ((float)FFT_MAX * FFT_MAX);
}

/*
 * 44.1 kHz sound declared as 48 kHz arrives 8.8 % too high: loud above the
 * band and in its upper part, nothing at its lower edge.
 */
static void
watch_rate(struct csn_modem_rx *rx)
{
	float half = (rx->config.band_high_hz - rx->config.band_low_hz) / 2;
	float edge = half + 200 < 1800 ? half + 200 : 1800;
	float below = carrier_energy(rx, -half, -half / 2);
	float above = carrier_energy(rx, edge, 2000);
	float within = carrier_energy(rx, half * 0.6f, half);

	if (above < 20 * below || within < 20 * below || within < 1e-12f) {
		rx->shifted = 0;
		return;
	}
	rx->shifted++;
	if (rx->shifted >= 3)
		rx->shifted_until = rx->samples + 5 * CSN_MODEM_RATE_HZ;
}

static void
search(struct csn_modem_rx *rx)
{
	uint64_t block = rx->ring.count - FFT_MAX;
	size_t lead = block < LEAD ? LEAD - (size_t)block : 0;

	for (size_t i = 0; i < FFT_MAX; i++)
		rx->product[i] = rx->ring.point[(block + i) % RING];
	modem_limit(rx->product + lead, FFT_MAX - lead);
	modem_fft(&rx->fft, rx->product, rx->heard);
	band_energy(rx);
	watch_rate(rx);
	for (size_t p = 0; p < CSN_MODEM_PROFILES; p++)
		search_profile(rx, p, block);
}

/* ---- bursts ---- */

static void
receive(struct csn_modem_rx *rx, size_t i)
{
	struct sighting sight = rx->sighting[i];
	struct csn_modem_event event;

	drop_sighting(rx, i);
	modem_receive(&rx->demod, &rx->ring, &sight, &event);
	event.report.start_sample = sample_at(sight.at);
	event.report.end_sample = sample_at(sight.end);
	if (sight.end > rx->tried_until)
		rx->tried_until = sight.end;
	if (rx->lone_at + LONE > sight.at && rx->lone_at < sight.end)
		rx->lone.report.score = 0;
	if (event.len == 0)
		event.report.cause = judge_cause(rx, &event.report);
	push_event(rx, &event);
	if (event.len == 0)
		return;
	for (size_t k = rx->sightings; k-- > 0;) {
		if (rx->sighting[k].at < sight.end)
			drop_sighting(rx, k);
	}
}

static void
next_point(struct csn_modem_rx *rx, struct cpx point)
{
	struct ring *ring = &rx->ring;

	ring->point[ring->count % RING] = point;
	ring->count++;
	if (ring->count % HOP == 0 && ring->count >= FFT_MAX)
		search(rx);
	if (ring->count % 16 != 0)
		return;
	for (size_t p = 0; p < CSN_MODEM_PROFILES; p++) {
		size_t wait = 2u * rx->demod.geo[p].np + RAMP + SINC_TAPS;
		struct peaks *peaks = &rx->peaks[p];

		while (peaks->count > 0 && ring->count > peaks->peak[0].at + wait + HOP)
			confirm_peak(rx, p, 0);
	}
	for (size_t i = 0; i < rx->sightings;) {
		if (ring->count >= rx->sighting[i].end + SINC_TAPS) {
			receive(rx, i);
			i = 0;
		} else {
			i++;
		}
	}
	tell_lone(rx);
}

/* ---- samples ---- */

/* NaN, infinities and absurd values count as silence. */
static float
clean_sample(struct csn_modem_rx *rx, float v)
{
	if (!(v > -16.0f && v < 16.0f)) {
		rx->bad++;
		return 0;
	}
	return v;
}

static void
filter(struct csn_modem_rx *rx)
{
	const struct cpx *line = rx->line + rx->line_at;
	struct cpx sum = { 0, 0 };

	for (size_t i = 0; i < RX_TAPS; i++) {
		sum.re += line[i].re * rx->taps[i];
		sum.im += line[i].im * rx->taps[i];
	}
	next_point(rx, cpx_scale(sum, 2));
}

void
csn_modem_rx_feed(struct csn_modem_rx *rx, const float *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float v = clean_sample(rx, samples[i]);
		struct cpx mixed = cpx_scale(rx->turn, v);
		float loud = fabsf(v) >= 0.999f ? 1.0f : 0.0f;

		rx->wide_power += (v * v - rx->wide_power) * (1.0f / 4800);
		rx->clip_share += (loud - rx->clip_share) * (1.0f / 4800);
		rx->line[rx->line_at] = rx->line[rx->line_at + RX_TAPS] = mixed;
		rx->line_at = (rx->line_at + 1) % RX_TAPS;
		rx->turn = cpx_mul(rx->turn, rx->step);
		rx->samples++;
		if (rx->samples % 1024 == 0)
			rx->turn = modem_turn(-rx->ring.carrier / DECIMATE *
			                      (double)rx->samples);
		rx->phase = (rx->phase + 1) % DECIMATE;
		if (rx->phase == 0)
			filter(rx);
	}
}

/* Why it may be silent, from levels alone. */
static enum csn_modem_cause
silence_cause(const struct csn_modem_rx *rx)
{
	float wide = decibel(rx->wide_power), band = decibel(rx->band_power);

	if (rx->samples < CSN_MODEM_RATE_HZ / 2)
		return CSN_MODEM_CAUSE_NONE;
	if (wide < -95)
		return CSN_MODEM_CAUSE_MUTED;
	if (rx->clip_share > clipped_share)
		return CSN_MODEM_CAUSE_CLIPPED;
	if (rx->samples < rx->shifted_until)
		return CSN_MODEM_CAUSE_RATE;
	if (band < -105 && wide > -80)
		return CSN_MODEM_CAUSE_VOICE;
	return CSN_MODEM_CAUSE_NONE;
}

void
csn_modem_rx_meter(struct csn_modem_rx *rx, struct csn_modem_meter *ret_meter)
{
	*ret_meter = (struct csn_modem_meter){
		.level_dbfs = decibel(rx->wide_power),
		.band_dbfs = decibel(rx->band_power),
		.floor_dbfs = decibel(rx->floor_power),
		.score = rx->best_score,
		.clipped = rx->clip_share,
		.cause = silence_cause(rx),
		.samples = rx->samples,
		.bad_samples = rx->bad,
		.false_starts = rx->false_starts,
	};
	rx->best_score = 0;
}

size_t
csn_modem_rx_points(const struct csn_modem_rx *rx, float (*xy)[2], size_t room)
{
	const struct demod *d = &rx->demod;
	size_t count = d->g == NULL ? 0 : d->symbols * d->g->bits / 2;

	if (count > room)
		count = room;
	for (size_t i = 0; i < count; i++) {
		xy[i][0] = d->raw[2 * i];
		xy[i][1] = d->raw[2 * i + 1];
	}
	return count;
}
