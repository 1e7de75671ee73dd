/* store/sqlite: the durability contract, its bounds and its way of failing. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/store.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct csn_component *component;
static char dir[] = "/tmp/csn-store-XXXXXX", path[64];

struct store {
	struct fakehost *fake;
	void *self;
};

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

static int
open_store(struct store *s, bool real, struct csn_error *err)
{
	const char *options[] = { "path", path, "busy_ms", "300", NULL };

	s->fake = fakehost_new(real);
	int r = fakehost_create(s->fake, component, options, &s->self, err);
	if (r < 0)
		fakehost_free(s->fake);
	return r;
}

static void
close_store(struct store *s)
{
	component->destroy(s->self);
	fakehost_free(s->fake);
}

static void
fresh(struct store *s)
{
	struct csn_error err = { 0 };
	char side[80];

	unlink(path);
	snprintf(side, sizeof side, "%s-wal", path);
	unlink(side);
	snprintf(side, sizeof side, "%s-shm", path);
	unlink(side);
	if (open_store(s, false, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static char last_text[512];

static int
commit(struct store *s, const struct csn_store_item *items, size_t count)
{
	struct csn_op *op = fakehost_op(s->fake);
	int r = fakehost_started(
		op, component->ops.store->commit(s->self, op, items, count));

	if (r == CSN_OK && fakehost_op_ended(op))
		r = 99; /* answered from inside the call                      */
	if (r == CSN_OK && !fakehost_wait(s->fake, op, 10000))
		r = 98;
	if (r == CSN_OK)
		r = fakehost_op_result(op);
	snprintf(last_text, sizeof last_text, "%s", fakehost_op_text(op));
	fakehost_op_free(op);
	return r;
}

/* The value of a key, or "-" when missing, "!" for any failure. */
static const char *
get(struct store *s, const char *space, const char *key)
{
	static char out[256];
	struct csn_op *op = fakehost_op(s->fake);
	int r = fakehost_started(
		op, component->ops.store->get(s->self, op, space, text(key)));

	if (r == CSN_OK)
		r = fakehost_wait(s->fake, op, 10000) ? fakehost_op_result(op) : 98;
	if (r == CSN_OK) {
		struct csn_bytes b = fakehost_op_bytes(op);

		snprintf(out, sizeof out, "%.*s", (int)b.len, (const char *)b.ptr);
	} else
		strcpy(out, r == CSN_E_MISSING ? "-" : "!");
	fakehost_op_free(op);
	return out;
}

static long long
count_of(struct store *s)
{
	struct csn_op *op = fakehost_op(s->fake);
	long long n = -1;

	if (fakehost_started(op, component->ops.store->count(s->self, op)) == CSN_OK &&
	    fakehost_wait(s->fake, op, 10000) && fakehost_op_result(op) == CSN_OK) {
		struct csn_bytes b = fakehost_op_bytes(op);

		n = 0;
		for (size_t i = 0; i < b.len; i++)
			n = n << 8 | b.ptr[i];
	}
	fakehost_op_free(op);
	return n;
}

#define PUT(k, v)                                                                      \
	{                                                                              \
		CSN_ITEM_PUT, 0, "s", text(k), text(v)                                 \
	}
#define DELETE(k)                                                                      \
	{                                                                              \
		CSN_ITEM_DELETE, 0, "s", text(k),                                      \
		{                                                                      \
			NULL, 0                                                        \
		}                                                                      \
	}
#define CLAIM(k)                                                                       \
	{                                                                              \
		CSN_ITEM_CLAIM, 0, "s", text(k),                                       \
		{                                                                      \
			NULL, 0                                                        \
		}                                                                      \
	}
#define EXPECT(k, v)                                                                   \
	{                                                                              \
		CSN_ITEM_EXPECT, 0, "s", text(k), text(v)                              \
	}
