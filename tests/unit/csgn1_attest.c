/* attest/x509 and attest/psk over the rows of the vectors: which check refused. */
#include "kit/tap.h"

#include <jansson.h>

#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/offer.h"
#include "plugins/attest/psk/psk.h"
#include "plugins/attest/x509/x509.h"

static uint8_t pool[8][65536];

static struct csn_bytes
unhex(size_t slot, const char *hex)
{
	size_t len = hex == NULL ? 0 : strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		pool[slot][i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return (struct csn_bytes){ pool[slot], len };
}

static json_t *
load(const char *name)
{
	const char *dir = getenv("CSN_VECTORS");
	char        path[4096];

	snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1",
	         name);
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL) {
		tap_ok(false, "the vectors are there: %s", path);
		exit(tap_done());
	}
	return root;
}

/* Rows by their name less the suite, and what the verifier has to say of each. */
static const struct {
	const char *name;
	int         code; /* of the row: two rows may share a name                */
	const char *reason;
} x509_cases[] = {
	{ "manifest-by-device", 0, NULL },
	{ "manifest-trailing", 201, "x509.syntax" },
	{ "manifest-label", 201, "x509.syntax" },
	{ "manifest-no-keys", 201, "x509.syntax" },
	{ "manifest-alg", 209, "x509.headers" },
	{ "manifest-chain", 203, "x509.chain.anchor" },
	{ "manifest-expired", 203, "x509.chain.time" },
	{ "manifest-role", 204, "x509.chain.role" },
	{ "manifest-other-device", 204, "x509.chain.role" },
	{ "manifest-sig", 202, "x509.signature" },
	{ "manifest-did", 205, "x509.did" },
	{ "hello", 0, NULL },
	{ "hello-evidence", 0, NULL },
	{ "hello-trailing", 210, "x509.syntax" },
	{ "hello-version", 210, "x509.syntax" },
	{ "hello-alg", 214, "x509.headers" },
	{ "hello-chain", 215, "x509.chain.anchor" },
	{ "hello-usage", 216, "x509.chain.role" },
	{ "hello-did", 217, "x509.did" },
	{ "hello-sig", 218, "x509.signature" },
	{ "hello-key-swapped", 218, "x509.signature" },
	{ "hello-evidence", 219, "x509.syntax" },
};

static void
set_anchors(struct x509 *x509, const json_t *station)
{
	const char *suite;
	json_t     *list, *item;
	size_t      i;

	x509->count = 0;
	json_object_foreach(json_object_get(station, "makers"), suite, list) {
		json_array_foreach(list, i, item) {
			struct csn_bytes   spki = unhex(0, json_string_value(item));
			struct csn_anchor *anchor = &x509->anchors[x509->count++];
			anchor->suite = (unsigned)atoi(suite);
			anchor->len = spki.len;
			memcpy(anchor->spki, spki.ptr, spki.len);
		}
	}
}

/* The challenge the station computes for this hello; zeros when it cannot be read. */
static void
set_challenge(struct csn_bytes m0b, uint8_t chal[32])
{
	struct csn_m0b msg;

	memset(chal, 0, 32);
	if (csn_m0b_parse(m0b, &msg) == 0)
		(void)csn_offer_chal(csn_crypto_openssl(), msg.hello.sid, msg.hello.skid,
		                     msg.hello.did, msg.hello.e_d, chal);
}

static void
run_x509(const json_t *row, const char *name, const char *reason)
{
	const json_t      *station = json_object_get(row, "station");
	struct x509        x509 = { .crypto = csn_crypto_openssl() };
	struct csn_verdict verdict = { .size = sizeof verdict };
	uint8_t            chal[32];
	const char        *hex = json_string_value(json_object_get(row, "manifest"));
	bool               hello = hex == NULL;

	set_anchors(&x509, station);
	if (hello)
		hex = json_string_value(json_object_get(row, "m0b"));
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = "x509",
		.value = unhex(1, hex),
		.unix_s = CSN_STAMP_EPOCH +
		          (uint64_t)json_integer_value(json_object_get(station, "now")),
	};
	if (hello) {
		set_challenge(evidence.value, chal);
		evidence.challenge = CSN_BYTES_OF(chal);
	}
	int  r = x509_judge(&x509, &evidence, &verdict);
	bool good = r == CSN_OK &&
	            (reason == NULL ? verdict.judgement == CSN_ACCEPTED && verdict.has_key :
	                              verdict.judgement == CSN_REJECTED &&
	                                      strcmp(verdict.reason, reason) == 0);
	if (!tap_ok(good, "x509 %s: %s", name, reason == NULL ? "accepted" : reason))
		tap_note("%d judgement %u %s", r, verdict.judgement, verdict.reason);
	if (!hello || reason != NULL)
		return;
	/* The same hello under the challenge of another session. */
	chal[0] ^= 1;
	verdict = (struct csn_verdict){ .size = sizeof verdict };
	r = x509_judge(&x509, &evidence, &verdict);
	tap_ok(r == CSN_OK && verdict.judgement == CSN_REJECTED &&
	               strcmp(verdict.reason, "x509.syntax") == 0,
	       "x509 %s under another challenge: refused", name);
	x509.count = 0;
	chal[0] ^= 1;
	verdict = (struct csn_verdict){ .size = sizeof verdict };
	r = x509_judge(&x509, &evidence, &verdict);
	tap_ok(r == CSN_OK && verdict.judgement == CSN_REJECTED &&
	               strcmp(verdict.reason, "x509.chain.anchor") == 0,
	       "x509 %s without any anchor: refused", name);
}

