/*
 * sdk/lib/body: a body written here member by member, wrong in one thing, and the code
 * and the place that name it.
 */
#include "kit/tap.h"
#include "lib/body.h"

static const uint8_t did[16] = { 1 }, sid[16] = { 2 }, maker[32] = { 3 }, other[32] = { 4 };

/* What a body says; zeros make a good one, the table changes one thing. */
struct spec {
	const uint8_t *did, *sid, *device_maker, *session_maker;
	uint32_t       from, to; /* of the session; the device has 0 to the end   */
	bool           no_session, critical, text_key, unknown;
	size_t         passphrase; /* length                                       */
	const char    *wifi_cert, *cert_key; /* ids that are referred to           */
	bool           key_twice;
	size_t         attachment_key; /* length; 0: no attachment                */
};

static void
put_id(struct csn_dcbor_out *out, const char *id)
{
	csn_dcbor_put_bytes(out, (struct csn_bytes){ (const uint8_t *)id, strlen(id) });
}

static void
put_n(struct csn_dcbor_out *out, const uint8_t *bytes, size_t len)
{
	csn_dcbor_put_bytes(out, (struct csn_bytes){ bytes, len });
}

static void
put_window(struct csn_dcbor_out *out, uint32_t from, uint32_t to)
{
	csn_dcbor_put_array(out, 2);
	csn_dcbor_put_uint(out, from);
	csn_dcbor_put_uint(out, to);
}

static void
put_device(struct csn_dcbor_out *out, const struct spec *s)
{
	csn_dcbor_put_map(out, 3);
	csn_dcbor_put_uint(out, 1);
	put_n(out, s->did, 16);
	csn_dcbor_put_uint(out, 2);
	put_window(out, 0, UINT32_MAX);
	csn_dcbor_put_uint(out, 4);
	put_n(out, s->device_maker, 32);
}

static void
put_key(struct csn_dcbor_out *out, const char *id)
{
	csn_dcbor_put_map(out, 3);
	csn_dcbor_put_uint(out, 1);
	put_id(out, id);
	csn_dcbor_put_uint(out, 2);
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_uint(out, 3);
	put_n(out, maker, 16);
}

static void
put_credentials(struct csn_dcbor_out *out, const struct spec *s)
{
	csn_dcbor_put_map(out, 2);
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_array(out, 2);
	put_key(out, "k");
	put_key(out, s->key_twice ? "k" : "l");
	csn_dcbor_put_uint(out, 2);
	csn_dcbor_put_array(out, 1);
	csn_dcbor_put_map(out, 3);
	csn_dcbor_put_uint(out, 1);
	put_id(out, "c");
	csn_dcbor_put_uint(out, 2);
	csn_dcbor_put_array(out, 1);
	put_id(out, "der");
	csn_dcbor_put_uint(out, 3);
	put_id(out, s->cert_key);
}

static void
put_config(struct csn_dcbor_out *out, const struct spec *s)
{
	csn_dcbor_put_map(out, 1);
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_array(out, 1);
	csn_dcbor_put_map(out, 4 + (size_t)s->unknown + s->critical);
	csn_dcbor_put_uint(out, 1);
	put_id(out, "net");
	csn_dcbor_put_uint(out, 2);
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_uint(out, 3);
	put_n(out, (const uint8_t *)"a passphrase of no more than sixty-three bytes, ever so long....",
	      s->passphrase);
	csn_dcbor_put_uint(out, 4);
	put_id(out, s->wifi_cert);
	if (s->unknown) {
		csn_dcbor_put_uint(out, 99);
		csn_dcbor_put_null(out);
	}
	if (s->critical) {
		csn_dcbor_put_int(out, -5);
		csn_dcbor_put_null(out);
	}
}

static void
put_session(struct csn_dcbor_out *out, const struct spec *s)
{
	csn_dcbor_put_map(out, 3 + (size_t)s->text_key);
	csn_dcbor_put_uint(out, 1);
	put_n(out, s->sid, 16);
	csn_dcbor_put_uint(out, 2);
	put_window(out, s->from, s->to);
	csn_dcbor_put_uint(out, 3);
	put_n(out, s->session_maker, 32);
	if (s->text_key) {
		csn_dcbor_put_text(out, "x");
		csn_dcbor_put_null(out);
	}
}

