#include "kit/fakehost.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	WATCH_MAX  = 32,
	STRING_MAX = 256,
};

struct csn_buf {
	int      refs;
	uint32_t flags;
	size_t   len;
	uint8_t  bytes[];
};

struct csn_op {
	struct fakehost *fake;
	struct csn_error error;
	struct csn_buf  *buf;
	bool             ended;
	int              result;
};

struct csn_config {
	struct fakehost   *fake;
	const char *const *pairs;
};

struct csn_watch {
	struct fakehost *fake;
	int              fd;
	uint32_t         want;
	csn_fd_fn       *fn;
	void            *self;
};

struct csn_timer {
	struct fakehost  *fake;
	struct csn_timer *next;
	uint64_t          at_ns;
	csn_call_fn      *fn;
	void             *self;
};

struct post {
	struct post *next;
	csn_call_fn *fn;
	void        *arg;
};

struct fakehost {
	struct csn_host   host;
	bool              real;
	uint64_t          now_ns;
	uint64_t          seed;
	int               wake_fd;
	int               ops;
	pthread_mutex_t   lock; /* posts and the log come from any thread */
	struct post      *first_post;
	struct post     **last_post;
	struct csn_timer *timers;
	struct csn_watch *watches[WATCH_MAX];
	char             *strings[STRING_MAX];
	size_t            string_count;
	char              logged[512];
};

static int buffers;
static pthread_mutex_t buffers_lock = PTHREAD_MUTEX_INITIALIZER;

static struct fakehost *
fake_of(const struct csn_host *host)
{
	return (struct fakehost *)(uintptr_t)host;
}

__attribute__((noreturn, format(printf, 1, 2))) static void
die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void *
zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		die("fakehost: no memory");
	return p;
}

/* ---- services ---------------------------------------------------------- */

static uint64_t host_now(const struct csn_host *host);

__attribute__((format(printf, 3, 4))) static void
host_log(const struct csn_host *host, int level, const char *fmt, ...)
{
	struct fakehost *fake = fake_of(host);
	va_list args;

	(void)level;
	pthread_mutex_lock(&fake->lock);
	va_start(args, fmt);
	vsnprintf(fake->logged, sizeof fake->logged, fmt, args);
	va_end(args);
	if (getenv("FAKEHOST_LOG") != NULL) /* for who looks for a fault       */
		fprintf(stderr, "# %.3f %s\n", (double)host_now(host) / 1e9, fake->logged);
	pthread_mutex_unlock(&fake->lock);
}

__attribute__((format(printf, 3, 4))) static int
host_fail(struct csn_error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	return code;
}

static uint64_t
clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t
host_now(const struct csn_host *host)
{
	const struct fakehost *fake = fake_of(host);

	return fake->real ? clock_ns(CLOCK_BOOTTIME) : fake->now_ns;
}

static uint64_t
host_wall(const struct csn_host *host, int *ret_trusted)
{
	*ret_trusted = 1;
	return 1800000000u + host_now(host) / 1000000000u;
}

static int
host_random(const struct csn_host *host, void *out, size_t len)
{
	struct fakehost *fake = fake_of(host);
	uint8_t *bytes = out;

	for (size_t i = 0; i < len; i++) {
		fake->seed = fake->seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i]   = (uint8_t)(fake->seed >> 56);
	}
	return CSN_OK;
}

static struct csn_watch *
host_watch_add(const struct csn_host *host, int fd, uint32_t want, csn_fd_fn *fn,
               void *self)
{
	struct fakehost *fake = fake_of(host);

	for (size_t i = 0; i < WATCH_MAX; i++) {
		if (fake->watches[i] != NULL)
			continue;
		struct csn_watch *watch = zalloc(sizeof *watch);
		*watch = (struct csn_watch){ fake, fd, want, fn, self };
		fake->watches[i] = watch;
		return watch;
	}
	return NULL;
}

