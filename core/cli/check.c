/*
 * plugins check: the checker is a program of its own, because it brings a malloc and an
 * fsync of its own to make them fail.
 */
#include "core/cli/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 64

/* Beside this program in a build tree, else where both were installed to. */
static bool
find_checker(char path[4096])
{
	if (cli_beside("countersign-check", path) ||
	    cli_beside("../libexec/countersign/countersign-check", path))
		return true;
	snprintf(path, 4096, "%s/countersign-check", PKGLIBEXECDIR);
	return access(path, X_OK) == 0;
}

static size_t
add_all(char **args, size_t count, const char *option, char **values)
{
	for (; values != NULL && *values != NULL && count < ARGS_MAX - 4; values++) {
		args[count++] = (char *)(uintptr_t)option;
		args[count++] = *values;
	}
	return count;
}

int
plugins_check(struct cli *cli, const char *path, const struct check_options *options)
{
	char   checker[4096];
	char  *args[ARGS_MAX] = { checker };
	char  *injects[] = { options->inject, NULL }, *subjects[] = { options->subject, NULL },
	      *keys[] = { options->keys, NULL }, *waits[] = { options->wait, NULL };
	size_t count = 1;

	if (cli->json)
		return cli_fail(cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-002" },
		                "plugins check answers in TAP, not in JSON");
	if (!find_checker(checker))
		return cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-PLG-007", .found = checker },
		                "the checker is not installed");
	count = add_all(args, count, "--set", options->sets);
	count = add_all(args, count, "--peer", options->peers);
	count = add_all(args, count, "--secret", options->secrets);
	count = add_all(args, count, "--leave-out", options->left_out);
	count = add_all(args, count, "--inject", injects);
	count = add_all(args, count, "--subject", subjects);
	count = add_all(args, count, "--keys", keys);
	count = add_all(args, count, "--wait", waits);
	args[count++] = (char *)(uintptr_t)path;
	fflush(stdout);
	execv(checker, args);
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-PLG-007", .found = checker },
	                "the checker cannot be started: %s", strerror(errno));
}
