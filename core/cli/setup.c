/*
 * setup: an owner's anchors, a station's keys and certificates, and a first
 * configuration.  Idempotent: what is there already is kept.
 */
#include "core/cli/cli.h"
#include "core/cli/pki.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *dir = "station", *name = "station-1", *profile = "lab";
static const char *plugins;
static int         days = 30;

static const struct poptOption options[] = {
	{ "dir", 0, POPT_ARG_STRING | POPT_ARGFLAG_SHOW_DEFAULT, &dir, 0,
	  "folder to make or complete", "DIR" },
	{ "name", 0, POPT_ARG_STRING, &name, 0, "name of the station", "NAME" },
	{ "profile", 0, POPT_ARG_STRING, &profile, 0, "lab or factory", "PROFILE" },
	{ "days", 0, POPT_ARG_INT, &days, 0, "life of the station's certificates", "DAYS" },
	{ "plugin-path", 0, POPT_ARG_STRING, &plugins, 0,
	  "where the plugins are (default: the installed ones)", "DIR" },
	POPT_TABLEEND,
};

/* The channels here are files: they work everywhere and other programs can read them. */
static const char config_text[] =
	"# A station.  countersign config check -c THIS FILE finds every mistake.\n"
	"schema = 1;\n"
	"station : { name = \"%s\"; profile = \"%s\"; log_key = \"log\"; };\n"
	"plugins : { path = [ \"%s\" ]; };\n"
	"ceremony : { use = \"csgn1\"; makers = \"trust/makers\"; };\n"
	"channels = (\n"
	"  { role = \"offer\";  use = \"file\"; folder = \"air/offer\";  medium = \"qr\"; },\n"
	"  { role = \"bind\";   use = \"file\"; folder = \"air/bind\";   medium = \"ultrasonic\"; },\n"
	"  { role = \"return\"; use = \"file\"; folder = \"air/return\"; medium = \"serial\"; },\n"
	"  { role = \"bulk\";   use = \"file\"; folder = \"air/bulk\";   medium = \"file\"; }\n"
	");\n"
	"attest = ( { use = \"x509\"; anchors = \"trust/makers\"; } );\n"
	"keys : { use = \"file\"; path = \"keys\"; };\n"
	"store : { use = \"sqlite\"; path = \"state.db\"; };\n"
	"prompt : { use = \"tty\"; };\n"
	"policy : { };\n";

static const char *const folders[] = {
	"owner", "keys", "trust", "trust/makers", "air", "air/offer", "air/bind", "air/return",
	"air/bulk",
};

static int
cannot(struct cli *cli, const char *what, int r)
{
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code  = "CSN-SET-001",
	                                       .stage = "setup",
	                                       .found = r < 0 ? strerror(-r) : pki_reason(),
	                                       .effect = "what was there before is unchanged" },
	                "cannot make %s/%s", dir, what);
}

/* A leaf of the owner's: keys/NAME-SUITE.key and its certificate. */
static int
make_leaf(struct cli *cli, int suite, const char *leaf, const char *subject,
          enum pki_role role, const EVP_PKEY *anchor)
{
	char      key[32], cert[32];
	uint8_t  *der = NULL;
	EVP_PKEY *own = NULL;
	int       code = CLI_OK, r = 0;

	snprintf(key, sizeof key, "keys/%s-%d.key", leaf, suite);
	snprintf(cert, sizeof cert, "keys/%s-%d.pem", leaf, suite);
	char *key_path = cli_path(dir, key), *cert_path = cli_path(dir, cert);

	if ((own = pki_key_obtain(key_path, suite)) == NULL)
		code = cannot(cli, key, 0);
	else if ((r = pki_certify(own, subject, role, anchor, "Owner", days, &der)) < 0)
		code = cannot(cli, cert, 0);
	else if ((r = pki_cert_write(cert_path, der, (size_t)r)) < 0)
		code = cannot(cli, cert, r);
	OPENSSL_free(der);
	EVP_PKEY_free(own);
	free(key_path);
	free(cert_path);
	return code;
}

