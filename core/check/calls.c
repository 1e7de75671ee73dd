/* What each kind offers, called with arguments that do no harm. */
#include "core/check/check.h"

#include <countersign/attest.h>
#include <countersign/ceremony.h>
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

static size_t
media_calls(struct op_call *calls)
{
	const struct csn_media_ops *ops = bench.component->ops.media;
	size_t                      n = 0;

	calls[n++] = (struct op_call){ "start", start_media, NULL };
	if (CSN_HAS(ops, capture))
		calls[n++] = (struct op_call){ "capture", start_capture, NULL };
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

/* --- ceremony: a session in which every call is refused ------------------------------------------ */

static void no_finish(struct csn_session *s, uint32_t outcome, uint32_t code, const char *text)
{
	(void)s;
	(void)code;
	(void)text;
	if (outcome == CSN_OUTCOME_ENROLLED)
		check_broken(RULE_HOST, "a session in which nothing worked was finished as enrolled");
}

static int no_send(struct csn_session *s, uint32_t c, uint32_t role, struct csn_bytes m)
{ (void)s; (void)c; (void)role; (void)m; return CSN_E_UNSUPPORTED; }
static int no_listen(struct csn_session *s, uint32_t role)
{ (void)s; (void)role; return CSN_E_UNSUPPORTED; }
static void no_rest(struct csn_session *s, uint32_t role)
{ (void)s; (void)role; }
static int no_ask(struct csn_session *s, uint32_t c, const struct csn_prompt *p)
{ (void)s; (void)c; (void)p; return CSN_E_UNSUPPORTED; }
static int no_verify(struct csn_session *s, uint32_t c, const struct csn_evidence *e)
{ (void)s; (void)c; (void)e; return CSN_E_UNSUPPORTED; }
static int no_load(struct csn_session *s, uint32_t c, const char *space, struct csn_bytes key)
{ (void)s; (void)c; (void)space; (void)key; return CSN_E_UNSUPPORTED; }
static int no_commit(struct csn_session *s, uint32_t c, const struct csn_store_item *i, size_t n)
{ (void)s; (void)c; (void)i; (void)n; return CSN_E_UNSUPPORTED; }
static int no_sign(struct csn_session *s, uint32_t c, const char *key, const char *algorithm,
                   struct csn_bytes m)
{ (void)s; (void)c; (void)key; (void)algorithm; (void)m; return CSN_E_UNSUPPORTED; }
static int no_certificate(struct csn_session *s, const char *key, uint32_t index,
                          struct csn_bytes *ret_der)
{ (void)s; (void)key; (void)index; (void)ret_der; return CSN_E_UNSUPPORTED; }
static int no_decide(struct csn_session *s, uint32_t c, uint32_t stage)
{ (void)s; (void)c; (void)stage; return CSN_E_UNSUPPORTED; }
static int no_payload(struct csn_session *s, uint32_t c)
{ (void)s; (void)c; return CSN_E_UNSUPPORTED; }
static int no_timer(struct csn_session *s, uint32_t c, uint64_t delay_ms)
{ (void)s; (void)c; (void)delay_ms; return CSN_E_UNSUPPORTED; }
static int some_random(struct csn_session *s, void *out, size_t len)
{ (void)s; return csn_loop_random(bench.loop, out, len); }
static int no_fact(struct csn_session *s, const char *name, const char *value)
{ (void)s; (void)name; (void)value; return CSN_E_UNSUPPORTED; }
static void no_transcript(struct csn_session *s, const uint8_t hash[32])
{ (void)s; (void)hash; }

static void
step(const struct csn_ceremony_ops *ops, void *run, uint32_t type)
{
	struct csn_event *event = scratch(SLOT_EVENT, sizeof *event);

	event->type   = type;
	event->now_ns = csn_loop_now(bench.loop);
	event->unix_s = CSN_VIRTUAL_EPOCH;
	event->role   = CSN_ROLE_RETURN;
	event->medium = "check";
	event->bytes  = CSN_BYTES_OF(hello);
	enter("step");
	ops->step(run, event);
	leave();
	scratch_check(SLOT_EVENT, "step");
}

static void
ceremony_pure(void)
{
	static const struct csn_session_ops table = {
		.size = sizeof table, .send = no_send, .listen = no_listen, .rest = no_rest,
		.ask = no_ask, .verify = no_verify, .load = no_load, .commit = no_commit,
		.sign = no_sign, .certificate = no_certificate, .decide = no_decide,
		.payload = no_payload, .timer = no_timer, .random = some_random, .fact = no_fact,
		.transcript = no_transcript, .finish = no_finish,
	};
	const struct csn_ceremony_ops *ops = bench.component->ops.ceremony;

	for (uint32_t side = CSN_SIDE_STATION; side <= CSN_SIDE_DEVICE; side++) {
		struct csn_session_ops *own = scratch(SLOT_SESSION, sizeof *own);
		struct csn_session      session = { own };
		struct csn_begin       *begin = scratch(SLOT_BEGIN, sizeof *begin);
		struct csn_error        err = { 0 };
		void                   *run = NULL;
		const uint32_t          size = own->size;

		*own         = table;
		own->size    = size;
		begin->side  = side;
		begin->subject = CSN_BYTES_OF(hello);
		enter("begin");
		int r = ops->begin(bench.self, &session, begin, &run, &err);
		leave();
		scratch_check(SLOT_BEGIN, "begin");
		if (r < 0)
			continue;
		step(ops, run, CSN_EVENT_START);
		step(ops, run, CSN_EVENT_MESSAGE);
		step(ops, run, CSN_EVENT_STOP);
		enter("end");
		ops->end(run);
		leave();
	}
	enter("end");
	ops->end(NULL);
	leave();
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
		ceremony_pure();
		break;
	case CSN_KIND_KEYS:
		keys_pure();
		break;
	default:
		break;
	}
}
