/* Which pixels of a picture are dark, by thresholds that follow its light. */
#ifndef CHANNEL_QR_DARK_H
#define CHANNEL_QR_DARK_H

#include "qr.h"

enum {
	QR_TILE      = 4,  /* pixels a side of the squares that thresholds are made of */
	QR_DARK_LANES = 16, /* pixels at once: the length of a row is a multiple */
};

struct qr_dark { /* memory that grows with the pictures, and results */
	uint8_t *memory;
	size_t   size;
	uint8_t *threshold; /* of each square */
	uint8_t *means;
	uint8_t *dark;      /* of each pixel, row by row: 255 or 0 */
	size_t   stride;
	uint32_t tiles_x;
	uint32_t tiles_y;
	unsigned lightest; /* grey level of the lightest squares, a few left out */
	unsigned range;    /* grey levels between dark and light squares */
};

/* @smooth: squares each way that a threshold averages.  QR_OK or QR_E_NOMEM. */
int qr_dark_make(struct qr_dark *dark, const struct qr_picture *picture, int smooth);
void qr_dark_done(struct qr_dark *dark);

static inline const uint8_t *
qr_dark_row(const struct qr_dark *dark, uint32_t y)
{
	return dark->dark + y * dark->stride;
}

/* A picture of half the size, QR_TILE or not; @ret has room for (width / 2) x (height / 2). */
void qr_halve(const struct qr_picture *picture, uint8_t *ret);

#endif
