/*
 * A verifier in the worker.  One piece of evidence is judged at a time, so that evidence
 * which takes the verifier down takes no other session's with it.
 */
#include "core/isolate/int.h"

#include <stdio.h>
#include <stdlib.h>

#define APPRAISED_MAX 64

static void
free_verify(struct isolate_verify *v)
{
	wire_free(v->frame, v->frame_len);
	free(v);
}

/* The first is over, one way or the other. */
static void
end_first(struct isolate *iso, int result, const char *text)
{
	struct isolate_verifier *at = &iso->verifier;
	struct isolate_verify   *v = at->first;

	at->first = v->next;
	if (at->first == NULL)
		at->end = &at->first;
	at->asked = false;
	if (v->op != NULL) {
		if (result < 0 && text[0] != '\0')
			csn_fail(csn_op_error(v->op), result, "%s", text);
		csn_op_done(v->op, result, NULL);
	}
	free_verify(v);
}

/* A nonce of the verifier's own: one at a time, beside what is judged. */
static void
ask_challenge(struct isolate *iso)
{
	struct isolate_verifier *at = &iso->verifier;

	if (at->challenge == NULL || at->challenged || iso->state != ISOLATE_UP)
		return;
	at->challenged = true;
	isolate_put(iso, &(struct wire_frame){ .type = WIRE_CHALLENGE,
	                                       .v = { { .number = at->challenge_id } } });
}

static void
end_challenge(struct isolate *iso, int result, const char *text, struct csn_buf *take)
{
	iso->verifier.challenged = false;
	isolate_end_op(&iso->verifier.challenge, result, text, take);
}

static void
ask_first(struct isolate *iso)
{
	struct isolate_verifier *at = &iso->verifier;

	while (at->first != NULL && at->first->op == NULL)
		end_first(iso, CSN_E_CANCELLED, "");
	if (at->first == NULL || at->asked || iso->state != ISOLATE_UP)
		return;
	uint8_t *frame = at->first->frame;
	at->asked = true;
	at->first->frame = NULL;
	isolate_put_bytes(iso, frame, at->first->frame_len);
}

/* ---- what appraisal will say -------------------------------------------------- */

static void
drop_beyond(struct isolate_appraised *kept, size_t most)
{
	struct isolate_appraised *next;

	while (kept->next != NULL && --most > 0)
		kept = kept->next;
	while ((next = kept->next) != NULL) { /* of sessions that never asked  */
		kept->next = next->next;
		free(next);
	}
}

/*
 * appraise() is called and answers at once, so the worker appraises right after it
 * verified and both verdicts come together; this one waits for its question.
 */
static int
keep_appraised(struct isolate *iso, const struct csn_verdict *before, int result,
               const struct csn_verdict *after)
{
	struct isolate_appraised *kept = calloc(1, sizeof *kept);

	if (kept == NULL)
		return CSN_E_NOMEM;
	kept->before = *before;
	kept->after = *after;
	kept->result = result;
	kept->next = iso->verifier.appraised;
	iso->verifier.appraised = kept;
	drop_beyond(kept, APPRAISED_MAX);
	return CSN_OK;
}

/* By what the wire says of them: memory holds gaps. */
static bool
same_verdict(const struct csn_verdict *a, const struct csn_verdict *b)
{
	uint8_t          rooms[2][WIRE_VERDICT_MAX];
	struct csn_bytes items[2];

	return wire_put_verdict(a, rooms[0], &items[0]) == CSN_OK &&
	       wire_put_verdict(b, rooms[1], &items[1]) == CSN_OK &&
	       items[0].len == items[1].len &&
	       memcmp(items[0].ptr, items[1].ptr, items[0].len) == 0;
}

static int
appraise(void *self, const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	struct isolate            *iso = self;
	struct isolate_appraised **at = &iso->verifier.appraised, *kept;

	(void)evidence;
	while ((kept = *at) != NULL && !same_verdict(&kept->before, verdict))
		at = &kept->next;
	if (kept == NULL)
		return CSN_E_INTERNAL;
	int result = kept->result;
	if (result == CSN_OK)
		*verdict = kept->after;
	*at = kept->next;
	free(kept);
	return result;
}

/* ---- frames ------------------------------------------------------------------- */

