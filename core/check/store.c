/* Stores: all or nothing, once is for ever, and yes means it is on the disk. */
#include "core/check/check.h"

#include "core/check/heap.h"

#include <countersign/store.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACE "countersign-check"

static const struct csn_store_ops *ops;
static char                        run_name[32]; /* keys of this run only       */

struct commit {
	const struct csn_store_item *items;
	size_t                       count;
};

struct lookup {
	struct csn_bytes key;
	uint64_t         index;
};

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

/* "NAME-of-this-run"; sixteen at a time. */
static struct csn_bytes
key(const char *name)
{
	static char   keys[16][64];
	static size_t turn;
	char         *out = keys[turn++ % 16];

	snprintf(out, sizeof keys[0], "%s-%s", name, run_name);
	return text(out);
}

/* --- the operations, each to its end ----------------------------------------------------- */

static int
start_commit(void *self, struct csn_op *op, const void *arg)
{
	const struct commit *c = arg;

	return ops->commit(self, op, c->items, c->count);
}

static int
start_get(void *self, struct csn_op *op, const void *arg)
{
	return ops->get(self, op, SPACE, ((const struct lookup *)arg)->key);
}

static int
start_next(void *self, struct csn_op *op, const void *arg)
{
	return ops->next(self, op, SPACE, ((const struct lookup *)arg)->key);
}

static int
start_entry(void *self, struct csn_op *op, const void *arg)
{
	return ops->entry(self, op, ((const struct lookup *)arg)->index);
}

static int
start_count(void *self, struct csn_op *op, const void *arg)
{
	(void)arg;
	return ops->count(self, op);
}

/* The result; what was answered into @out, of @room bytes. */
static int
ask(const char *name, trial_start_fn *start, const void *arg, uint8_t *out, size_t room,
    size_t *ret_len)
{
	struct trial t;

	if (!trial_start(&t, name, bench.self, start, arg))
		return CSN_E_NOMEM;
	trial_wait(&t);
	struct csn_bytes got = csn_buf_bytes(t.buf);
	*ret_len             = got.len;
	if (got.len > 0 && got.len <= room)
		memcpy(out, got.ptr, got.len);
	int r = t.result;
	trial_end(&t);
	return r;
}

/* Also says how often the disk was told to write it down before the answer. */
static int
commit(const struct csn_store_item *items, size_t count, uint64_t *ret_synced)
{
	const struct commit c = { items, count };
	uint64_t            before = heap_synced();
	struct trial        t;

	if (!trial_start(&t, "commit", bench.self, start_commit, &c))
		return CSN_E_NOMEM;
	trial_wait(&t);
	if (ret_synced != NULL)
		*ret_synced = t.synced - before;
	int r = t.result;
	trial_end(&t);
	return r;
}

static int
put(struct csn_bytes k, const char *value)
{
	const struct csn_store_item item = { CSN_ITEM_PUT, 0, SPACE, k, text(value) };

	return commit(&item, 1, NULL);
}

static int
get(struct csn_bytes k, const char *want)
{
	const struct lookup l = { k, 0 };
	uint8_t             out[64];
	size_t              len = 0;
	int                 r = ask("get", start_get, &l, out, sizeof out, &len);

	if (r == CSN_OK && (want == NULL || len != strlen(want) || memcmp(out, want, len) != 0))
		return CSN_E_INTERNAL;
	return r;
}

static uint64_t
entries(void)
{
	uint8_t  out[8] = { 0 };
	size_t   len = 0;
	uint64_t count = 0;

	if (!CSN_HAS(ops, count) || ask("count", start_count, NULL, out, sizeof out, &len) < 0 ||
	    len != 8)
		return UINT64_MAX;
	for (size_t i = 0; i < 8; i++)
		count = count << 8 | out[i];
	return count;
}

/* --- what a transaction is ---------------------------------------------------------------- */

static void
check_values(void)
{
	check_ok(get(key("never"), NULL) == CSN_E_MISSING, "a key never put is missing");
	check_ok(get(key("a"), "one") == CSN_OK, "a value is what was put");
	check_ok(put(key("a"), "two") == CSN_OK && get(key("a"), "two") == CSN_OK,
	         "a second put replaces it");
	const struct csn_store_item gone[] = { { CSN_ITEM_DELETE, 0, SPACE, key("a"), { NULL, 0 } },
		                               { CSN_ITEM_DELETE, 0, SPACE, key("never"),
		                                 { NULL, 0 } } };
	check_ok(commit(gone, 2, NULL) == CSN_OK && get(key("a"), NULL) == CSN_E_MISSING,
	         "a delete removes it, and one of what is absent is fine");
}

