#!/bin/bash
# An attachment over a real window and the screen that is filmed, both ends live: grids, and
# a camera too slow for what is shown, at whose wish the station slows down.
#   light.sh [bench BYTES]   by tests/bench/window: one transfer, timed
set -u
. "${top_srcdir:?}/tests/lab/in-lab.sh"
top_srcdir=$(realpath "$top_srcdir") top_builddir=$(realpath "${top_builddir:?}")
export top_srcdir top_builddir
[ "${1:-}" = inside ] || in_lab display --size 1100x800 -- "$0" inside "$@"
shift
. "$top_srcdir/tests/kit/tap.sh"
build=$top_builddir bin=$build/countersign
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
gather_modules "$work/modules"

# on_screen FILE FOLDER CHANNEL MEDIA: codes of role bulk on that media, wishes in FOLDER.
on_screen() {
	sed -i -e '/role = "return"/d' -e '/^media/d' \
		-e "s|{ role = \"bulk\";.*|{ role = \"bulk\"; use = \"qr\"; media = \"light\"; $3 }|" \
		-e "s|^channels = (|&\n  { role = \"return\"; use = \"file\"; folder = \"$2\"; medium = \"serial\"; },|" "$1"
	echo "media : { light : { use = \"gst\"; medium = \"video\"; $4 }; };" >>"$1"
}

# carry WHAT CHANNEL CAMERA: provisions, shows, films; station.out and fetch.out say how.
carry() {
	rm -rf device
	clear_air
	cp plain.conf station/countersign.conf
	on_screen station/countersign.conf air/return "$2" \
		'direction = "send"; through = "window"; width = 1100; height = 760; frame_ms = 20;'
	check "$1: a device" make_device device
	on_screen device/device.conf ../station/air/return "$2" "through = \"screen\"; $3"
	timeout 170 "$bin" provision device/manifest.cbor --payload payload.json \
		-c station/countersign.conf --attach fw:firmware=firmware.bin >station.out 2>&1 <&- &
	station_pid=$!
	timeout 60 "$bin" device run --once --dir device >device.out 2>&1 <&-
	same "$1: it is enrolled" $? 0
	began=$(date +%s%N)
	timeout 150 "$bin" device fetch --dir device --wait 140 >fetch.out 2>&1 <&-
	rc=$?
	took_ms=$((($(date +%s%N) - began) / 1000000))
	same "$1: it has what was shown" $rc 0
	check "$1: which is the file" cmp firmware.bin device/attachments/fw
	finish "$station_pid"
	same "$1: the station heard so and ended" $rc 0
}

make_station
cp station/countersign.conf plain.conf
if [ "${1:-}" = bench ]; then
	head -c "$2" /dev/urandom >firmware.bin
	carry bench 'ecc = "L"; code_bytes = 1273; frames_per_second = 15; camera_fps = 30; grid = "2x2";' \
		'frame_ms = 33;'
	[ $tap_failed -ne 0 ] || echo "window: $2 bytes, 2x2 v25-L at 15 fps, filmed at 30 fps," \
		"start of both ends included: $took_ms ms = $(($2 / took_ms)) kB/s"
	tap_done
fi
head -c 12000 /dev/urandom >firmware.bin
codes='ecc = "L"; code_bytes = 700; frames_per_second = 15; camera_fps = 30;'
carry "six codes at once" "$codes grid = \"3x2\";" 'frame_ms = 33;'
has "and was told" "$(cat station.out)" "the device has it"
carry "a camera of three pictures a second" "$codes" 'frame_ms = 330;'
has "the station made its codes stay" "$(cat station.out)" "the device loses messages: 100 ms between them"
tap_done
