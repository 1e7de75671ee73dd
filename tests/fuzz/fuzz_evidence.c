/*
 * Everything that reads evidence others wrote, under any bytes.  The first byte chooses
 * the reader, the rest is what it reads.  With -fsanitize=fuzzer the engine's main is
 * used; built plainly it spoils the suites of the shared data, or built-in seeds where
 * they are not there, in ways of its own: [-n TIMES] [-t READER].  -w DIR writes the
 * suites as a corpus for the engine.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/attest/dice/verifier.h"
#include "../plugins/attest/eat/verifier.h"
#include "../plugins/attest/tpm2/verifier.h"
#include "lib/crypto-openssl.h"
#include "lib/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1795000000

static void
demand(bool holds)
{
	if (!holds)
		abort();
}

/* A reader says yes, or no with a reason; a no is a rejection and never the other way. */
static void
agree(int r, const struct csn_verdict *verdict)
{
	demand(r <= 0);
	if (r == CSN_E_REFUSED)
		demand(verdict->judgement == CSN_REJECTED && verdict->reason[0] != '\0');
	if (r == CSN_OK)
		demand(verdict->judgement != CSN_REJECTED);
	demand(verdict->reason_count <= CSN_VERDICT_REASONS);
}

/* What a verifier may say of a fuzzer's bytes: never that they are good. */
static void
never(int r, const struct csn_verdict *verdict)
{
	demand(r <= 0 && verdict->judgement != CSN_ACCEPTED);
	demand(r < 0 || verdict->judgement == CSN_REJECTED);
}

static void
dice_x509(struct csn_bytes in)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 };

	agree(dice_layer_x509(in, 0, &layer, &verdict), &verdict);
	dice_layer_done(&layer);
}

static void
dice_cdi(struct csn_bytes in)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 };

	agree(dice_layer_cbor(in, true, 0, &layer, &verdict), &verdict);
	dice_layer_done(&layer);
}

static void
dice_chain(struct csn_bytes in)
{
	static struct dice_chain chain;
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_policy policy = { .any_root = true, .unix_s = NOW, .modes = 0xf,
		                      .degenerate = true };

	memset(&chain, 0, sizeof chain);
	int r = dice_read_cbor(in, false, &chain, &verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(&chain, &policy, &verdict);
	agree(r, &verdict);
	dice_chain_done(&chain);
}

static void
dice_extensions(struct csn_bytes in)
{
	static struct dice_layer layer;
	struct dice_tcb          tcb;
	struct csn_bytes         ueid;

	memset(&layer, 0, sizeof layer);
	if (dice_read_tcb(in, &tcb))
		demand(tcb.fwid_count <= DICE_FWIDS_MAX);
	dice_read_multi(in, &layer);
	demand(layer.tcb_count <= DICE_TCB_MAX);
	dice_read_ueid(in, &ueid);
	dice_read_input(in, &layer);
	dice_read_riot(in, &layer);
}

static void
dice_item(struct csn_bytes in)
{
	static const uint8_t chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct dice          dice = { .crypto = csn_crypto_openssl(), .leaf_is_device = 1 };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "dice", .value = in,
		                          .challenge = CSN_BYTES_OF(chal), .unix_s = NOW };

	never(dice_judge(&dice, &evidence, &verdict), &verdict);
}

static void
corim(struct csn_bytes in)
{
	struct csn_corim_policy policy = { .unsigned_ok = true, .any_time = true };
	struct csn_corim        read = { 0 };
	static struct dice_ref  refs[64];
	const char             *why = NULL;
	size_t                  count = 0;
	bool                    known;

	int r = csn_corim_read(in, &policy, &read, &why);
	demand(r == CSN_OK || why != NULL || r == CSN_E_NOMEM);
	if (r == CSN_OK) {
		csn_corim_profile(&read, &known, &why);
		dice_refs_read(&read, refs, 64, &count, &why);
		demand(count <= 64 && read.count <= CSN_CORIM_TRIPLES_MAX);
	}
	csn_corim_done(&read);
}

static void
comid(struct csn_bytes in)
{
	struct csn_corim read = { 0 };
	const char      *why = NULL;

	demand(csn_comid_read(in, &read, &why) == CSN_OK || why != NULL);
	csn_corim_done(&read);
}

static void
claims(struct csn_bytes in)
{
	struct eat_claims read;
	const char       *why = NULL;

	for (int realm = 0; realm < 2; realm++)
		if (eat_read_claims(in, realm, &read, &why) == CSN_OK)
			demand(read.component_count <= EAT_COMPONENTS_MAX);
		else
			demand(why != NULL);
}

static void
token(struct csn_bytes in)
{
	static const uint8_t chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct eat           eat = { .crypto = csn_crypto_openssl() };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "cwt", .value = in,
		                          .challenge = CSN_BYTES_OF(chal), .unix_s = NOW };

	never(eat_verdict(&eat, &evidence, &verdict), &verdict);
}

