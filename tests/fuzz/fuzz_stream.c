/*
 * Fuzzes what codes carry: packets of a stream and what goes back, the fountain under it,
 * fragments of messages, uniform resources.  The input is a small program:
 *
 *   byte 0: 0 packets, 1 a status, 2 symbols of a fountain, 3 fragments, 4 parts of a
 *           uniform resource, 5 bytewords
 *
 * Real ones, spoilt as the input says, among them.  FUZZ_PART=2: that part, whatever byte
 * 0 says.  With clang: clang -fsanitize=fuzzer,address,undefined; compiled with FUZZ_MAIN
 * it runs the files it is given, or else a fixed number of inputs of its own.
 */
#include "fuzz/parts.h"
#include "plugins/channel/qr/message.h"
#include "lib/fountain.h"
#include "lib/stream.h"
#include "lib/ur.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECT_MAX = 1 << 16, OBJECT = 300, PACKET = 63 };

static const uint8_t secret[32] = "a fuzzer's secret, 32 bytes long";
static const uint8_t object[OBJECT] = { 1, 2, 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

/* XORs what the input says onto @bytes; returns where the input goes on. */
static size_t
spoil(uint8_t *bytes, size_t len, const uint8_t *data, size_t size, size_t at)
{
	if (at >= size || data[at] < 128)
		return at + 1;
	size_t n = data[at++] % 16;

	for (; n > 0 && at + 2 <= size; n--, at += 2)
		bytes[data[at] % len] ^= data[at + 1];
	return at;
}

static void
packets(const uint8_t *data, size_t size)
{
	const struct csn_sender_options to = { .secret = { secret, 32 }, .session = 5, .packet_len = PACKET };
	const struct csn_receiver_options from = { .secret = { secret, 32 }, .object_max = OBJECT_MAX };
	struct csn_sender *sender;
	struct csn_receiver *receiver;
	struct csn_progress progress;
	struct csn_bytes all = { object, sizeof object };

	check(csn_sender_new(all, &to, &sender) == CSN_OK &&
	      csn_receiver_new(&from, &receiver) == CSN_OK);
	for (size_t at = 0; at + 2 <= size;) {
		uint8_t packet[PACKET];
		size_t len = csn_sender_packet_len(sender);
		enum csn_packet was;

		check(csn_sender_packet(sender, data[at], packet) == CSN_OK);
		at = spoil(packet, len, data, size, at + 1);
		if (at < size && data[at] == 255)
			len = data[at] % len;
		check(csn_receiver_take(receiver, (struct csn_bytes){ packet, len }, &was) == CSN_OK &&
		      was < CSN_PACKET_COUNT);
	}
	csn_receiver_progress(receiver, &progress);
	check(progress.have <= progress.needed || progress.needed == 0);
	for (size_t at = 0; progress.complete && at < sizeof object;) {
		struct csn_bytes run = csn_receiver_read(receiver, at);

		check(run.len > 0 && memcmp(run.ptr, object + at, run.len) == 0);
		at += run.len;
	}
	csn_sender_free(sender);
	csn_receiver_free(receiver);
}

static void
status(const uint8_t *data, size_t size)
{
	const struct csn_bytes own = { secret, sizeof secret };
	const struct csn_stream_status made = { .session = 9, .have = 3, .needed = 7,
		                                .wish = CSN_WISH_SLOWER };
	struct csn_stream_status taken;
	uint8_t message[CSN_STREAM_STATUS];

	check(csn_stream_status_make(own, &made, message) == CSN_OK);
	memcpy(message, data, size < sizeof message / 2 ? size : sizeof message / 2);
	int r = csn_stream_status_take(own, (struct csn_bytes){ data, size }, &taken);
	check(r != CSN_OK || taken.wish < CSN_WISH_COUNT);
	r = csn_stream_status_take(own, (struct csn_bytes){ message, sizeof message }, &taken);
	check(r != CSN_OK || (taken.wish == made.wish && taken.have == made.have));
}

/* Symbols in any order, over and over, until it is whole: then it is the block. */
static void
symbols(const uint8_t *data, size_t size)
{
	enum { SYMBOL = 2 * FOUNTAIN_PLANES, K = 40 };
	uint8_t block[K * SYMBOL], back[sizeof block], symbol[SYMBOL];

	if (size < 2)
		return;
	unsigned k = 1 + data[0] % K, rank = 0;
	struct fountain *fountain = fountain_new(k, SYMBOL, data[1]);

	check(fountain != NULL);
	for (size_t i = 0; i < k * SYMBOL; i++)
		block[i] = data[i % size];
	for (size_t at = 2; at < size; at++) {
		uint32_t number = data[at] & 128 ? data[at] * 0x01010101u : data[at];

		fountain_encode(block, k, SYMBOL, data[1], number, symbol);
		bool more = fountain_take(fountain, number, symbol);
		check(fountain_rank(fountain) == rank + more);
		rank += more;
	}
	for (unsigned i = 0; i < k; i++) {
		const uint8_t *known = fountain_symbol(fountain, i);

		check(known == NULL || memcmp(known, block + i * SYMBOL, SYMBOL) == 0);
	}
	check(fountain_solve(fountain, back) == (rank == k));
	check(rank < k || memcmp(back, block, k * SYMBOL) == 0);
	fountain_free(fountain);
}

static void
fragments(const uint8_t *data, size_t size)
{
	enum { MESSAGE = 700, ROOM = 80 };
	uint8_t message[MESSAGE], payload[ROOM];
	const struct csn_bytes whole = { message, sizeof message };
	struct message_name name;
	struct message_cut cut;
	struct inbox inbox = { 0 };
	uint64_t time_ns = 0;

	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * i);
	check(message_cut(whole, ROOM, &cut) == CSN_OK && cut.data > 0);
	message_name(whole, &name);
	for (size_t at = 0; at + 2 <= size;) {
		struct csn_bytes got;
		size_t len;

		check(csn_frag_make(whole, name.sid4, name.msg, cut.data, data[at] % cut.codes,
		                    payload, ROOM, &len) == CSN_OK);
		at = spoil(payload, len, data, size, at + 1);
		time_ns += at < size && data[at] == 127 ? UINT64_C(61000000000) : 1000;
		check(inbox_take(&inbox, (struct csn_bytes){ payload, len }, time_ns, &got) == CSN_OK);
		/* Spoilt ones may be whole messages of their own; a long one is ours. */
		check(got.len <= ROOM || (got.len == MESSAGE && memcmp(got.ptr, message, MESSAGE) == 0));
	}
	inbox_done(&inbox);
}

