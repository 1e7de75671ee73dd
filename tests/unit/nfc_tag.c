/*
 * The Type 4 Tag a device plays and the reader that reads it: every answer of the tag
 * against the status its specification gives, and messages both ways while the tag leaves
 * the field after each single exchange.
 */
#include "kit/tap.h"

#include "device/tag.h"
#include "plugins/channel/nfc/reader.h"

enum { FILE_CAP = 512, BUF = 65536, STEPS = 100000 };

static uint8_t inbox[CSN_T4T_FILE_MAX], outbox[CSN_T4T_FILE_MAX], tag_buf[BUF], reader_buf[BUF];
static uint8_t said[2][BUF];
static struct csn_tag tag;
static struct reader reader;

static void
make_tag(size_t file_cap, uint16_t read_max, uint16_t update_max, size_t buf_cap)
{
	const struct csn_tag_setup setup = { inbox, outbox, file_cap, tag_buf, buf_cap, read_max,
		                             update_max };

	memset(inbox, 0xee, sizeof inbox);
	if (csn_tag_init(&tag, &setup) != CSN_OK)
		abort();
}

/* ---- commands ----------------------------------------------------------------------- */

#define APP "00a4040007d276000085010100"

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

static size_t
send_hex(const char *hex, uint8_t *response)
{
	uint8_t command[300];
	size_t len;

	csn_tag_apdu(&tag, (struct csn_bytes){ command, unhex(hex, command) }, response, &len);
	return len;
}

