/* Each service is one line to the part of core that does it. */
#include "core/host.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/loop/op.h"

#include <stdio.h>
#include <stdlib.h>

struct host {
	struct csn_host  table; /* first: the plugin's pointer is ours        */
	struct csn_loop *loop;
	struct csn_log  *log;
	char             from[64];
};

static const struct host *
host_of(const struct csn_host *table)
{
	return (const struct host *)table;
}

__attribute__((format(printf, 3, 4))) static void
host_log(const struct csn_host *table, int level, const char *fmt, ...)
{
	const struct host *host = host_of(table);
	va_list            args;

	va_start(args, fmt);
	csn_log_vline(host->log, level, host->from, fmt, args);
	va_end(args);
}

static uint64_t
host_now(const struct csn_host *table)
{
	return csn_loop_now(host_of(table)->loop);
}

static uint64_t
host_wall(const struct csn_host *table, int *ret_trusted)
{
	return csn_loop_wall(host_of(table)->loop, ret_trusted);
}

static int
host_random(const struct csn_host *table, void *out, size_t len)
{
	return csn_loop_random(host_of(table)->loop, out, len);
}

static struct csn_watch *
host_watch_add(const struct csn_host *table, int fd, uint32_t want, csn_fd_fn *fn,
               void *self)
{
	return csn_loop_watch_add(host_of(table)->loop, fd, want, fn, self);
}

static struct csn_timer *
host_timer_add(const struct csn_host *table, uint64_t at_ns, csn_call_fn *fn, void *self)
{
	return csn_loop_timer_add(host_of(table)->loop, at_ns, fn, self);
}

static int
host_post(const struct csn_host *table, csn_call_fn *fn, void *arg)
{
	return csn_loop_post(host_of(table)->loop, fn, arg);
}

/* No service of the kind is there yet; an unknown id is no error. */
static const void *
host_service(const struct csn_host *table, const char *id)
{
	(void)table;
	(void)id;
	return NULL;
}

static const struct csn_host services = {
	.size       = sizeof services,
	.abi_major  = CSN_ABI_MAJOR,
	.abi_minor  = CSN_ABI_MINOR,
	.log        = host_log,
	.fail       = csn_fail,
	.now        = host_now,
	.wall       = host_wall,
	.random     = host_random,
	.bind       = csn_config_bind,
	.watch_add  = host_watch_add,
	.watch_drop = csn_loop_watch_drop,
	.timer_add  = host_timer_add,
	.timer_drop = csn_loop_timer_drop,
	.post       = host_post,
	.op_done    = csn_op_done,
	.op_error   = csn_op_error,
	.buf_new    = csn_buf_new,
	.buf_ref    = csn_buf_ref,
	.buf_unref  = csn_buf_unref,
	.buf_bytes  = csn_buf_bytes,
	.service    = host_service,
};

struct csn_host *
csn_host_new(struct csn_loop *loop, struct csn_log *log, const char *from)
{
	struct host *host = calloc(1, sizeof *host);

	if (host == NULL)
		return NULL;
	host->table = services;
	host->loop = loop;
	host->log = log;
	snprintf(host->from, sizeof host->from, "%s", from);
	return &host->table;
}

void
csn_host_free(struct csn_host *host)
{
	free(host);
}
