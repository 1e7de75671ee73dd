/*
 * Reads what is believed of manufacturers: a folder with one folder a maker, in it *.pem
 * files of certificates (anchors) and revocation lists, and a file "relax"; lists of keys
 * and of identities.
 */
#include "device-io.h"

#include "lib/hex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define FILE_MAX       (4u << 20)
#define ANCHORS_MAX    16
#define CRLS_MAX       64

int
x509_io_read(const struct x509_io *in, const char *path, char **ret_text, size_t *ret_len)
{
	struct stat st;
	size_t      len = 0;
	ssize_t     n = 1;
	char       *text = NULL;
	int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return in->host->fail(in->err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, "%s: %s",
		                      path, strerror(errno));
	int r = CSN_OK;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_MAX)
		r = in->host->fail(in->err, CSN_E_CONFIG,
		                   "%s is not a regular file of at most %u bytes", path, FILE_MAX);
	else if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		r = in->host->fail(in->err, CSN_E_NOMEM, "no memory for %s", path);
	while (r == CSN_OK && n != 0 && len < (size_t)st.st_size) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0 && errno != EINTR)
			r = in->host->fail(in->err, CSN_E_IO, "%s: %s", path, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return CSN_OK;
}

/* ---- makers --------------------------------------------------------------------- */

static int
add_cert(struct x509_maker *maker, const unsigned char *der, long len)
{
	X509 *cert = x509_cert_load((struct csn_bytes){ der, (size_t)len });

	if (cert != NULL && sk_X509_num(maker->anchors) < ANCHORS_MAX &&
	    sk_X509_push(maker->anchors, cert) > 0)
		return CSN_OK;
	X509_free(cert);
	return CSN_E_CONFIG;
}

static int
add_crl(struct x509_maker *maker, const unsigned char *der, long len)
{
	const unsigned char *p = der;
	X509_CRL            *crl = d2i_X509_CRL(NULL, &p, len);

	if (maker->crls == NULL)
		maker->crls = sk_X509_CRL_new_null();
	if (crl != NULL && p == der + len && maker->crls != NULL &&
	    sk_X509_CRL_num(maker->crls) < CRLS_MAX && sk_X509_CRL_push(maker->crls, crl) > 0)
		return CSN_OK;
	X509_CRL_free(crl);
	return CSN_E_CONFIG;
}

/* What a reader of PEM would pass over could say something else to a person. */
static bool
is_blocks_only(const char *text)
{
	bool inside = false;

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = text + strspn(text, " \t\r");
		if (strncmp(text, "-----BEGIN ", 11) == 0)
			inside = true;
		else if (!inside && *at != '\n' && *at != '\0' && *at != '#')
			return false;
		else if (strncmp(text, "-----END ", 9) == 0)
			inside = false;
	}
	return true;
}

