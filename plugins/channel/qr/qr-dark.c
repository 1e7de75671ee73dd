#include "qr-dark.h"

#include <stdlib.h>
#include <string.h>

enum {
	BIAS  = 3, /* grey levels below the mean that dark begins */
	LANES = QR_DARK_LANES,
};

typedef uint8_t  bytes16 __attribute__((vector_size(16)));
typedef uint8_t  bytes8 __attribute__((vector_size(8)));
typedef uint16_t words8 __attribute__((vector_size(16)));
typedef uint32_t longs4 __attribute__((vector_size(16)));
typedef uint8_t  bytes4 __attribute__((vector_size(4)));

void
qr_dark_done(struct qr_dark *dark)
{
	free(dark->memory);
	memset(dark, 0, sizeof *dark);
}

static int
reserve(struct qr_dark *dark, const struct qr_picture *picture)
{
	dark->tiles_x = (picture->width + QR_TILE - 1) / QR_TILE;
	dark->tiles_y = (picture->height + QR_TILE - 1) / QR_TILE;
	dark->stride = ((size_t)picture->width + LANES - 1) / LANES * LANES;
	size_t tiles = (size_t)dark->tiles_x * dark->tiles_y;
	size_t size = dark->stride * picture->height + 2 * tiles;

	if (size > dark->size) {
		free(dark->memory);
		dark->memory = malloc(size);
		dark->size = dark->memory == NULL ? 0 : size;
		if (dark->memory == NULL)
			return QR_E_NOMEM;
	}
	dark->dark = dark->memory;
	dark->threshold = dark->memory + dark->stride * picture->height;
	dark->means = dark->threshold + tiles;
	return QR_OK;
}

/* Sums of neighbours in a row: eight pairs out of sixteen pixels, whichever comes first. */
static inline words8
pairs(const uint8_t *from)
{
	words8 pixels;

	memcpy(&pixels, from, sizeof pixels);
	return (pixels & 255) + (pixels >> 8);
}

void
qr_halve(const struct qr_picture *picture, uint8_t *ret)
{
	uint32_t width = picture->width / 2, height = picture->height / 2;

	for (uint32_t y = 0; y < height; y++, ret += width) {
		const uint8_t *top = picture->grey + 2 * y * picture->stride;
		const uint8_t *low = top + picture->stride;
		uint32_t x = 0;

		for (; x + LANES / 2 <= width; x += LANES / 2) {
			words8 sum = pairs(top + 2 * x) + pairs(low + 2 * x);
			bytes8 out = __builtin_convertvector((sum + 2) >> 2, bytes8);

			memcpy(ret + x, &out, sizeof out);
		}
		for (; x < width; x++)
			ret[x] = (uint8_t)((top[2 * x] + top[2 * x + 1] + low[2 * x] +
			                    low[2 * x + 1] + 2) / 4);
	}
}

static uint8_t
mean_of(const struct qr_picture *picture, uint32_t x0, uint32_t y0)
{
	uint32_t x1 = x0 + QR_TILE < picture->width ? x0 + QR_TILE : picture->width;
	uint32_t y1 = y0 + QR_TILE < picture->height ? y0 + QR_TILE : picture->height;
	uint32_t sum = 0;

	for (uint32_t y = y0; y < y1; y++)
		for (uint32_t x = x0; x < x1; x++)
			sum += picture->grey[y * picture->stride + x];
	return (uint8_t)(sum / ((x1 - x0) * (y1 - y0)));
}

static void
make_means(struct qr_dark *dark, const struct qr_picture *picture)
{
	for (uint32_t ty = 0; ty < dark->tiles_y; ty++) {
		const uint8_t *row = picture->grey + ty * QR_TILE * picture->stride;
		uint8_t *out = dark->means + ty * dark->tiles_x;
		uint32_t tx = 0;

		/* Four squares at once, as long as they are whole. */
		for (; (ty + 1) * QR_TILE <= picture->height && (tx + 4) * QR_TILE <= picture->width;
		     tx += 4) {
			const uint8_t *at = row + tx * QR_TILE;
			words8 sum = pairs(at) + pairs(at + picture->stride) +
			             pairs(at + 2 * picture->stride) +
			             pairs(at + 3 * picture->stride);
			longs4 all = ((longs4)sum & 0xffff) + ((longs4)sum >> 16);
			bytes4 mean = __builtin_convertvector(all >> 4, bytes4);

			memcpy(out + tx, &mean, sizeof mean);
		}
		for (; tx < dark->tiles_x; tx++)
			out[tx] = mean_of(picture, tx * QR_TILE, ty * QR_TILE);
	}
}

