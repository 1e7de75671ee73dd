/*
 * A link between a channel with a medium and its media, on a virtual clock: what is
 * heard, in which order, and that nothing reaches a link that is gone.
 */
#include "core/base/buf.h"
#include "core/link/link.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "kit/tap.h"

#define RATE  48000u
#define BLOCK 4800u

struct world {
	struct csn_loop *loop;
	struct csn_ops *ops;
	struct link *link;
	uint32_t medium;

	/* channel */
	struct csn_op *sending, *receiving;
	char message[64];
	size_t blocks_left, fed, sends_begun;
	bool fast; /* a recording that is as quick as it is taken */
	size_t more, waiting; /* messages of the picture that holds one, beside it */
	size_t fed_at; /* pictures fed when the last message came */
	bool showing;
	size_t fed_until_message; /* a message after so many frames    */

	/* media */
	int start_result;
	size_t troubles;
	bool running, playing_late;
	size_t starts, stops, plays, captures, capture_end;
	size_t burst_samples, silent_samples, samples_after_drain;
	uint64_t drained_ns, sent_ns;
	struct csn_op *capturing;

	/* what came of it */
	char log[512];
	int sent[4];
	size_t sent_count, heard;
	char text[512];
	uint64_t at_ns;
	struct csn_frame in_frame;
	float in_samples[16];
	uint8_t in_grey[64];
};

static void
note(struct world *w, const char *word)
{
	if (strlen(w->log) + strlen(word) + 2 < sizeof w->log) {
		strcat(w->log, word);
		strcat(w->log, " ");
	}
}

struct later {
	struct csn_op *op;
	int result;
};

static void
later_now(void *arg)
{
	struct later *l = arg;

	csn_op_done(l->op, l->result, NULL);
	free(l);
}

static int
later(struct world *w, struct csn_op *op, int result, uint64_t ms)
{
	struct later *l = calloc(1, sizeof *l);

	*l = (struct later){ op, result };
	csn_loop_timer_add(w->loop, csn_loop_now(w->loop) + ms * CSN_MS, later_now, l);
	return CSN_OK;
}

static int
ch_caps(void *self, struct csn_channel_caps *caps)
{
	struct world *w = self;

	caps->direction = CSN_SEND | CSN_RECEIVE;
	caps->medium = w->medium;
	caps->max_message = 64;
	caps->medium_name = "air";
	caps->at_once = w->medium == CSN_MEDIUM_VIDEO ? 3 : 0;
	return CSN_OK;
}

static int
ch_send(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct world *w = self;

	snprintf(w->message, sizeof w->message, "%.*s", (int)message.len,
		 (const char *)message.ptr);
	note(w, w->message);
	w->sending = op;
	w->sends_begun++;
	w->blocks_left = 3;
	w->showing = true;
	return CSN_OK;
}

static int
ch_send_many(void *self, struct csn_op *op, const struct csn_bytes *messages, size_t count)
{
	char joined[64] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%.*s",
			 i > 0 ? "+" : "", (int)messages[i].len, (const char *)messages[i].ptr);
	return ch_send(self, op, (struct csn_bytes){ (const uint8_t *)joined, strlen(joined) });
}

static int
ch_receive(void *self, struct csn_op *op)
{
	struct world *w = self;

	if (w->waiting > 0) {
		w->waiting--;
		csn_op_done(op, CSN_OK, csn_buf_new("heard", 5, 0));
	} else {
		w->receiving = op;
	}
	return CSN_OK;
}

static void
ch_cancel(void *self, struct csn_op *op)
{
	struct world *w = self;

	if (w->sending == op)
		w->sending = NULL;
	if (w->receiving == op)
		w->receiving = NULL;
	csn_op_done(op, CSN_E_CANCELLED, NULL);
}

static void
ch_rest(void *self)
{
	struct world *w = self;

	w->showing = false;
	w->blocks_left = 0;
}

