/* Operations as the checker sees them: begun, ended once, never, or twice. */
#include "core/check/check.h"

#include "core/check/heap.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>

#define STEP_MS 10

static struct trial *trials; /* those that are not over                       */

static struct trial *
trial_of(const struct csn_op *op)
{
	struct trial *t = trials;

	while (t != NULL && t->op != op)
		t = t->next;
	return t;
}

/* Counts completions, then does as the host does. */
void
trial_done(struct csn_op *op, int result, struct csn_buf *take)
{
	struct trial *t = trial_of(op);

	if (t == NULL) {
		check_broken(RULE_ONCE, "an operation that was over was ended again");
	} else if (++t->completions > 1) {
		check_broken(RULE_ONCE, "%s was ended twice", t->name);
	} else {
		t->synced = heap_synced();
	}
	if (result > 0)
		check_broken(RULE_HOST, "op_done was given the result %d", result);
	csn_op_done(op, result, take);
}

static void
answered(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct trial *t = arg;

	(void)op;
	t->answers++;
	t->result = result;
	t->buf    = buf != NULL ? csn_buf_ref(buf) : NULL;
}

/* The core asks by this when the time is up; it is a call into the plugin as any. */
static void
asked_to_end(void *self, struct csn_op *op)
{
	csn_op_cancel_fn *cancel = cancel_of_kind();

	if (cancel == NULL)
		return;
	enter("cancel");
	cancel(self, op);
	leave();
}

bool
trial_start(struct trial *t, const char *name, void *self, trial_start_fn *start,
            const void *arg)
{
	int r;

	*t    = (struct trial){ .name = name, .next = trials };
	t->op = csn_op_new(bench.ops, &(struct csn_op_start){
	                                      .what        = name,
	                                      .fn          = answered,
	                                      .arg         = t,
	                                      .deadline_ns = csn_loop_now(bench.loop) + CHECK_WAIT,
	                                      .cancel      = asked_to_end,
	                                      .self        = self,
	                              });
	if (t->op == NULL) {
		check_ok(false, "no memory to check with");
		return false;
	}
	trials = t;
	enter(name);
	r = start(self, t->op, arg);
	leave();
	if (r > 0)
		check_broken(RULE_HOST, "%s returned %d", name, r);
	if (r >= 0)
		return true;
	if (t->completions > 0)
		check_broken(RULE_ONCE, "%s was refused and ended as well", name);
	t->answers = 1;
	t->result  = r;
	csn_op_drop(t->op);
	return true;
}

/* More than this thread, or a descriptor: it may be that only real time helps. */
static bool
others_run(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int  count = 0;

	if (tasks == NULL)
		return false;
	while (readdir(tasks) != NULL)
		count++;
	closedir(tasks);
	return count > 3; /* ".", ".." and this one                          */
}

void
trial_run(uint64_t ms)
{
	/* The other end may be behind something that takes its own time. */
	if (bench.wait_ms > 0 && bench.peer != NULL)
		poll(NULL, 0, (int)ms * bench.wait_ms / 10);
	csn_loop_run_until(bench.loop, csn_loop_now(bench.loop) + ms * CSN_MS);
}

void
trial_wait(struct trial *t)
{
	uint64_t end   = csn_loop_now(bench.loop) + CHECK_WAIT + 2 * CSN_SECOND;
	int      wait_ms = others_run();

	while (t->answers == 0 && csn_loop_now(bench.loop) < end) {
		trial_run(STEP_MS);
		if (t->answers == 0 && wait_ms > 0)
			poll(NULL, 0, wait_ms);
	}
	trial_run(STEP_MS);
	if (t->completions == 0 && t->result != CSN_OK && csn_loop_now(bench.loop) >= end - CSN_SECOND)
		check_broken(RULE_ENDS, "%s never ended", t->name);
}

void
trial_cancel(struct trial *t)
{
	csn_op_cancel(t->op);
	for (int i = 0; i < 110 && t->answers == 0; i++) {
		trial_run(STEP_MS);
		if (t->answers == 0 && others_run())
			poll(NULL, 0, 1);
	}
	trial_run(STEP_MS);
	if (t->completions == 0 && t->answers > 0 && t->result == CSN_E_CANCELLED)
		check_broken(RULE_ENDS, "%s did not end when it was cancelled", t->name);
}

void
trial_end(struct trial *t)
{
	struct trial **at = &trials;

	while (*at != NULL && *at != t)
		at = &(*at)->next;
	if (*at != NULL)
		*at = t->next;
	csn_buf_unref(t->buf);
	t->buf = NULL;
}
