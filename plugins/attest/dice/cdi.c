#include "dice.h"

#include "lib/cose-any.h"

/* Labels of a CDI certificate. */
enum {
	CDI_ISSUER = 1, CDI_SUBJECT = 2, CDI_NOT_AFTER = 4, CDI_NOT_BEFORE = 5, CDI_ISSUED = 6,
	CDI_CODE_HASH = -4670545, CDI_CODE_DESC = -4670546, CDI_CONFIG_HASH = -4670547,
	CDI_CONFIG_DESC = -4670548, CDI_AUTHORITY_HASH = -4670549, CDI_AUTHORITY_DESC = -4670550,
	CDI_MODE = -4670551, CDI_KEY = -4670552, CDI_USAGE = -4670553, CDI_PROFILE = -4670554,
};

/* Labels of Android's configuration map; the rest of its range is reserved. */
enum {
	CONFIG_NAME = -70002, CONFIG_VERSION = -70003, CONFIG_RESETTABLE = -70004,
	CONFIG_SECURITY_VERSION = -70005, CONFIG_RKP_VM = -70006,
	CONFIG_RESERVED_MIN = -70999, CONFIG_RESERVED_MAX = -70000,
};

#define USAGE_CERT_SIGN 0x20

static bool
label_known(int64_t label)
{
	return label == CDI_ISSUER || label == CDI_SUBJECT ||
	       (label <= CDI_CODE_HASH && label >= CDI_PROFILE);
}

/* Every key of the payload is one we know; the map itself was checked. */
static bool
labels_known(struct csn_bytes map)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, map);
	size_t pairs = csn_dcbor_map(&in, 1, 16);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		if (!label_known(csn_dcbor_int(&in)))
			return false;
		csn_scbor_item(&in);
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* Bytes under @label, or none; false when something else stands there. */
static bool
take_bytes(struct csn_bytes map, int64_t label, struct csn_bytes *ret_bytes)
{
	struct csn_bytes item = csn_scbor_find(map, label);

	return item.len == 0 || csn_scbor_as_bytes(item, ret_bytes);
}

static bool
usage_good(struct csn_bytes map)
{
	struct csn_bytes usage;

	if (!csn_scbor_as_bytes(csn_scbor_find(map, CDI_USAGE), &usage) || usage.len == 0 ||
	    usage.ptr[0] != USAGE_CERT_SIGN)
		return false;
	for (size_t i = 1; i < usage.len; i++)
		if (usage.ptr[i] != 0)
			return false;
	return true;
}

/* The reserved range holds what Android defines, each of its type. */
static bool
config_entry(int64_t label, struct csn_bytes value, struct dice_layer *layer)
{
	struct csn_bytes text;
	int64_t          number;

	switch (label) {
	case CONFIG_NAME:
		return csn_scbor_as_text(value, &layer->component);
	case CONFIG_VERSION:
		return csn_scbor_as_int(value, &number) || csn_scbor_as_text(value, &text);
	case CONFIG_RESETTABLE:
	case CONFIG_RKP_VM:
		return value.len == 1 && value.ptr[0] == 0xf6;
	case CONFIG_SECURITY_VERSION:
		if (!csn_scbor_as_int(value, &number) || number < 0)
			return false;
		layer->has_security_version = true;
		layer->security_version = (uint64_t)number;
		return true;
	default:
		return label < CONFIG_RESERVED_MIN || label > CONFIG_RESERVED_MAX;
	}
}

