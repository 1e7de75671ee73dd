/* channel/qr: what one side draws the other reads, from one byte to 40960. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

enum {
	SIDE   = 800,
	PERIOD = 50, /* ms between pictures, as a media would                 */
	MAX    = 40960,
};

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_channel_ops *ops;
static uint8_t grey[SIDE * SIDE];
static uint8_t message[MAX + 1];

static void *
make(const char *const *options)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component, options, &self, &err) < 0)
		printf("# %s\n", err.text);
	return self;
}

static struct csn_frame
picture(uint32_t width, uint32_t height)
{
	return (struct csn_frame){ .size = sizeof(struct csn_frame), .medium = CSN_MEDIUM_VIDEO,
		                   .grey = grey, .width = width, .height = height,
		                   .stride = SIDE };
}

/* One picture from @a to @b, then the clock moves on; what render said. */
static int
step(void *a, void *b, struct csn_frame *frame)
{
	const struct csn_host *host = fakehost_host(fake);
	int r;

	frame->time_ns = host->now(host);
	r = ops->render(a, frame);
	if (r == CSN_OK && frame->count > 0 && b != NULL)
		r = ops->feed(b, frame);
	fakehost_run(fake, PERIOD);
	return r;
}

/* Steps until @op has ended; the number of pictures, 0 when @limit did not do. */
static unsigned
until(void *a, void *b, const struct csn_op *op, unsigned limit)
{
	struct csn_frame frame = picture(SIDE, SIDE);

	for (unsigned n = 0; n < limit; n++) {
		if (fakehost_op_ended(op))
			return n;
		if (step(a, b, &frame) < 0)
			return 0;
	}
	return fakehost_op_ended(op) ? limit : 0;
}

static void
fill(size_t len)
{
	uint32_t x = 12345 + (uint32_t)len;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		message[i] = (uint8_t)(x >> 24);
	}
}

static bool
carries(const struct csn_op *op, size_t len)
{
	const struct csn_bytes got = fakehost_op_bytes(op);

	return fakehost_op_ended(op) && fakehost_op_result(op) == CSN_OK && got.len == len &&
	       memcmp(got.ptr, message, len) == 0;
}

static void
test_round(void)
{
	static const struct {
		const char *what;
		const char *options[11];
		size_t      len;
		unsigned    pictures; /* the send takes: codes x 100 ms, and one more */
	} cases[] = {
		{ "one byte", { NULL }, 1, 3 },
		{ "100 bytes", { NULL }, 100, 3 },
		{ "1000 bytes in one code", { NULL }, 1000, 3 },
		{ "1001 bytes in two codes", { NULL }, 1001, 5 },
		{ "3000 bytes in four codes", { NULL }, 3000, 9 },
		{ "2953 bytes in one code of version 40",
		  { "code_bytes", "2953", "ecc", "L", NULL }, 2953, 3 },
		{ "300 bytes at level H, wide quiet zone",
		  { "ecc", "H", "quiet_modules", "12", NULL }, 300, 3 },
		{ "100 bytes in version 20", { "version", "20", NULL }, 100, 3 },
		{ "500 bytes, 54 a code", { "code_bytes", "54", NULL }, 500, 27 },
		{ "40960 bytes in 42 codes", { NULL }, MAX, 85 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *a = make(cases[i].options), *b = make(NULL);
		struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
		fill(cases[i].len);
		ops->receive(b, get);
		fakehost_started(send, ops->send(a, send, (struct csn_bytes){ message,
		                                                              cases[i].len }));
		const unsigned n = until(a, b, send, 400);
		const bool in_time = fakehost_op_ended(get);
		if (!in_time && until(a, b, get, 400) == 0)
			ops->cancel(b, get);
		if (!fakehost_op_ended(send))
			ops->cancel(a, send);
		tap_ok(fakehost_op_result(send) == CSN_OK && carries(get, cases[i].len) &&
		               n == cases[i].pictures,
		       "%s: shown in %u pictures, read %s", cases[i].what, n,
		       in_time ? "in the first round" : "later");
		fakehost_op_free(send);
		fakehost_op_free(get);
		component->destroy(a);
		component->destroy(b);
	}
}

/* A receiver that comes late gets it from the codes that go on being shown. */
static void
test_late(void)
{
	void *a = make(NULL), *b = make(NULL);
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);

	fill(5000);
	ops->send(a, send, (struct csn_bytes){ message, 5000 });
	until(a, NULL, send, 100);
	struct csn_frame frame = picture(SIDE, SIDE);
	step(a, NULL, &frame);
	step(a, NULL, &frame);
	step(a, NULL, &frame);
	ops->receive(b, get);
	tap_ok(until(a, b, get, 100) > 0 && carries(get, 5000),
	       "codes go on after the send: who comes late and in the middle gets all");
	struct csn_op *again = fakehost_op(fake);
	ops->receive(b, again);
	tap_ok(until(a, b, again, 60) == 0, "a message still in view is not delivered twice");
	for (int i = 0; i < 120; i++)
		fakehost_run(fake, PERIOD);
	tap_ok(until(a, b, again, 60) > 0 && carries(again, 5000),
	       "out of view for some time it is new again");
	ops->rest(a);
	frame.count = 9;
	tap_ok(ops->render(a, &frame) == CSN_OK && frame.count == 0,
	       "after a rest nothing is drawn");
	fakehost_op_free(send);
	fakehost_op_free(get);
	fakehost_op_free(again);
	component->destroy(a);
	component->destroy(b);
}

