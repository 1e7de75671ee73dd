/* The two items of frames that have a shape of their own: a verdict and a setup. */
#include "core/isolate/wire.h"

#include <stdlib.h>

#define VERDICT_MEMBERS 14

/* ---- a verdict ---------------------------------------------------------------- */

static struct csn_bytes
text_of(const char *text, size_t room)
{
	return (struct csn_bytes){ (const uint8_t *)text, strnlen(text, room - 1) };
}

static void
put_reason(struct csn_dcbor_out *o, const struct csn_reason *reason)
{
	csn_dcbor_put_array(o, 5);
	csn_dcbor_put_bytes(o, text_of(reason->code, sizeof reason->code));
	csn_dcbor_put_int(o, reason->layer);
	csn_dcbor_put_uint(o, reason->claim);
	csn_dcbor_put_bytes(o, text_of(reason->found, sizeof reason->found));
	csn_dcbor_put_bytes(o, text_of(reason->wanted, sizeof reason->wanted));
}

static void
put_facts(struct csn_dcbor_out *o, const struct csn_fact *facts, size_t count)
{
	csn_dcbor_put_array(o, 2 * count);
	for (size_t i = 0; i < count; i++) {
		csn_dcbor_put_bytes(o, text_of(facts[i].name, sizeof facts[i].name));
		csn_dcbor_put_bytes(o, text_of(facts[i].value, sizeof facts[i].value));
	}
}

int
wire_put_facts(const struct csn_fact *facts, size_t count, uint8_t out[WIRE_VERDICT_MAX],
               struct csn_bytes *ret_item)
{
	struct csn_dcbor_out o;

	if (count > CSN_VERDICT_FACTS)
		return CSN_E_INVALID;
	csn_dcbor_out_init(&o, out, WIRE_VERDICT_MAX);
	put_facts(&o, facts, count);
	return csn_dcbor_out_end(&o, ret_item);
}

int
wire_put_verdict(const struct csn_verdict *v, uint8_t out[WIRE_VERDICT_MAX],
                 struct csn_bytes *ret_item)
{
	struct csn_dcbor_out o;

	if (v->fact_count > CSN_VERDICT_FACTS || v->reason_count > CSN_VERDICT_REASONS)
		return CSN_E_INVALID;
	csn_dcbor_out_init(&o, out, WIRE_VERDICT_MAX);
	csn_dcbor_put_array(&o, VERDICT_MEMBERS);
	csn_dcbor_put_uint(&o, v->judgement);
	csn_dcbor_put_array(&o, CSN_TRUST_COUNT);
	for (size_t i = 0; i < CSN_TRUST_COUNT; i++)
		csn_dcbor_put_int(&o, v->trust[i]);
	csn_dcbor_put_bool(&o, v->has_key != 0);
	csn_dcbor_put_bytes(&o, CSN_BYTES_OF(v->key_hash));
	csn_dcbor_put_bytes(&o, text_of(v->reason, sizeof v->reason));
	csn_dcbor_put_bytes(&o, text_of(v->layer, sizeof v->layer));
	csn_dcbor_put_bytes(&o, text_of(v->found, sizeof v->found));
	csn_dcbor_put_bytes(&o, text_of(v->wanted, sizeof v->wanted));
	put_facts(&o, v->facts, v->fact_count);
	csn_dcbor_put_array(&o, v->reason_count);
	for (uint32_t i = 0; i < v->reason_count; i++)
		put_reason(&o, &v->reasons[i]);
	csn_dcbor_put_uint(&o, v->hashes);
	csn_dcbor_put_bytes(&o, CSN_BYTES_OF(v->policy_hash));
	csn_dcbor_put_bytes(&o, CSN_BYTES_OF(v->reference_hash));
	csn_dcbor_put_uint(&o, v->not_after);
	return csn_dcbor_out_end(&o, ret_item);
}

