#include "lib/cert.h"

#include "lib/csgn1.h"
#include "lib/der.h"

#define SERIAL_MAX 20

/* What the suite fixes to the byte. */
static const uint8_t alg_ed25519[]  = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t alg_es256[]    = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                        0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const uint8_t spki_ed25519[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
	                                0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
static const uint8_t spki_p256[]    = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
                                        0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
                                        0x01, 0x07, 0x03, 0x42, 0x00 };
static const uint8_t version_3[]    = { 0xa0, 0x03, 0x02, 0x01, 0x02 };

/* The role arc 2.25.<UUID>; one more byte is the role. */
static const uint8_t role_arc[] = { 0x69, 0x83, 0x9f, 0xb8, 0xd9, 0xc4, 0xe5, 0xf2, 0x8a, 0xad,
	                            0xb9, 0x8b, 0xdf, 0xb8, 0xfd, 0x9c, 0xbe, 0xa3, 0xf1, 0x68 };

static struct csn_bytes
suite_alg(unsigned suite)
{
	return suite == CSN_SUITE_P256 ? CSN_BYTES_OF(alg_es256) : CSN_BYTES_OF(alg_ed25519);
}

static struct csn_bytes
suite_spki(unsigned suite)
{
	return suite == CSN_SUITE_P256 ? CSN_BYTES_OF(spki_p256) : CSN_BYTES_OF(spki_ed25519);
}

int
csn_spki_parse(struct csn_bytes spki, unsigned suite, struct csn_bytes *ret_pk)
{
	struct csn_bytes head   = suite_spki(suite);
	size_t           pk_len = csn_suite_pk_len(suite);

	if (pk_len == 0 || spki.len != head.len + pk_len ||
	    memcmp(spki.ptr, head.ptr, head.len) != 0)
		return CSN_E_PROTOCOL;
	struct csn_bytes pk = { spki.ptr + head.len, pk_len };
	if (suite == CSN_SUITE_P256 && pk.ptr[0] != 4)
		return CSN_E_PROTOCOL;
	*ret_pk = pk;
	return CSN_OK;
}

int
csn_spki_make(unsigned suite, struct csn_bytes pk, uint8_t ret_spki[CSN_SPKI_MAX],
              size_t *ret_len)
{
	struct csn_bytes head = suite_spki(suite);

	if (csn_suite_pk_len(suite) == 0 || pk.len != csn_suite_pk_len(suite))
		return CSN_E_INVALID;
	memcpy(ret_spki, head.ptr, head.len);
	memcpy(ret_spki + head.len, pk.ptr, pk.len);
	*ret_len = head.len + pk.len;
	return CSN_OK;
}

int
csn_short_id(const struct csn_crypto *c, struct csn_bytes der, uint8_t ret_id[16])
{
	uint8_t hash[CSN_HASH_LEN];

	int r = csn_sha256(c, der, hash);
	if (r == CSN_OK)
		memcpy(ret_id, hash, CSN_ID_LEN);
	return r;
}

static int
digits(const uint8_t *p, size_t n, bool *bad)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			*bad = true;
		value = 10 * value + (p[i] - '0');
	}
	return value;
}

/* Days from 2020-01-01 to a day of the proleptic Gregorian calendar. */
static int64_t
days_since_2020(int year, int month, int day)
{
	/* Years begin in March, so that a leap day ends one. */
	int y   = month > 2 ? year : year - 1;
	int m   = month > 2 ? month - 3 : month + 9;
	int doy = (153 * m + 2) / 5 + day - 1;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + doy - 737730;
}

