/*
 * tpm2_judge ATTEST SIGNATURE PUBLIC NONCE VALUES [ITEM KEY]: judges what tpm2-tools got of a TPM.
 * PUBLIC is a TPM2B_PUBLIC, NONCE hex, VALUES the PCRs 0 and 7 one after the other.
 * Prints "accepted" or the reason.  ITEM gets the evidence item of it, KEY the hash of the
 * key as a station's list of allowed keys has it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../plugins/attest/tpm2/tpm2.h"
#include "lib/verdict.h"

static struct csn_bytes
load(const char *path)
{
	static uint8_t pool[4][4096];
	static size_t  used;
	uint8_t       *buf = pool[used++];
	FILE          *file = fopen(path, "rb");
	size_t         len = file != NULL ? fread(buf, 1, sizeof pool[0], file) : 0;

	if (file == NULL || len == 0) {
		perror(path);
		exit(2);
	}
	fclose(file);
	return (struct csn_bytes){ buf, len };
}

static void
save(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
		perror(path);
		exit(2);
	}
}

static void
save_item(const char *path, const struct tpm2_parts *parts)
{
	static uint8_t       buf[8192];
	const struct tpm2_bank *bank = &parts->pcrs.banks[0];
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_map(&out, 4);
	csn_dcbor_put_uint(&out, 1);
	csn_dcbor_put_bytes(&out, parts->attest);
	csn_dcbor_put_uint(&out, 2);
	csn_dcbor_put_bytes(&out, parts->signature);
	csn_dcbor_put_uint(&out, 3);
	csn_dcbor_put_bytes(&out, parts->public);
	csn_dcbor_put_uint(&out, 4);
	csn_dcbor_put_array(&out, 1);
	csn_dcbor_put_array(&out, 2);
	csn_dcbor_put_uint(&out, bank->alg);
	csn_dcbor_put_map(&out, 2);
	for (unsigned i = 0; i <= 7; i += 7) {
		csn_dcbor_put_uint(&out, i);
		csn_dcbor_put_bytes(&out, (struct csn_bytes){ bank->pcr[i], 32 });
	}
	save(path, buf, out.len);
}

static void
save_key(const char *path, const uint8_t hash[32])
{
	char text[66];

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	text[64] = '\n';
	save(path, text, 65);
}

int
main(int argc, char **argv)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct tpm2_parts  parts = { .pcrs = { .count = 1 } };
	struct tpm2_bank  *bank = &parts.pcrs.banks[0];
	struct tpm2_key    key = { 0 };
	const char        *why = "";
	uint8_t            nonce[32] = { 0 }, name[1][32];

	if (argc != 6 && argc != 8)
		return 2;
	parts.attest = load(argv[1]);
	parts.signature = load(argv[2]);
	parts.public = load(argv[3]);
	struct csn_bytes values = load(argv[5]);
	/* TPM2B: two bytes of length in front. */
	parts.public.ptr += 2;
	parts.public.len -= 2;
	for (size_t i = 0; i < sizeof nonce && argv[4][2 * i] != '\0'; i++) {
		unsigned byte = 0;
		sscanf(argv[4] + 2 * i, "%2x", &byte);
		nonce[i] = (uint8_t)byte;
	}
	bank->alg = TPM2_ALG_SHA256;
	bank->have = 1u << 0 | 1u << 7;
	if (values.len != 64 || tpm2_key_read(parts.public, &key, &why) < 0) {
		printf("%zu bytes of PCRs, %s\n", values.len, why);
		return 2;
	}
	memcpy(bank->pcr[0], values.ptr, 32);
	memcpy(bank->pcr[7], values.ptr + 32, 32);
	memcpy(name[0], key.spki_hash, 32);
	tpm2_key_done(&key);
	if (argc == 8) {
		save_item(argv[6], &parts);
		save_key(argv[7], name[0]);
	}
	struct tpm2_policy policy = { .names = (const uint8_t(*)[32])name, .name_count = 1 };
	int r = tpm2_judge_parts(&policy, &parts, CSN_BYTES_OF(nonce), &verdict);
	printf("%s\n", r == CSN_OK ? "accepted" : verdict.reason);
	return r == CSN_OK ? 0 : 1;
}
