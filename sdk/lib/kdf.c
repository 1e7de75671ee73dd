#include "lib/kdf.h"

#include "lib/csgn1.h"

#define PARTS_MAX 8

int
csn_hkdf_extract(const struct csn_crypto *c, struct csn_bytes salt,
                 const struct csn_bytes *ikm, size_t n, uint8_t ret_prk[32])
{
	static const uint8_t zeros[CSN_HASH_LEN];

	if (salt.len == 0)
		salt = CSN_BYTES_OF(zeros);
	return c->hmac_sha256(c->self, salt, ikm, n, ret_prk);
}

int
csn_hkdf_expand(const struct csn_crypto *c, struct csn_bytes prk,
                const struct csn_bytes *info, size_t n, uint8_t *ret_okm, size_t len)
{
	uint8_t          block[CSN_HASH_LEN] = { 0 }, counter = 0;
	struct csn_bytes parts[PARTS_MAX];
	int              r = CSN_OK;

	if (n > PARTS_MAX - 2 || len > 255 * sizeof block)
		return CSN_E_INVALID;
	for (size_t i = 0; i < n; i++)
		parts[1 + i] = info[i];
	parts[1 + n] = (struct csn_bytes){ &counter, 1 };

	for (size_t done = 0; done < len;) {
		parts[0] = (struct csn_bytes){ block, counter == 0 ? 0 : sizeof block };
		counter++;
		r = c->hmac_sha256(c->self, prk, parts, n + 2, block);
		if (r < 0)
			goto out;
		size_t take = len - done < sizeof block ? len - done : sizeof block;
		memcpy(ret_okm + done, block, take);
		done += take;
	}
out:
	if (r < 0)
		csn_wipe(ret_okm, len);
	csn_wipe(block, sizeof block);
	return r;
}

int
csn_kdf(const struct csn_crypto *c, struct csn_bytes salt, struct csn_bytes ikm,
        struct csn_bytes info, uint8_t *ret_okm, size_t len)
{
	uint8_t prk[CSN_HASH_LEN] = { 0 };

	int r = csn_hkdf_extract(c, salt, &ikm, 1, prk);
	if (r == CSN_OK)
		r = csn_hkdf_expand(c, CSN_BYTES_OF(prk), &info, 1, ret_okm, len);
	csn_wipe(prk, sizeof prk);
	return r;
}

int
csn_kdf_label(const struct csn_crypto *c, struct csn_bytes salt, struct csn_bytes ikm,
              const char *label, uint8_t *ret_okm, size_t len)
{
	uint8_t              buf[CSN_L_MAX];
	struct csn_dcbor_out out;
	struct csn_bytes     info;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_label(&out, label, 0);
	int r = csn_dcbor_out_end(&out, &info);
	return r < 0 ? r : csn_kdf(c, salt, ikm, info, ret_okm, len);
}
