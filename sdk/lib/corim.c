#include "lib/corim.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "lib/cose-any.h"
#include "lib/crypto.h"

enum {
	TAG_RIM_CHOICE = 500, TAG_RIM = 501, TAG_SIGNED = 502, TAG_COSWID = 505, TAG_COMID = 506,
	TAG_COTL = 508, TAG_EVIDENCE = 571, TAG_URI = 32, TAG_EPOCH = 1, TAG_MASKED = 563,
};

struct reader {
	struct csn_corim *corim;
	const char      **why;
	bool              nomem;
};

static int
refuse(const char **ret_why, int code, const char *why)
{
	*ret_why = why;
	return code;
}

static bool
bad(struct reader *r, const char *why)
{
	*r->why = why;
	return false;
}

/* Keys from 0 to @max that @known has a bit for, and negative ones, which are extensions. */
static bool
keys_known(struct csn_bytes map, uint64_t known)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, map);
	if (csn_dcbor_peek(&in) != CSN_DCBOR_MAP)
		return false;
	size_t pairs = csn_dcbor_map(&in, 1, CSN_SCBOR_PAIRS_MAX);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		int64_t key = csn_dcbor_int(&in);
		csn_scbor_item(&in);
		if (in.bad || key > 63 || (key >= 0 && (known & (uint64_t)1 << key) == 0))
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* A tagged string, or a bare one under tag NONE; anything else keeps its encoding. */
static bool
take_value(struct csn_bytes item, struct csn_corim_value *ret_value)
{
	struct csn_dcbor_in    in;
	struct csn_corim_value value = { CSN_TAG_NONE, CSN_BYTES_NONE };
	struct csn_bytes       rest, text;

	if (item.len == 0) {
		*ret_value = value;
		return true;
	}
	csn_dcbor_in_init(&in, item);
	csn_scbor_tag(&in, &value.tag);
	rest = csn_scbor_item(&in);
	if (csn_dcbor_in_end(&in) < 0)
		return false;
	if (!csn_scbor_as_bytes(rest, &value.bytes))
		value.bytes = csn_scbor_as_text(rest, &text) ? text : rest;
	*ret_value = value;
	return true;
}

/* What each tag of an identifier holds. */
static bool
value_good(const struct csn_corim_value *value)
{
	switch (value->tag) {
	case CSN_TAG_NONE:
		return value->bytes.len == 0;
	case CSN_TAG_UUID:
		return value->bytes.len == 16;
	case CSN_TAG_UEID:
		return value->bytes.len >= 7 && value->bytes.len <= 33;
	default:
		return value->bytes.len > 0;
	}
}

static bool
take_id(struct csn_bytes map, int64_t label, struct csn_corim_value *ret_value)
{
	return take_value(csn_scbor_find(map, label), ret_value) && value_good(ret_value);
}

static bool
take_text(struct csn_bytes map, int64_t label, struct csn_bytes *ret_text)
{
	struct csn_bytes item = csn_scbor_find(map, label);

	return item.len == 0 || csn_scbor_as_text(item, ret_text);
}

static bool
take_number(struct csn_bytes map, int64_t label, bool *ret_has, uint64_t *ret_number)
{
	struct csn_bytes item = csn_scbor_find(map, label);
	int64_t          number;

	*ret_has = item.len != 0;
	if (!*ret_has)
		return true;
	if (!csn_scbor_as_int(item, &number) || number < 0)
		return false;
	*ret_number = (uint64_t)number;
	return true;
}

static bool
take_env(struct csn_bytes map, struct csn_corim_env *ret_env)
{
	struct csn_corim_env env = { 0 };
	struct csn_bytes     class = csn_scbor_find(map, 0);

	if (!keys_known(map, 0x7) || !take_id(map, 1, &env.instance) ||
	    !take_id(map, 2, &env.group))
		return false;
	env.has_class = class.len != 0;
	if (env.has_class &&
	    (!keys_known(class, 0x1f) || !take_id(class, 0, &env.class_id) ||
	     !take_text(class, 1, &env.vendor) || !take_text(class, 2, &env.model) ||
	     !take_number(class, 3, &env.has_layer, &env.layer) ||
	     !take_number(class, 4, &env.has_index, &env.index)))
		return false;
	*ret_env = env;
	return true;
}

