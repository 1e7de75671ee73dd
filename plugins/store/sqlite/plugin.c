#include "sqlite.h"

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct sqlite_store, path, NULL, CSN_OPT_REQUIRED,
			"the database file"),
	CSN_OPTION_U32(struct sqlite_store, busy_ms, 5000, 0, 60000,
		       "how long a commit waits while another process writes"),
	CSN_OPTION_END
};

const struct csn_component sqlite_store = {
	.size = sizeof sqlite_store,
	.kind = CSN_KIND_STORE,
	.name = "sqlite",
	.summary = "one durable SQLite file",
	.options = options,
	.create = sqlite_create,
	.destroy = sqlite_destroy,
	.ops.store = &sqlite_store_ops,
};

CSN_PLUGIN(store_sqlite, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
	   .origin = "countersign", .components = CSN_LIST(&sqlite_store));
