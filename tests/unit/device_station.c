/*
 * Both halves of CSGN/1 against each other, live, in every mode and suite: the station's
 * code makes what the device's code judges, and the other way round.
 */
#include "kit/tap.h"

#include <unistd.h>

#include <jansson.h>

#include "device/device.h"
#include "lib/cert.h"
#include "lib/crypto-openssl.h"
#include "lib/ladder.h"
#include "plugins/ceremony/csgn1/station.h"

#define NS_PER_S UINT64_C(1000000000)

static const struct csn_device_policy policy = { .evidence_x509 = 1 };

/* One ceremony: the parties come from a vector file, the rest is made now. */
struct pair {
	json_t                 *root;
	const struct csn_crypto *c;
	struct csn_device       dev;
	struct csn_device_state born, durable;
	struct station          st;
	struct station_device   subject;
	struct station_hello    hello;
	struct csn_bytes        chain[3], station_key, maker_spki, r, pin, record, body;
	size_t                  chain_len;
	uint8_t                 m0b[16384], m3[256], body_buf[CSN_CT_MAX];
	size_t                  m0b_len, m3_len;
	uint64_t                now_s;
	uint8_t                 buf[CSN_M1_MAX];
};

static struct pair pair;
static uint8_t     pool[1 << 20];
static size_t      pool_used;

static struct csn_bytes
unhex_text(const char *text)
{
	size_t   len = text == NULL ? 0 : strlen(text) / 2;
	uint8_t *out = pool + pool_used;

	if (len > sizeof pool - pool_used)
		abort();
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			abort();
		out[i] = (uint8_t)byte;
	}
	pool_used += len;
	return (struct csn_bytes){ out, len };
}

static struct csn_bytes
unhex(const json_t *object, const char *key)
{
	return unhex_text(json_string_value(json_object_get(object, key)));
}

static const json_t *
party(const struct pair *p, const char *name)
{
	return json_object_get(json_object_get(p->root, "parties"), name);
}

static size_t
chain_of(const json_t *owner, struct csn_bytes certs[3])
{
	const json_t *chain = json_object_get(owner, "chain");
	size_t        count = json_array_size(chain);

	for (size_t i = 0; i < count && i < 3; i++)
		certs[i] = unhex_text(json_string_value(json_array_get(chain, i)));
	return count;
}

static void
make_device(struct pair *p)
{
	const json_t           *device = json_object_get(json_object_get(p->root, "vector"), "device");
	const char             *model = json_string_value(json_object_get(device, "class"));
	struct csn_device_birth birth = {
		.suite        = (uint8_t)json_integer_value(json_object_get(p->root, "suite")),
		.cost         = 8,
		.modes        = 0x5f,
		.floor        = (uint32_t)json_integer_value(json_object_get(device, "floor")),
		.seed         = unhex(device, "seed"),
		.model        = { (const uint8_t *)model, strlen(model) },
		.maker_spki   = unhex(device, "maker_spki"),
		.owner_spki   = unhex(party(p, "owner_anchor"), "public_spki"),
		.identity_key = unhex(device, "identity_key"),
		.w0           = unhex(json_object_get(device, "pake"), "w0"),
		.l            = unhex(json_object_get(device, "pake"), "L"),
	};

	birth.cert_count = chain_of(party(p, "device_identity"), birth.certs);
	if (csn_device_state_init(p->c, &birth, &p->born) != CSN_OK)
		abort();
	p->durable = p->born;
	csn_device_init(&p->dev, p->c, &policy, p->buf, sizeof p->buf);
	csn_device_load(&p->dev, &p->born, 0);
}

static void
make_station(struct pair *p, unsigned mode)
{
	const json_t    *trace = json_object_get(p->root, "trace");
	struct csn_bytes pk;

	p->st = (struct station){
		.crypto  = p->c,
		.suite   = p->born.suite,
		.mode    = mode,
		.cost    = 8,
		.has_idx = (mode & CSN_MODE_TWO_WAY) == 0,
		.ts      = (uint32_t)json_integer_value(json_object_get(trace, "ts")),
	};
	p->chain_len = chain_of(party(p, "station"), p->chain);
	p->station_key = unhex(party(p, "station"), "private_raw");
	p->maker_spki = unhex(party(p, "manufacturer_anchor"), "public_spki");
	memcpy(p->st.did, p->born.did, sizeof p->st.did);
	if (csn_spki_parse(unhex(party(p, "device_identity"), "public_spki"), p->born.suite, &pk) !=
	        CSN_OK ||
	    p->c->random(p->c->self, p->st.sid, 16) != CSN_OK ||
	    p->c->random(p->c->self, p->st.nu, 16) != CSN_OK ||
	    station_own(&p->st, p->chain[0]) != CSN_OK)
		abort();
	memcpy(p->st.pk, pk.ptr, pk.len);
	p->st.pk_len = pk.len;
}

