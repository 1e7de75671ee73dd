#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/attest/eat/eat.h"
#include "vectors/runners.h"

/*
 * Tokens of others.  Sets of claims come as JSON and as CBOR's diagnostic notation; both
 * become the CBOR a token carries and are judged as that.  Whole tokens are verified with
 * the key beside them; where there is none, everything but that signature is.
 */

enum { ROOM = 16384 };

/* ---- claims in JSON ------------------------------------------------------------- */

enum form { BYTES, TEXT, INT, COMPONENTS, REGISTERS, SKIP };

static const struct member {
	const char *name;
	int64_t     first, second; /* labels: PSA's first profile, all others           */
	enum form   form;
} members[] = {
	{ "psa-profile", -75000, 0, TEXT },
	{ "eat-profile", 0, 265, TEXT },
	{ "eat_profile", 0, 265, TEXT },
	{ "psa-client-id", -75001, 2394, INT },
	{ "psa-security-lifecycle", -75002, 2395, INT },
	{ "psa-implementation-id", -75003, 2396, BYTES },
	{ "psa-boot-seed", -75004, 2397, BYTES },
	{ "psa-certification-reference", -75005, 2398, TEXT },
	{ "psa-software-components", -75006, 2399, COMPONENTS },
	{ "psa-no-software-measurements", -75007, 0, INT },
	{ "psa-no-sw-measurement", -75007, 0, INT },
	{ "psa-nonce", -75008, 10, BYTES },
	{ "psa-instance-id", -75009, 256, BYTES },
	{ "psa-verification-service-indicator", -75010, 2400, TEXT },
	{ "cca-platform-profile", 0, 265, TEXT },
	{ "cca-platform-challenge", 0, 10, BYTES },
	{ "cca-platform-implementation-id", 0, 2396, BYTES },
	{ "cca-platform-instance-id", 0, 256, BYTES },
	{ "cca-platform-config", 0, 2401, BYTES },
	{ "cca-platform-lifecycle", 0, 2395, INT },
	{ "cca-platform-sw-components", 0, 2399, COMPONENTS },
	{ "cca-platform-service-indicator", 0, 2400, TEXT },
	{ "cca-platform-hash-algo-id", 0, 2402, TEXT },
	{ "cca-realm-profile", 0, 265, TEXT },
	{ "cca-realm-challenge", 0, 10, BYTES },
	{ "cca-realm-personalization-value", 0, 44235, BYTES },
	{ "cca-realm-hash-algo-id", 0, 44236, TEXT },
	{ "cca-realm-public-key", 0, 44237, BYTES },
	{ "cca-realm-initial-measurement", 0, 44238, BYTES },
	{ "cca-realm-extensible-measurements", 0, 44239, REGISTERS },
	{ "cca-realm-public-key-hash-algo-id", 0, 44240, TEXT },
};

static const struct member parts[] = {
	{ "measurement-type", 1, 1, TEXT },  { "measurement-value", 2, 2, BYTES },
	{ "version", 4, 4, TEXT },           { "signer-id", 5, 5, BYTES },
	{ "measurement-description", 6, 6, TEXT },
};

static void put_object(struct csn_dcbor_out *out, const json_t *object,
                       const struct member *known, size_t count, bool first);

static void
put_base64(struct csn_dcbor_out *out, const json_t *value)
{
	const char *text = json_string_value(value);

	csn_dcbor_put_bytes(out, text == NULL ? CSN_BYTES_NONE :
	                                        vec_unbase64(text, strlen(text)));
}

static void
put_value(struct csn_dcbor_out *out, enum form form, const json_t *value)
{
	const json_t *item;
	size_t        i;

	switch (form) {
	case INT:
		csn_dcbor_put_int(out, json_integer_value(value));
		break;
	case TEXT:
		csn_dcbor_put_text(out, json_is_string(value) ? json_string_value(value) : "");
		break;
	case BYTES:
		put_base64(out, value);
		break;
	default:
		csn_dcbor_put_array(out, json_array_size(value));
		json_array_foreach(value, i, item)
		{
			if (form == REGISTERS)
				put_base64(out, item);
			else
				put_object(out, item, parts, sizeof parts / sizeof *parts, true);
		}
		break;
	}
}

