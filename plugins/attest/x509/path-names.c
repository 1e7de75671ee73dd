#include "path-checks.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

/* Names and constraints are compared with one another: bound the product. */
#define NAMES_MAX 512

static struct csn_bytes
text_of(const ASN1_STRING *string)
{
	return (struct csn_bytes){ ASN1_STRING_get0_data(string),
		                   (size_t)ASN1_STRING_length(string) };
}

/* Labels of letters, digits, '-' and '_', one dot between them. */
static bool
is_host(struct csn_bytes name)
{
	size_t label = 0;

	if (name.len == 0 || name.len > 253)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (c < 0x80 && (isalnum(c) || c == '-' || c == '_')) {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return label > 0;
}

static struct csn_bytes
skip(struct csn_bytes in, size_t n)
{
	return (struct csn_bytes){ in.ptr + n, in.len - n };
}

static bool
is_wildcard(struct csn_bytes name)
{
	return name.len > 2 && name.ptr[0] == '*' && name.ptr[1] == '.';
}

static bool
is_mailbox(struct csn_bytes name)
{
	const uint8_t *at = name.len == 0 ? NULL : memchr(name.ptr, '@', name.len);

	if (at == NULL || at == name.ptr)
		return false;
	return is_host(skip(name, (size_t)(at - name.ptr) + 1));
}

static bool
name_form(const GENERAL_NAME *name)
{
	int              type;
	void            *value = GENERAL_NAME_get0_value(name, &type);
	struct csn_bytes text;

	switch (type) {
	case GEN_DNS:
		text = text_of(value);
		return is_host(is_wildcard(text) ? skip(text, 2) : text);
	case GEN_EMAIL:
		return is_mailbox(text_of(value));
	case GEN_IPADD:
		return ASN1_STRING_length(value) == 4 || ASN1_STRING_length(value) == 16;
	default:
		return true;
	}
}

/* Ones, then zeros. */
static bool
is_mask(struct csn_bytes mask)
{
	bool ended = false;

	for (size_t i = 0; i < 8 * mask.len; i++) {
		bool bit = (mask.ptr[i / 8] >> (7 - i % 8) & 1) != 0;
		if (bit && ended)
			return false;
		ended = ended || !bit;
	}
	return true;
}

static bool
base_form(const GENERAL_NAME *name)
{
	int              type;
	void            *value = GENERAL_NAME_get0_value(name, &type);
	struct csn_bytes text;

	switch (type) {
	case GEN_DNS:
		text = text_of(value);
		return text.len == 0 || is_host(text);
	case GEN_EMAIL:
		text = text_of(value);
		if (text.len > 0 && memchr(text.ptr, '@', text.len) != NULL)
			return is_mailbox(text);
		return text.len > 0 && is_host(text.ptr[0] == '.' ? skip(text, 1) : text);
	case GEN_IPADD:
		text = text_of(value);
		return (text.len == 8 || text.len == 32) && is_mask(skip(text, text.len / 2));
	default:
		return true;
	}
}

static bool
subtrees_form(const STACK_OF(GENERAL_SUBTREE) *trees)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_SUBTREE *tree = sk_GENERAL_SUBTREE_value(trees, i);
		if (!base_form(tree->base) || tree->maximum != NULL ||
		    (tree->minimum != NULL && ASN1_INTEGER_get(tree->minimum) != 0))
			return false;
	}
	return true;
}

static const char *
check_constraints(X509 *cert)
{
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(cert, NID_name_constraints, NULL, NULL);
	const char       *why = NULL;
	int               permitted, excluded;

	if (nc == NULL)
		return NULL;
	permitted = sk_GENERAL_SUBTREE_num(nc->permittedSubtrees);
	excluded = sk_GENERAL_SUBTREE_num(nc->excludedSubtrees);
	if (permitted == 0 || excluded == 0 || (permitted < 0 && excluded < 0) ||
	    permitted > NAMES_MAX || excluded > NAMES_MAX)
		why = "x509.nc.form";
	else if (!subtrees_form(nc->permittedSubtrees) || !subtrees_form(nc->excludedSubtrees))
		why = "x509.nc.form";
	NAME_CONSTRAINTS_free(nc);
	return why;
}

const char *
x509_check_names(X509 *cert, const struct x509_path_rules *rules)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const char    *why = NULL;

	(void)rules;
	if (names != NULL &&
	    (sk_GENERAL_NAME_num(names) == 0 || sk_GENERAL_NAME_num(names) > NAMES_MAX))
		why = "x509.san.form";
	for (int i = 0; why == NULL && i < sk_GENERAL_NAME_num(names); i++)
		if (!name_form(sk_GENERAL_NAME_value(names, i)))
			why = "x509.san.form";
	GENERAL_NAMES_free(names);
	return why != NULL ? why : check_constraints(cert);
}

/* "*.rest" may stand for "label.rest": does the excluded @base begin there? */
static bool
reaches(const GENERAL_NAME *name, const GENERAL_NAME *base)
{
	if (name->type != GEN_DNS || base->type != GEN_DNS)
		return false;
	struct csn_bytes wild = text_of(name->d.dNSName), tree = text_of(base->d.dNSName);
	if (!is_wildcard(wild) || tree.len == 0)
		return false;
	const uint8_t *dot = memchr(tree.ptr, '.', tree.len);
	if (dot == NULL)
		return false;
	struct csn_bytes rest = skip(wild, 1), up = skip(tree, (size_t)(dot - tree.ptr));
	return rest.len == up.len &&
	       strncasecmp((const char *)rest.ptr, (const char *)up.ptr, rest.len) == 0;
}

const char *
x509_check_wildcards(X509 *cert, X509 *issuer)
{
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(issuer, NID_name_constraints, NULL, NULL);
	GENERAL_NAMES    *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int  trees = nc == NULL ? 0 : sk_GENERAL_SUBTREE_num(nc->excludedSubtrees);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		for (int k = 0; !found && k < trees; k++)
			found = reaches(sk_GENERAL_NAME_value(names, i),
			                sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, k)->base);
	GENERAL_NAMES_free(names);
	NAME_CONSTRAINTS_free(nc);
	return found ? "x509.nc.wildcard" : NULL;
}
