/*
 * The optical bench's worker: draws and reads what optical.py sends through a camera.
 * Commands are lines on standard input, pictures are raw grey bytes after their line:
 *
 *   reader NAME [MERGE]            which reader takes the frames: ours, own, zxing or zbar
 *   codes N                        expected in one picture
 *   reset                          forget tracks
 *   frame WIDTH HEIGHT             answers "MS WAY HEX..." with the payloads read
 *   draw VERSION LEVEL PX HEX      answers "WIDTH HEIGHT" and the picture
 *   stream BYTES VERSION LEVEL PX COLUMNS ROWS SEED
 *                                  begins a transfer; answers "PACKETS PASS"
 *   show N                         draws the stream's picture N
 *   take WIDTH HEIGHT              a frame for the receiver: answers
 *                                  "MS CODES HAVE NEEDED COMPLETE RIGHT"
 */
#include "plugins/channel/qr/qr-read.h"
#include "plugins/channel/qr/qr-write.h"
#include "plugins/channel/qr/qr-zbar.h"
#include "lib/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BYTES_MAX = QR_CODES_MAX * QR_PAYLOAD_MAX, LINE_MAX = 16384 };

enum which { OURS, OWN, ZXING, ZBAR, READERS };

static const char *const names[READERS] = { "ours", "own", "zxing", "zbar" };

struct bench {
	enum which          which;
	unsigned            codes;
	bool                merge;
	struct qr_reader   *reader;
	struct qr_zbar     *zbar;
	uint64_t            time_ns;
	uint8_t            *picture;
	size_t              size;
	struct qr_found     found[QR_CODES_MAX];
	uint8_t             bytes[BYTES_MAX];
	struct qr_bytes     payload[QR_CODES_MAX + 1];
	unsigned            payloads;
	uint8_t            *object;
	size_t              object_len;
	struct qr_plan      plan;
	struct csn_sender   *sender;
	struct csn_receiver *receiver;
};

static void
die(const char *why)
{
	fprintf(stderr, "optical-pipe: %s\n", why);
	exit(1);
}

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
renew(struct bench *bench)
{
	struct qr_reader_options options = {
		.max_codes = bench->codes,
		.own_only = bench->which == OWN,
		.no_merge = !bench->merge,
		.repeats = true,
	};

	qr_reader_free(bench->reader);
	bench->reader = qr_reader_new(&options);
	if (bench->reader == NULL)
		die("no memory");
}

static const char *
way_of(const struct qr_reader_counts *before, const struct qr_reader_counts *after)
{
	if (after->parted > before->parted)
		return "parted";
	if (after->merged > before->merged)
		return "merged";
	if (after->tracked > before->tracked)
		return "tracked";
	if (after->searched > before->searched)
		return "searched";
	return after->zxing > before->zxing ? "zxing" : after->zbar > before->zbar ? "zbar" : "-";
}

/* Reads a picture with the chosen reader; the CPU time in ms. */
static double
look(struct bench *bench, unsigned width, unsigned height, const char **ret_way)
{
	const struct qr_picture picture = { bench->picture, width, height, width };
	struct qr_reader_counts before, after;
	double start = cpu_ms();
	int n = 0;

	*ret_way = names[bench->which];
	bench->payloads = 0;
	if (bench->which == OURS || bench->which == OWN) {
		qr_reader_counts(bench->reader, &before);
		bench->time_ns += 33333333;
		qr_reader_feed(bench->reader, picture.grey, width, height, width, bench->time_ns);
		while (qr_reader_next(bench->reader, &bench->payload[bench->payloads]))
			bench->payloads++;
		qr_reader_counts(bench->reader, &after);
		*ret_way = way_of(&before, &after);
		return cpu_ms() - start;
	}
	if (bench->which == ZXING)
		n = qr_zxing_read(&picture, true, bench->found, bench->codes, bench->bytes, BYTES_MAX);
	else
		n = qr_zbar_read(bench->zbar, &picture, bench->found, bench->codes, bench->bytes,
		                 BYTES_MAX);
	for (int i = 0; i < n; i++)
		bench->payload[bench->payloads++] = (struct qr_bytes){
			bench->bytes + bench->found[i].offset, bench->found[i].len };
	return cpu_ms() - start;
}

