/* What the files of `plugins check` share: one bench, one TAP count. */
#ifndef CSN_CLI_CHECK_H
#define CSN_CLI_CHECK_H

#include "core/buf.h"
#include "core/host.h"
#include "core/loop.h"
#include "core/op.h"

#include <countersign/plugin.h>

#include <stdbool.h>

#define CHECK_WAIT (20 * CSN_SECOND) /* virtual: how long an op may take      */

/* One instance at a time on a loop with a virtual clock. */
struct bench {
	struct csn_loop            *loop;
	struct csn_ops             *ops;
	struct csn_host            *host;
	const struct csn_component *component;
	const struct csn_config    *config; /* NULL: defaults                 */
	void                       *self;
	int                         count, failed;
};

/* One operation as the checker sees it. */
struct trial {
	struct csn_op  *op;
	int             completions; /* how often the plugin ended it         */
	int             answers;
	int             result;
	struct csn_buf *buf; /* the answer's, or NULL                         */
};

__attribute__((format(printf, 3, 4))) bool check_ok(struct bench *b, bool pass,
                                                    const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void check_skip(struct bench *b, const char *fmt, ...);

/* Only one trial at a time is counted: the latest begun that is not ended. */
int  trial_begin(struct bench *b, struct trial *t, csn_op_cancel_fn *cancel);
/* Takes what the plugin's call returned; a refusal is the answer, too. */
void trial_started(struct trial *t, int result);
/* Runs until the answer, at most CHECK_WAIT, then for a moment longer. */
void trial_wait(struct bench *b, struct trial *t);
void trial_end(struct trial *t);

/* check-kinds.c: what is asked of one kind beyond its descriptor. */
void check_kind(struct bench *b);

#endif
