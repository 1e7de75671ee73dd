/* sdk/lib/dcbor: what the profile takes and refuses, a rule a row; cursor and writer. */
#include "kit/tap.h"
#include "lib/dcbor.h"

#define B(...) { __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct {
	const char   *what;
	bool          good;
	const uint8_t bytes[16];
	size_t        len;
} rules[] = {
	{ "the largest unsigned number", true, B(0x1b, 255, 255, 255, 255, 255, 255, 255, 255) },
	{ "the smallest negative number", true, B(0x3b, 255, 255, 255, 255, 255, 255, 255, 255) },
	{ "false, true and null", true, B(0x83, 0xf4, 0xf5, 0xf6) },
	{ "keys in order: numbers, negative numbers, text", true,
	  B(0xa3, 0x01, 0x00, 0x20, 0x00, 0x61, 'a', 0x00) },
	{ "a text key before a longer one", true, B(0xa2, 0x61, 'z', 0x00, 0x62, 'a', 'a', 0x00) },
	{ "two bytes of UTF-8", true, B(0x62, 0xc3, 0xa9) },
	{ "eight levels", true, B(0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80) },
	{ "nine levels", false, B(0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80) },
	{ "no byte at all", false, { 0 }, 0 },
	{ "a byte after the item", false, B(0x00, 0x00) },
	{ "23 in two bytes", false, B(0x18, 0x17) },
	{ "255 in three bytes", false, B(0x19, 0x00, 0xff) },
	{ "65535 in five bytes", false, B(0x1a, 0x00, 0x00, 0xff, 0xff) },
	{ "2^32-1 in nine bytes", false, B(0x1b, 0, 0, 0, 0, 255, 255, 255, 255) },
	{ "a length in a long head", false, B(0x58, 0x01, 0x00) },
	{ "a reserved head", false, B(0x1c) },
	{ "an indefinite array", false, B(0x9f, 0xff) },
	{ "indefinite bytes", false, B(0x5f, 0x41, 0x00, 0xff) },
	{ "a tag", false, B(0xc1, 0x00) },
	{ "a half float", false, B(0xf9, 0x3c, 0x00) },
	{ "undefined", false, B(0xf7) },
	{ "another simple value", false, B(0xf8, 0x20) },
	{ "one key twice", false, B(0xa2, 0x01, 0x00, 0x01, 0x00) },
	{ "keys out of order", false, B(0xa2, 0x02, 0x00, 0x01, 0x00) },
	{ "a text key after a longer one", false, B(0xa2, 0x62, 'a', 'a', 0x00, 0x61, 'z', 0x00) },
	{ "bytes as a key", false, B(0xa1, 0x41, 0x00, 0x00) },
	{ "an array as a key", false, B(0xa1, 0x80, 0x00) },
	{ "true as a key", false, B(0xa1, 0xf5, 0x00) },
	{ "a lone continuation byte", false, B(0x61, 0x80) },
	{ "an overlong slash", false, B(0x62, 0xc0, 0xaf) },
	{ "a surrogate in UTF-8", false, B(0x63, 0xed, 0xa0, 0x80) },
	{ "a code point beyond Unicode", false, B(0x64, 0xf4, 0x90, 0x80, 0x80) },
	{ "a sequence cut short", false, B(0x61, 0xc3) },
	{ "a count beyond the bytes", false, B(0x9b, 0, 0, 0, 1, 0, 0, 0, 0) },
	{ "pairs beyond the bytes", false, B(0xa2, 0x01, 0x00, 0x02) },
	{ "a length beyond the bytes", false, B(0x42, 0x00) },
	{ "a length near 2^64", false, B(0x5b, 255, 255, 255, 255, 255, 255, 255, 255, 0) },
	{ "a head cut short", false, B(0x19, 0x01) },
};

static void
test_rules(void)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		int r = csn_dcbor_check((struct csn_bytes){ rules[i].bytes, rules[i].len });
		tap_ok(r == (rules[i].good ? CSN_OK : CSN_E_PROTOCOL), "%s: %s",
		       rules[i].good ? "taken" : "refused", rules[i].what);
	}
}

