/*
 * What touches the file.  One idea rules: after an I/O error nobody can know what is
 * on the disk, so the instance never writes again and says the first reason for ever.
 */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x43534e31
#define SCHEMA_VERSION 1
#define WAL_PAGES      1000

static const char schema[] =
	"CREATE TABLE item (space TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT "
	"NULL,"
	" PRIMARY KEY (space, key)) WITHOUT ROWID;"
	"CREATE TABLE claim (space TEXT NOT NULL, key BLOB NOT NULL,"
	" PRIMARY KEY (space, key)) WITHOUT ROWID;"
	"CREATE TABLE audit (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL);";

static const char settings[] =
	"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
	"PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;"
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	"PRAGMA wal_autocheckpoint = 0;";

static const char *const texts[SQLITE_QUERY_COUNT] = {
	[SQLITE_BEGIN] = "BEGIN IMMEDIATE",
	[SQLITE_END] = "COMMIT",
	[SQLITE_BACK] = "ROLLBACK",
	[SQLITE_MARK] = "SAVEPOINT one",
	[SQLITE_MARK_KEEP] = "RELEASE one",
	[SQLITE_MARK_BACK] = "ROLLBACK TO one",
	[SQLITE_PUT] = "INSERT INTO item (space, key, value) VALUES (?1, ?2, ?3)"
		       " ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
	[SQLITE_DROP] = "DELETE FROM item WHERE space = ?1 AND key = ?2",
	[SQLITE_TAKE] = "INSERT INTO claim (space, key) VALUES (?1, ?2)"
			" ON CONFLICT DO NOTHING",
	[SQLITE_APPEND] = "INSERT INTO audit (idx, entry)"
			  " SELECT COALESCE(MAX(idx) + 1, 0), ?1 FROM audit",
	[SQLITE_GET] = "SELECT value FROM item WHERE space = ?1 AND key = ?2",
	[SQLITE_NEXT] = "SELECT key, value FROM item WHERE space = ?1 AND key > ?2"
			" ORDER BY key LIMIT 1",
	[SQLITE_ENTRY] = "SELECT entry FROM audit WHERE idx = ?1",
	[SQLITE_COUNT] = "SELECT COALESCE(MAX(idx) + 1, 0) FROM audit",
};

/* Which of ours an SQLite error is, whether it is final, and what helps. */
static const struct {
	int code, result;
	bool final;
	const char *help;
} failures[] = {
	{ SQLITE_FULL, CSN_E_IO, false,
	  "the disk is full: nothing was changed; free some space and try again" },
	{ SQLITE_NOMEM, CSN_E_NOMEM, false, "out of memory: nothing was changed" },
	{ SQLITE_BUSY, CSN_E_BUSY, false, "another process is writing to it" },
	{ SQLITE_LOCKED, CSN_E_BUSY, false, "another process is writing to it" },
	{ SQLITE_READONLY, CSN_E_IO, false,
	  "it cannot be written: check owner and mount" },
	{ SQLITE_IOERR, CSN_E_IO, true, "the disk failed; check it, then start again" },
	{ SQLITE_CORRUPT, CSN_E_IO, true,
	  "the file is damaged; restore it from a copy" },
	{ SQLITE_NOTADB, CSN_E_IO, true, "it is not a database; move it away" },
	{ SQLITE_CANTOPEN, CSN_E_IO, true,
	  "it cannot be opened; check the folder and its rights" },
};

static int
failed(struct sqlite_db *db, const char *doing, int rc)
{
	int system = db->handle != NULL ? sqlite3_system_errno(db->handle) : errno;
	const char *help = "start again";
	bool final = true;
	int result = CSN_E_INTERNAL;

	if (db->broken) /* the first reason stays                             */
		return CSN_E_IO;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
		if ((rc & 0xff) == failures[i].code) {
			help = failures[i].help;
			final = failures[i].final;
			result = failures[i].result;
		}
	db->broken = final;
	snprintf(db->reason, sizeof db->reason, "store %.128s: %s: %s%s%s%s; %s",
		 db->path, doing, sqlite3_errstr(rc), system != 0 ? " (" : "",
		 system != 0 ? strerror(system) : "", system != 0 ? ")" : "", help);
	return final ? CSN_E_IO : result;
}

static int
complain(struct sqlite_db *db, int result, const char *text)
{
	snprintf(db->reason, sizeof db->reason, "store %.128s: %s", db->path, text);
	return result;
}

/* Makes the file ourselves: SQLite would go by the umask. */
static int
file_ready(struct sqlite_db *db)
{
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		      0600);
	struct stat st;
	char text[160];
	int r = CSN_OK;

	if (fd < 0) {
		snprintf(text, sizeof text,
			 "cannot open it: %s; check that its folder is there",
			 strerror(errno));
		return complain(db, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, text);
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = complain(db, CSN_E_CONFIG, "it is not a regular file");
	else if ((st.st_mode & 077) != 0) {
		snprintf(text, sizeof text,
			 "others may use it (mode %03o, wanted 600);"
			 " try: chmod 600",
			 (unsigned)(st.st_mode & 0777));
		r = complain(db, CSN_E_CONFIG, text);
	}
	close(fd);
	return r;
}

