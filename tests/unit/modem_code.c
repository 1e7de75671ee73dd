/* SPDX-License-Identifier: Apache-2.0 */
/* The parts: transform, CRC, frame, permutations, code, geometry. */
#include <math.h>
#include <stdio.h>

#include "kit/tap.h"
#include "modem/internal.h"

/* A transform against its definition, in double precision. */
static double
transform_error(size_t n)
{
	static struct cpx table[FFT_MAX], in[FFT_MAX], out[FFT_MAX], back[FFT_MAX];
	struct fft fft;
	double worst = 0;

	modem_fft_table(table, n);
	if (!modem_fft_plan(&fft, n, table, n))
		return 1e9;
	for (size_t i = 0; i < n; i++)
		in[i] = (struct cpx){ sinf((float)(i * i)), cosf(3 * (float)i) };
	modem_fft(&fft, in, out);
	modem_ifft(&fft, out, back);
	for (size_t k = 0; k < n; k++) {
		double re = 0, im = 0;

		for (size_t i = 0; i < n; i++) {
			double a = -2 * M_PI * (double)(i * k % n) / (double)n;

			re += (double)in[i].re * cos(a) - (double)in[i].im * sin(a);
			im += (double)in[i].re * sin(a) + (double)in[i].im * cos(a);
		}
		worst = fmax(worst, hypot(re - (double)out[k].re, im - (double)out[k].im));
		worst = fmax(worst, hypot((double)(back[k].re / (float)n - in[k].re),
		                          (double)(back[k].im / (float)n - in[k].im)));
	}
	return worst / sqrt((double)n);
}

static void
check_transform(void)
{
	static const size_t sizes[] = { 4, 60, 128, 256, 384, 480, 512, 720, 1024 };
	static struct cpx table[FFT_MAX];
	struct fft fft;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		tap_ok(transform_error(sizes[i]) < 1e-4,
		       "%zu points agree with the definition", sizes[i]);
	tap_ok(!modem_fft_plan(&fft, 28, table, 28), "28 points are refused: seven is a factor");
}

static void
check_frame(void)
{
	uint8_t frame[FRAME_MAX] = { 0 };
	uint8_t message[41] = { 1, 2, 3 };
	size_t bytes, caught = 0;

	tap_is(modem_crc32((const uint8_t *)"123456789", 9, 0), 0xcbf43926u,
	       "the CRC of the usual nine digits");
	tap_ok(!modem_frame_check(frame, 10, CSN_MODEM_FAST), "a frame of zeros is refused");
	bytes = modem_frame_pack(frame, CSN_MODEM_FAST, message, sizeof message);
	tap_is((long long)bytes, 46, "41 bytes need 46");
	tap_ok(modem_frame_check(frame, bytes, CSN_MODEM_FAST), "a frame packed is right");
	tap_ok(!modem_frame_check(frame, bytes, CSN_MODEM_LONG),
	       "the same under another profile is not");
	for (size_t bit = 0; bit < 8 * bytes; bit++) {
		frame[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		caught += !modem_frame_check(frame, bytes, CSN_MODEM_FAST);
		frame[bit / 8] ^= (uint8_t)(1 << (bit % 8));
	}
	tap_is((long long)caught, (long long)(8 * bytes), "every single wrong bit is caught");
}

static void
check_classes(void)
{
	bool fits = true;

	for (size_t len = 1; len <= CSN_MODEM_MESSAGE_MAX; len++) {
		size_t class = modem_class_of(len);

		fits = fits && class + 1 < CLASSES &&
			len + 5 <= modem_frame_bytes(class) &&
			modem_frame_bytes(class) <= FRAME_MAX && len + 9 > modem_frame_bytes(class);
	}
	tap_ok(fits, "every length has the smallest class that holds it");
}

/* Each place is used once, none is a pilot, each code bit travels as often as the rest. */
static bool
slots_sound(const struct geometry *geo, size_t class)
{
	static uint8_t place_used[SLOTS_MAX], code_used[CODE_MAX];
	size_t symbols = modem_symbols(geo, class);
	struct slots slots;

	memset(place_used, 0, sizeof place_used);
	memset(code_used, 0, sizeof code_used);
	modem_slots(&slots, 8 * modem_frame_bytes(class), symbols * modem_code_bits(geo));
	if (symbols > SYMBOLS_MAX || symbols * geo->bits > SLOTS_MAX ||
	    symbols * (2u * (size_t)geo->k + 1) > SPECTRA_MAX ||
	    modem_burst_points(geo, class) + 2 * FFT_MAX + 64 > RING)
		return false;
	for (uint32_t j = 0; j < slots.total; j++) {
		uint32_t place = modem_slot_place(geo, &slots, j);
		uint32_t code = modem_slot_code(&slots, j);

		if (place >= symbols * geo->bits || modem_is_pilot(geo, place) ||
		    place_used[place]++ || code >= slots.code)
			return false;
		code_used[code]++;
	}
	for (size_t i = 0; i < slots.info; i++) {
		if (code_used[i] < slots.total / slots.code || code_used[i] == 0)
			return false;
	}
	return true;
}

static void
check_slots(void)
{
	static const float bands[][2] = {
		{ 17250, 20000 }, { 15000, 17000 }, { 18000, 22000 }, { 17000, 19500 },
		{ 16100, 19223 },
	};
	struct csn_modem_config config;

	csn_modem_config_default(&config);
	for (size_t b = 0; b < sizeof bands / sizeof *bands; b++) {
		bool sound = true;

		config.band_low_hz = bands[b][0];
		config.band_high_hz = bands[b][1];
		for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
			struct geometry geo;

			modem_geometry(&geo, &config, (enum csn_modem_profile)p);
			for (size_t class = 0; class + 1 < CLASSES; class++)
				sound = sound && slots_sound(&geo, class);
		}
		tap_ok(sound, "slots and bounds hold in %.0f..%.0f Hz", (double)bands[b][0],
		       (double)bands[b][1]);
	}
}