/* Codes beside one another: pictures that a send takes, and what comes of them. */
static void
test_grid(void)
{
	static const struct {
		const char *grid;
		size_t      len;
		unsigned    at_once, pictures;
	} cases[] = {
		{ "2x1", 3000, 2, 5 },  { "3x1", 3000, 3, 5 }, { "1x2", 3000, 2, 5 },
		{ "2x2", 5000, 4, 5 }, { "3x2", 9000, 6, 5 }, { "3x2", 40960, 6, 15 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *const options[] = { "grid", cases[i].grid, NULL };
		void *a = make(options), *b = make(options);
		struct csn_channel_caps caps = { .size = sizeof caps };
		struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);

		fill(cases[i].len);
		ops->caps(a, &caps);
		ops->receive(b, get);
		fakehost_started(send, ops->send(a, send, (struct csn_bytes){ message, cases[i].len }));
		const unsigned n = until(a, b, send, 100);
		until(a, b, get, 100);
		tap_ok(caps.at_once == cases[i].at_once && n == cases[i].pictures &&
		               carries(get, cases[i].len),
		       "%s: %zu bytes in %u pictures", cases[i].grid, cases[i].len, n);
		if (!fakehost_op_ended(get))
			ops->cancel(b, get);
		fakehost_op_free(send);
		fakehost_op_free(get);
		component->destroy(a);
		component->destroy(b);
	}
}

/* Six messages in one picture, each of which arrives as a message of its own. */
static void
test_many(void)
{
	static const char *const options[] = { "grid", "3x2", NULL };
	void *a = make(options), *b = make(options);
	struct csn_op *send = fakehost_op(fake);
	struct csn_bytes six[7];
	unsigned seen = 0, wrong = 0;

	fill(700);
	for (unsigned i = 0; i < 7; i++)
		six[i] = (struct csn_bytes){ message + 100 * i, 100 };
	struct csn_op *none = fakehost_op(fake), *busy = fakehost_op(fake);
	tap_is(fakehost_started(none, ops->send_many(a, none, six, 7)), CSN_E_INVALID,
	       "seven do not go into six places");
	tap_is(fakehost_started(send, ops->send_many(a, send, six, 6)), CSN_OK, "six do");
	tap_is(fakehost_started(busy, ops->send_many(a, busy, six, 6)), CSN_E_BUSY,
	       "and none beside them");
	fakehost_op_free(none);
	fakehost_op_free(busy);
	const unsigned pictures = until(a, b, send, 100);
	tap_is(pictures, 3, "they take the time of one code");
	struct csn_frame frame = picture(SIDE, SIDE);
	step(a, b, &frame);
	for (unsigned n = 0; n < 6; n++) {
		struct csn_op *get = fakehost_op(fake);
		unsigned which = 6;

		ops->receive(b, get);
		const struct csn_bytes got = fakehost_op_bytes(get);
		for (unsigned i = 0; i < 6; i++)
			if (got.len == 100 && memcmp(got.ptr, six[i].ptr, 100) == 0)
				which = i;
		wrong += which == 6;
		seen |= 1u << which;
		if (!fakehost_op_ended(get))
			ops->cancel(b, get);
		fakehost_op_free(get);
	}
	tap_ok(seen == 63 && wrong == 0, "each arrives, once (%x)", seen);
	fakehost_op_free(send);
	component->destroy(a);
	component->destroy(b);
}

