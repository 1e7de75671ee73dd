/* A verifier: evidence in, the verdict before and after appraisal out, one at a time. */
#include "core/worker/worker.h"

#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define VERIFY_S 60 /* the core's own deadline is shorter                     */

static struct {
	struct worker              *worker;
	const struct csn_attest_ops *ops;
	void                        *self;
	struct csn_op               *op;
	uint64_t                     id;
	struct csn_buf              *kept; /* what the evidence points into   */
	char                         type[WIRE_NAME_MAX + 1], device_class[WIRE_NAME_MAX + 1];
	struct csn_evidence          evidence;
	struct csn_verdict           verdict;
	struct csn_op               *nonce_op;
	uint64_t                     nonce_id;
} at;

static int
open_attest(struct worker *worker, struct wire_frame *ready, struct csn_error *err)
{
	at.worker = worker;
	at.ops = worker->parts[0].component->ops.attest;
	at.self = worker->parts[0].self;
	const char *type = at.ops->type(at.self);
	if (type == NULL || strlen(type) > WIRE_NAME_MAX)
		return csn_fail(err, CSN_E_INVALID, "it names no type of evidence");
	ready->v[3].bytes = worker_text(type);
	return CSN_OK;
}

static void
name_from(struct csn_bytes bytes, char name[WIRE_NAME_MAX + 1])
{
	snprintf(name, WIRE_NAME_MAX + 1, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
}

/* ---- a nonce ------------------------------------------------------------------ */

static void
say_nonce(int result, const struct csn_error *err, struct csn_bytes nonce)
{
	const char *text = result == CSN_OK ? "" :
	                   err != NULL      ? csn_error_text(err) :
	                                      csn_result_text(result);

	worker_write(&(struct wire_frame){ .type = WIRE_NONCE,
	                                   .v = { { .number = at.nonce_id },
	                                          { .number = (uint64_t)-result },
	                                          { .bytes = worker_text(text) },
	                                          { .bytes = nonce } } });
}

static void
on_nonce(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	(void)arg;
	at.nonce_op = NULL;
	say_nonce(result, csn_op_error(op),
	          result == CSN_OK ? csn_buf_bytes(buf) : CSN_BYTES_NONE);
}

static int
challenge(const struct wire_frame *frame)
{
	struct csn_op_start start = {
		.what = "attest: challenge",
		.fn = on_nonce,
		.deadline_ns = csn_loop_now(at.worker->loop) + VERIFY_S * CSN_SECOND,
		.cancel = at.ops->cancel,
		.self = at.self,
	};

	if (at.nonce_op != NULL)
		return CSN_E_INVALID;
	at.nonce_id = frame->v[0].number;
	at.nonce_op = csn_op_new(at.worker->ops, &start);
	int r = at.nonce_op == NULL          ? CSN_E_NOMEM :
	        CSN_HAS(at.ops, challenge) ? at.ops->challenge(at.self, at.nonce_op) :
	                                       CSN_E_UNSUPPORTED;
	if (r == CSN_OK)
		return CSN_OK;
	say_nonce(r, at.nonce_op != NULL ? csn_op_error(at.nonce_op) : NULL, CSN_BYTES_NONE);
	csn_op_drop(at.nonce_op);
	at.nonce_op = NULL;
	return CSN_OK;
}

/* ---- a verdict ---------------------------------------------------------------- */

static void
say(int result, const struct csn_error *err, int appraised, const struct csn_verdict *after)
{
	uint8_t          items[2][WIRE_VERDICT_MAX];
	struct csn_bytes before_item = CSN_BYTES_NONE, after_item = CSN_BYTES_NONE;

	if (result == CSN_OK)
		result = wire_put_verdict(&at.verdict, items[0], &before_item);
	if (result == CSN_OK && appraised == CSN_OK)
		appraised = wire_put_verdict(after, items[1], &after_item);
	const char *text = result == CSN_OK ? "" :
	                   err != NULL      ? csn_error_text(err) :
	                                      csn_result_text(result);
	worker_write(&(struct wire_frame){ .type = WIRE_VERDICT,
	                                   .v = { { .number = at.id },
	                                          { .number = (uint64_t)-result },
	                                          { .bytes = worker_text(text) },
	                                          { .bytes = before_item },
	                                          { .number = (uint64_t)-appraised },
	                                          { .bytes = after_item } } });
}

static void
on_verified(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct csn_verdict after = at.verdict;
	int                appraised = CSN_OK;

	(void)arg, (void)buf;
	at.op = NULL;
	if (result == CSN_OK && at.verdict.judgement == CSN_ACCEPTED &&
	    CSN_HAS(at.ops, appraise))
		appraised = at.ops->appraise(at.self, &at.evidence, &after);
	if (appraised > 0)
		appraised = CSN_E_INTERNAL;
	say(result, csn_op_error(op), appraised, &after);
	csn_buf_unref(at.kept);
	at.kept = NULL;
}

/* ---- evidence ----------------------------------------------------------------- */

static void
say_facts(uint64_t id, int result, const struct csn_fact *facts, size_t count)
{
	uint8_t          room[WIRE_VERDICT_MAX];
	struct csn_bytes item = CSN_BYTES_NONE;

	int put = wire_put_facts(facts, result == CSN_OK ? count : 0, room, &item);
	worker_write(&(struct wire_frame){
		.type = WIRE_FACTS,
		.v = { { .number = id },
	               { .number = (uint64_t)-(result < 0 ? result : put) },
	               { .bytes = item } } });
}

/* Asked and answered at once; what it looks at is the frame's. */
static int
identify(const struct wire_frame *frame)
{
	struct csn_fact     facts[CSN_VERDICT_FACTS] = { 0 };
	struct csn_evidence evidence = { .size = sizeof evidence };
	char                type[WIRE_NAME_MAX + 1], class[WIRE_NAME_MAX + 1];
	size_t              count = 0;
	int                 r = CSN_E_UNSUPPORTED;

	name_from(frame->v[1].bytes, type);
	name_from(frame->v[5].bytes, class);
	evidence.type = type;
	evidence.value = frame->v[2].bytes;
	evidence.challenge = frame->v[3].bytes;
	evidence.did = frame->v[4].bytes;
	evidence.device_class = class[0] != '\0' ? class : NULL;
	evidence.unix_s = frame->v[6].number;
	if (CSN_HAS(at.ops, identify))
		r = at.ops->identify(at.self, &evidence, facts, CSN_VERDICT_FACTS, &count);
	say_facts(frame->v[0].number, r > 0 ? CSN_E_INTERNAL : r, facts, count);
	return CSN_OK;
}

/* The frame is gone when the verifier looks at its evidence, so that is copied. */
static int
keep(const struct wire_frame *frame)
{
	struct csn_bytes *places[] = { &at.evidence.value, &at.evidence.challenge,
		                       &at.evidence.did };
	size_t            all = 0, used = 0;

	for (size_t i = 0; i < 3; i++)
		all += frame->v[2 + i].bytes.len;
	uint8_t *joined = malloc(all + 1);
	if (joined == NULL)
		return CSN_E_NOMEM;
	for (size_t i = 0; i < 3; i++) {
		const struct csn_bytes *part = &frame->v[2 + i].bytes;

		if (part->len > 0)
			memcpy(joined + used, part->ptr, part->len);
		used += part->len;
	}
	at.kept = csn_buf_new(joined, all + 1, 0);
	free(joined);
	if (at.kept == NULL)
		return CSN_E_NOMEM;
	used = 0;
	for (size_t i = 0; i < 3; i++) {
		size_t len = frame->v[2 + i].bytes.len;

		*places[i] = (struct csn_bytes){ csn_buf_bytes(at.kept).ptr + used, len };
		used += len;
	}
	return CSN_OK;
}

static int
verify(const struct wire_frame *frame)
{
	struct csn_op_start start = {
		.what = "attest: verify",
		.fn = on_verified,
		.deadline_ns = csn_loop_now(at.worker->loop) + VERIFY_S * CSN_SECOND,
		.cancel = at.ops->cancel,
		.self = at.self,
	};

	if (at.op != NULL)
		return CSN_E_INVALID;
	at.id = frame->v[0].number;
	at.evidence = (struct csn_evidence){ .size = sizeof at.evidence };
	at.verdict = (struct csn_verdict){ .size = sizeof at.verdict };
	name_from(frame->v[1].bytes, at.type);
	name_from(frame->v[5].bytes, at.device_class);
	at.evidence.type = at.type;
	at.evidence.device_class = at.device_class[0] != '\0' ? at.device_class : NULL;
	at.evidence.unix_s = frame->v[6].number;
	at.op = csn_op_new(at.worker->ops, &start);
	int r = at.op == NULL ? CSN_E_NOMEM : keep(frame);
	if (r == CSN_OK)
		r = at.ops->verify(at.self, at.op, &at.evidence, &at.verdict);
	if (r == CSN_OK)
		return CSN_OK;
	say(r, at.op != NULL ? csn_op_error(at.op) : NULL, CSN_OK, &at.verdict);
	csn_op_drop(at.op);
	at.op = NULL;
	csn_buf_unref(at.kept);
	at.kept = NULL;
	return CSN_OK;
}

static int
on_frame(struct worker *worker, const struct wire_frame *frame)
{
	(void)worker;
	if (frame->type == WIRE_VERIFY)
		return verify(frame);
	if (frame->type == WIRE_CHALLENGE)
		return challenge(frame);
	if (frame->type == WIRE_IDENTIFY)
		return identify(frame);
	if (frame->type != WIRE_CANCEL)
		return CSN_E_INVALID;
	if (at.op != NULL && frame->v[0].number == at.id)
		csn_op_cancel(at.op);
	return CSN_OK;
}

static void
close_attest(struct worker *worker)
{
	(void)worker;
	if (at.op != NULL)
		csn_op_cancel(at.op);
	if (at.nonce_op != NULL)
		csn_op_cancel(at.nonce_op);
}

const struct worker_kind worker_attest = { open_attest, on_frame, close_attest };
