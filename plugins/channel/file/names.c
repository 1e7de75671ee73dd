#include "names.h"

#include <string.h>

static const char suffix[] = ".msg";

enum {
	DIGITS = 8,
};

uint32_t
name_number(const char *name)
{
	uint32_t number = 0;

	for (size_t i = 0; i < DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		number = number * 10 + (uint32_t)(name[i] - '0');
	}
	return strcmp(name + DIGITS, suffix) == 0 ? number : 0;
}

void
name_write(uint32_t number, char ret_name[NAME_SIZE])
{
	for (size_t i = DIGITS; i > 0; i--, number /= 10)
		ret_name[i - 1] = (char)('0' + number % 10);
	memcpy(ret_name + DIGITS, suffix, sizeof suffix);
}

/* Where @number is or belongs. */
static size_t
place(const struct names *names, uint32_t number)
{
	size_t low = 0, high = names->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (names->number[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
names_have(const struct names *names, uint32_t number)
{
	const size_t at = place(names, number);

	return at < names->count && names->number[at] == number;
}

bool
names_add(struct names *names, uint32_t number)
{
	const size_t at = place(names, number);

	if (at < names->count && names->number[at] == number)
		return true;
	if (names->count == NAMES_MAX)
		return false;
	memmove(&names->number[at + 1], &names->number[at],
	        (names->count - at) * sizeof names->number[0]);
	names->number[at] = number;
	names->count++;
	return true;
}

void
names_keep(struct names *names, const struct names *other)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->count; i++)
		if (names_have(other, names->number[i]))
			names->number[kept++] = names->number[i];
	names->count = kept;
}

uint32_t
names_next(const struct names *names, const struct names *done)
{
	for (size_t i = 0; i < names->count; i++)
		if (!names_have(done, names->number[i]))
			return names->number[i];
	return 0;
}
