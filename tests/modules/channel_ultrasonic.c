/* channel/ultrasonic: what one side renders the other hears, in blocks of any size. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

enum {
	RATE = 48000,
	TAIL = 14400,
	MAX  = 20 * RATE,
};

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_channel_ops *ops;
static float sound[MAX];

static void *
make(const char *const *options)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component, options, &self, &err) < 0)
		printf("# %s\n", err.text);
	return self;
}

/* Renders in blocks of @block until nothing comes; the samples there are. */
static size_t
render_all(void *self, size_t block)
{
	size_t n = 0;

	while (n + block <= MAX) {
		struct csn_frame out = { .size = sizeof out, .medium = CSN_MEDIUM_AUDIO,
			                 .rate_hz = RATE, .samples = sound + n, .count = block };
		if (ops->render(self, &out) < 0 || out.count == 0)
			break;
		n += out.count;
	}
	return n;
}

static void
feed_all(void *self, size_t n, size_t block)
{
	for (size_t at = 0; at < n; at += block) {
		struct csn_frame in = { .size = sizeof in, .medium = CSN_MEDIUM_AUDIO,
			                .rate_hz = RATE, .samples = sound + at,
			                .count = n - at < block ? n - at : block };
		if (ops->feed(self, &in) < 0)
			break;
	}
}

static void
message_of(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 37 + len);
}

static void
test_round(void)
{
	static const struct {
		const char *what, *profile;
		size_t      len, out_block, in_block;
	} cases[] = {
		{ "41 bytes, fast, blocks of 480", "fast", 41, 480, 480 },
		{ "41 bytes, fast, rendered by 1, heard by 7", "fast", 41, 1, 7 },
		{ "one byte, fast, rendered by 333, heard by 4800", "fast", 1, 333, 4800 },
		{ "120 bytes, fast, rendered by 4799, heard by 1021", "fast", 120, 4799, 1021 },
		{ "41 bytes, long, rendered by 997, heard at once", "long", 41, 997, MAX },
		{ "120 bytes, motion, rendered by 512, heard by 4801", "motion", 120, 512, 4801 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bytes[120];
		void *a = make((const char *const[]){ "profile", cases[i].profile, NULL });
		void *b = make(NULL);
		struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
		message_of(bytes, cases[i].len);
		fakehost_started(send, ops->send(a, send, (struct csn_bytes){ bytes, cases[i].len }));
		ops->receive(b, get);
		const size_t n = render_all(a, cases[i].out_block);
		feed_all(b, n, cases[i].in_block);
		if (!fakehost_op_ended(get))
			ops->cancel(b, get);
		const struct csn_bytes got = fakehost_op_bytes(get);
		tap_ok(fakehost_op_ended(send) && fakehost_op_result(send) == CSN_OK &&
		               got.len == cases[i].len && memcmp(got.ptr, bytes, got.len) == 0,
		       "%s (%u ms)", cases[i].what, (unsigned)(n / 48));
		fakehost_op_free(send);
		fakehost_op_free(get);
		component->destroy(a);
		component->destroy(b);
	}
}

/* 10 ms that never came, in the preamble; the media says so, or it does not. */
static void
test_gap(void)
{
	enum { BLOCK = 480, LOST = 11 }; /* the burst begins in block 5 */

	for (uint32_t told = 0; told < 2; told++) {
		uint8_t bytes[41];
		void *a = make(NULL), *b = make(NULL);
		struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);

		message_of(bytes, sizeof bytes);
		fakehost_started(send, ops->send(a, send, (struct csn_bytes){ bytes, sizeof bytes }));
		ops->receive(b, get);
		const size_t n = render_all(a, BLOCK) / BLOCK;
		for (size_t i = 0; i < n; i++) {
			struct csn_frame in = { .size = sizeof in, .medium = CSN_MEDIUM_AUDIO,
				                .flags = told && i == LOST + 1 ? CSN_FRAME_GAP : 0,
				                .time_ns = UINT64_C(5000000000) + i * 10000000,
				                .rate_hz = RATE, .samples = sound + i * BLOCK,
				                .count = BLOCK };
			if (i != LOST)
				ops->feed(b, &in);
		}
		tap_ok(fakehost_op_ended(get) == (told == 1),
		       told ? "10 ms of the preamble lost and said so: the message arrives"
		            : "10 ms of the preamble lost in silence: it does not");
		if (!fakehost_op_ended(get))
			ops->cancel(b, get);
		fakehost_op_free(send);
		fakehost_op_free(get);
		component->destroy(a);
		component->destroy(b);
	}
}

static void
test_shape(void)
{
	uint8_t bytes[41];
	void *self = make((const char *const[]){ "level_dbfs", "-20", NULL });
	struct csn_op *op = fakehost_op(fake);
	struct csn_channel_caps caps = { .size = sizeof caps };
	float peak = 0;
	size_t quiet = 0;

	tap_is((long long)render_all(self, 480), 0, "with nothing to send nothing is rendered");
	message_of(bytes, sizeof bytes);
	ops->send(self, op, CSN_BYTES_OF(bytes));
	const size_t n = render_all(self, 480);
	for (size_t i = 0; i < n; i++) {
		const float a = sound[i] < 0 ? -sound[i] : sound[i];
		peak  = a > peak ? a : peak;
		quiet = a == 0 ? quiet + 1 : 0;
	}
	tap_ok(peak <= 0.1f && peak > 0.05f, "the peak is the level asked for (%.4f of 0.1)",
	       (double)peak);
	tap_ok(quiet >= TAIL && quiet < TAIL + 480, "0.3 s of silence follow (%zu samples)",
	       quiet);
	ops->caps(self, &caps);
	tap_ok(caps.medium == CSN_MEDIUM_AUDIO && caps.max_message == 120 &&
	               strcmp(caps.medium_name, "ultrasonic") == 0 && caps.latency_ms > 0,
	       "it says what it carries");
	fakehost_op_free(op);
	component->destroy(self);
}

