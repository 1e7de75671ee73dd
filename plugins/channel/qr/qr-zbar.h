/* zbar as a second opinion: binary mode, QR only, counted bytes. */
#ifndef CHANNEL_QR_ZBAR_H
#define CHANNEL_QR_ZBAR_H

#include "zxing.h"

struct qr_zbar;

/* NULL: no memory. */
struct qr_zbar *qr_zbar_new(void);
void qr_zbar_free(struct qr_zbar *zbar);

/* As qr_zxing_read. */
int qr_zbar_read(struct qr_zbar *zbar, const struct qr_picture *picture,
                 struct qr_found *found, size_t max, uint8_t *bytes, size_t size);

#endif
