/*
 * Negative chains of CDI certificates in CBOR: forged with fresh keys, wrong in one thing,
 * and refused by the check that is about it, at the right layer.
 */
#include "kit/tap.h"

#include "../plugins/attest/dice/dice.h"
#include "kit/cdi-forge.h"
#include "kit/dice-forge.h"
#include "lib/dcbor.h"

#define NOW 1795000000 /* 2026-11-18 */

/* What a mutant does to entry @entry, or to a field, of layer @at. */
enum field { F_NONE, F_ENTRY, F_PROTECT, F_UNPROTECT, F_HEAD, F_KEY, F_KEY_IS, F_SIGNER, F_SPOIL,
	     F_DETACHED, F_CONFIG, F_BEHIND, F_DROP };

struct cdi_step {
	enum field  field;
	unsigned    at, n;
	const char *text;
};


static const struct cdi_mutant {
	const char     *what, *reason;
	int             layer;
	struct cdi_step steps[2];
} cdi_mutants[] = {
	{ "nothing is wrong", NULL, 0, { { F_NONE, 0, 0, NULL } } },
	{ "a security version above the reference", NULL, 0,
	  { { F_CONFIG, 2, 0, "a23a00011171626f733a0001117406" } } },

	{ "debug in the last layer", "dice.mode", 2, { { F_ENTRY, 2, MODE, "4102" } } },
	{ "debug in the layer in between", "dice.mode", 1, { { F_ENTRY, 1, MODE, "4102" } } },
	{ "debug in the first layer", "dice.mode", 0, { { F_ENTRY, 0, MODE, "4102" } } },
	{ "recovery", "dice.mode", 2, { { F_ENTRY, 2, MODE, "4103" } } },
	{ "not configured", "dice.mode", 2, { { F_ENTRY, 2, MODE, "4100" } } },
	{ "a mode nobody knows", "dice.mode", 2, { { F_ENTRY, 2, MODE, "4109" } } },
	{ "no mode", "dice.cdi.missing", 2, { { F_ENTRY, 2, MODE, NULL } } },
	{ "a mode of two bytes", "dice.cdi.mode", 2, { { F_ENTRY, 2, MODE, "420001" } } },
	{ "a mode of no byte", "dice.cdi.mode", 2, { { F_ENTRY, 2, MODE, "40" } } },
	{ "a mode as a number", "dice.cdi.type", 2, { { F_ENTRY, 2, MODE, "01" } } },

	{ "no code hash", "dice.cdi.missing", 1, { { F_ENTRY, 1, CODE, NULL } } },
	{ "no configuration", "dice.cdi.missing", 1,
	  { { F_ENTRY, 1, CONFIG, NULL }, { F_ENTRY, 1, CONFIG_SUM, NULL } } },
	{ "no configuration hash where policy asks for it", "dice.cdi.missing", 1,
	  { { F_ENTRY, 1, CONFIG_SUM, NULL } } },
	{ "no authority hash", "dice.cdi.missing", 1, { { F_ENTRY, 1, AUTHORITY, NULL } } },
	{ "a code hash of 31 bytes", "dice.cdi.hash", 1,
	  { { F_ENTRY, 1, CODE,
	      "581fc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1" } } },
	{ "another configuration hash", "dice.config.hash", 1, { { F_ENTRY, 1, CONFIG_SUM, HASH_C } } },
	{ "a reserved label in the configuration", "dice.config.syntax", 1,
	  { { F_CONFIG, 1, 0, "a13a0001117e00" } } },
	{ "a label twice in the configuration", "dice.config.syntax", 1,
	  { { F_CONFIG, 1, 0, "a23a0001117405 3a0001117406" } } },
	{ "a configuration that is no map", "dice.config.syntax", 1, { { F_CONFIG, 1, 0, "80" } } },
	{ "a text label in the configuration", "dice.config.syntax", 1, { { F_CONFIG, 1, 0, "a1616100" } } },
	{ "a negative security version", "dice.config.syntax", 1,
	  { { F_CONFIG, 1, 0, "a13a0001117420" } } },

	{ "a label twice", "dice.cdi.syntax", 1, { { F_ENTRY, 1, MORE, "3a004744564101" } } },
	{ "a label nobody knows", "dice.cdi.syntax", 1, { { F_ENTRY, 1, MORE, "3a0047445a00" } } },
	{ "a text label", "dice.cdi.syntax", 1, { { F_ENTRY, 1, MORE, "616100" } } },
	{ "an expiry, which CDI certificates have not", "dice.cdi.syntax", 1,
	  { { F_ENTRY, 1, MORE, "0400" } } },
	{ "a float", "dice.cdi.syntax", 1, { { F_ENTRY, 1, MODE, "f93c00" } } },
	{ "a tagged value", "dice.cdi.type", 1, { { F_ENTRY, 1, CODE, "d840" HASH_C } } },
	{ "no issuer", "dice.cdi.names", 1, { { F_ENTRY, 1, ISS, NULL } } },
	{ "an empty subject", "dice.cdi.names", 2, { { F_ENTRY, 2, SUB, "60" } } },
	{ "an issuer of bytes", "dice.cdi.names", 1, { { F_ENTRY, 1, ISS, "426131" } } },
	{ "no key", "dice.cdi.key", 1, { { F_ENTRY, 1, SUBJECT_KEY, NULL } } },
	{ "a key that is no CBOR", "dice.cdi.key", 1, { { F_ENTRY, 1, SUBJECT_KEY, "41ff" } } },
	{ "the private part in the key", "dice.key", 1,
	  { { F_KEY, 1, 0, "a501010327200621" "5820" }, { F_BEHIND, 1, 0, "2341aa" } } },
	{ "a key only for signing", "dice.key", 1, { { F_KEY, 1, 0, "a50101032704810120062158" "20" } } },
	{ "a key on the wrong curve", "dice.key", 1, { { F_KEY, 1, 0, "a401010327200421" "5820" } } },
	{ "no key usage", "dice.cdi.usage", 1, { { F_ENTRY, 1, CDI_USE, NULL } } },
	{ "a key that may sign as well", "dice.cdi.usage", 1, { { F_ENTRY, 1, CDI_USE, "4121" } } },
	{ "digitalSignature alone", "dice.cdi.usage", 1, { { F_ENTRY, 1, CDI_USE, "4101" } } },
	{ "keyCertSign written the other way round", "dice.cdi.usage", 1,
	  { { F_ENTRY, 1, CDI_USE, "420020" } } },

	{ "another issuer", "dice.issuer", 1, { { F_ENTRY, 1, ISS, "626b37" } } },
	{ "the subject of the layer below is another", "dice.issuer", 2, { { F_ENTRY, 1, SUB, "626b37" } } },
	{ "a subject twice", "dice.subject.repeated", 2, { { F_ENTRY, 2, SUB, "626b31" } } },
	{ "a layer that names itself", "dice.subject.repeated", 0, { { F_ENTRY, 0, ISS, "626b31" } } },
	{ "the key of the layer below once more", "dice.key.repeated", 2, { { F_KEY_IS, 2, 2, NULL } } },
	{ "the root key once more", "dice.key.repeated", 2, { { F_KEY_IS, 2, 0, NULL } } },
	{ "signed by a stranger", "dice.signature", 1, { { F_SIGNER, 1, 4, NULL } } },
	{ "signed by the root, past a layer", "dice.signature", 2, { { F_SIGNER, 2, 0, NULL } } },
	{ "signed by itself", "dice.signature", 2, { { F_SIGNER, 2, 3, NULL } } },
	{ "one bit of a signature", "dice.signature", 1, { { F_SPOIL, 1, 0, NULL } } },
	{ "a layer left out", "dice.issuer", 1, { { F_DROP, 1, 0, NULL } } },
	{ "the last layer left out", "dice.layers", 0, { { F_DROP, 2, 0, NULL } } },
	{ "the algorithm of another kind of key", "dice.signature", 1, { { F_PROTECT, 1, 0, "43a10126" } } },
	{ "the algorithm outside the signature", "dice.cdi.cose", 1,
	  { { F_PROTECT, 1, 0, "40" }, { F_UNPROTECT, 1, 0, "a10127" } } },
	{ "a critical header", "dice.cdi.cose", 1, { { F_PROTECT, 1, 0, "47a2012702811863" } } },
	{ "the payload elsewhere", "dice.cdi.cose", 1, { { F_DETACHED, 1, 0, NULL } } },
	{ "a list of indefinite length", "dice.cbor", 0, { { F_HEAD, 1, 0, "9f" } } },
	{ "a tag in front that is another's", "dice.cdi.cose", 1, { { F_HEAD, 1, 0, "d184" } } },

	{ "another code hash", "dice.fwid", 1, { { F_ENTRY, 1, CODE, HASH_D } } },
	{ "another authority", "dice.fwid", 2, { { F_ENTRY, 2, AUTHORITY, HASH_C } } },
	{ "a code hash by another hash", "dice.fwid.alg", 1,
	  { { F_ENTRY, 1, CODE,
	      "5830c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
	      "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1" } } },
	{ "a security version rolled back", "dice.svn", 2, { { F_CONFIG, 2, 0, CONFIG_4 } } },
	{ "no security version where a minimum stands", "dice.svn", 2,
	  { { F_CONFIG, 2, 0, "a13a00011171626f73" } } },
	{ "another component", "dice.reference.none", 2,
	  { { F_CONFIG, 2, 0, "a23a00011171626f743a0001117405" } } },
};