/* Blocks of certificates and lists; anything else, and text between them, is a mistake. */
static int
read_pem(const struct x509_io *in, struct x509_maker *maker, const char *path, char *text,
         size_t len)
{
	BIO  *bio = BIO_new_mem_buf(text, (int)len);
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	long           der_len = 0;
	unsigned       blocks = 0;
	int            r = bio == NULL ? CSN_E_NOMEM : CSN_OK;

	if (!is_blocks_only(text) || strlen(text) != len) {
		BIO_free(bio);
		return in->host->fail(in->err, CSN_E_CONFIG,
		                      "%s: there is text outside of the blocks; # begins a comment",
		                      path);
	}
	while (r == CSN_OK && PEM_read_bio(bio, &label, &header, &der, &der_len) == 1) {
		blocks++;
		if (strcmp(label, PEM_STRING_X509) == 0)
			r = add_cert(maker, der, der_len);
		else if (strcmp(label, PEM_STRING_X509_CRL) == 0)
			r = add_crl(maker, der, der_len);
		else
			r = CSN_E_CONFIG;
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	unsigned long e = ERR_peek_last_error();
	if (r == CSN_OK && (blocks == 0 || ERR_GET_REASON(e) != PEM_R_NO_START_LINE))
		r = CSN_E_CONFIG;
	BIO_free(bio);
	ERR_clear_error();
	if (r < 0)
		return in->host->fail(in->err, r,
		                      "%s: block %u is no certificate or revocation list that can "
		                      "be read (at most %d and %d a maker)",
		                      path, blocks, ANCHORS_MAX, CRLS_MAX);
	return CSN_OK;
}

char *
x509_io_line(char **text, unsigned *line)
{
	while (*text != NULL && **text != '\0') {
		char *start = *text + strspn(*text, " \t");
		char *end = start + strcspn(start, "\n");

		*text = *end == '\0' ? end : end + 1;
		*end = '\0';
		++*line;
		start[strcspn(start, "#\r")] = '\0';
		for (size_t n = strlen(start); n > 0 && strchr(" \t", start[n - 1]) != NULL; n--)
			start[n - 1] = '\0';
		if (start[0] != '\0')
			return start;
	}
	return NULL;
}

static int
read_relax(const struct x509_io *in, struct x509_maker *maker, const char *path, char *text)
{
	unsigned line = 0;
	char    *word;

	while ((word = x509_io_line(&text, &line)) != NULL) {
		uint32_t relax = x509_relax_of(word);
		if (relax == 0)
			return in->host->fail(in->err, CSN_E_CONFIG,
			                      "%s:%u: no relaxation is called \"%.60s\"", path, line,
			                      word);
		maker->relax |= relax;
	}
	return CSN_OK;
}

static int
read_maker_file(const struct x509_io *in, struct x509_maker *maker, const char *folder,
                const char *name)
{
	char   path[4096], *text = NULL;
	size_t len = strlen(name);
	bool   relax = strcmp(name, "relax") == 0;

	if (name[0] == '.' || (!relax && (len < 5 || strcmp(name + len - 4, ".pem") != 0)))
		return CSN_OK;
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return in->host->fail(in->err, CSN_E_CONFIG, "%s: the path is too long", name);
	int r = x509_io_read(in, path, &text, &len);
	if (r < 0)
		return r;
	r = relax ? read_relax(in, maker, path, text) : read_pem(in, maker, path, text, len);
	free(text);
	return r;
}

static int
read_maker(const struct x509_io *in, struct x509_maker *maker, const char *folder)
{
	DIR *dir = opendir(folder);
	int  r = CSN_OK;

	if (dir == NULL)
		return in->host->fail(in->err, CSN_E_IO, "%s: %s", folder, strerror(errno));
	maker->anchors = sk_X509_new_null();
	if (maker->anchors == NULL)
		r = in->host->fail(in->err, CSN_E_NOMEM, "no memory for %s", folder);
	for (struct dirent *entry; r == CSN_OK && (entry = readdir(dir)) != NULL;)
		r = read_maker_file(in, maker, folder, entry->d_name);
	closedir(dir);
	if (r == CSN_OK && sk_X509_num(maker->anchors) == 0)
		r = in->host->fail(in->err, CSN_E_CONFIG, "%s holds no anchor certificate", folder);
	return r;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct x509_maker *)a)->name, ((const struct x509_maker *)b)->name);
}

static int
read_makers(const struct x509_io *in, struct x509_devices *devices)
{
	DIR *dir = opendir(devices->makers_path);
	char path[4096];
	int  r = CSN_OK;

	if (dir == NULL)
		return in->host->fail(in->err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, "%s: %s",
		                      devices->makers_path, strerror(errno));
	for (struct dirent *entry; r == CSN_OK && (entry = readdir(dir)) != NULL;) {
		struct stat        st;
		struct x509_maker *maker = &devices->makers[devices->maker_count];
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (devices->maker_count == X509_MAKERS_MAX)
			r = in->host->fail(in->err, CSN_E_TOO_BIG, "%s: more than %d makers",
			                   devices->makers_path, X509_MAKERS_MAX);
		else if (snprintf(maker->name, sizeof maker->name, "%s", entry->d_name) >=
		                 (int)sizeof maker->name ||
		         snprintf(path, sizeof path, "%s/%s", devices->makers_path, entry->d_name) >=
		                 (int)sizeof path)
			r = in->host->fail(in->err, CSN_E_CONFIG, "%s: a maker's name is too long",
			                   devices->makers_path);
		else {
			devices->maker_count++;
			r = read_maker(in, maker, path);
		}
	}
	closedir(dir);
	qsort(devices->makers, devices->maker_count, sizeof *devices->makers, by_name);
	return r;
}

/* ---- lists ---------------------------------------------------------------------- */

bool
x509_io_unhex(const char *text, uint8_t *ret, size_t len)
{
	return csn_hex_read((struct csn_bytes){ (const uint8_t *)text, strlen(text) }, CSN_HEX_ANY,
	                    ret, len);
}