static bool
digests_good(struct csn_bytes mval)
{
	struct csn_bytes digest, item = csn_scbor_find(mval, 2);
	struct csn_dcbor_in in;
	uint64_t         alg;

	if (item.len == 0)
		return true;
	csn_dcbor_in_init(&in, item);
	size_t n = csn_dcbor_array(&in, 1, CSN_CORIM_DIGESTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!csn_corim_digest(mval, i, &alg, &digest))
			return false;
	return !in.bad;
}

static bool
flags_good(struct csn_bytes flags)
{
	struct csn_dcbor_in in;

	if (flags.len == 0)
		return true;
	csn_dcbor_in_init(&in, flags);
	size_t pairs = csn_dcbor_map(&in, 1, 32);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		csn_dcbor_int(&in);
		csn_dcbor_bool(&in);
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* measurement-values-map: 0 to 11, 13, 14, 15. */
static bool
mval_good(struct csn_bytes mval)
{
	struct csn_bytes svn = csn_scbor_find(mval, 1), raw = csn_scbor_find(mval, 4), bytes;
	bool             min;
	uint64_t         number;

	return keys_known(mval, 0xefff) && digests_good(mval) &&
	       flags_good(csn_scbor_find(mval, 3)) &&
	       (svn.len == 0 || csn_corim_svn(mval, &min, &number)) &&
	       (raw.len == 0 || csn_corim_raw(mval, &bytes));
}

static struct csn_corim_triple *
next_triple(struct reader *r, enum csn_corim_kind kind, const struct csn_corim_env *env)
{
	struct csn_corim *corim = r->corim;

	if (corim->count == CSN_CORIM_TRIPLES_MAX)
		return NULL;
	if (corim->count == corim->room) {
		size_t room = corim->room == 0 ? 16 : 2 * corim->room;
		struct csn_corim_triple *more = realloc(corim->triples, room * sizeof *more);
		if (more == NULL) {
			r->nomem = true;
			return NULL;
		}
		corim->triples = more;
		corim->room = room;
	}
	struct csn_corim_triple *triple = &corim->triples[corim->count++];
	*triple = (struct csn_corim_triple){ .kind = kind, .group = corim->groups, .env = *env };
	return triple;
}

/* [environment, [+ measurement]] */
static bool
take_measurements(struct reader *r, struct csn_bytes item, enum csn_corim_kind kind)
{
	struct csn_dcbor_in  in, list;
	struct csn_corim_env env;

	csn_dcbor_in_init(&in, item);
	csn_dcbor_array(&in, 2, 2);
	struct csn_bytes env_item = csn_scbor_item(&in);
	csn_dcbor_in_init(&list, csn_scbor_item(&in));
	if (csn_dcbor_in_end(&in) < 0 || !take_env(env_item, &env))
		return bad(r, "corim.environment");
	size_t n = csn_dcbor_array(&list, 1, CSN_CORIM_TRIPLES_MAX);
	for (size_t i = 0; i < n && !list.bad; i++) {
		struct csn_bytes map = csn_scbor_item(&list);
		struct csn_bytes mval = csn_scbor_find(map, 1);
		if (list.bad || !keys_known(map, 0x7) || mval.len == 0 || !mval_good(mval))
			return bad(r, "corim.measurement");
		struct csn_corim_triple *triple = next_triple(r, kind, &env);
		if (triple == NULL)
			return bad(r, "corim.size");
		triple->mkey = csn_scbor_find(map, 0);
		triple->mval = mval;
	}
	r->corim->groups++;
	return csn_dcbor_in_end(&list) == CSN_OK || bad(r, "corim.triples");
}

/* [environment, [+ key], ? conditions] */
static bool
take_keys(struct reader *r, struct csn_bytes item, enum csn_corim_kind kind)
{
	struct csn_dcbor_in    in;
	struct csn_corim_env   env;
	struct csn_corim_value key;

	csn_dcbor_in_init(&in, item);
	size_t           members = csn_dcbor_array(&in, 2, 3);
	struct csn_bytes env_item = csn_scbor_item(&in), keys = csn_scbor_item(&in);
	if (members == 3)
		csn_scbor_item(&in);
	if (csn_dcbor_in_end(&in) < 0 || !take_env(env_item, &env))
		return bad(r, "corim.environment");
	csn_dcbor_in_init(&in, keys);
	size_t n = csn_dcbor_array(&in, 1, 64);
	for (size_t i = 0; i < n; i++)
		if (!csn_corim_key(keys, i, &key))
			return bad(r, "corim.key");
	if (in.bad)
		return bad(r, "corim.key");
	struct csn_corim_triple *triple = next_triple(r, kind, &env);
	if (triple == NULL)
		return bad(r, "corim.size");
	triple->keys = keys;
	r->corim->groups++;
	return true;
}

/* A list of triples of one kind; what we do not use is only walked. */
static bool
take_list(struct reader *r, struct csn_bytes item, int64_t kind)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	size_t n = csn_dcbor_array(&in, 1, CSN_CORIM_TRIPLES_MAX);
	for (size_t i = 0; i < n && !in.bad; i++) {
		struct csn_bytes triple = csn_scbor_item(&in);
		bool             good = true;
		if (in.bad)
			break;
		if (kind <= CSN_CORIM_ENDORSED)
			good = take_measurements(r, triple, (enum csn_corim_kind)kind);
		else if (kind <= CSN_CORIM_ATTEST)
			good = take_keys(r, triple, (enum csn_corim_kind)kind);
		if (!good)
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK || bad(r, "corim.triples");
}

/* Triples 0 to 6, 8 and 10; unknown ones would go unheeded, so they refuse. */
static bool
take_triples(struct reader *r, struct csn_bytes map)
{
	struct csn_dcbor_in in;

	if (!keys_known(map, 0x57f))
		return bad(r, "corim.triples");
	csn_dcbor_in_init(&in, map);
	size_t pairs = csn_dcbor_map(&in, 1, 16);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		int64_t          kind = csn_dcbor_int(&in);
		struct csn_bytes list = csn_scbor_item(&in);
		if (in.bad || kind < 0)
			continue;
		if (!take_list(r, list, kind))
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK || bad(r, "corim.triples");
}

/* concise-mid-tag: language, identity, entities, linked tags, triples. */
static bool
take_comid(struct reader *r, struct csn_bytes map)
{
	struct csn_bytes identity = csn_scbor_find(map, 1), id;

	if (!keys_known(map, 0x1f))
		return bad(r, "corim.comid");
	id = csn_scbor_find(identity, 0);
	if (!keys_known(identity, 0x3) || id.len == 0)
		return bad(r, "corim.identity");
	return take_triples(r, csn_scbor_find(map, 4));
}

static bool
take_tag(struct reader *r, struct csn_dcbor_in *in)
{
	struct csn_bytes content;
	uint64_t         tag = 0;

	csn_scbor_tag(in, &tag);
	content = csn_dcbor_bytes(in, 1, CSN_CORIM_BYTES_MAX);
	if (in->bad)
		return bad(r, "corim.tags");
	if (tag == TAG_COSWID || tag == TAG_COTL)
		return true;
	if (tag != TAG_COMID)
		return bad(r, "corim.tags");
	return (csn_scbor_check(content) == CSN_OK || bad(r, "corim.cbor")) &&
	       take_comid(r, content);
}

/* A time under tag 1. */
static bool
take_time(struct csn_bytes item, int64_t *ret_time)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	csn_scbor_expect_tag(&in, TAG_EPOCH);
	*ret_time = csn_dcbor_int(&in);
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* {? 0: not before, 1: not after}, which narrows what the CoRIM has; empty: no limit. */
static bool
take_validity(struct csn_bytes validity, struct csn_corim *corim)
{
	struct csn_bytes before = csn_scbor_find(validity, 0);
	int64_t          from = INT64_MIN, to;

	if (validity.len == 0)
		return true;
	if (!take_time(csn_scbor_find(validity, 1), &to) ||
	    (before.len != 0 && !take_time(before, &from)))
		return false;
	corim->not_before = from > corim->not_before ? from : corim->not_before;
	corim->not_after = to < corim->not_after ? to : corim->not_after;
	return true;
}

bool
csn_corim_valid(const struct csn_corim *corim, int64_t unix_s)
{
	return unix_s >= corim->not_before && unix_s <= corim->not_after;
}

static bool
take_profile(struct csn_bytes item, struct csn_bytes *ret_profile)
{
	struct csn_corim_value value;

	if (item.len == 0)
		return true;
	if (!take_value(item, &value) || value.bytes.len == 0 ||
	    (value.tag != TAG_URI && value.tag != CSN_TAG_OID))
		return false;
	*ret_profile = value.bytes;
	return true;
}

/* corim-map: id, tags, dependent rims, profile, validity, entities. */
static bool
take_rim(struct reader *r, struct csn_bytes map)
{
	struct csn_dcbor_in in;

	if (!keys_known(map, 0x3f))
		return bad(r, "corim.map");
	r->corim->id = csn_scbor_find(map, 0);
	if (r->corim->id.len == 0)
		return bad(r, "corim.id");
	if (!take_profile(csn_scbor_find(map, 3), &r->corim->profile))
		return bad(r, "corim.profile");
	if (!take_validity(csn_scbor_find(map, 4), r->corim))
		return bad(r, "corim.validity");
	csn_dcbor_in_init(&in, csn_scbor_find(map, 1));
	size_t n = csn_dcbor_array(&in, 1, 256);
	for (size_t i = 0; i < n; i++)
		if (!take_tag(r, &in))
			return false;
	return csn_dcbor_in_end(&in) == CSN_OK || bad(r, "corim.tags");
}

/* Tag @tag, and the item behind it. */
static bool
unwrap(struct csn_bytes item, uint64_t tag, struct csn_bytes *ret_rest)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	csn_scbor_expect_tag(&in, tag);
	struct csn_bytes rest = csn_scbor_item(&in);
	if (csn_dcbor_in_end(&in) < 0)
		return false;
	*ret_rest = rest;
	return true;
}

