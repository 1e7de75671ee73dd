#include <openssl/evp.h>

#include "lib/cose-any.h"
#include "lib/cose.h"
#include "lib/crypto-openssl.h"
#include "vectors/runners.h"

#define TAG_SIGN1 0xd2

/* base64url without padding, as in a JSON web key. */
static struct csn_bytes
base64url(const json_t *object, const char *key)
{
	const char *s   = vec_str(object, key, "");
	size_t      len = strlen(s), at = 0;
	uint8_t    *out = vec_alloc(len);
	unsigned    bits = 0, held = 0;
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < len; i++) {
		const char *p = strchr(alphabet, s[i]);
		if (p == NULL)
			return CSN_BYTES_NONE;
		bits = bits << 6 | (unsigned)(p - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[at++] = (uint8_t)(bits >> held);
		}
	}
	return (struct csn_bytes){ out, at };
}

/* The suite whose signature a key makes, and the raw public key; 0 for any other. */
static unsigned
key_of(const json_t *key, const char *alg, uint8_t ret_pk[65], size_t *ret_len)
{
	const char *crv = vec_str(key, "crv", "");

	if (strcmp(alg, "ES256") == 0 && strcmp(crv, "P-256") == 0) {
		struct csn_bytes x = base64url(key, "x"), y = base64url(key, "y");
		if (x.len != 32 || y.len != 32)
			return 0;
		ret_pk[0] = 4;
		memcpy(ret_pk + 1, x.ptr, 32);
		memcpy(ret_pk + 33, y.ptr, 32);
		*ret_len = 65;
		return CSN_SUITE_P256;
	}
	if (strcmp(alg, "EdDSA") == 0 && strcmp(crv, "Ed25519") == 0) {
		struct csn_bytes x = vec_hex(key, "x_hex");
		if (x.len == 0)
			x = base64url(key, "x");
		if (x.len != 32)
			return 0;
		memcpy(ret_pk, x.ptr, 32);
		*ret_len = 32;
		return CSN_SUITE_X25519;
	}
	return 0;
}

/* What a row says about one tagged COSE_Sign1. */
struct sign1 {
	const char      *name;
	unsigned         suite;
	struct csn_bytes pk, tagged, tbs, external;
	bool             good;
};

/*
 * The profile has one protected header and no external data, so a good item is either
 * verified whole, or refused by the header check while its signature over the bytes the
 * row names is good.  A bad one must fail somewhere.
 */
static void
judge(struct vec *v, const struct sign1 *s)
{
	const struct csn_crypto *c      = csn_crypto_openssl();
	struct csn_bytes         item   = s->tagged;
	struct csn_cose          cose   = { 0 };
	struct csn_bytes         payload = CSN_BYTES_NONE;

	if (item.len > 0 && item.ptr[0] == TAG_SIGN1) {
		item.ptr++;
		item.len--;
	}
	bool parsed = csn_dcbor_check(item) == CSN_OK && csn_cose_parse(item, &cose) == CSN_OK;
	payload     = cose.payload;
	bool whole = parsed && s->external.len == 0 &&
	             csn_cose_verify(c, &cose, s->suite, s->pk, payload) == CSN_OK;
	if (!s->good) {
		vec_row(v, !whole, "%s: a bad item passed", s->name);
		return;
	}
	if (!parsed) {
		vec_skip(v, "%s: is not deterministic CBOR, refused", s->name);
		return;
	}
	/* None of these carries a chain, so each kind's header rule refuses them. */
	bool refused = parsed &&
	               csn_cose_headers(&cose, s->suite, CSN_COSE_OBJECT) == CSN_E_PROTOCOL;
	bool direct = parsed && c->verify(c->self, s->suite, s->pk, &s->tbs, 1, cose.sig) ==
	                                CSN_OK;
	vec_row(v, refused && (whole || direct), "%s: parsed %d, header rule %d, verified %d",
	        s->name, parsed, refused, whole || direct);
}

/* The public key of a row for the reader of others' messages; false for a kind it lacks. */
static bool
any_key(const json_t *key, struct csn_pubkey *ret_key)
{
	static const struct {
		const char       *crv;
		enum csn_key_kind kind;
		size_t            half;
	} curves[] = { { "P-256", CSN_KEY_P256, 32 }, { "P-384", CSN_KEY_P384, 48 },
		       { "P-521", CSN_KEY_P521, 66 } };
	const char      *crv = vec_str(key, "crv", "");
	uint8_t          point[133] = { 4 };
	struct csn_bytes x = vec_hex(key, "x_hex").len > 0 ? vec_hex(key, "x_hex") :
	                                                      base64url(key, "x");

	if (strcmp(crv, "Ed25519") == 0)
		return csn_pubkey_from_raw(CSN_KEY_ED25519, x, ret_key, NULL) == CSN_OK;
	struct csn_bytes y = vec_hex(key, "y_hex").len > 0 ? vec_hex(key, "y_hex") :
	                                                      base64url(key, "y");
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		size_t half = curves[i].half;
		if (strcmp(crv, curves[i].crv) != 0 || x.len > half || y.len > half)
			continue;
		memcpy(point + 1 + half - x.len, x.ptr, x.len);
		memcpy(point + 1 + 2 * half - y.len, y.ptr, y.len);
		return csn_pubkey_from_raw(curves[i].kind,
		                           (struct csn_bytes){ point, 1 + 2 * half }, ret_key,
		                           NULL) == CSN_OK;
	}
	return false;
}

/*
 * A Sign1 or Mac0 of any algorithm as lib/cose-any.h reads it.  What has its algorithm
 * outside the protected header is refused by rule, also where upstream takes it.
 */