static void
check_claims(void)
{
	const struct csn_store_item claim = { CSN_ITEM_CLAIM, 0, SPACE, key("claim"), { NULL, 0 } };
	const struct csn_store_item both[] = {
		{ CSN_ITEM_PUT, 0, SPACE, key("with"), text("x") },
		{ CSN_ITEM_CLAIM, 0, SPACE, key("claim"), { NULL, 0 } },
	};

	check_ok(commit(&claim, 1, NULL) == CSN_OK, "a first claim is granted");
	int r = commit(&claim, 1, NULL);
	check_ok(r == CSN_E_REFUSED, "a second one is refused (%d)", r);
	r = commit(both, 2, NULL);
	check_ok(r == CSN_E_REFUSED, "and so is a transaction that holds it (%d)", r);
	check_ok(get(key("with"), NULL) == CSN_E_MISSING,
	         "of a refused transaction nothing is kept");
}

static void
check_expectations(void)
{
	const struct csn_store_item wrong[] = {
		{ CSN_ITEM_PUT, 0, SPACE, key("e"), text("changed") },
		{ CSN_ITEM_EXPECT, 0, SPACE, key("f"), text("other") },
	};
	const struct csn_store_item right[] = {
		{ CSN_ITEM_EXPECT, 0, SPACE, key("f"), text("is") },
		{ CSN_ITEM_EXPECT, 0, SPACE, key("g"), { NULL, 0 } },
		{ CSN_ITEM_PUT, 0, SPACE, key("g"), text("now") },
	};

	put(key("f"), "is");
	int r = commit(wrong, 2, NULL);
	check_ok(r == CSN_E_BUSY, "an expectation that does not hold is busy (%d)", r);
	check_ok(get(key("e"), NULL) == CSN_E_MISSING, "and nothing of that transaction is kept");
	check_ok(commit(right, 3, NULL) == CSN_OK, "expectations that hold are");
	r = commit(right, 3, NULL);
	check_ok(r == CSN_E_BUSY, "but not when absence was expected and it is there (%d)", r);
}

static void
check_audit(void)
{
	const struct csn_store_item two[] = {
		{ CSN_ITEM_AUDIT, 0, NULL, { NULL, 0 }, text("entry one") },
		{ CSN_ITEM_AUDIT, 0, NULL, { NULL, 0 }, text("entry two") },
	};
	const struct csn_store_item refused[] = {
		{ CSN_ITEM_AUDIT, 0, NULL, { NULL, 0 }, text("entry three") },
		{ CSN_ITEM_CLAIM, 0, SPACE, key("claim"), { NULL, 0 } },
	};
	uint64_t            had = entries();
	const struct lookup second = { { NULL, 0 }, had + 1 }, past = { { NULL, 0 }, had + 2 };
	uint8_t             out[64];
	size_t              len = 0;

	if (!CSN_HAS(ops, entry) || had == UINT64_MAX) {
		check_skip("audit entries: there is no count or no entry");
		return;
	}
	check_ok(commit(two, 2, NULL) == CSN_OK && entries() == had + 2,
	         "audit entries are counted");
	check_ok(commit(refused, 2, NULL) == CSN_E_REFUSED && entries() == had + 2,
	         "those of a refused transaction are not");
	check_ok(ask("entry", start_entry, &second, out, sizeof out, &len) == CSN_OK && len == 9 &&
	                 memcmp(out, "entry two", 9) == 0,
	         "each is found by its index");
	check_ok(ask("entry", start_entry, &past, out, sizeof out, &len) == CSN_E_MISSING,
	         "and there is none past the end");
}

/* Keys in order of their bytes, each as dCBOR [key, value]. */
static void
check_order(void)
{
	struct lookup l = { { NULL, 0 }, 0 };
	uint8_t       out[256], last[64] = { 0 };
	size_t        len = 0, count = 0, last_len = 0;
	bool          sorted = true;
	int           r = CSN_OK;

	if (!CSN_HAS(ops, next)) {
		check_skip("order: there is no next");
		return;
	}
	put(key("z"), "3");
	put(key("b"), "1");
	put(key("m"), "2");
	while (count < 10000) {
		r = ask("next", start_next, &l, out, sizeof out, &len);
		if (r < 0)
			break;
		size_t head = len > 2 && out[0] == 0x82 && out[1] == 0x58 ? 3 : 2;
		size_t n    = head == 3 ? out[2] : out[1] & 31u;

		if (len < head + n || n > sizeof last || (out[0] != 0x82)) {
			sorted = false;
			break;
		}
		int order = memcmp(last, out + head, n < last_len ? n : last_len);
		sorted &= order < 0 || (order == 0 && last_len < n);
		memcpy(last, out + head, n);
		last_len = n;
		l.key    = (struct csn_bytes){ last, last_len };
		count++;
	}
	check_ok(r == CSN_E_MISSING && sorted && count >= 3,
	         "next goes through the keys in the order of their bytes (%zu keys)", count);
}

