/* Between the parts of ur: what a message is cut into. */
#ifndef CSN_LIB_UR_INT_H
#define CSN_LIB_UR_INT_H

#include "lib/ur.h"

struct ur_part { /* a part's CBOR; data borrowed */
	uint32_t         number, count, length, crc;
	struct csn_bytes data;
};

/* Which pieces part @number is the sum of; returns how many. */
uint32_t ur_choose(const struct csn_ur_weights *weights, uint32_t number, uint32_t crc,
                   uint16_t *ret_pieces);
/* Weights of the number of pieces of a sum: one over it. */
void ur_weigh(struct csn_ur_weights *weights, uint32_t count);

static inline void
ur_add(uint8_t *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] ^= from[i];
}

#endif
