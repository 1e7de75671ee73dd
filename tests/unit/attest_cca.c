/*
 * CCA collections forged with fresh keys: a platform token that vouches for a realm's key,
 * and a realm token; right in everything but one thing.
 */
#include "kit/tap.h"

#include <openssl/pem.h>

#include "../plugins/attest/eat/verifier.h"
#include "kit/dice-forge.h"
#include "lib/crypto-openssl.h"

#define NOW 1795000000

#define IMPL     "5820" "1111111111111111111111111111111111111111111111111111111111111111"
#define INSTANCE "5821" "01" "2222222222222222222222222222222222222222222222222222222222222222"
#define VALUE    "5820" "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define OTHER    "5820" "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"
#define SIGNER   "5820" "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
#define WIDE(b) "5840" b b b b b b b b b b b b b b b b
#define RPV      WIDE("d1d1d1d1")
#define PLATFORM "7823 7461673a61726d2e636f6d2c323032333a6363615f706c6174666f726d23312e302e30"
#define REALM    "781c 7461673a61726d2e636f6d2c323032333a7265616c6d23312e302e30"
#define SHA_256  "67 7368612d323536"

static const struct cca {
	const char *what, *reason; /* NULL: accepted                                       */
	const char *config, *components, *lifecycle; /* of the platform, hex                 */
	const char *rim, *rem, *rpv, *rak_hash;      /* of the realm, hex                     */
	bool other_rak, stale, platform_stranger, realm_stranger, swapped, alone, three;
} collections[] = {
	{ .what = "a good collection" },
	{ .what = "a realm for another session", .reason = "eat.nonce", .stale = true },
	{ .what = "a realm whose key the platform does not vouch for",
	  .reason = "eat.realm.binding", .other_rak = true },
	{ .what = "a realm signed by another key than its own", .reason = "eat.signature",
	  .realm_stranger = true },
	{ .what = "a platform signed by a stranger", .reason = "eat.signature",
	  .platform_stranger = true },
	{ .what = "the two tokens exchanged", .reason = "eat.profile", .swapped = true },
	{ .what = "a platform token alone", .reason = "eat.profile", .alone = true },
	{ .what = "a third token beside them", .reason = "eat.cose", .three = true },
	{ .what = "a platform in debug", .reason = "eat.lifecycle", .lifecycle = "195000" },
	{ .what = "a platform's component nobody knows", .reason = "eat.component",
	  .components = "81a2 02" OTHER "05" SIGNER },
	{ .what = "another configuration", .reason = "eat.config", .config = "43010204" },
	{ .what = "a realm nobody knows", .reason = "eat.realm", .rim = OTHER },
	{ .what = "a register a realm was extended with since", .reason = "eat.realm", .rem = OTHER },
	{ .what = "another personalisation", .reason = "eat.realm", .rpv = WIDE("d1d1d1d2") },
	{ .what = "a hash nobody takes", .reason = "eat.hash", .rak_hash = "65 7368612d31" },
};

enum { CPAK, RAK, STRANGER, KEYS };
static EVP_PKEY        *keys[KEYS];
static struct csn_corim corims[2];
static uint8_t          corim_bytes[2][2048];

static void
put_hex(struct csn_dcbor_out *out, const char *hex)
{
	uint8_t bytes[1024];

	csn_dcbor_put_raw(out, (struct csn_bytes){ bytes, forge_unhex(hex, bytes, sizeof bytes) });
}

static const char *
or(const char *text, const char *fallback)
{
	return text != NULL ? text : fallback;
}

/* A COSE_Key of P-256: what a realm of the newer form brings. */
static size_t
cose_key(EVP_PKEY *key, uint8_t *ret, size_t room)
{
	struct csn_dcbor_out out;
	uint8_t              spki[200];
	size_t               len = forge_spki(key, spki);

	csn_dcbor_out_init(&out, ret, room);
	put_hex(&out, "a4 0102 2001 215820");
	csn_dcbor_put_raw(&out, (struct csn_bytes){ spki + len - 64, 32 });
	put_hex(&out, "225820");
	csn_dcbor_put_raw(&out, (struct csn_bytes){ spki + len - 32, 32 });
	return out.len;
}

