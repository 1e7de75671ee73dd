/* Channels: bounds, what arrives is what was sent, and input nobody sane would send. */
#include "core/check/check.h"

#include "core/check/heap.h"

#include <countersign/channel.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MESSAGE_MAX (1u << 24) /* no channel of ours claims to carry more whole */
#define FRAMES_MAX  2000       /* pictures or blocks one message may take       */
#define WIDTH       640
#define HEIGHT      480
#define BLOCK       1024

static const struct csn_channel_ops *ops;
static struct csn_channel_caps       caps;

/* --- caps ------------------------------------------------------------------------------ */

static bool
check_caps(void)
{
	struct csn_channel_caps *got = scratch(SLOT_CAPS, sizeof *got);

	enter("caps");
	int r = ops->caps(bench.self, got);
	leave();
	caps = *got;
	if (!check_ok(r == CSN_OK, "caps answers"))
		return false;
	check_ok((caps.direction & (CSN_SEND | CSN_RECEIVE)) != 0 && (caps.direction & ~7u) == 0,
	         "caps: a direction, and none unknown");
	check_ok(caps.medium <= CSN_MEDIUM_VIDEO, "caps: the medium is known");
	check_ok((caps.traits & ~7u) == 0, "caps: the traits are known");
	check_ok(caps.medium_name != NULL && caps.medium_name[0] != '\0',
	         "caps: the medium has a name");
	check_ok(caps.medium == CSN_MEDIUM_NONE ||
	                 (CSN_HAS(ops, feed) && (caps.direction & CSN_RECEIVE) != 0) ||
	                 (CSN_HAS(ops, render) && (caps.direction & CSN_SEND) != 0),
	         "caps: with a medium there is feed or render");
	check_ok(!(caps.direction & CSN_SEND) || CSN_HAS(ops, send), "who sends has send");
	check_ok(!(caps.direction & CSN_RECEIVE) || CSN_HAS(ops, receive),
	         "who receives has receive");
	if (!check_ok(CSN_HAS(ops, cancel), "there is a cancel"))
		return false;
	return check_ok(caps.max_message > 0 && caps.max_message <= MESSAGE_MAX,
	                "caps: max_message is 1 to %u", MESSAGE_MAX);
}

/* --- frames ----------------------------------------------------------------------------- */

static uint8_t grey[WIDTH * HEIGHT];
static float   samples[BLOCK];

/* One frame from who shows to who looks on; how much was shown, or a negative code. */
static int
move_frame(void *from, void *to)
{
	struct csn_frame *f = scratch(SLOT_FRAME, sizeof *f);

	f->medium  = caps.medium;
	f->time_ns = csn_loop_now(bench.loop);
	if (caps.medium == CSN_MEDIUM_AUDIO) {
		f->rate_hz = 48000;
		f->samples = samples;
		f->count   = BLOCK;
	} else {
		f->grey  = grey;
		f->width = f->stride = WIDTH;
		f->height = HEIGHT;
	}
	const struct csn_frame before = *f;
	enter("render");
	int r = ops->render(from, f);
	leave();
	if (f->grey != before.grey || f->samples != before.samples || f->width != before.width ||
	    f->height != before.height || f->stride != before.stride || f->medium != before.medium ||
	    f->count > BLOCK)
		check_broken(RULE_FRAME, "render changed its frame's shape or memory");
	if (r < 0 || f->count == 0)
		return r < 0 ? r : 0;
	f->grey    = before.grey;
	f->samples = before.samples;
	enter("feed");
	r = ops->feed(to, f);
	leave();
	return r < 0 ? r : 1;
}

/* --- carrying ------------------------------------------------------------------------------ */

static int
send_bytes(void *self, struct csn_op *op, const void *arg)
{
	return ops->send(self, op, *(const struct csn_bytes *)arg);
}

static int
receive(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return ops->receive(self, op);
}

