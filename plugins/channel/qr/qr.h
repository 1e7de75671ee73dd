/*
 * What the pure parts of channel/qr share: pictures, points, borrowed bytes, levels
 * and refusals.  Nothing here opens a device, reads a clock or draws randomness.
 */
#ifndef CHANNEL_QR_H
#define CHANNEL_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Same numbers as CSN_E_..., so a caller may pass them up as they are. */
enum {
	QR_OK         = 0,
	QR_E_NOMEM    = -1,
	QR_E_INVALID  = -2, /* the caller broke the contract */
	QR_E_PROTOCOL = -6, /* bytes from outside are ill-formed */
	QR_E_TOO_BIG  = -7, /* over a bound */
	QR_E_REFUSED  = -8, /* a tag or a digest is wrong */
};

enum {
	QR_SIDE_MAX    = 177,  /* modules a side of version 40 */
	QR_PAYLOAD_MAX = 7089, /* bytes of version 40-L, all digits */
	QR_CODES_MAX   = 8,    /* codes read from one picture */
	QR_PICTURE_MAX = 4096, /* pixels a side of a picture that is looked at */
};

enum qr_level {
	QR_LEVEL_L,
	QR_LEVEL_M,
	QR_LEVEL_Q,
	QR_LEVEL_H,
};

struct qr_bytes { /* borrowed */
	const uint8_t *ptr;
	size_t         len;
};

struct qr_picture { /* borrowed; rows are @stride bytes apart */
	const uint8_t *grey;
	uint32_t       width;
	uint32_t       height;
	size_t         stride;
};

struct qr_point { /* in pixels; the centre of the first pixel is (0.5, 0.5) */
	float x;
	float y;
};

#endif
