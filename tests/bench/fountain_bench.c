/*
 * What the stream's fountain costs, printed:
 *
 *   fountain [RUNS [SEED]]   K from 1 to 1000 evenly, a receiver that hears sums only:
 *                            how many packets beyond K it needs, over GF(8) as built and
 *                            over GF(2) for comparison; 1 MiB solved; forged packets
 */
#include "lib/fountain.h"
#include "lib/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { K_MAX = 1000, WORDS = 16, EXTRA_MAX = 24, PACKET = 1273, MIB = 1 << 20 };

static uint64_t state;

/* splitmix64: a linear generator would cap the rank. */
static uint64_t
draw(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
die(const char *why)
{
	fprintf(stderr, "fountain: %s\n", why);
	exit(1);
}

/* Packets beyond K that a receiver over GF(8) takes; in one run of ten the data is checked, too. */
static unsigned
extra_built(unsigned k)
{
	static uint8_t data[K_MAX * FOUNTAIN_PLANES], back[sizeof data], out[FOUNTAIN_PLANES];
	uint64_t seed = draw();
	uint32_t number = k + (uint32_t)(draw() % 1000000);
	struct fountain *fountain = fountain_new(k, FOUNTAIN_PLANES, seed);
	unsigned taken = 0;
	bool checked = draw() % 10 == 0;

	if (fountain == NULL)
		die("no memory");
	memset(out, 0, sizeof out); /* sums of zeros are zeros */
	for (size_t i = 0; i < k * FOUNTAIN_PLANES; i++)
		data[i] = checked ? (uint8_t)draw() : 0;
	for (; fountain_rank(fountain) < k; taken++, number++) {
		if (checked)
			fountain_encode(data, k, FOUNTAIN_PLANES, seed, number, out);
		fountain_take(fountain, number, out);
	}
	if (checked && (!fountain_solve(fountain, back) || memcmp(back, data, k * FOUNTAIN_PLANES) != 0))
		die("WRONG DATA");
	fountain_free(fountain);
	return taken - k;
}

/* Rows of K random bits until they have rank K. */
static unsigned
extra_of_two(unsigned k)
{
	static uint64_t rows[K_MAX][WORDS];
	static bool have[K_MAX];
	unsigned rank = 0, taken = 0, words = (k + 63) / 64;

	memset(have, 0, sizeof have);
	for (; rank < k; taken++) {
		uint64_t row[WORDS];
		unsigned at = 0;

		for (unsigned i = 0; i < words; i++)
			row[i] = draw();
		if (k % 64 != 0)
			row[words - 1] &= (UINT64_C(1) << k % 64) - 1;
		for (; at < k; at++) {
			if (!(row[at / 64] >> at % 64 & 1))
				continue;
			if (!have[at])
				break;
			for (unsigned i = at / 64; i < words; i++)
				row[i] ^= rows[at][i];
		}
		if (at == k)
			continue;
		memcpy(rows[at], row, sizeof row);
		have[at] = true;
		rank++;
	}
	return taken - k;
}

static void
overhead(const char *field, unsigned (*extra_of)(unsigned), unsigned runs)
{
	unsigned long counts[EXTRA_MAX + 1] = { 0 };
	unsigned within = 0;
	double sum = 0, start = cpu_ms();

	for (unsigned i = 0; i < runs; i++) {
		unsigned extra = extra_of(1 + i % K_MAX);

		sum += extra;
		within += extra <= 3;
		counts[extra < EXTRA_MAX ? extra : EXTRA_MAX]++;
	}
	printf("%s: %u runs, K 1 to %d: within K+3 %.3f %%, mean K+%.3f, %.1f s of CPU;", field,
	       runs, K_MAX, 100.0 * within / runs, sum / runs, (cpu_ms() - start) / 1e3);
	for (unsigned i = 0; i <= EXTRA_MAX; i++)
		if (counts[i] > 0)
			printf(" +%u %lu", i, counts[i]);
	putchar('\n');
}

/* Every @forged_of packets out of ten carry a byte that was changed on the way. */
static void
transfer(size_t len, unsigned lost, unsigned forged_of)
{
	static uint8_t object[MIB], packet[PACKET];
	static const uint8_t secret[32] = "the secret that both sides have";
	struct csn_bytes whole = { object, len };
	struct csn_sender_options to = { .secret = { secret, 32 }, .session = 7, .packet_len = PACKET };
	struct csn_receiver_options from = { .secret = { secret, 32 }, .object_max = MIB };
	struct csn_sender *sender;
	struct csn_receiver *receiver;
	struct csn_progress progress = { 0 };
	enum csn_packet was;
	unsigned long sent = 0, forged = 0;
	double spent = 0;

	for (size_t i = 0; i < len; i++)
		object[i] = (uint8_t)draw();
	if (csn_sender_new(whole, &to, &sender) < 0 || csn_receiver_new(&from, &receiver) < 0)
		die("no memory");
	for (uint64_t n = lost >= 10 ? csn_sender_pass(sender) : 0; !progress.complete; n++) {
		if (lost < 10 && draw() % 10 < lost)
			continue;
		csn_sender_packet(sender, n, packet);
		sent++;
		if (draw() % 10 < forged_of) {
			packet[draw() % csn_sender_packet_len(sender)] ^= (uint8_t)(1 + draw() % 255);
			forged++;
		}
		double start = cpu_ms();
		if (csn_receiver_take(receiver,
		                      (struct csn_bytes){ packet, csn_sender_packet_len(sender) },
		                      &was) < 0)
			die("no memory");
		spent += cpu_ms() - start;
		csn_receiver_progress(receiver, &progress);
	}
	for (size_t at = 0; at < len;) {
		struct csn_bytes run = csn_receiver_read(receiver, at);

		if (run.len == 0 || memcmp(run.ptr, object + at, run.len) != 0)
			die("WRONG DATA");
		at += run.len;
	}
	if (progress.count[CSN_PACKET_FORGED] + progress.count[CSN_PACKET_SYNTAX] != forged)
		die("a forged packet was taken");
	printf("%zu bytes, %s, %u in 10 forged: right after %lu packets (%lu forged, all refused) of "
	       "%llu needed, receiver %.1f ms of CPU\n", len,
	       lost >= 10 ? "sums only" : lost > 0 ? "2 in 10 lost" : "none lost", forged_of, sent,
	       forged, (unsigned long long)progress.needed, spent);
	csn_sender_free(sender);
	csn_receiver_free(receiver);
}

int
main(int argc, char **argv)
{
	unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a long run tells what it has */
	state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	transfer(MIB, 0, 0);
	transfer(MIB, 2, 0);
	transfer(MIB, 10, 0);
	transfer(MIB, 2, 3);
	overhead("GF(2)", extra_of_two, runs);
	overhead("GF(8)", extra_built, runs);
	return 0;
}
