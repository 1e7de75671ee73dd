/* What a channel's send asks first, each refusal with its reason. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include "lib/outbox.h"

static const struct {
	const char *what;
	size_t      len;
	bool        busy;
	int         want;
	const char *because;
} rows[] = {
	{ "a message of the limit", 8, false, CSN_OK, "" },
	{ "one of a byte", 1, false, CSN_OK, "" },
	{ "one over the limit", 9, false, CSN_E_TOO_BIG, "message is 9 bytes, this line takes 8" },
	{ "an empty one", 0, false, CSN_E_INVALID, "an empty message cannot be sent" },
	{ "one while another is under way", 8, true, CSN_E_BUSY, "another message is being sent" },
};

static void
test_row(struct fakehost *fake, size_t i)
{
	static const uint8_t bytes[] = "123456789";
	struct csn_outbox    outbox = { .host = fakehost_host(fake) };
	struct csn_op       *op = fakehost_op(fake), *other = fakehost_op(fake);
	struct csn_buf      *copy = NULL;

	outbox.sending = rows[i].busy ? other : NULL;
	int r = fakehost_started(op, csn_outbox_take(&outbox, op,
	                                             (struct csn_bytes){ bytes, rows[i].len }, 8,
	                                             "this line", &copy));
	tap_ok(r == rows[i].want && strcmp(fakehost_op_text(op), rows[i].because) == 0, "%s: %d",
	       rows[i].what, rows[i].want);
	if (rows[i].want == CSN_OK) {
		struct csn_bytes kept = outbox.host->buf_bytes(copy);

		tap_ok(outbox.sending == op && !fakehost_op_ended(op) && kept.ptr != bytes &&
		               kept.len == rows[i].len && memcmp(kept.ptr, bytes, kept.len) == 0,
		       "it is under way, with a copy");
		outbox.host->buf_unref(copy);
		csn_outbox_end(&outbox, CSN_E_IO);
		tap_ok(fakehost_op_ended(op) && fakehost_op_result(op) == CSN_E_IO,
		       "and ends as it is told");
	} else {
		tap_ok(copy == NULL && outbox.sending == (rows[i].busy ? other : NULL),
		       "nothing else is under way now");
	}
	outbox.sending = NULL;
	csn_outbox_end(&outbox, CSN_OK); /* nothing to end */
	fakehost_started(other, CSN_E_CANCELLED);
	fakehost_op_free(op);
	fakehost_op_free(other);
}

static void
test_refused_later(struct fakehost *fake)
{
	struct csn_outbox outbox = { .host = fakehost_host(fake) };
	struct csn_op    *op = fakehost_op(fake);
	struct csn_buf   *copy = NULL;
	int               r = csn_outbox_take(&outbox, op, (struct csn_bytes){ (const uint8_t *)"x", 1 }, 8, "this line", &copy);

	tap_ok(r == CSN_OK && csn_outbox_refuse(&outbox, copy, CSN_E_IO) == CSN_E_IO &&
	               outbox.sending == NULL && !fakehost_op_ended(op),
	       "a send that fails after all leaves nothing and answers once");
	fakehost_started(op, CSN_E_IO);
	fakehost_op_free(op);
}

int
main(void)
{
	struct fakehost *fake = fakehost_new(false);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		test_row(fake, i);
	test_refused_later(fake);
	fakehost_free(fake);
	return tap_done();
}
