/* What each kind offers, called with arguments that do no harm. */
#include "core/check/check.h"

#include <countersign/attest.h>
#include <countersign/channel.h>
#include <countersign/format.h>
#include <countersign/gate.h>
#include <countersign/keys.h>
#include <countersign/media.h>
#include <countersign/prompt.h>
#include <countersign/store.h>

#define FRAMES 3 /* drawn or heard in one exercise                            */

static const uint8_t hello[16] = "countersign test";

/* --- making one --------------------------------------------------------------------- */

int
make_as(const struct csn_config *config, void **ret_self, struct csn_error *err)
{
	enter("create");
	int r = bench.component->create(bench.host, config, ret_self, err);
	leave();
	return r;
}

void
unmake(void *self)
{
	enter("destroy");
	bench.component->destroy(self);
	leave();
}

/* --- channel ------------------------------------------------------------------------- */

static int
start_send(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.channel->send(self, op, CSN_BYTES_OF(hello));
}

static int
start_receive(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.channel->receive(self, op);
}

static size_t
channel_calls(struct op_call *calls)
{
	const struct csn_channel_ops *ops = bench.component->ops.channel;
	size_t                        n = 0;

	if (CSN_HAS(ops, send))
		calls[n++] = (struct op_call){ "send", start_send, NULL };
	if (CSN_HAS(ops, receive))
		calls[n++] = (struct op_call){ "receive", start_receive, NULL };
	return n;
}

static void
show_frames(const struct csn_channel_ops *ops, uint32_t medium)
{
	static uint8_t grey[64 * 64];
	static float   samples[1024];

	for (int i = 0; i < FRAMES; i++) {
		struct csn_frame *f = scratch(SLOT_FRAME, sizeof *f);

		f->medium = medium;
		f->time_ns = csn_loop_now(bench.loop);
		if (medium == CSN_MEDIUM_AUDIO) {
			f->rate_hz = 48000;
			f->samples = samples;
			f->count   = 1024;
		} else {
			f->grey  = grey;
			f->width = f->height = f->stride = 64;
		}
		if (CSN_HAS(ops, feed)) {
			memset(grey, 200, sizeof grey);
			memset(samples, 0, sizeof samples);
			enter("feed");
			ops->feed(bench.self, f);
			leave();
		}
		if (CSN_HAS(ops, render)) {
			f->count = medium == CSN_MEDIUM_AUDIO ? 1024 : 0;
			enter("render");
			ops->render(bench.self, f);
			leave();
		}
		scratch_check(SLOT_FRAME, "feed or render");
	}
}

static void
channel_pure(void)
{
	const struct csn_channel_ops *ops  = bench.component->ops.channel;
	struct csn_channel_caps      *caps = scratch(SLOT_CAPS, sizeof *caps);
	char                          text[64];

	enter("caps");
	int r = ops->caps(bench.self, caps);
	leave();
	scratch_check(SLOT_CAPS, "caps");
	if (r == CSN_OK && caps->medium != CSN_MEDIUM_NONE)
		show_frames(ops, caps->medium);
	if (CSN_HAS(ops, rest)) {
		enter("rest");
		ops->rest(bench.self);
		leave();
	}
	if (CSN_HAS(ops, diagnose)) {
		enter("diagnose");
		ops->diagnose(bench.self, text, sizeof text);
		leave();
	}
}

/* --- media ----------------------------------------------------------------------------- */

static int
start_media(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.media->start(self, op);
}

static int
start_capture(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.media->capture(self, op,
	                                           scratch(SLOT_FRAME, sizeof(struct csn_frame)));
}

/* One frame of what it says it shows or plays. */
static int
start_play(void *self, struct csn_op *op, const void *arg)
{
	static uint8_t              grey[64 * 64];
	static float                samples[480];
	const struct csn_media_ops *ops = bench.component->ops.media;
	struct csn_media_caps      *caps = scratch(SLOT_CAPS, sizeof *caps);
	struct csn_frame           *f = scratch(SLOT_FRAME, sizeof *f);

	(void)arg;
	if (ops->caps(self, caps) < 0)
		return CSN_E_UNSUPPORTED;
	f->medium = caps->medium;
	f->rate_hz = caps->rate_hz;
	f->samples = samples;
	f->count = f->medium == CSN_MEDIUM_AUDIO ? 480 : 1;
	f->grey = grey;
	f->width = f->height = f->stride = 64;
	return ops->play(self, op, f);
}

static int
start_drain(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.media->drain(self, op);
}

static size_t
media_calls(struct op_call *calls)
{
	const struct csn_media_ops *ops = bench.component->ops.media;
	size_t                      n = 0;

	calls[n++] = (struct op_call){ "start", start_media, NULL };
	if (CSN_HAS(ops, capture))
		calls[n++] = (struct op_call){ "capture", start_capture, NULL };
	if (CSN_HAS(ops, play))
		calls[n++] = (struct op_call){ "play", start_play, NULL };
	if (CSN_HAS(ops, drain))
		calls[n++] = (struct op_call){ "drain", start_drain, NULL };
	return n;
}