static void
host_watch_drop(struct csn_watch *watch)
{
	if (watch == NULL)
		return;
	for (size_t i = 0; i < WATCH_MAX; i++)
		if (watch->fake->watches[i] == watch)
			watch->fake->watches[i] = NULL;
	free(watch);
}

static struct csn_timer *
host_timer_add(const struct csn_host *host, uint64_t at_ns, csn_call_fn *fn, void *self)
{
	struct fakehost *fake = fake_of(host);
	struct csn_timer *timer = zalloc(sizeof *timer);
	struct csn_timer **at = &fake->timers;

	while (*at != NULL && (*at)->at_ns <= at_ns)
		at = &(*at)->next;
	*timer = (struct csn_timer){ fake, *at, at_ns, fn, self };
	*at = timer;
	return timer;
}

static void
host_timer_drop(struct csn_timer *timer)
{
	if (timer == NULL)
		return;
	struct csn_timer **at = &timer->fake->timers;
	while (*at != NULL && *at != timer)
		at = &(*at)->next;
	if (*at == NULL)
		die("fakehost: a timer was dropped that is not there");
	*at = timer->next;
	free(timer);
}

static int
host_post(const struct csn_host *host, csn_call_fn *fn, void *arg)
{
	struct fakehost *fake = fake_of(host);
	struct post *post = zalloc(sizeof *post);
	const uint64_t one = 1;

	*post = (struct post){ NULL, fn, arg };
	pthread_mutex_lock(&fake->lock);
	*fake->last_post = post;
	fake->last_post  = &post->next;
	pthread_mutex_unlock(&fake->lock);
	if (write(fake->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		die("fakehost: cannot wake the loop");
	return CSN_OK;
}

static void
host_op_done(struct csn_op *op, int result, struct csn_buf *take)
{
	if (op->ended)
		die("fakehost: an operation was ended twice");
	op->ended  = true;
	op->result = result;
	op->buf    = take;
}

static struct csn_error *
host_op_error(struct csn_op *op)
{
	return &op->error;
}

static void
count_buffers(int by)
{
	pthread_mutex_lock(&buffers_lock);
	buffers += by;
	pthread_mutex_unlock(&buffers_lock);
}

static struct csn_buf *
host_buf_new(const void *bytes, size_t len, uint32_t flags)
{
	struct csn_buf *buf = zalloc(sizeof *buf + len);

	buf->refs  = 1;
	buf->flags = flags;
	buf->len   = len;
	if (len > 0)
		memcpy(buf->bytes, bytes, len);
	count_buffers(1);
	return buf;
}

static struct csn_buf *
host_buf_ref(struct csn_buf *buf)
{
	__atomic_add_fetch(&buf->refs, 1, __ATOMIC_RELAXED);
	return buf;
}

static void
host_buf_unref(struct csn_buf *buf)
{
	if (buf == NULL || __atomic_sub_fetch(&buf->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(buf);
	count_buffers(-1);
}

static struct csn_bytes
host_buf_bytes(const struct csn_buf *buf)
{
	return (struct csn_bytes){ buf->bytes, buf->len };
}

static const void *
host_service(const struct csn_host *host, const char *id)
{
	(void)host, (void)id;
	return NULL;
}

/* ---- options ----------------------------------------------------------- */

static char *
keep(struct fakehost *fake, const char *text)
{
	if (text == NULL)
		return NULL;
	if (fake->string_count == STRING_MAX)
		die("fakehost: too many strings");
	char *copy = strdup(text);
	if (copy == NULL)
		die("fakehost: no memory");
	fake->strings[fake->string_count++] = copy;
	return copy;
}

static int
choice(const char *choices, const char *text, uint32_t *ret_index)
{
	const size_t len = strlen(text);

	for (uint32_t i = 0;; i++) {
		const size_t word = strcspn(choices, "|");
		if (word == len && memcmp(choices, text, len) == 0) {
			*ret_index = i;
			return CSN_OK;
		}
		if (choices[word] == '\0')
			return CSN_E_CONFIG;
		choices += word + 1;
	}
}

static int
set_number(const struct csn_option *option, const char *text, void *at,
           struct csn_error *err)
{
	char *end = NULL;
	const long long value = text == NULL ? 0 : strtoll(text, &end, 0);

	if (text != NULL && (*end != '\0' || value < option->min || value > option->max))
		return host_fail(err, CSN_E_CONFIG, "%s = %s: not within %lld to %lld",
		                 option->key, text, (long long)option->min,
		                 (long long)option->max);
	if (option->type == CSN_I64)
		*(int64_t *)at = value;
	else
		*(uint32_t *)at = (uint32_t)value;
	return CSN_OK;
}

static int
set(struct fakehost *fake, const struct csn_option *option, const char *text, void *at,
    struct csn_error *err)
{
	switch (option->type) {
	case CSN_STRING:
	case CSN_PATH:
		if (text != NULL && ((int64_t)strlen(text) < option->min ||
		                     (int64_t)strlen(text) > option->max))
			return host_fail(err, CSN_E_CONFIG, "%s: bad length", option->key);
		*(char **)at = keep(fake, text);
		return CSN_OK;
	case CSN_CHOICE:
		if (text == NULL || choice(option->choices, text, at) < 0)
			return host_fail(err, CSN_E_CONFIG, "%s: one of %s", option->key,
			                 option->choices);
		return CSN_OK;
	default:
		return set_number(option, text, at, err);
	}
}

static const char *
find(const char *const *pairs, const char *key)
{
	for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
		if (strcmp(pairs[0], key) == 0)
			return pairs[1];
	return NULL;
}

static int
check_keys(const struct csn_component *component, const char *const *pairs,
           struct csn_error *err)
{
	for (; pairs != NULL && pairs[0] != NULL; pairs += 2) {
		const struct csn_option *option = component->options;
		while (option != NULL && option->key != NULL &&
		       strcmp(option->key, pairs[0]) != 0)
			option++;
		if (option == NULL || option->key == NULL)
			return host_fail(err, CSN_E_CONFIG, "unknown option \"%s\"",
			                 pairs[0]);
	}
	return CSN_OK;
}

static int
host_bind(const struct csn_config *config, const struct csn_component *component,
          void *self, struct csn_error *err)
{
	int r = check_keys(component, config->pairs, err);

	for (const struct csn_option *option = component->options;
	     r == CSN_OK && option != NULL && option->key != NULL; option++) {
		const char *text = find(config->pairs, option->key);
		if (text == NULL && (option->flags & CSN_OPT_REQUIRED) != 0)
			return host_fail(err, CSN_E_CONFIG, "option \"%s\" is missing",
			                 option->key);
		r = set(config->fake, option, text != NULL ? text : option->fallback,
		        (char *)self + option->offset, err);
	}
	return r;
}

int
fakehost_create(struct fakehost *fake, const struct csn_component *component,
                const char *const *options, void **ret_self, struct csn_error *err)
{
	const struct csn_config config = { fake, options };

	return component->create(&fake->host, &config, ret_self, err);
}

static const struct csn_component *const *
load(const char *kind_name)
{
	char path[512], symbol[128], id[64];
	const char *slash = strchr(kind_name, '/');

	if (slash == NULL)
		die("fakehost: \"%s\" is not kind/name", kind_name);
	snprintf(id, sizeof id, "%.*s_%s", (int)(slash - kind_name), kind_name, slash + 1);
	snprintf(path, sizeof path, "%s/plugins/%s/.libs/%s.so", TEST_BUILDDIR, kind_name, id);
	snprintf(symbol, sizeof symbol, "%s_LTX_csn_plugin", id);
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL)
		die("fakehost: %s", dlerror());
	const struct csn_plugin *plugin = dlsym(module, symbol);
	if (plugin == NULL)
		die("fakehost: %s", dlerror());
	if (plugin->magic != CSN_PLUGIN_MAGIC || plugin->components[0] == NULL)
		die("fakehost: %s says nothing about itself", path);
	return plugin->components;
}

const struct csn_component *
fakehost_load(const char *kind_name)
{
	return load(kind_name)[0];
}

const struct csn_component *
fakehost_find(const char *kind_name, const char *component)
{
	const struct csn_component *const *at = load(kind_name);

	while (*at != NULL && strcmp((*at)->name, component) != 0)
		at++;
	if (*at == NULL)
		die("fakehost: no component \"%s\" in %s", component, kind_name);
	return *at;
}

/* ---- operations -------------------------------------------------------- */

struct csn_op *
fakehost_op(struct fakehost *fake)
{
	struct csn_op *op = zalloc(sizeof *op);

	op->fake = fake;
	fake->ops++;
	return op;
}

void
fakehost_op_free(struct csn_op *op)
{
	if (op == NULL)
		return;
	if (!op->ended)
		die("fakehost: an operation was freed while it is pending");
	host_buf_unref(op->buf);
	op->fake->ops--;
	free(op);
}

bool
fakehost_op_ended(const struct csn_op *op)
{
	return op->ended;
}

int
fakehost_op_result(const struct csn_op *op)
{
	return op->result;
}

struct csn_bytes
fakehost_op_bytes(const struct csn_op *op)
{
	return op->buf != NULL ? host_buf_bytes(op->buf) : CSN_BYTES_NONE;
}

const char *
fakehost_op_text(const struct csn_op *op)
{
	return op->error.text;
}

int
fakehost_started(struct csn_op *op, int result)
{
	if (result < 0)
		host_op_done(op, result, NULL);
	return result;
}

/* ---- the loop ---------------------------------------------------------- */

static bool
run_posts(struct fakehost *fake)
{
	uint64_t count;
	ssize_t n = read(fake->wake_fd, &count, sizeof count);

	(void)n;
	pthread_mutex_lock(&fake->lock);
	struct post *post = fake->first_post;
	fake->first_post = NULL;
	fake->last_post  = &fake->first_post;
	pthread_mutex_unlock(&fake->lock);
	const bool any = post != NULL;
	while (post != NULL) {
		struct post *next = post->next;
		post->fn(post->arg);
		free(post);
		post = next;
	}
	return any;
}

static bool
run_timers(struct fakehost *fake)
{
	bool any = false;

	while (fake->timers != NULL && fake->timers->at_ns <= host_now(&fake->host)) {
		struct csn_timer *timer = fake->timers;
		fake->timers = timer->next;
		timer->fn(timer->self);
		free(timer);
		any = true;
	}
	return any;
}

static bool
run_watches(struct fakehost *fake, int wait_ms)
{
	struct pollfd fds[WATCH_MAX + 1];
	struct csn_watch *watches[WATCH_MAX];
	nfds_t n = 0;
	bool any = false;

	for (size_t i = 0; i < WATCH_MAX; i++) {
		struct csn_watch *watch = fake->watches[i];
		if (watch == NULL)
			continue;
		fds[n].fd     = watch->fd;
		fds[n].events = (short)((watch->want & CSN_READABLE ? POLLIN : 0) |
		                        (watch->want & CSN_WRITABLE ? POLLOUT : 0));
		watches[n++] = watch;
	}
	fds[n] = (struct pollfd){ .fd = fake->wake_fd, .events = POLLIN };
	if (poll(fds, n + 1, wait_ms) <= 0)
		return false;
	for (nfds_t i = 0; i < n; i++) {
		const short got = fds[i].revents;
		bool there = false;
		for (size_t j = 0; j < WATCH_MAX; j++)
			there |= fake->watches[j] == watches[i];
		if (got == 0 || !there)
			continue;
		any = true;
		watches[i]->fn(watches[i]->self, watches[i]->fd,
		               (got & POLLIN ? CSN_READABLE : 0u) |
		                       (got & POLLOUT ? CSN_WRITABLE : 0u) |
		                       (got & (POLLHUP | POLLERR) ? CSN_HANGUP : 0u));
	}
	return any;
}

/* One turn; with nothing to do it moves to the next timer, at most to @until_ns. */
static void
turn(struct fakehost *fake, uint64_t until_ns)
{
	bool any = run_posts(fake);

	any |= run_timers(fake);
	any |= run_watches(fake, 0);
	if (any)
		return;
	uint64_t next = until_ns;
	if (fake->timers != NULL && fake->timers->at_ns < next)
		next = fake->timers->at_ns;
	if (!fake->real) {
		fake->now_ns = next;
		return;
	}
	const uint64_t now = host_now(&fake->host);
	if (next > now)
		run_watches(fake, (int)((next - now) / 1000000u) + 1);
}

bool
fakehost_wait(struct fakehost *fake, const struct csn_op *op, uint64_t ms)
{
	const uint64_t until_ns = host_now(&fake->host) + ms * 1000000u;

	while (!op->ended && host_now(&fake->host) < until_ns)
		turn(fake, until_ns);
	return op->ended;
}

void
fakehost_run(struct fakehost *fake, uint64_t ms)
{
	const uint64_t until_ns = host_now(&fake->host) + ms * 1000000u;

	while (host_now(&fake->host) < until_ns)
		turn(fake, until_ns);
	run_posts(fake);
	run_timers(fake);
}

const char *
fakehost_logged(const struct fakehost *fake)
{
	return fake->logged;
}

/* ---- life -------------------------------------------------------------- */

static const struct csn_host services = {
	.size       = sizeof services,
	.abi_major  = CSN_ABI_MAJOR,
	.abi_minor  = CSN_ABI_MINOR,
	.log        = host_log,
	.fail       = host_fail,
	.now        = host_now,
	.wall       = host_wall,
	.random     = host_random,
	.bind       = host_bind,
	.watch_add  = host_watch_add,
	.watch_drop = host_watch_drop,
	.timer_add  = host_timer_add,
	.timer_drop = host_timer_drop,
	.post       = host_post,
	.op_done    = host_op_done,
	.op_error   = host_op_error,
	.buf_new    = host_buf_new,
	.buf_ref    = host_buf_ref,
	.buf_unref  = host_buf_unref,
	.buf_bytes  = host_buf_bytes,
	.service    = host_service,
};

struct fakehost *
fakehost_new(bool real)
{
	struct fakehost *fake = zalloc(sizeof *fake);

	fake->host      = services;
	fake->real      = real;
	fake->now_ns    = 1000000000u;
	fake->seed      = 1;
	fake->last_post = &fake->first_post;
	fake->wake_fd   = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fake->wake_fd < 0 || pthread_mutex_init(&fake->lock, NULL) != 0)
		die("fakehost: no descriptor or lock");
	return fake;
}

void
fakehost_free(struct fakehost *fake)
{
	if (fake == NULL)
		return;
	run_posts(fake);
	if (fake->ops != 0 || buffers != 0 || fake->timers != NULL)
		die("fakehost: left over: %d operations, %d buffers, %s", fake->ops, buffers,
		    fake->timers != NULL ? "timers" : "no timers");
	for (size_t i = 0; i < WATCH_MAX; i++)
		if (fake->watches[i] != NULL)
			die("fakehost: a watch on descriptor %d is left", fake->watches[i]->fd);
	for (size_t i = 0; i < fake->string_count; i++)
		free(fake->strings[i]);
	close(fake->wake_fd);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

const struct csn_host *
fakehost_host(struct fakehost *fake)
{
	return &fake->host;
}
