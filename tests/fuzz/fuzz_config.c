/*
 * Reading and checking a configuration under any bytes.  With -fsanitize=fuzzer the
 * engine's main is used; built plainly it replays files, or spoils the example of
 * conf/ in -r COUNT SEED ways of its own.
 */
#include "core/config/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the text that stands where none may: `a = 1 "b";`. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append";
}

/* Every mistake is one line of text with a place in front. */
static void
look_at(struct csn_config_file *file)
{
	struct csn_error err = { 0 };

	csn_config_override(file, "store.path", "x", &err);
	csn_config_check(file, NULL);
	for (size_t i = 0; i < csn_config_mistakes(file); i++)
		if (strstr(csn_config_mistake(file, i), ": ") == NULL)
			abort();
	if ((csn_config_verdict(file, &err) == CSN_OK) != (csn_config_mistakes(file) == 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char                    path[] = "/tmp/countersign-fuzz-XXXXXX";
	struct csn_config_file *file = NULL;
	struct csn_error        err = { 0 };
	int                     fd = mkstemp(path);

	if (fd < 0)
		abort();
	if (write(fd, data, size) == (ssize_t)size && csn_config_read(path, &file, &err) == CSN_OK)
		look_at(file);
	csn_config_free(file);
	close(fd);
	unlink(path);
	return 0;
}

#ifndef FUZZ_ENGINE
#define ROOM 65536

static const char *const pieces[] = {
	"\"", "{", "}", "(", ")", "[", "]", "=", ";", ":", ",", "\n", "#", "//", "/*", "*/",
	"@include \"x\"\n", "@include", "99999999999999999999", "-5000000000", "0x", "\\x00",
	"\\", "L", "e9", ".5", "*", "use", "true",
};

static uint32_t
draw(uint32_t *seed, size_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (uint32_t)((*seed >> 8) % below);
}

/* Changes, takes out, cuts off or puts in; returns the new length. */
static size_t
spoil(uint8_t *data, size_t size, uint32_t *seed)
{
	size_t at = draw(seed, size), len = draw(seed, 20);

	switch (draw(seed, 8)) {
	case 0:
		data[at] = (uint8_t)draw(seed, 256);
		return size;
	case 1:
		if (len >= size - at)
			return size;
		memmove(data + at, data + at + len, size - at - len);
		return size - len;
	case 2:
		return at + 1;
	default:
		break;
	}
	const char *piece = pieces[draw(seed, sizeof pieces / sizeof pieces[0])];

	len = strlen(piece);
	if (size + len > ROOM)
		return size;
	memmove(data + at + len, data + at, size - at);
	memcpy(data + at, piece, len);
	return size + len;
}

static size_t
load(const char *path, uint8_t *data)
{
	FILE  *file = fopen(path, "rb");
	size_t size = file != NULL ? fread(data, 1, ROOM, file) : 0;

	if (file == NULL || size == 0) {
		perror(path);
		exit(1);
	}
	fclose(file);
	return size;
}

static int
invent(long count, uint32_t seed)
{
	static uint8_t seed_text[ROOM], data[ROOM];
	size_t         whole = load(TEST_SRCDIR "/conf/countersign.conf", seed_text);

	for (long i = 0; i < count; i++) {
		size_t size = whole;

		memcpy(data, seed_text, whole);
		for (uint32_t left = 1 + draw(&seed, 5); left > 0; left--)
			size = spoil(data, size, &seed);
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("ok 1 - %ld spoilt configurations are read to a verdict\n1..1\n", count);
	return 0;
}

int
main(int argc, char **argv)
{
	static uint8_t data[ROOM];

	if (argc == 4 && strcmp(argv[1], "-r") == 0)
		return invent(atol(argv[2]), (uint32_t)atol(argv[3]));
	if (argc == 1)
		return invent(2000, 1);
	for (int i = 1; i < argc; i++)
		LLVMFuzzerTestOneInput(data, load(argv[i], data));
	return 0;
}
#endif
