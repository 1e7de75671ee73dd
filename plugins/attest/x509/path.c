#include "ocsp.h"
#include "path-checks.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define OCSP_SKEW_S 300 /* a responder's clock may be this far ahead          */

static bool
refuse(struct x509_refusal *why, const char *reason, unsigned at)
{
	*why = (struct x509_refusal){ .reason = reason, .at = at };
	return false;
}

static bool
is_self_issued(const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/* What the callback needs to know; the path of a list's issuer is a context below. */
struct verdict_of {
	unsigned                      anchor;
	const struct x509_path_rules *rules;
	bool                          vouched[X509_PATH_MAX]; /* by an OCSP response */
	struct x509_refusal           failed; /* what a response failed by; or NULL  */
};

static const struct verdict_of *
verdict_of(X509_STORE_CTX *ctx)
{
	while (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL)
		ctx = X509_STORE_CTX_get0_parent_ctx(ctx);
	return X509_STORE_CTX_get_app_data(ctx);
}

/* No list covers the certificate at @depth. */
static bool
is_silence_fine(const struct verdict_of *of, int depth)
{
	switch (of->rules->revocation) {
	case X509_REVOCATION_KNOWN:
		return true;
	case X509_REVOCATION_LEAF:
		if (depth > 0)
			return true;
		/* fall through */
	default:
		return depth >= 0 && depth < X509_PATH_MAX && of->vouched[depth];
	}
}

/* Errors that are taken: each of one kind, at one place, or by a named relaxation. */
static bool
is_taken(X509_STORE_CTX *ctx)
{
	const struct verdict_of *of = verdict_of(ctx);
	X509                    *cert = X509_STORE_CTX_get_current_cert(ctx);
	const EVP_PKEY          *key = cert != NULL ? X509_get0_pubkey(cert) : NULL;
	bool at_anchor = X509_STORE_CTX_get0_parent_ctx(ctx) == NULL &&
	                 X509_STORE_CTX_get_error_depth(ctx) == (int)of->anchor;

	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE: /* it is pinned               */
		return at_anchor;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return at_anchor || (X509_STORE_CTX_get0_parent_ctx(ctx) == NULL &&
		                     is_silence_fine(of, X509_STORE_CTX_get_error_depth(ctx)));
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
		return x509_relaxed(of->rules, X509_RELAX_CA_NONCRITICAL);
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
		return x509_relaxed(of->rules, X509_RELAX_AKI);
	case X509_V_ERR_EE_KEY_TOO_SMALL: /* ours looked at the keys already    */
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_DSA &&
		       x509_relaxed(of->rules, X509_RELAX_DSA);
	case X509_V_ERR_CA_MD_TOO_WEAK: /* and at the algorithms                */
		return cert != NULL &&
		       x509_check_sigalg(X509_get_signature_nid(cert), of->rules) == NULL;
	default:
		return false;
	}
}

static int
on_error(int ok, X509_STORE_CTX *ctx)
{
	if (ok || !is_taken(ctx))
		return ok;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static const char *
name_of(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return "x509.signature";
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		return "x509.pathlen";
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_SUBTREE_MINMAX:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
	case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
		return "x509.nc";
	case X509_V_ERR_NO_EXPLICIT_POLICY:
	case X509_V_ERR_INVALID_POLICY_EXTENSION:
		return "x509.policy";
	case X509_V_ERR_AKID_SKID_MISMATCH:
	case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		return "x509.issuer";
	case X509_V_ERR_CERT_REVOKED:
		return "x509.revoked";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return "x509.crl.missing";
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return "x509.crl.issuer";
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
		return "x509.crl.signature";
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
		return "x509.crl.usage";
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return "x509.crl.scope";
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
		return "x509.crl.ext";
	default:
		return "x509.strict";
	}
}

/* OpenSSL must have judged these certificates and no other path. */
static bool
is_same_path(X509_STORE_CTX *ctx, X509 *const *path, unsigned count)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	if (sk_X509_num(chain) != (int)count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (X509_cmp(sk_X509_value(chain, (int)i), path[i]) != 0)
			return false;
	return true;
}

