#include "dice.h"

#include <stdio.h>

#include "lib/cert.h"
#include "lib/cose-any.h"
#include "lib/verdict.h"

int
dice_refuse(struct csn_verdict *verdict, int32_t trust, const char *code, unsigned at,
            uint32_t claim, const char *found, const char *wanted)
{
	struct csn_reason reason = { .layer = (int32_t)at, .claim = claim };
	char              layer[32];

	snprintf(layer, sizeof layer, "dice layer %u", at);
	snprintf(reason.code, sizeof reason.code, "%s", code);
	snprintf(reason.found, sizeof reason.found, "%s", found);
	snprintf(reason.wanted, sizeof reason.wanted, "%s", wanted);
	csn_verdict_reject(verdict, trust, &reason, layer);
	return CSN_E_REFUSED;
}

/* A link of the chain that does not hold. */
static int
broken(struct csn_verdict *verdict, const char *code, unsigned at, const char *wanted)
{
	return dice_refuse(verdict, CSN_CODE_FORGED, code, at, CSN_TRUST_INSTANCE, "", wanted);
}

void
dice_layer_done(struct dice_layer *layer)
{
	csn_pubkey_done(&layer->key);
}

void
dice_chain_done(struct dice_chain *chain)
{
	csn_pubkey_done(&chain->root);
	for (size_t i = 0; i < chain->count; i++)
		dice_layer_done(&chain->layers[i]);
	chain->count = 0;
}

const struct csn_pubkey *
dice_leaf_key(const struct dice_chain *chain)
{
	return &chain->layers[chain->count - 1].key;
}

int
dice_layer_signed(const struct dice_layer *layer, unsigned at, const struct csn_pubkey *key,
                  struct csn_verdict *verdict)
{
	struct csn_cose_any cose;
	const char         *why = "";
	int                 r;

	if (layer->form == DICE_X509)
		r = csn_pubkey_verify(key, layer->alg, false, layer->tbs, layer->sig);
	else if ((r = csn_cose_any_parse(layer->raw, CSN_COSE_SIGN1, &cose, &why)) == CSN_OK)
		r = csn_cose_any_verify(&cose, key, CSN_BYTES_NONE, CSN_BYTES_NONE, &why);
	if (r == CSN_E_REFUSED)
		return dice_refuse(verdict, CSN_CODE_FORGED, "dice.signature", at,
		                   CSN_TRUST_INSTANCE, why, "a signature by the layer below");
	return r;
}

