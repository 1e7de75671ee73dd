/* media/file: what was recorded is replayed, at its pace, and what is no recording. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/media.h>

#include <png.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_media_ops *ops;
static char folder[] = "/tmp/media-file-XXXXXX";

static const char *
path(const char *name)
{
	static char text[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(text[turn], sizeof text[turn], "%s/%s", folder, name);
	return text[turn];
}

static void
put(const char *name, const void *bytes, size_t len)
{
	FILE *f = fopen(path(name), "wb");

	if (f == NULL || (len > 0 && fwrite(bytes, len, 1, f) != 1) || fclose(f) != 0)
		abort();
}

static void *
make(const char *const *options)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component, options, &self, &err) < 0)
		printf("# %s\n", err.text);
	return self;
}

static int
end_of(void *self, struct csn_op *op, int r, char *text)
{
	fakehost_started(op, r);
	if (!fakehost_wait(fake, op, 60000))
		ops->cancel(self, op);
	r = fakehost_op_result(op);
	if (text != NULL)
		snprintf(text, 512, "%s", fakehost_op_text(op));
	fakehost_op_free(op);
	return r;
}

static int
start(void *self, char *text)
{
	struct csn_op *op = fakehost_op(fake);

	return end_of(self, op, ops->start(self, op), text);
}

static int
play(void *self, const struct csn_frame *frame, char *text)
{
	struct csn_op *op = fakehost_op(fake);

	return end_of(self, op, ops->play(self, op, frame), text);
}

static int
capture(void *self, struct csn_frame *ret_frame, char *text)
{
	struct csn_op *op = fakehost_op(fake);

	*ret_frame = (struct csn_frame){ .size = sizeof *ret_frame };
	return end_of(self, op, ops->capture(self, op, ret_frame), text);
}

static uint64_t
now_ms(void)
{
	const struct csn_host *host = fakehost_host(fake);

	return host->now(host) / 1000000;
}

static void
test_sound(void)
{
	static float samples[2500];
	struct csn_frame frame = { .size = sizeof frame, .medium = CSN_MEDIUM_AUDIO,
		                   .rate_hz = 48000, .samples = samples, .count = 2500 };
	const char *wav = path("sound.wav");
	void *self = make((const char *const[]){ "medium", "audio", "direction", "send", "path",
	                                         wav, NULL });
	char text[512];
	bool same = true;
	size_t n = 0;

	for (size_t i = 0; i < 2500; i++)
		samples[i] = (float)i / 5000.0f - 0.25f;
	tap_is(start(self, NULL), CSN_OK, "a recording of sound begins");
	uint64_t before = now_ms();
	tap_is(play(self, &frame, NULL), CSN_OK, "2500 samples are recorded");
	tap_is((long long)(now_ms() - before), 52, "and take their time");
	frame.rate_hz = 16000;
	tap_ok(play(self, &frame, text) == CSN_E_INVALID &&
	               strcmp(text, "found sound at 16000 Hz, wanted 48000 Hz; "
	                            "resample it first") == 0,
	       "another rate is refused: found, wanted, next step");
	ops->stop(self);
	component->destroy(self);

	self = make((const char *const[]){ "medium", "audio", "path", wav, NULL });
	tap_is(start(self, NULL), CSN_OK, "what was recorded is replayed");
	const uint64_t began = now_ms();
	while (capture(self, &frame, text) == CSN_OK) {
		same &= frame.rate_hz == 48000 && frame.flags == 0 && n + frame.count <= 2500 &&
		        memcmp(frame.samples, samples + n, frame.count * sizeof(float)) == 0 &&
		        frame.time_ns / 1000000 <= now_ms();
		n += frame.count;
	}
	tap_ok(same && n == 2500, "every sample as it was (%zu)", n);
	tap_ok(now_ms() - began == 52, "in the time it lasts");
	tap_ok(strstr(text, "has ended") != NULL, "and then it says that it has ended");
	component->destroy(self);
}

static void
test_wav_refused(void)
{
	static const struct {
		const char *what;
		uint32_t    rate;
		uint8_t     channels, bits;
		const char *because;
	} cases[] = {
		{ "44.1 kHz", 44100, 1, 16, "found 44100 Hz, wanted 48000 Hz; media gst resamples" },
		{ "two channels", 48000, 2, 16, "found 2 channels, wanted one; media gst mixes" },
		{ "8 bits", 48000, 1, 8, "wanted 16-bit or float samples; convert it" },
	};
	char text[512];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const uint32_t rate = cases[i].rate;
		const uint8_t head[48] = {
			'R', 'I', 'F', 'F', 40, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ',
			16, 0, 0, 0, 1, 0, cases[i].channels, 0, (uint8_t)rate,
			(uint8_t)(rate >> 8), 0, 0, 0, 0, 0, 0, 0, 0, cases[i].bits, 0,
			'd', 'a', 't', 'a', 4, 0, 0, 0, 1, 2, 3, 4,
		};
		put("bad.wav", head, sizeof head);
		void *self = make((const char *const[]){ "medium", "audio", "path",
		                                         path("bad.wav"), NULL });
		tap_ok(start(self, text) == CSN_E_PROTOCOL &&
		               strstr(text, cases[i].because) != NULL,
		       "%s: found, wanted, next step", cases[i].what);
		component->destroy(self);
	}
	put("bad.wav", "hello, this is text", 19);
	void *self = make((const char *const[]){ "medium", "audio", "path", path("bad.wav"), NULL });
	tap_ok(start(self, text) == CSN_E_PROTOCOL && strstr(text, "is no WAV file") != NULL,
	       "a text is no recording");
	component->destroy(self);
	self = make((const char *const[]){ "medium", "audio", "path", "/nowhere/x.wav", NULL });
	tap_ok(start(self, text) == CSN_E_MISSING &&
	               strcmp(text, "no recording /nowhere/x.wav: No such file or directory; "
	                            "check \"path\"") == 0,
	       "a missing file: what, why, and what to check");
	component->destroy(self);
}

/* As a recorder leaves it that was killed: no length in the header. */
static void
test_wav_unfinished(void)
{
	uint8_t file[44 + 200] = {
		'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ',
		16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0xbb, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0,
		'd', 'a', 't', 'a', 0, 0, 0, 0, 0x00, 0xc0,
	};
	struct csn_frame frame;

	put("cut.wav", file, sizeof file);
	void *self = make((const char *const[]){ "medium", "audio", "pace", "fast", "path",
	                                         path("cut.wav"), NULL });
	tap_ok(start(self, NULL) == CSN_OK && capture(self, &frame, NULL) == CSN_OK &&
	               frame.count == 100 && frame.samples[0] > -0.5001f &&
	               frame.samples[0] < -0.4999f,
	       "without a length all samples there are come, 16 bits as full scale 1");
	component->destroy(self);
}