#define ABSENT(k)                                                                      \
	{                                                                              \
		CSN_ITEM_EXPECT, 0, "s", text(k),                                      \
		{                                                                      \
			NULL, 0                                                        \
		}                                                                      \
	}
#define AUDIT(v)                                                                       \
	{                                                                              \
		CSN_ITEM_AUDIT, 0, NULL, { NULL, 0 }, text(v)                          \
	}
#define COMMIT(s, ...)                                                                 \
	commit((s), (struct csn_store_item[]){ __VA_ARGS__ },                          \
	       sizeof((struct csn_store_item[]){ __VA_ARGS__ }) /                      \
		       sizeof(struct csn_store_item))

static void
test_items(void)
{
	struct store s;

	fresh(&s);
	tap_is(COMMIT(&s, PUT("a", "1")), CSN_OK, "a value is put, answered later");
	tap_ok(strcmp(get(&s, "s", "a"), "1") == 0, "and read");
	tap_ok(strcmp(get(&s, "t", "a"), "-") == 0, "another space does not hold it");
	COMMIT(&s, PUT("a", "2"));
	tap_ok(strcmp(get(&s, "s", "a"), "2") == 0, "a second put replaces it");
	tap_is(COMMIT(&s, EXPECT("a", "2"), PUT("a", "3")), CSN_OK,
	       "what was expected is there");
	tap_is(COMMIT(&s, EXPECT("a", "2"), PUT("a", "4")), CSN_E_BUSY,
	       "what was expected is not there");
	tap_ok(strcmp(get(&s, "s", "a"), "3") == 0, "and nothing was changed");
	tap_is(COMMIT(&s, ABSENT("a"), PUT("a", "5")), CSN_E_BUSY,
	       "expected absent, was there");
	tap_is(COMMIT(&s, ABSENT("b"), PUT("b", "")), CSN_OK,
	       "expected absent, was absent");
	tap_is(COMMIT(&s, ABSENT("b")), CSN_E_BUSY, "an empty value is not absent");
	tap_is(COMMIT(&s, EXPECT("b", "")), CSN_OK, "an empty value is an empty value");
	tap_is(COMMIT(&s, CLAIM("n"), PUT("c", "1")), CSN_OK, "a claim");
	tap_is(COMMIT(&s, PUT("c", "2"), AUDIT("x"), CLAIM("n")), CSN_E_REFUSED,
	       "the same claim again");
	tap_ok(strcmp(get(&s, "s", "c"), "1") == 0 && count_of(&s) == 0,
	       "takes everything of its commit with it");
	tap_is(COMMIT(&s, CLAIM("d"), CLAIM("d")), CSN_E_REFUSED,
	       "one commit cannot claim twice");
	tap_is(COMMIT(&s, CLAIM("d")), CSN_OK, "and then it was not claimed");
	tap_is(COMMIT(&s, DELETE("a"), DELETE("zz")), CSN_OK,
	       "deleting what is absent is fine");
	tap_ok(strcmp(get(&s, "s", "a"), "-") == 0, "what was deleted is gone");
	tap_ok(COMMIT(&s, AUDIT("e0"), AUDIT("e1")) == CSN_OK &&
		       COMMIT(&s, AUDIT("e2")) == CSN_OK && count_of(&s) == 3,
	       "audit entries are counted from 0");
	close_store(&s);
}

