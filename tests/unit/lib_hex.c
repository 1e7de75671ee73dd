/* Hexadecimal digits: which texts are bytes by either rule, and which bytes are which text. */
#include "kit/tap.h"

#include "lib/hex.h"

static const struct {
	const char *what;
	const char *text;
	size_t      text_len, len;
	bool        lower, any;
} rows[] = {
	{ "digits and small letters", "00ff9a", 6, 3, true, true },
	{ "great letters", "00FF9A", 6, 3, false, true },
	{ "both in one", "00fF9a", 6, 3, false, true },
	{ "no digits for no bytes", "", 0, 0, true, true },
	{ "a digit less", "00ff9", 5, 3, false, false },
	{ "a digit more", "00ff9a0", 7, 3, false, false },
	{ "digits for no bytes", "00", 2, 0, false, false },
	{ "a letter past f", "00fg9a", 6, 3, false, false },
	{ "one past F", "00FG9A", 6, 3, false, false },
	{ "a sign", "+0ff9a", 6, 3, false, false },
	{ "a minus", "-1ff9a", 6, 3, false, false },
	{ "a blank", " 0ff9a", 6, 3, false, false },
	{ "a tab", "\t0ff9a", 6, 3, false, false },
	{ "0x", "0xff9a", 6, 3, false, false },
	{ "a zero in the middle", "00\0f9a", 6, 3, false, false },
	{ "what is a digit but for one bit", "\x10\x11" "ff9a", 6, 3, false, false },
	{ "what is a letter but for one bit", "\xc1\xc2" "ff9a", 6, 3, false, false },
	{ "@ before A and ` before a", "@`ff9a", 6, 3, false, false },
	{ "/ before 0 and : behind 9", "/:ff9a", 6, 3, false, false },
};

static void
test_rule(size_t i, enum csn_hex rule, bool good)
{
	static const uint8_t want[3] = { 0x00, 0xff, 0x9a }, before[3] = { 0x55, 0x55, 0x55 };
	struct csn_bytes     text = { (const uint8_t *)rows[i].text, rows[i].text_len };
	uint8_t              out[3] = { 0x55, 0x55, 0x55 };
	bool                 got = csn_hex_read(text, rule, out, rows[i].len);

	tap_ok(got == good && memcmp(out, good ? want : before, rows[i].len) == 0, "%s, %s: %s",
	       rows[i].what, rule == CSN_HEX_ANY ? "any case" : "lower case",
	       good ? "taken" : "refused, nothing written");
}

int
main(void)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0x9a, 0xbc, 0xde, 0xf0, 0xff };
	char                 text[sizeof bytes * 2 + 2];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		test_rule(i, CSN_HEX_LOWER, rows[i].lower);
		test_rule(i, CSN_HEX_ANY, rows[i].any);
	}
	memset(text, '#', sizeof text);
	csn_hex_write(bytes, sizeof bytes, text);
	tap_ok(memcmp(text, "00019abcdef0ff\0#", sizeof text) == 0,
	       "bytes are written in small letters, a zero behind them and nothing more");
	csn_hex_write(bytes, 0, text);
	tap_ok(text[0] == '\0', "no bytes are an empty text");
	return tap_done();
}
