#!/bin/bash
# Attachments as messages: codes on a screen that is filmed, and a serial line that harms
# what it carries, with the device's wishes on the way back.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}") bin=$(realpath "$top_builddir/countersign")
pair=$(realpath "$top_builddir/tests/lab/pty_pair")
here=$(realpath "$top_srcdir/tests/session")

if [ "${1:-}" != inside ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	CSN_WORK=$dir "$pair" -l "${CSN_LINE_HARM:-3}" "$dir/station-port" "$dir/device-port" -- \
		"$0" inside
	exit
fi

cd "${CSN_WORK:?}" || exit 99
# shellcheck source=tests/session/parties.sh
. "$here/parties.sh"
gather_modules "$CSN_WORK/modules"

# on_screen FILE MEDIA...: bulk is codes on that media, and nothing comes back; $grid of them.
grid=1x1
on_screen() {
	local file=$1
	shift
	sed -i -e '/role = "return"/d' -e '/^media/d' \
		-e "s|{ role = \"bulk\";.*|{ role = \"bulk\"; use = \"qr\"; media = \"light\"; ecc = \"L\"; code_bytes = 400; frames_per_second = 20; camera_fps = 40; grid = \"$grid\"; }|" "$file"
	echo "media : { light : { use = \"file\"; medium = \"video\"; frame_ms = 50; $*; }; };" >>"$file"
}

fetch() {
	timeout 60 "$bin" device fetch --dir device --wait 20 >fetch.out 2>&1 <&-
	rc=$?
}

# offer DEVICE ARG...: one way, so somebody has to say that the device has the offer.
offer() {
	local device=$1
	shift
	"$bin" provision "$device/manifest.cbor" --payload payload.json \
		-c station/countersign.conf "$@" >station.out 2>&1 <&- &
	local pid=$!
	timeout 60 "$bin" device run --once --dir "$device" >device.out 2>&1 <&-
	device_rc=$?
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
}

# The last "N of M messages" a person was told.
messages() { sed -n 's/.*: \([0-9]*\) of [0-9]* messages.*/\1/p' "$1"; }

make_station
cp station/countersign.conf plain.conf
head -c 15000 /dev/urandom >firmware.bin
on_screen station/countersign.conf 'direction = "send"; path = "../film"; width = 420; height = 420'
mkdir film
for suite in 1 2; do
	rm -rf device film/*
	clear_air
	check "suite $suite: a device" make_device device $suite
	on_screen device/device.conf 'path = "../film"; pace = "fast"'
	offer device --attach fw:firmware=firmware.bin --bulk-passes 2
	same "suite $suite: the device is enrolled" $device_rc 0
	has "suite $suite: the station showed all of it twice" "$(cat station.out)" "82 messages"
	check "codes were filmed" test "$(find film -name '*.pgm' | wc -l)" -gt 40
	same "the station keeps no stream" "$(find station/spool -type f | wc -l)" 0
	# The camera sees the first third, then it is switched off.
	mkdir all && mv film/* all/
	find all -name '*.pgm' | sort | head -24 | xargs -I{} cp {} film/
	fetch
	same "a third of the film: exit 4" $rc 4
	same "its packets are kept" "$(find device/spool -name '*.part' | wc -l)" 1
	check "nothing is stored yet" test ! -e device/attachments/fw
	messages fetch.out >before
	# It goes on somewhere in the middle, and begins with a picture of no code.
	rm -f film/*
	head -c 176415 /dev/zero | tr '\0' '\200' | { printf 'P5\n420 420\n255\n'; head -c 176400; } >film/00000000.pgm
	find all -name '*.pgm' | sort | tail -n +20 | xargs -I{} cp {} film/
	fetch
	same "the rest of it: exit 0" $rc 0
	check "suite $suite: it is the file" cmp firmware.bin device/attachments/fw
	messages fetch.out >after
	check "progress went on from where it was" test "$(head -1 after)" -ge "$(tail -1 before)"
	check "and never back" sh -c 'sort -n after | cmp -s - after'
	same "the spool is empty" "$(find device/spool -type f | wc -l)" 0
	fetch
	same "fetched again: nothing left to do" $rc 0
	rm -rf all
done

# Six codes in every picture: a sixth of the pictures, and the same file.
rm -rf device film/*
clear_air
cp plain.conf station/countersign.conf
grid=3x2
on_screen station/countersign.conf 'direction = "send"; path = "../film"; width = 1000; height = 680'
check "a device that sees six codes at once" make_device device 1
on_screen device/device.conf 'path = "../film"; pace = "fast"'
offer device --attach fw:firmware=firmware.bin --bulk-passes 2
same "grid: the device is enrolled" $device_rc 0
has "grid: the station showed all of it twice" "$(cat station.out)" "82 messages"
pictures=$(find film -name '*.pgm' | wc -l)
check "in $pictures pictures" test "$pictures" -ge 14 -a "$pictures" -lt 41
fetch
same "grid: exit 0" $rc 0
check "grid: it is the file" cmp firmware.bin device/attachments/fw
grid=1x1
rm -rf device film/*
clear_air
cp plain.conf station/countersign.conf
on_screen station/countersign.conf 'direction = "send"; path = "../film"; width = 420; height = 420'
check "a device that sees one" make_device device 1
on_screen device/device.conf 'path = "../film"; pace = "fast"'
offer device --attach fw:firmware=firmware.bin --bulk-passes 1

# What a person is told who points the camera: on what was filmed, and on it in the dark.
film_of() {
	timeout 30 "$bin" channels listen qr --plugin-path "$modules" \
		--in "file:medium=video,path=$1,pace=fast" --set overlay="$PWD/seen.pgm" --json >listen.out 2>&1 <&-
	rc=$?
}
film_of film
same "channels listen hears what was filmed" $rc 0
has "and measures it" "$(cat listen.out)" '"module": {'
check "the overlay is the picture with something drawn in" sh -c \
	'[ "$(stat -c %s seen.pgm)" -eq 176415 ] && ! cat film/*.pgm | cmp -s -n 176415 - seen.pgm'
mkdir dark
python3 - <<'PY'
import glob, os
for path in sorted(glob.glob("film/*.pgm"))[:20]:
    data = open(path, "rb").read()
    with open(os.path.join("dark", os.path.basename(path)), "wb") as out:
        out.write(data[:-176400] + bytes([4]) * 176400)
PY
film_of dark
same "in the dark nothing is heard: exit 4" $rc 4
has "and darkness is named" "$(cat listen.out)" '"cause": "dark"'

# Another device's stream is as good as noise to this one.
rm -rf device other film/*
check "one more device" make_device device 1
check "and another one" make_device other 1
on_screen other/device.conf 'path = "../film"; pace = "fast"'
on_screen device/device.conf 'path = "../film"; pace = "fast"'
clear_air
offer device --attach fw=firmware.bin --bulk-passes 1
same "the one is enrolled" $device_rc 0
rm -rf film/*
clear_air
offer other --attach fw=firmware.bin --bulk-passes 1
same "the other one is enrolled" $device_rc 0
fetch
same "the other's film: exit 4" $rc 4
check "and nothing of it is kept" test ! -s "$(find device/spool -name '*.part')"

# A camera that sees nothing asks for larger codes; what was filmed then is enough.
rm -rf device other film/* wall
clear_air
cp plain.conf station/countersign.conf
on_screen station/countersign.conf 'direction = "send"; path = "../film"; width = 420; height = 420'
sed -i 's|^channels = (|&\n  { role = "return"; use = "file"; folder = "air/return"; medium = "serial"; },|' station/countersign.conf
check "a device with a way back" make_device device 1
on_screen device/device.conf 'path = "../wall"; repeat = true'
sed -i 's|^channels = (|&\n  { role = "return"; use = "file"; folder = "../station/air/return"; medium = "serial"; },|' device/device.conf
mkdir wall
{ printf 'P5\n420 420\n255\n'; head -c 176400 /dev/zero; } >wall/1.pgm
timeout 100 "$bin" provision device/manifest.cbor --payload payload.json \
	-c station/countersign.conf --attach fw=firmware.bin >station.out 2>&1 <&- &
station_pid=$!
timeout 60 "$bin" device run --once --dir device >device.out 2>&1 <&-
same "it is enrolled" $? 0
timeout 8 "$bin" device fetch --dir device --wait 30 >fetch.out 2>&1 <&-
has "the station made its codes larger" "$(cat station.out)" "200 bytes a message"
while [ "$(find film -name '*.pgm' | wc -l)" -lt 400 ] && kill -0 $station_pid; do sleep 0.2; done
mkdir shown
find film -name '*.pgm' | sort | head -n -2 | xargs -I{} cp {} shown/
sed -i -e 's|"../wall"|"../shown"|' -e 's/repeat = true/pace = "fast"/' device/device.conf
fetch
same "it reads what was shown, first the fine codes, then the coarse: exit 0" $rc 0
check "it is the file once more" cmp firmware.bin device/attachments/fw
rc=0
wait $station_pid || rc=$?
same "the station stops by itself" $rc 0

# Live, over a line that flips bits and loses bytes; both ends at once.
cp plain.conf station/countersign.conf
sed -i -e '/role = "return"/d' -e '/role = "bulk"/d' \
	-e 's|{ role = "offer";.*|{ role = "offer"; also = "return, bulk"; use = "serial"; device = "../station-port"; },|' \
	-e '/role = "bind"/s/},/}/' station/countersign.conf
rm -rf device
clear_air
check "a device on the line" make_device device 1
sed -i -e '/role = "return"/d' -e '/role = "bulk"/d' \
	-e 's|{ role = "offer";.*|{ role = "offer"; also = "return, bulk"; use = "serial"; device = "../device-port"; },|' \
	-e '/role = "bind"/s/},/}/' device/device.conf
timeout 100 "$bin" provision device/manifest.cbor --payload payload.json --two-way \
	-c station/countersign.conf --attach fw=firmware.bin >station.out 2>station.err <&- &
station_pid=$!
timeout 60 "$bin" device run --once --dir device >device.out 2>device.err <&-
same "the device is enrolled" $? 0
fetch
same "it has the attachment" $rc 0
check "which is the file" cmp firmware.bin device/attachments/fw
rc=0
wait $station_pid || rc=$?
same "the station heard so and ended" $rc 0
has "and says so" "$(cat station.err station.out)" "the device has it"
tap_done
