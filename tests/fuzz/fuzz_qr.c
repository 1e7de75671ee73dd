/*
 * Fuzzes what reads bytes and pictures from outside: the reader, the data modes, the
 * stream's receiver.  The input is a small program:
 *
 *   byte 0: 0 picture as it is, 1 a real code damaged, 2 data bits, 3 stream packets,
 *           4 a tiny real code damaged
 *
 * A real code, drawn and then damaged as the input says, gets far deeper than noise does.
 * One reader sees all pictures, as it would in a station.  FUZZ_COUNT set: says at the end
 * how many it was fed.  FUZZ_PART=4: that part, whatever byte 0 says.
 * With clang: clang -fsanitize=fuzzer,address,undefined and libqr's sources.  Compiled with
 * FUZZ_MAIN it runs the files it is given, or else a fixed number of inputs of its own.
 */
#include "plugins/channel/qr/qr-bits.h"
#include "plugins/channel/qr/qr-read.h"
#include "plugins/channel/qr/qr-write.h"
#include "lib/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 400, OBJECT_MAX = 1 << 16, TINY = 6, TINY_SIDE = 128 };

static struct qr_reader *reader;
static unsigned long long frames;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
count(void)
{
	if (getenv("FUZZ_COUNT") != NULL)
		fprintf(stderr, "fuzz_qr: %llu frames fed\n", frames);
	qr_reader_free(reader);
}

static void
read_picture(const uint8_t *grey, uint32_t width, uint32_t height, size_t stride, unsigned times)
{
	const struct qr_reader_options options = { .max_codes = 3, .own_only = true, .repeats = true };
	struct qr_bytes payload;
	struct qr_report report;
	size_t sum = 0;

	if (reader == NULL) {
		reader = qr_reader_new(&options);
		atexit(count);
	}
	check(reader != NULL);
	qr_reader_reset(reader);
	frames += times;
	for (unsigned i = 0; i < times; i++) {
		int n = qr_reader_feed(reader, grey, width, height, stride, i + 1);

		check(n >= 0 && n <= 3);
		while (qr_reader_next(reader, &payload)) {
			check(payload.len <= QR_PAYLOAD_MAX);
			for (size_t k = 0; k < payload.len; k++)
				sum += payload.ptr[k];
		}
		qr_reader_report(reader, &report);
		check(report.cause < QR_CAUSE_COUNT && sum != SIZE_MAX);
	}
}

static void
plain_picture(const uint8_t *data, size_t size)
{
	if (size < 3)
		return;
	uint32_t width = data[0] + 1u, stride = width + data[1] % 4;
	size_t rows = (size - 2) / stride;

	if (rows == 0)
		return;
	uint8_t *grey = malloc(rows * stride);
	check(grey != NULL);
	memcpy(grey, data + 2, rows * stride);
	read_picture(grey, width, (uint32_t)rows, stride, 1 + data[1] / 128);
	free(grey);
}

/* Version, level, scale, payload; then patches: place, size, value. */
static void
damaged_code(const uint8_t *data, size_t size)
{
	struct qr_plan_options options = { .width = SIDE_MAX, .height = SIDE_MAX };
	struct qr_plan plan;

	if (size < 8)
		return;
	options.version = 1 + data[0] % 40;
	options.level = (enum qr_level)(data[1] % 4);
	options.module_px = options.version < 20 ? 2 + data[2] % 3 : 2;
	size_t len = 1 + data[3] % (qr_capacity(options.version, options.level));
	uint8_t payload[QR_PAYLOAD_MAX];
	for (size_t i = 0; i < len; i++)
		payload[i] = data[i % size];
	if (qr_plan(len, &options, &plan) < 0)
		return;

	size_t area = (size_t)plan.width * plan.height;
	uint8_t *grey = malloc(area);
	struct qr_bytes code = { payload, len };
	check(grey != NULL &&
	      qr_draw(&plan, &code, 1, grey, plan.width, plan.height, plan.width) == QR_OK);
	for (size_t i = 4; i + 4 <= size; i += 4) {
		uint32_t x = data[i] * plan.width / 256, y = data[i + 1] * plan.height / 256;
		uint32_t side = 1 + data[i + 2] % 32;

		for (uint32_t v = y; v < y + side && v < plan.height; v++)
			for (uint32_t u = x; u < x + side && u < plan.width; u++)
				grey[v * plan.width + u] ^= data[i + 3];
	}
	read_picture(grey, plan.width, plan.height, plan.width, 1 + data[2] / 128);
	free(grey);
}

