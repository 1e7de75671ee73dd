/* Writer, tables, Reed-Solomon and data modes: every version and level there and back. */
#include "kit/tap.h"
#include "plugins/channel/qr/qr-decode.h"
#include "plugins/channel/qr/qr-rs.h"
#include "plugins/channel/qr/qr-write.h"

static struct qr_layout layout;
static struct qr_decoder decoder;
static struct qr_symbol symbol;
static float soft[QR_MODULES_MAX];
static uint8_t payload[QR_PAYLOAD_MAX], frame[200 * 200];
static uint32_t seed = 1;

static uint8_t
byte(void)
{
	seed = seed * 1664525 + 1013904223;
	return (uint8_t)(seed >> 24);
}

/* Draws a full code at a pixel a module and turns it into soft modules; 0 or a refusal. */
static int
draw(unsigned version, enum qr_level level, size_t len)
{
	struct qr_plan_options options = { .version = version, .level = level, .module_px = 1,
		                           .width = 200, .height = 200 };
	struct qr_plan plan;
	struct qr_bytes bytes = { payload, len };

	int r = qr_plan(len, &options, &plan);
	if (r == QR_OK)
		r = qr_draw(&plan, &bytes, 1, frame, plan.width, plan.height, plan.width);
	if (r < 0)
		return r;
	qr_layout_make(version, &layout);
	for (unsigned y = 0; y < layout.side; y++)
		for (unsigned x = 0; x < layout.side; x++)
			soft[y * layout.side + x] =
				frame[(y + 4) * plan.width + x + 4] == 0 ? 1.0f : -1.0f;
	return QR_OK;
}

static bool
reads(size_t len)
{
	return qr_decode(&decoder, &layout, soft, &symbol) && symbol.text.len == len &&
	       memcmp(symbol.payload, payload, len) == 0;
}

/* Turns modules of @words code words of every block over, surely or with doubt. */
static void
damage(unsigned version, enum qr_level level, unsigned words, float sure)
{
	struct qr_blocks blocks;

	qr_blocks(version, level, &blocks);
	for (unsigned i = 0; i < words * blocks.count; i++)
		for (unsigned k = 0; k < 3; k++)
			soft[layout.order[8 * (blocks.total - 1 - i) + 2 * k]] *= -sure;
}

static void
every_code(void)
{
	unsigned clean = 0, wounded = 0, doubted = 0, lost = 0, bounds = 0;

	for (unsigned version = 1; version <= 40; version++) {
		for (unsigned l = 0; l < 4; l++) {
			enum qr_level level = (enum qr_level)l;
			size_t len = qr_capacity(version, level);
			struct qr_blocks blocks;

			qr_blocks(version, level, &blocks);
			for (size_t i = 0; i < len; i++)
				payload[i] = byte();
			if (draw(version, level, len) < 0)
				continue;
			clean += reads(len) && symbol.level == level && symbol.corrected == 0 &&
			         qr_pattern_match(&layout, soft) == 1;
			damage(version, level, (blocks.ecc - 3) / 2, 1);
			wounded += reads(len);
			draw(version, level, len);
			damage(version, level, blocks.ecc > 9 ? blocks.ecc - 4 : 3, 0.05f);
			doubted += reads(len);
			draw(version, level, len);
			damage(version, level, blocks.ecc / 2 + 1, 1);
			lost += !reads(len);
			bounds += draw(version, level, len + 1) == QR_E_TOO_BIG;
		}
	}
	tap_is(clean, 160, "every version and level carries its capacity, byte for byte");
	tap_is(wounded, 160, "half the check bytes' worth of sure errors is put right");
	tap_is(doubted, 160, "nearly all check bytes are spent on doubtful ones");
	tap_is(lost, 160, "one sure error more is refused, not guessed");
	tap_is(bounds, 160, "one byte more is too big, never another version");
}

static void
truth(void)
{
	unsigned wrong = 0;

	draw(7, QR_LEVEL_M, 100);
	qr_decode(&decoder, &layout, soft, &symbol);
	for (unsigned i = 0; i < layout.side * layout.side; i++)
		wrong += decoder.truth[i] != (soft[i] > 0);
	tap_is(wrong, 0, "what was read says how every module must be");
}

static const struct {
	const char *what;
	unsigned    version;
	const char *data; /* hex */
	int         want;
	const char *text; /* hex */
} messages[] = {
	{ "eight digits, from the standard's annex", 1, "1020 0c56 6180", QR_OK, "3031323334353637" },
	{ "letters in pairs and one over", 1, "2029 cee7 2100", QR_OK, "41432d3432" },
	{ "bytes with a zero and half a character", 1, "4040 0ffc 3410", QR_OK, "00ffc341" },
	{ "an ECI is noted and the bytes left alone", 1, "71a4 01c3 00", QR_OK, "c3" },
	{ "an empty message", 1, "00ec", QR_OK, "" },
	{ "Kanji become Shift JIS", 1, "8016 cf80", QR_OK, "935f" },
	{ "more bytes counted than there are", 1, "4ff0 0f", QR_E_PROTOCOL, "" },
	{ "three digits that make 1000", 1, "100f fa00", QR_E_PROTOCOL, "" },
	{ "a pair of letters beyond the last one", 1, "2017 ff00", QR_E_PROTOCOL, "" },
	{ "a mode that does not exist", 1, "b000", QR_E_PROTOCOL, "" },
	{ "an ECI cut short", 1, "7c", QR_E_PROTOCOL, "" },
	{ "a part numbered beyond its parts", 1, "3510 0000", QR_E_PROTOCOL, "" },
};

