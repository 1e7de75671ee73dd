/* Parts of the command audit. */
#ifndef CSN_CLI_AUDIT_H
#define CSN_CLI_AUDIT_H

#include "core/cli/runner.h"

/*
 * Shows the attestation results the log names: of @device (hex) alone when it is not NULL,
 * and of the hash that begins as the command's argument says.  An exit code.
 */
int audit_results(struct cli *cli, struct runner *r, const char *device);

#endif
