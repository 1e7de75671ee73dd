/*
 * One small sound store, all of it in memory and in one file that is written anew and
 * synced with every commit; each file beside this one breaks the contract in one way.
 */
#ifndef CSN_TESTS_MODULES_WRONG_STORE_H
#define CSN_TESTS_MODULES_WRONG_STORE_H

#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/store.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef SYNC
#define SYNC(fd) fsync(fd)
#endif
#ifndef WRITE_NOW
#define WRITE_NOW 1
#endif
#ifndef BACK /* what a refused transaction leaves                             */
#define BACK(me, before) (me)->book = (before)
#endif
#ifndef CLAIMED
#define CLAIMED(row) ((row) != NULL)
#endif

enum { ROWS = 4096, KEY = 64, VALUE = 64 };

struct row {
	uint8_t key[KEY], value[VALUE];
	uint8_t key_len, value_len, kind, there;
};

struct book {
	struct row rows[ROWS];
	size_t     count, entries;
};

struct wrong {
	const struct csn_host *host;
	char                  *path;
	struct book            book;
};

static struct row *
find(struct book *book, uint32_t kind, struct csn_bytes key)
{
	for (size_t i = 0; i < book->count; i++) {
		struct row *row = &book->rows[i];

		if (row->there && row->kind == kind && row->key_len == key.len &&
		    memcmp(row->key, key.ptr, key.len) == 0)
			return row;
	}
	return NULL;
}

static int
put(struct book *book, uint32_t kind, struct csn_bytes key, struct csn_bytes value)
{
	struct row *row = kind != CSN_ITEM_AUDIT ? find(book, kind, key) : NULL;

	if (key.len > KEY || value.len > VALUE || (row == NULL && book->count == ROWS))
		return CSN_E_TOO_BIG;
	if (row == NULL)
		row = &book->rows[book->count++];
	*row = (struct row){ .kind = (uint8_t)kind, .there = 1, .key_len = (uint8_t)key.len,
		             .value_len = (uint8_t)value.len };
	if (key.len > 0)
		memcpy(row->key, key.ptr, key.len);
	if (value.len > 0)
		memcpy(row->value, value.ptr, value.len);
	book->entries += kind == CSN_ITEM_AUDIT;
	return CSN_OK;
}

static int
apply(struct book *book, const struct csn_store_item *item)
{
	struct row *row = find(book, item->kind == CSN_ITEM_CLAIM ? CSN_ITEM_CLAIM : CSN_ITEM_PUT,
	                       item->key);
	int         same;

	switch (item->kind) {
	case CSN_ITEM_DELETE:
		if (row != NULL)
			row->there = 0;
		return CSN_OK;
	case CSN_ITEM_CLAIM:
		return CLAIMED(row) ? CSN_E_REFUSED : put(book, CSN_ITEM_CLAIM, item->key, item->value);
	case CSN_ITEM_EXPECT:
		same = item->value.ptr == NULL
		               ? row == NULL
		               : row != NULL && row->value_len == item->value.len &&
		                         memcmp(row->value, item->value.ptr, item->value.len) == 0;
		return same ? CSN_OK : CSN_E_BUSY;
	default:
		return put(book, item->kind, item->key, item->value);
	}
}

/* A new file beside the old one, then in its place. */
static int
write_book(struct wrong *me)
{
	char    fresh[4200];
	int     fd;
	ssize_t n;

	snprintf(fresh, sizeof fresh, "%s.new", me->path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return CSN_E_IO;
	n     = write(fd, &me->book, sizeof me->book);
	int r = n == (ssize_t)sizeof me->book && SYNC(fd) == 0 ? CSN_OK : CSN_E_IO;
	close(fd);
	return r == CSN_OK && rename(fresh, me->path) == 0 ? CSN_OK : CSN_E_IO;
}

static int
commit(void *self, struct csn_op *op, const struct csn_store_item *items, size_t count)
{
	static struct book before;
	struct wrong      *me = self;
	int                r  = CSN_OK;

	before = me->book;
	for (size_t i = 0; i < count && r == CSN_OK; i++)
		r = apply(&me->book, &items[i]);
	if (r == CSN_OK && WRITE_NOW)
		r = write_book(me);
	if (r < 0) {
		BACK(me, before);
		return r;
	}
	me->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
answer(struct wrong *me, struct csn_op *op, const void *bytes, size_t len)
{
	struct csn_buf *buf = me->host->buf_new(bytes, len, 0);

	if (buf == NULL)
		return CSN_E_NOMEM;
	me->host->op_done(op, CSN_OK, buf);
	return CSN_OK;
}

static int
get(void *self, struct csn_op *op, const char *space, struct csn_bytes key)
{
	struct wrong *me  = self;
	struct row   *row = find(&me->book, CSN_ITEM_PUT, key);

	(void)space;
	return row != NULL ? answer(me, op, row->value, row->value_len) : CSN_E_MISSING;
}

static int
entry(void *self, struct csn_op *op, uint64_t index)
{
	struct wrong *me = self;

	for (size_t i = 0; i < me->book.count; i++)
		if (me->book.rows[i].kind == CSN_ITEM_AUDIT && index-- == 0)
			return answer(me, op, me->book.rows[i].value, me->book.rows[i].value_len);
	return CSN_E_MISSING;
}

static int
count_entries(void *self, struct csn_op *op)
{
	struct wrong *me = self;
	uint8_t       wide[8];

	for (int i = 0; i < 8; i++)
		wide[i] = (uint8_t)((uint64_t)me->book.entries >> (56 - 8 * i));
	return answer(me, op, wide, sizeof wide);
}

static void
cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

static const struct csn_store_ops ops = {
	.size = sizeof ops, .commit = commit, .get = get, .entry = entry, .count = count_entries,
	.cancel = cancel,
};

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct wrong, path, NULL, CSN_OPT_REQUIRED, "the file"), CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size = sizeof component, .kind = CSN_KIND_STORE, .name = "wrong",
	.summary = "keeps what it should not say it keeps", .options = options, .create = create,
	.destroy = destroy, .ops.store = &ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct wrong *me = calloc(1, sizeof *me);

	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	me->host = host;
	int r    = host->bind(config, &component, me, err);
	if (r < 0) {
		free(me);
		return r;
	}
	int fd = open(me->path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &me->book, sizeof me->book) != (ssize_t)sizeof me->book)
		memset(&me->book, 0, sizeof me->book);
	if (fd >= 0)
		close(fd);
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct wrong *me = self;

	if (me == NULL)
		return;
	if (!WRITE_NOW)
		write_book(me);
	free(me);
}

CSN_PLUGIN(store_wrong, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&component));

#endif
