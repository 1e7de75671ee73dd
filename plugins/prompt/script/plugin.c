#include "script.h"

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct script, path, NULL, CSN_OPT_REQUIRED, "file of answers"),
	CSN_OPTION_END
};

const struct csn_component script_component = {
	.size = sizeof script_component,
	.kind = CSN_KIND_PROMPT,
	.name = "script",
	.summary = "answers from a file, for tests and labs",
	.options = options,
	.create = script_create,
	.destroy = script_destroy,
	.ops.prompt = &script_ops,
};

CSN_PLUGIN(prompt_script, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
	   .origin = "countersign", .components = CSN_LIST(&script_component));
