/*
 * Strict CBOR with tags, foreign keys and COSE: what is refused, and by which check.
 */
#include "kit/tap.h"

#include <openssl/evp.h>

#include "lib/cose-any.h"

static struct csn_bytes
unhex(const char *hex, uint8_t *buf)
{
	size_t len = 0;

	for (; hex[0] != '\0' && hex[1] != '\0'; hex += hex[2] == ' ' ? 3 : 2) {
		unsigned byte = 0;
		sscanf(hex, "%2x", &byte);
		buf[len++] = (uint8_t)byte;
	}
	return (struct csn_bytes){ buf, len };
}

static const struct {
	const char *what, *hex;
	bool        good;
} items[] = {
	{ "a map whose keys stand in any order", "a2 02 00 01 00", true },
	{ "a tag on a value", "c1 1a 5f 5e 10 00", true },
	{ "a tag on a tag", "d8 20 c1 00", true },
	{ "negative and text keys", "a2 20 00 61 61 f6", true },
	{ "the same key twice, apart", "a3 01 00 02 00 01 00", false },
	{ "the same text key twice", "a2 61 61 00 61 61 00", false },
	{ "a byte string as a key", "a1 41 00 00", false },
	{ "a tagged key", "a1 c1 00 00", false },
	{ "an indefinite array", "9f ff", false },
	{ "an indefinite string", "5f 41 00 ff", false },
	{ "a head longer than needed", "18 17", false },
	{ "a two-byte head for a small number", "19 00 ff", false },
	{ "a tag with a head longer than needed", "d8 12 00", false },
	{ "a float", "fa 00 00 00 00", false },
	{ "a half float", "f9 00 00", false },
	{ "undefined", "f7", false },
	{ "false in two bytes", "f8 14", false },
	{ "text that is no UTF-8", "61 ff", false },
	{ "a lone surrogate in text", "63 ed a0 80", false },
	{ "an overlong slash", "62 c0 af", false },
	{ "a byte after the item", "00 00", false },
	{ "no item", "", false },
	{ "a string longer than the bytes", "42 00", false },
	{ "an array of four thousand million", "9a ff ff ff ff", false },
	{ "a map of four thousand million", "ba ff ff ff ff", false },
	{ "a tag of nothing", "c1", false },
	{ "sixteen levels are one too many for a value in them",
	  "81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 00", false },
	{ "fifteen levels", "81 81 81 81 81 81 81 81 81 81 81 81 81 81 81 00", true },
};

static void
test_items(void)
{
	uint8_t buf[128];

	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		tap_is(csn_scbor_check(unhex(items[i].hex, buf)) == CSN_OK, items[i].good,
		       items[i].what);
}

/* RFC 8032 test 1 and the base point of P-256. */
#define ED_X "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define P256_X "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define P256_Y "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static const struct {
	const char *what, *hex, *why; /* why NULL: a good key                       */
} keys[] = {
	{ "an Ed25519 key", "a4 01 01 03 27 20 06 21 5820 " ED_X, NULL },
	{ "an Ed25519 key for verifying", "a5 01 01 03 27 04 81 02 20 06 21 5820 " ED_X, NULL },
	{ "a P-256 key without an algorithm", "a4 01 02 20 01 21 5820 " P256_X " 22 5820 " P256_Y,
	  NULL },
	{ "a P-256 key", "a5 01 02 03 26 20 01 21 5820 " P256_X " 22 5820 " P256_Y, NULL },
	{ "a private part in it", "a5 01 01 03 27 20 06 21 5820 " ED_X " 23 41 00", "key.private" },
	{ "an unknown member", "a5 01 01 03 27 20 06 21 5820 " ED_X " 18 63 00", "key.labels" },
	{ "a text member", "a5 01 01 03 27 20 06 21 5820 " ED_X " 61 61 00", "key.labels" },
	{ "no key type", "a3 03 27 20 06 21 5820 " ED_X, "key.type" },
	{ "an EC2 key on an OKP curve", "a4 01 02 03 27 20 06 21 5820 " ED_X, "key.type" },
	{ "X25519", "a3 01 01 20 04 21 5820 " ED_X, "key.type" },
	{ "an algorithm of another curve", "a4 01 01 03 26 20 06 21 5820 " ED_X, "key.algorithm" },
	{ "only for signing", "a5 01 01 03 27 04 81 01 20 06 21 5820 " ED_X, "key.ops" },
	{ "key_ops as a number", "a5 01 01 03 27 04 02 20 06 21 5820 " ED_X, "key.ops" },
	{ "x one byte short", "a3 01 01 20 06 21 581f " ED_X, "key.labels" },
	{ "y as the sign of a compressed point", "a4 01 02 20 01 21 5820 " P256_X " 22 f5",
	  "key.length" },
	{ "a point off the curve", "a4 01 02 20 01 21 5820 " P256_X " 22 5820 " P256_X, "key.point" },
};

