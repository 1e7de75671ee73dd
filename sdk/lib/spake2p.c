#include "lib/spake2p.h"

#include "lib/csgn1.h"
#include "lib/kdf.h"

/* M and N of RFC 9383 section 4 for P-256, uncompressed. */
static const uint8_t point_m[CSN_POINT_LEN] = {
	0x04, 0x88, 0x6e, 0x2f, 0x97, 0xac, 0xe4, 0x6e, 0x55, 0xba, 0x9d, 0xd7, 0x24,
	0x25, 0x79, 0xf2, 0x99, 0x3b, 0x64, 0xe1, 0x6e, 0xf3, 0xdc, 0xab, 0x95, 0xaf,
	0xd4, 0x97, 0x33, 0x3d, 0x8f, 0xa1, 0x2f, 0x5f, 0xf3, 0x55, 0x16, 0x3e, 0x43,
	0xce, 0x22, 0x4e, 0x0b, 0x0e, 0x65, 0xff, 0x02, 0xac, 0x8e, 0x5c, 0x7b, 0xe0,
	0x94, 0x19, 0xc7, 0x85, 0xe0, 0xca, 0x54, 0x7d, 0x55, 0xa1, 0x2e, 0x2d, 0x20,
};
static const uint8_t point_n[CSN_POINT_LEN] = {
	0x04, 0xd8, 0xbb, 0xd6, 0xc6, 0x39, 0xc6, 0x29, 0x37, 0xb0, 0x4d, 0x99, 0x7f,
	0x38, 0xc3, 0x77, 0x07, 0x19, 0xc6, 0x29, 0xd7, 0x01, 0x4d, 0x49, 0xa2, 0x4b,
	0x4f, 0x98, 0xba, 0xa1, 0x29, 0x2b, 0x49, 0x07, 0xd6, 0x0a, 0xa6, 0xbf, 0xad,
	0xe4, 0x50, 0x08, 0xa6, 0x36, 0x33, 0x7f, 0x51, 0x68, 0xc6, 0x4d, 0x9b, 0xd3,
	0x60, 0x34, 0x80, 0x8c, 0xd5, 0x64, 0x49, 0x0b, 0x1e, 0x65, 0x6e, 0xdb, 0xe7,
};
static const char prover[] = "csgn1-station";

/* Lengths before the fields of RFC 9383 are 8 bytes, little endian. */
static void
put_le64(uint8_t p[8], uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

/* len || bytes at @at; the place after. */
static size_t
put_field(uint8_t *buf, size_t at, struct csn_bytes bytes)
{
	put_le64(buf + at, bytes.len);
	if (bytes.len > 0)
		memcpy(buf + at + 8, bytes.ptr, bytes.len);
	return at + 8 + bytes.len;
}

static bool
is_zero(const uint8_t scalar[32])
{
	static const uint8_t zeros[32];

	return csn_same_n(scalar, zeros, sizeof zeros);
}

int
csn_pake_scalars(const struct csn_crypto *c, struct csn_bytes pin,
                 const uint8_t did[16], unsigned cost, uint8_t ret_w0[32],
                 uint8_t ret_w1[32])
{
	uint8_t          password[3 * 8 + CSN_PIN_MAX + sizeof prover + CSN_ID_LEN];
	uint8_t          wide[80] = { 0 };
	struct csn_bytes id       = { did, CSN_ID_LEN };

	if (pin.len > CSN_PIN_MAX)
		return CSN_E_INVALID;
	size_t len = put_field(password, 0, pin);
	len        = put_field(password, len,
	                       (struct csn_bytes){ (const uint8_t *)prover, sizeof prover - 1 });
	len        = put_field(password, len, id);

	int r = c->scrypt(c->self, (struct csn_bytes){ password, len }, id, cost, wide,
	                  sizeof wide);
	if (r == CSN_OK)
		r = c->p256_reduce(c->self, (struct csn_bytes){ wide, 40 }, ret_w0);
	if (r == CSN_OK)
		r = c->p256_reduce(c->self, (struct csn_bytes){ wide + 40, 40 }, ret_w1);
	if (r == CSN_OK && (is_zero(ret_w0) || is_zero(ret_w1)))
		r = CSN_E_REFUSED;
	csn_wipe(wide, sizeof wide);
	csn_wipe(password, sizeof password);
	return r;
}

int
csn_pake_record(const struct csn_crypto *c, const uint8_t w1[32],
                uint8_t ret_l[CSN_POINT_LEN])
{
	return c->p256_mul(c->self, w1, NULL, ret_l);
}

int
csn_pake_random(const struct csn_crypto *c, uint8_t ret_scalar[32])
{
	uint8_t wide[48] = { 0 };
	int     r;

	/* 128 bits more than the order leave no bias; zero is drawn again. */
	do {
		r = c->random(c->self, wide, sizeof wide);
		if (r == CSN_OK)
			r = c->p256_reduce(c->self, CSN_BYTES_OF(wide), ret_scalar);
	} while (r == CSN_OK && is_zero(ret_scalar));
	csn_wipe(wide, sizeof wide);
	return r;
}

int
csn_pake_ids(const uint8_t did[16], const uint8_t t1[32], uint8_t buf[64],
             struct csn_pake_ids *ret_ids)
{
	struct csn_dcbor_out out;
	struct csn_bytes     context;

	csn_dcbor_out_init(&out, buf, 64);
	csn_dcbor_put_label(&out, "csgn1/pake", 1);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ t1, CSN_HASH_LEN });
	int r = csn_dcbor_out_end(&out, &context);
	if (r < 0)
		return r;
	ret_ids->context  = context;
	ret_ids->prover   = (struct csn_bytes){ (const uint8_t *)prover, sizeof prover - 1 };
	ret_ids->verifier = (struct csn_bytes){ did, CSN_ID_LEN };
	return CSN_OK;
}

