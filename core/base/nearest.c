/* By the edit distance. */
#include "core/base/nearest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63 /* longer words have no neighbours                        */

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters put in, left out, changed, or two neighbours in the wrong order. */
static unsigned
distance(const char *a, const char *b)
{
	uint8_t d[WORD_MAX + 1][WORD_MAX + 1];
	size_t  a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return UINT32_MAX;
	for (size_t i = 0; i <= a_len; i++)
		d[i][0] = (uint8_t)i;
	for (size_t j = 0; j <= b_len; j++)
		d[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			unsigned changed = d[i - 1][j - 1] + (a[i - 1] != b[j - 1] ? 1u : 0u);
			unsigned best = least(least(d[i - 1][j], d[i][j - 1]) + 1u, changed);

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, d[i - 2][j - 2] + 1u);
			d[i][j] = (uint8_t)best;
		}
	}
	return d[a_len][b_len];
}

const char *
csn_nearest(const char *word, const char *const *names)
{
	size_t      limit = strlen(word) < 6 ? 1 : strlen(word) / 3, best = SIZE_MAX;
	const char *near = NULL;

	for (; *names != NULL; names++) {
		unsigned d = distance(word, *names);

		if (d <= limit && d < best) {
			best = d;
			near = *names;
		}
	}
	return near;
}
