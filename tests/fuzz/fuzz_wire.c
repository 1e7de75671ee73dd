/*
 * Fuzzes the wire between the core and a worker: the first byte says from which end the
 * rest comes and in pieces of how many bytes.  What is taken for a frame, a verdict or a
 * setup must come out of the writer again byte for byte: there is one way to say it.
 */
#include "core/isolate/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
same(const uint8_t *made, size_t len, struct csn_bytes was)
{
	check(made != NULL && len == was.len && memcmp(made, was.ptr, len) == 0);
}

static void
check_items(const struct wire_frame *frame)
{
	static struct wire_setup setup;
	struct csn_verdict       verdict;
	uint8_t                  room[WIRE_VERDICT_MAX];
	struct csn_bytes         item;
	size_t                   len = 0;

	if (frame->type == WIRE_SETUP && wire_get_setup(frame->v[0].bytes, &setup)) {
		uint8_t *made = wire_put_setup(&setup, &len);

		same(made, len, frame->v[0].bytes);
		wire_free(made, len);
	}
	for (size_t i = 3; frame->type == WIRE_VERDICT && i <= 5; i += 2)
		if (wire_get_verdict(frame->v[i].bytes, &verdict)) {
			check(verdict.judgement <= CSN_ACCEPTED &&
			      verdict.fact_count <= CSN_VERDICT_FACTS);
			check(wire_put_verdict(&verdict, room, &item) == CSN_OK);
			same(item.ptr, item.len, frame->v[i].bytes);
		}
}

/* @body is the frame @frame was read from. */
static void
check_frame(const struct wire_frame *frame, struct csn_bytes body)
{
	size_t   len = 0;
	uint8_t *made = wire_make(frame, &len);

	check(len > 4);
	same(made + 4, len - 4, body);
	wire_free(made, len);
	check_items(frame);
}

static void
stream(struct csn_bytes bytes, int from_worker, size_t piece)
{
	struct wire_in    in;
	struct wire_frame frame;
	enum wire_fault   fault = WIRE_FINE;
	size_t            at = 0, done = 0;

	wire_in_init(&in, from_worker);
	while (fault == WIRE_FINE && at < bytes.len) {
		size_t   n = bytes.len - at < piece ? bytes.len - at : piece;
		uint8_t *room = wire_in_room(&in, n);

		check(room != NULL);
		memcpy(room, bytes.ptr + at, n);
		wire_in_add(&in, n);
		at += n;
		while (wire_in_next(&in, &frame, &fault)) {
			size_t len = (size_t)bytes.ptr[done] << 24 |
			             (size_t)bytes.ptr[done + 1] << 16 |
			             (size_t)bytes.ptr[done + 2] << 8 | bytes.ptr[done + 3];

			check_frame(&frame, (struct csn_bytes){ bytes.ptr + done + 4, len });
			done += 4 + len;
		}
	}
	check(fault <= WIRE_UNEXPECTED && wire_fault_name(fault)[0] == 'w');
	if (fault == WIRE_FINE)
		check((wire_in_end(&in) == WIRE_FINE) == (done == bytes.len));
	wire_in_done(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csn_bytes  bytes;
	struct wire_frame frame;

	if (size < 2)
		return 0;
	bytes = (struct csn_bytes){ data + 1, size - 1 };
	stream(bytes, data[0] & 1, data[0] / 2 + 1);
	for (int from_worker = 0; from_worker < 2; from_worker++)
		if (wire_parse(bytes, from_worker, &frame) == WIRE_FINE)
			check_frame(&frame, bytes);
	return 0;
}

#ifndef FUZZ_ENGINE
static uint32_t
draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* One frame of each type, well made, is what spoiling starts from. */
static size_t
example(uint32_t type, uint8_t *data)
{
	static const uint8_t text[] = "a text";
	static struct wire_setup setup;
	struct csn_bytes  some = { text, sizeof text - 1 };
	struct csn_verdict verdict = { .size = sizeof verdict, .judgement = CSN_ACCEPTED,
		                       .fact_count = 2, .reason_count = 1 };
	struct wire_frame frame = { .type = type };
	uint8_t           room[WIRE_VERDICT_MAX], *item = NULL, *made;
	struct csn_bytes  judged = CSN_BYTES_NONE;
	size_t            len = 0, item_len = 0;

	for (size_t i = 0; i < WIRE_VALUES; i++)
		frame.v[i] = (struct wire_value){ i, some };
	if (type == WIRE_SETUP) {
		setup = (struct wire_setup){ .level = 4, .part_count = 2 };
		for (size_t i = 0; i < 2; i++) {
			setup.parts[i] = (struct wire_part){ .kind = 1, .name = some, .label = some,
				                             .path = some, .option_count = 1 };
			setup.parts[i].options[0] = (struct wire_option){ some, some };
		}
		item = wire_put_setup(&setup, &item_len);
		frame.v[0].bytes = (struct csn_bytes){ item, item_len };
	}
	if (type == WIRE_VERDICT) {
		check(wire_put_verdict(&verdict, room, &judged) == CSN_OK);
		frame.v[3].bytes = frame.v[5].bytes = judged;
	}
	made = wire_make(&frame, &len);
	check(made != NULL && len + 1 <= ROOM);
	memcpy(data, made, len);
	wire_free(made, len);
	wire_free(item, item_len);
	return len;
}

static int
invent(long count, uint32_t seed)
{
	static uint8_t data[ROOM];
	long           frames = 0;

	for (long i = 0; i < count; i++) {
		static const uint32_t types[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
			                          16, 17, 18, 19, 20, 21, 22, 23, 24 };
		size_t size = 1;

		data[0] = (uint8_t)draw(&seed, 256);
		for (uint32_t n = 1 + draw(&seed, 3); n > 0; n--, frames++)
			size += example(types[draw(&seed, 20)], data + size);
		for (uint32_t n = draw(&seed, 4); n > 0; n--)
			data[1 + draw(&seed, (uint32_t)size - 1)] = (uint8_t)draw(&seed, 256);
		if (draw(&seed, 4) == 0)
			size = 1 + draw(&seed, (uint32_t)size);
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("ok 1 - %ld frames, most of them spoilt, are read to a verdict\n1..1\n", frames);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "-r") == 0)
		return invent(atol(argv[2]), (uint32_t)atol(argv[3]));
	return invent(20000, 1);
}
#endif
