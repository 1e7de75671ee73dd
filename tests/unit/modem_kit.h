/* SPDX-License-Identifier: Apache-2.0 */
/* A small deterministic channel of its own, so that tests need no simulator. */
#ifndef CSN_TESTS_MODEM_KIT_H
#define CSN_TESTS_MODEM_KIT_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "modem/modem.h"

enum {
	KIT_LEAD = 9600,   /* samples of silence before a burst */
	KIT_TAIL = 24000,  /* and after */
	KIT_MAX  = 400000,
};

struct kit_air {
	float    snr_db;    /* noise over the whole spectrum, ratio within the band */
	double   ppm;       /* of the receiver's clock */
	float    echo_ms;   /* decay time constant of an exponential tail, 0 = none */
	float    echo_db;   /* its energy over the direct sound */
	float    gain_db;   /* on what the receiver gets */
	uint32_t seed;
};

static uint32_t kit_state = 1;

static float
kit_random(void)
{
	kit_state = kit_state * 1664525u + 1013904223u;
	return (float)(kit_state >> 8) / 16777216.0f - 0.5f;
}

/* Near enough to normal, unit variance. */
static float
kit_normal(void)
{
	float sum = 0;

	for (int i = 0; i < 12; i++)
		sum += kit_random();
	return sum;
}

__attribute__((unused)) static void
kit_message(uint8_t *message, size_t len, uint32_t seed)
{
	kit_state = seed * 2654435761u + 1;
	for (size_t i = 0; i < len; i++)
		message[i] = (uint8_t)((kit_random() + 0.5f) * 256);
}

static void
kit_stop(const char *why)
{
	fprintf(stderr, "modem kit: %s\n", why);
	exit(99);
}

static void *
kit_memory(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		kit_stop("no memory");
	return memory;
}

/* A burst with silence around; returns all samples, the caller frees *ret_samples. */
static size_t
kit_burst(const struct csn_modem_config *config, enum csn_modem_profile profile,
          const uint8_t *message, size_t len, float **ret_samples)
{
	void *memory = kit_memory(csn_modem_tx_size());
	float *samples = kit_memory(KIT_MAX * sizeof *samples);
	struct csn_modem_tx *tx;
	size_t n;

	if (csn_modem_tx_init(memory, csn_modem_tx_size(), config, profile, message, len,
	                      &tx) < 0)
		kit_stop("no sender");
	n = csn_modem_tx_length(tx);
	if (n + KIT_LEAD + KIT_TAIL > KIT_MAX)
		kit_stop("burst too long");
	if (csn_modem_tx_render(tx, samples + KIT_LEAD, n) != n)
		kit_stop("burst shorter than announced");
	free(memory);
	*ret_samples = samples;
	return KIT_LEAD + n + KIT_TAIL;
}

/* Adds an exponential tail of sparse echoes, in place. */
static void
kit_echo(float *x, size_t n, const struct kit_air *air)
{
	enum { ECHOES = 160 };
	size_t at[ECHOES];
	float tap[ECHOES], energy = 0, scale;
	float *dry = kit_memory(n * sizeof *dry);

	memcpy(dry, x, n * sizeof *x);
	for (int i = 0; i < ECHOES; i++) {
		float ms = air->echo_ms * 4 * (kit_random() + 0.5f);

		at[i] = 40 + (size_t)(ms * 48);
		tap[i] = kit_normal() * expf(-ms / air->echo_ms);
		energy += tap[i] * tap[i];
	}
	scale = sqrtf(powf(10, air->echo_db / 10) / energy);
	for (int i = 0; i < ECHOES; i++) {
		for (size_t t = at[i]; t < n; t++)
			x[t] += scale * tap[i] * dry[t - at[i]];
	}
	free(dry);
}

/* Reads x at another clock, by windowed sinc. */
static void
kit_clock(float *x, size_t n, double ppm)
{
	float *old = kit_memory((n + 64) * sizeof *old);

	memcpy(old + 32, x, n * sizeof *x);
	for (size_t i = 0; i < n; i++) {
		double t = (double)i * (1 + ppm * 1e-6);
		long whole = (long)t;
		double sum = 0;

		for (long k = -15; k <= 16 && whole + k < (long)n + 31; k++) {
			double d = t - (double)(whole + k), w = cos(M_PI * d / 34);
			double s = fabs(d) < 1e-9 ? 1 : sin(M_PI * d) / (M_PI * d);

			sum += (double)old[32 + whole + k] * s * w * w;
		}
		x[i] = (float)sum;
	}
	free(old);
}

static float
kit_power(const float *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return (float)(sum / (double)n);
}

__attribute__((unused)) static void
kit_impair(float *x, size_t n, const struct kit_air *air)
{
	float signal = kit_power(x + KIT_LEAD, n - KIT_LEAD - KIT_TAIL);
	float noise = sqrtf(signal * powf(10, -air->snr_db / 10) * 24000 / 2750);
	float gain = powf(10, air->gain_db / 20);

	kit_state = air->seed * 747796405u + 3;
	if (air->echo_ms > 0)
		kit_echo(x, n, air);
	if (air->ppm > 0 || air->ppm < 0)
		kit_clock(x, n, air->ppm);
	for (size_t i = 0; i < n; i++)
		x[i] = gain * (x[i] + noise * kit_normal());
}

__attribute__((unused)) static struct csn_modem_rx *
kit_receiver(const struct csn_modem_config *config)
{
	struct csn_modem_rx *rx;

	if (csn_modem_rx_init(kit_memory(csn_modem_rx_size()), csn_modem_rx_size(), config,
	                      &rx) < 0)
		kit_stop("no receiver");
	return rx;
}

/* Feeds in blocks; the last event stays in *ret_event. Returns events with a message. */
__attribute__((unused)) static int
kit_hear(struct csn_modem_rx *rx, const float *x, size_t n, size_t block,
         struct csn_modem_event *ret_event)
{
	struct csn_modem_event event;
	int messages = 0;

	memset(ret_event, 0, sizeof *ret_event);
	for (size_t i = 0; i < n; i += block) {
		csn_modem_rx_feed(rx, x + i, n - i < block ? n - i : block);
		while (csn_modem_rx_next(rx, &event)) {
			if (event.len > 0 || ret_event->len == 0)
				*ret_event = event;
			messages += event.len > 0;
		}
	}
	return messages;
}

#endif
