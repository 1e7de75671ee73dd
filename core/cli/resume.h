/* provision --resume: sessions whose end nobody knows. */
#ifndef CSN_CLI_RESUME_H
#define CSN_CLI_RESUME_H

#include "core/cli/cli.h"

/* Settles session @sid (its first digits), or lists what is not settled; an exit code. */
int resume_run(struct cli *cli, const char *sid, bool with_other_options);

#endif