static int
pragma_int(struct sqlite_db *db, const char *sql, int *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? CSN_OK : failed(db, "reading its version", rc);
}

/* A fresh file gets the schema; another program's or version's is left alone. */
static int
schema_ready(struct sqlite_db *db)
{
	int id = 0, version = 0, tables = 0;
	char text[128];
	int r = pragma_int(db, "PRAGMA application_id", &id);

	if (r == CSN_OK)
		r = pragma_int(db, "PRAGMA user_version", &version);
	if (r == CSN_OK)
		r = pragma_int(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (r < 0)
		return r;
	if (id == APPLICATION_ID && version == SCHEMA_VERSION)
		return CSN_OK;
	if (id == APPLICATION_ID) {
		snprintf(text, sizeof text, "schema version %d, this program knows %d",
			 version, SCHEMA_VERSION);
		return complain(db, CSN_E_UNSUPPORTED, text);
	}
	if (id != 0 || tables != 0)
		return complain(db, CSN_E_CONFIG, "it belongs to another program");

	char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d;"
				    " PRAGMA user_version = %d; COMMIT;",
				    schema, APPLICATION_ID, SCHEMA_VERSION);
	if (sql == NULL)
		return complain(db, CSN_E_NOMEM, "out of memory");
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	return rc == SQLITE_OK ? CSN_OK : failed(db, "making its tables", rc);
}

static int
on_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
	(void)handle;
	(void)name;
	((struct sqlite_db *)arg)->wal_pages = pages;
	return SQLITE_OK;
}

int
sqlite_db_open(struct sqlite_db *db, const char *path)
{
	db->path = path;
	int r = file_ready(db);
	if (r < 0)
		return r;

	int rc =
		sqlite3_open_v2(path, &db->handle,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
					SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW,
				NULL);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(db->handle, 1);
		sqlite3_busy_timeout(db->handle, 1000); /* only while opening  */
		rc = sqlite3_exec(db->handle, settings, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK)
		return failed(db, "opening", rc);
	r = schema_ready(db);
	if (r < 0)
		return r;
	for (size_t i = 0; i < SQLITE_QUERY_COUNT; i++) {
		rc = sqlite3_prepare_v3(db->handle, texts[i], -1,
					SQLITE_PREPARE_PERSISTENT, &db->query[i], NULL);
		if (rc != SQLITE_OK)
			return failed(db, "preparing", rc);
	}
	sqlite3_wal_hook(db->handle, on_wal, db);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(db->handle, 0); /* the queue waits, not the loop */
	return CSN_OK;
}

void
sqlite_db_close(struct sqlite_db *db)
{
	for (size_t i = 0; i < SQLITE_QUERY_COUNT; i++)
		sqlite3_finalize(db->query[i]);
	sqlite3_close(db->handle);
	memset(db->query, 0, sizeof db->query);
	db->handle = NULL;
}

static int
run(struct sqlite_db *db, enum sqlite_query which, const char *doing)
{
	sqlite3_stmt *stmt = db->query[which];
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE ? CSN_OK : failed(db, doing, rc);
}

/* An empty value is a blob of no bytes, not NULL. */
static int
bind_blob(struct sqlite_db *db, sqlite3_stmt *stmt, int at, struct csn_bytes bytes)
{
	int rc = bytes.len == 0 ? sqlite3_bind_zeroblob(stmt, at, 0)
				: sqlite3_bind_blob(stmt, at, bytes.ptr, (int)bytes.len,
						    SQLITE_STATIC);

	return rc == SQLITE_OK ? CSN_OK : failed(db, "binding", rc);
}

static int
bind_row(struct sqlite_db *db, enum sqlite_query which, const char *space,
	 struct csn_bytes key)
{
	sqlite3_stmt *stmt = db->query[which];
	int rc = sqlite3_bind_text(stmt, 1, space, -1, SQLITE_STATIC);

	if (rc != SQLITE_OK)
		return failed(db, "binding", rc);
	return bind_blob(db, stmt, 2, key);
}

int
sqlite_db_begin(struct sqlite_db *db)
{
	if (db->broken)
		return CSN_E_IO;
	return run(db, SQLITE_BEGIN, "beginning");
}

void
sqlite_db_back(struct sqlite_db *db)
{
	if (sqlite3_get_autocommit(db->handle) == 0)
		run(db, SQLITE_BACK, "rolling back");
}

static int
apply_expect(struct sqlite_db *db, const struct csn_store_item *item)
{
	struct csn_bytes held = { NULL, 0 };
	int r = sqlite_db_get(db, item->space, item->key, &held);
	bool absent = item->value.ptr == NULL && item->value.len == 0;
	bool same = r == CSN_OK && !absent && held.len == item->value.len &&
		    (held.len == 0 || memcmp(held.ptr, item->value.ptr, held.len) == 0);

	sqlite_db_rest(db);
	if (r != CSN_OK && r != CSN_E_MISSING)
		return r;
	if (absent ? r == CSN_E_MISSING : same)
		return CSN_OK;
	return complain(db, CSN_E_BUSY, "a value changed since it was read");
}

