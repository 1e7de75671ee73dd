#include <countersign/plugin.h>

#include <stdlib.h>

#include "lib/crypto-openssl.h"
#include "psk.h"

static const struct csn_option options[] = {
	{ .key = "key",
	  .help = "file with one key of all devices as hex, 32 bytes or more, mode 600",
	  .type = CSN_PATH,
	  .offset = CSN_FIELD_OF(struct psk, key_path, char *),
	  .min = 1,
	  .max = 4095 },
	{ .key = "keys",
	  .help = "file with a key for each device, DID KEY in hex a line, mode 600",
	  .type = CSN_PATH,
	  .offset = CSN_FIELD_OF(struct psk, keys_path, char *),
	  .min = 1,
	  .max = 4095 },
	CSN_OPTION_BOOL(struct psk, derive, false,
	                "evidence psk-kdf: a key of its own for each session and direction"),
	CSN_OPTION_END
};

static int psk_create(const struct csn_host *host, const struct csn_config *config,
                      void **ret_self, struct csn_error *err);

static void
psk_destroy(void *self)
{
	struct psk *psk = self;

	if (psk != NULL)
		psk_done(psk);
	free(psk);
}

static const struct csn_component psk_component = {
	.size       = sizeof psk_component,
	.kind       = CSN_KIND_ATTEST,
	.name       = "psk",
	.summary    = "a MAC under a key that policy names",
	.options    = options,
	.create     = psk_create,
	.destroy    = psk_destroy,
	.ops.attest = &psk_ops,
};

static int
psk_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
           struct csn_error *err)
{
	struct psk *psk = calloc(1, sizeof *psk);

	if (psk == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the verifier psk");
	psk->host = host;
	psk->crypto = csn_crypto_openssl();
	int r = host->bind(config, &psk_component, psk, err);
	if (r == CSN_OK)
		r = psk_load(psk, err);
	if (r < 0) {
		psk_destroy(psk);
		return r;
	}
	*ret_self = psk;
	return CSN_OK;
}

CSN_PLUGIN(attest_psk, .abi_minor = 10, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&psk_component));
