/*
 * JSONTestSuite through the parser of format/json: y_ must be taken, n_ refused, and
 * what the suite leaves open (i_) is pinned here.
 */
#include "plugins/format/json/json.h"
#include "vectors/runners.h"

/* Files the suite takes and this reader refuses, and why. */
static const struct {
	const char *name, *why;
} stricter[] = {
	{ "y_object_duplicated", "a key twice" },
	{ "y_object_escaped_null_in_key", "a NUL character" },
	{ "y_string_null_escape", "a NUL character" },
};

/* Open cases this reader takes (the number is then refused by its place), no others. */
static const char *const open_taken[] = {
	"i_number_double_huge_neg_exp.json",
};

static const char *
why_stricter(const char *base, bool lonely)
{
	for (size_t i = 0; i < sizeof stricter / sizeof *stricter; i++)
		if (strncmp(base, stricter[i].name, strlen(stricter[i].name)) == 0)
			return stricter[i].why;
	return lonely ? "no object or array at the top" : NULL;
}

void
run_json_suite(struct vec *v, const json_t *root)
{
	struct csn_bytes  in    = vec_file(v);
	struct json_place place = { 0 };
	const char       *base  = strrchr(v->path, '/');

	(void)root;
	base         = base == NULL ? v->path : base + 1;
	json_t *made = json_read(in, &place);
	/* A record is an object; an array that parsed got as far as that check. */
	bool array = made == NULL && strcmp(place.text, "needs to be an object") == 0;
	bool taken = made != NULL || array;
	json_wipe(made);

	size_t at = 0;
	while (at < in.len && strchr(" \t\r\n", in.ptr[at]) != NULL)
		at++;
	bool        lonely = at < in.len && in.ptr[at] != '[' && in.ptr[at] != '{';
	const char *why    = base[0] == 'y' ? why_stricter(base, lonely) : NULL;
	bool        want   = base[0] == 'y' && why == NULL;
	for (size_t i = 0; i < sizeof open_taken / sizeof *open_taken; i++)
		want = want || strcmp(base, open_taken[i]) == 0;
	if (why != NULL && !taken)
		vec_skip(v, "%s, refused", why);
	else
		vec_row(v, taken == want, "%s: %s", taken ? "taken" : "refused", place.text);
}
