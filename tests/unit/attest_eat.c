/*
 * Tokens forged with fresh keys: right in everything but one thing, and which check says so.
 */
#include "kit/tap.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "../plugins/attest/eat/verifier.h"
#include "kit/dice-forge.h"
#include "lib/crypto-openssl.h"

#define NOW 1795000000

#define IMPL     "5820" "1111111111111111111111111111111111111111111111111111111111111111"
#define INSTANCE "5821" "01" "2222222222222222222222222222222222222222222222222222222222222222"
#define STRANGER "5821" "01" "3222222222222222222222222222222222222222222222222222222222222222"
#define VALUE    "5820" "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define OTHER    "5820" "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"
#define SIGNER   "5820" "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
#define NONCE    "5820" "0700000000000000000000000000000000000000000000000000000000000000"
#define STALE    "5820" "0800000000000000000000000000000000000000000000000000000000000000"
#define PSA_2    "7818 687474703a2f2f61726d2e636f6d2f7073612f322e302e30"

/* A set of claims of PSA's second profile; each value can be another. */
struct claims {
	const char *profile, *nonce, *instance, *impl, *lifecycle, *components;
};

static const struct token {
	const char   *what, *reason; /* NULL: accepted                                   */
	struct claims c;
	unsigned lifecycles, profiles;
	bool stranger, spoil, mac, wrong_mac, any_components, alg;
} tokens[] = {
	{ .what = "a good token" },
	{ .what = "a good token with a MAC", .mac = true },
	{ .what = "the nonce of another session", .reason = "eat.nonce", .c.nonce = STALE },
	{ .what = "a nonce of 16 bytes", .reason = "eat.claim",
	  .c.nonce = "50 07000000000000000000000000000000" },
	{ .what = "two nonces", .reason = "eat.claim", .c.nonce = "82" NONCE STALE },
	{ .what = "a key of another device", .reason = "eat.signature", .stranger = true },
	{ .what = "an instance no CoRIM names", .reason = "eat.signature", .c.instance = STRANGER },
	{ .what = "an implementation no CoRIM names", .reason = "eat.signature",
	  .c.impl = OTHER },
	{ .what = "one bit of the signature", .reason = "eat.signature", .spoil = true },
	{ .what = "an algorithm of another key", .reason = "eat.signature", .alg = true },
	{ .what = "a MAC under another secret", .reason = "eat.signature", .mac = true,
	  .wrong_mac = true },
	{ .what = "a MAC of an instance nobody knows", .reason = "eat.signature", .mac = true,
	  .c.instance = STRANGER },
	{ .what = "a device not yet secured", .reason = "eat.lifecycle", .c.lifecycle = "191000" },
	{ .what = "a device in recoverable debug", .reason = "eat.lifecycle",
	  .c.lifecycle = "195000" },
	{ .what = "a decommissioned device", .reason = "eat.lifecycle", .c.lifecycle = "196000" },
	{ .what = "a device in debug, where policy takes it", .c.lifecycle = "195000",
	  .lifecycles = 1u << EAT_SECURED | 1u << EAT_RECOVERABLE_DEBUG },
	{ .what = "a state that is none", .reason = "eat.claim", .c.lifecycle = "197000" },
	{ .what = "a component with another measurement", .reason = "eat.component",
	  .c.components = "81a3 0162424c 02" OTHER "05" SIGNER },
	{ .what = "a component by another signer", .reason = "eat.component",
	  .c.components = "81a3 0162424c 02" VALUE "05" OTHER },
	{ .what = "a component of another type", .reason = "eat.component",
	  .c.components = "81a3 01624d31 02" VALUE "05" SIGNER },
	{ .what = "a good component and one more", .reason = "eat.component",
	  .c.components = "82 a3 0162424c 02" VALUE "05" SIGNER "a3 0162424c 02" OTHER "05" SIGNER },
	{ .what = "another measurement, where policy does not ask", .any_components = true,
	  .c.components = "81a3 0162424c 02" OTHER "05" SIGNER },
	{ .what = "no component", .reason = "eat.claim", .c.components = "80" },
	{ .what = "a component without a signer", .reason = "eat.claim",
	  .c.components = "81a2 0162424c 02" VALUE },
	{ .what = "a profile nobody knows", .reason = "eat.profile", .c.profile = "6161" },
	{ .what = "a profile policy does not take", .reason = "eat.profile.policy",
	  .profiles = 1u << EAT_PSA_TFM },
	{ .what = "an instance id of another kind", .reason = "eat.instance",
	  .c.instance = "5821" "02" "2222222222222222222222222222222222222222222222222222222222222222" },
};

