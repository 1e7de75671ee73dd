#include "lib/csgn1.h"

static void
put_id(struct csn_dcbor_out *out, const uint8_t id[CSN_ID_LEN])
{
	csn_dcbor_put_bytes(out, (struct csn_bytes){ id, CSN_ID_LEN });
}

static void
put_hash(struct csn_dcbor_out *out, const uint8_t hash[CSN_HASH_LEN])
{
	csn_dcbor_put_bytes(out, (struct csn_bytes){ hash, CSN_HASH_LEN });
}

static void
put_msg(struct csn_dcbor_out *out, unsigned msg, size_t arity)
{
	csn_dcbor_put_array(out, arity);
	csn_dcbor_put_uint(out, msg);
}

void
csn_hdr_put(struct csn_dcbor_out *out, const struct csn_hdr *hdr)
{
	csn_dcbor_put_array(out, 8);
	csn_dcbor_put_uint(out, CSN_VERSION);
	csn_dcbor_put_uint(out, hdr->suite);
	csn_dcbor_put_uint(out, hdr->mode);
	put_id(out, hdr->sid);
	put_id(out, hdr->did);
	if (hdr->has_idx)
		csn_dcbor_put_uint(out, hdr->idx);
	else
		csn_dcbor_put_null(out);
	if (hdr->has_not_after)
		csn_dcbor_put_uint(out, hdr->not_after);
	else
		csn_dcbor_put_null(out);
	put_id(out, hdr->skid);
}

void
csn_m1_put(struct csn_dcbor_out *out, struct csn_bytes hdr_raw, struct csn_bytes enc,
           struct csn_bytes ct)
{
	put_msg(out, CSN_M1, 4);
	csn_dcbor_put_item(out, hdr_raw);
	csn_dcbor_put_bytes(out, enc);
	csn_dcbor_put_bytes(out, ct);
}

void
csn_m2_make(const struct csn_m2 *m2, uint8_t ret_m2[CSN_M2_LEN])
{
	ret_m2[0] = CSN_M2;
	memcpy(ret_m2 + 1, m2->sid4, 4);
	memcpy(ret_m2 + 5, m2->nu, CSN_NU_LEN);
	for (unsigned i = 0; i < 4; i++)
		ret_m2[21 + i] = (uint8_t)(m2->ts >> (24 - 8 * i));
	memcpy(ret_m2 + 25, m2->tag, 16);
}

void
csn_m0a_put(struct csn_dcbor_out *out, const struct csn_m0a *m0a)
{
	put_msg(out, CSN_M0A, 4);
	csn_dcbor_put_uint(out, CSN_VERSION);
	put_id(out, m0a->sid);
	csn_dcbor_put_map(out, (size_t)m0a->has_suite[1] + m0a->has_suite[2]);
	for (unsigned suite = 1; suite <= 2; suite++) {
		if (!m0a->has_suite[suite])
			continue;
		csn_dcbor_put_uint(out, suite);
		put_id(out, m0a->skid[suite]);
	}
}

void
csn_hello_put(struct csn_dcbor_out *out, const struct csn_hello *hello)
{
	csn_dcbor_put_array(out, 9);
	csn_dcbor_put_uint(out, CSN_VERSION);
	csn_dcbor_put_uint(out, hello->suite);
	put_id(out, hello->sid);
	put_id(out, hello->skid);
	put_id(out, hello->did);
	csn_dcbor_put_bytes(out, hello->e_d);
	csn_dcbor_put_bytes(out, CSN_BYTES_OF(hello->nd));
	csn_dcbor_put_uint(out, hello->cost);
	put_hash(out, hello->evh);
}

void
csn_evidence_put(struct csn_dcbor_out *out, const struct csn_evid *items, size_t n)
{
	csn_dcbor_put_array(out, n);
	for (size_t i = 0; i < n; i++) {
		csn_dcbor_put_array(out, 2);
		csn_dcbor_put_text_n(out, items[i].type);
		csn_dcbor_put_bytes(out, items[i].value);
	}
}

