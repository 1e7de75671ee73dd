#include <stdio.h>
#include <string.h>

#include "lib/corim.h"
#include "vectors/runners.h"

/*
 * CoRIMs of others.  The signed one of the draft's examples is signed with the example
 * key of RFC 7517, appendix A.1; those of the schemes are unsigned and read by a policy
 * that says so.  A bare CoMID and concise evidence are read without an envelope.
 */
static const char example_x[] =
	"30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e";
static const char example_y[] =
	"e04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723";
#define SIGNED_AT 1650000000 /* 2022-04-15, when the example was valid */

static bool
is_comid(const char *name)
{
	return strncmp(name, "comid", 5) == 0 || strncmp(name, "ce-", 3) == 0;
}

void
run_corim(struct vec *v, const json_t *root)
{
	const char       *slash = strrchr(v->path, '/');
	const char       *name = slash == NULL ? v->path : slash + 1, *why = "";
	struct csn_bytes  file = vec_file(v), x = vec_unhex(example_x), y = vec_unhex(example_y);
	struct csn_pubkey key = { 0 };
	struct csn_corim  corim = { 0 };
	uint8_t           point[65] = { 4 };
	bool              known;

	(void)root;
	memcpy(point + 1, x.ptr, 32);
	memcpy(point + 33, y.ptr, 32);
	csn_pubkey_from_raw(CSN_KEY_P256, CSN_BYTES_OF(point), &key, NULL);
	struct csn_corim_policy policy = { .keys = &key, .key_count = 1, .unsigned_ok = true,
		                           .unix_s = SIGNED_AT };
	int r = is_comid(name) ? csn_comid_read(file, &corim, &why) :
	                         csn_corim_read(file, &policy, &corim, &why);
	if (r == CSN_OK)
		r = csn_corim_profile(&corim, &known, &why);
	csn_corim_done(&corim);
	csn_pubkey_done(&key);
	vec_verdict(v, "", !vec_wants_reject(v), r == CSN_OK, why);
}
