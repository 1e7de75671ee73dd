/* The reader: poses, light, several codes, merging, diagnosis, and pictures meant to harm. */
#include "kit/tap.h"
#include "plugins/channel/qr/diag.h"
#include "plugins/channel/qr/qr-read.h"
#include "plugins/channel/qr/qr-write.h"

#include <math.h>
#include <time.h>

enum { WIDE = 640, HIGH = 480, SCREEN = 760, MODULE_PX = 4, PAYLOAD = 271 };

static uint8_t screen[SCREEN * SCREEN], picture[WIDE * HIGH];
static float light[WIDE * HIGH], blurred[WIDE * HIGH];
static uint64_t state = 1, now_ns;

static double
uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (double)(state >> 11) / 9007199254740992.0;
}

static double
normal(void)
{
	double sum = 0;

	for (unsigned i = 0; i < 12; i++)
		sum += uniform();
	return sum - 6;
}

static void
fill(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(uniform() * 256);
}

/* What a camera does to the screen: a simple one, made for these tests alone. */
struct view {
	const char *what;
	double      px;     /* camera pixels a screen pixel */
	double      turn;   /* degrees in the picture's plane */
	double      lean;   /* perspective: share by which the far side is smaller */
	double      blur;   /* pixels */
	double      noise;  /* grey levels */
	double      low;    /* grey of dark and of light modules */
	double      high;
	double      move_x; /* pixels */
	unsigned    torn;   /* rows from here on show the second screen */
};

static void
shoot(const struct view *view, const uint8_t *from, uint32_t wide, uint32_t high)
{
	double c = cos(view->turn / 57.29578) / view->px, s = sin(view->turn / 57.29578) / view->px;
	int reach = (int)(2 * view->blur + 1);

	for (int y = 0; y < HIGH; y++) {
		for (int x = 0; x < WIDE; x++) {
			double dx = x - WIDE / 2 - view->move_x, dy = y - HIGH / 2;
			double w = 1 + view->lean * dy / HIGH;
			double u = (c * dx + s * dy) * w + wide / 2.0;
			double v = (c * dy - s * dx) * w + high / 2.0;
			bool on = u >= 0 && v >= 0 && u < wide && v < high;

			light[y * WIDE + x] =
				on && from[(uint32_t)v * wide + (uint32_t)u] != 0 ? 1 : on ? 0 : 0.3f;
		}
	}
	for (int pass = 0; pass < 2; pass++) { /* a box, along and then across */
		int step = pass == 0 ? 1 : WIDE;

		for (int at = 0; at < WIDE * HIGH; at++) {
			float sum = 0;

			for (int k = -reach; view->blur > 0 && k <= reach; k++) {
				int other = at + k * step;
				double far = (double)(k * k) / (2 * view->blur * view->blur);

				if (other >= 0 && other < WIDE * HIGH)
					sum += light[other] * (float)exp(-far);
			}
			blurred[at] = view->blur > 0
			                      ? sum / (float)(view->blur * 2.4) : light[at];
		}
		memcpy(light, blurred, sizeof light);
	}
	for (int at = 0; at < WIDE * HIGH; at++) {
		double grey = view->low + (view->high - view->low) * sqrt(light[at]) +
		              view->noise * normal();

		picture[at] = (uint8_t)(grey < 0 ? 0 : grey > 255 ? 255 : grey);
	}
}

static uint32_t
draw(const uint8_t *payload, size_t len, unsigned version, unsigned columns)
{
	struct qr_plan_options options = { .version = version, .level = QR_LEVEL_L, .columns = columns,
		                           .module_px = MODULE_PX, .width = SCREEN, .height = SCREEN };
	struct qr_bytes codes[3];
	struct qr_plan plan;

	for (unsigned i = 0; i < columns; i++)
		codes[i] = (struct qr_bytes){ payload + i * len, len };
	if (qr_plan(len, &options, &plan) < 0 ||
	    qr_draw(&plan, codes, columns, screen, plan.width, plan.height, plan.width) < 0)
		return 0;
	return plan.width;
}

static int
feed(struct qr_reader *reader)
{
	return qr_reader_feed(reader, picture, WIDE, HIGH, WIDE, ++now_ns);
}

static bool
yields(struct qr_reader *reader, const uint8_t *payload, size_t len)
{
	struct qr_bytes got;

	return qr_reader_next(reader, &got) && got.len == len && memcmp(got.ptr, payload, len) == 0;
}

