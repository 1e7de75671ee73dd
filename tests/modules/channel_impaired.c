/*
 * The channels of light and sound over bad air: pictures and runs of samples are lost,
 * doubled, swapped and cut on their way.  What is shown goes on being shown and what is
 * played is played again, so a message arrives; where it cannot, the channel says why.
 */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

enum {
	SIDE     = 480,
	PERIOD   = 100, /* ms between pictures                                  */
	PICTURES = 400,
	RATE     = 48000,
	BLOCK    = 480,
	BLOCKS   = 400, /* of a burst with its silence, and more                 */
	LEN      = 3000,
};

/* So many of a hundred frames, each. */
struct harm {
	const char *what;
	uint32_t lost, doubled, swapped, cut;
	const char *why; /* it must not arrive, and this is in the diagnosis    */
};

static struct fakehost *fake;
static const struct csn_channel_ops *ops;
static uint8_t grey[3][SIDE * SIDE], message[LEN];
static float sound[BLOCKS][BLOCK];
static uint32_t state;

static uint32_t
draw(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 16) % below;
}

static bool
hits(uint32_t percent)
{
	return draw(100) < percent;
}

static void *
make(const struct csn_component *component, const char *const *options)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component, options, &self, &err) < 0)
		printf("# %s\n", err.text);
	return self;
}

static bool
carries(const struct csn_op *op, size_t len)
{
	const struct csn_bytes got = fakehost_op_bytes(op);

	return fakehost_op_ended(op) && fakehost_op_result(op) == CSN_OK && got.len == len &&
	       memcmp(got.ptr, message, len) == 0;
}

/* Did what had to happen happen?  Ends the receive. */
static void
judge(const char *medium, const struct harm *harm, void *to, struct csn_op *get, size_t len,
      unsigned frames)
{
	char text[256] = "";

	ops->diagnose(to, text, sizeof text);
	if (harm->why == NULL)
		tap_ok(carries(get, len), "%s, %s: the message arrives (%u frames)", medium,
		       harm->what, frames);
	else
		tap_ok(!fakehost_op_ended(get) && strstr(text, harm->why) != NULL,
		       "%s, %s: no message, and it says why", medium, harm->what);
	if (harm->why != NULL || !fakehost_op_ended(get))
		tap_note("%s", text);
	if (!fakehost_op_ended(get))
		ops->cancel(to, get);
}

/* ---- pictures --------------------------------------------------------------------- */

static void
see(void *to, uint8_t *pixels, const struct harm *harm)
{
	const struct csn_host *host = fakehost_host(fake);
	struct csn_frame in = { .size = sizeof in, .medium = CSN_MEDIUM_VIDEO, .grey = pixels,
		                .width = SIDE, .height = SIDE, .stride = SIDE,
		                .time_ns = host->now(host), .count = 1 };

	if (hits(harm->cut)) /* a camera's buffer that was filled to its half only    */
		memset(pixels + SIDE * SIDE / 2, 0, SIDE * SIDE / 2);
	ops->feed(to, &in);
	if (hits(harm->doubled))
		ops->feed(to, &in);
}

static void
show(const struct csn_component *component, const struct harm *harm)
{
	void *from = make(component, NULL), *to = make(component, NULL);
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	const uint8_t *held = NULL;
	unsigned n = 0;

	ops->send(from, send, (struct csn_bytes){ message, LEN });
	ops->receive(to, get);
	for (; n < PICTURES && !fakehost_op_ended(get); n++) {
		uint8_t *pixels = grey[n % 2];
		struct csn_frame out = { .size = sizeof out, .medium = CSN_MEDIUM_VIDEO,
			                 .grey = pixels, .width = SIDE, .height = SIDE,
			                 .stride = SIDE, .time_ns = n * PERIOD * UINT64_C(1000000) };

		ops->render(from, &out);
		fakehost_run(fake, PERIOD);
		if (hits(harm->lost))
			continue;
		if (held == NULL && hits(harm->swapped)) { /* it comes after the next one */
			memcpy(grey[2], pixels, sizeof grey[2]);
			held = grey[2];
			continue;
		}
		see(to, pixels, harm);
		if (held != NULL)
			see(to, grey[2], harm);
		held = NULL;
	}
	judge("qr", harm, to, get, LEN, n);
	if (!fakehost_op_ended(send))
		ops->cancel(from, send);
	fakehost_op_free(send);
	fakehost_op_free(get);
	component->destroy(from);
	component->destroy(to);
}

