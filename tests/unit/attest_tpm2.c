/*
 * Quotes forged with a fresh key: right in everything but one thing, and which check says
 * so.  The structures are written by hand, not by the library that reads them.
 */
#include "kit/tap.h"

#include "../plugins/attest/tpm2/verifier.h"
#include "kit/dice-forge.h"
#include "lib/crypto-openssl.h"

#define NOW 1795000000
#define AK_ATTRIBUTES "00050072" /* fixed, made there, restricted, signs            */

/* How a quote differs from a good one. */
static const struct quote {
	const char *what, *reason; /* NULL: accepted                                      */
	const char *attributes;    /* hex                                                 */
	const char *name_alg, *scheme, *curve;
	const char *magic_type;    /* hex of the first six bytes                          */
	const char *selection;     /* hex of count and selections                         */
	const char *sig_head;      /* hex of algorithm and hash                           */
	const char *log;           /* hex of events, or NULL for the good log             */
	unsigned    needed;
	bool stranger, spoil, stale, trail, unknown, change_pcr, drop_pcr, no_log, log_rule,
		other_reference, no_reference, more_item;
} quotes[] = {
	{ .what = "a good quote" },
	{ .what = "a good quote without a log", .no_log = true },
	{ .what = "needed PCRs quoted and known", .needed = 1u << 0 | 1u << 7 },
	{ .what = "the challenge of another session", .reason = "tpm2.nonce", .stale = true },
	{ .what = "a stranger's signature", .reason = "tpm2.signature", .stranger = true },
	{ .what = "one bit of the signature", .reason = "tpm2.signature", .spoil = true },
	{ .what = "a key nobody allowed", .reason = "tpm2.key.unknown", .unknown = true },
	{ .what = "bytes no TPM begins with", .reason = "tpm2.magic", .magic_type = "ff5443488018" },
	{ .what = "a certification, not a quote", .reason = "tpm2.type",
	  .magic_type = "ff5443478017" },
	{ .what = "a byte behind the quote", .reason = "tpm2.quote.syntax", .trail = true },
	{ .what = "a key that is not restricted", .reason = "tpm2.key.attributes",
	  .attributes = "00040072" },
	{ .what = "a key that may leave its TPM", .reason = "tpm2.key.attributes",
	  .attributes = "00050070" },
	{ .what = "a key that may leave its parent", .reason = "tpm2.key.attributes",
	  .attributes = "00050062" },
	{ .what = "a key brought from outside", .reason = "tpm2.key.attributes",
	  .attributes = "00050052" },
	{ .what = "a key that decrypts as well", .reason = "tpm2.key.attributes",
	  .attributes = "00070072" },
	{ .what = "a name by SHA-1", .reason = "tpm2.key.name", .name_alg = "0004" },
	{ .what = "a curve nobody takes", .reason = "tpm2.key", .curve = "0010" },
	{ .what = "another hash than the key's scheme", .reason = "tpm2.scheme",
	  .scheme = "0018 000c" },
	{ .what = "a signature by SHA-1", .reason = "tpm2.hash", .sig_head = "0018 0004" },
	{ .what = "a signature of RSA by a key on a curve", .reason = "tpm2.signature.syntax",
	  .sig_head = "0014 000b" },
	{ .what = "another value of PCR 7", .reason = "tpm2.pcrs", .change_pcr = true },
	{ .what = "a quoted PCR without a value", .reason = "tpm2.pcrs", .drop_pcr = true },
	{ .what = "another selection than was signed over", .reason = "tpm2.pcrs",
	  .selection = "00000001 000b 03 010000" },
	{ .what = "a bank of SHA-1", .reason = "tpm2.bank",
	  .selection = "00000001 0004 03 810000" },
	{ .what = "no log where one is needed", .reason = "tpm2.log.absent", .no_log = true,
	  .log_rule = true },
	{ .what = "a log that ends elsewhere", .reason = "tpm2.log.replay",
	  .log = "00000000 08000000 01000000 0b00"
	         "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1 00000000" },
	{ .what = "a log with one event more", .reason = "tpm2.log.replay",
	  .log = "00000000 08000000 01000000 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000"
	         "07000000 04000000 01000000 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000"
	         "00000000 08000000 01000000 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000" },
	{ .what = "a log whose event is cut off", .reason = "tpm2.log.syntax",
	  .log = "00000000 08000000 01000000 0b00 a1a1" },
	{ .what = "an event of a hash the log does not have", .reason = "tpm2.log.syntax",
	  .log = "00000000 08000000 01000000 0c00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000" },
	{ .what = "an event with two digests of one hash", .reason = "tpm2.log.syntax",
	  .log = "00000000 08000000 02000000 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000" },
	{ .what = "an event of PCR 24", .reason = "tpm2.log.pcr",
	  .log = "18000000 08000000 01000000 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000" },
	{ .what = "an event of four thousand million bytes", .reason = "tpm2.log.syntax",
	  .log = "00000000 08000000 01000000 0b00"
	         "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 ffffffff" },
	{ .what = "a reference with another value", .reason = "tpm2.pcr", .other_reference = true },
	{ .what = "a needed PCR without a reference", .reason = "tpm2.pcr.absent",
	  .no_reference = true, .needed = 1u << 7 },
	{ .what = "a needed PCR that was not quoted", .reason = "tpm2.pcr.absent",
	  .needed = 1u << 4 },
	{ .what = "an item with more than it has", .reason = "tpm2.syntax", .more_item = true },
};

