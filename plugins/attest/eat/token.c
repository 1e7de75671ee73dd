#include "eat.h"

#include <stdio.h>

#include "lib/crypto.h"
#include "lib/verdict.h"

static int
refuse(struct csn_verdict *verdict, int32_t trust, const char *code, int32_t layer,
       uint32_t claim, const char *found, const char *wanted)
{
	struct csn_reason reason = { .layer = layer, .claim = claim };

	snprintf(reason.code, sizeof reason.code, "%s", code);
	snprintf(reason.found, sizeof reason.found, "%s", found);
	snprintf(reason.wanted, sizeof reason.wanted, "%s", wanted);
	csn_verdict_reject(verdict, trust, &reason, layer == 1 ? "realm token" : "token");
	return CSN_E_REFUSED;
}

static int
malformed(struct csn_verdict *verdict, const char *code, int32_t layer, const char *wanted)
{
	return refuse(verdict, CSN_CODE_UNRECOGNISED, code, layer, CSN_TRUST_INSTANCE, "", wanted);
}

static bool
same_value(const struct csn_corim_value *value, struct csn_bytes bytes)
{
	return value->bytes.len == bytes.len && bytes.len > 0 &&
	       memcmp(value->bytes.ptr, bytes.ptr, bytes.len) == 0;
}

/* The key a CoRIM names for this very device, by implementation and instance. */
static int
find_key(const struct eat_policy *policy, const struct eat_claims *claims,
         struct csn_pubkey *ret_key, const char **ret_why)
{
	struct csn_corim_value key;

	*ret_why = "no key of this device";
	for (size_t i = 0; i < policy->corim_count; i++) {
		const struct csn_corim *corim = &policy->corims[i];
		for (size_t k = 0; k < corim->count; k++) {
			const struct csn_corim_triple *t = &corim->triples[k];
			if (t->kind == CSN_CORIM_ATTEST && csn_corim_valid(corim, policy->unix_s) &&
			    same_value(&t->env.class_id, claims->impl_id) &&
			    same_value(&t->env.instance, claims->instance_id) &&
			    csn_corim_key(t->keys, 0, &key) && key.tag == CSN_TAG_PKIX_KEY)
				return csn_pubkey_from_pem(key.bytes, ret_key, ret_why);
		}
	}
	return CSN_E_MISSING;
}

/* The device's secret; a stranger gets one nobody has, and the same work is done. */
static const struct eat_mac_key *
find_mac_key(const struct eat_policy *policy, const struct eat_claims *claims)
{
	static const struct eat_mac_key decoy = { .key = { 0x5a }, .len = 32 };
	const struct eat_mac_key       *found = &decoy;

	for (size_t i = 0; i < policy->mac_key_count; i++)
		if (claims->instance_id.len == 33 &&
		    memcmp(policy->mac_keys[i].instance, claims->instance_id.ptr, 33) == 0)
			found = &policy->mac_keys[i];
	return found;
}

static bool
is_mac(struct csn_bytes token)
{
	return token.len > 0 && token.ptr[0] == 0xd1;
}

static int
check_signature(const struct eat_policy *policy, const struct csn_cose_any *cose, bool mac,
                const struct eat_claims *claims, struct csn_verdict *verdict)
{
	struct csn_pubkey key = { 0 };
	const char       *why = "";
	int               r;

	if (mac) {
		const struct eat_mac_key *secret = find_mac_key(policy, claims);
		r = csn_cose_any_mac(cose, (struct csn_bytes){ secret->key, secret->len },
		                     CSN_BYTES_NONE, CSN_BYTES_NONE, &why);
	} else {
		r = find_key(policy, claims, &key, &why);
		if (r == CSN_OK)
			r = csn_cose_any_verify(cose, &key, CSN_BYTES_NONE, CSN_BYTES_NONE, &why);
		memcpy(verdict->key_hash, key.spki_hash, sizeof verdict->key_hash);
		verdict->has_key = r == CSN_OK;
		csn_pubkey_done(&key);
	}
	if (r == CSN_E_REFUSED || r == CSN_E_MISSING || r == CSN_E_PROTOCOL)
		return refuse(verdict, CSN_CODE_FORGED, "eat.signature", 0, CSN_TRUST_INSTANCE,
		              why, "the signature of a key the maker names");
	return r;
}

static int
open_token(const struct eat_policy *policy, struct csn_bytes token, bool realm, int32_t layer,
           struct csn_cose_any *ret_cose, struct eat_claims *ret_claims,
           struct csn_verdict *verdict)
{
	const char *why = "";
	enum csn_cose_form form = is_mac(token) && !realm ? CSN_COSE_MAC0 : CSN_COSE_SIGN1;

	if (token.len > EAT_TOKEN_MAX ||
	    csn_cose_any_parse(token, form, ret_cose, &why) < 0 || ret_cose->detached)
		return malformed(verdict, "eat.cose", layer, "a COSE_Sign1 or COSE_Mac0");
	if (eat_read_claims(ret_cose->payload, realm, ret_claims, &why) < 0)
		return malformed(verdict, why, layer, "the claims of a known profile");
	if (policy->profiles != 0 && (policy->profiles & 1u << ret_claims->profile) == 0)
		return refuse(verdict, CSN_CODE_CONTRAINDICATED, "eat.profile.policy", layer,
		              CSN_TRUST_INSTANCE, "", "a profile policy takes");
	return CSN_OK;
}

