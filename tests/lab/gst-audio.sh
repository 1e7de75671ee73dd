#!/bin/sh
# media/gst plays to a real sound server and records from it.
. "$top_srcdir/tests/lab/in-lab.sh"
in_lab audio -- "$top_builddir/tests/lab/media_gst" air