static void
test_keys(void)
{
	uint8_t buf[256];

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct csn_pubkey key = { 0 };
		const char       *why = "";
		int r = csn_pubkey_from_cose(unhex(keys[i].hex, buf), &key, &why);
		bool good = keys[i].why == NULL ? r == CSN_OK :
		                                  r == CSN_E_PROTOCOL && strcmp(why, keys[i].why) == 0;
		if (!tap_ok(good, "COSE_Key: %s", keys[i].what))
			tap_note("got %d %s", r, why);
		csn_pubkey_done(&key);
	}
}

/* Signs Sig_structure of ({1: alg}, payload "hi") with a fresh Ed25519 key. */
static EVP_PKEY *
sign(const char *tbs_hex, uint8_t sig[64], struct csn_pubkey *ret_key)
{
	EVP_PKEY   *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t     tbs[128], raw[32];
	size_t      len = 64, raw_len = 32;
	struct csn_bytes bytes = unhex(tbs_hex, tbs);

	EVP_DigestSignInit(ctx, NULL, NULL, NULL, key);
	EVP_DigestSign(ctx, sig, &len, bytes.ptr, bytes.len);
	EVP_PKEY_get_raw_public_key(key, raw, &raw_len);
	csn_pubkey_from_raw(CSN_KEY_ED25519, CSN_BYTES_OF(raw), ret_key, NULL);
	EVP_MD_CTX_free(ctx);
	return key;
}

#define TBS(protect) "84 6a 5369676e617475726531 " protect " 40 42 6869"

static const struct {
	const char *what, *head, *why;
	const char *tbs;
	unsigned    flip; /* which byte of the signature is spoilt, plus one         */
} sign1s[] = {
	{ "a good item", "84 43a10127 a0 426869 5840", NULL, TBS("43a10127"), 0 },
	{ "a good item with its tag", "d2 84 43a10127 a0 426869 5840", NULL, TBS("43a10127"), 0 },
	{ "the tag of a Mac0", "d1 84 43a10127 a0 426869 5840", "cose.shape", TBS("43a10127"), 0 },
	{ "a spoilt signature", "84 43a10127 a0 426869 5840", "cose.signature", TBS("43a10127"), 9 },
	{ "another payload", "84 43a10127 a0 426870 5840", "cose.signature", TBS("43a10127"), 0 },
	{ "an algorithm of another key", "84 43a10126 a0 426869 5840", "cose.alg",
	  TBS("43a10126"), 0 },
	{ "an algorithm outside the signature", "84 40 a10127 426869 5840", "cose.alg",
	  TBS("40"), 0 },
	{ "the algorithm in both headers", "84 43a10127 a10127 426869 5840", "cose.headers",
	  TBS("43a10127"), 0 },
	{ "a critical header", "84 47a2012702811863 a0 426869 5840", "cose.crit",
	  TBS("47a2012702811863"), 0 },
	{ "a header that is no map", "84 4101 a0 426869 5840", "cose.headers", TBS("4101"), 0 },
	{ "three members", "83 43a10127 a0 5840", "cose.shape", TBS("43a10127"), 0 },
};

static void
test_sign1(void)
{
	for (size_t i = 0; i < sizeof sign1s / sizeof *sign1s; i++) {
		uint8_t             buf[256], sig[64];
		struct csn_pubkey   key = { 0 };
		struct csn_cose_any cose;
		const char         *why = "";
		EVP_PKEY           *pkey = sign(sign1s[i].tbs, sig, &key);
		struct csn_bytes    item = unhex(sign1s[i].head, buf);

		if (sign1s[i].flip != 0)
			sig[sign1s[i].flip - 1] ^= 1;
		memcpy(buf + item.len, sig, 64);
		item.len += 64;
		int r = csn_cose_any_parse(item, CSN_COSE_SIGN1, &cose, &why);
		if (r == CSN_OK)
			r = csn_cose_any_verify(&cose, &key, CSN_BYTES_NONE, CSN_BYTES_NONE, &why);
		bool good = sign1s[i].why == NULL ? r == CSN_OK :
		                                    r < 0 && strcmp(why, sign1s[i].why) == 0;
		if (!tap_ok(good, "COSE_Sign1: %s", sign1s[i].what))
			tap_note("got %d %s", r, why);
		csn_pubkey_done(&key);
		EVP_PKEY_free(pkey);
	}
}

int
main(void)
{
	test_items();
	test_keys();
	test_sign1();
	return tap_done();
}
