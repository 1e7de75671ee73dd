/* sdk/lib over OpenSSL: published values, and every refusal of the table. */
#include "kit/tap.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/kdf.h"
#include "lib/spake2p.h"

static const struct csn_crypto *c;

static struct csn_bytes
unhex(const char *hex)
{
	static uint8_t pool[4096];
	static size_t  used;
	size_t         len = strlen(hex) / 2;
	uint8_t       *at  = pool + used;

	for (size_t i = 0; i < len; i++) {
		unsigned byte = 0;
		sscanf(hex + 2 * i, "%2x", &byte);
		at[i] = (uint8_t)byte;
	}
	used += len;
	return (struct csn_bytes){ at, len };
}

static bool
is(const uint8_t *got, const char *hex)
{
	struct csn_bytes want = unhex(hex);

	return memcmp(got, want.ptr, want.len) == 0;
}

/* RFC 6979 appendix A.2.5: P-256, SHA-256. */
static void
test_deterministic(void)
{
	static const struct {
		const char *message, *sig;
	} cases[] = {
		{ "sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
		            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8" },
		{ "test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
		          "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083" },
	};
	struct csn_bytes sk =
		unhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
	uint8_t pk[65], sig[64];

	tap_ok(c->sign_public(c->self, CSN_SUITE_P256, sk.ptr, pk) == CSN_OK &&
	               is(pk, "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	                      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
	       "the public key of RFC 6979 A.2.5");
	for (size_t i = 0; i < 2; i++) {
		struct csn_bytes m = { (const uint8_t *)cases[i].message,
			               strlen(cases[i].message) };
		tap_ok(c->sign(c->self, CSN_SUITE_P256, sk.ptr, &m, 1, sig) == CSN_OK &&
		               is(sig, cases[i].sig),
		       "the signature over \"%s\"", cases[i].message);
		tap_is(c->verify(c->self, CSN_SUITE_P256, CSN_BYTES_OF(pk), &m, 1, sig), CSN_OK,
		       "it verifies");
		struct csn_bytes halves[] = { { m.ptr, 2 }, { m.ptr + 2, m.len - 2 } };
		tap_is(c->verify(c->self, CSN_SUITE_P256, CSN_BYTES_OF(pk), halves, 2, sig),
		       CSN_OK, "also when the message comes in two parts");
		sig[40] ^= 1;
		tap_is(c->verify(c->self, CSN_SUITE_P256, CSN_BYTES_OF(pk), &m, 1, sig),
		       CSN_E_REFUSED, "one bit of it changed is refused");
	}
}

static void
test_points(void)
{
	static const uint8_t zeros[65], ones[32] = { 1 };
	uint8_t              sk[32] = { 9 }, out[65], g[65], wide[32];
	struct csn_bytes     n =
		unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

	c->p256_mul(c->self, ones, NULL, out); /* a big-endian 2^248, any point */
	memcpy(g, out, sizeof g);
	tap_is(c->point_valid(c->self, CSN_SUITE_P256, CSN_BYTES_OF(g)), CSN_OK,
	       "a point on the curve is valid");
	g[64] ^= 1;
	tap_is(c->point_valid(c->self, CSN_SUITE_P256, CSN_BYTES_OF(g)), CSN_E_REFUSED,
	       "a point off the curve is not");
	tap_is(c->dh(c->self, CSN_SUITE_P256, sk, CSN_BYTES_OF(g), out), CSN_E_REFUSED,
	       "and no DH is made with it");
	tap_is(c->p256_mul(c->self, sk, g, out), CSN_E_INVALID, "nor a product");
	g[64] ^= 1;
	g[0] = 2;
	tap_is(c->point_valid(c->self, CSN_SUITE_P256, (struct csn_bytes){ g, 33 }),
	       CSN_E_REFUSED, "a compressed point is not valid");
	g[0] = 6 + (g[64] & 1);
	tap_is(c->point_valid(c->self, CSN_SUITE_P256, CSN_BYTES_OF(g)), CSN_E_REFUSED,
	       "nor a hybrid one");
	g[0] = 4;
	tap_is(c->p256_sub(c->self, g, g, out), CSN_E_REFUSED,
	       "the point at infinity is no result");
	tap_is(c->dh(c->self, CSN_SUITE_X25519, sk, (struct csn_bytes){ zeros, 32 }, out),
	       CSN_E_REFUSED, "an all-zero X25519 result is refused");
	tap_is(c->dh(c->self, CSN_SUITE_X25519, sk, CSN_BYTES_OF(g), out), CSN_E_REFUSED,
	       "and a point of the other suite");
	tap_is(c->dh(c->self, 3, sk, CSN_BYTES_OF(g), out), CSN_E_INVALID,
	       "a suite that is none is the caller's fault");
	tap_is(c->kem_public(c->self, CSN_SUITE_P256, zeros, out), CSN_E_REFUSED,
	       "the scalar 0 has no key");
	tap_is(c->kem_public(c->self, CSN_SUITE_P256, n.ptr, out), CSN_E_REFUSED,
	       "nor has the order");
	tap_ok(c->p256_reduce(c->self, n, wide) == CSN_OK && memcmp(wide, zeros, 32) == 0,
	       "the order is reduced to 0");
}

static void
test_aead(void)
{
	uint8_t          key[32] = { 1 }, nonce[12] = { 0 }, sealed[21], plain[5];
	struct csn_bytes msg = { (const uint8_t *)"hello", 5 };

	for (unsigned suite = 1; suite <= 2; suite++) {
		int r = c->aead_seal(c->self, suite, key, nonce, msg, msg, sealed);
		tap_ok(r == CSN_OK, "suite %u seals", suite);
		r = c->aead_open(c->self, suite, key, nonce, msg, CSN_BYTES_OF(sealed), plain);
		tap_ok(r == CSN_OK && memcmp(plain, "hello", 5) == 0, "suite %u opens", suite);
		uint8_t place[21];
		memcpy(place, sealed, sizeof place);
		r = c->aead_open(c->self, suite, key, nonce, msg, CSN_BYTES_OF(place), place);
		tap_ok(r == CSN_OK && memcmp(place, "hello", 5) == 0, "suite %u opens in place",
		       suite);
		sealed[20] ^= 1;
		memset(plain, 0xee, sizeof plain);
		r = c->aead_open(c->self, suite, key, nonce, msg, CSN_BYTES_OF(sealed), plain);
		tap_ok(r == CSN_E_REFUSED && memcmp(plain, "\0\0\0\0\0", 5) == 0,
		       "suite %u: a wrong tag is refused and nothing is left", suite);
		r = c->aead_open(c->self, suite, key, nonce, msg,
		                 (struct csn_bytes){ sealed, 15 }, plain);
		tap_is(r, CSN_E_REFUSED, "shorter than a tag is refused");
		r = c->aead_seal(c->self, suite, key, nonce, msg, CSN_BYTES_NONE, sealed);
		tap_is(r, CSN_OK, "nothing can be sealed, too");
	}
}

static void
test_scrypt(void)
{
	/* RFC 7914 section 12 has r = 8, p = 1 for N = 16384. */
	uint8_t          key[64];
	struct csn_bytes password = { (const uint8_t *)"pleaseletmein", 13 };
	struct csn_bytes salt     = { (const uint8_t *)"SodiumChloride", 14 };

	tap_ok(c->scrypt(c->self, password, salt, 14, key, 64) == CSN_OK &&
	               is(key, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
	                       "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"),
	       "scrypt of RFC 7914");
	tap_is(c->scrypt(c->self, password, salt, 17, key, 32), CSN_OK,
	       "the largest cost has the memory it needs");
	tap_is(c->scrypt(c->self, password, salt, 18, key, 32), CSN_E_INVALID,
	       "a larger cost is refused");
	tap_is(c->scrypt(c->self, password, salt, 0, key, 32), CSN_E_INVALID,
	       "and so is none");
}

/* A PIN one digit off ends in another key on both sides, not in an error. */
static void
test_pake(void)
{
	static const uint8_t did[16] = { 7 }, t1[32] = { 8 };
	uint8_t              w0[32], w1[32], l[65], v0[32], v1[32], x[32], y[32];
	uint8_t              share_p[65], share_v[65], buf[64], blind[65];
	struct csn_pake_ids  ids;
	struct csn_pake_keys p, v;
	struct csn_bytes     right = { (const uint8_t *)"493027", 6 };
	struct csn_bytes     wrong = { (const uint8_t *)"493028", 6 };

	csn_pake_ids(did, t1, buf, &ids);
	csn_pake_random(c, x);
	csn_pake_random(c, y);
	tap_is(csn_pake_scalars(c, right, did, 8, v0, v1), CSN_OK, "the verifier's scalars");
	tap_is(csn_pake_record(c, v1, l), CSN_OK, "and its record");
	for (int good = 1; good >= 0; good--) {
		csn_pake_scalars(c, good ? right : wrong, did, 8, w0, w1);
		csn_pake_share_p(c, w0, x, share_p);
		int r = csn_pake_verifier(c, &ids, v0, l, y, CSN_BYTES_OF(share_p), share_v, &v);
		tap_is(r, CSN_OK, "the verifier takes the share");
		r = csn_pake_prover(c, &ids, w0, w1, x, share_p, CSN_BYTES_OF(share_v), &p);
		tap_ok(r == CSN_OK && good == (memcmp(&p, &v, sizeof p) == 0),
		       good ? "one PIN: the same keys" : "another PIN: other keys");
	}
	/* shareP = w0*M, so what is left is the point at infinity. */
	static const uint8_t zero_x[32];
	csn_pake_scalars(c, right, did, 8, w0, w1);
	csn_pake_share_p(c, w0, x, share_p);
	c->p256_mul(c->self, x, NULL, blind);
	c->p256_sub(c->self, share_p, blind, share_p);
	tap_is(csn_pake_verifier(c, &ids, v0, l, y, CSN_BYTES_OF(share_p), share_v, &v),
	       CSN_E_REFUSED, "a share that is only the blinding is refused");
	share_p[10] ^= 1;
	tap_is(csn_pake_verifier(c, &ids, v0, l, y, CSN_BYTES_OF(share_p), share_v, &v),
	       CSN_E_PROTOCOL, "a share off the curve is another refusal");
	tap_is(csn_pake_prover(c, &ids, w0, w1, x, share_p, CSN_BYTES_OF(zero_x), &p),
	       CSN_E_PROTOCOL, "also for the prover");
}

static void
test_small(void)
{
	uint8_t one[16] = { 1 }, other[16] = { 1 }, okm[16];

	other[15] = 1;
	tap_ok(csn_same_n(one, one, 16) && !csn_same_n(one, other, 16),
	       "comparison sees the last byte");
	tap_ok(!csn_same((struct csn_bytes){ one, 15 }, CSN_BYTES_OF(one)),
	       "and the length");
	tap_is(csn_kdf(c, CSN_BYTES_NONE, CSN_BYTES_OF(one), CSN_BYTES_NONE, okm, 8161),
	       CSN_E_INVALID, "more than 255 blocks of HKDF are refused");
	tap_ok(strcmp(csn_code_name(126), "BIND_TAG") == 0 &&
	               strcmp(csn_code_name(0), "?") == 0,
	       "codes have names, zero has none");
	static const bool valid[] = { 1, 1, 1, 1, 1, 0, 1, 0, 0 };
	bool              all     = true;
	for (uint64_t mode = 0; mode < 9; mode++)
		all = all && csn_mode_valid(mode) == valid[mode];
	tap_ok(all, "six modes are valid");
	tap_ok(csn_pin_valid((struct csn_bytes){ (const uint8_t *)"123456789012", 12 }) &&
	               !csn_pin_valid((struct csn_bytes){ (const uint8_t *)"12345", 5 }) &&
	               !csn_pin_valid((struct csn_bytes){ (const uint8_t *)"12345a", 6 }),
	       "a PIN is 6 to 12 digits");
}

int
main(void)
{
	c = csn_crypto_openssl();
	test_deterministic();
	test_points();
	test_aead();
	test_scrypt();
	test_pake();
	test_small();
	return tap_done();
}
