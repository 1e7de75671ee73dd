/* The durable state and its dCBOR form: one table says what is written, in order. */
#include "device/state.h"

#include "lib/cert.h"
#include "lib/csgn1.h"
#include "lib/dcbor.h"

#define LABEL "csn/device-state"

enum field_kind {
	FIELD_U8,
	FIELD_U32,
	FIELD_U64,
	FIELD_FIXED, /* @max bytes exactly                                    */
	FIELD_SHORT, /* a uint16_t length and up to @max bytes behind it      */
	FIELD_SKIDS,
};

struct field {
	uint16_t kind, offset;
	uint32_t max;
};

#define STATE(member) offsetof(struct csn_device_state, member)
#define U8(member, top)  { FIELD_U8, STATE(member), (top) }
#define U32(member, top) { FIELD_U32, STATE(member), (top) }
#define U64(member)      { FIELD_U64, STATE(member), 0 }
#define FIXED(member)    { FIELD_FIXED, STATE(member), sizeof(((struct csn_device_state *)0)->member) }
#define SHORT(member)    { FIELD_SHORT, STATE(member), sizeof(((struct csn_device_state *)0)->member.b) }

/* Appended to, never reordered: the order is the format. */
static const struct field fields[] = {
	U8(suite, 2), U8(cost, CSN_COST_MAX), U8(modes, 0x7f),
	U8(tries, CSN_TRIES_MAX), U8(quarantined, 1), U8(active, 1),
	U8(has_identity, 1), U8(has_pake, 1), U8(has_last, 1), U8(has_staged, 1),
	U8(cool_level, 8),
	FIXED(did), FIXED(seed), FIXED(identity_key), FIXED(pake_w0), FIXED(pake_l),
	FIXED(last_sid), FIXED(staged_hash),
	U32(next, 65536), U32(floor, UINT32_MAX),
	U64(voucher_seq), U64(release_counter), U64(fw_counter), U64(cool_until_ms),
	SHORT(maker), SHORT(owner), SHORT(release_owner), SHORT(last_m3), SHORT(model),
	{ FIELD_SKIDS, STATE(revoked), CSN_DEVICE_REVOKED_MAX },
	SHORT(chain),
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

CSN_STATIC_ASSERT(offsetof(struct csn_device_spki, b) == 2, "length, then bytes");
CSN_STATIC_ASSERT(offsetof(struct csn_device_m3, b) == 2, "length, then bytes");
CSN_STATIC_ASSERT(offsetof(struct csn_device_class, b) == 2, "length, then bytes");
CSN_STATIC_ASSERT(offsetof(struct csn_device_chain, b) == 2, "length, then bytes");
CSN_STATIC_ASSERT(sizeof(struct csn_device_state) <= UINT16_MAX, "offsets are 16 bits");

static void
skids_put(struct csn_dcbor_out *out, const struct csn_device_skids *skids)
{
	csn_dcbor_put_array(out, skids->count);
	for (size_t i = 0; i < skids->count; i++)
		csn_dcbor_put_hash(out, skids->b[i], CSN_ID_LEN);
}

static void
skids_get(struct csn_dcbor_in *in, struct csn_device_skids *skids)
{
	skids->count = (uint16_t)csn_dcbor_array(in, 0, CSN_DEVICE_REVOKED_MAX);
	for (size_t i = 0; i < skids->count; i++)
		csn_dcbor_copy(in, skids->b[i], CSN_ID_LEN);
}

static void
field_put(struct csn_dcbor_out *out, const struct field *field, const uint8_t *at)
{
	uint16_t len;
	uint32_t u32;
	uint64_t u64;

	switch ((enum field_kind)field->kind) {
	case FIELD_U8:
		csn_dcbor_put_uint(out, *at);
		break;
	case FIELD_U32:
		memcpy(&u32, at, sizeof u32);
		csn_dcbor_put_uint(out, u32);
		break;
	case FIELD_U64:
		memcpy(&u64, at, sizeof u64);
		csn_dcbor_put_uint(out, u64);
		break;
	case FIELD_FIXED:
		csn_dcbor_put_hash(out, at, field->max);
		break;
	case FIELD_SHORT:
		memcpy(&len, at, sizeof len);
		csn_dcbor_put_bytes(out, (struct csn_bytes){ at + sizeof len, len });
		break;
	case FIELD_SKIDS:
		skids_put(out, (const struct csn_device_skids *)(const void *)at);
		break;
	}
}

static void
field_get(struct csn_dcbor_in *in, const struct field *field, uint8_t *at)
{
	struct csn_bytes bytes;
	uint16_t         len;
	uint32_t         u32;
	uint64_t         u64;

	switch ((enum field_kind)field->kind) {
	case FIELD_U8:
		*at = (uint8_t)csn_dcbor_uint(in, field->max);
		break;
	case FIELD_U32:
		u32 = (uint32_t)csn_dcbor_uint(in, field->max);
		memcpy(at, &u32, sizeof u32);
		break;
	case FIELD_U64:
		u64 = csn_dcbor_uint(in, UINT64_MAX);
		memcpy(at, &u64, sizeof u64);
		break;
	case FIELD_FIXED:
		csn_dcbor_copy(in, at, field->max);
		break;
	case FIELD_SHORT:
		bytes = csn_dcbor_bytes(in, 0, field->max);
		len = (uint16_t)bytes.len;
		memcpy(at, &len, sizeof len);
		if (bytes.len > 0)
			memcpy(at + sizeof len, bytes.ptr, bytes.len);
		break;
	case FIELD_SKIDS:
		skids_get(in, (struct csn_device_skids *)(void *)at);
		break;
	}
}

static bool
all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t seen = 0;

	for (size_t i = 0; i < len; i++)
		seen |= bytes[i];
	return seen == 0;
}

