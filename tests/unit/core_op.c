/* op: exactly one answer, whatever the plugin does. */
#include "core/loop/op.h"

#include "kit/tap.h"

#include <stdio.h>
#include <unistd.h>

static struct csn_loop *loop;
static struct csn_ops  *ops;
static FILE            *log_file;

static struct {
	int  count, result;
	char bytes[16], text[CSN_ERROR_TEXT];
} got;

static void
answered(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct csn_bytes bytes = csn_buf_bytes(buf);

	(void)arg;
	got.count++;
	got.result = result;
	snprintf(got.bytes, sizeof got.bytes, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
	snprintf(got.text, sizeof got.text, "%s", csn_op_error(op)->text);
}

static void
cancel_now(void *self, struct csn_op *op)
{
	++*(int *)self;
	csn_op_done(op, CSN_E_CANCELLED, NULL);
}

static void
cancel_never(void *self, struct csn_op *op)
{
	(void)op;
	++*(int *)self;
}

static struct csn_op *
start(csn_op_cancel_fn *cancel, void *self)
{
	memset(&got, 0, sizeof got);
	return csn_op_new(ops, &(struct csn_op_start){
		.what = "channel x: send", .fn = answered,
		.deadline_ns = csn_loop_now(loop) + 5 * CSN_SECOND, .cancel = cancel, .self = self });
}

/* The whole of the log since the last look. */
static const char *
logged(void)
{
	static char text[4096];
	size_t      n;

	rewind(log_file);
	n = fread(text, 1, sizeof text - 1, log_file);
	text[n] = '\0';
	if (ftruncate(fileno(log_file), 0) < 0)
		exit(99);
	rewind(log_file);
	return text;
}

static void
log_is(const char *want, const char *what)
{
	const char *is = logged();

	if (!tap_ok(strcmp(is, want) == 0, "%s", what))
		tap_note("log says: %s", is);
}

static void
test_plain(void)
{
	struct csn_op *op = start(NULL, NULL);

	csn_op_done(op, CSN_OK, csn_buf_new("hi", 2, 0));
	tap_is(got.count, 0, "no answer from inside the plugin's call");
	csn_loop_run(loop);
	tap_ok(got.count == 1 && got.result == CSN_OK && strcmp(got.bytes, "hi") == 0,
	       "one answer with its bytes");
	csn_op_done(op, CSN_OK, csn_buf_new("again", 5, 0));
	csn_loop_run(loop);
	tap_is(got.count, 1, "a second completion is ignored");
	log_is("error: channel x: send: was ended a second time with \"all went well\"; ignored\n",
	       "and reported");
	tap_is((long long)csn_ops_pending(ops), 0, "nothing is pending");
}

static void
test_second_before_answer(void)
{
	struct csn_op *op = start(NULL, NULL);

	csn_op_done(op, CSN_E_IO, NULL);
	csn_op_done(op, CSN_OK, csn_buf_new("no", 2, 0));
	csn_loop_run(loop);
	tap_ok(got.count == 1 && got.result == CSN_E_IO, "the first completion counts");
	log_is("error: channel x: send: was ended a second time with \"all went well\"; ignored\n",
	       "the second is reported, before the answer left, too");
}

static void
test_error_text(void)
{
	struct csn_op *op = start(NULL, NULL);

	csn_op_done(op, csn_fail(csn_op_error(op), CSN_E_IO, "the cable is out"), NULL);
	csn_loop_run(loop);
	tap_ok(got.result == CSN_E_IO && strcmp(got.text, "the cable is out") == 0,
	       "the reason comes with the answer");
	csn_op_done(start(NULL, NULL), 17, NULL);
	csn_loop_run(loop);
	tap_is(got.result, CSN_E_INTERNAL, "a positive result is no success");
}

static void
test_deadline(void)
{
	uint64_t       began = csn_loop_now(loop);
	int            cancels = 0;
	struct csn_op *op = start(cancel_now, &cancels);

	csn_loop_run(loop);
	tap_ok(got.count == 1 && got.result == CSN_E_TIMEOUT && cancels == 1,
	       "at the deadline the plugin is asked to end and the answer is a timeout");
	tap_is((long long)(csn_loop_now(loop) - began), (long long)(5 * CSN_SECOND),
	       "exactly at the deadline");
	(void)op;

	began = csn_loop_now(loop);
	cancels = 0;
	op = start(cancel_never, &cancels);
	csn_loop_run(loop);
	tap_ok(got.count == 1 && got.result == CSN_E_TIMEOUT && cancels == 1,
	       "a plugin that never ends it does not hold the answer back");
	tap_is((long long)(csn_loop_now(loop) - began), (long long)(6 * CSN_SECOND),
	       "but gets a second's grace");
	log_is("error: channel x: send: did not end when asked to; nothing came in time\n",
	       "and is reported");
	csn_op_done(op, CSN_OK, csn_buf_new("late", 4, 0));
	csn_loop_run(loop);
	tap_is(got.count, 1, "its late completion changes nothing");
	log_is("", "and was owed, so nobody is told");
	csn_op_done(op, CSN_OK, NULL);
	log_is("error: channel x: send: was ended a second time with \"all went well\"; ignored\n",
	       "one more is one too many");

	start(NULL, NULL);
	csn_loop_run(loop);
	tap_is(got.result, CSN_E_TIMEOUT, "without a cancel function there is no grace");
	logged();
}

static void
test_cancel(void)
{
	int            cancels = 0;
	struct csn_op *op = start(cancel_now, &cancels);

	csn_op_cancel(op);
	csn_op_cancel(op);
	csn_loop_run(loop);
	tap_ok(got.count == 1 && got.result == CSN_E_CANCELLED && cancels == 1,
	       "cancelling twice asks once and answers once");

	op = start(cancel_never, &cancels);
	csn_op_cancel(op);
	csn_op_done(op, CSN_OK, csn_buf_new("done", 4, 0));
	csn_loop_run(loop);
	tap_ok(got.result == CSN_OK && strcmp(got.bytes, "done") == 0,
	       "what was done in spite of the cancel is told as done");
	csn_op_cancel(op);
	csn_loop_run(loop);
	tap_is(got.count, 1, "cancelling what has ended does nothing");
	log_is("", "nothing of this is worth a line");
}

static void
test_drop(void)
{
	struct csn_op *op = start(NULL, NULL);

	csn_op_drop(op);
	csn_loop_run(loop);
	tap_ok(got.count == 0 && csn_ops_pending(ops) == 0, "a dropped one never answers");
	csn_op_done(op, CSN_OK, NULL);
	log_is("error: channel x: send: was ended a second time with \"all went well\"; ignored\n",
	       "and must not be ended");
	op = start(NULL, NULL);
	csn_op_done(op, CSN_OK, csn_buf_new("x", 1, 0));
	csn_op_drop(op);
	csn_loop_run(loop);
	tap_is(got.count, 0, "nor when the plugin ended it and refused it at once");
	log_is("error: channel x: send: was refused and ended as well\n", "which is reported");
	tap_ok(csn_op_new(ops, &(struct csn_op_start){ .fn = answered }) == NULL,
	       "no deadline, no operation");
}

int
main(void)
{
	struct csn_log *log;

	log_file = tmpfile();
	loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	log = csn_log_new(fileno(log_file), CSN_LOG_TEXT, CSN_LOG_WARN);
	ops = csn_ops_new(loop, log);
	if (log_file == NULL || loop == NULL || log == NULL || ops == NULL)
		return 99;
	test_plain();
	test_second_before_answer();
	test_error_text();
	test_deadline();
	test_cancel();
	test_drop();
	for (int i = 0; i < 200; i++)
		csn_op_done(start(NULL, NULL), CSN_OK, NULL);
	csn_loop_run(loop);
	tap_is((long long)csn_ops_pending(ops), 0, "two hundred come and go");
	start(NULL, NULL);
	csn_ops_free(ops);
	tap_is(csn_loop_run(loop), CSN_E_MISSING, "freed ones leave no timer behind");
	csn_loop_free(loop);
	csn_log_free(log);
	fclose(log_file);
	return tap_done();
}