/* Commands in order, each with the answer that is wanted; "" keeps the tag as it is. */
static const struct {
	const char *what, *command, *answer;
} commands[] = {
	{ "a file before the application", "00a4000c02e104", "6a82" },
	{ "reading with nothing selected", "00b0000010", "6986" },
	{ "writing with nothing selected", "00d600000101", "6986" },
	{ "another application", "00a4040007d2760000850100", "6a82" },
	{ "the application, without Le", "00a4040007d2760000850101", "9000" },
	{ "the application, with Le", APP, "9000" },
	{ "a file that is not there", "00a4000c02e106", "6a82" },
	{ "a file number of one byte", "00a4000c01e1", "6a82" },
	{ "the capability container", "00a4000c02e103", "9000" },
	{ "its first 15 bytes", "00b000000f", "001720003b0034" "0406e10402000000" "9000" },
	{ "and the rest: the device's own file", "00b0000f08", "0506e105020000ff" "9000" },
	{ "what is behind its end", "00b0001701", "6b00" },
	{ "writing to it", "00d600000100", "6982" },
	{ "the NDEF file", "00a4000c02e104", "9000" },
	{ "it is empty", "00b0000002", "00009000" },
	{ "no Le", "00b00000", "6700" },
	{ "more than MLe is cut", "00b0000000",
	  "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "000000000000000000000000000000" "9000" },
	{ "the last byte", "00b001ff01", "009000" },
	{ "behind the file", "00b0020001", "6b00" },
	{ "over MLc", "00d6000035"
	  "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "00000000000000000000", "6700" },
	{ "writing over the end", "00d601ff020000", "6a84" },
	{ "writing far behind it", "00d67fff0100", "6a84" },
	{ "an NLEN over the file", "00d600000201ff", "6a84" },
	{ "leaves it empty", "00b0000002", "00009000" },
	{ "a record of somebody else", "00d60000080006d101025402656e", "6a80" },
	{ "Lc that does not fit", "00d60000050102", "6700" },
	{ "another command", "0084000008", "6d00" },
	{ "another class", "80b0000010", "6e00" },
	{ "three bytes", "00b000", "6700" },
	{ "nothing", "", "6700" },
	{ "the device's own file", "00a4000c02e105", "9000" },
	{ "writing to it", "00d600000100", "6982" },
	{ "it says that nothing is held and nothing is there", "00b0000008", "0031c41200000019"
	  "9000" },
};

static void
test_commands(void)
{
	uint8_t response[CSN_TAG_RESPONSE_MAX], want[CSN_TAG_RESPONSE_MAX];

	make_tag(FILE_CAP, 59, 52, BUF);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		size_t len = send_hex(commands[i].command, response);
		size_t want_len = unhex(commands[i].answer, want);

		if (tap_ok(len >= 2 && want_len == len && memcmp(response, want, len) == 0, "%s",
		           commands[i].what))
			continue;
		printf("#  ");
		for (size_t k = 0; k < len; k++)
			printf("%02x", response[k]);
		printf("\n");
	}
	csn_tag_leave(&tag);
	tap_ok(send_hex("00b0000002", response) == 2 && response[0] == 0x69,
	       "out of the field everything is unselected");
}

static void
test_setup(void)
{
	static const struct csn_tag_setup bad[] = {
		{ inbox, outbox, 127, tag_buf, 1, 59, 52 }, { inbox, outbox, 32768, tag_buf, 1, 59, 52 },
		{ inbox, outbox, 512, tag_buf, 0, 59, 52 }, { inbox, outbox, 512, tag_buf, 1, 14, 52 },
		{ inbox, outbox, 512, tag_buf, 1, 59, 256 }, { NULL, outbox, 512, tag_buf, 1, 59, 52 },
	};
	unsigned refused = 0;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused += csn_tag_init(&tag, &bad[i]) == CSN_E_INVALID;
	tap_is(refused, sizeof bad / sizeof bad[0], "a tag with a bound broken is not made");
	make_tag(FILE_CAP, 59, 52, BUF);
	uint8_t response[CSN_TAG_RESPONSE_MAX];
	send_hex(APP, response);
	send_hex("00a4000c02e104", response);
	send_hex("00d6000101ff", response); /* half of NLEN: 0x00ff was 0xff.. */
	send_hex("00d6000001ff", response);
	tap_ok(send_hex("00b001ff01", response) == 3,
	       "a length that was written by halves reads within the file");
}

/* ---- a reader in front of it -------------------------------------------------------------- */

static unsigned life, exchanges; /* exchanges until the tag leaves; 0: it stays */

static int
transmit(void *arg, struct csn_bytes command, uint8_t *response, size_t *ret_len)
{
	const bool answer_lost = arg != NULL;

	exchanges++;
	if (life != 0 && exchanges >= life && !answer_lost)
		return -1;
	csn_tag_apdu(&tag, command, response, ret_len);
	return life != 0 && exchanges >= life ? -1 : 0;
}

static void
make_reader(uint32_t chunk)
{
	memset(&reader, 0, sizeof reader);
	reader.transmit = transmit;
	reader.chunk = chunk;
	reader.in = (struct csn_t4t_in){ .buf = reader_buf, .cap = BUF };
}

/* Visits until both messages are there; how many, or 0 when they never come whole. */
static unsigned
talk(size_t out_len, size_t in_len)
{
	bool out_came = out_len == 0, in_came = in_len == 0;
	unsigned visits = 0, twice = 0;

	for (unsigned steps = 0; steps < STEPS; visits++) {
		int r;

		exchanges = 0;
		csn_tag_leave(&tag);
		for (r = reader_meet(&reader); r >= 0 && steps < STEPS; steps++) {
			struct csn_bytes got;

			r = reader_step(&reader, &got);
			if (got.len > 0) {
				twice += in_came;
				in_came = got.len == in_len && memcmp(got.ptr, said[1], in_len) == 0;
			}
			got = csn_tag_take(&tag);
			if (got.len > 0) {
				twice += out_came;
				out_came = got.len == out_len && memcmp(got.ptr, said[0], out_len) == 0;
			}
			if (out_came && in_came && (out_len == 0 || reader_sent(&reader)) &&
			    (in_len == 0 || csn_tag_sent(&tag)))
				return twice == 0 ? visits + 1 : 0;
		}
		steps++;
		if (r != READER_GONE)
			return 0;
	}
	return 0;
}

static void
start(size_t out_len, size_t in_len)
{
	for (size_t i = 0; i < BUF; i++) {
		said[0][i] = (uint8_t)(i * 7 + i / 253);
		said[1][i] = (uint8_t)(i * 11 + i / 241);
	}
	if (out_len > 0)
		reader_send(&reader, (struct csn_bytes){ said[0], out_len }, 0x01020304);
	csn_tag_send(&tag, (struct csn_bytes){ said[1], in_len }, 0x05060708);
}

static const struct {
	const char *what;
	size_t      out, in, file;
	uint16_t    read_max, update_max;
	uint32_t    chunk;
} talks[] = {
	{ "one byte there", 1, 0, 128, 15, 13, 255 },
	{ "one byte back", 0, 1, 128, 15, 13, 255 },
	{ "a bind message, in one APDU", 41, 0, 512, 255, 255, 255 },
	{ "offer and answer, small APDUs", 1500, 500, 512, 59, 52, 255 },
	{ "offer and answer, large ones", 2672, 636, 8192, 255, 255, 255 },
	{ "a reader that takes less", 2672, 636, 8192, 255, 255, 64 },
	{ "the largest messages", 40960, 65535, 8192, 255, 255, 255 },
	{ "the largest file", 40960, 40000, CSN_T4T_FILE_MAX, 255, 255, 255 },
};

static void
test_talks(void)
{
	for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
		life = 0;
		make_tag(talks[i].file, talks[i].read_max, talks[i].update_max, BUF);
		make_reader(talks[i].chunk);
		start(talks[i].out, talks[i].in);
		tap_is(talk(talks[i].out, talks[i].in), 1, talks[i].what);
		tap_note("%u APDUs, %u parts", reader.exchanges, reader.parts);
	}
}

