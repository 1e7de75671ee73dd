/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, how long and how loud a burst is, what it leaves in other bands. */
#include <stdio.h>
#include <ucontext.h>

#include "kit/tap.h"
#include "modem/internal.h"
#include "unit/modem_kit.h"

static struct csn_modem_config config;

static const struct {
	const char *what;
	float low, high, peak;
	uint32_t rate;
	int want;
} configs[] = {
	{ "the default band", 17250, 20000, -1, 48000, CSN_MODEM_OK },
	{ "the lowest and widest band", 15000, 19000, 0, 48000, CSN_MODEM_OK },
	{ "a band below 15 kHz", 14999, 17500, -1, 48000, CSN_MODEM_E_BAND },
	{ "a band above 22 kHz", 19000, 22001, -1, 48000, CSN_MODEM_E_BAND },
	{ "a band too narrow", 17000, 18999, -1, 48000, CSN_MODEM_E_BAND },
	{ "a band too wide", 17000, 21001, -1, 48000, CSN_MODEM_E_BAND },
	{ "a band upside down", 20000, 17250, -1, 48000, CSN_MODEM_E_BAND },
	{ "a band that is no number", NAN, 20000, -1, 48000, CSN_MODEM_E_BAND },
	{ "a band without an end", 17250, INFINITY, -1, 48000, CSN_MODEM_E_BAND },
	{ "a level over full scale", 17250, 20000, 0.1f, 48000, CSN_MODEM_E_LEVEL },
	{ "a level that is no number", 17250, 20000, NAN, 48000, CSN_MODEM_E_LEVEL },
	{ "44.1 kHz", 17250, 20000, -1, 44100, CSN_MODEM_E_RATE },
};

static void
check_configs(void)
{
	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		struct csn_modem_config c = { configs[i].low, configs[i].high,
		                              configs[i].peak, configs[i].rate };

		tap_is(csn_modem_config_check(&c), configs[i].want, configs[i].what);
	}
}

static void
check_refusals(void)
{
	static const uint8_t message[121];
	size_t tx_size = csn_modem_tx_size(), rx_size = csn_modem_rx_size();
	char *memory = kit_memory(rx_size + 16);
	struct csn_modem_tx *tx = NULL;
	struct csn_modem_rx *rx = NULL;
	struct csn_modem_config wrong = config;

	tap_is(csn_modem_tx_init(memory, tx_size, &config, CSN_MODEM_FAST, message, 0, &tx),
	       CSN_MODEM_E_LENGTH, "an empty message is refused");
	tap_is(csn_modem_tx_init(memory, tx_size, &config, CSN_MODEM_FAST, message, 121, &tx),
	       CSN_MODEM_E_LENGTH, "121 bytes are refused");
	tap_is(csn_modem_tx_init(memory, tx_size, &config, CSN_MODEM_PROFILES, message, 1,
	                         &tx), CSN_MODEM_E_PROFILE, "a fourth profile is refused");
	tap_is(csn_modem_tx_init(memory, tx_size - 1, &config, CSN_MODEM_FAST, message, 1,
	                         &tx), CSN_MODEM_E_MEMORY, "too little memory is refused");
	tap_is(csn_modem_tx_init(memory + 1, tx_size, &config, CSN_MODEM_FAST, message, 1,
	                         &tx), CSN_MODEM_E_MEMORY, "odd memory is refused");
	tap_is(csn_modem_tx_init(NULL, tx_size, &config, CSN_MODEM_FAST, message, 1, &tx),
	       CSN_MODEM_E_MEMORY, "no memory is refused");
	tap_ok(tx == NULL, "no sender was handed out");
	tap_is(csn_modem_rx_init(memory, rx_size - 1, &config, &rx), CSN_MODEM_E_MEMORY,
	       "a receiver wants all its memory");
	tap_is(csn_modem_rx_init(memory + 1, rx_size, &config, &rx), CSN_MODEM_E_MEMORY,
	       "and aligned");
	wrong.sample_rate_hz = 96000;
	tap_is(csn_modem_rx_init(memory, rx_size, &wrong, &rx), CSN_MODEM_E_RATE,
	       "a receiver refuses 96 kHz");
	tap_ok(rx == NULL, "no receiver was handed out");
	tap_is((long long)csn_modem_burst_length(&config, CSN_MODEM_FAST, 121), 0,
	       "a message too long has no length in samples");
	tap_is((long long)csn_modem_burst_length(&config, CSN_MODEM_PROFILES, 1), 0,
	       "nor has an unknown profile");
	free(memory);
}

