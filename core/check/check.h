/*
 * What the files of countersign-check share.
 *
 * A module is held to the contract in scenes, each in a process of its own, so that a
 * plugin that crashes or hangs costs one line of TAP and not the rest of them.  What the
 * scenes count together lies on one shared page.
 */
#ifndef CSN_CHECK_CHECK_H
#define CSN_CHECK_CHECK_H

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "core/plugin/loader.h"

#include <countersign/plugin.h>

#include <stdbool.h>

#define CHECK_WAIT  (20 * CSN_SECOND) /* virtual: how long an operation may take */
#define SLOW_NS     (20 * CSN_MS)     /* a blink: longer and the loop is felt to stop */
#define CALLS_MAX   32

/* Rules that any call may break; each is one line at the end. */
enum rule {
	RULE_ENDS, /* every operation ends                                    */
	RULE_ONCE, /* and only once                                           */
	RULE_THREAD,
	RULE_SIZE,
	RULE_FRAME, /* render draws, and changes nothing else                 */
	RULE_LEFT, /* timers and descriptors after destroy                    */
	RULE_HOST, /* the host's functions are called as host.h says          */
	RULE_VERDICT, /* verifiers                                            */
	RULE_SESSION, /* ceremonies                                           */
	RULE_COUNT
};

/* The slowest call of one name. */
struct clocked {
	const char *call;
	uint64_t    worst_ns;
};

struct page {
	int  count, failed;
	char doing[192]; /* what a crash or a hang is blamed on               */
	char call[40];   /* the plugin's function that runs                   */
	char broken[RULE_COUNT][160];
	int  created;    /* the first scene could make an instance            */
};

struct bench {
	const struct csn_component *component;
	const struct csn_config    *config, *peer_config; /* NULL: defaults      */
	const char                 *inject; /* --inject: where strange bytes go */
	struct csn_bytes            subject; /* of a station's session          */
	uint64_t                    unix_s;  /* when it is                      */
	int                         wait_ms; /* really, for each 10 ms of the loop's */
	const char                 *const *secret_files;
	uint16_t                    minor;    /* the oldest host that will do    */
	bool                        old_host; /* be that one                     */
	size_t                      growth;   /* bytes a later contract would add */
	struct csn_loop            *loop;
	struct csn_ops             *ops;
	const struct csn_host      *host; /* as the plugin sees it             */
	void                       *self, *peer;
	struct clocked              clocked[CALLS_MAX];
};

extern struct bench  bench; /* the contract's op_done has no argument of ours */
extern struct page  *page;

/* main.c: one TAP line each. */
__attribute__((format(printf, 2, 3))) bool check_ok(bool pass, const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void check_skip(const char *fmt, ...);
/* Says what comes next, for the case that it crashes. */
__attribute__((format(printf, 1, 2))) void check_doing(const char *fmt, ...);
/* The first to break a rule is named at the end. */
__attribute__((format(printf, 2, 3))) void check_broken(enum rule rule, const char *fmt, ...);
bool check_rules_hold(void); /* those about operations                          */

/* config.c: KEY=VALUE texts as a configuration section; NULL and a reason. */
const struct csn_config *check_config(char **sets, struct csn_error *err);

/* table.c: the host as the checker plays it. */
bool bench_open(void);
void bench_close(void);
/* Around every call into the plugin. */
void enter(const char *call);
void leave(void);
/* True when nothing of the plugin is left in the loop; drops what is. */
void bench_nothing_left(const char *when);
/* Memory of @len bytes (and bench.growth) whose end is watched; one for each @slot. */
enum slot { SLOT_HOST, SLOT_CAPS, SLOT_FRAME, SLOT_EVIDENCE, SLOT_VERDICT, SLOT_PROMPT,
	    SLOT_BEGIN, SLOT_EVENT, SLOT_SESSION, SLOT_SESSION_2, SLOT_COUNT };
void *scratch(enum slot slot, size_t len);
/* After the call: is what lies beyond the struct as it was? */
void scratch_check(enum slot slot, const char *what);

/* trial.c: operations as the checker sees them. */
struct trial {
	struct trial   *next;
	const char     *name;
	struct csn_op  *op;
	int             completions; /* how often the plugin ended it         */
	int             answers;
	int             result;
	struct csn_buf *buf; /* the answer's, or NULL                         */
	uint64_t        synced; /* heap_synced() when it ended                */
};

typedef int trial_start_fn(void *self, struct csn_op *op, const void *arg);

void trial_done(struct csn_op *op, int result, struct csn_buf *take); /* op_done */
/* Starts an operation of @self; a refusal is an answer, too. */
bool trial_start(struct trial *t, const char *name, void *self, trial_start_fn *start,
                 const void *arg);
void trial_wait(struct trial *t); /* until the answer, at most CHECK_WAIT        */
void trial_run(uint64_t ms);      /* runs the loop for @ms of its clock           */
void trial_cancel(struct trial *t);
void trial_end(struct trial *t);

/* calls.c: what one kind offers, each with harmless arguments. */
struct op_call {
	const char     *name;
	trial_start_fn *start;
	const void     *arg;
};

size_t calls_of_kind(struct op_call calls[8]);
csn_op_cancel_fn *cancel_of_kind(void);
/* Everything an instance can do, once. */
void exercise(void);
/* create(); CSN_OK, or what it returned, with @err. */
int  make_as(const struct csn_config *config, void **ret_self, struct csn_error *err);
void unmake(void *self);

/* The scenes; each prints its lines. */
void scene_options(void);
void scene_life(void);
void scene_size(void);
void scene_cancel(void);
void scene_memory(void);
void scene_leak(void);
void scene_secret(void);
void scene_time(void);
void scene_kind(void);
void scene_rules(void);

/* One kind's own: part of scene_kind. */
void check_channel(void);
void check_attest(void);
void check_format(void);
void check_store(void);
void check_ceremony(void);
void exercise_ceremony(void);

/* A record as protocol.md has it; its last bytes are a passphrase to look for. */
#define CHECK_RECORD 35
#define CHECK_SECRET 20
extern const uint8_t check_record[CHECK_RECORD];

#endif
