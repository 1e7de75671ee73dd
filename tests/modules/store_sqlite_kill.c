/*
 * kill -9 at any moment: what was acknowledged is there, what is there is whole.  The
 * child commits as fast as it can and tells each acknowledgement; the parent kills it
 * after a drawn number of them and a drawn moment more, and looks.
 */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/store.h>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS 120

static const struct csn_component *component;
static char dir[] = "/tmp/csn-kill-XXXXXX", path[64];

struct store {
	struct fakehost *fake;
	void *self;
};

static void
open_store(struct store *s)
{
	const char *options[] = { "path", path, NULL };
	struct csn_error err = { 0 };

	s->fake = fakehost_new(false);
	if (fakehost_create(s->fake, component, options, &s->self, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static uint64_t
number(struct csn_bytes b)
{
	uint64_t n = 0;

	for (size_t i = 0; i < b.len && i < 8; i++)
		n = n << 8 | b.ptr[i];
	return n;
}

static void
wide(uint64_t n, uint8_t out[8])
{
	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(n >> (56 - 8 * i));
}

/* One commit with an effect of every kind, all about @n. */
static int
commit(struct store *s, uint64_t n)
{
	static const struct csn_bytes last = { (const uint8_t *)"last", 4 };
	uint8_t bytes[8];
	struct csn_bytes b = { bytes, 8 };
	const struct csn_store_item items[] = {
		{ CSN_ITEM_PUT, 0, "n", b, b },
		{ CSN_ITEM_PUT, 0, "state", last, b },
		{ CSN_ITEM_CLAIM, 0, "n", b, { NULL, 0 } },
		{ CSN_ITEM_AUDIT, 0, NULL, { NULL, 0 }, b }
	};
	struct csn_op *op = fakehost_op(s->fake);

	wide(n, bytes);
	int r = fakehost_started(op,
				 component->ops.store->commit(s->self, op, items, 4));
	if (r == CSN_OK)
		r = fakehost_wait(s->fake, op, 10000) ? fakehost_op_result(op)
						      : CSN_E_TIMEOUT;
	fakehost_op_free(op);
	return r;
}

static uint64_t
ask(struct store *s, int (*call)(struct store *s, struct csn_op *op, uint64_t n),
    uint64_t n, int *ret_result)
{
	struct csn_op *op = fakehost_op(s->fake);
	int r = fakehost_started(op, call(s, op, n));

	if (r == CSN_OK)
		r = fakehost_wait(s->fake, op, 10000) ? fakehost_op_result(op)
						      : CSN_E_TIMEOUT;
	uint64_t got = r == CSN_OK ? number(fakehost_op_bytes(op)) : 0;
	fakehost_op_free(op);
	*ret_result = r;
	return got;
}

static int
ask_count(struct store *s, struct csn_op *op, uint64_t n)
{
	(void)n;
	return component->ops.store->count(s->self, op);
}

static int
ask_entry(struct store *s, struct csn_op *op, uint64_t n)
{
	return component->ops.store->entry(s->self, op, n);
}

static int
ask_value(struct store *s, struct csn_op *op, uint64_t n)
{
	uint8_t bytes[8];

	wide(n, bytes);
	return component->ops.store->get(s->self, op, "n", CSN_BYTES_OF(bytes));
}

static int
ask_last(struct store *s, struct csn_op *op, uint64_t n)
{
	(void)n;
	return component->ops.store->get(
		s->self, op, "state", (struct csn_bytes){ (const uint8_t *)"last", 4 });
}

static void
child(int pipe_fd, uint64_t from)
{
	struct store s;

	open_store(&s);
	for (uint64_t n = from;; n++)
		if (commit(&s, n) != CSN_OK || write(pipe_fd, &n, sizeof n) != sizeof n)
			_exit(1);
}

/* Runs one child from @from until it is killed; the last number it acknowledged, +1. */
static uint64_t
run_and_kill(uint64_t from, unsigned acks, unsigned more_us)
{
	int fds[2];
	uint64_t n, next = from;

	if (pipe(fds) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(fds[1], from);
	}
	close(fds[1]);
	while (acks-- > 0 && read(fds[0], &n, sizeof n) == sizeof n)
		next = n + 1;
	nanosleep(&(struct timespec){ 0, (long)more_us * 1000 }, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(fds[0], &n, sizeof n) == sizeof n) /* told before it died */
		next = n + 1;
	close(fds[0]);
	return next;
}

int
main(void)
{
	uint64_t next = 0, lost = 0, torn = 0, ahead = 0;
	struct store s;
	int r;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s.db", dir);
	component = fakehost_load("store/sqlite");
	srand(20261125);
	for (int i = 0; i < KILLS; i++) {
		uint64_t acked = run_and_kill(next, (unsigned)rand() % 24,
					      (unsigned)rand() % 3000);

		open_store(&s);
		uint64_t count = ask(&s, ask_count, 0, &r);
		lost += r != CSN_OK || count < acked;
		ahead += count > acked;
		/* What is there is whole: the last commit has all its effects, the next
		 * none. */
		if (count > 0) {
			torn += ask(&s, ask_entry, count - 1, &r) != count - 1 ||
				r != CSN_OK;
			torn += ask(&s, ask_value, count - 1, &r) != count - 1 ||
				r != CSN_OK;
			torn += ask(&s, ask_last, 0, &r) != count - 1 || r != CSN_OK;
			torn += commit(&s, count - 1) != CSN_E_REFUSED;
		}
		ask(&s, ask_value, count, &r);
		torn += r != CSN_E_MISSING;
		component->destroy(s.self);
		fakehost_free(s.fake);
		next = count;
	}
	open_store(&s);
	for (uint64_t n = 0; n < next; n++) {
		lost += ask(&s, ask_entry, n, &r) != n || r != CSN_OK;
		lost += ask(&s, ask_value, n, &r) != n || r != CSN_OK;
	}
	component->destroy(s.self);
	fakehost_free(s.fake);
	tap_note("%d kills, %llu commits, %llu times one more was durable than told",
		 KILLS, (unsigned long long)next, (unsigned long long)ahead);
	tap_ok(next > KILLS, "the children got somewhere");
	tap_is((long long)lost, 0, "nothing acknowledged is lost");
	tap_is((long long)torn, 0, "no commit is there in part");
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd) != 0 ? 1 : tap_done();
}
