#!/bin/bash
# Two way over a serial line by command: offer and return on the line, bind beside it;
# both suites, with and without a PIN, over a good line and a bad one.
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

# on_the_line FILE PORT: offer and return go over the line, bind stays as it was.
on_the_line() {
	sed -i -e '/role = "return"/d' \
		-e "s|{ role = \"offer\";.*|{ role = \"offer\"; also = \"return\"; use = \"serial\"; device = \"$2\"; },|" "$1"
}

make_station
on_the_line station/countersign.conf ../station-port
echo 493027 >pin
check "the station's file is good" "$bin" config check -q -c station/countersign.conf
for suite in 1 2; do
	rm -rf device
	check "suite $suite: a device" make_device device --suite $suite --pin-file pin
	on_the_line device/device.conf ../device-port
	clear_air
	enrol device --two-way
	same "suite $suite two way: both enrol" "$rc $device_rc" "0 0"
	check "suite $suite two way: the payload is there" grep -q workshop device/delivered.json
	rm -f device/delivered.json
	clear_air
	sed -i 's/prompt : .*/prompt : { use = "script"; path = "answers"; };/' station/countersign.conf
	echo "pin 493027" >station/answers
	enrol device --two-way --pin
	same "suite $suite two way with a PIN: both enrol" "$rc $device_rc" "0 0"
	check "suite $suite two way with a PIN: the payload is there" \
		grep -q workshop device/delivered.json
done

# The same medium twice: the station's own rule wants two, the device's check 124 stands.
cp station/countersign.conf two.conf
sed -i -e '/role = "bind"/d' -e 's/also = "return"/also = "bind, return"/' station/countersign.conf
clear_air
timeout 60 "$bin" device run --once --dir device >device.out 2>&1 <&- &
pid=$!
timeout 60 "$bin" provision device/manifest.cbor --payload payload.json --two-way \
	-c station/countersign.conf >station.out 2>station.err <&-
rc=$?
kill -INT $pid
wait $pid
same "offer and bind on one line: the station refuses" $rc 1
has "by its policy of two media" "$(cat station.out station.err)" oob.channels
sed -i 's/also = "bind, return"/also = "bind, retour"/' station/countersign.conf
"$bin" provision device/manifest.cbor --payload payload.json -c station/countersign.conf >out 2>&1 <&-
same "a role that is none exits 2" $? 2
has "and is named" "$(cat out)" "bind, retour"
tap_done
