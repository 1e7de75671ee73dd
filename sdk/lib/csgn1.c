#include "lib/csgn1.h"

const char *
csn_code_name(int code)
{
	switch (code) {
#define CASE(number, name) \
	case number:       \
		return #name;
		CSN_CODES(CASE)
#undef CASE
	default:
		return "?";
	}
}

size_t
csn_msg_max(unsigned msg)
{
	static const size_t max[] = {
		[CSN_M1] = CSN_M1_MAX,   [CSN_M2] = CSN_M2_LEN,   [CSN_M3] = CSN_MSG_MAX,
		[CSN_M0A] = CSN_MSG_MAX, [CSN_M0B] = CSN_M0B_MAX, [CSN_M4] = CSN_MSG_MAX,
		[CSN_M5] = CSN_M5_MAX,   [CSN_M8] = CSN_MSG_MAX,
	};

	return msg < sizeof max / sizeof *max ? max[msg] : 0;
}

bool
csn_mode_valid(uint64_t mode)
{
	return mode <= 4 || mode == CSN_MODE_PSK_PIN;
}

bool
csn_pin_valid(struct csn_bytes pin)
{
	if (pin.len < CSN_PIN_MIN || pin.len > CSN_PIN_MAX)
		return false;
	for (size_t i = 0; i < pin.len; i++)
		if (pin.ptr[i] < '0' || pin.ptr[i] > '9')
			return false;
	return true;
}

/* Opens a message of @arity members whose first is its number. */
static void
open_msg(struct csn_dcbor_in *in, struct csn_bytes bytes, unsigned msg, size_t arity)
{
	csn_dcbor_in_init(in, bytes);
	if (bytes.len > csn_msg_max(msg) || csn_dcbor_check(bytes) < 0)
		csn_dcbor_fail(in);
	csn_dcbor_array(in, arity, arity);
	if (csn_dcbor_uint(in, msg) != msg)
		csn_dcbor_fail(in);
}

static uint32_t
take_stamp(struct csn_dcbor_in *in)
{
	return (uint32_t)csn_dcbor_uint(in, UINT32_MAX);
}

/* cost = 0 / 8..17 */
static uint8_t
take_cost(struct csn_dcbor_in *in)
{
	uint64_t cost = csn_dcbor_uint(in, CSN_COST_MAX);

	if (cost != 0 && cost < CSN_COST_MIN)
		csn_dcbor_fail(in);
	return (uint8_t)cost;
}

static void
take_hdr(struct csn_dcbor_in *in, struct csn_hdr *hdr)
{
	csn_dcbor_array(in, 8, 8);
	csn_dcbor_uint(in, CSN_VERSION);
	hdr->suite = csn_dcbor_uint(in, UINT64_MAX);
	hdr->mode  = csn_dcbor_uint(in, UINT64_MAX);
	csn_dcbor_copy(in, hdr->sid, CSN_ID_LEN);
	csn_dcbor_copy(in, hdr->did, CSN_ID_LEN);
	hdr->has_idx = !csn_dcbor_null(in);
	if (hdr->has_idx)
		hdr->idx = (uint16_t)csn_dcbor_uint(in, UINT16_MAX);
	hdr->has_not_after = !csn_dcbor_null(in);
	if (hdr->has_not_after)
		hdr->not_after = take_stamp(in);
	csn_dcbor_copy(in, hdr->skid, CSN_ID_LEN);
}

/*
 * The version is judged before the rest is read: 101 when there is none to judge, 102
 * when it is another, else 0.  @nested: it begins an array of its own (M1), else it is
 * the second member (M0a).
 */
static int
check_version(struct csn_bytes bytes, unsigned msg, bool nested)
{
	struct csn_dcbor_in in;

	if (bytes.len > csn_msg_max(msg) || csn_dcbor_check(bytes) < 0)
		return CSN_CODE_OFFER_SYNTAX;
	csn_dcbor_in_init(&in, bytes);
	csn_dcbor_array(&in, 1, SIZE_MAX);
	if (csn_dcbor_uint(&in, msg) != msg)
		return CSN_CODE_OFFER_SYNTAX;
	if (nested)
		csn_dcbor_array(&in, 1, SIZE_MAX);
	uint64_t version = csn_dcbor_uint(&in, UINT64_MAX);
	if (in.bad)
		return CSN_CODE_OFFER_SYNTAX;
	return version == CSN_VERSION ? 0 : CSN_CODE_VERSION;
}