/* The psk items of hellos that require one. */
static void
run_psk(const json_t *row, const char *name)
{
	const json_t      *station = json_object_get(row, "station");
	const char        *key_hex = json_string_value(json_object_get(station, "require_psk"));
	struct csn_bytes   key, m0b;
	struct csn_m0b     msg;
	uint8_t            chal[32];
	bool               want = json_integer_value(json_object_get(
                                    json_object_get(row, "expect"), "code")) == 0;

	if (key_hex == NULL)
		return;
	key = unhex(2, key_hex);
	m0b = unhex(3, json_string_value(json_object_get(row, "m0b")));
	if (csn_m0b_parse(m0b, &msg) != 0 || msg.evidence_len == 0)
		return;
	set_challenge(m0b, chal);
	struct csn_evidence evidence = { .size = sizeof evidence,
		                         .type = "psk",
		                         .value = msg.evidence[0].value,
		                         .challenge = CSN_BYTES_OF(chal) };
	struct csn_verdict  verdict = { .size = sizeof verdict };
	int r = psk_judge(csn_crypto_openssl(), key, &evidence, &verdict);
	tap_ok(r == CSN_OK && verdict.judgement == (want ? CSN_ACCEPTED : CSN_REJECTED) &&
	               (want || strcmp(verdict.reason, "psk.mac") == 0),
	       "psk %s: %s", name, want ? "accepted" : "psk.mac");
	evidence.value.len = 31;
	verdict = (struct csn_verdict){ .size = sizeof verdict };
	r = psk_judge(csn_crypto_openssl(), key, &evidence, &verdict);
	tap_ok(r == CSN_OK && strcmp(verdict.reason, "psk.syntax") == 0 &&
	               verdict.judgement == CSN_REJECTED,
	       "psk %s cut by a byte: psk.syntax", name);
	key.len = 31;
	verdict = (struct csn_verdict){ .size = sizeof verdict };
	tap_ok(psk_judge(csn_crypto_openssl(), key, &evidence, &verdict) == CSN_E_INVALID &&
	               verdict.judgement == CSN_UNDECIDED,
	       "psk %s under a short key: undecided", name);
}

static void
run_rows(const char *file)
{
	json_t *root = load(file), *row;
	size_t  i;

	json_array_foreach(root, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));
		long long code = json_integer_value(json_object_get(
			json_object_get(row, "expect"), "code"));
		for (size_t c = 0; c < sizeof x509_cases / sizeof x509_cases[0]; c++) {
			size_t len = strlen(x509_cases[c].name);
			if (code == x509_cases[c].code &&
			    strncmp(name, x509_cases[c].name, len) == 0 &&
			    (strcmp(name + len, "-s1") == 0 || strcmp(name + len, "-s2") == 0))
				run_x509(row, name, x509_cases[c].reason);
		}
		run_psk(row, name);
	}
	json_decref(root);
}

static const struct {
	const char *what, *text;
	int         want;
} key_cases[] = {
	{ "32 bytes and a newline",
	  "8d3f0a91c4e7526b1fd8339ea0bc756482f1d04b6ec95a3770aa1b8cd25ef609\n", CSN_OK },
	{ "31 bytes", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
	  CSN_E_CONFIG },
	{ "a digit that is none",
	  "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", CSN_E_CONFIG },
	{ "32 zeros", "0000000000000000000000000000000000000000000000000000000000000000",
	  CSN_E_CONFIG },
	{ "nothing", "", CSN_E_CONFIG },
};

int
main(void)
{
	uint8_t     key[PSK_MAX];
	size_t      len;
	const char *why;

	run_rows("accept.json");
	run_rows("negative.json");
	for (size_t i = 0; i < sizeof key_cases / sizeof key_cases[0]; i++) {
		struct csn_bytes text = { (const uint8_t *)key_cases[i].text,
			                  strlen(key_cases[i].text) };
		tap_is(psk_parse(text, key, &len, &why), key_cases[i].want, key_cases[i].what);
	}
	return tap_done();
}
