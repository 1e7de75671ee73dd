/*
 * The station's state machine of CSGN/1, section 6.3: phases in a row, each one call to
 * the session and what its answer means.  Every message, answer and clock comes in as
 * an event; nothing here waits.
 */
#include "csgn1.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct csn_bytes
csgn1_bytes(const uint8_t *ptr, size_t len)
{
	return (struct csn_bytes){ len > 0 ? ptr : NULL, len };
}

const char *
csgn1_key(const struct csgn1_run *run, uint32_t suite)
{
	return suite == CSN_SUITE_X25519 ? run->self->key_1 : run->self->key_2;
}

const char *
csgn1_why(int result)
{
	static const struct {
		int         result;
		const char *text;
	} reasons[] = {
		{ CSN_E_NOMEM, "out of memory" },
		{ CSN_E_MISSING, "it is not there" },
		{ CSN_E_IO, "the medium failed" },
		{ CSN_E_PROTOCOL, "it is ill-formed" },
		{ CSN_E_TOO_BIG, "it is too big" },
		{ CSN_E_REFUSED, "it was refused" },
		{ CSN_E_TIMEOUT, "it took too long" },
		{ CSN_E_CANCELLED, "it was withdrawn" },
		{ CSN_E_UNSUPPORTED, "nothing here can do that" },
		{ CSN_E_BUSY, "something else is using it" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].result == result)
			return reasons[i].text;
	return "an internal fault";
}

static const struct csgn1_step *
find_step(uint32_t phase)
{
	const struct csgn1_step *step = csgn1_prepare_step(phase);

	if (step == NULL)
		step = csgn1_offer_step(phase);
	if (step == NULL)
		step = csgn1_resume_step(phase);
	return step != NULL ? step : csgn1_answer_step(phase);
}

int
csgn1_go(struct csgn1_run *run, enum csgn1_phase phase, const struct csn_event *event)
{
	const struct csgn1_step *step = find_step(phase);

	if (step == NULL)
		return CSN_E_INTERNAL;
	run->phase = phase;
	run->call = ++run->last_call;
	return step->enter(run, event);
}

int
csgn1_deadline(struct csgn1_run *run)
{
	run->deadline_call = ++run->last_call;
	return run->session->ops->timer(run->session, run->deadline_call,
	                                run->self->deadline_ms);
}

int
csgn1_finish(struct csgn1_run *run)
{
	run->over = true;
	run->phase = PHASE_IDLE;
	run->call = 0;
	run->session->ops->finish(run->session, run->outcome, run->code, run->text);
	return CSN_OK;
}

/* With an offer on record the end is durable before it is said. */
static int
settle(struct csgn1_run *run, const struct csn_event *event)
{
	run->deadline_call = 0;
	run->repeat_call = 0;
	run->word_call = 0;
	if (!run->recorded || run->phase == PHASE_RESULT || run->phase == PHASE_RELOAD ||
	    (run->resumed && run->outcome == CSN_OUTCOME_UNKNOWN))
		return csgn1_finish(run);
	run->session->ops->rest(run->session, CSN_ROLE_BIND);
	run->session->ops->rest(run->session, CSN_ROLE_OFFER);
	return csgn1_go(run, PHASE_RELOAD, event);
}

int
csgn1_end(struct csgn1_run *run, const struct csn_event *event, uint32_t outcome,
          const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(run->text, sizeof run->text, fmt, args);
	va_end(args);
	run->outcome = outcome;
	return settle(run, event);
}

int
csgn1_refuse(struct csgn1_run *run, int code, const struct csn_event *event)
{
	if (code < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "the station failed: %s",
		                 csgn1_why(code));
	run->code = (uint32_t)code;
	const char *text = station_text(code);
	if (run->note.text[0] != '\0')
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "%s (%s)", text,
		                 run->note.text);
	return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "%s",
	                 text[0] != '\0' ? text : csn_code_name(code));
}

