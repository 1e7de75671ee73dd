/*
 * The queue in front of the database: calls are answered later, in order; commits
 * that wait together share one transaction and one fsync.
 */
#include "sqlite.h"

#include <stdlib.h>

enum job_kind { JOB_COMMIT, JOB_GET, JOB_NEXT, JOB_ENTRY, JOB_COUNT };

struct sqlite_job {
	struct sqlite_job *next;
	struct csn_op *op;
	enum job_kind kind;
	uint64_t index;
	size_t count;
	int result;
	char reason[320];
	size_t block_len;
	uint8_t *block; /* what the items point into            */
	struct csn_store_item items[];
};

static void
job_free(struct sqlite_job *job)
{
	if (job->block != NULL)
		csn_wipe(job->block, job->block_len); /* values may be seeds  */
	free(job->block);
	free(job);
}

static void
job_end(struct sqlite_store *store, struct sqlite_job *job, int result,
	const char *reason, struct csn_buf *take)
{
	if (result < 0 && reason != NULL)
		store->host->fail(store->host->op_error(job->op), result, "%s", reason);
	store->host->op_done(job->op, result, take);
	job_free(job);
}

static struct sqlite_job *
pop(struct sqlite_store *store)
{
	struct sqlite_job *job = store->first;

	store->first = job->next;
	if (store->first == NULL)
		store->tail = &store->first;
	return job;
}

/* The heads of dCBOR [key, value]; the bytes follow each. */
static size_t
head(uint8_t out[5], size_t len)
{
	if (len < 24) {
		out[0] = (uint8_t)(0x40 + len);
		return 1;
	}
	size_t n = len < 0x100 ? 1 : len < 0x10000 ? 2 : 4;
	out[0] = (uint8_t)(0x57 + (n == 4 ? 3 : n));
	for (size_t i = 0; i < n; i++)
		out[1 + i] = (uint8_t)(len >> (8 * (n - 1 - i)));
	return 1 + n;
}

static struct csn_buf *
pair(const struct csn_host *host, struct csn_bytes key, struct csn_bytes value)
{
	size_t room = 11 + key.len + value.len, n = 0;
	uint8_t *bytes = malloc(room);

	if (bytes == NULL)
		return NULL;
	bytes[n++] = 0x82;
	n += head(bytes + n, key.len);
	if (key.len != 0)
		memcpy(bytes + n, key.ptr, key.len);
	n += key.len;
	n += head(bytes + n, value.len);
	if (value.len != 0)
		memcpy(bytes + n, value.ptr, value.len);
	n += value.len;

	struct csn_buf *buf = host->buf_new(bytes, n, CSN_BUF_SECRET);
	csn_wipe(bytes, room);
	free(bytes);
	return buf;
}

static void
run_read(struct sqlite_store *store, struct sqlite_job *job)
{
	const struct csn_host *host = store->host;
	const struct csn_store_item *item = job->items;
	struct csn_bytes key = { NULL, 0 }, value = { NULL, 0 };
	struct csn_buf *buf = NULL;
	uint64_t count = 0;
	uint8_t wide[8];
	int r;

	switch (job->kind) {
	case JOB_GET:
		r = sqlite_db_get(&store->db, item->space, item->key, &value);
		break;
	case JOB_NEXT:
		r = sqlite_db_next(&store->db, item->space, item->key, &key, &value);
		break;
	case JOB_ENTRY:
		r = sqlite_db_entry(&store->db, job->index, &value);
		break;
	default:
		r = sqlite_db_count(&store->db, &count);
		for (size_t i = 0; i < 8; i++)
			wide[i] = (uint8_t)(count >> (56 - 8 * i));
		value = CSN_BYTES_OF(wide);
	}
	if (r == CSN_OK) {
		buf = job->kind == JOB_NEXT
			      ? pair(host, key, value)
			      : host->buf_new(value.ptr, value.len, CSN_BUF_SECRET);
		if (buf == NULL)
			r = CSN_E_NOMEM;
	}
	sqlite_db_rest(&store->db);
	job_end(store, job, r, r == CSN_E_MISSING ? NULL : store->db.reason, buf);
}

static void arm(struct sqlite_store *store, uint64_t delay_ns);

