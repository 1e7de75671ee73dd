#!/bin/sh
# Bursts through a real sound server.
. "$top_srcdir/tests/lab/in-lab.sh"
in_lab audio -- "$top_builddir/tests/lab/media_chain" air