static bool
cost_valid(unsigned cost)
{
	return cost == 0 || (cost >= CSN_COST_MIN && cost <= CSN_COST_MAX);
}

/* What the field bounds alone do not say. */
static bool
state_valid(const struct csn_device_state *state)
{
	return csn_suite_pk_len(state->suite) != 0 && cost_valid(state->cost) &&
	       !all_zero(state->seed, sizeof state->seed) && state->maker.len > 0 &&
	       state->model.len > 0;
}

int
csn_device_state_encode(const struct csn_device_state *state, uint8_t *out, size_t cap,
                        size_t *ret_len)
{
	struct csn_dcbor_out dcbor;
	struct csn_bytes     done;

	csn_dcbor_out_init(&dcbor, out, cap);
	csn_dcbor_put_label(&dcbor, LABEL, FIELD_COUNT);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		field_put(&dcbor, &fields[i], (const uint8_t *)state + fields[i].offset);

	int r = csn_dcbor_out_end(&dcbor, &done);
	if (r < 0)
		return r;
	*ret_len = done.len;
	return CSN_OK;
}

int
csn_device_state_decode(struct csn_bytes bytes, struct csn_device_state *ret_state)
{
	struct csn_dcbor_in in;
	struct csn_bytes    label;

	csn_wipe(ret_state, sizeof *ret_state);
	if (csn_dcbor_check(bytes) != CSN_OK)
		return CSN_E_PROTOCOL;

	csn_dcbor_in_init(&in, bytes);
	csn_dcbor_array(&in, FIELD_COUNT + 1, FIELD_COUNT + 1);
	label = csn_dcbor_text(&in, sizeof LABEL - 1, sizeof LABEL - 1);
	if (label.len != sizeof LABEL - 1 || memcmp(label.ptr, LABEL, label.len) != 0)
		csn_dcbor_fail(&in);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		field_get(&in, &fields[i], (uint8_t *)ret_state + fields[i].offset);

	if (csn_dcbor_in_end(&in) == CSN_OK && state_valid(ret_state))
		return CSN_OK;
	csn_wipe(ret_state, sizeof *ret_state);
	return CSN_E_PROTOCOL;
}

size_t
csn_device_state_chain(const struct csn_device_state *state, struct csn_bytes ret_certs[3])
{
	struct csn_dcbor_in in;
	size_t              count = 1;

	csn_dcbor_in_init(&in, (struct csn_bytes){ state->chain.b, state->chain.len });
	if (csn_dcbor_peek(&in) == CSN_DCBOR_ARRAY)
		count = csn_dcbor_array(&in, 2, CSN_CHAIN_MAX);
	for (size_t i = 0; i < count; i++)
		ret_certs[i] = csn_dcbor_bytes(&in, 1, CSN_CERT_MAX);
	return csn_dcbor_in_end(&in) == CSN_OK ? count : 0;
}

/* Copies an SPKI when it is one of the suite; empty is fine where @optional. */
static int
birth_spki(struct csn_bytes spki, unsigned suite, bool optional,
           struct csn_device_spki *ret_spki)
{
	struct csn_bytes pk;

