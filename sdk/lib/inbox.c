#include "lib/inbox.h"

static struct csn_buf *
take(struct csn_inbox *inbox)
{
	struct csn_buf *oldest = inbox->waiting[0];

	inbox->count--;
	memmove(&inbox->waiting[0], &inbox->waiting[1],
	        inbox->count * sizeof inbox->waiting[0]);
	return oldest;
}

static void
hand_out(struct csn_inbox *inbox)
{
	struct csn_op *op = inbox->receiving;

	if (op == NULL || inbox->count == 0)
		return;
	inbox->receiving = NULL;
	inbox->host->op_done(op, CSN_OK, take(inbox));
}

void
csn_inbox_put(struct csn_inbox *inbox, struct csn_bytes message)
{
	const struct csn_host *host = inbox->host;
	struct csn_buf *copy = host->buf_new(message.ptr, message.len, 0);

	if (copy == NULL) {
		host->log(host, CSN_LOG_ERROR, "no memory for a message of %zu bytes",
		          message.len);
		return;
	}
	if (inbox->count == CSN_INBOX_ROOM) {
		host->log(host, CSN_LOG_WARN, "%d messages wait and nobody receives them; "
		          "the oldest is dropped", CSN_INBOX_ROOM);
		host->buf_unref(take(inbox));
	}
	inbox->waiting[inbox->count++] = copy;
	hand_out(inbox);
}

int
csn_inbox_receive(struct csn_inbox *inbox, struct csn_op *op)
{
	const struct csn_host *host = inbox->host;

	if (inbox->receiving != NULL)
		return host->fail(host->op_error(op), CSN_E_BUSY,
		                  "somebody else is receiving");
	inbox->receiving = op;
	hand_out(inbox);
	return CSN_OK;
}

int
csn_inbox_cancel(struct csn_inbox *inbox, struct csn_op *op)
{
	if (op == NULL || op != inbox->receiving)
		return 0;
	inbox->receiving = NULL;
	inbox->host->op_done(op, CSN_E_CANCELLED, NULL);
	return 1;
}

void
csn_inbox_done(struct csn_inbox *inbox)
{
	csn_inbox_cancel(inbox, inbox->receiving);
	while (inbox->count > 0)
		inbox->host->buf_unref(take(inbox));
}
