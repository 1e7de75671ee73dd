#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "../plugins/attest/tpm2/tpm2.h"
#include "lib/verdict.h"
#include "vectors/runners.h"

/* What others recorded of TPMs: quotes with their logs, logs alone, Parsec's statements. */

static struct csn_bytes
base64(const json_t *object, const char *key)
{
	const char *text = vec_str(object, key, "");

	return vec_unbase64(text, strlen(text));
}

/* Go's numbers of hashes. */
static uint16_t
go_hash(long long number)
{
	return number == 3 ? TPM2_ALG_SHA1 : number == 5 ? TPM2_ALG_SHA256
	                                 : number == 6   ? TPM2_ALG_SHA384
	                                 : number == 7   ? TPM2_ALG_SHA512
	                                                 : TPM2_ALG_NULL;
}

static void
take_pcrs(const json_t *list, struct tpm2_pcrs *pcrs)
{
	const json_t *item;
	size_t        i;

	json_array_foreach(list, i, item)
	{
		uint16_t          alg = go_hash(vec_int(item, "DigestAlg", 0));
		struct csn_bytes  value = base64(item, "Digest");
		long long         index = vec_int(item, "Index", -1);
		struct tpm2_bank *bank = NULL;
		for (size_t b = 0; b < pcrs->count; b++)
			if (pcrs->banks[b].alg == alg)
				bank = &pcrs->banks[b];
		if (bank == NULL && pcrs->count < TPM2_BANKS) {
			bank = &pcrs->banks[pcrs->count++];
			bank->alg = alg;
		}
		if (bank == NULL || index < 0 || index >= TPM2_PCRS ||
		    value.len != tpm2_digest_len(alg))
			continue;
		memcpy(bank->pcr[index], value.ptr, value.len);
		bank->have |= 1u << index;
	}
}

static bool
judge(const struct tpm2_parts *parts, struct csn_bytes nonce, bool sha1, char why[48])
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct tpm2_key    key = { 0 };
	const char        *reason = "";
	uint8_t            name[1][32];

	if (tpm2_key_read(parts->public, &key, &reason) < 0) {
		snprintf(why, 48, "%s", reason);
		return false;
	}
	/* The key of a recording is taken as allowed: no EK is with it. */
	memcpy(name[0], key.spki_hash, 32);
	tpm2_key_done(&key);
	struct tpm2_policy policy = { .sha1 = sha1, .names = (const uint8_t(*)[32])name, .name_count = 1,
		                      .log_needed = parts->log.len > 0 };
	int r = tpm2_judge_parts(&policy, parts, nonce, &verdict);
	snprintf(why, 48, "%s", r == CSN_OK ? "" : verdict.reason);
	return r == CSN_OK;
}

/*
 * A recorded machine signs and keeps its log with SHA-1, so by default its quote is
 * refused for that; with the relaxation everything must hold.  Then each part is spoilt.
 */
void
run_tpm_quote(struct vec *v, const json_t *root)
{
	struct tpm2_parts parts = { .pcrs = { .count = 0 } };
	const json_t     *quote = json_object_get(root, "Quote"), *log = json_object_get(root, "Log");
	struct csn_bytes  nonce = base64(quote, "Nonce");
	char              why[48];

	if (vec_int(json_object_get(root, "Static"), "TPMVersion", 2) != 2) {
		vec_skip(v, "a TPM 1.2");
		return;
	}
	parts.public = base64(json_object_get(root, "AK"), "Public");
	parts.attest = base64(quote, "Quote");
	parts.signature = base64(quote, "Signature");
	parts.log = base64(log, "Raw");
	take_pcrs(json_object_get(log, "PCRs"), &parts.pcrs);

	bool sha1 = vec_int(quote, "Alg", 0) == TPM2_ALG_SHA1;
	if (sha1) {
		bool plain = judge(&parts, nonce, false, why);
		vec_verdict(v, "by default: ", false, plain, why);
		vec_row(v, strcmp(why, "tpm2.hash") == 0, "refused for %s", why);
	}
	bool good = judge(&parts, nonce, sha1, why);
	vec_verdict(v, "with its hash: ", !vec_wants_reject(v), good, why);

	struct tpm2_parts bad = parts;
	bad.pcrs.banks[0].pcr[7][0] ^= 1;
	good = judge(&bad, nonce, sha1, why);
	vec_verdict(v, "PCR 7 changed: ", false, good, why);
	uint8_t *bytes = vec_alloc(parts.log.len);
	memcpy(bytes, parts.log.ptr, parts.log.len);
	bytes[8] ^= 1; /* the first digest, behind a PCR and a type             */
	bad = parts;
	bad.log.ptr = bytes;
	good = judge(&bad, nonce, sha1, why);
	vec_verdict(v, "a digest of the log changed: ", false, good, why);
	static const uint8_t other[32] = { 1 };
	good = judge(&parts, CSN_BYTES_OF(other), sha1, why);
	vec_verdict(v, "another nonce: ", false, good, why);
}

