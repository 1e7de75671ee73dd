#include "fountain.h"

#include <stdlib.h>
#include <string.h>

enum { PLANES = FOUNTAIN_PLANES, FACTORS = 8, POLY = 0xb, SYMBOL_MAX = 7089 };

/*
 * Rows of factors and symbols are kept alike, as planes.  The factors of place p, when it
 * is a SUM, begin at place p with 1.
 */
struct fountain {
	unsigned  k;
	size_t    symbol;
	size_t    row; /* bytes of a row of factors */
	uint64_t  seed;
	unsigned  rank;
	uint8_t  *solved; /* K symbols that are known as they are */
	uint8_t  *sums;   /* K right sides of the rows */
	uint8_t  *rows;   /* K rows of factors */
	uint8_t  *state;  /* of each place: enum state */
	uint8_t  *data;   /* the symbol that is being reduced */
};

enum state { UNKNOWN, SUM, KNOWN };

static unsigned
multiply(unsigned a, unsigned b)
{
	unsigned product = 0;

	for (; b != 0; b >>= 1) {
		if (b & 1)
			product ^= a;
		a <<= 1;
		if (a & FACTORS)
			a ^= POLY;
	}
	return product;
}

static unsigned
inverse(unsigned a)
{
	unsigned b = 1;

	while (multiply(a, b) != 1)
		b++;
	return b;
}

