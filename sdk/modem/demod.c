/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver's second half: a burst in the ring becomes a message. */
#include <math.h>
#include <string.h>

#include "modem/demod.h"

enum {
	PASSES        = 5,
	GAPS          = 8,                   /* places of lost samples tried */
	CLOCK_MOST_PPM = 350,               /* no clock is that wrong: half a preamble is */
	MEMORY_BURSTS = 8,                  /* soft bits of so many are added at most */
	MEMORY_POINTS = 30 * BASE_RATE_HZ,  /* and for so long */
};

static const struct cpx zero = { 0, 0 };

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
		size_t at = modem_bit_bin(g, f);
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

/* Soft bits of a symbol, and as received; what is believed already is taken off its neighbours. */
static void
equalise(struct demod *d, size_t symbol, float *ret_raw)
{
	const struct geometry *g = d->g;
	const struct fft *fft = &d->bit_fft[g->profile];
	size_t bits = g->bits, base = symbol * bits;
	float power[BITS_MAX], left = 0, mu = 0;
	float root = 1 / sqrtf((float)bits);

	matched(d, symbol, modem_spectrum(d, symbol), d->freq, power);
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

		if (ret_raw != NULL)
			ret_raw[base + i] = v / (mu + 1e-9f);
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
	size_t m = modem_carriers(g);

	for (size_t s = 0; s < d->symbols; s++) {
		const struct cpx *y = modem_spectrum(d, s);
		struct cpx dot = zero;
		float norm = 1e-20f, left = 0, noise = 0;

		modem_believed(d, s, d->freq);
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
	size_t m = modem_carriers(d->g);
	float weight[CHANNEL_MAX];

	for (size_t i = 0; i < m; i++) {
		weight[i] = 12 / d->noise[i];
		d->channel[i] = cpx_scale(d->first[i], weight[i]);
	}
	for (size_t s = 0; s < d->symbols; s++) {
		const struct cpx *y = modem_spectrum(d, s);

		modem_believed(d, s, d->freq);
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
		modem_read_symbols(d, false);
		learn_gains(d);
		learn_channel(d);
		spread(d, false);
		for (size_t s = 0; s < d->symbols; s++)
			equalise(d, s, NULL);
		done = decode(d, memory);
	}
	return done;
}

/* Soft bits of every symbol, with nothing believed. */
static void
read_data(struct demod *d)
{
	memcpy(d->channel, d->first, sizeof d->channel);
	begin_belief(d);
	modem_read_symbols(d, true);
	modem_read_symbols(d, false);
	modem_judge_symbols(d);
	for (size_t s = 0; s < d->symbols; s++)
		equalise(d, s, d->raw);
	memcpy(d->fresh, d->slot, sizeof d->fresh);
}

/* Was the preamble clear enough for the profile?  Else it is noise, not a tear. */
static bool
is_clear(const struct demod *d)
{
	size_t m = modem_carriers(d->g);
	float noise = 1e-20f;

	for (size_t i = 0; i < m; i++)
		noise += d->noise[i];
	return 10 * log10f(modem_energy(d->first, m) / noise + 1e-9f) >
		csn_modem_least_snr_db(d->g->profile);
}

/* With points put in where some may have been lost. */
static bool
decode_torn(struct demod *d)
{
	struct gap gaps[GAPS];
	size_t count = is_clear(d) ? modem_find_gaps(d, gaps, GAPS) : 0;
	bool done = false;

	/* Each once, then the likeliest with all that can be learned. */
	for (size_t i = 0; i <= count && count > 0 && !done; i++) {
		d->gap_at = gaps[i % count].at;
		d->gap_length = gaps[i % count].length;
		read_data(d);
		done = i < count ? decode(d, NULL) : decode_passes(d, NULL);
	}
	return done;
}

static bool
decode_alone(struct demod *d)
{
	if (decode_passes(d, NULL))
		return true;
	memcpy(d->channel, d->first, sizeof d->channel);
	if (decode_torn(d))
		return true;
	d->gap_length = 0;
	read_data(d); /* for what earlier bursts left */
	return false;
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
	bool done = decode_alone(d);

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

static bool
ended_early(struct demod *d)
{
	size_t m = modem_carriers(d->g);
	size_t tail = (d->symbols + 3) / 4;
	float last = 0, first = modem_energy(d->channel, m);

	for (size_t s = d->symbols - tail; s < d->symbols; s++)
		last += modem_energy(modem_spectrum(d, s), m) / (float)tail;
	return last < 0.1f * first;
}

static enum csn_modem_cause
likely_cause(struct demod *d, const struct csn_modem_report *report)
{
	float prefix_ms = 1e3f * d->g->prefix / BASE_RATE_HZ;
	float worst = 0, sum = 0;

	for (size_t s = 0; s < d->symbols; s++) {
		sum += d->trouble[s];
		worst = d->trouble[s] > worst ? d->trouble[s] : worst;
	}
	if (modem_is_torn(d))
		return CSN_MODEM_CAUSE_LOST;
	if (report->stage == CSN_MODEM_STAGE_TRUNCATED ||
	    (d->g->profile != CSN_MODEM_MOTION && fabsf(report->clock_ppm) > CLOCK_MOST_PPM) ||
	    worst * (float)(d->symbols - 1) > 6 * (sum - worst))
		return CSN_MODEM_CAUSE_NOISE;
	if (report->echo_ms > 2 * prefix_ms)
		return d->g->profile == CSN_MODEM_LONG ? CSN_MODEM_CAUSE_ECHO
		                                       : CSN_MODEM_CAUSE_PROFILE;
	return CSN_MODEM_CAUSE_FAR;
}

static void
fill_report(struct demod *d, struct csn_modem_report *report)
{
	size_t m = modem_carriers(d->g);
	float sent = modem_energy(d->channel, m), power = 0, trouble = 0, noise = 0;
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

void
modem_finish(const struct demod *d, struct csn_modem_event *event)
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

	modem_begin(d, ring, sight);
	d->symbols = modem_symbols(d->g, sight->class);
	modem_slots(&d->slots, 8 * modem_frame_bytes(sight->class),
	            d->symbols * modem_code_bits(d->g));
	memset(ret_event, 0, sizeof *ret_event);
	report->profile = sight->profile;
	report->score = sight->pair;

	d->limit = modem_ring_bound(d, (int64_t)d->origin, sight->end - sight->at);
	modem_read_preamble(d, sight->class);
	read_data(d);
	if (decode_burst(d, sight, &report->combined)) {
		fill_report(d, report);
		modem_finish(d, ret_event);
		return;
	}
	fill_report(d, report);
	report->stage = ended_early(d) ? CSN_MODEM_STAGE_TRUNCATED : CSN_MODEM_STAGE_DECODE;
	report->cause = likely_cause(d, report);
}
