/*
 * What attest/x509 and attest/psk read of strangers, and the results of others.  Inputs of
 * several parts are chunks, each with two bytes of length before it.  Certificates made at
 * the start stand for those a part is about; corpus_x509.py makes seeds of the suites.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "fuzz/readers.h"
#include "kit/pki.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/ear.h"
#include "lib/verdict.h"
#include "plugins/attest/psk/psk.h"
#include "plugins/attest/x509/matter-cd.h"
#include "plugins/attest/x509/ocsp.h"
#include "plugins/attest/x509/path-checks.h"
#include "plugins/attest/x509/x509.h"

#define CHUNKS_MAX 10
#define ALL_RELAX  ((1u << X509_RELAX_COUNT) - 1)

static EVP_PKEY                *key;
static X509                    *path[3]; /* leaf, issuer, anchor */
static struct x509_quick_forms  forms;
static struct x509_quick_anchor anchor;

static size_t
split(struct csn_bytes in, struct csn_bytes chunks[CHUNKS_MAX])
{
	size_t count = 0;

	while (in.len >= 2 && count < CHUNKS_MAX) {
		size_t len = (size_t)in.ptr[0] << 8 | in.ptr[1];
		in = (struct csn_bytes){ in.ptr + 2, in.len - 2 };
		if (len > in.len)
			len = in.len;
		/* Memory of its own, so that a byte too many shows. */
		uint8_t *copy = malloc(len > 0 ? len : 1);
		demand(copy != NULL);
		memcpy(copy, in.ptr, len);
		chunks[count++] = (struct csn_bytes){ copy, len };
		in = (struct csn_bytes){ in.ptr + len, in.len - len };
	}
	return count;
}

static void
chunks_done(struct csn_bytes chunks[CHUNKS_MAX], size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)chunks[i].ptr);
	ERR_clear_error();
}

/* ---- one structure ------------------------------------------------------------------ */

/* Every place, and what passes strictly passes with every relaxation. */
static void
certificate(struct csn_bytes in)
{
	X509                  *cert = x509_cert_load(in);
	struct x509_path_rules strict = { .unix_s = PKI_NOW }, lax = { .unix_s = PKI_NOW,
		                                                     .relax = ALL_RELAX };
	char                   serial[65];
	long                   vendor, product;

	for (int place = X509_LEAF; cert != NULL && place <= X509_ANCHOR; place++)
		if (x509_check_cert(cert, (enum x509_place)place, &strict) == NULL)
			demand(x509_check_cert(cert, (enum x509_place)place, &lax) == NULL);
	if (cert != NULL) {
		(void)x509_check_wildcards(cert, cert);
		(void)x509_matter_ids(cert, &vendor, &product);
		if (x509_device_serial(cert, serial) == NULL)
			demand(serial[0] != '\0' && strlen(serial) < sizeof serial);
	}
	X509_free(cert);
	ERR_clear_error();
}

static void
revocation_list(struct csn_bytes in)
{
	const unsigned char   *p = in.ptr;
	X509_CRL              *crl = in.len > 0 ? d2i_X509_CRL(NULL, &p, (long)in.len) : NULL;
	struct x509_path_rules rules = { .unix_s = PKI_NOW };
	struct x509_refusal    why;

	if (crl == NULL) {
		ERR_clear_error();
		return;
	}
	rules.crls = sk_X509_CRL_new_null();
	sk_X509_CRL_push(rules.crls, crl);
	X509_CRL_up_ref(crl);
	sk_X509_CRL_push(rules.crls, crl);
	for (rules.relax = 0; rules.relax <= ALL_RELAX; rules.relax += ALL_RELAX) {
		STACK_OF(X509_CRL) *usable = x509_usable_crls(path, 3, &rules, &why);
		demand(usable != NULL || why.reason != NULL);
		sk_X509_CRL_free(usable);
	}
	sk_X509_CRL_pop_free(rules.crls, X509_CRL_free);
}

