#include "eat.h"

enum type { BYTES, TEXT, NUMBER, COMPONENTS, REGISTERS, NO_MEASUREMENTS, NONE };

/* How long bytes may be: of any length between, or of a hash. */
enum { HASH = 0 };

/* One claim of a profile. */
struct rule {
	int64_t   label;
	enum type type;
	size_t    min, max; /* HASH, HASH: 32, 48 or 64 bytes                          */
	bool      needed;
	size_t    offset; /* of a struct csn_bytes in struct eat_claims                */
};

#define AT(member) offsetof(struct eat_claims, member)

static const struct rule psa_1[] = {
	{ -75001, NUMBER, 0, 0, true, AT(client) },
	{ -75002, NUMBER, 0, 0, true, AT(lifecycle) },
	{ -75003, BYTES, 32, 32, true, AT(impl_id) },
	{ -75004, BYTES, 32, 32, true, AT(boot_seed) },
	{ -75005, TEXT, 13, 19, false, AT(reference) },
	{ -75006, COMPONENTS, 0, 0, false, 0 },
	{ -75007, NO_MEASUREMENTS, 0, 0, false, 0 },
	{ -75008, BYTES, HASH, HASH, true, AT(nonce) },
	{ -75009, BYTES, 33, 33, true, AT(instance_id) },
	{ -75010, TEXT, 1, 1024, false, AT(indicator) },
	{ 0, NONE, 0, 0, false, 0 },
};

static const struct rule psa_2[] = {
	{ 10, BYTES, HASH, HASH, true, AT(nonce) },
	{ 256, BYTES, 33, 33, true, AT(instance_id) },
	{ 2394, NUMBER, 0, 0, true, AT(client) },
	{ 2395, NUMBER, 0, 0, true, AT(lifecycle) },
	{ 2396, BYTES, 32, 32, true, AT(impl_id) },
	{ 2397, BYTES, 8, 32, false, AT(boot_seed) },
	{ 2398, TEXT, 13, 19, false, AT(reference) },
	{ 2399, COMPONENTS, 0, 0, true, 0 },
	{ 2400, TEXT, 1, 1024, false, AT(indicator) },
	{ 0, NONE, 0, 0, false, 0 },
};

static const struct rule psa_tfm[] = {
	{ 10, BYTES, HASH, HASH, true, AT(nonce) },
	{ 256, BYTES, 33, 33, true, AT(instance_id) },
	{ 268, BYTES, 8, 32, false, AT(boot_seed) },
	{ 2394, NUMBER, 0, 0, true, AT(client) },
	{ 2395, NUMBER, 0, 0, true, AT(lifecycle) },
	{ 2396, BYTES, 32, 32, true, AT(impl_id) },
	{ 2398, TEXT, 13, 19, false, AT(reference) },
	{ 2399, COMPONENTS, 0, 0, true, 0 },
	{ 2400, TEXT, 1, 1024, false, AT(indicator) },
	{ 0, NONE, 0, 0, false, 0 },
};

static const struct rule platform[] = {
	{ 10, BYTES, HASH, HASH, true, AT(nonce) },
	{ 256, BYTES, 33, 33, true, AT(instance_id) },
	{ 2395, NUMBER, 0, 0, true, AT(lifecycle) },
	{ 2396, BYTES, 32, 32, true, AT(impl_id) },
	{ 2399, COMPONENTS, 0, 0, true, 0 },
	{ 2400, TEXT, 1, 1024, false, AT(indicator) },
	{ 2401, BYTES, 1, 4096, true, AT(config) },
	{ 2402, TEXT, 1, 16, true, AT(hash_alg) },
	{ 0, NONE, 0, 0, false, 0 },
};

