/*
 * sdk/lib/cert: certificates made here, each wrong in one thing, and which part of the
 * chain check names it.  ES256 chains are covered by the shared vectors.
 */
#include "kit/tap.h"
#include "lib/cert.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"

static const struct csn_crypto *c;

/* DER under construction, with the room of a certificate. */
struct der {
	uint8_t b[1024];
	size_t  len;
};

static void
put(struct der *d, const void *bytes, size_t len)
{
	memcpy(d->b + d->len, bytes, len);
	d->len += len;
}

static void
put_tlv(struct der *d, uint8_t tag, const void *bytes, size_t len)
{
	uint8_t head[4] = { tag, (uint8_t)len };
	size_t  n       = 2;

	if (len >= 256) {
		head[1] = 0x82;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n       = 4;
	} else if (len >= 128) {
		head[1] = 0x81;
		head[2] = (uint8_t)len;
		n       = 3;
	}
	put(d, head, n);
	put(d, bytes, len);
}

static void
put_der(struct der *d, uint8_t tag, const struct der *inner)
{
	put_tlv(d, tag, inner->b, inner->len);
}

/* What a certificate says; the defaults make a good leaf, the tables change one thing. */
struct spec {
	const char *issuer, *subject, *from, *to;
	uint8_t     signer, subject_key; /* seeds of the keys                     */
	bool        ca, no_bc, ca_false, no_ku, no_eku;
	int         path_len; /* -1: none                                         */
	uint8_t     ku[3];    /* of a BIT STRING; length in ku_len                */
	size_t      ku_len;
	uint8_t     role;
	uint8_t     version, serial[22];
	size_t      serial_len;
	bool        other_alg, unknown, critical, twice, junk, flip, trailing;
};

static const struct spec leaf_spec = {
	.issuer = "CA", .subject = "Leaf", .from = "260101000000Z", .to = "270101000000Z",
	.signer = 1, .subject_key = 2, .path_len = -1, .ku = { 7, 0x80 }, .ku_len = 2,
	.role = 1, .version = 2, .serial = { 0x12 }, .serial_len = 1,
};
static const struct spec ca_spec = {
	.issuer = "Root", .subject = "CA", .from = "260101000000Z", .to = "270101000000Z",
	.signer = 9, .subject_key = 1, .ca = true, .path_len = 0, .ku = { 1, 0x06 },
	.ku_len = 2, .no_eku = true, .version = 2, .serial = { 0x7f }, .serial_len = 1,
};