static bool
same(struct csn_bytes a, struct csn_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool
is_anchor(const struct dice_policy *policy, const struct csn_pubkey *key)
{
	for (size_t i = 0; i < policy->anchor_count; i++)
		if (csn_pubkey_same(&policy->anchors[i], key))
			return true;
	return false;
}

/* An X.509 chain begins with the anchor's own certificate, or below it. */
static int
check_anchor(const struct dice_chain *chain, const struct dice_policy *policy,
             struct csn_verdict *verdict)
{
	const struct dice_layer *first = &chain->layers[0];

	if (chain->form == DICE_CBOR) {
		if (!policy->any_root && !is_anchor(policy, &chain->root))
			return broken(verdict, "dice.anchor", 0, "a pinned root key");
		return dice_layer_signed(first, 0, &chain->root, verdict);
	}
	if (policy->any_root || is_anchor(policy, &first->key))
		return same(first->issuer, first->subject) ?
		               dice_layer_signed(first, 0, &first->key, verdict) :
		               CSN_OK;
	for (size_t i = 0; i < policy->anchor_count; i++) {
		struct csn_verdict scratch = { .size = sizeof scratch };
		int r = dice_layer_signed(first, 0, &policy->anchors[i], &scratch);
		if (r != CSN_E_REFUSED)
			return r;
	}
	return broken(verdict, "dice.anchor", 0, "a chain to a pinned key");
}

/* May @upper, with @below certificates between it and the leaf, certify? */
static int
check_ca(const struct dice_policy *policy, const struct dice_layer *layer, unsigned at,
         size_t below, struct csn_verdict *verdict)
{
	if (!layer->ca)
		return broken(verdict, "dice.ca", at, "a CA certificate below a layer");
	if (layer->key_usage != 0 && (layer->key_usage & CSN_KU_KEY_CERT_SIGN) == 0)
		return broken(verdict, "dice.usage", at, "keyCertSign below a layer");
	if (!policy->no_path_len && layer->has_path_len && layer->path_len < below)
		return broken(verdict, "dice.pathlen", at, "a path length that holds");
	return CSN_OK;
}

static int
check_link(const struct dice_chain *chain, const struct dice_policy *policy, unsigned at,
           struct csn_verdict *verdict)
{
	const struct dice_layer *layer = &chain->layers[at], *under = layer - 1;

	if (!same(layer->issuer, under->subject))
		return broken(verdict, "dice.issuer", at, "the subject of the layer below");
	if (chain->form == DICE_X509) {
		/* Of the certificates above, the leaf does not count. */
		int r = check_ca(policy, under, at - 1, chain->count - 1 - at, verdict);
		if (r < 0)
			return r;
		if (layer->aki.len != 0 && under->ski.len != 0 && !same(layer->aki, under->ski))
			return broken(verdict, "dice.keyid", at, "the key id of the layer below");
		if (layer->riot_device.len != 0 && !same(layer->riot_device, under->spki))
			return broken(verdict, "dice.riot", at, "the device id that issued it");
	}
	return dice_layer_signed(layer, at, &under->key, verdict);
}

/* The last layer signs for itself: as a CDI, an alias, or an ordinary device key. */
static int
check_leaf(const struct dice_chain *chain, const struct dice_policy *policy,
           struct csn_verdict *verdict)
{
	unsigned                 at = (unsigned)chain->count - 1;
	const struct dice_layer *leaf = &chain->layers[at];

	if (chain->form != DICE_X509 || leaf->key_usage == 0)
		return CSN_OK;
	if (leaf->ca != ((leaf->key_usage & CSN_KU_KEY_CERT_SIGN) != 0))
		return broken(verdict, "dice.ca", at, "keyCertSign exactly where a CA is");
	if (policy->spdm_role != 0 && leaf->spdm_roles != 0 &&
	    (leaf->spdm_roles & policy->spdm_role) == 0)
		return broken(verdict, "dice.eku", at, "the role asked for");
	bool cdi = leaf->ca && (leaf->key_usage & CSN_KU_KEY_CERT_SIGN) != 0 &&
	           (leaf->tcb_count > 0 || leaf->has_input);
	if (policy->leaf_certifies)
		return leaf->ca ? CSN_OK : broken(verdict, "dice.ca", at, "a CA certificate");
	if (!cdi && (leaf->key_usage & CSN_KU_DIGITAL_SIGNATURE) == 0)
		return broken(verdict, "dice.usage", at, "a leaf that may sign");
	if (leaf->has_input && leaf->key_usage != CSN_KU_KEY_CERT_SIGN)
		return broken(verdict, "dice.usage", at, "keyCertSign alone in a CDI certificate");
	return CSN_OK;
}

/* No key and no subject twice; a CBOR chain's root key counts. */
static int
check_repeats(const struct dice_chain *chain, struct csn_verdict *verdict)
{
	for (unsigned i = 0; i < chain->count; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		if (chain->form == DICE_CBOR && !chain->degenerate &&
		    csn_pubkey_same(&layer->key, &chain->root))
			return broken(verdict, "dice.key.repeated", i, "a key of its own");
		for (unsigned k = 0; k < i; k++) {
			if (csn_pubkey_same(&layer->key, &chain->layers[k].key))
				return broken(verdict, "dice.key.repeated", i, "a key of its own");
			if (same(layer->subject, chain->layers[k].subject))
				return broken(verdict, "dice.subject.repeated", i,
				              "a subject of its own");
		}
	}
	/* Nor does anybody issue for itself above the root. */
	for (unsigned i = 0; i < chain->count && !chain->degenerate; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		if ((i > 0 || chain->form == DICE_CBOR) && same(layer->issuer, layer->subject))
			return broken(verdict, "dice.subject.repeated", i, "another issuer");
	}
	return CSN_OK;
}

static int
check_time(const struct dice_chain *chain, const struct dice_policy *policy,
           struct csn_verdict *verdict)
{
	for (unsigned i = 0; chain->form == DICE_X509 && i < chain->count; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		if (policy->unix_s < layer->not_before || policy->unix_s > layer->not_after)
			return broken(verdict, "dice.time", i, "a certificate valid now");
	}
	return CSN_OK;
}

static bool
is_measured(const struct dice_layer *layer)
{
	return layer->tcb_count > 0 || layer->has_input || layer->riot_fwid.len > 0;
}

static int
check_count(const struct dice_chain *chain, const struct dice_policy *policy,
            struct csn_verdict *verdict)
{
	unsigned measured = 0, first = 0;
	char     found[40], wanted[40];

	for (unsigned i = 0; i < chain->count; i++) {
		if (is_measured(&chain->layers[i])) {
			first = measured == 0 ? i : first;
			measured++;
		} else if (measured > 0 && policy->no_measurement == DICE_REFUSE) {
			return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED,
			                   "dice.layer.unmeasured", i, CSN_TRUST_EXECUTABLES, "",
			                   "a measurement in every layer above the first");
		}
	}
	if (measured >= policy->layers_min &&
	    (policy->layers_max == 0 || measured <= policy->layers_max))
		return CSN_OK;
	snprintf(found, sizeof found, "%u measured layers", measured);
	snprintf(wanted, sizeof wanted, "%u to %u", policy->layers_min, policy->layers_max);
	return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.layers", first,
	                   CSN_TRUST_EXECUTABLES, found, wanted);
}

