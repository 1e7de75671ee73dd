/*
 * The serial line's framing: COBS against its definition, and two ends over a line that
 * loses, doubles, swaps, cuts and spoils frames, on a clock of the test's own.
 */
#include "kit/tap.h"

#include "lib/line.h"

/* ---- COBS ------------------------------------------------------------------------ */

/* Worked by hand from the definition: a code byte, then code-1 bytes that are not zero. */
static const struct {
	const char *what;
	uint8_t     raw[8], coded[8];
	size_t      raw_len, coded_len;
} pairs[] = {
	{ "one zero", { 0 }, { 1, 1 }, 1, 2 },
	{ "two zeros", { 0, 0 }, { 1, 1, 1 }, 2, 3 },
	{ "no zero", { 0x11, 0x22, 0x33 }, { 4, 0x11, 0x22, 0x33 }, 3, 4 },
	{ "a zero inside", { 0x11, 0x22, 0, 0x33 }, { 3, 0x11, 0x22, 2, 0x33 }, 4, 5 },
	{ "zeros at the end", { 0x11, 0, 0, 0 }, { 2, 0x11, 1, 1, 1 }, 4, 5 },
};

static void
test_cobs(void)
{
	static const uint8_t broken[][3] = { { 0 }, { 5, 1, 2 }, { 3, 0, 1 } };
	uint8_t out[600], raw[600], back[600];
	bool good = true;

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct csn_bytes in = { pairs[i].raw, pairs[i].raw_len };
		struct csn_bytes coded = { pairs[i].coded, pairs[i].coded_len };
		size_t n = csn_cobs_encode(in, out, sizeof out);
		bool same = n == coded.len && memcmp(out, coded.ptr, n) == 0;
		n = csn_cobs_decode(coded, back, sizeof back);
		tap_ok(same && n == in.len && memcmp(back, in.ptr, n) == 0, "COBS: %s", pairs[i].what);
	}
	for (size_t i = 0; i < 3; i++)
		good &= csn_cobs_decode((struct csn_bytes){ broken[i], 3 }, out, sizeof out) == 0;
	tap_ok(good, "what is not COBS is refused");
	good = true;
	for (size_t len = 250; len < 514; len++) {
		for (size_t i = 0; i < len; i++)
			raw[i] = (uint8_t)(len % 3 == 0 ? 0 : 1 + i % 255);
		size_t n = csn_cobs_encode((struct csn_bytes){ raw, len }, out, sizeof out);
		good &= n > 0 && memchr(out, 0, n) == NULL && n <= len + len / 254 + 1;
		memcpy(back, out, n);
		n = csn_cobs_decode((struct csn_bytes){ back, n }, back, sizeof back);
		good &= n == len && memcmp(back, raw, len) == 0;
	}
	tap_ok(good, "lengths around 254 and 508 come back whole, without a zero on the way");
	tap_ok(csn_cobs_encode((struct csn_bytes){ raw, 10 }, out, 10) == 0 &&
	               csn_cobs_decode((struct csn_bytes){ pairs[2].coded, 4 }, out, 2) == 0,
	       "no room is no result");
}

/* ---- two ends -------------------------------------------------------------------- */

enum { CAP = 65535, SPLIT = 16384, FLIGHTS = 64, LIMIT_MS = 600000 };

static uint64_t state;

static uint32_t
draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

struct air { /* frames on their way, each with its time of arrival             */
	size_t   len[FLIGHTS];
	uint64_t at_ms[FLIGHTS];
	uint8_t  bytes[FLIGHTS][CSN_LINE_FRAME_MAX];
};

struct fault { /* in percent of all frames                                     */
	const char *what;
	uint32_t lose, twice, late, cut, spoil, garbage;
};

struct end {
	struct csn_line line;
	struct air      air; /* towards this end                               */
	uint8_t         buf[CAP], got[CAP];
	size_t          got_len;
	unsigned        messages;
};

static struct end ends[2];

