/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile becomes in a given band, and the words for everything. */
#include <math.h>

#include "modem/internal.h"

/* Lengths in points at 6 kHz. */
static const struct shape {
	const char *name;
	uint16_t n, prefix, np;
	uint8_t  pilot;
	float    alpha; /* least roll-off */
	float    load;
	uint8_t  least; /* symbols: fewer than three hang on a single fade */
} shapes[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST]   = { "fast",   512,  64, 256, 0,  0.20f, 0.4870f, 1 },
	[CSN_MODEM_LONG]   = { "long",   1024, 92, 512, 0,  0.30f, 0.2594f, 3 },
	[CSN_MODEM_MOTION] = { "motion", 128,  24, 256, 12, 0.93f, 0.2200f, 1 },
};

void
csn_modem_config_default(struct csn_modem_config *ret_config)
{
	*ret_config = (struct csn_modem_config){
		.band_low_hz = 17250.0f,
		.band_high_hz = 20000.0f,
		.peak_dbfs = -1.0f,
		.sample_rate_hz = CSN_MODEM_RATE_HZ,
	};
}

int
csn_modem_config_check(const struct csn_modem_config *config)
{
	float width = config->band_high_hz - config->band_low_hz;

	if (config->sample_rate_hz != CSN_MODEM_RATE_HZ)
		return CSN_MODEM_E_RATE;
	if (!(config->band_low_hz >= 15000.0f && config->band_high_hz <= 22000.0f))
		return CSN_MODEM_E_BAND;
	if (!(width >= 2000.0f && width <= 4000.0f))
		return CSN_MODEM_E_BAND;
	if (!(config->peak_dbfs >= -60.0f && config->peak_dbfs <= 0.0f))
		return CSN_MODEM_E_LEVEL;
	return CSN_MODEM_OK;
}

/* The largest transform of radix two, three and five that is a multiple of four. */
static unsigned
smooth_below(unsigned n)
{
	for (n -= n % 4; n > 4; n -= 4) {
		unsigned rest = n;

		while (rest % 2 == 0)
			rest /= 2;
		while (rest % 3 == 0)
			rest /= 3;
		while (rest % 5 == 0)
			rest /= 5;
		if (rest == 1)
			break;
	}
	return n;
}

void
modem_geometry(struct geometry *geo, const struct csn_modem_config *config,
               enum csn_modem_profile profile)
{
	const struct shape *shape = &shapes[profile];
	float half = (config->band_high_hz - config->band_low_hz) / 2;

	geo->profile = profile;
	geo->n = shape->n;
	geo->prefix = shape->prefix;
	geo->np = shape->np;
	geo->k = (int16_t)(half * (float)shape->n / BASE_RATE_HZ);
	geo->kp = (int16_t)(half * (float)shape->np / BASE_RATE_HZ);
	geo->bits = (uint16_t)smooth_below((unsigned)(4.0f * (float)geo->k /
	                                              (1.0f + shape->alpha)));
	geo->alpha = 4.0f * (float)geo->k / (float)geo->bits - 1.0f;
	if (geo->alpha > 1.0f)
		geo->alpha = 1.0f;
	geo->shift = (uint16_t)(shape->np / CLASSES);
	geo->pilot = shape->pilot;
	geo->load = shape->load;
	geo->least = shape->least;
}

float
modem_window(const struct geometry *geo, int f)
{
	float quarter = (float)geo->bits / 4;
	float x = fabsf((float)f) - (1 - geo->alpha) * quarter;

	if (x <= 0)
		return 1;
	x /= 2 * geo->alpha * quarter;
	return x >= 1 ? 0 : cosf(MODEM_PI / 2 * x);
}

struct cpx
modem_preamble_carrier(const struct geometry *geo, int f)
{
	int count = 2 * geo->kp + 1;
	int i = f + geo->kp;
	double turns = 0.5 * (double)(i * i) / count;

	/* rising for two profiles, falling for the one of the same length */
	return modem_turn(geo->profile == CSN_MODEM_MOTION ? -turns : turns);
}

size_t
modem_class_of(size_t len)
{
	return (len + 2) / 4;
}

size_t
modem_frame_bytes(size_t class)
{
	return 4 * class + 6;
}

size_t
modem_symbols(const struct geometry *geo, size_t class)
{
	float per_symbol = geo->load * (float)geo->bits;
	size_t symbols = (size_t)ceilf((float)(8 * modem_frame_bytes(class)) / per_symbol -
	                               1e-3f);

	return symbols < geo->least ? geo->least : symbols;
}

size_t
modem_preamble_points(const struct geometry *geo)
{
	return geo->prefix + 2u * geo->np + RAMP;
}

size_t
modem_burst_points(const struct geometry *geo, size_t class)
{
	return modem_preamble_points(geo) +
		modem_symbols(geo, class) * ((size_t)geo->n + geo->prefix) + RAMP;
}

static float
bessel_i0(float x)
{
	float sum = 1, term = 1;

	for (int i = 1; i < 24; i++) {
		term *= (x / (2.0f * (float)i)) * (x / (2.0f * (float)i));
		sum += term;
	}
	return sum;
}

