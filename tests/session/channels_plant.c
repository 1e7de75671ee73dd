/* Writes a recording in which one thing is wrong: channels_plant WHAT FILE. */
#include <stdio.h>

#include "core/cli/wav.h"
#include "unit/modem_kit.h"

struct plant {
	const char *what;
	enum csn_modem_profile profile;
	struct kit_air air;
	void (*spoil)(float *x, size_t n);
};

static void
mute(float *x, size_t n)
{
	memset(x, 0, n * sizeof *x);
}

/* As if the recorder had run at 44.1 kHz. */
static void
speed_up(float *x, size_t n)
{
	kit_clock(x, n, 1e6 * (48000.0 / 44100.0 - 1));
}

/* Somebody speaks into a microphone whose gain is far too high. */
static void
clip(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		x[i] += 8 * sinf((float)i * 0.07f) + 5 * sinf((float)i * 0.31f);
		x[i] = x[i] > 1 ? 1 : x[i] < -1 ? -1 : x[i];
	}
}

/* What a telephone leaves: everything slow. */
static void
filter_voice(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = 0.1f * sinf((float)i * 0.05f) + 0.05f * sinf((float)i * 0.21f);
}

static void
only_noise(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = 0.003f * kit_normal();
}

/* The recorder dropped 10 ms within the first half of the preamble. */
static void
lose(float *x, size_t n)
{
	const size_t at = KIT_LEAD + 1300;

	memmove(x + at, x + at + 480, (n - at - 480) * sizeof *x);
}

/* Somebody slams a door within the first of two symbols. */
static void
slam(float *x, size_t n)
{
	for (size_t i = KIT_LEAD + 8800; i < n - KIT_TAIL; i++)
		x[i] += 0.1f * kit_normal();
}

static const struct plant plants[] = {
	{ "fine", CSN_MODEM_FAST, { .snr_db = 25, .ppm = 40, .seed = 1 }, NULL },
	{ "muted", CSN_MODEM_FAST, { .snr_db = 25, .seed = 2 }, mute },
	{ "rate", CSN_MODEM_LONG, { .snr_db = 30, .seed = 3 }, speed_up },
	{ "clipped", CSN_MODEM_FAST, { .snr_db = 25, .seed = 4 }, clip },
	{ "voice", CSN_MODEM_FAST, { .snr_db = 25, .seed = 5 }, filter_voice },
	{ "far", CSN_MODEM_FAST, { .snr_db = -3, .gain_db = -30, .seed = 6 }, NULL },
	{ "echo", CSN_MODEM_LONG, { .snr_db = 30, .echo_ms = 400, .echo_db = 12, .gain_db = -20, .seed = 7 },
	  NULL },
	{ "profile", CSN_MODEM_FAST, { .snr_db = 30, .echo_ms = 60, .echo_db = 4, .gain_db = -10, .seed = 8 },
	  NULL },
	{ "lost", CSN_MODEM_MOTION, { .snr_db = 20, .seed = 10 }, lose },
	{ "noise", CSN_MODEM_FAST, { .snr_db = 8, .gain_db = -20, .seed = 11 }, slam },
	{ "long", CSN_MODEM_LONG, { .snr_db = 15, .ppm = -60, .seed = 12 }, NULL },
	{ "motion", CSN_MODEM_MOTION, { .snr_db = 10, .ppm = 90, .seed = 13 }, NULL },
	{ "unheard", CSN_MODEM_FAST, { .snr_db = 25, .seed = 9 }, only_noise },
};

static int
write_plant(const struct plant *plant, const char *path)
{
	struct csn_modem_config config;
	uint8_t message[41];
	struct wav *wav;
	float *x;
	size_t n;

	csn_modem_config_default(&config);
	config.peak_dbfs = -12;
	kit_message(message, sizeof message, plant->air.seed);
	n = kit_burst(&config, plant->profile, message, sizeof message, &x);
	kit_impair(x, n, &plant->air);
	if (plant->spoil != NULL)
		plant->spoil(x, n);
	wav = wav_create(path, CSN_MODEM_RATE_HZ);
	if (wav == NULL)
		kit_stop("no file");
	wav_add(wav, x, n);
	free(x);
	return wav_close(wav) < 0;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof plants / sizeof *plants; i++)
		if (strcmp(plants[i].what, argv[1]) == 0)
			return write_plant(&plants[i], argv[2]);
	fprintf(stderr, "usage: channels_plant WHAT FILE\n");
	return 2;
}
