#include <countersign/plugin.h>

#include <stdlib.h>

#include "lib/crypto-openssl.h"
#include "verifier.h"

static const struct csn_option options[] = {
	{ .key = "references", .type = CSN_PATH,
	  .help = "folder with one folder an authority: *.pem, *.cbor (CoRIM), vendors",
	  .offset = CSN_FIELD_OF(struct tpm2, references_path, char *), .min = 1, .max = 4095 },
	CSN_OPTION_BOOL(struct tpm2, unsigned_references, false, "take CoRIMs nobody signed"),
	{ .key = "allow", .type = CSN_PATH,
	  .help = "file of SHA-256 of attestation keys taken as they are, one a line",
	  .offset = CSN_FIELD_OF(struct tpm2, allow_path, char *), .min = 1, .max = 4095 },
	{ .key = "pcrs", .type = CSN_STRING,
	  .help = "PCRs that must be quoted and match a reference: 0,2,4,7",
	  .offset = CSN_FIELD_OF(struct tpm2, pcrs_text, char *), .min = 1, .max = 80 },
	CSN_OPTION_BOOL(struct tpm2, log_needed, false, "an event log must explain PCRs 0 to 15"),
	CSN_OPTION_BOOL(struct tpm2, sha1, false, "take SHA-1 in signatures and banks"),
	CSN_OPTION_END
};

static int tpm2_create(const struct csn_host *host, const struct csn_config *config,
                       void **ret_self, struct csn_error *err);

static void
tpm2_destroy(void *self)
{
	struct tpm2 *tpm2 = self;

	if (tpm2 != NULL)
		tpm2_unload(tpm2);
	free(tpm2);
}

static const struct csn_component tpm2_component = {
	.size       = sizeof tpm2_component,
	.kind       = CSN_KIND_ATTEST,
	.name       = "tpm2",
	.summary    = "quotes of a TPM 2.0 and the log that explains them",
	.options    = options,
	.create     = tpm2_create,
	.destroy    = tpm2_destroy,
	.ops.attest = &tpm2_ops,
};

static int
tpm2_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct tpm2 *tpm2 = calloc(1, sizeof *tpm2);

	if (tpm2 == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the verifier tpm2");
	tpm2->host = host;
	tpm2->crypto = csn_crypto_openssl();
	int r = host->bind(config, &tpm2_component, tpm2, err);
	if (r == CSN_OK)
		r = tpm2_load(tpm2, err);
	if (r < 0) {
		tpm2_destroy(tpm2);
		return r;
	}
	*ret_self = tpm2;
	return CSN_OK;
}

CSN_PLUGIN(attest_tpm2, .abi_minor = 10, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&tpm2_component));
