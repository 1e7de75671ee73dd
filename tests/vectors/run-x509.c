#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../plugins/attest/x509/path.h"
#include "vectors/runners.h"

/*
 * x509-limbo.  Its namespaces are profiles: "webpki" takes name constraints that are not
 * critical and no CA certificate as leaf; everything else is RFC 5280 alone.
 */

static X509 *
cert_of(const json_t *pem)
{
	const char *text = json_string_value(pem);
	BIO        *bio = text == NULL ? NULL : BIO_new_mem_buf(text, -1);
	uint8_t    *der = NULL;
	long        len = 0;
	X509       *cert = NULL;

	if (bio != NULL && PEM_bytes_read_bio(&der, &len, NULL, PEM_STRING_X509, bio, NULL,
	                                      NULL) == 1)
		cert = x509_cert_load((struct csn_bytes){ der, (size_t)len });
	OPENSSL_free(der);
	BIO_free(bio);
	ERR_clear_error();
	return cert;
}

/* A certificate that does not parse is not there: it can only make paths fewer. */
static STACK_OF(X509) *
certs_of(const json_t *list)
{
	STACK_OF(X509) *stack = sk_X509_new_null();
	const json_t   *item;
	size_t          i;

	json_array_foreach(list, i, item) {
		X509 *cert = cert_of(item);
		if (cert != NULL)
			sk_X509_push(stack, cert);
	}
	return stack;
}

static STACK_OF(X509_CRL) *
crls_of(const json_t *list)
{
	STACK_OF(X509_CRL) *stack = NULL;
	const json_t       *item;
	size_t              i;

	json_array_foreach(list, i, item) {
		BIO      *bio = BIO_new_mem_buf(json_string_value(item), -1);
		X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
		BIO_free(bio);
		if (stack == NULL)
			stack = sk_X509_CRL_new_null();
		if (crl != NULL)
			sk_X509_CRL_push(stack, crl);
	}
	ERR_clear_error();
	return stack;
}

/* "2024-03-01T00:00:00[.999]+00:00"; a case without a time means now. */
static int64_t
time_of(const json_t *row)
{
	const char *text = vec_str(row, "validation_time", "");
	struct tm   tm = { 0 };
	int         days;

	if (sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
	           &tm.tm_min, &tm.tm_sec) != 6)
		return (int64_t)time(NULL);
	/* Days from the civil date, with years that begin in March. */
	int y = tm.tm_year - (tm.tm_mon <= 2), m = (tm.tm_mon + 9) % 12;
	days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + tm.tm_mday - 1 - 719468;
	return (int64_t)days * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

static int
eku_of(const json_t *row)
{
	const char *first = json_string_value(
		json_array_get(json_object_get(row, "extended_key_usage"), 0));

	if (first != NULL)
		return OBJ_txt2nid(first);
	return strcmp(vec_str(row, "validation_kind", ""), "SERVER") == 0 ? NID_server_auth :
	                                                                    NID_client_auth;
}

static bool
name_fits(X509 *leaf, const json_t *peer)
{
	const char  *kind = vec_str(peer, "kind", ""), *value = vec_str(peer, "value", "");
	unsigned int flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	                     X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	if (strcmp(kind, "DNS") == 0)
		return X509_check_host(leaf, value, 0, flags, NULL) == 1;
	if (strcmp(kind, "IP") == 0)
		return X509_check_ip_asc(leaf, value, flags) == 1;
	return true;
}

static bool
judge(const json_t *row, X509 *leaf, struct x509_refusal *why)
{
	bool web = strncmp(vec_str(row, "id", ""), "webpki::", 8) == 0;
	STACK_OF(X509)        *pool = certs_of(json_object_get(row, "untrusted_intermediates"));
	STACK_OF(X509)        *anchors = certs_of(json_object_get(row, "trusted_certs"));
	struct x509_path_rules rules = {
		.unix_s = time_of(row),
		.eku = eku_of(row),
		.max_intermediates = (int)vec_int(row, "max_chain_depth", X509_PATH_NO_LIMIT),
		.relax = web ? X509_RELAX_NC_NONCRITICAL : X509_RELAX_LEAF_CA,
		.crls = crls_of(json_object_get(row, "crls")),
	};

	if (rules.crls != NULL)
		rules.revocation = X509_REVOCATION_ALL;
	bool good = x509_path_find(leaf, pool, anchors, &rules, why);
	if (good && !name_fits(leaf, json_object_get(row, "expected_peer_name"))) {
		*why = (struct x509_refusal){ "name", 0 };
		good = false;
	}
	sk_X509_pop_free(pool, X509_free);
	sk_X509_pop_free(anchors, X509_free);
	sk_X509_CRL_pop_free(rules.crls, X509_CRL_free);
	return good;
}

void
run_x509_limbo(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;
	unsigned      false_accepts = 0;
	bool          show = getenv("CSN_VECTORS_REASONS") != NULL;

	json_array_foreach(json_object_get(root, "testcases"), i, row) {
		struct x509_refusal why = { "x509.parse", 0 };
		bool  want = strcmp(vec_str(row, "expected_result", ""), "SUCCESS") == 0;
		X509 *leaf = cert_of(json_object_get(row, "peer_certificate"));
		bool  good = leaf != NULL && judge(row, leaf, &why);
		X509_free(leaf);
		false_accepts += good && !want;
		if (show)
			printf("# %s: %s at %u\n", vec_str(row, "id", "?"),
			       good ? "accepted" : why.reason, good ? 0 : why.at);
		vec_row(v, good == want, "%s: %s%s", vec_str(row, "id", "?"),
		        good ? "false accept" : "false reject: ", good ? "" : why.reason);
	}
	printf("%s: %u false accepts\n", v->path, false_accepts);
}
