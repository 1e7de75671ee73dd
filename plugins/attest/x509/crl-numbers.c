/*
 * The highest number of each revocation list ever loaded, in a file: an old list put back
 * while the station was off does not become the current one again.
 */
#include "device-io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define NUMBER_MAX 20 /* octets of a number (RFC 5280 5.2.3)                       */
#define ROWS_MAX   4096
#define NAME       ".crl-numbers"

struct row {
	uint8_t id[32];
	uint8_t number[NUMBER_MAX]; /* big endian, to the right                    */
	const char *maker; /* of those loaded now                                  */
};

struct rows {
	struct row *rows;
	size_t      count;
};

static bool
feed(EVP_MD_CTX *ctx, const void *bytes, size_t len)
{
	uint8_t head[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
		            (uint8_t)len };

	return EVP_DigestUpdate(ctx, head, sizeof head) == 1 &&
	       (len == 0 || EVP_DigestUpdate(ctx, bytes, len) == 1);
}

static bool
feed_extension(EVP_MD_CTX *ctx, const X509_CRL *crl, int nid)
{
	int                      at = X509_CRL_get_ext_by_NID(crl, nid, -1);
	const ASN1_OCTET_STRING *value =
		at < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));

	return value == NULL ? feed(ctx, "", 0) :
	                       feed(ctx, ASN1_STRING_get0_data(value),
	                            (size_t)ASN1_STRING_length(value));
}

/* Lists are counted by issuer, its key, and what part of its certificates they are about. */
static bool
identify(const struct x509_maker *maker, const X509_CRL *crl, uint8_t ret_id[32])
{
	const unsigned char *name = NULL;
	size_t               name_len = 0;
	EVP_MD_CTX          *ctx = EVP_MD_CTX_new();
	bool delta = X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	            X509_NAME_get0_der(X509_CRL_get_issuer(crl), &name, &name_len) == 1 &&
	            feed(ctx, maker->name, strlen(maker->name)) && feed(ctx, name, name_len) &&
	            feed_extension(ctx, crl, NID_authority_key_identifier) &&
	            feed_extension(ctx, crl, NID_issuing_distribution_point) &&
	            feed(ctx, delta ? "delta" : "", delta ? 5 : 0) &&
	            EVP_DigestFinal_ex(ctx, ret_id, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* False for a list without one, which path checks refuse or relax. */
static bool
number_of(const X509_CRL *crl, uint8_t ret_number[NUMBER_MAX])
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	BIGNUM       *value = number == NULL ? NULL : ASN1_INTEGER_to_BN(number, NULL);
	bool          good = value != NULL && BN_is_negative(value) == 0 &&
	            BN_bn2binpad(value, ret_number, NUMBER_MAX) == NUMBER_MAX;

	BN_free(value);
	ASN1_INTEGER_free(number);
	ERR_clear_error();
	return good;
}

/* ---- the file ----------------------------------------------------------------------- */

static int
read_rows(const struct x509_io *in, const char *path, struct rows *rows)
{
	char    *text = NULL, *at, *line;
	size_t   len;
	unsigned number = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT) /* none was ever loaded            */
		return CSN_OK;
	int r = x509_io_read(in, path, &text, &len);
	at = text;
	while (r == CSN_OK && (line = x509_io_line(&at, &number)) != NULL) {
		struct row *row = &rows->rows[rows->count];
		bool        good = strlen(line) == 64 + 1 + 2 * NUMBER_MAX && line[64] == ' ';
		if (good)
			line[64] = '\0';
		if (rows->count == ROWS_MAX || !good || !x509_io_unhex(line, row->id, 32) ||
		    !x509_io_unhex(line + 65, row->number, NUMBER_MAX))
			r = in->host->fail(in->err, CSN_E_CONFIG, "%s:%u: not a list and its number",
			                   path, number);
		else
			rows->count++;
	}
	free(text);
	return r;
}

static bool
put_row(FILE *file, const struct row *row)
{
	bool good = true;

	for (size_t i = 0; i < sizeof row->id; i++)
		good = good && fprintf(file, "%02x", row->id[i]) == 2;
	good = good && fputc(' ', file) != EOF;
	for (size_t i = 0; i < NUMBER_MAX; i++)
		good = good && fprintf(file, "%02x", row->number[i]) == 2;
	return good && fputc('\n', file) != EOF;
}