int
csn_m1_parse(struct csn_bytes bytes, struct csn_m1 *ret_m1)
{
	struct csn_dcbor_in in, at;
	struct csn_m1       m1 = { 0 };

	int r = check_version(bytes, CSN_M1, true);
	if (r != 0)
		return r;
	open_msg(&in, bytes, CSN_M1, 4);
	m1.hdr_raw = csn_dcbor_item(&in);
	csn_dcbor_in_init(&at, m1.hdr_raw);
	take_hdr(&at, &m1.hdr);
	m1.enc = csn_dcbor_bytes(&in, 0, CSN_PK_MAX);
	m1.ct  = csn_dcbor_bytes(&in, CSN_INNER_MIN, CSN_CT_MAX);
	if (csn_dcbor_in_end(&in) < 0 || csn_dcbor_in_end(&at) < 0 ||
	    (m1.enc.len != 0 && m1.enc.len != 32 && m1.enc.len != 65))
		return CSN_CODE_OFFER_SYNTAX;
	*ret_m1 = m1;
	return 0;
}

int
csn_m2_parse(struct csn_bytes bytes, struct csn_m2 *ret_m2)
{
	const uint8_t *p = bytes.ptr;

	if (bytes.len != CSN_M2_LEN || p[0] != CSN_M2)
		return CSN_CODE_BIND_SYNTAX;
	memcpy(ret_m2->sid4, p + 1, 4);
	memcpy(ret_m2->nu, p + 5, CSN_NU_LEN);
	ret_m2->ts = (uint32_t)p[21] << 24 | (uint32_t)p[22] << 16 | (uint32_t)p[23] << 8 |
	             p[24];
	memcpy(ret_m2->tag, p + 25, 16);
	return 0;
}

int
csn_m0a_parse(struct csn_bytes bytes, struct csn_m0a *ret_m0a)
{
	struct csn_dcbor_in in;
	struct csn_m0a      m0a = { 0 };

	int r = check_version(bytes, CSN_M0A, false);
	if (r != 0)
		return r;
	open_msg(&in, bytes, CSN_M0A, 4);
	csn_dcbor_uint(&in, CSN_VERSION);
	csn_dcbor_copy(&in, m0a.sid, CSN_ID_LEN);
	size_t n = csn_dcbor_map(&in, 1, 2);
	for (size_t i = 0; i < n && !in.bad; i++) {
		size_t suite = (size_t)csn_dcbor_uint(&in, CSN_SUITE_P256);
		if (suite == 0)
			csn_dcbor_fail(&in);
		csn_dcbor_copy(&in, m0a.skid[suite], CSN_ID_LEN);
		m0a.has_suite[suite] = true;
	}
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_OFFER_SYNTAX;
	*ret_m0a = m0a;
	return 0;
}

static void
take_hello(struct csn_dcbor_in *in, struct csn_hello *hello)
{
	csn_dcbor_array(in, 9, 9);
	if (csn_dcbor_uint(in, CSN_VERSION) != CSN_VERSION)
		csn_dcbor_fail(in);
	hello->suite = csn_dcbor_uint(in, CSN_SUITE_P256);
	csn_dcbor_copy(in, hello->sid, CSN_ID_LEN);
	csn_dcbor_copy(in, hello->skid, CSN_ID_LEN);
	csn_dcbor_copy(in, hello->did, CSN_ID_LEN);
	size_t len = csn_suite_pk_len(hello->suite);
	if (len == 0)
		csn_dcbor_fail(in);
	hello->e_d = csn_dcbor_bytes(in, len, len);
	csn_dcbor_copy(in, hello->nd, sizeof hello->nd);
	hello->cost = take_cost(in);
	csn_dcbor_copy(in, hello->evh, sizeof hello->evh);
}

static void
take_evidence(struct csn_dcbor_in *in, struct csn_m0b *m0b)
{
	m0b->evidence_len = csn_dcbor_array(in, 0, CSN_EVIDENCE_MAX);
	for (size_t i = 0; i < m0b->evidence_len && !in->bad; i++) {
		csn_dcbor_array(in, 2, 2);
		m0b->evidence[i].type  = csn_dcbor_text(in, 1, 255);
		m0b->evidence[i].value = csn_dcbor_bytes(in, 0, CSN_EVIDENCE_VALUE_MAX);
	}
}

