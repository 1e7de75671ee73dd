#include <countersign/plugin.h>

#include <stdlib.h>

#include "lib/crypto-openssl.h"
#include "x509.h"

static const struct csn_option options[] = {
	{ .key = "anchors",
	  .help = "PEM public keys of the makers believed: a file, or a folder of *.pem",
	  .type = CSN_PATH,
	  .flags = CSN_OPT_REQUIRED,
	  .offset = CSN_FIELD_OF(struct x509, anchors_path, char *),
	  .min = 1,
	  .max = 4095 },
	CSN_OPTION_END
};

static int x509_create(const struct csn_host *host, const struct csn_config *config,
                       void **ret_self, struct csn_error *err);

static void
x509_destroy(void *self)
{
	free(self);
}

static const struct csn_component x509_component = {
	.size       = sizeof x509_component,
	.kind       = CSN_KIND_ATTEST,
	.name       = "x509",
	.summary    = "manifests and hellos under a maker's certificates",
	.options    = options,
	.create     = x509_create,
	.destroy    = x509_destroy,
	.ops.attest = &x509_ops,
};

static int
x509_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct x509 *x509 = calloc(1, sizeof *x509);
	char         why[160];

	if (x509 == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the verifier x509");
	x509->host = host;
	x509->crypto = csn_crypto_openssl();
	int r = host->bind(config, &x509_component, x509, err);
	if (r == CSN_OK) {
		r = csn_anchors_load(x509->anchors_path, x509->anchors, CSN_ANCHORS_MAX,
		                     &x509->count, why, sizeof why);
		if (r < 0)
			host->fail(err, r, "anchors %s: %s", x509->anchors_path, why);
	}
	if (r < 0) {
		x509_destroy(x509);
		return r;
	}
	*ret_self = x509;
	return CSN_OK;
}

CSN_PLUGIN(attest_x509, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&x509_component));
