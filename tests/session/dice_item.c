/*
 * dice_item DIR: writes what a device with fresh keys would bring as evidence "dice" and
 * what a station needs to judge it: DIR/item, DIR/anchor.pem, DIR/did (hex).  The
 * challenge is 32 bytes of 07; the references are DIR/references/acme/one.cbor.  For a
 * live one: the leaf's key leaf.key, its chain.pem up to the maker of uds.pem.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/pem.h>

#include "kit/dice-forge.h"
#include "lib/dcbor.h"

static const char *dir;

static void
write_file(const char *name, const void *bytes, size_t len)
{
	char  path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static void
put_hex(struct csn_dcbor_out *out, const char *hex)
{
	uint8_t bytes[256];

	csn_dcbor_put_raw(out, (struct csn_bytes){ bytes, forge_unhex(hex, bytes, sizeof bytes) });
}

static void
write_item(const struct forge_chain *forged)
{
	static uint8_t       item[16384];
	uint8_t              payload[64], tbs_buf[256], sig[160], chal[32];
	struct csn_dcbor_out inner, tbs, out;

	memset(chal, 7, sizeof chal);
	csn_dcbor_out_init(&inner, payload, sizeof payload);
	csn_dcbor_put_array(&inner, 2);
	csn_dcbor_put_text(&inner, "csgn1/evid-dice");
	csn_dcbor_put_bytes(&inner, CSN_BYTES_OF(chal));
	csn_dcbor_out_init(&tbs, tbs_buf, sizeof tbs_buf);
	put_hex(&tbs, "84 6a 5369676e617475726531 43a10126 40");
	csn_dcbor_put_bytes(&tbs, (struct csn_bytes){ payload, inner.len });
	size_t len = forge_sign(forged->keys[4], (struct csn_bytes){ tbs_buf, tbs.len }, true, sig);
	csn_dcbor_out_init(&out, item, sizeof item);
	put_hex(&out, "84 43a10126 a1 1821");
	csn_dcbor_put_array(&out, forged->count);
	for (size_t i = forged->count; i-- > 0;)
		csn_dcbor_put_bytes(&out, forged->der[i]);
	csn_dcbor_put_null(&out);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, len });
	write_file("item", item, out.len);
}

/* One reference that every layer of the forge agrees with: vendor, SHA-256, SVN 5 or more. */
static void
write_references(void)
{
	uint8_t              comid[256], rim[400];
	char                 path[4096];
	struct csn_dcbor_out inner, out;

	csn_dcbor_out_init(&inner, comid, sizeof comid);
	put_hex(&inner, "a2 01a100626964 04a100 81 82 a100a1016441434d45 81 a101 a2 01d9022905 02 81 8201"
	                "5820 a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1");
	csn_dcbor_out_init(&out, rim, sizeof rim);
	put_hex(&out, "d901f5 a2 00626964 01 81 d901fa");
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ comid, inner.len });
	snprintf(path, sizeof path, "%s/references", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/references/acme", dir);
	mkdir(path, 0700);
	write_file("references/acme/one.cbor", rim, out.len);
}

/* Takes @bio over. */
static void
write_pem(const char *name, BIO *bio)
{
	char text[16384];
	int  n = BIO_read(bio, text, sizeof text);

	BIO_free(bio);
	write_file(name, text, n > 0 ? (size_t)n : 0);
}

/* The last three layers under a key of the maker's, as a device sends them. */
static void
write_live(const struct forge_chain *forged)
{
	BIO *anchor = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
	BIO *chain = BIO_new(BIO_s_mem());

	PEM_write_bio_PUBKEY(anchor, forged->keys[1]);
	write_pem("uds.pem", anchor);
	PEM_write_bio_PKCS8PrivateKey(key, forged->keys[4], NULL, NULL, 0, NULL, NULL);
	write_pem("leaf.key", key);
	for (size_t i = 4; i > 1; i--)
		PEM_write_bio(chain, PEM_STRING_X509, "", forged->der[i].ptr,
		              (long)forged->der[i].len);
	write_pem("chain.pem", chain);
}

static void
write_keys(const struct forge_chain *forged)
{
	uint8_t  spki[200], hash[32];
	char     hex[33];
	unsigned len = 0;
	BIO     *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PUBKEY(bio, forged->keys[0]);
	write_pem("anchor.pem", bio);
	EVP_Digest(spki, forge_spki(forged->keys[4], spki), hash, &len, EVP_sha256(), NULL);
	for (size_t i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	write_file("did", hex, 32);
}

int
main(int argc, char **argv)
{
	static struct forge_chain forged;

	if (argc != 2)
		return 2;
	dir = argv[1];
	forge_keys(&forged);
	forge_describe(&forged);
	forge_build(&forged);
	write_item(&forged);
	write_references();
	write_keys(&forged);
	write_live(&forged);
	forge_done(&forged);
	return 0;
}
