#include "station.h"

#include "lib/cert.h"
#include "lib/cose.h"
#include "lib/hpke.h"
#include "lib/ladder.h"
#include "lib/spake2p.h"

static struct csn_offer_bind
bind_of(const struct station *s)
{
	return (struct csn_offer_bind){ .suite = s->suite,
		                        .hh = s->hh,
		                        .enc = { s->enc, s->enc_len },
		                        .nu = s->nu };
}

int
station_own(struct station *s, struct csn_bytes leaf)
{
	struct csn_cert cert;

	if (csn_cert_parse(leaf, s->suite, &cert) < 0 || cert.pk.len > sizeof s->leaf_pk)
		return CSN_E_PROTOCOL;
	if ((cert.roles & CSN_ROLE_STATION) == 0)
		return CSN_E_REFUSED;
	int r = csn_sha256(s->crypto, leaf, s->leaf_hash);
	if (r < 0)
		return r;
	memcpy(s->skid, s->leaf_hash, sizeof s->skid);
	memcpy(s->leaf_pk, cert.pk.ptr, cert.pk.len);
	s->leaf_pk_len = cert.pk.len;
	return CSN_OK;
}

int
station_psk(const struct csn_crypto *crypto, const struct station_device *device,
            uint32_t idx, uint8_t ret_psk[32])
{
	uint8_t seed[CSN_SEED_LEN];

	if (idx < device->first || idx > UINT16_MAX)
		return CSN_E_INVALID;
	int r = csn_ladder_forward(crypto, device->seed, idx - device->first, seed);
	if (r == CSN_OK)
		r = csn_ladder_psk(crypto, seed, ret_psk);
	csn_wipe(seed, sizeof seed);
	return r;
}

static int
write_hdr(struct station *s)
{
	struct csn_hdr hdr = {
		.suite = s->suite,
		.mode = s->mode,
		.has_idx = s->has_idx,
		.idx = (uint16_t)s->idx,
		.has_not_after = s->has_not_after,
		.not_after = s->not_after,
	};
	struct csn_dcbor_out out;
	struct csn_bytes     bytes;

	memcpy(hdr.sid, s->sid, sizeof hdr.sid);
	memcpy(hdr.did, s->did, sizeof hdr.did);
	memcpy(hdr.skid, s->skid, sizeof hdr.skid);
	csn_dcbor_out_init(&out, s->hdr, sizeof s->hdr);
	csn_hdr_put(&out, &hdr);
	int r = csn_dcbor_out_end(&out, &bytes);
	s->hdr_len = r == CSN_OK ? bytes.len : 0;
	return r;
}

static int
derive_keys(struct station *s, struct csn_bytes r, const uint8_t secret[32])
{
	struct csn_hpke ctx;

	if ((s->mode & CSN_MODE_PSK) != 0) {
		s->enc_len = 0;
		return csn_offer_keys_psk(s->crypto, s->hh, secret, &s->keys);
	}
	int e = csn_hpke_setup_sender(s->crypto, s->suite, r, CSN_BYTES_OF(s->hh),
	                              (struct csn_bytes){ secret, 32 }, s->enc, &ctx);
	if (e == CSN_OK)
		e = csn_offer_keys_hpke(s->crypto, &ctx, &s->keys);
	csn_hpke_done(&ctx);
	s->enc_len = csn_suite_pk_len(s->suite);
	return e;
}

int
station_open(struct station *s, struct csn_bytes r, struct csn_bytes hello,
             const uint8_t secret[32])
{
	if (!csn_mode_valid(s->mode) || csn_suite_pk_len(s->suite) == 0 ||
	    s->has_idx == ((s->mode & CSN_MODE_TWO_WAY) != 0) || s->idx > UINT16_MAX)
		return CSN_E_INVALID;
	int e = write_hdr(s);
	if (e == CSN_OK)
		e = csn_offer_hh(s->crypto, (struct csn_bytes){ s->hdr, s->hdr_len }, r, hello,
		                 s->hh);
	if (e == CSN_OK)
		e = derive_keys(s, r, secret);
	if (e < 0)
		return e;
	const struct csn_offer_bind bind = bind_of(s);
	return csn_offer_k0(s->crypto, &bind, s->keys.x, s->k0);
}

