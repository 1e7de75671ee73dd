/*
 * Fuzzes what reads pictures: the reader, its data modes, and the two libraries that are
 * asked as well.  The input is a small program:
 *
 *   byte 0: 0 a picture as it is, 1 a film of a small real code that ever more is done to,
 *           2 a large real code damaged, 3 data bits, 4 a small real code for the others
 *
 * A real code, drawn and then spoilt as the input says, gets far deeper than noise does.
 * One reader sees all pictures, as it would in a station.  FUZZ_COUNT set: says at the end
 * how many it was fed.  FUZZ_PART=1: that part, whatever byte 0 says.
 * With clang: clang -fsanitize=fuzzer,address,undefined and libqr's sources.  Compiled with
 * FUZZ_MAIN it runs the files it is given, or else a fixed number of inputs of its own:
 * fuzz_qr [PART COUNT SEED].
 */
#include "fuzz/parts.h"
#include "plugins/channel/qr/qr-bits.h"
#include "plugins/channel/qr/qr-read.h"
#include "plugins/channel/qr/qr-write.h"
#include "plugins/channel/qr/qr-zbar.h"
#include "plugins/channel/qr/zxing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIDE_MAX  = 400,
	FILM_SIDE = 74, /* pixels: version 3 with its quiet zone, two a module */
	FILM_MAX  = 8,   /* pictures of one film */
	VERSIONS  = 3,
	SCALES    = 2,
	OP        = 5,   /* bytes of what is done to a picture */
};

static struct qr_reader *reader;
static unsigned long long frames, codes;

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
		fprintf(stderr, "fuzz_qr: %llu frames fed, %llu codes read\n", frames, codes);
	qr_reader_free(reader);
}

static void
begin(void)
{
	const struct qr_reader_options options = { .max_codes = 3, .own_only = true, .repeats = true };

	if (reader == NULL) {
		reader = qr_reader_new(&options);
		atexit(count);
	}
	check(reader != NULL);
	qr_reader_reset(reader);
}

static void
look(const uint8_t *grey, uint32_t width, uint32_t height, size_t stride, uint64_t time_ns)
{
	struct qr_bytes payload;
	struct qr_report report;
	size_t sum = 0;

	int n = qr_reader_feed(reader, grey, width, height, stride, time_ns);
	check(n >= 0 && n <= 3);
	frames++;
	codes += (unsigned)n;
	while (qr_reader_next(reader, &payload)) {
		check(payload.len <= QR_PAYLOAD_MAX);
		for (size_t k = 0; k < payload.len; k++)
			sum += payload.ptr[k];
	}
	qr_reader_report(reader, &report);
	check(report.cause < QR_CAUSE_COUNT && sum != SIZE_MAX);
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
	begin();
	for (unsigned i = 0; i <= data[1] / 128; i++)
		look(grey, width, (uint32_t)rows, stride, i + 1);
	free(grey);
}

/* Small codes, drawn once ------------------------------------------------------ */

struct small {
	struct qr_plan plan;
	uint8_t        grey[FILM_SIDE * FILM_SIDE];
};

static const struct small *
small_code(uint8_t which)
{
	static struct small all[VERSIONS][4][SCALES];
	unsigned version = which % VERSIONS, level = which / VERSIONS % 4;
	unsigned scale = which / VERSIONS / 4 % SCALES;
	struct small *small = &all[version][level][scale];

	if (small->plan.width == 0) {
		const struct qr_plan_options options = { .version = version + 1,
			.level = (enum qr_level)level, .module_px = 1 + scale,
			.width = FILM_SIDE, .height = FILM_SIDE };
		const struct qr_bytes code = { (const uint8_t *)"0\xff" "A", 3 };

		check(qr_plan(3, &options, &small->plan) == QR_OK);
		check(qr_draw(&small->plan, &code, 1, small->grey, small->plan.width,
		              small->plan.height, small->plan.width) == QR_OK);
	}
	return small;
}

/* What is done to a picture; each gets its place, its extent and a value ------------ */

