/*
 * media/gst against what the machine really has: an X server, a sound server, files, and
 * nothing at all.  The scripts beside it give each part its stand-in.
 */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/media.h>

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum {
	RATE  = 48000,
	BLOCK = 480,
	SIDE  = 240,
};

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_media_ops *ops;
static char folder[] = "/tmp/media-gst-XXXXXX";

static void *
make(const char *const *options)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component, options, &self, &err) < 0)
		printf("# %s\n", err.text);
	return self;
}

/* Starts it; @text gets the reason of a failure. */
static int
start(void *self, char *text, size_t len)
{
	struct csn_op *op = fakehost_op(fake);
	int r = fakehost_started(op, ops->start(self, op));

	if (!fakehost_wait(fake, op, 10000))
		ops->cancel(self, op);
	r = fakehost_op_result(op);
	if (text != NULL)
		snprintf(text, len, "%s", fakehost_op_text(op));
	if (r < 0)
		printf("# %s\n", fakehost_op_text(op));
	fakehost_op_free(op);
	return r;
}

static int
play(void *self, const struct csn_frame *frame, char *text, size_t len)
{
	struct csn_op *op = fakehost_op(fake);
	int r = fakehost_started(op, ops->play(self, op, frame));

	if (!fakehost_wait(fake, op, 5000))
		ops->cancel(self, op);
	r = fakehost_op_result(op);
	if (text != NULL)
		snprintf(text, len, "%s", fakehost_op_text(op));
	fakehost_op_free(op);
	return r;
}

static int
capture(void *self, struct csn_frame *ret_frame)
{
	struct csn_op *op = fakehost_op(fake);

	*ret_frame = (struct csn_frame){ .size = sizeof *ret_frame };
	fakehost_started(op, ops->capture(self, op, ret_frame));
	if (!fakehost_wait(fake, op, 5000))
		ops->cancel(self, op);
	const int r = fakehost_op_result(op);
	fakehost_op_free(op);
	return r;
}

/* ---- pictures ---------------------------------------------------------- */

static uint8_t
pixel(uint32_t x, uint32_t y)
{
	return (uint8_t)(((x / 12) ^ (y / 20)) & 1 ? 230 : 20 + x / 8);
}

static bool
is_picture(const struct csn_frame *frame)
{
	if (frame->width != SIDE || frame->height != SIDE || frame->stride < SIDE)
		return false;
	for (uint32_t y = 0; y < SIDE; y++)
		for (uint32_t x = 0; x < SIDE; x++) {
			const int got = frame->grey[y * frame->stride + x];
			if (abs(got - (int)pixel(x, y)) > 3)
				return false;
		}
	return true;
}