/* True: begun.  Else the waiting job was answered, or is tried again soon. */
static bool
begin(struct sqlite_store *store)
{
	uint64_t now = store->host->now(store->host);
	int r = sqlite_db_begin(&store->db);

	if (r == CSN_E_BUSY) {
		if (store->busy_since_ns == 0)
			store->busy_since_ns = now;
		if (now - store->busy_since_ns < (uint64_t)store->busy_ms * 1000000u) {
			arm(store, 5000000u);
			return false;
		}
	}
	store->busy_since_ns = 0;
	if (r == CSN_OK)
		return true;
	job_end(store, pop(store), r, store->db.reason, NULL);
	return false;
}

/*
 * The commits at the head of the queue, in one transaction; each is whole or not there.
 */
static void
run_commits(struct sqlite_store *store)
{
	struct sqlite_job *done = NULL, **tail = &done;
	size_t count = 0;
	int r = CSN_OK;

	if (!begin(store))
		return;
	while (store->first != NULL && store->first->kind == JOB_COMMIT &&
	       count < SQLITE_GROUP_MAX && r == CSN_OK) {
		struct sqlite_job *job = pop(store);

		job->next = NULL;
		*tail = job;
		tail = &job->next;
		count++;
		job->result = sqlite_db_apply(&store->db, job->items, job->count);
		memcpy(job->reason, store->db.reason, sizeof job->reason);
		/* Anything but a no to this one commit ends the whole transaction. */
		if (job->result != CSN_OK && job->result != CSN_E_REFUSED &&
		    job->result != CSN_E_BUSY)
			r = job->result;
	}
	if (r == CSN_OK)
		r = sqlite_db_end(&store->db);
	char reason[sizeof store->db.reason];
	memcpy(reason, store->db.reason, sizeof reason);
	if (r < 0)
		sqlite_db_back(&store->db);
	while (done != NULL) {
		struct sqlite_job *job = done;
		bool own = job->result == CSN_E_REFUSED || job->result == CSN_E_BUSY;

		done = job->next;
		if (own || r == CSN_OK)
			job_end(store, job, job->result, job->reason, NULL);
		else
			job_end(store, job, r, reason, NULL);
	}
}

static void
on_timer(void *arg)
{
	struct sqlite_store *store = arg;

	store->timer = NULL;
	if (store->first == NULL)
		return;
	if (store->first->kind == JOB_COMMIT)
		run_commits(store);
	else
		run_read(store, pop(store));
	if (store->first != NULL)
		arm(store, 0);
}

static void
arm(struct sqlite_store *store, uint64_t delay_ns)
{
	if (store->timer == NULL)
		store->timer = store->host->timer_add(
			store->host, store->host->now(store->host) + delay_ns, on_timer,
			store);
}

/* Bounds first: what the database never sees cannot hurt it. */
static int
check(const struct csn_store_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct csn_store_item *item = &items[i];

		if (item->kind < CSN_ITEM_PUT || item->kind > CSN_ITEM_AUDIT)
			return CSN_E_UNSUPPORTED;
		if (item->kind != CSN_ITEM_AUDIT &&
		    (item->space == NULL || item->space[0] == '\0' ||
		     strnlen(item->space, SQLITE_SPACE_MAX + 1) > SQLITE_SPACE_MAX))
			return CSN_E_INVALID;
		if (item->key.len > SQLITE_KEY_MAX ||
		    item->value.len > SQLITE_VALUE_MAX)
			return CSN_E_TOO_BIG;
		if ((item->key.ptr == NULL && item->key.len != 0) ||
		    (item->value.ptr == NULL && item->value.len != 0))
			return CSN_E_INVALID;
	}
	return CSN_OK;
}

static const uint8_t *
keep(uint8_t **at, const void *from, size_t len)
{
	uint8_t *here = *at;

	if (from == NULL)
		return NULL;
	if (len != 0)
		memcpy(here, from, len);
	*at += len;
	return here;
}