/* corim-meta {0: signer {0: name}, ? 1: validity} in the protected header. */
static const char *
check_meta(const struct csn_cose_any *cose, struct csn_corim *corim)
{
	struct csn_bytes meta, type, signer;

	if (!csn_scbor_as_text(csn_cose_any_protected(cose, 3), &type) ||
	    (!csn_same(type, (struct csn_bytes){ (const uint8_t *)"application/rim+cbor", 20 }) &&
	     !csn_same(type, (struct csn_bytes){ (const uint8_t *)"application/corim-unsigned+cbor",
	                                         31 })))
		return "corim.type";
	if (!csn_scbor_as_bytes(csn_cose_any_protected(cose, 8), &meta) ||
	    csn_scbor_check(meta) < 0 || !keys_known(meta, 0x3))
		return "corim.meta";
	signer = csn_scbor_find(meta, 0);
	if (!take_text(signer, 0, &corim->signer) || corim->signer.len == 0)
		return "corim.meta";
	return take_validity(csn_scbor_find(meta, 1), corim) ? NULL : "corim.validity";
}

static int
open_signed(struct csn_bytes item, const struct csn_corim_policy *policy,
            struct csn_corim *corim, struct csn_bytes *ret_rim, const char **ret_why)
{
	struct csn_cose_any cose;
	const char         *why = NULL;
	int                 r = csn_cose_any_parse(item, CSN_COSE_SIGN1, &cose, ret_why);

