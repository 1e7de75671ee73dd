/* plugins sign: a module's digest under an Ed25519 key, in a file beside it. */
#include "core/cli/pki.h"
#include "core/cli/plugins.h"
#include "core/plugin/trust.h"
#include "lib/hex.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SIG_LEN 64

static int
make(EVP_PKEY *key, const char *name, const char *digest, char ret_hex[2 * SIG_LEN + 2])
{
	char        text[CSN_TRUST_SIGNED_MAX];
	uint8_t     sig[SIG_LEN];
	size_t      len = sizeof sig, text_len = csn_trust_signed_text(name, digest, text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	         EVP_DigestSign(ctx, sig, &len, (const uint8_t *)text, text_len) == 1 &&
	         len == sizeof sig;

	EVP_MD_CTX_free(ctx);
	if (!ok)
		return -1;
	csn_hex_write(sig, sizeof sig, ret_hex);
	strcpy(ret_hex + 2 * SIG_LEN, "\n");
	return 0;
}

int
plugins_sign(struct cli *cli, const char *file, const char *key_path)
{
	struct csn_error err  = { 0 };
	char            *real = realpath(file, NULL), *path = NULL;
	char             digest[65], hex[2 * SIG_LEN + 2];
	int              sealed = -1, code = CLI_OK;
	EVP_PKEY        *key = key_path != NULL ? pki_key_read(key_path) : NULL;

	if (key_path == NULL)
		code = cli_fail(cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-001" },
		                "plugins sign needs --key FILE");
	else if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
		code = cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code  = "CSN-PLG-005",
		                                       .found = key != NULL ? "another kind of key" : pki_reason(),
		                                       .next  = "openssl genpkey -algorithm ed25519 -out FILE" },
		                "%s is no Ed25519 private key", key_path);
	else if (csn_trust_file(real != NULL ? real : file, NULL, digest, &sealed, &err) < 0)
		code = cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-PLG-006" },
		                "%s: %s", file, csn_error_text(&err));
	else if (make(key, strrchr(real, '/') + 1, digest, hex) < 0 ||
	         asprintf(&path, "%s.sig", real) < 0 ||
	         cli_write(path, hex, strlen(hex), 0644) < 0)
		code = cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-PLG-007" },
		                "%s.sig cannot be written", file);
	if (code == CLI_OK) {
		cli_line(cli, "%s", path);
		json_object_set_new(cli->doc, "signature", json_string(path));
		json_object_set_new(cli->doc, "digest", json_string(digest));
	}
	EVP_PKEY_free(key);
	free(real);
	free(path);
	return code;
}
