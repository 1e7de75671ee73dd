/* A recording of what a receiver heard: 48 kHz (or any) mono float WAV. */
#ifndef CSN_CLI_WAV_H
#define CSN_CLI_WAV_H

#include <stddef.h>
#include <stdint.h>

struct wav;

/* NULL and errno when the file cannot be made. */
struct wav *wav_create(const char *path, uint32_t rate_hz);
/* 0, or -1: the file is full, or too long for its format. */
int wav_add(struct wav *wav, const float *samples, size_t count);
/* Writes the length into the header; 0, or -1 when that or an earlier write failed. */
int wav_close(struct wav *wav); /* NULL is fine */

/* All of a mono file, 16-bit or float; -1, and errno when that says why. */
int wav_load(const char *path, float **ret_samples, size_t *ret_count, uint32_t *ret_rate_hz);

#endif
