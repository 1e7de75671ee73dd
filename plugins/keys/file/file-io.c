/* Reads the folder.  A key that others can read is no key any more. */
#include "file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct text {
	uint8_t *bytes;
	size_t len;
};

static void
text_done(struct text *text)
{
	if (text->bytes != NULL)
		csn_wipe(text->bytes, FILE_BYTES_MAX + 1);
	free(text->bytes);
	*text = (struct text){ NULL, 0 };
}

/* CSN_E_MISSING when there is no such file; @hidden: it must be ours alone. */
static int
read_file(struct file_keys *keys, int dir, const char *name, bool hidden,
	  struct text *ret_text, struct csn_error *err)
{
	const struct csn_host *host = keys->host;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	struct text text = { malloc(FILE_BYTES_MAX + 1), 0 };
	struct stat st;
	int r = CSN_OK;

	if (text.bytes == NULL)
		r = host->fail(err, CSN_E_NOMEM, "no memory for %s", name);
	else if (fd < 0)
		r = host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
			       "key file %s/%s: %s", keys->path, name, strerror(errno));
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = host->fail(err, CSN_E_CONFIG,
			       "key file %s/%s is not a regular file", keys->path,
			       name);
	else if (hidden && (st.st_mode & 077) != 0)
		r = host->fail(
			err, CSN_E_REFUSED,
			"key file %s/%s can be used by others (mode %03o, wanted 600);"
			" try: chmod 600 %s/%s",
			keys->path, name, (unsigned)(st.st_mode & 0777), keys->path,
			name);
	while (r == CSN_OK && text.len <= FILE_BYTES_MAX) {
		ssize_t n =
			read(fd, text.bytes + text.len, FILE_BYTES_MAX + 1 - text.len);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			r = host->fail(err, CSN_E_IO, "key file %s/%s: %s", keys->path,
				       name, strerror(errno));
		text.len += n > 0 ? (size_t)n : 0;
	}
	if (r == CSN_OK && text.len > FILE_BYTES_MAX)
		r = host->fail(err, CSN_E_TOO_BIG, "key file %s/%s is over %u bytes",
			       keys->path, name, FILE_BYTES_MAX);
	if (fd >= 0)
		close(fd);
	if (r == CSN_OK)
		*ret_text = text;
	else
		text_done(&text);
	return r;
}

/* Plain PKCS#8 only: nothing that would ask for a passphrase by itself. */
static EVP_PKEY *
parse_key(struct text *text)
{
	BIO *bio = BIO_new_mem_buf(text->bytes, (int)text->len);
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	EVP_PKEY *pkey = NULL;

	if (bio != NULL && PEM_read_bio(bio, &name, &header, &data, &len) == 1 &&
	    strcmp(name, "PRIVATE KEY") == 0) {
		const unsigned char *at = data;
		PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);

		if (info != NULL && at == data + len)
			pkey = EVP_PKCS82PKEY(info);
		PKCS8_PRIV_KEY_INFO_free(info);
	}
	if (data != NULL)
		OPENSSL_cleanse(data, (size_t)len);
	OPENSSL_free(data);
	OPENSSL_free(name);
	OPENSSL_free(header);
	BIO_free(bio);
	ERR_clear_error();
	return pkey;
}

static const char *
algorithm_of(const EVP_PKEY *pkey)
{
	char group[32] = "";
	size_t len = 0;

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
		return "EdDSA";
	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) == 1 &&
	    strcmp(group, "prime256v1") == 0)
		return "ES256";
	return NULL;
}

static bool
certifies(const uint8_t *der, long len, const EVP_PKEY *pkey)
{
	const unsigned char *at = der;
	X509 *cert = d2i_X509(NULL, &at, len);
	bool same = cert != NULL && at == der + len;

	if (same && pkey != NULL)
		same = EVP_PKEY_eq(X509_get0_pubkey(cert), pkey) == 1;
	X509_free(cert);
	ERR_clear_error();
	return same;
}

static int
parse_chain(struct file_keys *keys, struct file_key *key, struct text *text,
	    struct csn_error *err)
{
	const struct csn_host *host = keys->host;
	BIO *bio = BIO_new_mem_buf(text->bytes, (int)text->len);
	int r = bio == NULL ? CSN_E_NOMEM : CSN_OK;

