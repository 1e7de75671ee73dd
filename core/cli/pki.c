#include "core/cli/pki.h"

#include "core/cli/cli.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROLE_ARC "2.25.276109209820688181293072881045488597224"

const char *
pki_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason != NULL ? reason : "no reason given by OpenSSL";
}

EVP_PKEY *
pki_key_new(int suite)
{
	return suite == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
	                  : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

EVP_PKEY *
pki_key_read(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");

	if (bio == NULL)
		return NULL;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return key;
}

EVP_PKEY *
pki_public_read(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");

	if (bio == NULL)
		return NULL;
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return key;
}

/* What @bio holds goes to @path at once. */
static int
write_bio(const char *path, BIO *bio, unsigned mode)
{
	char *text = NULL;
	long  len  = BIO_get_mem_data(bio, &text);

	return len > 0 ? cli_write(path, text, (size_t)len, mode) : -EIO;
}

/* PEM PKCS#8, with mode 0600. */
static int
key_write(const char *path, const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int  r   = -ENOMEM;

	if (bio != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		r = write_bio(path, bio, 0600);
	BIO_free(bio);
	return r;
}

EVP_PKEY *
pki_key_obtain(const char *path, int suite)
{
	if (access(path, F_OK) == 0)
		return pki_key_read(path);

	EVP_PKEY *key = pki_key_new(suite);

	if (key != NULL && key_write(path, key) < 0) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

int
pki_spki(const EVP_PKEY *key, uint8_t **ret_der)
{
	uint8_t *der = NULL;
	int      len = i2d_PUBKEY(key, &der);

	if (len <= 0)
		return -EIO;
	*ret_der = der;
	return len;
}

int
pki_private_raw(const EVP_PKEY *key, uint8_t out[32])
{
	size_t  len = 32;
	BIGNUM *d   = NULL;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return EVP_PKEY_get_raw_private_key(key, out, &len) == 1 && len == 32 ? 0 : -EIO;
	if (EVP_PKEY_get_bn_param(key, "priv", &d) != 1)
		return -EIO;
	int r = BN_bn2binpad(d, out, 32);
	BN_clear_free(d);
	return r == 32 ? 0 : -EIO;
}

static int
set_name(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	                                  (const uint8_t *)text, -1, -1, 0);
}

static int
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int             ok  = ext != NULL && X509_add_ext(cert, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok;
}

static int
set_serial(X509 *cert)
{
	uint8_t bytes[12];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return 0;
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40); /* positive, no leading zero */
	BIGNUM *n  = BN_bin2bn(bytes, sizeof bytes, NULL);
	int     ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static int
set_validity(X509 *cert, int days)
{
	if (X509_gmtime_adj(X509_getm_notBefore(cert), -86400L) == NULL)
		return 0;
	if (days == 0)
		return ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "99991231235959Z");
	return X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL) != NULL;
}

int
pki_certify(const EVP_PKEY *subject, const char *subject_name, enum pki_role role,
            const EVP_PKEY *issuer, const char *issuer_name, int days, uint8_t **ret_der)
{
	char     oid[80];
	X509    *cert = X509_new();
	uint8_t *der  = NULL;
	int      len  = -1;

	snprintf(oid, sizeof oid, "%s.%d", ROLE_ARC, (int)role);
	const EVP_MD *md = EVP_PKEY_is_a(issuer, "ED25519") ? NULL : EVP_sha256();

	if (cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    set_validity(cert, days) && set_name(X509_get_subject_name(cert), subject_name) &&
	    set_name(X509_get_issuer_name(cert), issuer_name) &&
	    X509_set_pubkey(cert, (EVP_PKEY *)(uintptr_t)subject) == 1 &&
	    add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(cert, NID_ext_key_usage, oid) &&
	    X509_sign(cert, (EVP_PKEY *)(uintptr_t)issuer, md) > 0)
		len = i2d_X509(cert, &der);
	X509_free(cert);
	if (len <= 0)
		return -EIO;
	*ret_der = der;
	return len;
}

int
pki_cert_write(const char *path, const uint8_t *der, size_t len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int  r   = -ENOMEM;

	if (bio != NULL && PEM_write_bio(bio, "CERTIFICATE", "", der, (long)len) > 0)
		r = write_bio(path, bio, 0644);
	BIO_free(bio);
	return r;
}

int
pki_cert_read(const char *path, uint8_t **ret_der)
{
	BIO     *bio  = BIO_new_file(path, "r");
	X509    *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	uint8_t *der  = NULL;
	int      len  = cert != NULL ? i2d_X509(cert, &der) : -1;

	X509_free(cert);
	BIO_free(bio);
	if (len <= 0)
		return -EIO;
	*ret_der = der;
	return len;
}

int
pki_public_write(const char *path, const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int  r   = -ENOMEM;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1)
		r = write_bio(path, bio, 0644);
	BIO_free(bio);
	return r;
}