static int
on_call(struct csgn1_run *run, const struct csn_event *event)
{
	const struct csgn1_step *step = find_step(run->phase);

	if (event->type == CSN_EVENT_SENT && event->call == run->repeat_call &&
	    event->call != 0)
		return csgn1_on_repeated(run, event);
	if (event->type == CSN_EVENT_ANSWER && event->call == run->word_call && event->call != 0)
		return csgn1_on_word(run, event);
	if (step == NULL || event->call != run->call || event->type != step->awaits)
		return CSN_OK;
	run->call = 0;
	return step->leave(run, event);
}

static int
csgn1_step(void *state, const struct csn_event *event)
{
	struct csgn1_run *run = state;

	if (run->over)
		return CSN_OK;
	switch (event->type) {
	case CSN_EVENT_START:
		return run->last_call == 0 ? csgn1_start(run, event) : CSN_E_INVALID;
	case CSN_EVENT_MESSAGE:
		if (event->role != CSN_ROLE_RETURN ||
		    csgn1_for_another(run, event->bytes))
			return CSN_OK;
		return run->phase == PHASE_HELLO || run->phase == PHASE_ANNOUNCE ?
		               csgn1_on_hello(run, event) :
		               csgn1_on_return(run, event);
	case CSN_EVENT_TIMER:
		return csgn1_on_timer(run, event);
	case CSN_EVENT_STOP:
		return csgn1_on_stop(run, event);
	default:
		return on_call(run, event);
	}
}

static int
check_begin(const struct csgn1 *self, const struct csn_begin *begin, struct csn_error *err)
{
	const struct csn_host *host = self->host;

	if (begin->side != CSN_SIDE_STATION)
		return host->fail(err, CSN_E_UNSUPPORTED,
		                  "this ceremony is a station's; a device runs its own half");
	if (begin->subject.len > CSGN1_SUBJECT)
		return host->fail(err, CSN_E_TOO_BIG, "the manifest is %zu bytes, at most %d",
		                  begin->subject.len, CSGN1_SUBJECT);
	if (CSN_HAS(begin, resume.ptr))
		return begin->resume.len == 16 ? CSN_OK :
		       host->fail(err, CSN_E_INVALID, "a session id is 16 bytes");
	if (!begin->two_way && begin->subject.len == 0)
		return host->fail(err, CSN_E_MISSING,
		                  "without a return channel a manifest or record is needed");
	if (begin->two_way && station_is_record(begin->subject))
		return host->fail(err, CSN_E_UNSUPPORTED,
		                  "a device of the basic tier cannot be served two way");
	return CSN_OK;
}

static int
csgn1_begin(void *state, struct csn_session *session, const struct csn_begin *begin,
            void **ret_run, struct csn_error *err)
{
	struct csgn1     *self = state;
	struct csgn1_run *run;
	int               r = check_begin(self, begin, err);

	if (r < 0)
		return r;
	run = calloc(1, sizeof *run);
	if (run == NULL)
		return self->host->fail(err, CSN_E_NOMEM, "no memory for a session");
	run->self = self;
	run->session = session;
	run->two_way = begin->two_way != 0;
	run->pin = begin->pin != 0;
	run->not_after_unix_s = begin->not_after_unix_s;
	if (begin->subject.len > 0)
		memcpy(run->subject, begin->subject.ptr, begin->subject.len);
	run->subject_len = begin->subject.len;
	run->st.crypto = self->crypto;
	run->resumed = CSN_HAS(begin, resume.ptr);
	if (run->resumed)
		memcpy(run->st.sid, begin->resume.ptr, sizeof run->st.sid);
	run->trust = (struct station_trust){ .crypto = self->crypto,
		                             .makers = self->trusted,
		                             .maker_count = self->trusted_count,
		                             .note = &run->note };
	*ret_run = run;
	return CSN_OK;
}

static void
csgn1_free(void *state)
{
	struct csgn1_run *run = state;

	if (run == NULL)
		return;
	csn_wipe(run, sizeof *run);
	free(run);
}

const struct csn_ceremony_ops csgn1_ops = {
	.size = sizeof csgn1_ops,
	/* Both channels are confirmed by the device, and home only with its answer. */
	.stages_left_out = 1u << CSN_STAGE_OOB_CONFIRMED,
	.begin = csgn1_begin,
	.step = csgn1_step,
	.end = csgn1_free,
};
