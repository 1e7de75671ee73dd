/*
 * countersign-worker: one channel with its media, or one verifier, in a process that has
 * nothing else.  It is started by the core with a socket as descriptor 3, is told what to
 * load in the first frame, and ends when the socket does.
 */
#include "core/worker/worker.h"

#include "core/host.h"
#include "core/worker/doors.h"
#include "core/isolate/sandbox.h"

#include <countersign/media.h>

#include <errno.h>
#ifdef BUILTIN_PLUGINS
#include <ltdl.h>
#endif
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETUP_MS 10000
#define READ_MAX 65536u

enum { /* exit codes; the core tells a person that it ended, not why          */
	ENDED     = 0,
	CORE_GONE = 1,
	BAD_FRAME = 2,
	NO_MEMORY = 3,
};

/* A sanitizer's leak check is a debugger, and there are no debuggers in here. */
#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0:symbolize=0:abort_on_error=1";
}
#endif

static const struct worker_kind *kind;

struct csn_bytes
worker_text(const char *text)
{
	return (struct csn_bytes){ (const uint8_t *)text, strnlen(text, WIRE_TEXT_MAX) };
}

void
worker_write(const struct wire_frame *frame)
{
	size_t   len = 0, done = 0;
	uint8_t *bytes = wire_make(frame, &len);

	if (bytes == NULL)
		_exit(NO_MEMORY);
	while (done < len) {
		ssize_t n = send(WORKER_FD, bytes + done, len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			poll(&(struct pollfd){ .fd = WORKER_FD, .events = POLLOUT }, 1, -1);
		else
			_exit(CORE_GONE);
	}
	wire_free(bytes, len);
}

/* False at the end of the stream. */
static bool
read_some(struct worker *worker)
{
	uint8_t *room = wire_in_room(&worker->in, READ_MAX);

	if (room == NULL)
		_exit(NO_MEMORY);
	ssize_t n = recv(WORKER_FD, room, READ_MAX, MSG_DONTWAIT);
	if (n > 0)
		wire_in_add(&worker->in, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void
on_readable(void *self, int fd, uint32_t ready)
{
	struct worker    *worker = self;
	struct wire_frame frame;
	enum wire_fault   fault = WIRE_FINE;

	(void)fd, (void)ready;
	if (!read_some(worker)) {
		csn_loop_quit(worker->loop);
		return;
	}
	while (wire_in_next(&worker->in, &frame, &fault)) {
		if (frame.type == WIRE_PING)
			worker_write(&(struct wire_frame){ .type = WIRE_PONG, .v = { frame.v[0] } });
		else if (kind->frame(worker, &frame) < 0)
			_exit(BAD_FRAME);
	}
	if (fault != WIRE_FINE)
		_exit(BAD_FRAME);
}

/* ---- the sandbox -------------------------------------------------------------- */

static const char *
text_of(const struct worker_part *part, const struct csn_option *row)
{
	if ((row->type != CSN_PATH && row->type != CSN_STRING) || part->config == NULL)
		return NULL;
	return csn_config_text_at(part->config, row->key, 0);
}

/* What the options of the media name may still be opened, one picture after the other. */
static void
add_paths(const struct worker_part *part, struct sandbox *sandbox)
{
	const struct csn_option *row = part->component->options;

	for (; row != NULL && row->key != NULL; row++) {
		const char *path = row->type == CSN_PATH ? text_of(part, row) : NULL;

		if (path != NULL && sandbox->path_count < SANDBOX_PATHS)
			sandbox->paths[sandbox->path_count++] = path;
	}
}

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The same for a channel that has no media: folders are its own, the rest the core opens. */
static void
add_doors(const struct worker_part *part, struct sandbox *sandbox)
{
	const struct csn_option *row = part->component->options;

	for (; row != NULL && row->key != NULL; row++) {
		const char *text = text_of(part, row);

		if (text == NULL)
			continue;
		if (row->type == CSN_PATH && is_folder(text)) {
			if (sandbox->path_count < SANDBOX_PATHS)
				sandbox->paths[sandbox->path_count++] = text;
			sandbox->write = sandbox->folders = true;
		} else if (doors_add(text) == 0)
			sandbox->doors = true;
	}
}

int
worker_seal(struct worker *worker, struct csn_error *err)
{
	const struct worker_part *media = &worker->parts[1], *first = &worker->parts[0];
	struct sandbox            sandbox = { .media = media->component != NULL };
	struct sandbox_report     report = { .weaker = false };

	if (worker->sealed)
		return CSN_OK;
	sandbox.threads = first->component->kind == CSN_KIND_CHANNEL;
	if (sandbox.media) {
		struct csn_media_caps caps = { .size = sizeof caps };

		add_paths(media, &sandbox);
		if (media->component->ops.media->caps(media->self, &caps) < 0)
			caps.direction = CSN_RECEIVE;
		sandbox.write = (caps.direction & CSN_SEND) != 0;
	} else if (sandbox.threads) {
		add_doors(first, &sandbox);
	}
	int r = sandbox_enter(&sandbox, &report, err);
	if (r < 0)
		return r;
	worker->sealed = true;
	csn_log_line(worker->log, report.weaker ? CSN_LOG_WARN : CSN_LOG_DEBUG, "worker", "%s",
	             report.text);
	return CSN_OK;
}

/* ---- building ----------------------------------------------------------------- */

static void
copy_text(char *text, size_t room, struct csn_bytes bytes)
{
	snprintf(text, room, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
}

/* Options as texts, as a command line's --set gives them to plugins check. */
static int
set_options(struct worker *worker, size_t at, const struct wire_part *told,
            struct csn_error *err)
{
	char group[32], key[WIRE_NAME_MAX + 1], place[128];
	int  r = CSN_OK;

	snprintf(group, sizeof group, "part%zu", at);
	for (size_t i = 0; r == CSN_OK && i < told->option_count; i++) {
		char *value = strndup((const char *)told->options[i].value.ptr,
		                      told->options[i].value.len);

		copy_text(key, sizeof key, told->options[i].key);
		snprintf(place, sizeof place, "%s.%s", group, key);
		r = value != NULL ? csn_config_override(worker->file, place, value, err) :
		                    CSN_E_NOMEM;
		free(value);
	}
	worker->parts[at].config = csn_config_sub(csn_config_root(worker->file), group);
	return r;
}

static int
empty_config(struct csn_config_file **ret_file, struct csn_error *err)
{
	int  fd = memfd_create("options", MFD_CLOEXEC);
	char path[32];

	if (fd < 0)
		return csn_fail(err, CSN_E_NOMEM, "no memory for options");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int r = csn_config_read(path, ret_file, err);
	close(fd);
	return r;
}

static int
load(struct worker *worker, const struct wire_part *told, struct csn_error *err)
{
	char path[4097], digest[65];

	if (told->path.len == 0)
		return CSN_OK; /* built in                                    */
	for (const struct csn_module *m = csn_loader_list(worker->loader); m != NULL; m = m->next)
		if (m->path != NULL && strlen(m->path) == told->path.len &&
		    memcmp(m->path, told->path.ptr, told->path.len) == 0)
			return CSN_OK; /* both parts are in one module         */
	copy_text(path, sizeof path, told->path);
	copy_text(digest, sizeof digest, told->digest);
	return csn_loader_add_same(worker->loader, path, digest, (int)told->sealed_fd, err);
}

static int
make(struct worker *worker, size_t at, const struct wire_part *told, struct csn_error *err)
{
	struct worker_part *part = &worker->parts[at];
	char                name[WIRE_NAME_MAX + 1];
	int                 r = load(worker, told, err);

	if (r == CSN_OK)
		r = set_options(worker, at, told, err);
	if (r < 0)
		return r;
	copy_text(name, sizeof name, told->name);
	copy_text(part->label, sizeof part->label, told->label);
	part->host = csn_host_new(worker->loop, worker->log, part->label);
	if (part->host == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a worker");
	part->component = csn_loader_find(worker->loader, told->kind, name, err);
	if (part->component == NULL)
		return CSN_E_MISSING;
	r = part->component->create(part->host, part->config, &part->self, err);
	if (r == CSN_OK && part->self == NULL)
		r = csn_fail(err, CSN_E_INTERNAL, "create made nothing and said it had");
	return r;
}

static int
build(struct worker *worker, const struct wire_setup *setup, struct csn_error *err)
{
	int  r = empty_config(&worker->file, err);
	bool builtin = false;

	worker->ops = csn_ops_new(worker->loop, worker->log);
	worker->loader = csn_loader_new(worker->log, NULL);
	if (worker->ops == NULL || worker->loader == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a worker");
	csn_loop_trust_wall(worker->loop, setup->wall_trusted != 0);
	/* What is in this program only where the core took it from its own, not from a file. */
	for (size_t i = 0; i < setup->part_count && !builtin; i++)
		builtin = setup->parts[i].path.len == 0;
	if (builtin)
		csn_loader_add_builtin(worker->loader);
	for (size_t i = 0; r == CSN_OK && i < setup->part_count; i++)
		r = make(worker, i, &setup->parts[i], err);
	return r;
}

/* ---- the whole life ----------------------------------------------------------- */

/* The first frame; NULL: none came. */
static bool
wait_for_setup(struct worker *worker, struct wire_setup *ret_setup)
{
	struct wire_frame frame;
	enum wire_fault   fault = WIRE_FINE;

	while (!wire_in_next(&worker->in, &frame, &fault)) {
		struct pollfd poller = { .fd = WORKER_FD, .events = POLLIN };

		if (fault != WIRE_FINE || poll(&poller, 1, SETUP_MS) != 1 || !read_some(worker))
			return false;
	}
	return frame.type == WIRE_SETUP && wire_get_setup(frame.v[0].bytes, ret_setup);
}

static int
begin(struct worker *worker, const struct wire_setup *setup)
{
	struct wire_frame ready = { .type = WIRE_READY, .v = { { .number = WIRE_VERSION } } };
	struct csn_error  err = { 0 };
	int               r = build(worker, setup, &err);

	kind = setup->parts[0].kind == CSN_KIND_CHANNEL ? &worker_channel : &worker_attest;
	if (r == CSN_OK)
		r = kind->open(worker, &ready, &err);
	/* What has no media has opened all it will: no byte from outside comes before. */
	if (r == CSN_OK && worker->parts[1].component == NULL)
		r = worker_seal(worker, &err);
	if (r < 0) {
		memset(ready.v + 1, 0, sizeof ready.v - sizeof ready.v[0]);
		err.code = r;
		ready.v[1].number = (uint64_t)-r;
		ready.v[2].bytes = worker_text(csn_error_text(&err));
	}
	worker_write(&ready);
	return r;
}

/* What was asked to end may do so; then the plugins go, media last. */
static void
finish(struct worker *worker)
{
	uint64_t until = csn_loop_now(worker->loop) + CSN_SECOND;

	kind->close(worker);
	while (csn_ops_pending(worker->ops) > 0 && csn_loop_now(worker->loop) < until)
		csn_loop_run_until(worker->loop, csn_loop_now(worker->loop) + CSN_MS);
	for (size_t i = 0; i < WIRE_PARTS; i++)
		if (worker->parts[i].self != NULL)
			worker->parts[i].component->destroy(worker->parts[i].self);
}

int
main(void)
{
	struct worker     worker = { .sealed = false };
	struct wire_setup setup;

#ifdef BUILTIN_PLUGINS
	LTDL_SET_PRELOADED_SYMBOLS();
#endif
	wire_in_init(&worker.in, 0);
	if (!wait_for_setup(&worker, &setup))
		return BAD_FRAME;
	worker.loop = csn_loop_new(CSN_CLOCK_REAL);
	worker.log = csn_log_new(STDERR_FILENO, CSN_LOG_JOURNAL, (int)setup.level);
	if (worker.loop == NULL || worker.log == NULL)
		return NO_MEMORY;
	if (begin(&worker, &setup) == CSN_OK &&
	    csn_loop_watch_add(worker.loop, WORKER_FD, CSN_READABLE, on_readable, &worker) !=
	            NULL) {
		csn_loop_run(worker.loop);
		finish(&worker);
	}
	_exit(ENDED); /* nothing of the libraries' own at exit: it may not in here */
}