static void
test_reading(void)
{
	struct store s;
	struct csn_op *op;
	static const struct {
		const char *what, *after, *want;
		size_t want_len;
		int result;
	} nexts[] = {
		{ "the first key of a space", "",
		  "\x82\x41"
		  "a\x41"
		  "1",
		  5, CSN_OK },
		{ "the next after one", "a",
		  "\x82\x42"
		  "ab\x40",
		  5, CSN_OK },
		{ "keys go bytewise", "ab",
		  "\x82\x42"
		  "b\xff\x41"
		  "2",
		  6, CSN_OK },
		{ "past the last", "b\xff", "", 0, CSN_E_MISSING },
	};

	fresh(&s);
	COMMIT(&s, PUT("b\xff", "2"), PUT("ab", ""), PUT("a", "1"), AUDIT("first"));
	for (size_t i = 0; i < 4; i++) {
		op = fakehost_op(s.fake);
		fakehost_started(op, component->ops.store->next(s.self, op, "s",
								text(nexts[i].after)));
		fakehost_wait(s.fake, op, 1000);
		struct csn_bytes b = fakehost_op_bytes(op);
		tap_ok(fakehost_op_result(op) == nexts[i].result &&
			       b.len == nexts[i].want_len &&
			       (b.len == 0 || memcmp(b.ptr, nexts[i].want, b.len) == 0),
		       "%s", nexts[i].what);
		fakehost_op_free(op);
	}
	for (uint64_t i = 0; i < 2; i++) {
		op = fakehost_op(s.fake);
		fakehost_started(op, component->ops.store->entry(s.self, op, i));
		fakehost_wait(s.fake, op, 1000);
		tap_is(fakehost_op_result(op), i == 0 ? CSN_OK : CSN_E_MISSING,
		       i == 0 ? "an entry by its index" : "no entry past the end");
		fakehost_op_free(op);
	}
	close_store(&s);
}

static void
test_bounds(void)
{
	static char big[1025];
	struct store s;
	static struct csn_store_item many[65];

	fresh(&s);
	memset(big, 'k', 1024);
	tap_is(COMMIT(&s, PUT(big, "1")), CSN_OK, "a key of 1024 bytes");
	struct csn_store_item over = {
		CSN_ITEM_PUT, 0, "s", { (const uint8_t *)big, 1025 }, text("1")
	};
	tap_is(commit(&s, &over, 1), CSN_E_TOO_BIG, "a key of 1025 bytes is refused");
	tap_is(commit(&s, NULL, 0), CSN_E_INVALID, "a commit of nothing is refused");
	for (size_t i = 0; i < 65; i++)
		many[i] = (struct csn_store_item)PUT("a", "1");
	tap_is(commit(&s, many, 64), CSN_OK, "64 items");
	tap_is(commit(&s, many, 65), CSN_E_TOO_BIG, "65 items are refused");
	struct csn_store_item odd = { 77, 0, "s", text("a"), text("1") };
	tap_is(commit(&s, &odd, 1), CSN_E_UNSUPPORTED,
	       "an item of a kind nobody knows is refused");
	struct csn_store_item bare = { CSN_ITEM_PUT, 0, NULL, text("a"), text("1") };
	tap_is(commit(&s, &bare, 1), CSN_E_INVALID,
	       "an item without a space is refused");
	close_store(&s);
}

static void
test_queue(void)
{
	struct store s;
	struct csn_op *ops[3];
	const struct csn_store_item put[3] = { PUT("q", "0"), PUT("q", "1"),
					       PUT("q", "2") };

	fresh(&s);
	for (size_t i = 0; i < 3; i++) {
		ops[i] = fakehost_op(s.fake);
		fakehost_started(ops[i], component->ops.store->commit(s.self, ops[i],
								      &put[i], 1));
	}
	component->ops.store->cancel(s.self, ops[2]);
	for (size_t i = 0; i < 3; i++)
		fakehost_wait(s.fake, ops[i], 1000);
	tap_ok(fakehost_op_result(ops[0]) == CSN_OK &&
		       fakehost_op_result(ops[1]) == CSN_OK &&
		       fakehost_op_result(ops[2]) == CSN_E_CANCELLED,
	       "three commits wait, the last is cancelled");
	tap_ok(strcmp(get(&s, "s", "q"), "1") == 0,
	       "what was cancelled was not written, the rest was");
	for (size_t i = 0; i < 3; i++)
		fakehost_op_free(ops[i]);

	const struct csn_store_item mixed[3] = { CLAIM("m"), CLAIM("m"),
						 PUT("m", "1") };
	for (size_t i = 0; i < 3; i++) {
		ops[i] = fakehost_op(s.fake);
		fakehost_started(ops[i], component->ops.store->commit(s.self, ops[i],
								      &mixed[i], 1));
	}
	for (size_t i = 0; i < 3; i++)
		fakehost_wait(s.fake, ops[i], 1000);
	tap_ok(fakehost_op_result(ops[0]) == CSN_OK &&
		       fakehost_op_result(ops[1]) == CSN_E_REFUSED &&
		       fakehost_op_result(ops[2]) == CSN_OK &&
		       strcmp(get(&s, "s", "m"), "1") == 0,
	       "a refused commit does not harm those it shares a transaction with");
	for (size_t i = 0; i < 3; i++)
		fakehost_op_free(ops[i]);
	close_store(&s);
}

