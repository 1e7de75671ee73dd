#include "core/check/session.h"

#include "core/check/heap.h"

#include <stdio.h>

#define MESSAGE_MAX (1u << 20)
#define EVENTS_MAX  2000 /* of a session that does not come to an end           */

static struct play *
play_of(struct csn_session *session)
{
	return (struct play *)(void *)session;
}

static void
drop(struct play_event *e)
{
	csn_buf_unref(e->bytes);
	e->bytes = NULL;
}

/* ---- what is asked ------------------------------------------------------------- */

static int
queue(struct play *p, const struct csn_event *event, struct csn_bytes bytes, uint32_t flags,
      uint64_t due_ns)
{
	struct play_event *e = &p->queue[p->queued];

	if (p->queued == PLAY_EVENTS || bytes.len > MESSAGE_MAX)
		return CSN_E_TOO_BIG;
	*e = (struct play_event){ .event = *event, .due_ns = due_ns };
	if (bytes.len > 0 && (e->bytes = csn_buf_new(bytes.ptr, bytes.len, flags)) == NULL)
		return CSN_E_NOMEM;
	p->queued++;
	return CSN_OK;
}

/* Every call comes through here: is it one that may be made now? */
static int
may_ask(struct play *p, const char *what)
{
	p->calls++;
	if (p->finished > 0)
		check_broken(RULE_SESSION, "%s was called behind finish", what);
	if (p->run == NULL && page->call[0] != '\0' && strcmp(page->call, "begin") != 0)
		check_broken(RULE_SESSION, "%s was called without a run", what);
	return p->terms->refuse_all ? CSN_E_UNSUPPORTED : CSN_OK;
}

/* A call with an id: its answer is one event, later. */
static int
ask_for(struct csn_session *s, const char *what, uint32_t call, uint32_t type, int result,
        struct csn_bytes bytes)
{
	bool             before = heap_watch(false);
	struct play     *p = play_of(s);
	int              r = may_ask(p, what);
	struct csn_event event = { .type = type, .call = call, .result = result };

	if (call == 0)
		check_broken(RULE_SESSION, "%s was called with the id 0", what);
	if (p->calls == p->terms->fail_call) {
		event.result = CSN_E_IO;
		bytes = CSN_BYTES_NONE;
	}
	if (r == CSN_OK)
		r = queue(p, &event, bytes, CSN_BUF_SECRET, 0);
	heap_watch(before);
	return r;
}

static int
do_send(struct csn_session *s, uint32_t call, uint32_t role, struct csn_bytes message)
{
	struct play     *p = play_of(s), *other = p->other;
	struct csn_event event = { .type = CSN_EVENT_MESSAGE, .role = role, .medium = "check" };
	int              r = ask_for(s, "send", call, CSN_EVENT_SENT, CSN_OK, CSN_BYTES_NONE);

	if (role < CSN_ROLE_OFFER || role > CSN_ROLE_BULK || message.len == 0)
		check_broken(RULE_SESSION, "send was given the role %u and %zu bytes", role, message.len);
	bool before = heap_watch(false);
	if (r == CSN_OK && other != NULL && (other->listens & 1u << role) != 0 &&
	    other->finished == 0 && p->calls != p->terms->fail_call)
		queue(other, &event, message, 0, 0);
	heap_watch(before);
	return r;
}

static int
do_listen(struct csn_session *s, uint32_t role)
{
	int r = may_ask(play_of(s), "listen");

	if (r == CSN_OK && role <= CSN_ROLE_BULK)
		play_of(s)->listens |= 1u << role;
	return r;
}

static void
do_rest(struct csn_session *s, uint32_t role)
{
	(void)role;
	may_ask(play_of(s), "rest");
}

static int
do_ask(struct csn_session *s, uint32_t call, const struct csn_prompt *prompt)
{
	static const uint8_t pin[] = "271828182845";
	struct csn_bytes     bytes = { pin, prompt->min_len < 6 ? 6 : prompt->min_len };

	if (prompt->question < CSN_ASK_CONFIRM || prompt->question > CSN_TELL || prompt->text == NULL)
		check_broken(RULE_SESSION, "ask was given no question");
	if (prompt->question != CSN_ASK_PIN || bytes.len > sizeof pin - 1)
		bytes = CSN_BYTES_NONE;
	return ask_for(s, "ask", call, CSN_EVENT_ANSWER, CSN_OK, bytes);
}

static int
do_verify(struct csn_session *s, uint32_t call, const struct csn_evidence *evidence)
{
	if (evidence->type == NULL)
		check_broken(RULE_SESSION, "verify was given evidence without a type");
	return ask_for(s, "verify", call, CSN_EVENT_VERDICT, CSN_OK, CSN_BYTES_NONE);
}

