/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts through a small channel of the test's own: what must arrive, and what must not. */
#include <stdio.h>

#include "kit/tap.h"
#include "unit/modem_kit.h"

static struct csn_modem_config config;

static const struct {
	const char *what;
	enum csn_modem_profile profile;
	size_t len, block;
	struct kit_air air;
} cases[] = {
	{ "the shortest message in a quiet place", CSN_MODEM_FAST, 1, 480, { .snr_db = 30 } },
	{ "41 bytes in a quiet place", CSN_MODEM_FAST, 41, 480, { .snr_db = 30 } },
	{ "the longest message, fast", CSN_MODEM_FAST, 120, 480, { .snr_db = 25 } },
	{ "the longest message, long", CSN_MODEM_LONG, 120, 480, { .snr_db = 12 } },
	{ "the longest message, motion", CSN_MODEM_MOTION, 120, 480, { .snr_db = 8 } },
	{ "the shortest message, long", CSN_MODEM_LONG, 1, 480, { .snr_db = 8 } },
	{ "the shortest message, motion", CSN_MODEM_MOTION, 2, 480, { .snr_db = 6 } },
	{ "one sample at a time", CSN_MODEM_FAST, 5, 1, { .snr_db = 20 } },
	{ "blocks of seven", CSN_MODEM_MOTION, 5, 7, { .snr_db = 20 } },
	{ "everything in one block", CSN_MODEM_LONG, 41, KIT_MAX, { .snr_db = 20 } },
	{ "a clock 300 ppm fast, fast", CSN_MODEM_FAST, 41, 480,
	  { .snr_db = 15, .ppm = 300 } },
	{ "a clock 300 ppm slow, fast", CSN_MODEM_FAST, 120, 480,
	  { .snr_db = 15, .ppm = -300 } },
	{ "a clock 300 ppm fast, long", CSN_MODEM_LONG, 41, 480,
	  { .snr_db = 8, .ppm = 300 } },
	{ "a clock 300 ppm slow, long", CSN_MODEM_LONG, 120, 480,
	  { .snr_db = 8, .ppm = -300 } },
	{ "a clock 300 ppm fast, motion", CSN_MODEM_MOTION, 41, 480,
	  { .snr_db = 5, .ppm = 300 } },
	{ "a clock 300 ppm slow, motion", CSN_MODEM_MOTION, 41, 480,
	  { .snr_db = 5, .ppm = -300 } },
	{ "echo 3 dB under the direct sound, fast", CSN_MODEM_FAST, 41, 480,
	  { .snr_db = 15, .echo_ms = 30, .echo_db = -3 } },
	{ "echo 2 dB over the direct sound, long", CSN_MODEM_LONG, 41, 480,
	  { .snr_db = 10, .echo_ms = 43, .echo_db = 2, .ppm = 60 } },
	{ "echo and noise, motion", CSN_MODEM_MOTION, 41, 480,
	  { .snr_db = 3, .echo_ms = 30, .echo_db = -3, .ppm = 100 } },
	{ "noise as strong as the burst, long", CSN_MODEM_LONG, 64, 480, { .snr_db = 0 } },
	{ "noise stronger than the burst, motion", CSN_MODEM_MOTION, 64, 480,
	  { .snr_db = -1 } },
};

static void
run_cases(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t message[CSN_MODEM_MESSAGE_MAX];
		struct kit_air air = cases[i].air;
		struct csn_modem_rx *rx = kit_receiver(&config);
		struct csn_modem_event event;
		float *x;
		size_t n;
		int got;

		air.seed = (uint32_t)i;
		kit_message(message, cases[i].len, (uint32_t)i);
		n = kit_burst(&config, cases[i].profile, message, cases[i].len, &x);
		kit_impair(x, n, &air);
		got = kit_hear(rx, x, n, cases[i].block, &event);
		tap_ok(got == 1 && event.len == cases[i].len &&
		       memcmp(event.message, message, event.len) == 0 &&
		       event.report.profile == cases[i].profile,
		       "%s", cases[i].what);
		if (got != 1)
			tap_note("%d messages, stage %s", got,
			         csn_modem_stage_name(event.report.stage));
		free(x);
		free(rx);
	}
}

