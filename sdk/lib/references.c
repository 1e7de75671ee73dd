#include "lib/references.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define PEM_FILE_MAX 65536
#define VENDORS_MAX  32

struct text {
	char  *why;
	size_t len;
};

__attribute__((format(printf, 3, 4))) static int
fail(const struct text *text, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text->why, text->len, fmt, args);
	va_end(args);
	return code;
}

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), e = strlen(end);

	return n > e && strcmp(name + n - e, end) == 0;
}

/* A regular file of at most @max bytes, with a zero behind it; the caller's to free. */
static int
read_file(const char *path, size_t max, uint8_t **ret_bytes, size_t *ret_len,
          const struct text *text)
{
	FILE       *file = fopen(path, "rbe");
	struct stat st;
	int         r = CSN_E_IO;
	uint8_t    *bytes = NULL;

	if (file == NULL || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode)) {
		r = fail(text, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
		         "%s cannot be read", path);
		goto done;
	}
	if (st.st_size < 0 || (uintmax_t)st.st_size > max) {
		r = fail(text, CSN_E_TOO_BIG, "%s is larger than %zu bytes", path, max);
		goto done;
	}
	bytes = calloc(1, (size_t)st.st_size + 1);
	if (bytes == NULL) {
		r = fail(text, CSN_E_NOMEM, "no memory for %s", path);
		goto done;
	}
	if (fread(bytes, 1, (size_t)st.st_size, file) != (size_t)st.st_size) {
		r = fail(text, CSN_E_IO, "%s cannot be read", path);
		goto done;
	}
	*ret_bytes = bytes;
	*ret_len = (size_t)st.st_size;
	bytes = NULL;
	r = CSN_OK;
done:
	free(bytes);
	if (file != NULL)
		fclose(file);
	return r;
}

/* Names of a folder in order; @ret_list is the caller's to free. */
static int
list_folder(const char *path, struct dirent ***ret_list, const struct text *text)
{
	int n = scandir(path, ret_list, NULL, alphasort);

	return n >= 0 ? n : fail(text, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
	                         "%s cannot be listed", path);
}