/* The times are ours: OpenSSL ends a certificate one second early. */
#define PATH_FLAGS                                                                     \
	(X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME | \
	 X509_V_FLAG_POLICY_CHECK)
#define CRL_FLAGS                                                                      \
	(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_USE_DELTAS |      \
	 X509_V_FLAG_EXTENDED_CRL_SUPPORT)

static bool
asks_lists(const struct x509_path_rules *rules)
{
	return rules->crls != NULL || rules->revocation != X509_REVOCATION_KNOWN;
}

static bool
set_param(X509_STORE_CTX *ctx, const struct x509_path_rules *rules)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long      flags = PATH_FLAGS;

	flags |= asks_lists(rules) ? CRL_FLAGS : 0;
	flags |= rules->policy_explicit ? X509_V_FLAG_EXPLICIT_POLICY : 0;
	flags |= rules->policy_no_mapping ? X509_V_FLAG_INHIBIT_MAP : 0;
	flags |= rules->policy_no_any ? X509_V_FLAG_INHIBIT_ANY : 0;
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	if (X509_VERIFY_PARAM_set_flags(param, flags) != 1)
		return false;
	/* None named is any (RFC 5280 6.1.1 c); to OpenSSL it would be none at all. */
	return rules->policies != NULL ?
	               X509_VERIFY_PARAM_set1_policies(param, rules->policies) == 1 :
	               X509_VERIFY_PARAM_add0_policy(param, OBJ_dup(OBJ_nid2obj(NID_any_policy))) == 1;
}

/* What one check by OpenSSL works on. */
struct judge {
	X509_STORE         *store;
	X509_STORE_CTX     *ctx;
	STACK_OF(X509)     *trusted, *between;
	STACK_OF(X509_CRL) *crls;
	struct x509_refusal stale; /* reason when a list is missing; or NULL      */
};

static void
judge_free(struct judge *judge)
{
	X509_STORE_CTX_free(judge->ctx);
	X509_STORE_free(judge->store);
	sk_X509_free(judge->trusted);
	sk_X509_free(judge->between);
	sk_X509_CRL_free(judge->crls);
	ERR_clear_error();
}

/* The path first, so that it is found before the issuers of lists. */
static bool
judge_init(struct judge *judge, X509 *const *path, unsigned count,
           const struct x509_path_rules *rules, struct x509_refusal *why)
{
	unsigned        anchor = count - 1;
	STACK_OF(X509) *signers = NULL;
	bool            good = false;

	*judge = (struct judge){ .store = X509_STORE_new(),
		                 .ctx = X509_STORE_CTX_new(),
		                 .trusted = sk_X509_new_null(),
		                 .between = sk_X509_new_null() };
	if (judge->store == NULL || judge->ctx == NULL || judge->trusted == NULL ||
	    judge->between == NULL || sk_X509_push(judge->trusted, path[anchor]) == 0)
		return refuse(why, "x509.fault", 0);
	for (unsigned i = 1; i < anchor; i++)
		if (sk_X509_push(judge->between, path[i]) == 0)
			return refuse(why, "x509.fault", 0);
	if (asks_lists(rules)) {
		judge->crls = x509_usable_crls(path, count, rules, &judge->stale);
		if (judge->crls == NULL)
			return refuse(why, judge->stale.reason, judge->stale.at);
		signers = x509_usable_signers(rules);
		/* The path of a list's issuer ends in the store. */
		good = signers != NULL && X509_STORE_add_cert(judge->store, path[anchor]) == 1;
		for (int i = 0; good && i < sk_X509_num(signers); i++)
			good = sk_X509_push(judge->between, sk_X509_value(signers, i)) > 0;
		sk_X509_free(signers);
		if (!good)
			return refuse(why, "x509.fault", 0);
	}
	if (X509_STORE_CTX_init(judge->ctx, judge->store, path[0], judge->between) != 1)
		return refuse(why, "x509.fault", 0);
	X509_STORE_CTX_set0_trusted_stack(judge->ctx, judge->trusted);
	if (judge->crls != NULL)
		X509_STORE_CTX_set0_crls(judge->ctx, judge->crls);
	return set_param(judge->ctx, rules) || refuse(why, "x509.fault", 0);
}

