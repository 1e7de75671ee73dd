/*
 * Takes a picture apart in which the screen changed from one code to the next: each row
 * is so much of the first and the rest of the second.  A camera as fast as the screen
 * sees nothing else.
 */
#ifndef CHANNEL_QR_MIX_H
#define CHANNEL_QR_MIX_H

#include "qr-grid.h"

enum { QR_MIX_GUESSES = 4 };

struct qr_mix {
	unsigned side;
	float    share[QR_SIDE_MAX];    /* of the first code in each row, 0 to 1 */
	float    level[QR_MODULES_MAX]; /* light, from -1 to 1: dark in both codes is 1 */
};

/*
 * Measures the levels, blur undone; thresholds that follow a mixture would hide them.  The
 * grid's thresholds and soft modules are replaced.
 */
void qr_mix_measure(struct qr_mix *mix, struct qr_grid *grid, const struct qr_layout *layout);

/*
 * Shares from the levels alone, which say how far from one half they are and not on which
 * side: guess 0 above, 1 below, 2 and 3 crossing one half on the way down or up.
 */
void qr_mix_guess(struct qr_mix *mix, const struct qr_layout *layout, unsigned guess);

/* Shares of a first code that is known; returns their mean. */
float qr_mix_known(struct qr_mix *mix, const struct qr_layout *layout, const uint8_t *truth);

/* Soft modules of the first code, whatever the second one is. */
void qr_mix_first(const struct qr_mix *mix, float *ret_soft);

/* Soft modules of the second code when the first one's are believed to be @first. */
void qr_mix_believed(const struct qr_mix *mix, const float *first, float *ret_soft);

#endif