static int
refused(void *self, size_t len, const char **ret_text)
{
	static uint8_t bytes[200];
	static char text[256];
	struct csn_op *op = fakehost_op(fake);
	const int r = fakehost_started(op, ops->send(self, op, (struct csn_bytes){ bytes, len }));

	if (!fakehost_op_ended(op))
		ops->cancel(self, op);
	snprintf(text, sizeof text, "%s", fakehost_op_text(op));
	*ret_text = text;
	fakehost_op_free(op);
	return r;
}

static void
test_bounds(void)
{
	const char *text = "";
	void *self = make(NULL);
	struct csn_op *op = fakehost_op(fake);
	static const uint8_t byte = 7;

	tap_ok(refused(self, 121, &text) == CSN_E_TOO_BIG &&
	               strcmp(text, "message is 121 bytes, one burst carries 120") == 0,
	       "121 bytes are refused with both numbers");
	tap_is(refused(self, 0, &text), CSN_E_INVALID, "an empty message is refused");
	ops->send(self, op, (struct csn_bytes){ &byte, 1 });
	tap_is(refused(self, 1, &text), CSN_E_BUSY, "a second burst at the same time is busy");
	ops->rest(self);
	tap_is(fakehost_op_result(op), CSN_E_CANCELLED, "rest ends a burst");
	tap_is((long long)render_all(self, 480), 0, "and nothing more is rendered");
	fakehost_op_free(op);
	component->destroy(self);
}

static void
test_rate(void)
{
	static float silence[480];
	struct csn_frame in = { .size = sizeof in, .medium = CSN_MEDIUM_AUDIO,
		                .rate_hz = 44100, .samples = silence, .count = 480 };
	char text[400] = "";
	void *self = make(NULL);

	tap_is(ops->feed(self, &in), CSN_E_UNSUPPORTED, "sound at 44.1 kHz is refused");
	ops->diagnose(self, text, sizeof text);
	tap_ok(strncmp(text, "found sound at 44100 Hz, wanted 48000 Hz; let the media", 55) == 0 &&
	               strcmp(text, fakehost_logged(fake)) == 0,
	       "log and diagnose say found, wanted and the next step");
	tap_is(ops->render(self, &in), CSN_E_UNSUPPORTED, "it renders no other rate either");
	in.rate_hz = RATE;
	in.medium  = CSN_MEDIUM_VIDEO;
	tap_is(ops->feed(self, &in), CSN_E_INVALID, "a picture is refused");
	in.medium = CSN_MEDIUM_AUDIO;
	for (int i = 0; i < 200; i++)
		ops->feed(self, &in);
	ops->diagnose(self, text, sizeof text);
	printf("# %s\n", text);
	tap_ok(strstr(text, "heard 2.0 s at 48 kHz") != NULL && strstr(text, "17.2 to 20.0 kHz"),
	       "after silence diagnose tells what was heard");
	char small[8];
	tap_ok(ops->diagnose(self, small, sizeof small) == CSN_OK && strlen(small) == 7,
	       "a short text is cut, not overrun");
	component->destroy(self);
}

static void
test_crowd(void)
{
	void *a = make(NULL), *b = make(NULL);
	uint8_t first = 0;

	for (uint8_t i = 0; i < 10; i++) {
		struct csn_op *op = fakehost_op(fake);
		ops->send(a, op, (struct csn_bytes){ &i, 1 });
		feed_all(b, render_all(a, 480), 480);
		fakehost_op_free(op);
	}
	struct csn_op *op = fakehost_op(fake);
	ops->receive(b, op);
	if (fakehost_op_ended(op) && fakehost_op_bytes(op).len == 1)
		first = fakehost_op_bytes(op).ptr[0];
	else
		ops->cancel(b, op);
	tap_is(first, 2, "of ten messages nobody fetched the last eight are kept");
	fakehost_op_free(op);
	component->destroy(a);
	component->destroy(b);
}

static void
test_options(void)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	tap_ok(fakehost_create(fake, component,
	                       (const char *const[]){ "band_low_hz", "19900", NULL }, &self,
	                       &err) == CSN_E_CONFIG &&
	               strstr(err.text, "band 19900 to 20000 Hz") != NULL && self == NULL,
	       "a band too narrow is refused with its edges");
}

int
main(void)
{
	fake      = fakehost_new(false);
	component = fakehost_load("channel/ultrasonic");
	ops       = component->ops.channel;
	test_round();
	test_gap();
	test_shape();
	test_bounds();
	test_rate();
	test_crowd();
	test_options();
	fakehost_free(fake);
	return tap_done();
}
