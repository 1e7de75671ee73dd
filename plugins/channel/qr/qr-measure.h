/* How good the picture of one code is, in figures that a person can act on. */
#ifndef CHANNEL_QR_MEASURE_H
#define CHANNEL_QR_MEASURE_H

#include "qr-grid.h"
#include "qr-read.h"

/* Fills in what a sampled grid shows; counts, cause and time are left alone. */
void qr_measure(const struct qr_grid *grid, const struct qr_picture *picture,
                const struct qr_layout *layout, struct qr_report *report);

#endif
