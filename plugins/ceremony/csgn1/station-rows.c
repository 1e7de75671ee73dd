#include "station.h"

int
station_rungs_read(struct csn_bytes row, struct station_rungs *ret_rungs)
{
	struct station_rungs rungs = { 0 };
	struct csn_dcbor_in  in;

	if (csn_dcbor_check(row) < 0)
		return CSN_E_PROTOCOL;
	csn_dcbor_in_init(&in, row);
	csn_dcbor_array(&in, 3, 3);
	rungs.offered = !csn_dcbor_null(&in);
	if (rungs.offered)
		rungs.highest = (uint32_t)csn_dcbor_uint(&in, UINT16_MAX);
	rungs.confirmed_next = (uint32_t)csn_dcbor_uint(&in, UINT16_MAX + 1u);
	rungs.said_next = (uint32_t)csn_dcbor_uint(&in, UINT16_MAX + 1u);
	int r = csn_dcbor_in_end(&in);
	if (r == CSN_OK)
		*ret_rungs = rungs;
	return r;
}

static int
end_row(const struct csn_dcbor_out *out, size_t *ret_len)
{
	struct csn_bytes bytes;
	int              r = csn_dcbor_out_end(out, &bytes);

	if (r == CSN_OK)
		*ret_len = bytes.len;
	return r;
}

int
station_rungs_write(const struct station_rungs *rungs, uint8_t out[STATION_ROW_MAX],
                    size_t *ret_len)
{
	struct csn_dcbor_out row;

	csn_dcbor_out_init(&row, out, STATION_ROW_MAX);
	csn_dcbor_put_array(&row, 3);
	if (rungs->offered)
		csn_dcbor_put_uint(&row, rungs->highest);
	else
		csn_dcbor_put_null(&row);
	csn_dcbor_put_uint(&row, rungs->confirmed_next);
	csn_dcbor_put_uint(&row, rungs->said_next);
	return end_row(&row, ret_len);
}

uint32_t
station_rung(const struct station_rungs *rungs, uint32_t first)
{
	uint32_t next = rungs->confirmed_next > rungs->said_next ? rungs->confirmed_next :
	                                                           rungs->said_next;
	uint32_t idx = rungs->offered ? rungs->highest + 1 : next;

	if (idx < next)
		idx = next;
	if (idx > next + CSN_RUNG_WINDOW)
		idx = next + CSN_RUNG_WINDOW;
	/* A manifest cannot go below its first key; the device judges the distance. */
	return idx < first ? first : idx;
}

static void
put_idx(struct csn_dcbor_out *row, const struct station *s)
{
	if (s->has_idx)
		csn_dcbor_put_uint(row, s->idx);
	else
		csn_dcbor_put_null(row);
}

/* What an M3 with @result is judged by; null in both when there can be none. */
static int
put_expect(struct csn_dcbor_out *row, const struct station *s, unsigned result)
{
	bool    none = result == 0 && s->mode == CSN_MODE_PAKE && !s->has_m5;
	uint8_t t2[32] = { 0 }, kc[32] = { 0 };
	int     r = station_expect(s, result, t2, kc);

	csn_dcbor_put_hash(row, none ? NULL : t2, sizeof t2);
	csn_dcbor_put_hash(row, none ? NULL : kc, sizeof kc);
	csn_wipe(kc, sizeof kc);
	return r;
}

int
station_offer_row(const struct station *s, struct csn_bytes m1, uint8_t out[STATION_ROW_MAX],
                  size_t *ret_len)
{
	struct csn_dcbor_out row;
	uint8_t              m1_hash[32];
	int                  r = csn_sha256(s->crypto, m1, m1_hash);

	if (r < 0)
		return r;
	csn_dcbor_out_init(&row, out, STATION_ROW_MAX);
	csn_dcbor_put_array(&row, 12);
	csn_dcbor_put_hash(&row, s->did, sizeof s->did);
	put_idx(&row, s);
	csn_dcbor_put_hash(&row, s->sid, sizeof s->sid);
	csn_dcbor_put_hash(&row, m1_hash, sizeof m1_hash);
	csn_dcbor_put_uint(&row, s->mode);
	csn_dcbor_put_uint(&row, s->suite);
	csn_dcbor_put_hash(&row, s->t1, sizeof s->t1);
	r = put_expect(&row, s, 0);
	csn_dcbor_put_hash(&row, s->pk_len > 0 ? s->pk : NULL, s->pk_len);
	if (r == CSN_OK)
		r = put_expect(&row, s, 1);
	return r == CSN_OK ? end_row(&row, ret_len) : r;
}

/* Returns false when it is null. */
static bool
get_hash(struct csn_dcbor_in *in, uint8_t ret[32])
{
	if (csn_dcbor_null(in))
		return false;
	csn_dcbor_copy(in, ret, 32);
	return true;
}