/* The certificate asked about has the serial of the first answer. */
static void
answer(struct csn_bytes in)
{
	struct x509_ocsp_rules rules = { .unix_s = PKI_NOW, .skew_s = 300, .sha1 = true };
	const unsigned char   *p = in.ptr;
	OCSP_RESPONSE  *response = in.len > 0 ? d2i_OCSP_RESPONSE(NULL, &p, (long)in.len) : NULL;
	OCSP_BASICRESP *basic = response != NULL ? OCSP_response_get1_basic(response) : NULL;
	ASN1_INTEGER   *serial = NULL;

	if (basic != NULL && OCSP_resp_count(basic) > 0 &&
	    OCSP_id_get0_info(NULL, NULL, NULL, &serial,
	                      (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(
				      OCSP_resp_get0(basic, 0))) == 1)
		X509_set_serialNumber(path[0], serial);
	if (x509_ocsp_check(in, path[0], path[1], &rules) == NULL)
		demand(basic != NULL);
	(void)x509_ocsp_authentic(in, path[1], PKI_NOW, false);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
}

static void
declaration(struct csn_bytes in)
{
	struct x509_cd_signer signer = { .id = { 0x62, 0xfa, 0x82, 0x33, 0x59, 0xac, 0xfa, 0xa9,
		                                 0x96, 0x3e, 0x1c, 0xfa, 0x14, 0x0a, 0xdd, 0xf5,
		                                 0x04, 0xf3, 0x71, 0x60 },
		                         .key = key };
	struct x509_cd_wanted wanted = { .vendor_id = 0xfff1, .product_id = 0x8000, .path = path,
		                         .signers = &signer, .signer_count = 1 };

	(void)x509_cd_check(in, &wanted);
	ERR_clear_error();
}

static void
result(struct csn_bytes in)
{
	struct csn_ear_view view;

	(void)csn_ear_read(in, &view);
}

static void
shared_key(struct csn_bytes in)
{
	static const uint8_t did[16], chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "psk", .value = in,
		                          .did = CSN_BYTES_OF(did),
		                          .challenge = CSN_BYTES_OF(chal) };
	uint8_t              secret[PSK_MAX];
	size_t               len;
	const char          *why;

	if (psk_parse(in, secret, &len, &why) == CSN_OK)
		demand(len >= PSK_MIN && len <= PSK_MAX);
	psk_judge(csn_crypto_openssl(), CSN_BYTES_OF(chal), &evidence, &verdict);
	demand(verdict.judgement != CSN_ACCEPTED);
}

/* ---- the protocol's own: a manifest, a hello, an item, under a fake of signatures ------- */

static int
fake_verify(void *self, unsigned suite, struct csn_bytes pk, const struct csn_bytes *parts,
            size_t n, const uint8_t sig[CSN_SIG_LEN])
{
	(void)self;
	(void)suite;
	(void)pk;
	for (size_t i = 0; i < n; i++)
		demand(parts[i].len == 0 || parts[i].ptr != NULL);
	return (sig[CSN_SIG_LEN - 1] & 1) == 0 ? CSN_OK : CSN_E_REFUSED;
}

static struct x509 believer;

static void
claim(struct csn_bytes in)
{
	static const uint8_t did[16], chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "x509", .value = in,
		                          .did = CSN_BYTES_OF(did),
		                          .challenge = CSN_BYTES_OF(chal),
		                          .unix_s = PKI_NOW };
	struct csn_fact      fact;
	size_t               count = 0;

	for (int about = 0; about < 2; about++) { /* this device, or any             */
		int r = x509_judge(&believer, &evidence, &verdict);
		demand(r == CSN_OK || r == CSN_E_REFUSED);
		demand(verdict.judgement != CSN_UNDECIDED);
		(void)x509_ops.identify(&believer, &evidence, &fact, 1, &count);
		evidence.did = CSN_BYTES_NONE;
		verdict = (struct csn_verdict){ .size = sizeof verdict };
	}
}

