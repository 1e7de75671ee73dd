/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver under any input: raw floats, shaped noise around a real burst, any
 * block size.  Every input also goes through the error correction as soft bits, and
 * one in 1024 through a whole attempt at a burst.  With -fsanitize=fuzzer the
 * engine's main is used; built plainly it replays files, or with -r COUNT SEED makes
 * COUNT inputs of its own.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/internal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAMPLES_MAX = 60000 };

static float sound[SAMPLES_MAX];

/* First bytes choose; the rest is what is done to the sound. */
struct recipe {
	uint8_t profile, len, kind, block, gain, cut;
};

static size_t
make_sound(const struct recipe *r, const uint8_t *data, size_t size)
{
	static uint8_t memory[1 << 17] __attribute__((aligned(16)));
	struct csn_modem_config config;
	struct csn_modem_tx *tx;
	uint8_t message[CSN_MODEM_MESSAGE_MAX] = { 0 };
	size_t len = r->len % 24 + 1u, n;

	csn_modem_config_default(&config);
	memcpy(message, data, size < len ? size : len);
	if (csn_modem_tx_init(memory, sizeof memory, &config,
	                      (enum csn_modem_profile)(r->profile % CSN_MODEM_PROFILES),
	                      message, len, &tx) < 0)
		abort();
	n = csn_modem_tx_render(tx, sound + 2000, SAMPLES_MAX - 6000);
	return 2000 + n + 4000;
}

/* Bytes as floats, or as 16-bit sound. */
static size_t
raw(bool floats, const uint8_t *data, size_t size)
{
	size_t n = size / (floats ? sizeof(float) : sizeof(int16_t));

	n = n < SAMPLES_MAX ? n : SAMPLES_MAX;
	if (floats) {
		memcpy(sound, data, n * sizeof(float));
		return n;
	}
	for (size_t i = 0; i < n; i++)
		sound[i] = (float)(int16_t)(data[2 * i] | data[2 * i + 1] << 8) / 32768;
	return n;
}

/* Something of the bytes that no engine can aim at. */
static uint32_t
lot(const uint8_t *data, size_t size)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static void
demand(int holds)
{
	if (!holds)
		abort();
}

static float
float_at(const uint8_t *data, size_t size, size_t i)
{
	uint8_t word[4];
	float v;

	for (size_t k = 0; k < 4; k++)
		word[k] = data[(i * 4 + k) % size];
	memcpy(&v, word, sizeof v);
	return v;
}

/* Soft bits of a short frame: bytes over the usual range, or any floats at all. */
static void
correct(const struct recipe *r, const uint8_t *data, size_t size)
{
	static struct decoder decoder;
	static float code[CODE_MAX], belief[CODE_MAX];
	size_t info = 8 * modem_frame_bytes(r->len % 64u == 0 ? 1 : 0);
	enum csn_modem_profile profile = (enum csn_modem_profile)(r->profile % 3);

	for (size_t i = 0; i < 3 * info + TAIL_BITS; i++)
		code[i] = r->kind % 4 == 0 ? float_at(data, size, i)
		                           : (float)(int8_t)data[i % size] / 4;
	if (modem_decode(&decoder, code, info, profile, 1, belief))
		demand(modem_frame_check(decoder.frame, info / 8, profile));
}

static void
check_event(const struct csn_modem_event *event)
{
	demand(event->len <= CSN_MODEM_MESSAGE_MAX);
	demand((event->len > 0) == (event->report.stage == CSN_MODEM_STAGE_DONE));
	demand(isfinite(event->report.level_dbfs) && isfinite(event->report.snr_db) &&
	       isfinite(event->report.clock_ppm) && isfinite(event->report.echo_ms));
}

