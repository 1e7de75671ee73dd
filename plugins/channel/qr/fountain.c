#include "fountain.h"

#include <stdlib.h>
#include <string.h>

struct fountain {
	unsigned  k;
	size_t    symbol;
	uint64_t  seed;
	unsigned  rank;
	uint8_t  *solved; /* K x symbol bytes: symbols that are known as they are */
	uint8_t  *sums;   /* K x symbol bytes: right sides of the rows below */
	uint64_t *rows;   /* K rows; row p, when taken, has its first bit at p */
	uint8_t  *state;  /* of each symbol: enum state */
	uint8_t  *scratch;
};

enum state { UNKNOWN, SUM, KNOWN };

/* A counter mixed hard: linear generators would cap the rank at their own size. */
static uint64_t
mix(uint64_t *counter)
{
	uint64_t x = *counter += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static unsigned
words_of(unsigned k)
{
	return (k + 63) / 64;
}

void
fountain_row(uint64_t seed, uint32_t number, unsigned k, uint64_t row[FOUNTAIN_WORDS])
{
	memset(row, 0, FOUNTAIN_WORDS * sizeof *row);
	if (number < k) {
		row[number / 64] = UINT64_C(1) << number % 64;
		return;
	}
	uint64_t counter = seed;
	uint64_t any = 0;

	counter = mix(&counter) ^ number;
	counter = mix(&counter);
	while (any == 0) {
		for (unsigned i = 0; i < words_of(k); i++)
			row[i] = mix(&counter);
		if (k % 64 != 0)
			row[words_of(k) - 1] &= (UINT64_C(1) << k % 64) - 1;
		for (unsigned i = 0; i < words_of(k); i++)
			any |= row[i];
	}
}

static void
add(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t a, b;

		memcpy(&a, to + i, 8);
		memcpy(&b, from + i, 8);
		a ^= b;
		memcpy(to + i, &a, 8);
	}
	for (; i < len; i++)
		to[i] ^= from[i];
}

void
fountain_encode(const uint8_t *data, unsigned k, size_t symbol, uint64_t seed, uint32_t number,
                uint8_t *out)
{
	uint64_t row[FOUNTAIN_WORDS];

	fountain_row(seed, number, k, row);
	memset(out, 0, symbol);
	for (unsigned w = 0; w < words_of(k); w++)
		for (uint64_t bits = row[w]; bits != 0; bits &= bits - 1)
			add(out, data + (w * 64 + (unsigned)__builtin_ctzll(bits)) * symbol, symbol);
}

void
fountain_free(struct fountain *fountain)
{
	if (fountain == NULL)
		return;
	free(fountain->solved);
	free(fountain->sums);
	free(fountain->rows);
	free(fountain->state);
	free(fountain->scratch);
	free(fountain);
}

struct fountain *
fountain_new(unsigned k, size_t symbol, uint64_t seed)
{
	if (k == 0 || k > FOUNTAIN_K_MAX || symbol == 0 || symbol > QR_PAYLOAD_MAX)
		return NULL;
	struct fountain *fountain = calloc(1, sizeof *fountain);

	if (fountain == NULL)
		return NULL;
	*fountain = (struct fountain){
		.k = k, .symbol = symbol, .seed = seed,
		.solved = malloc(k * symbol),
		.sums = malloc(k * symbol),
		.rows = calloc((size_t)k * words_of(k), sizeof *fountain->rows),
		.state = calloc(k, 1),
		.scratch = malloc(symbol),
	};
	if (fountain->solved == NULL || fountain->sums == NULL || fountain->rows == NULL ||
	    fountain->state == NULL || fountain->scratch == NULL) {
		fountain_free(fountain);
		return NULL;
	}
	return fountain;
}

static bool
bit(const uint64_t *row, unsigned i)
{
	return row[i / 64] >> i % 64 & 1;
}

static unsigned
first_bit(const uint64_t *row, unsigned words)
{
	for (unsigned w = 0; w < words; w++)
		if (row[w] != 0)
			return w * 64 + (unsigned)__builtin_ctzll(row[w]);
	return words * 64;
}

/*
 * A symbol that comes by itself and whose place a sum holds: the sum moves on, with
 * the symbol taken out of it.
 */
bool
fountain_take(struct fountain *fountain, uint32_t number, const uint8_t *data)
{
	unsigned words = words_of(fountain->k), k = fountain->k;
	uint64_t row[FOUNTAIN_WORDS];

	if (fountain->rank == k)
		return false;
	if (number < k && fountain->state[number] == KNOWN)
		return false;
	fountain_row(fountain->seed, number, k, row);
	memcpy(fountain->scratch, data, fountain->symbol);

	bool plain = number < k;
	if (plain) {
		bool held = fountain->state[number] == SUM;
		uint8_t *solved = fountain->solved + number * fountain->symbol;
		uint8_t *sum = fountain->sums + number * fountain->symbol;

		memcpy(solved, data, fountain->symbol);
		fountain->state[number] = KNOWN;
		if (!held) { /* every sum begins elsewhere, so none can say the same */
			fountain->rank++;
			return true;
		}
		memcpy(row, fountain->rows + (size_t)number * words, words * sizeof *row);
		memcpy(fountain->scratch, sum, fountain->symbol);
	}

	for (unsigned at = first_bit(row, words); at < k; at = first_bit(row, words)) {
		if (fountain->state[at] == UNKNOWN) {
			memcpy(fountain->rows + (size_t)at * words, row, words * sizeof *row);
			memcpy(fountain->sums + at * fountain->symbol, fountain->scratch,
			       fountain->symbol);
			fountain->state[at] = SUM;
			fountain->rank++;
			return true;
		}
		if (fountain->state[at] == KNOWN) {
			row[at / 64] &= ~(UINT64_C(1) << at % 64);
			add(fountain->scratch, fountain->solved + at * fountain->symbol,
			    fountain->symbol);
			continue;
		}
		const uint64_t *other = fountain->rows + (size_t)at * words;
		for (unsigned w = 0; w < words; w++)
			row[w] ^= other[w];
		add(fountain->scratch, fountain->sums + at * fountain->symbol, fountain->symbol);
	}
	return false;
}

unsigned
fountain_rank(const struct fountain *fountain)
{
	return fountain->rank;
}

const uint8_t *
fountain_symbol(const struct fountain *fountain, unsigned index)
{
	if (index >= fountain->k || fountain->state[index] != KNOWN)
		return NULL;
	return fountain->solved + index * fountain->symbol;
}

/* From the last place back: what a sum holds beyond its first symbol is known by then. */
bool
fountain_solve(struct fountain *fountain, uint8_t *ret_data)
{
	unsigned words = words_of(fountain->k);

	if (fountain->rank < fountain->k)
		return false;
	for (unsigned at = fountain->k; at-- > 0;) {
		if (fountain->state[at] == KNOWN)
			continue;
		const uint64_t *row = fountain->rows + (size_t)at * words;
		uint8_t *solved = fountain->solved + at * fountain->symbol;

		memcpy(solved, fountain->sums + at * fountain->symbol, fountain->symbol);
		for (unsigned i = at + 1; i < fountain->k; i++)
			if (bit(row, i))
				add(solved, fountain->solved + i * fountain->symbol, fountain->symbol);
		fountain->state[at] = KNOWN;
	}
	if (ret_data != NULL)
		memcpy(ret_data, fountain->solved, fountain->k * fountain->symbol);
	return true;
}