/* scalar*P + w0*blind: what either side shows. */
static int
make_share(const struct csn_crypto *c, const uint8_t scalar[32], const uint8_t w0[32],
           const uint8_t blind[CSN_POINT_LEN], uint8_t ret_share[CSN_POINT_LEN])
{
	uint8_t a[CSN_POINT_LEN] = { 0 }, b[CSN_POINT_LEN] = { 0 };

	int r = c->p256_mul(c->self, scalar, NULL, a);
	if (r == CSN_OK)
		r = c->p256_mul(c->self, w0, blind, b);
	if (r == CSN_OK)
		r = c->p256_add(c->self, a, b, ret_share);
	csn_wipe(a, sizeof a);
	csn_wipe(b, sizeof b);
	return r;
}

/* share - w0*blind: CSN_E_PROTOCOL off the curve, CSN_E_REFUSED at infinity. */
static int
unblind(const struct csn_crypto *c, struct csn_bytes share, const uint8_t w0[32],
        const uint8_t blind[CSN_POINT_LEN], uint8_t ret_point[CSN_POINT_LEN])
{
	uint8_t b[CSN_POINT_LEN] = { 0 };

	if (c->point_valid(c->self, CSN_SUITE_P256, share) != CSN_OK)
		return CSN_E_PROTOCOL;
	int r = c->p256_mul(c->self, w0, blind, b);
	if (r == CSN_OK)
		r = c->p256_sub(c->self, share.ptr, b, ret_point);
	csn_wipe(b, sizeof b);
	return r;
}

/* Z, V and everything else that TT names. */
struct transcript {
	const struct csn_pake_ids *ids;
	struct csn_bytes           share_p, share_v;
	uint8_t                    z[CSN_POINT_LEN], v[CSN_POINT_LEN];
	const uint8_t             *w0;
};

#define TT_FIELDS 10

/* SHA-256 of TT: every field after its length. */
static int
hash_transcript(const struct csn_crypto *c, const struct transcript *t,
                uint8_t ret_main[32])
{
	const struct csn_bytes fields[TT_FIELDS] = {
		t->ids->context,       t->ids->prover,        t->ids->verifier,
		CSN_BYTES_OF(point_m), CSN_BYTES_OF(point_n), t->share_p,
		t->share_v,            CSN_BYTES_OF(t->z),    CSN_BYTES_OF(t->v),
		{ t->w0, 32 },
	};
	uint8_t          lengths[TT_FIELDS][8];
	struct csn_bytes parts[2 * TT_FIELDS];

	for (size_t i = 0; i < TT_FIELDS; i++) {
		put_le64(lengths[i], fields[i].len);
		parts[2 * i]     = CSN_BYTES_OF(lengths[i]);
		parts[2 * i + 1] = fields[i];
	}
	return c->sha256(c->self, parts, 2 * TT_FIELDS, ret_main);
}

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

