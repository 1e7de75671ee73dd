/*
 * An instance that lives in another process: a channel together with its media, or a
 * verifier.  To the core it is an ordinary instance whose table is one of these; behind
 * it countersign-worker is started, watched, killed when it hangs or breaks the rules of
 * the wire, and started again, later each time.  Everything is [loop].
 */
#ifndef CSN_CORE_ISOLATE_H
#define CSN_CORE_ISOLATE_H

#include "core/base/log.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/plugin/loader.h"

#include <countersign/attest.h>
#include <countersign/channel.h>

#include <stdbool.h>
#include <sys/types.h>

/* What runs in the worker.  All borrowed for the life of the instance. */
struct csn_isolation {
	const char                 *worker; /* absolute path of countersign-worker */
	const struct csn_loader    *loader; /* says which module a component is from */
	struct csn_loop            *loop;
	struct csn_log             *log;
	int                         level; /* least urgent that is logged     */
	const struct csn_component *component, *media; /* media: NULL for none */
	const struct csn_config    *config, *media_config;
	const char                 *label, *media_label; /* "channel offer"   */
	/* 0: the usual.  How long it may be silent, and waits before it starts again. */
	uint32_t hang_ms, again_ms, again_max_ms;
};

struct isolate;

/* Starts the worker and waits, at most 20 s, until it is ready or says why not. */
int isolate_create(const struct csn_isolation *how, struct isolate **ret_isolate,
                   struct csn_error *err);
void isolate_destroy(void *self); /* NULL is fine; at most about 3 s          */

extern const struct csn_channel_ops isolate_channel_ops;
extern const struct csn_attest_ops  isolate_attest_ops;

/* When the last byte of the message came that a receive ended with last. */
uint64_t isolate_received_ns(void *self);

/* For tests, benchmarks and the log. */
pid_t    isolate_pid(const struct isolate *isolate);   /* 0: none now         */
unsigned isolate_ended(const struct isolate *isolate); /* unasked for, so far */

/* May @component be run in a worker, and should it be when nobody says? */
bool isolate_fits(const struct csn_component *component);

#endif
