/* attest/psk: what a proof is bound to, whose key it is, and what nobody may learn. */
#define _XOPEN_SOURCE 700

#include "kit/tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "lib/crypto-openssl.h"
#include "lib/offer.h"
#include "plugins/attest/psk/psk.h"

static uint8_t key[32], challenge[32];
static const uint8_t did[16] = { 1, 2, 3 }, stranger[16] = { 9, 9, 9 };
static char folder[] = "/tmp/csn-psk-XXXXXX", message[512];

/* Written by hand: [label, challenge], as dCBOR. */
static size_t
message_of(const char *label, const uint8_t chal[32], uint8_t *out)
{
	size_t n = strlen(label), at = 0;

	out[at++] = 0x82;
	out[at++] = (uint8_t)(0x60 + n);
	memcpy(out + at, label, n);
	at += n;
	out[at++] = 0x58;
	out[at++] = 32;
	memcpy(out + at, chal, 32);
	return at + 32;
}

static void
hmac(const uint8_t *k, size_t k_len, const char *label, const uint8_t chal[32], uint8_t mac[32])
{
	uint8_t  text[80];
	unsigned len = 32;

	HMAC(EVP_sha256(), k, (int)k_len, text, message_of(label, chal, text), mac, &len);
}

/* The key of a direction by the library's own HKDF. */
static void
derived(const char *label, uint8_t ret[32])
{
	uint8_t      info[40] = { 0x81 };
	size_t       n = strlen(label);
	EVP_KDF     *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	info[1] = (uint8_t)(0x60 + n);
	memcpy(info + 2, label, n);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_octet_string("key", key, sizeof key),
		OSSL_PARAM_construct_octet_string("salt", challenge, sizeof challenge),
		OSSL_PARAM_construct_octet_string("info", info, n + 2),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_KDF_derive(ctx, ret, 32, params) != 1)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* Counts what the verifier does; the work must not depend on who is asked about. */
static unsigned macs;

static int
counted_hmac(void *self, struct csn_bytes k, const struct csn_bytes *parts, size_t n,
             uint8_t ret[32])
{
	(void)self;
	macs++;
	return csn_crypto_openssl()->hmac_sha256(csn_crypto_openssl()->self, k, parts, n, ret);
}

static struct csn_verdict verdict;

static int
judge(const struct psk *psk, const uint8_t who[16], const uint8_t *mac, size_t len,
      const uint8_t chal[32])
{
	struct csn_evidence evidence = { .size = sizeof evidence, .type = "psk",
		                         .value = { mac, len }, .challenge = { chal, 32 },
		                         .did = { who, 16 } };

	verdict = (struct csn_verdict){ .size = sizeof verdict };
	macs = 0;
	return psk_judge_device(psk, &evidence, &verdict);
}

static bool
is(uint32_t judgement, const char *reason)
{
	return verdict.judgement == judgement && strcmp(verdict.reason, reason) == 0;
}

static struct psk
one_device(struct csn_crypto *crypto, bool derive)
{
	struct psk psk = { .crypto = crypto, .derive = derive, .key_count = 1,
		           .keys = calloc(1, sizeof *psk.keys), .decoy = { 7 } };

	memcpy(psk.keys[0].did, did, sizeof did);
	memcpy(psk.keys[0].key, key, sizeof key);
	psk.keys[0].len = sizeof key;
	return psk;
}

