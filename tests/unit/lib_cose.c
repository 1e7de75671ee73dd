/* sdk/lib/cose: the exact headers of the three kinds, for both suites. */
#include "kit/tap.h"
#include "lib/cose.h"
#include "lib/crypto-openssl.h"

static const struct csn_crypto *c;
static const uint8_t            sk[32] = { 7 }, cert[] = { 0x30, 0x00 };
static const struct csn_bytes   payload = { (const uint8_t *)"\x81\x01", 2 };

/* What an item says; the tables change one thing of a good one. */
struct spec {
	const uint8_t *protect;
	size_t         protect_len;
	unsigned       key; /* of the unprotected map; 0: an empty map            */
	int            certs; /* -1: one as bytes; else an array of so many       */
	bool           extra, attached, text_payload;
	size_t         sig_len, arity;
};

static struct csn_bytes
make(const struct spec *s)
{
	static uint8_t       buf[512];
	static const uint8_t sig[65];
	struct csn_dcbor_out out;
	struct csn_bytes     item = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_array(&out, s->arity);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ s->protect, s->protect_len });
	csn_dcbor_put_map(&out, (size_t)(s->key != 0) + s->extra);
	if (s->extra) {
		csn_dcbor_put_uint(&out, 4);
		csn_dcbor_put_null(&out);
	}
	if (s->key != 0) {
		csn_dcbor_put_uint(&out, s->key);
		if (s->certs >= 0)
			csn_dcbor_put_array(&out, (size_t)s->certs);
		for (int i = 0; i < (s->certs < 0 ? 1 : s->certs); i++)
			csn_dcbor_put_bytes(&out, CSN_BYTES_OF(cert));
	}
	if (s->text_payload)
		csn_dcbor_put_text(&out, "x");
	else if (s->attached)
		csn_dcbor_put_bytes(&out, payload);
	else
		csn_dcbor_put_null(&out);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, s->sig_len });
	if (s->arity > 4)
		csn_dcbor_put_null(&out);
	csn_dcbor_out_end(&out, &item);
	return item;
}

static const uint8_t eddsa[] = { 0xa1, 0x01, 0x27 }, es256[] = { 0xa1, 0x01, 0x26 };
static const uint8_t more[] = { 0xa2, 0x01, 0x27, 0x03, 0x00 };

#define GOOD .protect = eddsa, .protect_len = 3, .sig_len = 64, .arity = 4

static const struct {
	const char        *what;
	struct spec        spec;
	enum csn_cose_kind kind;
	bool               shape, headers;
	size_t             chain;
} cases[] = {
	{ "plain", { GOOD }, CSN_COSE_PLAIN, true, true, 0 },
	{ "one certificate", { GOOD, .key = 33, .certs = -1 }, CSN_COSE_CHAIN, true, true, 1 },
	{ "two certificates", { GOOD, .key = 33, .certs = 2 }, CSN_COSE_CHAIN, true, true, 2 },
	{ "three certificates", { GOOD, .key = 33, .certs = 3 }, CSN_COSE_CHAIN, true, true, 3 },
	{ "an object", { GOOD, .key = 33, .certs = -1, .attached = true }, CSN_COSE_OBJECT, true,
	  true, 1 },
	{ "an array of one", { GOOD, .key = 33, .certs = 1 }, CSN_COSE_CHAIN, true, false, 0 },
	{ "an array of none", { GOOD, .key = 33, .certs = 0 }, CSN_COSE_CHAIN, true, false, 0 },
	{ "four certificates", { GOOD, .key = 33, .certs = 4 }, CSN_COSE_CHAIN, true, false, 0 },
	{ "another label", { GOOD, .key = 32, .certs = -1 }, CSN_COSE_CHAIN, true, false, 0 },
	{ "a header more", { GOOD, .key = 33, .certs = -1, .extra = true }, CSN_COSE_CHAIN, true,
	  false, 0 },
	{ "no chain", { GOOD }, CSN_COSE_CHAIN, true, false, 0 },
	{ "a chain where none belongs", { GOOD, .key = 33, .certs = -1 }, CSN_COSE_PLAIN, true,
	  false, 0 },
	{ "attached where detached is due", { GOOD, .attached = true }, CSN_COSE_PLAIN, true,
	  false, 0 },
	{ "detached where attached is due", { GOOD, .key = 33, .certs = -1 }, CSN_COSE_OBJECT,
	  true, false, 0 },
	{ "the other suite's alg", { .protect = es256, .protect_len = 3, .sig_len = 64, .arity = 4 },
	  CSN_COSE_PLAIN, true, false, 0 },
	{ "a protected header more",
	  { .protect = more, .protect_len = 5, .sig_len = 64, .arity = 4 }, CSN_COSE_PLAIN, true,
	  false, 0 },
	{ "no protected header", { .protect = more, .sig_len = 64, .arity = 4 }, CSN_COSE_PLAIN,
	  true, false, 0 },
	{ "a payload of text", { GOOD, .text_payload = true }, CSN_COSE_PLAIN, false, false, 0 },
	{ "a signature of 63 bytes", { .protect = eddsa, .protect_len = 3, .sig_len = 63, .arity = 4 },
	  CSN_COSE_PLAIN, false, false, 0 },
	{ "a signature of 65 bytes", { .protect = eddsa, .protect_len = 3, .sig_len = 65, .arity = 4 },
	  CSN_COSE_PLAIN, false, false, 0 },
	{ "five members", { .protect = eddsa, .protect_len = 3, .sig_len = 64, .arity = 5 },
	  CSN_COSE_PLAIN, false, false, 0 },
};