static void
test_screen(void)
{
	static uint8_t grey[SIDE * SIDE];
	void *window = make((const char *const[]){ "direction", "send", "through", "window",
	                                           "width", "240", "height", "240", NULL });
	void *screen = make((const char *const[]){ "through", "screen", "width", "240",
	                                           "height", "240", "frame_ms", "40", NULL });
	struct csn_frame frame = { .size = sizeof frame, .medium = CSN_MEDIUM_VIDEO,
		                   .grey = grey, .width = SIDE, .height = SIDE, .stride = SIDE };
	struct csn_media_caps caps = { .size = sizeof caps };
	struct csn_frame seen;
	const struct csn_host *host = fakehost_host(fake);
	bool came = false, in_time = true;
	char text[256];

	for (uint32_t y = 0; y < SIDE; y++)
		for (uint32_t x = 0; x < SIDE; x++)
			grey[y * SIDE + x] = pixel(x, y);
	if (!tap_ok(window != NULL && start(window, NULL, 0) == CSN_OK, "a window opens") ||
	    !tap_ok(screen != NULL && start(screen, NULL, 0) == CSN_OK, "the screen is filmed"))
		return;
	tap_ok(ops->caps(window, &caps) == CSN_OK && caps.width == SIDE && caps.height == SIDE &&
	               caps.direction == CSN_SEND && caps.medium == CSN_MEDIUM_VIDEO,
	       "the window says its size");
	const uint64_t before_ns = host->now(host);
	tap_is(play(window, &frame, NULL, 0), CSN_OK, "a picture is shown");
	tap_ok(host->now(host) - before_ns >= 50000000, "and stays for its time");
	for (int i = 0; i < 50 && !came; i++) {
		if (capture(screen, &seen) < 0)
			break;
		const uint64_t now_ns = host->now(host);
		in_time &= seen.time_ns <= now_ns && now_ns - seen.time_ns < 2000000000;
		came = is_picture(&seen);
	}
	tap_ok(came, "the camera sees the picture, every pixel");
	tap_ok(in_time, "frames carry the host's time");
	frame.width = SIDE - 1;
	tap_ok(play(window, &frame, text, sizeof text) == CSN_E_INVALID &&
	               strcmp(text, "found a picture of 239x240 pixels, wanted 240x240") == 0,
	       "a picture of another size is refused with both");
	ops->stop(screen);
	tap_ok(start(screen, NULL, 0) == CSN_OK && capture(screen, &seen) == CSN_OK,
	       "after a stop it starts again");
	struct csn_op *op = fakehost_op(fake);
	for (;;) { /* until nothing waits to be captured */
		ops->capture(screen, op, &seen);
		if (!fakehost_op_ended(op))
			break;
		fakehost_op_free(op);
		op = fakehost_op(fake);
	}
	ops->cancel(screen, op);
	tap_is(fakehost_op_result(op), CSN_E_CANCELLED, "a cancelled capture ends so");
	fakehost_op_free(op);
	component->destroy(window);
	component->destroy(screen);
}

/* ---- sound ------------------------------------------------------------- */

/* Share of the energy of @n samples that is the tone at @hz. */
static double
tone_share(const float *samples, size_t n, double hz, double rate)
{
	double re = 0, im = 0, all = 1e-12;

	for (size_t i = 0; i < n; i++) {
		const double a = 2 * 3.14159265358979 * hz * (double)i / rate;
		re += samples[i] * cos(a);
		im += samples[i] * sin(a);
		all += (double)samples[i] * samples[i];
	}
	return 2 * (re * re + im * im) / ((double)n * all);
}

static int
play_tone(void *self, double hz, size_t samples)
{
	float block[BLOCK];
	struct csn_frame frame = { .size = sizeof frame, .medium = CSN_MEDIUM_AUDIO,
		                   .rate_hz = RATE, .samples = block, .count = BLOCK };
	int r = CSN_OK;

	for (size_t at = 0; at < samples && r == CSN_OK; at += BLOCK) {
		for (size_t i = 0; i < BLOCK; i++)
			block[i] = 0.5f * (float)sin(2 * 3.14159265358979 * hz *
			                             (double)(at + i) / RATE);
		r = play(self, &frame, NULL, 0);
	}
	return r;
}

struct heard {
	float  samples[4 * RATE];
	size_t count, gaps;
};

/* Captures what comes while another op runs, or @samples when there is none. */
static void
hear(void *microphone, struct heard *heard, size_t samples)
{
	struct csn_frame frame;

	while (heard->count < samples && capture(microphone, &frame) == CSN_OK) {
		size_t n = frame.count;
		if (n > sizeof heard->samples / sizeof heard->samples[0] - heard->count)
			n = sizeof heard->samples / sizeof heard->samples[0] - heard->count;
		memcpy(heard->samples + heard->count, frame.samples, n * sizeof(float));
		heard->count += n;
		heard->gaps += (frame.flags & CSN_FRAME_GAP) != 0;
	}
}