/* The log's first event: SHA-256 alone. */
#define SPEC "00000000 03000000 0000000000000000000000000000000000000000 21000000" \
	"53706563204944204576656e74303300 00000000 00 02 00 02 01000000 0b00 2000 00"
#define EVENTS "00000000 08000000 01000000 0b00" \
	"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000" \
	"07000000 04000000 01000000 0b00" \
	"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 00000000"
/* PCRs 0 and 7 of SHA-256 */
#define SELECTION "00000001 000b 03 810000"

static EVP_PKEY        *keys[2];
static uint8_t          pcr_value[32]; /* SHA-256 of 32 zeros and 32 times a1     */
static struct csn_corim corims[2];
static uint8_t          corim_bytes[2][512];

struct bytes {
	uint8_t b[1024];
	size_t  len;
};

static void
add_hex(struct bytes *to, const char *hex)
{
	to->len += forge_unhex(hex, to->b + to->len, sizeof to->b - to->len);
}

static void
add(struct bytes *to, const void *bytes, size_t len)
{
	memcpy(to->b + to->len, bytes, len);
	to->len += len;
}

static const char *
or(const char *text, const char *fallback)
{
	return text != NULL ? text : fallback;
}

static void
make_public(const struct quote *q, struct bytes *out)
{
	uint8_t spki[200];
	size_t  len = forge_spki(keys[0], spki);

	add_hex(out, "0023");
	add_hex(out, or(q->name_alg, "000b"));
	add_hex(out, or(q->attributes, AK_ATTRIBUTES));
	add_hex(out, "0000 0010");
	add_hex(out, or(q->scheme, "0018 000b"));
	add_hex(out, or(q->curve, "0003"));
	add_hex(out, "0010 0020");
	add(out, spki + len - 64, 32);
	add_hex(out, "0020");
	add(out, spki + len - 32, 32);
}

static void
make_attest(const struct quote *q, const uint8_t chal[32], struct bytes *out)
{
	uint8_t  values[64], digest[32], nonce[32];
	unsigned len = 0;

	memcpy(values, pcr_value, 32);
	memcpy(values + 32, pcr_value, 32);
	EVP_Digest(values, sizeof values, digest, &len, EVP_sha256(), NULL);
	memcpy(nonce, chal, 32);
	nonce[31] ^= q->stale;
	add_hex(out, or(q->magic_type, "ff5443478018"));
	add_hex(out, "0022 000b 0000000000000000000000000000000000000000000000000000000000000000");
	add_hex(out, "0020");
	add(out, nonce, 32);
	add_hex(out, "0000000000000001 00000002 00000003 01 0102030405060708");
	add_hex(out, or(q->selection, SELECTION));
	add_hex(out, "0020");
	add(out, digest, 32);
	if (q->trail)
		add_hex(out, "00");
}

static void
make_signature(const struct quote *q, const struct bytes *attest, struct bytes *out)
{
	uint8_t sig[160];

	forge_sign(keys[q->stranger], (struct csn_bytes){ attest->b, attest->len }, true, sig);
	sig[40] ^= q->spoil;
	add_hex(out, or(q->sig_head, "0018 000b"));
	add_hex(out, "0020");
	add(out, sig, 32);
	add_hex(out, "0020");
	add(out, sig + 32, 32);
}

static void
put_part(struct csn_dcbor_out *out, uint64_t key, const struct bytes *bytes)
{
	csn_dcbor_put_uint(out, key);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ bytes->b, bytes->len });
}

static void
put_pcrs(const struct quote *q, struct csn_dcbor_out *out)
{
	uint8_t other[32];

	memcpy(other, pcr_value, 32);
	other[0] ^= q->change_pcr;
	csn_dcbor_put_uint(out, 4);
	csn_dcbor_put_array(out, 1);
	csn_dcbor_put_array(out, 2);
	csn_dcbor_put_uint(out, TPM2_ALG_SHA256);
	csn_dcbor_put_map(out, q->drop_pcr ? 1 : 2);
	csn_dcbor_put_uint(out, 0);
	csn_dcbor_put_bytes(out, CSN_BYTES_OF(pcr_value));
	if (q->drop_pcr)
		return;
	csn_dcbor_put_uint(out, 7);
	csn_dcbor_put_bytes(out, CSN_BYTES_OF(other));
}

