#include "qr-spec.h"

#include <string.h>

static const uint8_t ecc_bytes[4][QR_VERSION_MAX] = {
	{ 7,  10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
	  28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30 },
	{ 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
	  26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28 },
	{ 13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30,
	  28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30 },
	{ 17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28,
	  30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30 },
};

static const uint8_t block_count[4][QR_VERSION_MAX] = {
	{ 1, 1, 1, 1, 1, 2,  2,  2,  2,  4,  4,  4,  4,  4,  6,  6,  6,  6,  7,  8,
	  8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25 },
	{ 1,  1,  1,  2,  2,  4,  4,  4,  5,  5,  5,  8,  9,  9,  10, 10, 11, 13, 14, 16,
	  17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49 },
	{ 1,  1,  2,  2,  4,  4,  6,  6,  8,  8,  8,  10, 12, 16, 12, 17, 16, 18, 21, 20,
	  23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68 },
	{ 1,  1,  2,  4,  4,  4,  5,  6,  8,  8,  11, 11, 16, 16, 18, 16, 19, 21, 25, 25,
	  25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81 },
};

unsigned
qr_side(unsigned version)
{
	return version >= 1 && version <= QR_VERSION_MAX ? 17 + 4 * version : 0;
}

/* Bytes that fit the modules which are no pattern and no format or version bit. */
static unsigned
codewords(unsigned version)
{
	unsigned bits = (16 * version + 128) * version + 64;
	unsigned n = version / 7 + 2;

	if (version >= 2)
		bits -= (25 * n - 10) * n - 55;
	if (version >= 7)
		bits -= 2 * QR_VERSION_BITS;
	return bits / 8;
}

bool
qr_blocks(unsigned version, enum qr_level level, struct qr_blocks *ret_blocks)
{
	if (version < 1 || version > QR_VERSION_MAX || (unsigned)level > QR_LEVEL_H)
		return false;

	unsigned total = codewords(version);
	unsigned count = block_count[level][version - 1];
	unsigned ecc = ecc_bytes[level][version - 1];

	*ret_blocks = (struct qr_blocks){
		.count = count,
		.long_count = total % count,
		.data = total / count - ecc,
		.ecc = ecc,
		.total = total,
	};
	return true;
}

unsigned
qr_alignments(unsigned version, unsigned ret_centre[QR_ALIGN_MAX])
{
	if (version < 2 || version > QR_VERSION_MAX)
		return 0;

	unsigned n = version / 7 + 2;
	unsigned step = version == 32 ? 26 : (version * 4 + n * 2 + 1) / (n * 2 - 2) * 2;

	for (unsigned i = n - 1, at = qr_side(version) - 7; i > 0; i--, at -= step)
		ret_centre[i] = at;
	ret_centre[0] = 6;
	return n;
}

bool
qr_has_alignment(unsigned n, unsigned i, unsigned j)
{
	if (i >= n || j >= n)
		return false;
	/* Three corners belong to the finder patterns. */
	return !((i == 0 && j == 0) || (i == 0 && j == n - 1) || (i == n - 1 && j == 0));
}

static uint8_t
shade(bool dark)
{
	return dark ? QR_MODULE_DARK : QR_MODULE_LIGHT;
}

/* A pattern of nested squares; for a finder the light frame round it, too. */
static void
put_squares(struct qr_layout *layout, unsigned row, unsigned column, int reach, bool finder)
{
	int side = (int)layout->side;

	for (int dy = -reach; dy <= reach; dy++) {
		for (int dx = -reach; dx <= reach; dx++) {
			int y = (int)row + dy, x = (int)column + dx;
			int ring = dy < 0 ? -dy : dy;

			ring = ring > (dx < 0 ? -dx : dx) ? ring : (dx < 0 ? -dx : dx);
			if (x < 0 || y < 0 || x >= side || y >= side)
				continue;
			layout->kind[y * side + x] =
				shade(finder ? ring != 2 && ring != 4 : ring != 1);
		}
	}
}

static void
put_patterns(struct qr_layout *layout)
{
	unsigned side = layout->side, centre[QR_ALIGN_MAX];
	unsigned n = qr_alignments(layout->version, centre);

	for (unsigned i = 0; i < side; i++) {
		layout->kind[6 * side + i] = shade(i % 2 == 0);
		layout->kind[i * side + 6] = shade(i % 2 == 0);
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < n; j++)
			if (qr_has_alignment(n, i, j))
				put_squares(layout, centre[i], centre[j], 2, false);
	put_squares(layout, 3, 3, 4, true);
	put_squares(layout, 3, side - 4, 4, true);
	put_squares(layout, side - 4, 3, 4, true);
}

