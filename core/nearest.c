/* Did you mean ...?  The edit distance, two rows at a time. */
#include "core/config.h"

#define WORD_MAX 63 /* longer words have no neighbours                        */

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static size_t
distance(const char *a, const char *b)
{
	size_t rows[2][WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 2], *before = rows[(i - 1) % 2];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++)
			now[j] = least(now[j - 1] + 1, before[j] + 1,
			               before[j - 1] + (a[i - 1] != b[j - 1]));
	}
	return rows[a_len % 2][b_len];
}

const char *
csn_nearest(const char *word, const char *const *names)
{
	size_t      limit = strlen(word) < 6 ? 1 : strlen(word) / 3, best = SIZE_MAX;
	const char *near = NULL;

	for (; *names != NULL; names++) {
		size_t d = distance(word, *names);

		if (d <= limit && d < best) {
			best = d;
			near = *names;
		}
	}
	return near;
}
