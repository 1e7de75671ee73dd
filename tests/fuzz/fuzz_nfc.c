/*
 * The APDU responder and the NDEF it holds under any commands, and the reader under any
 * answers.  Input: a choice, then length-prefixed commands or answers.  With
 * -fsanitize=fuzzer the engine's main is used; built plainly it replays files or invents.
 */
#include "device/tag.h"
#include "plugins/channel/nfc/reader.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_CAP = 300, BUF = 2000, ROOM = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answers {
	const uint8_t *at;
	size_t         left;
};

static uint8_t inbox[FILE_CAP], outbox[FILE_CAP], buf[BUF], message[700];

static void
commands(const uint8_t *data, size_t size)
{
	const struct csn_tag_setup setup = { inbox, outbox, FILE_CAP, buf, BUF, 59, 52 };
	static struct csn_tag tag;
	uint8_t response[CSN_TAG_RESPONSE_MAX];
	size_t len;

	if (csn_tag_init(&tag, &setup) != CSN_OK)
		abort();
	csn_tag_send(&tag, CSN_BYTES_OF(message), 9);
	for (size_t at = 0; at < size;) {
		size_t n = data[at++];

		n = n < size - at ? n : size - at;
		csn_tag_apdu(&tag, (struct csn_bytes){ data + at, n }, response, &len);
		if (len < 2 || len > sizeof response || csn_tag_take(&tag).len > BUF)
			abort();
		at += n;
	}
}

static int
answer(void *arg, struct csn_bytes command, uint8_t *response, size_t *ret_len)
{
	struct answers *a = arg;

	(void)command;
	if (a->left == 0)
		return -1;
	size_t n = *a->at++;
	a->left--;
	if (n == 0) { /* a shorthand for success */
		response[0] = 0x90;
		response[1] = 0;
		*ret_len = 2;
		return 0;
	}
	n = n < a->left ? n : a->left;
	memcpy(response, a->at, n);
	a->at += n;
	a->left -= n;
	*ret_len = n;
	return 0;
}

static void
answers(const uint8_t *data, size_t size)
{
	static struct reader reader;
	struct answers a = { data, size };
	struct csn_bytes got;

	memset(&reader, 0, sizeof reader);
	reader.transmit = answer;
	reader.arg = &a;
	reader.chunk = 255;
	reader.in = (struct csn_t4t_in){ .buf = buf, .cap = BUF };
	reader_send(&reader, CSN_BYTES_OF(message), 9);
	if (reader_meet(&reader) < 0)
		return;
	for (int i = 0; i < 64 && reader_step(&reader, &got) >= 0; i++)
		if (got.len > BUF)
			abort();
}

static void
record(const uint8_t *data, size_t size)
{
	struct csn_t4t_part part;
	uint8_t again[ROOM];
	size_t len;

	if (csn_t4t_get((struct csn_bytes){ data, size }, &part) != CSN_OK)
		return;
	if (part.data.len > size || csn_t4t_put(&part, again, sizeof again, &len) != CSN_OK)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(const uint8_t *, size_t) = { commands, answers, record };

	if (size > 0 && size < ROOM)
		parts[data[0] % 3](data + 1, size - 1);
	return 0;
}

#ifndef FUZZ_ENGINE
#define FUZZ_SEED 5
#include "fuzz/draw.h"

static size_t
put(uint8_t *data, size_t at, const void *bytes, size_t len)
{
	data[at++] = (uint8_t)len;
	memcpy(data + at, bytes, len);
	return at + len;
}

/* Commands that get somewhere: SELECTs, writes of records, some of them spoilt. */
static size_t
invent_commands(uint8_t *data)
{
	static const uint8_t app[] = { 0, 0xa4, 4, 0, 7, 0xd2, 0x76, 0, 0, 0x85, 1, 1 };
	size_t at = put(data, 1, app, sizeof app);

	while (at + 270 < ROOM && draw(10) != 0) {
		uint8_t apdu[260] = { 0, (uint8_t[]){ 0xa4, 0xb0, 0xd6, 0x10 }[draw(4)], 0,
			              (uint8_t)draw(4), 2, 0xe1, (uint8_t)(3 + draw(4)) };
		size_t len = 7, file_len;

		if (apdu[1] != 0xa4)
			len = 5 + draw(60), apdu[4] = (uint8_t)(len - 5);
		if (draw(3) == 0) {
			const struct csn_t4t_part part = { draw(3), draw(9), draw(3), draw(40), draw(20),
				                           { message, draw(20) } };
			csn_t4t_put(&part, apdu + 5, 250, &file_len);
			apdu[1] = 0xd6, apdu[3] = 0, apdu[4] = (uint8_t)file_len;
			len = 5 + file_len;
		}
		if (draw(4) == 0)
			apdu[draw((uint32_t)len)] ^= (uint8_t)(1 << draw(8));
		at = put(data, at, apdu, len);
	}
	return at;
}

static size_t
invent_answers(uint8_t *data)
{
	uint8_t cc[25] = { 0, 23, 0x20, 0, 59, 0, 52, 4, 6, 0xe1, 4, 2, 0, 0, 0,
		           5, 6, 0xe1, 5, 2, 0, 0, 0xff, 0x90, 0 };
	uint8_t tmp[32];
	size_t at = 1;

	data[at++] = 0;
	data[at++] = 0;
	memcpy(tmp, cc, 15);
	tmp[15] = 0x90, tmp[16] = 0;
	at = put(data, at, tmp, 17);
	at = put(data, at, cc + 15, 10);
	while (at + 120 < ROOM && draw(12) != 0) {
		uint8_t file[120];
		size_t len = draw(62);
		const struct csn_t4t_part part = { draw(12), draw(800), draw(3), draw(40), draw(20),
			                           { message, draw(9) } };

		memset(file, (int)draw(2), sizeof file);
		if (draw(2) == 0)
			csn_t4t_put(&part, file, 118, &len);
		data[at++] = 0;
		file[len] = 0x90, file[len + 1] = 0;
		at = put(data, at, file, len + 2);
	}
	return at;
}

int
main(int argc, char **argv)
{
	static uint8_t data[1 << 16];

	if (replay_files(argc, argv, data, sizeof data) != 0)
		return 1;
	for (int i = 0; i < 20000 && argc == 1; i++) {
		size_t size = i % 2 == 0 ? invent_commands(data) : invent_answers(data);

		data[0] = (uint8_t)(i % 2);
		LLVMFuzzerTestOneInput(data, size);
		data[0] = 2;
		for (size_t k = 0; k < 40; k++)
			data[1 + k] = (uint8_t)draw(256);
		LLVMFuzzerTestOneInput(data, 41);
	}
	printf("ok 1 - any commands, answers and records are read to their end\n1..1\n");
	return 0;
}
#endif