static const uint8_t alg[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t arc[] = { 0x06, 0x15, 0x69, 0x83, 0x9f, 0xb8, 0xd9, 0xc4,
	                       0xe5, 0xf2, 0x8a, 0xad, 0xb9, 0x8b, 0xdf, 0xb8,
	                       0xfd, 0x9c, 0xbe, 0xa3, 0xf1, 0x68 };

static void
seed_of(uint8_t n, uint8_t ret_sk[32])
{
	memset(ret_sk, n, 32);
}

static size_t
spki_of(uint8_t n, uint8_t ret_spki[CSN_SPKI_MAX])
{
	uint8_t sk[32], pk[32];
	size_t  len = 0;

	seed_of(n, sk);
	c->sign_public(c->self, CSN_SUITE_X25519, sk, pk);
	csn_spki_make(CSN_SUITE_X25519, CSN_BYTES_OF(pk), ret_spki, &len);
	return len;
}

static void
put_name(struct der *d, const char *name)
{
	static const uint8_t cn[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
	struct der           pair = { .len = 0 }, set = { .len = 0 }, seq = { .len = 0 };

	put(&pair, cn, sizeof cn);
	put_tlv(&pair, 0x0c, name, strlen(name));
	put_der(&set, 0x30, &pair);
	put_der(&seq, 0x31, &set);
	put_der(d, 0x30, &seq);
}

static void
put_time(struct der *d, const char *time)
{
	put_tlv(d, strlen(time) == 13 ? 0x17 : 0x18, time, strlen(time));
}

static void
put_ext(struct der *d, uint8_t id, bool critical, const struct der *value)
{
	const uint8_t oid[]  = { 0x06, 0x03, 0x55, 0x1d, id };
	const uint8_t crit[] = { 0x01, 0x01, 0xff };
	struct der    ext    = { .len = 0 };

	put(&ext, oid, sizeof oid);
	if (critical)
		put(&ext, crit, sizeof crit);
	put_der(&ext, 0x04, value);
	put_der(d, 0x30, &ext);
}

static void
put_extensions(struct der *d, const struct spec *s)
{
	struct der    list = { .len = 0 }, seq = { .len = 0 }, outer = { .len = 0 };
	struct der    bc = { .len = 0 }, inner = { .len = 0 }, ku = { .len = 0 };
	struct der    eku = { .len = 0 }, null = { .b = { 5, 0 }, .len = 2 };
	const uint8_t yes[] = { 1, 1, 0xff }, no[] = { 1, 1, 0 };
	const uint8_t len = (uint8_t)s->path_len;

	if (s->ca || s->ca_false)
		put(&inner, s->ca ? yes : no, 3);
	if (s->path_len >= 0)
		put_tlv(&inner, 2, &len, 1);
	put_der(&bc, 0x30, &inner);
	if (!s->no_bc)
		put_ext(&list, 19, true, &bc);
	put_tlv(&ku, 3, s->ku, s->ku_len);
	if (!s->no_ku)
		put_ext(&list, 15, true, &ku);
	inner.len = 0;
	put(&inner, arc, sizeof arc);
	put(&inner, &s->role, 1);
	put_der(&eku, 0x30, &inner);
	if (!s->no_eku)
		put_ext(&list, 37, false, &eku);
	if (s->unknown)
		put_ext(&list, 99, s->critical, &null);
	if (s->twice)
		put_ext(&list, 99, false, &null);
	put_der(&seq, 0x30, &list);
	put_der(&outer, 0xa3, &seq);
	put(d, outer.b, outer.len);
}

static void
make(const struct spec *s, struct der *ret)
{
	const uint8_t version[] = { 0xa0, 3, 2, 1, s->version };
	struct der    tbs = { .len = 0 }, body = { .len = 0 }, validity = { .len = 0 };
	struct der    cert = { .len = 0 };
	uint8_t       spki[CSN_SPKI_MAX], sk[32], bits[65] = { 0 }, other[7];

	memcpy(other, alg, 7);
	other[6] = 0x71;
	put(&body, version, sizeof version);
	put_tlv(&body, 2, s->serial, s->serial_len);
	put(&body, s->other_alg ? other : alg, sizeof alg);
	put_name(&body, s->issuer);
	put_time(&validity, s->from);
	put_time(&validity, s->to);
	put_der(&body, 0x30, &validity);
	put_name(&body, s->subject);
	size_t len = spki_of(s->subject_key, spki);
	put(&body, spki, len);
	put_extensions(&body, s);
	if (s->junk)
		put(&body, "\5\0", 2);
	put_der(&tbs, 0x30, &body);

	struct csn_bytes part = { tbs.b, tbs.len };
	seed_of(s->signer, sk);
	c->sign(c->self, CSN_SUITE_X25519, sk, &part, 1, bits + 1);
	bits[30] ^= s->flip;
	put(&cert, tbs.b, tbs.len);
	put(&cert, alg, sizeof alg);
	put_tlv(&cert, 3, bits, sizeof bits);
	ret->len = 0;
	put_der(ret, 0x30, &cert);
	ret->len += s->trailing;
}

#define AT 200000000 /* 2026-05-03 */

static int
check(const struct spec *leaf, const struct spec *ca, uint8_t anchor, unsigned roles,
      uint32_t at)
{
	struct der       d[2];
	struct csn_bytes chain[2];
	uint8_t          spki[CSN_SPKI_MAX];
	struct csn_cert  ret_leaf;

	make(leaf, &d[0]);
	make(ca, &d[1]);
	for (size_t i = 0; i < 2; i++)
		chain[i] = (struct csn_bytes){ d[i].b, d[i].len };
	size_t len = spki_of(anchor, spki);
	return csn_chain_check(c, CSN_SUITE_X25519, chain, 2, (struct csn_bytes){ spki, len },
	                       roles, at, &ret_leaf);
}

#define LEAF(what, part, ...)                                                   \
	do {                                                                    \
		struct spec s = leaf_spec;                                      \
		__VA_ARGS__;                                                    \
		tap_is(check(&s, &ca_spec, 9, CSN_ROLE_STATION, AT), part, what); \
	} while (0)
#define CA(what, part, ...)                                                       \
	do {                                                                      \
		struct spec s = ca_spec;                                          \
		__VA_ARGS__;                                                      \
		tap_is(check(&leaf_spec, &s, 9, CSN_ROLE_STATION, AT), part, what); \
	} while (0)

static void
test_syntax(void)
{
	LEAF("a good chain", 0, (void)s);
	LEAF("serial of 20 octets", 0, memset(s.serial, 1, 20), s.serial_len = 20);
	LEAF("serial of 21 octets", CSN_CHAIN_SYNTAX, memset(s.serial, 1, 21), s.serial_len = 21);
	LEAF("serial 0", CSN_CHAIN_SYNTAX, s.serial[0] = 0);
	LEAF("negative serial", CSN_CHAIN_SYNTAX, s.serial[0] = 0x80);
	LEAF("serial with a needless zero", CSN_CHAIN_SYNTAX, s.serial[0] = 0, s.serial[1] = 1,
	     s.serial_len = 2);
	LEAF("serial whose zero is needed", 0, s.serial[0] = 0, s.serial[1] = 0x80,
	     s.serial_len = 2);
	LEAF("version 2", CSN_CHAIN_SYNTAX, s.version = 1);
	LEAF("another algorithm inside", CSN_CHAIN_SYNTAX, s.other_alg = true);
	LEAF("an unknown extension", 0, s.unknown = true);
	LEAF("an unknown critical extension", CSN_CHAIN_SYNTAX, s.unknown = s.critical = true);
	LEAF("an extension twice", CSN_CHAIN_SYNTAX, s.unknown = s.twice = true);
	LEAF("something after the extensions", CSN_CHAIN_SYNTAX, s.junk = true);
	LEAF("a byte after the certificate", CSN_CHAIN_SYNTAX, s.trailing = true);
	LEAF("cA FALSE written out", CSN_CHAIN_SYNTAX, s.ca_false = true);
	LEAF("an unused bit of keyUsage set", CSN_CHAIN_SYNTAX, s.ku[0] = 7, s.ku[1] = 0x81);
	LEAF("a trailing zero bit in keyUsage", CSN_CHAIN_SYNTAX, s.ku[0] = 0, s.ku[1] = 0x80);
	LEAF("month 13", CSN_CHAIN_SYNTAX, s.to = "271301000000Z");
	LEAF("the 29th of February 2027", CSN_CHAIN_SYNTAX, s.to = "270229000000Z");
	LEAF("the 29th of February 2028", 0, s.to = "280229000000Z");
	LEAF("hour 24", CSN_CHAIN_SYNTAX, s.to = "270101240000Z");
	LEAF("a time without Z", CSN_CHAIN_SYNTAX, s.to = "2701010000000");
	LEAF("a time with a letter", CSN_CHAIN_SYNTAX, s.to = "27010100000aZ");
	LEAF("the last second there is", 0, s.to = "99991231235959Z");
}

static void
test_path(void)
{
	LEAF("another issuer name", CSN_CHAIN_PATH, s.issuer = "CB");
	LEAF("another signer", CSN_CHAIN_PATH, s.signer = 3);
	LEAF("one bit of the signature", CSN_CHAIN_PATH, s.flip = true);
	CA("a certificate that is no CA", CSN_CHAIN_PATH, s.ca = false, s.path_len = -1);
	CA("no basicConstraints", CSN_CHAIN_PATH, s.no_bc = true);
	CA("no keyUsage", CSN_CHAIN_PATH, s.no_ku = true);
	CA("keyUsage without keyCertSign", CSN_CHAIN_PATH, s.ku[0] = 1, s.ku[1] = 0x02);
	CA("no path length", 0, s.path_len = -1);
	CA("a root by another name", 0, s.issuer = "whatever");
	CA("not signed by the anchor", CSN_CHAIN_PATH, s.signer = 8);
	tap_is(check(&leaf_spec, &ca_spec, 8, CSN_ROLE_STATION, AT), CSN_CHAIN_PATH,
	       "another anchor");

	/* Three: the outer CA may have pathLen 1, not 0. */
	for (int path_len = 0; path_len < 2; path_len++) {
		struct der       d[3];
		struct csn_bytes chain[3];
		struct csn_cert  leaf;
		uint8_t          spki[CSN_SPKI_MAX];
		struct spec      top = ca_spec, middle = ca_spec;
		middle.issuer   = "Top";
		middle.signer   = 4;
		top.subject     = "Top";
		top.subject_key = 4;
		top.path_len    = path_len;
		make(&leaf_spec, &d[0]);
		make(&middle, &d[1]);
		make(&top, &d[2]);
		for (size_t i = 0; i < 3; i++)
			chain[i] = (struct csn_bytes){ d[i].b, d[i].len };
		size_t len = spki_of(9, spki);
		tap_is(csn_chain_check(c, CSN_SUITE_X25519, chain, 3,
		                       (struct csn_bytes){ spki, len }, CSN_ROLE_STATION, AT,
		                       &leaf),
		       path_len == 0 ? CSN_CHAIN_PATH : 0, "path length over two CAs");
		tap_is(csn_chain_check(c, CSN_SUITE_X25519, chain, 0,
		                       (struct csn_bytes){ spki, len }, CSN_ROLE_STATION, AT,
		                       &leaf),
		       CSN_CHAIN_SYNTAX, "an empty chain");
	}
}

static void
test_usage(void)
{
	LEAF("another role", CSN_CHAIN_USAGE, s.role = 2);
	LEAF("a role beyond the six", CSN_CHAIN_USAGE, s.role = 7);
	LEAF("no extKeyUsage", CSN_CHAIN_USAGE, s.no_eku = true);
	LEAF("no keyUsage", CSN_CHAIN_USAGE, s.no_ku = true);
	LEAF("keyAgreement only", CSN_CHAIN_USAGE, s.ku[0] = 3, s.ku[1] = 0x08);
	LEAF("a leaf that is a CA", CSN_CHAIN_USAGE, s.ca = true);
	tap_is(check(&leaf_spec, &ca_spec, 9, CSN_ROLE_MANIFEST | CSN_ROLE_STATION, AT), 0,
	       "one role of a set is enough");
	tap_is(check(&leaf_spec, &ca_spec, 9, 0, AT), CSN_CHAIN_USAGE,
	       "an empty set lets nothing pass");
}

static void
test_time(void)
{
	/* 2026-01-01 and 2027-01-01 as seconds since 2020. */
	static const struct {
		const char *what;
		uint32_t    at;
		int         part;
	} edges[] = {
		{ "a second before", 189388799, CSN_CHAIN_TIME },
		{ "the first second", 189388800, 0 },
		{ "the last second", 220924800, 0 },
		{ "a second after", 220924801, CSN_CHAIN_TIME },
	};
	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		tap_is(check(&leaf_spec, &ca_spec, 9, CSN_ROLE_STATION, edges[i].at),
		       edges[i].part, edges[i].what);
	CA("an expired CA", CSN_CHAIN_TIME, s.to = "260102000000Z");
	LEAF("a year of two digits from 50 on is before 2000", CSN_CHAIN_TIME,
	     s.from = "490101000000Z", s.to = "500101000000Z");
}

/* Each part over the whole chain before the next. */
static void
test_order(void)
{
	struct spec leaf = leaf_spec, ca = ca_spec;

	leaf.role = 2;
	leaf.to   = "260102000000Z";
	tap_is(check(&leaf, &ca, 9, CSN_ROLE_STATION, AT), CSN_CHAIN_USAGE,
	       "role before time");
	tap_is(check(&leaf, &ca, 8, CSN_ROLE_STATION, AT), CSN_CHAIN_PATH,
	       "path before role");
	ca.version = 1;
	tap_is(check(&leaf, &ca, 8, CSN_ROLE_STATION, AT), CSN_CHAIN_SYNTAX,
	       "the CA's syntax before the leaf's path");
}

/* Cut anywhere, and with any byte changed, it is refused or judged, never overread. */
static void
test_hostile(void)
{
	struct der      d;
	struct csn_cert cert;
	bool            all = true;

	make(&leaf_spec, &d);
	for (size_t len = 0; len < d.len; len++) {
		uint8_t *copy = malloc(len + 1);
		if (copy == NULL)
			return;
		memcpy(copy, d.b, len);
		all = all &&
		      csn_cert_parse((struct csn_bytes){ copy, len }, 1, &cert) < 0;
		free(copy);
	}
	tap_ok(all, "every shorter certificate is refused");
	for (size_t i = 0; i < d.len * 8; i++) {
		d.b[i / 8] ^= (uint8_t)(1u << i % 8);
		csn_cert_parse((struct csn_bytes){ d.b, d.len }, 1, &cert);
		d.b[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	tap_is(csn_cert_parse((struct csn_bytes){ d.b, d.len }, 1, &cert), CSN_OK,
	       "every single changed bit was judged without harm");
	tap_is(csn_cert_parse((struct csn_bytes){ d.b, d.len }, 2, &cert), CSN_E_PROTOCOL,
	       "it is no certificate of the other suite");
}

int
main(void)
{
	c = csn_crypto_openssl();
	test_syntax();
	test_path();
	test_usage();
	test_time();
	test_order();
	test_hostile();
	return tap_done();
}
