#include <countersign/plugin.h>

#include <stdlib.h>

#include "lib/crypto-openssl.h"
#include "verifier.h"

static const struct csn_option options[] = {
	{ .key = "references", .type = CSN_PATH,
	  .help = "folder with one folder an authority: *.pem, *.cbor (CoRIM), vendors",
	  .offset = CSN_FIELD_OF(struct eat, references_path, char *), .min = 1, .max = 4095 },
	CSN_OPTION_BOOL(struct eat, unsigned_references, false, "take CoRIMs nobody signed"),
	{ .key = "mac_keys", .type = CSN_PATH,
	  .help = "folder of INSTANCE.key: the secret of a device whose tokens carry a MAC",
	  .offset = CSN_FIELD_OF(struct eat, mac_keys_path, char *), .min = 1, .max = 4095 },
	{ .key = "profiles", .fallback = "psa-1,psa-2,psa-tfm,cca", .type = CSN_STRING,
	  .help = "profiles taken: psa-1, psa-2, psa-tfm, cca, separated by commas",
	  .offset = CSN_FIELD_OF(struct eat, profiles_text, char *), .min = 1, .max = 80 },
	{ .key = "lifecycles", .fallback = "secured", .type = CSN_STRING,
	  .help = "states taken: unknown, assembly, provisioning, secured, non-psa-debug, "
	          "recoverable-debug",
	  .offset = CSN_FIELD_OF(struct eat, lifecycles_text, char *), .min = 1, .max = 100 },
	CSN_OPTION_BOOL(struct eat, components_needed, true,
	                "every software component must match a reference value"),
	CSN_OPTION_END
};

static int eat_create(const struct csn_host *host, const struct csn_config *config,
                      void **ret_self, struct csn_error *err);

static void
eat_destroy(void *self)
{
	struct eat *eat = self;

	if (eat != NULL)
		eat_unload(eat);
	free(eat);
}

static const struct csn_component eat_component = {
	.size       = sizeof eat_component,
	.kind       = CSN_KIND_ATTEST,
	.name       = "eat",
	.summary    = "entity attestation tokens of PSA and Arm CCA",
	.options    = options,
	.create     = eat_create,
	.destroy    = eat_destroy,
	.ops.attest = &eat_ops,
};

static int
eat_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
           struct csn_error *err)
{
	struct eat *eat = calloc(1, sizeof *eat);

	if (eat == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the verifier eat");
	eat->host = host;
	eat->crypto = csn_crypto_openssl();
	int r = host->bind(config, &eat_component, eat, err);
	if (r == CSN_OK)
		r = eat_load(eat, err);
	if (r < 0) {
		eat_destroy(eat);
		return r;
	}
	*ret_self = eat;
	return CSN_OK;
}

CSN_PLUGIN(attest_eat, .abi_minor = 10, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&eat_component));