static const struct view poses[] = {
	{ "head-on and sharp", 1.5, 0, 0, 0, 0, 20, 230, 0, 0 },
	{ "turned by 90 degrees", 1.5, 90, 0, 0.7, 2, 20, 230, 0, 0 },
	{ "upside down", 1.5, 180, 0, 0.7, 2, 20, 230, 0, 0 },
	{ "turned by 37 degrees", 1.3, 37, 0, 0.7, 2, 20, 230, 0, 0 },
	{ "leaning back", 1.4, 3, 0.4, 0.7, 2, 20, 230, 0, 0 },
	{ "leaning forward", 1.2, -8, -0.3, 0.7, 2, 20, 230, 0, 0 },
	{ "three pixels a module", 0.75, 5, 0.1, 0.5, 2, 20, 230, 0, 0 },
	{ "dark and noisy", 1.2, 5, 0.1, 0.7, 8, 15, 80, 0, 0 },
	{ "little contrast", 1.4, 5, 0.1, 0.7, 2, 120, 160, 0, 0 },
	{ "out of focus by a third of a module", 1.2, 5, 0.1, 1.6, 1, 20, 230, 0, 0 },
};

static void
single_codes(struct qr_reader *reader)
{
	uint8_t payload[PAYLOAD];

	for (size_t i = 0; i < sizeof poses / sizeof *poses; i++) {
		struct qr_report report;

		fill(payload, sizeof payload);
		payload[3] = 0; /* no string would survive it */
		uint32_t side = draw(payload, sizeof payload, 10, 1);
		shoot(&poses[i], screen, side, side);
		qr_reader_reset(reader);
		int n = feed(reader);
		qr_reader_report(reader, &report);
		if (!tap_ok(n == 1 && yields(reader, payload, sizeof payload), "a code %s", poses[i].what))
			tap_note("%d read, %u seen, cause %s", n, report.codes_seen,
			         qr_cause_name(report.cause));
	}
}

static void
tracking(struct qr_reader *reader)
{
	struct view view = { "", 1.3, 4, 0.1, 0.7, 2, 20, 230, 0, 0 };
	struct qr_reader_counts before, after;
	uint8_t payload[PAYLOAD];
	unsigned right = 0;

	qr_reader_reset(reader);
	qr_reader_counts(reader, &before);
	for (unsigned i = 0; i < 12; i++) {
		fill(payload, sizeof payload);
		uint32_t side = draw(payload, sizeof payload, 10, 1);
		view.move_x += 3;
		view.turn += 0.4;
		shoot(&view, screen, side, side);
		right += feed(reader) == 1 && yields(reader, payload, sizeof payload);
	}
	qr_reader_counts(reader, &after);
	tap_is(right, 12, "twelve codes one after another on a moving screen");
	tap_is((long long)(after.tracked - before.tracked), 11, "all but the first without a search");
	tap_is(feed(reader), 0, "a code that stays is told once");
}

static void
several(void)
{
	struct qr_reader_options options = { .max_codes = 3, .own_only = true };
	struct qr_reader *reader = qr_reader_new(&options);
	struct view view = { "", 0.8, 2, 0.1, 0.5, 2, 20, 230, 0, 0 };
	uint8_t payload[3 * 100];
	unsigned seen = 0;

	fill(payload, sizeof payload);
	uint32_t wide = draw(payload, 100, 7, 3);
	shoot(&view, screen, wide, wide / 3);
	int n = feed(reader);
	struct qr_bytes got;
	while (qr_reader_next(reader, &got))
		for (unsigned i = 0; i < 3; i++)
			if (got.len == 100 && memcmp(got.ptr, payload + 100 * i, 100) == 0)
				seen |= 1u << i;
	tap_ok(n == 3 && seen == 7, "three codes in one picture, each once (%d, %x)", n, seen);
	qr_reader_free(reader);
}

/* Noise that hides too many modules in each picture, but not in all of them together. */
static void
merging(void)
{
	struct qr_reader_options options = { .own_only = true };
	struct qr_reader *reader = qr_reader_new(&options);
	struct view view = { "", 0.8, 2, 0.1, 0.6, 16, 60, 105, 0, 0 };
	struct qr_reader_counts counts;
	uint8_t payload[PAYLOAD];
	unsigned alone = 0, together = 0;

	for (unsigned run = 0; run < 10; run++) {
		fill(payload, sizeof payload);
		uint32_t side = draw(payload, sizeof payload, 10, 1);
		bool done = false;

		qr_reader_reset(reader);
		for (unsigned i = 0; i < 12 && !done; i++) {
			shoot(&view, screen, side, side);
			done = feed(reader) == 1 && yields(reader, payload, sizeof payload);
			alone += done && i == 0;
		}
		together += done;
	}
	qr_reader_counts(reader, &counts);
	tap_ok(together >= 8, "most of ten codes in noise are read within twelve pictures (%u)", together);
	tap_ok(alone < 5 && counts.merged >= 1, "few from the first alone (%u), some from a sum (%llu)",
	       alone, (unsigned long long)counts.merged);
	qr_reader_free(reader);
}

