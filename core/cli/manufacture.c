/* manufacture: what a maker does once for each device, here for a simulated one. */
#include "core/cli/cli.h"
#include "core/cli/pki.h"
#include "device/state.h"
#include "lib/cose.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/ladder.h"
#include "lib/spake2p.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MODES_KEYED 0x0f /* 0, 1, 2, 3 */
#define MODES_PSK   0x50 /* 4, 6 */

static const char *maker_dir = "maker", *out_dir = "device", *owner_path, *class = "sensor-a1";
static const char *tier = "keyed", *plugins, *pin_path;
static int         suite = 1, rungs = 32, cost = 8, no_identity;

static const struct poptOption options[] = {
	{ "maker", 0, POPT_ARG_STRING, &maker_dir, 0, "folder with the maker's keys", "DIR" },
	{ "out", 0, POPT_ARG_STRING, &out_dir, 0, "folder of the new device", "DIR" },
	{ "owner", 0, POPT_ARG_STRING, &owner_path, 0,
	  "owner's anchor to pin (PEM private or public key); without: a voucher is needed",
	  "FILE" },
	{ "class", 0, POPT_ARG_STRING, &class, 0, "hardware model", "NAME" },
	{ "suite", 0, POPT_ARG_INT, &suite, 0, "1 (Ed25519, X25519) or 2 (P-256)", "SUITE" },
	{ "tier", 0, POPT_ARG_STRING, &tier, 0, "keyed, or basic (pre-shared secret)", "TIER" },
	{ "rungs", 0, POPT_ARG_INT, &rungs, 0, "keys in the manifest, 1 to 64", "N" },
	{ "cost", 0, POPT_ARG_INT, &cost, 0, "scrypt cost of a PIN, 8 to 17; 0: no PIN", "LOG2" },
	{ "pin-file", 0, POPT_ARG_STRING, &pin_path, 0,
	  "6 to 12 digits of the PIN that a two-way session proves; never an argument", "FILE" },
	{ "no-identity", 0, POPT_ARG_NONE, &no_identity, 0, "no identity key, so no receipts",
	  NULL },
	{ "plugin-path", 0, POPT_ARG_STRING, &plugins, 0,
	  "where the plugins are (default: the installed ones)", "DIR" },
	POPT_TABLEEND,
};

/* Everything that is made, so that one place wipes it. */
struct plant {
	uint8_t w0[32], l[CSN_POINT_LEN]; /* of the PIN, when has_pin */
	bool    has_pin;
	EVP_PKEY *maker, *signer, *identity, *owner;
	uint8_t  *maker_spki, *owner_spki, *identity_spki, *identity_cert, *signer_cert;
	int       maker_len, owner_len, identity_len, identity_cert_len, signer_cert_len;
	uint8_t   seed[CSN_SEED_LEN], identity_raw[32], signer_raw[32], did[16];
	struct csn_device_state state;
	uint8_t                 keys[CSN_KEYS_MAX][CSN_PK_MAX];
};

static int
cannot(struct cli *cli, const char *what, const char *found)
{
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-MAK-001", .stage = "manufacture",
	                                       .found = found },
	                "cannot make %s", what);
}

static uint32_t
stamp_now(void)
{
	return (uint32_t)(time(NULL) - CSN_STAMP_EPOCH);
}

static int
in_folder(const char *folder, const char *name, const void *bytes, size_t len, unsigned mode)
{
	char *path = cli_path(folder, name);
	int   r    = path != NULL ? cli_write(path, bytes, len, mode) : -ENOMEM;

	free(path);
	return r;
}

