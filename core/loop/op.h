/*
 * One thing being waited for.  The core starts it, a plugin ends it exactly once by
 * host->op_done; the answer comes from the loop, never from inside the plugin's call.
 *
 * A deadline or csn_op_cancel() asks the plugin to end it.  A plugin that does not
 * within CSN_OP_GRACE_MS is reported and the caller gets its answer all the same.
 * A second completion is reported and ignored.
 */
#ifndef CSN_CORE_OP_H
#define CSN_CORE_OP_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/loop/loop.h"

#include <stdbool.h>

#define CSN_OP_GRACE_MS 1000

struct csn_ops; /* all operations of one loop                                 */

/*
 * The answer.  @buf is borrowed: take a reference to keep it.  The text of a failure
 * is csn_op_error(op).  The op is gone when this returns.
 */
typedef void csn_op_fn(void *arg, struct csn_op *op, int result, struct csn_buf *buf);
typedef void csn_op_cancel_fn(void *self, struct csn_op *op);

struct csn_op_start {
	const char       *what; /* "channel qr: send"; copied                 */
	csn_op_fn        *fn;
	void             *arg;
	uint64_t          deadline_ns; /* loop's clock; 0 is refused: all things end */
	csn_op_cancel_fn *cancel;      /* the plugin's own; NULL: it cannot    */
	void             *self;        /* the plugin's instance               */
};

struct csn_ops *csn_ops_new(struct csn_loop *loop, struct csn_log *log);
/* Frees all, answered or not; no plugin may hold one any more. */
void csn_ops_free(struct csn_ops *ops);
size_t csn_ops_pending(const struct csn_ops *ops);

/* [loop] NULL when out of memory or without a deadline or fn. */
struct csn_op *csn_op_new(struct csn_ops *ops, const struct csn_op_start *start);
/* [loop] The plugin refused to start it (negative return): no answer will come. */
void csn_op_drop(struct csn_op *op);
/* [loop] Asks for an end soon; the answer still comes.  After the end: ignored. */
void csn_op_cancel(struct csn_op *op);
/* [loop] For plugins, through the host: ends @op and takes over @take. */
void csn_op_done(struct csn_op *op, int result, struct csn_buf *take);
bool csn_op_answered(const struct csn_op *op); /* ended; its answer is on its way */
struct csn_error *csn_op_error(struct csn_op *op); /* [loop]                  */

#endif
