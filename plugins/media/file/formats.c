#include "formats.h"

#include <stdbool.h>

enum {
	TAG_PCM        = 1,
	TAG_FLOAT      = 3,
	TAG_EXTENSIBLE = 0xfffe,
	SIDE_MAX       = 65535,
};

/* ---- WAV --------------------------------------------------------------- */

static uint32_t
le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t
le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

static bool
is(const uint8_t *p, const char tag[4])
{
	return memcmp(p, tag, 4) == 0;
}

static int
parse_format(const uint8_t *p, size_t len, struct wav *wav)
{
	if (len < 16)
		return CSN_E_PROTOCOL;
	uint32_t tag = le16(p);
	const uint32_t bits = le16(p + 14);
	if (tag == TAG_EXTENSIBLE && len >= 26)
		tag = le16(p + 24);
	wav->channels = le16(p + 2);
	wav->rate_hz  = le32(p + 4);
	wav->sample   = 0;
	if (tag == TAG_PCM && bits == 16)
		wav->sample = WAV_S16;
	else if (tag == TAG_FLOAT && bits == 32)
		wav->sample = WAV_F32;
	return CSN_OK;
}

int
wav_parse(struct csn_bytes head, struct wav *ret_wav)
{
	struct wav wav = { 0 };
	bool format = false;

	if (head.len < 12 || !is(head.ptr, "RIFF") || !is(head.ptr + 8, "WAVE"))
		return CSN_E_PROTOCOL;
	for (size_t at = 12; head.len - at >= 8;) {
		const uint8_t *chunk = head.ptr + at;
		const size_t left = head.len - at - 8;
		const uint32_t len = le32(chunk + 4);
		if (is(chunk, "data")) {
			wav.offset = at + 8;
			wav.bytes  = len;
			if (!format)
				return CSN_E_PROTOCOL;
			*ret_wav = wav;
			return CSN_OK;
		}
		if (len > left)
			return CSN_E_PROTOCOL;
		if (is(chunk, "fmt ")) {
			if (parse_format(chunk + 8, len, &wav) < 0)
				return CSN_E_PROTOCOL;
			format = true;
		}
		at += 8 + (size_t)len;
		at += len & 1 && at < head.len; /* chunks begin at even places */
	}
	return CSN_E_PROTOCOL;
}

static void
put(uint8_t *p, uint32_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

void
wav_write(uint32_t rate_hz, uint32_t bytes, uint8_t ret_header[WAV_HEADER])
{
	uint8_t *p = ret_header;

	memcpy(p, "RIFF", 4);
	put(p + 4, bytes + WAV_HEADER - 8, 4);
	memcpy(p + 8, "WAVEfmt ", 8);
	put(p + 16, 16, 4);
	put(p + 20, TAG_FLOAT, 2);
	put(p + 22, 1, 2);
	put(p + 24, rate_hz, 4);
	put(p + 28, rate_hz * 4, 4);
	put(p + 32, 4, 2);
	put(p + 34, 32, 2);
	memcpy(p + 36, "data", 4);
	put(p + 40, bytes, 4);
}

/* ---- PGM --------------------------------------------------------------- */

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space and comments, then a number; false at anything else. */
static bool
number(struct csn_bytes file, size_t *at, uint32_t *ret_value)
{
	uint32_t value = 0;
	size_t digits = 0;

	while (*at < file.len && (is_space(file.ptr[*at]) || file.ptr[*at] == '#')) {
		if (file.ptr[*at] == '#')
			while (*at < file.len && file.ptr[*at] != '\n')
				(*at)++;
		else
			(*at)++;
	}
	for (; *at < file.len && file.ptr[*at] >= '0' && file.ptr[*at] <= '9'; (*at)++) {
		value = value * 10 + (uint32_t)(file.ptr[*at] - '0');
		if (value > SIDE_MAX)
			return false;
		digits++;
	}
	*ret_value = value;
	return digits > 0;
}

int
pgm_parse(struct csn_bytes file, struct pgm *ret_pgm)
{
	struct pgm pgm = { 0 };
	uint32_t most = 0;
	size_t at = 2;

	if (file.len < 2 || file.ptr[0] != 'P' || file.ptr[1] != '5' ||
	    !number(file, &at, &pgm.width) || !number(file, &at, &pgm.height) ||
	    !number(file, &at, &most))
		return CSN_E_PROTOCOL;
	if (pgm.width == 0 || pgm.height == 0 || most != 255 || at >= file.len ||
	    !is_space(file.ptr[at]))
		return CSN_E_PROTOCOL;
	pgm.offset = at + 1;
	if ((uint64_t)pgm.width * pgm.height > file.len - pgm.offset)
		return CSN_E_PROTOCOL;
	*ret_pgm = pgm;
	return CSN_OK;
}