	if (r < 0)
		return r;
	if (cose.detached)
		return refuse(ret_why, CSN_E_PROTOCOL, "corim.payload");
	r = CSN_E_REFUSED;
	for (size_t i = 0; r == CSN_E_REFUSED && i < policy->key_count; i++) {
		r = csn_cose_any_verify(&cose, &policy->keys[i], CSN_BYTES_NONE, CSN_BYTES_NONE,
		                        &why);
		corim->key = policy->keys[i];
	}
	if (r < 0)
		return r == CSN_E_REFUSED ? refuse(ret_why, r, "corim.signature") : r;
	why = check_meta(&cose, corim);
	if (why != NULL)
		return refuse(ret_why, CSN_E_REFUSED, why);
	if (csn_scbor_check(cose.payload) < 0)
		return refuse(ret_why, CSN_E_PROTOCOL, "corim.cbor");
	corim->is_signed = true;
	*ret_rim = cose.payload;
	return CSN_OK;
}

static int
finish(struct reader *r, bool good, struct csn_corim *ret_corim)
{
	unsigned len = 0;

	if (good && EVP_Digest(r->corim->raw.ptr, r->corim->raw.len, r->corim->hash, &len,
	                       EVP_sha256(), NULL) == 1) {
		*ret_corim = *r->corim;
		return CSN_OK;
	}
	csn_corim_done(r->corim);
	return good ? CSN_E_INTERNAL : r->nomem ? CSN_E_NOMEM : CSN_E_PROTOCOL;
}

