/*
 * A small host for tests of one plugin: checked options, operations, buffers, posts,
 * timers and descriptors.  Time is virtual unless asked otherwise: when nothing is ready
 * the clock jumps to the next timer, so no test waits for it.
 */
#ifndef CSN_TESTS_KIT_FAKEHOST_H
#define CSN_TESTS_KIT_FAKEHOST_H

#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdbool.h>

struct fakehost;

/* What host->fail wrote; pass one where a struct csn_error is wanted. */
struct csn_error {
	int  code;
	char text[512];
};

/* @real: now() is the boot-time clock and timers wait for it. */
struct fakehost *fakehost_new(bool real);
/* Complains on stderr and aborts when an operation or a buffer is left. */
void fakehost_free(struct fakehost *fake);
const struct csn_host *fakehost_host(struct fakehost *fake);

/* The component of a module of the build tree, "channel/loop"; ends the test if none. */
const struct csn_component *fakehost_load(const char *kind_name);
/* The one of that name, where a module has several. */
const struct csn_component *fakehost_find(const char *kind_name, const char *component);

/* create() with options given as key, value, ..., NULL; the host keeps the strings. */
int fakehost_create(struct fakehost *fake, const struct csn_component *component,
                    const char *const *options, void **ret_self, struct csn_error *err);

/* A fresh operation; freed by fakehost_op_free, which refuses a pending one. */
struct csn_op *fakehost_op(struct fakehost *fake);
void fakehost_op_free(struct csn_op *op);
bool fakehost_op_ended(const struct csn_op *op);
int fakehost_op_result(const struct csn_op *op);
struct csn_bytes fakehost_op_bytes(const struct csn_op *op);
const char *fakehost_op_text(const struct csn_op *op);

/*
 * Starts nothing: takes what the plugin's call returned, ends @op by it when it is
 * negative, as a host does.  Returns @result.
 */
int fakehost_started(struct csn_op *op, int result);

/* Runs the loop until @op has ended; false when @ms of the host's clock went by. */
bool fakehost_wait(struct fakehost *fake, const struct csn_op *op, uint64_t ms);
/* Runs the loop for @ms of the host's clock. */
void fakehost_run(struct fakehost *fake, uint64_t ms);

/* The last line logged at @level or above, "" when none. */
const char *fakehost_logged(const struct fakehost *fake);

#endif
