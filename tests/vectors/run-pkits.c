#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "../plugins/attest/x509/path.h"
#include "vectors/runners.h"

#define AT_UNIX_S 1735689600 /* 2025-01-01, within the suite's certificates */

static struct csn_bytes
unbase64(const char *text)
{
	size_t   len = text == NULL ? 0 : strlen(text);
	uint8_t *bytes = vec_alloc(len);
	int      n = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)len);

	for (size_t i = len; n > 0 && i > 0 && text[i - 1] == '='; i--)
		n--;
	return (struct csn_bytes){ bytes, n > 0 ? (size_t)n : 0 };
}

static STACK_OF(X509_CRL) *
crls_of(const json_t *list)
{
	STACK_OF(X509_CRL) *stack = sk_X509_CRL_new_null();
	const json_t       *item;
	size_t              i;

	json_array_foreach(list, i, item) {
		struct csn_bytes     der = unbase64(json_string_value(item));
		const unsigned char *p = der.ptr;
		X509_CRL            *crl = d2i_X509_CRL(NULL, &p, (long)der.len);
		if (crl != NULL)
			sk_X509_CRL_push(stack, crl);
	}
	return stack;
}

/* Returns the leaf, which the caller frees; the others go to @pool. */
static X509 *
certs_of(const json_t *row, STACK_OF(X509) *pool)
{
	const json_t *item;
	size_t        i, at = (size_t)vec_int(row, "leaf_index", 0);
	X509         *leaf = NULL;

	json_array_foreach(json_object_get(row, "certs"), i, item) {
		X509 *cert = x509_cert_load(unbase64(json_string_value(item)));
		if (i == at)
			leaf = cert;
		else if (cert != NULL)
			sk_X509_push(pool, cert);
	}
	return leaf;
}

static bool
judge(const json_t *root, const json_t *row, struct x509_refusal *why)
{
	STACK_OF(X509) *pool = sk_X509_new_null(), *anchors = sk_X509_new_null();
	X509           *anchor = x509_cert_load(unbase64(vec_str(root, "trust_anchor", "")));
	X509           *leaf = certs_of(row, pool);
	struct x509_path_rules rules = {
		.unix_s = AT_UNIX_S,
		.max_intermediates = X509_PATH_NO_LIMIT,
		.leaf_ca = true,
		.crls = crls_of(json_object_get(row, "crls")),
	};

	*why = (struct x509_refusal){ "x509.parse", 0 };
	if (anchor != NULL)
		sk_X509_push(anchors, anchor);
	bool good = leaf != NULL && x509_path_find(leaf, pool, anchors, &rules, why);
	X509_free(leaf);
	sk_X509_pop_free(pool, X509_free);
	sk_X509_pop_free(anchors, X509_free);
	sk_X509_CRL_pop_free(rules.crls, X509_CRL_free);
	return good;
}

/* The cases without policy inputs: there is no policy tree here. */
void
run_pkits(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;
	unsigned      false_accepts = 0;

	json_array_foreach(json_object_get(root, "cases"), i, row) {
		struct x509_refusal why;
		if (json_array_size(json_object_get(row, "policy_args")) > 0) {
			vec_skip(v, "cases with inputs of certificate policies");
			continue;
		}
		bool want = strcmp(vec_str(row, "expect", ""), "accept") == 0;
		bool good = judge(root, row, &why);
		false_accepts += good && !want;
		vec_row(v, good == want, "%s %s: %s%s", vec_str(row, "id", "?"),
		        vec_str(row, "name", "?"), good ? "false accept" : "false reject: ",
		        good ? "" : why.reason);
	}
	printf("%s: %u false accepts\n", v->path, false_accepts);
}