static int
apply_one(struct sqlite_db *db, const struct csn_store_item *item)
{
	static const enum sqlite_query query_of[] = {
		[CSN_ITEM_PUT] = SQLITE_PUT,
		[CSN_ITEM_DELETE] = SQLITE_DROP,
		[CSN_ITEM_CLAIM] = SQLITE_TAKE,
		[CSN_ITEM_AUDIT] = SQLITE_APPEND,
	};
	int r;

	if (item->kind == CSN_ITEM_EXPECT)
		return apply_expect(db, item);
	enum sqlite_query which = query_of[item->kind];
	if (item->kind == CSN_ITEM_AUDIT)
		r = bind_blob(db, db->query[which], 1, item->value);
	else
		r = bind_row(db, which, item->space, item->key);
	if (r == CSN_OK && item->kind == CSN_ITEM_PUT)
		r = bind_blob(db, db->query[which], 3, item->value);
	if (r == CSN_OK)
		r = run(db, which, "writing");
	if (r == CSN_OK && item->kind == CSN_ITEM_CLAIM &&
	    sqlite3_changes(db->handle) != 1)
		return complain(db, CSN_E_REFUSED, "claimed before");
	return r;
}

int
sqlite_db_apply(struct sqlite_db *db, const struct csn_store_item *items, size_t count)
{
	int r = run(db, SQLITE_MARK, "marking");

	for (size_t i = 0; r == CSN_OK && i < count; i++)
		r = apply_one(db, &items[i]);
	if (r == CSN_OK)
		return run(db, SQLITE_MARK_KEEP, "keeping");
	if (!db->broken && sqlite3_get_autocommit(db->handle) == 0) {
		char kept[sizeof db->reason];

		memcpy(kept, db->reason, sizeof kept);
		if (run(db, SQLITE_MARK_BACK, "undoing") < 0 ||
		    run(db, SQLITE_MARK_KEEP, "undoing") < 0)
			return CSN_E_IO;
		memcpy(db->reason, kept, sizeof kept);
	}
	return r;
}

int
sqlite_db_end(struct sqlite_db *db)
{
	int r = run(db, SQLITE_END, "committing");

	if (r < 0 || db->wal_pages < WAL_PAGES)
		return r;
	/*
	 * What was committed is safe in the log already; a disk that fails here only
	 * ends what comes next.
	 */
	int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
					   NULL, NULL);
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		failed(db, "moving the log into the file", rc);
	return CSN_OK;
}

static int
read_row(struct sqlite_db *db, enum sqlite_query which)
{
	int rc = sqlite3_step(db->query[which]);

	if (rc == SQLITE_ROW)
		return CSN_OK;
	return rc == SQLITE_DONE ? CSN_E_MISSING : failed(db, "reading", rc);
}

static struct csn_bytes
column(struct sqlite_db *db, enum sqlite_query which, int at)
{
	sqlite3_stmt *stmt = db->query[which];
	const void *ptr = sqlite3_column_blob(stmt, at);

	return (struct csn_bytes){ ptr, (size_t)sqlite3_column_bytes(stmt, at) };
}

int
sqlite_db_get(struct sqlite_db *db, const char *space, struct csn_bytes key,
	      struct csn_bytes *ret_value)
{
	int r = bind_row(db, SQLITE_GET, space, key);

	if (r == CSN_OK)
		r = read_row(db, SQLITE_GET);
	if (r == CSN_OK)
		*ret_value = column(db, SQLITE_GET, 0);
	return r;
}

int
sqlite_db_next(struct sqlite_db *db, const char *space, struct csn_bytes after,
	       struct csn_bytes *ret_key, struct csn_bytes *ret_value)
{
	int r = bind_row(db, SQLITE_NEXT, space, after);

	if (r == CSN_OK)
		r = read_row(db, SQLITE_NEXT);
	if (r < 0)
		return r;
	*ret_key = column(db, SQLITE_NEXT, 0);
	*ret_value = column(db, SQLITE_NEXT, 1);
	return CSN_OK;
}

int
sqlite_db_entry(struct sqlite_db *db, uint64_t index, struct csn_bytes *ret_entry)
{
	if (index > INT64_MAX)
		return CSN_E_MISSING;
	sqlite3_bind_int64(db->query[SQLITE_ENTRY], 1, (sqlite3_int64)index);
	int r = read_row(db, SQLITE_ENTRY);
	if (r == CSN_OK)
		*ret_entry = column(db, SQLITE_ENTRY, 0);
	return r;
}

int
sqlite_db_count(struct sqlite_db *db, uint64_t *ret_count)
{
	int r = read_row(db, SQLITE_COUNT);

	if (r == CSN_OK)
		*ret_count = (uint64_t)sqlite3_column_int64(db->query[SQLITE_COUNT], 0);
	return r;
}

void
sqlite_db_rest(struct sqlite_db *db)
{
	for (int i = SQLITE_GET; i < SQLITE_QUERY_COUNT; i++) {
		sqlite3_reset(db->query[i]);
		sqlite3_clear_bindings(db->query[i]);
	}
}