void
run_tpm_log(struct vec *v, const json_t *root)
{
	struct tpm2_pcrs pcrs;
	const char      *why = "";
	unsigned         events = 0;
	int              r = tpm2_log_replay(vec_file(v), &pcrs, &events, &why);
	const char      *expect = vec_expect(v);

	(void)root;
	/* The names tell what a log lacks, not whether it is one. */
	vec_verdict(v, "", expect == NULL || strncmp(expect, "reject", 6) != 0, r == CSN_OK && events > 0, why);
}

/* One PEM block in JSON, whose line ends are written out. */
static bool
signed_by_pem(const char *at, const char *stop, struct csn_bytes attest, struct csn_bytes sig)
{
	char             *pem = vec_alloc((size_t)(stop - at) + 40);
	size_t            len = 0;
	struct csn_pubkey key = { 0 };
	const char       *why;
	uint16_t          hash;

	while (at < stop) {
		bool end = at[0] == '\\' && at[1] == 'n';
		pem[len++] = end ? '\n' : *at;
		at += end ? 2 : 1;
	}
	if (csn_pubkey_from_pem((struct csn_bytes){ (uint8_t *)pem, len }, &key, NULL) < 0)
		return false;
	bool good = tpm2_signature_pkey(key.pkey, attest, sig, false, &hash, &why) == CSN_OK;
	csn_pubkey_done(&key);
	return good;
}

/* Is @attest signed by a key the sources of the scheme's CoRIMs name? */
static bool
signed_by_source(const struct vec *v, struct csn_bytes attest, struct csn_bytes sig)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY", end[] = "END PUBLIC KEY-----";
	char              pattern[800];
	glob_t            found = { 0 };
	bool              good = false;

	snprintf(pattern, sizeof pattern, "%s/../corim/src/*ta.json", vec_folder(v));
	if (glob(pattern, 0, NULL, &found) != 0)
		found.gl_pathc = 0;
	for (size_t k = 0; k < found.gl_pathc && !good; k++) {
		const char *at = (const char *)vec_read(found.gl_pathv[k]).ptr, *stop;
		while (!good && at != NULL && (at = strstr(at, begin)) != NULL &&
		       (stop = strstr(at, end)) != NULL) {
			stop += sizeof end - 1;
			good = signed_by_pem(at, stop, attest, sig);
			at = stop;
		}
	}
	globfree(&found);
	return good;
}

static struct csn_bytes
part(struct csn_bytes map, const char *name)
{
	struct csn_bytes bytes = CSN_BYTES_NONE;

	csn_scbor_as_bytes(csn_scbor_find_text(map, name), &bytes);
	return bytes;
}

/* Parsec: a quote, and a certification of the key it speaks for, by one TPM. */
void
run_tpm_parsec(struct vec *v, const json_t *root)
{
	struct csn_bytes file = vec_file(v), kat, pat;
	TPMS_ATTEST      quote, certify;
	struct tpm2_key  key = { 0 };
	const char      *why = "syntax";
	bool             good = csn_scbor_check(file) == CSN_OK;

	(void)root;
	kat = good ? csn_scbor_find_text(file, "kat") : CSN_BYTES_NONE;
	pat = good ? csn_scbor_find_text(file, "pat") : CSN_BYTES_NONE;
	good = tpm2_quote_read(part(pat, "attestInfo"), &quote, &why) == CSN_OK &&
	       tpm2_certify_read(part(kat, "certInfo"), &certify, &why) == CSN_OK &&
	       tpm2_key_read(part(kat, "pubArea"), &key, &why) == CSN_OK;
	if (good) {
		const TPM2B_NAME *name = &certify.attested.certify.name;
		why = "the key certified is another";
		good = name->size == key.name_len &&
		       memcmp(name->name, key.name, key.name_len) == 0;
	}
	if (good) {
		why = "no key beside it signed it";
		good = signed_by_source(v, part(pat, "attestInfo"), part(pat, "sig")) &&
		       signed_by_source(v, part(kat, "certInfo"), part(kat, "sig"));
	}
	tpm2_key_done(&key);
	vec_verdict(v, "", !vec_wants_reject(v), good, why);
}