int
csn_m0b_parse(struct csn_bytes bytes, struct csn_m0b *ret_m0b)
{
	struct csn_dcbor_in in, hello, evidence;
	struct csn_m0b      m0b = { 0 };

	open_msg(&in, bytes, CSN_M0B, 4);
	m0b.hello_raw    = csn_dcbor_item(&in);
	m0b.evidence_raw = csn_dcbor_item(&in);
	csn_cose_read(&in, &m0b.sig);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_HELLO_SYNTAX;
	csn_dcbor_in_init(&hello, m0b.hello_raw);
	take_hello(&hello, &m0b.hello);
	csn_dcbor_in_init(&evidence, m0b.evidence_raw);
	take_evidence(&evidence, &m0b);
	if (csn_dcbor_in_end(&hello) < 0 || csn_dcbor_in_end(&evidence) < 0)
		return CSN_CODE_HELLO_SYNTAX;
	*ret_m0b = m0b;
	return 0;
}

int
csn_m3_parse(struct csn_bytes bytes, struct csn_m3 *ret_m3)
{
	struct csn_dcbor_in in;
	struct csn_m3       m3 = { 0 };

	open_msg(&in, bytes, CSN_M3, 5);
	csn_dcbor_copy(&in, m3.sid, CSN_ID_LEN);
	m3.result = (unsigned)csn_dcbor_uint(&in, 1);
	csn_dcbor_copy(&in, m3.tag3, sizeof m3.tag3);
	m3.has_receipt = !csn_dcbor_null(&in);
	if (m3.has_receipt)
		csn_cose_read(&in, &m3.receipt);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_DONE_SYNTAX;
	*ret_m3 = m3;
	return 0;
}

int
csn_m4_parse(struct csn_bytes bytes, struct csn_m4 *ret_m4)
{
	struct csn_dcbor_in in;
	struct csn_m4       m4;

	open_msg(&in, bytes, CSN_M4, 4);
	csn_dcbor_copy(&in, m4.sid, CSN_ID_LEN);
	csn_dcbor_copy(&in, m4.share_v, sizeof m4.share_v);
	csn_dcbor_copy(&in, m4.confirm_v, sizeof m4.confirm_v);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_PAKE_REPLY_SYNTAX;
	*ret_m4 = m4;
	return 0;
}

int
csn_m5_parse(struct csn_bytes bytes, struct csn_m5 *ret_m5)
{
	struct csn_dcbor_in in;
	struct csn_m5       m5 = { 0 };

	open_msg(&in, bytes, CSN_M5, 6);
	csn_dcbor_copy(&in, m5.sid, CSN_ID_LEN);
	csn_dcbor_copy(&in, m5.confirm_p, sizeof m5.confirm_p);
	m5.inner = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	csn_dcbor_copy(&in, m5.com, sizeof m5.com);
	csn_cose_read(&in, &m5.sig);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_PAKE_SYNTAX;
	*ret_m5 = m5;
	return 0;
}

int
csn_m8_parse(struct csn_bytes bytes, struct csn_cose *ret_object)
{
	struct csn_dcbor_in in;
	struct csn_cose     object = { 0 };

	open_msg(&in, bytes, CSN_M8, 2);
	csn_cose_read(&in, &object);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_RELEASE;
	*ret_object = object;
	return 0;
}

int
csn_plain_parse(struct csn_bytes bytes, uint64_t mode, struct csn_plain *ret_plain)
{
	struct csn_dcbor_in in;
	struct csn_plain    plain = { 0 };

	csn_dcbor_in_init(&in, bytes);
	if (csn_dcbor_check(bytes) < 0)
		csn_dcbor_fail(&in);
	csn_dcbor_array(&in, 4, 4);
	plain.inner   = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	plain.has_com = !csn_dcbor_null(&in);
	if (plain.has_com)
		csn_dcbor_copy(&in, plain.com, sizeof plain.com);
	plain.has_voucher = !csn_dcbor_null(&in);
	if (plain.has_voucher)
		plain.voucher = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	csn_cose_read(&in, &plain.sig);

	bool pake = mode == CSN_MODE_PAKE;
	if (csn_dcbor_in_end(&in) < 0 || plain.has_com == pake ||
	    (pake && plain.inner.len != CSN_POINT_LEN))
		return CSN_CODE_PLAIN_SYNTAX;
	*ret_plain = plain;
	return 0;
}

/* Opens a payload ["csgn1/name", ...] of @arity members. */
static void
open_payload(struct csn_dcbor_in *in, struct csn_bytes bytes, const char *label,
             size_t arity)
{
	struct csn_bytes want = { (const uint8_t *)label, strlen(label) };

	csn_dcbor_in_init(in, bytes);
	if (csn_dcbor_check(bytes) < 0)
		csn_dcbor_fail(in);
	csn_dcbor_array(in, arity, arity);
	if (!csn_same(csn_dcbor_text(in, 0, 255), want))
		csn_dcbor_fail(in);
}