static struct csn_bytes
make(const struct spec *s)
{
	static uint8_t       buf[2048];
	struct csn_dcbor_out out;
	struct csn_bytes     body = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_map(&out, 4 - (size_t)s->no_session + (s->attachment_key > 0));
	csn_dcbor_put_uint(&out, 1);
	put_device(&out, s);
	csn_dcbor_put_uint(&out, 2);
	put_credentials(&out, s);
	csn_dcbor_put_uint(&out, 3);
	put_config(&out, s);
	if (!s->no_session) {
		csn_dcbor_put_uint(&out, 6);
		put_session(&out, s);
	}
	if (s->attachment_key > 0) {
		csn_dcbor_put_uint(&out, 7);
		csn_dcbor_put_array(&out, 1);
		csn_dcbor_put_map(&out, 4);
		csn_dcbor_put_uint(&out, 1);
		put_id(&out, "a");
		csn_dcbor_put_uint(&out, 2);
		csn_dcbor_put_uint(&out, 5);
		csn_dcbor_put_uint(&out, 3);
		put_n(&out, maker, 32);
		csn_dcbor_put_uint(&out, 4);
		put_n(&out, maker, s->attachment_key);
	}
	csn_dcbor_out_end(&out, &body);
	return body;
}

static const struct spec good = {
	.did = did, .sid = sid, .device_maker = maker, .session_maker = maker,
	.from = 100, .to = 200, .passphrase = 8, .wifi_cert = "c", .cert_key = "k",
};
static const struct csn_body_want want = {
	.suite = CSN_SUITE_X25519, .did = did, .sid = sid, .maker_hash = maker, .ts = 150,
};

static void
expect(const char *what, const struct spec *s, const struct csn_body_want *w, int code,
       const char *place)
{
	struct csn_body_place at = { 0 };
	char                  got[200];

	int r = csn_body_check(make(s), w, &at);
	snprintf(got, sizeof got, "%s: %s", at.path, at.text);
	tap_ok(r == code && (code == 0 || strcmp(got, place) == 0), "%s: %d", what, code);
	if (r != code || (code != 0 && strcmp(got, place) != 0))
		tap_note("got %d at \"%s\"", r, got);
}

#define CASE(what, code, place, ...)                \
	do {                                        \
		struct spec          s = good;      \
		struct csn_body_want w = want;      \
		(void)w;                            \
		__VA_ARGS__;                        \
		expect(what, &s, &w, code, place);  \
	} while (0)

static void
test_one_thing(void)
{
	CASE("a good body", 0, "", (void)s);
	CASE("an unknown unsigned key is skipped", 0, "", s.unknown = true);
	CASE("a passphrase of 63 bytes", 0, "", s.passphrase = 63);
	CASE("a passphrase of 64 bytes", 172,
	     "config.wifi[0].passphrase: 64 bytes, needs 8 to 63", s.passphrase = 64);
	CASE("no session", 172, "session: is missing", s.no_session = true);
	CASE("a text key", 172, "session: a text key where numbers are keys", s.text_key = true);
	CASE("an unknown negative key", 177, "config.wifi[0]: an unknown critical (negative) key",
	     s.critical = true);
	CASE("another device", 173, "device.id: names another device", s.did = other);
	CASE("another session", 176, "session.id: is another session", s.sid = other);
	CASE("another maker of the device", 175, "device.manufacturer: is another",
	     s.device_maker = other);
	CASE("another maker in the session", 175, "session.manufacturer: is another",
	     s.session_maker = other);
	CASE("a window that ends with ts", 0, "", s.to = 150);
	CASE("a window that has ended", 174, "session.window: does not hold now", s.to = 149);
	CASE("a window that has not begun", 174, "session.window: does not hold now", s.from = 151);
	CASE("a window reversed", 174, "session.window: does not hold now", s.from = 160,
	     s.to = 140);
	CASE("a trusted clock outside", 174, "session.window: does not hold now",
	     w.clock_trusted = true, w.clock_now = 201);
	CASE("a clock that is not trusted", 0, "", w.clock_now = 201);
	CASE("a certificate's key that is not there", 181,
	     "credentials.certificates[0]: names an id that is not in credentials.keys",
	     s.cert_key = "m");
	CASE("a network's certificate that is not there", 181,
	     "config.wifi[0]: names an id that is not in credentials.certificates",
	     s.wifi_cert = "k");
	CASE("one key id twice", 181, "credentials.keys[1].id: is there twice", s.key_twice = true);
	CASE("an attachment with a key of the suite", 0, "", s.attachment_key = 32);
	CASE("an attachment with a key of the other", 181,
	     "attachments[0].key: 16 bytes, suite 1 needs 32", s.attachment_key = 16);
	CASE("an attachment key of no suite", 172, "attachments[0].key: 24 bytes, needs 16 or 32",
	     s.attachment_key = 24);
}

