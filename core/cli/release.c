/* release: the owner's word that ends a quarantine (protocol.md 8.4, M8). */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/pki.h"
#include "core/cli/runner.h"
#include "lib/cose.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *dir = ".";
static int         suite = 1;

static const struct poptOption options[] = {
	{ "dir", 0, POPT_ARG_STRING, &dir, 0, "the station's folder (default: here)", "DIR" },
	{ "suite", 0, POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &suite, 0,
	  "the device's suite: 1 or 2", "SUITE" },
	POPT_TABLEEND,
};

static int
failed(struct cli *cli, int exit_code, const char *found, const char *text)
{
	return cli_fail(cli, exit_code,
	                &(struct cli_failure){ .code   = "CSN-REL-001",
	                                       .stage  = "release",
	                                       .found  = found,
	                                       .effect = "nothing was sent",
	                                       .next   = "countersign release --help" },
	                "%s", text);
}

/*
 * The next counter for a device, durable before anything is signed: a number that was
 * lost is only skipped, one that was used is never given again.
 */
static int
next_counter(struct runner *r, struct csn_bytes did, uint64_t *ret_counter)
{
	struct csn_error err = { 0 };
	struct csn_buf  *buf = NULL;
	uint8_t          next[8];
	uint64_t         last = 0;

	int result = csn_station_get(r->station, "release", did, &buf, &err);
	struct csn_bytes old = result == CSN_OK ? csn_buf_bytes(buf) : CSN_BYTES_NONE;
	if (result != CSN_OK && result != CSN_E_MISSING)
		return failed(r->cli, CLI_CANNOT, csn_error_text(&err),
		              "the counter of releases cannot be read");
	for (size_t i = 0; i < old.len && i < 8; i++)
		last = last << 8 | old.ptr[i];
	if (last == UINT64_MAX || (old.len != 0 && old.len != 8)) {
		csn_buf_unref(buf);
		return failed(r->cli, CLI_CANNOT, NULL, "the counter of releases is damaged");
	}
	for (size_t i = 0; i < 8; i++)
		next[i] = (uint8_t)((last + 1) >> (56 - 8 * i));
	const struct csn_store_item items[] = {
		{ .kind = CSN_ITEM_EXPECT, .space = "release", .key = did, .value = old },
		{ .kind = CSN_ITEM_PUT, .space = "release", .key = did,
		  .value = CSN_BYTES_OF(next) },
	};
	result = csn_station_commit(r->station, items, 2, &err);
	csn_buf_unref(buf);
	*ret_counter = last + 1;
	return result == CSN_OK ? CLI_OK
	                        : failed(r->cli, CLI_CANNOT, csn_error_text(&err),
	                                 "the counter of releases cannot be kept");
}

/* M8 by the owner's release key; *ret_m8 points into @buf. */
static int
make_m8(const struct csn_release *release, const uint8_t raw[32], struct csn_bytes cert,
        uint8_t *buf, size_t cap, struct csn_bytes *ret_m8)
{
	uint8_t              payload[128], object[CSN_MSG_MAX], sig[CSN_SIG_LEN];
	struct csn_dcbor_out out;
	struct csn_bytes     words, signed_words;

	csn_dcbor_out_init(&out, payload, sizeof payload);
	csn_release_put(&out, release);
	int r = csn_dcbor_out_end(&out, &words);
	if (r == CSN_OK)
		r = csn_cose_sign(csn_crypto_openssl(), (unsigned)suite, raw, words, sig);
	if (r != CSN_OK)
		return r;
	csn_dcbor_out_init(&out, object, sizeof object);
	csn_cose_put(&out, (unsigned)suite, &cert, 1, words, sig);
	r = csn_dcbor_out_end(&out, &signed_words);
	if (r != CSN_OK)
		return r;
	csn_dcbor_out_init(&out, buf, cap);
	csn_m8_put(&out, signed_words);
	return csn_dcbor_out_end(&out, ret_m8);
}

static int
sign_release(struct cli *cli, const struct csn_release *release, uint8_t *buf, size_t cap,
             struct csn_bytes *ret_m8)
{
	char      key_name[32], cert_name[32];
	uint8_t   raw[32];
	uint8_t  *der = NULL;
	int       len, code = CLI_OK;

	snprintf(key_name, sizeof key_name, "keys/release-%d.key", suite);
	snprintf(cert_name, sizeof cert_name, "keys/release-%d.pem", suite);
	char     *key_path = cli_path(dir, key_name), *cert_path = cli_path(dir, cert_name);
	EVP_PKEY *key = key_path != NULL ? pki_key_read(key_path) : NULL;

	if (key == NULL || cert_path == NULL || pki_private_raw(key, raw) < 0 ||
	    (len = pki_cert_read(cert_path, &der)) < 0)
		code = failed(cli, CLI_USAGE, key_path,
		              "the owner's release key cannot be read; countersign setup makes one");
	else if (make_m8(release, raw, (struct csn_bytes){ der, (size_t)len }, buf, cap,
	                 ret_m8) != CSN_OK)
		code = failed(cli, CLI_CANNOT, pki_reason(), "the release cannot be signed");
	csn_wipe(raw, sizeof raw);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	free(key_path);
	free(cert_path);
	return code;
}

static int
release_device(struct runner *r, struct csn_release *release)
{
	uint8_t          buf[CSN_MSG_MAX];
	struct csn_bytes m8  = CSN_BYTES_NONE;
	struct csn_error err = { 0 };
	int code = next_counter(r, CSN_BYTES_OF(release->did), &release->counter);

	if (code == CLI_OK)
		code = sign_release(r->cli, release, buf, sizeof buf, &m8);
	if (code != CLI_OK)
		return code;
	if (csn_station_send(r->station, CSN_ROLE_OFFER, m8, &err) != CSN_OK)
		return failed(r->cli, CLI_CANNOT, csn_error_text(&err),
		              "the release could not be sent on the channel of role offer");
	json_object_set_new(r->cli->doc, "counter", json_integer((json_int_t)release->counter));
	cli_line(r->cli, "release %llu sent; the device answers nothing, look at it",
	         (unsigned long long)release->counter);
	return CLI_OK;
}

static int
run(struct cli *cli)
{
	static struct runner r;
	struct csn_release   release = { .issued = (uint32_t)(time(NULL) - CSN_STAMP_EPOCH) };
	char                *config = NULL;

	if (!cli_did(cli->arg_count > 0 ? cli->args[0] : NULL, release.did))
		return failed(cli, CLI_USAGE, cli->arg_count > 0 ? cli->args[0] : "nothing",
		              "DID is 32 hex digits, as countersign device show prints them");
	if (suite != 1 && suite != 2)
		return failed(cli, CLI_USAGE, NULL, "--suite is 1 or 2");
	if (cli->config == NULL)
		cli->config = config = cli_path(dir, "countersign.conf");
	int code = runner_open(&r, cli, CSN_SIDE_STATION);
	if (code == CLI_OK)
		code = release_device(&r, &release);
	runner_close(&r);
	free(config);
	return code;
}

const struct cli_command cli_release = {
	.name     = "release",
	.summary  = "end the quarantine of a device, by its owner's release key",
	.synopsis = "DID [--dir DIR] [--suite 1|2]",
	.detail   = "Signs a release with DIR/keys/release-SUITE.key, which setup made, and sends it on\n"
	            "the channel of role offer. Its counter is kept in the station's store and grows\n"
	            "with every release. A device in quarantine that listens takes it and says so.",
	.options  = options,
	.run      = run,
};
