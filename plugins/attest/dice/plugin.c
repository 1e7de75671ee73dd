#include <countersign/plugin.h>

#include <stdlib.h>

#include "lib/crypto-openssl.h"
#include "verifier.h"

#define RULES "refuse|warn|allow"

static const struct csn_option options[] = {
	{ .key = "anchors", .type = CSN_PATH, .flags = CSN_OPT_REQUIRED,
	  .help = "PEM public keys a chain may begin with: a file, or a folder of *.pem",
	  .offset = CSN_FIELD_OF(struct dice, anchors_path, char *), .min = 1, .max = 4095 },
	{ .key = "references", .type = CSN_PATH,
	  .help = "folder with one folder an authority: *.pem, *.cbor (CoRIM), vendors",
	  .offset = CSN_FIELD_OF(struct dice, references_path, char *), .min = 1, .max = 4095 },
	CSN_OPTION_BOOL(struct dice, references_needed, true,
	                "refuse to start without reference values"),
	CSN_OPTION_BOOL(struct dice, unsigned_references, false,
	                "take CoRIMs nobody signed"),
	{ .key = "modes", .fallback = "normal", .type = CSN_STRING,
	  .help = "modes taken: normal, debug, recovery, not-configured, separated by commas",
	  .offset = CSN_FIELD_OF(struct dice, modes_text, char *), .min = 1, .max = 80 },
	{ .key = "flags_allowed", .type = CSN_STRING,
	  .help = "flags taken: debug, recovery, not-secure, not-configured",
	  .offset = CSN_FIELD_OF(struct dice, flags_text, char *), .min = 1, .max = 80 },
	CSN_OPTION_CHOICE(struct dice, absent_flags, "refuse", RULES,
	                  "what a TcbInfo without flags means"),
	CSN_OPTION_CHOICE(struct dice, unmeasured, "refuse", RULES,
	                  "what a certificate without a measurement above the first means"),
	CSN_OPTION_U32(struct dice, layers_min, 1, 0, 16, "fewest measured layers"),
	CSN_OPTION_U32(struct dice, layers_max, 0, 0, 16, "most measured layers; 0: no limit"),
	CSN_OPTION_BOOL(struct dice, degenerate, false,
	                "take a chain of one entry signed by itself"),
	CSN_OPTION_BOOL(struct dice, android, false,
	                "CDI certificates carry Android's configuration map"),
	CSN_OPTION_BOOL(struct dice, config_hash, false,
	                "CDI certificates carry the hash of the configuration"),
	CSN_OPTION_BOOL(struct dice, leaf_is_device, true,
	                "the leaf's key is the one that signed the hello"),
	CSN_OPTION_END
};

static int dice_create(const struct csn_host *host, const struct csn_config *config,
                       void **ret_self, struct csn_error *err);

static void
dice_destroy(void *self)
{
	struct dice *dice = self;

	if (dice != NULL)
		dice_unload(dice);
	free(dice);
}

static const struct csn_component dice_component = {
	.size       = sizeof dice_component,
	.kind       = CSN_KIND_ATTEST,
	.name       = "dice",
	.summary    = "what the layers of a device say of themselves",
	.options    = options,
	.create     = dice_create,
	.destroy    = dice_destroy,
	.ops.attest = &dice_ops,
};

static int
dice_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct dice *dice = calloc(1, sizeof *dice);

	if (dice == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the verifier dice");
	dice->host = host;
	dice->crypto = csn_crypto_openssl();
	int r = host->bind(config, &dice_component, dice, err);
	if (r == CSN_OK)
		r = dice_load(dice, err);
	if (r < 0) {
		dice_destroy(dice);
		return r;
	}
	*ret_self = dice;
	return CSN_OK;
}

CSN_PLUGIN(attest_dice, .abi_minor = 10, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&dice_component));
