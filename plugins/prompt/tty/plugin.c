#include "tty.h"

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct tty, device, "/dev/tty", 0, "the terminal to ask on"),
	CSN_OPTION_END
};

const struct csn_component tty_component = {
	.size = sizeof tty_component,
	.kind = CSN_KIND_PROMPT,
	.name = "tty",
	.summary = "asks the person at the terminal",
	.options = options,
	.create = tty_create,
	.destroy = tty_destroy,
	.ops.prompt = &tty_ops,
};

CSN_PLUGIN(prompt_tty, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
	   .origin = "countersign", .components = CSN_LIST(&tty_component));