/* Members we have a label for; the others are ignored, as a verifier ignores claims. */
static void
put_object(struct csn_dcbor_out *out, const json_t *object, const struct member *known,
           size_t count, bool first)
{
	size_t pairs = 0;

	for (int round = 0; round < 2; round++) {
		if (round == 1)
			csn_dcbor_put_map(out, pairs);
		for (size_t i = 0; i < count; i++) {
			const json_t *value = json_object_get(object, known[i].name);
			int64_t       label = first ? known[i].first : known[i].second;
			if (value == NULL || label == 0)
				continue;
			pairs += round == 0;
			if (round == 1) {
				csn_dcbor_put_int(out, label);
				put_value(out, known[i].form, value);
			}
		}
	}
}

static bool
claims_good(struct csn_bytes map, bool realm, const char **why)
{
	struct eat_claims claims;

	return eat_read_claims(map, realm, &claims, why) == CSN_OK;
}

static bool
json_good(const json_t *root, bool first, bool realm, const char **why)
{
	uint8_t             *buf = vec_alloc(ROOM);
	struct csn_dcbor_out out;
	struct csn_bytes     map = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, ROOM);
	put_object(&out, root, members, sizeof members / sizeof *members, first);
	csn_dcbor_out_end(&out, &map);
	return claims_good(map, realm, why);
}

/*
 * Two files whose verdict in the manifest comes from their name and is not upstream's:
 * both have no software component, which both specifications ask for.
 */
static const struct {
	const char *name, *because;
} renamed[] = {
	{ "test-sw-components-empty.json", "upstream's own tests refuse it in both profiles" },
	{ "test-no-sw-components.json",
	  "the same claims as test-sw-components-invalid-missing.json" },
};

static bool
wants_reject(struct vec *v)
{
	for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
		if (strstr(v->path, renamed[i].name) != NULL) {
			fprintf(stderr, "%s: to be refused, whatever the manifest: %s\n", v->path,
			        renamed[i].because);
			return true;
		}
	return vec_wants_reject(v);
}

void
run_eat_json(struct vec *v, const json_t *root)
{
	const char *why = "";
	bool realm = strstr(v->path, "realm") != NULL || json_object_get(root, "cca-realm-challenge");
	bool cca = realm || json_object_get(root, "cca-platform-profile") != NULL;
	bool second = cca || json_object_get(root, "eat-profile") != NULL;
	/* Upstream asks this one as a token of the second profile, which wants its name. */
	second = second || strstr(v->path, "profile-invalid-missing") != NULL;
	bool good = json_good(root, !second, realm, &why);

	/* What names both profiles of PSA is refused when either refuses it. */
	if (good && second && json_object_get(root, "psa-profile") != NULL)
		good = json_good(root, true, realm, &why);
	vec_verdict(v, "", !wants_reject(v), good, why);
}

/* ---- diagnostic notation --------------------------------------------------------- */

struct diag {
	const char *pos, *end;
	bool        bad;
};

static void
skip(struct diag *d)
{
	while (d->pos < d->end && (isspace((unsigned char)*d->pos) || *d->pos == '/')) {
		if (*d->pos == '/')
			for (d->pos++; d->pos < d->end && *d->pos != '/';)
				d->pos++;
		if (d->pos < d->end)
			d->pos++;
	}
}

static bool
take(struct diag *d, char c)
{
	skip(d);
	if (d->pos < d->end && *d->pos == c) {
		d->pos++;
		return true;
	}
	return false;
}

static void put_diag(struct diag *d, struct csn_dcbor_out *out);