/* The loudest and the quietest burst that must arrive, as 16-bit sound. */
static void
check_levels(void)
{
	static const float ratio_db[CSN_MODEM_PROFILES] = { 20, 12, 8 };

	for (int i = 0; i < 2 * CSN_MODEM_PROFILES; i++) {
		enum csn_modem_profile profile = (enum csn_modem_profile)(i / 2);
		struct kit_air air = { .snr_db = ratio_db[profile], .seed = 80u + (uint32_t)i };
		bool loud = i % 2 == 0;
		struct csn_modem_rx *rx = kit_receiver(&config);
		struct csn_modem_event event;
		uint8_t message[41] = { 9 };
		float *x, rms_dbfs;
		size_t n = kit_burst(&config, profile, message, sizeof message, &x);

		rms_dbfs = 10 * log10f(kit_power(x + KIT_LEAD, n - KIT_LEAD - KIT_TAIL));
		/* bursts are made with peaks at -1 dBFS */
		air.gain_db = loud ? -2 : -50 - rms_dbfs;
		kit_impair(x, n, &air);
		for (size_t k = 0; k < n; k++)
			x[k] = roundf(fmaxf(-1, fminf(x[k], 1)) * 32767) / 32768;
		tap_ok(kit_hear(rx, x, n, 480, &event) == 1, "%s: a burst %s",
		       csn_modem_profile_name(profile),
		       loud ? "with its peaks at -3 dBFS" : "at -50 dBFS rms");
		tap_note("reported %.1f dBFS", (double)event.report.level_dbfs);
		free(x);
		free(rx);
	}
}

/* Report of one clean burst against what was done to it. */
static void
check_report(void)
{
	const struct kit_air air = { .snr_db = 12, .ppm = -120, .gain_db = -20, .seed = 5 };
	struct csn_modem_rx *rx = kit_receiver(&config);
	struct csn_modem_event event;
	struct csn_modem_meter meter;
	uint8_t message[41];
	float *x, sent;
	size_t n;

	kit_message(message, sizeof message, 9);
	n = kit_burst(&config, CSN_MODEM_LONG, message, sizeof message, &x);
	sent = 10 * log10f(kit_power(x + KIT_LEAD, n - KIT_LEAD - KIT_TAIL)) - 20;
	kit_impair(x, n, &air);
	kit_hear(rx, x, n, 480, &event);
	tap_ok(fabsf(event.report.level_dbfs - sent) < 1.5f, "the level is reported");
	tap_note("%.1f dBFS, sent %.1f", (double)event.report.level_dbfs, (double)sent);
	tap_ok(fabsf(event.report.snr_db - 12) < 2, "the ratio to noise is reported");
	tap_note("%.1f dB", (double)event.report.snr_db);
	tap_ok(fabsf(event.report.clock_ppm - 120) < 10, "the clock offset is reported");
	tap_note("%.1f ppm", (double)event.report.clock_ppm);
	tap_ok(event.report.echo_ms < 3, "no echo is reported where there is none");
	tap_ok(event.report.start_sample > KIT_LEAD - 200 &&
	       event.report.start_sample < KIT_LEAD + 2000 &&
	       event.report.end_sample > event.report.start_sample &&
	       event.report.end_sample < n, "start and end are reported");
	csn_modem_rx_meter(rx, &meter);
	tap_is((long long)meter.samples, (long long)n, "the meter counts samples");
	tap_ok(meter.score > 0.8f, "the meter shows the preamble");
	free(x);
	free(rx);
}

/* Hears one case with what `spoil` does to the samples. */
static int
hear_spoiled(void (*spoil)(float *x, size_t n), struct csn_modem_event *ret_event,
             struct csn_modem_meter *ret_meter)
{
	const struct kit_air air = { .snr_db = 25, .gain_db = -20, .seed = 3 };
	struct csn_modem_rx *rx = kit_receiver(&config);
	uint8_t message[41];
	float *x;
	size_t n;
	int got;

	kit_message(message, sizeof message, 11);
	n = kit_burst(&config, CSN_MODEM_MOTION, message, sizeof message, &x);
	kit_impair(x, n, &air);
	spoil(x, n);
	got = kit_hear(rx, x, n, 333, ret_event);
	if (got > 0 && memcmp(ret_event->message, message, sizeof message) != 0)
		got = -1;
	csn_modem_rx_meter(rx, ret_meter);
	free(x);
	free(rx);
	return got;
}