static int
ch_feed(void *self, const struct csn_frame *in)
{
	struct world *w = self;

	(void)in;
	if (++w->fed == w->fed_until_message && w->receiving != NULL) {
		struct csn_op *op = w->receiving;

		w->receiving = NULL;
		w->waiting = w->more;
		csn_op_done(op, CSN_OK, csn_buf_new("heard", 5, 0));
	}
	return CSN_OK;
}

static int
ch_render(void *self, struct csn_frame *out)
{
	struct world *w = self;

	if (w->medium == CSN_MEDIUM_VIDEO)
		out->count = w->showing;
	else if (w->blocks_left > 0) {
		for (size_t i = 0; i < out->count; i++)
			out->samples[i] = 0.5f;
	} else
		out->count = 0;
	if (w->blocks_left > 0 && --w->blocks_left == 0 && w->sending != NULL) {
		struct csn_op *op = w->sending;

		w->sending = NULL;
		csn_op_done(op, CSN_OK, NULL);
	}
	return CSN_OK;
}

static const struct csn_channel_ops channel = { .size = sizeof channel,
						.caps = ch_caps,
						.send = ch_send,
						.receive = ch_receive,
						.cancel = ch_cancel,
						.rest = ch_rest,
						.feed = ch_feed,
						.render = ch_render,
						.send_many = ch_send_many };

static int
md_caps(void *self, struct csn_media_caps *caps)
{
	struct world *w = self;

	caps->medium = w->medium;
	caps->direction = CSN_SEND | CSN_RECEIVE;
	caps->width = caps->height = 8;
	caps->rate_hz = RATE;
	caps->block = BLOCK;
	caps->frame_ms = 33;
	return CSN_OK;
}

static int
md_start(void *self, struct csn_op *op)
{
	struct world *w = self;

	w->starts++;
	w->running = w->start_result == CSN_OK;
	if (w->start_result < 0)
		csn_fail(csn_op_error(op), w->start_result, "no loudspeaker usb:1234");
	return later(w, op, w->start_result, 2);
}

static int
md_capture(void *self, struct csn_op *op, struct csn_frame *frame)
{
	struct world *w = self;

	w->captures++;
	if (w->capture_end != 0 && w->captures > w->capture_end)
		return later(w, op, CSN_E_MISSING, 1);
	*frame = w->in_frame;
	frame->size = sizeof *frame;
	frame->medium = w->medium;
	frame->samples = w->in_samples;
	frame->count = 16;
	frame->grey = w->in_grey;
	frame->width = frame->height = frame->stride = 8;
	frame->time_ns = csn_loop_now(w->loop) + 10 * CSN_MS;
	if (w->fast) {
		csn_op_done(op, CSN_OK, NULL);
		return CSN_OK;
	}
	w->capturing = op;
	return later(w, op, CSN_OK, 10);
}

static int
md_play(void *self, struct csn_op *op, const struct csn_frame *frame)
{
	struct world *w = self;

	w->plays++;
	if (!w->running)
		w->playing_late = true;
	if (frame->medium == CSN_MEDIUM_AUDIO) {
		bool loud = frame->samples[0] > 0;

		*(loud ? &w->burst_samples : &w->silent_samples) += frame->count;
		return later(w, op, CSN_OK, frame->count * 1000 / RATE);
	}
	return later(w, op, CSN_OK, 33);
}

static int
md_drain(void *self, struct csn_op *op)
{
	struct world *w = self;

	note(w, "drain");
	w->drained_ns = csn_loop_now(w->loop) + 50 * CSN_MS;
	return later(w, op, CSN_OK, 50);
}

static void
md_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op; /* its timer answers soon                                      */
}

static void
md_stop(void *self)
{
	struct world *w = self;

	w->stops++;
	w->running = false;
}

static const struct csn_media_ops media = { .size = sizeof media,
					    .caps = md_caps,
					    .start = md_start,
					    .capture = md_capture,
					    .play = md_play,
					    .drain = md_drain,
					    .cancel = md_cancel,
					    .stop = md_stop };