static void
free_list(struct dirent **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

/* One block; false when the file holds no further one. */
static bool
next_key(BIO *bio, struct csn_pubkeys *keys, const char *path, const struct text *text,
         int *ret_code)
{
	char          *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	const char    *why = "no public key";
	long           len = 0;

	if (PEM_read_bio(bio, &label, &header, &der, &len) != 1) {
		ERR_clear_error();
		return false;
	}
	bool public = strcmp(label, PEM_STRING_PUBLIC) == 0;
	OPENSSL_free(label);
	OPENSSL_free(header);
	if (keys->count == CSN_PUBKEYS_MAX)
		*ret_code = fail(text, CSN_E_TOO_BIG, "%s: more than %d keys", path,
		                 CSN_PUBKEYS_MAX);
	else if (!public || csn_pubkey_from_spki((struct csn_bytes){ der, (size_t)len },
	                                         &keys->keys[keys->count], &why) < 0)
		*ret_code = fail(text, CSN_E_CONFIG, "%s: %s", path, why);
	else
		keys->count++;
	OPENSSL_free(der);
	return *ret_code == CSN_OK;
}

static int
add_keys(const char *path, struct csn_pubkeys *keys, const struct text *text)
{
	uint8_t *bytes = NULL;
	size_t   len = 0, before = keys->count;
	int      r = read_file(path, PEM_FILE_MAX, &bytes, &len, text);

	if (r < 0)
		return r;
	BIO *bio = BIO_new_mem_buf(bytes, (int)len);
	while (bio != NULL && next_key(bio, keys, path, text, &r))
		;
	BIO_free(bio);
	free(bytes);
	if (r == CSN_OK && keys->count == before)
		r = fail(text, CSN_E_CONFIG, "%s holds no public key", path);
	return r;
}

static int
add_folder_keys(const char *path, struct csn_pubkeys *keys, const struct text *text)
{
	struct dirent **list;
	char            file[4400];
	int             n = list_folder(path, &list, text), r = n < 0 ? n : CSN_OK;

	for (int i = 0; r == CSN_OK && i < n; i++) {
		if (list[i]->d_name[0] == '.' || !ends_in(list[i]->d_name, ".pem"))
			continue;
		snprintf(file, sizeof file, "%s/%s", path, list[i]->d_name);
		r = add_keys(file, keys, text);
	}
	if (n >= 0)
		free_list(list, n);
	return r;
}

int
csn_pubkeys_load(const char *path, struct csn_pubkeys *ret_keys, char *why, size_t why_len)
{
	struct text text = { why, why_len };
	struct stat st;
	int         r;

	*ret_keys = (struct csn_pubkeys){ .count = 0 };
	if (stat(path, &st) < 0)
		return fail(&text, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
		            "%s cannot be read", path);
	r = S_ISDIR(st.st_mode) ? add_folder_keys(path, ret_keys, &text) :
	                          add_keys(path, ret_keys, &text);
	if (r < 0)
		csn_pubkeys_done(ret_keys);
	return r;
}

void
csn_pubkeys_done(struct csn_pubkeys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		csn_pubkey_done(&keys->keys[i]);
	keys->count = 0;
}

/* The vendors an authority may speak of: lines of a file; none: any. */
struct vendors {
	uint8_t *bytes;
	char    *names[VENDORS_MAX];
	size_t   count;
	bool     any;
};

static int
read_vendors(const char *folder, struct vendors *v, const struct text *text)
{
	char   path[4500], *save = NULL;
	size_t len = 0;

	*v = (struct vendors){ .any = true };
	snprintf(path, sizeof path, "%s/vendors", folder);
	int r = read_file(path, PEM_FILE_MAX, &v->bytes, &len, text);
	if (r == CSN_E_MISSING)
		return CSN_OK;
	if (r < 0)
		return r;
	v->any = false;
	for (char *line = strtok_r((char *)v->bytes, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (v->count == VENDORS_MAX)
			return fail(text, CSN_E_TOO_BIG, "%s: more than %d vendors", path,
			            VENDORS_MAX);
		v->names[v->count++] = line;
	}
	return CSN_OK;
}

static bool
may_speak(const struct vendors *v, const struct csn_corim *corim)
{
	for (size_t t = 0; !v->any && t < corim->count; t++) {
		struct csn_bytes vendor = corim->triples[t].env.vendor;
		size_t           i = 0;
		while (i < v->count && (strlen(v->names[i]) != vendor.len ||
		                        memcmp(v->names[i], vendor.ptr, vendor.len) != 0))
			i++;
		if (i == v->count)
			return false;
	}
	return true;
}

static int
add_corim(const char *path, const struct csn_pubkeys *keys, const struct vendors *vendors,
          bool unsigned_ok, struct csn_references *refs, const struct text *text)
{
	struct csn_corim_policy policy = { .keys = keys->keys, .key_count = keys->count,
		                           .unsigned_ok = unsigned_ok, .any_time = true };
	struct csn_corim *corims;
	uint8_t         **files;
	const char       *why = "no memory";
	size_t            len = 0;
	bool              known;

	if (refs->count == CSN_REFERENCES_MAX)
		return fail(text, CSN_E_TOO_BIG, "more than %d CoRIMs, %s is one too many",
		            CSN_REFERENCES_MAX, path);
	corims = realloc(refs->corims, (refs->count + 1) * sizeof *corims);
	if (corims != NULL)
		refs->corims = corims;
	files = realloc(refs->files, (refs->count + 1) * sizeof *files);
	if (files != NULL)
		refs->files = files;
	if (corims == NULL || files == NULL)
		return fail(text, CSN_E_NOMEM, "no memory for %s", path);
	struct csn_corim *corim = &corims[refs->count];
	int r = read_file(path, CSN_CORIM_BYTES_MAX, &files[refs->count], &len, text);
	if (r < 0)
		return r;
	r = csn_corim_read((struct csn_bytes){ files[refs->count], len }, &policy, corim, &why);
	if (r < 0) {
		free(files[refs->count]);
		return fail(text, r, "%s: %s", path, why);
	}
	refs->count++;
	if (csn_corim_profile(corim, &known, &why) < 0)
		return fail(text, CSN_E_REFUSED, "%s: %s", path, why);
	if (!may_speak(vendors, corim))
		return fail(text, CSN_E_REFUSED, "%s speaks of a vendor that is not its own", path);
	/* The key is the folder's and goes with it. */
	corim->key = (struct csn_pubkey){ 0 };
	return CSN_OK;
}

static int
add_authority(const char *folder, bool unsigned_ok, struct csn_references *refs,
              const struct text *text)
{
	struct csn_pubkeys keys = { .count = 0 };
	struct vendors     vendors = { 0 };
	struct dirent    **list = NULL;
	char               path[4700];
	int                n = list_folder(folder, &list, text), r = n < 0 ? n : CSN_OK;

	if (r == CSN_OK)
		r = add_folder_keys(folder, &keys, text);
	if (r == CSN_OK)
		r = read_vendors(folder, &vendors, text);
	for (int i = 0; r == CSN_OK && i < n; i++) {
		const char *name = list[i]->d_name;
		if (name[0] == '.' || (!ends_in(name, ".cbor") && !ends_in(name, ".corim")))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, name);
		r = add_corim(path, &keys, &vendors, unsigned_ok, refs, text);
	}
	if (n >= 0)
		free_list(list, n);
	free(vendors.bytes);
	csn_pubkeys_done(&keys);
	return r;
}

static int
sum(struct csn_references *refs)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned    len = 0;
	bool        good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < refs->count; i++)
		good = EVP_DigestUpdate(ctx, refs->corims[i].hash, 32) == 1;
	good = good && EVP_DigestFinal_ex(ctx, refs->hash, &len) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? CSN_OK : CSN_E_NOMEM; /* nothing else stops a hash */
}

int
csn_references_load(const char *path, bool unsigned_ok, struct csn_references *ret_refs,
                    char *why, size_t why_len)
{
	struct text     text = { why, why_len };
	struct dirent **list = NULL;
	struct stat     st;
	char            folder[4400];
	int             n, r;

	*ret_refs = (struct csn_references){ 0 };
	n = list_folder(path, &list, &text);
	r = n < 0 ? n : CSN_OK;
	for (int i = 0; r == CSN_OK && i < n; i++) {
		if (list[i]->d_name[0] == '.')
			continue;
		snprintf(folder, sizeof folder, "%s/%s", path, list[i]->d_name);
		if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
			r = add_authority(folder, unsigned_ok, ret_refs, &text);
	}
	if (n >= 0)
		free_list(list, n);
	if (r == CSN_OK && ret_refs->count == 0)
		r = fail(&text, CSN_E_CONFIG, "%s holds no folder with a CoRIM", path);
	if (r == CSN_OK)
		r = sum(ret_refs);
	if (r < 0)
		csn_references_done(ret_refs);
	return r;
}

void
csn_references_done(struct csn_references *refs)
{
	for (size_t i = 0; i < refs->count; i++) {
		csn_corim_done(&refs->corims[i]);
		free(refs->files[i]);
	}
	free(refs->corims);
	free(refs->files);
	*refs = (struct csn_references){ 0 };
}