/* The first byte is the suite, chunks of certificates follow. */
static void
protocol_chain(struct csn_bytes in)
{
	struct csn_bytes chunks[CHUNKS_MAX];
	struct csn_cert  leaf;

	if (in.len == 0)
		return;
	unsigned suite = 1 + (in.ptr[0] & 1);
	size_t   count = split((struct csn_bytes){ in.ptr + 1, in.len - 1 }, chunks);
	const struct csn_anchor *to = &believer.anchors[suite - 1];
	if (count > 0 && count <= CSN_CHAIN_MAX)
		demand(csn_chain_check(believer.crypto, suite, chunks, count,
		                       (struct csn_bytes){ to->spki, to->len }, CSN_ROLE_DEVICE,
		                       (uint32_t)(PKI_NOW - CSN_STAMP_EPOCH), &leaf) >= 0);
	chunks_done(chunks, count);
}

/* ---- evidence of devices ----------------------------------------------------------------- */

static void
item(struct csn_bytes in)
{
	static const uint8_t     chal[32];
	struct x509_devices      devices = { .profile = X509_PROFILE_IDEVID };
	const struct x509_maker *maker;
	uint32_t                 relaxed;
	struct csn_verdict       verdict = { .size = sizeof verdict };
	struct csn_evidence      evidence = { .size = sizeof evidence, .type = "idevid",
		                              .value = in, .challenge = CSN_BYTES_OF(chal),
		                              .unix_s = PKI_NOW };

	x509_devices_judge(&devices, &evidence, &verdict, &relaxed, &maker);
	demand(verdict.judgement == CSN_REJECTED && verdict.reason[0] != '\0');
}

/* Chunks: subject and key identifier of the anchor, then the chain. */
static void
quick(struct csn_bytes in)
{
	struct csn_bytes         chunks[CHUNKS_MAX];
	size_t                   count = split(in, chunks);
	struct x509_quick_anchor to = anchor;
	struct x509_quick_rules  rules = { .unix_s = PKI_NOW, .devid = true, .forms = &forms };
	struct x509_quick        read = { .leaf_key = NULL };

	if (count > 2) {
		to.subject = chunks[0];
		to.key_id = chunks[1];
		if (x509_quick_path(chunks + 2, count - 2, &to, &rules, &read))
			demand(read.leaf_key != NULL && read.serial[0] != '\0');
		EVP_PKEY_free(read.leaf_key);
	}
	chunks_done(chunks, count);
}

/* anchor, evidence: the quick way must come to what the long one comes to. */
static void
both_ways(struct csn_bytes in)
{
	static uint8_t           chal[32];
	const struct x509_maker *maker;
	struct csn_verdict       a = { .size = sizeof a }, b = { .size = sizeof b };
	uint32_t                 relaxed;
	struct csn_bytes         chunks[CHUNKS_MAX];
	size_t                   count = split(in, chunks);
	X509                    *root = count == 2 ? x509_cert_load(chunks[0]) : NULL;
	struct x509_devices devices = { .profile = X509_PROFILE_RFC5280, .maker_count = 1 };

	if (root != NULL) {
		struct csn_evidence evidence = { .size = sizeof evidence, .type = "idevid",
			                         .value = chunks[1],
			                         .challenge = CSN_BYTES_OF(chal),
			                         .unix_s = PKI_NOW };
		chal[0] = 0x42; /* of tests/unit/x509_device.c */
		strcpy(devices.makers[0].name, "acme");
		devices.makers[0].anchors = sk_X509_new_null();
		sk_X509_push(devices.makers[0].anchors, root);
		demand(x509_devices_prepare(&devices) == CSN_OK);
		int q = x509_devices_judge(&devices, &evidence, &a, &relaxed, &maker);
		struct x509_quick_anchor *ready = devices.makers[0].quick;
		devices.makers[0].quick = NULL;
		int r = x509_devices_judge(&devices, &evidence, &b, &relaxed, &maker);
		devices.makers[0].quick = ready;
		demand(q == r && a.judgement == b.judgement);
		demand(r != CSN_OK || a.judgement != CSN_UNDECIDED);
		x509_devices_done(&devices);
	}
	chunks_done(chunks, count);
}