static int
by_hash(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int
read_keys(const struct x509_io *in, const char *path, struct x509_keys *ret_keys)
{
	char    *text = NULL, *at, *word;
	size_t   len, room;
	unsigned line = 0;
	int      r = x509_io_read(in, path, &text, &len);

	if (r < 0)
		return r;
	room = len / 64 + 1; /* a hash takes 64 characters                          */
	ret_keys->hashes = calloc(room, sizeof *ret_keys->hashes);
	if (ret_keys->hashes == NULL)
		r = in->host->fail(in->err, CSN_E_NOMEM, "no memory for %s", path);
	at = text;
	while (r == CSN_OK && (word = x509_io_line(&at, &line)) != NULL) {
		if (ret_keys->count < room && x509_io_unhex(word, ret_keys->hashes[ret_keys->count], 32))
			ret_keys->count++;
		else
			r = in->host->fail(in->err, CSN_E_CONFIG,
			                   "%s:%u: wanted the SHA-256 of a public key, 64 hex digits",
			                   path, line);
	}
	free(text);
	if (r == CSN_OK && ret_keys->count > 0)
		qsort(ret_keys->hashes, ret_keys->count, 32, by_hash);
	return r;
}

/* "DID MAKER SERIAL", a device a line. */
static int
read_identity(char *line, struct x509_identity *ret_who)
{
	char *maker = line + strcspn(line, " \t"), *serial;

	if (*maker == '\0')
		return CSN_E_CONFIG;
	*maker++ = '\0';
	maker += strspn(maker, " \t");
	serial = maker + strcspn(maker, " \t");
	if (*serial == '\0')
		return CSN_E_CONFIG;
	*serial++ = '\0';
	serial += strspn(serial, " \t");
	if (!x509_io_unhex(line, ret_who->did, 16) || strlen(maker) >= sizeof ret_who->maker ||
	    strlen(serial) >= sizeof ret_who->serial)
		return CSN_E_CONFIG;
	memcpy(ret_who->maker, maker, strlen(maker) + 1);
	memcpy(ret_who->serial, serial, strlen(serial) + 1);
	return CSN_OK;
}

static int
read_identities(const struct x509_io *in, struct x509_devices *devices)
{
	char    *text = NULL, *at, *row;
	size_t   len, room;
	unsigned line = 0;
	int      r = x509_io_read(in, devices->identities_path, &text, &len);

	if (r < 0)
		return r;
	room = len / 36 + 1; /* an id takes 32 characters, and two words follow      */
	devices->identities = calloc(room, sizeof *devices->identities);
	if (devices->identities == NULL)
		r = in->host->fail(in->err, CSN_E_NOMEM, "no memory for %s",
		                   devices->identities_path);
	at = text;
	while (r == CSN_OK && (row = x509_io_line(&at, &line)) != NULL) {
		if (devices->identity_count < room &&
		    read_identity(row, &devices->identities[devices->identity_count]) == CSN_OK)
			devices->identity_count++;
		else
			r = in->host->fail(in->err, CSN_E_CONFIG,
			                   "%s:%u: wanted DID MAKER SERIAL, the id as 32 hex digits",
			                   devices->identities_path, line);
	}
	devices->has_identities = true;
	free(text);
	return r;
}

int
x509_devices_load(struct x509_devices *devices, const struct csn_host *host,
                  struct csn_error *err)
{
	struct x509_io in = { host, err };
	int           r = CSN_OK;

	if (devices->makers_path == NULL && !(devices->allow_alone && devices->allow_path != NULL))
		return host->fail(err, CSN_E_CONFIG,
		                  "the profile %s wants makers, or allow with allow_alone",
		                  x509_profile_name(devices->profile));
	if (devices->makers_path != NULL)
		r = read_makers(&in, devices);
	if (r == CSN_OK)
		r = x509_crl_numbers(&in, devices);
	if (r == CSN_OK && devices->allow_path != NULL) {
		devices->has_allow = true;
		r = read_keys(&in, devices->allow_path, &devices->allow);
	}
	if (r == CSN_OK && devices->deny_path != NULL)
		r = read_keys(&in, devices->deny_path, &devices->deny);
	if (r == CSN_OK && devices->identities_path != NULL)
		r = read_identities(&in, devices);
	if (r == CSN_OK && x509_devices_prepare(devices) < 0)
		r = host->fail(err, CSN_E_INTERNAL, "no hash of what is believed");
	return r;
}