static size_t
from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned value;

	for (; *hex != 0; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (sscanf(hex, "%2x", &value) != 1)
			break;
		out[n++] = (uint8_t)value;
	}
	return n;
}

static void
data_modes(void)
{
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		uint8_t data[64], text[64], out[64];
		size_t len = from_hex(messages[i].data, data);
		size_t want_len = from_hex(messages[i].text, text);
		struct qr_text got = { 0 };

		int r = qr_bits_read(data, len, messages[i].version, out, sizeof out, &got);
		bool same = r == messages[i].want &&
		            (r < 0 || (got.len == want_len && memcmp(out, text, want_len) == 0));
		if (!tap_ok(same, "%s", messages[i].what)) {
			tap_note("returned %d, %zu bytes", r, got.len);
			for (size_t k = 0; k < got.len; k++)
				tap_note("%02x", out[k]);
		}
	}
	uint8_t out[2];
	struct qr_text got;
	const uint8_t three[] = { 0x40, 0x31, 0x11, 0x11, 0x10 };
	tap_is(qr_bits_read(three, sizeof three, 1, out, sizeof out, &got), QR_E_TOO_BIG,
	       "a payload larger than the caller's buffer");
}

static void
plans(void)
{
	struct qr_plan plan;
	struct qr_plan_options o = { .width = 640, .height = 480, .level = QR_LEVEL_M };

	tap_is(qr_plan(41, &o, &plan), QR_OK, "41 bytes are planned");
	tap_is(plan.version, 3, "in version 3, the smallest that holds 42 at level M");
	tap_is(plan.module_px, 480 / 37, "at whole pixels that fill the height");
	o.version_max = 2;
	tap_is(qr_plan(41, &o, &plan), QR_E_TOO_BIG, "a bound on the version is kept");
	o = (struct qr_plan_options){ .version = 40, .columns = 3, .rows = 2, .width = 1920,
		                      .height = 1080 };
	tap_is(qr_plan(2953, &o, &plan), QR_OK, "six full codes fit a full-HD frame");
	tap_is(plan.width, 3 * 185 * 2, "at two pixels a module");
	o.width = 554;
	tap_is(qr_plan(2953, &o, &plan), QR_E_TOO_BIG, "a grid wider than the frame is refused");
	o.columns = 4;
	tap_is(qr_plan(2953, &o, &plan), QR_E_INVALID, "four columns are not offered");
	tap_ok(qr_display_fps(30, 30) == 15, "codes change at half the camera's rate at most");
	tap_ok(qr_display_fps(5, 30) == 5 && qr_display_fps(0, 0) == 10,
	       "a slower wish is granted; an unknown camera gets ten");

	struct qr_bytes none = { payload, 0 };
	o = (struct qr_plan_options){ .version = 1, .module_px = 1, .width = 29, .height = 29 };
	qr_plan(1, &o, &plan);
	tap_is(qr_draw(&plan, &none, 1, frame, 29, 29, 29), QR_E_INVALID, "nothing to show is refused");
	tap_is(qr_draw(&plan, &none, 0, frame, 29, 28, 29), QR_E_INVALID,
	       "a frame smaller than planned is refused");
	tap_is(qr_draw(&plan, &none, 0, frame, 29, 29, 28), QR_E_INVALID,
	       "a stride below the width is refused");
}

static void
reed_solomon(void)
{
	uint8_t word[30] = { 0 }, was[30];
	uint8_t places[30];

	for (unsigned i = 0; i < sizeof places; i++)
		places[i] = (uint8_t)i;
	tap_is(qr_rs_correct(word, 30, 10, places, 0, 5), 0, "a word of zeros is one");
	for (unsigned i = 0; i < 5; i++)
		word[3 * i] = (uint8_t)(i + 1);
	tap_is(qr_rs_correct(word, 30, 10, places, 0, 5), 5, "five errors of ten check bytes");
	word[7] = 9;
	word[20] = 1;
	tap_is(qr_rs_correct(word, 30, 10, places, 0, 1), -1, "more errors than the caller allows");
	tap_is(word[7] * 10 + word[20], 91, "and the word is as it was");
	tap_is(qr_rs_correct(word, 30, 10, places, 8, 1), 2, "eight erasures and one error");
	for (unsigned i = 0; i < 6; i++)
		word[2 + 4 * i] = (uint8_t)(7 * i + 1);
	memcpy(was, word, sizeof was);
	tap_is(qr_rs_correct(word, 30, 10, places, 0, 5), -1, "six errors are too many");
	tap_ok(memcmp(was, word, sizeof was) == 0, "and the word is as it was");
	places[0] = 30;
	tap_is(qr_rs_correct(word, 30, 10, places, 1, 4), -1, "an erasure outside the word");
	tap_is(qr_rs_correct(word, 30, 30, places, 0, 5), -1, "a word of check bytes alone");
}

int
main(void)
{
	every_code();
	truth();
	data_modes();
	plans();
	reed_solomon();
	return tap_done();
}