static void
spoil_some(float *x, size_t n)
{
	const float bad[] = { NAN, INFINITY, -INFINITY, 1e30f, -17.0f };

	for (size_t i = 0; i < n; i += 997)
		x[i] = bad[i % 5];
}

static void
spoil_all(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = i % 2 == 0 ? NAN : INFINITY;
}

static void
spoil_middle(float *x, size_t n)
{
	memset(x + n / 2, 0, 480 * sizeof *x);
}

static void
spoil_end(float *x, size_t n)
{
	memset(x + n / 3, 0, (n - n / 3) * sizeof *x);
}

static void
spoil_level(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= powf(10, 6.0f / 20 * sinf((float)i / 9000));
}

static void
check_spoiled(void)
{
	struct csn_modem_event event;
	struct csn_modem_meter meter;

	tap_is(hear_spoiled(spoil_some, &event, &meter), 1,
	       "a burst sprinkled with NaN, infinity and absurd values arrives");
	tap_ok(meter.bad_samples > 50, "the bad samples are counted");
	tap_is(hear_spoiled(spoil_all, &event, &meter), 0, "nothing but NaN is silence");
	tap_ok(isfinite(meter.level_dbfs) && isfinite(meter.band_dbfs) &&
	       isfinite(meter.score), "the meter stays finite");
	tap_is(hear_spoiled(spoil_middle, &event, &meter), 1, "10 ms lost are bridged");
	tap_is(hear_spoiled(spoil_level, &event, &meter), 1, "the level may swing by 6 dB");
	tap_is(hear_spoiled(spoil_end, &event, &meter), 0, "a third of a burst is no message");
	tap_is(event.report.stage, CSN_MODEM_STAGE_TRUNCATED, "it is reported as truncated");
}

/* Two bursts too weak alone; a third, other message must not profit. */
static void
check_combining(void)
{
	struct kit_air air = { .snr_db = -6 };
	struct csn_modem_rx *rx = kit_receiver(&config);
	struct csn_modem_event event;
	uint8_t message[64];
	uint32_t bursts = 0;
	int got = 0;

	kit_message(message, sizeof message, 21);
	while (got == 0 && bursts < 8) {
		float *x;
		size_t n = kit_burst(&config, CSN_MODEM_MOTION, message, sizeof message, &x);

		air.seed = 100 + bursts++;
		kit_impair(x, n, &air);
		got = kit_hear(rx, x, n, 480, &event);
		free(x);
	}
	tap_ok(got == 1 && memcmp(event.message, message, sizeof message) == 0,
	       "repeated bursts arrive together where one alone does not");
	tap_ok(bursts > 1 && event.report.combined > 1, "it took more than one burst");
	tap_note("%u bursts, %u combined", (unsigned)bursts, (unsigned)event.report.combined);
	free(rx);
}

/* The queue holds eight; messages outlive failed attempts, the newest stay. */
static void
check_queue(void)
{
	struct csn_modem_rx *rx = kit_receiver(&config);
	struct csn_modem_event event;
	int waiting = 0;
	uint8_t last = 0;

	for (uint8_t i = 1; i <= 10; i++) {
		float *x;
		size_t n = kit_burst(&config, CSN_MODEM_FAST, &i, 1, &x);

		csn_modem_rx_feed(rx, x, n);
		free(x);
	}
	while (csn_modem_rx_next(rx, &event)) {
		waiting++;
		last = event.message[0];
	}
	tap_is(waiting, 8, "eight events wait when nobody polls");
	tap_is(last, 10, "the newest is among them");
	free(rx);
}

/* Profiles one after another into the same receiver, then forgotten by a reset. */
static void
check_profiles(void)
{
	struct csn_modem_rx *rx = kit_receiver(&config);
	struct csn_modem_event event;
	int right = 0;
	uint8_t message[3] = { 1, 2, 3 };

	for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
		float *x;
		size_t n = kit_burst(&config, (enum csn_modem_profile)p, message, 3, &x);

		right += kit_hear(rx, x, n, 1000, &event) == 1 &&
			(int)event.report.profile == p;
		if (p + 1 == CSN_MODEM_PROFILES)
			csn_modem_rx_feed(rx, x, n);
		free(x);
	}
	tap_is(right, 3, "one receiver hears all profiles");
	csn_modem_rx_reset(rx);
	tap_is(csn_modem_rx_next(rx, &event), 0, "a reset forgets what waited");
	free(rx);
}

