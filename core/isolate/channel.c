/* A channel whose medium is in the worker: messages go out, messages come in. */
#include "core/isolate/int.h"

#include <stdio.h>
#include <stdlib.h>

#define NOTES_MAX 20u /* diagnoses a second                                    */

/* ---- operations --------------------------------------------------------------- */

static void
forget_message(struct isolate_channel *ch)
{
	while (ch->messages > 0)
		csn_buf_unref(ch->message[--ch->messages]);
	ch->sent = false;
}

static void
drop_first(struct isolate_channel *ch)
{
	struct isolate_message *m = ch->first;

	ch->first = m->next;
	if (ch->first == NULL)
		ch->end = &ch->first;
	csn_buf_unref(m->buf);
	free(m);
}

static void
drop_messages(struct isolate_channel *ch)
{
	while (ch->first != NULL)
		drop_first(ch);
}

static void
taken(struct isolate *iso)
{
	iso->channel.under_way--;
	isolate_put(iso, &(struct wire_frame){ .type = WIRE_TAKEN });
}

/* Gives the oldest message to whoever waits. */
static void
deliver(struct isolate *iso)
{
	struct isolate_channel *ch = &iso->channel;

	if (ch->receive == NULL || ch->first == NULL)
		return;
	ch->received_ns = ch->first->at_ns;
	isolate_end_op(&ch->receive, CSN_OK, "", csn_buf_ref(ch->first->buf));
	drop_first(ch);
	taken(iso);
}

/* ---- to the worker ------------------------------------------------------------ */

static void
tell_send(struct isolate *iso)
{
	struct isolate_channel *ch = &iso->channel;

	const size_t last = ch->messages - 1;

	ch->sent = ch->showing = true;
	ch->send_id = ++iso->next_id;
	for (size_t i = 0; i < last; i++)
		isolate_put(iso, &(struct wire_frame){
			.type = WIRE_BESIDE, .v = { { .bytes = csn_buf_bytes(ch->message[i]) } } });
	isolate_put(iso, &(struct wire_frame){
		.type = WIRE_SEND,
		.v = { { .number = ch->send_id },
		       { .bytes = csn_buf_bytes(ch->message[last]) } } });
}

static void
tell_listen(struct isolate *iso, bool on)
{
	iso->channel.listening = on;
	while (on && iso->channel.under_way > 0) /* what came when nobody listened */
		taken(iso);
	isolate_put(iso, &(struct wire_frame){ .type = WIRE_LISTEN, .v = { { .number = on } } });
}

static void
up(struct isolate *iso)
{
	struct isolate_channel *ch = &iso->channel;

	if (ch->receive != NULL && !ch->listening)
		tell_listen(iso, true);
	if (ch->send != NULL && !ch->sent)
		tell_send(iso);
}

/*
 * A worker opens its device once.  When it neither shows nor listens it closes it and
 * ends: that is asked for here by the same rule, so that nothing is sent behind it.
 */
static void
leave_if_idle(struct isolate *iso)
{
	struct isolate_channel *ch = &iso->channel;

	if (iso->how.media == NULL || ch->listening || ch->showing || ch->send != NULL)
		return;
	isolate_leave(iso);
}

/* ---- from the worker ---------------------------------------------------------- */

static bool
same_caps(const struct csn_channel_caps *a, const struct csn_channel_caps *b)
{
	return a->direction == b->direction && a->traits == b->traits &&
	       a->max_message == b->max_message &&
	       a->bytes_per_second == b->bytes_per_second &&
	       a->latency_ms == b->latency_ms && a->at_once == b->at_once;
}

static enum wire_fault
take_ready(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_channel *ch = &iso->channel;
	const struct csn_bytes  name = frame->v[3].bytes;
	struct csn_channel_caps caps = {
		.size = sizeof caps,
		.direction = (uint32_t)frame->v[4].number,
		.medium = CSN_MEDIUM_NONE, /* it is in there                  */
		.traits = (uint32_t)frame->v[5].number,
		.max_message = (uint32_t)frame->v[6].number,
		.bytes_per_second = (uint32_t)frame->v[7].number,
		.latency_ms = (uint32_t)frame->v[8].number,
		.at_once = (uint32_t)frame->v[9].number,
		.medium_name = ch->medium_name,
	};

	for (size_t i = 4; i < WIRE_VALUES; i++)
		if (frame->v[i].number > UINT32_MAX)
			return WIRE_BOUND;
	if (name.len == 0 || memchr(name.ptr, '\0', name.len) != NULL ||
	    caps.max_message == 0 || caps.max_message > WIRE_BYTES_MAX || caps.at_once == 0 ||
	    caps.at_once > CSN_AT_ONCE_MAX)
		return WIRE_BOUND;
	if (ch->caps.size == 0) {
		memcpy(ch->medium_name, name.ptr, name.len);
		ch->caps = caps;
	} else if (!same_caps(&ch->caps, &caps) || strlen(ch->medium_name) != name.len ||
	           memcmp(ch->medium_name, name.ptr, name.len) != 0)
		return WIRE_BOUND; /* it was something else before            */
	ch->under_way = 0;
	ch->answered = ch->send_id;
	return WIRE_FINE;
}