/* --- what yes means --------------------------------------------------------------------------- */

/* A server keeps it elsewhere: what the disk was told cannot be seen from here. */
static bool
has_a_socket(void)
{
	struct stat st;

	for (int fd = 3; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			return true;
	return false;
}

static void
check_synced(void)
{
	const struct csn_store_item item = { CSN_ITEM_PUT, 0, SPACE, key("sync"), text("x") };
	/* Another value: what is the same already needs no writing. */
	const struct csn_store_item other = { CSN_ITEM_PUT, 0, SPACE, key("sync"), text("y") };
	uint64_t                    times = 0;

	if (has_a_socket()) {
		check_skip("what the disk is told: a server keeps it");
		return;
	}
	int r = commit(&item, 1, &times);
	check_ok(r == CSN_OK && times > 0,
	         "the disk was told to write it down before the answer (%d)", r);
	heap_sync_fails(true);
	r = commit(&other, 1, NULL);
	heap_sync_fails(false);
	check_ok(r < 0, "when the disk says that it cannot, the answer is no (%d)", r);
}

/* Commits @i = @i and says so; the parent kills it in the middle of whatever it does. */
static void
commit_until_killed(int to_parent)
{
	struct csn_error err = { 0 };

	if (!bench_open() || make_as(bench.config, &bench.self, &err) < 0)
		_exit(1);
	for (int i = 0; i < 1000; i++) {
		char                        name[32];
		const uint8_t               number = (uint8_t)i;
		snprintf(name, sizeof name, "kill%d", i);
		const struct csn_store_item items[] = {
			{ CSN_ITEM_PUT, 0, SPACE, key(name), text("kept") },
			{ CSN_ITEM_AUDIT, 0, NULL, { NULL, 0 }, text("kept") },
		};
		if (commit(items, 2, NULL) < 0 || write(to_parent, &number, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* kill -9 after @after answers; how many were given, or -1. */
static int
killed_after(int after)
{
	int     ends[2], status = 0, given = 0;
	uint8_t number;
	pid_t   child;

	fflush(stdout);
	if (pipe(ends) < 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		close(ends[0]);
		commit_until_killed(ends[1]);
	}
	close(ends[1]);
	while (given < after && read(ends[0], &number, 1) == 1)
		given++;
	kill(child, SIGKILL);
	while (read(ends[0], &number, 1) == 1) /* answers given before it died     */
		given++;
	close(ends[0]);
	waitpid(child, &status, 0);
	return given;
}

static void
leave_store(void)
{
	unmake(bench.self);
	bench.self = NULL;
	bench_nothing_left("destroy");
	bench_close();
}

static bool
enter_store(const char *after)
{
	struct csn_error err = { 0 };

	if (!bench_open())
		return false;
	int r = make_as(bench.config, &bench.self, &err);
	if (check_ok(r == CSN_OK, "after %s it opens again%s%s", after, r < 0 ? ": " : "",
	             r < 0 ? csn_error_text(&err) : ""))
		return true;
	bench.self = NULL;
	return false;
}

/* This process has no instance meanwhile: a store may be for one at a time. */
static void
check_killed(void)
{
	bool all = true;

	/* What is there, not what this instance remembers: they need not be the same. */
	leave_store();
	if (!enter_store("destroy"))
		return;
	uint64_t had = entries(), now;
	leave_store();
	int given = killed_after(3);
	if (!enter_store("kill -9"))
		return;
	for (int i = 0; i < given; i++) {
		char name[32];

		snprintf(name, sizeof name, "kill%d", i);
		all &= get(key(name), "kept") == CSN_OK;
	}
	check_ok(given >= 3 && all, "after kill -9 everything that was answered is there");
	now = entries();
	check_ok(had == UINT64_MAX || (now >= had + (uint64_t)given && now <= had + (uint64_t)given + 1),
	         "and its audit entries with it");
	const struct csn_store_item claim = { CSN_ITEM_CLAIM, 0, SPACE, key("claim"), { NULL, 0 } };
	check_ok(commit(&claim, 1, NULL) == CSN_E_REFUSED, "a claim is for ever");
}

void
check_store(void)
{
	ops = bench.component->ops.store;
	snprintf(run_name, sizeof run_name, "%ld", (long)getpid());
	check_doing("a first commit");
	int r = put(key("a"), "one");
	if (r < 0) {
		check_skip("it keeps nothing here (%s)", csn_result_text(r));
		return;
	}
	check_values();
	check_doing("claims");
	check_claims();
	check_doing("expectations");
	check_expectations();
	check_doing("audit entries");
	check_audit();
	check_doing("the order of keys");
	check_order();
	check_doing("kill -9");
	check_killed();
	if (bench.self == NULL)
		return;
	check_doing("fsync");
	check_synced();
}
