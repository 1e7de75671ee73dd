#!/bin/sh
# media/gst shows a window on a real X server and films it.
. "$top_srcdir/tests/lab/in-lab.sh"
in_lab display -- "$top_builddir/tests/lab/media_gst" screen