static struct play_row *
row_of(struct play *p, const char *space, struct csn_bytes key)
{
	for (size_t i = 0; i < p->row_count; i++) {
		struct csn_bytes own = csn_buf_bytes(p->rows[i].key);

		if (strcmp(p->rows[i].space, space) == 0 && own.len == key.len &&
		    (key.len == 0 || memcmp(own.ptr, key.ptr, key.len) == 0))
			return &p->rows[i];
	}
	return NULL;
}

static int
do_load(struct csn_session *s, uint32_t call, const char *space, struct csn_bytes key)
{
	struct play_row *row = row_of(play_of(s), space, key);

	return ask_for(s, "load", call, CSN_EVENT_LOADED, row != NULL ? CSN_OK : CSN_E_MISSING,
	               row != NULL ? csn_buf_bytes(row->value) : CSN_BYTES_NONE);
}

static void
put_row(struct play *p, const struct csn_store_item *item)
{
	struct play_row *row = row_of(p, item->space, item->key);

	if (row == NULL && p->row_count < PLAY_ROWS) {
		row = &p->rows[p->row_count];
		snprintf(row->space, sizeof row->space, "%s", item->space);
		row->key = csn_buf_new(item->key.ptr, item->key.len, 0);
		p->row_count += row->key != NULL;
	}
	if (row == NULL || row->key == NULL)
		return;
	csn_buf_unref(row->value);
	row->value = csn_buf_new(item->value.ptr, item->value.len, CSN_BUF_SECRET);
}

static int
do_commit(struct csn_session *s, uint32_t call, const struct csn_store_item *items, size_t count)
{
	struct play *p = play_of(s);
	int          r = ask_for(s, "commit", call, CSN_EVENT_COMMITTED, CSN_OK, CSN_BYTES_NONE);
	bool         before = heap_watch(false);

	for (size_t i = 0; r == CSN_OK && p->calls != p->terms->fail_call && i < count; i++)
		if (items[i].kind == CSN_ITEM_PUT)
			put_row(p, &items[i]);
	heap_watch(before);
	return r;
}

static int
do_sign(struct csn_session *s, uint32_t call, const char *key, const char *algorithm,
        struct csn_bytes message)
{
	uint8_t          noise[64];
	bool             before = heap_watch(false);
	struct csn_buf  *signature = NULL;
	struct csn_bytes bytes = CSN_BYTES_OF(noise);

	if (key == NULL || algorithm == NULL)
		check_broken(RULE_SESSION, "sign was given no key or no algorithm");
	else if ((signature = keys_sign(key, algorithm, message)) != NULL)
		bytes = csn_buf_bytes(signature);
	if (csn_loop_random(bench.loop, noise, sizeof noise) < 0)
		bytes = CSN_BYTES_NONE;
	int r = ask_for(s, "sign", call, CSN_EVENT_SIGNED, CSN_OK, bytes);
	csn_buf_unref(signature);
	heap_watch(before);
	return r;
}

static int
do_certificate(struct csn_session *s, const char *key, uint32_t index, struct csn_bytes *ret_der)
{
	bool before = heap_watch(false);
	int  r = may_ask(play_of(s), "certificate");

	if (r == CSN_OK)
		r = keys_certificate(key, index, ret_der);
	heap_watch(before);
	return r;
}

static int
do_decide(struct csn_session *s, uint32_t call, uint32_t stage)
{
	struct play *p = play_of(s);
	bool         refuse = stage == p->terms->refuse_stage;

	if (stage <= p->stage || stage > CSN_STAGE_ENROLLED)
		check_broken(RULE_SESSION, "stage %u was asked for behind %u", stage, p->stage);
	if (p->refused)
		check_broken(RULE_SESSION, "stage %u was asked for after one was refused", stage);
	p->refused |= refuse || p->calls + 1 == p->terms->fail_call;
	p->stage = stage;
	return ask_for(s, "decide", call, CSN_EVENT_DECIDED, refuse ? CSN_E_REFUSED : CSN_OK,
	               CSN_BYTES_NONE);
}

static int
do_payload(struct csn_session *s, uint32_t call)
{
	if (!play_of(s)->authorised) {
		check_broken(RULE_SESSION, "the payload was asked for before AUTHORISED was granted");
		return CSN_E_REFUSED;
	}
	return ask_for(s, "payload", call, CSN_EVENT_PAYLOAD, CSN_OK, CSN_BYTES_OF(check_record));
}