/* A recording may begin with the burst itself. */
static void
check_first_sample(void)
{
	for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
		const struct kit_air air = { .snr_db = 15, .seed = 40u + (uint32_t)p };
		struct csn_modem_rx *rx = kit_receiver(&config);
		struct csn_modem_event event;
		uint8_t message[41] = { 5 };
		float *x;
		size_t n = kit_burst(&config, (enum csn_modem_profile)p, message,
		                     sizeof message, &x);

		kit_impair(x, n, &air);
		tap_ok(kit_hear(rx, x + KIT_LEAD, n - KIT_LEAD, 480, &event) == 1,
		       "%s: a burst is heard from the very first sample",
		       csn_modem_profile_name((enum csn_modem_profile)p));
		tap_ok(event.report.start_sample < 2400 &&
		       event.report.end_sample <= n - KIT_LEAD, "and its place is told");
		free(x);
		free(rx);
	}
}

/* Samples that never came: by profile, how many, and where in the burst. */
static const struct {
	enum csn_modem_profile profile;
	size_t len, lost;
	float  place;
} gaps[] = {
	{ CSN_MODEM_FAST, 41, 480, 0.42f },    { CSN_MODEM_FAST, 41, 480, 0.8f },
	{ CSN_MODEM_FAST, 64, 441, 0.6f },     { CSN_MODEM_FAST, 120, 200, 0.7f },
	{ CSN_MODEM_LONG, 41, 480, 0.4f },     { CSN_MODEM_LONG, 64, 960, 0.6f },
	{ CSN_MODEM_MOTION, 41, 480, 0.3f },   { CSN_MODEM_MOTION, 64, 480, 0.6f },
};

static void
check_lost_samples(void)
{
	const struct kit_air air = { .snr_db = 20, .ppm = 50, .seed = 60 };

	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		struct csn_modem_rx *rx = kit_receiver(&config);
		struct csn_modem_event event;
		uint8_t message[CSN_MODEM_MESSAGE_MAX];
		float *x;
		size_t n, at;

		kit_message(message, gaps[i].len, 70u + (uint32_t)i);
		n = kit_burst(&config, gaps[i].profile, message, gaps[i].len, &x);
		kit_impair(x, n, &air);
		at = KIT_LEAD + (size_t)(gaps[i].place * (float)(n - KIT_LEAD - KIT_TAIL));
		memmove(x + at, x + at + gaps[i].lost,
		        (n - at - gaps[i].lost) * sizeof *x);
		n -= gaps[i].lost;
		tap_ok(kit_hear(rx, x, n, 480, &event) == 1 && event.len == gaps[i].len &&
		       memcmp(event.message, message, event.len) == 0,
		       "%s, %zu bytes: %zu samples lost at %.1f of the burst",
		       csn_modem_profile_name(gaps[i].profile), gaps[i].len, gaps[i].lost,
		       (double)gaps[i].place);
		free(x);
		free(rx);
	}
}

/*
 * The same within the preamble, in eight places of each: now and then it arrives, and
 * else somebody is told that it was there, with a cause that fits.
 */
static void
check_torn_preambles(void)
{
	static const size_t preamble[CSN_MODEM_PROFILES] = { 4704, 9024, 4384 };
	const struct kit_air air = { .snr_db = 15, .ppm = 50, .gain_db = -20, .seed = 90 };

	for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
		enum csn_modem_profile profile = (enum csn_modem_profile)p;
		int silent = 0, unfit = 0, arrived = 0;

		for (size_t k = 0; k < 8; k++) {
			size_t at = KIT_LEAD + preamble[p] * k / 8 + 200, n;
			struct csn_modem_rx *rx = kit_receiver(&config);
			struct csn_modem_event event;
			uint8_t message[41];
			float *x;

			kit_message(message, sizeof message, (uint32_t)k);
			n = kit_burst(&config, profile, message, sizeof message, &x);
			kit_impair(x, n, &air);
			memmove(x + at, x + at + 480, (n - at - 480) * sizeof *x);
			/* so far on that the longest burst would be over */
			if (kit_hear(rx, x, n + 144000, 480, &event) == 1)
				arrived++;
			else if (event.report.score <= 0)
				silent++;
			else if (event.report.cause != CSN_MODEM_CAUSE_LOST &&
			         event.report.cause != CSN_MODEM_CAUSE_NOISE)
				unfit++;
			free(x);
			free(rx);
		}
		tap_ok(silent == 0, "%s: no burst torn in its preamble is lost in silence",
		       csn_modem_profile_name(profile));
		tap_is(unfit, 0, "and none is put down to distance or echo");
		tap_note("%d of 8 arrived, %d silent, %d unfit", arrived, silent, unfit);
	}
}