static void
media_pure(void)
{
	const struct csn_media_ops *ops  = bench.component->ops.media;
	struct csn_media_caps      *caps = scratch(SLOT_CAPS, sizeof *caps);

	enter("caps");
	ops->caps(bench.self, caps);
	leave();
	scratch_check(SLOT_CAPS, "caps");
	enter("stop");
	ops->stop(bench.self);
	leave();
}

static struct csn_verdict *judged; /* by the latest verify                       */

/* --- attest ------------------------------------------------------------------------------ */

static struct csn_evidence *
noise(void)
{
	struct csn_evidence *evidence = scratch(SLOT_EVIDENCE, sizeof *evidence);

	evidence->type         = bench.component->ops.attest->type(bench.self);
	evidence->value        = CSN_BYTES_OF(hello);
	evidence->challenge    = CSN_BYTES_OF(hello);
	evidence->device_class = "check";
	evidence->unix_s       = CSN_VIRTUAL_EPOCH;
	return evidence;
}

static int
start_challenge(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.attest->challenge(self, op);
}

static int
start_verify(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	judged = scratch(SLOT_VERDICT, sizeof *judged);
	return bench.component->ops.attest->verify(self, op, noise(), judged);
}

static size_t
attest_calls(struct op_call *calls)
{
	const struct csn_attest_ops *ops = bench.component->ops.attest;
	size_t                       n = 0;

	if (CSN_HAS(ops, challenge))
		calls[n++] = (struct op_call){ "challenge", start_challenge, NULL };
	calls[n++] = (struct op_call){ "verify", start_verify, NULL };
	return n;
}

static void
attest_pure(void)
{
	const struct csn_attest_ops *ops = bench.component->ops.attest;
	struct csn_evidence         *evidence = noise();
	struct csn_fact              facts[4];
	size_t                       count = 0;

	if (CSN_HAS(ops, identify)) {
		enter("identify");
		ops->identify(bench.self, evidence, facts, 4, &count);
		leave();
	}
	scratch_check(SLOT_EVIDENCE, "identify");
	if (CSN_HAS(ops, appraise)) {
		enter("appraise");
		ops->appraise(bench.self, evidence,
		              scratch(SLOT_VERDICT, sizeof(struct csn_verdict)));
		leave();
		scratch_check(SLOT_VERDICT, "appraise");
	}
}

/* --- keys, store, prompt, gate -------------------------------------------------------------- */

static int
start_sign(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.keys->sign(self, op, "check", "EdDSA", CSN_BYTES_OF(hello));
}

static void
keys_pure(void)
{
	const struct csn_keys_ops *ops = bench.component->ops.keys;
	struct csn_buf            *buf = NULL;
	struct csn_error           err = { 0 };

	enter("public_key");
	ops->public_key(bench.self, "check", &buf, &err);
	leave();
	csn_buf_unref(buf);
	buf = NULL;
	if (CSN_HAS(ops, certificate)) {
		enter("certificate");
		ops->certificate(bench.self, "check", 0, &buf, &err);
		leave();
		csn_buf_unref(buf);
	}
}

static int
start_commit(void *self, struct csn_op *op, const void *arg)
{
	static const uint8_t              key[] = "exercise";
	static const struct csn_store_item items[] = {
		{ CSN_ITEM_PUT, 0, "check", { key, sizeof key }, { hello, sizeof hello } },
	};

	(void)arg;
	return bench.component->ops.store->commit(self, op, items, 1);
}

static int
start_get(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.store->get(self, op, "check", CSN_BYTES_OF(hello));
}

static int
start_next(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.store->next(self, op, "check", CSN_BYTES_NONE);
}

static int
start_entry(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.store->entry(self, op, 0);
}

static int
start_count(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.store->count(self, op);
}

static size_t
store_calls(struct op_call *calls)
{
	const struct csn_store_ops *ops = bench.component->ops.store;
	size_t                      n = 0;

	calls[n++] = (struct op_call){ "commit", start_commit, NULL };
	calls[n++] = (struct op_call){ "get", start_get, NULL };
	if (CSN_HAS(ops, next))
		calls[n++] = (struct op_call){ "next", start_next, NULL };
	if (CSN_HAS(ops, entry))
		calls[n++] = (struct op_call){ "entry", start_entry, NULL };
	if (CSN_HAS(ops, count))
		calls[n++] = (struct op_call){ "count", start_count, NULL };
	return n;
}

