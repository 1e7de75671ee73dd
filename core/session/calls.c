/* What a ceremony may ask for that decides nothing. */
#include "core/session/int.h"

#include "lib/verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MS    300000u
#define VERIFY_MS 10000u
#define LOAD_MS   10000u
#define SIGN_MS   30000u

/* The session, when it still takes calls. */
static struct session *
open_session(struct csn_session *pub)
{
	struct session *s = (struct session *)pub;

	return s->closing ? NULL : s;
}

/* Begins a call of the ceremony; NULL: *ret says why. */
static struct call *
begin_call(struct csn_session *pub, uint32_t id, uint32_t type, int *ret)
{
	struct session *s = open_session(pub);

	*ret = CSN_E_INVALID;
	if (s == NULL || id == 0)
		return NULL;
	struct call *call = session_call_new(s, id, type);
	if (call == NULL && s->call_count >= SESSION_CALLS_MAX)
		*ret = CSN_E_TOO_BIG;
	return call;
}

static int
end_call(struct call *call, int result)
{
	if (result < 0)
		session_call_drop(call->s, call);
	return result;
}

static const char *const role_names[] = { "", "offer", "bind", "return", "bulk" };

/* ---- messages ----------------------------------------------------------------- */

static void
on_sent(void *arg, int result, const struct csn_error *err)
{
	struct call *call = arg;

	call->send = NULL;
	if (result < 0 && err != NULL) {
		char text[256];

		snprintf(text, sizeof text, "%s: %s", role_names[call->role],
			 csn_error_text(err));
		session_because(call->s, "channel");
		session_story(call->s, SESSION_TROUBLE, text);
	}
	session_answer(call, result, NULL);
}

static struct link *
link_of(const struct session *s, uint32_t role)
{
	return role >= CSN_ROLE_OFFER && role <= CSN_ROLE_BULK ? s->parts.links[role]
							       : NULL;
}

static int
call_send(struct csn_session *pub, uint32_t id, uint32_t role, struct csn_bytes message)
{
	int r;
	struct call *call = begin_call(pub, id, CSN_EVENT_SENT, &r);

	if (call == NULL)
		return r;
	struct session *s = call->s;
	if (s->store_broken) /* no effect without its record                  */
		return end_call(call, CSN_E_IO);
	call->role = role;
	call->link = link_of(s, role);
	if (call->link == NULL)
		return end_call(call, CSN_E_MISSING);
	r = link_send(call->link, message, on_sent, call, &call->send);
	if (r == CSN_OK) {
		s->roles[role].used = true;
		s->effects = s->effects || s->delivered_payload;
	}
	return end_call(call, r);
}

static void
on_message(void *arg, const struct link *link, uint64_t at_ns, struct csn_bytes message)
{
	struct role *role = arg;
	struct session *s = role->s;

	if (s->closing)
		return;
	struct call *call = s->messages < SESSION_MESSAGES_MAX
				    ? session_call_new(s, 0, CSN_EVENT_MESSAGE)
				    : NULL;
	struct csn_buf *buf =
		call != NULL ? csn_buf_new(message.ptr, message.len, 0) : NULL;
	if (buf == NULL) {
		csn_log_line(s->parts.log, CSN_LOG_WARN, "session",
			     "a message was dropped");
		if (call != NULL)
			session_call_drop(s, call);
		return;
	}
	s->messages++;
	session_heard(s, role->role, link_medium(link));
	call->role = role->role;
	call->medium = link_medium(link);
	call->at_ns = at_ns;
	session_answer(call, CSN_OK, buf);
	csn_buf_unref(buf);
}

static void
on_trouble(void *arg, const char *text)
{
	struct role *role = arg;

	session_story(role->s, SESSION_TROUBLE, text);
}

static int
call_listen(struct csn_session *pub, uint32_t role)
{
	struct session *s = open_session(pub);

	if (s == NULL)
		return CSN_E_INVALID;
	struct link *link = link_of(s, role);
	if (link == NULL)
		return CSN_E_MISSING;
	struct role *r = &s->roles[role];
	r->listener.fn = on_message;
	r->listener.trouble = on_trouble;
	r->listener.arg = r;
	int result = link_listen(link, &r->listener);
	if (result == CSN_OK)
		r->listening = true;
	return result;
}