static void
make(struct end *end, uint16_t epoch, uint32_t data_size)
{
	const struct csn_line_setup setup = { .data_size = data_size, .baud = 115200,
		                              .epoch = epoch, .buf = end->buf, .cap = CAP };

	memset(end, 0, sizeof *end);
	tap_is(csn_line_init(&end->line, &setup), CSN_OK, "an end is made");
}

static void
launch(struct air *air, const uint8_t *bytes, size_t len, uint64_t at_ms)
{
	for (size_t i = 0; i < FLIGHTS; i++)
		if (air->len[i] == 0) {
			memcpy(air->bytes[i], bytes, len);
			air->len[i] = len;
			air->at_ms[i] = at_ms;
			return;
		}
}

static void
transmit(struct air *air, uint8_t *bytes, size_t len, const struct fault *f, uint64_t now_ms)
{
	uint64_t at = now_ms + 5;

	if (draw(100) < f->lose)
		return;
	if (draw(100) < f->late)
		at += draw(300);
	if (draw(100) < f->cut)
		len = 1 + draw((uint32_t)len);
	if (draw(100) < f->spoil)
		bytes[draw((uint32_t)len)] ^= (uint8_t)(1 + draw(255));
	launch(air, bytes, len, at);
	if (draw(100) < f->twice)
		launch(air, bytes, len, at + draw(40));
	if (draw(100) < f->garbage) {
		for (size_t i = 0; i < 200; i++)
			bytes[i] = (uint8_t)draw(256);
		launch(air, bytes, 200, at);
	}
}

static void
land(struct end *end, size_t slot)
{
	struct csn_bytes left = { end->air.bytes[slot], end->air.len[slot] }, message;

	while (left.len > 0) {
		size_t used;
		csn_line_input(&end->line, left, &used, &message);
		left.ptr += used;
		left.len -= used;
		if (message.len == 0)
			continue;
		memcpy(end->got, message.ptr, message.len);
		end->got_len = message.len;
		end->messages++;
	}
	end->air.len[slot] = 0;
}

static void
step(const struct fault *f, uint64_t now_ms)
{
	uint8_t frame[CSN_LINE_FRAME_MAX];

	for (size_t e = 0; e < 2; e++)
		for (size_t i = 0; i < FLIGHTS; i++)
			if (ends[e].air.len[i] != 0 && ends[e].air.at_ms[i] <= now_ms)
				land(&ends[e], i);
	for (size_t e = 0; e < 2; e++)
		for (unsigned n = 0; n < 4; n++) {
			size_t len = csn_line_output(&ends[e].line, now_ms, frame, sizeof frame);
			if (len > 0)
				transmit(&ends[1 - e].air, frame, len, f, now_ms);
		}
}

/* Both ends say @len bytes at once; true when both were carried, each handed out once. */
static bool
exchange(size_t len, uint32_t data_size, const struct fault *f, uint64_t *ret_ms)
{
	static uint8_t said[2][CAP];
	uint64_t now_ms = 1;

	for (size_t e = 0; e < 2; e++) {
		const struct csn_line_setup setup = { .data_size = data_size, .baud = 115200,
			.epoch = (uint16_t)(1 + e + 2 * draw(30000)), .buf = ends[e].buf, .cap = CAP };
		memset(&ends[e], 0, sizeof ends[e]);
		if (csn_line_init(&ends[e].line, &setup) != CSN_OK)
			return false;
		for (size_t i = 0; i < len; i++)
			said[e][i] = (uint8_t)draw(256);
	}
	for (size_t e = 0; e < 2; e++)
		if (csn_line_send(&ends[e].line, (struct csn_bytes){ said[e], len }) != CSN_OK)
			return false;
	for (; now_ms < LIMIT_MS && !(csn_line_sent(&ends[0].line) && csn_line_sent(&ends[1].line));
	     now_ms++)
		step(f, now_ms);
	*ret_ms = now_ms;
	for (size_t e = 0; e < 2; e++)
		if (!csn_line_sent(&ends[e].line) || ends[e].messages != 1 ||
		    ends[e].got_len != len || memcmp(ends[e].got, said[1 - e], len) != 0)
			return false;
	return true;
}