int
csn_corim_read(struct csn_bytes bytes, const struct csn_corim_policy *policy,
               struct csn_corim *ret_corim, const char **ret_why)
{
	struct csn_corim corim = { .raw = bytes, .not_before = INT64_MIN, .not_after = INT64_MAX };
	struct reader    r = { &corim, ret_why, false };
	struct csn_bytes item = bytes, rest, map;

	if (bytes.len > CSN_CORIM_BYTES_MAX || csn_scbor_check(bytes) < 0)
		return refuse(ret_why, CSN_E_PROTOCOL, "corim.cbor");
	/* Both wrappers of older drafts around the same thing. */
	if (unwrap(item, TAG_RIM_CHOICE, &rest) || unwrap(item, TAG_SIGNED, &rest))
		item = rest;
	if (unwrap(item, TAG_SIGNED, &rest))
		item = rest;
	if (!unwrap(item, TAG_RIM, &map)) {
		int e = open_signed(item, policy, &corim, &item, ret_why);
		if (e < 0)
			return e;
		if (!unwrap(item, TAG_RIM, &map))
			return refuse(ret_why, CSN_E_PROTOCOL, "corim.tag");
	}
	if (!corim.is_signed && !policy->unsigned_ok)
		return refuse(ret_why, CSN_E_REFUSED, "corim.unsigned");
	bool good = take_rim(&r, map);
	if (good && !policy->any_time && !csn_corim_valid(&corim, policy->unix_s))
		good = bad(&r, "corim.time");
	return finish(&r, good, ret_corim);
}

/* concise-evidence {0: triples {0: measurements, 1: identity keys}, ...} */
static bool
take_evidence(struct reader *r, struct csn_bytes map)
{
	struct csn_bytes triples = csn_scbor_find(map, 0), list;

	if (!keys_known(map, 0x7) || !keys_known(triples, 0xff))
		return bad(r, "corim.evidence");
	list = csn_scbor_find(triples, 0);
	if (list.len != 0 && !take_list(r, list, CSN_CORIM_REFERENCE))
		return false;
	list = csn_scbor_find(triples, 1);
	return list.len == 0 || take_list(r, list, CSN_CORIM_IDENTITY);
}