static bool
on_a_medium(void)
{
	return caps.medium != CSN_MEDIUM_NONE && CSN_HAS(ops, feed) && CSN_HAS(ops, render);
}

/* The answer to a message of @len bytes that nobody needs to hear. */
static int
send_len(const uint8_t *bytes, size_t len, int *ret_completions)
{
	const struct csn_bytes message = { bytes, len };
	struct trial           t;

	check_doing("sending %zu bytes", len);
	if (!trial_start(&t, "send", bench.self, send_bytes, &message))
		return CSN_E_NOMEM;
	if (t.answers == 0 && CSN_HAS(ops, render)) /* nobody plays it here        */
		trial_cancel(&t);
	else
		trial_wait(&t);
	*ret_completions = t.completions;
	int result       = t.result;
	trial_end(&t);
	return result;
}

static void
check_bounds(void)
{
	uint8_t *bytes = calloc(1, (size_t)caps.max_message + 1);
	int      times, r;

	if (bytes == NULL) {
		check_ok(false, "no memory for a message of %u bytes", caps.max_message);
		return;
	}
	for (size_t i = 0; i < caps.max_message; i++)
		bytes[i] = (uint8_t)(i * 197 + (i >> 8) + 101);
	r = send_len(bytes, (size_t)caps.max_message + 1, &times);
	check_ok(r == CSN_E_TOO_BIG, "a message over max_message is refused as too big (%d)", r);
	r = send_len(bytes, 0, &times);
	check_ok(r == CSN_OK || r == CSN_E_INVALID,
	         "an empty message is carried or refused as invalid (%d)", r);
	if (bench.peer == NULL || on_a_medium()) {
		r = send_len(bytes, caps.max_message, &times);
		check_ok(r == CSN_OK || (CSN_HAS(ops, render) && r == CSN_E_CANCELLED) ||
		                 (r == CSN_E_TIMEOUT && times == 1),
		         "a message of max_message bytes is carried, or waits for somebody (%d)", r);
	}
	if (CSN_HAS(ops, rest)) {
		enter("rest");
		ops->rest(bench.self);
		leave();
	}
	free(bytes);
}

/* Takes out what earlier sends left; the receive that is pending then is cancelled. */
static void
drain(void *self)
{
	for (int i = 0; i < 64; i++) {
		struct trial t;

		if (!trial_start(&t, "receive", self, receive, NULL))
			return;
		for (int k = 0; k < 5 && t.answers == 0; k++)
			trial_run(1);
		bool empty = t.answers == 0;
		if (empty)
			trial_cancel(&t);
		trial_end(&t);
		if (empty)
			return;
	}
}

static void
check_idle(void)
{
	struct trial t;

	check_doing("a receive with nothing to receive");
	drain(bench.self);
	if (!trial_start(&t, "receive", bench.self, receive, NULL))
		return;
	trial_run(100);
	if (check_ok(t.answers == 0, "a receive with nothing to receive stays pending"))
		trial_cancel(&t);
	check_ok(t.result == CSN_E_CANCELLED && t.completions == 1,
	         "a cancelled receive ends as cancelled (%d, %s)", t.result,
	         t.completions == 1 ? "ended once" : "not ended once");
	trial_end(&t);
}

enum carried { CARRIED, NOTHING_CAME, OTHER_CAME, NOT_SENT };