static const struct rule realm_rules[] = {
	{ 10, BYTES, 64, 64, true, AT(nonce) },
	{ 44235, BYTES, 64, 64, true, AT(rpv) },
	{ 44236, TEXT, 1, 16, true, AT(hash_alg) },
	{ 44237, BYTES, 1, 512, true, AT(rak) },
	{ 44238, BYTES, HASH, HASH, true, AT(rim) },
	{ 44239, REGISTERS, 0, 0, true, 0 },
	{ 44240, TEXT, 1, 16, true, AT(rak_hash) },
	{ 0, NONE, 0, 0, false, 0 },
};

static const struct rule *const rules[EAT_PROFILES] = {
	[EAT_PSA_1] = psa_1, [EAT_PSA_2] = psa_2, [EAT_PSA_TFM] = psa_tfm,
	[EAT_PLATFORM] = platform, [EAT_REALM] = realm_rules,
};

static const struct {
	const char      *name;
	enum eat_profile profile;
} names[] = {
	{ "http://arm.com/psa/2.0.0", EAT_PSA_2 },
	{ "tag:psacertified.org,2023:psa#tfm", EAT_PSA_TFM },
	{ "http://arm.com/CCA-SSD/1.0.0", EAT_PLATFORM },
	{ "tag:arm.com,2023:cca_platform#1.0.0", EAT_PLATFORM },
	{ "tag:arm.com,2023:realm#1.0.0", EAT_REALM },
};

static bool
is_hash_len(size_t len)
{
	return len == 32 || len == 48 || len == 64;
}

static bool
len_good(const struct rule *rule, size_t len)
{
	return rule->max == HASH ? is_hash_len(len) : len >= rule->min && len <= rule->max;
}

/* 1: type, 2: value, 4: version, 5: signer, 6: how it was measured. */
static bool
take_component(struct csn_bytes map, struct eat_component *ret)
{
	struct eat_component c = { 0 };
	struct csn_bytes     type = csn_scbor_find(map, 1), version = csn_scbor_find(map, 4);
	struct csn_bytes     how = csn_scbor_find(map, 6), text;

	if (!csn_scbor_as_bytes(csn_scbor_find(map, 2), &c.value) || !is_hash_len(c.value.len) ||
	    !csn_scbor_as_bytes(csn_scbor_find(map, 5), &c.signer) || !is_hash_len(c.signer.len))
		return false;
	if ((type.len != 0 && !csn_scbor_as_text(type, &c.type)) ||
	    (version.len != 0 && !csn_scbor_as_text(version, &c.version)) ||
	    (how.len != 0 && !csn_scbor_as_text(how, &text)))
		return false;
	*ret = c;
	return true;
}

