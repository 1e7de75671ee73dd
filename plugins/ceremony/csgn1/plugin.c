#include <countersign/plugin.h>

#include <stdlib.h>

#include "csgn1.h"
#include "lib/crypto-openssl.h"

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct csgn1, makers, NULL, CSN_OPT_REQUIRED,
	                "PEM public keys of the makers believed: a file, or a folder of *.pem"),
	CSN_OPTION_STRING(struct csgn1, key_1, "station-1", 1, 63,
	                  "name of the Ed25519 key and certificate (suite 1)"),
	CSN_OPTION_STRING(struct csgn1, key_2, "station-2", 1, 63,
	                  "name of the P-256 key and certificate (suite 2)"),
	CSN_OPTION_STRING(struct csgn1, require_evidence, NULL, 1, 255,
	                  "evidence types a device must bring, separated by commas"),
	CSN_OPTION_STRING(struct csgn1, operator_name, NULL, 1, 255,
	                  "who runs the station, told to the device"),
	CSN_OPTION_U32(struct csgn1, repeat, 10, 0, 10, "times the bind message is repeated"),
	CSN_OPTION_U32(struct csgn1, repeat_ms, 5000, 100, 60000, "pause before each repeat"),
	CSN_OPTION_U32(struct csgn1, deadline_ms, 120000, 1000, 120000,
	               "how long an answer is waited for"),
	CSN_OPTION_U32(struct csgn1, window_s, 3600, 60, 315360000,
	               "how long from now the device's credentials are good"),
	CSN_OPTION_U32(struct csgn1, early_s, 3600, 0, 86400,
	               "how long before now they already were"),
	CSN_OPTION_U32(struct csgn1, session_s, 600, 60, 86400,
	               "how far from now, either way, this session's data are good"),
	CSN_OPTION_U32(struct csgn1, lifetime_s, 0, 0, 4294967295,
	               "life of the device's keys, 0 says nothing"),
	CSN_OPTION_BOOL(struct csgn1, pin_generate, 0,
	                "draw the PIN of a one-way session instead of asking for it"),
	CSN_OPTION_U32(struct csgn1, pin_digits, 6, 6, 12, "length of a drawn PIN"),
	CSN_OPTION_BOOL(struct csgn1, ask_success, 0,
	                "one way: ask the operator whether the device showed success"),
	CSN_OPTION_END
};

static const struct csn_need needs[] = {
	{ CSN_KIND_KEYS, 0, NULL, "signs offers" },
	{ CSN_KIND_STORE, 0, NULL, "offers are on record before they are shown" },
	{ CSN_KIND_ATTEST, CSN_NEED_OPTIONAL, "x509", "judges manifests and hellos" },
	{ 0, 0, NULL, NULL },
};

static void csgn1_destroy(void *self);
static int csgn1_create(const struct csn_host *host, const struct csn_config *config,
                        void **ret_self, struct csn_error *err);

static const struct csn_component csgn1_component = {
	.size         = sizeof csgn1_component,
	.kind         = CSN_KIND_CEREMONY,
	.name         = "csgn1",
	.summary      = "the station's half of CSGN/1",
	.options      = options,
	.needs        = needs,
	.create       = csgn1_create,
	.destroy      = csgn1_destroy,
	.ops.ceremony = &csgn1_ops,
};

static void
csgn1_destroy(void *self)
{
	free(self);
}

/* Which makers are believed; none is said aloud, for no device will be served then. */
static int
load_makers(struct csgn1 *self, struct csn_error *err)
{
	char why[160];
	int  r = csn_anchors_load(self->makers, self->anchors, CSN_ANCHORS_MAX,
	                          &self->trusted_count, why, sizeof why);

	if (r < 0)
		return self->host->fail(err, r, "makers %s: %s", self->makers, why);
	if (self->trusted_count == 0)
		self->host->log(self->host, CSN_LOG_WARN, "no maker's key in %s yet",
		                self->makers);
	for (size_t i = 0; i < self->trusted_count; i++)
		self->trusted[i] = (struct station_maker){
			.suite = self->anchors[i].suite,
			.spki = { self->anchors[i].spki, self->anchors[i].len },
		};
	return CSN_OK;
}

static int
csgn1_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
             struct csn_error *err)
{
	struct csgn1 *self = calloc(1, sizeof *self);

	if (self == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the ceremony csgn1");
	self->host = host;
	self->crypto = csn_crypto_openssl();
	int r = host->bind(config, &csgn1_component, self, err);
	if (r == CSN_OK)
		r = load_makers(self, err);
	if (r < 0) {
		csgn1_destroy(self);
		return r;
	}
	*ret_self = self;
	return CSN_OK;
}

CSN_PLUGIN(ceremony_csgn1, .abi_minor = 11, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&csgn1_component));
