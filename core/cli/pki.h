/*
 * Keys and certificates a maker and an owner make once, by OpenSSL: anchors (bare
 * keys), leaf certificates with a role of protocol.md section 2, PEM files.
 */
#ifndef CSN_CLI_PKI_H
#define CSN_CLI_PKI_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

enum pki_role {
	PKI_STATION = 1, PKI_DEVICE, PKI_MANIFEST, PKI_VOUCHER, PKI_FIRMWARE, PKI_RELEASE,
};

/* A new private key of @suite (1 Ed25519, 2 P-256); NULL on failure. */
EVP_PKEY *pki_key_new(int suite);
/* Reads PEM PKCS#8. */
EVP_PKEY *pki_key_read(const char *path);
/* Reads a PEM public key ("PUBLIC KEY"). */
EVP_PKEY *pki_public_read(const char *path);
/* Reads @path, or makes a key there when there is no such file. */
EVP_PKEY *pki_key_obtain(const char *path, int suite);
/* DER SubjectPublicKeyInfo; *ret_der by OPENSSL_malloc.  Length, or negative. */
int pki_spki(const EVP_PKEY *key, uint8_t **ret_der);
/* Raw private key: Ed25519 seed or P-256 scalar, 32 bytes.  0 or negative. */
int pki_private_raw(const EVP_PKEY *key, uint8_t out[32]);
/*
 * A leaf certificate for @subject's key with @role, signed by @issuer, valid from a
 * day ago for @days (0: no end, 9999-12-31).  DER, by OPENSSL_malloc; length or negative.
 */
int pki_certify(const EVP_PKEY *subject, const char *subject_name, enum pki_role role,
                const EVP_PKEY *issuer, const char *issuer_name, int days,
                uint8_t **ret_der);
/* Writes one DER certificate as PEM. */
int pki_cert_write(const char *path, const uint8_t *der, size_t len);
/* Reads the first certificate of a PEM file: DER, by OPENSSL_malloc; length or negative. */
int pki_cert_read(const char *path, uint8_t **ret_der);
/* Writes a key's SPKI as PEM ("PUBLIC KEY"). */
int pki_public_write(const char *path, const EVP_PKEY *key);
/* The last OpenSSL reason, for a message. */
const char *pki_reason(void);

#endif