static EVP_PKEY        *keys[2];
static struct csn_corim corim;
static uint8_t          corim_bytes[2048];
static struct eat_mac_key secret;

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

static struct csn_bytes
put_claims(const struct claims *c, uint8_t *buf, size_t room)
{
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, room);
	put_hex(&out, "a7 0a");
	put_hex(&out, or(c->nonce, NONCE));
	put_hex(&out, "190100");
	put_hex(&out, or(c->instance, INSTANCE));
	put_hex(&out, "190109");
	put_hex(&out, or(c->profile, PSA_2));
	put_hex(&out, "19095a 01 19095b");
	put_hex(&out, or(c->lifecycle, "193000"));
	put_hex(&out, "19095c");
	put_hex(&out, or(c->impl, IMPL));
	put_hex(&out, "19095f");
	put_hex(&out, or(c->components, "81a3 0162424c 02" VALUE "05" SIGNER));
	return (struct csn_bytes){ buf, out.len };
}

static size_t
tag(const struct token *t, struct csn_bytes tbs, uint8_t sig[160])
{
	unsigned len = 0;
	uint8_t  key[32];

	if (!t->mac)
		return forge_sign(keys[t->stranger], tbs, true, sig);
	memcpy(key, secret.key, sizeof key);
	key[0] ^= t->wrong_mac;
	HMAC(EVP_sha256(), key, sizeof key, tbs.ptr, tbs.len, sig, &len);
	return len;
}

static struct csn_bytes
make(const struct token *t, uint8_t *buf, size_t room)
{
	uint8_t              payload[1024], tbs_buf[1200], sig[160];
	struct csn_bytes     claims = put_claims(&t->c, payload, sizeof payload);
	struct csn_dcbor_out tbs, out;
	const char          *protect = t->mac ? "43a10105" : t->alg ? "43a10127" : "43a10126";

	csn_dcbor_out_init(&tbs, tbs_buf, sizeof tbs_buf);
	csn_dcbor_put_array(&tbs, 4);
	csn_dcbor_put_text(&tbs, t->mac ? "MAC0" : "Signature1");
	put_hex(&tbs, protect);
	csn_dcbor_put_bytes(&tbs, CSN_BYTES_NONE);
	csn_dcbor_put_bytes(&tbs, claims);
	size_t len = tag(t, (struct csn_bytes){ tbs_buf, tbs.len }, sig);
	sig[0] ^= t->spoil;
	csn_dcbor_out_init(&out, buf, room);
	put_hex(&out, t->mac ? "d1 84" : "d2 84");
	put_hex(&out, protect);
	put_hex(&out, "a0");
	csn_dcbor_put_bytes(&out, claims);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, len });
	return (struct csn_bytes){ buf, out.len };
}

