/*
 * What attest/x509 reads of strangers: the first byte says what the chunks after it are
 * (two bytes of length each): a path with a revocation list and an OCSP answer, a
 * declaration of Matter with its path, a device's evidence with an anchor, a result.
 * With -fsanitize=fuzzer the engine's main is used; built plainly it replays files or
 * invents inputs of its own.  tests/fuzz/corpus_x509.py makes seeds of the suites.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "lib/ear.h"
#include "plugins/attest/psk/psk.h"
#include "plugins/attest/x509/device.h"
#include "plugins/attest/x509/matter-cd.h"
#include "plugins/attest/x509/ocsp.h"

#define NOW        1735689600 /* 2025-01-01                                        */
#define CHUNKS_MAX 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
split(const uint8_t *data, size_t size, struct csn_bytes chunks[CHUNKS_MAX])
{
	size_t count = 0;

	while (size >= 2 && count < CHUNKS_MAX) {
		size_t len = (size_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		/* Memory of its own, so that a byte too many shows. */
		uint8_t *copy = malloc(len > 0 ? len : 1);
		if (copy == NULL)
			abort();
		memcpy(copy, data, len);
		chunks[count++] = (struct csn_bytes){ copy, len };
		data += len;
		size -= len;
	}
	return count;
}

static size_t
load_path(const struct csn_bytes *chunks, size_t count, X509 **path)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if ((path[n] = x509_cert_load(chunks[i])) != NULL)
			n++;
	return n;
}

static void
free_path(X509 **path, size_t count)
{
	for (size_t i = 0; i < count; i++)
		X509_free(path[i]);
}

/* list, answer, then the path; also found again from a heap of it. */
static void
try_path(const struct csn_bytes *chunks, size_t count)
{
	X509                *path[CHUNKS_MAX];
	STACK_OF(X509)      *pool = sk_X509_new_null(), *anchors = sk_X509_new_null();
	struct x509_refusal  why;
	uint32_t             relaxed = 0;
	const unsigned char *p = chunks[0].ptr;
	X509_CRL *crl = chunks[0].len > 0 ? d2i_X509_CRL(NULL, &p, (long)chunks[0].len) : NULL;
	struct x509_path_rules rules = {
		.unix_s = NOW,
		.max_intermediates = X509_PATH_NO_LIMIT,
		.relaxed = &relaxed,
		.ocsp = &chunks[1],
		.ocsp_count = chunks[1].len > 0,
	};
	size_t n = load_path(chunks + 2, count - 2, path);

	if (crl != NULL) {
		rules.crls = sk_X509_CRL_new_null();
		sk_X509_CRL_push(rules.crls, crl);
		rules.crl_signers = pool;
	}
	for (size_t i = 1; i < n; i++)
		sk_X509_push(i + 1 == n ? anchors : pool, path[i]);
	bool good = n > 0 && x509_path_check(path, (unsigned)n, &rules, &why);
	if (!good && n > 1 && why.reason == NULL)
		abort(); /* a refusal without a reason                            */
	if (n > 0)
		(void)x509_path_find(path[0], pool, anchors, &rules, &why);
	rules.relax = (1u << X509_RELAX_COUNT) - 1;
	/* What passes strictly passes with every relaxation. */
	if (good && !x509_path_check(path, (unsigned)n, &rules, &why))
		abort();
	sk_X509_CRL_pop_free(rules.crls, X509_CRL_free);
	sk_X509_free(pool);
	sk_X509_free(anchors);
	free_path(path, n);
}

static void
try_declaration(const struct csn_bytes *chunks, size_t count)
{
	X509                 *path[CHUNKS_MAX];
	size_t                n = load_path(chunks + 1, count - 1, path);
	struct x509_cd_signer signer = { .id = { 0x62, 0xfa, 0x82, 0x33, 0x59, 0xac, 0xfa, 0xa9,
		                                 0x96, 0x3e, 0x1c, 0xfa, 0x14, 0x0a, 0xdd, 0xf5,
		                                 0x04, 0xf3, 0x71, 0x60 } };

	if (n >= X509_MATTER_PATH) {
		struct x509_cd_wanted wanted = { .vendor_id = 0xfff1, .product_id = 0x8000,
			                         .path = path, .signers = &signer,
			                         .signer_count = 1 };
		signer.key = X509_get_pubkey(path[0]);
		if (signer.key != NULL)
			(void)x509_cd_check(chunks[0], &wanted);
		EVP_PKEY_free(signer.key);
	}
	free_path(path, n);
}