/* A code word with every tenth bit erased and some wrong. */
static void
check_code(void)
{
	static struct decoder dec;
	static float soft[CODE_MAX], belief[CODE_MAX];
	static uint8_t code[CODE_MAX];
	uint8_t frame[FRAME_MAX], message[120];
	size_t bytes, right = 0, tries = 0;

	for (size_t len = 1; len <= 120; len += 7, tries++) {
		for (size_t i = 0; i < len; i++)
			message[i] = (uint8_t)(i * 37 + len);
		bytes = modem_frame_pack(frame, CSN_MODEM_MOTION, message, len);
		modem_encode(frame, 8 * bytes, code);
		for (size_t i = 0; i < 24 * bytes + TAIL_BITS; i++) {
			soft[i] = code[i] ? -2.0f : 2.0f;
			if (i % 10 == 3)
				soft[i] = 0;
			if (i % 17 == 5)
				soft[i] = -soft[i];
		}
		right += modem_decode(&dec, soft, 8 * bytes, CSN_MODEM_MOTION, 8, belief) &&
			memcmp(dec.frame, frame, bytes) == 0;
	}
	tap_is((long long)right, (long long)tries, "damaged code words are mended");
	memset(soft, 0, sizeof soft);
	tap_ok(!modem_decode(&dec, soft, 368, CSN_MODEM_MOTION, 8, belief),
	       "no signal is no frame");
}

/* Digital silence in the place of a burst: every figure is nothing over nothing. */
static void
check_silent_attempt(void)
{
	static struct demod demod;
	static struct ring ring;
	struct csn_modem_config config;
	struct csn_modem_event event;

	csn_modem_config_default(&config);
	modem_demod_init(&demod, &config);
	modem_ring_init(&ring, &config);
	ring.count = 4096;
	for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
		struct sighting sight = { .profile = (enum csn_modem_profile)p, .at = 512 };
		bool finite = true;

		modem_confirm(&demod, &ring, &sight);
		modem_receive(&demod, &ring, &sight, &event);
		for (size_t s = 0; s < demod.symbols; s++)
			finite = finite && isfinite(demod.gain[s].re) &&
				isfinite(demod.track[s].x[0]);
		tap_ok(event.len == 0 && finite,
		       "%s: silence is no message, and its gain and track are numbers",
		       csn_modem_profile_name((enum csn_modem_profile)p));
	}
}

int
main(void)
{
	check_transform();
	check_frame();
	check_classes();
	check_slots();
	check_code();
	check_silent_attempt();
	return tap_done();
}