static void
load(struct bench *bench, unsigned width, unsigned height)
{
	size_t size = (size_t)width * height;

	if (width == 0 || height == 0 || width > QR_PICTURE_MAX || height > QR_PICTURE_MAX)
		die("a picture of a size that no reader takes");
	if (size > bench->size) {
		free(bench->picture);
		bench->picture = malloc(size);
		bench->size = size;
	}
	if (bench->picture == NULL || fread(bench->picture, 1, size, stdin) != size)
		die("the picture was cut short");
}

static void
do_frame(struct bench *bench, const char *line)
{
	unsigned width, height;
	const char *way;

	if (sscanf(line, "frame %u %u", &width, &height) != 2)
		die("frame WIDTH HEIGHT");
	load(bench, width, height);
	double ms = look(bench, width, height, &way);
	printf("%.3f %s", ms, way);
	for (unsigned i = 0; i < bench->payloads; i++) {
		putchar(' ');
		for (size_t k = 0; k < bench->payload[i].len; k++)
			printf("%02x", bench->payload[i].ptr[k]);
	}
	putchar('\n');
}

static enum qr_level
level_of(char letter)
{
	return letter == 'L' ? QR_LEVEL_L : letter == 'M' ? QR_LEVEL_M
	     : letter == 'Q' ? QR_LEVEL_Q : QR_LEVEL_H;
}

static void
put_picture(const struct qr_plan *plan, const struct qr_bytes *codes, size_t count)
{
	size_t size = (size_t)plan->width * plan->height;
	uint8_t *frame = malloc(size);

	if (frame == NULL ||
	    qr_draw(plan, codes, count, frame, plan->width, plan->height, plan->width) < 0)
		die("cannot draw");
	printf("%u %u\n", plan->width, plan->height);
	fwrite(frame, 1, size, stdout);
	free(frame);
}

static void
do_draw(const char *line)
{
	struct qr_plan_options options = { .width = 8192, .height = 8192 };
	struct qr_plan plan;
	uint8_t payload[QR_PAYLOAD_MAX];
	size_t len = 0;
	char letter;
	int used = 0;
	unsigned value;

	if (sscanf(line, "draw %u %c %u %n", &options.version, &letter, &options.module_px,
	           &used) != 3)
		die("draw VERSION LEVEL PX HEX");
	options.level = level_of(letter);
	for (line += used; len < sizeof payload && sscanf(line, "%2x", &value) == 1; line += 2)
		payload[len++] = (uint8_t)value;
	if (qr_plan(len, &options, &plan) < 0)
		die("no such code");
	struct qr_bytes code = { payload, len };
	put_picture(&plan, &code, 1);
}

static void
do_stream(struct bench *bench, const char *line)
{
	static const uint8_t secret[32] = "the secret that both sides have";
	struct qr_plan_options o = { .width = 8192, .height = 8192 };
	char letter;
	unsigned seed;

	if (sscanf(line, "stream %zu %u %c %u %u %u %u", &bench->object_len, &o.version, &letter,
	           &o.module_px, &o.columns, &o.rows, &seed) != 7)
		die("stream BYTES VERSION LEVEL PX COLUMNS ROWS SEED");
	o.level = level_of(letter);
	free(bench->object);
	csn_sender_free(bench->sender);
	csn_receiver_free(bench->receiver);
	bench->object = malloc(bench->object_len);
	if (bench->object == NULL || qr_plan(1, &o, &bench->plan) < 0)
		die("no such stream");
	for (size_t i = 0; i < bench->object_len; i++) {
		seed = seed * 1664525 + 1013904223;
		bench->object[i] = (uint8_t)(seed >> 24);
	}

	struct csn_bytes object = { bench->object, bench->object_len };
	struct csn_sender_options so = { .secret = { secret, sizeof secret }, .session = 1,
		                        .packet_len = bench->plan.capacity };
	struct csn_receiver_options ro = { .secret = { secret, sizeof secret },
		                          .object_max = bench->object_len };
	if (csn_sender_new(object, &so, &bench->sender) < 0 ||
	    csn_receiver_new(&ro, &bench->receiver) < 0)
		die("no such stream");
	bench->codes = o.columns * o.rows;
	renew(bench);
	printf("%zu %llu\n", bench->plan.capacity,
	       (unsigned long long)csn_sender_pass(bench->sender));
}

