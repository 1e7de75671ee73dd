/* Operations live in their pool; ended ones rest there for a while to catch stragglers. */
#include "core/loop/op.h"

#include <stdio.h>
#include <stdlib.h>

#define RESTING_MAX 64 /* ended operations kept to recognise a second completion */

enum op_state {
	OP_PENDING = 0,
	OP_ENDED, /* the answer is on its way                                 */
	OP_OWED,  /* answered for a plugin that never ended it                */
	OP_RESTING,
};

struct csn_op {
	struct csn_ops     *ops;
	struct csn_op      *next, *prev;
	enum op_state       state;
	struct csn_op_start start;
	char                what[64];
	struct csn_timer   *timer; /* the deadline, then the grace             */
	int                 asked; /* CSN_E_TIMEOUT or CSN_E_CANCELLED; 0: not yet */
	int                 result;
	struct csn_buf     *buf;
	struct csn_soon     answer;
	struct csn_error    error;
};

struct csn_ops {
	struct csn_loop *loop;
	struct csn_log  *log;
	struct csn_op   *live, *resting, *resting_last;
	size_t           pending, resting_count;
};

struct csn_ops *
csn_ops_new(struct csn_loop *loop, struct csn_log *log)
{
	struct csn_ops *ops = calloc(1, sizeof *ops);

	if (ops == NULL)
		return NULL;
	ops->loop = loop;
	ops->log = log;
	return ops;
}

static void
op_free(struct csn_op *op)
{
	csn_loop_timer_drop(op->timer);
	csn_loop_soon_drop(op->ops->loop, &op->answer);
	csn_buf_unref(op->buf);
	free(op);
}

void
csn_ops_free(struct csn_ops *ops)
{
	struct csn_op *op;

	if (ops == NULL)
		return;
	while ((op = ops->live) != NULL) {
		ops->live = op->next;
		op_free(op);
	}
	while ((op = ops->resting) != NULL) {
		ops->resting = op->next;
		op_free(op);
	}
	free(ops);
}

size_t
csn_ops_pending(const struct csn_ops *ops)
{
	return ops->pending;
}

static void
unlink_live(struct csn_op *op)
{
	if (op->prev != NULL)
		op->prev->next = op->next;
	else
		op->ops->live = op->next;
	if (op->next != NULL)
		op->next->prev = op->prev;
	op->next = op->prev = NULL;
}

static void
rest(struct csn_op *op)
{
	struct csn_ops *ops = op->ops;
	struct csn_op  *oldest = ops->resting;

	unlink_live(op);
	op->state = OP_RESTING;
	if (ops->resting_last != NULL)
		ops->resting_last->next = op;
	else
		ops->resting = op;
	ops->resting_last = op;
	if (++ops->resting_count <= RESTING_MAX)
		return;
	ops->resting = oldest->next;
	ops->resting_count--;
	op_free(oldest);
}

static void
answer(void *arg)
{
	struct csn_op  *op = arg;
	struct csn_buf *buf = op->buf;

	op->buf = NULL;
	op->ops->pending--;
	op->start.fn(op->start.arg, op, op->result, buf);
	csn_buf_unref(buf);
	if (op->state == OP_ENDED)
		rest(op);
}

/* The one way to an answer, whoever brings it about. */
static void
end(struct csn_op *op, enum op_state state, int result, struct csn_buf *take)
{
	csn_loop_timer_drop(op->timer);
	op->timer = NULL;
	op->state = state;
	op->result = result;
	op->buf = take;
	csn_loop_soon(op->ops->loop, &op->answer, answer, op);
}

static void
grace_is_over(void *arg)
{
	struct csn_op *op = arg;

	op->timer = NULL;
	csn_log_line(op->ops->log, CSN_LOG_ERROR, op->what, "did not end when asked to; %s",
	             csn_result_text(op->asked));
	csn_fail(&op->error, op->asked, "%s: %s", op->what, csn_result_text(op->asked));
	end(op, OP_OWED, op->asked, NULL);
}

static void
ask_to_end(struct csn_op *op, int why)
{
	struct csn_ops *ops = op->ops;

	if (op->state != OP_PENDING || op->asked != 0)
		return;
	op->asked = why;
	csn_loop_timer_drop(op->timer);
	op->timer = NULL;
	if (op->start.cancel != NULL)
		op->timer = csn_loop_timer_add(
		        ops->loop, csn_loop_now(ops->loop) + CSN_OP_GRACE_MS * CSN_MS,
		        grace_is_over, op);
	if (op->timer != NULL)
		op->start.cancel(op->start.self, op);
	else
		grace_is_over(op);
}

static void
deadline_came(void *arg)
{
	struct csn_op *op = arg;

	op->timer = NULL;
	ask_to_end(op, CSN_E_TIMEOUT);
}

struct csn_op *
csn_op_new(struct csn_ops *ops, const struct csn_op_start *start)
{
	struct csn_op *op;

	if (start->deadline_ns == 0 || start->fn == NULL)
		return NULL;
	op = calloc(1, sizeof *op);
	if (op == NULL)
		return NULL;
	op->timer = csn_loop_timer_add(ops->loop, start->deadline_ns, deadline_came, op);
	if (op->timer == NULL) {
		free(op);
		return NULL;
	}
	op->ops = ops;
	op->start = *start;
	snprintf(op->what, sizeof op->what, "%s",
	         start->what != NULL ? start->what : "an operation");
	op->next = ops->live;
	if (op->next != NULL)
		op->next->prev = op;
	ops->live = op;
	ops->pending++;
	return op;
}

void
csn_op_drop(struct csn_op *op)
{
	if (op == NULL || (op->state != OP_PENDING && op->state != OP_ENDED))
		return;
	if (op->state == OP_ENDED)
		csn_log_line(op->ops->log, CSN_LOG_ERROR, op->what,
		             "was refused and ended as well");
	csn_loop_timer_drop(op->timer);
	op->timer = NULL;
	csn_loop_soon_drop(op->ops->loop, &op->answer);
	csn_buf_unref(op->buf);
	op->buf = NULL;
	op->ops->pending--;
	rest(op);
}

void
csn_op_cancel(struct csn_op *op)
{
	ask_to_end(op, CSN_E_CANCELLED);
}

void
csn_op_done(struct csn_op *op, int result, struct csn_buf *take)
{
	if (op->state == OP_PENDING) {
		if (result > 0)
			result = CSN_E_INTERNAL;
		/* The plugin knows only that it was cancelled; we know why. */
		if (result == CSN_E_CANCELLED && op->asked != 0)
			result = op->asked;
		end(op, OP_ENDED, result, take);
		return;
	}
	csn_buf_unref(take);
	if (op->state != OP_OWED) {
		csn_log_line(op->ops->log, CSN_LOG_ERROR, op->what,
		             "was ended a second time with \"%s\"; ignored",
		             csn_result_text(result));
		return;
	}
	if (op->answer.queued)
		op->state = OP_ENDED; /* answer() puts it to rest */
	else
		rest(op);
}

bool
csn_op_answered(const struct csn_op *op)
{
	return op->state != OP_PENDING;
}

struct csn_error *
csn_op_error(struct csn_op *op)
{
	return &op->error;
}
