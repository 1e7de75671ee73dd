/* WAV files that anyone made: every length is held against the file's. */
#include "core/cli/cli.h"
#include "core/cli/wav.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
get(const uint8_t *at, size_t len)
{
	uint32_t value = 0;

	for (size_t i = len; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

struct found {
	uint32_t format, channels, rate_hz, bits;
	size_t   data, bytes;
};

/* Chunks one after the other; a length over the file's means all that is there. */
static int
find_chunks(const uint8_t *file, size_t len, struct found *found)
{
	size_t at = 12;

	if (len < 12 || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 8, "WAVE", 4) != 0)
		return -1;
	while (at <= len && len - at >= 8) {
		const uint8_t *chunk = file + at;
		size_t size = get(chunk + 4, 4), left = len - at - 8;

		if (memcmp(chunk, "data", 4) == 0) {
			found->data  = at + 8;
			found->bytes = size == 0 || size > left ? left : size;
			return found->rate_hz > 0 ? 0 : -1;
		}
		if (size > left)
			return -1;
		if (memcmp(chunk, "fmt ", 4) == 0 && size >= 16) {
			found->format   = get(chunk + 8, 2);
			found->channels = get(chunk + 10, 2);
			found->rate_hz  = get(chunk + 12, 4);
			found->bits     = get(chunk + 22, 2);
		}
		at += 8 + size + (size & 1);
	}
	return -1;
}

static float
sample_at(const struct found *f, const uint8_t *at)
{
	uint32_t word;
	float    v;

	if (f->bits == 16)
		return (float)(int16_t)get(at, 2) / 32768;
	word = get(at, 4);
	memcpy(&v, &word, sizeof v);
	return v > -1e3f && v < 1e3f ? v : 0;
}

int
wav_load(const char *path, float **ret_samples, size_t *ret_count, uint32_t *ret_rate_hz)
{
	enum { LIMIT = 200 << 20 };
	struct found f    = { 0 };
	uint8_t     *file = NULL;
	size_t       len  = 0, width;

	int r = cli_read(path, LIMIT, &file, &len);
	errno = r < 0 ? -r : 0;
	if (r < 0)
		return -1;
	r = find_chunks(file, len, &f);
	bool known = r == 0 && f.channels == 1 && f.rate_hz <= 384000 &&
		((f.format == 1 && f.bits == 16) || (f.format == 3 && f.bits == 32));

	width = f.bits / 8;
	float *samples = known ? calloc(f.bytes / width + 1, sizeof *samples) : NULL;
	for (size_t i = 0; samples != NULL && i < f.bytes / width; i++)
		samples[i] = sample_at(&f, file + f.data + i * width);
	free(file);
	if (samples == NULL)
		return -1;
	*ret_samples = samples;
	*ret_count   = f.bytes / width;
	*ret_rate_hz = f.rate_hz;
	return 0;
}