int
csn_manifest_parse(struct csn_bytes payload, struct csn_manifest *ret)
{
	struct csn_dcbor_in in;
	struct csn_manifest m = { 0 };

	open_payload(&in, payload, "csgn1/manifest", 9);
	m.suite = csn_dcbor_uint(&in, UINT64_MAX);
	csn_dcbor_copy(&in, m.did, CSN_ID_LEN);
	m.has_spki = !csn_dcbor_null(&in);
	if (m.has_spki)
		m.spki = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	m.first    = (uint16_t)csn_dcbor_uint(&in, UINT16_MAX);
	m.keys_len = csn_dcbor_array(&in, 1, CSN_KEYS_MAX);
	for (size_t i = 0; i < m.keys_len && !in.bad; i++)
		m.keys[i] = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	m.class_name = csn_dcbor_text(&in, 1, 255);
	m.cost       = take_cost(&in);
	m.issued     = take_stamp(&in);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_MANIFEST_SYNTAX;
	*ret = m;
	return 0;
}

int
csn_manifest_keys_check(const struct csn_manifest *manifest)
{
	size_t want = csn_suite_pk_len(manifest->suite);

	for (size_t i = 0; i < manifest->keys_len; i++)
		if (want == 0 || manifest->keys[i].len != want)
			return CSN_CODE_MANIFEST_SYNTAX;
	return manifest->keys_len > 0 ? 0 : CSN_CODE_MANIFEST_SYNTAX;
}

int
csn_voucher_parse(struct csn_bytes payload, struct csn_voucher *ret)
{
	struct csn_dcbor_in in;
	struct csn_voucher  v = { 0 };

	open_payload(&in, payload, "csgn1/voucher", 6);
	v.suite = csn_dcbor_uint(&in, UINT64_MAX);
	csn_dcbor_copy(&in, v.did, CSN_ID_LEN);
	v.owner  = csn_dcbor_bytes(&in, 0, SIZE_MAX);
	v.seq    = csn_dcbor_uint(&in, UINT64_MAX);
	v.issued = take_stamp(&in);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_VOUCHER;
	*ret = v;
	return 0;
}

int
csn_release_parse(struct csn_bytes payload, struct csn_release *ret)
{
	struct csn_dcbor_in in;
	struct csn_release  rel = { 0 };

	open_payload(&in, payload, "csgn1/release", 4);
	csn_dcbor_copy(&in, rel.did, CSN_ID_LEN);
	rel.counter = csn_dcbor_uint(&in, UINT64_MAX);
	rel.issued  = take_stamp(&in);
	if (csn_dcbor_in_end(&in) < 0)
		return CSN_CODE_RELEASE;
	*ret = rel;
	return 0;
}

int
csn_fw_payload_parse(struct csn_bytes payload, struct csn_fw_payload *ret)
{
	struct csn_dcbor_in   in;
	struct csn_fw_payload fw = { 0 };

	open_payload(&in, payload, "csgn1/firmware", 7);
	fw.class_name = csn_dcbor_text(&in, 1, 255);
	fw.version    = csn_dcbor_text(&in, 1, 255);
	fw.counter    = (uint32_t)csn_dcbor_uint(&in, UINT32_MAX);
	fw.length     = (uint32_t)csn_dcbor_uint(&in, UINT32_MAX);
	csn_dcbor_copy(&in, fw.digest, sizeof fw.digest);
	fw.issued = take_stamp(&in);
	if (csn_dcbor_in_end(&in) < 0 || fw.length == 0)
		return CSN_CODE_FW_SIG;
	*ret = fw;
	return 0;
}

int
csn_psk_record_parse(struct csn_bytes bytes, struct csn_psk_record *ret)
{
	struct csn_dcbor_in   in;
	struct csn_psk_record rec = { 0 };

	open_payload(&in, bytes, "csgn1/psk-record", 7);
	rec.suite = (unsigned)csn_dcbor_uint(&in, CSN_SUITE_P256);
	csn_dcbor_copy(&in, rec.did, CSN_ID_LEN);
	rec.class_name = csn_dcbor_text(&in, 1, 255);
	rec.cost       = take_cost(&in);
	rec.idx        = (uint16_t)csn_dcbor_uint(&in, UINT16_MAX);
	csn_dcbor_copy(&in, rec.seed, sizeof rec.seed);
	int r = csn_dcbor_in_end(&in);
	if (r == CSN_OK && rec.suite == 0)
		r = CSN_E_PROTOCOL;
	if (r == CSN_OK)
		*ret = rec;
	csn_wipe(&rec, sizeof rec);
	return r;
}