static void
sql(const char *statement)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, statement, NULL, NULL, NULL) != SQLITE_OK) {
		printf("Bail out! %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_close(db);
}

static void
test_opening(void)
{
	struct store s;
	struct csn_error err = { 0 };
	struct stat st;

	umask(0);
	fresh(&s);
	tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600,
	       "the file is made with mode 600");
	COMMIT(&s, PUT("a", "kept"), CLAIM("c"), AUDIT("e"));
	close_store(&s);
	open_store(&s, false, &err);
	tap_ok(strcmp(get(&s, "s", "a"), "kept") == 0 && count_of(&s) == 1 &&
		       COMMIT(&s, CLAIM("c")) == CSN_E_REFUSED,
	       "values, claims and entries are there after closing");
	close_store(&s);

	chmod(path, 0640);
	int r = open_store(&s, false, &err);
	tap_ok(r == CSN_E_CONFIG && strstr(err.text, "mode 640, wanted 600") != NULL,
	       "a file others may read is refused: %s", err.text);
	chmod(path, 0600);
	sql("PRAGMA user_version = 2");
	r = open_store(&s, false, &err);
	tap_ok(r == CSN_E_UNSUPPORTED &&
		       strstr(err.text, "schema version 2, this program knows 1") !=
			       NULL,
	       "another schema version is refused: %s", err.text);
	sql("PRAGMA user_version = 1; PRAGMA application_id = 1;");
	r = open_store(&s, false, &err);
	tap_ok(r == CSN_E_CONFIG &&
		       strstr(err.text, "belongs to another program") != NULL,
	       "another program's file is refused: %s", err.text);
	unlink(path);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (write(fd,
		  "this is no database, but it is long enough to be read as one....",
		  64) != 64)
		exit(1);
	close(fd);
	r = open_store(&s, false, &err);
	tap_ok(r == CSN_E_IO && strstr(err.text, "not a database") != NULL,
	       "a text file is refused: %s", err.text);
	char keep[64];
	snprintf(keep, sizeof keep, "%s", path);
	strcpy(path, "/tmp/csn-no-such-folder/x.db");
	r = open_store(&s, false, &err);
	tap_ok(r == CSN_E_MISSING &&
		       strstr(err.text, "check that its folder is there") != NULL,
	       "a folder that is not there: %s", err.text);
	strcpy(path, keep);
}

static void
test_busy(void)
{
	struct store s;
	sqlite3 *db = NULL;

	fresh(&s);
	COMMIT(&s, PUT("a", "1"));
	sqlite3_open(path, &db);
	sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	tap_ok(COMMIT(&s, PUT("a", "2")) == CSN_E_BUSY &&
		       strstr(last_text, "another process") != NULL,
	       "another process that keeps writing: busy, after the time allowed");
	tap_ok(strcmp(get(&s, "s", "a"), "1") == 0, "reading goes on meanwhile");
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	tap_is(COMMIT(&s, PUT("a", "3")), CSN_OK,
	       "and it works again when that one is done");
	close_store(&s);
}