static int
check_mode(const struct dice_layer *layer, unsigned at, const struct dice_policy *policy,
           struct csn_verdict *verdict)
{
	static const char *const names[] = { "not configured", "normal", "debug", "recovery" };
	unsigned modes = policy->modes != 0 ? policy->modes : 1u << DICE_MODE_NORMAL;
	unsigned mode = layer->mode <= DICE_MODE_RECOVERY ? layer->mode :
	                                                    DICE_MODE_NOT_CONFIGURED;

	if (!layer->has_input)
		return CSN_OK;
	if (!layer->has_mode)
		return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.mode.absent", at,
		                   CSN_TRUST_CONFIGURATION, "", "a mode");
	if ((modes & 1u << mode) == 0)
		return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.mode", at,
		                   CSN_TRUST_CONFIGURATION, names[mode], "a mode policy takes");
	return CSN_OK;
}

static int
check_flags(const struct dice_layer *layer, unsigned at, const struct dice_policy *policy,
            struct csn_verdict *verdict)
{
	char found[64];

	for (size_t i = 0; i < layer->tcb_count; i++) {
		const struct dice_tcb *tcb = &layer->tcb[i];
		uint32_t bad = tcb->flags & DICE_FLAGS_BAD & ~policy->flags_allowed;
		if (bad != 0) {
			snprintf(found, sizeof found, "flags %s%s%s%s",
			         bad & DICE_NOT_CONFIGURED ? "notConfigured " : "",
			         bad & DICE_NOT_SECURE ? "notSecure " : "",
			         bad & DICE_RECOVERY ? "recovery " : "",
			         bad & DICE_DEBUG ? "debug" : "");
			return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.flags", at,
			                   CSN_TRUST_CONFIGURATION, found, "none of them");
		}
		if (tcb->has_flags || policy->no_flags == DICE_ALLOW)
			continue;
		if (policy->no_flags == DICE_REFUSE)
			return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.flags.absent",
			                   at, CSN_TRUST_CONFIGURATION, "", "operational flags");
		struct csn_reason reason = { .code = "dice.flags.absent",
			                     .layer = (int32_t)at,
			                     .claim = CSN_TRUST_CONFIGURATION };
		csn_verdict_note(verdict, CSN_CODE_WARNING, &reason);
	}
	return CSN_OK;
}

/* Layers count upwards through the whole chain; within one, so do its indices. */
static int
check_order(const struct dice_chain *chain, struct csn_verdict *verdict)
{
	const struct dice_tcb *last = NULL;

	for (unsigned i = 0; i < chain->count; i++)
		for (size_t k = 0; k < chain->layers[i].tcb_count; k++) {
			const struct dice_tcb *tcb = &chain->layers[i].tcb[k];
			if (!tcb->has_layer)
				continue;
			bool falls = last != NULL && tcb->layer < last->layer;
			bool again = last != NULL && tcb->layer == last->layer &&
			             tcb->has_index && last->has_index &&
			             tcb->index <= last->index;
			if (falls || again)
				return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED,
				                   "dice.tcb.order", i, CSN_TRUST_EXECUTABLES,
				                   falls ? "a lower layer" : "the index again",
				                   "layers in their order");
			last = tcb;
		}
	return CSN_OK;
}