/* Airtime goals in milliseconds for 41 and 64 bytes. */
static const struct {
	enum csn_modem_profile profile;
	size_t len;
	unsigned most_ms;
	float crest_db;
} airtimes[] = {
	{ CSN_MODEM_FAST,   41,  330, 5.5f },
	{ CSN_MODEM_FAST,   64,  450, 5.5f },
	{ CSN_MODEM_LONG,   41,  800, 5.5f },
	{ CSN_MODEM_LONG,   64, 1000, 5.5f },
	{ CSN_MODEM_MOTION, 41, 1400, 5.5f },
	{ CSN_MODEM_MOTION, 64, 2000, 5.5f },
};

static void
check_airtimes(void)
{
	for (size_t i = 0; i < sizeof airtimes / sizeof *airtimes; i++) {
		const char *name = csn_modem_profile_name(airtimes[i].profile);
		uint8_t message[64];
		float *x, peak = 0, crest;
		size_t n, len = csn_modem_burst_length(&config, airtimes[i].profile,
		                                       airtimes[i].len);

		kit_message(message, sizeof message, (uint32_t)i);
		n = kit_burst(&config, airtimes[i].profile, message, airtimes[i].len, &x) -
			KIT_LEAD - KIT_TAIL;
		tap_ok(n == len && n * 1000 <= (size_t)airtimes[i].most_ms * 48000,
		       "%s, %zu bytes: at most %u ms", name, airtimes[i].len,
		       airtimes[i].most_ms);
		for (size_t k = 0; k < n; k++)
			peak = fmaxf(peak, fabsf(x[KIT_LEAD + k]));
		crest = 20 * log10f(peak / sqrtf(kit_power(x + KIT_LEAD, n)));
		tap_ok(crest <= airtimes[i].crest_db, "%s, %zu bytes: crest at most %.1f dB",
		       name, airtimes[i].len, (double)airtimes[i].crest_db);
		tap_note("%.1f ms, crest %.2f dB, peak %.2f dBFS", (double)n / 48,
		         (double)crest, (double)(20 * log10f(peak)));
		tap_ok(peak <= powf(10, -1.0f / 20) * 1.0001f, "no sample is over the peak level");
		free(x);
	}
}

/* Power of x between two frequencies by a plain Fourier sum in steps of 20 Hz, Hann per 50 ms. */
static double
band_power(const float *x, size_t n, double low, double high)
{
	enum { WINDOW = 2400 };
	double sum = 0;

	for (size_t at = 0; at + WINDOW <= n; at += WINDOW / 2) {
		for (double f = low; f < high; f += 20) {
			double re = 0, im = 0, w = 2 * M_PI * f / 48000;
			double c = 1, s = 0, cw = cos(w), sw = sin(w);

			for (size_t i = 0; i < WINDOW; i++) {
				double h = (0.5 - 0.5 * cos(2 * M_PI * (double)i / WINDOW)) *
					(double)x[at + i], t;

				re += h * c;
				im -= h * s;
				t = c * cw - s * sw;
				s = c * sw + s * cw;
				c = t;
			}
			sum += re * re + im * im;
		}
	}
	return sum;
}