static void
world_new(struct world *w, uint32_t medium)
{
	struct csn_error err = { 0 };
	struct link_parts parts = { .label = "air",
				    .channel = &channel,
				    .channel_self = w,
				    .media = &media,
				    .media_self = w };

	memset(w, 0, sizeof *w);
	w->medium = medium;
	parts.loop = w->loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	parts.ops = w->ops = csn_ops_new(w->loop, NULL);
	if (link_new(&parts, &w->link, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void
run(struct world *w, uint64_t ms)
{
	csn_loop_run_until(w->loop, csn_loop_now(w->loop) + ms * CSN_MS);
}

static void
world_free(struct world *w)
{
	link_free(w->link);
	run(w, 3000);
	csn_ops_free(w->ops);
	csn_loop_free(w->loop);
}

static void
on_sent(void *arg, int result, const struct csn_error *err)
{
	struct world *w = arg;

	note(w, "sent");
	if (w->sent_count < 4)
		w->sent[w->sent_count++] = result;
	w->sent_ns = csn_loop_now(w->loop);
	if (err != NULL)
		snprintf(w->text, sizeof w->text, "%s", err->text);
}

static void
on_message(void *arg, const struct link *link, uint64_t at_ns, struct csn_bytes message)
{
	struct world *w = arg;

	w->heard += message.len == 5 && strcmp(link_medium(link), "air") == 0;
	w->at_ns = at_ns;
	w->fed_at = w->fed;
}

static struct link_send *
send_text(struct world *w, const char *text)
{
	struct link_send *send = NULL;
	int r = link_send(w->link,
			  (struct csn_bytes){ (const uint8_t *)text, strlen(text) },
			  on_sent, w, &send);

	return r == CSN_OK ? send : NULL;
}

static void
test_audio(void)
{
	static struct world w;

	world_new(&w, CSN_MEDIUM_AUDIO);
	send_text(&w, "one");
	tap_ok(w.log[0] == '\0', "nothing happens inside the call");
	run(&w, 2000);
	tap_ok(strcmp(w.log, "one drain sent ") == 0 && w.sent[0] == CSN_OK,
	       "a burst: played, drained, then said to be sent");
	tap_is((long long)w.burst_samples, 3 * BLOCK, "every sample was played");
	tap_is((long long)w.silent_samples, 0, "and nothing of the link's own");
	tap_ok(w.sent_ns >= w.drained_ns, "sent means heard, not queued");
	send_text(&w, "two");
	send_text(&w, "three");
	run(&w, 3000);
	tap_ok(strcmp(w.log, "one drain sent two drain sent three drain sent ") == 0,
	       "two more wait for one another");
	tap_is((long long)w.starts, 1, "the loudspeaker was opened once");
	link_rest(w.link);
	tap_ok(w.stops == 1 && !w.running, "rest closes it");
	world_free(&w);
}

static void
test_video(void)
{
	static struct world w;

	world_new(&w, CSN_MEDIUM_VIDEO);
	send_text(&w, "code");
	run(&w, 1000);
	size_t shown = w.plays;
	tap_ok(w.sent_count == 1 && w.sent[0] == CSN_OK && shown > 20 && shown < 40,
	       "a code is shown on after it was shown once, at the screen's pace");
	link_rest(w.link);
	run(&w, 1000);
	tap_ok(w.plays <= shown + 1 && !w.running, "until rest");
	send_text(&w, "next");
	run(&w, 1000);
	tap_ok(w.sent_count == 2 && w.starts == 2 && !w.playing_late,
	       "and it can be shown again");
	world_free(&w);
}

/* Several in one picture: one call, one answer; a channel that cannot is not asked. */
static void
test_beside(void)
{
	static struct world w;
	const struct csn_bytes words[] = { { (const uint8_t *)"one", 3 },
					   { (const uint8_t *)"two", 3 },
					   { (const uint8_t *)"three", 5 },
					   { (const uint8_t *)"four", 4 } };
	struct link_send *send = NULL;
	struct link_listener l = { .fn = on_message, .arg = &w };

	world_new(&w, CSN_MEDIUM_VIDEO);
	w.fed_until_message = 1;
	w.more = 5;
	w.capture_end = 20;
	w.fast = true;
	link_listen(w.link, &l);
	run(&w, 1000);
	tap_ok(w.heard == 6 && w.fed_at == 1 && w.fed > 1,
	       "six messages of one picture are all taken before the next is looked at");
	link_unlisten(w.link, &l);
	world_free(&w);
	world_new(&w, CSN_MEDIUM_VIDEO);
	tap_is(link_caps(w.link)->at_once, 3, "the link says how many go beside one another");
	tap_is(link_send_many(w.link, words, 4, on_sent, &w, &send), CSN_E_INVALID,
	       "one more is refused");
	tap_is(link_send_many(w.link, words, 0, on_sent, &w, &send), CSN_E_INVALID,
	       "none is refused");
	link_send_many(w.link, words, 3, on_sent, &w, &send);
	send_text(&w, "alone");
	run(&w, 1000);
	tap_ok(strncmp(w.log, "one+two+three ", 14) == 0 && strstr(w.log, "alone ") != NULL &&
		       w.sent_count == 2 && w.sends_begun == 2,
	       "three go in one call and get one answer, then one by the other call");
	world_free(&w);
	world_new(&w, CSN_MEDIUM_AUDIO);
	tap_is(link_send_many(w.link, words, 2, on_sent, &w, &send), CSN_E_INVALID,
	       "a channel of one after another is sent no two");
	world_free(&w);
}

static void
test_receive(void)
{
	static struct world w;
	struct link_listener l = { .fn = on_message, .arg = &w },
			     other = { .fn = on_message, .arg = &w };

	world_new(&w, CSN_MEDIUM_AUDIO);
	run(&w, 500);
	tap_ok(w.captures == 0 && w.starts == 0,
	       "nobody listens: the microphone stays closed");
	w.fed_until_message = 5;
	link_listen(w.link, &l);
	link_listen(w.link, &other);
	run(&w, 500);
	tap_is((long long)w.heard, 2, "each listener hears the message");
	tap_is((long long)(w.at_ns / CSN_MS), 500 + 2 + 5 * 10,
	       "its time is that of the frame that ended it");
	size_t captures = w.captures;
	run(&w, 100);
	tap_ok(w.captures > captures, "capturing goes on for the next message");
	link_unlisten(w.link, &l);
	link_unlisten(w.link, &other);
	captures = w.captures;
	run(&w, 500);
	tap_ok(w.captures == captures && !w.running,
	       "the last listener leaves: the microphone is closed");
	world_free(&w);

	world_new(&w, CSN_MEDIUM_AUDIO);
	w.capture_end = 7;
	link_listen(w.link, &l);
	run(&w, 5000);
	tap_ok(w.captures == 8 && w.fed == 7,
	       "the end of a recording is not asked again");
	world_free(&w);
}

static void
on_trouble(void *arg, const char *text)
{
	struct world *w = arg;

	w->troubles++;
	snprintf(w->text, sizeof w->text, "%s", text);
}

static void
test_trouble(void)
{
	static struct world w;
	struct link_listener l = { .fn = on_message, .trouble = on_trouble, .arg = &w };

	world_new(&w, CSN_MEDIUM_AUDIO);
	w.start_result = CSN_E_MISSING;
	link_listen(w.link, &l);
	run(&w, 5000);
	tap_ok(w.starts > 5 && w.troubles == 1 &&
		       strstr(w.text, "no loudspeaker usb:1234") != NULL,
	       "a device that is not there is tried again and told once");
	w.start_result = CSN_OK;
	run(&w, 1000);
	size_t fed = w.fed;
	link_unlisten(w.link, &l);
	w.start_result = CSN_E_MISSING;
	link_listen(w.link, &l);
	run(&w, 2000);
	tap_ok(fed > 0 && w.troubles == 2,
	       "it worked meanwhile: its next absence is told again");
	world_free(&w);
}

static void
test_failures(void)
{
	static struct world w;

	world_new(&w, CSN_MEDIUM_AUDIO);
	w.start_result = CSN_E_MISSING;
	send_text(&w, "one");
	run(&w, 1000);
	tap_ok(w.sent_count == 1 && w.sent[0] == CSN_E_MISSING &&
		       strcmp(w.text, "no loudspeaker usb:1234") == 0,
	       "a loudspeaker that is not there: said in its own words");
	world_free(&w);

	world_new(&w, CSN_MEDIUM_AUDIO);
	struct link_send *first = send_text(&w, "one");
	send_text(&w, "two");
	run(&w, 150);
	link_cancel(w.link, first);
	run(&w, 3000);
	tap_ok(strncmp(w.log, "one two ", 8) == 0 && w.sent_count == 1 &&
		       w.sent[0] == CSN_OK,
	       "a send taken back is not answered; the next one goes");
	world_free(&w);

	world_new(&w, CSN_MEDIUM_AUDIO);
	char big[65];
	memset(big, 'x', sizeof big);
	struct link_send *none = NULL;
	tap_is(link_send(w.link, (struct csn_bytes){ (uint8_t *)big, 65 }, on_sent, &w,
			 &none),
	       CSN_E_TOO_BIG, "a message over the channel's bound is refused");
	tap_is(link_send(w.link, (struct csn_bytes){ NULL, 0 }, on_sent, &w, &none),
	       CSN_E_TOO_BIG, "an empty message is refused");
	world_free(&w);

	struct link_listener l = { .fn = on_message, .arg = &w };
	world_new(&w, CSN_MEDIUM_VIDEO);
	w.start_result = CSN_E_MISSING;
	link_listen(w.link, &l);
	run(&w, 3000);
	size_t tries = w.starts;
	w.start_result = CSN_OK;
	w.fed_until_message = 1;
	run(&w, 1000);
	tap_ok(tries >= 4 && tries <= 7 && w.heard == 1,
	       "a camera that is not there is tried again, and heard once it is");
	world_free(&w);

	struct csn_error err = { 0 };
	struct link *link = NULL;
	struct link_parts parts = { .label = "air",
				    .channel = &channel,
				    .channel_self = &w };
	w.medium = CSN_MEDIUM_AUDIO;
	tap_ok(link_new(&parts, &link, &err) == CSN_E_CONFIG && link == NULL &&
		       strstr(err.text, "add media") != NULL,
	       "no media for a channel that needs it: %s", err.text);
	w.medium = CSN_MEDIUM_NONE;
	parts.media = &media;
	tap_ok(link_new(&parts, &link, &err) == CSN_E_CONFIG && link == NULL &&
		       strstr(err.text, "uses no media") != NULL,
	       "media for a channel without: %s", err.text);
}

static void
test_free_anywhere(void)
{
	for (uint32_t medium = CSN_MEDIUM_AUDIO; medium <= CSN_MEDIUM_VIDEO; medium++) {
		size_t n = 0, late = 0;

		for (; n < 120; n++) {
			static struct world w;
			struct link_listener l = { .fn = on_message, .arg = &w };

			world_new(&w, medium);
			w.fed_until_message = 3;
			link_listen(w.link, &l);
			send_text(&w, "one");
			send_text(&w, "two");
			run(&w, n * 7);
			size_t sent = w.sent_count, heard = w.heard;
			link_free(w.link);
			w.link = NULL;
			run(&w, 2000);
			late += w.sent_count != sent || w.heard != heard || w.running;
			world_free(&w);
		}
		tap_ok(late == 0,
		       "freed at any of %zu moments (%s): nobody is called any more", n,
		       medium == CSN_MEDIUM_AUDIO ? "sound" : "picture");
	}
}

int
main(void)
{
	test_audio();
	test_video();
	test_beside();
	test_receive();
	test_trouble();
	test_failures();
	test_free_anywhere();
	return tap_done();
}
