/*
 * The ends a pipeline may have: what GStreamer element each is, what package brings it,
 * and what a person does when it does not work.  Pure data.
 */
#ifndef MEDIA_GST_ENDS_H
#define MEDIA_GST_ENDS_H

#include <countersign/channel.h>

enum through { /* order of the option's choices                               */
	THROUGH_WINDOW,
	THROUGH_FRAMEBUFFER,
	THROUGH_SCREEN,
	THROUGH_CAMERA,
	THROUGH_PULSE,
	THROUGH_ALSA,
	THROUGH_PIPEWIRE,
	THROUGH_FILE,
	THROUGH_TEST,
};

#define THROUGH_CHOICES \
	"window|framebuffer|screen|camera|pulse|alsa|pipewire|file|test"

struct end {
	uint32_t    through;   /* enum through                                */
	uint32_t    medium;    /* enum csn_medium                             */
	uint32_t    direction; /* CSN_SEND or CSN_RECEIVE                     */
	const char *element;   /* factory that is the device                  */
	const char *before;    /* factory between it and us, or NULL          */
	const char *property;  /* takes the device's name or the file, or NULL */
	const char *package;   /* where the elements come from                */
	const char *what;      /* "camera"                                    */
	const char *next;      /* what to do when it fails                    */
	uint32_t    live;      /* runs by its own clock                       */
};

/* NULL when no end carries @medium in @direction through @through. */
const struct end *end_find(uint32_t medium, uint32_t direction, uint32_t through);

#endif
