#!/bin/bash
# Five wrong PINs lock a device; its owner's release, and no other, opens it again.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}") bin=$(realpath "$top_builddir")/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gather_modules "$dir/modules"
cd "$dir" || exit 99

# One session of the device on what is in the air; sets got to the code.
listen_once() {
	timeout 60 "$bin" device run --once --json --dir device >device.out 2>device.err <&-
	got=$(sed -n 's/.*"code": \([0-9]*\),\{0,1\}$/\1/p' device.out | head -n 1)
}

# shown WHAT: the member of device show.
shown() { "$bin" device show --dir device 2>/dev/null | sed -n "s/^$1  *//p"; }

wait_for() {
	for _ in $(seq 200); do
		"$@" && return 0
		read -rt 0.1 <> <(:) || true
	done
	return 1
}

offer() {
	clear_air
	timeout 60 "$bin" provision device/manifest.cbor --payload payload.json --pin \
		-c station/countersign.conf >station.out 2>station.err <&- &
	local pid=$!
	wait_for sh -c 'ls station/air/bind/*.msg' >/dev/null 2>&1
	kill -INT $pid
	wait $pid
}

# The device listens until it said something of @1, or has taken no notice for a while.
hear_release() {
	"$bin" device run --json-lines --dir device >device.out 2>device.err <&- &
	local pid=$!
	wait_for sh -c "$1"
	heard=$?
	kill -INT $pid
	wait $pid
}

make_station
for suite in 1 2; do
	rm -rf device
	clear_air
	check "suite $suite: a device" make_device device --suite $suite
	sed -i 's/prompt : .*/prompt : { use = "script"; path = "answers"; };/' device/device.conf station/countersign.conf
	echo "pin 493027" >station/answers
	echo "pin 111111" >device/answers
	did=$(shown did | tr -d '"')
	offer
	for try in 1 2 3 4 5; do
		listen_once
		same "wrong PIN number $try" "$got" 161
	done
	same "after five it is quarantined" "$(shown quarantined)" true
	listen_once
	same "and takes no offer" "$got" 110
	clear_air
	"$bin" release 00000000000000000000000000000000 --dir station --suite $suite >release.out 2>&1 <&-
	same "a release for another device is made" $? 0
	listen_once
	same "and refused" "$got" 111
	same "it stays quarantined" "$(shown quarantined)" true
	clear_air
	"$bin" setup -q --dir stranger --plugin-path "$modules"
	"$bin" release "$did" --dir stranger --suite $suite >release.out 2>&1 <&-
	cp stranger/air/offer/*.msg station/air/offer/
	rm -f stranger/air/offer/*
	listen_once
	same "another owner's release is refused" "$got" 111
	clear_air
	"$bin" release "$did" --dir station --suite $suite --json >release.out 2>&1 <&-
	same "the owner's release is sent" $? 0
	cp station/air/offer/00000001.msg m8
	hear_release 'grep -q "quarantine has ended" device.out device.err'
	same "the device says that it was released" "$heard" 0
	same "it is" "$(shown quarantined)" false
	same "the tries are back" "$(shown tries)" 0
	echo "pin 493027" >device/answers
	offer
	listen_once
	same "the right PIN enrols it" "$got" 0
done
"$bin" release zz --dir station >release.out 2>&1 <&-
same "what is no device id exits 2" $? 2
tap_done