/*
 * Every picture is a part of one code and the rest of the next, 80 to 45 % from row to
 * row: a camera as fast as the screen.  No picture can be read by its own thresholds.
 */
static void
parting(void)
{
	enum { CODES = 24 };
	struct qr_reader_options options = { .own_only = true };
	struct qr_reader *reader = qr_reader_new(&options);
	struct view view = { "", 1.3, 3, 0.1, 0.7, 2, 20, 230, 0, 0 };
	static uint8_t payload[CODES + 1][PAYLOAD], next[WIDE * HIGH];
	struct qr_reader_counts counts;
	unsigned right = 0, wrong = 0;

	for (unsigned i = 0; i <= CODES; i++) {
		fill(payload[i], PAYLOAD);
		uint32_t side = draw(payload[i], PAYLOAD, 10, 1);
		memcpy(next, picture, sizeof next);
		shoot(&view, screen, side, side);
		if (i == 0)
			continue;
		for (size_t at = 0; at < sizeof picture; at++) {
			double share = 0.8 - 0.35 * (double)(at / WIDE) / HIGH;
			uint8_t now = picture[at];

			picture[at] = (uint8_t)sqrt(share * next[at] * next[at] +
			                            (1 - share) * now * now);
			next[at] = now;
		}
		int n = feed(reader);
		bool good = n == 1 && yields(reader, payload[i - 1], PAYLOAD);
		right += good;
		wrong += n == 1 && !good;
		memcpy(picture, next, sizeof picture); /* unmixed, for the next one */
	}
	qr_reader_counts(reader, &counts);
	tap_ok(right >= CODES * 3 / 4, "of 24 codes, each mixed with the next, most are read (%u)", right);
	tap_is(wrong, 0, "and none of them wrongly");
	tap_ok(counts.parted >= CODES / 2, "by taking the mixtures apart (%llu)",
	       (unsigned long long)counts.parted);
	qr_reader_free(reader);
}

static const struct {
	struct view   view;
	unsigned      version;
	enum qr_cause cause;
} bad[] = {
	{ { "a dark room", 0, 0, 0, 0, 1, 2, 12, 0, 0 }, 10, QR_CAUSE_DARK },
	{ { "no code at all", 0, 0, 0, 0, 1, 100, 200, 0, 0 }, 10, QR_CAUSE_NO_CODE },
	{ { "a code far out of focus", 1.4, 2, 0, 3.4, 1, 20, 230, 0, 0 }, 10, QR_CAUSE_BLUR },
	{ { "half of one code and half of the next", 1.5, 0, 0, 0.7, 1, 20, 230, 0, 250 }, 10,
	  QR_CAUSE_TORN },
};

