/*
 * The messages of CSGN/1 under any bytes: the first one says which, the rest is it.  With
 * -fsanitize=fuzzer the engine's main is used; built plainly it replays files, or spoils
 * the vectors' own messages in ways of its own.
 */
#include "lib/csgn1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte that a parser lent must be there to be read. */
static void
touch(struct csn_bytes bytes, struct csn_bytes all)
{
	static volatile uint8_t sink;

	if (bytes.len > all.len || (bytes.len > 0 && (bytes.ptr < all.ptr ||
	                            bytes.ptr + bytes.len > all.ptr + all.len)))
		abort();
	for (size_t i = 0; i < bytes.len; i++)
		sink = bytes.ptr[i];
	(void)sink;
}

static int
m1(struct csn_bytes b)
{
	struct csn_m1 m;
	const int r = csn_m1_parse(b, &m);

	if (r == 0) {
		touch(m.enc, b);
		touch(m.ct, b);
	}
	return r;
}

static int
m2(struct csn_bytes b)
{
	struct csn_m2 m;

	return csn_m2_parse(b, &m);
}

static int
m3(struct csn_bytes b)
{
	struct csn_m3 m;
	const int r = csn_m3_parse(b, &m);

	if (r == 0 && m.has_receipt)
		touch(m.receipt.raw, b);
	return r;
}

static int
m0a(struct csn_bytes b)
{
	struct csn_m0a m;

	return csn_m0a_parse(b, &m);
}

static int
m0b(struct csn_bytes b)
{
	struct csn_m0b m;
	const int r = csn_m0b_parse(b, &m);

	if (r == 0) {
		touch(m.hello_raw, b);
		touch(m.evidence_raw, b);
		touch(m.hello.e_d, b);
	}
	return r;
}

static int
m4(struct csn_bytes b)
{
	struct csn_m4 m;

	return csn_m4_parse(b, &m);
}

static int
m5(struct csn_bytes b)
{
	struct csn_m5 m;
	const int r = csn_m5_parse(b, &m);

	if (r == 0)
		touch(m.inner, b);
	return r;
}

static int
m8(struct csn_bytes b)
{
	struct csn_cose object;

	return csn_m8_parse(b, &object);
}

static const struct {
	const char *name; /* in a vector's trace; NULL: not there               */
	int (*parse)(struct csn_bytes bytes);
} messages[] = {
	{ "M1", m1 }, { "M2", m2 },   { "M3", m3 }, { "M0a", m0a },
	{ "M0b", m0b }, { "M4", m4 }, { "M5", m5 }, { NULL, m8 },
};

enum { MESSAGES = sizeof messages / sizeof messages[0] };

/* CSN_FUZZ_READER=M3: a campaign of one message, which needs no first byte. */
static bool
only_one(const uint8_t *data, size_t size)
{
	static const char *only;
	static bool asked;

	if (!asked)
		only = getenv("CSN_FUZZ_READER");
	asked = true;
	for (size_t i = 0; only != NULL && i < MESSAGES; i++)
		if (messages[i].name != NULL && strcmp(messages[i].name, only) == 0)
			(void)messages[i].parse((struct csn_bytes){ data, size });
	return only != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!only_one(data, size) && size > 0)
		(void)messages[data[0] % MESSAGES].parse((struct csn_bytes){ data + 1, size - 1 });
	return 0;
}

#ifndef FUZZ_ENGINE
#define FUZZ_SEED 13
#include "fuzz/draw.h"

/* The hex behind "NAME": in the text of a vector. */
static size_t
seed(const char *text, const char *name, uint8_t *out)
{
	char key[16];
	size_t n = 0;
	unsigned byte;

	snprintf(key, sizeof key, "\"%s\": \"", name);
	const char *at = strstr(text, key);
	if (at == NULL)
		return 0;
	for (at += strlen(key); n < ROOM / 2 && sscanf(at, "%2x", &byte) == 1; at += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

static size_t
spoil(uint8_t *bytes, size_t len)
{
	for (uint32_t n = draw(4); n > 0 && len > 4; n--) {
		const size_t at = draw(draw(2) == 0 ? 32 : (uint32_t)len) % len;

		switch (draw(4)) {
		case 0: bytes[at] = (uint8_t)draw(256); break;
		case 1: bytes[at] ^= (uint8_t)(1 << draw(8)); break;
		case 2: len = at; break;
		default:
			memmove(bytes + at + 1, bytes + at, len - at);
			len++;
		}
	}
	return len;
}

static int
spoil_vectors(const char *name)
{
	static char text[1 << 20];
	static uint8_t whole[MESSAGES][ROOM], data[ROOM];
	size_t len[MESSAGES] = { 0 }, good = 0;
	const char *dir = getenv("CSN_VECTORS");
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1", name);
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	for (size_t i = 0; i + 1 < MESSAGES; i++) {
		len[i] = seed(text, messages[i].name, whole[i]);
		good += len[i] > 0 && messages[i].parse((struct csn_bytes){ whole[i], len[i] }) == 0;
	}
	printf("%sok 1 - the vector's own messages are taken (%zu of %d)\n",
	       good == MESSAGES - 1 ? "" : "not ", good, MESSAGES - 1);
	for (int i = 0; i < 40000; i++) {
		const size_t which = draw(MESSAGES), from = which < MESSAGES - 1 ? which : 0;

		data[0] = (uint8_t)which;
		memcpy(data + 1, whole[from], len[from]);
		LLVMFuzzerTestOneInput(data, 1 + spoil(data + 1, len[from]));
	}
	printf("ok 2 - spoilt ones are read to a verdict\n1..2\n");
	return good != MESSAGES - 1;
}

int
main(int argc, char **argv)
{
	static uint8_t data[1 << 16];

	if (replay_files(argc, argv, data, sizeof data) != 0)
		return 1;
	return argc == 1 ? spoil_vectors("twoway-pin-s1.json") : 0;
}
#endif