/* The longest run of 10 ms blocks louder than -26 dBFS, and where it starts. */
static size_t
burst(const struct heard *heard, size_t *ret_start)
{
	size_t best = 0, run = 0;

	for (size_t at = 0; at + BLOCK <= heard->count; at += BLOCK) {
		double energy = 0;
		for (size_t i = 0; i < BLOCK; i++)
			energy += (double)heard->samples[at + i] * heard->samples[at + i];
		run = sqrt(energy / BLOCK) > 0.05 ? run + 1 : 0;
		if (run > best) {
			best       = run;
			*ret_start = at + BLOCK - run * BLOCK;
		}
	}
	return best * BLOCK;
}

/* One loudspeaker and one microphone of a real server, by the interface @through. */
static void
meet_in_air(const char *through, const char *sink, const char *source)
{
	static struct heard heard;
	const char *const send[]    = { "medium",  "audio",  "direction", "send",
		                        "through", through,  sink ? "device" : NULL,
		                        sink,      NULL };
	const char *const receive[] = { "medium", "audio", "through", through,
		                        source ? "device" : NULL, source, NULL };
	void *speaker    = make(send);
	void *microphone = make(receive);
	const struct csn_host *host = fakehost_host(fake);
	size_t at = 0;

	if (!tap_ok(microphone != NULL && start(microphone, NULL, 0) == CSN_OK,
	            "the microphone starts") ||
	    !tap_ok(speaker != NULL && start(speaker, NULL, 0) == CSN_OK,
	            "the loudspeaker starts with nothing to play"))
		return;
	const uint64_t before_ns = host->now(host);
	tap_is(play_tone(speaker, 19000, RATE / 2), CSN_OK, "half a second at 19 kHz is queued");
	struct csn_op *op = fakehost_op(fake);
	fakehost_started(op, ops->drain(speaker, op));
	tap_ok(fakehost_wait(fake, op, 5000) && fakehost_op_result(op) == CSN_OK,
	       "drain ends");
	const uint64_t took_ms = (host->now(host) - before_ns) / 1000000;
	tap_ok(took_ms >= 500 && took_ms < 2000, "not before it was played (%u ms)",
	       (unsigned)took_ms);
	fakehost_op_free(op);
	hear(microphone, &heard, 2 * RATE);
	const size_t length = burst(&heard, &at);
	tap_ok(length >= RATE / 2 - 2 * BLOCK && length <= RATE / 2 + 2 * BLOCK,
	       "it is heard in one piece (%zu samples of %d)", length, RATE / 2);
	const double share = length <= 2 * BLOCK ? 0
	                                         : tone_share(heard.samples + at + BLOCK,
	                                                      length - 2 * BLOCK, 19000, RATE);
	tap_ok(share > 0.98, "and is the tone (%.3f of the energy)", share);
	tap_is((long long)heard.gaps, 0, "nothing was lost while we listened all the time");
	heard.count = 0;
	tap_is(play_tone(speaker, 18000, RATE / 5), CSN_OK, "after a pause a second one");
	hear(microphone, &heard, RATE);
	tap_ok(burst(&heard, &at) >= RATE / 5 - 2 * BLOCK, "is heard whole as well");
	fakehost_run(fake, 1500);
	heard.gaps = heard.count = 0;
	hear(microphone, &heard, RATE * 2);
	tap_ok(heard.gaps > 0, "sound lost while nobody captured is marked as a gap");
	component->destroy(speaker);
	component->destroy(microphone);
}

static void
test_air(void)
{
	meet_in_air("pulse", NULL, NULL);
}

/* The ALSA library, whose plugin of this name leads to the sound server. */
static void
test_alsa(void)
{
	meet_in_air("alsa", "pulse", "pulse");
}

static void
test_pipewire(void)
{
	meet_in_air("pipewire", "air", "microphone");
}

/* ---- files ------------------------------------------------------------- */

static void
le(FILE *f, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		fputc((int)(value >> (8 * i)) & 0xff, f);
}