static struct csn_bytes
seal(const struct csn_dcbor_out *claims, EVP_PKEY *key, uint8_t *buf, size_t room)
{
	uint8_t              tbs_buf[2048], sig[160];
	struct csn_bytes     payload = { claims->buf, claims->len };
	struct csn_dcbor_out tbs, out;

	csn_dcbor_out_init(&tbs, tbs_buf, sizeof tbs_buf);
	csn_dcbor_put_array(&tbs, 4);
	csn_dcbor_put_text(&tbs, "Signature1");
	put_hex(&tbs, "43a10126");
	csn_dcbor_put_bytes(&tbs, CSN_BYTES_NONE);
	csn_dcbor_put_bytes(&tbs, payload);
	size_t len = forge_sign(key, (struct csn_bytes){ tbs_buf, tbs.len }, true, sig);
	csn_dcbor_out_init(&out, buf, room);
	put_hex(&out, "d284 43a10126 a0");
	csn_dcbor_put_bytes(&out, payload);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, len });
	return (struct csn_bytes){ buf, out.len };
}

static struct csn_bytes
platform(const struct cca *c, uint8_t *buf, size_t room)
{
	uint8_t              claims_buf[1024], rak[128], hash[64];
	struct csn_dcbor_out claims;
	size_t len = cose_key(keys[c->other_rak ? STRANGER : RAK], rak, sizeof rak);

	csn_hash_by_len((struct csn_bytes){ rak, len }, 32, hash);
	csn_dcbor_out_init(&claims, claims_buf, sizeof claims_buf);
	put_hex(&claims, "a8 0a");
	csn_dcbor_put_bytes(&claims, (struct csn_bytes){ hash, 32 });
	put_hex(&claims, "190100" INSTANCE "190109" PLATFORM "19095b");
	put_hex(&claims, or(c->lifecycle, "193003"));
	put_hex(&claims, "19095c" IMPL "19095f");
	put_hex(&claims, or(c->components, "81a2 02" VALUE "05" SIGNER));
	put_hex(&claims, "190961");
	put_hex(&claims, or(c->config, "43010203"));
	put_hex(&claims, "190962" SHA_256);
	return seal(&claims, keys[c->platform_stranger ? STRANGER : CPAK], buf, room);
}

static struct csn_bytes
realm(const struct cca *c, const uint8_t nonce[64], uint8_t *buf, size_t room)
{
	uint8_t              claims_buf[1400], rak[128], mine[64];
	struct csn_dcbor_out claims;
	size_t               len = cose_key(keys[RAK], rak, sizeof rak);

	memcpy(mine, nonce, 64);
	mine[63] ^= c->stale;
	csn_dcbor_out_init(&claims, claims_buf, sizeof claims_buf);
	put_hex(&claims, "a8 0a");
	csn_dcbor_put_bytes(&claims, CSN_BYTES_OF(mine));
	put_hex(&claims, "190109" REALM "19accb");
	put_hex(&claims, or(c->rpv, RPV));
	put_hex(&claims, "19accc" SHA_256 "19accd");
	csn_dcbor_put_bytes(&claims, (struct csn_bytes){ rak, len });
	put_hex(&claims, "19acce");
	put_hex(&claims, or(c->rim, VALUE));
	put_hex(&claims, "19accf 84" VALUE VALUE VALUE);
	put_hex(&claims, or(c->rem, VALUE));
	put_hex(&claims, "19acd0");
	put_hex(&claims, or(c->rak_hash, SHA_256));
	return seal(&claims, keys[c->realm_stranger ? STRANGER : RAK], buf, room);
}

static struct csn_bytes
collect(const struct cca *c, const uint8_t chal[32], uint8_t *buf, size_t room)
{
	static uint8_t       first[2048], second[2048];
	uint8_t              nonce[64];
	struct csn_dcbor_out out;

	csn_hash_by_len((struct csn_bytes){ chal, 32 }, 64, nonce);
	struct csn_bytes tokens[] = { platform(c, first, sizeof first),
		                      realm(c, nonce, second, sizeof second) };
	if (c->alone)
		return tokens[0];
	csn_dcbor_out_init(&out, buf, room);
	put_hex(&out, c->three ? "d9018f a3 19acca" : "d9018f a2 19acca");
	csn_dcbor_put_bytes(&out, tokens[c->swapped]);
	put_hex(&out, "19acd1");
	csn_dcbor_put_bytes(&out, tokens[!c->swapped]);
	if (c->three)
		put_hex(&out, "19acd2 40");
	return (struct csn_bytes){ buf, out.len };
}

