#!/bin/sh
# QR codes through a real window and a camera that films it.
. "$top_srcdir/tests/lab/in-lab.sh"
in_lab display -- "$top_builddir/tests/lab/media_chain" screen