static void
test_devices(void)
{
	struct csn_crypto crypto = *csn_crypto_openssl();
	uint8_t           mac[32], wrong[32], zeros[32] = { 0 };

	crypto.hmac_sha256 = counted_hmac;
	for (int derive = 0; derive <= 1; derive++) {
		struct psk  psk = one_device(&crypto, derive);
		const char *label = derive ? "csgn1/evid-psk-kdf" : "csgn1/evid-psk";
		const char *name = derive ? "psk-kdf" : "psk";
		uint8_t     to_station[32], to_device[32];
		derived("csgn1/psk-to-station", to_station);
		derived("csgn1/psk-to-device", to_device);
		hmac(derive ? to_station : key, 32, label, challenge, mac);
		memcpy(wrong, mac, 32);
		wrong[31] ^= 1;

		judge(&psk, did, mac, 32, challenge);
		tap_ok(is(CSN_ACCEPTED, "") && verdict.fact_count == 1 &&
		               strncmp(verdict.facts[0].value, "010203", 6) == 0,
		       "%s: the device's own key, and its id is a fact", name);
		unsigned known = macs;
		judge(&psk, did, wrong, 32, challenge);
		struct csn_verdict of_known = verdict;
		tap_ok(is(CSN_REJECTED, "psk.mac"), "%s: a wrong MAC", name);
		unsigned known_wrong = macs;
		judge(&psk, stranger, mac, 32, challenge);
		tap_ok(is(CSN_REJECTED, "psk.mac"), "%s: a right MAC of a device nobody knows",
		       name);
		tap_ok(macs == known && macs == known_wrong,
		       "%s: at the same cost (%u MACs), known or not, right or not", name, macs);
		tap_ok(memcmp(&of_known, &verdict, sizeof verdict) == 0,
		       "%s: and the same answer, to the byte", name);
		judge(&psk, stranger, zeros, 32, challenge);
		tap_ok(is(CSN_REJECTED, "psk.mac"), "%s: zeros for a device nobody knows", name);
		/* What a stranger would send if it could guess the decoy: still unknown. */
		uint8_t  decoy[32], decoy_mac[32];
		unsigned len = 32;
		HMAC(EVP_sha256(), psk.decoy, 32, stranger, 16, decoy, &len);
		hmac(decoy, 32, label, challenge, decoy_mac);
		judge(&psk, stranger, decoy_mac, 32, challenge);
		tap_ok(is(CSN_REJECTED, "psk.mac"), "%s: the decoy's own MAC", name);

		if (derive) {
			hmac(to_device, 32, label, challenge, wrong);
			judge(&psk, did, wrong, 32, challenge);
			tap_ok(is(CSN_REJECTED, "psk.mac"),
			       "psk-kdf: the station's own direction, reflected");
			hmac(key, 32, label, challenge, wrong);
			judge(&psk, did, wrong, 32, challenge);
			tap_ok(is(CSN_REJECTED, "psk.mac"), "psk-kdf: the key itself, not derived");
		}
		hmac(derive ? to_station : key, 32, derive ? "csgn1/evid-psk" : "csgn1/evid-psk-kdf",
		     challenge, wrong);
		judge(&psk, did, wrong, 32, challenge);
		tap_ok(is(CSN_REJECTED, "psk.mac"), "%s: the label of the other type", name);
		judge(&psk, did, mac, 31, challenge);
		tap_ok(is(CSN_REJECTED, "psk.syntax"), "%s: cut by a byte", name);
		psk_done(&psk);
	}
}

/* The challenge of protocol.md 5: each of its parts makes it another. */
static void
test_binding(void)
{
	static const char *const parts[] = { "station's nonce", "station", "device",
		                             "device's fresh key" };
	uint8_t    sid[16] = { 1 }, skid[16] = { 2 }, who[16] = { 3 }, e_d[32] = { 4 }, mac[32];
	uint8_t   *part[] = { sid, skid, who, e_d };
	struct psk psk = { .crypto = csn_crypto_openssl(), .len = 32 };

	memcpy(psk.key, key, 32);
	csn_offer_chal(csn_crypto_openssl(), sid, skid, who, CSN_BYTES_OF(e_d), challenge);
	hmac(key, 32, "csgn1/evid-psk", challenge, mac);
	judge(&psk, did, mac, 32, challenge);
	tap_ok(is(CSN_ACCEPTED, "") && verdict.fact_count == 0,
	       "a proof for this session; one key of all names nobody");
	for (size_t i = 0; i < 4; i++) {
		uint8_t other[32];
		part[i][0] ^= 0x80;
		csn_offer_chal(csn_crypto_openssl(), sid, skid, who, CSN_BYTES_OF(e_d), other);
		part[i][0] ^= 0x80;
		judge(&psk, did, mac, 32, other);
		tap_ok(is(CSN_REJECTED, "psk.mac"), "it is not good for another %s", parts[i]);
	}
}