/* The tag leaves after each number of exchanges, before or after it heard the last one. */
static void
test_leaving(void)
{
	static int lost;
	unsigned whole = 0, cases = 0, most = 0;

	for (unsigned n = 20; n < 68; n++) /* below, no part fits a visit */
		for (int answer = 0; answer < 2; answer++, cases++) {
			life = n;
			make_tag(256, 59, 52, BUF);
			make_reader(255);
			reader.arg = answer ? &lost : NULL;
			start(1500, 700);
			const unsigned visits = talk(1500, 700);
			whole += visits > 1;
			most = visits > most ? visits : most;
		}
	tap_is(whole, cases, "cut after 20 to 67 APDUs, messages come whole and once");
	tap_note("%u cases, at most %u visits", cases, most);

	unsigned hopeless = 0;
	for (unsigned n = 1; n < 5; n++) {
		life = n;
		make_tag(256, 59, 52, BUF);
		make_reader(255);
		start(100, 0);
		hopeless += talk(100, 0) == 0;
	}
	tap_is(hopeless, 4, "a tag that is away before its files are found gets nothing");
	life = 0;
}

static void
test_resume(void)
{
	struct csn_bytes got;

	life = 0;
	make_tag(1024, 255, 255, BUF);
	make_reader(255);
	start(20000, 0);
	reader_meet(&reader);
	life = 60;
	exchanges = 0;
	while (reader_step(&reader, &got) >= 0)
		;
	const uint32_t held = tag.in.held, before = reader.exchanges;
	life = 0;
	csn_tag_leave(&tag);
	tap_ok(held > 5000 && held < 20000, "a message is cut in its middle");
	tap_is(talk(20000, 0), 1, "the next visit ends it");
	/* 21 parts of 8 APDUs are the whole. */
	tap_ok(reader.exchanges - before < 21 * 8 - 40,
	       "and goes on where it was (%u APDUs, %u bytes were held)", reader.exchanges - before,
	       (unsigned)held);
	/* Another tag: everything again. */
	make_tag(1024, 255, 255, BUF);
	tap_ok(talk(20000, 0) == 1 && tag.in.held == 20000, "another tag gets the whole of it");
}

static void
test_refusals(void)
{
	struct csn_bytes got;

	life = 0;
	make_tag(512, 59, 52, 1000);
	make_reader(255);
	start(1001, 0);
	reader_meet(&reader);
	tap_is(reader_step(&reader, &got), READER_TOO_BIG, "a message over the device's room");
	start(1000, 0);
	reader_send(&reader, (struct csn_bytes){ said[0], 1000 }, 99);
	tap_ok(reader_step(&reader, &got) == READER_MOVED && csn_tag_take(&tag).len == 1000,
	       "one of its very room is taken afterwards");
	make_reader(255);
	reader.in.cap = 100;
	make_tag(512, 59, 52, 1000);
	csn_tag_send(&tag, (struct csn_bytes){ said[1], 101 }, 7);
	reader_meet(&reader);
	tap_is(reader_step(&reader, &got), READER_TOO_BIG, "a message over the reader's room");
	tap_ok(got.len == 0, "is not handed out");
}