static bool
pair_init(struct pair *p, const char *file, unsigned mode)
{
	static const uint8_t empty_map[] = { 0xa0 };
	const char *dir = getenv("CSN_VECTORS");
	const char *pin;
	char        path[4096];

	memset(p, 0, sizeof *p);
	pool_used = 0;
	snprintf(path, sizeof path, "%s/%s",
	         dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1", file);
	p->root = access(path, R_OK) == 0 ? json_load_file(path, 0, NULL) : NULL;
	if (p->root == NULL)
		return false;
	pin = json_string_value(json_object_get(party(p, "device"), "pin"));
	p->pin = (struct csn_bytes){ (const uint8_t *)pin, strlen(pin) };
	p->record = CSN_BYTES_OF(empty_map);
	p->c = csn_crypto_openssl();
	p->now_s = 1000;
	make_device(p);
	make_station(p, mode);
	return true;
}

static struct csn_device_action
feed(struct pair *p, uint32_t type, uint32_t role, struct csn_bytes bytes)
{
	const struct csn_device_event ev = {
		.type   = type,
		.role   = role,
		.medium = role == CSN_ROLE_BIND ? "ultrasonic" : "qr",
		.at_ns  = p->now_s * NS_PER_S,
		.now_ns = p->now_s * NS_PER_S,
		.bytes  = bytes,
	};
	struct csn_device_action a = csn_device_event(&p->dev, &ev);

	while (a.type == CSN_DEVICE_COMMIT || a.type == CSN_DEVICE_ASK_PIN) {
		struct csn_device_event answer = ev;

		answer.type = CSN_DEVICE_COMMITTED;
		if (a.type == CSN_DEVICE_ASK_PIN) {
			answer.type = CSN_DEVICE_PIN;
			answer.bytes = p->pin;
		} else {
			p->durable = *a.commit.state;
			if (a.commit.kind == CSN_DEVICE_ACCEPT) {
				p->m3_len = a.commit.m3.len;
				memcpy(p->m3, a.commit.m3.ptr, p->m3_len);
			}
		}
		a = csn_device_event(&p->dev, &answer);
	}
	return a;
}

/* M0a, M0b and the station's judgement of it; R is then the device's fresh key. */
static int
greet(struct pair *p)
{
	const struct station_maker  makers[] = { { p->born.suite, p->maker_spki } };
	const struct station_trust  trust = { .crypto = p->c, .makers = makers, .maker_count = 1,
		                              .suites = 1u << p->born.suite, .now = p->st.ts };
	const uint8_t *const        skids[2] = { p->st.skid, p->st.skid };
	struct csn_m0a              m0a = { 0 };
	struct csn_dcbor_out        out;
	struct csn_bytes            done;
	uint8_t                     bytes[64];
	struct csn_device_action    a;

	memcpy(m0a.sid, p->st.sid, sizeof m0a.sid);
	m0a.has_suite[p->born.suite] = true;
	memcpy(m0a.skid[p->born.suite], p->st.skid, 16);
	csn_dcbor_out_init(&out, bytes, sizeof bytes);
	csn_m0a_put(&out, &m0a);
	if (csn_dcbor_out_end(&out, &done) != CSN_OK)
		abort();
	a = feed(p, CSN_DEVICE_MESSAGE, CSN_ROLE_OFFER, done);
	if (a.send.len == 0 || a.send.len > sizeof p->m0b)
		return CSN_E_INTERNAL;
	memcpy(p->m0b, a.send.ptr, a.send.len);
	p->m0b_len = a.send.len;
	int r = station_hello(&trust, p->st.sid, skids,
	                      (struct csn_bytes){ p->m0b, p->m0b_len }, &p->subject, &p->hello);
	p->r = p->hello.m0b.hello.e_d;
	return r;
}

static void
sign(struct pair *p, const uint8_t *to_sign, size_t len, uint8_t sig[CSN_SIG_LEN])
{
	const struct csn_bytes part = { to_sign, len };

	if (p->c->sign(p->c->self, p->born.suite, p->station_key.ptr, &part, 1, sig) != CSN_OK)
		abort();
}

static void
open_offer(struct pair *p, struct csn_bytes pin)
{
	uint8_t sk[32], pk[CSN_PK_MAX], secret[32], scalar[32];

	if (p->c->random(p->c->self, secret, sizeof secret) != CSN_OK ||
	    p->c->random(p->c->self, scalar, sizeof scalar) != CSN_OK)
		abort();
	scalar[0] &= 0x7f;
	if ((p->st.mode & CSN_MODE_PSK) != 0) {
		if (csn_ladder_psk(p->c, p->born.seed, secret) != CSN_OK)
			abort();
	} else if ((p->st.mode & CSN_MODE_TWO_WAY) == 0) {
		if (csn_ladder_keys(p->c, p->born.suite, p->born.seed, sk, pk) != CSN_OK)
			abort();
		p->r = (struct csn_bytes){ pk, csn_suite_pk_len(p->born.suite) };
	}
	tap_ok(station_open(&p->st, p->r, p->hello.m0b.hello_raw, secret) == CSN_OK &&
	           ((p->st.mode & CSN_MODE_PIN) == 0 ||
	            (p->st.mode == CSN_MODE_PAKE ? station_pake_start(&p->st, pin, scalar)
	                                         : station_pin(&p->st, pin)) == CSN_OK),
	       "the station opens its offer");
}

static void
make_body(struct pair *p)
{
	uint8_t              maker[32];
	struct station_frame frame = { .maker = maker, .early_s = 60, .window_s = 3600,
		                       .session_s = 600 };
	size_t               len;

	if (csn_sha256(p->c, p->maker_spki, maker) != CSN_OK ||
	    station_body(&p->st, &frame, p->record, p->body_buf, sizeof p->body_buf, &len, NULL) != 0)
		abort();
	p->body = (struct csn_bytes){ p->body_buf, len };
}

/* M1 and M2 to the device; its action after the bind. */
static struct csn_device_action
offer(struct pair *p, struct csn_bytes pin)
{
	static uint8_t m1[CSN_M1_MAX];
	uint8_t        to_sign[STATION_TO_SIGN], sig[CSN_SIG_LEN], m2[CSN_M2_LEN];
	size_t         len, m1_len;

	open_offer(p, pin);
	make_body(p);
	if (station_offer_statement(&p->st, p->body, to_sign, sizeof to_sign, &len) != CSN_OK)
		abort();
	sign(p, to_sign, len, sig);
	if (station_offer(&p->st, sig, p->chain, p->chain_len, CSN_BYTES_NONE, m1, sizeof m1,
	                  &m1_len, m2) != CSN_OK)
		abort();
	feed(p, CSN_DEVICE_MESSAGE, CSN_ROLE_OFFER, (struct csn_bytes){ m1, m1_len });
	return feed(p, CSN_DEVICE_MESSAGE, CSN_ROLE_BIND, CSN_BYTES_OF(m2));
}

/* M4 came: M5 to the device. */
static struct csn_device_action
answer_m4(struct pair *p, struct csn_bytes m4)
{
	static uint8_t m5[CSN_M5_MAX];
	uint8_t        to_sign[STATION_TO_SIGN], sig[CSN_SIG_LEN];
	size_t         len, m5_len;

	tap_is(station_pake_reply(&p->st, m4), 0, "the station accepts M4");
	if (station_inner_statement(&p->st, p->body, to_sign, sizeof to_sign, &len) != CSN_OK)
		abort();
	sign(p, to_sign, len, sig);
	if (station_inner(&p->st, sig, m5, sizeof m5, &m5_len) != CSN_OK)
		abort();
	return feed(p, CSN_DEVICE_MESSAGE, CSN_ROLE_OFFER, (struct csn_bytes){ m5, m5_len });
}

static int
done(struct pair *p, struct csn_bytes m3)
{
	struct csn_bytes receipt;
	uint8_t          t2[32];

	return station_done(&p->st, m3, CSN_BYTES_NONE, &receipt, t2);
}

static void
test_mode(struct pair *p)
{
	const bool               two_way = (p->st.mode & CSN_MODE_TWO_WAY) != 0;
	struct csn_device_action a;

	if (two_way)
		tap_is(greet(p), 0, "the station accepts the hello");
	a = offer(p, p->pin);
	if (p->st.mode == CSN_MODE_PAKE)
		a = answer_m4(p, a.send);
	tap_ok(a.type == CSN_DEVICE_ACCEPTED && (a.send.len > 0) == two_way,
	       "the device accepts (code %u)", a.code);
	tap_is(done(p, (struct csn_bytes){ p->m3, p->m3_len }), 0, "the station accepts M3");
	tap_is(p->durable.next, two_way ? 0 : 1, "one way a rung is used, two way none");
}

/* A large body, near what ct can hold. */
static void
test_large(struct pair *p)
{
	static uint8_t       record[31000];
	struct csn_dcbor_out out;
	static uint8_t       filler[30000];

	csn_dcbor_out_init(&out, record, sizeof record);
	csn_dcbor_put_map(&out, 1);
	csn_dcbor_put_uint(&out, 3);
	csn_dcbor_put_map(&out, 1);
	csn_dcbor_put_uint(&out, 4);
	csn_dcbor_put_map(&out, 1);
	csn_dcbor_put_text(&out, "filler");
	csn_dcbor_put_bytes(&out, CSN_BYTES_OF(filler));
	if (csn_dcbor_out_end(&out, &p->record) != CSN_OK)
		abort();
	test_mode(p);
}

/* A PIN the station does not know: M4 tells it, the device tells only that it refused. */
static void
test_wrong_pin(struct pair *p)
{
	const struct csn_bytes   wrong = { (const uint8_t *)"000000", 6 };
	struct csn_device_action a;

	tap_is(greet(p), 0, "the station accepts the hello");
	a = offer(p, wrong);
	tap_is(station_pake_reply(&p->st, a.send), CSN_CODE_PIN_REFUSED, "M4 shows a wrong PIN");
	p->now_s += 121;
	a = feed(p, CSN_DEVICE_TIMER, 0, CSN_BYTES_NONE);
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_PAKE_SYNTAX &&
	           p->durable.tries == 1,
	       "no M5 comes: refused, the try is counted");
	tap_is(done(p, a.send), CSN_CODE_DEVICE_REFUSED, "and the station is told no more than that");
}

