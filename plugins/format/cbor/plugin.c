#include "cbor.h"

#include <stdlib.h>

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err);

static const struct csn_option options[] = { CSN_OPTION_END };

static const struct csn_component component = {
	.size       = sizeof component,
	.kind       = CSN_KIND_FORMAT,
	.name       = "cbor",
	.summary    = "the record itself, deterministic CBOR",
	.options    = options,
	.create     = create,
	.destroy    = free,
	.ops.format = &cbor_format_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct cbor_format *cbor = calloc(1, sizeof *cbor);
	if (cbor == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for format cbor");

	cbor->host = host;
	int r = host->bind(config, &component, cbor, err);
	if (r < 0) {
		free(cbor);
		return r;
	}
	*ret_self = cbor;
	return CSN_OK;
}

CSN_PLUGIN(format_cbor, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
