/* Recordings in the place of devices: replays sound and pictures, and records them. */
#ifndef MEDIA_FILE_MEDIA_H
#define MEDIA_FILE_MEDIA_H

#include "formats.h"

#include <countersign/host.h>
#include <countersign/media.h>
#include <countersign/plugin.h>

#include <stdbool.h>
#include <stdio.h>

enum {
	MEDIA_RATE_HZ  = 48000,
	MEDIA_BLOCK    = 4800, /* samples a frame at most, to play            */
	MEDIA_PIECE    = 960,  /* samples a frame that is captured            */
	MEDIA_SIDE_MAX = 4096, /* pixels a side                               */
	MEDIA_NAMES    = 100000, /* pictures in a folder                      */
	PICTURE_BYTES  = 64 << 20, /* of one picture's file                   */
};

struct media {
	const struct csn_host *host;
	char                  *path;
	uint32_t               medium_choice, direction_choice, pace, repeat;
	uint32_t               width, height, frame_ms, limit_mib;

	uint32_t          medium, direction;
	struct csn_op    *waiting; /* the one capture, play or drain there may be */
	struct csn_timer *timer;
	bool              running;
	uint64_t          start_ns; /* where the recording's time 0 lies       */
	uint64_t          at_ns;    /* of the recording, to the end of this frame */

	/* sound, and raw pictures in one file */
	FILE      *file;
	struct wav wav;
	uint64_t   left; /* bytes of samples still to be read                  */
	float      samples[MEDIA_PIECE];

	/* pictures */
	char   **names; /* in order; NULL: @path is one file                   */
	size_t   name_count, name_next;
	uint8_t *grey; /* of the last capture                                  */

	uint64_t written; /* bytes                                            */
	uint32_t pictures;
};

extern const struct csn_media_ops media_ops;

void media_stop(struct media *media);

/* read.c */
int read_open(struct media *media, struct csn_error *err);
/* The next frame; CSN_E_MISSING at the end. */
int read_next(struct media *media, struct csn_frame *frame, struct csn_error *err);

/* write.c */
int write_open(struct media *media, struct csn_error *err);
int write_next(struct media *media, const struct csn_frame *frame, struct csn_error *err);
void write_close(struct media *media);

/* picture.c: pixels of a PNG, PGM or raw file, to be freed. */
int picture_load(const struct media *media, const char *path, uint8_t **ret_grey,
                 uint32_t *ret_width, uint32_t *ret_height, struct csn_error *err);

#endif
