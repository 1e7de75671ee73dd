/*
 * The vector runner: a table of runners, each for the files whose path within the
 * folder matches its pattern.  A new kind of file is one source file and one row in
 * vectors.c.
 *
 * A runner reports every row once, by vec_row().  A row it leaves out on purpose is
 * vec_skip() with the reason: printed, and counted neither as passed nor in the total.
 */
#ifndef CSN_TESTS_VECTORS_H
#define CSN_TESTS_VECTORS_H

#include <stdbool.h>

#include <jansson.h>

#include <countersign/types.h>

/* One file being run. */
struct vec {
	const char *dir;  /* the folder on the command line                     */
	const char *path; /* of the file, relative to it                        */
	unsigned    passed, total, skipped;
	unsigned    false_accepts; /* by vec_verdict()                          */
};

struct vec_runner {
	const char *pattern; /* fnmatch() over the path; first match wins        */
	/* @root is NULL when the file is not JSON or @raw is set. */
	void (*run)(struct vec *v, const json_t *root);
	bool raw; /* the runner opens the file itself                            */
	/* Set: files of the pattern are left alone, for this reason. */
	const char *skip;
};

/* Reports a row; a failing one is named on stderr with the text. */
__attribute__((format(printf, 3, 4))) bool vec_row(struct vec *v, bool pass,
                                                   const char *fmt, ...);
/*
 * Reports a row about something to be accepted or refused.  A deviation is named with
 * @reason, and a false accept is counted apart; CSN_VECTORS_REASONS in the environment
 * prints the reason of every row.
 */
bool vec_verdict(struct vec *v, const char *name, bool want, bool accepted,
                 const char *reason);
/*
 * What the manifest.json over the file expects of it, in its upstream's words; NULL when
 * no manifest names it.
 */
const char *vec_expect(const struct vec *v);
/* Does an expectation, or a name when there is none, want the file refused? */
bool vec_wants_reject(const struct vec *v);
/* Leaves a row out, and says why. */
__attribute__((format(printf, 2, 3))) void vec_skip(struct vec *v, const char *fmt, ...);

/*
 * The hex (lower or upper case) at @object[@key] as bytes; empty when it is null, not
 * there or not hex.  Memory belongs to the runner's pool and lives until the program
 * ends.
 */
struct csn_bytes vec_hex(const json_t *object, const char *key);
struct csn_bytes vec_unhex(const char *hex);
/* A string or integer member, with a fallback. */
const char *vec_str(const json_t *object, const char *key, const char *fallback);
long long   vec_int(const json_t *object, const char *key, long long fallback);
/* Memory of the pool. */
void *vec_alloc(size_t len);
/* The whole file at dir/path. */
struct csn_bytes vec_file(const struct vec *v);
/* A file at a path of the caller's; empty when it cannot be read. */
struct csn_bytes vec_read(const char *path);
/* "DIR/path" of the file, and of its folder. */
const char *vec_full(const struct vec *v);
const char *vec_folder(const struct vec *v);
struct csn_bytes vec_unbase64(const char *text, size_t len);
/* A public key in a PEM file, public or private, or a JSON web key; the caller's. */
struct csn_pubkey;
bool vec_public_key(const char *path, struct csn_pubkey *ret_key);
bool vec_same(struct csn_bytes a, struct csn_bytes b);

#endif
