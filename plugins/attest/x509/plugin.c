#include <countersign/plugin.h>

#include <stdlib.h>

#include "lib/crypto-openssl.h"
#include "x509.h"

/* Rows of the part that judges devices, whose members have longer names than options. */
#define PATH_ROW(k, f, text)                                                      \
	{ .key = (k), .help = (text), .type = CSN_PATH,                           \
	  .offset = CSN_FIELD_OF(struct x509, f, char *), .min = 1, .max = 4095 }
#define CHOICE_ROW(k, f, dflt, list, text)                                        \
	{ .key = (k), .fallback = (dflt), .help = (text), .choices = (list),      \
	  .type = CSN_CHOICE, .offset = CSN_FIELD_OF(struct x509, f, uint32_t) }
#define HOURS_ROW(k, f, text)                                                     \
	{ .key = (k), .fallback = "0", .help = (text), .type = CSN_U32,           \
	  .offset = CSN_FIELD_OF(struct x509, f, uint32_t), .max = 8760 }

static const struct csn_option options[] = {
	CHOICE_ROW("profile", devices.profile, "csgn1", X509_PROFILE_CHOICES,
	           "whose certificates: the protocol's own, or a profile of devices"),
	PATH_ROW("anchors", anchors_path,
	         "csgn1: PEM public keys of the makers believed, a file or a folder of *.pem"),
	PATH_ROW("makers", devices.makers_path,
	         "devices: a folder with one folder a maker: *.pem, and relax"),
	PATH_ROW("allow", devices.allow_path,
	         "devices: file of SHA-256 of the public keys allowed, one a line"),
	{ .key = "allow_alone", .fallback = "false",
	  .help = "devices: an allowed key needs no path to a maker", .type = CSN_BOOL,
	  .offset = CSN_FIELD_OF(struct x509, devices.allow_alone, uint32_t), .max = 1 },
	PATH_ROW("deny", devices.deny_path,
	         "devices: file of SHA-256 of public keys blocked, one a line"),
	PATH_ROW("identities", devices.identities_path,
	         "devices: file of DID MAKER SERIAL, one a line; others are refused"),
	CHOICE_ROW("revocation", devices.revocation, "known", "known|leaf|all",
	           "devices: whose good standing a list or an answer must show"),
	HOURS_ROW("crl_grace_h", devices.crl_grace_h,
	          "devices: hours a revocation list is taken after its end"),
	HOURS_ROW("ocsp_max_age_h", devices.ocsp_max_age_h,
	          "devices: hours an OCSP answer is taken; 0: as it says itself"),
	CSN_OPTION_END
};

static int x509_create(const struct csn_host *host, const struct csn_config *config,
                       void **ret_self, struct csn_error *err);

static void
x509_destroy(void *self)
{
	struct x509 *x509 = self;

	if (x509 != NULL)
		x509_devices_done(&x509->devices);
	free(x509);
}

static const struct csn_component x509_component = {
	.size       = sizeof x509_component,
	.kind       = CSN_KIND_ATTEST,
	.name       = "x509",
	.summary    = "manifests, hellos and devices under a maker's certificates",
	.options    = options,
	.create     = x509_create,
	.destroy    = x509_destroy,
	.ops.attest = &x509_ops,
};

static int
load_anchors(struct x509 *x509, struct csn_error *err)
{
	char why[160];

	if (x509->anchors_path == NULL)
		return x509->host->fail(err, CSN_E_CONFIG,
		                        "the profile csgn1 wants the option anchors");
	int r = csn_anchors_load(x509->anchors_path, x509->anchors, CSN_ANCHORS_MAX,
	                         &x509->count, why, sizeof why);
	return r < 0 ? x509->host->fail(err, r, "anchors %s: %s", x509->anchors_path, why) : r;
}

static int
x509_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct x509 *x509 = calloc(1, sizeof *x509);

	if (x509 == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for the verifier x509");
	x509->host = host;
	x509->crypto = csn_crypto_openssl();
	int r = host->bind(config, &x509_component, x509, err);
	if (r == CSN_OK)
		r = x509->devices.profile == X509_PROFILE_CSGN1 ?
		            load_anchors(x509, err) :
		            x509_devices_load(&x509->devices, host, err);
	if (r < 0) {
		x509_destroy(x509);
		return r;
	}
	*ret_self = x509;
	return CSN_OK;
}

CSN_PLUGIN(attest_x509, .abi_minor = 10, .version = "0.1.0", .license = "Apache-2.0",
           .origin = "countersign", .components = CSN_LIST(&x509_component));
