#include "lib/corim.h"

/*
 * What the profiles of the field ask of their CoRIMs.  A CoRIM that names a profile and
 * breaks its rules would be matched wrongly later, so it is refused when it is loaded.
 */

struct profile {
	const char *uri;
	uint64_t    class_tag; /* of class-id; 0: there is no class                    */
	size_t      class_min, class_max; /* bytes                                     */
	bool        refs; /* reference values exist                                    */
	uint64_t    ref_instance; /* tag of the instance a reference names; 0: none    */
	uint64_t    key_instance;
	uint64_t    key_tag;
	const char *vendor, *model;
	const char *(*measurement)(const struct csn_corim_triple *triple);
	const char *(*whole)(const struct csn_corim *corim, unsigned group);
};

static bool
same_text(struct csn_bytes bytes, const char *text)
{
	return bytes.len == strlen(text) && memcmp(bytes.ptr, text, bytes.len) == 0;
}

static bool
has_digest(struct csn_bytes mval)
{
	struct csn_bytes digest;
	uint64_t         alg;

	return csn_corim_digest(mval, 0, &alg, &digest);
}

/* cryptokeys: exactly one, the signer's hash as bytes. */
static bool
signer_good(struct csn_bytes mval)
{
	struct csn_bytes       keys = csn_scbor_find(mval, 13);
	struct csn_corim_value key;

	return csn_corim_key(keys, 0, &key) && key.tag == CSN_TAG_BYTES &&
	       (key.bytes.len == 32 || key.bytes.len == 48 || key.bytes.len == 64) &&
	       !csn_corim_key(keys, 1, &key);
}

static const char *
software(const struct csn_corim_triple *t)
{
	if (!has_digest(t->mval))
		return "corim.profile.digests";
	return signer_good(t->mval) ? NULL : "corim.profile.signer";
}

static const char *
psa_measurement(const struct csn_corim_triple *t)
{
	if (csn_scbor_is_text(t->mkey, "psa.software-component"))
		return software(t);
	return "corim.profile.mkey";
}

static const char *
platform_measurement(const struct csn_corim_triple *t)
{
	struct csn_bytes raw;

	if (csn_scbor_is_text(t->mkey, "cca.software-component"))
		return software(t);
	if (csn_scbor_is_text(t->mkey, "cca.platform-config"))
		return csn_corim_raw(t->mval, &raw) ? NULL : "corim.profile.raw";
	return "corim.profile.mkey";
}

static const char *
realm_measurement(const struct csn_corim_triple *t)
{
	static const char *const registers[] = { "cca.rim", "cca.rem0", "cca.rem1", "cca.rem2",
		                                 "cca.rem3" };
	struct csn_bytes raw;

	for (size_t i = 0; i < sizeof registers / sizeof *registers; i++)
		if (csn_scbor_is_text(t->mkey, registers[i]))
			return has_digest(t->mval) ? NULL : "corim.profile.digests";
	if (csn_scbor_is_text(t->mkey, "cca.rpv"))
		return csn_corim_raw(t->mval, &raw) && raw.len == 64 ? NULL :
		                                                        "corim.profile.raw";
	return "corim.profile.mkey";
}

/* A realm without its initial measurement would match any realm. */
static const char *
realm_whole(const struct csn_corim *corim, unsigned group)
{
	for (size_t i = 0; i < corim->count; i++)
		if (corim->triples[i].group == group &&
		    csn_scbor_is_text(corim->triples[i].mkey, "cca.rim"))
			return NULL;
	return "corim.profile.rim";
}

static const char *
pcr_measurement(const struct csn_corim_triple *t)
{
	int64_t pcr;

	if (!csn_scbor_as_int(t->mkey, &pcr) || pcr < 0 || pcr > 23)
		return "corim.profile.mkey";
	return has_digest(t->mval) ? NULL : "corim.profile.digests";
}

static const char *
node_measurement(const struct csn_corim_triple *t)
{
	struct csn_bytes digest;
	uint64_t         alg;

	if (t->mkey.len != 0)
		return "corim.profile.mkey";
	return has_digest(t->mval) && !csn_corim_digest(t->mval, 1, &alg, &digest) ?
	               NULL :
	               "corim.profile.digests";
}

static const char *
node_whole(const struct csn_corim *corim, unsigned group)
{
	size_t n = 0;

	for (size_t i = 0; i < corim->count; i++)
		n += corim->triples[i].group == group;
	return n == 1 ? NULL : "corim.profile.measurements";
}

