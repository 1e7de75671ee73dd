#!/bin/sh
# media/gst plays and records through the ALSA library, which leads to a sound server.
. "$top_srcdir/tests/lab/in-lab.sh"
ls /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so >/dev/null 2>&1 || {
	echo "1..0 # SKIP ALSA has no plugin for a sound server (Debian: libasound2-plugins)"
	exit 0
}
in_lab audio -- "$top_builddir/tests/lab/media_gst" alsa
