/* format/json: names to keys and back without loss, every refusal with its place. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/format.h>

static struct fakehost              *fake;
static const struct csn_host        *host;
static const struct csn_format_ops  *ops;
static void                         *format;

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

/* Every kind of member once; the expected bytes were written by hand. */
static const char whole[] =
	"{\"config\":{\"app\":{\"b\":[1,-2,null,true],\"a\":\"text:hex:1\",\"c\":\"hex:00ff\"},"
	"\"wifi\":[{\"ssid\":\"net\",\"auth\":\"open\",\"hidden\":false}]},"
	"\"device\":{\"id\":\"hex:000102030405060708090a0b0c0d0e0f\","
	"\"window\":{\"not_before\":\"2020-01-01T00:00:10Z\",\"not_after\":4294967295},"
	"\"manufacturer\":\"base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\"}}";
static const uint8_t record[] = {
	0xa2, 0x01, 0xa3, 0x01, 0x50, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x02, 0x82, 0x0a, 0x1a, 0xff, 0xff, 0xff,
	0xff, 0x04, 0x58, 0x20, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,    0,    0x01, 0x03, 0xa2, 0x01, 0x81, 0xa3, 0x01,
	0x43, 'n',  'e',  't',  0x02, 0x00, 0x05, 0xf4, 0x04, 0xa3, 0x61, 'a',  0x65, 'h',
	'e',  'x',  ':',  '1',  0x61, 'b',  0x84, 0x01, 0x21, 0xf6, 0xf5, 0x61, 'c',  0x42,
	0x00, 0xff,
};

static void
test_round(void)
{
	struct csn_error err  = { 0 };
	struct csn_buf  *made = NULL, *back = NULL, *again = NULL;

	int r = ops->decode(format, text(whole), &made, &err);
	tap_ok(r == CSN_OK, "a record of every kind of member is read (%s)", err.text);
	if (r != CSN_OK)
		return;
	struct csn_bytes got = host->buf_bytes(made);
	tap_ok(got.len == sizeof record && memcmp(got.ptr, record, got.len) == 0,
	       "and its bytes are those written by hand");
	r = ops->encode(format, got, &back, &err);
	tap_ok(r == CSN_OK, "it is written back (%s)", err.text);
	if (r == CSN_OK) {
		tap_ok(strstr((const char *)host->buf_bytes(back).ptr,
		              "\"not_before\": \"2020-01-01T00:00:10Z\"") != NULL,
		       "times are written for people");
		r = ops->decode(format, host->buf_bytes(back), &again, &err);
		got = r == CSN_OK ? host->buf_bytes(again) : CSN_BYTES_NONE;
		tap_ok(got.len == sizeof record && memcmp(got.ptr, record, got.len) == 0,
		       "and what was written is the same record (%s)", err.text);
	}
	host->buf_unref(made);
	host->buf_unref(back);
	host->buf_unref(again);
}

#define WIFI(members) "{\"config\":{\"wifi\":[{" members "}]}}"