/* Version and level, cut, then patches: drawing is left out of the time this takes. */
static void
tiny_code(const uint8_t *data, size_t size)
{
	static uint8_t drawn[TINY][4][TINY_SIDE * TINY_SIDE];
	static struct qr_plan plans[TINY][4];
	static uint8_t grey[TINY_SIDE * TINY_SIDE];

	if (size < 4)
		return;
	unsigned version = data[0] % TINY, level = data[0] / TINY % 4;
	struct qr_plan *plan = &plans[version][level];
	if (plan->width == 0) {
		const struct qr_plan_options options = { .version = version + 1,
			.level = (enum qr_level)level, .module_px = 2,
			.width = TINY_SIDE, .height = TINY_SIDE };
		const struct qr_bytes code = { (const uint8_t *)"0\xff" "A", 3 };

		check(qr_plan(3, &options, plan) == QR_OK &&
		      qr_draw(plan, &code, 1, drawn[version][level], plan->width, plan->height,
		              plan->width) == QR_OK);
	}
	memcpy(grey, drawn[version][level], (size_t)plan->width * plan->height);
	for (size_t i = 3; i + 4 <= size; i += 4) {
		uint32_t x = data[i] % plan->width, y = data[i + 1] % plan->height;
		uint32_t wide = 1 + data[i + 2] % 16, high = 1 + data[i + 2] / 16;

		for (uint32_t v = y; v < y + high && v < plan->height; v++)
			for (uint32_t u = x; u < x + wide && u < plan->width; u++)
				grey[v * plan->width + u] ^= data[i + 3];
	}
	/* The last part of the rows or of their pixels may be missing. */
	read_picture(grey, plan->width - data[1] % 32, plan->height - data[2] % 32, plan->width,
	             1 + data[1] / 128);
}

static void
data_bits(const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(512);
	struct qr_text text;

	check(out != NULL);
	if (size > 0 && qr_bits_read(data + 1, size - 1, 1 + data[0] % 40, out, 512, &text) == QR_OK)
		check(text.len <= 512 && (text.parts == 0 || text.part < text.parts));
	free(out);
}

/* Packets cut from the input, some of them signed by the sender of a small object. */
static void
stream_packets(const uint8_t *data, size_t size)
{
	static const uint8_t secret[32] = "a fuzzer's secret, 32 bytes long";
	static const uint8_t object[300] = { 1, 2, 3 };
	const struct csn_sender_options to = { .secret = { secret, 32 }, .session = 5, .packet_len = 64 - 1 };
	const struct csn_receiver_options from = { .secret = { secret, 32 }, .object_max = OBJECT_MAX };
	struct csn_sender *sender;
	struct csn_receiver *receiver;
	struct csn_progress progress;
	struct csn_bytes all = { object, sizeof object };

	check(csn_sender_new(all, &to, &sender) == QR_OK && csn_receiver_new(&from, &receiver) == QR_OK);
	for (size_t at = 0; at + 2 <= size;) {
		uint8_t packet[63];
		struct csn_bytes bytes = { packet, sizeof packet };
		enum csn_packet was;
		size_t len = data[at + 1] % sizeof packet;

		csn_sender_packet(sender, data[at], packet);
		if (data[at + 1] >= 64 && at + 2 + len <= size) {
			for (size_t i = 0; i < len; i++)
				packet[i] ^= data[at + 2 + i];
			at += len;
		}
		at += 2;
		check(csn_receiver_take(receiver, bytes, &was) == QR_OK && was < CSN_PACKET_COUNT);
	}
	csn_receiver_progress(receiver, &progress);
	for (size_t at = 0; progress.complete && at < sizeof object;) {
		struct csn_bytes run = csn_receiver_read(receiver, at);

		check(run.len > 0 && memcmp(run.ptr, object + at, run.len) == 0);
		at += run.len;
	}
	csn_sender_free(sender);
	csn_receiver_free(receiver);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(const uint8_t *, size_t) = {
		plain_picture, damaged_code, data_bits, stream_packets, tiny_code };

	static int only = -2;

	if (only == -2)
		only = getenv("FUZZ_PART") != NULL ? atoi(getenv("FUZZ_PART")) : -1;
	if (size > 0 && only >= 0 && only < (int)(sizeof parts / sizeof *parts))
		parts[only](data + 1, size - 1);
	else if (size > 0)
		parts[data[0] % (sizeof parts / sizeof *parts)](data + 1, size - 1);
	return 0;
}

#ifdef FUZZ_MAIN
#include "kit/tap.h"

#define FUZZ_SEED 7
#include "fuzz/draw.h"

static void
replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "rb");

	if (!tap_ok(file != NULL, "%s opens", path))
		return;
	LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, file));
	fclose(file);
	tap_ok(true, "%s ends", path);
}

int
main(int argc, char **argv)
{
	static const char *const names[] = { "pictures", "damaged codes", "data bits", "packets",
		                             "tiny codes" };
	static const unsigned rounds[] = { 400, 400, 20000, 2000, 4000 };
	uint8_t data[4096];

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	for (unsigned part = 0; part < 5 && argc < 2; part++) {
		for (unsigned n = 0; n < rounds[part]; n++) {
			size_t size = 1 + draw(part == 0 ? sizeof data : 80);

			data[0] = (uint8_t)part;
			for (size_t i = 1; i < size; i++)
				data[i] = (uint8_t)draw(256);
			LLVMFuzzerTestOneInput(data, size);
		}
		tap_ok(true, "%u %s end", rounds[part], names[part]);
	}
	return tap_done();
}
#endif