/* Sums of the squares @smooth up and down, for each column. */
static void
sum_columns(const struct qr_dark *dark, int y0, int y1, uint16_t *ret_sum)
{
	memset(ret_sum, 0, dark->tiles_x * sizeof *ret_sum);
	for (int y = y0; y <= y1; y++) {
		const uint8_t *row = dark->means + (uint32_t)y * dark->tiles_x;

		for (uint32_t x = 0; x < dark->tiles_x; x++)
			ret_sum[x] = (uint16_t)(ret_sum[x] + row[x]);
	}
}

static void
make_thresholds(struct qr_dark *dark, int smooth)
{
	int wide = (int)dark->tiles_x, high = (int)dark->tiles_y;
	uint16_t column[QR_PICTURE_MAX / QR_TILE];

	for (int y = 0; y < high; y++) {
		int y0 = y < smooth ? 0 : y - smooth;
		int y1 = y + smooth >= high ? high - 1 : y + smooth;
		uint8_t *out = dark->threshold + (uint32_t)y * dark->tiles_x;
		unsigned sum = 0;

		sum_columns(dark, y0, y1, column);
		for (int x = 0; x < smooth && x < wide; x++)
			sum += column[x];
		for (int x = 0; x < wide; x++) {
			int x0 = x < smooth ? 0 : x - smooth;
			int x1 = x + smooth >= wide ? wide - 1 : x + smooth;

			if (x + smooth < wide)
				sum += column[x + smooth];
			if (x > smooth)
				sum -= column[x - smooth - 1];
			unsigned mean = sum / (unsigned)((y1 - y0 + 1) * (x1 - x0 + 1));
			out[x] = (uint8_t)(mean > BIAS ? mean - BIAS : 0);
		}
	}
}

/* Grey levels between the darkest and the lightest squares, a few of each left out. */
static void
measure_range(struct qr_dark *dark)
{
	uint32_t histogram[256] = { 0 }, all = dark->tiles_x * dark->tiles_y;
	uint32_t few = all / 50, seen = 0;
	unsigned low = 0, high = 255;

	for (uint32_t i = 0; i < all; i++)
		histogram[dark->means[i]]++;
	while (low < 255 && seen + histogram[low] <= few)
		seen += histogram[low++];
	for (seen = 0; high > low && seen + histogram[high] <= few; high--)
		seen += histogram[high];
	dark->lightest = high;
	dark->range = high - low;
}

/* Compares a row with its thresholds, of which every pixel has one. */
static void
compare(const uint8_t *row, const uint8_t *threshold, uint32_t width, uint8_t *ret_dark)
{
	uint32_t x = 0;

	for (; x + LANES <= width; x += LANES) {
		bytes16 pixel, least, out;

		memcpy(&pixel, row + x, sizeof pixel);
		memcpy(&least, threshold + x, sizeof least);
		out = (bytes16)(pixel < least);
		memcpy(ret_dark + x, &out, sizeof out);
	}
	for (; x < width; x++)
		ret_dark[x] = row[x] < threshold[x] ? UINT8_MAX : 0;
}

static void
make_dark(struct qr_dark *dark, const struct qr_picture *picture)
{
	uint8_t threshold[QR_PICTURE_MAX + QR_TILE];

	for (uint32_t y = 0; y < picture->height; y++) {
		const uint8_t *squares = dark->threshold + y / QR_TILE * dark->tiles_x;

		for (uint32_t x = 0; y % QR_TILE == 0 && x < dark->tiles_x; x++)
			memset(threshold + QR_TILE * x, squares[x], QR_TILE);
		compare(picture->grey + y * picture->stride, threshold, picture->width,
		        dark->dark + y * dark->stride);
	}
}

int
qr_dark_make(struct qr_dark *dark, const struct qr_picture *picture, int smooth)
{
	int r = reserve(dark, picture);
	if (r < 0)
		return r;
	make_means(dark, picture);
	make_thresholds(dark, smooth);
	measure_range(dark);
	make_dark(dark, picture);
	return QR_OK;
}