/* anchor, evidence: the quick way must come to what the long one comes to. */
static void
try_evidence(const struct csn_bytes *chunks)
{
	static uint8_t           challenge[32];
	const struct x509_maker *maker;
	struct csn_verdict       a = { .size = sizeof a }, b = { .size = sizeof b };
	uint32_t                 relaxed;
	X509                    *anchor = x509_cert_load(chunks[0]);
	struct csn_evidence      evidence = { .size = sizeof evidence, .type = "idevid",
		                              .value = chunks[1],
		                              .challenge = CSN_BYTES_OF(challenge),
		                              .unix_s = NOW };
	struct x509_devices devices = { .profile = X509_PROFILE_RFC5280, .maker_count = 1 };

	if (anchor == NULL)
		return;
	memset(challenge, 0x5a, sizeof challenge);
	strcpy(devices.makers[0].name, "acme");
	devices.makers[0].anchors = sk_X509_new_null();
	sk_X509_push(devices.makers[0].anchors, anchor);
	if (x509_devices_prepare(&devices) != CSN_OK)
		abort();
	int q = x509_devices_judge(&devices, &evidence, &a, &relaxed, &maker);
	struct x509_quick_anchor *quick = devices.makers[0].quick;
	devices.makers[0].quick = NULL;
	int r = x509_devices_judge(&devices, &evidence, &b, &relaxed, &maker);
	devices.makers[0].quick = quick;
	if (q != r || a.judgement != b.judgement || (r == CSN_OK && a.judgement == CSN_UNDECIDED))
		abort();
	x509_devices_done(&devices);
}

static void
try_texts(const struct csn_bytes *chunks)
{
	struct csn_ear_view view;
	uint8_t             key[PSK_MAX];
	size_t              len;
	const char         *why;

	(void)csn_ear_read(chunks[0], &view);
	if (psk_parse(chunks[0], key, &len, &why) == CSN_OK && (len < PSK_MIN || len > PSK_MAX))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csn_bytes chunks[CHUNKS_MAX];

	if (size == 0)
		return 0;
	size_t count = split(data + 1, size - 1, chunks);
	if (data[0] % 4 == 0 && count >= 2)
		try_path(chunks, count);
	else if (data[0] % 4 == 1 && count >= 2)
		try_declaration(chunks, count);
	else if (data[0] % 4 == 2 && count >= 2)
		try_evidence(chunks);
	else if (data[0] % 4 == 3 && count >= 1)
		try_texts(chunks);
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)chunks[i].ptr);
	ERR_clear_error();
	return 0;
}

#ifndef FUZZ_ENGINE
#define FUZZ_SEED 5
#include "fuzz/draw.h"

static uint8_t buf[1 << 16];

static size_t
read_file(const char *path)
{
	FILE  *file = fopen(path, "rb");
	size_t len = file != NULL ? fread(buf, 1, sizeof buf, file) : 0;

	if (file != NULL)
		fclose(file);
	return len;
}

/* Files as they are and with a few bytes changed; or bytes drawn. */
int
main(int argc, char **argv)
{
	unsigned runs = 0;

	for (int i = 1; i < argc; i++) {
		size_t len = read_file(argv[i]);
		LLVMFuzzerTestOneInput(buf, len);
		runs++;
		for (unsigned k = 0; len > 1 && k < 4; k++, runs++) {
			buf[1 + draw((uint32_t)len - 1)] ^= (uint8_t)(1u << draw(8));
			LLVMFuzzerTestOneInput(buf, len);
		}
	}
	for (unsigned i = 0; argc == 1 && i < 20000; i++, runs++) {
		size_t len = 1 + draw(200);
		for (size_t k = 0; k < len; k++)
			buf[k] = (uint8_t)draw(256);
		buf[0] = (uint8_t)i;
		if (len > 3) { /* a first chunk that is there                      */
			buf[1] = 0;
			buf[2] = (uint8_t)draw((uint32_t)len);
			buf[3] = 0x30;
		}
		LLVMFuzzerTestOneInput(buf, len);
	}
	printf("1..1\nok 1 - %u inputs and no finding\n", runs);
	return 0;
}
#endif
