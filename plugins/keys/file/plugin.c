#include "file.h"

static const struct csn_option options[] = { CSN_OPTION_PATH(
						     struct file_keys, path, "keys", 0,
						     "folder of NAME.key and NAME.pem"),
					     CSN_OPTION_END };

const struct csn_component file_component = {
	.size = sizeof file_component,
	.kind = CSN_KIND_KEYS,
	.name = "file",
	.summary = "keys in a folder only this user can read",
	.options = options,
	.create = file_create,
	.destroy = file_destroy,
	.ops.keys = &file_keys_ops,
};

CSN_PLUGIN(keys_file, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
	   .origin = "countersign", .components = CSN_LIST(&file_component));