static int
do_timer(struct csn_session *s, uint32_t call, uint64_t delay_ms)
{
	bool             before = heap_watch(false);
	struct play     *p = play_of(s);
	struct csn_event event = { .type = CSN_EVENT_TIMER, .call = call };
	int              r = may_ask(p, "timer");

	if (r == CSN_OK)
		r = queue(p, &event, CSN_BYTES_NONE, 0, csn_loop_now(bench.loop) + delay_ms * CSN_MS);
	heap_watch(before);
	return r;
}

static int
do_random(struct csn_session *s, void *out, size_t len)
{
	(void)s;
	return csn_loop_random(bench.loop, out, len);
}

static int
do_fact(struct csn_session *s, const char *name, const char *value)
{
	if (name == NULL || value == NULL)
		check_broken(RULE_SESSION, "a fact without a name or a value");
	return may_ask(play_of(s), "fact");
}

static void
do_transcript(struct csn_session *s, const uint8_t hash[32])
{
	(void)hash;
	may_ask(play_of(s), "transcript");
}

static void
do_finish(struct csn_session *s, uint32_t outcome, uint32_t code, const char *text)
{
	struct play *p = play_of(s);

	(void)code;
	may_ask(p, "finish");
	p->finished++;
	p->outcome = outcome;
	snprintf(p->text, sizeof p->text, "%s", text != NULL ? text : "");
	if (outcome < CSN_OUTCOME_ENROLLED || outcome > CSN_OUTCOME_UNKNOWN)
		check_broken(RULE_SESSION, "finish was given the outcome %u", outcome);
	if (outcome == CSN_OUTCOME_ENROLLED && (p->terms->refuse_all || p->refused))
		check_broken(RULE_SESSION, "a session in which %s was finished as enrolled",
		             p->terms->refuse_all ? "nothing worked" : "a stage was refused");
}

static const struct csn_session_ops table = {
	.size = sizeof table, .send = do_send, .listen = do_listen, .rest = do_rest,
	.ask = do_ask, .verify = do_verify, .load = do_load, .commit = do_commit,
	.sign = do_sign, .certificate = do_certificate, .decide = do_decide,
	.payload = do_payload, .timer = do_timer, .random = do_random, .fact = do_fact,
	.transcript = do_transcript, .finish = do_finish,
};

/* ---- what comes of it ---------------------------------------------------------- */

static const struct csn_ceremony_ops *
ceremony(void)
{
	return bench.component->ops.ceremony;
}

/* The run goes on from its own state; one that cannot be frozen now goes on as it is. */
static void
freeze_and_thaw(struct play *p)
{
	struct csn_buf  *state = NULL, *again = NULL;
	struct csn_error err = { 0 };
	void            *run = NULL;

	if (!CSN_HAS(ceremony(), freeze) || !CSN_HAS(ceremony(), thaw))
		return;
	enter("freeze");
	int r = ceremony()->freeze(p->run, &state);
	leave();
	if (r == CSN_OK) {
		enter("thaw");
		r = ceremony()->thaw(bench.self, &p->session, csn_buf_bytes(state), &run, &err);
		leave();
		if (r < 0)
			check_broken(RULE_SESSION, "what freeze gave, thaw did not take: %s",
			             csn_error_text(&err));
	}
	if (r == CSN_OK && ceremony()->freeze(run, &again) == CSN_OK) {
		struct csn_bytes a = csn_buf_bytes(state), b = csn_buf_bytes(again);

		if (a.len != b.len || memcmp(a.ptr, b.ptr, a.len) != 0)
			check_broken(RULE_SESSION, "what was thawed freezes to something else");
	}
	if (run != NULL) {
		enter("end");
		ceremony()->end(p->run);
		leave();
		p->run = run;
	}
	csn_buf_unref(state);
	csn_buf_unref(again);
}

static void
deliver(struct play *p, const struct csn_event *event, struct csn_bytes bytes)
{
	struct csn_event   *own = scratch(SLOT_EVENT, sizeof *own);
	struct csn_verdict *verdict = scratch(SLOT_VERDICT, sizeof *verdict);
	uint32_t            size = own->size;

	if (event->type == CSN_EVENT_DECIDED && event->result == CSN_OK &&
	    p->stage == CSN_STAGE_AUTHORISED)
		p->authorised = true;
	*own = *event;
	own->size = size;
	own->now_ns = own->at_ns = csn_loop_now(bench.loop);
	own->unix_s = bench.unix_s;
	own->clock_trusted = 1;
	own->bytes = bytes;
	if (event->type == CSN_EVENT_VERDICT && event->result == CSN_OK) {
		verdict->judgement = CSN_ACCEPTED;
		verdict->trust[CSN_TRUST_INSTANCE] = CSN_CODE_AFFIRMED;
		own->verdict = verdict;
	}
	p->events++;
	enter("step");
	ceremony()->step(p->run, own);
	leave();
	scratch_check(SLOT_EVENT, "step");
	if (p->terms->freeze && p->finished == 0)
		freeze_and_thaw(p);
}