/* The keys of section 3.4 from TT. */
static int
derive_keys(const struct csn_crypto *c, const struct transcript *t,
            struct csn_pake_keys *ret_keys)
{
	uint8_t          main_key[32] = { 0 }, confirm[64] = { 0 };
	struct csn_bytes ikm = CSN_BYTES_OF(main_key);

	int r = hash_transcript(c, t, main_key);
	if (r == CSN_OK)
		r = csn_kdf(c, CSN_BYTES_NONE, ikm, text("ConfirmationKeys"), confirm,
		            sizeof confirm);
	if (r == CSN_OK)
		r = csn_kdf(c, CSN_BYTES_NONE, ikm, text("SharedKey"), ret_keys->k_shared, 32);
	if (r == CSN_OK)
		r = c->hmac_sha256(c->self, (struct csn_bytes){ confirm, 32 }, &t->share_v, 1,
		                   ret_keys->confirm_p);
	if (r == CSN_OK)
		r = c->hmac_sha256(c->self, (struct csn_bytes){ confirm + 32, 32 }, &t->share_p,
		                   1, ret_keys->confirm_v);
	if (r < 0)
		csn_wipe(ret_keys, sizeof *ret_keys);
	csn_wipe(main_key, sizeof main_key);
	csn_wipe(confirm, sizeof confirm);
	return r;
}

int
csn_pake_share_p(const struct csn_crypto *c, const uint8_t w0[32], const uint8_t x[32],
                 uint8_t ret_share_p[CSN_POINT_LEN])
{
	return make_share(c, x, w0, point_m, ret_share_p);
}

int
csn_pake_prover(const struct csn_crypto *c, const struct csn_pake_ids *ids,
                const uint8_t w0[32], const uint8_t w1[32], const uint8_t x[32],
                const uint8_t share_p[CSN_POINT_LEN], struct csn_bytes share_v,
                struct csn_pake_keys *ret_keys)
{
	struct transcript t     = { ids, { share_p, CSN_POINT_LEN }, share_v, { 0 }, { 0 }, w0 };
	uint8_t y[CSN_POINT_LEN] = { 0 };

	int r = unblind(c, share_v, w0, point_n, y);
	if (r == CSN_OK)
		r = c->p256_mul(c->self, x, y, t.z);
	if (r == CSN_OK)
		r = c->p256_mul(c->self, w1, y, t.v);
	if (r == CSN_OK)
		r = derive_keys(c, &t, ret_keys);
	csn_wipe(y, sizeof y);
	csn_wipe(&t, sizeof t);
	return r;
}

int
csn_pake_verifier(const struct csn_crypto *c, const struct csn_pake_ids *ids,
                  const uint8_t w0[32], const uint8_t l[CSN_POINT_LEN],
                  const uint8_t y[32], struct csn_bytes share_p,
                  uint8_t ret_share_v[CSN_POINT_LEN], struct csn_pake_keys *ret_keys)
{
	struct transcript t      = { ids, share_p, { ret_share_v, CSN_POINT_LEN },
		                     { 0 }, { 0 }, w0 };
	uint8_t x[CSN_POINT_LEN] = { 0 };

	int r = unblind(c, share_p, w0, point_m, x);
	if (r == CSN_OK)
		r = make_share(c, y, w0, point_n, ret_share_v);
	if (r == CSN_OK)
		r = c->p256_mul(c->self, y, x, t.z);
	if (r == CSN_OK)
		r = c->p256_mul(c->self, y, l, t.v);
	if (r == CSN_OK)
		r = derive_keys(c, &t, ret_keys);
	csn_wipe(x, sizeof x);
	csn_wipe(&t, sizeof t);
	return r;
}