int
station_pin(struct station *s, struct csn_bytes pin)
{
	if (!csn_pin_valid(pin) || s->cost < CSN_COST_MIN || s->cost > CSN_COST_MAX)
		return CSN_E_INVALID;
	return csn_offer_pin_part(s->crypto, pin, s->hh, s->cost, s->pin_part);
}

int
station_pake_start(struct station *s, struct csn_bytes pin, const uint8_t scalar[32])
{
	if (!csn_pin_valid(pin) || s->cost < CSN_COST_MIN || s->cost > CSN_COST_MAX)
		return CSN_E_INVALID;
	int r = csn_pake_scalars(s->crypto, pin, s->did, s->cost, s->w0, s->w1);
	if (r < 0)
		return r;
	memcpy(s->pake_x, scalar, sizeof s->pake_x);
	return csn_pake_share_p(s->crypto, s->w0, s->pake_x, s->share_p);
}

/* The window around @ts, kept within a stamp. */
static void
put_window(struct csn_dcbor_out *out, uint32_t ts, uint32_t before_s, uint32_t after_s)
{
	csn_dcbor_put_array(out, 2);
	csn_dcbor_put_uint(out, ts > before_s ? ts - before_s : 0);
	csn_dcbor_put_uint(out, UINT32_MAX - ts > after_s ? ts + after_s : UINT32_MAX);
}

static void
put_device(struct csn_dcbor_out *out, const struct station *s,
           const struct station_frame *frame)
{
	csn_dcbor_put_map(out, frame->lifetime_s != 0 ? 4 : 3);
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_hash(out, s->did, sizeof s->did);
	csn_dcbor_put_uint(out, 2);
	put_window(out, s->ts, frame->early_s, frame->window_s);
	if (frame->lifetime_s != 0) {
		csn_dcbor_put_uint(out, 3);
		csn_dcbor_put_uint(out, frame->lifetime_s);
	}
	csn_dcbor_put_uint(out, 4);
	csn_dcbor_put_hash(out, frame->maker, 32);
}

static void
put_session(struct csn_dcbor_out *out, const struct station *s,
            const struct station_frame *frame)
{
	csn_dcbor_put_map(out, 3u + (frame->checkpoint.len > 0) + (frame->operator_name != NULL));
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_hash(out, s->sid, sizeof s->sid);
	csn_dcbor_put_uint(out, 2);
	put_window(out, s->ts, frame->session_s, frame->session_s);
	csn_dcbor_put_uint(out, 3);
	csn_dcbor_put_hash(out, frame->maker, 32);
	if (frame->checkpoint.len > 0) {
		csn_dcbor_put_uint(out, 4);
		csn_dcbor_put_item(out, frame->checkpoint);
	}
	if (frame->operator_name != NULL) {
		csn_dcbor_put_uint(out, 5);
		csn_dcbor_put_text(out, frame->operator_name);
	}
}

int
station_body(const struct station *s, const struct station_frame *frame,
             struct csn_bytes record, uint8_t *out, size_t room, size_t *ret_len,
             struct csn_body_place *ret_place)
{
	uint8_t              device_buf[128], session_buf[512];
	struct csn_dcbor_out device_out, session_out, body_out;
	struct csn_bytes     device, session, body;

	csn_dcbor_out_init(&device_out, device_buf, sizeof device_buf);
	put_device(&device_out, s, frame);
	csn_dcbor_out_init(&session_out, session_buf, sizeof session_buf);
	put_session(&session_out, s, frame);
	csn_dcbor_out_init(&body_out, out, room);
	int r = csn_dcbor_out_end(&device_out, &device);
	if (r == CSN_OK)
		r = csn_dcbor_out_end(&session_out, &session);
	if (r < 0)
		return r;
	if (csn_dcbor_check(record) < 0)
		return CSN_CODE_BODY_SYNTAX;
	r = csn_body_join(&body_out, record, device, session);
	if (r == CSN_E_PROTOCOL)
		return CSN_CODE_BODY_SYNTAX;
	if (r == CSN_OK)
		r = csn_dcbor_out_end(&body_out, &body);
	if (r < 0)
		return r;
	const struct csn_body_want want = {
		.suite = s->suite,
		.did = s->did,
		.sid = s->sid,
		.maker_hash = frame->maker,
		.ts = s->ts,
	};
	*ret_len = body.len;
	return csn_body_check(body, &want, ret_place);
}