static const struct profile profiles[] = {
	{ "tag:arm.com,2025:psa#1.0.0", CSN_TAG_BYTES, 32, 32, true, 0, CSN_TAG_UEID,
	  CSN_TAG_PKIX_KEY, NULL, NULL, psa_measurement, NULL },
	{ "tag:arm.com,2025:cca_platform#1.0.0", CSN_TAG_BYTES, 32, 32, true, 0, CSN_TAG_UEID,
	  CSN_TAG_PKIX_KEY, NULL, NULL, platform_measurement, NULL },
	{ "tag:github.com/parallaxsecond,2023-03-03:cca", CSN_TAG_BYTES, 32, 32, true, 0,
	  CSN_TAG_UEID, CSN_TAG_PKIX_KEY, NULL, NULL, platform_measurement, NULL },
	{ "tag:arm.com,2025:cca_realm#1.0.0", CSN_TAG_BYTES, 32, 64, true, 0, CSN_TAG_UEID,
	  CSN_TAG_PKIX_KEY, NULL, NULL, realm_measurement, realm_whole },
	{ "tag:github.com/parallaxsecond,2023-03-03:tpm", CSN_TAG_UUID, 16, 16, true, 0,
	  CSN_TAG_BYTES, CSN_TAG_PKIX_KEY, NULL, NULL, pcr_measurement, NULL },
	{ "https://enacttrust.com/veraison/1.0.0", 0, 0, 0, true, CSN_TAG_UUID, CSN_TAG_UUID,
	  CSN_TAG_PKIX_KEY, NULL, NULL, node_measurement, node_whole },
	{ "tag:veraison-project.com,2026:riot", CSN_TAG_NONE, 0, 0, false, 0, 0,
	  CSN_TAG_PKIX_PATH, "Veraison Project", "RIOT", NULL, NULL },
};

static const char *
check_class(const struct profile *p, const struct csn_corim_env *env)
{
	if (p->vendor != NULL)
		return same_text(env->vendor, p->vendor) && same_text(env->model, p->model) ?
		               NULL :
		               "corim.profile.class";
	if (p->class_tag == 0)
		return env->has_class ? "corim.profile.class" : NULL;
	return env->class_id.tag == p->class_tag && env->class_id.bytes.len >= p->class_min &&
	                       env->class_id.bytes.len <= p->class_max ?
	               NULL :
	               "corim.profile.class";
}

static const char *
check_instance(const struct csn_corim_env *env, uint64_t tag)
{
	if (tag == 0)
		return env->instance.tag == CSN_TAG_NONE ? NULL : "corim.profile.instance";
	/* Parsec writes the key's UEID as bytes or as what it is. */
	if (env->instance.tag != tag && (tag != CSN_TAG_BYTES || env->instance.tag != CSN_TAG_UEID))
		return "corim.profile.instance";
	return (tag != CSN_TAG_UEID && tag != CSN_TAG_BYTES) ||
	                       (env->instance.bytes.len == 33 && env->instance.bytes.ptr[0] == 1) ?
	               NULL :
	               "corim.profile.instance";
}

static const char *
check_key(const struct profile *p, const struct csn_corim_triple *t)
{
	struct csn_corim_value key;

	if (!csn_corim_key(t->keys, 0, &key) || key.tag != p->key_tag ||
	    csn_corim_key(t->keys, 1, &key))
		return "corim.profile.key";
	return NULL;
}

static const char *
check_triple(const struct profile *p, const struct csn_corim *corim,
             const struct csn_corim_triple *t)
{
	const char *why = NULL;
	bool        key = t->kind == CSN_CORIM_ATTEST;

	if (!key && t->kind != CSN_CORIM_REFERENCE)
		return NULL;
	if (!key && !p->refs)
		return "corim.profile.references";
	why = check_class(p, &t->env);
	if (why == NULL)
		why = check_instance(&t->env, key ? p->key_instance : p->ref_instance);
	if (why == NULL)
		why = key ? check_key(p, t) : p->measurement(t);
	if (why == NULL && !key && p->whole != NULL)
		why = p->whole(corim, t->group);
	return why;
}

int
csn_corim_profile(const struct csn_corim *corim, bool *ret_known, const char **ret_why)
{
	const struct profile *p = NULL;

	for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
		if (same_text(corim->profile, profiles[i].uri))
			p = &profiles[i];
	*ret_known = p != NULL;
	for (size_t i = 0; p != NULL && i < corim->count; i++) {
		const char *why = check_triple(p, corim, &corim->triples[i]);
		if (why != NULL) {
			*ret_why = why;
			return CSN_E_REFUSED;
		}
	}
	return CSN_OK;
}
