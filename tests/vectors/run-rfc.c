#include <openssl/evp.h>

#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/hpke.h"
#include "lib/kdf.h"
#include "lib/spake2p.h"
#include "vectors/runners.h"

static bool
is(const uint8_t *got, size_t len, struct csn_bytes want)
{
	return vec_same((struct csn_bytes){ got, len }, want);
}

void
run_rfc5869(struct vec *v, const json_t *root)
{
	const struct csn_crypto *c = csn_crypto_openssl();
	const json_t            *row;
	size_t                   i;

	json_array_foreach(json_object_get(root, "vectors"), i, row) {
		struct csn_bytes ikm = vec_hex(row, "IKM"), info = vec_hex(row, "info");
		struct csn_bytes okm  = vec_hex(row, "OKM");
		uint8_t          prk[32], out[128];

		int r = csn_hkdf_extract(c, vec_hex(row, "salt"), &ikm, 1, prk);
		vec_row(v, r == CSN_OK && is(prk, 32, vec_hex(row, "PRK")), "row %zu PRK", i);
		r = csn_hkdf_expand(c, CSN_BYTES_OF(prk), &info, 1, out, okm.len);
		vec_row(v, r == CSN_OK && is(out, okm.len, okm), "row %zu OKM", i);
	}
}

static unsigned
suite_of(long long kem)
{
	return kem == 0x20 ? CSN_SUITE_X25519 : kem == 0x10 ? CSN_SUITE_P256 : 0;
}

/*
 * exports_accumulated: a thousand exports with contexts from an empty SHAKE128 stream,
 * fed to another one whose first 16 bytes are the value.
 */
static bool
exports_accumulated(const struct csn_hpke *ctx, struct csn_bytes want)
{
	const struct csn_crypto *c      = csn_crypto_openssl();
	size_t                   len    = 1000 * 256, at = 0;
	uint8_t                 *stream = vec_alloc(len), out[1000], sum[16];
	EVP_MD_CTX              *source = EVP_MD_CTX_new(), *sink = EVP_MD_CTX_new();
	bool ok = source != NULL && sink != NULL &&
	          EVP_DigestInit_ex(source, EVP_shake128(), NULL) == 1 &&
	          EVP_DigestFinalXOF(source, stream, len) == 1 &&
	          EVP_DigestInit_ex(sink, EVP_shake128(), NULL) == 1;

	for (size_t n = 0; n < 1000 && ok; n++) {
		struct csn_bytes context = { stream + at + 1, stream[at] };
		at += 1 + context.len;
		ok = csn_hpke_export(c, ctx, context, out, n) == CSN_OK &&
		     EVP_DigestUpdate(sink, out, n) == 1;
	}
	ok = ok && EVP_DigestFinalXOF(sink, sum, sizeof sum) == 1 && is(sum, 16, want);
	EVP_MD_CTX_free(source);
	EVP_MD_CTX_free(sink);
	return ok;
}

void
run_rfc9180(struct vec *v, const json_t *root)
{
	const struct csn_crypto *c = csn_crypto_openssl();
	const json_t            *row;
	size_t                   i;

	json_array_foreach(json_object_get(root, "vectors"), i, row) {
		unsigned         suite = suite_of(vec_int(row, "kem_id", 0));
		struct csn_bytes info  = vec_hex(row, "info"), enc = vec_hex(row, "enc");
		uint8_t          sk[32], pk[65], made[65];
		struct csn_hpke  s = { 0 }, r = { 0 };

		int code = csn_hpke_derive_key_pair(c, suite, vec_hex(row, "ikmR"), sk, pk);
		vec_row(v,
		        code == CSN_OK && is(sk, 32, vec_hex(row, "skRm")) &&
		                is(pk, enc.len, vec_hex(row, "pkRm")),
		        "row %zu DeriveKeyPair", i);
		code = csn_hpke_setup_sender(c, suite, vec_hex(row, "pkRm"), info,
		                             vec_hex(row, "ikmE"), made, &s);
		vec_row(v, code == CSN_OK && is(made, enc.len, enc), "row %zu enc", i);
		code = csn_hpke_setup_receiver(c, suite, enc, vec_hex(row, "skRm").ptr, info, &r);
		vec_row(v, code == CSN_OK && memcmp(&s, &r, sizeof s) == 0,
		        "row %zu sender and receiver agree", i);
		vec_row(v, exports_accumulated(&r, vec_hex(row, "exports_accumulated")),
		        "row %zu exports_accumulated", i);
		vec_skip(v, "encryptions_accumulated: HPKE is used for export only");
	}
}

void
run_rfc9180_text(struct vec *v, const json_t *root)
{
	const struct csn_crypto *c   = csn_crypto_openssl();
	const json_t            *row = json_object_get(root, "vector"), *export_row;
	struct csn_hpke          ctx = { 0 };
	uint8_t                  out[256];
	size_t                   i;

	int code = csn_hpke_setup_receiver(c, CSN_SUITE_X25519, vec_hex(row, "pkEm"),
	                                   vec_hex(row, "skRm").ptr, vec_hex(row, "info"),
	                                   &ctx);
	if (!vec_row(v, code == CSN_OK, "receiver"))
		return;
	json_array_foreach(json_object_get(row, "exports"), i, export_row) {
		struct csn_bytes want = vec_hex(export_row, "exported_value");
		code = csn_hpke_export(c, &ctx, vec_hex(export_row, "exporter_context"), out,
		                       want.len);
		vec_row(v, code == CSN_OK && is(out, want.len, want), "export %zu", i);
	}
	vec_skip(v, "encryptions: HPKE is used for export only");
}

static struct csn_bytes
text_at(const json_t *object, const char *key)
{
	const char *s = vec_str(object, key, "");

	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

static bool
keys_are(const struct csn_pake_keys *keys, const json_t *root)
{
	return is(keys->confirm_p, 32, vec_hex(root, "confirmP")) &&
	       is(keys->confirm_v, 32, vec_hex(root, "confirmV")) &&
	       is(keys->k_shared, 32, vec_hex(root, "K_shared"));
}

void
run_rfc9383(struct vec *v, const json_t *root)
{
	const struct csn_crypto *c   = csn_crypto_openssl();
	struct csn_pake_ids      ids = { text_at(root, "context"), text_at(root, "idProver"),
		                         text_at(root, "idVerifier") };
	struct csn_bytes w0 = vec_hex(root, "w0"), w1 = vec_hex(root, "w1");
	struct csn_bytes l = vec_hex(root, "L"), x = vec_hex(root, "x"), y = vec_hex(root, "y");
	struct csn_bytes     share_p = vec_hex(root, "shareP"), share_v = vec_hex(root, "shareV");
	uint8_t              point[65];
	struct csn_pake_keys keys = { 0 };

	int r = csn_pake_record(c, w1.ptr, point);
	vec_row(v, r == CSN_OK && is(point, 65, l), "L");
	r = csn_pake_share_p(c, w0.ptr, x.ptr, point);
	vec_row(v, r == CSN_OK && is(point, 65, share_p), "shareP");
	r = csn_pake_verifier(c, &ids, w0.ptr, l.ptr, y.ptr, share_p, point, &keys);
	vec_row(v, r == CSN_OK && is(point, 65, share_v), "shareV");
	vec_row(v, r == CSN_OK && keys_are(&keys, root), "the verifier's keys");
	memset(&keys, 0, sizeof keys);
	r = csn_pake_prover(c, &ids, w0.ptr, w1.ptr, x.ptr, share_p.ptr, share_v, &keys);
	vec_row(v, r == CSN_OK && keys_are(&keys, root), "the prover's keys");
}