/* The maker's anchor and its manifest signer. */
static int
make_maker(struct cli *cli, struct plant *p)
{
	char anchor[32], public[32], signer[32];
	int  code = CLI_OK;

	snprintf(anchor, sizeof anchor, "maker-%d.key", suite);
	snprintf(public, sizeof public, "maker-%d.pem", suite);
	snprintf(signer, sizeof signer, "signer-%d.key", suite);
	char *anchor_path = cli_path(maker_dir, anchor), *public_path = cli_path(maker_dir, public);
	char *signer_path = cli_path(maker_dir, signer);

	cli_folder(maker_dir, 0700);
	p->maker  = pki_key_obtain(anchor_path, suite);
	p->signer = pki_key_obtain(signer_path, suite);
	if (p->maker == NULL || p->signer == NULL)
		code = cannot(cli, "the maker's keys", pki_reason());
	else if (pki_public_write(public_path, p->maker) < 0)
		code = cannot(cli, public_path, "it cannot be written");
	else if ((p->maker_len = pki_spki(p->maker, &p->maker_spki)) < 0 ||
	         pki_private_raw(p->signer, p->signer_raw) < 0 ||
	         (p->signer_cert_len = pki_certify(p->signer, "Manifests", PKI_MANIFEST, p->maker,
	                                           "Maker", 0, &p->signer_cert)) < 0)
		code = cannot(cli, "the manifest signer's certificate", pki_reason());
	free(anchor_path);
	free(public_path);
	free(signer_path);
	return code;
}

static int
read_owner(struct cli *cli, struct plant *p)
{
	if (owner_path == NULL)
		return CLI_OK;
	p->owner = pki_key_read(owner_path);
	if (p->owner == NULL)
		p->owner = pki_public_read(owner_path);
	if (p->owner == NULL || (p->owner_len = pki_spki(p->owner, &p->owner_spki)) < 0)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code   = "CSN-USE-004",
		                                       .found  = owner_path,
		                                       .wanted = "a PEM key" },
		                "no owner's anchor: %s", pki_reason());
	if (EVP_PKEY_is_a(p->owner, suite == 1 ? "ED25519" : "EC") == 1)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){
				.code   = "CSN-USE-009",
				.found  = owner_path,
				.wanted = suite == 1 ? "an Ed25519 key, as suite 1 has it"
	                                             : "a P-256 key, as suite 2 has it",
				.effect = "no device was made",
				.next   = suite == 1 ? "--owner station/owner/owner-1.key, or --suite 2"
	                                             : "--owner station/owner/owner-2.key, or --suite 1",
			},
	                "--owner: the key does not fit --suite %d", suite);
}

static int
make_identity(struct cli *cli, struct plant *p)
{
	uint8_t hash[32];

	if (RAND_bytes(p->did, sizeof p->did) != 1)
		return cannot(cli, "a device id", pki_reason());
	if (no_identity || strcmp(tier, "basic") == 0)
		return CLI_OK;
	p->identity = pki_key_new(suite);
	if (p->identity == NULL || pki_private_raw(p->identity, p->identity_raw) < 0 ||
	    (p->identity_len = pki_spki(p->identity, &p->identity_spki)) < 0 ||
	    (p->identity_cert_len = pki_certify(p->identity, "Device", PKI_DEVICE, p->maker,
	                                        "Maker", 0, &p->identity_cert)) < 0 ||
	    EVP_Digest(p->identity_spki, (size_t)p->identity_len, hash, NULL, EVP_sha256(),
	               NULL) != 1)
		return cannot(cli, "the device's identity", pki_reason());
	memcpy(p->did, hash, sizeof p->did);
	return CLI_OK;
}

