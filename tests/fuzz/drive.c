/*
 * Under the engine: $CSN_FUZZ_READER names the reader of this run, and -w DIR writes
 * the seeds to DIR/READER and ends.  Built plainly (FUZZ_ENGINE not defined) it spoils
 * the seeds in ways of its own: [-n TIMES] [-t READER].  With FUZZ_BENCH it says what the
 * worst of those, and of the files of -c CORPUS/READER, cost.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/readers.h"

#ifdef FUZZ_BENCH
#include <time.h>

#include "bench/heap.h"
#endif

bool fuzz_fake;

static const struct fuzz_reader *
find_reader(const char *name)
{
	const struct fuzz_reader *reader = fuzz_readers;

	while (name != NULL && reader->name != NULL && strcmp(reader->name, name) != 0)
		reader++;
	return name != NULL && reader->name != NULL ? reader : NULL;
}

/* ---- seeds ------------------------------------------------------------------------- */

#define SEED_MAX 16384

struct seed {
	const struct fuzz_reader *reader;
	size_t                    len;
	uint8_t                   bytes[SEED_MAX];
};

static struct seed *seeds;
static size_t       seed_count;

static struct seed *
new_seed(const struct fuzz_reader *reader)
{
	seeds = realloc(seeds, (seed_count + 1) * sizeof *seeds);
	demand(seeds != NULL && reader != NULL);
	seeds[seed_count] = (struct seed){ .reader = reader };
	return &seeds[seed_count++];
}

static void
add_seed(const char *name, struct csn_bytes bytes)
{
	struct seed *seed = new_seed(find_reader(name));

	demand(bytes.len <= SEED_MAX);
	memcpy(seed->bytes, bytes.ptr, bytes.len);
	seed->len = bytes.len;
}

/* While files are all of one reader's; NULL: by their paths. */
static const struct fuzz_reader *corpus_of;

static bool
is_seed(const struct fuzz_reader *reader, const char *path)
{
	if (corpus_of != NULL)
		return reader == corpus_of;
	for (size_t k = 0; k < 4 && reader->seeds[k] != NULL; k++)
		if (strstr(path, reader->seeds[k]) != NULL)
			return true;
	return false;
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || st->st_size > SEED_MAX)
		return 0;
	for (const struct fuzz_reader *reader = fuzz_readers; reader->name != NULL; reader++) {
		FILE *file = is_seed(reader, path) ? fopen(path, "rb") : NULL;
		if (file == NULL)
			continue;
		struct seed *seed = new_seed(reader);
		seed->len = fread(seed->bytes, 1, SEED_MAX, file);
		fclose(file);
	}
	return 0;
}

#ifndef FUZZ_ENGINE
/* Files of DIR/READER, as an engine's corpus has them. */
static void
add_corpus(const char *dir)
{
	char path[4096];

	for (const struct fuzz_reader *reader = fuzz_readers; reader->name != NULL; reader++) {
		snprintf(path, sizeof path, "%s/%s", dir, reader->name);
		corpus_of = reader;
		nftw(path, visit, 16, FTW_PHYS);
	}
	corpus_of = NULL;
}
#endif

static void
add_shared(void)
{
	const char *shared = getenv("CSN_SHARED");
	char        path[4096];

	for (size_t i = 0; fuzz_folders[i] != NULL; i++) {
		snprintf(path, sizeof path, "%s/data/%s",
		         shared != NULL ? shared : TEST_SRCDIR "/../shared", fuzz_folders[i]);
		nftw(path, visit, 16, FTW_PHYS);
	}
}

#ifdef FUZZ_ENGINE
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_reader *chosen;

static void
write_corpus(const char *dir)
{
	char path[4096];

	fuzz_prepare(add_seed);
	add_shared();
	for (const struct fuzz_reader *r = fuzz_readers; r->name != NULL; r++) {
		snprintf(path, sizeof path, "%s/%s", dir, r->name);
		mkdir(path, 0777);
	}
	for (size_t i = 0; i < seed_count; i++) {
		snprintf(path, sizeof path, "%s/%s/seed-%zu", dir, seeds[i].reader->name, i);
		FILE *file = fopen(path, "wb");
		demand(file != NULL);
		demand(fwrite(seeds[i].bytes, 1, seeds[i].len, file) == seeds[i].len);
		demand(fclose(file) == 0);
	}
	for (const struct fuzz_reader *r = fuzz_readers; r->name != NULL; r++)
		printf("%s%s\n", r->name, r->real ? " real" : "");
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (*argc == 3 && strcmp((*argv)[1], "-w") == 0) {
		write_corpus((*argv)[2]);
		exit(0);
	}
	chosen = find_reader(getenv("CSN_FUZZ_READER"));
	if (chosen == NULL) {
		fprintf(stderr, "CSN_FUZZ_READER names none of:\n");
		for (chosen = fuzz_readers; chosen->name != NULL; chosen++)
			fprintf(stderr, "  %s\n", chosen->name);
		exit(2);
	}
	fuzz_prepare(NULL);
	fuzz_fake = !chosen->real && getenv("CSN_FUZZ_REAL") == NULL;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chosen->read((struct csn_bytes){ data, size });
	return 0;
}

#else
static uint32_t
draw(uint32_t *state, size_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)((*state >> 8) % below);
}