/* Wrong in everything, then better step by step: the protocol's order. */
static void
test_order(void)
{
	struct spec s = {
		.did = other, .sid = other, .device_maker = other, .session_maker = other,
		.from = 1, .to = 2, .passphrase = 7, .wifi_cert = "z", .cert_key = "k",
		.critical = true,
	};

	expect("syntax first", &s, &want, 172,
	       "config.wifi[0].passphrase: 7 bytes, needs 8 to 63");
	s.passphrase = 8;
	expect("then critical keys", &s, &want, 177,
	       "config.wifi[0]: an unknown critical (negative) key");
	s.critical = false;
	expect("then the device", &s, &want, 173, "device.id: names another device");
	s.did = did;
	expect("then the session", &s, &want, 176, "session.id: is another session");
	s.sid = sid;
	expect("then the maker", &s, &want, 175, "device.manufacturer: is another");
	s.device_maker = s.session_maker = maker;
	expect("then the windows", &s, &want, 174, "session.window: does not hold now");
	s.to = 200;
	expect("then the references", &s, &want, 181,
	       "config.wifi[0]: names an id that is not in credentials.certificates");
}

static void
test_join(void)
{
	static const uint8_t record[] = { 0xa2, 0x03, 0xa0, 0x09, 0x01 };
	static const uint8_t joined[] = { 0xa4, 0x01, 0xa0, 0x03, 0xa0, 0x06, 0x80, 0x09, 0x01 };
	static const uint8_t empty[]  = { 0xa0 }, both[] = { 0xa2, 0x01, 0xa0, 0x06, 0x80 };
	static const uint8_t device[] = { 0xa0 }, session[] = { 0x80 };
	uint8_t              buf[32];
	struct csn_dcbor_out out;
	struct csn_bytes     made = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	int r = csn_body_join(&out, CSN_BYTES_OF(record), CSN_BYTES_OF(device),
	                      CSN_BYTES_OF(session));
	csn_dcbor_out_end(&out, &made);
	tap_ok(r == CSN_OK && made.len == sizeof joined && memcmp(buf, joined, made.len) == 0,
	       "device and session go to their places");
	tap_is(csn_dcbor_check(made), CSN_OK, "and the result is deterministic");
	csn_dcbor_out_init(&out, buf, sizeof buf);
	r = csn_body_join(&out, CSN_BYTES_OF(empty), CSN_BYTES_OF(device),
	                  CSN_BYTES_OF(session));
	csn_dcbor_out_end(&out, &made);
	tap_ok(r == CSN_OK && made.len == sizeof both && memcmp(buf, both, made.len) == 0,
	       "also into an empty record");
	csn_dcbor_out_init(&out, buf, sizeof buf);
	tap_is(csn_body_join(&out, CSN_BYTES_OF(both), CSN_BYTES_OF(device),
	                     CSN_BYTES_OF(session)),
	       CSN_E_PROTOCOL, "a record that has them is refused");
}

static void
test_view(void)
{
	struct spec           s = good;
	struct csn_body_view  view;
	struct csn_fw_payload fw = { .length = 5 };

	s.attachment_key = 32;
	tap_is(csn_body_view(make(&s), &view), 0, "a good body can be taken apart");
	tap_ok(view.attachments_len == 1 && view.attachments[0].length == 5 &&
	               view.attachments[0].key.len == 32,
	       "its attachment is there");
	memcpy(fw.digest, maker, 32);
	tap_is(csn_body_firmware_ref(&view, &fw), 0, "no firmware refers to nothing");
	view.fw_att_id = view.attachments[0].id;
	tap_is(csn_body_firmware_ref(&view, &fw), 0, "the attachment of the firmware fits");
	fw.length = 6;
	tap_is(csn_body_firmware_ref(&view, &fw), 181, "not with another length");
	fw.length    = 5;
	fw.digest[0] ^= 1;
	tap_is(csn_body_firmware_ref(&view, &fw), 181, "nor with another hash");
	view.fw_att_id.len = 0;
	view.attachments_len = 0;
	tap_is(csn_body_view(CSN_BYTES_NONE, &view), 172, "nothing cannot be taken apart");
	tap_is(csn_body_record_check((struct csn_bytes){ (const uint8_t *)"\xa0", 1 }, 0, NULL),
	       0, "an empty record is a record");
}

int
main(void)
{
	test_one_thing();
	test_order();
	test_join();
	test_view();
	return tap_done();
}
