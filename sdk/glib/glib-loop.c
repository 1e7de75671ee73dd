#include "glib/glib-loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct told {
	struct told *next;
	void (*fn)(void *self, void *news);
	void  *self, *news;
	void (*drop)(void *news);
};

struct call {
	void (*fn)(void *arg);
	void *arg;
};

struct csn_glib {
	const struct csn_host *host;
	GMainContext          *context;
	GMainLoop             *loop;
	pthread_t              thread;
	int                    fd;
	struct csn_watch      *watch;
	pthread_mutex_t        lock;
	struct told           *first, **last;
};

static void *
run(void *arg)
{
	struct csn_glib *glib = arg;

	g_main_context_push_thread_default(glib->context);
	g_main_loop_run(glib->loop);
	g_main_context_pop_thread_default(glib->context);
	return NULL;
}

static struct told *
take_all(struct csn_glib *glib)
{
	pthread_mutex_lock(&glib->lock);
	struct told *first = glib->first;
	glib->first = NULL;
	glib->last = &glib->first;
	pthread_mutex_unlock(&glib->lock);
	return first;
}

static void
drop(struct told *told)
{
	if (told->drop != NULL)
		told->drop(told->news);
	free(told);
}

static void
hear(void *self, int fd, uint32_t ready)
{
	uint64_t count;
	const ssize_t n = read(fd, &count, sizeof count);
	struct told *told = take_all(self), *next;

	(void)ready;
	(void)n;
	for (; told != NULL; told = next) {
		next = told->next;
		told->fn(told->self, told->news);
		drop(told);
	}
}

struct csn_glib *
csn_glib_new(const struct csn_host *host)
{
	struct csn_glib *glib = calloc(1, sizeof *glib);

	if (glib == NULL)
		return NULL;
	glib->host = host;
	glib->last = &glib->first;
	pthread_mutex_init(&glib->lock, NULL);
	glib->context = g_main_context_new();
	glib->loop = g_main_loop_new(glib->context, FALSE);
	glib->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (glib->fd >= 0)
		glib->watch = host->watch_add(host, glib->fd, CSN_READABLE, hear, glib);
	if (glib->watch != NULL && pthread_create(&glib->thread, NULL, run, glib) == 0)
		return glib;
	host->watch_drop(glib->watch);
	if (glib->fd >= 0)
		close(glib->fd);
	g_main_loop_unref(glib->loop);
	g_main_context_unref(glib->context);
	pthread_mutex_destroy(&glib->lock);
	free(glib);
	return NULL;
}

static void
quit(void *arg)
{
	g_main_loop_quit(arg);
}

void
csn_glib_free(struct csn_glib *glib)
{
	if (glib == NULL)
		return;
	/* From inside, because a loop that has not begun to run does not hear a quit. */
	csn_glib_call(glib, quit, glib->loop);
	pthread_join(glib->thread, NULL);
	glib->host->watch_drop(glib->watch);
	close(glib->fd);
	for (struct told *told = take_all(glib), *next; told != NULL; told = next) {
		next = told->next;
		drop(told);
	}
	g_main_loop_unref(glib->loop);
	g_main_context_unref(glib->context);
	pthread_mutex_destroy(&glib->lock);
	free(glib);
}

static gboolean
make_call(void *arg)
{
	const struct call *call = arg;

	call->fn(call->arg);
	return G_SOURCE_REMOVE;
}

void
csn_glib_call(struct csn_glib *glib, void (*fn)(void *arg), void *arg)
{
	struct call *call = g_new(struct call, 1);
	GSource *source = g_idle_source_new();

	*call = (struct call){ fn, arg };
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, make_call, call, g_free);
	g_source_attach(source, glib->context);
	g_source_unref(source);
}

GMainContext *
csn_glib_context(struct csn_glib *glib)
{
	return glib->context;
}

void
csn_glib_tell(struct csn_glib *glib, void (*fn)(void *self, void *news), void *self,
              void *news, void (*drop_news)(void *news))
{
	const uint64_t one = 1;
	struct told *told = calloc(1, sizeof *told);

	if (told == NULL) {
		glib->host->log(glib->host, CSN_LOG_ERROR, "no memory for news from D-Bus");
		if (drop_news != NULL)
			drop_news(news);
		return;
	}
	*told = (struct told){ NULL, fn, self, news, drop_news };
	pthread_mutex_lock(&glib->lock);
	*glib->last = told;
	glib->last = &told->next;
	pthread_mutex_unlock(&glib->lock);
	const ssize_t n = write(glib->fd, &one, sizeof one);
	(void)n; /* a full counter is readable as well */
}