	while (r == CSN_OK) {
		char *name = NULL, *header = NULL;
		unsigned char *data = NULL;
		long len = 0;
		uint32_t n = key->chain_count;

		if (PEM_read_bio(bio, &name, &header, &data, &len) != 1)
			break;
		if (strcmp(name, "CERTIFICATE") != 0 || n == FILE_CHAIN_MAX)
			r = host->fail(err, CSN_E_CONFIG,
				       "%s/%s.pem: block %u is %.32s; wanted at most "
				       "%u CERTIFICATE",
				       keys->path, key->name, n + 1, name,
				       FILE_CHAIN_MAX);
		else if (!certifies(data, len, n == 0 ? key->pkey : NULL))
			r = host->fail(
				err, CSN_E_CONFIG,
				n == 0 ? "%s/%s.pem: certificate %u is not for the key"
				       : "%s/%s.pem: certificate %u cannot be read",
				keys->path, key->name, n + 1);
		else if ((key->chain[n] = host->buf_new(data, (size_t)len, 0)) == NULL)
			r = CSN_E_NOMEM;
		else
			key->chain_count++;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
	}
	if (r == CSN_OK && key->chain_count == 0)
		r = host->fail(err, CSN_E_CONFIG, "%s/%s.pem holds no certificate",
			       keys->path, key->name);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

static int
load_key(struct file_keys *keys, int dir, const char *file, struct csn_error *err)
{
	const struct csn_host *host = keys->host;
	struct text text = { NULL, 0 };
	char chain[FILE_NAME_MAX + 8];
	size_t len = strlen(file) - 4;

	if (len == 0 || len > FILE_NAME_MAX)
		return host->fail(
			err, CSN_E_CONFIG,
			"key file %s/%.80s: a name of 1 to %u bytes is wanted",
			keys->path, file, FILE_NAME_MAX);
	struct file_key *key = calloc(1, sizeof *key);
	if (key == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a key");
	memcpy(key->name, file, len);
	key->next = keys->keys; /* from here file_unload frees it             */
	keys->keys = key;

	int r = read_file(keys, dir, file, true, &text, err);
	if (r < 0)
		return r;
	key->pkey = parse_key(&text);
	text_done(&text);
	if (key->pkey != NULL)
		key->algorithm = algorithm_of(key->pkey);
	if (key->algorithm == NULL)
		return host->fail(
			err, CSN_E_CONFIG,
			"key file %s/%s: wanted an Ed25519 or P-256 key as PEM PKCS#8"
			" without a passphrase",
			keys->path, file);
	snprintf(chain, sizeof chain, "%s.pem", key->name);
	r = read_file(keys, dir, chain, false, &text, err);
	if (r == CSN_E_MISSING)
		return CSN_OK; /* a log key needs no certificate              */
	if (r == CSN_OK)
		r = parse_chain(keys, key, &text, err);
	text_done(&text);
	return r;
}

int
file_load(struct file_keys *keys, struct csn_error *err)
{
	int fd = open(keys->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = CSN_OK;
	size_t count = 0;

	if (dir == NULL) {
		r = keys->host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
				     "key folder %s: %s", keys->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (struct dirent *e; r == CSN_OK && (e = readdir(dir)) != NULL;) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || len < 4 ||
		    strcmp(e->d_name + len - 4, ".key") != 0)
			continue;
		if (++count > FILE_KEYS_MAX)
			r = keys->host->fail(err, CSN_E_TOO_BIG,
					     "key folder %s holds over %u keys",
					     keys->path, FILE_KEYS_MAX);
		else
			r = load_key(keys, fd, e->d_name, err);
	}
	closedir(dir);
	return r;
}

void
file_unload(struct file_keys *keys)
{
	while (keys->keys != NULL) {
		struct file_key *key = keys->keys;

		keys->keys = key->next;
		EVP_PKEY_free(key->pkey);
		for (uint32_t i = 0; i < key->chain_count; i++)
			keys->host->buf_unref(key->chain[i]);
		free(key);
	}
}
