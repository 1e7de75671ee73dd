#include "psk.h"

#include "lib/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (32u << 20)

/* A file only its owner can read, whole; malloced, secret. */
static int
read_secret(const struct csn_host *host, const char *path, uint8_t **ret_text, size_t *ret_len,
            struct csn_error *err)
{
	struct stat st;
	uint8_t    *text = NULL;
	size_t      len = 0;
	ssize_t     n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, "%s: %s", path,
		                  strerror(errno));
	int r = CSN_OK;
	if (fstat(fd, &st) < 0)
		r = host->fail(err, CSN_E_IO, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		r = host->fail(err, CSN_E_REFUSED,
		               "%s must be a file only its owner can read (mode %03o, wanted 600)",
		               path, (unsigned)(st.st_mode & 0777));
	else if (st.st_size < 0 || (uint64_t)st.st_size > FILE_MAX)
		r = host->fail(err, CSN_E_TOO_BIG, "%s is over %u bytes", path, FILE_MAX);
	else if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		r = host->fail(err, CSN_E_NOMEM, "no memory for %s", path);
	while (r == CSN_OK && n != 0 && len < (size_t)st.st_size) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0 && errno != EINTR)
			r = host->fail(err, CSN_E_IO, "%s: %s", path, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (r < 0) {
		if (text != NULL)
			csn_wipe(text, len);
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_len = len;
	return CSN_OK;
}

static int
load_key(struct psk *psk, struct csn_error *err)
{
	uint8_t    *text;
	size_t      len;
	const char *why = "";
	int         r = read_secret(psk->host, psk->key_path, &text, &len, err);

	if (r < 0)
		return r;
	if (psk_parse((struct csn_bytes){ text, len }, psk->key, &psk->len, &why) < 0)
		r = psk->host->fail(err, CSN_E_CONFIG, "the key in %s: %s", psk->key_path, why);
	csn_wipe(text, len);
	free(text);
	return r;
}

/* "DID KEY", both hex; the id has 32 digits. */
static const char *
read_line(struct psk *psk, struct csn_bytes line)
{
	struct psk_key   *key = &psk->keys[psk->key_count];
	const char       *why = "wanted DID KEY in hex, a blank between";

	if (line.len < 34 || line.ptr[32] != ' ' ||
	    !csn_hex_read((struct csn_bytes){ line.ptr, 32 }, CSN_HEX_ANY, key->did, 16))
		return why;
	struct csn_bytes text = { line.ptr + 33, line.len - 33 };
	if (psk_parse(text, key->key, &key->len, &why) < 0)
		return why;
	psk->key_count++;
	return NULL;
}

static int
read_lines(struct psk *psk, struct csn_bytes text, struct csn_error *err)
{
	unsigned    number = 0;
	const char *why = NULL;

	for (size_t at = 0; why == NULL && at < text.len;) {
		const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
		size_t         len = end != NULL ? (size_t)(end - text.ptr) - at : text.len - at;
		struct csn_bytes line = { text.ptr + at, len };

		number++;
		at += len + 1;
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		why = psk->key_count < PSK_KEYS_MAX ? read_line(psk, line) : "over 100000 devices";
	}
	if (why != NULL)
		return psk->host->fail(err, CSN_E_CONFIG, "%s:%u: %s", psk->keys_path, number, why);
	if (psk->key_count == 0)
		return psk->host->fail(err, CSN_E_CONFIG, "%s holds no key", psk->keys_path);
	if (psk_sort(psk, &why) < 0)
		return psk->host->fail(err, CSN_E_CONFIG, "%s: %s", psk->keys_path, why);
	return CSN_OK;
}

static int
load_keys(struct psk *psk, struct csn_error *err)
{
	uint8_t *text;
	size_t   len;
	int      r = read_secret(psk->host, psk->keys_path, &text, &len, err);

	if (r < 0)
		return r;
	/* A line has at least an id, a blank and 64 digits. */
	psk->keys = calloc(len / (33 + 2 * PSK_MIN) + 2, sizeof *psk->keys);
	r = psk->keys != NULL ? read_lines(psk, (struct csn_bytes){ text, len }, err) :
	                        psk->host->fail(err, CSN_E_NOMEM, "no memory for keys");
	csn_wipe(text, len);
	free(text);
	return r;
}

int
psk_load(struct psk *psk, struct csn_error *err)
{
	if ((psk->key_path == NULL) == (psk->keys_path == NULL))
		return psk->host->fail(err, CSN_E_CONFIG,
		                       "psk wants either key, one of all, or keys, one a device");
	int r = psk->host->random(psk->host, psk->decoy, sizeof psk->decoy);
	if (r < 0)
		return psk->host->fail(err, r, "no random numbers");
	return psk->key_path != NULL ? load_key(psk, err) : load_keys(psk, err);
}
