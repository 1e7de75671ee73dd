#include "qr-zbar.h"

#include <stdlib.h>
#include <string.h>
#include <zbar.h>

struct qr_zbar {
	zbar_image_scanner_t *scanner;
	zbar_image_t         *image;
	uint8_t              *pixels; /* without gaps between rows, as zbar wants them */
	size_t                size;
};

enum { Y800 = 'Y' | '8' << 8 | '0' << 16 | '0' << 24, CORNERS = 4 };

void
qr_zbar_free(struct qr_zbar *zbar)
{
	if (zbar == NULL)
		return;
	if (zbar->image != NULL)
		zbar_image_destroy(zbar->image);
	if (zbar->scanner != NULL)
		zbar_image_scanner_destroy(zbar->scanner);
	free(zbar->pixels);
	free(zbar);
}

struct qr_zbar *
qr_zbar_new(void)
{
	struct qr_zbar *zbar = calloc(1, sizeof *zbar);

	if (zbar == NULL)
		return NULL;
	zbar->scanner = zbar_image_scanner_create();
	zbar->image = zbar_image_create();
	if (zbar->scanner == NULL || zbar->image == NULL) {
		qr_zbar_free(zbar);
		return NULL;
	}
	zbar_image_scanner_set_config(zbar->scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
	zbar_image_scanner_set_config(zbar->scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
	zbar_image_scanner_set_config(zbar->scanner, ZBAR_QRCODE, ZBAR_CFG_BINARY, 1);
	zbar_image_set_format(zbar->image, Y800);
	return zbar;
}

static bool
load(struct qr_zbar *zbar, const struct qr_picture *picture)
{
	size_t size = (size_t)picture->width * picture->height;

	if (size > zbar->size) {
		uint8_t *pixels = realloc(zbar->pixels, size);

		if (pixels == NULL)
			return false;
		zbar->pixels = pixels;
		zbar->size = size;
	}
	for (uint32_t y = 0; y < picture->height; y++)
		memcpy(zbar->pixels + (size_t)y * picture->width,
		       picture->grey + y * picture->stride, picture->width);
	zbar_image_set_size(zbar->image, picture->width, picture->height);
	zbar_image_set_data(zbar->image, zbar->pixels, size, NULL);
	return true;
}

int
qr_zbar_read(struct qr_zbar *zbar, const struct qr_picture *picture, struct qr_found *found,
             size_t max, uint8_t *bytes, size_t size)
{
	size_t count = 0, used = 0;

	if (!load(zbar, picture))
		return QR_E_NOMEM;
	if (zbar_scan_image(zbar->scanner, zbar->image) < 0)
		return 0;

	const zbar_symbol_t *symbol = zbar_image_first_symbol(zbar->image);
	for (; symbol != NULL && count < max; symbol = zbar_symbol_next(symbol)) {
		size_t len = zbar_symbol_get_data_length(symbol);

		if (zbar_symbol_get_type(symbol) != ZBAR_QRCODE || len > size - used)
			continue;
		memcpy(bytes + used, zbar_symbol_get_data(symbol), len);
		/* zbar lists corners anticlockwise. */
		for (unsigned i = 0; i < CORNERS; i++) {
			unsigned from = (CORNERS - i) % CORNERS;

			found[count].corner[i] = (struct qr_point){
				(float)zbar_symbol_get_loc_x(symbol, from) + 0.5f,
				(float)zbar_symbol_get_loc_y(symbol, from) + 0.5f,
			};
		}
		found[count].offset = used;
		found[count].len = len;
		used += len;
		count++;
	}
	return (int)count;
}