/* Bytes that mean something to one of the readers. */
static const uint8_t special[] = { 0x00, 0x01, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x9b,
	                           0xa0, 0xbb, 0xbf, 0xd8, 0xf6, 0xff };

static size_t
spoil(uint8_t *data, size_t len, uint32_t *state)
{
	size_t at = draw(state, len), n = 1 + draw(state, 8);

	switch (draw(state, 6)) {
	case 0:
		data[at] ^= (uint8_t)(1u << draw(state, 8));
		return len;
	case 1:
		data[at] = special[draw(state, sizeof special)];
		return len;
	case 2:
		data[at] = (uint8_t)(data[at] + draw(state, 7) - 3);
		return len;
	case 3:
		n = n < len - at ? n : len - at;
		memmove(data + at, data + at + n, len - at - n);
		return len - n > 0 ? len - n : 1;
	case 4:
		if (len + n > SEED_MAX)
			return len;
		memmove(data + at + n, data + at, len - at);
		for (size_t i = 0; i < n; i++)
			data[at + i] = special[draw(state, sizeof special)];
		return len + n;
	default:
		return at + 1;
	}
}

#ifdef FUZZ_BENCH
#define ITEM_MAX   8192 /* bytes of an evidence item (protocol.md 5)              */
#define CPU_MAX_MS 50.0
#define HEAP_MAX   (4u << 20)

static struct {
	double ms;
	size_t heap;
	bool   over;
} worst;

static double
cpu_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return 1e3 * (double)at.tv_sec + 1e-6 * (double)at.tv_nsec;
}

/* One that was slow is tried again: the machine may have been. */
static void
measure(const struct fuzz_reader *reader, struct csn_bytes in)
{
	double least = 1e9;

	for (int i = 0; in.len <= ITEM_MAX && i < 5 && least > worst.ms; i++) {
		size_t before = heap_now();
		heap_reset();
		double begun = cpu_ms(), took;
		reader->read(in);
		took = cpu_ms() - begun;
		least = took < least ? took : least;
		if (heap_peak(before) > worst.heap)
			worst.heap = heap_peak(before);
	}
	if (in.len <= ITEM_MAX && least > worst.ms)
		worst.ms = least;
}

static void
tell_worst(const struct fuzz_reader *reader)
{
	bool over = worst.ms > CPU_MAX_MS || worst.heap > HEAP_MAX;

	printf("hostile  %-16s worst %6.2f ms CPU (limit %.0f), %5.2f MiB heap (limit %u)  %s\n",
	       reader->name, worst.ms, CPU_MAX_MS, (double)worst.heap / (1 << 20), HEAP_MAX >> 20,
	       over ? "OVER" : "ok");
	worst.over = worst.over || over;
	worst.ms = 0;
	worst.heap = 0;
}
#else
static void
measure(const struct fuzz_reader *reader, struct csn_bytes in)
{
	reader->read(in);
}

static void
tell_worst(const struct fuzz_reader *reader)
{
	(void)reader;
}
#endif

/* A copy of its own length: what reads past it is seen. */
static void
read_copy(const struct fuzz_reader *reader, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len);

	demand(copy != NULL);
	memcpy(copy, bytes, len);
	measure(reader, (struct csn_bytes){ copy, len });
	free(copy);
}

static void
run(const struct fuzz_reader *reader, unsigned long times)
{
	static uint8_t data[SEED_MAX];
	unsigned       used = 0;
	unsigned long  done = 0;
	uint32_t       state = 1;

	for (size_t i = 0; i < seed_count; i++)
		used += seeds[i].reader == reader && seeds[i].len > 0;
	for (size_t i = 0; used > 0 && i < seed_count; i++) {
		const struct seed *seed = &seeds[i];
		if (seed->reader != reader || seed->len == 0)
			continue;
		read_copy(reader, seed->bytes, seed->len);
		for (unsigned long n = 0; n < times / used + 1; n++, done++) {
			size_t len = seed->len;
			memcpy(data, seed->bytes, len);
			for (uint32_t left = 1 + draw(&state, 4); left > 0; left--)
				len = spoil(data, len, &state);
			read_copy(reader, data, len);
		}
	}
	printf("%sok %zu - %s: %lu inputs from %u seeds are read to an end\n",
	       used > 0 ? "" : "not ", (size_t)(reader - fuzz_readers) + 1, reader->name, done,
	       used);
	tell_worst(reader);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	unsigned long times = 1000;
	const char   *only = NULL;
	size_t        count = 0;

	for (int i = 1; i + 1 < argc; i += 2)
		if (strcmp(argv[i], "-n") == 0)
			times = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "-t") == 0)
			only = argv[i + 1];
		else if (strcmp(argv[i], "-c") == 0)
			add_corpus(argv[i + 1]);
	fuzz_prepare(add_seed);
	add_shared();
	for (; fuzz_readers[count].name != NULL; count++)
		if (only == NULL || strcmp(only, fuzz_readers[count].name) == 0)
			run(&fuzz_readers[count], times / (fuzz_readers[count].real ? 10 : 1));
	printf("1..%zu\n", count);
	free(seeds);
#ifdef FUZZ_BENCH
	return worst.over;
#else
	return 0;
#endif
}
#endif