int
station_offer_read(struct csn_bytes row, struct station *s)
{
	struct csn_dcbor_in in;
	struct csn_bytes    pk = CSN_BYTES_NONE;
	uint8_t             sid[16], m1_hash[32];

	if (csn_dcbor_check(row) < 0)
		return CSN_E_PROTOCOL;
	csn_dcbor_in_init(&in, row);
	csn_dcbor_array(&in, 12, 12);
	csn_dcbor_copy(&in, s->did, sizeof s->did);
	s->has_idx = !csn_dcbor_null(&in);
	if (s->has_idx)
		s->idx = (uint32_t)csn_dcbor_uint(&in, UINT16_MAX);
	csn_dcbor_copy(&in, sid, sizeof sid);
	csn_dcbor_copy(&in, m1_hash, sizeof m1_hash);
	s->mode = (uint32_t)csn_dcbor_uint(&in, 7);
	s->suite = (uint32_t)csn_dcbor_uint(&in, 2);
	csn_dcbor_copy(&in, s->t1, sizeof s->t1);
	bool t2 = get_hash(&in, s->want_t2[0]), kc = get_hash(&in, s->want_kc[0]);
	if (!csn_dcbor_null(&in))
		pk = csn_dcbor_bytes(&in, 1, sizeof s->pk);
	csn_dcbor_copy(&in, s->want_t2[1], sizeof s->want_t2[1]);
	csn_dcbor_copy(&in, s->want_kc[1], sizeof s->want_kc[1]);
	if (csn_dcbor_in_end(&in) < 0 || t2 != kc || (!t2 && s->mode != CSN_MODE_PAKE) ||
	    !csn_same_n(sid, s->sid, sizeof sid))
		return CSN_E_PROTOCOL;
	if (pk.len > 0)
		memcpy(s->pk, pk.ptr, pk.len);
	s->pk_len = pk.len;
	s->has_m5 = t2 && s->mode == CSN_MODE_PAKE;
	s->restored = true;
	return CSN_OK;
}

int
station_result_row(const struct station *s, const struct station_result *result,
                   uint8_t out[STATION_ROW_MAX], size_t *ret_len)
{
	struct csn_dcbor_out row;

	csn_dcbor_out_init(&row, out, STATION_ROW_MAX);
	csn_dcbor_put_array(&row, 7);
	csn_dcbor_put_uint(&row, result->outcome);
	csn_dcbor_put_uint(&row, result->code);
	csn_dcbor_put_hash(&row, s->did, sizeof s->did);
	put_idx(&row, s);
	csn_dcbor_put_item(&row, result->receipt);
	csn_dcbor_put_hash(&row, result->t2, 32);
	csn_dcbor_put_item(&row, result->checkpoint);
	return end_row(&row, ret_len);
}

static const struct {
	int         code;
	const char *text;
} texts[] = {
	{ CSN_CODE_MODE_POLICY, "the device takes no PIN" },
	{ CSN_CODE_BODY_SYNTAX, "the payload is not a body a device would take" },
	{ CSN_CODE_BODY_CRITICAL, "the payload has a member no device may skip" },
	{ CSN_CODE_BODY_WINDOW, "the payload's validity does not hold now" },
	{ CSN_CODE_BODY_REF, "the payload refers to something that is not in it" },
	{ CSN_CODE_MANIFEST_SYNTAX, "the file is not a device manifest or record" },
	{ CSN_CODE_MANIFEST_SIG, "the manifest's signature is wrong" },
	{ CSN_CODE_MANIFEST_CHAIN, "no maker pinned here vouches for the manifest" },
	{ CSN_CODE_MANIFEST_USAGE, "the manifest's signer may not sign manifests" },
	{ CSN_CODE_MANIFEST_DID, "the manifest's device id does not belong to its key" },
	{ CSN_CODE_NO_RUNG, "the manifest has no key left for this device" },
	{ CSN_CODE_MANIFEST_SUITE, "this station does not serve the device's suite" },
	{ CSN_CODE_DEVICE_BLOCKED, "the device is in quarantine here" },
	{ CSN_CODE_MANIFEST_COSE, "the manifest's signature has foreign headers" },
	{ CSN_CODE_HELLO_SYNTAX, "what came back is not a device's hello" },
	{ CSN_CODE_HELLO_SUITE, "the device answered for a suite not announced" },
	{ CSN_CODE_HELLO_SID, "the hello belongs to another session" },
	{ CSN_CODE_HELLO_SKID, "the hello is meant for another station" },
	{ CSN_CODE_HELLO_COSE, "the hello's signature has foreign headers" },
	{ CSN_CODE_HELLO_CHAIN, "no maker pinned here vouches for the device" },
	{ CSN_CODE_HELLO_USAGE, "the hello's signer is not a device" },
	{ CSN_CODE_HELLO_DID, "the device id does not belong to the device's key" },
	{ CSN_CODE_HELLO_SIG, "the hello's signature is wrong" },
	{ CSN_CODE_HELLO_EVIDENCE, "the evidence is not what the device signed" },
	{ CSN_CODE_HELLO_KEY, "the device's fresh key is not valid" },
	{ CSN_CODE_EVIDENCE, "the device's evidence does not satisfy" },
	{ CSN_CODE_PAKE_REPLY_SYNTAX, "what came back is not a PIN reply of this session" },
	{ CSN_CODE_PAKE_REPLY_SHARE, "the PIN reply holds an invalid share" },
	{ CSN_CODE_PIN_REFUSED, "the device has another PIN" },
	{ CSN_CODE_DONE_SYNTAX, "what came back is not a device's answer" },
	{ CSN_CODE_DONE_SID, "the answer belongs to another session" },
	{ CSN_CODE_DONE_TAG, "the answer was not made by the device of this session" },
	{ CSN_CODE_RECEIPT, "the device's receipt is missing or wrong" },
	{ CSN_CODE_DEVICE_REFUSED, "the device refused; its own log says why" },
	{ CSN_CODE_TIMEOUT, "nothing came back in time" },
};

const char *
station_text(int code)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "";
}