/* Whole and durable, or as it was. */
static int
write_rows(const struct x509_io *in, const char *path, const struct rows *rows)
{
	char  next[4200];
	FILE *file;
	bool  good;

	snprintf(next, sizeof next, "%s.new", path);
	file = fopen(next, "we");
	good = file != NULL && fputs("# Numbers of revocation lists that were loaded; none may "
	                             "go down.\n",
	                             file) != EOF;
	for (size_t i = 0; good && i < rows->count; i++)
		good = put_row(file, &rows->rows[i]);
	good = good && fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (file != NULL && fclose(file) != 0)
		good = false;
	if (good && rename(next, path) == 0)
		return CSN_OK;
	return in->host->fail(in->err, CSN_E_IO,
	                      "%s cannot be written (%s): revocation lists could go back", path,
	                      strerror(errno));
}

/* ---- comparing ------------------------------------------------------------------------ */

static struct row *
find(struct rows *rows, const uint8_t id[32])
{
	for (size_t i = 0; i < rows->count; i++)
		if (memcmp(rows->rows[i].id, id, 32) == 0)
			return &rows->rows[i];
	return NULL;
}

/* The highest of one list's numbers: an earlier one beside the later is fine. */
static int
take(const struct x509_io *in, const struct x509_maker *maker, const X509_CRL *crl,
     struct rows *now)
{
	struct row row = { .maker = maker->name };

	if (!number_of(crl, row.number))
		return CSN_OK;
	if (!identify(maker, crl, row.id))
		return in->host->fail(in->err, CSN_E_NOMEM, "no memory for a revocation list");
	struct row *old = find(now, row.id);
	if (old == NULL && now->count == ROWS_MAX)
		return in->host->fail(in->err, CSN_E_TOO_BIG, "more than %d revocation lists",
		                      ROWS_MAX);
	if (old == NULL)
		now->rows[now->count++] = row;
	else if (memcmp(row.number, old->number, NUMBER_MAX) > 0)
		*old = row;
	return CSN_OK;
}

static int
compare(const struct x509_io *in, const struct rows *now, struct rows *kept, bool *ret_changed)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct row *row = &now->rows[i];
		struct row       *old = find(kept, row->id);
		int order = old == NULL ? 1 : memcmp(row->number, old->number, NUMBER_MAX);

		if (order < 0)
			return in->host->fail(in->err, CSN_E_CONFIG,
			                      "x509.crl.rollback: a revocation list of %s has a "
			                      "lower number than one that was loaded before",
			                      row->maker);
		if (old == NULL && kept->count == ROWS_MAX)
			return in->host->fail(in->err, CSN_E_TOO_BIG,
			                      "more than %d revocation lists", ROWS_MAX);
		if (old == NULL)
			old = &kept->rows[kept->count++];
		*old = *row;
		*ret_changed = *ret_changed || order > 0;
	}
	return CSN_OK;
}

static int
take_all(const struct x509_io *in, const struct x509_devices *devices, struct rows *now)
{
	int r = CSN_OK;

	for (size_t i = 0; i < devices->maker_count; i++) {
		const struct x509_maker *maker = &devices->makers[i];
		for (int k = 0; r == CSN_OK && k < sk_X509_CRL_num(maker->crls); k++)
			r = take(in, maker, sk_X509_CRL_value(maker->crls, k), now);
	}
	return r;
}

int
x509_crl_numbers(const struct x509_io *in, const struct x509_devices *devices)
{
	struct rows now = { .rows = calloc(ROWS_MAX, sizeof *now.rows) };
	struct rows kept = { .rows = calloc(ROWS_MAX, sizeof *kept.rows) };
	char        path[4096];
	bool        changed = false;
	int         r = CSN_OK;

	if (now.rows == NULL || kept.rows == NULL)
		r = in->host->fail(in->err, CSN_E_NOMEM, "no memory for revocation lists");
	if (r == CSN_OK)
		r = take_all(in, devices, &now);
	if (r < 0 || now.count == 0)
		goto done;
	if (snprintf(path, sizeof path, "%s/" NAME, devices->makers_path) >= (int)sizeof path)
		r = in->host->fail(in->err, CSN_E_CONFIG, "makers: the path is too long");
	if (r == CSN_OK)
		r = read_rows(in, path, &kept);
	if (r == CSN_OK)
		r = compare(in, &now, &kept, &changed);
	if (r == CSN_OK && changed)
		r = write_rows(in, path, &kept);
done:
	free(now.rows);
	free(kept.rows);
	return r;
}
