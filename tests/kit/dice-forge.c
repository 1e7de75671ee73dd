#include "kit/dice-forge.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#define NEVER(condition) \
	do { \
		if (condition) \
			abort(); \
	} while (0)

size_t
forge_unhex(const char *hex, uint8_t *ret, size_t room)
{
	size_t   len = 0;
	unsigned half = 0, value = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		const char *digits = "0123456789abcdef", *p = strchr(digits, *hex);
		NEVER(p == NULL || len == room);
		value = value << 4 | (unsigned)(p - digits);
		if (++half % 2 == 0) {
			ret[len++] = (uint8_t)value;
			value = 0;
		}
	}
	NEVER(half % 2 != 0);
	return len;
}

static void
put(struct forge_buf *b, const void *bytes, size_t len)
{
	NEVER(len > FORGE_BYTES - b->len);
	b->len += len;
	if (len > 0)
		memcpy(b->bytes + FORGE_BYTES - b->len, bytes, len);
}

static void
put_hex(struct forge_buf *b, const char *hex)
{
	uint8_t bytes[FORGE_BYTES];

	put(b, bytes, forge_unhex(hex, bytes, sizeof bytes));
}

/* Puts a head in front of what was written since @mark. */
static void
wrap(struct forge_buf *b, size_t mark, uint8_t tag)
{
	size_t  len = b->len - mark;
	uint8_t head[4] = { tag };

	if (len < 0x80) {
		head[1] = (uint8_t)len;
		put(b, head, 2);
	} else if (len < 0x100) {
		head[1] = 0x81;
		head[2] = (uint8_t)len;
		put(b, head, 3);
	} else {
		head[1] = 0x82;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		put(b, head, 4);
	}
}

static void
put_name(struct forge_buf *b, const char *cn)
{
	size_t mark = b->len;

	put(b, cn, strlen(cn));
	wrap(b, mark, 0x0c);
	put_hex(b, "0603550403");
	wrap(b, mark, 0x30);
	wrap(b, mark, 0x31);
	wrap(b, mark, 0x30);
}

/* An extension whose value lies behind @mark. */
static void
wrap_ext(struct forge_buf *b, size_t mark, const char *oid, bool critical)
{
	wrap(b, mark, 0x04);
	if (critical)
		put_hex(b, "0101ff");
	put_hex(b, oid);
	wrap(b, mark, 0x30);
}

static void
put_ext(struct forge_buf *b, const char *hex, const char *oid, bool critical)
{
	size_t mark = b->len;

	if (hex == NULL || *hex == '\0')
		return;
	put_hex(b, hex);
	wrap_ext(b, mark, oid, critical);
}

static void
key_id(EVP_PKEY *key, uint8_t ret[20])
{
	uint8_t  spki[200];
	unsigned len = 0;

	EVP_Digest(spki, forge_spki(key, spki), ret, &len, EVP_sha1(), NULL);
}

static void
put_tcb(struct forge_buf *b, const struct forge_tcb *tcb)
{
	size_t mark = b->len;

	for (size_t i = FORGE_MEMBERS; i-- > 0;)
		if (tcb->members[i] != NULL)
			put_hex(b, tcb->members[i]);
	wrap(b, mark, 0x30);
}

static void
put_tcbs(struct forge_buf *b, const struct forge_cert *cert, bool multi)
{
	size_t mark = b->len;

	if (cert->tcb_raw != NULL)
		put_hex(b, cert->tcb_raw);
	else if (cert->tcb_count == 0)
		return;
	for (size_t i = cert->tcb_raw != NULL ? 0 : cert->tcb_count; i-- > 0;)
		put_tcb(b, &cert->tcbs[i]);
	if (multi && cert->tcb_raw == NULL)
		wrap(b, mark, 0x30);
	wrap_ext(b, mark, multi ? "0606678105050405" : "0606678105050401", true);
}

static void
put_extensions(struct forge_buf *b, const struct forge_cert *cert)
{
	size_t  mark = b->len, at;
	uint8_t id[20];

	if (cert->extra != NULL)
		put_hex(b, cert->extra);
	put_ext(b, cert->input, "060a2b06010401d679020118", true);
	put_tcbs(b, cert, cert->multi);
	if (cert->both)
		put_tcbs(b, cert, !cert->multi);
	put_ext(b, cert->ueid, "0606678105050404", false);
	put_ext(b, cert->usage, "0603551d0f", true);
	put_ext(b, cert->basic, "0603551d13", true);
	at = b->len;
	if (cert->aki == NULL) {
		key_id(cert->signer, id);
		put(b, id, sizeof id);
	} else {
		put_hex(b, cert->aki);
	}
	if (b->len > at) {
		wrap(b, at, 0x80);
		wrap(b, at, 0x30);
		wrap_ext(b, at, "0603551d23", false);
	}
	at = b->len;
	key_id(cert->key, id);
	put(b, id, sizeof id);
	wrap(b, at, 0x04);
	wrap_ext(b, at, "0603551d0e", false);
	wrap(b, mark, 0x30);
	wrap(b, mark, 0xa3);
}

static void
put_time(struct forge_buf *b, const char *text)
{
	size_t mark = b->len;

	put(b, text, strlen(text));
	wrap(b, mark, 0x18);
}

#define ECDSA_SHA256 "300a06082a8648ce3d040302"

