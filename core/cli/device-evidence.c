/* device evidence: what a device proves itself by beside its identity key, into its store. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/device.h"
#include "core/cli/pki.h"
#include "lib/cose.h"
#include "lib/crypto.h"
#include "lib/dcbor.h"
#include "lib/hex.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEYS_MAX = 4,
	PSK_MIN  = 32,
	PSK_MAX  = 64,
	ROW_MAX  = KEYS_MAX * (CSN_CHAIN_MAX * (CSN_CERT_MAX + 8) + 96),
};

struct device_evidence device_evidence;

static const struct csn_bytes psk_row = { (const uint8_t *)"evidence-psk", 12 };
static const struct csn_bytes keys_row = { (const uint8_t *)"evidence-keys", 13 };

static int
refuse(struct cli *cli, const char *found, const char *wanted)
{
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = "CSN-DEV-007", .found = found,
	                                       .wanted = wanted,
	                                       .effect = "nothing was changed" },
	                "this cannot be a device's evidence");
}

static int
keep(struct runner *r, struct csn_bytes row, struct csn_bytes value)
{
	struct csn_error            err = { 0 };
	const struct csn_store_item item = { .kind = CSN_ITEM_PUT, .space = "device",
		                             .key = row, .value = value };

	if (csn_station_commit(r->station, &item, 1, &err) == CSN_OK)
		return CLI_OK;
	return cli_fail(r->cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-DEV-001", .stage = "device",
	                                       .effect = "nothing was changed" },
	                "%s", csn_error_text(&err));
}

static int
keep_psk(struct runner *r)
{
	uint8_t *text = NULL, key[PSK_MAX] = { 0 };
	size_t   len = 0;
	int      code;

	if (cli_read(device_evidence.psk, 4 * PSK_MAX, &text, &len) < 0)
		return refuse(r->cli, device_evidence.psk, "a file of hex digits");
	for (; len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL; len--)
		;
	if (len < 2 * PSK_MIN || len > 2 * PSK_MAX ||
	    !csn_hex_read((struct csn_bytes){ text, len }, CSN_HEX_ANY, key, len / 2))
		code = refuse(r->cli, device_evidence.psk, "64 to 128 hex digits");
	else
		code = keep(r, psk_row, (struct csn_bytes){ key, len / 2 });
	csn_wipe(key, sizeof key);
	csn_wipe(text, len);
	free(text);
	return code;
}

/* Certificates of a PEM file, each malloced by OpenSSL; their number, 0 for a bad file. */
static size_t
read_chain(const char *path, struct csn_bytes chain[CSN_CHAIN_MAX])
{
	FILE  *file = fopen(path, "r");
	X509  *cert;
	size_t n = 0;
	bool   good = file != NULL;

	while (good && (cert = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
		uint8_t *der = NULL;
		int      len = n < CSN_CHAIN_MAX ? i2d_X509(cert, &der) : -1;

		X509_free(cert);
		good = len > 0 && len <= CSN_CERT_MAX;
		if (len > 0)
			chain[n++] = (struct csn_bytes){ der, (size_t)len };
	}
	if (file != NULL)
		fclose(file);
	return good ? n : 0;
}

/* The other types of the row that is there, then the new one. */
static int
put_row(struct csn_bytes old, unsigned suite, const uint8_t key[32],
        const struct csn_bytes *chain, size_t chain_len, uint8_t *buf, struct csn_bytes *ret)
{
	struct csn_bytes     others[KEYS_MAX];
	size_t               n = 0, count = 0;
	struct csn_dcbor_out out;
	struct csn_dcbor_in  in, item;

	if (old.len > 0 && csn_dcbor_check(old) == CSN_OK) {
		csn_dcbor_in_init(&in, old);
		count = csn_dcbor_array(&in, 1, KEYS_MAX);
	}
	for (size_t i = 0; i < count && !in.bad; i++) {
		struct csn_bytes raw = csn_dcbor_item(&in);
		csn_dcbor_in_init(&item, raw);
		csn_dcbor_array(&item, 4, 4);
		struct csn_bytes type = csn_dcbor_text(&item, 1, 20);
		if (type.len != strlen(device_evidence.type) || memcmp(type.ptr, device_evidence.type, type.len) != 0)
			others[n++] = raw;
	}
	if (n == KEYS_MAX)
		return CSN_E_TOO_BIG;
	csn_dcbor_out_init(&out, buf, ROW_MAX);
	csn_dcbor_put_array(&out, n + 1);
	for (size_t i = 0; i < n; i++)
		csn_dcbor_put_raw(&out, others[i]);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_text(&out, device_evidence.type);
	csn_dcbor_put_uint(&out, suite);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ key, CSN_SK_LEN });
	csn_dcbor_put_array(&out, chain_len);
	for (size_t i = 0; i < chain_len; i++)
		csn_dcbor_put_bytes(&out, chain[i]);
	return csn_dcbor_out_end(&out, ret);
}