static void
call_rest(struct csn_session *pub, uint32_t role)
{
	struct session *s = open_session(pub);
	struct link *link = s != NULL ? link_of(s, role) : NULL;

	if (link == NULL)
		return;
	if (s->roles[role].listening)
		link_unlisten(link, &s->roles[role].listener);
	if (s->roles[role].used)
		link_rest(link);
	s->roles[role].listening = s->roles[role].used = false;
}

/* ---- a person, a store, a key --------------------------------------------------- */

static int
call_ask(struct csn_session *pub, uint32_t id, const struct csn_prompt *prompt)
{
	int r;
	struct call *call = begin_call(pub, id, CSN_EVENT_ANSWER, &r);

	if (call == NULL)
		return r;
	const struct session_parts *parts = &call->s->parts;
	if (!session_may_ask(call->s)) {
		session_because(call->s, parts->no_input ? "no-input" : "prompt");
		return end_call(call, CSN_E_MISSING);
	}
	struct csn_op *op = session_op(call, "prompt: ask", ASK_MS,
				       parts->prompt->cancel, parts->prompt_self);
	if (op == NULL)
		return end_call(call, CSN_E_NOMEM);
	r = session_op_started(call,
			       parts->prompt->ask(parts->prompt_self, op, prompt));
	if (r == CSN_E_MISSING)
		session_because(call->s, "prompt");
	return end_call(call, r);
}

static int
call_load(struct csn_session *pub, uint32_t id, const char *space, struct csn_bytes key)
{
	int r;
	struct call *call = begin_call(pub, id, CSN_EVENT_LOADED, &r);

	if (call == NULL)
		return r;
	const struct session_parts *parts = &call->s->parts;
	struct csn_op *op = session_op(call, "store: get", LOAD_MS,
				       parts->store->cancel, parts->store_self);
	if (op == NULL)
		return end_call(call, CSN_E_NOMEM);
	return end_call(call,
			session_op_started(call, parts->store->get(parts->store_self,
								   op, space, key)));
}

static int
call_sign(struct csn_session *pub, uint32_t id, const char *key, const char *algorithm,
	  struct csn_bytes to_sign)
{
	int r;
	struct call *call = begin_call(pub, id, CSN_EVENT_SIGNED, &r);

	if (call == NULL)
		return r;
	const struct session_parts *parts = &call->s->parts;
	if (!CSN_HAS(parts->keys, sign))
		return end_call(call, CSN_E_MISSING);
	struct csn_op *op = session_op(call, "keys: sign", SIGN_MS, parts->keys->cancel,
				       parts->keys_self);
	if (op == NULL)
		return end_call(call, CSN_E_NOMEM);
	return end_call(call, session_op_started(
				      call, parts->keys->sign(parts->keys_self, op, key,
							      algorithm, to_sign)));
}

static int
call_certificate(struct csn_session *pub, const char *key, uint32_t index,
		 struct csn_bytes *ret_der)
{
	struct session *s = open_session(pub);
	struct csn_error err = { 0 };
	struct csn_buf *der = NULL;

	if (s == NULL)
		return CSN_E_INVALID;
	if (!CSN_HAS(s->parts.keys, certificate))
		return CSN_E_MISSING;
	if (s->cert_count == SESSION_CERTS_MAX)
		return CSN_E_TOO_BIG;
	int r = s->parts.keys->certificate(s->parts.keys_self, key, index, &der, &err);
	if (r < 0)
		return r;
	s->certs[s->cert_count++] = der;
	*ret_der = csn_buf_bytes(der);
	return CSN_OK;
}

/* ---- evidence ----------------------------------------------------------------- */

/* A verifier keeps what it is given until its operation ends, so it gets copies. */
static int
keep_bytes(struct csn_buf **slot, struct csn_bytes *bytes)
{
	if (bytes->ptr == NULL)
		return CSN_OK;
	*slot = csn_buf_new(bytes->ptr, bytes->len, CSN_BUF_SECRET);
	if (*slot == NULL)
		return CSN_E_NOMEM;
	*bytes = csn_buf_bytes(*slot);
	return CSN_OK;
}