static struct csn_bytes
make_item(const struct quote *q, const uint8_t chal[32], uint8_t *buf, size_t room)
{
	struct bytes         public = { .len = 0 }, attest = { .len = 0 }, sig = { .len = 0 };
	struct bytes         log = { .len = 0 };
	struct csn_dcbor_out out;

	make_public(q, &public);
	make_attest(q, chal, &attest);
	make_signature(q, &attest, &sig);
	add_hex(&log, SPEC);
	add_hex(&log, or(q->log, EVENTS));
	csn_dcbor_out_init(&out, buf, room);
	csn_dcbor_put_map(&out, (q->no_log ? 4u : 5u) + q->more_item);
	put_part(&out, 1, &attest);
	put_part(&out, 2, &sig);
	put_part(&out, 3, &public);
	put_pcrs(q, &out);
	if (!q->no_log)
		put_part(&out, 5, &log);
	if (q->more_item)
		put_part(&out, 6, &log);
	return (struct csn_bytes){ buf, out.len };
}

static void
test_quote(const struct quote *q)
{
	static const uint8_t chal[32] = { 7 };
	static uint8_t       buf[8192];
	uint8_t              spki[200], allow[1][32];
	unsigned             len = 0;
	struct csn_verdict   verdict = { .size = sizeof verdict };

	EVP_Digest(spki, forge_spki(keys[q->unknown], spki), allow[0], &len, EVP_sha256(), NULL);
	struct tpm2 tpm2 = {
		.crypto = csn_crypto_openssl(),
		.policy = { .corims = q->other_reference ? &corims[1] : &corims[0],
		            .corim_count = !q->no_reference, .names = (const uint8_t(*)[32])allow,
		            .name_count = 1, .pcrs_needed = q->needed, .log_needed = q->log_rule },
	};
	struct csn_evidence evidence = {
		.size = sizeof evidence,
		.type = "tpm2",
		.value = make_item(q, chal, buf, sizeof buf),
		.challenge = CSN_BYTES_OF(chal),
		.unix_s = NOW,
	};
	int  r = tpm2_verdict(&tpm2, &evidence, &verdict);
	bool good = q->reason == NULL ?
	                    r == CSN_OK && verdict.judgement == CSN_ACCEPTED &&
	                            verdict.trust[CSN_TRUST_EXECUTABLES] == CSN_CODE_AFFIRMED :
	                    r == CSN_OK && verdict.judgement == CSN_REJECTED &&
	                            strcmp(verdict.reason, q->reason) == 0;
	if (!tap_ok(good, "%s", q->what))
		tap_note("got %d, judgement %u, %s", r, verdict.judgement, verdict.reason);
}

/* References of PCRs 0 and 7, with the right value or another. */
static void
make_corim(unsigned which)
{
	uint8_t              comid[400];
	struct csn_dcbor_out inner, out;
	const char          *why = "";
	uint8_t              value[32];
	struct csn_corim_policy policy = { .unsigned_ok = true, .any_time = true };

	memcpy(value, pcr_value, 32);
	value[3] ^= which != 0;
	csn_dcbor_out_init(&inner, comid, sizeof comid);
	csn_dcbor_put_raw(&inner, (struct csn_bytes){
	        (const uint8_t *)"\xa2\x01\xa1\x00\x62id\x04\xa1\x00\x81\x82\xa1\x00\xa1\x01\x64"
	                         "ACME\x82", 22 });
	for (unsigned pcr = 0; pcr <= 7; pcr += 7) {
		csn_dcbor_put_map(&inner, 2);
		csn_dcbor_put_uint(&inner, 0);
		csn_dcbor_put_uint(&inner, pcr);
		csn_dcbor_put_uint(&inner, 1);
		csn_dcbor_put_map(&inner, 1);
		csn_dcbor_put_uint(&inner, 2);
		csn_dcbor_put_array(&inner, 1);
		csn_dcbor_put_array(&inner, 2);
		csn_dcbor_put_uint(&inner, 1);
		csn_dcbor_put_bytes(&inner, CSN_BYTES_OF(value));
	}
	csn_dcbor_out_init(&out, corim_bytes[which], sizeof corim_bytes[which]);
	csn_dcbor_put_raw(&out, (struct csn_bytes){
	        (const uint8_t *)"\xd9\x01\xf5\xa2\x00\x62id\x01\x81\xd9\x01\xfa", 13 });
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ comid, inner.len });
	int r = csn_corim_read((struct csn_bytes){ corim_bytes[which], out.len }, &policy,
	                       &corims[which], &why);
	tap_ok(r == CSN_OK, "references %u can be read %s", which, why);
}

int
main(void)
{
	uint8_t  start[64] = { 0 };
	unsigned len = 0;

	memset(start + 32, 0xa1, 32);
	EVP_Digest(start, sizeof start, pcr_value, &len, EVP_sha256(), NULL);
	for (size_t i = 0; i < 2; i++) {
		keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		make_corim((unsigned)i);
	}
	for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++)
		test_quote(&quotes[i]);
	for (size_t i = 0; i < 2; i++) {
		csn_corim_done(&corims[i]);
		EVP_PKEY_free(keys[i]);
	}
	return tap_done();
}