/* An M5 that does not fit the buffer beside what must be kept. */
static void
test_huge_m5(struct pair *p)
{
	static uint8_t           huge[CSN_M5_MAX + 1] = { 0x86, 0x07 };
	struct csn_device_action a;

	greet(p);
	offer(p, p->pin);
	a = feed(p, CSN_DEVICE_MESSAGE, CSN_ROLE_OFFER, CSN_BYTES_OF(huge));
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_PAKE_SYNTAX,
	       "an M5 of 40961 bytes is refused");
	pair.dev.rate.last_code = 0;
	tap_is(done(p, a.send), CSN_CODE_DEVICE_REFUSED, "and told");
}

static void
test_huge_m5_small_buffer(struct pair *p)
{
	static uint8_t           m5[2000] = { 0x86, 0x07 };
	struct csn_device_action a;

	greet(p);
	p->dev.buf_cap = 2048;
	offer(p, p->pin);
	a = feed(p, CSN_DEVICE_MESSAGE, CSN_ROLE_OFFER, CSN_BYTES_OF(m5));
	tap_ok(a.type == CSN_DEVICE_REFUSED && a.code == CSN_CODE_PAKE_SYNTAX &&
	           p->buf[2048] == 0,
	       "nor does one that a small device has no room for get past its buffer");
}

