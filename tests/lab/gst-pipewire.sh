#!/bin/sh
# media/gst plays to a PipeWire server and records from it, by PipeWire's own interface.
. "$top_srcdir/tests/lab/in-lab.sh"
for program in pipewire wireplumber pipewire-pulse dbus-run-session pw-link; do
	command -v $program >/dev/null || {
		echo "1..0 # SKIP no $program (Debian: pipewire wireplumber pipewire-pulse dbus-daemon)"
		exit 0
	}
done
in_lab audio --server pipewire -- \
	bash "$top_srcdir/tests/lab/pipewire-air.sh" "$top_builddir/tests/lab/media_gst" pipewire