/* Owner anchor, station key, release key and their certificates for one suite. */
static int
make_suite(struct cli *cli, int suite)
{
	char      owner[32], pub[32];
	EVP_PKEY *anchor = NULL;
	int       code = CLI_OK, r = 0;

	snprintf(owner, sizeof owner, "owner/owner-%d.key", suite);
	snprintf(pub, sizeof pub, "owner/owner-%d.pem", suite);
	char *owner_path = cli_path(dir, owner), *pub_path = cli_path(dir, pub);

	if ((anchor = pki_key_obtain(owner_path, suite)) == NULL)
		code = cannot(cli, owner, 0);
	else if ((r = pki_public_write(pub_path, anchor)) < 0)
		code = cannot(cli, pub, r);
	if (code == CLI_OK)
		code = make_leaf(cli, suite, "station", name, PKI_STATION, anchor);
	if (code == CLI_OK)
		code = make_leaf(cli, suite, "release", "Releases", PKI_RELEASE, anchor);
	EVP_PKEY_free(anchor);
	free(owner_path);
	free(pub_path);
	return code;
}

static int
make_config(struct cli *cli)
{
	char *path = cli_path(dir, "countersign.conf"), *text = NULL;
	int   len  = asprintf(&text, config_text, name, profile, plugins ? plugins : PLUGINDIR);
	int   r    = len < 0 ? -1 : 0, code = CLI_OK;

	if (r == 0 && access(path, F_OK) != 0)
		r = cli_write(path, text, (size_t)len, 0644);
	if (r < 0)
		code = cannot(cli, "countersign.conf", r);
	free(text);
	free(path);
	return code;
}

/* The key that signs the checkpoints of the audit log. */
static int
make_log_key(struct cli *cli)
{
	char     *path = cli_path(dir, "keys/log.key");
	EVP_PKEY *key  = pki_key_obtain(path, 1);
	int       code = key != NULL ? CLI_OK : cannot(cli, "keys/log.key", 0);

	EVP_PKEY_free(key);
	free(path);
	return code;
}

static int
run(struct cli *cli)
{
	int r, code = CLI_OK;

	if (plugins != NULL && strcmp(profile, "lab") != 0)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-SET-002",
		                                       .next = "write plugins : { path = [ ... ]; } into the configuration" },
		                "--plugin-path works in the lab profile only");
	r = cli_folder(dir, 0755);
	if (r < 0)
		return cannot(cli, "", r);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char *path = cli_path(dir, folders[i]);

		r = cli_folder(path, i < 2 ? 0700 : 0755);
		free(path);
		if (r < 0)
			return cannot(cli, folders[i], r);
	}
	for (int suite = 1; suite <= 2 && code == CLI_OK; suite++)
		code = make_suite(cli, suite);
	if (code == CLI_OK)
		code = make_log_key(cli);
	if (code == CLI_OK)
		code = make_config(cli);
	if (code != CLI_OK)
		return code;
	cli_story(cli, '+', "owner", "%s/owner: anchors of both suites; keep the .key files safe",
	          dir);
	cli_story(cli, '+', "station", "%s/keys: keys and certificates for %d days", dir, days);
	cli_story(cli, '+', "settings", "%s/countersign.conf", dir);
	cli_line(cli, "next: put manufacturers' anchors (PEM public keys) into %s/trust/makers",
	         dir);
	json_object_set_new(cli->doc, "config", json_sprintf("%s/countersign.conf", dir));
	return CLI_OK;
}

const struct cli_command cli_setup = {
	.name     = "setup",
	.summary  = "keys, owner anchors, station certificate and a first configuration",
	.synopsis = "[--dir DIR] [--name NAME]",
	.detail   = "Makes DIR with owner/ (the owner's anchors), keys/ (the station's keys and\n"
	            "certificates, and the owner's release key, for both suites, and the log's key), trust/makers/ and\n"
	            "countersign.conf. What is there already is kept, so it also renews certificates.",
	.options  = options,
	.run      = run,
};
