/* keys/file: what it signs verifies elsewhere, and what it refuses it names. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/keys.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <sys/stat.h>
#include <unistd.h>

static const struct csn_component *component;
static char dir[] = "/tmp/csn-keys-XXXXXX";

/* Keys and certificates are made by the openssl command, not by the code under test. */
static void
sh(const char *fmt)
{
	char cmd[1024];

	snprintf(cmd, sizeof cmd, "cd %s && umask 077 && { %s ; } >/dev/null 2>&1", dir,
		 fmt);
	if (system(cmd) != 0) {
		printf("Bail out! %s\n", fmt);
		exit(1);
	}
}

static int
try_open(struct fakehost *fake, void **ret_self, struct csn_error *err)
{
	const char *options[] = { "path", dir, NULL };

	memset(err, 0, sizeof *err);
	return fakehost_create(fake, component, options, ret_self, err);
}

static bool
verifies(EVP_PKEY *pkey, const char *algorithm, struct csn_bytes sig,
	 struct csn_bytes message)
{
	bool ec = strcmp(algorithm, "ES256") == 0;
	unsigned char *der = NULL;
	const uint8_t *bytes = sig.ptr;
	size_t len = sig.len;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (sig.len != 64)
		return false;
	if (ec) {
		ECDSA_SIG *pair = ECDSA_SIG_new();

		ECDSA_SIG_set0(pair, BN_bin2bn(sig.ptr, 32, NULL),
			       BN_bin2bn(sig.ptr + 32, 32, NULL));
		len = (size_t)i2d_ECDSA_SIG(pair, &der);
		bytes = der;
		ECDSA_SIG_free(pair);
	}
	bool good = EVP_DigestVerifyInit(ctx, NULL, ec ? EVP_sha256() : NULL, NULL,
					 pkey) == 1 &&
		    EVP_DigestVerify(ctx, bytes, len, message.ptr, message.len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return good;
}

static void
test_signing(void)
{
	static const struct {
		const char *what, *key, *algorithm;
		int want;
	} cases[] = {
		{ "Ed25519 signs EdDSA", "ed", "EdDSA", CSN_OK },
		{ "P-256 signs ES256, raw", "ec", "ES256", CSN_OK },
		{ "Ed25519 does not sign ES256", "ed", "ES256", CSN_E_INVALID },
		{ "an algorithm nobody knows", "ec", "RS256", CSN_E_INVALID },
		{ "a key that is not there", "none", "EdDSA", CSN_E_MISSING },
		{ "a name with a path in it", "../ed", "EdDSA", CSN_E_MISSING },
	};
	struct fakehost *fake = fakehost_new(false);
	struct csn_error err;
	void *self = NULL;
	uint8_t message[100] = { 7 };

	int r = try_open(fake, &self, &err);
	if (!tap_ok(r == CSN_OK, "a folder with an Ed25519 and a P-256 key opens %s",
		    err.text))
		exit(1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_op *op = fakehost_op(fake);

		r = fakehost_started(op,
				     component->ops.keys->sign(self, op, cases[i].key,
							       cases[i].algorithm,
							       CSN_BYTES_OF(message)));
		bool good = r == cases[i].want;
		if (r == CSN_OK) {
			struct csn_buf *spki = NULL;

			good = !fakehost_op_ended(op) && fakehost_wait(fake, op, 100);
			component->ops.keys->public_key(self, cases[i].key, &spki,
							&err);
			struct csn_bytes b = fakehost_host(fake)->buf_bytes(spki);
			const unsigned char *at = b.ptr;
			EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)b.len);
			good = good &&
			       verifies(pkey, cases[i].algorithm, fakehost_op_bytes(op),
					CSN_BYTES_OF(message));
			message[0] ^= 1;
			good = good &&
			       !verifies(pkey, cases[i].algorithm,
					 fakehost_op_bytes(op), CSN_BYTES_OF(message));
			EVP_PKEY_free(pkey);
			fakehost_host(fake)->buf_unref(spki);
		}
		tap_ok(good, "%s", cases[i].what);
		fakehost_op_free(op);
	}
	struct csn_op *op = fakehost_op(fake);
	fakehost_started(op, component->ops.keys->sign(self, op, "ed", "EdDSA",
						       CSN_BYTES_OF(message)));
	component->ops.keys->cancel(self, op);
	fakehost_wait(fake, op, 100);
	tap_is(fakehost_op_result(op), CSN_E_CANCELLED,
	       "a cancelled signature is not handed out");
	fakehost_op_free(op);
	struct csn_buf *der = NULL;
	tap_ok(component->ops.keys->certificate(self, "ed", 0, &der, &err) == CSN_OK &&
		       fakehost_host(fake)->buf_bytes(der).ptr[0] == 0x30,
	       "the leaf certificate, as DER");
	fakehost_host(fake)->buf_unref(der);
	tap_is(component->ops.keys->certificate(self, "ed", 1, &der, &err),
	       CSN_E_MISSING, "no certificate past the end");
	tap_is(component->ops.keys->certificate(self, "ec", 0, &der, &err),
	       CSN_E_MISSING, "a key without certificates has none");
	component->destroy(self);
	fakehost_free(fake);
}