/* Members go to memory of their own first: the head needs their number. */
static void
put_list(struct diag *d, struct csn_dcbor_out *out, bool map)
{
	uint8_t             *buf = vec_alloc(ROOM);
	struct csn_dcbor_out inner;
	struct csn_bytes     bytes = CSN_BYTES_NONE;
	size_t               n = 0;
	char                 close = map ? '}' : ']';

	csn_dcbor_out_init(&inner, buf, ROOM);
	while (!d->bad && !take(d, close)) {
		put_diag(d, &inner);
		if (map) {
			d->bad |= !take(d, ':');
			put_diag(d, &inner);
		}
		n++;
		take(d, ',');
		d->bad |= d->pos >= d->end;
	}
	if (map)
		csn_dcbor_put_map(out, n);
	else
		csn_dcbor_put_array(out, n);
	csn_dcbor_out_end(&inner, &bytes);
	csn_dcbor_put_raw(out, bytes);
}

static void
put_string(struct diag *d, struct csn_dcbor_out *out, char quote, bool hex)
{
	const char *start = d->pos;

	while (d->pos < d->end && *d->pos != quote)
		d->pos++;
	size_t len = (size_t)(d->pos - start);
	char  *text = vec_alloc(len);
	memcpy(text, start, len);
	d->bad |= d->pos >= d->end;
	d->pos++;
	if (hex)
		csn_dcbor_put_bytes(out, vec_unhex(text));
	else
		csn_dcbor_put_text(out, text);
}

static void
put_diag(struct diag *d, struct csn_dcbor_out *out)
{
	char *end;

	skip(d);
	if (take(d, '{')) {
		put_list(d, out, true);
	} else if (take(d, '[')) {
		put_list(d, out, false);
	} else if (take(d, '"')) {
		put_string(d, out, '"', false);
	} else if (take(d, 'h') && take(d, '\'')) {
		put_string(d, out, '\'', true);
	} else {
		long long number = strtoll(d->pos, &end, 10);
		d->bad |= end == d->pos;
		d->pos = end;
		csn_dcbor_put_int(out, number);
	}
}

void
run_eat_diag(struct vec *v, const json_t *root)
{
	struct csn_bytes     file = vec_file(v), map = CSN_BYTES_NONE;
	struct diag          d = { (const char *)file.ptr, (const char *)file.ptr + file.len, false };
	uint8_t             *buf = vec_alloc(ROOM);
	struct csn_dcbor_out out;
	const char          *why = "diagnostic notation";

	(void)root;
	csn_dcbor_out_init(&out, buf, ROOM);
	put_diag(&d, &out);
	csn_dcbor_out_end(&out, &map);
	bool good = !d.bad && claims_good(map, strstr(v->path, "realm") != NULL, &why);
	bool reject = strstr(v->path, "Missing") != NULL || strstr(v->path, "Invalid") != NULL;
	if (vec_expect(v) != NULL)
		reject = vec_wants_reject(v);
	vec_verdict(v, "", !reject, good, why);
}

/* ---- whole tokens ------------------------------------------------------------------ */

/* Keys a CoRIM beside the token names. */
static bool
signed_by_corim(const struct vec *v, const struct csn_cose_any *cose, bool *ret_any)
{
	struct csn_corim_policy policy = { .unsigned_ok = true, .any_time = true };
	char                    pattern[800];
	glob_t                  found = { 0 };
	bool                    good = false;

	snprintf(pattern, sizeof pattern, "%s/corim/*valid.cbor", vec_folder(v));
	if (glob(pattern, 0, NULL, &found) != 0)
		found.gl_pathc = 0;
	for (size_t k = 0; k < found.gl_pathc && !good; k++) {
		struct csn_corim corim = { 0 };
		const char      *why;
		if (csn_corim_read(vec_read(found.gl_pathv[k]), &policy, &corim, &why) < 0)
			continue;
		for (size_t t = 0; t < corim.count && !good; t++) {
			struct csn_corim_value value;
			struct csn_pubkey      key = { 0 };
			if (corim.triples[t].kind != CSN_CORIM_ATTEST ||
			    !csn_corim_key(corim.triples[t].keys, 0, &value) ||
			    csn_pubkey_from_pem(value.bytes, &key, NULL) < 0)
				continue;
			*ret_any = true;
			good = csn_cose_any_verify(cose, &key, CSN_BYTES_NONE, CSN_BYTES_NONE,
			                           NULL) == CSN_OK;
			csn_pubkey_done(&key);
		}
		csn_corim_done(&corim);
	}
	globfree(&found);
	return good;
}