static void
put_tbs(struct forge_buf *b, const struct forge_cert *cert)
{
	size_t  mark = b->len, at;
	uint8_t spki[200];

	put_extensions(b, cert);
	if (cert->spki != NULL)
		put_hex(b, cert->spki);
	else
		put(b, spki, forge_spki(cert->key, spki));
	put_name(b, cert->subject);
	at = b->len;
	put_time(b, cert->not_after);
	put_time(b, cert->not_before);
	wrap(b, at, 0x30);
	put_name(b, cert->issuer);
	put_hex(b, cert->inner_alg != NULL ? cert->inner_alg : ECDSA_SHA256);
	at = b->len;
	put_hex(b, cert->serial);
	wrap(b, at, 0x02);
	put_hex(b, cert->version != NULL ? cert->version : "a003020102");
	wrap(b, mark, 0x30);
}

static size_t
build(const struct forge_cert *cert, uint8_t *ret)
{
	static struct forge_buf tbs, out;
	uint8_t sig[160] = { 0 };

	tbs.len = out.len = 0;
	put_tbs(&tbs, cert);
	struct csn_bytes message = { tbs.bytes + FORGE_BYTES - tbs.len, tbs.len };
	size_t len = forge_sign(cert->signer, message, false, sig);
	if (cert->spoil)
		sig[len - 1] ^= 1;
	put(&out, sig, len);
	put(&out, "", 1);
	wrap(&out, 0, 0x03);
	put_hex(&out, ECDSA_SHA256);
	put(&out, message.ptr, message.len);
	wrap(&out, 0, 0x30);
	memcpy(ret, out.bytes + FORGE_BYTES - out.len, out.len);
	ret[out.len] = 0;
	return out.len + cert->trailing;
}

void
forge_keys(struct forge_chain *chain)
{
	for (size_t i = 0; i <= FORGE_CERTS; i++) {
		chain->keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		NEVER(chain->keys[i] == NULL);
	}
}

void
forge_done(struct forge_chain *chain)
{
	for (size_t i = 0; i <= FORGE_CERTS; i++)
		EVP_PKEY_free(chain->keys[i]);
}

void
forge_build(struct forge_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		chain->der[i] = (struct csn_bytes){ chain->store[i],
			                            build(&chain->certs[i], chain->store[i]) };
}

size_t
forge_spki(EVP_PKEY *key, uint8_t ret[200])
{
	int len = i2d_PUBKEY(key, &ret);

	NEVER(len <= 0 || len > 200);
	return (size_t)len;
}

size_t
forge_sign(EVP_PKEY *key, struct csn_bytes message, bool fixed, uint8_t ret[160])
{
	EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
	bool          ed = EVP_PKEY_is_a(key, "ED25519");
	uint8_t       der[160];
	const uint8_t *p = der;
	size_t        len = sizeof der;

	NEVER(ctx == NULL ||
	      EVP_DigestSignInit(ctx, NULL, ed ? NULL : EVP_sha256(), NULL, key) != 1 ||
	      EVP_DigestSign(ctx, der, &len, message.ptr, message.len) != 1);
	EVP_MD_CTX_free(ctx);
	if (ed || !fixed) {
		memcpy(ret, der, len);
		return len;
	}
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)len);
	NEVER(pair == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret, 32) != 32 ||
	      BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret + 32, 32) != 32);
	ECDSA_SIG_free(pair);
	return 64;
}

static const struct forge_tcb good_tcbs[] = {
	{ { "800441434d45", "8103485731", NULL, "830105", "840100", "850100", FWIDS_A, FLAGS_NONE } },
	{ { "800441434d45", "8103464d43", "8203312e30", "830105", "840101", "850100", FWIDS_A,
	    FLAGS_NONE } },
	{ { "800441434d45", "81025254", "8203312e30", "830105", "840102", "850100", FWIDS_A,
	    FLAGS_NONE } },
	{ { "800441434d45", "8103415050", "8203312e30", "830105", "840103", "850100", FWIDS_A,
	    FLAGS_NONE } },
};

void
forge_describe(struct forge_chain *chain)
{
	static const char *const names[] = { "maker", "device", "fmc", "runtime", "app", "more" };

	chain->count = 5;
	for (size_t i = 0; i < FORGE_CERTS; i++)
		chain->certs[i] = (struct forge_cert){
			.key = chain->keys[i],
			.signer = chain->keys[i == 0 ? 0 : i - 1],
			.issuer = names[i == 0 ? 0 : i - 1],
			.subject = names[i],
			.not_before = "20260101000000Z",
			.not_after = "99991231235959Z",
			.serial = "0102",
			.basic = i < 4 ? CA_ANY : "3000",
			.usage = i < 4 ? CERT_SIGN : SIGN,
			.ueid = i > 0 ? UEID_A : NULL,
		};
	chain->certs[2].multi = true;
	chain->certs[2].tcb_count = 2;
	chain->certs[2].tcbs[0] = good_tcbs[0];
	chain->certs[2].tcbs[1] = good_tcbs[1];
	for (size_t i = 3; i < FORGE_CERTS; i++) {
		chain->certs[i].tcb_count = 1;
		chain->certs[i].tcbs[0] = good_tcbs[i < 5 ? i - 1 : 3];
	}
}