static void
quote(struct csn_bytes in)
{
	static const uint8_t chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct tpm2          tpm2 = { .crypto = csn_crypto_openssl() };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "tpm2", .value = in,
		                          .challenge = CSN_BYTES_OF(chal), .unix_s = NOW };
	TPMS_ATTEST     attest;
	struct tpm2_key key = { 0 };
	const char     *why;

	never(tpm2_verdict(&tpm2, &evidence, &verdict), &verdict);
	tpm2_quote_read(in, &attest, &why);
	tpm2_certify_read(in, &attest, &why);
	tpm2_key_read(in, &key, &why);
	tpm2_key_done(&key);
}

static void
event_log(struct csn_bytes in)
{
	struct tpm2_pcrs pcrs;
	unsigned         events = 0;
	const char      *why = NULL;

	if (tpm2_log_replay(in, &pcrs, &events, &why) == CSN_OK)
		demand(events > 0 && events <= TPM2_EVENTS_MAX && pcrs.count <= TPM2_BANKS);
}

static void
key(struct csn_bytes in)
{
	struct csn_pubkey read = { 0 };

	csn_pubkey_from_spki(in, &read, NULL);
	csn_pubkey_done(&read);
	if (csn_scbor_check(in) == CSN_OK) {
		csn_pubkey_from_cose(in, &read, NULL);
		csn_pubkey_done(&read);
	}
}

static void
cose(struct csn_bytes in)
{
	struct csn_cose_any read;
	const char         *why = NULL;

	for (int form = CSN_COSE_MAC0; form <= CSN_COSE_SIGN1; form++)
		if (csn_cose_any_parse(in, (enum csn_cose_form)form, &read, &why) == CSN_OK)
			demand(read.sig.len > 0);
		else
			demand(why != NULL);
}

static const struct reader {
	const char *name;
	void (*read)(struct csn_bytes in);
	/* Files of the shared data that are seeds of it: a part of their path.           */
	const char *seeds[4];
} readers[] = {
	{ "dice-x509", dice_x509, { "open-dice/X509", "caliptra/", ".cert.der", "_X509_" } },
	{ "dice-cdi", dice_cdi, { "open-dice/Cbor", "_CBOR_", NULL } },
	{ "dice-chain", dice_chain, { ".chain", NULL } },
	{ "dice-extensions", dice_extensions, { "riot-ext.der", NULL } },
	{ "dice-item", dice_item, { "gluecose", "sign1", NULL } },
	{ "corim", corim, { "corim/corim", "good-corim", "unsigned-corim", NULL } },
	{ "comid", comid, { "corim/comid", "corim/ce-", NULL } },
	{ "claims", claims, { NULL } },
	{ "token", token, { "mac0.bin", "token.cbor", "cca-good.cbor", "evidence.cbor" } },
	{ "quote", quote, { NULL } },
	{ "event-log", event_log, { "eventlog", NULL } },
	{ "key", key, { NULL } },
	{ "cose", cose, { "signed-good-corim", "mac0.bin", "token.cbor", NULL } },
};
#define READERS (sizeof readers / sizeof *readers)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		readers[data[0] % READERS].read((struct csn_bytes){ data + 1, size - 1 });
	return 0;
}

#ifndef FUZZ_ENGINE
#define SEED_MAX 16384

struct seed {
	size_t  reader, len;
	uint8_t bytes[SEED_MAX];
};

static struct seed *seeds;
static size_t       seed_count;

static struct seed *
add_seed(size_t reader)
{
	seeds = realloc(seeds, (seed_count + 1) * sizeof *seeds);
	if (seeds == NULL)
		abort();
	seeds[seed_count] = (struct seed){ .reader = reader };
	return &seeds[seed_count++];
}

/* Short ones for the readers no file is a seed of, and for a tree without the data. */
static const struct {
	size_t      reader;
	const char *hex;
} builtin[] = {
	{ 3, "301a800441434d458103485731830105840100850100870500000000" "01" },
	{ 3, "301304110100000000000000000000000000000000" },
	{ 5, "d901f5a20062696401 81d901fa5821 a201a10062696404a1008182a100a1016441434d45"
	     "81a101a10105" },
	{ 6, "a201a10062696404a1008182a100a1016441434d4581a101a10105" },
	{ 7, "a70a5820070000000000000000000000000000000000000000000000000000000000000019010058"
	     "21012222222222222222222222222222222222222222222222222222222222222222190109781868"
	     "7474703a2f2f61726d2e636f6d2f7073612f322e302e3019095a0119095b19300019095c58201111"
	     "11111111111111111111111111111111111111111111111111111111111119095f80" },
	{ 9, "ff54434780180004000b000000000000000000000000000000010000000200000003010102030405"
	     "06070800000001000b038100000000" },
	{ 9, "0023000b00050072000000100018000b000300100020"
	     "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2960020"
	     "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5" },
	{ 9, "a40141000241000341000481820ba100410" "0" },
	{ 11, "a4010103272006215820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707"
	      "511a" },
	{ 11, "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68"
	      "f707511a" },
	{ 12, "8443a10127a0426869410a" },
};

