#include "lib/crypto-openssl-p256.h"

#include "lib/crypto-openssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

/* A group, a context for numbers and two points: what one operation needs. */
struct p256 {
	EC_GROUP *group;
	BN_CTX   *ctx;
	EC_POINT *a, *b;
};

static void
p256_done(struct p256 *p)
{
	EC_POINT_clear_free(p->a);
	EC_POINT_clear_free(p->b);
	BN_CTX_free(p->ctx);
	EC_GROUP_free(p->group);
}

static int
p256_init(struct p256 *p)
{
	*p       = (struct p256){ 0 };
	p->ctx   = BN_CTX_secure_new();
	p->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	if (p->ctx == NULL || p->group == NULL)
		return CSN_E_INTERNAL;
	p->a = EC_POINT_new(p->group);
	p->b = EC_POINT_new(p->group);
	return p->a != NULL && p->b != NULL ? CSN_OK : CSN_E_INTERNAL;
}

static bool
take_point(struct p256 *p, EC_POINT *point, const uint8_t bytes[CSN_POINT_LEN])
{
	return bytes[0] == POINT_CONVERSION_UNCOMPRESSED &&
	       EC_POINT_oct2point(p->group, point, bytes, CSN_POINT_LEN, p->ctx) == 1;
}

static int
give_point(struct p256 *p, const EC_POINT *point, uint8_t ret[CSN_POINT_LEN])
{
	if (EC_POINT_is_at_infinity(p->group, point) != 0)
		return CSN_E_REFUSED;
	size_t len = EC_POINT_point2oct(p->group, point, POINT_CONVERSION_UNCOMPRESSED, ret,
	                                CSN_POINT_LEN, p->ctx);
	return len == CSN_POINT_LEN ? CSN_OK : CSN_E_INTERNAL;
}

static BIGNUM *
take_scalar(const uint8_t scalar[32])
{
	BIGNUM *k = BN_secure_new();

	if (k == NULL || BN_bin2bn(scalar, 32, k) == NULL) {
		BN_clear_free(k);
		return NULL;
	}
	BN_set_flags(k, BN_FLG_CONSTTIME);
	return k;
}

int
p256_valid(struct csn_bytes pk)
{
	struct p256 p;

	int r = p256_init(&p);
	if (r == CSN_OK && (pk.len != CSN_POINT_LEN || !take_point(&p, p.a, pk.ptr)))
		r = CSN_E_REFUSED;
	p256_done(&p);
	return r;
}

int
p256_mul(void *self, const uint8_t scalar[32], const uint8_t point[CSN_POINT_LEN],
         uint8_t ret[CSN_POINT_LEN])
{
	BIGNUM     *k = NULL;
	struct p256 p;

	(void)self;
	int r = p256_init(&p);
	if (r < 0)
		goto out;
	r = CSN_E_INVALID;
	if (point != NULL && !take_point(&p, p.a, point))
		goto out;
	r = CSN_E_INTERNAL;
	k = take_scalar(scalar);
	if (k == NULL)
		goto out;
	int ok = point == NULL ? EC_POINT_mul(p.group, p.b, k, NULL, NULL, p.ctx)
	                       : EC_POINT_mul(p.group, p.b, NULL, p.a, k, p.ctx);
	if (ok == 1)
		r = give_point(&p, p.b, ret);
out:
	BN_clear_free(k);
	p256_done(&p);
	return r;
}

static int
sum(const uint8_t a[CSN_POINT_LEN], const uint8_t b[CSN_POINT_LEN], bool minus,
    uint8_t ret[CSN_POINT_LEN])
{
	struct p256 p;

	int r = p256_init(&p);
	if (r < 0)
		goto out;
	r = CSN_E_INVALID;
	if (!take_point(&p, p.a, a) || !take_point(&p, p.b, b))
		goto out;
	r = CSN_E_INTERNAL;
	if (minus && EC_POINT_invert(p.group, p.b, p.ctx) != 1)
		goto out;
	if (EC_POINT_add(p.group, p.a, p.a, p.b, p.ctx) == 1)
		r = give_point(&p, p.a, ret);
out:
	p256_done(&p);
	return r;
}

int
p256_add(void *self, const uint8_t a[CSN_POINT_LEN], const uint8_t b[CSN_POINT_LEN],
         uint8_t ret[CSN_POINT_LEN])
{
	(void)self;
	return sum(a, b, false, ret);
}

int
p256_sub(void *self, const uint8_t a[CSN_POINT_LEN], const uint8_t b[CSN_POINT_LEN],
         uint8_t ret[CSN_POINT_LEN])
{
	(void)self;
	return sum(a, b, true, ret);
}

