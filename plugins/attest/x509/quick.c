#include "quick.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/der.h"

enum { KEY_NONE, KEY_P256, KEY_P384, KEY_ED25519 };
enum { NAME_ROOM = 16 }; /* attributes of a name                                  */

enum { TAG_UTF8 = 0x0c, TAG_PRINTABLE = 0x13, TAG_IA5 = 0x16, TAG_KEY_ID = 0x80 };

#define BIT_DIGITAL_SIGNATURE 0x80u
#define BIT_KEY_CERT_SIGN     0x04u

struct cert {
	struct csn_bytes tbs, issuer, subject, spki, point, sig;
	const struct sigalg *alg;
	int      key; /* KEY_P256, ...                                             */
	int64_t  from, to;
	bool     never_ends;
	char     serial[65];
	/* extensions */
	bool     has_usage, has_constraints, ca;
	int      path_len;
	uint8_t  usage;
	struct csn_bytes key_id, issuer_id;
};

/* ---- pieces ------------------------------------------------------------------------ */

static bool
is(struct csn_bytes bytes, const void *want, size_t len)
{
	return bytes.len == len && memcmp(bytes.ptr, want, len) == 0;
}

static bool
same(struct csn_bytes a, struct csn_bytes b)
{
	return is(a, b.ptr, b.len);
}

/* AlgorithmIdentifiers to the byte: there is one DER encoding of each. */
static const struct sigalg {
	uint8_t der[12];
	uint8_t len;
	bool    ec;
	int     bits; /* of the hash; 0: Ed25519                                   */
} sigalgs[] = {
	{ { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 }, 12, true, 256 },
	{ { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 }, 12, true, 384 },
	{ { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 }, 7, false, 0 },
};

static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	                             0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	                             0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
static const uint8_t p384_head[] = { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48,
	                             0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
	                             0x00, 0x22, 0x03, 0x62, 0x00, 0x04 };
static const uint8_t ed25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
	                                0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

/* A SubjectPublicKeyInfo is its head and a point or key of one length. */
static bool
read_spki(struct cert *cert)
{
	static const struct {
		const uint8_t *head;
		size_t         head_len, len, skip;
		int            key;
	} forms[] = {
		{ p256_head, sizeof p256_head, 91, 1, KEY_P256 },
		{ p384_head, sizeof p384_head, 120, 1, KEY_P384 },
		{ ed25519_head, sizeof ed25519_head, 44, 0, KEY_ED25519 },
	};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (cert->spki.len != forms[i].len ||
		    memcmp(cert->spki.ptr, forms[i].head, forms[i].head_len) != 0)
			continue;
		size_t at = forms[i].head_len - forms[i].skip; /* the 04 is of the point */
		cert->point = (struct csn_bytes){ cert->spki.ptr + at, cert->spki.len - at };
		cert->key = forms[i].key;
		return true;
	}
	return false;
}

static bool
two_digits(const uint8_t *at, int64_t least, int64_t most, int64_t *ret)
{
	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
		return false;
	*ret = (at[0] - '0') * 10 + (at[1] - '0');
	return *ret >= least && *ret <= most;
}