/* A text for @room bytes with its end; no NUL inside, it would hide what follows. */
static void
take_text(struct csn_dcbor_in *in, char *text, size_t room)
{
	struct csn_bytes bytes = csn_dcbor_bytes(in, 0, room - 1);

	if (bytes.len > 0 && memchr(bytes.ptr, '\0', bytes.len) != NULL)
		csn_dcbor_fail(in);
	else if (bytes.len > 0)
		memcpy(text, bytes.ptr, bytes.len);
	text[bytes.len] = '\0';
}

static int32_t
take_int32(struct csn_dcbor_in *in)
{
	int64_t value = csn_dcbor_int(in);

	if (value >= INT32_MIN && value <= INT32_MAX)
		return (int32_t)value;
	csn_dcbor_fail(in);
	return 0;
}

static size_t
take_facts(struct csn_dcbor_in *in, struct csn_fact *facts, size_t room)
{
	size_t count = csn_dcbor_array(in, 0, 2 * room);

	if (count % 2 != 0)
		csn_dcbor_fail(in);
	for (size_t i = 0; !in->bad && i < count / 2; i++) {
		take_text(in, facts[i].name, sizeof facts[i].name);
		take_text(in, facts[i].value, sizeof facts[i].value);
	}
	return count / 2;
}

bool
wire_get_facts(struct csn_bytes item, struct csn_fact *ret_facts, size_t room,
               size_t *ret_count)
{
	struct csn_fact     facts[CSN_VERDICT_FACTS] = { 0 };
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, item);
	size_t count = take_facts(&in, facts, room < CSN_VERDICT_FACTS ? room : CSN_VERDICT_FACTS);
	if (csn_dcbor_in_end(&in) != CSN_OK)
		return false;
	memcpy(ret_facts, facts, count * sizeof *facts);
	*ret_count = count;
	return true;
}

static void
take_reasons(struct csn_dcbor_in *in, struct csn_verdict *v)
{
	size_t count = csn_dcbor_array(in, 0, CSN_VERDICT_REASONS);

	for (size_t i = 0; !in->bad && i < count; i++) {
		struct csn_reason *reason = &v->reasons[i];

		csn_dcbor_array(in, 5, 5);
		take_text(in, reason->code, sizeof reason->code);
		reason->layer = take_int32(in);
		reason->claim = (uint32_t)csn_dcbor_uint(in, UINT32_MAX);
		take_text(in, reason->found, sizeof reason->found);
		take_text(in, reason->wanted, sizeof reason->wanted);
	}
	v->reason_count = (uint32_t)count;
}

bool
wire_get_verdict(struct csn_bytes item, struct csn_verdict *ret_verdict)
{
	struct csn_verdict  v;
	struct csn_dcbor_in in;

	memset(&v, 0, sizeof v);
	v.size = sizeof v;
	csn_dcbor_in_init(&in, item);
	csn_dcbor_array(&in, VERDICT_MEMBERS, VERDICT_MEMBERS);
	v.judgement = (uint32_t)csn_dcbor_uint(&in, CSN_ACCEPTED);
	csn_dcbor_array(&in, CSN_TRUST_COUNT, CSN_TRUST_COUNT);
	for (size_t i = 0; i < CSN_TRUST_COUNT; i++)
		v.trust[i] = take_int32(&in);
	v.has_key = csn_dcbor_bool(&in);
	csn_dcbor_copy(&in, v.key_hash, sizeof v.key_hash);
	take_text(&in, v.reason, sizeof v.reason);
	take_text(&in, v.layer, sizeof v.layer);
	take_text(&in, v.found, sizeof v.found);
	take_text(&in, v.wanted, sizeof v.wanted);
	v.fact_count = (uint32_t)take_facts(&in, v.facts, CSN_VERDICT_FACTS);
	take_reasons(&in, &v);
	v.hashes = (uint32_t)csn_dcbor_uint(&in, UINT32_MAX);
	csn_dcbor_copy(&in, v.policy_hash, sizeof v.policy_hash);
	csn_dcbor_copy(&in, v.reference_hash, sizeof v.reference_hash);
	v.not_after = csn_dcbor_uint(&in, UINT64_MAX);
	if (csn_dcbor_in_end(&in) != CSN_OK)
		return false;
	*ret_verdict = v;
	return true;
}