static bool
take_components(struct csn_bytes item, struct eat_claims *claims)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	size_t n = csn_dcbor_array(&in, 1, EAT_COMPONENTS_MAX);
	for (size_t i = 0; i < n && !in.bad; i++) {
		struct csn_bytes map = csn_scbor_item(&in);
		if (in.bad || !take_component(map, &claims->components[i]))
			return false;
		claims->component_count++;
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* Four extensible measurements of one length. */
static bool
take_registers(struct csn_bytes item, struct eat_claims *claims)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	csn_dcbor_array(&in, 4, 4);
	for (size_t i = 0; i < 4; i++) {
		claims->rem[i] = csn_dcbor_bytes(&in, 32, 64);
		if (!is_hash_len(claims->rem[i].len))
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

static bool
take_number(const struct rule *rule, struct csn_bytes item, struct eat_claims *claims)
{
	int64_t value;

	if (!csn_scbor_as_int(item, &value))
		return false;
	if (rule->offset == AT(client)) {
		claims->has_client = true;
		claims->client = value;
		return value >= INT32_MIN && value <= INT32_MAX;
	}
	claims->has_lifecycle = true;
	claims->lifecycle = (unsigned)value;
	/* Each state has 256 values, and there are seven states. */
	return value >= 0 && value <= 0x60ff && (value & 0x0f00) == 0;
}

static bool
take_claim(const struct rule *rule, struct csn_bytes item, struct eat_claims *claims)
{
	struct csn_bytes bytes;
	int64_t          one;

	switch (rule->type) {
	case BYTES:
	case TEXT:
		if (!(rule->type == BYTES ? csn_scbor_as_bytes(item, &bytes) :
		                            csn_scbor_as_text(item, &bytes)) ||
		    !len_good(rule, bytes.len))
			return false;
		memcpy((char *)claims + rule->offset, &bytes, sizeof bytes);
		return true;
	case NUMBER:
		return take_number(rule, item, claims);
	case COMPONENTS:
		return take_components(item, claims);
	case REGISTERS:
		return take_registers(item, claims);
	case NO_MEASUREMENTS:
		claims->no_measurements = true;
		return csn_scbor_as_int(item, &one) && one == 1;
	default:
		return false;
	}
}

/* Which profile a set of claims is of; false for one we do not know. */
static bool
find_profile(struct csn_bytes map, bool realm, enum eat_profile *ret_profile)
{
	struct csn_bytes named = csn_scbor_find(map, 265), first = csn_scbor_find(map, -75000);

	*ret_profile = realm ? EAT_REALM : EAT_PSA_1;
	if (named.len == 0)
		return first.len == 0 || csn_scbor_is_text(first, "PSA_IOT_PROFILE_1");
	if (first.len != 0)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (csn_scbor_is_text(named, names[i].name)) {
			*ret_profile = names[i].profile;
			return (names[i].profile == EAT_REALM) == realm;
		}
	return false;
}

static bool
same_text(struct csn_bytes text, const char *want)
{
	return text.len == strlen(want) && memcmp(text.ptr, want, text.len) == 0;
}

static bool
hash_known(struct csn_bytes name)
{
	return name.len == 0 || same_text(name, "sha-256") || same_text(name, "sha-384") ||
	       same_text(name, "sha-512");
}

/* EAN-13, and a version of five digits behind a dash. */
static bool
reference_good(struct csn_bytes text)
{
	if (text.len != 0 && text.len != 13 && text.len != 19)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (i == 13 ? text.ptr[i] != '-' : text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return true;
}

/* What no claim says for itself. */
static const char *
check_whole(const struct eat_claims *c)
{
	if (c->instance_id.len != 0 && c->instance_id.ptr[0] != 1)
		return "eat.instance";
	if (!reference_good(c->reference))
		return "eat.reference";
	if (c->profile == EAT_PSA_1 && c->no_measurements == (c->component_count > 0))
		return "eat.components";
	if (!hash_known(c->hash_alg) || !hash_known(c->rak_hash))
		return "eat.hash";
	if (c->profile == EAT_REALM && c->rak.len != 97 && csn_scbor_check(c->rak) < 0)
		return "eat.realm.key";
	return NULL;
}

int
eat_read_claims(struct csn_bytes map, bool realm, struct eat_claims *ret_claims,
                const char **ret_why)
{
	struct eat_claims claims = { 0 };

	*ret_why = "eat.cbor";
	if (csn_scbor_check(map) < 0 || csn_scbor_pairs(map) == 0)
		return CSN_E_REFUSED;
	*ret_why = "eat.profile";
	if (!find_profile(map, realm, &claims.profile))
		return CSN_E_REFUSED;
	for (const struct rule *rule = rules[claims.profile]; rule->type != NONE; rule++) {
		struct csn_bytes item = csn_scbor_find(map, rule->label);
		*ret_why = "eat.missing";
		if (item.len == 0 && rule->needed)
			return CSN_E_REFUSED;
		*ret_why = "eat.claim";
		if (item.len != 0 && !take_claim(rule, item, &claims))
			return CSN_E_REFUSED;
	}
	*ret_why = check_whole(&claims);
	if (*ret_why != NULL)
		return CSN_E_REFUSED;
	*ret_claims = claims;
	return CSN_OK;
}

enum eat_lifecycle
eat_lifecycle(unsigned value)
{
	return (enum eat_lifecycle)(value >> 12);
}
