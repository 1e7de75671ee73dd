#include "dice.h"

static bool
bad(const char **ret_why, const char *why)
{
	*ret_why = why;
	return false;
}

/* Values of a measurement we compare: version, SVN, digests, name. */
static bool
values_known(struct csn_bytes mval)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, mval);
	size_t pairs = csn_dcbor_map(&in, 1, CSN_SCBOR_PAIRS_MAX);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		int64_t key = csn_dcbor_int(&in);
		csn_scbor_item(&in);
		if ((key < 0 || key > 2) && key != 11)
			return false;
	}
	return !in.bad;
}

static bool
take_env(const struct csn_corim_env *env, struct dice_ref *ref)
{
	if (env->group.tag != CSN_TAG_NONE ||
	    (env->instance.tag != CSN_TAG_NONE && env->instance.tag != CSN_TAG_UEID) ||
	    (env->class_id.tag != CSN_TAG_NONE && env->class_id.tag != CSN_TAG_BYTES))
		return false;
	ref->vendor = env->vendor;
	ref->model = env->model;
	ref->type = env->class_id.bytes;
	ref->ueid = env->instance.bytes;
	ref->has_layer = env->has_layer;
	ref->layer = env->layer;
	ref->has_index = env->has_index;
	ref->index = env->index;
	return true;
}

static bool
take_part(struct csn_bytes mkey, struct dice_ref *ref)
{
	static const char *const parts[] = { "code", "config", "authority" };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (csn_scbor_is_text(mkey, parts[i])) {
			ref->part = (struct csn_bytes){ (const uint8_t *)parts[i],
				                        strlen(parts[i]) };
			return true;
		}
	return mkey.len == 0;
}

static bool
take_values(struct csn_bytes mval, struct dice_ref *ref)
{
	struct csn_bytes version = csn_scbor_find(csn_scbor_find(mval, 0), 0), digest;
	uint64_t         alg;

	ref->has_svn = csn_corim_svn(mval, &ref->svn_min, &ref->svn);
	if (version.len != 0 && !csn_scbor_as_text(version, &ref->version))
		return false;
	while (csn_corim_digest(mval, ref->fwid_count, &alg, &digest)) {
		if (alg != DICE_SHA256 && alg != DICE_SHA384 && alg != DICE_SHA512)
			return false;
		ref->fwids[ref->fwid_count++] = (struct dice_fwid){ (unsigned)alg, digest };
	}
	return ref->fwid_count > 0 || ref->has_svn;
}

bool
dice_refs_read(const struct csn_corim *corim, struct dice_ref *refs, size_t room,
               size_t *count, const char **ret_why)
{
	for (size_t i = 0; i < corim->count; i++) {
		const struct csn_corim_triple *t = &corim->triples[i];
		struct dice_ref                ref = { .from = corim };
		if (t->kind != CSN_CORIM_REFERENCE)
			continue;
		if (!take_env(&t->env, &ref))
			return bad(ret_why, "dice.reference.environment");
		if (!take_part(t->mkey, &ref))
			return bad(ret_why, "dice.reference.mkey");
		if (!values_known(t->mval) || !take_values(t->mval, &ref))
			return bad(ret_why, "dice.reference.values");
		if (*count == room)
			return bad(ret_why, "dice.reference.size");
		refs[(*count)++] = ref;
	}
	return true;
}