static void
test_token(const struct token *t)
{
	static const uint8_t chal[32] = { 7 };
	uint8_t              buf[2048];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct eat           eat = {
		.crypto = csn_crypto_openssl(),
		.policy = { .profiles = t->profiles, .lifecycles = t->lifecycles,
		            .corims = &corim, .corim_count = 1, .mac_keys = &secret,
		            .mac_key_count = 1, .components_needed = !t->any_components },
	};
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = "cwt",
		.value = make(t, buf, sizeof buf),
		.challenge = CSN_BYTES_OF(chal),
		.unix_s = NOW,
	};
	int  r = eat_verdict(&eat, &evidence, &verdict);
	bool good = t->reason == NULL ?
	                    r == CSN_OK && verdict.judgement == CSN_ACCEPTED &&
	                            verdict.trust[CSN_TRUST_EXECUTABLES] ==
	                                    (t->any_components ? CSN_CODE_NONE :
	                                                         CSN_CODE_AFFIRMED) :
	                    r == CSN_OK && verdict.judgement == CSN_REJECTED &&
	                            strcmp(verdict.reason, t->reason) == 0;
	if (!tap_ok(good, "%s", t->what))
		tap_note("got %d, judgement %u, %s", r, verdict.judgement, verdict.reason);
}

/* Keys and references of one device: 501({0, 1: [506(comid)], 3: psa}). */
static void
make_corim(void)
{
	uint8_t              comid[1200];
	char                 pem[300] = "";
	BIO                 *bio = BIO_new(BIO_s_mem());
	struct csn_dcbor_out inner, out;
	const char          *why = "";
	struct csn_corim_policy policy = { .unsigned_ok = true, .any_time = true };

	PEM_write_bio_PUBKEY(bio, keys[0]);
	BIO_read(bio, pem, sizeof pem - 1);
	BIO_free(bio);
	csn_dcbor_out_init(&inner, comid, sizeof comid);
	put_hex(&inner, "a2 01a100626964 04 a2 00 81 82 a100a100d90230" IMPL
	        "81 a2 00 76 7073612e736f6674776172652d636f6d706f6e656e74 01 a3 02 81 8201" VALUE
	        "0b62424c 0d 81 d90230" SIGNER);
	put_hex(&inner, "03 81 82 a2 00 a100d90230" IMPL "01 d90226" INSTANCE "81 d9022a");
	csn_dcbor_put_text(&inner, pem);
	csn_dcbor_out_init(&out, corim_bytes, sizeof corim_bytes);
	put_hex(&out, "d901f5 a3 00626964 01 81 d901fa");
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ comid, inner.len });
	put_hex(&out, "03 d820");
	csn_dcbor_put_text(&out, "tag:arm.com,2025:psa#1.0.0");
	int  r = csn_corim_read((struct csn_bytes){ corim_bytes, out.len }, &policy, &corim, &why);
	bool known = false;
	tap_ok(r == CSN_OK && csn_corim_profile(&corim, &known, &why) == CSN_OK && known,
	       "the CoRIM of the device is one of PSA's profile %s", why);
}

static const struct {
	const char *what, *hex;
	bool        good;
} secrets[] = {
	{ "32 bytes", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", true },
	{ "31 bytes", "00112233445566778899aabbccddeeff00112233445566778899aabbccddee", false },
	{ "32 bytes that are all the same",
	  "0101010101010101010101010101010101010101010101010101010101010101", false },
	{ "what is no hex", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false },
	{ "nothing", "", false },
};

static void
test_secrets(void)
{
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		struct eat_mac_key key = { .len = 0 };
		struct csn_bytes text = { (const uint8_t *)secrets[i].hex, strlen(secrets[i].hex) };
		tap_is(eat_parse_key(text, &key), secrets[i].good, secrets[i].what);
	}
}

int
main(void)
{
	uint8_t instance[40];

	for (size_t i = 0; i < 2; i++)
		keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	forge_unhex(INSTANCE, instance, sizeof instance);
	memcpy(secret.instance, instance + 2, 33);
	secret.len = 32;
	memcpy(secret.key, "a secret of thirty-two bytes ...", 32);
	make_corim();
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		test_token(&tokens[i]);
	test_secrets();
	csn_corim_done(&corim);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	return tap_done();
}