static int
start_ask(void *self, struct csn_op *op, const void *arg)
{
	const uint32_t   *question = arg;
	struct csn_prompt *prompt   = scratch(SLOT_PROMPT, sizeof *prompt);

	prompt->question = *question;
	prompt->text     = "a question of the checker's";
	prompt->code     = *question == CSN_ASK_COMPARE ? "123456" : NULL;
	prompt->min_len  = *question == CSN_ASK_PIN ? 6 : 0;
	prompt->max_len  = *question == CSN_ASK_PIN ? 8 : 0;
	return bench.component->ops.prompt->ask(self, op, prompt);
}

static size_t
prompt_calls(struct op_call *calls)
{
	static const uint32_t questions[] = { CSN_ASK_CONFIRM, CSN_ASK_COMPARE, CSN_ASK_PIN,
		                              CSN_TELL };

	for (size_t i = 0; i < 4; i++)
		calls[i] = (struct op_call){ "ask", start_ask, &questions[i] };
	return 4;
}

static int
start_admit(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.gate->admit(self, op, CSN_BYTES_OF(hello));
}

static int
start_isolate(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return bench.component->ops.gate->isolate(self, op, CSN_BYTES_OF(hello));
}

/* --- format ----------------------------------------------------------------------------------- */

static void
format_pure(void)
{
	static const uint8_t         texts[][4] = { "", "{}", { 0xa0 }, { 0xff, 0xff, 0xff, 0xff } };
	const struct csn_format_ops *ops = bench.component->ops.format;
	struct csn_error             err = { 0 };

	for (size_t i = 0; i < 4; i++) {
		const struct csn_bytes in = { texts[i], i };
		struct csn_buf        *buf = NULL;

		enter("decode");
		ops->decode(bench.self, in, &buf, &err);
		leave();
		csn_buf_unref(buf);
		buf = NULL;
		if (!CSN_HAS(ops, encode))
			continue;
		enter("encode");
		ops->encode(bench.self, in, &buf, &err);
		leave();
		csn_buf_unref(buf);
	}
}

/* --- by kind --------------------------------------------------------------------------------------- */

size_t
calls_of_kind(struct op_call calls[8])
{
	switch (bench.component->kind) {
	case CSN_KIND_CHANNEL:
		return channel_calls(calls);
	case CSN_KIND_MEDIA:
		return media_calls(calls);
	case CSN_KIND_ATTEST:
		return attest_calls(calls);
	case CSN_KIND_KEYS:
		calls[0] = (struct op_call){ "sign", start_sign, NULL };
		return 1;
	case CSN_KIND_STORE:
		return store_calls(calls);
	case CSN_KIND_PROMPT:
		return prompt_calls(calls);
	case CSN_KIND_GATE:
		calls[0] = (struct op_call){ "admit", start_admit, NULL };
		calls[1] = (struct op_call){ "isolate", start_isolate, NULL };
		return 2;
	default:
		return 0;
	}
}

#define CANCEL_OF(kind) (CSN_HAS(bench.component->ops.kind, cancel) ? bench.component->ops.kind->cancel : NULL)

csn_op_cancel_fn *
cancel_of_kind(void)
{
	switch (bench.component->kind) {
	case CSN_KIND_CHANNEL:
		return CANCEL_OF(channel);
	case CSN_KIND_MEDIA:
		return CANCEL_OF(media);
	case CSN_KIND_ATTEST:
		return CANCEL_OF(attest);
	case CSN_KIND_KEYS:
		return CANCEL_OF(keys);
	case CSN_KIND_STORE:
		return CANCEL_OF(store);
	case CSN_KIND_PROMPT:
		return CANCEL_OF(prompt);
	case CSN_KIND_GATE:
		return CANCEL_OF(gate);
	default:
		return NULL;
	}
}

/* A send on a medium ends when it was played, a receive when somebody sends. */
static bool
waits_for_others(const struct op_call *call)
{
	return strcmp(call->name, "receive") == 0 ||
	       (strcmp(call->name, "send") == 0 && CSN_HAS(bench.component->ops.channel, render));
}

void
exercise(void)
{
	struct op_call calls[8];
	size_t         count = calls_of_kind(calls);

	for (size_t i = 0; i < count; i++) {
		struct trial t;

		if (!trial_start(&t, calls[i].name, bench.self, calls[i].start, calls[i].arg))
			return;
		trial_run(1);
		if (t.answers == 0 && waits_for_others(&calls[i]))
			trial_cancel(&t);
		else
			trial_wait(&t);
		if (judged != NULL && judged->judgement == CSN_ACCEPTED)
			check_broken(RULE_VERDICT, "noise was accepted");
		trial_end(&t);
	}
	switch (bench.component->kind) {
	case CSN_KIND_CHANNEL:
		channel_pure();
		break;
	case CSN_KIND_MEDIA:
		media_pure();
		break;
	case CSN_KIND_ATTEST:
		attest_pure();
		break;
	case CSN_KIND_FORMAT:
		format_pure();
		break;
	case CSN_KIND_CEREMONY:
		exercise_ceremony();
		break;
	case CSN_KIND_KEYS:
		keys_pure();
		break;
	default:
		break;
	}
}
