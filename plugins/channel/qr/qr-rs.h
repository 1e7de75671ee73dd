/* Reed-Solomon over GF(256) as QR uses it: polynomial 0x11d, first root 1. */
#ifndef CHANNEL_QR_RS_H
#define CHANNEL_QR_RS_H

#include "qr.h"

enum { QR_RS_ECC_MAX = 30 };

/*
 * Corrects @len bytes, the last @ecc of them check bytes, in place.  @erased lists
 * positions whose value is not trusted, @erasures of them.  Returns how many bytes
 * were changed, or -1 when there is no code word near enough; then @word is as it was.
 * At most @errors_max bytes outside the erased ones are corrected.
 */
int qr_rs_correct(uint8_t *word, size_t len, unsigned ecc, const uint8_t *erased,
                  unsigned erasures, unsigned errors_max);

#endif
