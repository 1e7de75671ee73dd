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
/* A key of zeros stands where one was: the attachment is complete, or its time over. */
bool fetch_key_gone(struct csn_bytes key);
/* Zeroes the key of a row that lies in @body. */
void fetch_forget(uint8_t *body, const struct csn_attachment_row *row);
/* Zeroes the keys of all attachments of a body. */
void fetch_forget_all(uint8_t *body, size_t len);

#endif