/*
 * What the responses say of each certificate.  One that is not good vouches for nothing;
 * a revocation refuses.  The issuers' own signatures are checked after this.
 */
static bool
ask_responses(X509 *const *path, unsigned count, const struct x509_path_rules *rules,
              struct verdict_of *of, struct x509_refusal *why)
{
	struct x509_ocsp_rules ocsp = {
		.unix_s = rules->unix_s,
		.skew_s = OCSP_SKEW_S,
		.max_age_s = rules->ocsp_max_age_s,
		.sha1 = (rules->relax & X509_RELAX_SHA1) != 0,
	};

	for (size_t k = 0; k < rules->ocsp_count; k++)
		for (unsigned i = 0; i + 1 < count; i++) {
			const char *reason =
				x509_ocsp_check(rules->ocsp[k], path[i], path[i + 1], &ocsp);
			if (reason == NULL)
				of->vouched[i] = true;
			else if (strcmp(reason, "x509.ocsp.revoked") == 0)
				return refuse(why, reason, i);
			else if (strcmp(reason, "x509.ocsp.issuer") != 0 &&
			         strcmp(reason, "x509.ocsp.other") != 0)
				of->failed = (struct x509_refusal){ reason, i };
		}
	return true;
}

static bool
check_openssl(X509 *const *path, unsigned count, const struct x509_path_rules *rules,
              struct x509_refusal *why)
{
	struct verdict_of of = { .anchor = count - 1, .rules = rules };
	struct judge      judge = { .store = NULL };
	bool              good = ask_responses(path, count, rules, &of, why) &&
	            judge_init(&judge, path, count, rules, why);

	if (!good)
		goto done;
	X509_STORE_CTX_set_app_data(judge.ctx, &of);
	X509_STORE_CTX_set_verify_cb(judge.ctx, on_error);
	if (X509_verify_cert(judge.ctx) == 1) {
		good = is_same_path(judge.ctx, path, count) || refuse(why, "x509.path", 0);
		goto done;
	}
	good = refuse(why, name_of(X509_STORE_CTX_get_error(judge.ctx)),
	              (unsigned)X509_STORE_CTX_get_error_depth(judge.ctx));
	/* When something is missing, what was there and did not do is the better reason. */
	if (X509_STORE_CTX_get_error(judge.ctx) == X509_V_ERR_UNABLE_TO_GET_CRL)
		*why = judge.stale.reason != NULL ? judge.stale :
		       of.failed.reason != NULL   ? of.failed :
		                                    *why;
done:
	judge_free(&judge);
	return good;
}

static enum x509_place
place_of(unsigned at, unsigned count)
{
	return at == 0 ? X509_LEAF : at == count - 1 ? X509_ANCHOR : X509_INTERMEDIATE;
}

/* What needs two certificates of the path, or all of them. */
static bool
check_links(X509 *const *path, unsigned count, const struct x509_path_rules *rules,
            struct x509_refusal *why)
{
	int         between = 0;
	const char *reason = NULL;

	for (unsigned i = 1; i + 1 < count; i++)
		between += !is_self_issued(path[i]);
	if (rules->max_intermediates != X509_PATH_NO_LIMIT && between > rules->max_intermediates)
		return refuse(why, "x509.depth", count - 1);
	for (unsigned i = 0; i + 1 < count; i++) {
		for (unsigned k = i + 1; reason == NULL && k < count; k++)
			reason = x509_check_wildcards(path[i], path[k]);
		if (reason != NULL)
			return refuse(why, reason, i);
	}
	return true;
}