/* An array of zeros of @n members: n + 1 items. */
static int
check_array(size_t n)
{
	static uint8_t       buf[5000];
	struct csn_dcbor_out out;
	struct csn_bytes     item;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_array(&out, n);
	for (size_t i = 0; i < n; i++)
		csn_dcbor_put_uint(&out, 0);
	return csn_dcbor_out_end(&out, &item) < 0 ? 1 : csn_dcbor_check(item);
}

static void
test_cursor(void)
{
	static const uint8_t bytes[] = { 0x83, 0x05, 0x42, 0xaa, 0xbb, 0x61, 'x' };
	struct csn_dcbor_in  in;
	uint8_t              copy[2];

	csn_dcbor_in_init(&in, CSN_BYTES_OF(bytes));
	tap_is((long long)csn_dcbor_array(&in, 3, 3), 3, "the array has three members");
	tap_is((long long)csn_dcbor_uint(&in, 5), 5, "a number at its bound is read");
	csn_dcbor_copy(&in, copy, 2);
	tap_ok(copy[0] == 0xaa && copy[1] == 0xbb, "bytes are copied");
	tap_is(csn_dcbor_in_end(&in), CSN_E_PROTOCOL, "it is not at the end yet");
	tap_is((long long)csn_dcbor_text(&in, 1, 1).len, 1, "text is read");
	tap_is(csn_dcbor_in_end(&in), CSN_OK, "now it is");

	csn_dcbor_in_init(&in, CSN_BYTES_OF(bytes));
	csn_dcbor_array(&in, 3, 3);
	csn_dcbor_uint(&in, 4);
	tap_ok(in.bad, "a number over the bound makes the cursor bad");
	tap_ok(csn_dcbor_peek(&in) == CSN_DCBOR_END && csn_dcbor_item(&in).len == 0,
	       "and it stays so");
	csn_dcbor_in_init(&in, CSN_BYTES_NONE);
	tap_ok(csn_dcbor_peek(&in) == CSN_DCBOR_END && !csn_dcbor_null(&in),
	       "an empty cursor is at its end");
	static const uint8_t lie[] = { 0x9a, 0xff, 0xff, 0xff, 0xff };
	csn_dcbor_in_init(&in, CSN_BYTES_OF(lie));
	csn_dcbor_item(&in);
	tap_ok(in.bad, "an unchecked item with a false count is not walked past its end");
}

static void
test_writer(void)
{
	static const uint8_t want[] = { 0x84, 0x38, 0x63, 0x18, 0x18, 0xf6, 0x40 };
	uint8_t              buf[8];
	struct csn_dcbor_out out;
	struct csn_bytes     made = CSN_BYTES_NONE;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_array(&out, 4);
	csn_dcbor_put_int(&out, -100);
	csn_dcbor_put_uint(&out, 24);
	csn_dcbor_put_item(&out, CSN_BYTES_NONE);
	csn_dcbor_put_bytes(&out, CSN_BYTES_NONE);
	tap_ok(csn_dcbor_out_end(&out, &made) == CSN_OK && made.len == sizeof want &&
	               memcmp(made.ptr, want, sizeof want) == 0,
	       "heads are the shortest");
	csn_dcbor_put_text(&out, "no room");
	csn_dcbor_put_null(&out);
	tap_ok(csn_dcbor_out_end(&out, &made) == CSN_E_TOO_BIG && out.len == 16,
	       "overflow sticks and the length counts on");
	csn_dcbor_out_init(&out, NULL, 0);
	csn_dcbor_put_label(&out, "a", 0);
	tap_is((long long)out.len, 3, "without a buffer it measures");
}

int
main(void)
{
	test_rules();
	tap_is(check_array(4095), CSN_OK, "4096 items are taken");
	tap_is(check_array(4096), CSN_E_PROTOCOL, "4097 items are refused");
	test_cursor();
	test_writer();
	return tap_done();
}
