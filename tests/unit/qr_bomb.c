/*
 * Pictures and codes made to cost a reader as much as they can: all of its address space
 * stays within 256 MiB, no picture takes 2 s.  The limit is the kernel's; under sanitizers,
 * which map terabytes, only the pictures are run.
 */
#include "core/base/sanitized.h"
#include "kit/tap.h"
#include "lib/stream.h"
#include "lib/ur.h"
#include "plugins/channel/qr/message.h"
#include "plugins/channel/qr/qr-read.h"
#include "plugins/channel/qr/qr-write.h"

#include <sys/resource.h>
#include <time.h>

enum { LIMIT_MIB = 256, LIMIT_MS = 2000, SIDE = QR_PICTURE_MAX };

enum { LIMITED = !SANITIZED };

struct shape {
	uint32_t width, height;
	unsigned times; /* the others are asked after eight that nobody read */
};

static uint32_t state = 1;

static uint32_t
draw(void)
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What a picture is at one of its pixels --------------------------------------- */

static uint8_t code[(QR_SIDE_MAX + 8) * (QR_SIDE_MAX + 8)];
static uint32_t code_side;

static void
make_code(unsigned version)
{
	const struct qr_plan_options options = { .version = version, .version_max = 40,
		.level = QR_LEVEL_L, .module_px = 1, .width = QR_SIDE_MAX + 8, .height = QR_SIDE_MAX + 8 };
	const struct qr_bytes bytes = { (const uint8_t *)"x", 1 };
	struct qr_plan plan;

	code_side = 0;
	if (qr_plan(1, &options, &plan) == QR_OK &&
	    qr_draw(&plan, &bytes, 1, code, plan.width, plan.height, plan.width) == QR_OK)
		code_side = plan.width;
}

static uint8_t
finders(uint32_t x, uint32_t y, unsigned px)
{
	int dx = abs((int)(x / px % 9) - 4), dy = abs((int)(y / px % 9) - 4);
	int ring = dx > dy ? dx : dy;

	return ring == 3 || ring < 2 ? 0 : 255;
}

static uint8_t
stripes(uint32_t x, uint32_t y, unsigned px)
{
	static const uint8_t run[] = { 0, 255, 0, 0, 0, 255, 0, 255 };

	(void)y;
	return run[x / px % 8];
}

static uint8_t
noise(uint32_t x, uint32_t y, unsigned px)
{
	(void)x, (void)y;
	return (uint8_t)(draw() % (px * 16));
}

static uint8_t
codes(uint32_t x, uint32_t y, unsigned px)
{
	return code[y / px % code_side * code_side + x / px % code_side];
}

/* Found, but never read. */
static uint8_t
spoilt(uint32_t x, uint32_t y, unsigned px)
{
	uint32_t u = x / px % code_side, v = y / px % code_side;
	bool inside = u > 13 && v > 13 && u + 14 < code_side && v + 14 < code_side;

	return code[v * code_side + u] ^ (inside && (u * v) % 3 == 0 ? 255 : 0);
}

static const struct {
	const char *what;
	uint8_t (*pixel)(uint32_t x, uint32_t y, unsigned px);
	unsigned px, version;
} kinds[] = {
	{ "finder patterns, a pixel a module", finders, 1, 0 },
	{ "finder patterns, two pixels a module", finders, 2, 0 },
	{ "finder patterns, five pixels a module", finders, 5, 0 },
	{ "stripes like finder patterns", stripes, 2, 0 },
	{ "noise", noise, 16, 0 },
	{ "faint noise", noise, 1, 0 },
	{ "small codes everywhere", codes, 2, 1 },
	{ "small codes everywhere that nobody can read", spoilt, 2, 1 },
	{ "the largest codes everywhere", codes, 3, 40 },
	{ "the largest codes everywhere that nobody can read", spoilt, 3, 40 },
};

static void
pictures(struct qr_reader *reader, uint8_t *grey, const struct shape *shape)
{
	static uint64_t time_ns;

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		double most = 0;
		int good = QR_OK;

		if (kinds[k].version != 0)
			make_code(kinds[k].version);
		for (uint32_t y = 0; y < shape->height; y++)
			for (uint32_t x = 0; x < shape->width; x++)
				grey[(size_t)y * shape->width + x] =
					kinds[k].pixel(x, y, kinds[k].px);
		qr_reader_reset(reader);
		for (unsigned i = 0; i < shape->times; i++) {
			double start = cpu_ms(), spent;
			int r = qr_reader_feed(reader, grey, shape->width, shape->height,
			                       shape->width, ++time_ns);

			spent = cpu_ms() - start;
			most = spent > most ? spent : most;
			good = r < 0 ? r : good;
		}
		tap_ok(good == QR_OK && (!LIMITED || most < LIMIT_MS),
		       "%ux%u of %s: %d, %.1f ms at most", shape->width, shape->height,
		       kinds[k].what, good, most);
	}
}

/* Claims of more than was sent ------------------------------------------------- */

