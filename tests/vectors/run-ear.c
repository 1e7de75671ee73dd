#include <string.h>

#include "lib/pubkey.h"
#include "vectors/runners.h"

/*
 * Attestation results as others write them, as JSON claims: the profile, who judged and
 * when, and for each part a status and a trust vector that agree with the draft.
 */

static const char *const statuses[] = { "none", "affirming", "warning", "contraindicated" };

static const char *const vector[] = {
	"instance-identity", "configuration", "executables",    "file-system",
	"hardware",          "runtime-opaque", "storage-opaque", "sourced-data",
};

static bool
is_one_of(const json_t *value, const char *const *list, size_t count)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; text != NULL && i < count; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

static int
tier(json_int_t code)
{
	return code >= 96 ? 3 : code >= 32 ? 2 : code >= 2 ? 1 : 0;
}

/* Members of the vector by name, each a signed byte; the worst tier they have. */
static bool
vector_good(const json_t *tv, int *ret_worst)
{
	const char *key;
	json_t     *value;

	*ret_worst = 0;
	if (tv == NULL)
		return true;
	json_object_foreach((json_t *)tv, key, value) {
		json_int_t code = json_integer_value(value);
		bool       known = false;
		for (size_t i = 0; i < sizeof vector / sizeof *vector; i++)
			known = known || strcmp(key, vector[i]) == 0;
		if (!known || !json_is_integer(value) || code < -128 || code > 127)
			return false;
		*ret_worst = tier(code) > *ret_worst ? tier(code) : *ret_worst;
	}
	return json_object_size(tv) > 0;
}

/* veraison's extension: the key that was attested, as an SPKI. */
static bool
key_good(const json_t *statement)
{
	const char       *text = vec_str(statement, "akpub", "");
	struct csn_pubkey key = { 0 };

	if (statement == NULL)
		return true;
	bool good = *text != '\0' &&
	            csn_pubkey_from_spki(vec_unbase64(text, strlen(text)), &key, NULL) == CSN_OK;
	csn_pubkey_done(&key);
	return good;
}

static const char *
submod_wrong(const json_t *submod)
{
	const json_t *status = json_object_get(submod, "ear.status");
	int           worst, said = 0;

	if (!is_one_of(status, statuses, sizeof statuses / sizeof *statuses))
		return "status";
	for (int i = 0; i < 4; i++)
		if (strcmp(json_string_value(status), statuses[i]) == 0)
			said = i;
	if (!vector_good(json_object_get(submod, "ear.trustworthiness-vector"), &worst))
		return "trustworthiness vector";
	if (worst > said)
		return "a status better than its vector";
	return key_good(json_object_get(submod, "ear.veraison.key-attestation")) ?
	               NULL :
	               "key attestation";
}

static const char *
ear_wrong(const json_t *root)
{
	const json_t *verifier = json_object_get(root, "ear.verifier-id"), *submods;
	const char   *key, *why = NULL;
	json_t       *submod;

	if (strcmp(vec_str(root, "eat_profile", ""), "tag:github.com,2023:veraison/ear") != 0)
		return "profile";
	if (!json_is_integer(json_object_get(root, "iat")))
		return "iat";
	if (*vec_str(verifier, "build", "") == '\0' || *vec_str(verifier, "developer", "") == '\0')
		return "verifier id";
	submods = json_object_get(root, "submods");
	if (json_object_size(submods) == 0)
		return "submods";
	json_object_foreach((json_t *)submods, key, submod) if (why == NULL)
		why = submod_wrong(submod);
	return why;
}

void
run_ear(struct vec *v, const json_t *root)
{
	const char *why = ear_wrong(root);

	vec_verdict(v, "", !vec_wants_reject(v), why == NULL, why == NULL ? "" : why);
}
