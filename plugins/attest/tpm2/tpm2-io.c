#include "verifier.h"

#include "lib/hex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* "0,2,7" as bits. */
static int
read_pcrs(const struct tpm2 *tpm2, uint32_t *ret_bits, struct csn_error *err)
{
	const char *text = tpm2->pcrs_text;
	uint32_t    bits = 0;

	while (text != NULL && *text != '\0') {
		char *end;
		long  n = strtol(text, &end, 10);
		if (end == text || n < 0 || n >= TPM2_PCRS || (*end != '\0' && *end != ','))
			return tpm2->host->fail(err, CSN_E_CONFIG,
			                        "pcrs: \"%.40s\" is no list of 0 to 23", text);
		bits |= 1u << n;
		text = *end == ',' ? end + 1 : end;
	}
	*ret_bits = bits;
	return CSN_OK;
}

/* 64 hex digits of a line; what follows a blank or a # is for the reader. */
static bool
read_hash(const char *line, uint8_t ret_hash[32])
{
	struct csn_bytes digits = { (const uint8_t *)line, strcspn(line, " \n") };

	return csn_hex_read(digits, CSN_HEX_LOWER, ret_hash, 32);
}

static int
load_allow(struct tpm2 *tpm2, struct csn_error *err)
{
	const struct csn_host *host = tpm2->host;
	char                   line[200];
	int                    r = CSN_OK;

	if (tpm2->allow_path == NULL)
		return CSN_OK;
	FILE *file = fopen(tpm2->allow_path, "re");
	if (file == NULL)
		return host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, "allow: %s: %s",
		                  tpm2->allow_path, strerror(errno));
	tpm2->allow = calloc(TPM2_ALLOW_MAX, sizeof *tpm2->allow);
	if (tpm2->allow == NULL)
		r = host->fail(err, CSN_E_NOMEM, "no memory for allowed keys");
	for (unsigned n = 1; r == CSN_OK && fgets(line, sizeof line, file) != NULL; n++) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (tpm2->allow_count == TPM2_ALLOW_MAX)
			r = host->fail(err, CSN_E_TOO_BIG, "allow: more than %d keys",
			               TPM2_ALLOW_MAX);
		else if (!read_hash(line, tpm2->allow[tpm2->allow_count++]))
			r = host->fail(err, CSN_E_CONFIG, "allow: %s:%u: not 64 hex digits",
			               tpm2->allow_path, n);
	}
	fclose(file);
	return r;
}

int
tpm2_load(struct tpm2 *tpm2, struct csn_error *err)
{
	const struct csn_host *host = tpm2->host;
	uint32_t               bits = 0;
	char                   why[200], text[120];
	int                    r = CSN_OK;

	csn_pubkey_ready();
	if (tpm2->references_path == NULL && tpm2->allow_path == NULL)
		return host->fail(err, CSN_E_CONFIG,
		                  "references or allow: whose quotes would be believed?");
	if (tpm2->references_path != NULL)
		r = csn_references_load(tpm2->references_path, tpm2->unsigned_references != 0,
		                        &tpm2->references, why, sizeof why);
	if (r < 0)
		return host->fail(err, r, "references: %s", why);
	r = read_pcrs(tpm2, &bits, err);
	if (r == CSN_OK)
		r = load_allow(tpm2, err);
	if (r < 0)
		return r;
	tpm2->policy = (struct tpm2_policy){
		.sha1 = tpm2->sha1 != 0,
		.corims = tpm2->references.corims,
		.corim_count = tpm2->references.count,
		.names = (const uint8_t(*)[32])tpm2->allow,
		.name_count = tpm2->allow_count,
		.pcrs_needed = bits,
		.log_needed = tpm2->log_needed != 0,
	};
	int len = snprintf(text, sizeof text, "tpm2/1 pcrs=%x log=%u sha1=%u", bits,
	                   tpm2->log_needed, tpm2->sha1);
	r = csn_sha256(tpm2->crypto, (struct csn_bytes){ (const uint8_t *)text, (size_t)len },
	               tpm2->policy_hash);
	return r < 0 ? host->fail(err, CSN_E_NOMEM, "no memory to hash the policy") : r;
}

void
tpm2_unload(struct tpm2 *tpm2)
{
	free(tpm2->allow);
	csn_references_done(&tpm2->references);
}
