/* WAV and PGM headers.  Pure: bytes in, numbers out. */
#ifndef MEDIA_FILE_FORMATS_H
#define MEDIA_FILE_FORMATS_H

#include <countersign/types.h>

enum {
	WAV_HEADER   = 44,   /* bytes of a header we write                    */
	WAV_HEAD_MAX = 4096, /* bytes within which a header must end          */
	PGM_HEAD_MAX = 64,   /* bytes of a header we write, at most           */
};

enum wav_sample { WAV_S16 = 1, WAV_F32 = 2 };

struct wav {
	uint32_t rate_hz, channels, sample; /* enum wav_sample                */
	size_t   offset;                    /* of the first sample            */
	uint64_t bytes;                     /* of samples, as the header says */
};

/* Finds format and samples in the first @head bytes: CSN_OK or CSN_E_PROTOCOL. */
int wav_parse(struct csn_bytes head, struct wav *ret_wav);

/* A header of 48 kHz mono float samples, @bytes of them. */
void wav_write(uint32_t rate_hz, uint32_t bytes, uint8_t ret_header[WAV_HEADER]);

struct pgm {
	uint32_t width, height;
	size_t   offset; /* of the first pixel                                */
};

/* Binary 8-bit PGM with all pixels there; CSN_E_PROTOCOL otherwise. */
int pgm_parse(struct csn_bytes file, struct pgm *ret_pgm);

#endif