/* ---- a setup ------------------------------------------------------------------ */

#define PART_MEMBERS 7
#define VALUE_MAX    8192

static void
put_part(struct csn_dcbor_out *out, const struct wire_part *part)
{
	csn_dcbor_put_array(out, PART_MEMBERS);
	csn_dcbor_put_uint(out, part->kind);
	csn_dcbor_put_bytes(out, part->name);
	csn_dcbor_put_bytes(out, part->label);
	csn_dcbor_put_bytes(out, part->path);
	csn_dcbor_put_bytes(out, part->digest);
	csn_dcbor_put_uint(out, part->sealed_fd);
	csn_dcbor_put_array(out, 2 * part->option_count);
	for (size_t i = 0; i < part->option_count; i++) {
		csn_dcbor_put_bytes(out, part->options[i].key);
		csn_dcbor_put_bytes(out, part->options[i].value);
	}
}

static void
put_setup(struct csn_dcbor_out *out, const struct wire_setup *setup)
{
	csn_dcbor_put_array(out, 2 + setup->part_count);
	csn_dcbor_put_uint(out, setup->level);
	csn_dcbor_put_uint(out, setup->wall_trusted);
	for (size_t i = 0; i < setup->part_count; i++)
		put_part(out, &setup->parts[i]);
}

uint8_t *
wire_put_setup(const struct wire_setup *setup, size_t *ret_len)
{
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, NULL, 0);
	put_setup(&out, setup);
	size_t   len = out.len;
	uint8_t *bytes = malloc(len);
	if (bytes == NULL)
		return NULL;
	csn_dcbor_out_init(&out, bytes, len);
	put_setup(&out, setup);
	*ret_len = len;
	return bytes;
}

static void
take_part(struct csn_dcbor_in *in, struct wire_part *part)
{
	csn_dcbor_array(in, PART_MEMBERS, PART_MEMBERS);
	part->kind = (uint32_t)csn_dcbor_uint(in, 64);
	part->name = csn_dcbor_bytes(in, 1, WIRE_NAME_MAX);
	part->label = csn_dcbor_bytes(in, 1, WIRE_NAME_MAX);
	part->path = csn_dcbor_bytes(in, 0, VALUE_MAX);
	part->digest = csn_dcbor_bytes(in, 0, 64);
	part->sealed_fd = csn_dcbor_uint(in, INT32_MAX);
	size_t count = csn_dcbor_array(in, 0, 2 * WIRE_OPTIONS);
	if (count % 2 != 0)
		csn_dcbor_fail(in);
	part->option_count = count / 2;
	for (size_t i = 0; !in->bad && i < part->option_count; i++) {
		part->options[i].key = csn_dcbor_bytes(in, 1, WIRE_NAME_MAX);
		part->options[i].value = csn_dcbor_bytes(in, 0, VALUE_MAX);
	}
}

bool
wire_get_setup(struct csn_bytes item, struct wire_setup *ret_setup)
{
	struct csn_dcbor_in in;

	memset(ret_setup, 0, sizeof *ret_setup);
	csn_dcbor_in_init(&in, item);
	size_t count = csn_dcbor_array(&in, 3, 2 + WIRE_PARTS);
	ret_setup->level = csn_dcbor_uint(&in, 7);
	ret_setup->wall_trusted = csn_dcbor_uint(&in, 1);
	for (size_t i = 0; !in.bad && i + 2 < count; i++)
		take_part(&in, &ret_setup->parts[i]);
	ret_setup->part_count = count > 2 ? count - 2 : 0;
	return csn_dcbor_in_end(&in) == CSN_OK;
}
