#include "ends.h"

#define GOOD "gstreamer1.0-plugins-good"
#define BASE "gstreamer1.0-plugins-base"
#define BAD  "gstreamer1.0-plugins-bad"

#define PULSE_NEXT    "see if the sound server runs: pactl info"
#define PIPEWIRE_NEXT "see if the sound server runs: wpctl status"
#define X_NEXT        "see if the X server runs and DISPLAY names it: xdpyinfo"
#define FILE_NEXT     "check \"location\" in the configuration"

enum {
	AUDIO = CSN_MEDIUM_AUDIO,
	VIDEO = CSN_MEDIUM_VIDEO,
	OUT   = CSN_SEND,
	IN    = CSN_RECEIVE,
};

/* clang-format off */
static const struct end ends[] = {
	{ THROUGH_WINDOW, VIDEO, OUT, "ximagesink", NULL, "display",
	  "gstreamer1.0-x", "window", X_NEXT, 1 },
	{ THROUGH_FRAMEBUFFER, VIDEO, OUT, "fbdevsink", NULL, "device",
	  BAD, "framebuffer", "list framebuffers with: ls -l /dev/fb*", 1 },
	{ THROUGH_FILE, VIDEO, OUT, "filesink", NULL, "location",
	  "gstreamer1.0", "file", FILE_NEXT, 0 },
	{ THROUGH_SCREEN, VIDEO, IN, "ximagesrc", NULL, "display-name",
	  GOOD, "screen", X_NEXT, 1 },
	{ THROUGH_CAMERA, VIDEO, IN, "v4l2src", NULL, "device",
	  GOOD, "camera", "list cameras with: v4l2-ctl --list-devices", 1 },
	{ THROUGH_FILE, VIDEO, IN, "filesrc", "rawvideoparse", "location",
	  BASE, "file", FILE_NEXT, 0 },
	{ THROUGH_TEST, VIDEO, IN, "videotestsrc", NULL, NULL,
	  BASE, "test picture", "check the GStreamer installation", 1 },
	{ THROUGH_PULSE, AUDIO, OUT, "pulsesink", NULL, "device",
	  "gstreamer1.0-pulseaudio", "loudspeaker", PULSE_NEXT, 1 },
	{ THROUGH_ALSA, AUDIO, OUT, "alsasink", NULL, "device",
	  "gstreamer1.0-alsa", "loudspeaker", "list loudspeakers with: aplay -L", 1 },
	{ THROUGH_PIPEWIRE, AUDIO, OUT, "pipewiresink", NULL, "target-object",
	  "gstreamer1.0-pipewire", "loudspeaker", PIPEWIRE_NEXT, 1 },
	{ THROUGH_FILE, AUDIO, OUT, "filesink", "wavenc", "location",
	  GOOD, "file", FILE_NEXT, 0 },
	{ THROUGH_PULSE, AUDIO, IN, "pulsesrc", NULL, "device",
	  "gstreamer1.0-pulseaudio", "microphone", PULSE_NEXT, 1 },
	{ THROUGH_ALSA, AUDIO, IN, "alsasrc", NULL, "device",
	  "gstreamer1.0-alsa", "microphone", "list microphones with: arecord -L", 1 },
	{ THROUGH_PIPEWIRE, AUDIO, IN, "pipewiresrc", NULL, "target-object",
	  "gstreamer1.0-pipewire", "microphone", PIPEWIRE_NEXT, 1 },
	{ THROUGH_FILE, AUDIO, IN, "filesrc", "wavparse", "location",
	  GOOD, "file", FILE_NEXT, 0 },
	{ THROUGH_TEST, AUDIO, IN, "audiotestsrc", NULL, NULL,
	  BASE, "test tone", "check the GStreamer installation", 1 },
};
/* clang-format on */

const struct end *
end_find(uint32_t medium, uint32_t direction, uint32_t through)
{
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (ends[i].medium == medium && ends[i].direction == direction &&
		    ends[i].through == through)
			return &ends[i];
	return NULL;
}
