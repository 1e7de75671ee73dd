/* Every device row of the CSGN/1 vectors, one line a file and op. */
#include "kit/tap.h"

#include <dirent.h>
#include <fnmatch.h>
#include <unistd.h>

#include "vectors/csgn1-device.h"

static const char *const op_names[] = { "receive", "release", "attachment" };

enum { OPS = sizeof op_names / sizeof op_names[0] };

struct tally {
	unsigned passed[OPS], total[OPS];
};

static void
run_row(const json_t *row, const char *file, struct tally *tally)
{
	const char *op = json_string_value(json_object_get(row, "op"));
	const char *name = json_string_value(json_object_get(row, "name"));
	char        why[256];

	for (size_t i = 0; op != NULL && i < OPS; i++) {
		if (strcmp(op, op_names[i]) != 0)
			continue;
		tally->total[i]++;
		if (csgn1_device_row(row, why, sizeof why))
			tally->passed[i]++;
		else
			tap_note("%s %s: %s", file, name == NULL ? "" : name, why);
	}
}

static void
run_file(const char *dir, const char *file)
{
	struct tally tally = { { 0 }, { 0 } };
	char         path[4096];
	json_t      *root, *row;
	size_t       i;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL) {
		tap_ok(false, "%s is JSON", file);
		return;
	}
	json_array_foreach(root, i, row)
		run_row(row, file, &tally);
	if (json_object_get(root, "vector") != NULL)
		run_row(json_object_get(root, "vector"), file, &tally);
	for (i = 0; i < OPS; i++) {
		if (tally.total[i] > 0)
			tap_ok(tally.passed[i] == tally.total[i], "%s %s: %u of %u", file,
			       op_names[i], tally.passed[i], tally.total[i]);
	}
	json_decref(root);
}

static int
is_json(const struct dirent *entry)
{
	return fnmatch("*.json", entry->d_name, 0) == 0;
}

int
main(void)
{
	const char     *dir = getenv("CSN_VECTORS");
	struct dirent **list;
	int             count;

	if (dir == NULL)
		dir = TEST_SRCDIR "/../shared/data/csgn1";
	if (access(dir, R_OK) != 0) {
		tap_skip("vectors", "no folder %s; set CSN_VECTORS", dir);
		return tap_done();
	}
	count = scandir(dir, &list, is_json, alphasort);
	tap_ok(count > 0, "the vectors are there: %s", dir);
	for (int i = 0; i < count; i++) {
		run_file(dir, list[i]->d_name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return tap_done();
}