static int
keep_text(char *slot, size_t room, const char **text)
{
	if (*text == NULL)
		return CSN_OK;
	if (strnlen(*text, room) == room)
		return CSN_E_TOO_BIG;
	memcpy(slot, *text, strlen(*text) + 1);
	*text = slot;
	return CSN_OK;
}

static int
keep_evidence(struct call *call, const struct csn_evidence *evidence)
{
	struct csn_evidence *mine = &call->evidence;
	int trusted;

	memset(mine, 0, sizeof *mine);
	memcpy(mine, evidence,
	       evidence->size < sizeof *mine ? evidence->size : sizeof *mine);
	mine->size = sizeof *mine;
	mine->unix_s = call->s->parts.judge_unix_s;
	if (mine->unix_s == 0)
		mine->unix_s = csn_loop_wall(call->s->parts.loop, &trusted);
	int r = keep_bytes(&call->evidence_bufs[0], &mine->value);
	if (r == CSN_OK)
		r = keep_bytes(&call->evidence_bufs[1], &mine->challenge);
	if (r == CSN_OK)
		r = keep_bytes(&call->evidence_bufs[2], &mine->did);
	if (r == CSN_OK)
		r = keep_text(call->evidence_text[0], sizeof call->evidence_text[0],
			      &mine->type);
	if (r == CSN_OK)
		r = keep_text(call->evidence_text[1], sizeof call->evidence_text[1],
			      &mine->device_class);
	return r;
}

