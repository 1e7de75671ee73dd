/* The life of a session: its calls, its events in order, its end. */
#include "core/session/int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- calls -------------------------------------------------------------------- */

struct call *
session_call_new(struct session *s, uint32_t id, uint32_t type)
{
	if (s->call_count >= SESSION_CALLS_MAX)
		return NULL;
	for (struct call *call = s->pending; id != 0 && call != NULL; call = call->next)
		if (call->id == id)
			return NULL;
	for (struct call *call = s->events; id != 0 && call != NULL; call = call->next)
		if (call->id == id)
			return NULL;
	struct call *call = calloc(1, sizeof *call);
	if (call == NULL)
		return NULL;
	call->s = s;
	call->id = id;
	call->type = type;
	call->next = s->pending;
	s->pending = call;
	s->call_count++;
	return call;
}

/* Out of every list already. */
static void
call_free(struct call *call)
{
	csn_buf_unref(call->buf);
	free(call->ear);
	for (size_t i = 0; i < sizeof call->evidence_bufs / sizeof *call->evidence_bufs;
	     i++)
		csn_buf_unref(call->evidence_bufs[i]);
	csn_wipe(call, sizeof *call);
	free(call);
}

static void
unlist(struct session *s, struct call *call)
{
	struct call **at = &s->pending;

	while (*at != NULL && *at != call)
		at = &(*at)->next;
	if (*at != NULL)
		*at = call->next;
	call->next = NULL;
}

void
session_call_drop(struct session *s, struct call *call)
{
	unlist(s, call);
	s->call_count--;
	call_free(call);
}

/* The session lets go of a call; its operation may still be on its way. */
static void
orphan(struct session *s, struct call *call)
{
	s->call_count--;
	call->s = NULL;
	csn_loop_timer_drop(call->timer);
	if (call->send != NULL)
		link_cancel(call->link, call->send);
	if (call->op != NULL)
		csn_op_cancel(call->op); /* op_over frees it later */
	else
		call_free(call);
}

static void
orphan_all(struct session *s)
{
	while (s->pending != NULL) {
		struct call *call = s->pending;

		s->pending = call->next;
		orphan(s, call);
	}
	while (s->events != NULL) {
		struct call *call = s->events;

		s->events = call->next;
		s->call_count--;
		call_free(call);
	}
	s->events_tail = &s->events;
}

/* An operation of ours failed, in the plugin's words. */
static void
words(struct session *s, const struct csn_error *err)
{
	snprintf(s->words, sizeof s->words, "%s", csn_error_text(err));
	session_story(s, 0, csn_error_text(err));
}

static void
op_over(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct call *call = arg;
	struct session *s = call->s;

	call->op = NULL;
	if (s == NULL) {
		call_free(call);
		return;
	}
	if (result < 0 && csn_op_error(op)->text[0] != '\0')
		words(s, csn_op_error(op));
	if (call->then != NULL)
		call->then(call, result, buf);
	else
		session_answer(call, result, buf);
}

struct csn_op *
session_op(struct call *call, const char *what, uint32_t limit_ms,
	   csn_op_cancel_fn *cancel, void *self)
{
	struct csn_loop *loop = call->s->parts.loop;
	struct csn_op_start start = {
		.what = what,
		.fn = op_over,
		.arg = call,
		.deadline_ns = csn_loop_now(loop) + limit_ms * CSN_MS,
		.cancel = cancel,
		.self = self,
	};

	call->op = csn_op_new(call->s->parts.ops, &start);
	return call->op;
}

int
session_op_started(struct call *call, int result)
{
	if (result < 0) {
		words(call->s, csn_op_error(call->op));
		csn_op_drop(call->op);
		call->op = NULL;
	}
	return result;
}

/* ---- events ------------------------------------------------------------------- */

static void drain(void *arg);

static void
enqueue(struct session *s, struct call *call)
{
	call->next = NULL;
	*s->events_tail = call;
	s->events_tail = &call->next;
	csn_loop_soon(s->parts.loop, &s->soon, drain, s);
}

void
session_answer(struct call *call, int result, struct csn_buf *buf)
{
	struct session *s = call->s;

	unlist(s, call);
	if (s->closing) { /* nobody is asked any more                          */
		s->call_count--;
		call_free(call);
		return;
	}
	call->result = result;
	call->buf = csn_buf_ref(buf);
	enqueue(s, call);
}

static void
step(struct session *s, const struct call *call)
{
	int trusted = 0;
	struct csn_event event = {
		.size = sizeof event,
		.type = call->type,
		.call = call->id,
		.result = call->result,
		.role = call->role,
		.medium = call->medium,
		.at_ns = call->at_ns,
		.now_ns = csn_loop_now(s->parts.loop),
		.unix_s = csn_loop_wall(s->parts.loop, &trusted),
		.bytes = csn_buf_bytes(call->buf),
		.verdict = call->type == CSN_EVENT_VERDICT ? &call->verdict : NULL,
	};

	event.clock_trusted = trusted != 0;
	s->stepping = true;
	int r = s->parts.ceremony->step(s->run, &event);
	s->stepping = false;
	if (r < 0 && !s->closing)
		session_fail(s, "step", "the ceremony failed: %s", csn_result_text(r));
}