static int
days_in(int year, int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/* UTCTime YYMMDDHHMMSSZ or GeneralizedTime YYYYMMDDHHMMSSZ. */
int64_t
csn_cert_take_time(struct csn_der *in)
{
	bool             utc  = csn_der_next(in, CSN_DER_UTC_TIME), bad = false;
	struct csn_bytes t    = csn_der_take(in, utc ? CSN_DER_UTC_TIME : CSN_DER_TIME);
	size_t           wide = utc ? 2 : 4;

	if (t.len != wide + 11 || t.ptr[wide + 10] != 'Z') {
		in->bad = true;
		return 0;
	}
	int            year = digits(t.ptr, wide, &bad);
	const uint8_t *p    = t.ptr + wide;
	if (utc)
		year += year < 50 ? 2000 : 1900;
	int month = digits(p, 2, &bad), day = digits(p + 2, 2, &bad);
	int hour = digits(p + 4, 2, &bad), minute = digits(p + 6, 2, &bad);
	int second = digits(p + 8, 2, &bad);
	if (bad || year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > days_in(year, month) || hour > 23 || minute > 59 || second > 59) {
		in->bad = true;
		return 0;
	}
	return ((days_since_2020(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

/* Name: a SEQUENCE of SETs of (OID, value).  Only its bytes count later. */
struct csn_bytes
csn_cert_take_name(struct csn_der *in)
{
	struct csn_bytes raw = csn_der_take_raw(in, CSN_DER_SEQUENCE);
	struct csn_der   at;

	csn_der_init(&at, raw);
	struct csn_der name = csn_der_open(&at, CSN_DER_SEQUENCE);
	while (csn_der_more(&name)) {
		struct csn_der set = csn_der_open(&name, CSN_DER_SET);
		do {
			struct csn_der pair = csn_der_open(&set, CSN_DER_SEQUENCE);
			csn_der_take(&pair, CSN_DER_OID);
			csn_der_skip(&pair);
			if (csn_der_end(&pair) < 0)
				name.bad = true;
		} while (csn_der_more(&set));
	}
	if (name.bad)
		in->bad = true;
	return raw;
}

void
csn_cert_take_basic(struct csn_der *in, struct csn_cert *cert)
{
	struct csn_der at = csn_der_open(in, CSN_DER_SEQUENCE);

	if (csn_der_next(&at, CSN_DER_BOOLEAN)) {
		csn_der_true(&at);
		cert->ca = true;
	}
	cert->has_path_len = csn_der_more(&at);
	if (cert->has_path_len) {
		struct csn_bytes n = csn_der_unsigned(&at);
		/* What does not fit is more than any chain here. */
		cert->path_len = n.len == 0 ? 0 : n.len == 1 ? n.ptr[0] : UINT32_MAX;
	}
	if (csn_der_end(&at) < 0)
		in->bad = true;
}

/* A named bit list: no unused bit set, no trailing zero bit. */
void
csn_cert_take_usage(struct csn_der *in, struct csn_cert *cert)
{
	struct csn_bytes bits = csn_der_take(in, CSN_DER_BIT_STRING);

	if (bits.len < 2 || bits.len > 3 || bits.ptr[0] > 7) {
		in->bad = true;
		return;
	}
	unsigned unused = bits.ptr[0];
	if ((bits.ptr[bits.len - 1] & ((2u << unused) - 1)) != 1u << unused)
		in->bad = true;
	for (size_t i = 0; i < 8 * (bits.len - 1); i++)
		if ((bits.ptr[1 + i / 8] & (0x80u >> i % 8)) != 0)
			cert->key_usage |= 1u << i;
}

static void
ext_key_usage(struct csn_der *in, struct csn_cert *cert)
{
	struct csn_der at = csn_der_open(in, CSN_DER_SEQUENCE);

	do {
		struct csn_bytes oid = csn_der_take(&at, CSN_DER_OID);
		if (oid.len != sizeof role_arc + 1 ||
		    memcmp(oid.ptr, role_arc, sizeof role_arc) != 0)
			continue;
		unsigned role = oid.ptr[sizeof role_arc];
		if (role >= 1 && role <= 6)
			cert->roles |= 1u << role;
	} while (csn_der_more(&at));
	if (at.bad)
		in->bad = true;
}

/* Known extensions, 2.5.29.id; those without a reader are known but not judged. */
static const struct known {
	uint8_t id;
	void (*read)(struct csn_der *in, struct csn_cert *cert);
} known_extensions[] = {
	{ 14, NULL }, { 15, csn_cert_take_usage }, { 17, NULL },
	{ 19, csn_cert_take_basic }, { 35, NULL }, { 37, ext_key_usage },
};

static const struct known *
find_known(struct csn_bytes oid)
{
	if (oid.len != 3 || oid.ptr[0] != 0x55 || oid.ptr[1] != 0x1d)
		return NULL;
	for (size_t i = 0; i < sizeof known_extensions / sizeof *known_extensions; i++)
		if (known_extensions[i].id == oid.ptr[2])
			return &known_extensions[i];
	return NULL;
}

struct csn_cert_ext
csn_cert_take_ext(struct csn_der *list)
{
	struct csn_cert_ext ext = { 0 };
	struct csn_der      at  = csn_der_open(list, CSN_DER_SEQUENCE);

	ext.oid      = csn_der_take(&at, CSN_DER_OID);
	ext.critical = csn_der_next(&at, CSN_DER_BOOLEAN);
	if (ext.critical)
		csn_der_true(&at);
	ext.value = csn_der_take(&at, CSN_DER_OCTET_STRING);
	if (csn_der_end(&at) < 0)
		list->bad = true;
	return ext;
}

bool
csn_cert_ext_before(struct csn_der list, const uint8_t *end, struct csn_bytes oid)
{
	while (csn_der_more(&list) && list.pos < end) {
		struct csn_bytes other = csn_cert_take_ext(&list).oid;
		if (other.len == oid.len && memcmp(other.ptr, oid.ptr, oid.len) == 0)
			return true;
	}
	return false;
}

static void
take_extensions(struct csn_der *tbs, struct csn_cert *cert)
{
	struct csn_der outer = csn_der_open(tbs, CSN_DER_EXTENSIONS);
	struct csn_der list  = csn_der_open(&outer, CSN_DER_SEQUENCE);
	struct csn_der all   = list;

	do {
		const uint8_t      *start = list.pos;
		struct csn_cert_ext ext   = csn_cert_take_ext(&list);
		if (list.bad || csn_cert_ext_before(all, start, ext.oid))
			goto bad;
		const struct known *known = find_known(ext.oid);
		if (known == NULL && ext.critical)
			goto bad;
		if (known == NULL || known->read == NULL)
			continue;
		struct csn_der value;
		csn_der_init(&value, ext.value);
		known->read(&value, cert);
		if (csn_der_end(&value) < 0)
			goto bad;
	} while (csn_der_more(&list));
	if (csn_der_end(&outer) == CSN_OK)
		return;
bad:
	tbs->bad = true;
}

static void
take_tbs(struct csn_der *in, unsigned suite, struct csn_cert *cert)
{
	struct csn_der at;

	cert->tbs = csn_der_take_raw(in, CSN_DER_SEQUENCE);
	csn_der_init(&at, cert->tbs);
	struct csn_der tbs = csn_der_open(&at, CSN_DER_SEQUENCE);
	csn_der_expect(&tbs, CSN_BYTES_OF(version_3));
	struct csn_der   serial_at = tbs;
	struct csn_bytes serial    = csn_der_unsigned(&tbs);
	if (serial.len == 0 || csn_der_take(&serial_at, CSN_DER_INTEGER).len > SERIAL_MAX)
		tbs.bad = true;
	csn_der_expect(&tbs, suite_alg(suite));
	cert->issuer            = csn_cert_take_name(&tbs);
	struct csn_der validity = csn_der_open(&tbs, CSN_DER_SEQUENCE);
	cert->not_before        = csn_cert_take_time(&validity);
	cert->not_after         = csn_cert_take_time(&validity);
	cert->subject           = csn_cert_take_name(&tbs);
	cert->spki              = csn_der_take_raw(&tbs, CSN_DER_SEQUENCE);
	if (csn_der_end(&validity) < 0 ||
	    csn_spki_parse(cert->spki, suite, &cert->pk) < 0)
		tbs.bad = true;
	if (csn_der_more(&tbs))
		take_extensions(&tbs, cert);
	if (csn_der_end(&tbs) < 0)
		in->bad = true;
}

/* One half of an ES256 signature, padded to 32 bytes. */
static void
take_half(struct csn_der *in, uint8_t ret_half[32])
{
	struct csn_bytes n = csn_der_unsigned(in);

	if (n.len > 32) {
		in->bad = true;
		return;
	}
	memset(ret_half, 0, 32);
	if (n.len > 0)
		memcpy(ret_half + 32 - n.len, n.ptr, n.len);
}

static void
take_signature(struct csn_der *in, unsigned suite, uint8_t ret_sig[CSN_SIG_LEN])
{
	struct csn_bytes bits = csn_der_take(in, CSN_DER_BIT_STRING);
	struct csn_der   at;

	if (bits.len < 1 || bits.ptr[0] != 0)
		goto bad;
	bits.ptr++;
	bits.len--;
	if (suite == CSN_SUITE_X25519) {
		if (bits.len != CSN_SIG_LEN)
			goto bad;
		memcpy(ret_sig, bits.ptr, CSN_SIG_LEN);
		return;
	}
	csn_der_init(&at, bits);
	struct csn_der pair = csn_der_open(&at, CSN_DER_SEQUENCE);
	take_half(&pair, ret_sig);
	take_half(&pair, ret_sig + 32);
	if (csn_der_end(&pair) == CSN_OK && csn_der_end(&at) == CSN_OK)
		return;
bad:
	in->bad = true;
}

int
csn_cert_parse(struct csn_bytes der, unsigned suite, struct csn_cert *ret_cert)
{
	struct csn_cert cert = { .der = der };
	struct csn_der  at;

	if (csn_suite_pk_len(suite) == 0 || der.len > CSN_CERT_MAX)
		return CSN_E_PROTOCOL;
	csn_der_init(&at, der);
	struct csn_der outer = csn_der_open(&at, CSN_DER_SEQUENCE);
	take_tbs(&outer, suite, &cert);
	csn_der_expect(&outer, suite_alg(suite));
	take_signature(&outer, suite, cert.sig);
	if (csn_der_end(&outer) < 0 || csn_der_end(&at) < 0)
		return CSN_E_PROTOCOL;
	*ret_cert = cert;
	return CSN_OK;
}

int
csn_chain_parse(unsigned suite, const struct csn_bytes *chain, size_t chain_len,
                struct csn_cert ret_certs[CSN_CHAIN_MAX])
{
	if (chain_len < 1 || chain_len > CSN_CHAIN_MAX)
		return CSN_CHAIN_SYNTAX;
	for (size_t i = 0; i < chain_len; i++)
		if (csn_cert_parse(chain[i], suite, &ret_certs[i]) < 0)
			return CSN_CHAIN_SYNTAX;
	return CSN_OK;
}

/* May certificate @i of a chain certify the one before it? */
static bool
may_certify(const struct csn_cert *cert, size_t i)
{
	return cert->ca && (!cert->has_path_len || cert->path_len >= i - 1) &&
	       (cert->key_usage & CSN_KU_KEY_CERT_SIGN) != 0;
}

int
csn_chain_path(const struct csn_crypto *c, unsigned suite, const struct csn_cert *certs,
               size_t chain_len, struct csn_bytes anchor)
{
	struct csn_bytes top;

	if (chain_len < 1 || csn_spki_parse(anchor, suite, &top) < 0)
		return CSN_CHAIN_PATH;
	for (size_t i = 1; i < chain_len; i++)
		if (!csn_same(certs[i - 1].issuer, certs[i].subject) ||
		    !may_certify(&certs[i], i))
			return CSN_CHAIN_PATH;
	for (size_t i = 0; i < chain_len; i++) {
		struct csn_bytes pk = i + 1 < chain_len ? certs[i + 1].pk : top;
		int r = c->verify(c->self, suite, pk, &certs[i].tbs, 1, certs[i].sig);
		if (r != CSN_OK)
			return r == CSN_E_REFUSED ? CSN_CHAIN_PATH : r;
	}
	return CSN_OK;
}

int
csn_chain_usage(const struct csn_cert *leaf, unsigned roles)
{
	bool good = !leaf->ca && (leaf->key_usage & CSN_KU_DIGITAL_SIGNATURE) != 0 &&
	            (leaf->roles & roles) != 0;

	return good ? CSN_OK : CSN_CHAIN_USAGE;
}

int
csn_chain_time(const struct csn_cert *certs, size_t chain_len, uint32_t at)
{
	for (size_t i = 0; i < chain_len; i++)
		if (at < certs[i].not_before || at > certs[i].not_after)
			return CSN_CHAIN_TIME;
	return CSN_OK;
}

int
csn_chain_check(const struct csn_crypto *c, unsigned suite, const struct csn_bytes *chain,
                size_t chain_len, struct csn_bytes anchor, unsigned roles, uint32_t at,
                struct csn_cert *ret_leaf)
{
	struct csn_cert certs[CSN_CHAIN_MAX];

	int r = csn_chain_parse(suite, chain, chain_len, certs);
	if (r != CSN_OK)
		return r;
	r = csn_chain_path(c, suite, certs, chain_len, anchor);
	if (r == CSN_OK)
		r = csn_chain_usage(&certs[0], roles);
	if (r == CSN_OK)
		r = csn_chain_time(certs, chain_len, at);
	if (r >= 0)
		*ret_leaf = certs[0];
	return r;
}