/* Texts end, and are what an entry or a terminal may show. */
static bool
text_sane(char *text, size_t room)
{
	text[room - 1] = '\0';
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static bool
reasons_sane(struct csn_verdict *v)
{
	bool sane = v->reason_count <= CSN_VERDICT_REASONS &&
		    text_sane(v->reason, sizeof v->reason) &&
		    text_sane(v->layer, sizeof v->layer) &&
		    text_sane(v->found, sizeof v->found) &&
		    text_sane(v->wanted, sizeof v->wanted);

	for (uint32_t i = 0; sane && i < v->reason_count; i++) {
		struct csn_reason *reason = &v->reasons[i];

		sane = text_sane(reason->code, sizeof reason->code) &&
		       text_sane(reason->found, sizeof reason->found) &&
		       text_sane(reason->wanted, sizeof reason->wanted);
	}
	return sane;
}

static bool
verdict_sane(struct csn_verdict *v)
{
	if (v->fact_count > CSN_VERDICT_FACTS || v->judgement > CSN_ACCEPTED ||
	    !reasons_sane(v))
		return false;
	if (v->judgement == CSN_ACCEPTED && !csn_verdict_acceptable(v))
		return false;
	for (uint32_t i = 0; i < v->fact_count; i++)
		if (!text_sane(v->facts[i].name, sizeof v->facts[i].name) ||
		    !text_sane(v->facts[i].value, sizeof v->facts[i].value))
			return false;
	return true;
}

/* Appraisal may only lower a judgement; an error or a rise leaves it undecided. */
static void
verified(struct call *call, int result, struct csn_buf *buf)
{
	const struct session_attest *attest = call->attest;
	struct csn_verdict *v = &call->verdict;

	(void)buf;
	if (result == CSN_OK && !verdict_sane(v))
		result = CSN_E_INTERNAL;
	if (result == CSN_OK && v->judgement == CSN_ACCEPTED &&
	    CSN_HAS(attest->ops, appraise)) {
		result = attest->ops->appraise(attest->self, &call->evidence, v);
		if (result == CSN_OK && !verdict_sane(v))
			result = CSN_E_INTERNAL;
	}
	/* What a verifier left behind when it failed says nothing. */
	if (result < 0)
		*v = (struct csn_verdict){ .size = sizeof *v };
	session_judged(call, result);
}

static const struct session_attest *
verifier_of(const struct session *s, const char *type)
{
	for (size_t i = 0; type != NULL && i < s->parts.attest_count; i++) {
		const struct session_attest *attest = &s->parts.attest[i];

		if (CSN_HAS(attest->ops, type) && CSN_HAS(attest->ops, verify) &&
		    strcmp(attest->ops->type(attest->self), type) == 0)
			return attest;
	}
	return NULL;
}

static int
call_verify(struct csn_session *pub, uint32_t id, const struct csn_evidence *evidence)
{
	int r;
	struct call *call = begin_call(pub, id, CSN_EVENT_VERDICT, &r);

	if (call == NULL)
		return r;
	call->attest = verifier_of(call->s, evidence->type);
	if (call->attest == NULL)
		return end_call(call, CSN_E_MISSING);
	r = keep_evidence(call, evidence);
	if (r < 0)
		return end_call(call, r);
	call->verdict.size = sizeof call->verdict;
	call->then = verified;
	struct csn_op *op = session_op(call, "attest: verify", VERIFY_MS,
				       call->attest->ops->cancel, call->attest->self);
	if (op == NULL)
		return end_call(call, CSN_E_NOMEM);
	return end_call(call, session_op_started(call, call->attest->ops->verify(
							       call->attest->self, op,
							       &call->evidence,
							       &call->verdict)));
}

/* ---- small things --------------------------------------------------------------- */

static void
on_timer(void *arg)
{
	struct call *call = arg;

	call->timer = NULL;
	session_answer(call, CSN_OK, NULL);
}

static int
call_timer(struct csn_session *pub, uint32_t id, uint64_t delay_ms)
{
	int r;
	struct call *call = begin_call(pub, id, CSN_EVENT_TIMER, &r);

	if (call == NULL)
		return r;
	if (delay_ms > SESSION_LIFE_MS)
		return end_call(call, CSN_E_TOO_BIG);
	struct csn_loop *loop = call->s->parts.loop;
	call->timer = csn_loop_timer_add(loop, csn_loop_now(loop) + delay_ms * CSN_MS,
					 on_timer, call);
	return end_call(call, call->timer != NULL ? CSN_OK : CSN_E_NOMEM);
}

static int
call_random(struct csn_session *pub, void *out, size_t len)
{
	struct session *s = open_session(pub);

	if (s == NULL)
		return CSN_E_INVALID;
	int r = csn_loop_random(s->parts.loop, out, len);
	if (r < 0)
		session_fail(s, "random", "no random numbers");
	return r;
}

/* Facts the core measures itself; "pin" is one on the station only. */
static bool
core_owns(const struct session *s, const char *name)
{
	return strncmp(name, "oob.", 4) == 0 || strncmp(name, "evidence.", 9) == 0 ||
	       strncmp(name, "trust.", 6) == 0 || strcmp(name, "assurance") == 0 ||
	       strcmp(name, "side") == 0 || strcmp(name, "clock") == 0 || strcmp(name, "stages.left_out") == 0 ||
	       (s->side == CSN_SIDE_STATION &&
		(strcmp(name, "pin") == 0 || strcmp(name, "two_way") == 0));
}

static int
call_fact(struct csn_session *pub, const char *name, const char *value)
{
	struct session *s = open_session(pub);

	if (s == NULL || name == NULL || value == NULL)
		return CSN_E_INVALID;
	return core_owns(s, name) ? CSN_OK : facts_set(&s->facts, name, value);
}

static void
call_transcript(struct csn_session *pub, const uint8_t hash[32])
{
	struct session *s = open_session(pub);

	if (s == NULL)
		return;
	memcpy(s->t1, hash, sizeof s->t1);
	s->has_t1 = true;
}

const struct csn_session_ops session_ops = {
	.size = sizeof session_ops,
	.send = call_send,
	.listen = call_listen,
	.rest = call_rest,
	.ask = call_ask,
	.verify = call_verify,
	.load = call_load,
	.commit = session_commit,
	.sign = call_sign,
	.certificate = call_certificate,
	.decide = session_decide,
	.payload = session_payload,
	.timer = call_timer,
	.random = call_random,
	.fact = call_fact,
	.transcript = call_transcript,
	.finish = session_finish,
};