/* Days since 1970 of a civil date, with years that begin in March. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2), m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* YYYYMMDDHHMMSSZ or, for 1950 to 2049, YYMMDDHHMMSSZ. */
static bool
read_time(struct csn_der *in, int64_t *ret_unix_s, bool *ret_never)
{
	bool             utc = csn_der_next(in, CSN_DER_UTC_TIME);
	struct csn_bytes text = csn_der_take(in, utc ? CSN_DER_UTC_TIME : CSN_DER_TIME);
	int64_t          century = 0, year, month, day, hour, minute, second;
	const uint8_t   *at = text.ptr;

	if (in->bad || text.len != (utc ? 13u : 15u) || at[text.len - 1] != 'Z')
		return false;
	*ret_never = is(text, "99991231235959Z", 15);
	if (!utc && !two_digits(at, 19, 99, &century))
		return false;
	at += utc ? 0 : 2;
	if (!two_digits(at, 0, 99, &year) || !two_digits(at + 2, 1, 12, &month) ||
	    !two_digits(at + 4, 1, 31, &day) || !two_digits(at + 6, 0, 23, &hour) ||
	    !two_digits(at + 8, 0, 59, &minute) || !two_digits(at + 10, 0, 59, &second))
		return false;
	year += utc ? (year < 50 ? 2000 : 1900) : century * 100;
	int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
	if (days_of(year, month, day) >= next) /* a day the month has not          */
		return false;
	*ret_unix_s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

/* Printable ASCII in one of three types; anything else is for others to read. */
static bool
plain_text(struct csn_der *in, struct csn_bytes *ret)
{
	uint8_t tag = csn_der_next(in, TAG_UTF8)      ? TAG_UTF8 :
	              csn_der_next(in, TAG_PRINTABLE) ? TAG_PRINTABLE :
	                                                TAG_IA5;
	*ret = csn_der_take(in, tag);
	for (size_t i = 0; !in->bad && i < ret->len; i++)
		if (ret->ptr[i] < 0x20 || ret->ptr[i] > 0x7e)
			return false;
	return !in->bad && ret->len > 0 && ret->len <= 64;
}

/* One attribute a set; @ret_serial gets serialNumber, which may be there once. */
static bool
read_name(struct csn_bytes raw, char *ret_serial)
{
	static const uint8_t serial_number[] = { 0x55, 0x04, 0x05 };
	struct csn_der       in, sets;
	unsigned             count = 0, serials = 0;

	csn_der_init(&in, raw);
	sets = csn_der_open(&in, CSN_DER_SEQUENCE);
	while (csn_der_more(&sets)) {
		struct csn_bytes text;
		struct csn_der   set = csn_der_open(&sets, CSN_DER_SET);
		struct csn_der   pair = csn_der_open(&set, CSN_DER_SEQUENCE);
		struct csn_bytes oid = csn_der_take(&pair, CSN_DER_OID);
		bool             ia5 = csn_der_next(&pair, TAG_IA5);
		if (++count > NAME_ROOM || oid.len < 3 || oid.len > 16 || !plain_text(&pair, &text) ||
		    csn_der_end(&pair) < 0 || csn_der_end(&set) < 0)
			return false;
		if (!is(oid, serial_number, sizeof serial_number))
			continue;
		if (ia5 || ++serials > 1)
			return false;
		if (ret_serial != NULL) {
			memcpy(ret_serial, text.ptr, text.len);
			ret_serial[text.len] = '\0';
		}
	}
	return csn_der_end(&sets) == CSN_OK && csn_der_end(&in) == CSN_OK && count > 0;
}

/* ---- extensions -------------------------------------------------------------------- */

static bool
read_constraints(struct csn_bytes value, bool critical, struct cert *cert)
{
	struct csn_der in, list;

	csn_der_init(&in, value);
	list = csn_der_open(&in, CSN_DER_SEQUENCE);
	if (csn_der_next(&list, CSN_DER_BOOLEAN)) {
		csn_der_true(&list);
		cert->ca = true;
	}
	if (csn_der_next(&list, CSN_DER_INTEGER)) {
		struct csn_bytes n = csn_der_unsigned(&list);
		if (!cert->ca || n.len > 1)
			return false;
		cert->path_len = n.len == 0 ? 0 : n.ptr[0];
	}
	cert->has_constraints = true;
	return critical && csn_der_end(&list) == CSN_OK && csn_der_end(&in) == CSN_OK;
}

static bool
read_usage(struct csn_bytes value, bool critical, struct cert *cert)
{
	struct csn_der in;

	csn_der_init(&in, value);
	struct csn_bytes bits = csn_der_take(&in, CSN_DER_BIT_STRING);
	if (csn_der_end(&in) < 0 || bits.len != 2 || bits.ptr[0] > 7 || bits.ptr[1] == 0)
		return false;
	/* Named bits: no zeros at the end. */
	if ((bits.ptr[1] & ((1u << bits.ptr[0]) - 1)) != 0 ||
	    (bits.ptr[1] & (1u << bits.ptr[0])) == 0)
		return false;
	cert->usage = bits.ptr[1];
	cert->has_usage = true;
	return critical;
}

static bool
read_key_id(struct csn_bytes value, bool critical, struct cert *cert)
{
	struct csn_der in;

	csn_der_init(&in, value);
	cert->key_id = csn_der_take(&in, CSN_DER_OCTET_STRING);
	return !critical && csn_der_end(&in) == CSN_OK && cert->key_id.len > 0;
}

static bool
read_issuer_id(struct csn_bytes value, bool critical, struct cert *cert)
{
	struct csn_der in, list;

	csn_der_init(&in, value);
	list = csn_der_open(&in, CSN_DER_SEQUENCE);
	cert->issuer_id = csn_der_take(&list, TAG_KEY_ID);
	return !critical && csn_der_end(&list) == CSN_OK && csn_der_end(&in) == CSN_OK &&
	       cert->issuer_id.len > 0;
}

static bool
read_extensions(struct csn_der *list, struct cert *cert)
{
	static const struct {
		uint8_t oid[3];
		bool (*read)(struct csn_bytes value, bool critical, struct cert *cert);
	} known[] = {
		{ { 0x55, 0x1d, 0x13 }, read_constraints },
		{ { 0x55, 0x1d, 0x0f }, read_usage },
		{ { 0x55, 0x1d, 0x0e }, read_key_id },
		{ { 0x55, 0x1d, 0x23 }, read_issuer_id },
	};
	unsigned seen = 0;

	while (csn_der_more(list)) {
		struct csn_der   ext = csn_der_open(list, CSN_DER_SEQUENCE);
		struct csn_bytes oid = csn_der_take(&ext, CSN_DER_OID);
		bool             critical = csn_der_next(&ext, CSN_DER_BOOLEAN);
		if (critical)
			csn_der_true(&ext);
		struct csn_bytes value = csn_der_take(&ext, CSN_DER_OCTET_STRING);
		unsigned         i = 0;
		while (i < 4 && !is(oid, known[i].oid, 3))
			i++;
		if (csn_der_end(&ext) < 0 || i == 4 || (seen & 1u << i) != 0 ||
		    !known[i].read(value, critical, cert))
			return false;
		seen |= 1u << i;
	}
	return csn_der_end(list) == CSN_OK;
}

/* ---- a certificate ----------------------------------------------------------------- */

static bool
read_body(struct csn_bytes tbs, struct csn_bytes alg, struct cert *cert)
{
	static const uint8_t version[] = { 0xa0, 0x03, 0x02, 0x01, 0x02 };
	struct csn_der       whole, in, validity, explicit, list;
	bool                 never;

	csn_der_init(&whole, tbs);
	in = csn_der_open(&whole, CSN_DER_SEQUENCE);
	csn_der_expect(&in, CSN_BYTES_OF(version));
	struct csn_bytes serial = csn_der_unsigned(&in);
	/* A set top bit costs one more octet in DER: 20 octets are 159 bits. */
	if (in.bad || serial.len == 0 || serial.len > 20 ||
	    (serial.len == 20 && serial.ptr[0] >= 0x80))
		return false;
	if (!same(csn_der_take_raw(&in, CSN_DER_SEQUENCE), alg))
		return false;
	cert->issuer = csn_der_take_raw(&in, CSN_DER_SEQUENCE);
	validity = csn_der_open(&in, CSN_DER_SEQUENCE);
	if (!read_time(&validity, &cert->from, &never) ||
	    !read_time(&validity, &cert->to, &cert->never_ends) || csn_der_end(&validity) < 0)
		return false;
	cert->subject = csn_der_take_raw(&in, CSN_DER_SEQUENCE);
	cert->spki = csn_der_take_raw(&in, CSN_DER_SEQUENCE);
	explicit = csn_der_open(&in, CSN_DER_EXTENSIONS);
	list = csn_der_open(&explicit, CSN_DER_SEQUENCE);
	return read_extensions(&list, cert) && csn_der_end(&explicit) == CSN_OK &&
	       csn_der_end(&in) == CSN_OK && csn_der_end(&whole) == CSN_OK && read_spki(cert) &&
	       read_name(cert->issuer, NULL) && read_name(cert->subject, cert->serial);
}

static bool
read_cert(struct csn_bytes der, struct cert *cert)
{
	struct csn_der in, outer;

	*cert = (struct cert){ .path_len = -1 };
	csn_der_init(&in, der);
	outer = csn_der_open(&in, CSN_DER_SEQUENCE);
	cert->tbs = csn_der_take_raw(&outer, CSN_DER_SEQUENCE);
	struct csn_bytes alg = csn_der_take_raw(&outer, CSN_DER_SEQUENCE);
	struct csn_bytes bits = csn_der_take(&outer, CSN_DER_BIT_STRING);
	if (csn_der_end(&outer) < 0 || csn_der_end(&in) < 0 || bits.len < 9 || bits.ptr[0] != 0)
		return false;
	cert->sig = (struct csn_bytes){ bits.ptr + 1, bits.len - 1 };
	for (size_t i = 0; i < sizeof sigalgs / sizeof *sigalgs; i++)
		if (is(alg, sigalgs[i].der, sigalgs[i].len))
			cert->alg = &sigalgs[i];
	return cert->alg != NULL && read_body(cert->tbs, alg, cert);
}

static bool
is_issuer(const struct cert *cert)
{
	return cert->ca && cert->has_usage && (cert->usage & BIT_KEY_CERT_SIGN) != 0 &&
	       cert->key_id.len > 0;
}

static bool
is_device(const struct cert *cert, const struct x509_quick_rules *rules)
{
	if (cert->ca || cert->path_len >= 0 || !cert->has_usage ||
	    (cert->usage & BIT_DIGITAL_SIGNATURE) == 0 || (cert->usage & BIT_KEY_CERT_SIGN) != 0)
		return false;
	return !rules->devid || (cert->serial[0] != '\0' && (rules->ends || cert->never_ends));
}

/* ---- keys and signatures ------------------------------------------------------------- */

bool
x509_quick_forms_make(struct x509_quick_forms *forms)
{
	forms->p256 = EVP_EC_gen("P-256");
	forms->p384 = EVP_EC_gen("P-384");
	return forms->p256 != NULL && forms->p384 != NULL;
}

void
x509_quick_forms_done(struct x509_quick_forms *forms)
{
	EVP_PKEY_free(forms->p256);
	EVP_PKEY_free(forms->p384);
	*forms = (struct x509_quick_forms){ NULL, NULL };
}

/*
 * A key by setting the point of another of its curve, which checks that it lies on the
 * curve, without the decoders.
 */
static EVP_PKEY *
key_of(const struct cert *cert, const struct x509_quick_forms *forms)
{
	const EVP_PKEY *form = cert->key == KEY_P256 ? forms->p256 : forms->p384;
	EVP_PKEY       *key;

	if (cert->key == KEY_ED25519)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, cert->point.ptr,
		                                   cert->point.len);
	key = EVP_PKEY_new();
	if (key != NULL && form != NULL && EVP_PKEY_copy_parameters(key, form) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(key, cert->point.ptr, cert->point.len) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static bool
signs(EVP_PKEY *key, bool ec_key, const struct cert *cert)
{
	const EVP_MD *md = cert->alg->bits == 0   ? NULL :
	                   cert->alg->bits == 256 ? EVP_sha256() :
	                                            EVP_sha384();
	EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
	bool          good = ec_key == cert->alg->ec && ctx != NULL &&
	            EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
	            EVP_DigestVerify(ctx, cert->sig.ptr, cert->sig.len, cert->tbs.ptr,
	                             cert->tbs.len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* ---- the path -------------------------------------------------------------------------- */

void
x509_quick_anchor_done(struct x509_quick_anchor *anchor)
{
	EVP_PKEY_free(anchor->key);
	free(anchor->der);
	*anchor = (struct x509_quick_anchor){ .der = NULL };
}

bool
x509_quick_anchor(X509 *x509, const struct x509_quick_forms *forms,
                  struct x509_quick_anchor *anchor)
{
	struct cert    cert;
	unsigned char *p;
	int            len = i2d_X509(x509, NULL);

	*anchor = (struct x509_quick_anchor){ .der = len > 0 ? malloc((size_t)len) : NULL };
	if (anchor->der == NULL)
		return false;
	p = anchor->der;
	i2d_X509(x509, &p);
	if (read_cert((struct csn_bytes){ anchor->der, (size_t)len }, &cert) && is_issuer(&cert))
		anchor->key = key_of(&cert, forms);
	if (anchor->key == NULL) {
		x509_quick_anchor_done(anchor);
		ERR_clear_error();
		return false;
	}
	anchor->subject = cert.subject;
	anchor->key_id = cert.key_id;
	anchor->from = cert.from;
	anchor->to = cert.to;
	anchor->path_len = cert.path_len;
	return true;
}

/* Names, key identifiers, dates and lengths; no signature yet. */
static bool
fits(const struct cert *certs, size_t count, const struct x509_quick_anchor *anchor,
     int64_t unix_s)
{
	if (unix_s < anchor->from || unix_s > anchor->to ||
	    (anchor->path_len >= 0 && (size_t)anchor->path_len < count - 1))
		return false;
	for (size_t i = 0; i < count; i++) {
		bool             last = i + 1 == count;
		struct csn_bytes up = last ? anchor->subject : certs[i + 1].subject;
		struct csn_bytes id = last ? anchor->key_id : certs[i + 1].key_id;
		if (!same(certs[i].issuer, up) || !same(certs[i].issuer_id, id) ||
		    unix_s < certs[i].from || unix_s > certs[i].to)
			return false;
		if (i > 0 && (!is_issuer(&certs[i]) ||
		              (certs[i].path_len >= 0 && (size_t)certs[i].path_len < i - 1)))
			return false;
		/* Names repeat only in paths with more to say. */
		if (same(certs[i].subject, anchor->subject))
			return false;
		for (size_t k = 0; k < i; k++)
			if (same(certs[i].subject, certs[k].subject))
				return false;
	}
	return true;
}

static bool
check_signatures(const struct cert *certs, size_t count,
                 const struct x509_quick_anchor *anchor,
                 const struct x509_quick_forms *forms, EVP_PKEY **ret_leaf)
{
	EVP_PKEY *keys[X509_QUICK_CHAIN] = { NULL };
	bool      anchor_ec = EVP_PKEY_get_base_id(anchor->key) == EVP_PKEY_EC, good = true;

	/* From the anchor down: a stranger's chain costs one check. */
	for (size_t i = count; good && i-- > 0;) {
		EVP_PKEY *up = i + 1 == count ? anchor->key : keys[i + 1];
		bool      ec = i + 1 == count ? anchor_ec : certs[i + 1].key != KEY_ED25519;
		good = signs(up, ec, &certs[i]);
		if (good)
			keys[i] = key_of(&certs[i], forms);
		good = good && keys[i] != NULL;
	}
	for (size_t i = good ? 1 : 0; i < count; i++)
		EVP_PKEY_free(keys[i]);
	if (good)
		*ret_leaf = keys[0];
	ERR_clear_error();
	return good;
}

bool
x509_quick_path(const struct csn_bytes *ders, size_t count,
                const struct x509_quick_anchor *anchor,
                const struct x509_quick_rules *rules, struct x509_quick *ret_quick)
{
	struct cert certs[X509_QUICK_CHAIN];

	if (anchor->key == NULL || count == 0 || count > X509_QUICK_CHAIN)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_cert(ders[i], &certs[i]))
			return false;
	if (!is_device(&certs[0], rules) || !fits(certs, count, anchor, rules->unix_s))
		return false;
	for (size_t i = 0; i < count; i++)
		if (EVP_Digest(certs[i].spki.ptr, certs[i].spki.len, ret_quick->hashes[i], NULL,
		               EVP_sha256(), NULL) != 1)
			return false;
	memcpy(ret_quick->serial, certs[0].serial, sizeof ret_quick->serial);
	return check_signatures(certs, count, anchor, rules->forms, &ret_quick->leaf_key);
}
