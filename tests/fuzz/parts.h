/* A target of several parts: the first byte says which, or FUZZ_PART for a whole campaign. */
#ifndef FUZZ_PARTS_H
#define FUZZ_PARTS_H

#include <stdint.h>
#include <stdlib.h>

static inline unsigned
part_of(const uint8_t *data, unsigned parts)
{
	static int only = -2;

	if (only == -2)
		only = getenv("FUZZ_PART") != NULL ? atoi(getenv("FUZZ_PART")) : -1;
	return only >= 0 && (unsigned)only < parts ? (unsigned)only : data[0] % parts;
}

#endif
