/* The words of the command plugins that have a file of their own. */
#ifndef CSN_CLI_PLUGINS_H
#define CSN_CLI_PLUGINS_H

#include "core/cli/cli.h"

/* Writes the folder of a new plugin from the templates in @templates. */
int plugins_new(struct cli *cli, const char *templates, const char *parent);
/*
 * Holds the module file @path to the contract; TAP on standard output.  @sets: options
 * of its instances as KEY=VALUE, NULL ended, or NULL.
 */
int plugins_check(struct cli *cli, const char *path, char **sets);

#endif