/* One second of a tone as S16 mono. */
static void
write_wav(const char *path, uint32_t rate, double hz)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL)
		abort();
	fputs("RIFF", f), le(f, 36 + rate * 2, 4), fputs("WAVEfmt ", f), le(f, 16, 4);
	le(f, 1, 2), le(f, 1, 2), le(f, rate, 4), le(f, rate * 2, 4), le(f, 2, 2), le(f, 16, 2);
	fputs("data", f), le(f, rate * 2, 4);
	for (uint32_t i = 0; i < rate; i++)
		le(f, (uint32_t)(int)(16000 * sin(2 * 3.14159265358979 * hz * i / rate)), 2);
	fclose(f);
}

static void
test_resampled(void)
{
	static struct heard heard;
	char path[128];
	struct csn_frame frame;

	snprintf(path, sizeof path, "%s/44k1.wav", folder);
	write_wav(path, 44100, 19000);
	void *self = make((const char *const[]){ "medium", "audio", "through", "file",
	                                         "location", path, NULL });
	if (!tap_ok(self != NULL && start(self, NULL, 0) == CSN_OK, "a 44.1 kHz file opens"))
		return;
	hear(self, &heard, sizeof heard.samples / sizeof heard.samples[0]);
	tap_ok(heard.count > RATE - 100 && heard.count < RATE + 100,
	       "its second is a second at 48 kHz (%zu samples)", heard.count);
	const double share = tone_share(heard.samples + 4800, RATE / 2, 19000, RATE);
	tap_ok(share > 0.98, "19 kHz is still 19 kHz (%.3f of the energy)", share);
	tap_is(capture(self, &frame), CSN_E_MISSING, "its end is told");
	component->destroy(self);
}

static void
test_written(void)
{
	static struct heard heard;
	char path[128], text[256];
	float block[BLOCK] = { 0 };
	struct csn_frame frame = { .size = sizeof frame, .medium = CSN_MEDIUM_AUDIO,
		                   .rate_hz = 44100, .samples = block, .count = BLOCK };

	snprintf(path, sizeof path, "%s/out.wav", folder);
	void *self = make((const char *const[]){ "medium", "audio", "direction", "send",
	                                         "through", "file", "location", path, NULL });
	if (!tap_ok(self != NULL && start(self, NULL, 0) == CSN_OK, "a WAV file is opened"))
		return;
	tap_ok(play(self, &frame, text, sizeof text) == CSN_E_INVALID &&
	               strcmp(text, "found sound at 44100 Hz, wanted 48000 Hz; "
	                            "resample it first") == 0,
	       "sound of another rate is refused: found, wanted, next step");
	tap_is(play_tone(self, 1000, RATE), CSN_OK, "a second is written");
	ops->stop(self);
	component->destroy(self);
	self = make((const char *const[]){ "medium", "audio", "through", "file", "location",
	                                   path, NULL });
	tap_is(start(self, NULL, 0), CSN_OK, "what was written can be read");
	hear(self, &heard, sizeof heard.samples / sizeof heard.samples[0]);
	tap_ok(heard.count == RATE && tone_share(heard.samples, RATE, 1000, RATE) > 0.999,
	       "all of it (%zu samples)", heard.count);
	component->destroy(self);
}

static void
test_test_sources(void)
{
	struct csn_frame frame;
	void *self = make((const char *const[]){ "through", "test", "width", "64", "height",
	                                         "48", NULL });

	tap_ok(self != NULL && start(self, NULL, 0) == CSN_OK && capture(self, &frame) == CSN_OK &&
	               frame.width == 64 && frame.height == 48,
	       "a test picture comes");
	component->destroy(self);
	self = make((const char *const[]){ "medium", "audio", "through", "test", NULL });
	tap_ok(self != NULL && start(self, NULL, 0) == CSN_OK && capture(self, &frame) == CSN_OK &&
	               frame.rate_hz == RATE && frame.count > 0,
	       "a test tone comes");
	component->destroy(self);
}

/* ---- what is not there ------------------------------------------------- */

