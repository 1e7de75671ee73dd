#include "lib/anchors.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
	struct csn_anchor *anchors;
	size_t             room, count;
	char              *why;
	size_t             why_len;
};

__attribute__((format(printf, 3, 4))) static int
fail(struct reader *reader, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reader->why, reader->why_len, fmt, args);
	va_end(args);
	return code;
}

/* One block, or CSN_E_MISSING when @bio has no further one. */
static int
read_block(struct reader *reader, BIO *bio, const char *name)
{
	unsigned char   *der = NULL;
	struct csn_bytes pk;
	char            *label = NULL, *header = NULL;
	long             len = 0;

	/* Not PEM_read_bio_PUBKEY(): its decoder hides that the file simply ended. */
	if (PEM_read_bio(bio, &label, &header, &der, &len) != 1) {
		unsigned long e = ERR_peek_last_error();
		ERR_clear_error();
		return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE ?
		               CSN_E_MISSING :
		               fail(reader, CSN_E_CONFIG, "%s holds no readable public key", name);
	}
	bool public = strcmp(label, PEM_STRING_PUBLIC) == 0;
	OPENSSL_free(label);
	OPENSSL_free(header);
	if (!public) {
		OPENSSL_free(der);
		return fail(reader, CSN_E_CONFIG, "%s holds something else than public keys", name);
	}

	struct csn_bytes spki = { der, (size_t)len };
	int              r = CSN_OK;
	unsigned         suite = csn_spki_parse(spki, CSN_SUITE_X25519, &pk) == CSN_OK ?
	                                 CSN_SUITE_X25519 :
	                                 CSN_SUITE_P256;
	if (csn_spki_parse(spki, suite, &pk) < 0)
		r = fail(reader, CSN_E_CONFIG, "%s holds a key that is neither Ed25519 nor P-256",
		         name);
	else if (spki.len > sizeof reader->anchors->spki)
		r = fail(reader, CSN_E_CONFIG, "%s holds a key of %zu bytes, at most %zu go", name,
		         spki.len, sizeof reader->anchors->spki);
	else if (reader->count == reader->room)
		r = fail(reader, CSN_E_TOO_BIG, "more than %zu anchors, %s is one too many",
		         reader->room, name);
	if (r == CSN_OK) {
		struct csn_anchor *anchor = &reader->anchors[reader->count++];

		anchor->suite = suite;
		anchor->len = spki.len;
		memcpy(anchor->spki, spki.ptr, spki.len);
	}
	OPENSSL_free(der);
	return r;
}

static int
read_text(struct reader *reader, const uint8_t *text, size_t len, const char *name)
{
	BIO   *bio = BIO_new_mem_buf(text, (int)len);
	size_t before = reader->count;
	int    r = bio == NULL ? fail(reader, CSN_E_NOMEM, "no memory for %s", name) : CSN_OK;

	while (r == CSN_OK)
		r = read_block(reader, bio, name);
	BIO_free(bio);
	if (r != CSN_E_MISSING)
		return r;
	return reader->count > before ?
	               CSN_OK :
	               fail(reader, CSN_E_CONFIG, "%s holds no public key", name);
}

static int
read_file(struct reader *reader, int dir, const char *name)
{
	struct stat st;
	int         fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint8_t    *text = malloc(CSN_ANCHOR_FILE_MAX);
	size_t      len = 0;
	ssize_t     n = 1;
	int         r = CSN_OK;

	if (text == NULL)
		r = fail(reader, CSN_E_NOMEM, "no memory for %s", name);
	else if (fd < 0)
		r = fail(reader, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, "%s: %s", name,
		         strerror(errno));
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size >= CSN_ANCHOR_FILE_MAX)
		r = fail(reader, CSN_E_CONFIG, "%s is not a regular file under %d bytes", name,
		         CSN_ANCHOR_FILE_MAX);
	while (r == CSN_OK && n != 0 && len < CSN_ANCHOR_FILE_MAX) {
		n = read(fd, text + len, CSN_ANCHOR_FILE_MAX - len);
		if (n < 0 && errno != EINTR)
			r = fail(reader, CSN_E_IO, "%s: %s", name, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	if (r == CSN_OK)
		r = read_text(reader, text, len, name);
	if (fd >= 0)
		close(fd);
	free(text);
	return r;
}

static int
read_folder(struct reader *reader, DIR *dir)
{
	int r = CSN_OK;

	for (struct dirent *entry; r == CSN_OK && (entry = readdir(dir)) != NULL;) {
		size_t len = strlen(entry->d_name);

		if (len > 4 && strcmp(entry->d_name + len - 4, ".pem") == 0)
			r = read_file(reader, dirfd(dir), entry->d_name);
	}
	return r;
}

int
csn_anchors_load(const char *path, struct csn_anchor *anchors, size_t room,
                 size_t *ret_count, char *why, size_t why_len)
{
	struct reader reader = { anchors, room, 0, why, why_len };
	DIR          *dir = opendir(path);
	int           r = dir != NULL ? read_folder(&reader, dir) :
	                                read_file(&reader, AT_FDCWD, path);

	if (dir != NULL)
		closedir(dir);
	if (r == CSN_OK)
		*ret_count = reader.count;
	return r;
}
