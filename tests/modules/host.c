/*
 * One message sent through a channel module as the station does it, and what the host
 * says of the module: its log, line by line, on standard output.  host MODULE [slow]
 */
#include "core/link/link.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "core/host.h"
#include "core/plugin/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct csn_log *log_;
static struct csn_loop *loop;
static int watch_slow; /* by the wall clock: a busy machine may add lines      */

/* A screen and loudspeaker that takes everything. */
static int
media_caps(void *self, struct csn_media_caps *caps)
{
	caps->medium    = *(const uint32_t *)self;
	caps->direction = CSN_SEND;
	caps->width = caps->height = 64;
	caps->rate_hz  = 48000;
	caps->block    = 1024;
	caps->frame_ms = 40;
	return CSN_OK;
}

static int
media_start(void *self, struct csn_op *op)
{
	(void)self;
	csn_op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
media_play(void *self, struct csn_op *op, const struct csn_frame *frame)
{
	(void)self;
	(void)frame;
	csn_op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
media_drain(void *self, struct csn_op *op)
{
	return media_start(self, op);
}

static void
media_cancel(void *self, struct csn_op *op)
{
	(void)self;
	csn_op_done(op, CSN_E_CANCELLED, NULL);
}

static void
media_stop(void *self)
{
	(void)self;
}

static const struct csn_media_ops media = {
	.size = sizeof media, .caps = media_caps, .start = media_start, .play = media_play,
	.drain = media_drain, .cancel = media_cancel, .stop = media_stop,
};

static void
on_sent(void *arg, int result, const struct csn_error *err)
{
	*(int *)arg = 1;
	printf("sent: %s\n", err != NULL ? csn_error_text(err) : csn_result_text(result));
}

/* Says that it was slow, not how slow. */
static void
on_slow(void *arg, const char *what, uint64_t took_ns)
{
	(void)arg;
	(void)took_ns;
	csn_log_line(log_, CSN_LOG_DEBUG, "loop", "%s took longer than a blink", what);
}

static int
run(const struct csn_component *component)
{
	struct csn_channel_caps caps = { .size = sizeof caps };
	struct csn_error  err  = { 0 };
	struct csn_ops   *ops  = csn_ops_new(loop, log_);
	struct csn_host  *host = csn_host_new(loop, log_, "channel wrong");
	struct link      *link = NULL;
	struct link_send *send = NULL;
	void             *self = NULL;
	int               over = 0;
	uint32_t          medium;

	if (ops == NULL || host == NULL || component->create(host, NULL, &self, &err) < 0)
		return 1;
	component->ops.channel->caps(self, &caps);
	medium = caps.medium;
	struct link_parts parts = { "wrong", loop, ops, log_, component->ops.channel, self,
		                    medium != CSN_MEDIUM_NONE ? &media : NULL, &medium, NULL };
	if (link_new(&parts, &link, &err) < 0 ||
	    link_send(link, (struct csn_bytes){ (const uint8_t *)"hello", 5 }, on_sent, &over,
	              &send) < 0)
		return 1;
	csn_loop_watch_slow(loop, 20 * CSN_MS, watch_slow ? on_slow : NULL, NULL);
	for (int s = 0; s < 600 && !over; s++)
		csn_loop_run_until(loop, csn_loop_now(loop) + CSN_SECOND);
	link_free(link);
	csn_loop_run_until(loop, csn_loop_now(loop) + 5 * CSN_SECOND);
	component->destroy(self);
	csn_ops_free(ops);
	csn_host_free(host);
	return over ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct csn_error   err    = { 0 };
	struct csn_loader *loader = csn_loader_new(NULL, NULL);

	setvbuf(stdout, NULL, _IONBF, 0);
	log_ = csn_log_new(STDOUT_FILENO, CSN_LOG_TEXT, CSN_LOG_DEBUG);
	loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	watch_slow = argc == 3;
	if (argc < 2 || loader == NULL || log_ == NULL || loop == NULL ||
	    csn_loader_add_file(loader, argv[1], &err) < 0) {
		fprintf(stderr, "host: %s\n", csn_error_text(&err));
		return 2;
	}
	int code = run(csn_loader_list(loader)->plugin->components[0]);
	csn_loader_free(loader);
	csn_log_free(log_);
	csn_loop_free(loop);
	return code;
}