/* s1 and what hangs from it: com, and the sealed body in s->inner. */
static int
seal_inner(struct station *s, struct csn_bytes body)
{
	const struct csn_offer_bind bind = bind_of(s);
	uint8_t s1[32], k1[CSN_AEAD_KEY_MAX];

	if (body.len == 0 || body.len > sizeof s->inner - CSN_TAG_LEN)
		return CSN_E_TOO_BIG;
	int r = csn_offer_s1(s->crypto, &bind, s->keys.x, s->pin_part, s1);
	if (r == CSN_OK)
		r = csn_offer_k1(s->crypto, s->suite, s1, k1);
	if (r == CSN_OK)
		r = csn_offer_com(s->crypto, s1, s->com);
	if (r == CSN_OK)
		r = csn_offer_seal(s->crypto, s->suite, k1, s->hh, body, s->inner);
	s->inner_len = body.len + CSN_TAG_LEN;
	csn_wipe(s1, sizeof s1);
	csn_wipe(k1, sizeof k1);
	return r;
}

/* The payload signed for M1, and for M5. */
static int
statement(const struct station *s, bool second, uint8_t buf[CSN_L_MAX],
          struct csn_bytes *ret_stmt)
{
	const struct csn_offer_bind bind = bind_of(s);
	struct csn_dcbor_out        out;
	uint8_t                     hash[32];
	int r = csn_sha256(s->crypto, (struct csn_bytes){ s->inner, s->inner_len }, hash);

	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, buf, CSN_L_MAX);
	if (second)
		csn_offer_put_stmt5(&out, s->t1, s->share_p, s->share_v, hash, s->com);
	else
		csn_offer_put_stmt(&out, &bind, s->ts, hash,
		                   s->mode == CSN_MODE_PAKE ? NULL : s->com, s->leaf_hash);
	return csn_dcbor_out_end(&out, ret_stmt);
}

static int
put_to_sign(const struct station *s, bool second, uint8_t *buf, size_t room, size_t *ret_len)
{
	uint8_t              stmt_buf[CSN_L_MAX];
	struct csn_dcbor_out out;
	struct csn_bytes     stmt, bytes;
	int                  r = statement(s, second, stmt_buf, &stmt);

	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, buf, room);
	csn_cose_put_to_sign(&out, s->suite, stmt);
	r = csn_dcbor_out_end(&out, &bytes);
	if (r == CSN_OK)
		*ret_len = bytes.len;
	return r;
}

/* Wraps the signature, and refuses one that our own leaf key does not verify. */
static int
wrap_sig(const struct station *s, bool second, const uint8_t sig[CSN_SIG_LEN],
         const struct csn_bytes *chain, size_t chain_len, uint8_t *buf, size_t room,
         struct csn_bytes *ret_item)
{
	uint8_t              stmt_buf[CSN_L_MAX];
	struct csn_dcbor_out out;
	struct csn_cose      cose;
	struct csn_bytes     stmt;

	csn_dcbor_out_init(&out, buf, room);
	csn_cose_put(&out, s->suite, chain, chain_len, CSN_BYTES_NONE, sig);
	int r = csn_dcbor_out_end(&out, ret_item);
	if (r == CSN_OK)
		r = statement(s, second, stmt_buf, &stmt);
	if (r == CSN_OK)
		r = csn_cose_parse(*ret_item, &cose);
	if (r == CSN_OK)
		r = csn_cose_verify(s->crypto, &cose, s->suite,
		                    (struct csn_bytes){ s->leaf_pk, s->leaf_pk_len }, stmt);
	return r;
}

