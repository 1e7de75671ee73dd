#include "json.h"

#include <stdlib.h>

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err);

static const struct csn_option options[] = { CSN_OPTION_END };

static const struct csn_component component = {
	.size       = sizeof component,
	.kind       = CSN_KIND_FORMAT,
	.name       = "json",
	.summary    = "the record as JSON with a name for every key",
	.options    = options,
	.create     = create,
	.destroy    = free,
	.ops.format = &json_format_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct json_format *json = calloc(1, sizeof *json);
	if (json == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for format json");

	json->host = host;
	int r = host->bind(config, &component, json, err);
	if (r < 0) {
		free(json);
		return r;
	}
	*ret_self = json;
	return CSN_OK;
}

CSN_PLUGIN(format_json, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
