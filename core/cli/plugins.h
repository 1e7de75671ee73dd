/* The words of the command plugins that have a file of their own. */
#ifndef CSN_CLI_PLUGINS_H
#define CSN_CLI_PLUGINS_H

#include "core/cli/cli.h"

/* Writes the folder of a new plugin from the templates in @templates. */
int plugins_new(struct cli *cli, const char *templates, const char *parent);

#endif
