#!/bin/sh
# media/gst with files, test sources, and with nothing there: no lab is needed.
unset DISPLAY PULSE_SINK PULSE_SOURCE
PULSE_SERVER=unix:/nonexistent/pulse
export PULSE_SERVER
exec "$top_builddir/tests/lab/media_gst" resampled written test errors options