void
csn_m0b_put(struct csn_dcbor_out *out, struct csn_bytes hello_raw,
            struct csn_bytes evidence_raw, struct csn_bytes sig)
{
	put_msg(out, CSN_M0B, 4);
	csn_dcbor_put_item(out, hello_raw);
	csn_dcbor_put_item(out, evidence_raw);
	csn_dcbor_put_item(out, sig);
}

void
csn_m3_put(struct csn_dcbor_out *out, const uint8_t sid[16], unsigned result,
           const uint8_t tag3[16], struct csn_bytes receipt)
{
	put_msg(out, CSN_M3, 5);
	put_id(out, sid);
	csn_dcbor_put_uint(out, result);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ tag3, 16 });
	csn_dcbor_put_item(out, receipt);
}

void
csn_m4_put(struct csn_dcbor_out *out, const struct csn_m4 *m4)
{
	put_msg(out, CSN_M4, 4);
	put_id(out, m4->sid);
	csn_dcbor_put_bytes(out, CSN_BYTES_OF(m4->share_v));
	put_hash(out, m4->confirm_v);
}

void
csn_m5_put(struct csn_dcbor_out *out, const uint8_t sid[16],
           const uint8_t confirm_p[32], struct csn_bytes inner, const uint8_t com[32],
           struct csn_bytes sig)
{
	put_msg(out, CSN_M5, 6);
	put_id(out, sid);
	put_hash(out, confirm_p);
	csn_dcbor_put_bytes(out, inner);
	put_hash(out, com);
	csn_dcbor_put_item(out, sig);
}

void
csn_m8_put(struct csn_dcbor_out *out, struct csn_bytes object)
{
	put_msg(out, CSN_M8, 2);
	csn_dcbor_put_item(out, object);
}

void
csn_plain_put(struct csn_dcbor_out *out, struct csn_bytes inner, const uint8_t *com,
              struct csn_bytes voucher, struct csn_bytes sig)
{
	csn_dcbor_put_array(out, 4);
	csn_dcbor_put_bytes(out, inner);
	csn_dcbor_put_hash(out, com, CSN_HASH_LEN);
	if (voucher.len == 0)
		csn_dcbor_put_null(out);
	else
		csn_dcbor_put_bytes(out, voucher);
	csn_dcbor_put_item(out, sig);
}

void
csn_manifest_put(struct csn_dcbor_out *out, const struct csn_manifest *manifest)
{
	csn_dcbor_put_label(out, "csgn1/manifest", 8);
	csn_dcbor_put_uint(out, manifest->suite);
	put_id(out, manifest->did);
	if (manifest->spki.len == 0)
		csn_dcbor_put_null(out);
	else
		csn_dcbor_put_bytes(out, manifest->spki);
	csn_dcbor_put_uint(out, manifest->first);
	csn_dcbor_put_array(out, manifest->keys_len);
	for (size_t i = 0; i < manifest->keys_len; i++)
		csn_dcbor_put_bytes(out, manifest->keys[i]);
	csn_dcbor_put_text_n(out, manifest->class_name);
	csn_dcbor_put_uint(out, manifest->cost);
	csn_dcbor_put_uint(out, manifest->issued);
}

void
csn_release_put(struct csn_dcbor_out *out, const struct csn_release *release)
{
	csn_dcbor_put_label(out, "csgn1/release", 3);
	put_id(out, release->did);
	csn_dcbor_put_uint(out, release->counter);
	csn_dcbor_put_uint(out, release->issued);
}

void
csn_psk_record_put(struct csn_dcbor_out *out, const struct csn_psk_record *rec)
{
	csn_dcbor_put_label(out, "csgn1/psk-record", 6);
	csn_dcbor_put_uint(out, rec->suite);
	put_id(out, rec->did);
	csn_dcbor_put_text_n(out, rec->class_name);
	csn_dcbor_put_uint(out, rec->cost);
	csn_dcbor_put_uint(out, rec->idx);
	csn_dcbor_put_bytes(out, CSN_BYTES_OF(rec->seed));
}
