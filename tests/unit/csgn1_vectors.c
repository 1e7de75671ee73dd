/* Every station row of the CSGN/1 vectors, and every trace rebuilt from its inputs. */
#include "kit/tap.h"

#include <dirent.h>
#include <fnmatch.h>

#include "vectors/csgn1-station.h"

static void
run_row(const char *file, const json_t *row)
{
	const char *op = json_string_value(json_object_get(row, "op"));
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *text = json_string_value(json_object_get(row, "why"));
	char        why[256] = "";

	if (op == NULL || !csgn1_station_judges(op))
		return;
	if (!tap_ok(csgn1_station_row(row, why, sizeof why), "%s %s: %s", file, name, text))
		tap_note("%s", why);
}

static void
run_file(const char *dir, const char *file)
{
	char     path[4096], why[256] = "";
	json_t  *root, *row;
	size_t   i;
	unsigned count = 0;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL) {
		tap_ok(false, "%s is JSON", file);
		return;
	}
	json_array_foreach(root, i, row)
		run_row(file, row);
	if (json_object_get(root, "trace") != NULL) {
		bool good = csgn1_station_trace(root, &count, why, sizeof why);
		if (!tap_ok(good, "%s rebuilt: %u values equal", file, count))
			tap_note("%s", why);
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
