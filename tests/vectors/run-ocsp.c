#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "../plugins/attest/x509/ocsp.h"
#include "vectors/runners.h"

static BIO *
open_beside(const struct vec *v, const char *name)
{
	char path[700];

	snprintf(path, sizeof path, "%s/%s", v->dir, v->path);
	*strrchr(path, '/') = '\0';
	size_t len = strlen(path);
	snprintf(path + len, sizeof path - len, "/%s", name);
	return BIO_new_file(path, "rb");
}

static struct csn_bytes
response_of(const struct vec *v, const char *name)
{
	BIO     *file = open_beside(v, name), *base64 = BIO_new(BIO_f_base64());
	uint8_t *bytes = vec_alloc(X509_CERT_MAX);
	int      len = 0;

	if (file != NULL)
		len = BIO_read(BIO_push(base64, file), bytes, X509_CERT_MAX);
	BIO_free(base64);
	BIO_free(file);
	return (struct csn_bytes){ bytes, len > 0 ? (size_t)len : 0 };
}

/* OpenSSL's own cases, of 2012: the signatures are over SHA-1, by relaxation. */
void
run_ocsp(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;

	json_array_foreach(root, i, row) {
		bool  want = strcmp(vec_str(row, "expect", ""), "accept") == 0;
		BIO  *bio = open_beside(v, vec_str(row, "ca", ""));
		X509 *issuer = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
		const char *why = "no issuer";
		if (issuer != NULL)
			why = x509_ocsp_authentic(response_of(v, vec_str(row, "response", "")),
			                          issuer, vec_int(row, "at_time", 0), true);
		X509_free(issuer);
		BIO_free(bio);
		if (getenv("CSN_VECTORS_REASONS") != NULL)
			printf("# %s, %s: %s\n", vec_str(row, "group", ""),
			       vec_str(row, "response", ""), why == NULL ? "accepted" : why);
		vec_row(v, (why == NULL) == want, "%s, %s: %s%s", vec_str(row, "group", "?"),
		        vec_str(row, "title", "?"),
		        why == NULL ? "false accept" : "false reject: ", why == NULL ? "" : why);
	}
}
