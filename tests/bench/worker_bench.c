/*
 * What a worker costs beside the same plugin in this process: to start it, a message
 * there and back, and memory.  worker_bench WORKER MODULE-FOLDER ROUNDS
 */
#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/isolate/isolate.h"
#include "core/loop/op.h"
#include "core/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull

static struct csn_loop   *loop;
static struct csn_ops    *ops;
static struct csn_loader *loader;

/* A bench has nothing to clean up: it says what went wrong and ends. */
static void
must(int r, const char *what, const struct csn_error *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "worker_bench: %s: %s\n", what, csn_error_text(err));
	exit(1);
}

static uint64_t
now_ns(void)
{
	return csn_loop_now(loop);
}

/* Kilobytes of the line @key of @pid's memory, summed over its mappings. */
static long
kilobytes(pid_t pid, const char *key)
{
	char  path[64], line[256];
	long  kb = 0, value;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0 &&
		    sscanf(line + strlen(key), " %ld", &value) == 1)
			kb += value;
	if (f != NULL)
		fclose(f);
	return kb;
}

/* ---- one call ----------------------------------------------------------------- */

struct answer {
	int over, result;
};

static void
on_answer(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct answer *a = arg;

	(void)op, (void)buf;
	*a = (struct answer){ 1, result };
}

static struct csn_op *
op_for(struct answer *a, const struct csn_channel_ops *table, void *self)
{
	*a = (struct answer){ 0, 0 };
	return csn_op_new(ops, &(struct csn_op_start){ .what = "bench", .fn = on_answer, .arg = a,
	                                               .deadline_ns = now_ns() + 20 * SECOND,
	                                               .cancel = table->cancel, .self = self });
}

/* In rounds without waiting: the wake-up of a sleeping process is not what is asked. */
static void
run(const struct answer *a)
{
	while (!a->over)
		csn_loop_step(loop);
}

static int
by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Median and 99th percentile, in microseconds, of a message that comes back. */
static void
trips(const struct csn_channel_ops *table, void *self, size_t size, size_t rounds,
      double *ret_median, double *ret_high)
{
	uint64_t *took = calloc(rounds, sizeof *took);
	uint8_t  *message = calloc(1, size);

	if (took == NULL || message == NULL)
		exit(1);
	for (size_t i = 0; i < rounds; i++) {
		struct answer  got, sent;
		uint64_t       began = now_ns();
		struct csn_op *receive = op_for(&got, table, self);
		struct csn_error err = { 0 };

		must(table->receive(self, receive), "receive", csn_op_error(receive));
		struct csn_op *send = op_for(&sent, table, self);
		must(table->send(self, send, (struct csn_bytes){ message, size }), "send",
		     csn_op_error(send));
		run(&got);
		took[i] = now_ns() - began;
		run(&sent);
		must(got.result < 0 ? got.result : sent.result, "a message", &err);
	}
	qsort(took, rounds, sizeof *took, by_size);
	*ret_median = (double)took[rounds / 2] / 1000;
	*ret_high = (double)took[rounds * 99 / 100] / 1000;
	free(took);
	free(message);
}

/* ---- instances ---------------------------------------------------------------- */

/* Options as a configuration gives them. */
static const struct csn_config *
options(const char *text)
{
	struct csn_config_file *file = NULL;
	struct csn_error        err = { 0 };
	int                     fd = memfd_create("bench", 0);
	char                    path[32];

	if (fd < 0 || dprintf(fd, "o : { %s };\n", text) < 0)
		exit(1);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(csn_config_read(path, &file, &err), "options", &err);
	return csn_config_sub(csn_config_root(file), "o");
}

static const struct csn_component *
find(uint32_t kind, const char *name)
{
	struct csn_error            err = { 0 };
	const struct csn_component *c = csn_loader_find(loader, kind, name, &err);

	must(c != NULL ? 0 : -1, name, &err);
	return c;
}

