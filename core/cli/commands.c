/* Every command, in the order of the help text. */
#include "core/cli/cli.h"

extern const struct cli_command cli_channels, cli_demo, cli_lab, cli_setup, cli_manufacture, cli_device, cli_provision,
	cli_run, cli_release, cli_plugins, cli_policy, cli_quarantine, cli_config, cli_audit, cli_explain, cli_completion,
	cli_man, cli_version;

const struct cli_command *const cli_commands[] = {
	&cli_demo,     &cli_setup,  &cli_manufacture, &cli_device, &cli_provision,
	&cli_run,      &cli_release, &cli_plugins, &cli_channels, &cli_lab, &cli_policy, &cli_quarantine, &cli_config,     &cli_audit,  &cli_explain,
	&cli_completion, &cli_man,  &cli_version,     NULL,
};
