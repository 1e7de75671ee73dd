/*
 * From the modules of one code to its payload.  Modules come as numbers: above 0 is
 * dark, the distance from 0 (about 1 when sure) is what a module may be trusted for.
 */
#ifndef CHANNEL_QR_DECODE_H
#define CHANNEL_QR_DECODE_H

#include "qr-bits.h"
#include "qr-spec.h"

struct qr_symbol {
	enum qr_level  level;
	unsigned       mask;
	unsigned       corrected; /* code words repaired */
	unsigned       total;     /* of so many */
	struct qr_text text;
	uint8_t        payload[QR_PAYLOAD_MAX];
};

struct qr_decoder { /* scratch memory */
	uint8_t word[QR_CODEWORDS_MAX];
	float   doubt[QR_CODEWORDS_MAX];
	uint8_t data[QR_CODEWORDS_MAX];
	uint8_t block[256];
	uint8_t truth[QR_MODULES_MAX]; /* after a success: 1 where a module must be dark */
};

/* Share of the modules known from the version alone that look as they should, 0 to 1. */
float qr_pattern_match(const struct qr_layout *layout, const float *soft);

/* true: read, and the checks of the code itself passed. */
bool qr_decode(struct qr_decoder *decoder, const struct qr_layout *layout, const float *soft,
               struct qr_symbol *ret_symbol);

#endif