struct canvas {
	uint8_t *grey;
	uint32_t width, height; /* also the stride */
};

static uint8_t
grey_of(int level)
{
	return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

static void
flip(const struct canvas *c, const uint8_t *op)
{
	uint32_t x0 = op[1] % c->width, y0 = op[2] % c->height;
	uint32_t x1 = x0 + 1 + op[3] % 16, y1 = y0 + 1 + op[3] / 16;

	for (uint32_t y = y0; y < y1 && y < c->height; y++)
		for (uint32_t x = x0; x < x1 && x < c->width; x++)
			c->grey[y * c->width + x] ^= op[4];
}

static void
cover(const struct canvas *c, const uint8_t *op)
{
	uint32_t x0 = op[1] % c->width, y0 = op[2] % c->height, side = 1 + op[3] % 64;

	for (uint32_t y = y0; y < y0 + side && y < c->height; y++)
		for (uint32_t x = x0; x < x0 + side && x < c->width; x++)
			c->grey[y * c->width + x] = op[4];
}

/* Rows from one on stand further to the right. */
static void
tear(const struct canvas *c, const uint8_t *op)
{
	uint32_t by = op[3] % 16 % c->width;

	for (uint32_t y = op[2] % c->height; y < c->height; y++) {
		uint8_t *row = c->grey + y * c->width;

		memmove(row + by, row, c->width - by);
		memset(row, op[4], by);
	}
}

/* Rows from one on are, in part or whole, another code's. */
static void
mix(const struct canvas *c, const uint8_t *op)
{
	const struct small *other = small_code(op[1]);
	int share = op[4];

	for (uint32_t y = op[2] % c->height; y < c->height && y < other->plan.height; y++)
		for (uint32_t x = 0; x < c->width && x < other->plan.width; x++) {
			uint8_t *at = &c->grey[y * c->width + x];
			int of = other->grey[y * other->plan.width + x];

			*at = (uint8_t)((*at * (255 - share) + of * share) / 255);
		}
}

static void
noise(const struct canvas *c, const uint8_t *op)
{
	uint32_t state = op[1] * 251u + op[2] + 1;
	int most = op[3];

	for (uint32_t i = 0; i < c->width * c->height; i++) {
		state = state * 1664525 + 1013904223;
		c->grey[i] = grey_of(c->grey[i] + (int)(state >> 24) * most / 255 - most / 2);
	}
}

static void
dim(const struct canvas *c, const uint8_t *op)
{
	for (uint32_t i = 0; i < c->width * c->height; i++)
		c->grey[i] = grey_of(c->grey[i] * op[3] / 128 + op[4] - 128);
}

static void
blur(const struct canvas *c, const uint8_t *op)
{
	uint32_t step = op[1] & 1 ? c->width : 1;

	for (uint32_t i = step; i + step < c->width * c->height; i++)
		c->grey[i] = (uint8_t)((c->grey[i - step] + 2 * c->grey[i] + c->grey[i + step]) / 4);
}

static bool
spoil(const struct canvas *c, const uint8_t *op)
{
	static void (*const ways[])(const struct canvas *, const uint8_t *) = {
		flip, cover, tear, mix, noise, dim, blur };

	if (op[0] % 8 >= sizeof ways / sizeof *ways)
		return false;
	ways[op[0] % 8](c, op);
	return true;
}

/*
 * Code, cut, then operations; the eighth is: show it, and then go on.  A bit says whether
 * from the picture as it is or from a fresh one.
 */
static void
film(const uint8_t *data, size_t size)
{
	static uint8_t grey[FILM_SIDE * FILM_SIDE];
	uint64_t time_ns = 1;

	if (size < 3)
		return;
	const struct small *small = small_code(data[0]);
	const struct canvas canvas = { grey, small->plan.width, small->plan.height };
	size_t area = (size_t)canvas.width * canvas.height;
	/* The last rows or the last pixels of all rows may be missing. */
	uint32_t wide = canvas.width - data[1] % 8, high = canvas.height - data[2] % 8;

	begin();
	memcpy(grey, small->grey, area);
	for (size_t i = 3; i + OP <= size && time_ns < FILM_MAX; i += OP) {
		if (spoil(&canvas, data + i))
			continue;
		look(grey, wide, high, canvas.width, time_ns++);
		if (data[i] & 128)
			memcpy(grey, small_code(data[i + 1])->grey, area);
	}
	look(grey, wide, high, canvas.width, time_ns);
}

/* The same picture for the libraries: what they answer must fit, whatever they make of it. */
static void
others(const uint8_t *data, size_t size)
{
	enum { ROOM = 3, BYTES = 4096 };
	static struct qr_zbar *zbar;
	static uint8_t grey[FILM_SIDE * FILM_SIDE], bytes[BYTES];
	struct qr_found found[ROOM];

	if (size < 1)
		return;
	if (zbar == NULL)
		check((zbar = qr_zbar_new()) != NULL);
	const struct small *small = small_code(data[0]);
	const struct canvas canvas = { grey, small->plan.width, small->plan.height };
	const struct qr_picture picture = { grey, canvas.width, canvas.height, canvas.width };

	memcpy(grey, small->grey, (size_t)canvas.width * canvas.height);
	for (size_t i = 1; i + OP <= size; i += OP)
		spoil(&canvas, data + i);
	for (int k = 0; k < 2; k++) {
		int n = k == 0 ? qr_zxing_read(&picture, true, found, ROOM, bytes, BYTES)
		               : qr_zbar_read(zbar, &picture, found, ROOM, bytes, BYTES);

		check(n <= ROOM);
		for (int i = 0; i < n; i++)
			check(found[i].offset <= BYTES && found[i].len <= BYTES - found[i].offset);
	}
	frames++;
}

/* Version, level, scale, payload; then patches: place, size, value. */
static void
large_code(const uint8_t *data, size_t size)
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

	uint8_t *grey = malloc((size_t)plan.width * plan.height);
	const struct canvas canvas = { grey, plan.width, plan.height };
	struct qr_bytes code = { payload, len };
	check(grey != NULL &&
	      qr_draw(&plan, &code, 1, grey, plan.width, plan.height, plan.width) == QR_OK);
	for (size_t i = 4; i + OP <= size; i += OP)
		spoil(&canvas, data + i);
	begin();
	for (unsigned i = 0; i <= data[2] / 128; i++)
		look(grey, plan.width, plan.height, plan.width, i + 1);
	free(grey);
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

static const struct {
	const char *name;
	void      (*run)(const uint8_t *data, size_t size);
	unsigned    rounds, bytes; /* of inputs of our own */
} parts[] = {
	{ "pictures", plain_picture, 400, 4096 },
	{ "films", film, 1500, 64 },
	{ "large codes", large_code, 200, 80 },
	{ "data bits", data_bits, 20000, 80 },
	{ "pictures for the others", others, 400, 32 },
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

#define FUZZ_SEED 7
#include "fuzz/draw.h"

static void
invent(unsigned part, unsigned rounds)
{
	static uint8_t data[4096];
	const unsigned long long before = codes;

	for (unsigned n = 0; n < rounds; n++) {
		size_t size = 1 + draw(parts[part].bytes);

		data[0] = (uint8_t)part;
		for (size_t i = 1; i < size; i++)
			data[i] = (uint8_t)draw(256);
		LLVMFuzzerTestOneInput(data, size);
	}
	tap_ok(true, "%u %s end, %llu codes read", rounds, parts[part].name, codes - before);
}

int
main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	if (argc == 4 && strspn(argv[1], "01234") == 1 && argv[1][1] == '\0') {
		state = strtoull(argv[3], NULL, 10);
		invent((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]));
		return tap_done();
	}
	if (argc > 1)
		return replay_files(argc, argv, data, sizeof data);
	for (unsigned part = 0; part < PARTS; part++)
		invent(part, parts[part].rounds);
	return tap_done();
}
#endif