/* An attempt at a burst that somebody says is in the bytes. */
static void
attempt(const struct recipe *r, const uint8_t *data, size_t size)
{
	static struct demod *demod;
	static struct ring ring;
	struct csn_modem_config config;
	struct csn_modem_event event;
	struct sighting sight = {
		.profile = (enum csn_modem_profile)(r->profile % CSN_MODEM_PROFILES),
		.at = 64u + r->cut,
	};

	if (demod == NULL) {
		csn_modem_config_default(&config);
		demod = malloc(sizeof *demod);
		demand(demod != NULL && modem_demod_init(demod, &config));
		modem_ring_init(&ring, &config);
	}
	ring.count = 4096;
	for (size_t i = 0; i < ring.count; i++)
		ring.point[i] = (struct cpx){ (float)(int8_t)data[i % size] / 128,
		                              (float)(int8_t)data[i * 7 % size] / 128 };
	modem_confirm(demod, &ring, &sight);
	sight.class = r->len % 2u;
	sight.end = sight.at + modem_burst_points(&demod->geo[sight.profile], sight.class);
	modem_receive(demod, &ring, &sight, &event);
	check_event(&event);
}

/*
 * Bytes become samples: mostly themselves, one time in 4096 edits of a burst,
 * which takes a thousand times as long.
 */
static size_t
shape(const struct recipe *r, const uint8_t *data, size_t size)
{
	size_t n;

	if (lot(data, size) % 4096 != 0)
		return raw(r->kind % 2 == 0, data, size);
	memset(sound, 0, sizeof sound);
	n = make_sound(r, data, size);
	for (size_t i = 0; i + 5 <= size; i += 5) {
		size_t at = (data[i] | (size_t)data[i + 1] << 8) % n;
		float v;

		memcpy(&v, data + i + 1, sizeof v);
		if (r->kind % 4 < 2)
			sound[at] = v;
		else if (r->kind % 4 == 2)
			sound[at] *= v;
		else
			memmove(sound + at / 2, sound + at, (n - at) * sizeof *sound);
	}
	for (size_t i = 0; i < n; i++)
		sound[i] *= (float)r->gain / 64;
	return n - n * r->cut / 300;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void *memory;
	static struct csn_modem_rx *rx;
	struct csn_modem_config config;
	struct csn_modem_event event;
	struct csn_modem_meter meter;
	struct recipe recipe;
	size_t n, block;

	if (size <= sizeof recipe)
		return 0;
	memcpy(&recipe, data, sizeof recipe);
	correct(&recipe, data + sizeof recipe, size - sizeof recipe);
	if (lot(data, size) % 1024 == 1)
		attempt(&recipe, data + sizeof recipe, size - sizeof recipe);
	n = shape(&recipe, data + sizeof recipe, size - sizeof recipe);
	block = recipe.block * 8u + 1u;
	if (memory == NULL) {
		memory = malloc(csn_modem_rx_size());
		csn_modem_config_default(&config);
		demand(memory != NULL);
		demand(csn_modem_rx_init(memory, csn_modem_rx_size(), &config, &rx) == 0);
	}
	if (lot(data, size) % 2048 == 2)
		csn_modem_rx_reset(rx);
	for (size_t i = 0; i < n; i += block)
		csn_modem_rx_feed(rx, sound + i, n - i < block ? n - i : block);
	while (csn_modem_rx_next(rx, &event))
		check_event(&event);
	csn_modem_rx_meter(rx, &meter);
	demand(isfinite(meter.level_dbfs) && isfinite(meter.band_dbfs) &&
	       isfinite(meter.floor_dbfs) && isfinite(meter.score));
	return 0;
}

#ifndef FUZZ_ENGINE
static int
replay(const char *path)
{
	static uint8_t data[1 << 18];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	return LLVMFuzzerTestOneInput(data, size);
}

static int
invent(long count, uint32_t seed)
{
	static uint8_t data[4096];

	for (long i = 0; i < count; i++) {
		size_t size = sizeof(struct recipe) + seed % 600;

		for (size_t k = 0; k < size; k++) {
			seed = seed * 1664525u + 1013904223u;
			data[k] = (uint8_t)(seed >> 24);
		}
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("ok 1 - %ld invented inputs leave the receiver sound\n1..1\n", count);
	return 0;
}

int
main(int argc, char **argv)
{
	int r = 0;

	if (argc == 4 && strcmp(argv[1], "-r") == 0)
		return invent(atol(argv[2]), (uint32_t)atol(argv[3]));
	if (argc == 1)
		return invent(20000, 1);
	for (int i = 1; i < argc; i++)
		r |= replay(argv[i]);
	return r;
}
#endif