static void
apply_cdi(struct cdi cdis[CDIS], const char *configs[CDIS], const struct cdi_step *step)
{
	struct cdi *cdi = &cdis[step->at];

	switch (step->field) {
	case F_ENTRY:
		cdi->entries[step->n] = step->text;
		break;
	case F_PROTECT:
		cdi->protect = step->text;
		break;
	case F_UNPROTECT:
		cdi->unprotect = step->text;
		break;
	case F_HEAD:
		cdi->head = step->text;
		break;
	case F_KEY:
		cdi->cose_key = step->text;
		break;
	case F_BEHIND:
		cdi->behind = step->text;
		break;
	case F_KEY_IS:
		cdi->key = step->n;
		break;
	case F_SIGNER:
		cdi->signer = step->n;
		break;
	case F_SPOIL:
		cdi->spoil = true;
		break;
	case F_DETACHED:
		cdi->detached = true;
		break;
	case F_CONFIG:
		configs[step->at] = step->text;
		break;
	case F_NONE:
	case F_DROP:
		break;
	}
}

static int
judge_cdis(struct csn_bytes item, struct csn_pubkey *anchor, struct csn_verdict *verdict)
{
	static uint8_t code[32], authority[32];
	struct dice_ref refs[] = {
		{ .part = { (const uint8_t *)"code", 4 }, .model = { (const uint8_t *)"os", 2 },
		  .has_svn = true, .svn_min = true, .svn = 5,
		  .fwids = { { DICE_SHA256, { code, 32 } } }, .fwid_count = 1 },
		{ .part = { (const uint8_t *)"authority", 9 },
		  .fwids = { { DICE_SHA256, { authority, 32 } } }, .fwid_count = 1 },
	};
	struct dice_policy policy = { .anchors = anchor, .anchor_count = 1, .unix_s = NOW,
		                      .layers_min = 3, .layers_max = 3, .android = true,
		                      .config_hash = true };
	static struct dice_chain chain;

	memset(code, 0xc1, sizeof code);
	memset(authority, 0xd1, sizeof authority);
	memset(&chain, 0, sizeof chain);
	int r = dice_read_cbor(item, true, &chain, verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(&chain, &policy, verdict);
	if (r == CSN_OK)
		r = dice_appraise(&chain, refs, 2, NOW, verdict);
	dice_chain_done(&chain);
	return r;
}

static void
test_cdi(const struct cdi_mutant *m, EVP_PKEY *const keys[CDIS + 2], struct csn_pubkey *anchor)
{
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct cdi           cdis[CDIS];
	const char          *configs[CDIS];
	uint8_t              buf[4096];
	struct csn_dcbor_out out;
	unsigned             dropped = CDIS;

	cdi_describe(cdis, configs);
	for (size_t i = 0; i < 2; i++) {
		apply_cdi(cdis, configs, &m->steps[i]);
		dropped = m->steps[i].field == F_DROP ? m->steps[i].at : dropped;
	}
	csn_dcbor_out_init(&out, buf, sizeof buf);
	cdi_put_chain(&out, cdis, configs, keys, dropped);
	int  r = judge_cdis((struct csn_bytes){ buf, out.len }, anchor, &verdict);
	bool good = m->reason == NULL ?
	                    r == CSN_OK :
	                    r == CSN_E_REFUSED && strcmp(verdict.reason, m->reason) == 0 &&
	                            verdict.reasons[0].layer == m->layer;
	if (!tap_ok(good, "CBOR: %s", m->what))
		tap_note("got %d %s at %d, wanted %s at %d", r, verdict.reason,
		         verdict.reasons[0].layer, m->reason == NULL ? "none" : m->reason,
		         m->layer);
}

static void
test_cdis(void)
{
	EVP_PKEY         *keys[CDIS + 2];
	struct csn_pubkey anchor = { 0 };
	uint8_t           x[32];
	size_t            len = sizeof x;

	for (size_t i = 0; i < CDIS + 2; i++)
		keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY_get_raw_public_key(keys[0], x, &len);
	csn_pubkey_from_raw(CSN_KEY_ED25519, CSN_BYTES_OF(x), &anchor, NULL);
	for (size_t i = 0; i < sizeof cdi_mutants / sizeof *cdi_mutants; i++)
		test_cdi(&cdi_mutants[i], keys, &anchor);
	csn_pubkey_done(&anchor);
	for (size_t i = 0; i < CDIS + 2; i++)
		EVP_PKEY_free(keys[i]);
}

int
main(void)
{
	test_cdis();
	return tap_done();
}