static void
test_faults(void)
{
	static const struct fault faults[] = {
		{ .what = "a clean line" },
		{ .what = "every third frame lost", .lose = 33 },
		{ .what = "every second frame doubled", .twice = 50 },
		{ .what = "frames overtaking one another", .late = 50 },
		{ .what = "frames cut short", .cut = 25 },
		{ .what = "spoilt bytes", .spoil = 25 },
		{ .what = "garbage between the frames", .garbage = 30 },
		{ "all of it", 15, 15, 15, 15, 15, 15 },
	};
	static const struct { size_t len; uint32_t size; } cases[] = {
		{ 1, 1024 }, { 1024, 1024 }, { 1025, 1024 }, { 5000, 256 }, { 16000, 16 }, { 40960, 1024 },
	};

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		unsigned good = 0;
		uint64_t ms = 0, most = 0;

		for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
			for (state = i * 100; state < i * 100 + 5;) {
				const uint64_t seed = state;
				good += exchange(cases[c].len, cases[c].size, &faults[i], &ms);
				state = seed + 1;
				most = ms > most ? ms : most;
			}
		tap_is(good, 30, faults[i].what);
		tap_note("longest: %llu ms", (unsigned long long)most);
	}
}

/* ---- one end at a time -------------------------------------------------------------- */

static void
settle(uint64_t from_ms)
{
	static const struct fault none = { .what = "" };

	for (uint64_t ms = from_ms; ms < from_ms + 5000; ms++)
		step(&none, ms);
}

static void
test_restart(void)
{
	static const uint8_t text[] = "what the station shows";

	make(&ends[0], 1, 64);
	make(&ends[1], 2, 64);
	tap_is(csn_line_send(&ends[0].line, CSN_BYTES_OF(text)), CSN_OK, "a message is shown");
	settle(1);
	tap_ok(csn_line_sent(&ends[0].line) && ends[1].messages == 1, "it came once");
	settle(6000);
	tap_is(ends[1].messages, 1, "nothing is said again to an end that has it");
	make(&ends[1], 3, 64);
	settle(12000);
	tap_ok(ends[1].messages == 1 && ends[1].got_len == sizeof text,
	       "an end that starts anew hears it again");
	csn_line_restart(&ends[0].line);
	settle(18000);
	tap_ok(ends[1].messages == 2, "and so it does after the line was cut");
	csn_line_rest(&ends[0].line);
	make(&ends[1], 4, 64);
	settle(24000);
	tap_is(ends[1].messages, 0, "after rest nothing is shown");
}

/* An own frame that is reflected, and an old one of an end that is gone. */
static void
test_foreign(void)
{
	static const uint8_t text[] = "hello";
	uint8_t frame[CSN_LINE_FRAME_MAX];
	struct csn_bytes message;
	size_t used;

	make(&ends[0], 1, 64);
	csn_line_send(&ends[0].line, CSN_BYTES_OF(text));
	csn_line_output(&ends[0].line, 1, frame, sizeof frame); /* the greeting */
	size_t len = csn_line_output(&ends[0].line, 1, frame, sizeof frame);
	csn_line_input(&ends[0].line, (struct csn_bytes){ frame, len }, &used, &message);
	tap_ok(message.len == 0 && !csn_line_sent(&ends[0].line),
	       "a line that reflects is not another end");
	make(&ends[1], 9, 64);
	csn_line_input(&ends[1].line, (struct csn_bytes){ frame, len }, &used, &message);
	tap_is((long long)message.len, sizeof text, "the other end takes that frame");
	csn_line_input(&ends[1].line, (struct csn_bytes){ frame, len }, &used, &message);
	tap_is((long long)message.len, 0, "but only once");
}

