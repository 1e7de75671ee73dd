/*
 * A channel over real devices: what it renders goes through media/gst to a window or a
 * loudspeaker, comes back by the screen or the microphone, and is read.
 */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>
#include <countersign/media.h>

#include <stdio.h>

enum {
	SIDE  = 700,
	BLOCK = 4800,
};

struct end { /* one channel with its media                                    */
	const struct csn_channel_ops *channel;
	const struct csn_media_ops   *media;
	const struct csn_component   *channel_of, *media_of;
	void                         *channel_self, *media_self;
	struct csn_op                *op; /* play or capture under way         */
	struct csn_frame              frame;
	unsigned                      frames;
};

static struct fakehost *fake;
static uint8_t grey[SIDE * SIDE];
static float samples[BLOCK];

static bool
make(struct end *end, const char *channel, const char *const *channel_options,
     const char *const *media_options)
{
	struct csn_error err = { 0 };
	struct csn_op *op;

	end->channel_of = fakehost_load(channel);
	end->media_of   = fakehost_load("media/gst");
	end->channel    = end->channel_of->ops.channel;
	end->media      = end->media_of->ops.media;
	if (fakehost_create(fake, end->channel_of, channel_options, &end->channel_self, &err) < 0 ||
	    fakehost_create(fake, end->media_of, media_options, &end->media_self, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	op = fakehost_op(fake);
	fakehost_started(op, end->media->start(end->media_self, op));
	if (!fakehost_wait(fake, op, 10000))
		end->media->cancel(end->media_self, op);
	const bool good = fakehost_op_result(op) == CSN_OK;
	if (!good)
		printf("# %s\n", fakehost_op_text(op));
	fakehost_op_free(op);
	return good;
}

static void
unmake(struct end *end)
{
	if (end->op != NULL && !fakehost_op_ended(end->op))
		end->media->cancel(end->media_self, end->op);
	fakehost_op_free(end->op);
	if (end->media_of != NULL)
		end->media_of->destroy(end->media_self);
	if (end->channel_of != NULL)
		end->channel_of->destroy(end->channel_self);
}

/* Gives the next frame to the media when the one before is through. */
static void
pump_out(struct end *end, bool video)
{
	if (end->op != NULL && !fakehost_op_ended(end->op))
		return;
	end->frame = (struct csn_frame){ .size = sizeof end->frame,
		                         .medium = video ? CSN_MEDIUM_VIDEO : CSN_MEDIUM_AUDIO,
		                         .rate_hz = 48000, .grey = grey, .width = SIDE,
		                         .height = SIDE, .stride = SIDE, .samples = samples,
		                         .count = BLOCK };
	if (end->channel->render(end->channel_self, &end->frame) < 0 || end->frame.count == 0)
		return;
	fakehost_op_free(end->op);
	end->op = fakehost_op(fake);
	fakehost_started(end->op, end->media->play(end->media_self, end->op, &end->frame));
}

/* Takes in what the media captured. */
static void
pump_in(struct end *end)
{
	if (end->op != NULL && !fakehost_op_ended(end->op))
		return;
	if (end->op != NULL && fakehost_op_result(end->op) == CSN_OK) {
		end->channel->feed(end->channel_self, &end->frame);
		end->frames++;
	}
	fakehost_op_free(end->op);
	end->op    = fakehost_op(fake);
	end->frame = (struct csn_frame){ .size = sizeof end->frame };
	fakehost_started(end->op, end->media->capture(end->media_self, end->op, &end->frame));
}

static void
carry(const char *what, const char *channel, const char *const *send_options,
      const char *const *out_options, const char *const *in_options, size_t len, bool video)
{
	static uint8_t message[40960];
	struct end out = { 0 }, in = { 0 };
	const struct csn_host *host = fakehost_host(fake);

	for (size_t i = 0; i < len; i++)
		message[i] = (uint8_t)(i * i * 31 + i + len);
	if (!tap_ok(make(&in, channel, NULL, in_options) &&
	                    make(&out, channel, send_options, out_options),
	            "%s: both ends start", what)) {
		unmake(&in), unmake(&out);
		return;
	}
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	const uint64_t start_ns = host->now(host);
	in.channel->receive(in.channel_self, get);
	/* A source is started before it delivers: what is shown or played earlier is lost. */
	while (in.frames == 0 && host->now(host) - start_ns < UINT64_C(10000000000)) {
		pump_in(&in);
		fakehost_run(fake, 1);
	}
	fakehost_started(send, out.channel->send(out.channel_self, send,
	                                         (struct csn_bytes){ message, len }));
	while (!(fakehost_op_ended(get) && fakehost_op_ended(send)) &&
	       host->now(host) - start_ns < UINT64_C(30000000000)) {
		pump_out(&out, video);
		pump_in(&in);
		fakehost_run(fake, 1);
	}
	char text[512];
	in.channel->diagnose(in.channel_self, text, sizeof text);
	printf("# %s\n", text);
	if (!fakehost_op_ended(send))
		out.channel->cancel(out.channel_self, send);
	if (!fakehost_op_ended(get))
		in.channel->cancel(in.channel_self, get);
	const struct csn_bytes got = fakehost_op_bytes(get);
	tap_ok(fakehost_op_result(send) == CSN_OK && got.len == len &&
	               memcmp(got.ptr, message, len) == 0,
	       "%s: %zu bytes come through in %u ms, %u frames", what, len,
	       (unsigned)((host->now(host) - start_ns) / 1000000), in.frames);
	fakehost_op_free(send);
	fakehost_op_free(get);
	unmake(&in), unmake(&out);
}

static const char *const window[] = { "direction", "send", "through", "window", "width", "700",
	                              "height", "700", NULL };
static const char *const screen[] = { "through", "screen", "frame_ms", "40", NULL };
static const char *const speaker[] = { "medium", "audio", "direction", "send", "through",
	                               "pulse", NULL };
static const char *const microphone[] = { "medium", "audio", "through", "pulse", NULL };

int
main(int argc, char **argv)
{
	fake = fakehost_new(true);
	if (argc > 1 && strcmp(argv[1], "screen") == 0) {
		carry("one code", "channel/qr", NULL, window, screen, 695, true);
		carry("four codes", "channel/qr", NULL, window, screen, 3000, true);
		carry("42 codes", "channel/qr", NULL, window, screen, 40960, true);
	} else {
		carry("fast", "channel/ultrasonic", NULL, speaker, microphone, 41, false);
		carry("long", "channel/ultrasonic",
		      (const char *const[]){ "profile", "long", NULL }, speaker, microphone, 120,
		      false);
		carry("quiet", "channel/ultrasonic",
		      (const char *const[]){ "level_dbfs", "-30", NULL }, speaker, microphone, 41,
		      false);
	}
	fakehost_free(fake);
	return tap_done();
}