static void
write_png(const char *name, uint32_t width, uint32_t height, const uint8_t *rgb)
{
	png_image image = { .version = PNG_IMAGE_VERSION, .width = width, .height = height,
		            .format = PNG_FORMAT_RGB };

	if (!png_image_write_to_file(&image, path(name), 0, rgb, 0, NULL))
		abort();
}

static void
test_pictures(void)
{
	static const uint8_t rgb[12] = { 0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0 };
	struct csn_frame frame;
	char text[512];

	mkdir(path("pictures"), 0700);
	put("pictures/b.pgm", "P5\n2 2\n255\n\1\2\3\4", 15);
	write_png("pictures/a.png", 2, 2, rgb);
	put("pictures/c.raw", "\5\6\7\10\11\12", 6);
	put("pictures/readme.txt", "no", 2);
	put("pictures/.hidden.pgm", "no", 2);
	void *self = make((const char *const[]){ "path", path("pictures"), "width", "3", "height",
	                                         "2", "frame_ms", "40", NULL });
	tap_is(start(self, NULL), CSN_OK, "a folder of pictures is replayed");
	const uint64_t began = now_ms();
	tap_ok(capture(self, &frame, NULL) == CSN_OK && frame.width == 2 && frame.height == 2 &&
	               memcmp(frame.grey, "\0\377\377\0", 4) == 0,
	       "a PNG is made grey");
	tap_ok(capture(self, &frame, NULL) == CSN_OK && memcmp(frame.grey, "\1\2\3\4", 4) == 0,
	       "a PGM comes as it is");
	tap_ok(capture(self, &frame, NULL) == CSN_OK && frame.width == 3 &&
	               memcmp(frame.grey, "\5\6\7\10\11\12", 6) == 0,
	       "raw bytes have the configured size");
	tap_is((long long)(now_ms() - began), 120, "each takes its time");
	tap_is(capture(self, &frame, text), CSN_E_MISSING, "and then it ends");
	ops->stop(self);
	put("pictures/d.png", "\211PNG\r\n\032\nrubbish", 15);
	start(self, NULL);
	int r = CSN_OK;
	for (int i = 0; i < 4; i++)
		r = capture(self, &frame, text);
	tap_ok(r == CSN_E_PROTOCOL && strstr(text, "d.png") != NULL,
	       "a broken PNG is named");
	component->destroy(self);
	self = make((const char *const[]){ "path", path("pictures/b.pgm"), "pace", "fast",
	                                   "repeat", "1", NULL });
	start(self, NULL);
	r = CSN_OK;
	for (int i = 0; i < 100 && r == CSN_OK; i++)
		r = capture(self, &frame, NULL);
	tap_is(r, CSN_OK, "one picture may be repeated for ever");
	component->destroy(self);
	self = make((const char *const[]){ "path", folder, NULL });
	tap_ok(start(self, text) == CSN_E_MISSING && strstr(text, "holds no picture") != NULL,
	       "a folder without pictures says so");
	component->destroy(self);
}