static int
check_ueid(const struct dice_chain *chain, struct csn_verdict *verdict)
{
	struct csn_bytes ueid = CSN_BYTES_NONE;

	for (unsigned i = 0; i < chain->count; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		if (layer->ueid.len == 0)
			continue;
		if (ueid.len != 0 && !same(ueid, layer->ueid))
			return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.ueid", i,
			                   CSN_TRUST_INSTANCE, "another UEID",
			                   "one UEID in the whole chain");
		ueid = layer->ueid;
	}
	return CSN_OK;
}

/* What a CDI certificate of CBOR must say at least. */
static int
check_input(const struct dice_layer *layer, unsigned at, const struct dice_policy *policy,
            struct csn_verdict *verdict)
{
	const char *missing = NULL;

	if (!layer->has_mode)
		missing = "mode";
	else if (layer->code_hash.len == 0)
		missing = "code hash";
	else if (layer->config_desc.len == 0 && (policy->android || layer->config_hash.len == 0))
		missing = "configuration";
	else if (layer->authority_hash.len == 0)
		missing = "authority hash";
	else if (policy->config_hash && layer->config_hash.len == 0)
		missing = "configuration hash";
	if (missing != NULL)
		return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.cdi.missing", at,
		                   CSN_TRUST_EXECUTABLES, "", missing);
	return CSN_OK;
}

static int
check_layers(const struct dice_chain *chain, const struct dice_policy *policy,
             struct csn_verdict *verdict)
{
	int r = check_count(chain, policy, verdict);

	for (unsigned i = 0; r == CSN_OK && i < chain->count; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		if (chain->form == DICE_CBOR)
			r = check_input(layer, i, policy, verdict);
		if (r == CSN_OK)
			r = check_mode(layer, i, policy, verdict);
		if (r == CSN_OK)
			r = check_flags(layer, i, policy, verdict);
	}
	if (r == CSN_OK)
		r = check_order(chain, verdict);
	return r == CSN_OK ? check_ueid(chain, verdict) : r;
}

/* Does every measured layer say, by flags or mode, that it is as it should be? */
static bool
configuration_told(const struct dice_chain *chain)
{
	unsigned measured = 0;

	for (unsigned i = 0; i < chain->count; i++) {
		const struct dice_layer *layer = &chain->layers[i];
		for (size_t k = 0; k < layer->tcb_count; k++)
			if (!layer->tcb[k].has_flags)
				return false;
		measured += is_measured(layer) && layer->riot_fwid.len == 0;
	}
	return measured > 0;
}

int
dice_chain_judge(const struct dice_chain *chain, const struct dice_policy *policy,
                 struct csn_verdict *verdict)
{
	if (chain->count == 0)
		return CSN_E_INVALID;
	if (chain->degenerate && !policy->degenerate)
		return dice_refuse(verdict, CSN_CODE_CONTRAINDICATED, "dice.degenerate", 0,
		                   CSN_TRUST_EXECUTABLES, "one entry signed by itself",
		                   "a chain of layers");
	int r = check_anchor(chain, policy, verdict);
	for (unsigned i = 1; r == CSN_OK && i < chain->count; i++)
		r = check_link(chain, policy, i, verdict);
	if (r == CSN_OK)
		r = check_leaf(chain, policy, verdict);
	if (r == CSN_OK)
		r = check_repeats(chain, verdict);
	if (r == CSN_OK)
		r = check_time(chain, policy, verdict);
	if (r == CSN_OK && !chain->degenerate)
		r = check_layers(chain, policy, verdict);
	if (r == CSN_OK)
		csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	if (r == CSN_OK && !chain->degenerate && configuration_told(chain))
		csn_verdict_claim(verdict, CSN_TRUST_CONFIGURATION, CSN_CODE_AFFIRMED);
	return r;
}
