/* Attachments at the device: streams in, files out, keys gone. */
#ifndef CSN_CLI_FETCH_H
#define CSN_CLI_FETCH_H

#include "core/cli/cli.h"
#include "lib/body.h"

/*
 * Fetches every attachment of the staged body into folder @out; from a bulk channel that
 * carries messages it listens for at most @wait_s seconds (0: for ever).  An exit code.
 */
int fetch_run(struct cli *cli, const char *config, const char *out, unsigned wait_s);
/* Zeroes the keys of all attachments of a body. */
void fetch_forget_all(uint8_t *body, size_t len);

#endif
