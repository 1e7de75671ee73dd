/*
 * A systematic random linear fountain over GF(8) for one block of K equal symbols.
 * Symbol numbers below K are the symbols; from K on each number stands for a sum whose
 * factors are drawn by a hash of the number, so both sides know them without a list.
 *
 * A symbol is three planes of equal length, one after another: bit b of byte i of plane
 * p is bit p of an element of GF(8) = GF(2)[x] / (x^3 + x + 1).  So a product with a
 * factor is nothing but sums of planes, hardly dearer than GF(2), and where that needs
 * more than K + 3 symbols once in nine times, this does once in some thousand.
 */
#ifndef CSN_LIB_FOUNTAIN_H
#define CSN_LIB_FOUNTAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FOUNTAIN_K_MAX = 1024,
	FOUNTAIN_WORDS  = FOUNTAIN_K_MAX / 64,
	FOUNTAIN_PLANES = 3, /* the size of a symbol is a multiple of it */
};

/* Makes symbol @number of the block at @data, K x @symbol bytes, into @out. @seed separates
 * sessions and blocks. */
void fountain_encode(const uint8_t *data, unsigned k, size_t symbol, uint64_t seed,
                     uint32_t number, uint8_t *out);

struct fountain;

/* NULL: no memory, or K or symbol out of range. */
struct fountain *fountain_new(unsigned k, size_t symbol, uint64_t seed);
void fountain_free(struct fountain *fountain);

/* Takes a symbol: true when it told something new. */
bool fountain_take(struct fountain *fountain, uint32_t number, const uint8_t *data);

/* Independent symbols taken so far: K of them are a whole block. */
unsigned fountain_rank(const struct fountain *fountain);

/* Symbol @index when it is known, else NULL. */
const uint8_t *fountain_symbol(const struct fountain *fountain, unsigned index);

/* Writes the whole block, K x symbol bytes; false while the rank is below K. */
bool fountain_solve(struct fountain *fountain, uint8_t *ret_data);

#endif