/* What became of @message on its way to @to. */
static enum carried
carry(void *from, void *to, struct csn_bytes message)
{
	struct trial in, out;

	if (!trial_start(&in, "receive", to, receive, NULL))
		return NOTHING_CAME;
	if (!trial_start(&out, "send", from, send_bytes, &message)) {
		trial_end(&in);
		return NOT_SENT;
	}
	for (int i = 0; i < FRAMES_MAX && in.answers == 0; i++) {
		if (on_a_medium() && move_frame(from, to) < 0)
			break;
		trial_run(1);
		if (!on_a_medium() && out.answers > 0 && i > 200)
			break;
	}
	if (in.answers == 0)
		trial_cancel(&in);
	if (out.answers == 0)
		on_a_medium() ? trial_cancel(&out) : trial_wait(&out);
	struct csn_bytes got = csn_buf_bytes(in.buf);
	enum carried     how = in.result != CSN_OK                               ? NOTHING_CAME
	                       : got.len == message.len &&
	                                       (got.len == 0 || memcmp(got.ptr, message.ptr, got.len) == 0)
	                               ? CARRIED
	                               : OTHER_CAME;
	if (out.result < 0 && out.result != CSN_E_CANCELLED)
		how = NOT_SENT;
	trial_end(&out);
	trial_end(&in);
	if (CSN_HAS(ops, rest)) {
		enter("rest");
		ops->rest(from);
		leave();
	}
	return how;
}

#define TEXT(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
	const char    *what;
	const uint8_t *bytes;
	size_t         len;
} messages[] = {
	{ "one byte", TEXT("x") },
	{ "one zero", TEXT("\0") },
	{ "zeros", TEXT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "all bits set", TEXT("\377\377\377\377\377\377\377\377\377\377\377\377") },
	{ "a length of its own in front", TEXT("\0\0\0\4abc") },
	{ "line ends", TEXT("a\nb\r\nc\n\n") },
	{ "escapes of a terminal", TEXT("\033[2J\033]0;x\007\x9b") },
	{ "a path", TEXT("../../../etc/passwd") },
	{ "conversions of printf", TEXT("%n%n%s%s%99999999d") },
	{ "no UTF-8", TEXT("\xc0\x80\xed\xa0\x80\xf8\x88\x80\x80\x80") },
	{ "the head of an endless CBOR string", TEXT("\x5f\x5b\xff\xff\xff\xff\xff\xff\xff\xff") },
};

static void
check_messages(void *to, const char *whom)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		if (messages[i].len > caps.max_message)
			continue;
		check_doing("carrying %s", messages[i].what);
		enum carried how = carry(bench.self, to,
		                         (struct csn_bytes){ messages[i].bytes, messages[i].len });
		check_ok(how == CARRIED, "it carries %s to %s as sent%s", messages[i].what, whom,
		         how == NOTHING_CAME ? ": nothing came"
		         : how == OTHER_CAME ? ": something else came"
		         : how == NOT_SENT   ? ": it was not sent"
		                             : "");
	}
}

/* Only where the channel does its own work: sound and pictures would take minutes. */
static void
check_largest(void *to, const char *whom)
{
	uint8_t *bytes = malloc(caps.max_message);

	for (size_t i = 0; bytes != NULL && i < caps.max_message; i++)
		bytes[i] = (uint8_t)(i * 197 + (i >> 8));
	check_doing("carrying %u bytes", caps.max_message);
	check_ok(bytes != NULL &&
	                 carry(bench.self, to, (struct csn_bytes){ bytes, caps.max_message }) == CARRIED,
	         "it carries max_message bytes, %u, to %s as sent", caps.max_message, whom);
	free(bytes);
}

/* Several in a row, before anybody receives: whole, in order, none twice. */
static void
check_order(void *to, const char *whom)
{
	static const uint8_t words[3][5] = { "first", "secnd", "third" };
	int                  sent = 0;
	bool                 good = true;

	check_doing("three messages in a row");
	for (; sent < 3; sent++) {
		const struct csn_bytes message = { words[sent], 5 };
		struct trial           t;

		if (!trial_start(&t, "send", bench.self, send_bytes, &message))
			return;
		trial_wait(&t);
		int r = t.result;
		trial_end(&t);
		if (r < 0)
			break; /* room for no more                            */
	}
	for (int i = 0; i < sent; i++) {
		struct trial t;

		if (!trial_start(&t, "receive", to, receive, NULL))
			return;
		for (int k = 0; k < 200 && t.answers == 0; k++)
			trial_run(10);
		if (t.answers == 0)
			trial_cancel(&t);
		struct csn_bytes got = csn_buf_bytes(t.buf);
		good &= t.result == CSN_OK && got.len == 5 && memcmp(got.ptr, words[i], 5) == 0;
		trial_end(&t);
	}
	check_ok(sent > 0 && good, "it carries %d messages in a row to %s in order", sent, whom);
}

