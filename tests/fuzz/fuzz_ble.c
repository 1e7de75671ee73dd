/*
 * What joins GATT values to messages, under any values: raw ones, or fragments of a right
 * CRC made of what follows.  With -fsanitize=fuzzer the engine's main is used; built
 * plainly it replays files or invents.
 */
#include "plugins/channel/ble/frames.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
seal(uint8_t *value, size_t len)
{
	const uint32_t crc = csn_crc32c((struct csn_bytes){ value, len });

	for (size_t i = 0; i < 4; i++)
		value[len + i] = (uint8_t)(crc >> (24 - 8 * i));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[BLE_IN_SIZE];
	uint8_t value[BLE_VALUE_MAX], sid4[4];
	struct ble_in in;
	size_t sum = 0;
	unsigned msg;

	ble_name((struct csn_bytes){ data, size }, sid4, &msg);
	if (msg < 1 || msg > 8)
		abort();
	ble_in_init(&in, buf);
	for (size_t at = 1; at < size;) {
		size_t len = data[at++];

		len = len < size - at ? len : size - at;
		memcpy(value, data + at, len);
		at += len;
		if ((data[0] & 1) != 0) {
			seal(value, len);
			len += 4;
		}
		const struct csn_bytes message = ble_take(&in, (struct csn_bytes){ value, len });
		for (size_t i = 0; i < message.len; i++)
			sum += message.ptr[i];
	}
	return sum == SIZE_MAX;
}

#ifndef FUZZ_ENGINE
#define FUZZ_SEED 11
#include "fuzz/draw.h"

static size_t
invent(uint8_t *data)
{
	size_t at = 0;

	data[at++] = (uint8_t)(draw(8) != 0);
	while (at < 2000 && draw(20) != 0) {
		const uint8_t len = (uint8_t)(draw(5) == 0 ? draw(60) : 9 + draw(20));
		const uint8_t head[9] = { 1, 2, 3, (uint8_t)draw(2), (uint8_t)draw(10), (uint8_t)(draw(9) / 8),
			                  (uint8_t)draw(5), (uint8_t)(draw(9) / 8), (uint8_t)draw(5) };

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
	printf("ok 1 - any values are read to their end\n1..1\n");
	return 0;
}
#endif