int
p256_reduce(void *self, struct csn_bytes wide, uint8_t ret_scalar[32])
{
	struct p256 p;
	BIGNUM     *k = NULL;

	(void)self;
	if (wide.len > 64)
		return CSN_E_INVALID;
	int r = p256_init(&p);
	if (r < 0)
		goto out;
	r = CSN_E_INTERNAL;
	k = BN_secure_new();
	if (k != NULL && BN_bin2bn(wide.ptr, (int)wide.len, k) != NULL &&
	    BN_nnmod(k, k, EC_GROUP_get0_order(p.group), p.ctx) == 1 &&
	    BN_bn2binpad(k, ret_scalar, 32) == 32)
		r = CSN_OK;
out:
	BN_clear_free(k);
	p256_done(&p);
	return r;
}

/* Is @k in 1..n-1? */
static bool
in_range(const struct p256 *p, const BIGNUM *k)
{
	return !BN_is_zero(k) && BN_cmp(k, EC_GROUP_get0_order(p->group)) < 0;
}

static int
scalar_valid(const uint8_t scalar[32])
{
	struct p256 p;
	BIGNUM     *k = NULL;

	int r = p256_init(&p);
	if (r == CSN_OK && (k = take_scalar(scalar)) == NULL)
		r = CSN_E_INTERNAL;
	if (r == CSN_OK && !in_range(&p, k))
		r = CSN_E_REFUSED;
	BN_clear_free(k);
	p256_done(&p);
	return r;
}

int
p256_public(const uint8_t sk[CSN_SK_LEN], uint8_t ret_pk[CSN_POINT_LEN])
{
	int r = scalar_valid(sk);

	return r < 0 ? r : p256_mul(NULL, sk, NULL, ret_pk);
}

int
p256_dh(const uint8_t sk[CSN_SK_LEN], struct csn_bytes pk, uint8_t ret_shared[32])
{
	uint8_t point[CSN_POINT_LEN] = { 0 };

	int r = p256_valid(pk);
	if (r == CSN_OK)
		r = p256_mul(NULL, sk, pk.ptr, point);
	if (r == CSN_OK)
		memcpy(ret_shared, point + 1, 32);
	csn_wipe(point, sizeof point);
	return r;
}

/* The generator of RFC 6979 3.2: HMAC-SHA256 with key k and value v. */
struct nonce {
	uint8_t k[32], v[32];
};

/* k = HMAC(k, v || tag || data), v = HMAC(k, v). */
static int
nonce_update(struct nonce *g, uint8_t tag, const struct csn_bytes *data, size_t n)
{
	const struct csn_crypto *c       = csn_crypto_openssl();
	struct csn_bytes         v       = CSN_BYTES_OF(g->v);
	struct csn_bytes         parts[] = { v, { &tag, 1 }, CSN_BYTES_NONE, CSN_BYTES_NONE };

	for (size_t i = 0; i < n; i++)
		parts[2 + i] = data[i];
	int r = c->hmac_sha256(NULL, CSN_BYTES_OF(g->k), parts, 2 + n, g->k);
	return r < 0 ? r : c->hmac_sha256(NULL, CSN_BYTES_OF(g->k), &v, 1, g->v);
}

static int
nonce_init(struct nonce *g, const uint8_t sk[32], const uint8_t hash[32])
{
	uint8_t z[32];

	memset(g->k, 0, sizeof g->k);
	memset(g->v, 1, sizeof g->v);
	int r = p256_reduce(NULL, (struct csn_bytes){ hash, 32 }, z);
	struct csn_bytes data[] = { { sk, 32 }, CSN_BYTES_OF(z) };
	for (uint8_t tag = 0; tag < 2 && r == CSN_OK; tag++)
		r = nonce_update(g, tag, data, 2);
	return r;
}

/* The next candidate. */
static int
nonce_next(struct nonce *g, uint8_t ret_k[32])
{
	struct csn_bytes v = CSN_BYTES_OF(g->v);

	int r = csn_crypto_openssl()->hmac_sha256(NULL, CSN_BYTES_OF(g->k), &v, 1, g->v);
	memcpy(ret_k, g->v, 32);
	return r;
}

/*
 * s = (hash + r * sk) / k, with all products blinded by a random b so that the timing of
 * the library's multiplication says nothing about k or sk; the inverse is a constant
 * time power.
 */
static bool
blinded_s(const struct p256 *p, const BIGNUM *k, const BIGNUM *d, const BIGNUM *z,
          const BIGNUM *r, BIGNUM *ret_s)
{
	const BIGNUM *n    = EC_GROUP_get0_order(p->group);
	BN_MONT_CTX  *mont = BN_MONT_CTX_new();
	bool          ok   = false;

	BN_CTX_start(p->ctx);
	BIGNUM *b  = BN_CTX_get(p->ctx);
	BIGNUM *bk = BN_CTX_get(p->ctx);
	BIGNUM *bd = BN_CTX_get(p->ctx);
	BIGNUM *e  = BN_CTX_get(p->ctx);
	if (e == NULL || mont == NULL || BN_MONT_CTX_set(mont, n, p->ctx) != 1)
		goto out;
	do {
		if (BN_priv_rand_range(b, n) != 1)
			goto out;
	} while (BN_is_zero(b));
	if (BN_mod_mul(bk, b, k, n, p->ctx) != 1 || BN_mod_mul(bd, b, d, n, p->ctx) != 1 ||
	    BN_mod_mul(bd, bd, r, n, p->ctx) != 1 || BN_mod_mul(b, b, z, n, p->ctx) != 1 ||
	    BN_mod_add(bd, bd, b, n, p->ctx) != 1)
		goto out;
	if (BN_copy(e, n) == NULL || BN_sub_word(e, 2) != 1 ||
	    BN_mod_exp_mont_consttime(bk, bk, e, n, p->ctx, mont) != 1)
		goto out;
	ok = BN_mod_mul(ret_s, bk, bd, n, p->ctx) == 1;
out:
	BN_CTX_end(p->ctx);
	BN_MONT_CTX_free(mont);
	return ok;
}

