#include "lib/outbox.h"

int
csn_outbox_take(struct csn_outbox *outbox, struct csn_op *op, struct csn_bytes message,
                size_t limit, const char *what, struct csn_buf **ret_copy)
{
	const struct csn_host *host = outbox->host;
	struct csn_error      *err = host->op_error(op);

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > limit)
		return host->fail(err, CSN_E_TOO_BIG, "message is %zu bytes, %s takes %zu",
		                  message.len, what, limit);
	if (outbox->sending != NULL)
		return host->fail(err, CSN_E_BUSY, "another message is being sent");
	struct csn_buf *copy = host->buf_new(message.ptr, message.len, 0);
	if (copy == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a message");
	outbox->sending = op;
	*ret_copy = copy;
	return CSN_OK;
}

int
csn_outbox_refuse(struct csn_outbox *outbox, struct csn_buf *copy, int result)
{
	outbox->sending = NULL;
	outbox->host->buf_unref(copy);
	return result;
}

void
csn_outbox_end(struct csn_outbox *outbox, int result)
{
	struct csn_op *op = outbox->sending;

	outbox->sending = NULL;
	if (op != NULL)
		outbox->host->op_done(op, result, NULL);
}
