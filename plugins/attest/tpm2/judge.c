#include "tpm2.h"

#include <stdio.h>

#include "lib/crypto.h"
#include "lib/scbor.h"
#include "lib/verdict.h"

/* What a key that speaks for a TPM must be: made there, bound there, for quotes alone. */
#define ATTRIBUTES_WANTED                                                          \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT)

static int
refuse(struct csn_verdict *verdict, int32_t trust, const char *code, int32_t pcr,
       uint32_t claim, const char *found, const char *wanted)
{
	struct csn_reason reason = { .layer = pcr, .claim = claim };
	char              layer[32] = "quote";

	if (pcr != CSN_NO_LAYER)
		snprintf(layer, sizeof layer, "PCR %d", (int)pcr);
	snprintf(reason.code, sizeof reason.code, "%s", code);
	snprintf(reason.found, sizeof reason.found, "%s", found);
	snprintf(reason.wanted, sizeof reason.wanted, "%s", wanted);
	csn_verdict_reject(verdict, trust, &reason, layer);
	return CSN_E_REFUSED;
}

static int
forged(struct csn_verdict *verdict, const char *code, const char *wanted)
{
	return refuse(verdict, CSN_CODE_FORGED, code, CSN_NO_LAYER, CSN_TRUST_INSTANCE, "", wanted);
}

static bool
allowed(const struct tpm2_policy *policy, const uint8_t hash[32])
{
	for (size_t i = 0; i < policy->name_count; i++)
		if (csn_same_n(policy->names[i], hash, 32))
			return true;
	return false;
}

/* Does a CoRIM that is valid now name this key for attestation? */
static bool
vouched(const struct tpm2_policy *policy, const uint8_t hash[32])
{
	struct csn_corim_value value;

	for (size_t i = 0; i < policy->corim_count; i++) {
		const struct csn_corim *corim = &policy->corims[i];
		for (size_t k = 0; csn_corim_valid(corim, policy->unix_s) && k < corim->count; k++) {
			const struct csn_corim_triple *t = &corim->triples[k];
			struct csn_pubkey              key = { 0 };
			if (t->kind != CSN_CORIM_ATTEST || !csn_corim_key(t->keys, 0, &value) ||
			    value.tag != CSN_TAG_PKIX_KEY ||
			    csn_pubkey_from_pem(value.bytes, &key, NULL) < 0)
				continue;
			bool same = csn_same_n(key.spki_hash, hash, 32);
			csn_pubkey_done(&key);
			if (same)
				return true;
		}
	}
	return false;
}

/* IANA's number of a hash in references, for the TPM's. */
static uint16_t
tpm_alg(uint64_t alg)
{
	return alg == 1 ? TPM2_ALG_SHA256 : alg == 7 ? TPM2_ALG_SHA384
	                                : alg == 8   ? TPM2_ALG_SHA512
	                                             : TPM2_ALG_NULL;
}

/* What references say of one PCR of one bank: nothing, that it is good, or not. */
enum said { SAID_NOTHING, SAID_GOOD, SAID_OTHER };

static void
ask_triple(const struct csn_corim_triple *t, unsigned pcr, const struct tpm2_bank *bank,
           enum said *said)
{
	struct csn_bytes digest, value = { bank->pcr[pcr], tpm2_digest_len(bank->alg) };
	uint64_t         alg;
	int64_t          index;

	if (t->kind != CSN_CORIM_REFERENCE || !csn_scbor_as_int(t->mkey, &index) ||
	    index != (int64_t)pcr)
		return;
	for (size_t i = 0; csn_corim_digest(t->mval, i, &alg, &digest); i++)
		if (tpm_alg(alg) == bank->alg && *said != SAID_GOOD)
			*said = csn_same(digest, value) ? SAID_GOOD : SAID_OTHER;
}

static enum said
ask(const struct tpm2_policy *policy, unsigned pcr, const struct tpm2_bank *bank)
{
	enum said said = SAID_NOTHING;

	for (size_t i = 0; i < policy->corim_count; i++) {
		const struct csn_corim *corim = &policy->corims[i];
		for (size_t k = 0; csn_corim_valid(corim, policy->unix_s) && k < corim->count; k++)
			ask_triple(&corim->triples[k], pcr, bank, &said);
	}
	return said;
}

