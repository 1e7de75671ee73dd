#include "verifier.h"

#include "lib/words.h"

#include <stdio.h>
#include <stdlib.h>

static const struct csn_word modes[] = {
	{ "not-configured", 1u << DICE_MODE_NOT_CONFIGURED },
	{ "normal", 1u << DICE_MODE_NORMAL },
	{ "debug", 1u << DICE_MODE_DEBUG },
	{ "recovery", 1u << DICE_MODE_RECOVERY },
	{ NULL, 0 },
};

static const struct csn_word flags[] = {
	{ "not-configured", DICE_NOT_CONFIGURED },
	{ "not-secure", DICE_NOT_SECURE },
	{ "recovery", DICE_RECOVERY },
	{ "debug", DICE_DEBUG },
	{ NULL, 0 },
};

static int
load_references(struct dice *dice, struct csn_error *err)
{
	const struct csn_host *host = dice->host;
	const char            *reason = "";
	char                   why[200];

	if (dice->references_path == NULL)
		return dice->references_needed == 0 ?
		               CSN_OK :
		               host->fail(err, CSN_E_CONFIG,
		                          "references: none, though references_needed is true");
	int r = csn_references_load(dice->references_path, dice->unsigned_references != 0,
	                            &dice->references, why, sizeof why);
	if (r < 0)
		return host->fail(err, r, "references: %s", why);
	dice->refs = calloc(DICE_REFS_MAX, sizeof *dice->refs);
	if (dice->refs == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for reference values");
	for (size_t i = 0; i < dice->references.count; i++)
		if (!dice_refs_read(&dice->references.corims[i], dice->refs, DICE_REFS_MAX,
		                    &dice->ref_count, &reason))
			return host->fail(err, CSN_E_CONFIG, "references: CoRIM %zu: %s", i + 1,
			                  reason);
	if (dice->ref_count == 0)
		return host->fail(err, CSN_E_CONFIG, "references: %s holds no reference value",
		                  dice->references_path);
	return CSN_OK;
}

/* The policy as one line, and its hash: two stations with one policy can tell. */
static int
hash_policy(struct dice *dice, struct csn_error *err)
{
	const struct dice_policy *p = &dice->policy;
	char text[320];
	int  len = snprintf(text, sizeof text,
	                    "dice/1 modes=%x flags=%x absent=%u unmeasured=%u layers=%u-%u "
	                    "degenerate=%u android=%u config_hash=%u needed=%u device=%u",
	                    p->modes, p->flags_allowed, (unsigned)p->no_flags,
	                    (unsigned)p->no_measurement, p->layers_min, p->layers_max,
	                    dice->degenerate, dice->android, dice->config_hash,
	                    dice->references_needed, dice->leaf_is_device);

	int r = csn_sha256(dice->crypto,
	                   (struct csn_bytes){ (const uint8_t *)text, (size_t)len },
	                   dice->policy_hash);
	return r < 0 ? dice->host->fail(err, CSN_E_NOMEM, "no memory to hash the policy") : r;
}

int
dice_load(struct dice *dice, struct csn_error *err)
{
	uint32_t mode_bits = 0, flag_bits = 0;
	char     why[200];
	int      r = csn_pubkeys_load(dice->anchors_path, &dice->anchors, why, sizeof why);

	csn_pubkey_ready();
	if (r == CSN_OK && dice->anchors.count == 0) {
		snprintf(why, sizeof why, "%s holds no key", dice->anchors_path);
		r = CSN_E_CONFIG;
	}
	if (r < 0)
		return dice->host->fail(err, r, "anchors: %s", why);
	r = csn_words_read(dice->host, "modes", dice->modes_text, modes, &mode_bits, err);
	if (r == CSN_OK)
		r = csn_words_read(dice->host, "flags_allowed", dice->flags_text, flags,
		                   &flag_bits, err);
	if (r == CSN_OK)
		r = load_references(dice, err);
	if (r < 0)
		return r;
	dice->policy = (struct dice_policy){
		.anchors = dice->anchors.keys,
		.anchor_count = dice->anchors.count,
		.modes = mode_bits,
		.flags_allowed = flag_bits,
		.no_flags = (enum dice_rule)dice->absent_flags,
		.no_measurement = (enum dice_rule)dice->unmeasured,
		.layers_min = dice->layers_min,
		.layers_max = dice->layers_max,
		.degenerate = dice->degenerate != 0,
		.android = dice->android != 0,
		.config_hash = dice->config_hash != 0,
	};
	return hash_policy(dice, err);
}

void
dice_unload(struct dice *dice)
{
	free(dice->refs);
	csn_references_done(&dice->references);
	csn_pubkeys_done(&dice->anchors);
}