/* ---- sound ------------------------------------------------------------------------ */

static void
hear(void *to, const float *samples, size_t count, bool gap, uint64_t *at)
{
	struct csn_frame in = { .size = sizeof in, .medium = CSN_MEDIUM_AUDIO, .rate_hz = RATE,
		                .flags = gap ? CSN_FRAME_GAP : 0,
		                .samples = (float *)(uintptr_t)samples, .count = count };

	*at += count;
	in.time_ns = *at * 1000000000 / RATE;
	ops->feed(to, &in);
}

static size_t
play(void *from)
{
	struct csn_op *send = fakehost_op(fake);
	size_t n = 0;

	fakehost_started(send, ops->send(from, send, (struct csn_bytes){ message, 41 }));
	for (; n < BLOCKS; n++) {
		struct csn_frame out = { .size = sizeof out, .medium = CSN_MEDIUM_AUDIO,
			                 .rate_hz = RATE, .samples = sound[n], .count = BLOCK };
		if (ops->render(from, &out) < 0 || out.count == 0)
			break;
		memset(sound[n] + out.count, 0, (BLOCK - out.count) * sizeof sound[n][0]);
	}
	if (!fakehost_op_ended(send))
		ops->cancel(from, send);
	fakehost_op_free(send);
	return n;
}

/* The burst is played ten times at most, as a station does with its bind. */
static void
sing(const struct csn_component *component, const struct harm *harm)
{
	void *from = make(component, NULL), *to = make(component, NULL);
	struct csn_op *get = fakehost_op(fake);
	unsigned bursts = 0;
	uint64_t at = 0;

	ops->receive(to, get);
	for (; bursts < 10 && !fakehost_op_ended(get); bursts++) {
		const size_t n = play(from);
		bool gap = false;

		for (size_t i = 0; i < n; i++) {
			size_t which = i;

			if (hits(harm->lost)) {
				gap = true;
				continue;
			}
			if (i + 1 < n && hits(harm->swapped))
				which = i + 1;
			hear(to, sound[which], hits(harm->cut) ? BLOCK / 2 : BLOCK, gap, &at);
			gap = false;
			if (which != i)
				hear(to, sound[i++], BLOCK, false, &at);
			if (hits(harm->doubled))
				hear(to, sound[i], BLOCK, false, &at);
		}
		fakehost_run(fake, 20);
	}
	judge("ultrasonic", harm, to, get, 41, bursts);
	fakehost_op_free(get);
	component->destroy(from);
	component->destroy(to);
}

int
main(void)
{
	static const struct harm pictures[] = {
		{ "every second picture lost", 50, 0, 0, 0, NULL },
		{ "every second picture doubled", 0, 50, 0, 0, NULL },
		{ "pictures out of their order", 0, 0, 50, 0, NULL },
		{ "every third picture cut in half", 0, 0, 0, 33, NULL },
		{ "all of it", 30, 30, 30, 30, NULL },
		{ "every picture cut in half", 0, 0, 0, 100, "no code" },
		{ "every picture lost", 100, 0, 0, 0, "no picture" },
	};
	/* A run of 10 ms; a burst has some eighty of them. */
	static const struct harm runs[] = {
		{ "a run in a hundred lost", 1, 0, 0, 0, NULL },
		{ "a run in a hundred doubled", 0, 1, 0, 0, NULL },
		{ "a run in a hundred swapped with the next", 0, 0, 1, 0, NULL },
		{ "a run in a hundred cut in half", 0, 0, 0, 1, NULL },
		{ "all of it", 1, 1, 1, 1, NULL },
		{ "every second run lost", 50, 0, 0, 0, "heard" },
		{ "every run lost", 100, 0, 0, 0, "no sound" },
	};

	fake = fakehost_new(false);
	for (size_t i = 0; i < LEN; i++)
		message[i] = (uint8_t)(i * 29 + i / 256);
	const struct csn_component *qr = fakehost_load("channel/qr");
	ops = qr->ops.channel;
	for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++)
		show(qr, &pictures[i]);
	const struct csn_component *ultrasonic = fakehost_load("channel/ultrasonic");
	ops = ultrasonic->ops.channel;
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
		sing(ultrasonic, &runs[i]);
	fakehost_free(fake);
	return tap_done();
}
