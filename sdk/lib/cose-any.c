#include "lib/cose-any.h"

#include <stdlib.h>

#include <openssl/hmac.h>

#include "lib/crypto.h"

#define LABEL_ALG  1
#define LABEL_CRIT 2

static int
refuse(const char **ret_why, const char *why)
{
	if (ret_why != NULL)
		*ret_why = why;
	return CSN_E_PROTOCOL;
}

/* No label stands in both maps. */
static bool
maps_apart(struct csn_bytes a, struct csn_bytes b)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, a);
	size_t pairs = csn_dcbor_map(&in, 0, CSN_SCBOR_PAIRS_MAX);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		struct csn_bytes key = csn_scbor_item(&in);
		struct csn_dcbor_in other;
		csn_scbor_item(&in);
		csn_dcbor_in_init(&other, b);
		size_t others = csn_dcbor_map(&other, 0, CSN_SCBOR_PAIRS_MAX);
		for (size_t k = 0; k < others && !other.bad; k++) {
			struct csn_bytes theirs = csn_scbor_item(&other);
			csn_scbor_item(&other);
			if (csn_same(key, theirs))
				return false;
		}
	}
	return !in.bad;
}

/* The protected header: an empty string, or a map that is not empty. */
static bool
is_header(struct csn_bytes map)
{
	return map.len == 0 || (csn_scbor_check(map) == CSN_OK && map.ptr[0] >> 5 == 5);
}

int
csn_cose_any_parse(struct csn_bytes item, enum csn_cose_form form,
                   struct csn_cose_any *ret_cose, const char **ret_why)
{
	struct csn_cose_any cose = { .raw = item };
	struct csn_dcbor_in in;
	uint64_t            tag;

	if (csn_scbor_check(item) < 0)
		return refuse(ret_why, "cose.cbor");
	csn_dcbor_in_init(&in, item);
	if (csn_scbor_tag(&in, &tag) && tag != (uint64_t)form)
		return refuse(ret_why, "cose.shape");
	csn_dcbor_array(&in, 4, 4);
	cose.protect = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	if (csn_dcbor_peek(&in) != CSN_DCBOR_MAP)
		csn_dcbor_fail(&in);
	cose.unprotect = csn_scbor_item(&in);
	cose.detached = csn_dcbor_null(&in);
	if (!cose.detached)
		cose.payload = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	cose.sig = csn_dcbor_bytes(&in, 1, 1024);
	if (csn_dcbor_in_end(&in) < 0)
		return refuse(ret_why, "cose.shape");
	if (!is_header(cose.protect) ||
	    (cose.protect.len > 0 && !maps_apart(cose.protect, cose.unprotect)))
		return refuse(ret_why, "cose.headers");
	if (csn_scbor_find(cose.protect, LABEL_CRIT).len != 0 ||
	    csn_scbor_find(cose.unprotect, LABEL_CRIT).len != 0)
		return refuse(ret_why, "cose.crit");
	if (!csn_scbor_as_int(csn_scbor_find(cose.protect, LABEL_ALG), &cose.alg))
		return refuse(ret_why, "cose.alg");
	*ret_cose = cose;
	return CSN_OK;
}

struct csn_bytes
csn_cose_any_protected(const struct csn_cose_any *cose, int64_t label)
{
	return csn_scbor_find(cose->protect, label);
}

struct csn_bytes
csn_cose_any_header(const struct csn_cose_any *cose, int64_t label)
{
	struct csn_bytes value = csn_cose_any_protected(cose, label);

	return value.len != 0 ? value : csn_scbor_find(cose->unprotect, label);
}

/* Sig_structure or MAC_structure in memory of its own; NULL without memory. */
static uint8_t *
structure(const struct csn_cose_any *cose, const char *context, struct csn_bytes aad,
          struct csn_bytes payload, struct csn_bytes *ret_bytes)
{
	size_t   cap = cose->protect.len + aad.len + payload.len + 64;
	uint8_t *buf = malloc(cap);
	struct csn_dcbor_out out;