static void
do_show(struct bench *bench, const char *line)
{
	uint8_t packet[QR_CODES_MAX][QR_PAYLOAD_MAX];
	struct qr_bytes code[QR_CODES_MAX];
	unsigned number;

	if (sscanf(line, "show %u", &number) != 1 || bench->sender == NULL)
		die("show N, after stream");
	for (unsigned i = 0; i < bench->codes; i++) {
		csn_sender_packet(bench->sender, (uint64_t)number * bench->codes + i, packet[i]);
		code[i] = (struct qr_bytes){ packet[i], csn_sender_packet_len(bench->sender) };
	}
	put_picture(&bench->plan, code, bench->codes);
}

static bool
right(const struct bench *bench)
{
	for (size_t at = 0; at < bench->object_len;) {
		struct csn_bytes run = csn_receiver_read(bench->receiver, at);

		if (run.len == 0 || memcmp(run.ptr, bench->object + at, run.len) != 0)
			return false;
		at += run.len;
	}
	return true;
}

static void
do_take(struct bench *bench, const char *line)
{
	struct csn_progress progress;
	unsigned width, height;
	const char *way;

	if (sscanf(line, "take %u %u", &width, &height) != 2 || bench->receiver == NULL)
		die("take WIDTH HEIGHT, after stream");
	load(bench, width, height);
	double start = cpu_ms();
	look(bench, width, height, &way);
	for (unsigned i = 0; i < bench->payloads; i++) {
		enum csn_packet was;

		struct csn_bytes packet = { bench->payload[i].ptr, bench->payload[i].len };

		if (csn_receiver_take(bench->receiver, packet, &was) < 0)
			die("no memory");
	}
	double ms = cpu_ms() - start;
	csn_receiver_progress(bench->receiver, &progress);
	printf("%.3f %u %llu %llu %d %d\n", ms, bench->payloads,
	       (unsigned long long)progress.have, (unsigned long long)progress.needed,
	       progress.complete, progress.complete && right(bench));
}

static void
do_reader(struct bench *bench, const char *line)
{
	char name[16];
	unsigned merge = 1;

	if (sscanf(line, "reader %15s %u", name, &merge) < 1)
		die("reader NAME [MERGE]");
	for (unsigned i = 0; i < READERS; i++)
		if (strcmp(name, names[i]) == 0)
			bench->which = (enum which)i;
	bench->merge = merge != 0;
	renew(bench);
}

static void
obey(struct bench *bench, const char *line)
{
	if (strncmp(line, "frame ", 6) == 0)
		do_frame(bench, line);
	else if (strncmp(line, "take ", 5) == 0)
		do_take(bench, line);
	else if (strncmp(line, "show ", 5) == 0)
		do_show(bench, line);
	else if (strncmp(line, "draw ", 5) == 0)
		do_draw(line);
	else if (strncmp(line, "stream ", 7) == 0)
		do_stream(bench, line);
	else if (strncmp(line, "reader ", 7) == 0)
		do_reader(bench, line);
	else if (strncmp(line, "codes ", 6) == 0)
		bench->codes = (unsigned)strtoul(line + 6, NULL, 10), renew(bench);
	else if (strncmp(line, "reset", 5) == 0)
		qr_reader_reset(bench->reader);
	else
		die("unknown command");
	fflush(stdout);
}

int
main(void)
{
	static struct bench bench = { .codes = 1, .merge = true };
	static char line[LINE_MAX];

	bench.zbar = qr_zbar_new();
	if (bench.zbar == NULL)
		die("no memory");
	renew(&bench);
	while (fgets(line, sizeof line, stdin) != NULL)
		obey(&bench, line);
	qr_reader_free(bench.reader);
	qr_zbar_free(bench.zbar);
	csn_sender_free(bench.sender);
	csn_receiver_free(bench.receiver);
	free(bench.object);
	free(bench.picture);
	return 0;
}
