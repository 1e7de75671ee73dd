#include <openssl/evp.h>

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

void
run_cose_wg(struct vec *v, const json_t *root)
{
	const json_t *input = json_object_get(root, "input");
	const json_t *sign0 = json_object_get(input, "sign0");
	uint8_t       pk[65];
	size_t        len = 0;
	unsigned suite = key_of(json_object_get(sign0, "key"), vec_str(sign0, "alg", ""), pk,
	                        &len);

	if (suite == 0) {
		vec_skip(v, "not a COSE_Sign1 with EdDSA or ES256");
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
	if (suite == 0) {
		vec_skip(v, "not EdDSA or ES256");
		return;
	}
	struct csn_bytes item = vec_hex(tagged, "cborHex"), external = vec_hex(row, "external");
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
