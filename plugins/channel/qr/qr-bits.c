#include "qr-bits.h"

struct bits {
	const uint8_t *data;
	size_t         len; /* in bits */
	size_t         at;
	uint8_t       *out;
	size_t         size;
	size_t         used;
	unsigned       width; /* which column of count_bits the version uses */
};

enum mode {
	MODE_END,
	MODE_DIGITS,
	MODE_LETTERS,
	MODE_APPEND,
	MODE_BYTES,
	MODE_FNC1_FIRST,
	MODE_ECI   = 7,
	MODE_KANJI = 8,
	MODE_FNC1_SECOND,
	MODE_HANZI = 13,
};

static const uint8_t count_bits[16][3] = {
	[MODE_DIGITS]  = { 10, 12, 14 },
	[MODE_LETTERS] = { 9, 11, 13 },
	[MODE_BYTES]   = { 8, 16, 16 },
	[MODE_KANJI]   = { 8, 10, 12 },
	[MODE_HANZI]   = { 8, 10, 12 },
};

static size_t
bits_left(const struct bits *bits)
{
	return bits->len - bits->at;
}

/* The caller has seen that there are @n bits left; @n is at most 24. */
static unsigned
take(struct bits *bits, unsigned n)
{
	unsigned value = 0;

	for (unsigned i = 0; i < n; i++, bits->at++)
		value = value << 1 | ((unsigned)bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1);
	return value;
}

static int
put(struct bits *bits, unsigned byte)
{
	if (bits->used >= bits->size)
		return QR_E_TOO_BIG;
	bits->out[bits->used++] = (uint8_t)byte;
	return QR_OK;
}

static int
read_digits(struct bits *bits, unsigned count)
{
	static const uint8_t width[] = { 0, 4, 7, 10 };
	static const uint16_t limit[] = { 0, 10, 100, 1000 };

	while (count > 0) {
		unsigned n = count < 3 ? count : 3;

		if (bits_left(bits) < width[n])
			return QR_E_PROTOCOL;
		unsigned value = take(bits, width[n]);
		if (value >= limit[n])
			return QR_E_PROTOCOL;
		for (unsigned i = n; i > 0; i--) {
			int r = put(bits, '0' + value / (limit[i] / 10) % 10);
			if (r < 0)
				return r;
		}
		count -= n;
	}
	return QR_OK;
}

static int
read_letters(struct bits *bits, unsigned count)
{
	static const char letter[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
	int r = QR_OK;

	while (count > 0 && r == QR_OK) {
		unsigned n = count < 2 ? count : 2, width = n == 2 ? 11 : 6;

		if (bits_left(bits) < width)
			return QR_E_PROTOCOL;
		unsigned value = take(bits, width);
		if (value >= (n == 2 ? 45 * 45 : 45))
			return QR_E_PROTOCOL;
		if (n == 2)
			r = put(bits, (unsigned char)letter[value / 45]);
		if (r == QR_OK)
			r = put(bits, (unsigned char)letter[value % 45]);
		count -= n;
	}
	return r;
}

static int
read_bytes(struct bits *bits, unsigned count)
{
	int r = QR_OK;

	if (bits_left(bits) / 8 < count)
		return QR_E_PROTOCOL;
	while (count-- > 0 && r == QR_OK)
		r = put(bits, take(bits, 8));
	return r;
}

static int
read_pairs(struct bits *bits, unsigned count, bool hanzi)
{
	unsigned base = hanzi ? 0x60 : 0xc0;

	if (bits_left(bits) / 13 < count)
		return QR_E_PROTOCOL;
	while (count-- > 0) {
		unsigned value = take(bits, 13), pair = value / base << 8 | value % base;

		if (hanzi)
			pair += pair < 0xa00 ? 0xa1a1 : 0xa6a1;
		else
			pair += pair < 0x1f00 ? 0x8140 : 0xc140;
		int r = put(bits, pair >> 8);
		if (r == QR_OK)
			r = put(bits, pair & 0xff);
		if (r < 0)
			return r;
	}
	return QR_OK;
}

static int
read_eci(struct bits *bits, struct qr_text *text)
{
	if (bits_left(bits) < 8)
		return QR_E_PROTOCOL;
	unsigned value = take(bits, 8);
	unsigned more = value < 0x80 ? 0 : value < 0xc0 ? 8 : value < 0xe0 ? 16 : 24;

	if (more == 24 || bits_left(bits) < more)
		return QR_E_PROTOCOL;
	if (more > 0)
		value = (value & (more == 8 ? 0x3fu : 0x1fu)) << more | take(bits, more);
	text->has_eci = true;
	text->eci = value;
	return QR_OK;
}

static int
read_append(struct bits *bits, struct qr_text *text)
{
	if (bits_left(bits) < 16)
		return QR_E_PROTOCOL;
	text->part = (uint8_t)take(bits, 4);
	text->parts = (uint8_t)(take(bits, 4) + 1);
	take(bits, 8); /* parity of the whole: the caller's business */
	return text->part < text->parts ? QR_OK : QR_E_PROTOCOL;
}

static int
read_counted(struct bits *bits, enum mode mode)
{
	unsigned width = count_bits[mode][bits->width];

	if (mode == MODE_HANZI) { /* its subset, of which there is one */
		if (bits_left(bits) < 4 || take(bits, 4) != 1)
			return QR_E_PROTOCOL;
	}
	if (width == 0 || bits_left(bits) < width)
		return QR_E_PROTOCOL;
	unsigned count = take(bits, width);

	switch (mode) {
	case MODE_DIGITS:
		return read_digits(bits, count);
	case MODE_LETTERS:
		return read_letters(bits, count);
	case MODE_BYTES:
		return read_bytes(bits, count);
	default:
		return read_pairs(bits, count, mode == MODE_HANZI);
	}
}

int
qr_bits_read(const uint8_t *data, size_t len, unsigned version, uint8_t *out, size_t size,
             struct qr_text *ret_text)
{
	struct bits bits = {
		.data = data, .len = len * 8, .out = out, .size = size,
		.width = version < 10 ? 0 : version < 27 ? 1 : 2,
	};
	struct qr_text text = { 0 };
	int r = QR_OK;

	while (r == QR_OK && bits_left(&bits) >= 4) {
		enum mode mode = (enum mode)take(&bits, 4);

		if (mode == MODE_END)
			break;
		if (mode == MODE_ECI)
			r = read_eci(&bits, &text);
		else if (mode == MODE_APPEND)
			r = read_append(&bits, &text);
		else if (mode == MODE_FNC1_SECOND)
			r = bits_left(&bits) < 8 ? QR_E_PROTOCOL : (take(&bits, 8), QR_OK);
		else if (mode != MODE_FNC1_FIRST)
			r = read_counted(&bits, mode);
	}
	if (r < 0)
		return r;
	text.len = bits.used;
	*ret_text = text;
	return QR_OK;
}
