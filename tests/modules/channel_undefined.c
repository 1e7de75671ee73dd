/* Calls a function that nobody has. */
#include "broken.h"

extern int csn_test_nobody_has_this(void);

static int
undefined_send(void *self, struct csn_op *op, struct csn_bytes message)
{
	(void)self;
	(void)op;
	(void)message;
	return csn_test_nobody_has_this();
}

static const struct csn_channel_ops undefined_ops = {
	.size = sizeof undefined_ops, .caps = caps, .send = undefined_send,
};

extern const struct csn_channel_ops *const channel_undefined_unused;
const struct csn_channel_ops *const channel_undefined_unused = &ops;

COMPONENT("undefined", .ops.channel = &undefined_ops);
BROKEN(channel_undefined, .abi_minor = 9);