int
csn_comid_read(struct csn_bytes bytes, struct csn_corim *ret_corim, const char **ret_why)
{
	struct csn_corim corim = { .raw = bytes, .not_before = INT64_MIN, .not_after = INT64_MAX };
	struct reader    r = { &corim, ret_why, false };
	struct csn_bytes map;

	if (bytes.len > CSN_CORIM_BYTES_MAX || csn_scbor_check(bytes) < 0)
		return refuse(ret_why, CSN_E_PROTOCOL, "corim.cbor");
	if (unwrap(bytes, TAG_EVIDENCE, &map))
		return finish(&r, take_evidence(&r, map), ret_corim);
	if (unwrap(bytes, TAG_COMID, &map))
		return refuse(ret_why, CSN_E_PROTOCOL, "corim.comid");
	return finish(&r, take_comid(&r, bytes), ret_corim);
}

void
csn_corim_done(struct csn_corim *corim)
{
	free(corim->triples);
	corim->triples = NULL;
	corim->count = corim->room = 0;
}

bool
csn_corim_digest(struct csn_bytes mval, size_t i, uint64_t *ret_alg,
                 struct csn_bytes *ret_digest)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, csn_scbor_find(mval, 2));
	size_t n = csn_dcbor_array(&in, 1, CSN_CORIM_DIGESTS_MAX);
	if (i >= n)
		return false;
	while (i-- > 0)
		csn_scbor_item(&in);
	csn_dcbor_array(&in, 2, 2);
	uint64_t alg = 0;
	if (csn_dcbor_peek(&in) == CSN_DCBOR_TEXT)
		csn_dcbor_text(&in, 1, 64);
	else
		alg = csn_dcbor_uint(&in, UINT32_MAX);
	struct csn_bytes digest = csn_dcbor_bytes(&in, 1, 64);
	size_t want = alg == 1 ? 32 : alg == 7 ? 48 : alg == 8 ? 64 : digest.len;
	if (in.bad || digest.len != want)
		return false;
	*ret_alg = alg;
	*ret_digest = digest;
	return true;
}

bool
csn_corim_svn(struct csn_bytes mval, bool *ret_min, uint64_t *ret_svn)
{
	struct csn_dcbor_in in;
	struct csn_bytes    item = csn_scbor_find(mval, 1);
	uint64_t            tag = CSN_TAG_SVN, svn;

	if (item.len == 0)
		return false;
	csn_dcbor_in_init(&in, item);
	csn_scbor_tag(&in, &tag);
	svn = csn_dcbor_uint(&in, UINT64_MAX);
	if (csn_dcbor_in_end(&in) < 0 || (tag != CSN_TAG_SVN && tag != CSN_TAG_MIN_SVN))
		return false;
	*ret_min = tag == CSN_TAG_MIN_SVN;
	*ret_svn = svn;
	return true;
}

/* Bytes under tag 560, bare, or under tag 563 with a mask. */
bool
csn_corim_raw(struct csn_bytes mval, struct csn_bytes *ret_raw)
{
	struct csn_corim_value value;

	if (!take_value(csn_scbor_find(mval, 4), &value) || value.bytes.len == 0 ||
	    (value.tag != CSN_TAG_BYTES && value.tag != TAG_MASKED))
		return false;
	*ret_raw = value.bytes;
	return true;
}

bool
csn_corim_key(struct csn_bytes keys, size_t i, struct csn_corim_value *ret_key)
{
	struct csn_dcbor_in    in;
	struct csn_corim_value value;

	csn_dcbor_in_init(&in, keys);
	size_t n = csn_dcbor_array(&in, 1, 64);
	if (i >= n)
		return false;
	while (i-- > 0)
		csn_scbor_item(&in);
	if (!take_value(csn_scbor_item(&in), &value) || value.bytes.len == 0 ||
	    value.tag < CSN_TAG_PKIX_KEY || value.tag > 561)
		return false;
	*ret_key = value;
	return true;
}
