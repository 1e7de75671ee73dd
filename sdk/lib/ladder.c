#include "lib/ladder.h"

#include "lib/hpke.h"
#include "lib/kdf.h"

static int
derive(const struct csn_crypto *c, const uint8_t seed[CSN_SEED_LEN], const char *label,
       uint8_t ret[32])
{
	return csn_kdf_label(c, CSN_BYTES_NONE, (struct csn_bytes){ seed, CSN_SEED_LEN },
	                     label, ret, 32);
}

int
csn_ladder_keys(const struct csn_crypto *c, unsigned suite,
                const uint8_t seed[CSN_SEED_LEN], uint8_t ret_sk[CSN_SK_LEN],
                uint8_t *ret_pk)
{
	uint8_t ikm[32] = { 0 };

	int r = derive(c, seed, "csgn1/rung", ikm);
	if (r == CSN_OK)
		r = csn_hpke_derive_key_pair(c, suite, CSN_BYTES_OF(ikm), ret_sk, ret_pk);
	csn_wipe(ikm, sizeof ikm);
	return r;
}

int
csn_ladder_psk(const struct csn_crypto *c, const uint8_t seed[CSN_SEED_LEN],
               uint8_t ret_psk[32])
{
	return derive(c, seed, "csgn1/psk", ret_psk);
}

int
csn_ladder_forward(const struct csn_crypto *c, const uint8_t seed[CSN_SEED_LEN],
                   unsigned steps, uint8_t ret_seed[CSN_SEED_LEN])
{
	uint8_t now[CSN_SEED_LEN], next[CSN_SEED_LEN] = { 0 };
	int     r = CSN_OK;

	memcpy(now, seed, sizeof now);
	for (unsigned i = 0; i < steps && r == CSN_OK; i++) {
		r = derive(c, now, "csgn1/next", next);
		memcpy(now, next, sizeof now);
	}
	if (r == CSN_OK)
		memcpy(ret_seed, now, sizeof now);
	csn_wipe(now, sizeof now);
	csn_wipe(next, sizeof next);
	return r;
}