/* Another band is another channel. */
static void
check_band(void)
{
	struct csn_modem_config low = config;
	struct csn_modem_event event;
	struct csn_modem_rx *rx;
	uint8_t message[41] = { 7 };
	float *x;
	size_t n;

	low.band_low_hz = 15000;
	low.band_high_hz = 19000;
	n = kit_burst(&low, CSN_MODEM_FAST, message, sizeof message, &x);
	rx = kit_receiver(&low);
	tap_is(kit_hear(rx, x, n, 480, &event), 1, "a band of 15 to 19 kHz works");
	free(rx);
	rx = kit_receiver(&config);
	tap_is(kit_hear(rx, x, n, 480, &event), 0, "and is not heard in the default band");
	free(rx);
	free(x);
	low.band_low_hz = 20000;
	low.band_high_hz = 22000;
	n = kit_burst(&low, CSN_MODEM_MOTION, message, sizeof message, &x);
	rx = kit_receiver(&low);
	tap_is(kit_hear(rx, x, n, 480, &event), 1, "a band of 20 to 22 kHz works");
	free(rx);
	free(x);
}

static void
check_silence_causes(void)
{
	struct csn_modem_rx *rx = kit_receiver(&config);
	struct csn_modem_meter meter;
	static float x[48000];

	csn_modem_rx_feed(rx, x, 48000);
	csn_modem_rx_meter(rx, &meter);
	tap_is(meter.cause, CSN_MODEM_CAUSE_MUTED, "digital silence is called muted");
	for (size_t i = 0; i < 48000; i++)
		x[i] = 0.1f * sinf((float)i * 0.05f);
	csn_modem_rx_feed(rx, x, 48000);
	csn_modem_rx_meter(rx, &meter);
	tap_is(meter.cause, CSN_MODEM_CAUSE_VOICE,
	       "sound with nothing above is called voice processing");
	for (size_t i = 0; i < 48000; i++)
		x[i] = kit_normal() > 0 ? 1.0f : -1.0f;
	csn_modem_rx_feed(rx, x, 48000);
	csn_modem_rx_meter(rx, &meter);
	tap_is(meter.cause, CSN_MODEM_CAUSE_CLIPPED, "full scale is called clipped");
	for (size_t i = 0; i < 48000; i++)
		x[i] = 0.01f * kit_normal();
	csn_modem_rx_feed(rx, x, 48000);
	csn_modem_rx_meter(rx, &meter);
	tap_is(meter.cause, CSN_MODEM_CAUSE_NONE, "plain noise has no cause");
	free(rx);
}

/* 44.1 kHz sound declared as 48 kHz: every sample of the burst 8.8 % too close. */
static void
check_wrong_rate(void)
{
	struct csn_modem_rx *rx = kit_receiver(&config);
	struct csn_modem_event event;
	struct csn_modem_meter meter;
	uint8_t message[120] = { 3 };
	float *x;
	size_t n = kit_burst(&config, CSN_MODEM_LONG, message, sizeof message, &x);

	kit_clock(x, n, 1e6 * (48000.0 / 44100.0 - 1));
	tap_is(kit_hear(rx, x, n, 480, &event), 0, "44.1 kHz sound is not understood");
	csn_modem_rx_meter(rx, &meter);
	tap_is(meter.cause, CSN_MODEM_CAUSE_RATE, "and is called by its name");
	free(x);
	free(rx);
}

int
main(void)
{
	csn_modem_config_default(&config);
	run_cases();
	check_levels();
	check_report();
	check_spoiled();
	check_combining();
	check_queue();
	check_profiles();
	check_first_sample();
	check_lost_samples();
	check_torn_preambles();
	check_band();
	check_silence_causes();
	check_wrong_rate();
	return tap_done();
}