static void
test_collection(const struct cca *c)
{
	static const uint8_t chal[32] = { 7 };
	static uint8_t       buf[8192];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct eat           eat = {
		.crypto = csn_crypto_openssl(),
		.policy = { .corims = corims, .corim_count = 2, .components_needed = true },
	};
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = "cwt",
		.value = collect(c, chal, buf, sizeof buf),
		.challenge = CSN_BYTES_OF(chal),
		.unix_s = NOW,
	};
	int  r = eat_verdict(&eat, &evidence, &verdict);
	bool good = c->reason == NULL ? r == CSN_OK && verdict.judgement == CSN_ACCEPTED :
	                                r == CSN_OK && verdict.judgement == CSN_REJECTED &&
	                                        strcmp(verdict.reason, c->reason) == 0;
	if (!tap_ok(good, "%s", c->what))
		tap_note("got %d, judgement %u, %s", r, verdict.judgement, verdict.reason);
}

static void
read_corim(unsigned which, const struct csn_dcbor_out *comid, const char *profile)
{
	struct csn_corim_policy policy = { .unsigned_ok = true, .any_time = true };
	struct csn_dcbor_out    out;
	const char             *why = "";
	bool                    known = false;

	csn_dcbor_out_init(&out, corim_bytes[which], sizeof corim_bytes[which]);
	put_hex(&out, "d901f5 a3 00626964 01 81 d901fa");
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ comid->buf, comid->len });
	put_hex(&out, "03 d820");
	csn_dcbor_put_text(&out, profile);
	int r = csn_corim_read((struct csn_bytes){ corim_bytes[which], out.len }, &policy,
	                       &corims[which], &why);
	tap_ok(r == CSN_OK && csn_corim_profile(&corims[which], &known, &why) == CSN_OK && known,
	       "a CoRIM of %s %s", profile, r == CSN_OK ? "" : why);
}

static void
put_reference(struct csn_dcbor_out *out, const char *mkey, const char *mval)
{
	csn_dcbor_put_map(out, 2);
	csn_dcbor_put_uint(out, 0);
	csn_dcbor_put_text(out, mkey);
	csn_dcbor_put_uint(out, 1);
	put_hex(out, mval);
}

static void
make_corims(void)
{
	uint8_t              comid[1400];
	char                 pem[300] = "";
	struct csn_dcbor_out out;
	BIO                 *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PUBKEY(bio, keys[CPAK]);
	BIO_read(bio, pem, sizeof pem - 1);
	BIO_free(bio);
	csn_dcbor_out_init(&out, comid, sizeof comid);
	put_hex(&out, "a2 01a100626964 04 a2 00 81 82 a100a100d90230" IMPL "82");
	put_reference(&out, "cca.software-component", "a2 02 81 8201" VALUE "0d 81 d90230" SIGNER);
	put_reference(&out, "cca.platform-config", "a1 04 d90230 43010203");
	put_hex(&out, "03 81 82 a2 00 a100d90230" IMPL "01 d90226" INSTANCE "81 d9022a");
	csn_dcbor_put_text(&out, pem);
	read_corim(0, &out, "tag:arm.com,2025:cca_platform#1.0.0");

	csn_dcbor_out_init(&out, comid, sizeof comid);
	put_hex(&out, "a2 01a100626964 04 a1 00 81 82 a100a100d90230" VALUE "86");
	put_reference(&out, "cca.rim", "a1 02 81 8201" VALUE);
	put_reference(&out, "cca.rem0", "a1 02 81 8201" VALUE);
	put_reference(&out, "cca.rem1", "a1 02 81 8201" VALUE);
	put_reference(&out, "cca.rem2", "a1 02 81 8201" VALUE);
	put_reference(&out, "cca.rem3", "a1 02 81 8201" VALUE);
	put_reference(&out, "cca.rpv", "a1 04 d90230" RPV);
	read_corim(1, &out, "tag:arm.com,2025:cca_realm#1.0.0");
}

int
main(void)
{
	for (size_t i = 0; i < KEYS; i++)
		keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	make_corims();
	for (size_t i = 0; i < sizeof collections / sizeof *collections; i++)
		test_collection(&collections[i]);
	for (size_t i = 0; i < 2; i++)
		csn_corim_done(&corims[i]);
	for (size_t i = 0; i < KEYS; i++)
		EVP_PKEY_free(keys[i]);
	return tap_done();
}
