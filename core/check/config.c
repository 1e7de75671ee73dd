/* KEY=VALUE texts of the command line as one section of a configuration. */
#include "core/check/check.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* An empty file without a folder: paths have to be absolute. */
static int
read_nothing(struct csn_config_file **ret_file, struct csn_error *err)
{
	char empty[32];
	int  fd = memfd_create("check", MFD_CLOEXEC);

	if (fd < 0)
		return csn_fail(err, CSN_E_IO, "no memory file");
	snprintf(empty, sizeof empty, "/proc/self/fd/%d", fd);
	int r = csn_config_read(empty, ret_file, err);
	close(fd);
	return r;
}

const struct csn_config *
check_config(char **texts, struct csn_error *err)
{
	struct csn_config_file *file = NULL; /* kept until the process ends    */

	if (read_nothing(&file, err) < 0)
		return NULL;
	for (; *texts != NULL; texts++) {
		char *equals = strchr(*texts, '=');
		char  where[128];

		if (equals == NULL || equals - *texts > 64) {
			csn_fail(err, CSN_E_CONFIG, "\"%.64s\" is not KEY=VALUE", *texts);
			goto fail;
		}
		snprintf(where, sizeof where, "check.%.*s", (int)(equals - *texts), *texts);
		if (csn_config_override(file, where, equals + 1, err) < 0)
			goto fail;
	}
	return csn_config_sub(csn_config_root(file), "check");
fail:
	csn_config_free(file);
	return NULL;
}