static void end_session(struct session *s);

/* One event a round, so that no session holds up the others. */
static void
drain(void *arg)
{
	struct session *s = arg;
	struct call *call = s->events;

	if (call != NULL && !s->closing) {
		s->events = call->next;
		if (s->events == NULL)
			s->events_tail = &s->events;
		s->call_count--;
		s->messages -= call->type == CSN_EVENT_MESSAGE;
		if (call->type == CSN_EVENT_PAYLOAD && call->result == CSN_OK)
			s->delivered_payload = true;
		step(s, call);
		call_free(call);
	}
	if (s->closing)
		end_session(s);
	else if (s->events != NULL)
		csn_loop_soon(s->parts.loop, &s->soon, drain, s);
}

void
session_story(struct session *s, uint32_t stage, const char *text)
{
	if (s->calls.story != NULL && !s->ended)
		s->calls.story(s->calls.arg, stage, text);
}

void
session_because(struct session *s, const char *reason)
{
	snprintf(s->reason, sizeof s->reason, "%s", reason);
}

bool
session_may_ask(const struct session *s)
{
	const struct csn_prompt_ops *prompt = s->parts.prompt;
	bool alone = prompt != NULL &&
		     prompt->size > offsetof(struct csn_prompt_ops, answers_alone) &&
		     prompt->answers_alone != 0;

	return CSN_HAS(prompt, ask) && (alone || !s->parts.no_input);
}

/* Why nothing came on a channel, in the words of that channel. */
static void
say_silence(struct session *s)
{
	char text[512], line[600];

	for (uint32_t role = CSN_ROLE_OFFER; role <= CSN_ROLE_RETURN; role++) {
		if (!s->roles[role].listening)
			continue;
		link_diagnose(s->parts.links[role], text, sizeof text);
		snprintf(line, sizeof line, "%s: %s", link_medium(s->parts.links[role]),
			 text);
		if (text[0] != '\0')
			session_story(s, 0, line);
	}
}

/* ---- the end ------------------------------------------------------------------ */

void
session_close(struct session *s, uint32_t outcome, uint32_t code, const char *reason,
	      const char *text)
{
	if (s->closing)
		return;
	s->closing = true;
	s->outcome = outcome;
	s->code = code;
	snprintf(s->reason, sizeof s->reason, "%s", reason);
	snprintf(s->text, sizeof s->text, "%s", text != NULL ? text : "");
	csn_loop_soon(s->parts.loop, &s->soon, drain, s);
}