static int
check_nonce(const struct eat_claims *claims, struct csn_bytes nonce, int32_t layer,
            struct csn_verdict *verdict)
{
	if (!csn_same(claims->nonce, nonce))
		return refuse(verdict, CSN_CODE_FORGED, "eat.nonce", layer, CSN_TRUST_INSTANCE,
		              "", "the challenge of this session");
	return CSN_OK;
}

static int
check_lifecycle(const struct eat_policy *policy, const struct eat_claims *claims,
                struct csn_verdict *verdict)
{
	static const char *const states[] = { "unknown", "assembly and test", "provisioning",
		                              "secured", "non-PSA debug", "recoverable debug",
		                              "decommissioned" };
	unsigned taken = policy->lifecycles != 0 ? policy->lifecycles : 1u << EAT_SECURED;
	unsigned state = (unsigned)eat_lifecycle(claims->lifecycle);

	if ((taken & 1u << state) == 0)
		return refuse(verdict, CSN_CODE_CONTRAINDICATED, "eat.lifecycle", 0,
		              CSN_TRUST_CONFIGURATION, states[state], "a state policy takes");
	csn_verdict_claim(verdict, CSN_TRUST_CONFIGURATION, CSN_CODE_AFFIRMED);
	return CSN_OK;
}

/* Does a reference of this implementation name the component: type, signer, digest? */
static bool
matches(const struct csn_corim_triple *t, const struct eat_component *c)
{
	struct csn_bytes       name = CSN_BYTES_NONE, digest;
	struct csn_corim_value signer;
	uint64_t               alg;
	struct csn_bytes       item = csn_scbor_find(t->mval, 11);

	if (item.len != 0 && (!csn_scbor_as_text(item, &name) || !csn_same(name, c->type)))
		return false;
	if (!csn_corim_key(csn_scbor_find(t->mval, 13), 0, &signer) ||
	    !csn_same(signer.bytes, c->signer))
		return false;
	for (size_t i = 0; csn_corim_digest(t->mval, i, &alg, &digest); i++)
		if (csn_same(digest, c->value))
			return true;
	return false;
}

/* Calls @fits on every reference of class @class until one fits. */
static bool
any_reference(const struct eat_policy *policy, struct csn_bytes class_id,
              bool (*fits)(const struct csn_corim_triple *t, const void *arg),
              const void *arg)
{
	for (size_t i = 0; i < policy->corim_count; i++) {
		const struct csn_corim *corim = &policy->corims[i];
		for (size_t k = 0; k < corim->count; k++) {
			const struct csn_corim_triple *t = &corim->triples[k];
			if (t->kind == CSN_CORIM_REFERENCE &&
			    csn_corim_valid(corim, policy->unix_s) &&
			    same_value(&t->env.class_id, class_id) && fits(t, arg))
				return true;
		}
	}
	return false;
}

static bool
fits_component(const struct csn_corim_triple *t, const void *arg)
{
	return matches(t, arg);
}

static bool
fits_config(const struct csn_corim_triple *t, const void *arg)
{
	const struct eat_claims *claims = arg;
	struct csn_bytes         raw;

	return csn_scbor_is_text(t->mkey, "cca.platform-config") &&
	       csn_corim_raw(t->mval, &raw) && csn_same(raw, claims->config);
}

static int
check_components(const struct eat_policy *policy, const struct eat_claims *claims,
                 struct csn_verdict *verdict)
{
	char found[64];

	for (size_t i = 0; i < claims->component_count; i++) {
		const struct eat_component *c = &claims->components[i];
		if (any_reference(policy, claims->impl_id, fits_component, c))
			continue;
		snprintf(found, sizeof found, "component %zu %.*s", i + 1,
		         (int)(c->type.len < 32 ? c->type.len : 32), (const char *)c->type.ptr);
		return refuse(verdict, CSN_CODE_CONTRAINDICATED, "eat.component", 0,
		              CSN_TRUST_EXECUTABLES, found, "a reference value");
	}
	if (claims->profile == EAT_PLATFORM &&
	    !any_reference(policy, claims->impl_id, fits_config, claims))
		return refuse(verdict, CSN_CODE_CONTRAINDICATED, "eat.config", 0,
		              CSN_TRUST_CONFIGURATION, "", "a configuration of a reference");
	if (claims->component_count > 0)
		csn_verdict_claim(verdict, CSN_TRUST_EXECUTABLES, CSN_CODE_AFFIRMED);
	return CSN_OK;
}

/* A register by its name in references. */
struct reg {
	const char      *name;
	struct csn_bytes value;
};

