/* The only door to zxing-cpp: bytes and corners, no strings, no exceptions. */
#ifndef CHANNEL_QR_ZXING_H
#define CHANNEL_QR_ZXING_H

#include "qr.h"

#ifdef __cplusplus
extern "C" {
#endif

struct qr_found {
	struct qr_point corner[4]; /* top left, top right, bottom right, bottom left */
	size_t          offset;    /* of the payload in the caller's buffer */
	size_t          len;
};

/*
 * Finds and reads up to @max codes.  Payloads go one after another into @bytes; one that
 * does not fit is left out.  @harder also tries rotations, a smaller picture and
 * the slower search.  Returns the number of codes, or QR_E_NOMEM.
 */
int qr_zxing_read(const struct qr_picture *picture, bool harder, struct qr_found *found,
                  size_t max, uint8_t *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