bool
x509_path_check(X509 *const *path, unsigned count, const struct x509_path_rules *rules,
                struct x509_refusal *why)
{
	if (count < 2 || count > X509_PATH_MAX)
		return refuse(why, "x509.depth", 0);
	for (unsigned i = 0; i < count; i++) {
		const char *reason = x509_check_cert(path[i], place_of(i, count), rules);
		if (reason != NULL)
			return refuse(why, reason, i);
	}
	return check_openssl(path, count, rules, why) && check_links(path, count, rules, why);
}

/* A search in progress. */
struct search {
	const struct x509_path_rules *rules;
	STACK_OF(X509)               *pool, *anchors;
	X509                         *path[X509_PATH_MAX];
	unsigned                      budget;
	struct x509_refusal           why; /* of the longest path that failed */
	unsigned                      why_len;
};

static void
note(struct search *search, struct x509_refusal why, unsigned len)
{
	if (len <= search->why_len)
		return;
	search->why = why;
	search->why_len = len;
}

static bool
signs(struct search *search, X509 *issuer, X509 *cert)
{
	EVP_PKEY *key;

	if (X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(cert)) != 0)
		return false;
	key = X509_get0_pubkey(issuer);
	if (key == NULL || search->budget == 0)
		return false;
	search->budget--;
	bool good = X509_verify(cert, key) == 1;
	ERR_clear_error();
	return good;
}

/* Never one certificate, nor one name with one key, twice in a path. */
static bool
is_used(const struct search *search, unsigned len, X509 *cert)
{
	for (unsigned i = 0; i < len; i++)
		if (X509_NAME_cmp(X509_get_subject_name(search->path[i]),
		                  X509_get_subject_name(cert)) == 0 &&
		    EVP_PKEY_eq(X509_get0_pubkey(search->path[i]), X509_get0_pubkey(cert)) == 1)
			return true;
	return false;
}

static bool
end_at_anchor(struct search *search, unsigned len)
{
	struct x509_refusal why;

	for (int i = 0; i < sk_X509_num(search->anchors); i++) {
		X509 *anchor = sk_X509_value(search->anchors, i);
		/* One that does not verify still tells more than "no path". */
		if (X509_NAME_cmp(X509_get_subject_name(anchor),
		                  X509_get_issuer_name(search->path[len - 1])) != 0 ||
		    search->budget < len)
			continue;
		search->budget -= len;
		search->path[len] = anchor;
		if (x509_path_check(search->path, len + 1, search->rules, &why))
			return true;
		note(search, why, len + 1);
	}
	return false;
}

static bool
extend(struct search *search, unsigned len)
{
	if (len >= X509_PATH_MAX || search->budget == 0)
		return false;
	if (end_at_anchor(search, len))
		return true;
	for (int i = 0; i < sk_X509_num(search->pool); i++) {
		X509       *next = sk_X509_value(search->pool, i);
		if (X509_NAME_cmp(X509_get_subject_name(next),
		                  X509_get_issuer_name(search->path[len - 1])) != 0 ||
		    is_used(search, len, next))
			continue;
		const char *reason = x509_check_cert(next, X509_INTERMEDIATE, search->rules);
		if (reason != NULL) {
			note(search, (struct x509_refusal){ reason, len }, len + 1);
			continue;
		}
		if (!signs(search, next, search->path[len - 1]))
			continue;
		search->path[len] = next;
		if (extend(search, len + 1))
			return true;
	}
	return false;
}

bool
x509_path_find(X509 *leaf, STACK_OF(X509) *pool, STACK_OF(X509) *anchors,
               const struct x509_path_rules *rules, struct x509_refusal *why)
{
	struct search search = {
		.rules = rules,
		.pool = pool,
		.anchors = anchors,
		.path = { leaf },
		.budget = X509_PATH_BUDGET,
		.why = { "x509.anchor", 0 },
	};
	const char *reason = x509_check_cert(leaf, X509_LEAF, rules);

	if (reason != NULL)
		return refuse(why, reason, 0);
	if (extend(&search, 1))
		return true;
	*why = search.why;
	return false;
}