static void
test_errors(void)
{
	static const struct {
		const char *what;
		const char *options[13];
		const char *begins, *ends;
	} cases[] = {
		{ "no camera",
		  { "through", "camera", "device", "/dev/video97", NULL },
		  "no camera (/dev/video97): ", "; list cameras with: v4l2-ctl --list-devices" },
		{ "no sound server to play to",
		  { "medium", "audio", "direction", "send", "through", "pulse", NULL },
		  "no loudspeaker (default): ", "; see if the sound server runs: pactl info" },
		{ "no sound server to record from",
		  { "medium", "audio", "through", "pulse", NULL },
		  "no microphone (default): ", "; see if the sound server runs: pactl info" },
		{ "no sound card",
		  { "medium", "audio", "through", "alsa", "device", "hw:97", NULL },
		  "no microphone (hw:97): ", "; list microphones with: arecord -L" },
		{ "no X server to film",
		  { "through", "screen", NULL },
		  "no screen (default): ",
		  "; see if the X server runs and DISPLAY names it: xdpyinfo" },
		{ "no X server to show a window",
		  { "direction", "send", "through", "window", NULL },
		  "no window (default): ",
		  "; see if the X server runs and DISPLAY names it: xdpyinfo" },
		{ "no framebuffer",
		  { "direction", "send", "through", "framebuffer", "device", "/dev/fb97", NULL },
		  "no framebuffer (/dev/fb97): ", "; list framebuffers with: ls -l /dev/fb*" },
		{ "no recording",
		  { "medium", "audio", "through", "file", "location", "/nowhere/x.wav", NULL },
		  "no file (/nowhere/x.wav): ", "; check \"location\" in the configuration" },
	};
	char text[512];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *self = make(cases[i].options);
		const int r = self == NULL ? CSN_OK : start(self, text, sizeof text);
		const size_t len = strlen(text), tail = strlen(cases[i].ends);
		tap_ok(r == CSN_E_MISSING &&
		               strncmp(text, cases[i].begins, strlen(cases[i].begins)) == 0 &&
		               len > tail && strcmp(text + len - tail, cases[i].ends) == 0,
		       "%s: the element's reason and the next step", cases[i].what);
		component->destroy(self);
	}
}

static void
test_options(void)
{
	static const struct {
		const char *what;
		const char *options[9];
		const char *because;
	} cases[] = {
		{ "a window cannot be filmed", { "through", "window", NULL }, "\"through\"" },
		{ "a camera makes no sound", { "medium", "audio", "through", "camera", NULL },
		  "\"through\"" },
		{ "a file without a name", { "medium", "audio", "through", "file", NULL },
		  "\"location\" must name the file" },
		{ "raw pictures without a size",
		  { "through", "file", "location", "/tmp/x", NULL }, "need \"width\"" },
		{ "a width without a height", { "through", "test", "width", "64", NULL },
		  "go together" },
	};
	struct csn_error err = { 0 };
	void *self = NULL;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		tap_ok(fakehost_create(fake, component, cases[i].options, &self, &err) ==
		                       CSN_E_CONFIG &&
		               strstr(err.text, cases[i].because) != NULL && self == NULL,
		       "%s is refused", cases[i].what);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
		{ "screen", test_screen },       { "air", test_air },
		{ "alsa", test_alsa },           { "pipewire", test_pipewire },
		{ "resampled", test_resampled }, { "written", test_written },
		{ "test", test_test_sources },   { "errors", test_errors },
		{ "options", test_options },
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	fake      = fakehost_new(true);
	component = fakehost_load("media/gst");
	ops       = component->ops.media;
	for (int i = 1; i < argc; i++)
		for (size_t j = 0; j < sizeof parts / sizeof parts[0]; j++)
			if (strcmp(argv[i], parts[j].name) == 0)
				parts[j].run();
	fakehost_free(fake);
	char command[64];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return tap_done() | (system(command) != 0);
}
