#!/bin/bash
# What the host says of a module that misbehaves while it runs, word for word.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
umask 022
# shellcheck source=tests/modules/build.sh
. "$top_srcdir/tests/modules/build.sh"

# says NAME LINES
says() {
	build "$1" channel || {
		tap_ok 1 "$1 is built"
		return
	}
	out=$("${top_builddir:?}/tests/modules/host" "$dir/$1/channel_wrong.so" 2>&1)
	same "$(about "$1")" "$out (exit $?)" "$2 (exit 0)"
}

says sound "sent: all went well"
says never "error: channel wrong: send: did not end when asked to; nothing came in time
sent: channel wrong: send: nothing came in time"
says twice 'error: channel wrong: send: was ended a second time with "all went well"; ignored
sent: all went well'
build sleeps channel
has "$(about sleeps)" "$("$top_builddir/tests/modules/host" "$dir/sleeps/channel_wrong.so" slow)" \
	"debug: loop: a timer took longer than a blink"
says corrupts "warning: channel wrong: render changed its frame's shape or memory
sent: render changed its frame's shape or memory"
says overfills "warning: channel wrong: render wrote 1025 samples where 1024 have room
sent: render wrote 1025 samples where 1024 have room
error: channel wrong: send: did not end when asked to; it was withdrawn"
tap_done
