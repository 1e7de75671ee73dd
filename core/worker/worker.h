/* What the files of countersign-worker share.  One process, one channel or verifier. */
#ifndef CSN_CORE_WORKER_WORKER_H
#define CSN_CORE_WORKER_WORKER_H

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/config/config.h"
#include "core/isolate/wire.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "core/plugin/loader.h"

#include <stdbool.h>

#define WORKER_FD 3 /* the socket to the core                                 */

struct worker_part {
	const struct csn_component *component; /* NULL: there is no such part */
	const struct csn_config    *config;
	struct csn_host            *host;
	void                       *self;
	char                        label[WIRE_NAME_MAX + 1];
};

struct worker {
	struct csn_loop   *loop;
	struct csn_log    *log;
	struct csn_ops    *ops;
	struct csn_loader *loader;
	struct csn_config_file *file;
	struct worker_part      parts[WIRE_PARTS]; /* channel or verifier, media */
	struct wire_in          in;
	bool                    sealed;
};

/* What a kind of worker does; @ready arrives zeroed but for its type. */
struct worker_kind {
	int (*open)(struct worker *worker, struct wire_frame *ready, struct csn_error *err);
	/* Negative: the core broke the contract. */
	int (*frame)(struct worker *worker, const struct wire_frame *frame);
	void (*close)(struct worker *worker);
};

extern const struct worker_kind worker_channel, worker_attest;

/* Writes a frame; does not come back when the core is gone. */
void worker_write(const struct wire_frame *frame);
/* Into the sandbox, once; says so in the log. */
int worker_seal(struct worker *worker, struct csn_error *err);

/* "text" of a frame, cut to its bound. */
struct csn_bytes worker_text(const char *text);

#endif
