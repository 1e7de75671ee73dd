/* One isolated instance and one call of it, for the tests of what runs in workers. */
#ifndef CSN_TEST_ISOLATE_KIT_H
#define CSN_TEST_ISOLATE_KIT_H

#include "core/isolate/isolate.h"

#include "core/base/buf.h"
#include "core/base/sanitized.h"
#include "core/loop/op.h"
#include "kit/tap.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#define MODULE TEST_BUILDDIR "/tests/modules/prison/.libs/channel_prisoner.so"
#define WORKER TEST_BUILDDIR "/countersign-worker"
#define SOON   (20 * CSN_SECOND)

static struct csn_loop   *loop;
static struct csn_ops    *ops;
static struct csn_loader *loader;
static struct csn_log    *quiet;

/* ---- one instance and one call of it ------------------------------------------ */

static struct csn_isolation
how_to(uint32_t kind, const char *name, const char *media)
{
	struct csn_error     err = { 0 };
	struct csn_isolation how = {
		.worker = WORKER, .loader = loader, .loop = loop, .log = quiet,
		.level = CSN_LOG_WARN, .label = "channel test", .media_label = "media cell",
		.component = csn_loader_find(loader, kind, name, &err),
		.hang_ms = 2000, .again_ms = 1, .again_max_ms = 1,
	};

	if (media != NULL)
		how.media = csn_loader_find(loader, CSN_KIND_MEDIA, media, &err);
	if (how.component == NULL) {
		printf("Bail out! %s\n", csn_error_text(&err));
		exit(99);
	}
	return how;
}

static struct csn_config_file *files[16];
static size_t                  file_count;

/* Options as a configuration gives them; freed at the end of all tests. */
__attribute__((format(printf, 1, 2))) static const struct csn_config *
options(const char *fmt, ...)
{
	struct csn_error err = { 0 };
	char             path[32];
	va_list          args;
	int              fd = memfd_create("options", 0);

	va_start(args, fmt);
	if (fd < 0 || file_count == 16 || dprintf(fd, "o : { ") < 0 || vdprintf(fd, fmt, args) < 0 ||
	    dprintf(fd, " };\n") < 0)
		exit(99);
	va_end(args);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (csn_config_read(path, &files[file_count], &err) < 0)
		exit(99);
	close(fd);
	return csn_config_sub(csn_config_root(files[file_count++]), "o");
}

static struct isolate *
make(const struct csn_isolation *how)
{
	struct csn_error err = { 0 };
	struct isolate  *iso = NULL;

	if (isolate_create(how, &iso, &err) < 0) {
		printf("Bail out! %s\n", csn_error_text(&err));
		exit(99);
	}
	return iso;
}

struct answer {
	int  over, result;
	char text[CSN_ERROR_TEXT], bytes[64];
};

static void
on_answer(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct answer   *a = arg;
	struct csn_bytes bytes = csn_buf_bytes(buf);

	a->over = 1;
	a->result = result;
	snprintf(a->text, sizeof a->text, "%s", csn_op_error(op)->text);
	snprintf(a->bytes, sizeof a->bytes, "%.*s", (int)bytes.len,
	         bytes.ptr != NULL ? (const char *)bytes.ptr : "");
}

static struct csn_op *
op_for(struct isolate *iso, struct answer *a, csn_op_cancel_fn *cancel)
{
	*a = (struct answer){ 0 };
	return csn_op_new(ops, &(struct csn_op_start){ .what = "test", .fn = on_answer, .arg = a,
	                                               .deadline_ns = csn_loop_now(loop) + SOON,
	                                               .cancel = cancel, .self = iso });
}

static void
run(const struct answer *a)
{
	while (!a->over)
		csn_loop_run_until(loop, csn_loop_now(loop) + CSN_MS);
}

static struct csn_bytes
bytes_of(const char *text)
{
	return (struct csn_bytes){ (const uint8_t *)text, strlen(text) };
}

/* Sends @word and waits for what becomes of it; at once refused is an answer, too. */
static const struct answer *
tell(struct isolate *iso, const char *word)
{
	static struct answer a;
	struct csn_op       *op = op_for(iso, &a, isolate_channel_ops.cancel);
	int                  r = isolate_channel_ops.send(iso, op, bytes_of(word));

	if (r < 0) {
		a.over = 1;
		a.result = r;
		snprintf(a.text, sizeof a.text, "%s", csn_op_error(op)->text);
		csn_op_drop(op);
	}
	run(&a);
	return &a;
}

/* As tell, once no back-off is in the way. */
static const struct answer *
tell_again(struct isolate *iso, const char *word)
{
	const struct answer *a;

	do {
		csn_loop_run_until(loop, csn_loop_now(loop) + 2 * CSN_MS);
		a = tell(iso, word);
	} while (a->result == CSN_E_IO && strstr(a->text, "starts again within") != NULL);
	return a;
}

static void
is_answer(const struct answer *a, int result, const char *text, const char *what)
{
	if (!tap_ok(a->result == result && strstr(a->text, text) != NULL, "%s", what))
		tap_note("%d %s, wanted %d %s", a->result, a->text, result, text);
}

#define PLUGIN(path) TEST_BUILDDIR "/plugins/" path ".so"

static void
load(const char *path)
{
	struct csn_error err = { 0 };

	if (csn_loader_add_file(loader, path, &err) < 0) {
		printf("Bail out! %s\n", csn_error_text(&err));
		exit(99);
	}
}

/* ---- begin and end ------------------------------------------------------------ */

static void
begin(void)
{
	loop = csn_loop_new(CSN_CLOCK_REAL);
	quiet = getenv("CSN_LOUD") != NULL ? csn_log_new(2, CSN_LOG_TEXT, CSN_LOG_DEBUG) : NULL;
	ops = csn_ops_new(loop, quiet);
	loader = csn_loader_new(NULL, NULL);
	load(MODULE);
}

static int
end(void)
{
	while (file_count > 0)
		csn_config_free(files[--file_count]);
	csn_ops_free(ops);
	csn_loader_free(loader);
	csn_log_free(quiet);
	csn_loop_free(loop);
	return tap_done();
}

#endif