/* The next event of @p: answers and messages first, then the timer that is due first. */
static bool
next_event(struct play *p, bool timers, struct play_event *ret_event)
{
	size_t at = p->queued;

	for (size_t i = 0; i < p->queued; i++) {
		bool timer = p->queue[i].event.type == CSN_EVENT_TIMER;

		if (timer == timers && (at == p->queued || p->queue[i].due_ns < p->queue[at].due_ns))
			at = i;
	}
	if (at == p->queued)
		return false;
	*ret_event = p->queue[at];
	memmove(&p->queue[at], &p->queue[at + 1], (p->queued - at - 1) * sizeof p->queue[0]);
	p->queued--;
	if (timers && ret_event->due_ns > csn_loop_now(bench.loop))
		csn_loop_run_until(bench.loop, ret_event->due_ns);
	return true;
}

static bool
goes_on(const struct play *p)
{
	return p->run != NULL && p->finished == 0 &&
	       (p->terms->end_after == 0 || p->events < p->terms->end_after) &&
	       p->events < EVENTS_MAX;
}

/* One event for either side; false when nothing is under way. */
static bool
pump(struct play plays[2])
{
	struct play_event e;

	for (int timers = 0; timers < 2; timers++)
		for (int i = 0; i < 2; i++) {
			if (!goes_on(&plays[i]) || !next_event(&plays[i], timers != 0, &e))
				continue;
			deliver(&plays[i], &e.event, csn_buf_bytes(e.bytes));
			drop(&e);
			return true;
		}
	return false;
}

static void
stop(struct play *p)
{
	if (goes_on(p))
		deliver(p, &(struct csn_event){ .type = CSN_EVENT_STOP }, CSN_BYTES_NONE);
}

static void
begin(struct play *p, uint32_t side, const struct terms *terms)
{
	struct csn_session_ops *own = scratch(side == CSN_SIDE_STATION ? SLOT_SESSION : SLOT_SESSION_2,
	                                      sizeof *own);
	struct csn_begin       *asked = scratch(SLOT_BEGIN, sizeof *asked);
	struct csn_error        err = { 0 };
	uint32_t                size = own->size;

	*p = (struct play){ .terms = terms, .side = side };
	*own = table;
	own->size = size;
	p->session.ops = own;
	asked->side = side;
	asked->two_way = !terms->one_way;
	asked->subject = side == CSN_SIDE_STATION ? bench.subject : CSN_BYTES_NONE;
	enter("begin");
	if (ceremony()->begin(bench.self, &p->session, asked, &p->run, &err) < 0)
		p->run = NULL;
	leave();
	scratch_check(SLOT_BEGIN, "begin");
	if (p->finished > 0)
		check_broken(RULE_SESSION, "a session was finished before its first event");
}

static void
over(struct play *p)
{
	while (p->queued > 0)
		drop(&p->queue[--p->queued]);
	while (p->row_count > 0) {
		struct play_row *row = &p->rows[--p->row_count];

		csn_buf_unref(row->key);
		csn_buf_unref(row->value);
	}
	if (p->run == NULL)
		return;
	enter("end");
	ceremony()->end(p->run);
	leave();
	if (p->finished > 1)
		check_broken(RULE_SESSION, "a session was finished twice");
	if (p->finished == 0 && p->terms->end_after == 0)
		check_broken(RULE_SESSION, "a session did not finish when it was stopped");
}

void
play_session(struct play plays[2], const struct terms *terms)
{
	int events = 0;

	if (!keys_open())
		return;
	begin(&plays[0], CSN_SIDE_STATION, terms);
	begin(&plays[1], CSN_SIDE_DEVICE, terms);
	/* What is sent one way arrives, and nothing comes back. */
	plays[0].other = plays[1].run != NULL ? &plays[1] : NULL;
	plays[1].other = plays[0].run != NULL && !terms->one_way ? &plays[0] : NULL;
	for (int i = 1; i >= 0; i--) /* the device listens before anybody speaks */
		if (plays[i].run != NULL)
			deliver(&plays[i], &(struct csn_event){ .type = CSN_EVENT_START }, CSN_BYTES_NONE);
	while (pump(plays))
		if (++events == terms->stop_after)
			break;
	for (int i = 0; i < 2; i++)
		stop(&plays[i]);
	while (pump(plays))
		continue;
	for (int i = 0; i < 2; i++)
		over(&plays[i]);
	enter("end");
	ceremony()->end(NULL);
	leave();
	keys_close();
}
