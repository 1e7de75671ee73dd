/*
 * Media own pictures and samples: a screen, a camera, a loudspeaker, a microphone,
 * a recording.  They never see plaintext and know no channel.
 */
#ifndef COUNTERSIGN_MEDIA_H
#define COUNTERSIGN_MEDIA_H

#include <countersign/channel.h>

struct csn_media_caps {
	uint32_t size;
	uint32_t medium;        /* CSN_MEDIUM_AUDIO or CSN_MEDIUM_VIDEO        */
	uint32_t direction;     /* CSN_SEND plays or shows, CSN_RECEIVE captures */
	uint32_t width, height; /* video                                      */
	uint32_t rate_hz;       /* audio: what frames carry, 48000            */
	uint32_t block;         /* audio: samples a frame at most             */
	uint32_t frame_ms;      /* video: time between frames                 */
};

struct csn_media_ops {
	uint32_t size;
	/* [loop] After start: what frames will look like. */
	int (*caps)(void *self, struct csn_media_caps *caps);
	/* [loop] Opens the device; @op ends when frames can move. */
	int (*start)(void *self, struct csn_op *op);
	/*
	 * [loop] Ends @op when @frame describes the next frame.  Its memory is the
	 * media's and stays until the next capture or stop.
	 * CSN_E_MISSING at the end of a recording.
	 */
	int (*capture)(void *self, struct csn_op *op, struct csn_frame *frame);
	/* [loop] Shows or queues @frame; @op ends when there is room for the next. */
	int (*play)(void *self, struct csn_op *op, const struct csn_frame *frame);
	/* [loop] Ends @op when all that was queued has been played. */
	int (*drain)(void *self, struct csn_op *op);
	void (*cancel)(void *self, struct csn_op *op); /* [loop]              */
	void (*stop)(void *self);                      /* [loop]              */
};

#endif
