/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modem on a pipe, for tests/bench/acoustic.py.  Commands, one a line:
 *   tx PROFILE HEX     answers "COUNT" and COUNT raw floats
 *   rx COUNT           takes COUNT raw floats; answers an "event ..." line for each
 *                      attempt, then "done CPU_US SLOWEST_BLOCK_US FALSE_STARTS"
 *   reset              forgets everything heard
 *   band LOW HIGH      changes the band, and resets
 * Each rx adds to what was heard before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "modem/modem.h"

enum { BLOCK = 480 };

static struct csn_modem_config config;
static struct csn_modem_rx *rx;
static void *rx_memory, *tx_memory;

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
restart(void)
{
	return csn_modem_rx_init(rx_memory, csn_modem_rx_size(), &config, &rx);
}

static int
profile_named(const char *name)
{
	for (int p = 0; p < CSN_MODEM_PROFILES; p++) {
		if (strcmp(name, csn_modem_profile_name((enum csn_modem_profile)p)) == 0)
			return p;
	}
	return CSN_MODEM_PROFILES;
}

static int
send_burst(const char *profile, const char *hex)
{
	uint8_t message[CSN_MODEM_MESSAGE_MAX];
	size_t len = strlen(hex) / 2;
	struct csn_modem_tx *tx;
	float block[BLOCK];
	size_t n;

	if (len > sizeof message)
		return -1;
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -1;
		message[i] = (uint8_t)byte;
	}
	if (csn_modem_tx_init(tx_memory, csn_modem_tx_size(), &config,
	                      (enum csn_modem_profile)profile_named(profile), message, len,
	                      &tx) < 0)
		return -1;
	printf("%zu\n", csn_modem_tx_length(tx));
	while ((n = csn_modem_tx_render(tx, block, BLOCK)) > 0)
		fwrite(block, sizeof *block, n, stdout);
	return 0;
}

static void
print_event(const struct csn_modem_event *event)
{
	const struct csn_modem_report *r = &event->report;

	printf("event %s %s %.3f %.1f %.1f %.1f %.1f %u %" PRIu64 " %" PRIu64 " %s ",
	       csn_modem_stage_name(r->stage), csn_modem_profile_name(r->profile),
	       (double)r->score, (double)r->snr_db, (double)r->level_dbfs,
	       (double)r->clock_ppm, (double)r->echo_ms, (unsigned)r->combined,
	       r->start_sample, r->end_sample, csn_modem_cause_name(r->cause));
	for (size_t i = 0; i < event->len; i++)
		printf("%02x", event->message[i]);
	printf("%s\n", event->len == 0 ? "-" : "");
}

static int
hear(size_t count)
{
	float block[BLOCK];
	double all = 0, slowest = 0;
	struct csn_modem_event event;
	struct csn_modem_meter meter;

	while (count > 0) {
		size_t n = count < BLOCK ? count : BLOCK;
		double before, took;

		if (fread(block, sizeof *block, n, stdin) != n)
			return -1;
		before = cpu_us();
		csn_modem_rx_feed(rx, block, n);
		took = cpu_us() - before;
		all += took;
		slowest = took > slowest ? took : slowest;
		count -= n;
		while (csn_modem_rx_next(rx, &event))
			print_event(&event);
	}
	csn_modem_rx_meter(rx, &meter);
	printf("done %.0f %.0f %" PRIu64 "\n", all, slowest, meter.false_starts);
	return 0;
}

static int
obey(char *line)
{
	char profile[16], hex[2 * CSN_MODEM_MESSAGE_MAX + 1];
	float low, high;
	size_t count;

	if (sscanf(line, "tx %15s %240s", profile, hex) == 2)
		return send_burst(profile, hex);
	if (sscanf(line, "rx %zu", &count) == 1)
		return hear(count);
	if (sscanf(line, "band %f %f", &low, &high) == 2) {
		config.band_low_hz = low;
		config.band_high_hz = high;
		return restart();
	}
	if (strncmp(line, "reset", 5) == 0)
		return restart();
	return -1;
}

int
main(void)
{
	char line[512];
	int r = 0;

	csn_modem_config_default(&config);
	rx_memory = malloc(csn_modem_rx_size());
	tx_memory = malloc(csn_modem_tx_size());
	if (rx_memory == NULL || tx_memory == NULL || restart() < 0)
		return 1;
	while (r >= 0 && fgets(line, sizeof line, stdin) != NULL) {
		r = obey(line);
		if (r < 0)
			fprintf(stderr, "acoustic-pipe: cannot do: %s", line);
		fflush(stdout);
	}
	free(rx_memory);
	free(tx_memory);
	return r < 0;
}
