/*
 * A channel with its media: the same link the core would use, with a media that, once
 * it is open, closes the door behind it.  A device is opened once in a worker's life.
 */
#include "core/worker/worker.h"

#include "core/isolate/media-once.h"
#include "core/link/link.h"

#include <countersign/media.h>

#include <unistd.h>

#define DIAGNOSE_MS   500
#define DIAGNOSIS_LEN 256

static struct {
	struct worker        *worker;
	struct link          *link;
	struct link_listener  listener;
	bool                  listening;
	uint32_t              credits;
	struct link_send     *send;
	uint64_t              send_id;
	struct csn_buf       *beside[CSN_AT_ONCE_MAX - 1]; /* go with the next send */
	size_t                besides;
	struct csn_timer     *timer;
	char                  diagnosis[DIAGNOSIS_LEN];
} ch;

/* ---- a media that is opened once ---------------------------------------------- */

static int
may_open(void *arg, struct csn_error *err)
{
	const struct worker *worker = arg;

	(void)err;
	if (worker->sealed)
		_exit(WIRE_EXIT_SPENT); /* no device can be opened from in here */
	return CSN_OK;
}

static int
close_door(void *arg, struct csn_error *err)
{
	return worker_seal(arg, err);
}

/* ---- messages ----------------------------------------------------------------- */

static void
on_message(void *arg, const struct link *link, uint64_t at_ns, struct csn_bytes message)
{
	(void)arg, (void)link;
	if (ch.credits == 0) {
		csn_log_line(ch.worker->log, CSN_LOG_WARN, "worker",
		             "a message was dropped: nobody takes them");
		return;
	}
	ch.credits--;
	worker_write(&(struct wire_frame){
		.type = WIRE_MESSAGE, .v = { { .number = at_ns }, { .bytes = message } } });
}

/* The core knows which channel this is: what follows the label is enough. */
static void
on_trouble(void *arg, const char *text)
{
	const char *what = strstr(text, ": ");

	(void)arg;
	worker_write(&(struct wire_frame){
		.type = WIRE_TROUBLE,
		.v = { { .bytes = worker_text(what != NULL ? what + 2 : text) } } });
}

static void
on_diagnose(void *arg)
{
	char text[DIAGNOSIS_LEN];

	(void)arg;
	link_diagnose(ch.link, text, sizeof text);
	if (strcmp(text, ch.diagnosis) != 0) {
		memcpy(ch.diagnosis, text, sizeof text);
		worker_write(&(struct wire_frame){ .type = WIRE_DIAGNOSIS,
		                                   .v = { { .bytes = worker_text(text) } } });
	}
	ch.timer = csn_loop_timer_add(ch.worker->loop,
	                              csn_loop_now(ch.worker->loop) + DIAGNOSE_MS * CSN_MS,
	                              on_diagnose, NULL);
}

static int
listen_to(bool on)
{
	if (on == ch.listening)
		return CSN_E_INVALID;
	ch.listening = on;
	csn_loop_timer_drop(ch.timer);
	ch.timer = NULL;
	if (!on) {
		link_unlisten(ch.link, &ch.listener);
		return CSN_OK;
	}
	ch.listener = (struct link_listener){ .fn = on_message, .trouble = on_trouble };
	ch.timer = csn_loop_timer_add(ch.worker->loop,
	                              csn_loop_now(ch.worker->loop) + DIAGNOSE_MS * CSN_MS,
	                              on_diagnose, NULL);
	return link_listen(ch.link, &ch.listener);
}

static void
say_sent(uint64_t id, int result, const struct csn_error *err)
{
	const char *text = result == CSN_OK ? "" :
	                   err != NULL      ? csn_error_text(err) :
	                                      csn_result_text(result);

	worker_write(&(struct wire_frame){ .type = WIRE_SENT,
	                                   .v = { { .number = id },
	                                          { .number = (uint64_t)-result },
	                                          { .bytes = worker_text(text) } } });
}