/* Every quoted PCR a reference speaks of is as it says; those needed are spoken of. */
static int
check_references(const struct tpm2_policy *policy, const TPMS_ATTEST *quote,
                 const struct tpm2_pcrs *pcrs, struct csn_verdict *verdict)
{
	uint32_t good = 0;

	for (size_t b = 0; b < pcrs->count; b++) {
		const struct tpm2_bank *bank = &pcrs->banks[b];
		uint32_t                selected = tpm2_selected(quote, bank->alg);
		for (unsigned i = 0; i < TPM2_PCRS; i++) {
			enum said said = (selected & 1u << i) == 0 ? SAID_NOTHING :
			                                             ask(policy, i, bank);
			if (said == SAID_OTHER)
				return refuse(verdict, CSN_CODE_CONTRAINDICATED, "tpm2.pcr",
				              (int32_t)i, CSN_TRUST_EXECUTABLES, "another value",
				              "a reference value");
			good |= said == SAID_GOOD ? 1u << i : 0;
		}
	}
	for (unsigned i = 0; i < TPM2_PCRS; i++)
		if ((policy->pcrs_needed & ~good & 1u << i) != 0)
			return refuse(verdict, CSN_CODE_CONTRAINDICATED, "tpm2.pcr.absent",
			              (int32_t)i, CSN_TRUST_EXECUTABLES,
			              "not quoted, or no reference", "a reference value");
	if (good != 0)
		csn_verdict_claim(verdict, CSN_TRUST_EXECUTABLES, CSN_CODE_AFFIRMED);
	return CSN_OK;
}

/* The log, played from reset, ends in the quoted values of PCRs 0 to 15. */
static int
check_log(const struct tpm2_policy *policy, const struct tpm2_parts *parts,
          const TPMS_ATTEST *quote, struct csn_verdict *verdict)
{
	struct tpm2_pcrs played;
	unsigned         events = 0, compared = 0;
	const char      *why = "";

	if (parts->log.len == 0)
		return policy->log_needed ?
		               refuse(verdict, CSN_CODE_CONTRAINDICATED, "tpm2.log.absent",
		                      CSN_NO_LAYER, CSN_TRUST_EXECUTABLES, "", "an event log") :
		               CSN_OK;
	int r = tpm2_log_replay(parts->log, &played, &events, &why);
	if (r == CSN_E_PROTOCOL)
		return refuse(verdict, CSN_CODE_UNRECOGNISED, why, CSN_NO_LAYER,
		              CSN_TRUST_EXECUTABLES, "", "an event log");
	for (size_t b = 0; r == CSN_OK && b < parts->pcrs.count; b++) {
		const struct tpm2_bank *bank = &parts->pcrs.banks[b], *mine = NULL;
		for (size_t k = 0; k < played.count; k++)
			if (played.banks[k].alg == bank->alg)
				mine = &played.banks[k];
		uint32_t selected = tpm2_selected(quote, bank->alg) & 0xffff;
		for (unsigned i = 0; mine != NULL && i < TPM2_PCRS; i++) {
			if ((selected & 1u << i) == 0)
				continue;
			compared++;
			if (memcmp(mine->pcr[i], bank->pcr[i], tpm2_digest_len(bank->alg)) != 0)
				return refuse(verdict, CSN_CODE_CONTRAINDICATED, "tpm2.log.replay",
				              (int32_t)i, CSN_TRUST_EXECUTABLES,
				              "the log ends elsewhere", "the quoted value");
		}
	}
	if (r == CSN_OK && compared == 0)
		return refuse(verdict, CSN_CODE_CONTRAINDICATED, "tpm2.log.bank", CSN_NO_LAYER,
		              CSN_TRUST_EXECUTABLES, "", "a log of a quoted bank");
	return r;
}

static int
check_key(const struct tpm2_policy *policy, const struct tpm2_key *key,
          struct csn_verdict *verdict)
{
	if ((key->attributes & ATTRIBUTES_WANTED) != ATTRIBUTES_WANTED ||
	    (key->attributes & TPMA_OBJECT_DECRYPT) != 0)
		return forged(verdict, "tpm2.key.attributes", "a restricted signing key of a TPM");
	if (!allowed(policy, key->spki_hash) && !vouched(policy, key->spki_hash))
		return forged(verdict, "tpm2.key.unknown", "a key that is allowed or vouched for");
	return CSN_OK;
}

static int
check_quote(const struct tpm2_policy *policy, const struct tpm2_parts *parts,
            const struct tpm2_key *key, struct csn_bytes nonce, TPMS_ATTEST *quote,
            struct csn_verdict *verdict)
{
	const char *why = "";
	uint16_t    hash = TPM2_ALG_NULL;

	if (tpm2_quote_read(parts->attest, quote, &why) < 0)
		return forged(verdict, why, "a quote of a TPM");
	int r = tpm2_signature_check(key, parts->attest, parts->signature, policy->sha1, &hash,
	                             &why);
	if (r < 0)
		return r == CSN_E_REFUSED ? forged(verdict, why, "the key's signature") : r;
	if (!csn_same((struct csn_bytes){ quote->extraData.buffer, quote->extraData.size }, nonce))
		return forged(verdict, "tpm2.nonce", "the challenge of this session");
	if (!policy->sha1 && tpm2_selected(quote, TPM2_ALG_SHA1) != 0)
		return forged(verdict, "tpm2.bank", "no bank of SHA-1");
	if (!tpm2_pcrs_match(quote, hash, &parts->pcrs))
		return forged(verdict, "tpm2.pcrs", "the values that were quoted");
	return CSN_OK;
}