/* No picture changes faster than half of what the camera takes. */
static void
test_rate(void)
{
	static const struct {
		const char *fps, *camera;
		uint32_t    latency_ms;
	} cases[] = {
		{ "10", "20", 100 }, { "30", "20", 100 }, { "30", "30", 67 }, { "15", "30", 67 },
		{ "12", "60", 83 },  { "60", "60", 33 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *const options[] = { "frames_per_second", cases[i].fps, "camera_fps",
			                        cases[i].camera, NULL };
		struct csn_channel_caps caps = { .size = sizeof caps };
		void *self = make(options);

		ops->caps(self, &caps);
		tap_ok(caps.latency_ms == cases[i].latency_ms,
		       "%s a second wanted, a camera of %s: each stays %u ms", cases[i].fps,
		       cases[i].camera, (unsigned)caps.latency_ms);
		component->destroy(self);
	}
	void *a = make((const char *const[]){ "frames_per_second", "30", "code_bytes", "500", NULL });
	struct csn_op *send = fakehost_op(fake);
	fill(3000);
	fakehost_started(send, ops->send(a, send, (struct csn_bytes){ message, 3000 }));
	tap_is(until(a, NULL, send, 100), 15, "and so they do: seven codes take 700 ms");
	fakehost_op_free(send);
	component->destroy(a);
}

/* As uniform resources: in one code, in several, and for who comes in the middle. */
static void
test_ur(void)
{
	static const char *const options[] = { "framing", "ur", "code_bytes", "500", NULL };
	static const struct {
		const char *what;
		size_t      len;
		unsigned    late; /* pictures that the reader misses */
	} cases[] = {
		{ "one byte", 1, 0 },     { "200 bytes in one code", 200, 0 },
		{ "3000 bytes", 3000, 0 }, { "3000 bytes, from the fifth code on", 3000, 8 },
		{ "3000 bytes, when all were shown once", 3000, 60 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *a = make(options), *b = make(options);
		struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
		struct csn_frame frame = picture(SIDE, SIDE);

		fill(cases[i].len);
		ops->receive(b, get);
		ops->send(a, send, (struct csn_bytes){ message, cases[i].len });
		for (unsigned n = 0; n < cases[i].late; n++)
			step(a, NULL, &frame);
		const unsigned n = until(a, b, get, 200);
		tap_ok(n > 0 && carries(get, cases[i].len), "ur: %s, read after %u pictures",
		       cases[i].what, n);
		until(a, b, send, 200);
		tap_ok(fakehost_op_result(send) == CSN_OK, "ur: %s, and the send ends", cases[i].what);
		fakehost_op_free(send);
		fakehost_op_free(get);
		component->destroy(a);
		component->destroy(b);
	}
}

static int
refused(void *self, size_t len, char text[256])
{
	struct csn_op *op = fakehost_op(fake);
	const int r = fakehost_started(op, ops->send(self, op, (struct csn_bytes){ message, len }));

	if (!fakehost_op_ended(op))
		ops->cancel(self, op);
	snprintf(text, 256, "%s", fakehost_op_text(op));
	fakehost_op_free(op);
	return r;
}

static void
test_bounds(void)
{
	void *self = make(NULL);
	struct csn_channel_caps caps = { .size = sizeof caps };
	struct csn_op *op = fakehost_op(fake);
	struct csn_frame small = picture(60, 60);
	char text[256];

	ops->caps(self, &caps);
	tap_ok(caps.max_message == MAX && caps.medium == CSN_MEDIUM_VIDEO &&
	               strcmp(caps.medium_name, "qr") == 0,
	       "it says what it carries");
	tap_ok(refused(self, MAX + 1, text) == CSN_E_TOO_BIG &&
	               strcmp(text, "message is 40961 bytes, codes carry 40960") == 0,
	       "40961 bytes are refused with both numbers");
	tap_is(refused(self, 0, text), CSN_E_INVALID, "an empty message is refused");
	ops->send(self, op, (struct csn_bytes){ message, 1000 });
	tap_is(refused(self, 1, text), CSN_E_BUSY, "a second send at the same time is busy");
	tap_is(ops->render(self, &small), CSN_E_TOO_BIG, "a frame too small is refused");
	tap_ok(fakehost_op_ended(op) && fakehost_op_result(op) == CSN_E_TOO_BIG &&
	               strstr(fakehost_op_text(op), "1000 bytes does not fit a picture of 60x60"),
	       "and fails the send, saying what does not fit");
	ops->diagnose(self, text, sizeof text);
	tap_ok(strstr(text, "make the window larger") != NULL, "diagnose says what to change");
	small.medium = CSN_MEDIUM_AUDIO;
	tap_is(ops->feed(self, &small), CSN_E_INVALID, "sound is refused");
	fakehost_op_free(op);
	component->destroy(self);

	struct csn_error err = { 0 };
	tap_ok(fakehost_create(fake, component,
	                       (const char *const[]){ "code_bytes", "2000", "ecc", "H", NULL },
	                       &self, &err) == CSN_E_CONFIG &&
	               strstr(err.text, "at most 1273") != NULL,
	       "more bytes than a code of its level holds are refused with the bound");
}

static void
test_words(void)
{
	void *a = make(NULL), *b = make(NULL);
	struct csn_frame frame = picture(SIDE, SIDE);
	struct csn_op *op = fakehost_op(fake);
	char text[400];

	ops->diagnose(b, text, sizeof text);
	tap_ok(strstr(text, "no picture has come yet") != NULL, "before a picture it says so");
	memset(grey, 200, sizeof grey);
	frame.time_ns = 1;
	ops->feed(b, &frame);
	ops->diagnose(b, text, sizeof text);
	tap_ok(strstr(text, "no code in the last") != NULL, "an empty picture has no code");
	fill(3000);
	ops->send(a, op, (struct csn_bytes){ message, 3000 });
	step(a, b, &frame);
	ops->diagnose(b, text, sizeof text);
	printf("# %s\n", text);
	tap_ok(strstr(text, "have 1 of 4 parts") != NULL, "parts that came are counted");
	ops->rest(a);
	fakehost_op_free(op);
	component->destroy(a);
	component->destroy(b);
}

int
main(void)
{
	fake      = fakehost_new(false);
	component = fakehost_load("channel/qr");
	ops       = component->ops.channel;
	test_round();
	test_late();
	test_grid();
	test_many();
	test_rate();
	test_ur();
	test_bounds();
	test_words();
	fakehost_free(fake);
	return tap_done();
}