static const struct {
	const char *what, *make, *said;
	int want;
} refused[] = {
	{ "a key the group may read", "cp ed.key x.key; chmod 640 x.key",
	  "mode 640, wanted 600", CSN_E_REFUSED },
	{ "a key others may write", "cp ed.key x.key; chmod 602 x.key",
	  "mode 602, wanted 600", CSN_E_REFUSED },
	{ "an encrypted key",
	  "openssl pkcs8 -topk8 -in ed.key -out x.key -passout pass:1234",
	  "without a passphrase", CSN_E_CONFIG },
	{ "an RSA key",
	  "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out x.key",
	  "wanted an Ed25519 or P-256 key", CSN_E_CONFIG },
	{ "a P-384 key",
	  "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out x.key",
	  "wanted an Ed25519 or P-256 key", CSN_E_CONFIG },
	{ "the traditional form", "openssl ec -in ec.key -out x.key", "PEM PKCS#8",
	  CSN_E_CONFIG },
	{ "an empty file", "touch x.key", "wanted an Ed25519 or P-256 key",
	  CSN_E_CONFIG },
	{ "a symbolic link", "ln -s ed.key x.key", "x.key", CSN_E_IO },
	{ "a folder of that name", "mkdir x.key", "not a regular file", CSN_E_CONFIG },
	{ "a file over the bound", "head -c 70000 /dev/zero >x.key", "over 65536 bytes",
	  CSN_E_TOO_BIG },
	{ "another key's certificate", "cp ec.key x.key; cp ed.pem x.pem",
	  "is not for the key", CSN_E_CONFIG },
	{ "a chain file without one", "cp ec.key x.key; touch x.pem",
	  "holds no certificate", CSN_E_CONFIG },
	{ "a key in the chain file", "cp ec.key x.key; cp ec.key x.pem", "PRIVATE KEY",
	  CSN_E_CONFIG },
};

static void
test_refused(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct fakehost *fake = fakehost_new(false);
		struct csn_error err;
		void *self = NULL;

		sh(refused[i].make);
		int r = try_open(fake, &self, &err);
		tap_ok(r == refused[i].want && self == NULL &&
			       strstr(err.text, refused[i].said) != NULL &&
			       strstr(err.text, "/x.") != NULL,
		       "%s is refused by name", refused[i].what);
		if (r != refused[i].want)
			tap_note("%d %s", r, err.text);
		if (r == CSN_OK)
			component->destroy(self);
		sh("rm -rf x.key x.pem");
		fakehost_free(fake);
	}
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	component = fakehost_load("keys/file");
	sh("openssl genpkey -algorithm ED25519 -out ed.key");
	sh("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "
	   "ec.key");
	sh("openssl req -x509 -new -key ed.key -subj /CN=x -days 30 -out ed.pem");
	test_signing();
	test_refused();
	sh("rm -rf ./*");
	return rmdir(dir) < 0 ? 1 : tap_done();
}