static void
add_builtin(void)
{
	for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++) {
		struct seed *seed = add_seed(builtin[i].reader);
		unsigned     half = 0, value = 0;
		for (const char *p = builtin[i].hex; *p != '\0'; p++) {
			const char *digits = "0123456789abcdef", *at = strchr(digits, *p);
			if (at == NULL)
				continue;
			value = value << 4 | (unsigned)(at - digits);
			if (++half % 2 == 0)
				seed->bytes[seed->len++] = (uint8_t)value;
		}
	}
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	for (size_t r = 0; type == FTW_F && st->st_size <= SEED_MAX && r < READERS; r++)
		for (size_t k = 0; k < 4 && readers[r].seeds[k] != NULL; k++) {
			if (strstr(path, readers[r].seeds[k]) == NULL)
				continue;
			struct seed *seed = add_seed(r);
			FILE        *file = fopen(path, "rb");
			seed->len = file == NULL ? 0 : fread(seed->bytes, 1, SEED_MAX, file);
			if (file != NULL)
				fclose(file);
			break;
		}
	return 0;
}

static void
add_shared(void)
{
	static const char *const folders[] = { "dice", "crypto/psa-token", "crypto/cca-token", "tpm",
		                               "cose/gluecose" };
	const char *shared = getenv("CSN_SHARED");
	char        path[4096];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s/data/%s",
		         shared != NULL ? shared : TEST_SRCDIR "/../shared", folders[i]);
		nftw(path, visit, 16, FTW_PHYS);
	}
}

static uint32_t
draw(uint32_t *state, size_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)((*state >> 8) % below);
}

/* Bytes that mean something to one of the readers. */
static const uint8_t special[] = { 0x00, 0x01, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x9b,
	                           0xa0, 0xbb, 0xbf, 0xd8, 0xf6, 0xff };

static size_t
spoil(uint8_t *data, size_t len, uint32_t *state)
{
	size_t at = draw(state, len), n = 1 + draw(state, 8);

	switch (draw(state, 6)) {
	case 0:
		data[at] ^= (uint8_t)(1u << draw(state, 8));
		return len;
	case 1:
		data[at] = special[draw(state, sizeof special)];
		return len;
	case 2:
		data[at] = (uint8_t)(data[at] + draw(state, 7) - 3);
		return len;
	case 3:
		n = n < len - at ? n : len - at;
		memmove(data + at, data + at + n, len - at - n);
		return len - n > 0 ? len - n : 1;
	case 4:
		if (len + n > SEED_MAX)
			return len;
		memmove(data + at + n, data + at, len - at);
		for (size_t i = 0; i < n; i++)
			data[at + i] = special[draw(state, sizeof special)];
		return len + n;
	default:
		return at + 1;
	}
}

static void
run(size_t reader, unsigned long times)
{
	static uint8_t data[SEED_MAX];
	unsigned       used = 0;
	unsigned long  done = 0;
	uint32_t       state = 1;

	for (size_t i = 0; i < seed_count; i++)
		used += seeds[i].reader == reader && seeds[i].len > 0;
	for (size_t i = 0; used > 0 && i < seed_count; i++) {
		const struct seed *seed = &seeds[i];
		if (seed->reader != reader || seed->len == 0)
			continue;
		readers[reader].read((struct csn_bytes){ seed->bytes, seed->len });
		for (unsigned long n = 0; n < times / used + 1; n++, done++) {
			size_t len = seed->len;
			memcpy(data, seed->bytes, len);
			for (uint32_t left = 1 + draw(&state, 4); left > 0; left--)
				len = spoil(data, len, &state);
			/* A copy of its own length: what reads past it is seen. */
			uint8_t *copy = malloc(len);
			demand(copy != NULL);
			memcpy(copy, data, len);
			readers[reader].read((struct csn_bytes){ copy, len });
			free(copy);
		}
	}
	printf("%sok %zu - %s: %lu inputs from %u seeds are read to an end\n",
	       used > 0 ? "" : "not ", reader + 1, readers[reader].name, done, used);
	fflush(stdout);
}

static int
write_corpus(const char *dir)
{
	char path[4096];

	for (size_t i = 0; i < seed_count; i++) {
		uint8_t first = (uint8_t)seeds[i].reader;
		snprintf(path, sizeof path, "%s/seed-%zu", dir, i);
		FILE *file = fopen(path, "wb");
		if (file == NULL || fwrite(&first, 1, 1, file) != 1 ||
		    fwrite(seeds[i].bytes, 1, seeds[i].len, file) != seeds[i].len) {
			perror(path);
			return 1;
		}
		fclose(file);
	}
	printf("%zu seeds\n", seed_count);
	return 0;
}

int
main(int argc, char **argv)
{
	unsigned long times = 1000;
	const char   *only = NULL, *corpus = NULL;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "-n") == 0)
			times = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "-t") == 0)
			only = argv[i + 1];
		else if (strcmp(argv[i], "-w") == 0)
			corpus = argv[i + 1];
	}
	add_builtin();
	add_shared();
	if (corpus != NULL)
		return write_corpus(corpus);
	for (size_t r = 0; r < READERS; r++)
		if (only == NULL || strcmp(only, readers[r].name) == 0)
			run(r, times);
	printf("1..%zu\n", READERS);
	free(seeds);
	return 0;
}
#endif