static void
test_refused(void)
{
	static const struct {
		const char *what, *json, *because;
	} cases[] = {
		{ "a short passphrase",
		  WIFI("\"ssid\":\"x\",\"auth\":\"wpa2-psk\",\"passphrase\":\"12345\""),
		  "config.wifi[0].passphrase: 5 bytes, needs 8 to 63" },
		{ "a missing passphrase", WIFI("\"ssid\":\"x\",\"auth\":\"wpa3-sae\""),
		  "config.wifi[0]: needs a passphrase for this auth" },
		{ "a missing member", WIFI("\"auth\":\"open\""),
		  "config.wifi[0].ssid: is missing" },
		{ "an unknown member", WIFI("\"ssid\":\"x\",\"pass\":1"),
		  "config.wifi[0].pass: is not a member of wifi" },
		{ "an unknown choice", WIFI("\"ssid\":\"x\",\"auth\":\"wep\""),
		  "config.wifi[0].auth: needs to be one of: open, wpa2-psk, wpa3-sae, eap-tls" },
		{ "a choice by number", WIFI("\"ssid\":\"x\",\"auth\":0"),
		  "config.wifi[0].auth: needs to be one of: open, wpa2-psk, wpa3-sae, eap-tls" },
		{ "a fraction", WIFI("\"ssid\":\"x\",\"auth\":\"open\",\"priority\":1.0"),
		  "config.wifi[0].priority: is a number with a fraction, needs to be a whole number" },
		{ "a number over its bound", WIFI("\"ssid\":\"x\",\"auth\":\"open\",\"priority\":256"),
		  "config.wifi[0].priority: 256, needs 0 to 255" },
		{ "a negative number", WIFI("\"ssid\":\"x\",\"auth\":\"open\",\"priority\":-1"),
		  "config.wifi[0].priority: -1, needs to be 0 or more" },
		{ "bad hex", WIFI("\"ssid\":\"hex:0g\",\"auth\":\"open\""),
		  "config.wifi[0].ssid: is not what its prefix says" },
		{ "base64 with a stray bit", WIFI("\"ssid\":\"base64:AAB=\",\"auth\":\"open\""),
		  "config.wifi[0].ssid: is not what its prefix says" },
		{ "an empty list", "{\"config\":{\"wifi\":[]}}",
		  "config.wifi: 0 members, needs 1 to 8" },
		{ "a list that is none", "{\"config\":{\"wifi\":{}}}",
		  "config.wifi: is an object, needs to be an array" },
		{ "a reference to nothing",
		  WIFI("\"ssid\":\"x\",\"auth\":\"eap-tls\",\"certificate\":\"c\""),
		  "config.wifi[0]: names an id that is not in credentials.certificates" },
		{ "an id twice",
		  "{\"credentials\":{\"anchors\":[{\"id\":\"a\",\"type\":\"spki\",\"value\":\"x\"},"
		  "{\"id\":\"a\",\"type\":\"spki\",\"value\":\"y\"}]}}",
		  "credentials.anchors[1].id: is there twice" },
		{ "the 31st of June",
		  "{\"device\":{\"id\":\"hex:000102030405060708090a0b0c0d0e0f\",\"window\":"
		  "{\"not_before\":\"2026-06-31T00:00:00Z\",\"not_after\":1},\"manufacturer\":\"x\"}}",
		  "device.window.not_before: needs to be a time like 2026-11-25T12:00:00Z from "
		  "2020 to 2156" },
		{ "a key twice", "{\"config\":{},\"config\":{}}",
		  "record: line 1, column 21: a key is there twice" },
		{ "a lone surrogate", "{\"config\":{\"app\":{\"a\":\"\\ud800\"}}}",
		  "record: line 1, column 30: is not JSON" },
		{ "a NUL character", "{\"config\":{\"app\":{\"a\":\"\\u0000\"}}}",
		  "record: line 1, column 30: a NUL character" },
		{ "a second object", "{} {}", "record: line 1, column 4: something follows the object" },
		{ "an array at the top", "[]", "record: needs to be an object" },
		{ "nothing at all", "", "record: line 1, column 0: ends too early" },
		{ "nesting beyond the record's 8",
		  "{\"config\":{\"app\":{\"a\":[[[[[[1]]]]]]}}}",
		  "record: is not deterministic CBOR" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_error err  = { 0 };
		struct csn_buf  *made = NULL;
		int r = ops->decode(format, text(cases[i].json), &made, &err);
		tap_ok(r == CSN_E_PROTOCOL && made == NULL &&
		               strcmp(err.text, cases[i].because) == 0,
		       "refused: %s", cases[i].what);
		if (strcmp(err.text, cases[i].because) != 0)
			tap_note("got \"%s\"", err.text);
		host->buf_unref(made);
	}
}

/* Records that are good CBOR but have no place in JSON. */
static void
test_no_json(void)
{
	static const struct {
		const char   *what, *because;
		const uint8_t bytes[24];
		size_t        len;
	} cases[] = {
		{ "an unknown member", "record: member 9 has no name in JSON",
		  { 0xa1, 0x09, 0x01 }, 3 },
		{ "a number of 64 bits", "config.app.a: is a number beyond the 63 bits of JSON here",
		  { 0xa1, 0x03, 0xa1, 0x04, 0xa1, 0x61, 'a', 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 0xff, 0xff }, 16 },
		{ "text with a NUL", "config.app.a: has a NUL character",
		  { 0xa1, 0x03, 0xa1, 0x04, 0xa1, 0x61, 'a', 0x61, 0x00 }, 9 },
		{ "a critical member", "record: an unknown critical (negative) key",
		  { 0xa1, 0x20, 0x01 }, 3 },
		{ "bytes that are no CBOR", "record: is not deterministic CBOR", { 0xff }, 1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_error err  = { 0 };
		struct csn_buf  *made = NULL;
		int r = ops->encode(format, (struct csn_bytes){ cases[i].bytes, cases[i].len },
		                    &made, &err);
		tap_ok(r == CSN_E_PROTOCOL && strcmp(err.text, cases[i].because) == 0,
		       "no JSON for %s", cases[i].what);
		if (strcmp(err.text, cases[i].because) != 0)
			tap_note("got \"%s\"", err.text);
		host->buf_unref(made);
	}
}

int
main(void)
{
	struct csn_error            err = { 0 };
	const struct csn_component *component;

	fake      = fakehost_new(false);
	host      = fakehost_host(fake);
	component = fakehost_load("format/json");
	ops       = component->ops.format;
	tap_is(fakehost_create(fake, component, NULL, &format, &err), CSN_OK, "it is made");
	test_round();
	test_refused();
	test_no_json();
	component->destroy(format);
	fakehost_free(fake);
	return tap_done();
}
