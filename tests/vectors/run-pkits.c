#define _DEFAULT_SOURCE /* strsep */

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

static ASN1_OBJECT *
policy_of(const char *name)
{
	char oid[48];

	if (strncmp(name, "$nist", 5) != 0)
		return OBJ_txt2obj(name, 0);
	snprintf(oid, sizeof oid, "2.16.840.1.101.3.2.1.48.%s", name + 5);
	return OBJ_txt2obj(oid, 1);
}

/* The first argument holds the command's options: -policy NAME, -explicit_policy, ... */
static void
policies_of(const json_t *row, struct x509_path_rules *rules)
{
	const json_t *args = json_object_get(row, "policy_args");
	char          text[200], *next = text, *word;
	bool          named = false;

	snprintf(text, sizeof text, "%s",
	         json_array_size(args) > 0 ? json_string_value(json_array_get(args, 0)) : "");
	while ((word = strsep(&next, " ")) != NULL) {
		if (named) {
			if (rules->policies == NULL)
				rules->policies = sk_ASN1_OBJECT_new_null();
			sk_ASN1_OBJECT_push(rules->policies, policy_of(word));
		}
		rules->policy_explicit |= strcmp(word, "-explicit_policy") == 0;
		rules->policy_no_mapping |= strcmp(word, "-inhibit_map") == 0;
		rules->policy_no_any |= strcmp(word, "-inhibit_any") == 0;
		named = strcmp(word, "-policy") == 0;
	}
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
		/* The suite is older than some rules of RFC 5280. */
		.relax = X509_RELAX_LEAF_CA | X509_RELAX_CA_NONCRITICAL | X509_RELAX_SHA1 |
		         X509_RELAX_POLICY_NONCRITICAL | X509_RELAX_DSA,
		.crls = crls_of(json_object_get(row, "crls")),
		.revocation = X509_REVOCATION_ALL,
		.crl_signers = pool,
	};
	policies_of(row, &rules);

	*why = (struct x509_refusal){ "x509.parse", 0 };
	if (anchor != NULL)
		sk_X509_push(anchors, anchor);
	bool good = leaf != NULL && x509_path_find(leaf, pool, anchors, &rules, why);
	X509_free(leaf);
	sk_X509_pop_free(pool, X509_free);
	sk_X509_pop_free(anchors, X509_free);
	sk_X509_CRL_pop_free(rules.crls, X509_CRL_free);
	sk_ASN1_OBJECT_pop_free(rules.policies, ASN1_OBJECT_free);
	return good;
}

/* What is known to deviate, and why. */
static const char *
known_reason(const char *id)
{
	static const struct {
		const char *id, *why;
	} known[] = {
		{ "4.1.5", "OpenSSL does not load a DSA key without parameters" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].id, id) == 0)
			return known[i].why;
	return "not known";
}

void
run_pkits(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;
	unsigned      false_accepts = 0;

	json_array_foreach(json_object_get(root, "cases"), i, row) {
		struct x509_refusal why;
		bool want = strcmp(vec_str(row, "expect", ""), "accept") == 0;
		bool good = judge(root, row, &why);
		false_accepts += good && !want;
		vec_row(v, good == want, "%s %s: %s%s (%s)", vec_str(row, "id", "?"),
		        vec_str(row, "name", "?"), good ? "false accept" : "false reject: ",
		        good ? "" : why.reason, known_reason(vec_str(row, "id", "")));
	}
	printf("%s: %u false accepts\n", v->path, false_accepts);
}