static void
on_sent(void *arg, int result, const struct csn_error *err)
{
	(void)arg;
	ch.send = NULL;
	say_sent(ch.send_id, result, err);
}

static void
forget_beside(void)
{
	while (ch.besides > 0)
		csn_buf_unref(ch.beside[--ch.besides]);
}

static int
keep_beside(struct csn_bytes message)
{
	if (ch.besides + 1 >= link_caps(ch.link)->at_once)
		return CSN_E_INVALID;
	struct csn_buf *buf = csn_buf_new(message.ptr, message.len, 0);
	if (buf == NULL)
		return CSN_E_NOMEM;
	ch.beside[ch.besides++] = buf;
	return CSN_OK;
}

static int
send_message(uint64_t id, struct csn_bytes message)
{
	struct csn_bytes messages[CSN_AT_ONCE_MAX];
	size_t           count = 0;

	if (ch.send != NULL)
		return CSN_E_INVALID;
	ch.send_id = id;
	for (; count < ch.besides; count++)
		messages[count] = csn_buf_bytes(ch.beside[count]);
	messages[count++] = message;
	int r = link_send_many(ch.link, messages, count, on_sent, NULL, &ch.send);
	forget_beside();
	if (r < 0)
		say_sent(id, r, NULL);
	return CSN_OK;
}

/* ---- the kind ----------------------------------------------------------------- */

static int
open_channel(struct worker *worker, struct wire_frame *ready, struct csn_error *err)
{
	const struct worker_part *channel = &worker->parts[0], *media = &worker->parts[1];
	struct link_parts         parts = {
		.label = strncmp(channel->label, "channel ", 8) == 0 ? channel->label + 8 :
		                                                       channel->label,
		.loop = worker->loop,
		.ops = worker->ops,
		.log = worker->log,
		.channel = channel->component->ops.channel,
		.channel_self = channel->self,
	};

	ch.worker = worker;
	ch.credits = WIRE_CREDITS;
	if (media->component != NULL) {
		parts.media = media_once(
			&(struct media_once){ .loop = worker->loop, .ops = worker->ops, .arg = worker,
			                      .may_open = may_open, .close_door = close_door },
			media->component->ops.media);
		parts.media_self = media->self;
	}
	int r = link_new(&parts, &ch.link, err);
	if (r < 0)
		return r;
	const struct csn_channel_caps *caps = link_caps(ch.link);
	ready->v[3].bytes = worker_text(caps->medium_name);
	ready->v[4].number = caps->direction;
	ready->v[5].number = caps->traits;
	ready->v[6].number = caps->max_message < WIRE_BYTES_MAX ? caps->max_message :
	                                                          WIRE_BYTES_MAX;
	ready->v[7].number = caps->bytes_per_second;
	ready->v[8].number = caps->latency_ms;
	ready->v[9].number = caps->at_once;
	return CSN_OK;
}

static int
on_frame(struct worker *worker, const struct wire_frame *frame)
{
	(void)worker;
	switch (frame->type) {
	case WIRE_SEND:
		return send_message(frame->v[0].number, frame->v[1].bytes);
	case WIRE_BESIDE:
		return keep_beside(frame->v[0].bytes);
	case WIRE_CANCEL:
		if (ch.send != NULL && frame->v[0].number == ch.send_id) {
			link_cancel(ch.link, ch.send);
			ch.send = NULL;
		}
		link_rest(ch.link);
		return CSN_OK;
	case WIRE_LISTEN:
		return listen_to(frame->v[0].number != 0);
	case WIRE_REST:
		link_rest(ch.link);
		return CSN_OK;
	case WIRE_TAKEN:
		ch.credits++;
		return CSN_OK;
	default:
		return CSN_E_INVALID;
	}
}

static void
close_channel(struct worker *worker)
{
	csn_loop_timer_drop(ch.timer);
	ch.timer = NULL;
	forget_beside();
	link_free(ch.link);
	ch.link = NULL;
	(void)worker;
}

const struct worker_kind worker_channel = { open_channel, on_frame, close_channel };
