#include "core/cli/wav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 44, BYTES_MAX = 0x7fffff00 };

struct wav {
	FILE    *file;
	uint32_t rate_hz, bytes;
	int      failed;
};

static void
put(uint8_t *at, uint32_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* Mono 32-bit float; a length of zero means all that follows. */
static int
write_header(struct wav *wav)
{
	uint8_t h[HEADER] = { 0 };

	memcpy(h, "RIFF", 4);
	put(h + 4, wav->bytes + HEADER - 8, 4);
	memcpy(h + 8, "WAVEfmt ", 8);
	put(h + 16, 16, 4);
	put(h + 20, 3, 2);
	put(h + 22, 1, 2);
	put(h + 24, wav->rate_hz, 4);
	put(h + 28, wav->rate_hz * 4, 4);
	put(h + 32, 4, 2);
	put(h + 34, 32, 2);
	memcpy(h + 36, "data", 4);
	put(h + 40, wav->bytes, 4);
	return fwrite(h, sizeof h, 1, wav->file) == 1 ? 0 : -1;
}

struct wav *
wav_create(const char *path, uint32_t rate_hz)
{
	struct wav *wav = calloc(1, sizeof *wav);

	if (wav == NULL)
		return NULL;
	wav->rate_hz = rate_hz;
	wav->file    = fopen(path, "wbe");
	if (wav->file == NULL || write_header(wav) < 0) {
		if (wav->file != NULL)
			fclose(wav->file);
		free(wav);
		return NULL;
	}
	return wav;
}

int
wav_add(struct wav *wav, const float *samples, size_t count)
{
	if (count > (BYTES_MAX - wav->bytes) / 4)
		wav->failed = 1;
	for (size_t i = 0; i < count && !wav->failed; i++) {
		uint8_t  bytes[4];
		uint32_t word;

		memcpy(&word, &samples[i], sizeof word);
		put(bytes, word, 4);
		wav->failed = fwrite(bytes, sizeof bytes, 1, wav->file) != 1;
		wav->bytes += 4;
	}
	return wav->failed ? -1 : 0;
}

int
wav_close(struct wav *wav)
{
	if (wav == NULL)
		return 0;
	int r = wav->failed ? -1 : 0;

	if (fseek(wav->file, 0, SEEK_SET) != 0 || write_header(wav) < 0)
		r = -1;
	if (fclose(wav->file) != 0)
		r = -1;
	free(wav);
	return r;
}