static void
put_words(struct qr_layout *layout)
{
	unsigned side = layout->side;

	for (unsigned copy = 0; copy < 2; copy++) {
		for (unsigned bit = 0; bit < QR_FORMAT_BITS; bit++)
			layout->kind[qr_format_place(side, copy, bit)] = QR_MODULE_FORMAT;
		if (layout->version < 7)
			continue;
		uint32_t word = qr_version_word(layout->version);
		for (unsigned bit = 0; bit < QR_VERSION_BITS; bit++)
			layout->kind[qr_version_place(side, copy, bit)] =
				shade(word >> bit & 1);
	}
	layout->kind[(side - 8) * side + 8] = QR_MODULE_DARK;
}

enum { MASK_PERIOD = 12 }; /* modules after which every mask repeats, both ways */

/* Bit m of each: mask m inverts it. */
static uint8_t masks[MASK_PERIOD][MASK_PERIOD];

__attribute__((constructor)) static void
make_masks(void)
{
	for (unsigned row = 0; row < MASK_PERIOD; row++)
		for (unsigned column = 0; column < MASK_PERIOD; column++)
			for (unsigned mask = 0; mask < QR_MASKS; mask++)
				masks[row][column] |= (uint8_t)(qr_mask(mask, row, column) << mask);
}

/* Pairs of columns from the right, up and down in turn, the timing column left out. */
static void
put_order(struct qr_layout *layout)
{
	unsigned side = layout->side, limit = codewords(layout->version) * 8, n = 0;
	bool up = true;

	for (unsigned right = side - 1; right >= 1; right -= 2, up = !up) {
		if (right == 6)
			right = 5;
		for (unsigned i = 0; i < side; i++) {
			unsigned row = up ? side - 1 - i : i;
			for (unsigned j = 0; j < 2; j++) {
				unsigned column = right - j, at = row * side + column;
				if (layout->kind[at] != QR_MODULE_DATA || n == limit)
					continue;
				layout->masks[n] = masks[row % MASK_PERIOD][column % MASK_PERIOD];
				layout->order[n++] = (uint16_t)at;
			}
		}
		if (right == 1)
			break;
	}
	layout->bits = n;
}

void
qr_layout_make(unsigned version, struct qr_layout *ret_layout)
{
	ret_layout->version = version;
	ret_layout->side = qr_side(version);
	memset(ret_layout->kind, QR_MODULE_DATA, sizeof ret_layout->kind);
	put_patterns(ret_layout);
	put_words(ret_layout);
	put_order(ret_layout);
}

bool
qr_mask(unsigned mask, unsigned row, unsigned column)
{
	unsigned product = row * column;

	switch (mask) {
	case 0:
		return (row + column) % 2 == 0;
	case 1:
		return row % 2 == 0;
	case 2:
		return column % 3 == 0;
	case 3:
		return (row + column) % 3 == 0;
	case 4:
		return (row / 2 + column / 3) % 2 == 0;
	case 5:
		return product % 2 + product % 3 == 0;
	case 6:
		return (product % 2 + product % 3) % 2 == 0;
	default:
		return ((row + column) % 2 + product % 3) % 2 == 0;
	}
}

uint32_t
qr_format_word(enum qr_level level, unsigned mask)
{
	static const uint8_t level_bits[] = { 1, 0, 3, 2 };
	uint32_t data = (uint32_t)level_bits[level] << 3 | mask, rest = data;

	for (unsigned i = 0; i < 10; i++)
		rest = rest << 1 ^ (rest >> 9) * 0x537;
	return (data << 10 | rest) ^ 0x5412;
}

uint32_t
qr_version_word(unsigned version)
{
	uint32_t rest = version;

	for (unsigned i = 0; i < 12; i++)
		rest = rest << 1 ^ (rest >> 11) * 0x1f25;
	return (uint32_t)version << 12 | rest;
}

unsigned
qr_format_place(unsigned side, unsigned copy, unsigned bit)
{
	static const uint8_t row[] = { 0, 1, 2, 3, 4, 5, 7, 8, 8, 8, 8, 8, 8, 8, 8 };
	static const uint8_t column[] = { 8, 8, 8, 8, 8, 8, 8, 8, 7, 5, 4, 3, 2, 1, 0 };

	if (copy == 0)
		return row[bit] * side + column[bit];
	return bit < 8 ? 8 * side + side - 1 - bit : (side - 15 + bit) * side + 8;
}

unsigned
qr_version_place(unsigned side, unsigned copy, unsigned bit)
{
	unsigned far = side - 11 + bit % 3, near = bit / 3;

	return copy == 0 ? near * side + far : far * side + near;
}