static enum wire_fault
take_verdict(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_verifier *at = &iso->verifier;
	struct csn_verdict       before, after;
	char                     text[WIRE_TEXT_MAX + 1];
	int                      result = wire_result(&frame->v[1]);
	int                      appraised = wire_result(&frame->v[4]);

	if (at->first == NULL || !at->asked || frame->v[0].number != at->first->id)
		return WIRE_UNASKED;
	if (result == CSN_OK &&
	    (!wire_get_verdict(frame->v[3].bytes, &before) ||
	     (appraised == CSN_OK && !wire_get_verdict(frame->v[5].bytes, &after))))
		return WIRE_MALFORMED;
	snprintf(text, sizeof text, "%.*s", (int)frame->v[2].bytes.len,
	         (const char *)frame->v[2].bytes.ptr);
	if (appraised < 0)
		after = before;
	/* Only who was accepted is appraised, and by nobody who withdrew. */
	if (result == CSN_OK && at->first->op != NULL) {
		if (before.judgement == CSN_ACCEPTED)
			result = keep_appraised(iso, &before, appraised, &after);
		if (result == CSN_OK)
			*at->first->verdict = before;
	}
	end_first(iso, result, text);
	ask_first(iso);
	return WIRE_FINE;
}

static enum wire_fault
take_nonce(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_verifier *at = &iso->verifier;
	const struct csn_bytes   bytes = frame->v[3].bytes;
	char                     text[WIRE_TEXT_MAX + 1];
	int                      result = wire_result(&frame->v[1]);
	struct csn_buf          *nonce = NULL;

	if (!at->challenged || frame->v[0].number != at->challenge_id)
		return WIRE_UNASKED;
	if (result == CSN_OK && (bytes.len == 0 || bytes.len > WIRE_NAME_MAX))
		return WIRE_BOUND;
	snprintf(text, sizeof text, "%.*s", (int)frame->v[2].bytes.len,
	         (const char *)frame->v[2].bytes.ptr);
	if (result == CSN_OK && (nonce = csn_buf_new(bytes.ptr, bytes.len, 0)) == NULL)
		result = CSN_E_NOMEM;
	end_challenge(iso, result, text, nonce);
	return WIRE_FINE;
}

static enum wire_fault
take_facts(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_verifier *at = &iso->verifier;

	if (at->identify_id == 0 || frame->v[0].number != at->identify_id)
		return WIRE_UNASKED;
	at->facts_result = wire_result(&frame->v[1]);
	if (at->facts_result == CSN_OK &&
	    !wire_get_facts(frame->v[2].bytes, at->facts, CSN_VERDICT_FACTS, &at->fact_count))
		return WIRE_MALFORMED;
	at->identify_id = 0;
	at->identified = true;
	return WIRE_FINE;
}

static enum wire_fault
on_frame(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_verifier *at = &iso->verifier;
	const struct csn_bytes   name = frame->v[3].bytes;

	if (frame->type == WIRE_VERDICT)
		return take_verdict(iso, frame);
	if (frame->type == WIRE_NONCE)
		return take_nonce(iso, frame);
	if (frame->type == WIRE_FACTS)
		return take_facts(iso, frame);
	if (frame->type != WIRE_READY)
		return WIRE_UNEXPECTED;
	if (name.len == 0 || memchr(name.ptr, '\0', name.len) != NULL)
		return WIRE_BOUND;
	if (at->type[0] == '\0')
		memcpy(at->type, name.ptr, name.len);
	else if (strlen(at->type) != name.len || memcmp(at->type, name.ptr, name.len) != 0)
		return WIRE_BOUND;
	return WIRE_FINE;
}

/* Whose evidence was being judged is told; the others wait for the next worker. */
static void
down(struct isolate *iso, int code)
{
	if (iso->verifier.first != NULL && iso->verifier.asked)
		end_first(iso, code != CSN_OK ? code : CSN_E_IO, iso->why);
	if (iso->verifier.challenged)
		end_challenge(iso, code != CSN_OK ? code : CSN_E_IO, iso->why, NULL);
	iso->verifier.identify_id = 0;
}

static bool
busy(const struct isolate *iso)
{
	const struct isolate_verifier *at = &iso->verifier;

	return at->first != NULL || at->challenge != NULL || at->wanted;
}

static void
up(struct isolate *iso)
{
	iso->verifier.wanted = false;
	ask_challenge(iso);
	ask_first(iso);
}

static void
done(struct isolate *iso)
{
	struct isolate_verifier  *at = &iso->verifier;
	struct isolate_verify    *v;
	struct isolate_appraised *kept;

	while ((v = at->first) != NULL) {
		at->first = v->next;
		free_verify(v);
	}
	while ((kept = at->appraised) != NULL) {
		at->appraised = kept->next;
		free(kept);
	}
}

const struct isolate_kind isolate_attest = { up, on_frame, down, busy, done };

/* ---- the table ---------------------------------------------------------------- */

static const char *
type(void *self)
{
	return ((struct isolate *)self)->verifier.type;
}

