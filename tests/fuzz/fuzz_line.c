/*
 * The serial line's framing under any bytes: the first one chooses how, then raw bytes
 * come in, or frames with a right CRC made of what follows.  With -fsanitize=fuzzer the
 * engine's main is used; built plainly it replays files or invents inputs of its own.
 */
#include "lib/frag.h"
#include "lib/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, CAP = 9000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct csn_line line;

static void
come_in(struct csn_bytes left)
{
	struct csn_bytes message;
	size_t used, sum = 0;

	while (left.len > 0) {
		csn_line_input(&line, left, &used, &message);
		if (used == 0 || used > left.len || message.len > CAP)
			abort();
		for (size_t i = 0; i < message.len; i++)
			sum += message.ptr[i];
		left.ptr += used;
		left.len -= used;
	}
	if (sum == SIZE_MAX)
		abort();
}

/* length, then that many bytes of a frame */
static void
frames(const uint8_t *data, size_t size)
{
	uint8_t raw[260], coded[270];

	for (size_t at = 0; at < size;) {
		size_t len = data[at++];

		if (len > size - at)
			len = size - at;
		memcpy(raw, data + at, len);
		at += len;
		const uint32_t crc = csn_crc32c((struct csn_bytes){ raw, len });
		for (size_t i = 0; i < 4; i++)
			raw[len + i] = (uint8_t)(crc >> (24 - 8 * i));
		const size_t n = csn_cobs_encode((struct csn_bytes){ raw, len + 4 }, coded, sizeof coded - 1);
		coded[n] = 0;
		come_in((struct csn_bytes){ coded, n + 1 });
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[CAP], message[300], out[CSN_LINE_FRAME_MAX];
	const struct csn_line_setup setup = { .data_size = 64, .baud = 115200, .epoch = 0x0102,
		                              .buf = buf, .cap = CAP };

	if (size == 0 || csn_line_init(&line, &setup) != CSN_OK)
		return 0;
	if ((data[0] & 2) != 0)
		csn_line_send(&line, CSN_BYTES_OF(message));
	if ((data[0] & 1) != 0)
		come_in((struct csn_bytes){ data + 1, size - 1 });
	else
		frames(data + 1, size - 1);
	csn_line_remind(&line);
	for (uint64_t ms = 1; ms < 2000; ms += 100)
		if (csn_line_output(&line, ms, out, sizeof out) > sizeof out)
			abort();
	return 0;
}

#ifndef FUZZ_ENGINE
#define FUZZ_SEED 3
#include "fuzz/draw.h"

/* Frames that look like frames: kinds, few ids, few places. */
static size_t
invent(uint8_t *data)
{
	size_t at = 0;

	data[at++] = (uint8_t)draw(4);
	while (at + 80 < ROOM && draw(12) != 0) {
		const uint8_t len = (uint8_t)(draw(8) == 0 ? draw(9) : 9 + draw(60));
		const uint8_t head[9] = { (uint8_t)(1 + draw(4)), 1, (uint8_t)(1 + draw(3)), 0,
			                  (uint8_t)draw(4), 0, (uint8_t)draw(7), 0, (uint8_t)draw(7) };

		data[at++] = len;
		for (size_t i = 0; i < len; i++)
			data[at++] = i < sizeof head ? head[i] : (uint8_t)draw(256);
	}
	return at;
}

int
main(int argc, char **argv)
{
	static uint8_t data[1 << 16];

	if (replay_files(argc, argv, data, sizeof data) != 0)
		return 1;
	for (int i = 0; i < 20000 && argc == 1; i++)
		LLVMFuzzerTestOneInput(data, invent(data));
	printf("ok 1 - any frames and bytes are read to their end\n1..1\n");
	return 0;
}
#endif