static void
check_spectrum(void)
{
	for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
		uint8_t message[41];
		float *x;
		size_t n;
		double in, below, db;

		kit_message(message, sizeof message, (uint32_t)p);
		n = kit_burst(&config, (enum csn_modem_profile)p, message, sizeof message, &x);
		n = n - KIT_TAIL + 4800;
		in = band_power(x, n, 17000, 20200);
		below = band_power(x, n, 100, 16000);
		db = 10 * log10(below / in);
		tap_ok(db < -50, "%s: all sound below 16 kHz is 50 dB under the burst",
		       csn_modem_profile_name((enum csn_modem_profile)p));
		tap_note("%.1f dB, fades included", db);
		free(x);
	}
}

static void
check_words(void)
{
	bool all = true;

	for (int e = CSN_MODEM_E_LENGTH - 1; e <= 1; e++)
		all = all && csn_modem_error_text(e) != NULL;
	for (int i = -1; i < 12; i++)
		all = all && csn_modem_stage_name((enum csn_modem_stage)i) != NULL &&
			csn_modem_cause_text((enum csn_modem_cause)i) != NULL &&
			csn_modem_profile_name((enum csn_modem_profile)i) != NULL;
	tap_ok(all, "every number has a word");
	tap_ok(strcmp(csn_modem_error_text(-99), "unknown") == 0, "also an unknown one");
}

#define MEMBER(of, name) sizeof((struct of *)NULL)->name

static const struct {
	const char *what;
	size_t size;
} parts[] = {
	{ "sound heard", MEMBER(ring, point) },
	{ "tables: twiddles", MEMBER(demod, twiddle) + MEMBER(demod, bit_twiddle) },
	{ "tables: preambles", MEMBER(demod, preamble) },
	{ "tables: fractions of a point", MEMBER(ring, sinc) },
	{ "spectra of a burst", MEMBER(demod, spectra) },
	{ "soft bits and beliefs", 4 * MEMBER(demod, slot) + 2 * MEMBER(demod, code) },
	{ "soft bits of failed bursts", MEMBER(demod, memory) },
	{ "error correction", MEMBER(demod, decoder) },
};

static void
check_sizes(void)
{
	tap_ok(csn_modem_rx_size() <= 1 << 20, "a receiver fits in 1 MiB");
	tap_ok(csn_modem_tx_size() <= 1 << 17, "a sender fits in 128 KiB");
	tap_note("receiver %zu bytes, sender %zu bytes", csn_modem_rx_size(),
	         csn_modem_tx_size());
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		tap_note("  of the receiver's, %s %zu bytes", parts[i].what, parts[i].size);
}

/* A failing burst of the largest kind, received on a painted stack of its own. */
static struct csn_modem_rx *deep_rx;
static float *deep_sound;
static size_t deep_count;
static ucontext_t deep_home;

static void
go_deep(void)
{
	csn_modem_rx_feed(deep_rx, deep_sound, deep_count);
}

static void
check_stack(void)
{
	enum { DEEP = 65536 };
	const struct kit_air air = { .snr_db = -5, .seed = 2 };
	uint8_t message[120] = { 0 }, *stack = kit_memory(DEEP);
	struct csn_modem_event event;
	ucontext_t there;
	size_t untouched = 0;

	deep_rx = kit_receiver(&config);
	deep_count = kit_burst(&config, CSN_MODEM_LONG, message, sizeof message, &deep_sound);
	kit_impair(deep_sound, deep_count, &air);
	memset(stack, 0xa5, DEEP);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = DEEP;
	there.uc_link = &deep_home;
	makecontext(&there, go_deep, 0);
	swapcontext(&deep_home, &there);
	while (untouched < DEEP && stack[untouched] == 0xa5)
		untouched++;
	tap_ok(csn_modem_rx_next(deep_rx, &event), "a burst was tried on a stack of its own");
	tap_ok(DEEP - untouched < 16384, "receiving needs less than 16 KiB of stack");
	tap_note("deepest stack %zu bytes", (size_t)(DEEP - untouched));
	free(stack);
	free(deep_sound);
	free(deep_rx);
}

int
main(void)
{
	csn_modem_config_default(&config);
	check_configs();
	check_refusals();
	check_airtimes();
	check_spectrum();
	check_words();
	check_sizes();
	check_stack();
	return tap_done();
}