/* The next frame of @from comes in at @to, or is lost on the way; false: there was none. */
static bool
pass(struct end *from, struct end *to, bool lose)
{
	uint8_t frame[CSN_LINE_FRAME_MAX];
	struct csn_bytes message;
	size_t used, len = csn_line_output(&from->line, 1, frame, sizeof frame);

	if (len > 0 && !lose)
		csn_line_input(&to->line, (struct csn_bytes){ frame, len }, &used, &message);
	return len > 0;
}

static void
test_last_word(void)
{
	static const uint8_t text[] = "the last answer";
	struct end *device = &ends[0], *station = &ends[1];

	make(device, 1, 64);
	make(station, 2, 64);
	tap_ok(!csn_line_owes(&station->line), "an end that has heard nothing owes nothing");
	csn_line_send(&device->line, CSN_BYTES_OF(text));
	while (!csn_line_owes(&station->line))
		pass(device, station, false);
	tap_ok(csn_line_owes(&station->line), "a whole message is owed its acknowledgement");
	while (pass(station, device, true))
		;
	tap_ok(!csn_line_sent(&device->line) && csn_line_owes(&station->line),
	       "lost on the way, it is still owed");
	csn_line_remind(&station->line);
	while (pass(station, device, false))
		;
	tap_ok(csn_line_sent(&device->line), "said again, it ends the message");
	while (pass(device, station, true))
		;
	tap_ok(csn_line_owes(&station->line), "the word that it came may be lost, too");
	csn_line_remind(&station->line);
	csn_line_rest(&device->line);
	for (bool busy = true; busy;) {
		busy = pass(station, device, false);
		busy = pass(device, station, false) || busy;
	}
	tap_ok(!csn_line_owes(&station->line), "and comes again, at rest or not");
	csn_line_remind(&station->line);
	tap_ok(!pass(station, device, false), "then nothing is left to be said");
}

static void
test_bounds(void)
{
	static uint8_t big[CAP];
	uint8_t frame[CSN_LINE_FRAME_MAX];
	struct csn_line_setup setup = { .data_size = 15, .baud = 9600, .buf = big, .cap = 100 };
	struct csn_bytes message;
	static struct csn_line small;
	size_t used;

	tap_is(csn_line_init(&small, &setup), CSN_E_INVALID, "a frame of 15 bytes is refused");
	setup.data_size = 64;
	setup.baud = 0;
	tap_is(csn_line_init(&small, &setup), CSN_E_INVALID, "no rate is refused");
	setup.baud = 9600;
	setup.epoch = 7;
	tap_is(csn_line_init(&small, &setup), CSN_OK, "an end with room for 100 bytes");
	make(&ends[0], 1, 64);
	tap_is(csn_line_send(&ends[0].line, (struct csn_bytes){ big, 64 * 1024 + 1 }), CSN_E_TOO_BIG,
	       "over 1024 fragments is refused");
	tap_is(csn_line_send(&ends[0].line, CSN_BYTES_NONE), CSN_E_INVALID, "nothing is refused");
	csn_line_send(&ends[0].line, (struct csn_bytes){ big, 128 });
	csn_line_output(&ends[0].line, 1, frame, sizeof frame);
	for (int i = 0; i < 2; i++) {
		size_t len = csn_line_output(&ends[0].line, 1, frame, sizeof frame);
		csn_line_input(&small, (struct csn_bytes){ frame, len }, &used, &message);
	}
	tap_ok(message.len == 0 && small.count.bad == 1 && small.in.held == 1,
	       "a fragment over the room of the receiver is dropped, not written");
	tap_ok(csn_line_output(&ends[0].line, 1, frame, CSN_LINE_FRAME_MAX - 1) == 0,
	       "output wants room for a whole frame");
}

int
main(void)
{
	test_cobs();
	test_faults();
	test_restart();
	test_foreign();
	test_last_word();
	test_bounds();
	return tap_done();
}