/* Kaiser window; passes up to 2 kHz beside the middle, stops from 4 kHz. */
void
modem_lowpass(float *taps, size_t n)
{
	float attenuation = 14.36f * (2000.0f / CSN_MODEM_RATE_HZ) * (float)n + 7.95f;
	float beta = 0.1102f * (attenuation - 8.7f);
	float cut = 2.0f * 3000.0f / CSN_MODEM_RATE_HZ;
	float sum = 0;

	for (size_t i = 0; i < n; i++) {
		float t = (float)i - ((float)n - 1) / 2;
		float u = 2 * t / ((float)n - 1);
		float sinc = t == 0 ? cut : sinf(MODEM_PI * cut * t) / (MODEM_PI * t);

		taps[i] = sinc * bessel_i0(beta * sqrtf(1 - u * u));
		sum += taps[i];
	}
	for (size_t i = 0; i < n; i++)
		taps[i] /= sum;
}

static const char *
pick(const char *const *names, size_t count, size_t i)
{
	return i < count && names[i] != NULL ? names[i] : "unknown";
}

#define PICK(names, i) pick(names, sizeof(names) / sizeof((names)[0]), (size_t)(i))

const char *
csn_modem_profile_name(enum csn_modem_profile profile)
{
	return (unsigned)profile < CSN_MODEM_PROFILES ? shapes[profile].name : "unknown";
}

const char *
csn_modem_error_text(int error)
{
	static const char *const text[] = {
		[0] = "no error",
		[-CSN_MODEM_E_MEMORY] = "memory for the modem is too small or not aligned",
		[-CSN_MODEM_E_BAND] =
			"the band must lie within 15000..22000 Hz and be 2000..4000 Hz wide",
		[-CSN_MODEM_E_LEVEL] = "the peak level must lie within -60..0 dBFS",
		[-CSN_MODEM_E_RATE] = "the sample rate must be 48000 Hz; resample before",
		[-CSN_MODEM_E_PROFILE] = "the profile must be fast, long or motion",
		[-CSN_MODEM_E_LENGTH] = "a message is 1..120 bytes",
	};

	return PICK(text, -error);
}

const char *
csn_modem_stage_name(enum csn_modem_stage stage)
{
	static const char *const names[] = {
		[CSN_MODEM_STAGE_PREAMBLE] = "preamble",
		[CSN_MODEM_STAGE_TRUNCATED] = "truncated",
		[CSN_MODEM_STAGE_DECODE] = "decode",
		[CSN_MODEM_STAGE_FRAME] = "frame",
		[CSN_MODEM_STAGE_DONE] = "done",
	};

	return PICK(names, stage);
}

const char *
csn_modem_cause_name(enum csn_modem_cause cause)
{
	static const char *const names[] = {
		[CSN_MODEM_CAUSE_NONE] = "none",       [CSN_MODEM_CAUSE_MUTED] = "muted",
		[CSN_MODEM_CAUSE_RATE] = "rate",       [CSN_MODEM_CAUSE_CLIPPED] = "clipped",
		[CSN_MODEM_CAUSE_VOICE] = "voice",     [CSN_MODEM_CAUSE_FAR] = "far",
		[CSN_MODEM_CAUSE_ECHO] = "echo",       [CSN_MODEM_CAUSE_PROFILE] = "profile",
		[CSN_MODEM_CAUSE_NOISE] = "noise",     [CSN_MODEM_CAUSE_LOST] = "lost",
	};

	return PICK(names, cause);
}

/* What a preamble must score, and the in-band ratio it takes, dB. */
static const struct {
	float score, snr_db;
} least[CSN_MODEM_PROFILES] = {
	[CSN_MODEM_FAST]   = { 0.10f, 3 },
	[CSN_MODEM_LONG]   = { 0.06f, -3 },
	[CSN_MODEM_MOTION] = { 0.08f, -4 },
};

float
csn_modem_least_score(enum csn_modem_profile profile)
{
	return (unsigned)profile < CSN_MODEM_PROFILES ? least[profile].score : 1;
}

float
csn_modem_least_snr_db(enum csn_modem_profile profile)
{
	return (unsigned)profile < CSN_MODEM_PROFILES ? least[profile].snr_db : 0;
}

const char *
csn_modem_cause_text(enum csn_modem_cause cause)
{
	static const char *const text[] = {
		[CSN_MODEM_CAUSE_NONE] = "none",
		[CSN_MODEM_CAUSE_MUTED] = "muted: the microphone delivers silence",
		[CSN_MODEM_CAUSE_RATE] = "44.1 kHz sound declared as 48 kHz",
		[CSN_MODEM_CAUSE_CLIPPED] = "clipped: the input is driven to full scale",
		[CSN_MODEM_CAUSE_VOICE] = "voice processing or a low sample rate removes near-ultrasound",
		[CSN_MODEM_CAUSE_FAR] = "too far or too quiet",
		[CSN_MODEM_CAUSE_ECHO] = "echo too long",
		[CSN_MODEM_CAUSE_PROFILE] = "another profile would do better here",
		[CSN_MODEM_CAUSE_NOISE] = "noise or drop-outs within the burst",
		[CSN_MODEM_CAUSE_LOST] = "samples were lost on the way from the microphone",
	};

	return PICK(text, cause);
}
