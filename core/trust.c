/*
 * Whoever can write a module or put one in its place runs inside us, so this is asked
 * before dlopen.  Nobody but root and ourselves can change what was looked at between
 * the question and the loading: that is what the question is about.
 */
#include "core/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_LEN 64

struct listed {
	struct listed *next;
	char           digest[HEX_LEN + 1];
	char           name[];
};

struct csn_trust_list {
	struct listed *first;
};

void
csn_trust_list_free(struct csn_trust_list *list)
{
	struct listed *next;

	if (list == NULL)
		return;
	for (struct listed *l = list->first; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	free(list);
}

/* "HEX  NAME" or "HEX *NAME"; only the last part of a path counts. */
static int
add_line(struct csn_trust_list *list, char *line)
{
	size_t         hex = strspn(line, "0123456789abcdef");
	const char    *name = line + hex, *slash;
	struct listed *entry;

	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return CSN_OK;
	if (hex != HEX_LEN || *name != ' ' || (name[1] != ' ' && name[1] != '*') ||
	    name[2] == '\0')
		return CSN_E_CONFIG;
	slash = strrchr(name, '/');
	name = slash != NULL ? slash + 1 : name + 2;
	entry = calloc(1, sizeof *entry + strlen(name) + 1);
	if (entry == NULL)
		return CSN_E_NOMEM;
	memcpy(entry->digest, line, HEX_LEN);
	memcpy(entry->name, name, strlen(name));
	entry->next = list->first;
	list->first = entry;
	return CSN_OK;
}

/* Belongs to root or us and to nobody else's pen. */
static int
check_owner(const char *path, const struct stat *st, struct csn_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return csn_fail(err, CSN_E_REFUSED,
		                "%s belongs to user %lu, must be root or user %lu", path,
		                (unsigned long)st->st_uid, (unsigned long)geteuid());
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return csn_fail(err, CSN_E_REFUSED, "%s can be written by %s (mode %04o)", path,
		                st->st_mode & S_IWOTH ? "everyone" : "its group",
		                (unsigned)(st->st_mode & 07777));
	return CSN_OK;
}

int
csn_trust_list_read(const char *path, struct csn_trust_list **ret_list,
                    struct csn_error *err)
{
	struct csn_trust_list *list = calloc(1, sizeof *list);
	FILE                  *file = fopen(path, "re");
	char                   line[4096];
	struct stat            st;
	int                    r = CSN_OK;

	if (list == NULL)
		r = csn_fail(err, CSN_E_NOMEM, "out of memory");
	else if (file == NULL || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode))
		r = csn_fail(err, CSN_E_MISSING, "%s: %s", path,
		             file == NULL ? strerror(errno) : "not a regular file");
	else
		r = check_owner(path, &st, err);
	for (unsigned at = 1; r == CSN_OK && fgets(line, sizeof line, file) != NULL; at++) {
		r = add_line(list, line);
		if (r < 0)
			csn_fail(err, r, "%s:%u: wanted a SHA-256 in lower-case hex, two "
			         "spaces and a file name", path, at);
	}
	if (r == CSN_OK && ferror(file))
		r = csn_fail(err, CSN_E_IO, "%s: could not be read whole", path);
	if (file != NULL)
		fclose(file);
	if (r < 0) {
		csn_trust_list_free(list);
		return r;
	}
	*ret_list = list;
	return CSN_OK;
}

int
csn_trust_folder(const char *folder, struct csn_error *err)
{
	struct stat st;

	if (folder[0] != '/')
		return csn_fail(err, CSN_E_REFUSED, "%s is no absolute path", folder);
	if (stat(folder, &st) < 0)
		return csn_fail(err, CSN_E_MISSING, "%s: %s", folder, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return csn_fail(err, CSN_E_REFUSED, "%s is not a folder", folder);
	return check_owner(folder, &st, err);
}

static int
digest_file(int fd, const char *path, char ret_digest[65], struct csn_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t     block[16384], hash[32];
	ssize_t     n = 0;
	int         ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	while (ok && (n = read(fd, block, sizeof block)) > 0)
		ok = EVP_DigestUpdate(ctx, block, (size_t)n) == 1;
	ok = ok && n == 0 && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return csn_fail(err, CSN_E_IO, "%s: could not be digested", path);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(ret_digest + 2 * i, 3, "%02x", hash[i]);
	return CSN_OK;
}

static int
check_listed(const struct csn_trust_list *list, const char *path, const char *digest,
             struct csn_error *err)
{
	const char *name = strrchr(path, '/') + 1;
	int         known = 0;

	if (list == NULL)
		return CSN_OK;
	for (const struct listed *l = list->first; l != NULL; l = l->next) {
		if (strcmp(l->name, name) != 0)
			continue;
		if (strcmp(l->digest, digest) == 0)
			return CSN_OK;
		known = 1;
	}
	return csn_fail(err, CSN_E_REFUSED,
	                known ? "%s has another digest than the list of digests says" :
	                        "%s is not in the list of digests", path);
}

int
csn_trust_file(const char *path, const struct csn_trust_list *list, char ret_digest[65],
               struct csn_error *err)
{
	const char *slash = strrchr(path, '/');
	char        folder[4096];
	struct stat st;
	int         fd, r;

	ret_digest[0] = '\0';
	if (path[0] != '/' || (size_t)(slash - path) + 2 > sizeof folder)
		return csn_fail(err, CSN_E_REFUSED, "%s is no absolute path", path);
	snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	r = csn_trust_folder(folder, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return csn_fail(err, errno == ELOOP ? CSN_E_REFUSED : CSN_E_MISSING, "%s: %s",
		                path, errno == ELOOP ? "is a symbolic link" : strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = csn_fail(err, CSN_E_REFUSED, "%s is not a regular file", path);
	else
		r = check_owner(path, &st, err);
	if (r == CSN_OK)
		r = digest_file(fd, path, ret_digest, err);
	close(fd);
	return r < 0 ? r : check_listed(list, path, ret_digest, err);
}