	if (buf == NULL)
		return NULL;
	csn_dcbor_out_init(&out, buf, cap);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_text(&out, context);
	csn_dcbor_put_bytes(&out, cose->protect);
	csn_dcbor_put_bytes(&out, aad);
	csn_dcbor_put_bytes(&out, payload);
	if (csn_dcbor_out_end(&out, ret_bytes) < 0) {
		free(buf);
		return NULL;
	}
	return buf;
}

/* IANA's numbers, for the kinds of key each goes with. */
static const struct {
	int64_t          alg;
	enum csn_sig_alg sig;
	enum csn_key_kind kind; /* an ECDSA curve is fixed with its hash            */
} algs[] = {
	{ -7, CSN_SIG_ECDSA_SHA256, CSN_KEY_P256 },
	{ -35, CSN_SIG_ECDSA_SHA384, CSN_KEY_P384 },
	{ -36, CSN_SIG_ECDSA_SHA512, CSN_KEY_P521 },
	{ -8, CSN_SIG_EDDSA, CSN_KEY_ED25519 },
	{ -37, CSN_SIG_PSS_SHA256, CSN_KEY_RSA },
	{ -38, CSN_SIG_PSS_SHA384, CSN_KEY_RSA },
	{ -39, CSN_SIG_PSS_SHA512, CSN_KEY_RSA },
};

int
csn_cose_any_verify(const struct csn_cose_any *cose, const struct csn_pubkey *key,
                    struct csn_bytes aad, struct csn_bytes payload, const char **ret_why)
{
	enum csn_sig_alg alg = CSN_SIG_NONE;
	struct csn_bytes tbs;

	for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
		if (algs[i].alg == cose->alg && algs[i].kind == key->kind)
			alg = algs[i].sig;
	if (alg == CSN_SIG_NONE) {
		refuse(ret_why, "cose.alg");
		return CSN_E_REFUSED;
	}
	uint8_t *buf = structure(cose, "Signature1", aad,
	                         cose->detached ? payload : cose->payload, &tbs);
	if (buf == NULL)
		return CSN_E_NOMEM;
	int r = csn_pubkey_verify(key, alg, true, tbs, cose->sig);
	free(buf);
	if (r == CSN_E_REFUSED)
		refuse(ret_why, "cose.signature");
	return r;
}

static const struct {
	int64_t alg;
	size_t  hash, tag;
} macs[] = { { 4, 32, 8 }, { 5, 32, 32 }, { 6, 48, 48 }, { 7, 64, 64 } };

static const EVP_MD *
mac_digest(size_t len)
{
	return len == 32 ? EVP_sha256() : len == 48 ? EVP_sha384() : EVP_sha512();
}

int
csn_cose_any_mac(const struct csn_cose_any *cose, struct csn_bytes key, struct csn_bytes aad,
                 struct csn_bytes payload, const char **ret_why)
{
	uint8_t          tag[64];
	unsigned         len = 0;
	struct csn_bytes tbs;
	size_t           m = 0, count = sizeof macs / sizeof *macs;

	while (m < count && macs[m].alg != cose->alg)
		m++;
	if (m == count || cose->sig.len != macs[m].tag || key.len == 0 || key.len > 256) {
		refuse(ret_why, "cose.alg");
		return CSN_E_REFUSED;
	}
	uint8_t *buf = structure(cose, "MAC0", aad, cose->detached ? payload : cose->payload,
	                         &tbs);
	if (buf == NULL)
		return CSN_E_NOMEM;
	bool done = HMAC(mac_digest(macs[m].hash), key.ptr, (int)key.len, tbs.ptr, tbs.len, tag,
	                 &len) != NULL;
	bool good = done && csn_same_n(tag, cose->sig.ptr, macs[m].tag);
	csn_wipe(tag, sizeof tag);
	free(buf);
	if (!done)
		return CSN_E_INTERNAL;
	if (!good)
		refuse(ret_why, "cose.signature");
	return good ? CSN_OK : CSN_E_REFUSED;
}