/* list, answer, then the path; also found again from a heap of it. */
static void
whole_path(struct csn_bytes in)
{
	struct csn_bytes     chunks[CHUNKS_MAX];
	size_t               count = split(in, chunks), n = 0;
	X509                *certs[CHUNKS_MAX];
	STACK_OF(X509)      *pool = sk_X509_new_null(), *anchors = sk_X509_new_null();
	struct x509_refusal  why;
	const unsigned char *p = count > 2 ? chunks[0].ptr : NULL;
	X509_CRL *crl = count > 2 && chunks[0].len > 0 ?
	                        d2i_X509_CRL(NULL, &p, (long)chunks[0].len) :
	                        NULL;
	struct x509_path_rules rules = { .unix_s = PKI_NOW,
		                         .max_intermediates = X509_PATH_NO_LIMIT,
		                         .ocsp = &chunks[1],
		                         .ocsp_count = count > 2 && chunks[1].len > 0 };

	for (size_t i = 2; i < count; i++)
		if ((certs[n] = x509_cert_load(chunks[i])) != NULL)
			n++;
	if (crl != NULL) {
		rules.crls = sk_X509_CRL_new_null();
		sk_X509_CRL_push(rules.crls, crl);
		rules.crl_signers = pool;
	}
	for (size_t i = 1; i < n; i++)
		sk_X509_push(i + 1 == n ? anchors : pool, certs[i]);
	bool good = n > 0 && x509_path_check(certs, (unsigned)n, &rules, &why);
	demand(good || n < 2 || why.reason != NULL);
	if (n > 0)
		(void)x509_path_find(certs[0], pool, anchors, &rules, &why);
	rules.relax = ALL_RELAX;
	demand(!good || x509_path_check(certs, (unsigned)n, &rules, &why));
	sk_X509_CRL_pop_free(rules.crls, X509_CRL_free);
	sk_X509_free(pool);
	sk_X509_free(anchors);
	for (size_t i = 0; i < n; i++)
		X509_free(certs[i]);
	chunks_done(chunks, count);
}

const struct fuzz_reader fuzz_readers[] = {
	{ "x509-cert", certificate, { ".cert.der", "matter-roots/" }, false },
	{ "x509-crl", revocation_list, { NULL }, false },
	{ "x509-ocsp", answer, { NULL }, false },
	{ "x509-item", item, { NULL }, false },
	{ "x509-quick", quick, { NULL }, false },
	{ "x509-matter-cd", declaration, { NULL }, false },
	{ "x509-claim", claim, { NULL }, false },
	{ "x509-chain", protocol_chain, { NULL }, false },
	{ "ear", result, { NULL }, false },
	{ "psk", shared_key, { NULL }, false },
	{ "x509-path", whole_path, { NULL }, true },
	{ "x509-both-ways", both_ways, { NULL }, true },
	{ NULL, NULL, { NULL }, false },
};

const char *const fuzz_folders[] = { "x509/matter-roots", "dice/libspdm", NULL };

/* ---- what stands for others, and seeds of it ------------------------------------------- */

static size_t
put_chunk(uint8_t *to, struct csn_bytes bytes)
{
	to[0] = (uint8_t)(bytes.len >> 8);
	to[1] = (uint8_t)bytes.len;
	memcpy(to + 2, bytes.ptr, bytes.len);
	return bytes.len + 2;
}