static int
push(struct sqlite_store *store, struct csn_op *op, enum job_kind kind,
     const struct csn_store_item *items, size_t count, uint64_t index)
{
	size_t need = 1;
	int r = check(items, count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		need += items[i].key.len + items[i].value.len +
			(items[i].space != NULL ? strlen(items[i].space) + 1 : 0);
	struct sqlite_job *job = calloc(1, sizeof *job + count * sizeof *items);
	uint8_t *at = malloc(need);
	if (job == NULL || at == NULL) {
		free(job);
		free(at);
		return CSN_E_NOMEM;
	}
	job->block = at;
	job->block_len = need;
	job->op = op;
	job->kind = kind;
	job->index = index;
	job->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct csn_store_item *from = &items[i];
		struct csn_store_item *to = &job->items[i];

		*to = *from;
		if (from->space != NULL)
			to->space = (const char *)keep(&at, from->space,
						       strlen(from->space) + 1);
		to->key.ptr = keep(&at, from->key.ptr, from->key.len);
		to->value.ptr = keep(&at, from->value.ptr, from->value.len);
	}
	bool first = store->first == NULL;
	*store->tail = job;
	store->tail = &job->next;
	if (!first)
		return CSN_OK;
	arm(store, 0);
	if (store->timer != NULL)
		return CSN_OK;
	job_free(pop(store));
	return CSN_E_NOMEM;
}

static int
sqlite_commit(void *self, struct csn_op *op, const struct csn_store_item *items,
	      size_t count)
{
	if (count == 0 || items == NULL)
		return CSN_E_INVALID;
	if (count > SQLITE_ITEMS_MAX)
		return CSN_E_TOO_BIG;
	return push(self, op, JOB_COMMIT, items, count, 0);
}

static int
sqlite_get(void *self, struct csn_op *op, const char *space, struct csn_bytes key)
{
	struct csn_store_item item = { .kind = CSN_ITEM_PUT,
				       .space = space,
				       .key = key };

	return push(self, op, JOB_GET, &item, 1, 0);
}

static int
sqlite_next(void *self, struct csn_op *op, const char *space, struct csn_bytes after)
{
	struct csn_store_item item = { .kind = CSN_ITEM_PUT,
				       .space = space,
				       .key = after };

	return push(self, op, JOB_NEXT, &item, 1, 0);
}

static int
sqlite_entry(void *self, struct csn_op *op, uint64_t index)
{
	return push(self, op, JOB_ENTRY, NULL, 0, index);
}

static int
sqlite_count(void *self, struct csn_op *op)
{
	return push(self, op, JOB_COUNT, NULL, 0, 0);
}

/* What waits in the queue has not begun: it is taken out, nothing was written. */
static void
sqlite_cancel(void *self, struct csn_op *op)
{
	struct sqlite_store *store = self;

	for (struct sqlite_job **at = &store->first; *at != NULL; at = &(*at)->next) {
		struct sqlite_job *job = *at;

		if (job->op != op)
			continue;
		*at = job->next;
		if (*at == NULL)
			store->tail = at;
		job_end(store, job, CSN_E_CANCELLED, NULL, NULL);
		return;
	}
}

const struct csn_store_ops sqlite_store_ops = {
	.size = sizeof sqlite_store_ops,
	.commit = sqlite_commit,
	.get = sqlite_get,
	.next = sqlite_next,
	.entry = sqlite_entry,
	.count = sqlite_count,
	.cancel = sqlite_cancel,
};

int
sqlite_create(const struct csn_host *host, const struct csn_config *config,
	      void **ret_self, struct csn_error *err)
{
	struct sqlite_store *store = calloc(1, sizeof *store);
	if (store == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a store");

	store->host = host;
	store->tail = &store->first;
	int r = host->bind(config, &sqlite_store, store, err);
	if (r < 0)
		goto fail;
	r = sqlite_db_open(&store->db, store->path);
	if (r < 0) {
		host->fail(err, r, "%s", store->db.reason);
		goto fail;
	}
	*ret_self = store;
	return CSN_OK;

fail:
	sqlite_destroy(store);
	return r;
}

void
sqlite_destroy(void *self)
{
	struct sqlite_store *store = self;

	if (store == NULL)
		return;
	if (store->timer != NULL)
		store->host->timer_drop(store->timer);
	while (store->first != NULL)
		job_free(pop(store));
	sqlite_db_close(&store->db);
	free(store);
}
