/* Turns a code's data bytes into its payload: modes, counts, characters. */
#ifndef CHANNEL_QR_BITS_H
#define CHANNEL_QR_BITS_H

#include "qr.h"

struct qr_text {
	size_t   len;      /* bytes written */
	bool     has_eci;  /* an ECI was declared; the bytes are as they were sent */
	uint32_t eci;      /* the last one */
	uint8_t  part;     /* structured append: number of this part, from 0 */
	uint8_t  parts;    /* and of all parts; 0: not one of several */
};

/*
 * Writes the payload into @out, @size bytes at most.  Digits and letters become ASCII,
 * Kanji become Shift_JIS, Hanzi GB 2312, bytes stay as they are.
 * QR_E_PROTOCOL: the bits are not a legal message; QR_E_TOO_BIG: @size is too small.
 */
int qr_bits_read(const uint8_t *data, size_t len, unsigned version, uint8_t *out,
                 size_t size, struct qr_text *ret_text);

#endif
