/* The database behind store/sqlite: synchronous, knows no op and no queue. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/store.h>

#include <sqlite3.h>
#include <stdbool.h>

#define SQLITE_SPACE_MAX 64u
#define SQLITE_KEY_MAX   1024u
#define SQLITE_VALUE_MAX (4u << 20)
#define SQLITE_ITEMS_MAX 64u
#define SQLITE_GROUP_MAX 256u /* commits that share one transaction           */

enum sqlite_query { /* prepared once                                          */
		    SQLITE_BEGIN,
		    SQLITE_END,
		    SQLITE_BACK,
		    SQLITE_MARK,
		    SQLITE_MARK_KEEP,
		    SQLITE_MARK_BACK,
		    SQLITE_PUT,
		    SQLITE_DROP,
		    SQLITE_TAKE,
		    SQLITE_APPEND,
		    SQLITE_GET,
		    SQLITE_NEXT,
		    SQLITE_ENTRY,
		    SQLITE_COUNT,
		    SQLITE_QUERY_COUNT
};

struct sqlite_db {
	sqlite3 *handle;
	sqlite3_stmt *query[SQLITE_QUERY_COUNT];
	const char *path;
	int wal_pages;
	bool broken;      /* final: the reason is kept               */
	char reason[320]; /* of the last failure                     */
};

/* Opens or makes the file at @path (kept); the reason of a failure is in @db. */
int sqlite_db_open(struct sqlite_db *db, const char *path);
void sqlite_db_close(struct sqlite_db *db);

/*
 * One durable transaction around several commits: begin, apply each (its own result
 * says what became of it), end.  CSN_E_BUSY from begin: another process is writing.
 */
int sqlite_db_begin(struct sqlite_db *db);
int sqlite_db_apply(struct sqlite_db *db, const struct csn_store_item *items,
		    size_t count);
int sqlite_db_end(struct sqlite_db *db);
void sqlite_db_back(struct sqlite_db *db);

/* The row is borrowed until the next call; CSN_E_MISSING when there is none. */
int sqlite_db_get(struct sqlite_db *db, const char *space, struct csn_bytes key,
		  struct csn_bytes *ret_value);
int sqlite_db_next(struct sqlite_db *db, const char *space, struct csn_bytes after,
		   struct csn_bytes *ret_key, struct csn_bytes *ret_value);
int sqlite_db_entry(struct sqlite_db *db, uint64_t index, struct csn_bytes *ret_entry);
int sqlite_db_count(struct sqlite_db *db, uint64_t *ret_count);
/* Ends the read begun by one of the four above. */
void sqlite_db_rest(struct sqlite_db *db);

extern const struct csn_store_ops sqlite_store_ops;
extern const struct csn_component sqlite_store;
int sqlite_create(const struct csn_host *host, const struct csn_config *config,
		  void **ret_self, struct csn_error *err);
void sqlite_destroy(void *self);

struct sqlite_job;

struct sqlite_store {
	const struct csn_host *host;
	char *path;
	uint32_t busy_ms;
	struct sqlite_db db;
	struct sqlite_job *first, **tail;
	struct csn_timer *timer;
	uint64_t busy_since_ns; /* 0: not waiting for a writer  */
};

#endif