/* Is the first certificate of the chain the key's? */
static bool
fits(const EVP_PKEY *key, struct csn_bytes der)
{
	const unsigned char *p = der.ptr;
	X509                *leaf = d2i_X509(NULL, &p, (long)der.len);
	bool same = leaf != NULL && EVP_PKEY_eq(X509_get0_pubkey(leaf), key) == 1;

	X509_free(leaf);
	return same;
}

static int
keep_key(struct runner *r)
{
	static uint8_t   buf[ROW_MAX];
	EVP_PKEY        *key = pki_key_read(device_evidence.key);
	struct csn_bytes chain[CSN_CHAIN_MAX], row;
	size_t           count = read_chain(device_evidence.chain, chain);
	unsigned         suite = key == NULL ? 0 :
	                         EVP_PKEY_is_a(key, "ED25519") ? CSN_SUITE_X25519 :
	                                                         CSN_SUITE_P256;
	uint8_t          raw[CSN_SK_LEN];
	struct csn_buf  *old = NULL;
	struct csn_error err = { 0 };
	int              code;

	if (strlen(device_evidence.type) > 20)
		code = refuse(r->cli, device_evidence.type, "a type of 20 characters at most");
	else if (key == NULL || pki_private_raw(key, raw) < 0)
		code = refuse(r->cli, device_evidence.key, "a private key in PEM, Ed25519 or P-256");
	else if (count == 0 || !fits(key, chain[0]))
		code = refuse(r->cli, device_evidence.chain,
		              "1 to 3 certificates in PEM, the key's own first");
	else {
		/* None is there at first. */
		(void)csn_station_get(r->station, "device", keys_row, &old, &err);
		code = put_row(old != NULL ? csn_buf_bytes(old) : CSN_BYTES_NONE, suite, raw,
		               chain, count, buf, &row) < 0 ?
		               refuse(r->cli, device_evidence.type, "no more than 4 types") :
		               keep(r, keys_row, row);
	}
	csn_wipe(raw, sizeof raw);
	csn_wipe(buf, sizeof buf);
	for (size_t i = 0; i < count; i++)
		OPENSSL_free((void *)(uintptr_t)chain[i].ptr);
	csn_buf_unref(old);
	EVP_PKEY_free(key);
	return code;
}

int
device_evidence_keep(struct runner *r)
{
	bool whole = device_evidence.type != NULL && device_evidence.key != NULL && device_evidence.chain != NULL;
	bool some = device_evidence.type != NULL || device_evidence.key != NULL || device_evidence.chain != NULL;

	if (some != whole || (device_evidence.psk == NULL && !whole))
		return refuse(r->cli, "options that do not go together",
		              "--psk FILE, or --type, --key and --chain");
	int code = device_evidence.psk != NULL ? keep_psk(r) : CLI_OK;
	if (code == CLI_OK && whole)
		code = keep_key(r);
	if (code == CLI_OK)
		cli_story(r->cli, '+', "kept", "%s",
		          whole ? device_evidence.type : "the shared key, for evidence = \"psk\" or \"both\"");
	return code;
}