static void
test_weak(void)
{
	static const struct {
		const char *what, *hex, *why;
	} cases[] = {
		{ "zeros", "0000000000000000000000000000000000000000000000000000000000000000",
		  "repeats itself" },
		{ "two halves alike", "8d3f0a91c4e7526b1fd8339ea0bc7564"
		                      "8d3f0a91c4e7526b1fd8339ea0bc7564", "repeats itself" },
		{ "counting up", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		  "counts up or down" },
		{ "counting down", "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0",
		  "counts up or down" },
		{ "counting by seven",
		  "00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9",
		  "counts up or down" },
		{ "a sentence", "636f727265637420686f727365206261747465727920737461706c652e2e2e2e",
		  "it is text" },
		{ "31 bytes", "8d3f0a91c4e7526b1fd8339ea0bc75648d3f0a91c4e7526b1fd8339ea0bc75",
		  "64 to 256 hex digits" },
		{ "32 random bytes", "8d3f0a91c4e7526b1fd8339ea0bc756482f1d04b6ec95a3770aa1b8cd25ef609",
		  NULL },
	};
	uint8_t     parsed[PSK_MAX];
	size_t      len;
	const char *why;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_bytes text = { (const uint8_t *)cases[i].hex, strlen(cases[i].hex) };
		int r = psk_parse(text, parsed, &len, &why);
		tap_ok(cases[i].why == NULL ? r == CSN_OK :
		                              r == CSN_E_CONFIG && strstr(why, cases[i].why) != NULL,
		       "%s: %s", cases[i].what, cases[i].why != NULL ? cases[i].why : "taken");
	}
}

/* ---- files --------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int
fail(struct csn_error *err, int code, const char *fmt, ...)
{
	va_list args;

	(void)err;
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	return code;
}

static int
random_bytes(const struct csn_host *host, void *out, size_t len)
{
	(void)host;
	memset(out, 0x55, len);
	return CSN_OK;
}

#define A "0102030405060708090a0b0c0d0e0f10 "
#define B "1102030405060708090a0b0c0d0e0f10 "
#define K "8d3f0a91c4e7526b1fd8339ea0bc756482f1d04b6ec95a3770aa1b8cd25ef609"
#define L "9d3f0a91c4e7526b1fd8339ea0bc756482f1d04b6ec95a3770aa1b8cd25ef609"

static void
test_files(void)
{
	static const struct csn_host host = { .size = sizeof host, .fail = fail,
		                              .random = random_bytes };
	static const struct {
		const char *what, *text;
		mode_t      mode;
		int         want;
		const char *said;
	} cases[] = {
		{ "two devices", "# batch\n" A K "\n\n" B L "\n", 0600, CSN_OK, "" },
		{ "one that others can read", A K "\n", 0644, CSN_E_REFUSED, "only its owner" },
		{ "a line without a key", A "\n", 0600, CSN_E_CONFIG, "keys:1: wanted DID KEY" },
		{ "a weak key", A K "\n" B
		  "0000000000000000000000000000000000000000000000000000000000000000\n",
		  0600, CSN_E_CONFIG, "keys:2: it repeats itself" },
		{ "a device twice", A K "\n" A L "\n", 0600, CSN_E_CONFIG, "a device is there twice" },
		{ "one key for two devices", A K "\n" B K "\n", 0600, CSN_E_CONFIG,
		  "two devices have one key" },
		{ "nothing", "# nobody\n", 0600, CSN_E_CONFIG, "holds no key" },
	};
	char path[64];

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof path, "%s/keys", folder);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct psk psk = { .host = &host, .keys_path = path };
		int        fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
		if (write(fd, cases[i].text, strlen(cases[i].text)) < 0)
			abort();
		fchmod(fd, cases[i].mode);
		close(fd);
		message[0] = '\0';
		int r = psk_load(&psk, NULL);
		if (!tap_ok(r == cases[i].want && strstr(message, cases[i].said) != NULL &&
		                    strstr(message, "8d3f0a91") == NULL,
		            "keys: %s%s%s", cases[i].what, cases[i].said[0] ? ": " : "", cases[i].said))
			tap_note("%d %s", r, message);
		psk_done(&psk);
		unlink(path);
	}
	struct psk psk = { .host = &host, .keys_path = path, .key_path = path };
	tap_ok(psk_load(&psk, NULL) == CSN_E_CONFIG, "key and keys together");
	psk = (struct psk){ .host = &host };
	tap_ok(psk_load(&psk, NULL) == CSN_E_CONFIG, "neither");
	psk = (struct psk){ .host = &host, .keys_path = path };
	tap_ok(psk_load(&psk, NULL) == CSN_E_MISSING, "no such file");
	rmdir(folder);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(i * i * 7 + 13);
	memset(challenge, 0xc4, sizeof challenge);
	test_devices();
	test_binding();
	test_weak();
	test_files();
	return tap_done();
}