/* --- frames nobody sane would hand over --------------------------------------------------------- */

static const struct {
	const char *what;
	uint32_t    medium, width, height, stride, rate_hz;
	size_t      count;
	int         fill; /* 0: zeros, 1: noise, 2: no numbers, 3: no memory  */
} frames[] = {
	{ "a frame of the other medium", 99, 8, 8, 8, 48000, 8, 0 },
	{ "a picture of 0 x 0", CSN_MEDIUM_VIDEO, 0, 0, 0, 0, 0, 0 },
	{ "a picture one wide", CSN_MEDIUM_VIDEO, 1, HEIGHT, 1, 0, 0, 1 },
	{ "a picture one high", CSN_MEDIUM_VIDEO, WIDTH, 1, WIDTH, 0, 0, 1 },
	{ "a picture with rows shorter than it is wide", CSN_MEDIUM_VIDEO, 64, 64, 8, 0, 0, 1 },
	{ "a picture without memory", CSN_MEDIUM_VIDEO, 64, 64, 64, 0, 0, 3 },
	{ "a picture larger than memory", CSN_MEDIUM_VIDEO, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0,
	  0, 3 },
	{ "a picture of noise", CSN_MEDIUM_VIDEO, WIDTH, HEIGHT, WIDTH, 0, 0, 1 },
	{ "no samples", CSN_MEDIUM_AUDIO, 0, 0, 0, 48000, 0, 0 },
	{ "samples without memory", CSN_MEDIUM_AUDIO, 0, 0, 0, 48000, BLOCK, 3 },
	{ "a rate of 0", CSN_MEDIUM_AUDIO, 0, 0, 0, 0, BLOCK, 1 },
	{ "a rate of 4 GHz", CSN_MEDIUM_AUDIO, 0, 0, 0, UINT32_MAX, BLOCK, 1 },
	{ "samples that are no numbers", CSN_MEDIUM_AUDIO, 0, 0, 0, 48000, BLOCK, 2 },
	{ "samples of noise", CSN_MEDIUM_AUDIO, 0, 0, 0, 48000, BLOCK, 1 },
};

static void
fill(int how)
{
	uint32_t x = 2463534242;

	for (size_t i = 0; i < sizeof grey; i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		grey[i] = how == 0 ? 0 : (uint8_t)x;
		if (i < BLOCK)
			samples[i] = how == 0   ? 0.0f
			             : how == 2 ? (i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -1e38f)
			                        : (float)(int32_t)x / 2147483648.0f;
	}
}

static void
check_frames(void)
{
	struct trial t;

	if (!trial_start(&t, "receive", bench.self, receive, NULL))
		return;
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		struct csn_frame *f = scratch(SLOT_FRAME, sizeof *f);

		if (frames[i].medium != 99 && frames[i].medium != caps.medium)
			continue;
		check_doing("%s", frames[i].what);
		fill(frames[i].fill);
		f->medium  = frames[i].medium == 99 ? 3 - caps.medium : caps.medium;
		f->width   = frames[i].width;
		f->height  = frames[i].height;
		f->stride  = frames[i].stride;
		f->rate_hz = frames[i].rate_hz;
		f->count   = frames[i].count;
		f->grey    = frames[i].fill != 3 ? grey : NULL;
		f->samples = frames[i].fill != 3 ? samples : NULL;
		enter("feed");
		int r = ops->feed(bench.self, f);
		leave();
		trial_run(1);
		check_ok(r <= 0 && t.answers == 0, "%s is survived and holds no message",
		         frames[i].what);
	}
	if (t.answers == 0)
		trial_cancel(&t);
	trial_end(&t);
}

