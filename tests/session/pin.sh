#!/bin/bash
# Two way with a PIN (mode 3), by command: the record a device was made with.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}") bin=$(realpath "$top_builddir")/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gather_modules "$dir/modules"
cd "$dir" || exit 99

make_station
echo 4930 >short.pin
"$bin" manufacture --out short --owner station/owner/owner-1.key --pin-file short.pin >out 2>&1 <&-
same "four digits exit 2" $? 2
has "by the check of the PIN" "$(cat out)" CSN-USE-005
check "and make no device" test ! -e short/device.state
"$bin" manufacture --out short --owner station/owner/owner-1.key --pin-file nosuch.pin >out 2>&1 <&-
same "a file that is not there exits 2" $? 2
has "by the same check" "$(cat out)" CSN-USE-005
echo 493027 >right.pin
for suite in 1 2; do
	rm -rf device
	clear_air
	check "suite $suite: a device with a PIN" make_device device --suite $suite --pin-file right.pin
	sed -i 's/prompt : .*/prompt : { use = "script"; path = "answers"; };/' station/countersign.conf
	echo "pin 493028" >station/answers
	"$bin" device run --once --dir device >device.out 2>&1 <&- &
	pid=$!
	timeout 60 "$bin" provision device/manifest.cbor --payload payload.json --two-way --pin \
		-c station/countersign.conf >station.out 2>station.err <&-
	rc=$?
	kill -INT $pid # it would wait for the station's last word
	wait $pid
	same "suite $suite: another PIN is refused on the station" $rc 1
	has "by the check of the PIN" "$(cat station.out station.err)" CSN-232
	check "and delivers nothing" test ! -e device/delivered.json
	clear_air
	echo "pin 493027" >station/answers
	enrol device --two-way --pin
	same "suite $suite: the right one enrols" "$rc $device_rc" "0 0"
done
tap_done
