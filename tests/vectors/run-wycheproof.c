#include "lib/crypto-openssl.h"
#include "lib/kdf.h"
#include "vectors/runners.h"

typedef void row_fn(struct vec *v, const json_t *group, const json_t *row);

static void
each(struct vec *v, const json_t *root, row_fn *run)
{
	const json_t *group, *row;
	size_t        i, k;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
		json_array_foreach(json_object_get(group, "tests"), k, row)
			run(v, group, row);
}

static bool
has_result(const json_t *row, const char *want)
{
	return strcmp(vec_str(row, "result", ""), want) == 0;
}

static bool
has_flag(const json_t *row, const char *want)
{
	const json_t *flag;
	size_t        i;

	json_array_foreach(json_object_get(row, "flags"), i, flag)
		if (strcmp(json_string_value(flag), want) == 0)
			return true;
	return false;
}

static bool
report(struct vec *v, const json_t *row, bool pass)
{
	return vec_row(v, pass, "tcId %lld (%s), %s", vec_int(row, "tcId", 0),
	               vec_str(row, "comment", ""), vec_str(row, "result", ""));
}

static void
hkdf_row(struct vec *v, const json_t *group, const json_t *row)
{
	size_t           len = (size_t)vec_int(row, "size", 0);
	uint8_t         *okm = vec_alloc(len);
	struct csn_bytes want = vec_hex(row, "okm");

	(void)group;
	int r = csn_kdf(csn_crypto_openssl(), vec_hex(row, "salt"), vec_hex(row, "ikm"),
	                vec_hex(row, "info"), okm, len);
	report(v, row,
	       has_result(row, "valid")
	               ? r == CSN_OK && vec_same((struct csn_bytes){ okm, len }, want)
	               : r == CSN_E_INVALID);
}

static void
hmac_row(struct vec *v, const json_t *group, const json_t *row)
{
	const struct csn_crypto *c   = csn_crypto_openssl();
	struct csn_bytes         msg = vec_hex(row, "msg"), tag = vec_hex(row, "tag");
	uint8_t                  mac[32];

	int  r    = c->hmac_sha256(c->self, vec_hex(row, "key"), &msg, 1, mac);
	bool same = tag.len * 8 == (size_t)vec_int(group, "tagSize", 0) &&
	            vec_same((struct csn_bytes){ mac, tag.len }, tag);
	report(v, row, r == CSN_OK && same == has_result(row, "valid"));
}

static void
aead_row(struct vec *v, const json_t *group, const json_t *row)
{
	const struct csn_crypto *c     = csn_crypto_openssl();
	bool                     gcm   = strstr(v->path, "aes_gcm") != NULL;
	unsigned                 suite = gcm ? CSN_SUITE_P256 : CSN_SUITE_X25519;

	if (vec_int(group, "ivSize", 0) != 96 || vec_int(group, "tagSize", 0) != 128 ||
	    (size_t)vec_int(group, "keySize", 0) != 8 * csn_suite_key_len(suite)) {
		vec_skip(v, "a key, nonce or tag length the suite does not have");
		return;
	}
	struct csn_bytes key = vec_hex(row, "key"), iv = vec_hex(row, "iv");
	struct csn_bytes aad = vec_hex(row, "aad"), msg = vec_hex(row, "msg");
	struct csn_bytes ct = vec_hex(row, "ct"), tag = vec_hex(row, "tag");
	uint8_t         *sealed = vec_alloc(ct.len + tag.len), *plain = vec_alloc(ct.len);
	memcpy(sealed, ct.ptr, ct.len);
	memcpy(sealed + ct.len, tag.ptr, tag.len);
	struct csn_bytes all = { sealed, ct.len + tag.len };

	int  r     = c->aead_open(c->self, suite, key.ptr, iv.ptr, aad, all, plain);
	bool opens = r == CSN_OK && vec_same((struct csn_bytes){ plain, ct.len }, msg);
	if (!has_result(row, "valid")) {
		report(v, row, r == CSN_E_REFUSED);
		return;
	}
	uint8_t *made = vec_alloc(all.len);
	r             = c->aead_seal(c->self, suite, key.ptr, iv.ptr, aad, msg, made);
	report(v, row,
	       opens && r == CSN_OK && vec_same((struct csn_bytes){ made, all.len }, all));
}

/* A scalar of the file may be longer or shorter than 32 bytes by leading zeros. */
static bool
scalar_of(struct csn_bytes in, uint8_t ret_sk[32])
{
	while (in.len > 32 && in.ptr[0] == 0) {
		in.ptr++;
		in.len--;
	}
	memset(ret_sk, 0, 32);
	if (in.len <= 32)
		memcpy(ret_sk + 32 - in.len, in.ptr, in.len);
	return in.len <= 32;
}

static void
dh_row(struct vec *v, const json_t *row, unsigned suite)
{
	static const uint8_t     zeros[32];
	const struct csn_crypto *c    = csn_crypto_openssl();
	struct csn_bytes         want = vec_hex(row, "shared"), pk = vec_hex(row, "public");
	uint8_t                  sk[32], out[32];

	if (!report(v, row, scalar_of(vec_hex(row, "private"), sk)))
		return;
	v->passed--;
	v->total--;
	int r = c->dh(c->self, suite, sk, pk, out);
	/* Upstream leaves low order points to the implementation; here they are refused. */
	bool zero    = vec_same(want, CSN_BYTES_OF(zeros));
	bool refused = has_result(row, "invalid") || zero;
	if (suite == CSN_SUITE_P256 && has_flag(row, "CompressedPoint") && r < 0) {
		vec_skip(v, "compressed points, which the profile does not have: refused");
		return;
	}
	report(v, row,
	       refused ? r == CSN_E_REFUSED : r == CSN_OK && vec_same(CSN_BYTES_OF(out), want));
}

static void
x25519_row(struct vec *v, const json_t *group, const json_t *row)
{
	(void)group;
	dh_row(v, row, CSN_SUITE_X25519);
}

static void
ecdh_row(struct vec *v, const json_t *group, const json_t *row)
{
	(void)group;
	dh_row(v, row, CSN_SUITE_P256);
}

static void
verify_row(struct vec *v, const json_t *row, unsigned suite, struct csn_bytes pk)
{
	const struct csn_crypto *c   = csn_crypto_openssl();
	struct csn_bytes         msg = vec_hex(row, "msg"), sig = vec_hex(row, "sig");

	/* The interface takes 64 bytes; the shape check refuses others before it. */
	bool good = sig.len == CSN_SIG_LEN &&
	            c->verify(c->self, suite, pk, &msg, 1, sig.ptr) == CSN_OK;
	report(v, row, good == has_result(row, "valid"));
}

static void
ed25519_row(struct vec *v, const json_t *group, const json_t *row)
{
	verify_row(v, row, CSN_SUITE_X25519,
	           vec_hex(json_object_get(group, "publicKey"), "pk"));
}

static void
ecdsa_row(struct vec *v, const json_t *group, const json_t *row)
{
	verify_row(v, row, CSN_SUITE_P256,
	           vec_hex(json_object_get(group, "publicKey"), "uncompressed"));
}

#define RUNNER(name)                                     \
	void run_##name(struct vec *v, const json_t *root) \
	{                                                \
		each(v, root, name##_row);               \
	}
RUNNER(hkdf)
RUNNER(hmac)
RUNNER(aead)
RUNNER(x25519)
RUNNER(ecdh)
RUNNER(ed25519)
RUNNER(ecdsa)