void
session_fail(struct session *s, const char *reason, const char *fmt, ...)
{
	char text[sizeof s->text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	csn_log_line(s->parts.log, CSN_LOG_ERROR, "session", "%s: %s", reason, text);
	session_close(s, s->effects ? CSN_OUTCOME_UNKNOWN : CSN_OUTCOME_REFUSED, 0,
		      reason, text);
}

static void
say_end(struct session *s)
{
	struct session_end end = {
		.outcome = s->outcome,
		.code = s->code,
		.reason = s->reason,
		.text = s->text,
		.found = s->answer.found[0] != '\0' ? s->answer.found : s->words,
		.wanted = s->answer.wanted,
	};

	end.has_sid = facts_id(&s->facts, "sid", end.sid);
	end.has_did = facts_id(&s->facts, "identity.did", end.did);
	s->ended = true;
	s->calls.end(s->calls.arg, &end); /* @s may be gone now               */
}

/* The log refused the last entry: nothing good may be claimed without it. */
static void
end_unrecorded(struct session *s, int result)
{
	if (s->outcome == CSN_OUTCOME_ENROLLED || s->outcome == CSN_OUTCOME_OFFERED) {
		s->outcome = CSN_OUTCOME_UNKNOWN;
		snprintf(s->reason, sizeof s->reason, "store");
		snprintf(s->text, sizeof s->text,
			 "the end could not be put on record: %s",
			 csn_result_text(result));
	}
	say_end(s);
}

static void
end_recorded(struct call *call, int result, struct csn_buf *buf)
{
	struct session *s = call->s;

	(void)buf;
	session_call_drop(s, call);
	if (result < 0)
		end_unrecorded(s, result);
	else
		say_end(s);
}

static void
rest_all(struct session *s)
{
	for (uint32_t role = CSN_ROLE_OFFER; role <= CSN_ROLE_BULK; role++) {
		struct role *r = &s->roles[role];

		if (r->listening)
			link_unlisten(s->parts.links[role], &r->listener);
		if (r->used)
			link_rest(s->parts.links[role]);
		r->listening = r->used = false;
	}
}

static void
end_session(struct session *s)
{
	if (s->ending || s->stepping)
		return;
	s->ending = true;
	if (s->outcome != CSN_OUTCOME_ENROLLED && s->code != 0)
		say_silence(s);
	orphan_all(s);
	rest_all(s);
	csn_loop_timer_drop(s->life);
	s->life = NULL;
	struct call *call = session_call_new(s, 0, 0);
	int r = CSN_E_NOMEM;
	if (call != NULL) {
		call->then = end_recorded;
		r = session_record_end(call);
		if (r < 0)
			session_call_drop(s, call);
	}
	if (r < 0)
		end_unrecorded(s, r);
}

/* ---- making and freeing --------------------------------------------------------- */

static void
out_of_time(void *arg)
{
	struct session *s = arg;

	s->life = NULL;
	session_fail(s, "limit", "the session took too long and was ended");
}

int
session_limit(struct session *s)
{
	if (s->life == NULL)
		s->life = csn_loop_timer_add(s->parts.loop,
					     csn_loop_now(s->parts.loop) +
						     SESSION_LIFE_MS * CSN_MS,
					     out_of_time, s);
	return s->life != NULL ? CSN_OK : CSN_E_NOMEM;
}

static int
push_plain(struct session *s, uint32_t type)
{
	struct call *call = session_call_new(s, 0, type);

	if (call == NULL)
		return CSN_E_NOMEM;
	session_answer(call, CSN_OK, NULL);
	return CSN_OK;
}

static int
check_parts(const struct session_parts *parts, const struct csn_begin *begin,
	    struct csn_error *err)
{
	if (!CSN_HAS(parts->ceremony, begin) || !CSN_HAS(parts->ceremony, step) ||
	    !CSN_HAS(parts->ceremony, end))
		return csn_fail(err, CSN_E_UNSUPPORTED,
				"the ceremony lacks begin, step or end");
	if (!CSN_HAS(parts->store, commit) || !CSN_HAS(parts->store, get))
		return csn_fail(err, CSN_E_MISSING,
				"no store: without a record there is no session");
	if (parts->policy == NULL)
		return csn_fail(err, CSN_E_MISSING,
				"no policy: nothing could be authorised");
	if (begin->side != CSN_SIDE_STATION && begin->side != CSN_SIDE_DEVICE)
		return csn_fail(err, CSN_E_INVALID,
				"a session is a station's or a device's");
	return CSN_OK;
}

int
session_new(const struct session_parts *parts, const struct csn_begin *begin,
	    const struct session_calls *calls, struct session **ret_session,
	    struct csn_error *err)
{
	int r = check_parts(parts, begin, err);
	if (r < 0)
		return r;
	struct session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a session");
	s->pub.ops = &session_ops;
	s->parts = *parts;
	s->calls = *calls;
	s->side = begin->side;
	if (begin->resume.len > 0) {
		/* What it was authorised to do was done; it gets no payload. */
		s->resumed = s->unsettled = s->effects = true;
		s->stage = CSN_STAGE_AUTHORISED;
	}
	s->payload = csn_buf_ref(parts->payload);
	s->events_tail = &s->events;
	for (uint32_t role = CSN_ROLE_OFFER; role <= CSN_ROLE_BULK; role++) {
		s->roles[role].s = s;
		s->roles[role].role = role;
	}
	r = session_first_facts(s, begin);
	if (r < 0) {
		csn_fail(err, r, "the first facts do not fit");
		goto fail;
	}
	r = parts->ceremony->begin(parts->ceremony_self, &s->pub, begin, &s->run, err);
	if (r < 0)
		goto fail;
	r = push_plain(s, CSN_EVENT_START);
	if (r == CSN_OK && s->side == CSN_SIDE_STATION) /* a device may wait for days */
		r = session_limit(s);
	if (r < 0) {
		csn_fail(err, r, "no memory for a session");
		goto fail;
	}
	*ret_session = s;
	return CSN_OK;

fail:
	session_free(s);
	return r;
}

static void
stop_ignored(void *arg)
{
	struct session *s = arg;

	s->life = NULL;
	session_fail(s, "stopped", "stopped by the operator");
}

void
session_stop(struct session *s)
{
	if (s->closing)
		return;
	csn_loop_timer_drop(s->life);
	s->life = csn_loop_timer_add(
		s->parts.loop, csn_loop_now(s->parts.loop) + SESSION_STOP_MS * CSN_MS,
		stop_ignored, s);
	if (s->life == NULL || push_plain(s, CSN_EVENT_STOP) < 0)
		session_fail(s, "stopped", "stopped by the operator");
}

void
session_abort(struct session *s)
{
	session_fail(s, "stopped", "the program ends");
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	csn_loop_soon_drop(s->parts.loop, &s->soon);
	csn_loop_timer_drop(s->life);
	orphan_all(s);
	rest_all(s);
	if (s->run != NULL)
		s->parts.ceremony->end(s->run);
	for (size_t i = 0; i < s->cert_count; i++)
		csn_buf_unref(s->certs[i]);
	csn_buf_unref(s->payload);
	session_results_done(s);
	csn_wipe(s, sizeof *s);
	free(s);
}