static bool
read_config(struct csn_bytes map, struct dice_layer *layer)
{
	struct csn_dcbor_in in;

	if (csn_scbor_check(map) < 0)
		return false;
	csn_dcbor_in_init(&in, map);
	size_t pairs = csn_dcbor_map(&in, 0, CSN_SCBOR_PAIRS_MAX);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		int64_t          label = csn_dcbor_int(&in);
		struct csn_bytes value = csn_scbor_item(&in);
		if (in.bad || !config_entry(label, value, layer))
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* The hash, when there is one, is the descriptor's. */
static bool
config_hash_good(const struct dice_layer *layer)
{
	uint8_t hash[64];

	if (layer->config_hash.len == 0)
		return true;
	return csn_hash_by_len(layer->config_desc, layer->config_hash.len, hash) &&
	       memcmp(hash, layer->config_hash.ptr, layer->config_hash.len) == 0;
}

static bool
hash_len_good(struct csn_bytes hash)
{
	return hash.len == 0 || hash.len == 32 || hash.len == 48 || hash.len == 64;
}

/* Mode, hashes and configuration; NULL or the reason. */
static const char *
take_input(struct csn_bytes map, bool android, struct dice_layer *layer)
{
	struct csn_bytes mode = CSN_BYTES_NONE, ignored = CSN_BYTES_NONE, text;
	struct csn_bytes profile = csn_scbor_find(map, CDI_PROFILE);

	if (!take_bytes(map, CDI_CODE_HASH, &layer->code_hash) ||
	    !take_bytes(map, CDI_CODE_DESC, &ignored) ||
	    !take_bytes(map, CDI_CONFIG_HASH, &layer->config_hash) ||
	    !take_bytes(map, CDI_CONFIG_DESC, &layer->config_desc) ||
	    !take_bytes(map, CDI_AUTHORITY_HASH, &layer->authority_hash) ||
	    !take_bytes(map, CDI_AUTHORITY_DESC, &ignored) ||
	    !take_bytes(map, CDI_MODE, &mode) ||
	    (profile.len != 0 && !csn_scbor_as_text(profile, &text)))
		return "dice.cdi.type";
	layer->has_mode = csn_scbor_find(map, CDI_MODE).len != 0;
	layer->has_input = layer->has_mode || layer->code_hash.len != 0;
	if (layer->has_mode) {
		if (mode.len != 1)
			return "dice.cdi.mode";
		layer->mode = mode.ptr[0] <= DICE_MODE_RECOVERY ? mode.ptr[0] :
		                                                  DICE_MODE_NOT_CONFIGURED;
	}
	if (!hash_len_good(layer->code_hash) || !hash_len_good(layer->authority_hash) ||
	    !hash_len_good(layer->config_hash))
		return "dice.cdi.hash";
	if (android && layer->config_desc.len != 0 && !read_config(layer->config_desc, layer))
		return "dice.config.syntax";
	if (!config_hash_good(layer))
		return "dice.config.hash";
	return NULL;
}

static const char *
take_payload(struct csn_bytes map, bool android, struct dice_layer *layer,
             struct csn_bytes *ret_key)
{
	if (csn_scbor_check(map) < 0 || !labels_known(map))
		return "dice.cdi.syntax";
	if (!csn_scbor_as_text(csn_scbor_find(map, CDI_ISSUER), &layer->issuer) ||
	    !csn_scbor_as_text(csn_scbor_find(map, CDI_SUBJECT), &layer->subject) ||
	    layer->issuer.len == 0 || layer->subject.len == 0)
		return "dice.cdi.names";
	if (!csn_scbor_as_bytes(csn_scbor_find(map, CDI_KEY), ret_key) ||
	    csn_scbor_check(*ret_key) < 0)
		return "dice.cdi.key";
	if (!usage_good(map))
		return "dice.cdi.usage";
	return take_input(map, android, layer);
}

int
dice_layer_cbor(struct csn_bytes item, bool android, unsigned at, struct dice_layer *layer,
                struct csn_verdict *verdict)
{
	struct csn_cose_any cose;
	struct csn_bytes    key;
	const char         *why = NULL;

	*layer = (struct dice_layer){ .form = DICE_CBOR, .raw = item };
	if (item.len > DICE_CERT_MAX)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.cdi.size", at,
		                   CSN_TRUST_INSTANCE, "", "8192 bytes at most");
	if (csn_cose_any_parse(item, CSN_COSE_SIGN1, &cose, &why) < 0)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.cdi.cose", at,
		                   CSN_TRUST_INSTANCE, why, "a COSE_Sign1");
	if (cose.detached)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.cdi.cose", at,
		                   CSN_TRUST_INSTANCE, "no payload", "a payload");
	why = take_payload(cose.payload, android, layer, &key);
	if (why != NULL)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, why, at, CSN_TRUST_INSTANCE,
		                   "", "a CDI certificate");
	int r = csn_pubkey_from_cose(key, &layer->key, &why);
	if (r == CSN_E_PROTOCOL)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.key", at,
		                   CSN_TRUST_INSTANCE, why, "a COSE_Key for verifying");
	return r;
}

/* One entry whose key is the one the chain begins with: a device without DICE. */
static bool
is_degenerate(const struct dice_chain *chain)
{
	return chain->count == 1 && csn_pubkey_same(&chain->root, &chain->layers[0].key);
}

int
dice_read_cbor(struct csn_bytes item, bool android, struct dice_chain *chain,
               struct csn_verdict *verdict)
{
	struct csn_dcbor_in in;
	const char         *why = "";

	chain->form = DICE_CBOR;
	if (item.len > DICE_CHAIN_BYTES_MAX || csn_scbor_check(item) < 0)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.cbor", 0,
		                   CSN_TRUST_INSTANCE, "", "one strict item");
	csn_dcbor_in_init(&in, item);
	size_t n = csn_dcbor_array(&in, 2, DICE_LAYERS_MAX + 1);
	struct csn_bytes root = csn_scbor_item(&in);
	if (in.bad)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.length", 0,
		                   CSN_TRUST_INSTANCE, "", "a key and 1 to 16 certificates");
	int r = csn_pubkey_from_cose(root, &chain->root, &why);
	if (r == CSN_E_PROTOCOL)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.key", 0,
		                   CSN_TRUST_INSTANCE, why, "a root key");
	for (size_t i = 0; r == CSN_OK && i + 1 < n; i++) {
		struct dice_layer *layer = &chain->layers[chain->count++];
		r = dice_layer_cbor(csn_scbor_item(&in), android, (unsigned)i, layer, verdict);
	}
	chain->degenerate = r == CSN_OK && is_degenerate(chain);
	return r;
}
