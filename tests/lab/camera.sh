#!/bin/bash
# Codes by a V4L2 camera: in the lab's guest, whose kernel has one that sees what a V4L2
# screen shows.
set -u
top_srcdir=$(realpath "${top_srcdir:?}") top_builddir=$(realpath "${top_builddir:?}")
export top_srcdir top_builddir
lab=${CSN_LAB:-$top_srcdir/../shared/lab}
bin=$top_builddir/countersign
# shellcheck source=tests/kit/tap.sh
. "$top_srcdir/tests/kit/tap.sh"

# In the guest: the film on the screen, over and over, until the camera has read it.  The
# guest's processor is emulated: the smallest timings, and few plugins to load.
inside() {
	local caps=video/x-raw,format=YUY2,width=640,height=480,framerate=1/1 screen rc
	v4l2-ctl -d "$LAB_SCREEN" --set-dv-bt-timings index=0 >/dev/null
	v4l2-ctl -d "$LAB_CAMERA" --set-dv-bt-timings query >/dev/null
	mkdir /tmp/modules && cp "$1/modules/channel_qr.so" "$1/modules/media_gst.so" /tmp/modules
	gst-launch-1.0 -q multifilesrc location="$1/film/%08d.pgm" start-index=1 loop=true \
		caps=image/x-portable-graymap,framerate=1/1 ! pnmdec ! videoconvert ! videoscale ! \
		videorate ! "$caps" ! v4l2sink device="$LAB_SCREEN" >"$1/screen.log" 2>&1 &
	screen=$!
	timeout -s KILL 150 "$bin" channels listen qr --plugin-path /tmp/modules --json --contents \
		--seconds 60 --in "gst:through=camera,device=$LAB_CAMERA,start_ms=60000" \
		>"$1/camera.json" 2>"$1/camera.err" <&-
	rc=$?
	kill -9 $screen
	wait $screen 2>/dev/null
	return $rc
}
if [ "${1:-}" = inside ]; then
	inside "$2"
	exit
fi
[ -f "$lab/vm/run.sh" ] || {
	echo "1..0 # SKIP no lab at $lab/vm (set CSN_LAB)"
	exit 0
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/modules" "$dir/film"
find "$top_builddir/plugins" -path '*/.libs/*.so' -exec cp {} "$dir/modules" \;
{ printf 'P5\n64 64\n255\n'; head -c 4096 /dev/zero; } >"$dir/blank.pgm"
# message FILE: the first that came goes to FILE.hex, as hexadecimal digits.
message() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["messages"][0])' "$1" >"$1.hex" 2>/dev/null; }

# A message of three codes, filmed without a camera; its receiver looks at a blank wall.
"$bin" channels test qr --plugin-path "$dir/modules" --bytes 900 --count 1 --set code_bytes=400 \
	--out "file:medium=video,direction=send,path=$dir/film,width=640,height=480" \
	--in "file:medium=video,path=$dir/blank.pgm,repeat=true" >"$dir/film.log" 2>&1
same "a blank wall is read as nothing: exit 4" $? 4
find "$dir/film" -name '*.pgm' | sort | tail -n +7 | xargs -r rm
"$bin" channels listen qr --plugin-path "$dir/modules" --json --contents \
	--in "file:medium=video,path=$dir/film,pace=fast" >"$dir/file.json" 2>&1
same "the film is read by media/file" $? 0

"$lab/vm/run.sh" --with video --time 300 --share "$dir" --env top_srcdir --env top_builddir -- \
	"$0" inside "$dir" >"$dir/guest.out" 2>"$dir/guest.err"
rc=$?
[ $rc -ne 125 ] || {
	echo "ok $((tap_count += 1)) - by a camera # SKIP lab/vm cannot run here: $(tail -n 1 "$dir/guest.err")"
	tap_done
}
same "and by a V4L2 camera that sees it on a screen" $rc 0
[ $rc -eq 0 ] || tail -n 5 "$dir"/guest.err "$dir/camera.err" "$dir/screen.log" | sed 's/^/# /'
message "$dir/camera.json"
message "$dir/file.json"
check "byte for byte" cmp "$dir/camera.json.hex" "$dir/file.json.hex"
same "which is 900 bytes" "$(tr -d '\n' <"$dir/file.json.hex" | wc -c)" 1800
tap_done
