#include "eat.h"

#include "lib/crypto.h"

#define TAG_COLLECTION 399
#define LABEL_PLATFORM 44234
#define LABEL_REALM    44241
#define LABEL_RAK      44237

bool
eat_split_cca(struct csn_bytes item, struct csn_bytes *ret_platform,
              struct csn_bytes *ret_realm)
{
	struct csn_dcbor_in in;

	if (csn_scbor_check(item) < 0)
		return false;
	csn_dcbor_in_init(&in, item);
	csn_scbor_expect_tag(&in, TAG_COLLECTION);
	struct csn_bytes map = csn_scbor_item(&in);
	return csn_dcbor_in_end(&in) == CSN_OK && csn_scbor_pairs(map) == 2 &&
	       csn_scbor_as_bytes(csn_scbor_find(map, LABEL_PLATFORM), ret_platform) &&
	       csn_scbor_as_bytes(csn_scbor_find(map, LABEL_REALM), ret_realm);
}

int
eat_realm_key(const struct eat_claims *realm, struct csn_pubkey *ret_key, const char **ret_why)
{
	if (realm->rak.len == 97)
		return csn_pubkey_from_raw(CSN_KEY_P384, realm->rak, ret_key, ret_why);
	return csn_pubkey_from_cose(realm->rak, ret_key, ret_why);
}

static size_t
hash_len(struct csn_bytes name)
{
	return name.len != 7 ? 0 : name.ptr[4] == '2' ? 32 : name.ptr[4] == '3' ? 48 : 64;
}

bool
eat_realm_bound(const struct eat_claims *platform, const struct eat_claims *realm)
{
	uint8_t hash[64];
	size_t  len = hash_len(realm->rak_hash);

	return csn_hash_by_len(realm->rak, len, hash) &&
	       csn_same(platform->nonce, (struct csn_bytes){ hash, len });
}