static void
resource(const uint8_t *data, size_t size)
{
	static struct csn_ur_sender *sender;
	static struct csn_ur_receiver *receiver;
	static char text[1024];
	const struct csn_bytes all = { object, sizeof object };
	const char *type;

	if (sender == NULL)
		check(csn_ur_sender_pieces("bytes", all, 30, &sender) == CSN_OK &&
		      csn_ur_sender_room(sender) < sizeof text &&
		      (receiver = csn_ur_receiver_new(OBJECT_MAX)) != NULL);
	csn_ur_receiver_reset(receiver);
	for (size_t at = 0; at + 2 <= size;) {
		enum csn_ur_was was;
		size_t len = csn_ur_sender_part(sender, 1u + data[at], text);

		at = spoil((uint8_t *)text, len, data, size, at + 1);
		check(csn_ur_receiver_take(receiver, (struct csn_bytes){ (uint8_t *)text, len },
		                           &was) == CSN_OK && was <= CSN_UR_BROKEN);
		struct csn_bytes got = csn_ur_receiver_message(receiver, &type);
		check(got.len != sizeof object || strcmp(type, "bytes") != 0 ||
		      memcmp(got.ptr, object, sizeof object) == 0);
	}
}

static void
bytewords(const uint8_t *data, size_t size)
{
	uint8_t *back = malloc(size / 2 + 1);
	char *text = malloc(2 * (size + 4) + 1);
	size_t len;

	check(back != NULL && text != NULL);
	csn_bytewords_take((const char *)data, size, back, &len);
	free(back);
	csn_bytewords_put((struct csn_bytes){ data, size }, text);
	back = malloc(size + 4);
	check(back != NULL);
	int r = csn_bytewords_take(text, 2 * (size + 4), back, &len);
	check(size == 0 ? r == CSN_E_PROTOCOL
	                : r == CSN_OK && len == size && memcmp(back, data, size) == 0);
	free(back);
	free(text);
}

static const struct {
	const char *name;
	void      (*run)(const uint8_t *data, size_t size);
} parts[] = {
	{ "programs of packets", packets },
	{ "statuses", status },
	{ "programs of symbols", symbols },
	{ "programs of fragments", fragments },
	{ "programs of parts", resource },
	{ "bytewords", bytewords },
};

enum { PARTS = sizeof parts / sizeof *parts };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		parts[part_of(data, PARTS)].run(data + 1, size - 1);
	return 0;
}

#ifdef FUZZ_MAIN
#include "kit/tap.h"

#define FUZZ_SEED 11
#include "fuzz/draw.h"

int
main(int argc, char **argv)
{
	static uint8_t data[1 << 16];
	const unsigned rounds = 1000;

	if (argc > 1)
		return replay_files(argc, argv, data, sizeof data);
	for (unsigned part = 0; part < PARTS; part++) {
		for (unsigned n = 0; n < rounds; n++) {
			size_t size = 1 + draw(120);

			data[0] = (uint8_t)part;
			for (size_t i = 1; i < size; i++)
				data[i] = (uint8_t)draw(256);
			LLVMFuzzerTestOneInput(data, size);
		}
		tap_ok(true, "%u %s end", rounds, parts[part].name);
	}
	return tap_done();
}
#endif
