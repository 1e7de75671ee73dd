/* WAV and PGM headers from outside: what is taken, and each way to be wrong. */
#include "kit/tap.h"
#include "plugins/media/file/formats.h"

struct bytes {
	uint8_t b[256];
	size_t  n;
};

static void
raw(struct bytes *out, const void *p, size_t n)
{
	memcpy(out->b + out->n, p, n);
	out->n += n;
}

static void
le(struct bytes *out, uint32_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out->b[out->n++] = (uint8_t)(value >> (8 * i));
}

static void
riff(struct bytes *out)
{
	raw(out, "RIFF\0\0\0\0WAVE", 12);
}

static void
format(struct bytes *out, uint32_t tag, uint32_t channels, uint32_t rate, uint32_t bits)
{
	raw(out, "fmt ", 4);
	le(out, 16, 4), le(out, tag, 2), le(out, channels, 2), le(out, rate, 4);
	le(out, rate * channels * bits / 8, 4), le(out, channels * bits / 8, 2);
	le(out, bits, 2);
}

static void
data(struct bytes *out, uint32_t len)
{
	raw(out, "data", 4);
	le(out, len, 4);
}

static int
parse(const struct bytes *in, struct wav *ret_wav)
{
	return wav_parse((struct csn_bytes){ in->b, in->n }, ret_wav);
}

static void
test_wav_good(void)
{
	struct bytes in = { .n = 0 };
	struct wav wav = { 0 };

	riff(&in), format(&in, 1, 1, 48000, 16), data(&in, 960);
	tap_ok(parse(&in, &wav) == CSN_OK && wav.rate_hz == 48000 && wav.channels == 1 &&
	               wav.sample == WAV_S16 && wav.offset == 44 && wav.bytes == 960,
	       "16-bit mono at 48 kHz");
	in.n = 0;
	riff(&in), raw(&in, "LIST", 4), le(&in, 3, 4), raw(&in, "abc\0", 4);
	format(&in, 3, 2, 44100, 32), data(&in, 0xffffffff);
	tap_ok(parse(&in, &wav) == CSN_OK && wav.rate_hz == 44100 && wav.channels == 2 &&
	               wav.sample == WAV_F32 && wav.offset == 56 && wav.bytes == 0xffffffff,
	       "float, after a chunk of odd length that is padded");
	in.n = 0;
	riff(&in), raw(&in, "fmt ", 4), le(&in, 40, 4), le(&in, 0xfffe, 2), le(&in, 1, 2);
	le(&in, 48000, 4), le(&in, 192000, 4), le(&in, 4, 2), le(&in, 32, 2), le(&in, 22, 2);
	le(&in, 32, 2), le(&in, 4, 4), le(&in, 3, 2), raw(&in, "0123456789abcd", 14);
	data(&in, 4);
	tap_ok(parse(&in, &wav) == CSN_OK && wav.sample == WAV_F32, "the extensible form");
	in.n = 0;
	riff(&in), format(&in, 1, 1, 48000, 24), data(&in, 4);
	tap_ok(parse(&in, &wav) == CSN_OK && wav.sample == 0, "24 bits are told as unknown");
}

static void
test_wav_bad(void)
{
	struct bytes in = { .n = 0 };
	struct wav wav = { .offset = 77 };

	raw(&in, "RIFX\0\0\0\0WAVE", 12);
	tap_is(parse(&in, &wav), CSN_E_PROTOCOL, "another magic");
	in.n = 0;
	riff(&in), data(&in, 4);
	tap_is(parse(&in, &wav), CSN_E_PROTOCOL, "samples before their format");
	in.n = 0;
	riff(&in), format(&in, 1, 1, 48000, 16);
	tap_is(parse(&in, &wav), CSN_E_PROTOCOL, "no samples");
	in.n = 0;
	riff(&in), raw(&in, "LIST", 4), le(&in, 0xfffffff0, 4), data(&in, 4);
	tap_is(parse(&in, &wav), CSN_E_PROTOCOL, "a chunk longer than what is there");
	in.n = 0;
	riff(&in), raw(&in, "fmt ", 4), le(&in, 15, 4), raw(&in, "0123456789abcde", 15);
	data(&in, 4);
	tap_is(parse(&in, &wav), CSN_E_PROTOCOL, "a format chunk too short");
	in.n = 0;
	riff(&in), format(&in, 1, 1, 48000, 16), data(&in, 4);
	size_t passed = 0;
	for (size_t n = 0; n < in.n; n++)
		passed += wav_parse((struct csn_bytes){ in.b, n }, &wav) == CSN_OK;
	tap_is((long long)passed, 0, "cut anywhere");
	tap_is((long long)wav.offset, 77, "nothing is told about a file that is refused");
}

static void
test_wav_write(void)
{
	static const uint8_t want[WAV_HEADER] = {
		'R', 'I', 'F', 'F', 0xa4, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ',
		16, 0, 0, 0, 3, 0, 1, 0, 0x80, 0xbb, 0, 0, 0, 0xee, 2, 0,
		4, 0, 32, 0, 'd', 'a', 't', 'a', 0x80, 0, 0, 0,
	};
	uint8_t got[WAV_HEADER];

	wav_write(48000, 128, got);
	tap_ok(memcmp(got, want, sizeof want) == 0, "the header that is written, byte for byte");
}

static void
test_pgm(void)
{
	static const struct {
		const char *what, *text;
		int         want;
		uint32_t    width, height;
		size_t      offset;
	} cases[] = {
		{ "the plain form", "P5\n2 3\n255\n......", CSN_OK, 2, 3, 11 },
		{ "with a comment", "P5 # hello\n#x\n2\t3 255 ......", CSN_OK, 2, 3, 22 },
		{ "one pixel missing", "P5\n2 3\n255\n.....", CSN_E_PROTOCOL, 0, 0, 0 },
		{ "the text form", "P2\n2 3\n255\n......", CSN_E_PROTOCOL, 0, 0, 0 },
		{ "16 bits", "P5\n2 3\n65535\n............", CSN_E_PROTOCOL, 0, 0, 0 },
		{ "no width", "P5\n0 3\n255\n......", CSN_E_PROTOCOL, 0, 0, 0 },
		{ "a negative width", "P5\n-2 3\n255\n......", CSN_E_PROTOCOL, 0, 0, 0 },
		{ "a width over all bounds", "P5\n4294967298 3\n255\n......", CSN_E_PROTOCOL, 0,
		  0, 0 },
		{ "a product that would wrap", "P5\n65535 65535\n255\n......", CSN_E_PROTOCOL, 0,
		  0, 0 },
		{ "no space before the pixels", "P5\n2 3\n255", CSN_E_PROTOCOL, 0, 0, 0 },
		{ "nothing", "", CSN_E_PROTOCOL, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pgm pgm = { 0 };
		const struct csn_bytes file = { (const uint8_t *)cases[i].text,
			                        strlen(cases[i].text) };
		tap_ok(pgm_parse(file, &pgm) == cases[i].want && pgm.width == cases[i].width &&
		               pgm.height == cases[i].height && pgm.offset == cases[i].offset,
		       "PGM: %s", cases[i].what);
	}
}

int
main(void)
{
	test_wav_good();
	test_wav_bad();
	test_wav_write();
	test_pgm();
	return tap_done();
}