static enum wire_fault
take_message(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_channel *ch = &iso->channel;
	const struct csn_bytes  bytes = frame->v[1].bytes;
	struct isolate_message *m;

	if (++ch->under_way > WIRE_CREDITS)
		return WIRE_FLOOD;
	if (bytes.len == 0 || bytes.len > ch->caps.max_message)
		return WIRE_BOUND;
	if (!ch->listening)
		return WIRE_FINE; /* it could not know yet; not for long       */
	m = calloc(1, sizeof *m);
	if (m != NULL)
		m->buf = csn_buf_new(bytes.ptr, bytes.len, 0);
	if (m == NULL || m->buf == NULL) {
		csn_log_line(iso->how.log, CSN_LOG_ERROR, iso->how.label,
		             "no memory for a message; it was dropped");
		free(m);
		taken(iso);
		return WIRE_FINE;
	}
	m->at_ns = frame->v[0].number;
	*ch->end = m;
	ch->end = &m->next;
	deliver(iso);
	return WIRE_FINE;
}

static enum wire_fault
take_sent(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_channel *ch = &iso->channel;
	char                    text[WIRE_TEXT_MAX + 1];
	int                     result = wire_result(&frame->v[1]);

	/* One answer to each that was sent to this worker; a withdrawn one may cross it. */
	if (frame->v[0].number <= ch->answered || frame->v[0].number > ch->send_id)
		return WIRE_UNASKED;
	ch->answered = frame->v[0].number;
	if (ch->send == NULL || !ch->sent || frame->v[0].number != ch->send_id)
		return WIRE_FINE;
	snprintf(text, sizeof text, "%.*s", (int)frame->v[2].bytes.len,
	         (const char *)frame->v[2].bytes.ptr);
	forget_message(ch);
	isolate_end_op(&ch->send, result, text, NULL);
	return WIRE_FINE;
}

/* The link tells it to whoever listens, and receives again; the worker goes on trying. */
static void
take_trouble(struct isolate *iso, struct csn_bytes bytes)
{
	char text[WIRE_TEXT_MAX + 1];

	snprintf(text, sizeof text, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
	isolate_end_op(&iso->channel.receive, CSN_E_IO, text, NULL);
}

static enum wire_fault
on_frame(struct isolate *iso, const struct wire_frame *frame)
{
	struct isolate_channel *ch = &iso->channel;

	switch (frame->type) {
	case WIRE_READY:
		return take_ready(iso, frame);
	case WIRE_MESSAGE:
		return take_message(iso, frame);
	case WIRE_SENT:
		return take_sent(iso, frame);
	case WIRE_TROUBLE:
		if (isolate_floods(iso, &iso->notes, NOTES_MAX))
			return WIRE_FLOOD;
		take_trouble(iso, frame->v[0].bytes);
		return WIRE_FINE;
	case WIRE_DIAGNOSIS:
		if (isolate_floods(iso, &iso->notes, NOTES_MAX))
			return WIRE_FLOOD;
		snprintf(ch->diagnosis, sizeof ch->diagnosis, "%.*s",
		         (int)frame->v[0].bytes.len, (const char *)frame->v[0].bytes.ptr);
		return WIRE_FINE;
	default:
		return WIRE_UNEXPECTED;
	}
}

/* What was under way is told; a send that was not begun goes to the next worker. */
static void
down(struct isolate *iso, int code)
{
	struct isolate_channel *ch = &iso->channel;

	ch->listening = ch->showing = false;
	ch->under_way = 0;
	ch->sent = false;
	drop_messages(ch);
	if (code == CSN_OK)
		return;
	forget_message(ch);
	isolate_end_op(&ch->send, code, iso->why, NULL);
	isolate_end_op(&ch->receive, code, iso->why, NULL);
}

static bool
busy(const struct isolate *iso)
{
	const struct isolate_channel *ch = &iso->channel;

	return ch->send != NULL || ch->receive != NULL || ch->listening || ch->showing;
}

static void
done(struct isolate *iso)
{
	drop_messages(&iso->channel);
	forget_message(&iso->channel);
}

const struct isolate_kind isolate_channel = { up, on_frame, down, busy, done };

/* ---- the table ---------------------------------------------------------------- */

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct isolate *iso = self;
	uint32_t              size = ret_caps->size;

	*ret_caps = iso->channel.caps;
	ret_caps->size = size;
	return CSN_OK;
}