/* A counter mixed hard: linear generators would cap the rank at their own size. */
static uint64_t
mix(uint64_t *counter)
{
	uint64_t x = *counter += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static size_t
plane_of(unsigned k)
{
	return (k + 63) / 64 * sizeof(uint64_t);
}

/* The factors of @number as planes of plane_of(k) bytes, bit i of a plane for symbol i. */
static void
make_row(uint64_t seed, uint32_t number, unsigned k, uint8_t *ret_row)
{
	size_t plane = plane_of(k), words = plane / sizeof(uint64_t);
	uint64_t counter = seed;

	memset(ret_row, 0, PLANES * plane);
	if (number < k) {
		ret_row[number / 8] = (uint8_t)(1 << number % 8);
		return;
	}
	counter = mix(&counter) ^ number;
	counter = mix(&counter);
	for (size_t i = 0; i < PLANES * words; i++) {
		uint64_t bits = mix(&counter);

		if (i % words == words - 1 && k % 64 != 0)
			bits &= (UINT64_C(1) << k % 64) - 1;
		for (unsigned b = 0; b < 8; b++) /* the least first, on every machine */
			ret_row[8 * i + b] = (uint8_t)(bits >> 8 * b);
	}
}

static unsigned
factor_at(const uint8_t *row, size_t plane, unsigned place)
{
	unsigned factor = 0;

	for (unsigned p = 0; p < PLANES; p++)
		factor |= ((unsigned)row[p * plane + place / 8] >> place % 8 & 1) << p;
	return factor;
}

/* Sixteen bytes that are added at once. */
typedef uint64_t wide __attribute__((vector_size(16)));

/* Which planes of a product take which planes of the symbol: all ones or none. */
struct ways {
	wide mask[PLANES][PLANES]; /* to, from */
};

static struct ways all_ways[FACTORS];

static void
find_ways(unsigned factor)
{
	for (unsigned from = 0; from < PLANES; from++) {
		for (unsigned to = 0; to < PLANES; to++) {
			uint64_t all = multiply(factor, 1u << from) >> to & 1 ? UINT64_MAX : 0;

			all_ways[factor].mask[to][from] = (wide){ all, all };
		}
	}
}

__attribute__((constructor)) static void
make_ways(void)
{
	for (unsigned factor = 0; factor < FACTORS; factor++)
		find_ways(factor);
}

/* Adds the product's part from one run of @n bytes, 16 at most, of all three planes. */
static inline void
add_run(uint8_t *to, const uint8_t *from, size_t plane, const struct ways *ways, size_t n)
{
	wide a = { 0 }, b = { 0 }, c = { 0 };

	memcpy(&a, from, n);
	memcpy(&b, from + plane, n);
	memcpy(&c, from + 2 * plane, n);
	for (unsigned j = 0; j < PLANES; j++) {
		const wide *mask = ways->mask[j];
		wide out = { 0 };

		memcpy(&out, to + j * plane, n);
		out ^= (a & mask[0]) ^ (b & mask[1]) ^ (c & mask[2]);
		memcpy(to + j * plane, &out, n);
	}
}

/* Adds @factor times @from from byte @at of each plane on; planes of @plane bytes. */
static void
add_product_from(uint8_t *to, const uint8_t *from, size_t plane, unsigned factor, size_t at)
{
	const struct ways ways = all_ways[factor];

	if (factor == 0)
		return;
	for (; at + sizeof(wide) <= plane; at += sizeof(wide))
		add_run(to + at, from + at, plane, &ways, sizeof(wide));
	if (at < plane)
		add_run(to + at, from + at, plane, &ways, plane - at);
}

static void
add_product(uint8_t *to, const uint8_t *from, size_t plane, unsigned factor)
{
	add_product_from(to, from, plane, factor, 0);
}

void
fountain_encode(const uint8_t *data, unsigned k, size_t symbol, uint64_t seed, uint32_t number,
                uint8_t *out)
{
	uint8_t row[PLANES * FOUNTAIN_WORDS * sizeof(uint64_t)];
	size_t plane = plane_of(k);

	make_row(seed, number, k, row);
	memset(out, 0, symbol);
	for (unsigned i = number < k ? number : 0; i < (number < k ? number + 1 : k); i++)
		add_product(out, data + i * symbol, symbol / PLANES, factor_at(row, plane, i));
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
	free(fountain->data);
	free(fountain);
}

struct fountain *
fountain_new(unsigned k, size_t symbol, uint64_t seed)
{
	if (k == 0 || k > FOUNTAIN_K_MAX || symbol == 0 || symbol > SYMBOL_MAX ||
	    symbol % PLANES != 0)
		return NULL;
	struct fountain *fountain = calloc(1, sizeof *fountain);
	size_t row = PLANES * plane_of(k);

	if (fountain == NULL)
		return NULL;
	*fountain = (struct fountain){
		.k = k, .symbol = symbol, .row = row, .seed = seed,
		.solved = malloc(k * symbol),
		.sums = malloc(k * symbol),
		.rows = calloc(k, row),
		.state = calloc(k, 1),
		.data = malloc(symbol),
	};
	if (fountain->solved == NULL || fountain->sums == NULL || fountain->rows == NULL ||
	    fountain->state == NULL || fountain->data == NULL) {
		fountain_free(fountain);
		return NULL;
	}
	return fountain;
}

/* First place from @from on whose factor is not 0, or K. */
static unsigned
first_place(const struct fountain *fountain, const uint8_t *row, unsigned from)
{
	size_t plane = fountain->row / PLANES;

	for (size_t i = from / 8; i < plane; i++) {
		unsigned any = row[i] | row[plane + i] | row[2 * plane + i];

		if (i == from / 8)
			any &= 0xffu << from % 8;
		if (any != 0)
			return (unsigned)(8 * i) + (unsigned)__builtin_ctz(any);
	}
	return fountain->k;
}

/* Writes @factor times @from, @len bytes in planes, to @to. */
static void
put_product(uint8_t *to, const uint8_t *from, size_t len, unsigned factor)
{
	memset(to, 0, len);
	add_product(to, from, len / PLANES, factor);
}

static void
keep_sum(struct fountain *fountain, unsigned at, const uint8_t *row, unsigned factor)
{
	unsigned over = inverse(factor);

	put_product(fountain->rows + at * fountain->row, row, fountain->row, over);
	put_product(fountain->sums + at * fountain->symbol, fountain->data, fountain->symbol, over);
	fountain->state[at] = SUM;
	fountain->rank++;
}

/* Takes what is known out of a sum until it is nothing or begins where no other does. */
static bool
reduce(struct fountain *fountain, uint8_t *row)
{
	size_t plane = fountain->row / PLANES, part = fountain->symbol / PLANES;

	for (unsigned at = 0; (at = first_place(fountain, row, at)) < fountain->k; at++) {
		unsigned factor = factor_at(row, plane, at);

		if (fountain->state[at] == UNKNOWN) {
			keep_sum(fountain, at, row, factor);
			return true;
		}
		if (fountain->state[at] == KNOWN) {
			for (unsigned p = 0; p < PLANES; p++)
				row[p * plane + at / 8] &= (uint8_t)~(1 << at % 8);
			add_product(fountain->data, fountain->solved + at * fountain->symbol, part,
			            factor);
			continue;
		}
		/* Neither row has anything before this place. */
		add_product_from(row, fountain->rows + at * fountain->row, plane, factor,
		                 at / 8 / sizeof(uint64_t) * sizeof(uint64_t));
		add_product(fountain->data, fountain->sums + at * fountain->symbol, part, factor);
	}
	return false;
}

bool
fountain_take(struct fountain *fountain, uint32_t number, const uint8_t *data)
{
	uint8_t row[PLANES * FOUNTAIN_WORDS * sizeof(uint64_t)];

	if (fountain->rank == fountain->k ||
	    (number < fountain->k && fountain->state[number] == KNOWN))
		return false;
	if (number >= fountain->k) {
		make_row(fountain->seed, number, fountain->k, row);
		memcpy(fountain->data, data, fountain->symbol);
		return reduce(fountain, row);
	}

	/* A symbol by itself.  Does a sum hold its place?  Then that moves on, less it. */
	bool held = fountain->state[number] == SUM;
	memcpy(fountain->solved + number * fountain->symbol, data, fountain->symbol);
	fountain->state[number] = KNOWN;
	if (!held) { /* every sum begins elsewhere, so none can say the same */
		fountain->rank++;
		return true;
	}
	memcpy(row, fountain->rows + number * fountain->row, fountain->row);
	memcpy(fountain->data, fountain->sums + number * fountain->symbol, fountain->symbol);
	return reduce(fountain, row);
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
	size_t plane = fountain->row / PLANES, symbol = fountain->symbol;

	if (fountain->rank < fountain->k)
		return false;
	for (unsigned at = fountain->k; at-- > 0;) {
		const uint8_t *row = fountain->rows + at * fountain->row;
		uint8_t *solved = fountain->solved + at * symbol;

		if (fountain->state[at] == KNOWN)
			continue;
		memcpy(solved, fountain->sums + at * symbol, symbol);
		for (unsigned i = first_place(fountain, row, at + 1); i < fountain->k;
		     i = first_place(fountain, row, i + 1))
			add_product(solved, fountain->solved + i * symbol, symbol / PLANES,
			            factor_at(row, plane, i));
		fountain->state[at] = KNOWN;
	}
	if (ret_data != NULL)
		memcpy(ret_data, fountain->solved, fountain->k * symbol);
	return true;
}