/* Does the token verify under one of the keys around it?  *ret_any: is there any. */
static bool
signed_by_any(const struct vec *v, const struct csn_cose_any *cose, bool *ret_any)
{
	static const char *const around[] = { "%s/*.pem", "%s/src/*.jwk", "%s/../*.pem" };
	bool good = false;

	*ret_any = false;
	for (size_t i = 0; i < sizeof around / sizeof *around && !good; i++) {
		char   pattern[800];
		glob_t found = { 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(pattern, sizeof pattern, around[i], vec_folder(v));
#pragma GCC diagnostic pop
		if (glob(pattern, 0, NULL, &found) != 0)
			found.gl_pathc = 0;
		for (size_t k = 0; k < found.gl_pathc && !good; k++) {
			struct csn_pubkey key = { 0 };
			if (!vec_public_key(found.gl_pathv[k], &key))
				continue;
			*ret_any = true;
			good = csn_cose_any_verify(cose, &key, CSN_BYTES_NONE, CSN_BYTES_NONE,
			                           NULL) == CSN_OK;
			csn_pubkey_done(&key);
		}
		globfree(&found);
	}
	return good || signed_by_corim(v, cose, ret_any);
}

static bool
token_good(const struct vec *v, struct csn_bytes token, bool realm, struct eat_claims *claims,
           const char **why)
{
	struct csn_cose_any cose;
	bool                mac = token.len > 0 && token.ptr[0] == 0xd1, any = false;

	if (csn_cose_any_parse(token, mac ? CSN_COSE_MAC0 : CSN_COSE_SIGN1, &cose, why) < 0 ||
	    eat_read_claims(cose.payload, realm, claims, why) < 0)
		return false;
	if (realm) {
		struct csn_pubkey key = { 0 };
		bool good = eat_realm_key(claims, &key, why) == CSN_OK &&
		            csn_cose_any_verify(&cose, &key, CSN_BYTES_NONE, CSN_BYTES_NONE,
		                                why) == CSN_OK;
		csn_pubkey_done(&key);
		return good;
	}
	if (mac) {
		fprintf(stderr, "%s: its MAC is not checked: the secret is not with it\n", v->path);
		return true;
	}
	if (signed_by_any(v, &cose, &any))
		return true;
	*why = "no key beside it signed it";
	if (!any)
		fprintf(stderr, "%s: its signature is not checked: no key is with it\n", v->path);
	return !any;
}

void
run_eat_token(struct vec *v, const json_t *root)
{
	struct csn_bytes  file = vec_file(v), tokens[2];
	struct eat_claims claims, inner;
	const char       *why = "";
	bool              good;

	(void)root;
	/* Parsec wraps the collection: "pat" beside its own key's statement. */
	struct csn_bytes pat = csn_scbor_check(file) == CSN_OK ? csn_scbor_find_text(file, "pat") :
	                                                         CSN_BYTES_NONE;
	if (pat.len != 0)
		file = pat;
	if (eat_split_cca(file, &tokens[0], &tokens[1])) {
		good = token_good(v, tokens[0], false, &claims, &why) &&
		       token_good(v, tokens[1], true, &inner, &why);
		if (good && !eat_realm_bound(&claims, &inner)) {
			good = false;
			why = "the platform does not vouch for the realm's key";
		}
	} else {
		good = token_good(v, file, false, &claims, &why);
	}
	vec_verdict(v, "", !vec_wants_reject(v), good, why);
}