/* What a device keeps of a printed PIN: w0 and L, from which it cannot be read. */
static int
make_pin(struct cli *cli, struct plant *p)
{
	uint8_t *text = NULL, w1[32];
	size_t   len  = 0;

	if (pin_path == NULL)
		return CLI_OK;
	int r = cli_read(pin_path, 64, &text, &len);
	struct csn_bytes pin = { text, len };
	while (r == 0 && pin.len > 0 && (text[pin.len - 1] == '\n' || text[pin.len - 1] == '\r'))
		pin.len--;
	bool good = r == 0 && cost > 0 && p->identity != NULL && csn_pin_valid(pin);
	if (good) {
		r = csn_pake_scalars(csn_crypto_openssl(), pin, p->did, (unsigned)cost, p->w0, w1);
		if (r == CSN_OK)
			r = csn_pake_record(csn_crypto_openssl(), w1, p->l);
		p->has_pin = r == CSN_OK;
	}
	csn_wipe(w1, sizeof w1);
	if (text != NULL)
		csn_wipe(text, len);
	free(text);
	if (p->has_pin)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code   = "CSN-USE-005",
	                                       .found  = pin_path,
	                                       .wanted = "6 to 12 digits, an identity key and a cost",
	                                       .effect = "no device was made" },
	                "--pin-file cannot be taken");
}

static struct csn_bytes
bytes_of(const uint8_t *ptr, int len)
{
	return (struct csn_bytes){ ptr, len > 0 ? (size_t)len : 0 };
}

/* The device's durable state, as a file that `device init` takes in once. */
static int
make_state(struct cli *cli, struct plant *p)
{
	static uint8_t          out[CSN_DEVICE_STATE_MAX];
	size_t                  len   = 0;
	struct csn_device_birth birth = {
		.suite         = (uint8_t)suite,
		.cost          = (uint8_t)cost,
		.modes         = strcmp(tier, "basic") == 0 ? MODES_PSK : MODES_KEYED,
		.floor         = stamp_now() - 86400,
		.seed          = CSN_BYTES_OF(p->seed),
		.did           = CSN_BYTES_OF(p->did),
		.model         = { (const uint8_t *)class, strlen(class) },
		.maker_spki    = bytes_of(p->maker_spki, p->maker_len),
		.owner_spki    = bytes_of(p->owner_spki, p->owner_len),
	};

	if (p->identity != NULL) {
		birth.identity_key = CSN_BYTES_OF(p->identity_raw);
		birth.certs[0]     = bytes_of(p->identity_cert, p->identity_cert_len);
		birth.cert_count   = 1;
	}
	if (p->has_pin) {
		birth.w0 = CSN_BYTES_OF(p->w0);
		birth.l  = CSN_BYTES_OF(p->l);
	}
	if (csn_device_state_init(csn_crypto_openssl(), &birth, &p->state) != CSN_OK ||
	    csn_device_state_encode(&p->state, out, sizeof out, &len) != CSN_OK)
		return cannot(cli, "the device's state", "the parts do not fit the suite");
	int r = in_folder(out_dir, "device.state", out, len, 0600);
	csn_wipe(out, sizeof out);
	return r < 0 ? cannot(cli, "device.state", strerror(-r)) : CLI_OK;
}

/* The keys of every rung, by climbing the ladder in memory. */
static int
climb(struct plant *p, struct csn_manifest *manifest)
{
	uint8_t seed[CSN_SEED_LEN], sk[CSN_SK_LEN];
	int     r = CSN_OK;

	memcpy(seed, p->seed, sizeof seed);
	for (int i = 0; i < rungs && r == CSN_OK; i++) {
		r = csn_ladder_keys(csn_crypto_openssl(), (unsigned)suite, seed, sk, p->keys[i]);
		if (r == CSN_OK)
			r = csn_ladder_forward(csn_crypto_openssl(), seed, 1, seed);
		manifest->keys[i] = (struct csn_bytes){ p->keys[i], suite == 1 ? 32 : 65 };
	}
	manifest->keys_len = (size_t)rungs;
	csn_wipe(seed, sizeof seed);
	csn_wipe(sk, sizeof sk);
	return r;
}

