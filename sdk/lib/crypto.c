#include "lib/crypto.h"

size_t
csn_suite_pk_len(uint64_t suite)
{
	return suite == CSN_SUITE_X25519 ? 32 : suite == CSN_SUITE_P256 ? 65 : 0;
}

size_t
csn_suite_key_len(uint64_t suite)
{
	return suite == CSN_SUITE_X25519 ? 32 : suite == CSN_SUITE_P256 ? 16 : 0;
}

bool
csn_same_n(const uint8_t *a, const uint8_t *b, size_t len)
{
	volatile uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ = differ | (uint8_t)(a[i] ^ b[i]);
	return differ == 0;
}

bool
csn_same(struct csn_bytes a, struct csn_bytes b)
{
	return a.len == b.len && csn_same_n(a.ptr, b.ptr, a.len);
}

int
csn_sha256(const struct csn_crypto *c, struct csn_bytes bytes,
           uint8_t ret_hash[CSN_HASH_LEN])
{
	return c->sha256(c->self, &bytes, 1, ret_hash);
}

int
csn_mac16(const struct csn_crypto *c, struct csn_bytes key, struct csn_bytes bytes,
          uint8_t ret_mac[16])
{
	uint8_t mac[CSN_HASH_LEN] = { 0 };

	int r = c->hmac_sha256(c->self, key, &bytes, 1, mac);
	if (r == CSN_OK)
		memcpy(ret_mac, mac, 16);
	csn_wipe(mac, sizeof mac);
	return r;
}