int
station_offer_statement(struct station *s, struct csn_bytes body, uint8_t *out, size_t room,
                        size_t *ret_len)
{
	int r = CSN_OK;

	if (s->mode == CSN_MODE_PAKE) {
		memcpy(s->inner, s->share_p, sizeof s->share_p);
		s->inner_len = sizeof s->share_p;
	} else {
		r = seal_inner(s, body);
	}
	return r < 0 ? r : put_to_sign(s, false, out, room, ret_len);
}

/* plain and ct, in the buffers of @s. */
static int
seal_plain(struct station *s, struct csn_bytes voucher, struct csn_bytes *ret_ct)
{
	struct csn_dcbor_out out;
	struct csn_bytes     plain;

	csn_dcbor_out_init(&out, s->plain, sizeof s->plain - CSN_TAG_LEN);
	csn_plain_put(&out, (struct csn_bytes){ s->inner, s->inner_len },
	              s->mode == CSN_MODE_PAKE ? NULL : s->com, voucher,
	              (struct csn_bytes){ s->sig, s->sig_len });
	int r = csn_dcbor_out_end(&out, &plain);
	if (r < 0)
		return r;
	*ret_ct = (struct csn_bytes){ s->ct, plain.len + CSN_TAG_LEN };
	return csn_offer_seal(s->crypto, s->suite, s->k0, s->hh, plain, s->ct);
}

int
station_offer(struct station *s, const uint8_t sig[CSN_SIG_LEN], const struct csn_bytes *chain,
              size_t chain_len, struct csn_bytes voucher, uint8_t *m1, size_t room,
              size_t *ret_m1_len, uint8_t m2[CSN_M2_LEN])
{
	const struct csn_bytes enc = { s->enc, s->enc_len };
	struct csn_bytes       item, ct, bytes;
	struct csn_dcbor_out   out;
	struct csn_m2          bind = { .ts = s->ts };

	int r = wrap_sig(s, false, sig, chain, chain_len, s->sig, sizeof s->sig, &item);
	if (r < 0)
		return r;
	s->sig_len = item.len;
	r = seal_plain(s, voucher, &ct);
	if (r == CSN_OK)
		r = csn_offer_t1(s->crypto, s->hh, enc, ct, s->t1);
	if (r == CSN_OK)
		r = csn_offer_tag(s->crypto, s->keys.ku, s->t1, s->nu, s->ts, bind.tag);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, m1, room);
	csn_m1_put(&out, (struct csn_bytes){ s->hdr, s->hdr_len }, enc, ct);
	r = csn_dcbor_out_end(&out, &bytes);
	if (r < 0)
		return r;
	memcpy(bind.sid4, s->sid, sizeof bind.sid4);
	memcpy(bind.nu, s->nu, sizeof bind.nu);
	csn_m2_make(&bind, m2);
	*ret_m1_len = bytes.len;
	return CSN_OK;
}

int
station_inner_statement(struct station *s, struct csn_bytes body, uint8_t *out, size_t room,
                        size_t *ret_len)
{
	int r = seal_inner(s, body);

	return r < 0 ? r : put_to_sign(s, true, out, room, ret_len);
}

int
station_inner(struct station *s, const uint8_t sig[CSN_SIG_LEN], uint8_t *m5, size_t room,
              size_t *ret_len)
{
	uint8_t              item_buf[128];
	struct csn_bytes     item, bytes;
	struct csn_dcbor_out out;

	int r = wrap_sig(s, true, sig, NULL, 0, item_buf, sizeof item_buf, &item);
	if (r < 0)
		return r;
	csn_dcbor_out_init(&out, m5, room);
	csn_m5_put(&out, s->sid, s->confirm_p, (struct csn_bytes){ s->inner, s->inner_len },
	           s->com, item);
	r = csn_dcbor_out_end(&out, &bytes);
	if (r == CSN_OK)
		r = csn_sha256(s->crypto, bytes, s->m5h);
	if (r < 0)
		return r;
	s->has_m5 = true;
	*ret_len = bytes.len;
	return CSN_OK;
}