static void
claims(void)
{
	static const uint8_t secret[32] = "the secret that both sides have";
	struct csn_bytes key = { secret, sizeof secret };
	const struct csn_receiver_options from = { .secret = key, .object_max = 1 << 20 };
	const struct csn_sender_options to = { .secret = key, .session = 7, .packet_len = 7089 };
	static uint8_t object[8 << 20], packet[7089];
	struct csn_receiver *receiver;
	struct csn_sender *sender;
	enum csn_packet was = CSN_PACKET_COUNT;

	if (!tap_ok(csn_receiver_new(&from, &receiver) == CSN_OK &&
	            csn_sender_new((struct csn_bytes){ object, sizeof object }, &to, &sender) == CSN_OK,
	            "a stream"))
		return;
	csn_sender_packet(sender, 0, packet);
	struct csn_bytes bytes = { packet, csn_sender_packet_len(sender) };
	tap_ok(csn_receiver_take(receiver, bytes, &was) == CSN_OK && was == CSN_PACKET_BOUND,
	       "an object over the receiver's bound is refused for that");
	memset(packet + 6, 0xff, 4);
	tap_ok(csn_receiver_take(receiver, bytes, &was) == CSN_OK && was == CSN_PACKET_FORGED,
	       "four gigabytes that a stranger claims are refused as forged");
	csn_receiver_free(receiver);
	csn_sender_free(sender);
}

static void
resources(void)
{
	/* [1, 4294967295, 4294967295, 0, h'78'] and [1, 1, 4294967295, 0, h'78'] */
	static const uint8_t many[] = { 0x85, 1, 0x1a, 255, 255, 255, 255, 0x1a, 255, 255, 255, 255,
		                        0, 0x41, 'x' };
	static const uint8_t large[] = { 0x85, 1, 2, 0x1a, 255, 255, 255, 255, 0, 0x41, 'x' };
	const struct {
		const char *what, *head;
		struct csn_bytes part;
	} cases[] = {
		{ "a resource of 2^32 parts", "ur:bytes/1-4294967295/", { many, sizeof many } },
		{ "a resource of four gigabytes", "ur:bytes/1-2/", { large, sizeof large } },
	};
	struct csn_ur_receiver *receiver = csn_ur_receiver_new(1 << 20);

	for (size_t i = 0; i < 2 && receiver != NULL; i++) {
		char text[200];
		enum csn_ur_was was = CSN_UR_NEW;
		size_t head = (size_t)snprintf(text, sizeof text, "%s", cases[i].head);

		csn_bytewords_put(cases[i].part, text + head);
		struct csn_bytes whole = { (uint8_t *)text, head + 2 * (cases[i].part.len + 4) };
		int r = csn_ur_receiver_take(receiver, whole, &was);
		tap_ok(r == CSN_OK && was == CSN_UR_BOUND,
		       "%s is refused for its bounds (%d, %d)", cases[i].what, r, was);
	}
	csn_ur_receiver_free(receiver);
}

/* Beginnings of ever more messages: four are kept. */
static void
beginnings(void)
{
	static uint8_t message[MESSAGE_MAX];
	struct inbox inbox = { 0 };
	struct csn_bytes got;
	int good = CSN_OK;

	for (unsigned n = 0; n < 2000; n++) {
		uint8_t fragment[100], sid4[4] = { (uint8_t)n, (uint8_t)(n >> 8), 1, 2 };
		size_t len;
		int r = csn_frag_make((struct csn_bytes){ message, sizeof message }, sid4, 1, 80, 3,
		                      fragment, sizeof fragment, &len);

		if (r == CSN_OK)
			r = inbox_take(&inbox, (struct csn_bytes){ fragment, len }, n, &got);
		good = r < 0 ? r : good;
	}
	tap_ok(good == CSN_OK && inbox.refused == 0, "2000 beginnings of messages (%d)", good);
	inbox_done(&inbox);
}

static long
peak_mib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "VmPeak:", 7) == 0)
			kib = strtol(line + 7, NULL, 10);
	if (file != NULL)
		fclose(file);
	return kib / 1024;
}

int
main(void)
{
	static const struct shape shapes[] = { { 640, 480, 18 }, { SIDE, SIDE, 3 } };
	const struct qr_reader_options options = { .max_codes = QR_CODES_MAX, .repeats = true };
	const struct rlimit limit = { LIMIT_MIB << 20, LIMIT_MIB << 20 };

	if (LIMITED && setrlimit(RLIMIT_AS, &limit) != 0) {
		tap_ok(false, "the kernel limits the address space");
		return tap_done();
	}
	uint8_t *grey = malloc((size_t)SIDE * SIDE);
	struct qr_reader *reader = qr_reader_new(&options);
	if (tap_ok(grey != NULL && reader != NULL, "a reader"))
		for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
			pictures(reader, grey, &shapes[i]);
	claims();
	resources();
	beginnings();
	if (LIMITED)
		tap_ok(peak_mib() > 0 && peak_mib() <= LIMIT_MIB,
		       "all of it within %d MiB of address space (%ld at most)", LIMIT_MIB, peak_mib());
	else
		tap_skip("address space", "sanitizers map more than that themselves");
	qr_reader_free(reader);
	free(grey);
	return tap_done();
}