/* The path made here as seeds: alone, with a list and an answer, as evidence. */
static void
add_path(fuzz_add *add)
{
	static uint8_t   buf[16384], value[8192];
	uint8_t          chal[32] = { 0x42 };
	struct pki_proof proof = { .chain = path, .count = 2, .key = key,
		                   .label = "csgn1/evid-idevid",
		                   .challenge = CSN_BYTES_OF(chal) };
	struct csn_bytes ders[3], evidence, reply, crl = CSN_BYTES_NONE;
	X509_CRL        *list = pki_crl(path[1], key, path, 1, "20241201000000Z",
	                                "20251201000000Z", 7);
	unsigned char   *der = NULL;
	size_t           len;

	for (int i = 0; i < 3; i++)
		ders[i] = pki_der(path[i]);
	crl.len = (size_t)i2d_X509_CRL(list, &der);
	crl.ptr = der;
	reply = pki_ocsp(path[0], path[1], path[1], key, PKI_GOOD, 60, 3600);
	evidence = pki_proof(&proof, value, sizeof value);
	add("x509-cert", ders[0]);
	add("x509-crl", crl);
	add("x509-ocsp", reply);
	add("x509-item", evidence);
	len = put_chunk(buf, anchor.subject);
	len += put_chunk(buf + len, anchor.key_id);
	len += put_chunk(buf + len, ders[0]);
	len += put_chunk(buf + len, ders[1]);
	add("x509-quick", (struct csn_bytes){ buf, len });
	len = put_chunk(buf, ders[2]);
	len += put_chunk(buf + len, evidence);
	add("x509-both-ways", (struct csn_bytes){ buf, len });
	len = put_chunk(buf, crl);
	len += put_chunk(buf + len, reply);
	for (int i = 0; i < 3; i++)
		len += put_chunk(buf + len, ders[i]);
	add("x509-path", (struct csn_bytes){ buf, len });
	buf[0] = 1;
	len = 1 + put_chunk(buf + 1, ders[0]);
	add("x509-chain", (struct csn_bytes){ buf, len });
	for (int i = 0; i < 3; i++)
		OPENSSL_free((void *)(uintptr_t)ders[i].ptr);
	OPENSSL_free((void *)(uintptr_t)reply.ptr);
	OPENSSL_free(der);
	X509_CRL_free(list);
}

static void
add_short(fuzz_add *add)
{
	static const struct {
		const char *reader;
		uint8_t     bytes[72];
		size_t      len;
	} rows[] = {
		{ "x509-matter-cd", { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
		                      0x01, 0x07, 0x02, 0xa0, 0x00 }, 15 },
		{ "x509-claim", { 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0xf6, 0x58, 0x40 }, 72 },
		{ "ear", { 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0x41, 0xa0, 0x58, 0x40 }, 72 },
		{ "psk", "8f3c1a5be2d4470691ac5e7f20b3d86814c9e5a2f7063bd148ca92e01f6d7b55", 64 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		add(rows[i].reader, (struct csn_bytes){ rows[i].bytes, rows[i].len });
}

static void
make_believer(void)
{
	static struct csn_crypto table;
	static const uint8_t     one[32] = { 1 };
	uint8_t                  pk[CSN_PK_MAX];

	table = *csn_crypto_openssl();
	table.verify = fake_verify;
	believer.crypto = &table;
	for (unsigned suite = CSN_SUITE_X25519; suite <= CSN_SUITE_P256; suite++) {
		struct csn_anchor *to = &believer.anchors[believer.count++];
		to->suite = suite;
		demand(table.sign_public(table.self, suite, one, pk) == CSN_OK);
		demand(csn_spki_make(suite,
		                     (struct csn_bytes){ pk, suite == CSN_SUITE_P256 ? 65 : 32 },
		                     to->spki, &to->len) == CSN_OK);
	}
}

void
fuzz_prepare(fuzz_add *add)
{
	struct pki_cert spec = { .subject = "Acme Root", .ca = true };

	key = pki_key(PKI_P256);
	spec.key = spec.issuer_key = key;
	path[2] = pki_make(&spec);
	spec.subject = "Acme Devices";
	spec.issuer = path[2];
	path[1] = pki_make(&spec);
	path[0] = pki_make(&(struct pki_cert){ .subject = "pump", .serial_number = "SN-48213",
	                                       .key = key, .issuer = path[1],
	                                       .issuer_key = key });
	demand(x509_quick_forms_make(&forms) && x509_quick_anchor(path[2], &forms, &anchor));
	make_believer();
	if (add == NULL)
		return;
	add_path(add);
	add_short(add);
}
