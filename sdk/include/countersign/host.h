/*
 * The services a plugin gets in create().  A plugin has no undefined symbol of
 * ours: everything it may call arrives in this table.
 */
#ifndef COUNTERSIGN_HOST_H
#define COUNTERSIGN_HOST_H

#include <countersign/types.h>

struct csn_component;
struct csn_watch;
struct csn_timer;

enum csn_log_level {
	CSN_LOG_ERROR = 3, /* syslog's numbers, so a journal reads them       */
	CSN_LOG_WARN  = 4,
	CSN_LOG_INFO  = 6,
	CSN_LOG_DEBUG = 7,
};

enum csn_ready {
	CSN_READABLE = 1 << 0,
	CSN_WRITABLE = 1 << 1,
	CSN_HANGUP   = 1 << 2, /* or an error; always reported                */
};

enum csn_buf_flags {
	CSN_BUF_SECRET = 1 << 0, /* wiped when the last reference goes        */
};

/* [loop] What a plugin gives the host to call; @self is the plugin's own. */
typedef void csn_fd_fn(void *self, int fd, uint32_t ready);
typedef void csn_call_fn(void *self); /* [loop]                          */

struct csn_host {
	uint32_t size;
	uint16_t abi_major, abi_minor;

	/* [any] One line, no newline; text is escaped and bounded by the host. */
	__attribute__((format(printf, 3, 4))) void (*log)(const struct csn_host *host,
	                                                  int level, const char *fmt, ...);
	/* [any] Explains a failure in @err (may be NULL) and returns @code. */
	__attribute__((format(printf, 3, 4))) int (*fail)(struct csn_error *err, int code,
	                                                  const char *fmt, ...);
	/* [any] Monotonic boot-time clock, in ns; virtual in tests. */
	uint64_t (*now)(const struct csn_host *host);
	/* [any] Wall clock, in seconds since 1970; *ret_trusted 1 if authenticated. */
	uint64_t (*wall)(const struct csn_host *host, int *ret_trusted);
	/* [any] @len random bytes, or a negative code (then end the session). */
	int (*random)(const struct csn_host *host, void *out, size_t len);
	/* [loop] Fills the instance from checked options; the host owns strings. */
	int (*bind)(const struct csn_config *config, const struct csn_component *component,
	            void *self, struct csn_error *err);

	/* [loop] Calls @fn while @fd is ready for any of @want (enum csn_ready). */
	struct csn_watch *(*watch_add)(const struct csn_host *host, int fd, uint32_t want,
	                               csn_fd_fn *fn, void *self);
	void (*watch_drop)(struct csn_watch *watch); /* [loop] NULL is fine   */
	/* [loop] Calls @fn once at @at_ns of now()'s clock; dropped by itself then. */
	struct csn_timer *(*timer_add)(const struct csn_host *host, uint64_t at_ns,
	                               csn_call_fn *fn, void *self);
	void (*timer_drop)(struct csn_timer *timer); /* [loop] NULL; not after it ran */
	/* [any] Calls @fn(arg) on the loop thread soon; order is kept. */
	int (*post)(const struct csn_host *host, csn_call_fn *fn, void *arg);

	/* [loop] Ends @op, exactly once.  Takes over the reference @take (or NULL). */
	void (*op_done)(struct csn_op *op, int result, struct csn_buf *take);
	/* [loop] Where the reason goes before op_done with a negative result. */
	struct csn_error *(*op_error)(struct csn_op *op);

	/* [any] A copy of @len bytes with one reference; NULL when out of memory. */
	struct csn_buf *(*buf_new)(const void *bytes, size_t len, uint32_t flags);
	struct csn_buf *(*buf_ref)(struct csn_buf *buf);        /* [any]      */
	void (*buf_unref)(struct csn_buf *buf);                 /* [any] NULL is fine */
	struct csn_bytes (*buf_bytes)(const struct csn_buf *buf); /* [any]    */

	/* [loop] Later additions by id, or NULL: "org.countersign.x/1". */
	const void *(*service)(const struct csn_host *host, const char *id);
};

#endif
