/*
 * Whoever can write a module or put one in its place runs inside us, so this is asked
 * before dlopen.  Nobody but root and ourselves can change what was looked at between
 * the question and the loading: that is what the question is about.
 */
#include "core/plugin/trust.h"
#include "lib/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_LEN     64
#define SIGNERS_MAX 16
#define SIG_LEN     64

struct listed {
	struct listed *next;
	char           digest[HEX_LEN + 1];
	char           name[];
};

struct csn_trust_list {
	struct listed *first;
	int            has_digests; /* an empty list is one that trusts nothing */
	EVP_PKEY      *signers[SIGNERS_MAX];
	size_t         signer_count;
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
	for (size_t i = 0; i < list->signer_count; i++)
		EVP_PKEY_free(list->signers[i]);
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

/* A file that root or we own and nobody else may write. */
static int
open_owned(const char *path, FILE **ret_file, struct csn_error *err)
{
	FILE       *file = fopen(path, "re");
	struct stat st;
	int         r;

	if (file == NULL || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode))
		r = csn_fail(err, CSN_E_MISSING, "%s: %s", path,
		             file == NULL ? strerror(errno) : "not a regular file");
	else
		r = check_owner(path, &st, err);
	if (r == CSN_OK)
		*ret_file = file;
	else if (file != NULL)
		fclose(file);
	return r;
}

int
csn_trust_list_read(const char *path, struct csn_trust_list **ret_list,
                    struct csn_error *err)
{
	struct csn_trust_list *list = calloc(1, sizeof *list);
	FILE                  *file = NULL;
	char                   line[4096];
	int                    r = list != NULL ? open_owned(path, &file, err) :
	                                          csn_fail(err, CSN_E_NOMEM, "out of memory");

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
	list->has_digests = 1;
	*ret_list = list;
	return CSN_OK;
}

/* ---- signers ------------------------------------------------------------------ */

static int
read_signers(FILE *file, const char *path, struct csn_trust_list *list, struct csn_error *err)
{
	size_t    before = list->signer_count;
	EVP_PKEY *key;

	while ((key = PEM_read_PUBKEY(file, NULL, NULL, NULL)) != NULL) {
		if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
		    list->signer_count == SIGNERS_MAX) {
			EVP_PKEY_free(key);
			return csn_fail(err, CSN_E_CONFIG,
			                list->signer_count == SIGNERS_MAX ?
			                        "%s: more than 16 signers" :
			                        "%s: a signer's key must be Ed25519", path);
		}
		list->signers[list->signer_count++] = key;
	}
	if (list->signer_count == before)
		return csn_fail(err, CSN_E_CONFIG, "%s holds no public key", path);
	return CSN_OK;
}

int
csn_trust_signers_read(const char *path, struct csn_trust_list **list, struct csn_error *err)
{
	FILE *file = NULL;

	if (*list == NULL)
		*list = calloc(1, sizeof **list);
	if (*list == NULL)
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	int r = open_owned(path, &file, err);
	if (r == CSN_OK)
		r = read_signers(file, path, *list, err);
	if (file != NULL)
		fclose(file);
	return r;
}

size_t
csn_trust_signed_text(const char *name, const char *digest, char ret_text[CSN_TRUST_SIGNED_MAX])
{
	int n = snprintf(ret_text, CSN_TRUST_SIGNED_MAX, "countersign plugin 1\n%.100s\n%.64s\n",
	                 name, digest);

	return n > 0 ? (size_t)n : 0;
}

/* 128 digits and a line's end, nothing else. */
static int
read_signature(const char *path, uint8_t ret_sig[SIG_LEN], struct csn_error *err)
{
	char    text[2 * SIG_LEN + 2] = "";
	int     fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;

	if (fd < 0)
		return csn_fail(err, CSN_E_REFUSED, "no signature %s: %s", path, strerror(errno));
	close(fd);
	if (n == 2 * SIG_LEN + 1 && text[2 * SIG_LEN] == '\n')
		n--;
	if (n < 0 || !csn_hex_read((struct csn_bytes){ (const uint8_t *)text, (size_t)n },
	                           CSN_HEX_LOWER, ret_sig, SIG_LEN))
		return csn_fail(err, CSN_E_REFUSED, "%s is no signature of 128 hex digits", path);
	return CSN_OK;
}