static void
diagnosis(void)
{
	struct qr_reader_options options = { .own_only = true, .no_merge = true };
	struct qr_reader *reader = qr_reader_new(&options);
	static uint8_t first[WIDE * HIGH];
	uint8_t payload[PAYLOAD];
	struct qr_report report;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct view *view = &bad[i].view;

		fill(payload, sizeof payload);
		uint32_t side = draw(payload, sizeof payload, bad[i].version, 1);
		if (view->px > 0)
			shoot(view, screen, side, side);
		else
			for (size_t at = 0; at < sizeof picture; at++)
				picture[at] = (uint8_t)view->high;
		if (view->torn != 0) {
			memcpy(first, picture, sizeof first);
			fill(payload, sizeof payload);
			draw(payload, sizeof payload, bad[i].version, 1);
			shoot(view, screen, side, side);
			for (size_t at = 0; at < (size_t)WIDE * view->torn; at++)
				picture[at] = (uint8_t)sqrt((first[at] * first[at] +
				                             picture[at] * picture[at]) / 2);
		}
		qr_reader_reset(reader);
		feed(reader);
		qr_reader_report(reader, &report);
		if (!tap_ok(report.cause == bad[i].cause, "%s: %s", view->what,
		            qr_cause_name(bad[i].cause)))
			tap_note("%s: seen %u blur %.2f torn %.2f noise %.2f light %.2f px %.1f quiet %.0f",
			         qr_cause_name(report.cause), report.codes_seen, report.blur_modules,
			         report.torn, report.noise, report.light, report.module_px,
			         report.quiet_modules);
	}
	fill(payload, sizeof payload);
	uint32_t side = draw(payload, sizeof payload, 10, 1);
	shoot(&poses[0], screen, side, side);
	feed(reader);
	qr_reader_report(reader, &report);
	tap_ok(report.cause == QR_CAUSE_NONE && report.version == 10 && report.codes_read == 1,
	       "a picture that was read has no cause");
	tap_ok(fabsf(report.module_px - 6) < 0.1f, "six pixels a module are measured (%.2f)",
	       report.module_px);
	tap_ok(fabsf(report.corner[0].x - (WIDE / 2 - 57 * 3)) < 1.5f &&
	               fabsf(report.corner[2].y - (HIGH / 2 + 57 * 3)) < 1.5f,
	       "and the corners where they are (%.1f, %.1f)", report.corner[0].x, report.corner[2].y);
	tap_ok(report.quiet_modules == 4, "and the whole quiet zone");

	size_t changed = 0;
	memcpy(first, picture, sizeof first);
	qr_overlay(&report, picture, WIDE, HIGH, WIDE);
	for (size_t at = 0; at < sizeof picture; at++)
		changed += picture[at] != first[at];
	tap_ok(changed > 1000, "the overlay draws into the picture (%zu pixels)", changed);
	report.corner[1].x = NAN;
	report.corner[2].y = 1e30f;
	report.module_px = INFINITY;
	qr_overlay(&report, picture, WIDE, HIGH, WIDE);
	qr_overlay(&report, picture, 63, 63, WIDE);
	tap_ok(qr_cause_name((enum qr_cause)99)[0] != 0, "and survives figures that are none");
	qr_reader_free(reader);
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Pictures of every small size and kind; rows end at the end of their memory. */
static void
harmful(void)
{
	struct qr_reader *reader = qr_reader_new(NULL);
	unsigned read = 0;

	tap_is(qr_reader_feed(reader, picture, 0, 4, 4, ++now_ns), QR_E_INVALID, "no width");
	tap_is(qr_reader_feed(reader, picture, 4, 0, 4, ++now_ns), QR_E_INVALID, "no height");
	tap_is(qr_reader_feed(reader, picture, 8, 8, 7, ++now_ns), QR_E_INVALID, "a stride below the width");
	tap_is(qr_reader_feed(reader, NULL, 8, 8, 8, ++now_ns), QR_E_INVALID, "no pixels");
	tap_is(qr_reader_feed(reader, picture, QR_PICTURE_MAX + 1, 1, QR_PICTURE_MAX + 1, ++now_ns),
	       QR_E_INVALID, "wider than anything that is looked at");

	for (uint32_t wide = 1; wide < 80; wide += wide < 30 ? 1 : 7) {
		for (uint32_t high = 1; high < 80; high += high < 30 ? 1 : 7) {
			size_t stride = wide + (wide * high) % 5, size = stride * (high - 1) + wide;
			uint8_t *grey = malloc(size);

			fill(grey, size);
			if (high % 3 == 0)
				memset(grey, high & 1 ? 255 : 0, size);
			read += qr_reader_feed(reader, grey, wide, high, stride, ++now_ns) > 0;
			free(grey);
		}
	}
	tap_is(read, 0, "pictures of all small sizes, noise and flat, hold no code");

	size_t far = (size_t)1 << 20;
	uint8_t *sparse = calloc(40, far);
	read = 0;
	if (sparse != NULL)
		read += qr_reader_feed(reader, sparse, 40, 40, far, ++now_ns) != 0;
	free(sparse);
	tap_is(read, 0, "rows a megabyte apart");
	qr_reader_free(reader);
}

/* Finder patterns everywhere: as much work as a picture can make. */
static void
costly(void)
{
	struct qr_reader_options options = { .max_codes = QR_CODES_MAX };
	struct qr_reader *reader = qr_reader_new(&options);
	enum { W = 1280, H = 720 };
	uint8_t *grey = malloc((size_t)W * H);
	double most = 0;

	for (unsigned kind = 0; kind < 6 && grey != NULL; kind++) {
		unsigned unit = 2 + kind % 3, cell = (kind < 3 ? 9 : 13) * unit;

		for (unsigned y = 0; y < H; y++) {
			for (unsigned x = 0; x < W; x++) {
				int dx = abs((int)(x % cell / unit) - 4), dy = abs((int)(y % cell / unit) - 4);
				int ring = dx > dy ? dx : dy;

				grey[y * W + x] = ring == 3 || ring < 2 ? 20 : 230;
				if (kind >= 3 && (x * 7 + y * 13) % 11 == 0)
					grey[y * W + x] ^= 0x55;
			}
		}
		double start = cpu_ms();
		qr_reader_feed(reader, grey, W, H, W, ++now_ns);
		double spent = cpu_ms() - start;
		most = spent > most ? spent : most;
	}
	/* A guard against work without bound, not a measurement: sanitizers are slow. */
	tap_ok(most < 2000, "a picture full of finder patterns ends (%.0f ms at most)", most);
	free(grey);
	qr_reader_free(reader);
}

int
main(void)
{
	struct qr_reader *reader = qr_reader_new(NULL);

	single_codes(reader);
	tracking(reader);
	qr_reader_free(reader);
	several();
	merging();
	parting();
	diagnosis();
	harmful();
	costly();
	return tap_done();
}