static struct isolate *
make(const char *worker, uint32_t kind, const char *name, const char *text,
     const char *media, const char *media_text, double *ret_ms)
{
	struct csn_isolation how = {
		.worker = worker, .loader = loader, .loop = loop, .level = CSN_LOG_ERROR,
		.component = find(kind, name), .config = options(text), .label = name,
		.media_label = "media",
	};
	struct isolate  *iso = NULL;
	struct csn_error err = { 0 };

	if (media != NULL) {
		how.media = find(CSN_KIND_MEDIA, media);
		how.media_config = options(media_text);
	}
	uint64_t began = now_ns();
	must(isolate_create(&how, &iso, &err), name, &err);
	*ret_ms = (double)(now_ns() - began) / 1e6;
	return iso;
}

/* Twice: what the first start reads from the disk is in memory at the second. */
static void
weigh(const char *what, const char *worker, uint32_t kind, const char *name, const char *text,
      const char *media, const char *media_text)
{
	double          ms = 0;
	struct answer   a;
	struct isolate *iso = make(worker, kind, name, text, media, media_text, &ms);

	isolate_destroy(iso);
	iso = make(worker, kind, name, text, media, media_text, &ms);
	if (media != NULL) { /* a second of what it is for                     */
		struct csn_op *op = op_for(&a, &isolate_channel_ops, iso);

		isolate_channel_ops.receive(iso, op);
		csn_loop_run_until(loop, now_ns() + SECOND);
	}
	printf("%-34s ready in %6.1f ms, %5.1f MiB resident, %5.1f MiB of it its own\n", what, ms,
	       (double)kilobytes(isolate_pid(iso), "Rss:") / 1024,
	       (double)(kilobytes(isolate_pid(iso), "Private_Dirty:") +
	                kilobytes(isolate_pid(iso), "Private_Clean:")) / 1024);
	isolate_destroy(iso);
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = { 64, 1024, 32768 };
	struct csn_error    err = { 0 };
	double              ms, here[2], there[2], cost = 0;

	if (argc != 4)
		return 2;
	size_t rounds = (size_t)atol(argv[3]);
	loop = csn_loop_new(CSN_CLOCK_REAL);
	ops = csn_ops_new(loop, NULL);
	loader = csn_loader_new(NULL, NULL);
	must(csn_loader_add_folder(loader, argv[2], &err), argv[2], &err);

	struct isolate  *iso = make(argv[1], CSN_KIND_CHANNEL, "loop", "limit = 65536;", NULL, NULL, &ms);
	const struct csn_component *c = find(CSN_KIND_CHANNEL, "loop");
	struct csn_host *host = csn_host_new(loop, NULL, "bench");
	void            *self = NULL;
	must(c->create(host, options("limit = 65536;"), &self, &err), "loop", &err);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		trips(c->ops.channel, self, sizes[i], rounds, &here[0], &here[1]);
		trips(&isolate_channel_ops, iso, sizes[i], rounds, &there[0], &there[1]);
		printf("%5zu bytes there and back: in process %6.1f us (99 %%: %6.1f), in a worker "
		       "%6.1f us (99 %%: %6.1f)\n", sizes[i], here[0], here[1], there[0], there[1]);
		if (i == 1)
			cost = there[0] - here[0];
	}
	isolate_destroy(iso);
	c->destroy(self);

	weigh("channel loop", argv[1], CSN_KIND_CHANNEL, "loop", "limit = 65536;", NULL, NULL);
	weigh("channel qr, a test picture (gst)", argv[1], CSN_KIND_CHANNEL, "qr", "ecc = \"M\";",
	      "gst", "through = \"test\"; medium = \"video\"; width = 1280; height = 720;");
	weigh("channel ultrasonic, a tone (gst)", argv[1], CSN_KIND_CHANNEL, "ultrasonic",
	      "profile = \"fast\";", "gst", "through = \"test\"; medium = \"audio\";");
	printf("worker: %.0f us more for a message of 1 KiB there and back\n", cost);
	return 0;
}