static void
test_recorded(void)
{
	static uint8_t grey[3 * 2] = { 9, 8, 7, 6, 5, 4 };
	static uint8_t large[1024 * 1024];
	struct csn_frame frame = { .size = sizeof frame, .medium = CSN_MEDIUM_VIDEO,
		                   .grey = grey, .width = 2, .height = 2, .stride = 3 };
	const char *out = path("out");
	char text[512];

	void *self = make((const char *const[]){ "direction", "send", "path", out, "width", "2",
	                                         "height", "2", "pace", "fast", NULL });
	tap_ok(start(self, NULL) == CSN_OK && play(self, &frame, NULL) == CSN_OK &&
	               play(self, &frame, NULL) == CSN_OK,
	       "pictures are recorded");
	component->destroy(self);
	self = make((const char *const[]){ "path", out, "pace", "fast", NULL });
	tap_ok(start(self, NULL) == CSN_OK && capture(self, &frame, NULL) == CSN_OK &&
	               memcmp(frame.grey, "\11\10\6\5", 4) == 0 &&
	               capture(self, &frame, NULL) == CSN_OK &&
	               capture(self, &frame, NULL) == CSN_E_MISSING,
	       "and replayed, without what the rows had beyond their width");
	component->destroy(self);
	self = make((const char *const[]){ "direction", "send", "path", out, "width", "1024",
	                                   "height", "1024", "limit_mib", "1", "pace", "fast",
	                                   NULL });
	frame = (struct csn_frame){ .size = sizeof frame, .medium = CSN_MEDIUM_VIDEO,
		                    .grey = large, .width = 1024, .height = 1024, .stride = 1024 };
	start(self, NULL);
	tap_is(play(self, &frame, NULL), CSN_OK, "up to the limit");
	tap_ok(play(self, &frame, text) == CSN_E_TOO_BIG &&
	               strstr(text, "has reached limit_mib = 1") != NULL,
	       "a recording over its limit is refused");
	component->destroy(self);
}

static void
test_ops(void)
{
	struct csn_frame frame = { .size = sizeof frame };
	struct csn_error err = { 0 };
	char text[512];
	void *self = make((const char *const[]){ "path", path("pictures/b.pgm"), "frame_ms",
	                                         "1000", NULL });

	tap_ok(capture(self, &frame, text) == CSN_E_INVALID && strstr(text, "not started"),
	       "nothing comes before the start");
	start(self, NULL);
	tap_ok(play(self, &frame, text) == CSN_E_UNSUPPORTED && strstr(text, "replayed"),
	       "what is replayed is not recorded to");
	struct csn_op *op = fakehost_op(fake);
	ops->capture(self, op, &frame);
	tap_ok(!fakehost_op_ended(op), "a frame waits for its time");
	tap_is(capture(self, &frame, text), CSN_E_BUSY, "one at a time");
	ops->cancel(self, op);
	tap_is(fakehost_op_result(op), CSN_E_CANCELLED, "a cancelled capture ends so");
	fakehost_op_free(op);
	component->destroy(self);
	component->destroy(NULL);
	self = NULL;
	tap_ok(fakehost_create(fake, component,
	                       (const char *const[]){ "path", "/tmp", "width", "4", NULL },
	                       &self, &err) == CSN_E_CONFIG &&
	               self == NULL,
	       "a width without a height is refused");
}

int
main(void)
{
	char command[64];

	if (mkdtemp(folder) == NULL)
		return 1;
	fake      = fakehost_new(false);
	component = fakehost_load("media/file");
	ops       = component->ops.media;
	test_sound();
	test_wav_refused();
	test_wav_unfinished();
	test_pictures();
	test_recorded();
	test_ops();
	fakehost_free(fake);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return tap_done() | (system(command) != 0);
}