static int
send_many(void *self, struct csn_op *op, const struct csn_bytes *messages, size_t count)
{
	struct isolate         *iso = self;
	struct isolate_channel *ch = &iso->channel;
	struct csn_error       *err = csn_op_error(op);
	uint32_t                wait_ms = isolate_wait_ms(iso);

	if (ch->send != NULL)
		return csn_fail(err, CSN_E_BUSY, "another message is being sent");
	if (count == 0 || count > ch->caps.at_once)
		return csn_fail(err, CSN_E_INVALID, "%zu messages at once, the channel carries %u",
		                count, (unsigned)ch->caps.at_once);
	for (size_t i = 0; i < count; i++)
		if (messages[i].len == 0 || messages[i].len > ch->caps.max_message)
			return csn_fail(err, CSN_E_TOO_BIG,
			                "message is %zu bytes, the channel carries %u",
			                messages[i].len, (unsigned)ch->caps.max_message);
	if (wait_ms > 0)
		return csn_fail(err, CSN_E_IO, "%.400s; it starts again within %u ms", iso->why,
		                (unsigned)wait_ms);
	for (; ch->messages < count; ch->messages++) {
		const struct csn_bytes *from = &messages[ch->messages];

		ch->message[ch->messages] = csn_buf_new(from->ptr, from->len, 0);
		if (ch->message[ch->messages] == NULL) {
			forget_message(ch);
			return csn_fail(err, CSN_E_NOMEM, "no memory for a message");
		}
	}
	ch->send = op;
	if (iso->state == ISOLATE_UP)
		tell_send(iso);
	else
		isolate_want(iso);
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	return send_many(self, op, &message, 1);
}

static int
receive(void *self, struct csn_op *op)
{
	struct isolate         *iso = self;
	struct isolate_channel *ch = &iso->channel;

	if (ch->receive != NULL)
		return csn_fail(csn_op_error(op), CSN_E_BUSY, "somebody receives already");
	ch->receive = op;
	if (iso->state == ISOLATE_UP && !ch->listening)
		tell_listen(iso, true);
	else if (iso->state == ISOLATE_UP)
		deliver(iso);
	else
		isolate_want(iso);
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct isolate         *iso = self;
	struct isolate_channel *ch = &iso->channel;

	if (op == ch->send) {
		if (ch->sent && iso->state == ISOLATE_UP)
			isolate_put(iso, &(struct wire_frame){
				.type = WIRE_CANCEL, .v = { { .number = ch->send_id } } });
		ch->showing = false;
		forget_message(ch);
		isolate_end_op(&ch->send, CSN_E_CANCELLED, "", NULL);
	} else if (op == ch->receive) {
		if (ch->listening && iso->state == ISOLATE_UP)
			tell_listen(iso, false);
		ch->listening = false;
		drop_messages(ch);
		isolate_end_op(&ch->receive, CSN_E_CANCELLED, "", NULL);
	}
	leave_if_idle(iso);
}

static void
rest(void *self)
{
	struct isolate         *iso = self;
	struct isolate_channel *ch = &iso->channel;

	if (!ch->showing || ch->send != NULL)
		return; /* a send that is withdrawn is about to be cancelled     */
	ch->showing = false;
	if (iso->state == ISOLATE_UP)
		isolate_put(iso, &(struct wire_frame){ .type = WIRE_REST });
	leave_if_idle(iso);
}

static int
diagnose(void *self, char *text, size_t len)
{
	const struct isolate *iso = self;

	snprintf(text, len, "%s",
	         iso->state == ISOLATE_DOWN ? iso->why : iso->channel.diagnosis);
	return CSN_OK;
}

uint64_t
isolate_received_ns(void *self)
{
	return ((struct isolate *)self)->channel.received_ns;
}

const struct csn_channel_ops isolate_channel_ops = {
	.size = sizeof isolate_channel_ops,
	.caps = caps,
	.send = send_message,
	.receive = receive,
	.cancel = cancel,
	.rest = rest,
	.diagnose = diagnose,
	.send_many = send_many,
};