	if (spki.len == 0 && optional)
		return CSN_OK;
	if (spki.len > sizeof ret_spki->b || csn_spki_parse(spki, suite, &pk) != CSN_OK)
		return CSN_E_INVALID;
	memcpy(ret_spki->b, spki.ptr, spki.len);
	ret_spki->len = (uint16_t)spki.len;
	return CSN_OK;
}

static int
birth_chain(const struct csn_device_birth *birth, struct csn_device_chain *ret_chain)
{
	struct csn_dcbor_out out;
	struct csn_bytes     done;

	if (birth->cert_count < 1 || birth->cert_count > CSN_CHAIN_MAX)
		return CSN_E_INVALID;

	csn_dcbor_out_init(&out, ret_chain->b, sizeof ret_chain->b);
	if (birth->cert_count > 1)
		csn_dcbor_put_array(&out, birth->cert_count);
	for (size_t i = 0; i < birth->cert_count; i++)
		csn_dcbor_put_bytes(&out, birth->certs[i]);
	if (csn_dcbor_out_end(&out, &done) != CSN_OK)
		return CSN_E_TOO_BIG;
	ret_chain->len = (uint16_t)done.len;
	return CSN_OK;
}

/* The identity key, its certificate for the same key, and the did that follows. */
static int
birth_identity(const struct csn_crypto *crypto, const struct csn_device_birth *birth,
               struct csn_device_state *state)
{
	struct csn_cert leaf;
	uint8_t         pk[CSN_PK_MAX], spki[CSN_SPKI_MAX];
	size_t          spki_len;

	if (birth->identity_key.len != sizeof state->identity_key)
		return CSN_E_INVALID;
	memcpy(state->identity_key, birth->identity_key.ptr, sizeof state->identity_key);

	int r = crypto->sign_public(crypto->self, state->suite, state->identity_key, pk);
	if (r < 0)
		return r;
	r = csn_spki_make(state->suite, (struct csn_bytes){ pk, csn_suite_pk_len(state->suite) },
	                  spki, &spki_len);
	if (r < 0)
		return r;
	r = birth_chain(birth, &state->chain);
	if (r < 0)
		return r;
	if (csn_cert_parse(birth->certs[0], state->suite, &leaf) != CSN_OK ||
	    !csn_same(leaf.spki, (struct csn_bytes){ spki, spki_len }))
		return CSN_E_INVALID;

	state->has_identity = 1;
	return csn_short_id(crypto, (struct csn_bytes){ spki, spki_len }, state->did);
}

static int
birth_fill(const struct csn_crypto *crypto, const struct csn_device_birth *birth,
           struct csn_device_state *state)
{
	state->suite = birth->suite;
	state->cost = birth->cost;
	state->modes = birth->modes;
	state->floor = birth->floor;
	state->fw_counter = birth->fw_counter;
	if (birth->model.len < 1 || birth->model.len > sizeof state->model.b ||
	    birth->seed.len != sizeof state->seed)
		return CSN_E_INVALID;
	memcpy(state->model.b, birth->model.ptr, birth->model.len);
	state->model.len = (uint16_t)birth->model.len;
	memcpy(state->seed, birth->seed.ptr, sizeof state->seed);

	if (birth_spki(birth->maker_spki, birth->suite, false, &state->maker) < 0 ||
	    birth_spki(birth->owner_spki, birth->suite, true, &state->owner) < 0)
		return CSN_E_INVALID;

	if (birth->w0.len != 0 || birth->l.len != 0) {
		if (birth->w0.len != sizeof state->pake_w0 ||
		    birth->l.len != sizeof state->pake_l)
			return CSN_E_INVALID;
		memcpy(state->pake_w0, birth->w0.ptr, sizeof state->pake_w0);
		memcpy(state->pake_l, birth->l.ptr, sizeof state->pake_l);
		state->has_pake = 1;
	}

	if (birth->identity_key.len > 0)
		return birth_identity(crypto, birth, state);
	if (birth->did.len != sizeof state->did)
		return CSN_E_INVALID;
	memcpy(state->did, birth->did.ptr, sizeof state->did);
	return CSN_OK;
}

int
csn_device_state_init(const struct csn_crypto *crypto, const struct csn_device_birth *birth,
                      struct csn_device_state *ret_state)
{
	csn_wipe(ret_state, sizeof *ret_state);
	int r = birth_fill(crypto, birth, ret_state);
	if (r == CSN_OK && !state_valid(ret_state))
		r = CSN_E_INVALID;
	if (r < 0)
		csn_wipe(ret_state, sizeof *ret_state);
	return r;
}
