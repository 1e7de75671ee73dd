#include "kit/cdi-forge.h"

#include "kit/dice-forge.h"
#include "lib/pubkey.h"

static const char *const labels[ENTRIES] = {
	"01", "02", "3a00474450", "3a00474453", "3a00474452", "3a00474454", "3a00474456",
	"3a00474457", "3a00474458", "",
};

static void
put_hex(struct csn_dcbor_out *out, const char *hex)
{
	uint8_t bytes[512];

	csn_dcbor_put_raw(out, (struct csn_bytes){ bytes, forge_unhex(hex, bytes, sizeof bytes) });
}

/* A byte string around what @inner holds. */
static void
put_wrapped(struct csn_dcbor_out *out, const struct csn_dcbor_out *inner)
{
	struct csn_bytes bytes = { inner->buf, inner->len };

	csn_dcbor_put_bytes(out, bytes);
}

static void
put_key(struct csn_dcbor_out *out, const struct cdi *cdi, EVP_PKEY *key)
{
	uint8_t x[32];
	size_t  len = sizeof x;

	EVP_PKEY_get_raw_public_key(key, x, &len);
	put_hex(out, cdi->cose_key != NULL ? cdi->cose_key : KEY_HEAD);
	csn_dcbor_put_raw(out, CSN_BYTES_OF(x));
	if (cdi->behind != NULL)
		put_hex(out, cdi->behind);
}

static void
put_payload(struct csn_dcbor_out *out, const struct cdi *cdi, const char *config, EVP_PKEY *key)
{
	uint8_t              buf[512], hash[64];
	struct csn_dcbor_out inner;
	size_t               count = 0;

	for (size_t i = 0; i < ENTRIES; i++)
		count += cdi->entries[i] != NULL;
	csn_dcbor_put_map(out, count);
	for (size_t i = 0; i < ENTRIES; i++) {
		if (cdi->entries[i] == NULL)
			continue;
		put_hex(out, labels[i]);
		if (*cdi->entries[i] != '\0') {
			put_hex(out, cdi->entries[i]);
			continue;
		}
		csn_dcbor_out_init(&inner, buf, sizeof buf);
		if (i == SUBJECT_KEY) {
			put_key(&inner, cdi, key);
		} else {
			put_hex(&inner, config);
			if (i == CONFIG_SUM) {
				csn_hash_by_len((struct csn_bytes){ buf, inner.len }, 32, hash);
				csn_dcbor_put_bytes(out, (struct csn_bytes){ hash, 32 });
				continue;
			}
		}
		put_wrapped(out, &inner);
	}
}

/* One COSE_Sign1. */
static void
put_cdi(struct csn_dcbor_out *out, const struct cdi *cdi, const char *config, EVP_PKEY *key,
        EVP_PKEY *signer)
{
	uint8_t              buf[1024], tbs_buf[1200], sig[160];
	struct csn_dcbor_out payload, tbs;
	const char          *protect = cdi->protect != NULL ? cdi->protect : "43a10127";

	csn_dcbor_out_init(&payload, buf, sizeof buf);
	put_payload(&payload, cdi, config, key);
	csn_dcbor_out_init(&tbs, tbs_buf, sizeof tbs_buf);
	csn_dcbor_put_array(&tbs, 4);
	csn_dcbor_put_text(&tbs, "Signature1");
	put_hex(&tbs, protect);
	csn_dcbor_put_bytes(&tbs, CSN_BYTES_NONE);
	put_wrapped(&tbs, &payload);
	size_t len = forge_sign(signer, (struct csn_bytes){ tbs_buf, tbs.len }, true, sig);
	sig[0] ^= cdi->spoil;
	put_hex(out, cdi->head != NULL ? cdi->head : "84");
	put_hex(out, protect);
	put_hex(out, cdi->unprotect != NULL ? cdi->unprotect : "a0");
	if (cdi->detached)
		csn_dcbor_put_null(out);
	else
		put_wrapped(out, &payload);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ sig, len });
}

void
cdi_describe(struct cdi cdis[CDIS], const char *configs[CDIS])
{
	static const char *const names[] = { "626b30", "626b31", "626b32", "626b33" };

	for (unsigned i = 0; i < CDIS; i++) {
		cdis[i] = (struct cdi){ .key = i + 1, .signer = i };
		const char *entries[ENTRIES] = { names[i], names[i + 1], HASH_C, "", "", HASH_D,
			                         "4101", "", "4120", NULL };
		memcpy(cdis[i].entries, entries, sizeof entries);
		configs[i] = CONFIG_DESC;
	}
}

void
cdi_put_chain(struct csn_dcbor_out *out, const struct cdi cdis[CDIS],
              const char *const configs[CDIS], EVP_PKEY *const *keys, unsigned dropped)
{
	static const struct cdi root;

	csn_dcbor_put_array(out, dropped < CDIS ? CDIS : CDIS + 1);
	put_key(out, &root, keys[0]);
	for (unsigned i = 0; i < CDIS; i++)
		if (i != dropped)
			put_cdi(out, &cdis[i], configs[i], keys[cdis[i].key], keys[cdis[i].signer]);
}