/* One try with the nonce @k: CSN_E_REFUSED asks for the next. */
static int
sign_with(struct p256 *p, const uint8_t sk[32], const uint8_t hash[32],
          const uint8_t k_bytes[32], uint8_t ret_sig[CSN_SIG_LEN])
{
	uint8_t point[CSN_POINT_LEN];
	BIGNUM *k   = take_scalar(k_bytes), *d = take_scalar(sk);
	BIGNUM *z   = BN_bin2bn(hash, 32, NULL), *r = BN_new(), *s = BN_new();
	int     ret = CSN_E_INTERNAL;

	if (k == NULL || d == NULL || z == NULL || r == NULL || s == NULL)
		goto out;
	ret = CSN_E_REFUSED;
	if (!in_range(p, k))
		goto out;
	ret = p256_mul(NULL, k_bytes, NULL, point);
	if (ret < 0)
		goto out;
	ret = CSN_E_INTERNAL;
	if (BN_bin2bn(point + 1, 32, r) == NULL ||
	    BN_nnmod(r, r, EC_GROUP_get0_order(p->group), p->ctx) != 1 ||
	    !blinded_s(p, k, d, z, r, s))
		goto out;
	ret = CSN_E_REFUSED;
	if (BN_is_zero(r) || BN_is_zero(s))
		goto out;
	ret = BN_bn2binpad(r, ret_sig, 32) == 32 && BN_bn2binpad(s, ret_sig + 32, 32) == 32
	              ? CSN_OK
	              : CSN_E_INTERNAL;
out:
	BN_clear_free(k);
	BN_clear_free(d);
	BN_free(z);
	BN_free(r);
	BN_free(s);
	return ret;
}

int
p256_sign(const uint8_t sk[CSN_SK_LEN], const uint8_t hash[CSN_HASH_LEN],
          uint8_t ret_sig[CSN_SIG_LEN])
{
	struct nonce g;
	struct p256  p;
	uint8_t      k[32] = { 0 };

	int r = scalar_valid(sk);
	if (r < 0)
		return r;
	r = p256_init(&p);
	if (r == CSN_OK)
		r = nonce_init(&g, sk, hash);
	while (r == CSN_OK) {
		r = nonce_next(&g, k);
		if (r == CSN_OK)
			r = sign_with(&p, sk, hash, k, ret_sig);
		if (r != CSN_E_REFUSED)
			break;
		r = nonce_update(&g, 0, NULL, 0);
	}
	csn_wipe(k, sizeof k);
	csn_wipe(&g, sizeof g);
	p256_done(&p);
	return r;
}

static EVP_PKEY *
public_key(struct csn_bytes pk)
{
	char          name[] = "prime256v1";
	EVP_PKEY     *key    = NULL;
	EVP_PKEY_CTX *ctx    = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM    params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  (void *)(uintptr_t)pk.ptr, pk.len),
		OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The DER form that EVP wants of r || s; the caller frees *ret_der. */
static int
signature_der(const uint8_t sig[CSN_SIG_LEN], uint8_t **ret_der)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM    *r = BN_bin2bn(sig, 32, NULL), *v = BN_bin2bn(sig + 32, 32, NULL);
	int        len = -1;

	*ret_der = NULL;
	if (s == NULL || r == NULL || v == NULL || ECDSA_SIG_set0(s, r, v) != 1)
		goto out;
	r = v = NULL;
	len   = i2d_ECDSA_SIG(s, ret_der);
out:
	BN_free(r);
	BN_free(v);
	ECDSA_SIG_free(s);
	return len;
}

int
p256_verify(struct csn_bytes pk, const uint8_t hash[CSN_HASH_LEN],
            const uint8_t sig[CSN_SIG_LEN])
{
	uint8_t      *der = NULL;
	EVP_PKEY     *key = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	int           len = 0;

	int r = p256_valid(pk);
	if (r < 0)
		return r;
	r   = CSN_E_INTERNAL;
	key = public_key(pk);
	ctx = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	len = signature_der(sig, &der);
	if (ctx == NULL || len <= 0 || EVP_PKEY_verify_init(ctx) != 1)
		goto out;
	r = EVP_PKEY_verify(ctx, der, (size_t)len, hash, CSN_HASH_LEN) == 1 ? CSN_OK
	                                                                    : CSN_E_REFUSED;
out:
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return r;
}