/* --- bytes nobody sane would write where the channel reads ------------------------------------------ */

static void
inject(const char *what, const uint8_t *bytes, size_t len, int times)
{
	struct trial t;
	bool         bounded = true;
	int          fd = open(bench.inject, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);

	check_doing("%s in %s", what, bench.inject);
	if (fd < 0) {
		check_ok(false, "--inject %s can be written to", bench.inject);
		return;
	}
	if (!trial_start(&t, "receive", bench.self, receive, NULL)) {
		close(fd);
		return;
	}
	for (int i = 0; i < times; i++) {
		if (write(fd, bytes, len) < 0)
			break; /* as much as there is room for                */
		trial_run(10);
		if (t.answers == 0)
			continue;
		bounded &= csn_buf_bytes(t.buf).len <= caps.max_message;
		trial_end(&t);
		if (!trial_start(&t, "receive", bench.self, receive, NULL))
			break;
	}
	close(fd);
	check_ok(bounded, "%s where it reads is survived", what);
	if (t.answers == 0)
		trial_cancel(&t);
	trial_end(&t);
	drain(bench.self);
}

static void
check_injected(void)
{
	uint8_t noise[4000];

	fill(1);
	memcpy(noise, grey, sizeof noise);
	inject("a length of 4 GiB", TEXT("\xff\xff\xff\xff"), 1);
	inject("half a head", TEXT("\0"), 1);
	inject("a message that ends early", TEXT("\0\0\1\0abc"), 1);
	inject("noise", noise, sizeof noise, 60);
}

/* --- all of it ----------------------------------------------------------------------------------------- */

/* The other end of the channel: on a medium a second instance, else what --peer says. */
static bool
make_peer(void)
{
	struct csn_error err = { 0 };

	if (!on_a_medium() && bench.peer_config == NULL)
		return true;
	int r = make_as(bench.peer_config != NULL ? bench.peer_config : bench.config, &bench.peer,
	                &err);
	return check_ok(r == CSN_OK, "there can be another end%s%s", r < 0 ? ": " : "",
	                r < 0 ? csn_error_text(&err) : "");
}

static void
check_carriage(void)
{
	const bool both = (caps.direction & (CSN_SEND | CSN_RECEIVE)) == (CSN_SEND | CSN_RECEIVE);
	void      *to   = bench.peer != NULL ? bench.peer : bench.self;
	const char *whom = bench.peer != NULL ? "the other end" : "its sender";

	if (!both && bench.peer == NULL) {
		check_skip("what arrives: it cannot do both; give the other end with --peer");
		return;
	}
	check_doing("carrying a first message");
	drain(to);
	if (bench.peer == NULL && !on_a_medium()) {
		enum carried how = carry(bench.self, to, (struct csn_bytes){ TEXT("echo") });

		if (how == NOTHING_CAME || how == NOT_SENT) {
			check_skip("what arrives: nothing comes back; give the other end with --peer");
			return;
		}
	}
	if (on_a_medium()) {
		check_ok(carry(bench.self, to, (struct csn_bytes){ TEXT("countersign") }) == CARRIED,
		         "what one instance shows another one takes in");
		return;
	}
	check_messages(to, whom);
	check_largest(to, whom);
	check_order(to, whom);
}

void
check_channel(void)
{
	ops = bench.component->ops.channel;
	if (!check_caps() || !make_peer())
		return;
	if ((caps.direction & CSN_SEND) && CSN_HAS(ops, send))
		check_bounds();
	if ((caps.direction & CSN_RECEIVE) && CSN_HAS(ops, receive)) {
		check_idle();
		if (caps.medium != CSN_MEDIUM_NONE && CSN_HAS(ops, feed))
			check_frames();
		if (bench.inject != NULL)
			check_injected();
		if (check_rules_hold())
			check_carriage();
	}
	if (bench.peer != NULL)
		unmake(bench.peer);
	bench.peer = NULL;
}