static int
make_manifest(struct cli *cli, struct plant *p)
{
	static uint8_t       payload[8192], object[12288];
	uint8_t              sig[CSN_SIG_LEN];
	struct csn_dcbor_out out;
	struct csn_bytes     body, done;
	struct csn_bytes     chain    = bytes_of(p->signer_cert, p->signer_cert_len);
	struct csn_manifest  manifest = {
		 .suite      = (uint64_t)suite,
		 .spki       = bytes_of(p->identity_spki, p->identity_len),
		 .class_name = { (const uint8_t *)class, strlen(class) },
		 .cost       = (uint8_t)cost,
		 .issued     = stamp_now(),
	};

	memcpy(manifest.did, p->did, sizeof manifest.did);
	if (climb(p, &manifest) != CSN_OK)
		return cannot(cli, "the rungs", pki_reason());
	csn_dcbor_out_init(&out, payload, sizeof payload);
	csn_manifest_put(&out, &manifest);
	if (csn_dcbor_out_end(&out, &body) != CSN_OK ||
	    csn_cose_sign(csn_crypto_openssl(), (unsigned)suite, p->signer_raw, body, sig) != CSN_OK)
		return cannot(cli, "the manifest's signature", pki_reason());
	csn_dcbor_out_init(&out, object, sizeof object);
	csn_cose_put(&out, (unsigned)suite, &chain, 1, body, sig);
	if (csn_dcbor_out_end(&out, &done) != CSN_OK)
		return cannot(cli, "the manifest", "it is over 12288 bytes");
	int r = in_folder(out_dir, "manifest.cbor", done.ptr, done.len, 0644);
	return r < 0 ? cannot(cli, "manifest.cbor", strerror(-r)) : CLI_OK;
}

static int
make_record(struct cli *cli, struct plant *p)
{
	uint8_t               bytes[512];
	struct csn_dcbor_out  out;
	struct csn_bytes      done;
	struct csn_psk_record record = { .suite      = (unsigned)suite,
		                         .class_name = { (const uint8_t *)class, strlen(class) },
		                         .cost       = (uint8_t)cost };

	memcpy(record.did, p->did, sizeof record.did);
	memcpy(record.seed, p->seed, sizeof record.seed);
	csn_dcbor_out_init(&out, bytes, sizeof bytes);
	csn_psk_record_put(&out, &record);
	int r = csn_dcbor_out_end(&out, &done);
	if (r == CSN_OK)
		r = in_folder(out_dir, "psk-record.cbor", done.ptr, done.len, 0600);
	csn_wipe(&record, sizeof record);
	csn_wipe(bytes, sizeof bytes);
	return r < 0 ? cannot(cli, "psk-record.cbor", "it cannot be written") : CLI_OK;
}

static const char device_config[] =
	"# A device's agent.  Its channels are files until you name others.\n"
	"schema = 1;\n"
	"station : { name = \"device\"; profile = \"lab\"; };\n"
	"plugins : { path = [ \"%s\" ]; };\n"
	"ceremony : { use = \"csgn1-device\"; send_receipt = true; };\n"
	"channels = (\n"
	"  { role = \"offer\";  use = \"file\"; folder = \"../station/air/offer\";"
	"  medium = \"qr\"; },\n"
	"  { role = \"bind\";   use = \"file\"; folder = \"../station/air/bind\";"
	"   medium = \"ultrasonic\"; },\n"
	"  { role = \"return\"; use = \"file\"; folder = \"../station/air/return\";"
	" medium = \"serial\"; },\n"
	"  { role = \"bulk\";   use = \"file\"; folder = \"../station/air/bulk\";"
	"   medium = \"file\"; }\n"
	");\n"
	"store : { use = \"sqlite\"; path = \"device.db\"; };\n"
	"prompt : { use = \"tty\"; };\n"
	"policy : { };\n";

static int
make_config(struct cli *cli)
{
	char *text = NULL;
	int   len  = asprintf(&text, device_config, plugins ? plugins : PLUGINDIR);
	int   r = len > 0 ? in_folder(out_dir, "device.conf", text, (size_t)len, 0644) : -ENOMEM;

	free(text);
	return r < 0 ? cannot(cli, "device.conf", strerror(-r)) : CLI_OK;
}