/*
 * In a child with a limit on file sizes: writes past it fail as on a full disk (EFBIG
 * is an I/O error to SQLite), so this shows the final kind of failure.
 */
static void
test_io_error(void)
{
	pid_t child = fork();

	if (child == 0) {
		struct store s;
		static char big[60000];
		int r = CSN_OK;

		signal(SIGXFSZ, SIG_IGN);
		fresh(&s);
		memset(big, 'x', sizeof big - 1);
		COMMIT(&s, PUT("before", "1"));
		struct rlimit limit = { 300000, RLIM_INFINITY };
		setrlimit(RLIMIT_FSIZE, &limit);
		for (int i = 0; i < 30 && r == CSN_OK; i++) {
			memset(big, 'a' + i % 26,
			       sizeof big - 1); /* else nothing is written */
			r = COMMIT(&s, PUT("big", big), AUDIT("entry"));
		}
		int failed = r == CSN_E_IO && strstr(last_text, path) != NULL;
		char first[512];
		snprintf(first, sizeof first, "%s", last_text);
		limit.rlim_cur = RLIM_INFINITY;
		setrlimit(RLIMIT_FSIZE, &limit);
		int final = COMMIT(&s, PUT("after", "1")) == CSN_E_IO &&
			    strcmp(first, last_text) == 0;
		_exit(failed + 2 * final);
	}
	int status = 0;
	waitpid(child, &status, 0);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	tap_ok((code & 1) == 1, "an I/O error is told with the path");
	tap_ok(code == 3, "and is final: the next commit gets the same reason, though "
			  "the disk is well");
	struct store s;
	struct csn_error err = { 0 };
	if (open_store(&s, false, &err) < 0)
		tap_ok(false, "opens again after it: %s", err.text);
	else {
		tap_ok(strcmp(get(&s, "s", "before"), "1") == 0 &&
			       strcmp(get(&s, "s", "after"), "-") == 0,
		       "opened again: what was acknowledged is there, what was refused "
		       "is not");
		close_store(&s);
	}
}

/* SQLite's own limit on pages gives SQLITE_FULL, as a disk without space does. */
static void
test_full(void)
{
	struct store s;
	static char big[200000];
	int r = CSN_OK, done = 0;

	fresh(&s);
	close_store(&s);
	struct csn_error err = { 0 };
	char cmd[256];
	memset(big, 'x', sizeof big - 1);
	/*
	 * A small file system in memory needs privileges: without them this is skipped.
	 */
	snprintf(cmd, sizeof cmd,
		 "mount -t tmpfs -o size=1m,mode=700 none %s 2>/dev/null", dir);
	if (system(cmd) != 0) {
		tap_skip("a full disk", "no file system of 1 MiB can be mounted here");
		return;
	}
	if (open_store(&s, false, &err) == CSN_OK) {
		char key[16];

		for (int i = 0; i < 20 && r == CSN_OK; i++) {
			snprintf(key, sizeof key, "k%d", i);
			r = COMMIT(&s, PUT(key, big), AUDIT("e"));
			done += r == CSN_OK;
		}
		tap_ok(r == CSN_E_IO && strstr(last_text, "the disk is full") != NULL &&
			       strstr(last_text, path) != NULL,
		       "a full disk: %s", last_text);
		tap_is(count_of(&s), done,
		       "nothing acknowledged is lost, nothing refused is there");
		snprintf(cmd, sizeof cmd, "mount -o remount,size=8m %s", dir);
		r = system(cmd);
		tap_is(COMMIT(&s, PUT("after", "1")), CSN_OK,
		       "with space again it works by itself");
		close_store(&s);
	}
	snprintf(cmd, sizeof cmd, "umount %s", dir);
	r = system(cmd);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s.db", dir);
	component = fakehost_load("store/sqlite");
	test_items();
	test_reading();
	test_bounds();
	test_queue();
	test_opening();
	test_busy();
	test_io_error();
	test_full();
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd) != 0 ? 1 : tap_done();
}
