/* The words of the command plugins that have a file of their own. */
#ifndef CSN_CLI_PLUGINS_H
#define CSN_CLI_PLUGINS_H

#include "core/cli/cli.h"
#include "core/config/config.h"
#include "core/plugin/loader.h"

/* Writes the folder of a new plugin from @templates; NULL: the installed ones. */
int plugins_new(struct cli *cli, const char *templates, const char *parent);

/* The folder @path, or those @file (may be NULL) names, or the installed one. */
int plugins_folders(struct csn_loader *loader, const struct csn_config_file *file,
                    const char *path, struct csn_error *err);
/* Writes @file.sig, made with the Ed25519 private key in the PEM file @key_path. */
int plugins_sign(struct cli *cli, const char *file, const char *key_path);

#endif