/* ---- a passive tag ---------------------------------------------------------------------------- */

/* As a shop sells it: one file, nobody behind it. */
static struct paper {
	uint8_t  cc[15], ndef[2048];
	uint16_t file;
	bool     locked, rewritten;
} paper;

static int
paper_transmit(void *arg, struct csn_bytes c, uint8_t *response, size_t *ret_len)
{
	const size_t offset = (size_t)c.ptr[2] << 8 | c.ptr[3];
	const size_t size = paper.file == 0xe103 ? sizeof paper.cc : sizeof paper.ndef;
	uint8_t *file = paper.file == 0xe103 ? paper.cc : paper.ndef;
	size_t n = 0;
	unsigned sw = 0x9000;

	(void)arg;
	if (c.ptr[1] == 0xa4 && c.ptr[2] == 0)
		paper.file = (uint16_t)(c.ptr[5] << 8 | c.ptr[6]);
	else if (c.ptr[1] == 0xb0 && offset + c.ptr[4] <= size)
		memcpy(response, file + offset, n = c.ptr[4]);
	else if (c.ptr[1] == 0xd6 && !paper.locked && offset + c.ptr[4] <= size)
		memcpy(file + offset, c.ptr + 5, c.ptr[4]);
	else if (c.ptr[1] != 0xa4)
		sw = 0x6982;
	if (paper.rewritten && offset == 0 && c.ptr[1] == 0xd6)
		file[40] ^= 1;
	response[n] = (uint8_t)(sw >> 8);
	response[n + 1] = (uint8_t)sw;
	*ret_len = n + 2;
	return 0;
}

static void
lay_paper(void)
{
	memset(&paper, 0, sizeof paper);
	unhex("000f20003b00340406e10408000000", paper.cc);
	make_reader(255);
	reader.transmit = paper_transmit;
}

static void
test_passive(void)
{
	struct csn_bytes got;

	lay_paper();
	tap_is(reader_meet(&reader), READER_MOVED, "a passive tag is a tag");
	tap_is(reader_step(&reader, &got), READER_IDLE, "an empty one says nothing");
	reader_send(&reader, (struct csn_bytes){ said[0], 1500 }, 3);
	tap_is(reader_step(&reader, &got), READER_MOVED, "a message is written to it");
	tap_ok(reader_sent(&reader) && got.len == 0, "and read back");
	tap_is(reader_step(&reader, &got), READER_IDLE, "once");
	static struct paper kept;
	kept = paper;
	lay_paper();
	paper = kept;
	reader_meet(&reader);
	tap_ok(reader_step(&reader, &got) == READER_MOVED && got.len == 1500 &&
	               memcmp(got.ptr, said[0], 1500) == 0,
	       "another reader gets it from the tag");
	tap_ok(reader_step(&reader, &got) == READER_IDLE && got.len == 0, "once");
	lay_paper();
	reader_meet(&reader);
	reader_send(&reader, (struct csn_bytes){ said[0], 2048 }, 3);
	tap_is(reader_step(&reader, &got), READER_TOO_BIG, "a message over its file is refused");
	lay_paper();
	paper.rewritten = true;
	reader_meet(&reader);
	reader_send(&reader, (struct csn_bytes){ said[0], 300 }, 3);
	tap_is(reader_step(&reader, &got), READER_REFUSED, "what does not read back as it was written");
	lay_paper();
	paper.cc[14] = 0xff;
	reader_meet(&reader);
	reader_send(&reader, (struct csn_bytes){ said[0], 300 }, 3);
	tap_is(reader_step(&reader, &got), READER_REFUSED, "a locked tag is not written to");
	lay_paper();
	paper.cc[2] = 0x40;
	tap_is(reader_meet(&reader), READER_NOT_OURS, "mapping version 4 is none that we know");
	lay_paper();
	paper.cc[1] = 14;
	tap_is(reader_meet(&reader), READER_NOT_OURS, "a container of 14 bytes is none");
}

int
main(void)
{
	test_commands();
	test_setup();
	test_talks();
	test_leaving();
	test_resume();
	test_refusals();
	test_passive();
	return tap_done();
}