static void
judge_any(struct vec *v, const char *name, const json_t *key, enum csn_cose_form form,
          struct csn_bytes item, struct csn_bytes external, bool good)
{
	struct csn_cose_any cose;
	struct csn_pubkey   pub = { 0 };
	struct csn_bytes    secret = vec_hex(key, "k_hex");
	const char         *why = "";
	int                 r = csn_cose_any_parse(item, form, &cose, &why);

	if (secret.len == 0)
		secret = base64url(key, "k");
	if (r < 0 && good) {
		vec_skip(v, "%s: %s is refused by rule", name, why);
		return;
	}
	if (r == CSN_OK && form == CSN_COSE_MAC0) {
		r = csn_cose_any_mac(&cose, secret, external, CSN_BYTES_NONE, &why);
	} else if (r == CSN_OK) {
		if (!any_key(key, &pub)) {
			vec_skip(v, "%s: a key of a kind we do not take", name);
			return;
		}
		r = csn_cose_any_verify(&cose, &pub, external, CSN_BYTES_NONE, &why);
	}
	csn_pubkey_done(&pub);
	if (good && form == CSN_COSE_MAC0 && r < 0 && strcmp(why, "cose.alg") == 0) {
		vec_skip(v, "%s: a MAC that is no HMAC", name);
		return;
	}
	vec_verdict(v, "as others' messages: ", good, r == CSN_OK, why);
}

static void
run_cose_wg_profile(struct vec *v, const json_t *root)
{
	const json_t *input = json_object_get(root, "input");
	const json_t *sign0 = json_object_get(input, "sign0");
	uint8_t       pk[65];
	size_t        len = 0;
	unsigned suite = key_of(json_object_get(sign0, "key"), vec_str(sign0, "alg", ""), pk,
	                        &len);

	if (suite == 0) {
		vec_skip(v, "not of the profile: no COSE_Sign1 with EdDSA or ES256");
		return;
	}
	judge(v, &(struct sign1){
			 .name     = vec_str(root, "title", ""),
			 .suite    = suite,
			 .pk       = { pk, len },
			 .tagged   = vec_hex(json_object_get(root, "output"), "cbor"),
			 .tbs      = vec_hex(json_object_get(root, "intermediates"),
		                             "ToBeSign_hex"),
			 .external = vec_hex(sign0, "external"),
			 .good     = !json_is_true(json_object_get(root, "fail")),
		 });
}

void
run_cose_wg(struct vec *v, const json_t *root)
{
	const json_t *any = json_object_get(json_object_get(root, "input"), "sign0");
	const json_t *mac = json_object_get(json_object_get(root, "input"), "mac0");
	struct csn_bytes output = vec_hex(json_object_get(root, "output"), "cbor");
	bool             fine = !json_is_true(json_object_get(root, "fail"));

	if (mac != NULL) {
		const json_t *first = json_array_get(json_object_get(mac, "recipients"), 0);
		judge_any(v, vec_str(root, "title", ""), json_object_get(first, "key"),
		          CSN_COSE_MAC0, output, vec_hex(mac, "external"), fine);
		return;
	}
	if (any != NULL)
		judge_any(v, vec_str(root, "title", ""), json_object_get(any, "key"),
		          CSN_COSE_SIGN1, output, vec_hex(any, "external"), fine);
	run_cose_wg_profile(v, root);
}

/* Sig_structure for a row that does not give it. */
static struct csn_bytes
tbs_of(struct csn_bytes tagged, struct csn_bytes external)
{
	struct csn_cose      cose = { 0 };
	uint8_t             *buf  = vec_alloc(tagged.len + external.len + 64);
	struct csn_dcbor_out out;
	struct csn_bytes     tbs = CSN_BYTES_NONE;

	if (tagged.len < 1 ||
	    csn_cose_parse((struct csn_bytes){ tagged.ptr + 1, tagged.len - 1 }, &cose) < 0)
		return tbs;
	csn_dcbor_out_init(&out, buf, tagged.len + external.len + 64);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_text(&out, "Signature1");
	csn_dcbor_put_bytes(&out, cose.protect);
	csn_dcbor_put_bytes(&out, external);
	csn_dcbor_put_bytes(&out, cose.payload);
	csn_dcbor_out_end(&out, &tbs);
	return tbs;
}

void
run_gluecose(struct vec *v, const json_t *root)
{
	const json_t *row = json_object_get(root, "sign1::verify");
	uint8_t       pk[65];
	size_t        len   = 0;
	unsigned suite = key_of(json_object_get(root, "key"), vec_str(root, "alg", ""), pk,
	                        &len);
	const json_t *tagged = json_object_get(row, "taggedCOSESign1");
	const json_t *good   = json_object_get(row, "shouldVerify");

	if (row == NULL) {
		row    = json_object_get(root, "sign1::sign");
		tagged = json_object_get(row, "expectedOutput");
		good   = json_true();
	}
	struct csn_bytes item = vec_hex(tagged, "cborHex"), external = vec_hex(row, "external");
	judge_any(v, vec_str(root, "title", ""), json_object_get(root, "key"), CSN_COSE_SIGN1, item,
	          external, json_is_true(good));
	if (suite == 0) {
		vec_skip(v, "not of the profile: no EdDSA or ES256");
		return;
	}
	struct csn_bytes tbs = vec_hex(json_object_get(row, "tbsHex"), "cborHex");
	judge(v, &(struct sign1){
			 .name     = vec_str(root, "title", ""),
			 .suite    = suite,
			 .pk       = { pk, len },
			 .tagged   = item,
			 .tbs      = tbs.len > 0 ? tbs : tbs_of(item, external),
			 .external = external,
			 .good     = json_is_true(good),
		 });
}