static bool
fits_register(const struct csn_corim_triple *t, const void *arg)
{
	const struct reg *reg = arg;
	struct csn_bytes  digest;
	uint64_t          alg;

	if (!csn_scbor_is_text(t->mkey, reg->name))
		return false;
	if (csn_corim_raw(t->mval, &digest))
		return csn_same(digest, reg->value);
	for (size_t i = 0; csn_corim_digest(t->mval, i, &alg, &digest); i++)
		if (csn_same(digest, reg->value))
			return true;
	return false;
}

/* A realm is known by its initial measurement; all registers must be as it says. */
static int
check_registers(const struct eat_policy *policy, const struct eat_claims *realm,
                struct csn_verdict *verdict)
{
	const struct reg regs[] = {
		{ "cca.rim", realm->rim },     { "cca.rem0", realm->rem[0] },
		{ "cca.rem1", realm->rem[1] }, { "cca.rem2", realm->rem[2] },
		{ "cca.rem3", realm->rem[3] }, { "cca.rpv", realm->rpv },
	};

	for (size_t i = 0; i < sizeof regs / sizeof *regs; i++)
		if (!any_reference(policy, realm->rim, fits_register, &regs[i]))
			return refuse(verdict, CSN_CODE_CONTRAINDICATED, "eat.realm", 1,
			              CSN_TRUST_EXECUTABLES, regs[i].name, "a reference value");
	return CSN_OK;
}

static int
judge_psa(const struct eat_policy *policy, struct csn_bytes token, struct csn_bytes nonce,
          struct eat_claims *claims, struct csn_verdict *verdict)
{
	struct csn_cose_any cose;
	int r = open_token(policy, token, false, 0, &cose, claims, verdict);

	if (r == CSN_OK && claims->profile == EAT_PLATFORM)
		return malformed(verdict, "eat.profile", 0, "a platform token within a collection");
	if (r == CSN_OK)
		r = check_signature(policy, &cose, is_mac(token), claims, verdict);
	return r == CSN_OK ? check_nonce(claims, nonce, 0, verdict) : r;
}

/* The realm signs the challenge, the platform vouches for the realm's key. */
static int
judge_cca(const struct eat_policy *policy, struct csn_bytes tokens[2], struct csn_bytes nonce,
          struct eat_claims *claims, struct csn_verdict *verdict)
{
	struct csn_cose_any platform, realm;
	struct eat_claims   inner;
	struct csn_pubkey   key = { 0 };
	uint8_t             wide[64];
	const char         *why = "";

	int r = open_token(policy, tokens[0], false, 0, &platform, claims, verdict);
	if (r == CSN_OK && (claims->profile != EAT_PLATFORM || is_mac(tokens[0])))
		return malformed(verdict, "eat.profile", 0, "a platform token");
	if (r == CSN_OK)
		r = open_token(policy, tokens[1], true, 1, &realm, &inner, verdict);
	if (r == CSN_OK)
		r = check_signature(policy, &platform, false, claims, verdict);
	if (r == CSN_OK && !eat_realm_bound(claims, &inner))
		r = refuse(verdict, CSN_CODE_FORGED, "eat.realm.binding", 1, CSN_TRUST_INSTANCE,
		           "", "the key the platform vouches for");
	if (r == CSN_OK && eat_realm_key(&inner, &key, &why) < 0)
		r = malformed(verdict, "eat.realm.key", 1, "a P-384 key");
	if (r == CSN_OK)
		r = csn_cose_any_verify(&realm, &key, CSN_BYTES_NONE, CSN_BYTES_NONE, &why);
	if (r == CSN_E_REFUSED && verdict->judgement != CSN_REJECTED)
		r = refuse(verdict, CSN_CODE_FORGED, "eat.signature", 1, CSN_TRUST_INSTANCE, why,
		           "the realm's signature");
	csn_pubkey_done(&key);
	if (r == CSN_OK && !csn_hash_by_len(nonce, sizeof wide, wide))
		r = CSN_E_INTERNAL;
	if (r == CSN_OK)
		r = check_nonce(&inner, CSN_BYTES_OF(wide), 1, verdict);
	return r == CSN_OK && policy->components_needed ?
	               check_registers(policy, &inner, verdict) :
	               r;
}

int
eat_judge(const struct eat_policy *policy, struct csn_bytes token, struct csn_bytes nonce,
          struct csn_verdict *verdict)
{
	struct eat_claims claims = { 0 };
	struct csn_bytes  tokens[2];
	int r = eat_split_cca(token, &tokens[0], &tokens[1]) ?
	                judge_cca(policy, tokens, nonce, &claims, verdict) :
	                judge_psa(policy, token, nonce, &claims, verdict);

	if (r == CSN_OK)
		r = check_lifecycle(policy, &claims, verdict);
	if (r == CSN_OK && policy->components_needed)
		r = check_components(policy, &claims, verdict);
	if (r == CSN_OK) {
		csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
		csn_verdict_fact_hex(verdict, "identity.ueid", claims.instance_id.ptr,
		                     claims.instance_id.len);
		csn_verdict_fact_hex(verdict, "identity.implementation", claims.impl_id.ptr,
		                     claims.impl_id.len);
	}
	return r;
}