static const struct {
	const char *file;
	unsigned    mode;
	void (*test)(struct pair *p);
} tests[] = {
	{ "oneway-s1.json", 0, test_mode },       { "oneway-s2.json", 0, test_mode },
	{ "twoway-s1.json", 1, test_mode },       { "twoway-s2.json", 1, test_mode },
	{ "oneway-pin-s1.json", 2, test_mode },   { "oneway-pin-s2.json", 2, test_mode },
	{ "twoway-pin-s1.json", 3, test_mode },   { "twoway-pin-s2.json", 3, test_mode },
	{ "psk-s1.json", 4, test_mode },          { "psk-s2.json", 4, test_mode },
	{ "psk-pin-s1.json", 6, test_mode },      { "psk-pin-s2.json", 6, test_mode },
	{ "oneway-s1.json", 0, test_large },      { "twoway-pin-s2.json", 3, test_large },
	{ "twoway-pin-s1.json", 3, test_wrong_pin },
	{ "twoway-pin-s1.json", 3, test_huge_m5 },
	{ "twoway-pin-s1.json", 3, test_huge_m5_small_buffer },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		tap_note("parties of %s, mode %u", tests[i].file, tests[i].mode);
		if (!pair_init(&pair, tests[i].file, tests[i].mode)) {
			tap_skip(tests[i].file, "no such file; set CSN_VECTORS");
			continue;
		}
		tests[i].test(&pair);
		csn_device_done(&pair.dev);
		json_decref(pair.root);
	}
	return tap_done();
}