static struct csn_bytes
bytes_of(const char *text)
{
	return text != NULL ? (struct csn_bytes){ (const uint8_t *)text, strlen(text) } :
	                      CSN_BYTES_NONE;
}

/* The frame that brings evidence to the worker; NULL after saying why there is none. */
static uint8_t *
evidence_frame(enum wire_type type, uint64_t id, const struct csn_evidence *evidence,
               size_t *ret_len, struct csn_error *err)
{
	struct csn_bytes  kind = bytes_of(evidence->type);
	struct csn_bytes  class = bytes_of(evidence->device_class);
	struct wire_frame frame = { .type = type,
		                    .v = { { .number = id },
		                           { .bytes = kind },
		                           { .bytes = evidence->value },
		                           { .bytes = evidence->challenge },
		                           { .bytes = evidence->did },
		                           { .bytes = class },
		                           { .number = evidence->unix_s } } };
	uint8_t          *bytes = NULL;

	if (kind.len > WIRE_NAME_MAX || class.len > WIRE_NAME_MAX ||
	    evidence->value.len > WIRE_BYTES_MAX || evidence->challenge.len > WIRE_NAME_MAX ||
	    evidence->did.len > WIRE_NAME_MAX)
		csn_fail(err, CSN_E_TOO_BIG, "evidence is over the bounds of a worker");
	else if ((bytes = wire_make(&frame, ret_len)) == NULL)
		csn_fail(err, CSN_E_NOMEM, "no memory for evidence");
	return bytes;
}

static int
verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
       struct csn_verdict *verdict)
{
	struct isolate        *iso = self;
	struct csn_error      *err = csn_op_error(op);
	struct isolate_verify *v = calloc(1, sizeof *v);

	if (v == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for evidence");
	v->op = op;
	v->verdict = verdict;
	v->id = ++iso->next_id;
	v->frame = evidence_frame(WIRE_VERIFY, v->id, evidence, &v->frame_len, err);
	if (v->frame == NULL) {
		free(v);
		return err->code;
	}
	*iso->verifier.end = v;
	iso->verifier.end = &v->next;
	ask_first(iso);
	isolate_want(iso);
	return CSN_OK;
}

static int
challenge(void *self, struct csn_op *op)
{
	struct isolate          *iso = self;
	struct isolate_verifier *at = &iso->verifier;

	if (at->challenge != NULL || at->challenged)
		return csn_fail(csn_op_error(op), CSN_E_BUSY, "another nonce is being made");
	at->challenge = op;
	at->challenge_id = ++iso->next_id;
	ask_challenge(iso);
	isolate_want(iso);
	return CSN_OK;
}

/* Who the evidence says it is from is asked and answered at once: the loop waits for it. */
static int
identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
         size_t room, size_t *ret_count)
{
	struct isolate          *iso = self;
	struct isolate_verifier *at = &iso->verifier;
	struct csn_error         err = { 0 };
	size_t                   len = 0;

	if (iso->state != ISOLATE_UP) {
		at->wanted = true;
		isolate_want(iso);
		return CSN_E_IO;
	}
	uint64_t id = ++iso->next_id;
	uint8_t *frame = evidence_frame(WIRE_IDENTIFY, id, evidence, &len, &err);
	if (frame == NULL)
		return err.code;
	at->identify_id = id;
	at->identified = false;
	isolate_put_bytes(iso, frame, len);
	if (!isolate_wait(iso, &at->identified))
		return CSN_E_IO;
	if (at->facts_result < 0)
		return at->facts_result;
	*ret_count = at->fact_count < room ? at->fact_count : room;
	memcpy(ret_facts, at->facts, *ret_count * sizeof *ret_facts);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct isolate *iso = self;

	if (op == iso->verifier.challenge) {
		iso->verifier.challenge = NULL; /* its answer is nobody's        */
		csn_op_done(op, CSN_E_CANCELLED, NULL);
		return;
	}
	for (struct isolate_verify *v = iso->verifier.first; v != NULL; v = v->next) {
		if (v->op != op)
			continue;
		v->op = NULL;
		csn_op_done(op, CSN_E_CANCELLED, NULL);
		if (v == iso->verifier.first && iso->verifier.asked)
			isolate_put(iso, &(struct wire_frame){ .type = WIRE_CANCEL,
			                                       .v = { { .number = v->id } } });
		return;
	}
}

const struct csn_attest_ops isolate_attest_ops = {
	.size = sizeof isolate_attest_ops,
	.type = type,
	.challenge = challenge,
	.identify = identify,
	.verify = verify,
	.appraise = appraise,
	.cancel = cancel,
};
