#include "qr-rs.h"

#include <string.h>

enum {
	FIELD = 255,
	POLY  = 0x11d,
	TERMS = QR_RS_ECC_MAX + 2,
	NONE  = 2 * FIELD, /* the logarithm of 0: so far out that the power is 0 */
};

static uint8_t  power[2 * NONE + 1];
static uint16_t logarithm[FIELD + 1];
static uint8_t  times[QR_RS_ECC_MAX + 1][FIELD + 1]; /* products with powers of 2 */

__attribute__((constructor)) static void
make_tables(void)
{
	unsigned x = 1;

	logarithm[0] = NONE;
	for (unsigned i = 0; i < FIELD; i++) {
		power[i] = power[i + FIELD] = (uint8_t)x;
		logarithm[x] = (uint16_t)i;
		x <<= 1;
		if (x > FIELD)
			x ^= POLY;
	}
	for (unsigned i = 0; i <= QR_RS_ECC_MAX; i++)
		for (unsigned k = 0; k <= FIELD; k++)
			times[i][k] = power[logarithm[k] + i];
}

static uint8_t
mul(uint8_t a, uint8_t b)
{
	return power[logarithm[a] + logarithm[b]];
}

/* @b is not 0. */
static uint8_t
divide(uint8_t a, uint8_t b)
{
	return power[logarithm[a] + FIELD - logarithm[b]];
}

/* All at once: each waits for itself only. */
static bool
syndromes(const uint8_t *word, size_t len, unsigned ecc, uint8_t *ret)
{
	uint8_t any = 0;

	memset(ret, 0, ecc);
	for (size_t j = 0; j < len; j++)
		for (unsigned i = 0; i < ecc; i++)
			ret[i] = times[i][ret[i]] ^ word[j];
	for (unsigned i = 0; i < ecc; i++)
		any |= ret[i];
	return any != 0;
}

/* Berlekamp-Massey that starts from the erasures' locator; returns the degree. */
static int
find_locator(const uint8_t *syndrome, unsigned ecc, const uint8_t *erased_log,
             unsigned erasures, uint8_t *locator)
{
	uint8_t before[TERMS] = { 0 }, next[TERMS];
	unsigned degree = erasures;

	memset(locator, 0, TERMS);
	locator[0] = 1;
	for (unsigned i = 0; i < erasures; i++)
		for (unsigned j = i + 1; j > 0; j--)
			locator[j] ^= mul(locator[j - 1], power[erased_log[i]]);
	memcpy(before, locator, TERMS);

	for (unsigned r = erasures; r < ecc; r++) {
		uint8_t gap = 0;

		for (unsigned i = 0; i <= r && i <= degree; i++)
			gap ^= mul(locator[i], syndrome[r - i]);
		memmove(before + 1, before, TERMS - 1);
		before[0] = 0;
		if (gap == 0)
			continue;
		for (unsigned i = 0; i < TERMS; i++)
			next[i] = (uint8_t)(locator[i] ^ mul(gap, before[i]));
		if (2 * degree <= r + erasures) {
			degree = r + 1 + erasures - degree;
			for (unsigned i = 0; i < TERMS; i++)
				before[i] = divide(locator[i], gap);
		}
		memcpy(locator, next, TERMS);
	}
	for (unsigned i = degree + 1; i < TERMS; i++)
		if (locator[i] != 0)
			return -1;
	return locator[degree] == 0 ? -1 : (int)degree;
}

static uint8_t
evaluate(const uint8_t *poly, unsigned terms, unsigned log_x)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < terms; i++)
		if (poly[i] != 0)
			sum ^= power[(logarithm[poly[i]] + i * log_x) % FIELD];
	return sum;
}

/* Forney: the value to add at the place whose inverse locator is power[inverse]. */
static uint8_t
magnitude(const uint8_t *locator, const uint8_t *omega, unsigned ecc, unsigned inverse)
{
	uint8_t slope = 0;

	for (unsigned i = 1; i < TERMS; i += 2)
		if (locator[i] != 0)
			slope ^= power[(logarithm[locator[i]] + (i - 1) * inverse) % FIELD];
	if (slope == 0)
		return 0;
	uint8_t top = evaluate(omega, ecc, inverse);
	return mul(divide(top, slope), power[(FIELD - inverse) % FIELD]);
}

int
qr_rs_correct(uint8_t *word, size_t len, unsigned ecc, const uint8_t *erased,
              unsigned erasures, unsigned errors_max)
{
	uint8_t syndrome[QR_RS_ECC_MAX], erased_log[QR_RS_ECC_MAX], locator[TERMS];
	uint8_t term[TERMS], omega[QR_RS_ECC_MAX] = { 0 }, place[QR_RS_ECC_MAX], value[QR_RS_ECC_MAX];
	unsigned found = 0;

	if (ecc == 0 || ecc > QR_RS_ECC_MAX || len > FIELD || len <= ecc || erasures > ecc)
		return -1;
	if (!syndromes(word, len, ecc, syndrome))
		return 0;
	for (unsigned i = 0; i < erasures; i++) {
		if (erased[i] >= len)
			return -1;
		erased_log[i] = (uint8_t)(len - 1 - erased[i]);
	}

	int degree = find_locator(syndrome, ecc, erased_log, erasures, locator);
	if (degree < 0 || (unsigned)degree > ecc || (unsigned)degree > erasures + errors_max ||
	    2 * ((unsigned)degree - erasures) + erasures > ecc)
		return -1;

	for (unsigned i = 0; i < ecc; i++)
		for (unsigned j = 0; j <= i && j <= (unsigned)degree; j++)
			omega[i] ^= mul(locator[j], syndrome[i - j]);

	/* The locator's terms at each place, from one to the next by a power of 2 each. */
	for (unsigned i = 0; i <= (unsigned)degree; i++)
		term[i] = power[(logarithm[locator[i]] + i * (FIELD + 1 - len) % FIELD)];
	for (size_t at = 0; at < len; at++) {
		unsigned inverse = (unsigned)(FIELD - (len - 1 - at)) % FIELD;
		uint8_t sum = 0;

		for (unsigned i = 0; i <= (unsigned)degree; i++) {
			sum ^= term[i];
			term[i] = times[i][term[i]];
		}
		if (sum != 0)
			continue;
		if (found == (unsigned)degree)
			return -1;
		place[found] = (uint8_t)at;
		value[found++] = magnitude(locator, omega, ecc, inverse);
	}
	if (found != (unsigned)degree)
		return -1;

	int changed = 0;
	for (unsigned i = 0; i < found; i++) {
		word[place[i]] ^= value[i];
		changed += value[i] != 0;
	}
	if (!syndromes(word, len, ecc, syndrome))
		return changed;
	for (unsigned i = 0; i < found; i++)
		word[place[i]] ^= value[i];
	return -1;
}
