/* attest/x509 reading what it believes of manufacturers: every mistake is named. */
#define _XOPEN_SOURCE 700

#include "kit/pki.h"
#include "kit/tap.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "plugins/attest/x509/device.h"

static char folder[] = "/tmp/csn-x509-XXXXXX";
static char message[512];
static X509 *root;
static X509_CRL *crl;

__attribute__((format(printf, 3, 4))) static int
fail(struct csn_error *err, int code, const char *fmt, ...)
{
	va_list args;

	(void)err;
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	return code;
}

static const struct csn_host host = { .size = sizeof host, .fail = fail };

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static char *
at(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof path[0], "%s/%s", folder, name);
	return out;
}

static void
put(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "wb");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

/* A fresh folder with one maker that is as it should be. */
static void
fresh(void)
{
	nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
	mkdir(folder, 0700);
	mkdir(at("makers"), 0700);
	mkdir(at("makers/acme"), 0700);
	FILE *file = fopen(at("makers/acme/root.pem"), "wb");
	PEM_write_X509(file, root);
	fclose(file);
}

static int
load(struct x509_devices *devices)
{
	message[0] = '\0';
	devices->profile = X509_PROFILE_IDEVID;
	if (devices->makers_path == NULL)
		devices->makers_path = at("makers");
	return x509_devices_load(devices, &host, NULL);
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define DID  "00112233445566778899aabbccddeeff"

static void
test_mistakes(void)
{
	static const struct {
		const char *what, *file, *text, *want;
		int         code;
	} cases[] = {
		{ "a relaxation nobody knows", "makers/acme/relax", "sha1\nshaa1 # typo\n",
		  "relax:2: no relaxation is called \"shaa1\"", CSN_E_CONFIG },
		{ "a relaxation and a comment", "makers/acme/relax", "# why\n sha1 # old\n\n", "",
		  CSN_OK },
		{ "a file of text", "makers/acme/x.pem", "hello\n",
		  "there is text outside of the blocks", CSN_E_CONFIG },
		{ "a file of comments", "makers/acme/x.pem", "# hello\n\n",
		  "block 0 is no certificate or revocation list", CSN_E_CONFIG },
		{ "a private key", "makers/acme/x.pem",
		  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		  "block 1 is no certificate or revocation list", CSN_E_CONFIG },
		{ "a certificate that is cut off", "makers/acme/x.pem",
		  "-----BEGIN CERTIFICATE-----\nMAMCAQ\n", "is no certificate or revocation list",
		  CSN_E_CONFIG },
		{ "a hash too short", "allow", "0011\n", "allow:1: wanted the SHA-256 of a public key",
		  CSN_E_CONFIG },
		{ "a hash that is none", "allow", "\n\nx" HASH, "allow:3: wanted the SHA-256",
		  CSN_E_CONFIG },
		{ "a hash and a comment", "allow", HASH " # pump\n" HASH, "", CSN_OK },
		{ "an identity without a serial", "identities", DID " acme\n",
		  "identities:1: wanted DID MAKER SERIAL", CSN_E_CONFIG },
		{ "an identity", "identities", "# batch\n" DID " acme  SN 1\n", "", CSN_OK },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct x509_devices devices = { .profile = 0 };
		fresh();
		put(cases[i].file, cases[i].text);
		if (strcmp(cases[i].file, "allow") == 0)
			devices.allow_path = at("allow");
		if (strcmp(cases[i].file, "identities") == 0)
			devices.identities_path = at("identities");
		int r = load(&devices);
		if (!tap_ok(r == cases[i].code && strstr(message, cases[i].want) != NULL, "%s",
		            cases[i].what))
			tap_note("%d: %s", r, message);
		x509_devices_done(&devices);
	}
}

static void
test_folders(void)
{
	struct x509_devices devices = { .makers_path = NULL };

	fresh();
	tap_ok(load(&devices) == CSN_OK && devices.maker_count == 1 &&
	               strcmp(devices.makers[0].name, "acme") == 0 &&
	               sk_X509_num(devices.makers[0].anchors) == 1,
	       "a folder is a maker, its certificates are anchors");
	uint8_t before[32];
	memcpy(before, devices.reference_hash, 32);
	x509_devices_done(&devices);

	FILE *file = fopen(at("makers/acme/list.pem"), "wb");
	PEM_write_X509_CRL(file, crl);
	fclose(file);
	devices = (struct x509_devices){ .makers_path = NULL };
	tap_ok(load(&devices) == CSN_OK && sk_X509_CRL_num(devices.makers[0].crls) == 1,
	       "a revocation list beside them");
	tap_ok(memcmp(before, devices.reference_hash, 32) != 0,
	       "which changes the hash of what it rests on");
	x509_devices_done(&devices);

	mkdir(at("makers/else"), 0700);
	devices = (struct x509_devices){ .makers_path = NULL };
	tap_ok(load(&devices) == CSN_E_CONFIG && strstr(message, "holds no anchor") != NULL,
	       "a maker without an anchor");
	x509_devices_done(&devices);
	devices = (struct x509_devices){ .makers_path = at("nowhere") };
	tap_ok(load(&devices) == CSN_E_MISSING, "a folder that is not there");
	x509_devices_done(&devices);
	devices = (struct x509_devices){ .profile = X509_PROFILE_IDEVID };
	tap_ok(x509_devices_load(&devices, &host, NULL) == CSN_E_CONFIG &&
	               strstr(message, "idevid wants makers") != NULL,
	       "neither makers nor allowed keys");
	x509_devices_done(&devices);
}

static void
put_cert(const char *name, const char *mode, const char *text)
{
	FILE *file = fopen(at(name), mode);

	fputs(text, file);
	PEM_write_X509(file, root);
	fclose(file);
}

/* Several objects in one file, and text between them. */
static void
test_pem(void)
{
	struct x509_devices devices = { .makers_path = NULL };

	fresh();
	put_cert("makers/acme/two.pem", "ab", "# the old one\n");
	put_cert("makers/acme/two.pem", "ab", "\n");
	tap_ok(load(&devices) == CSN_OK && sk_X509_num(devices.makers[0].anchors) == 3,
	       "two certificates in one file are two");
	x509_devices_done(&devices);
	put_cert("makers/acme/two.pem", "ab", "subject=CN = Somebody else\n");
	devices = (struct x509_devices){ .makers_path = NULL };
	tap_ok(load(&devices) == CSN_E_CONFIG &&
	               strstr(message, "text outside of the blocks") != NULL,
	       "text between two certificates");
	x509_devices_done(&devices);
}

/* What a file of lists holds, as if it was put there for this start. */
static void
put_lists(const char *what, EVP_PKEY *key, const long *numbers, const char *want)
{
	struct x509_devices devices = { .makers_path = NULL };
	FILE               *file = fopen(at("makers/acme/list.pem"), "wb");

	for (; *numbers != 0; numbers++) {
		X509_CRL *list = pki_crl(root, key, NULL, 0, "20241201000000Z", "20250201000000Z",
		                         *numbers);
		PEM_write_X509_CRL(file, list);
		X509_CRL_free(list);
	}
	fclose(file);
	int r = load(&devices);
	if (!tap_ok(want == NULL ? r == CSN_OK : r < 0 && strstr(message, want) != NULL, "%s",
	            what))
		tap_note("%d: %s", r, message);
	x509_devices_done(&devices);
}

/* Each load is a start of the station: what it remembers is in a file. */
static void
test_numbers(EVP_PKEY *key)
{
	static const char rollback[] = "x509.crl.rollback";

	fresh();
	put_lists("a first list is taken", key, (const long[]){ 5, 0 }, NULL);
	tap_ok(access(at("makers/.crl-numbers"), F_OK) == 0, "and its number kept");
	put_lists("a lower number after a restart", key, (const long[]){ 4, 0 }, rollback);
	put_lists("a lower one twice", key, (const long[]){ 4, 3, 0 }, rollback);
	put_lists("the same again", key, (const long[]){ 5, 0 }, NULL);
	put_lists("a lower one beside it", key, (const long[]){ 4, 5, 0 }, NULL);
	put_lists("a higher one", key, (const long[]){ 300, 0 }, NULL);
	put_lists("the one before that", key, (const long[]){ 299, 0 }, rollback);
	put("makers/.crl-numbers", "noise\n");
	put_lists("a file of numbers that is none", key, (const long[]){ 300, 0 },
	          ".crl-numbers:1: not a list");
	remove(at("makers/.crl-numbers"));
	put_lists("forgotten by hand: the operator's word", key, (const long[]){ 299, 0 }, NULL);
	remove(at("makers/.crl-numbers"));
	mkdir(at("makers/.crl-numbers.new"), 0700);
	put_lists("a number that cannot be kept", key, (const long[]){ 300, 0 },
	          "cannot be written");
}

int
main(void)
{
	EVP_PKEY *key = pki_key(PKI_P256);
	struct pki_cert spec = { .subject = "Acme Root", .key = key, .ca = true };

	if (mkdtemp(folder) == NULL)
		return 1;
	root = pki_make(&spec);
	crl = pki_crl(root, key, NULL, 0, "20241201000000Z", "20250201000000Z", 1);
	test_mistakes();
	test_folders();
	test_pem();
	test_numbers(key);
	nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
	X509_free(root);
	X509_CRL_free(crl);
	EVP_PKEY_free(key);
	return tap_done();
}