static void
test_headers(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_cose cose  = { 0 };
		bool shape = csn_cose_parse(make(&cases[i].spec), &cose) == CSN_OK;
		bool headers = shape && csn_cose_headers(&cose, CSN_SUITE_X25519,
		                                         cases[i].kind) == CSN_OK;
		tap_ok(shape == cases[i].shape && headers == cases[i].headers &&
		               cose.chain_len == cases[i].chain,
		       "%s: %s", cases[i].what,
		       cases[i].headers ? "taken" : cases[i].shape ? "header" : "shape");
	}
}

/* What is written is read again and verifies; anything else does not. */
static void
test_signature(unsigned suite)
{
	uint8_t              pk[65], sig[64], buf[256], run[64];
	struct csn_bytes     chain[] = { CSN_BYTES_OF(cert), CSN_BYTES_OF(cert) };
	struct csn_dcbor_out out;
	struct csn_bytes     item = CSN_BYTES_NONE, tbs = CSN_BYTES_NONE;
	struct csn_bytes     other = { (const uint8_t *)"\x81\x02", 2 };
	struct csn_cose      cose  = { 0 };

	c->sign_public(c->self, suite, sk, pk);
	struct csn_bytes key = { pk, csn_suite_pk_len(suite) };
	int              r   = csn_cose_sign(c, suite, sk, payload, sig);
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_cose_put(&out, suite, chain, 2, payload, sig);
	csn_dcbor_out_end(&out, &item);
	tap_ok(r == CSN_OK && csn_dcbor_check(item) == CSN_OK &&
	               csn_cose_parse(item, &cose) == CSN_OK &&
	               csn_cose_headers(&cose, suite, CSN_COSE_OBJECT) == CSN_OK &&
	               cose.chain_len == 2,
	       "suite %u: an object is written and read", suite);
	tap_is(csn_cose_verify(c, &cose, suite, key, cose.payload), CSN_OK, "it verifies");
	tap_is(csn_cose_verify(c, &cose, suite, key, other), CSN_E_REFUSED,
	       "not over another payload");
	tap_is(csn_cose_verify(c, &cose, 3 - suite, key, payload), CSN_E_REFUSED,
	       "not under the other suite's header");
	csn_dcbor_out_init(&out, run, sizeof run);
	csn_cose_put_to_sign(&out, suite, payload);
	csn_dcbor_out_end(&out, &tbs);
	tap_is(c->verify(c->self, suite, key, &tbs, 1, sig), CSN_OK,
	       "a signer of one message signs the same");
	csn_dcbor_out_init(&out, run, sizeof run);
	csn_cose_put_to_sign(&out, 3, payload);
	tap_is(csn_dcbor_out_end(&out, &tbs), CSN_E_TOO_BIG,
	       "for a suite that is none nothing is written");
}

int
main(void)
{
	c = csn_crypto_openssl();
	test_headers();
	test_signature(CSN_SUITE_X25519);
	test_signature(CSN_SUITE_P256);
	return tap_done();
}
