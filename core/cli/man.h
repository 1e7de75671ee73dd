/* Help, manual page and completion, all from the command and option tables. */
#ifndef CSN_CLI_MAN_H
#define CSN_CLI_MAN_H

#include "core/cli/cli.h"
#include "core/plugin/loader.h"

#include <stdio.h>

/* Help of one command, or of the whole program for NULL. */
void man_help(const struct cli_command *command, FILE *out);
/* The manual page countersign(1) as mdoc. */
void man_page(FILE *out);
/* The manual page of a module that is ready; README marks the place of its prose. */
void man_plugin(const struct csn_module *module, FILE *out);
/* Text with the characters mdoc would read as requests or escapes made plain. */
void man_text(const char *text, FILE *out);
/* Completion for "bash", "zsh" or "fish"; false for any other shell. */
bool man_completion(const char *shell, FILE *out);

#endif
