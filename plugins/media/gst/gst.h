/*
 * Screens, cameras, loudspeakers and microphones by fixed raw GStreamer pipelines.
 * GStreamer's threads only ring a bell (an eventfd); all else is on the loop thread.
 */
#ifndef MEDIA_GST_H
#define MEDIA_GST_H

#include "ends.h"

#include <countersign/host.h>
#include <countersign/media.h>
#include <countersign/plugin.h>

#include <stdbool.h>

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>

enum {
	MEDIA_RATE_HZ  = 48000,
	MEDIA_BLOCK    = 4800, /* samples a frame at most                     */
	MEDIA_SIDE_MAX = 4096, /* pixels a side                               */
	MEDIA_ROOM     = 4,    /* pictures that wait in appsrc or appsink     */
	MEDIA_SOUND_ROOM = 32, /* blocks that wait in appsrc: 3.2 s           */
};

/* Rung from GStreamer's threads; counted, because a hung device keeps its thread. */
struct bell {
	gint refs;
	int  fd;
};

struct media {
	const struct csn_host *host;
	uint32_t               direction_choice, medium_choice, through, speaker;
	char                  *device;
	char                  *location;
	uint32_t               width, height, x, y, frame_ms, start_ms;

	const struct end *end;
	uint32_t          medium, direction;
	GstElement       *pipeline;
	GstElement       *app; /* appsrc or appsink, owned by the pipeline     */
	GstBus           *bus;
	struct bell      *bell;
	struct csn_watch *bell_watch, *bus_watch;
	struct csn_timer *start_timer, *play_timer, *drain_timer;
	struct csn_op    *starting, *capturing, *playing, *draining;
	struct csn_frame *frame; /* of @capturing                              */
	bool              running, ended, failed;
	char              reason[400]; /* why it failed                        */

	/* sending */
	GstClockTime next_pts; /* running time at which all queued is over     */
	uint64_t     next_ns;  /* video: when the next frame may be shown      */

	/* receiving */
	GstSample    *sample;
	GstMapInfo    map;
	GstVideoFrame picture;
	bool          mapped, framed;
	size_t        used;     /* samples of @map already handed out          */
	GstClockTime  expected; /* audio: pts of the next buffer without a gap */
	uint64_t      start_ns;
	uint32_t      seen_width, seen_height;
};

extern const struct csn_media_ops media_ops;

/* Builds the pipeline and leaves it in the NULL state. */
int pipeline_build(struct media *media, struct csn_error *err);

/* Takes everything down, ends what is pending with CSN_E_CANCELLED. */
void media_stop(struct media *media);

struct bell *bell_new(void);
void bell_unref(void *bell);

/* capture.c: the next frame, if one is there, ends @capturing. */
void capture_try(struct media *media);
void capture_release(struct media *media);

/* play.c: as the bus and the bell wake us. */
void play_try(struct media *media);
int play_frame(void *self, struct csn_op *op, const struct csn_frame *frame);
int play_drain(void *self, struct csn_op *op);
void play_stop(struct media *media, int result);
GstClockTime media_running_time(const struct media *media);

/* Ends *@at, if there is one, and forgets it. */
void media_end(struct media *media, struct csn_op **at, int result);

#endif