static int
check_signed(const struct csn_trust_list *list, const char *path, const char *digest,
             struct csn_error *err)
{
	char    text[CSN_TRUST_SIGNED_MAX], sig_path[4096 + 4];
	uint8_t sig[SIG_LEN];
	int     good = 0;

	if (list == NULL || list->signer_count == 0)
		return CSN_OK;
	snprintf(sig_path, sizeof sig_path, "%s.sig", path);
	int r = read_signature(sig_path, sig, err);
	if (r < 0)
		return r;
	size_t len = csn_trust_signed_text(strrchr(path, '/') + 1, digest, text);
	for (size_t i = 0; !good && i < list->signer_count; i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		good = ctx != NULL &&
		       EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, list->signers[i]) == 1 &&
		       EVP_DigestVerify(ctx, sig, sizeof sig, (const uint8_t *)text, len) == 1;
		EVP_MD_CTX_free(ctx);
	}
	return good ? CSN_OK :
	              csn_fail(err, CSN_E_REFUSED, "%s was made by none of the signers for this file",
	                       sig_path);
}

/* ---- files -------------------------------------------------------------------- */

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
	csn_hex_write(hash, sizeof hash, ret_digest);
	return CSN_OK;
}

static int
check_listed(const struct csn_trust_list *list, const char *path, const char *digest,
             struct csn_error *err)
{
	const char *name = strrchr(path, '/') + 1;
	int         known = 0;

	if (list == NULL || !list->has_digests)
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

/* A copy nobody can change, not even we: what is judged is what will be loaded. */
static int
seal_copy(int from, const char *path, int *ret_fd, struct csn_error *err)
{
	const char *base = strrchr(path, '/') + 1;
	int         fd = memfd_create(base, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char        block[16384];
	ssize_t     n = -1;

	while (fd >= 0 && (n = read(from, block, sizeof block)) > 0)
		if (write(fd, block, (size_t)n) != n) {
			n = -1;
			break;
		}
	if (fd < 0 || n < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0) {
		if (fd >= 0)
			close(fd);
		return csn_fail(err, CSN_E_IO, "%s: no sealed copy could be made: %s", path,
		                strerror(errno));
	}
	*ret_fd = fd;
	return CSN_OK;
}

/* Digest, list and signature, of the sealed copy where somebody asks for either. */
static int
judge_bytes(int fd, const char *path, const struct csn_trust_list *list, char ret_digest[65],
            int *ret_sealed, struct csn_error *err)
{
	int sealed = -1;
	int r = list != NULL ? seal_copy(fd, path, &sealed, err) : CSN_OK;

	if (r == CSN_OK)
		r = digest_file(sealed >= 0 ? sealed : fd, path, ret_digest, err);
	if (r == CSN_OK)
		r = check_listed(list, path, ret_digest, err);
	if (r == CSN_OK)
		r = check_signed(list, path, ret_digest, err);
	if (r == CSN_OK)
		*ret_sealed = sealed;
	else if (sealed >= 0)
		close(sealed);
	return r;
}

/* The file @path and its folder, opened; a negative code when either is not ours. */
static int
open_trusted(const char *path, struct csn_error *err)
{
	const char *slash = strrchr(path, '/');
	char        folder[4096];
	struct stat st;
	int         fd, r;

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
		return fd;
	close(fd);
	return r;
}

int
csn_trust_program(const char *path, struct csn_error *err)
{
	int fd = open_trusted(path, err);

	if (fd < 0)
		return fd;
	close(fd);
	return CSN_OK;
}

int
csn_trust_file(const char *path, const struct csn_trust_list *list, char ret_digest[65],
               int *ret_sealed, struct csn_error *err)
{
	int fd, r;

	ret_digest[0] = '\0';
	*ret_sealed = -1;
	fd = open_trusted(path, err);
	if (fd < 0)
		return fd;
	r = judge_bytes(fd, path, list, ret_digest, ret_sealed, err);
	close(fd);
	return r;
}
