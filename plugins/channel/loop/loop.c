#include "loop.h"

#include <stdio.h>

static void
deliver(struct loop *loop)
{
	if (loop->receiving == NULL || loop->waiting_count == 0)
		return;
	struct csn_op *op = loop->receiving;
	struct csn_buf *message = loop->waiting[0];

	loop->waiting_count--;
	memmove(&loop->waiting[0], &loop->waiting[1],
	        loop->waiting_count * sizeof loop->waiting[0]);
	loop->receiving = NULL;
	loop->host->op_done(op, CSN_OK, message);
}

static void
arrive(void *self)
{
	struct loop *loop = self;
	struct csn_op *op = loop->sending;

	loop->arrival = NULL;
	loop->sending = NULL;
	loop->waiting[loop->waiting_count++] = loop->in_air;
	loop->in_air = NULL;
	loop->host->op_done(op, CSN_OK, NULL);
	deliver(loop);
}

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct loop *loop = self;

	ret_caps->direction   = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium      = CSN_MEDIUM_NONE;
	ret_caps->max_message = loop->limit;
	ret_caps->latency_ms  = loop->delay_ms;
	ret_caps->medium_name = loop->medium;
	return CSN_OK;
}

static int
check_send(const struct loop *loop, struct csn_error *err, struct csn_bytes message)
{
	const struct csn_host *host = loop->host;

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > loop->limit)
		return host->fail(err, CSN_E_TOO_BIG,
		                  "message is %zu bytes, this loop carries %u", message.len,
		                  (unsigned)loop->limit);
	if (loop->sending != NULL)
		return host->fail(err, CSN_E_BUSY, "another message is being sent");
	if (loop->waiting_count == LOOP_ROOM)
		return host->fail(err, CSN_E_BUSY,
		                  "%d messages wait and nobody receives them", LOOP_ROOM);
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct loop *loop = self;
	const struct csn_host *host = loop->host;
	struct csn_error *err = host->op_error(op);

	int r = check_send(loop, err, message);
	if (r < 0)
		return r;
	struct csn_buf *copy = host->buf_new(message.ptr, message.len, 0);
	if (copy == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a message");
	loop->arrival = host->timer_add(
		host, host->now(host) + loop->delay_ms * UINT64_C(1000000), arrive, loop);
	if (loop->arrival == NULL) {
		host->buf_unref(copy);
		return host->fail(err, CSN_E_NOMEM, "no memory for a timer");
	}
	loop->in_air  = copy;
	loop->sending = op;
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct loop *loop = self;

	if (loop->receiving != NULL)
		return loop->host->fail(loop->host->op_error(op), CSN_E_BUSY,
		                        "somebody else is receiving");
	loop->receiving = op;
	deliver(loop);
	return CSN_OK;
}

/* What was on its way is lost, as it would be in the air. */
static void
stop_sending(struct loop *loop)
{
	struct csn_op *op = loop->sending;

	if (op == NULL)
		return;
	loop->host->timer_drop(loop->arrival);
	loop->host->buf_unref(loop->in_air);
	loop->arrival = NULL;
	loop->in_air  = NULL;
	loop->sending = NULL;
	loop->host->op_done(op, CSN_E_CANCELLED, NULL);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct loop *loop = self;

	if (op == loop->sending) {
		stop_sending(loop);
	} else if (op == loop->receiving) {
		loop->receiving = NULL;
		loop->host->op_done(op, CSN_E_CANCELLED, NULL);
	}
}

static void
rest(void *self)
{
	stop_sending(self);
}

static int
diagnose(void *self, char *text, size_t len)
{
	const struct loop *loop = self;

	if (len == 0)
		return CSN_E_INVALID;
	snprintf(text, len, "%zu messages wait to be received%s", loop->waiting_count,
	         loop->sending != NULL ? ", one is on its way" : "");
	return CSN_OK;
}

void
loop_stop(struct loop *loop)
{
	stop_sending(loop);
	for (size_t i = 0; i < loop->waiting_count; i++)
		loop->host->buf_unref(loop->waiting[i]);
	loop->waiting_count = 0;
}

const struct csn_channel_ops loop_ops = {
	.size     = sizeof loop_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.diagnose = diagnose,
};
