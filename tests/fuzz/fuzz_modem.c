/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver under any input, entered where an input still has a say: most are raw
 * samples in blocks of any size into a receiver that goes on listening; one in eight is
 * soft bits, or a frame whose CRC holds; one in 256 a preamble to confirm, one in 4096 a
 * whole attempt at a burst that somebody says is there, one in 8192 edits of a real
 * burst.  With -fsanitize=fuzzer the engine's main is used; built plainly it replays
 * files, or with -r COUNT SEED makes COUNT inputs of its own.
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

static void
check_event(const struct csn_modem_event *event)
{
	demand(event->len <= CSN_MODEM_MESSAGE_MAX);
	demand((event->len > 0) == (event->report.stage == CSN_MODEM_STAGE_DONE));
	demand(isfinite(event->report.level_dbfs) && isfinite(event->report.snr_db) &&
	       isfinite(event->report.clock_ppm) && isfinite(event->report.echo_ms));
}

/* The second half of a receiver, as after its start. */
static struct demod *
second_half(void)
{
	static struct demod *demod;
	struct csn_modem_config config;

	if (demod == NULL) {
		csn_modem_config_default(&config);
		demod = malloc(sizeof *demod);
		demand(demod != NULL && modem_demod_init(demod, &config));
	}
	return demod;
}

/* A short frame: soft bits over the usual range, any floats at all, or a CRC that holds. */
static void
correct(const struct recipe *r, const uint8_t *data, size_t size)
{
	struct demod *d = second_half();
	struct csn_modem_event event = { 0 };
	enum csn_modem_profile profile = (enum csn_modem_profile)(r->profile % 3);
	size_t bytes = modem_frame_bytes(r->len % 64u == 0), info = 8 * bytes;
	uint8_t code[CODE_MAX];

	if (r->kind % 4 == 1) {
		modem_frame_pack(d->decoder.frame, profile, data, size < 4 ? size : 4);
		d->decoder.frame[0] = r->gain;
		modem_frame_seal(d->decoder.frame, bytes, profile);
		modem_encode(d->decoder.frame, info, code);
	}
	for (size_t i = 0; i < 3 * info + TAIL_BITS; i++)
		d->code[i] = r->kind % 4 == 0   ? float_at(data, size, i)
		             : r->kind % 4 == 1 ? 4 - 8.0f * code[i]
		                                : (float)(int8_t)data[i % size] / 4;
	d->slots.info = (uint32_t)info;
	if (!modem_decode(&d->decoder, d->code, info, profile, 1, d->belief)) {
		demand(r->kind % 4 != 1);
		return;
	}
	demand(modem_frame_check(d->decoder.frame, bytes, profile));
	modem_finish(d, &event);
	check_event(&event);
}

/* A preamble, or with @whole a burst, that somebody says is in the bytes. */
static void
attempt(const struct recipe *r, const uint8_t *data, size_t size, bool whole)
{
	static struct ring ring;
	struct demod *d = second_half();
	struct csn_modem_config config;
	struct csn_modem_event event;
	struct sighting sight = {
		.profile = (enum csn_modem_profile)(r->profile % CSN_MODEM_PROFILES),
		.at = 64u + r->cut,
	};

	if (ring.count == 0) {
		csn_modem_config_default(&config);
		modem_ring_init(&ring, &config);
	}
	ring.count = 4096;
	for (size_t i = 0; i < ring.count; i++)
		ring.point[i] = (struct cpx){ (float)(int8_t)data[i % size] / 128,
		                              (float)(int8_t)data[i * 7 % size] / 128 };
	modem_confirm(d, &ring, &sight);
	demand(sight.pair >= 0 && sight.pair <= 1.001f && sight.class < CLASSES);
	if (!whole)
		return;
	sight.class = r->len % 2u;
	sight.end = sight.at + modem_burst_points(&d->geo[sight.profile], sight.class);
	modem_receive(d, &ring, &sight, &event);
	check_event(&event);
}

/* Edits of a real burst. */
static size_t
edited(const struct recipe *r, const uint8_t *data, size_t size)
{
	size_t n;

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

/* To a receiver that has heard all before, and now and then forgets it. */
static void
hear(size_t n, size_t block, bool forget)
{
	static struct csn_modem_rx *rx;
	struct csn_modem_config config;
	struct csn_modem_event event;
	struct csn_modem_meter meter;

	if (rx == NULL) {
		void *memory = malloc(csn_modem_rx_size());

		csn_modem_config_default(&config);
		demand(memory != NULL);
		demand(csn_modem_rx_init(memory, csn_modem_rx_size(), &config, &rx) == 0);
	}
	if (forget)
		csn_modem_rx_reset(rx);
	for (size_t i = 0; i < n; i += block)
		csn_modem_rx_feed(rx, sound + i, n - i < block ? n - i : block);
	while (csn_modem_rx_next(rx, &event))
		check_event(&event);
	csn_modem_rx_meter(rx, &meter);
	demand(isfinite(meter.level_dbfs) && isfinite(meter.band_dbfs) &&
	       isfinite(meter.floor_dbfs) && isfinite(meter.score));
}

/*
 * Engines often offer what they have kept once more, and they keep what goes deep: as
 * dear as a thousand others, it is done once.
 */
static bool
is_new(uint32_t mark)
{
	static uint32_t done[4096];
	uint32_t *last = &done[mark / 8192 % 4096];
	bool fresh = *last != mark;

	*last = mark;
	return fresh;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipe r;
	uint32_t mark = lot(data, size), one_in = mark % 8192;

	if (size <= sizeof r || (one_in <= 2 && !is_new(mark)))
		return 0;
	memcpy(&r, data, sizeof r);
	data += sizeof r;
	size -= sizeof r;
	if (one_in == 0)
		hear(edited(&r, data, size), r.block * 8u + 1, false);
	else if (one_in <= 2)
		attempt(&r, data, size, true);
	else if (one_in % 256 == 3)
		attempt(&r, data, size, false);
	else if (one_in % 8 == 4)
		correct(&r, data, size);
	else
		hear(raw(r.kind % 2 == 0, data, size), r.block % 80u + 1, one_in == 5);
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
