/* plugins check: hands over to the program that holds a module to the contract. */
#ifndef CSN_CLI_CHECK_H
#define CSN_CLI_CHECK_H

#include "core/cli/cli.h"

/* What `plugins check` was given beside the module; NULL: not given. */
struct check_options {
	char **sets, **peers, **secrets, **left_out;
	char  *inject, *subject, *keys, *wait;
};

/* Does not come back when the checker could be started: its exit code is ours. */
int plugins_check(struct cli *cli, const char *path, const struct check_options *options);

#endif