static void
plant_done(struct plant *p)
{
	EVP_PKEY_free(p->maker);
	EVP_PKEY_free(p->signer);
	EVP_PKEY_free(p->identity);
	EVP_PKEY_free(p->owner);
	OPENSSL_free(p->maker_spki);
	OPENSSL_free(p->owner_spki);
	OPENSSL_free(p->identity_spki);
	OPENSSL_free(p->identity_cert);
	OPENSSL_free(p->signer_cert);
	csn_wipe(p, sizeof *p);
}

static int
check_options(struct cli *cli)
{
	static const struct {
		const char *option, *bound;
		const int  *value;
		int         min, max;
	} numbers[] = {
		{ "--suite", "1 or 2", &suite, 1, 2 },
		{ "--rungs", "1 to 64", &rungs, 1, CSN_KEYS_MAX },
		{ "--cost", "0 or 8 to 17", &cost, 0, CSN_COST_MAX },
	};
	const char *wrong = NULL, *bound = NULL;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (*numbers[i].value < numbers[i].min || *numbers[i].value > numbers[i].max) {
			wrong = numbers[i].option;
			bound = numbers[i].bound;
		}
	if (cost > 0 && cost < CSN_COST_MIN) {
		wrong = "--cost";
		bound = "0 or 8 to 17";
	}
	if (strcmp(tier, "keyed") != 0 && strcmp(tier, "basic") != 0) {
		wrong = "--tier";
		bound = "keyed or basic";
	}
	if (strlen(class) == 0 || strlen(class) > CSN_DEVICE_CLASS_MAX) {
		wrong = "--class";
		bound = "1 to 255 bytes";
	}
	if (wrong == NULL)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = "CSN-USE-005", .wanted = bound,
	                                       .effect = "nothing was made" },
	                "%s is out of its bounds", wrong);
}

static int
run(struct cli *cli)
{
	static struct plant plant;
	struct plant       *p    = &plant;
	bool                basic = strcmp(tier, "basic") == 0;
	int                 code = check_options(cli);

	if (code == CLI_OK && cli_folder(out_dir, 0700) < 0)
		code = cannot(cli, out_dir, strerror(errno));
	if (code == CLI_OK && RAND_priv_bytes(p->seed, sizeof p->seed) != 1)
		code = cannot(cli, "a seed", pki_reason());
	if (code == CLI_OK)
		code = make_maker(cli, p);
	if (code == CLI_OK)
		code = read_owner(cli, p);
	if (code == CLI_OK)
		code = make_identity(cli, p);
	if (code == CLI_OK)
		code = make_pin(cli, p);
	if (code == CLI_OK)
		code = make_state(cli, p);
	if (code == CLI_OK)
		code = basic ? make_record(cli, p) : make_manifest(cli, p);
	if (code == CLI_OK)
		code = make_config(cli);
	plant_done(p);
	if (code != CLI_OK)
		return code;
	cli_story(cli, '+', "made", "%s: %s, suite %d, tier %s, for the station: %s/%s", out_dir,
	          class, suite, tier, out_dir, basic ? "psk-record.cbor" : "manifest.cbor");
	json_object_set_new(cli->doc, "device", json_string(out_dir));
	return CLI_OK;
}

const struct cli_command cli_manufacture = {
	.name     = "manufacture",
	.summary  = "make a simulated device, as its manufacturer does",
	.synopsis = "[--out DIR] [--maker DIR] [--owner FILE]",
	.detail   = "Makes the maker's keys in --maker (kept when there), and in --out the device's\n"
	            "secret state (device.state, taken in by `countersign device init`), device.conf\n"
	            "and what a station needs: manifest.cbor, or psk-record.cbor in the basic tier.",
	.options  = options,
	.run      = run,
};