static void
tell(const struct tpm2_key *key, const TPMS_ATTEST *quote, struct csn_verdict *verdict)
{
	char text[40];

	csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	memcpy(verdict->key_hash, key->spki_hash, sizeof verdict->key_hash);
	verdict->has_key = true;
	csn_verdict_fact_hex(verdict, "identity.key", key->spki_hash, 32);
	snprintf(text, sizeof text, "%u", quote->clockInfo.resetCount);
	csn_verdict_fact(verdict, "tpm2.resets", text);
	csn_verdict_fact(verdict, "tpm2.clock", quote->clockInfo.safe ? "safe" : "unsafe");
	snprintf(text, sizeof text, "%016llx", (unsigned long long)quote->firmwareVersion);
	csn_verdict_fact(verdict, "tpm2.firmware", text);
}

int
tpm2_judge_parts(const struct tpm2_policy *policy, const struct tpm2_parts *parts,
                 struct csn_bytes nonce, struct csn_verdict *verdict)
{
	struct tpm2_key key = { 0 };
	TPMS_ATTEST     quote = { 0 };
	const char     *why = "";

	int r = tpm2_key_read(parts->public, &key, &why);
	if (r == CSN_E_PROTOCOL)
		return forged(verdict, why, "an attestation key");
	if (r == CSN_OK)
		r = check_key(policy, &key, verdict);
	if (r == CSN_OK)
		r = check_quote(policy, parts, &key, nonce, &quote, verdict);
	if (r == CSN_OK)
		r = check_log(policy, parts, &quote, verdict);
	if (r == CSN_OK)
		r = check_references(policy, &quote, &parts->pcrs, verdict);
	if (r == CSN_OK)
		tell(&key, &quote, verdict);
	tpm2_key_done(&key);
	return r;
}

/* {pcr: value} of one bank, lowest first as dCBOR has them. */
static bool
read_bank(struct csn_dcbor_in *in, struct tpm2_pcrs *pcrs)
{
	if (pcrs->count == TPM2_BANKS || csn_dcbor_array(in, 2, 2) != 2)
		return false;
	struct tpm2_bank *bank = &pcrs->banks[pcrs->count];
	bank->alg = (uint16_t)csn_dcbor_uint(in, UINT16_MAX);
	size_t len = tpm2_digest_len(bank->alg), n = csn_dcbor_map(in, 1, TPM2_PCRS);
	for (size_t i = 0; i < pcrs->count; i++)
		if (pcrs->banks[i].alg == bank->alg)
			return false;
	for (size_t i = 0; i < n && !in->bad && len != 0; i++) {
		uint64_t pcr = csn_dcbor_uint(in, TPM2_PCRS - 1);
		csn_dcbor_copy(in, bank->pcr[pcr], len);
		bank->have |= 1u << pcr;
	}
	pcrs->count++;
	return !in->bad && len != 0;
}

bool
tpm2_parts_read(struct csn_bytes item, struct tpm2_parts *ret_parts)
{
	struct csn_dcbor_in in;

	*ret_parts = (struct tpm2_parts){ .pcrs = { .count = 0 } };
	if (csn_dcbor_check(item) < 0)
		return false;
	csn_dcbor_in_init(&in, item);
	size_t pairs = csn_dcbor_map(&in, 4, 5);
	struct csn_bytes *const parts[] = { &ret_parts->attest, &ret_parts->signature,
		                            &ret_parts->public };
	for (uint64_t i = 0; i < 3; i++) {
		if (csn_dcbor_uint(&in, 5) != i + 1)
			return false;
		*parts[i] = csn_dcbor_bytes(&in, 1, TPM2_PART_MAX);
	}
	if (csn_dcbor_uint(&in, 5) != 4)
		return false;
	size_t banks = csn_dcbor_array(&in, 1, TPM2_BANKS);
	for (size_t i = 0; i < banks; i++)
		if (!read_bank(&in, &ret_parts->pcrs))
			return false;
	if (pairs == 5) {
		if (csn_dcbor_uint(&in, 5) != 5)
			return false;
		ret_parts->log = csn_dcbor_bytes(&in, 1, TPM2_LOG_MAX);
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

int
tpm2_judge(const struct tpm2_policy *policy, struct csn_bytes item, struct csn_bytes nonce,
           struct csn_verdict *verdict)
{
	struct tpm2_parts parts;

	if (!tpm2_parts_read(item, &parts))
		return refuse(verdict, CSN_CODE_UNRECOGNISED, "tpm2.syntax", CSN_NO_LAYER,
		              CSN_TRUST_INSTANCE, "", "an item of a quote");
	return tpm2_judge_parts(policy, &parts, nonce, verdict);
}
