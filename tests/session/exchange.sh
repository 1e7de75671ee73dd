#!/bin/bash
# A station and devices as processes of their own; the messages between them are files.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The two sides of one session; sets station_rc and device_rc.
exchange() { # DEVICE SUBJECT [STATION-OPTION...]
	local device=$1 subject=$2
	shift 2
	clear_air
	rm -f "$device/delivered.json"
	start_device "$device" --json
	start_station "$subject" --json "$@"
	finish "$station_pid"
	station_rc=$rc
	finish "$device_pid"
	device_rc=$rc
}

# both_enrolled WHAT DEVICE
both_enrolled() {
	same "$1: the station exits 0" "$station_rc" 0
	same "$1: the station's document says enrolled" "$(member station.out outcome)" enrolled
	same "$1: the device exits 0" "$device_rc" 0
	same "$1: the device's document says enrolled" "$(member "$2.out" outcome)" enrolled
	check "$1: both name the same session" \
		test "$(member station.out sid)" = "$(member "$2.out" sid)"
	same "$1: the payload was delivered" \
		"$(member "$2/delivered.json" config wifi 0 ssid)" workshop
}

one_way() { # SUITE
	local did=device-$1
	make_device "$did" --suite "$1" --owner "station/owner/owner-$1.key"
	exchange "$did" "$did/manifest.cbor"
	both_enrolled "suite $1 one way" "$did"
	same "suite $1 one way: the rung was used" "$(shown "$did" next)" 1
}

two_way() { # SUITE
	local did=device-$1
	exchange "$did" "$did/manifest.cbor" --two-way
	both_enrolled "suite $1 two way" "$did"
	same "suite $1 two way: no rung was used" "$(shown "$did" next)" 1
}

# last_entry CONFIG: the last line of that side's log.
last_entry() { "$bin" audit show -c "$1" 2>/dev/null | tail -n 1; }

# Whose clock is trusted is the configuration's to say; entries of the others bear a mark.
trusted_clock() {
	same "nobody vouches for the clock: the entries say so" \
		"$(last_entry device-1/device.conf | awk '{ print substr($2, length($2)) }')" "?"
	sed -i 's/profile = "lab";/profile = "lab"; clock = "trusted";/' \
		station/countersign.conf device-1/device.conf
	exchange device-1 device-1/manifest.cbor
	both_enrolled "with trusted clocks" device-1
	for side in station/countersign.conf device-1/device.conf; do
		check "with trusted clocks: the log of $side says so" \
			sh -c '! echo "$1" | awk "{ print \$2 }" | grep "?"' _ "$(last_entry "$side")"
	done
	sed -i 's/ clock = "trusted";//' station/countersign.conf device-1/device.conf
}

# A device whose clock is off by so many seconds meets an offer of now.
skewed_exchange() {
	clear_air
	LD_PRELOAD=$work/skew.so SKEW_S=$1 \
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 \
		start_device skewed --json
	start_station skewed/manifest.cbor --json
	finish "$device_pid"
	device_rc=$rc
}

# Two minutes are what a trusted clock and an offer may differ by.
clock_off() {
	local cc
	read -ra cc <<<"${CC:-cc}"
	check "a clock that is off is built" \
		"${cc[@]}" -fPIC -shared -o "$work/skew.so" "$top_srcdir/tests/kit/skew.c"
	make_device skewed
	sed -i 's/profile = "lab";/profile = "lab"; clock = "trusted";/' skewed/device.conf
	for off in 300 -300; do
		skewed_exchange $off
		stop "$station_pid"
		same "a trusted clock $off s off: refused by its code" \
			"$device_rc $(member skewed.out error code)" "1 CSN-150"
		same "a trusted clock $off s off: nothing was committed" "$(shown skewed next)" 0
		check "a trusted clock $off s off: nothing was delivered" test ! -e skewed/delivered.json
	done
	sed -i 's/ clock = "trusted";//' skewed/device.conf
	skewed_exchange 300
	finish "$station_pid"
	station_rc=$rc
	both_enrolled "the same clock with nobody to vouch for it" skewed
}

# Nothing goes out to a device of the basic tier unless the owner's policy says so.
basic_refused() {
	make_device basic --tier basic
	clear_air
	start_station basic/psk-record.cbor --json
	finish "$station_pid"
	same "basic tier by default: exit 1" "$rc" 1
	same "basic tier by default: the code" "$(member station.out error code)" CSN-POL-001
	same "basic tier by default: what was found" "$(member station.out error found)" "tier basic"
	has "basic tier by default: how to allow it" "$(member station.out error wanted)" \
		"basic_tier = true"
	check "basic tier by default: nothing was shown" test -z "$(first station/air/offer)"
}

basic_allowed() {
	sed -i 's/^policy : .*/policy : { basic_tier = true; };/' station/countersign.conf
	clear_air
	start_station basic/psk-record.cbor --json
	start_device basic --json
	finish "$device_pid"
	same "basic tier: the device's own policy refuses it too" \
		"$rc $(member basic.out error code)" "1 CSN-180"
	same "basic tier: the rung stays" "$(shown basic next)" 0
	stop "$station_pid"
	sed -i 's/^policy : .*/policy : { basic_tier = true; };/' basic/device.conf
	exchange basic basic/psk-record.cbor
	both_enrolled "basic tier, allowed" basic
}

# script SIDE-CONFIG ANSWER-LINE: that side's person is a file.
script() {
	local folder
	folder=$(dirname "$1")
	sed -i 's/^prompt : .*/prompt : { use = "script"; path = "answers"; };/' "$1"
	printf '%s\n' "$2" >"$folder/answers"
}

pin_right() {
	make_device pin
	script station/countersign.conf "pin 493027"
	script pin/device.conf "pin 493027"
	exchange pin pin/manifest.cbor --pin
	both_enrolled "the right PIN" pin
	same "the right PIN: no try is counted" "$(shown pin tries)" 0
}

pin_wrong() {
	local before
	before="$(shown pin last_sid) $(shown pin next)"
	clear_air
	script pin/device.conf "pin 493028"
	start_station pin/manifest.cbor --json --pin
	start_device pin --json
	finish "$device_pid"
	same "a wrong PIN: the device exits 1" "$rc" 1
	same "a wrong PIN: its code" "$(member pin.out error code)" CSN-161
	stop "$station_pid"
	same "a wrong PIN: the station ends with an offer" "$(member station.out outcome)" offered
	same "a wrong PIN: stopped by Ctrl-C, exit 130" "$rc" 130
	same "a wrong PIN: one try is counted" "$(shown pin tries)" 1
	same "a wrong PIN: what was committed before it stays the last" \
		"$(shown pin last_sid) $(shown pin next)" "$before"
	script pin/device.conf "pin 493027"
	exchange pin pin/manifest.cbor --pin
	both_enrolled "the right PIN after it" pin
	same "the right PIN after it: the tries are forgotten" "$(shown pin tries)" 0
}

# Three devices before one station, and one that is not meant.
batch() {
	local name pids=()
	clear_air
	for name in a b c other; do
		make_device "$name"
		start_device "$name" --json
		pids+=("$device_pid")
	done
	timeout --foreground 60 "$bin" run a/manifest.cbor b/manifest.cbor c/manifest.cbor \
		--payload payload.json --json -c station/countersign.conf \
		>run.out 2>run.err <&-
	same "a batch of three exits 0" $? 0
	for name in 0 1 2; do
		same "batch: row $name is enrolled" "$(member run.out rows $name outcome)" enrolled
		finish "${pids[$name]}"
	done
	for name in a b c; do
		same "batch: $name is enrolled" "$(member $name.out outcome)" enrolled
		same "batch: $name used one rung" "$(shown $name next)" 1
		check "batch: $name took its own" \
			test "$(member $name.out did)" = "$(shown $name did)"
	done
	check "batch: three sessions" \
		test "$(for name in a b c; do member $name.out sid; done | sort -u | wc -l)" -eq 3
	stop "${pids[3]}"
	same "batch: a fourth device is not meant and stays as it was" "$(shown other next)" 0
	same "batch: nothing is staged on it" "$(shown other enrolled)" false
}

# Two stations side by side, each with a device of its own: they share one return folder.
side_by_side() {
	local first_station
	"$bin" setup -q --dir second --plugin-path "$modules"
	"$bin" manufacture -q --maker maker --out guest --owner second/owner/owner-1.key \
		--plugin-path "$modules" && cp maker/maker-*.pem second/trust/makers/ &&
		"$bin" device init -q --dir guest
	sed -i 's|"air/return"|"../station/air/return"|' second/countersign.conf
	sed -i -e 's|\.\./station/air/offer|../second/air/offer|' \
		-e 's|\.\./station/air/bind|../second/air/bind|' guest/device.conf
	clear_air
	start_station device-1/manifest.cbor --two-way --json
	first_station=$station_pid
	timeout --foreground 120 "$bin" provision guest/manifest.cbor --two-way --json \
		--payload payload.json -c second/countersign.conf >second.out 2>second.err <&- &
	station_pid=$!
	wait_until "both greetings" both_greet
	start_device device-1 --json
	start_device guest --json
	finish "$station_pid"
	same "side by side: the second station enrols" "$rc $(member second.out outcome)" "0 enrolled"
	finish "$first_station"
	same "side by side: the first station enrols" "$rc $(member station.out outcome)" "0 enrolled"
	wait
}

both_greet() { [ -n "$(first station/air/offer)" ] && [ -n "$(first second/air/offer)" ]; }

# What earlier sessions left in every folder: hellos, answers, greetings and offers.
left_overs() {
	check "left-overs: there are some" test "$(find station/air/return -name '*.msg' | wc -l)" -ge 4
	rm -f device-1/delivered.json
	timeout --foreground 120 "$bin" device run --dir device-1 --json-lines >device-1.out \
		2>device-1.err <&- &
	device_pid=$!
	# the offer of before is turned away once: a message that comes just then is not
	# heard, and a file comes only once
	wait_until "the old offer's refusal" grep -q '"stage":"refused"' device-1.out
	start_station device-1/manifest.cbor --two-way --json
	finish "$station_pid"
	same "left-overs: the station enrols" "$rc $(member station.out outcome)" "0 enrolled"
	finish "$device_pid"
	same "left-overs: the device is enrolled by this session" \
		"$(shown device-1 last_sid)" "$(member station.out sid)"
	same "left-overs: the payload was delivered" \
		"$(member device-1/delivered.json config wifi 0 ssid)" workshop
}

audit() {
	"$bin" audit verify -c station/countersign.conf >verify.out 2>&1
	same "the station's log verifies, not anchored" $? 5
	"$bin" audit show --json -c station/countersign.conf >audit.out 2>&1
	same "audit show --json is one document" "$(member audit.out ok)" true
	"$bin" audit checkpoint -c station/countersign.conf >checkpoint
	same "a checkpoint is signed" $? 0
	"$bin" audit verify --at-least checkpoint -c station/countersign.conf >verify.out 2>&1
	same "the log verifies from it" $? 0
}

gather_modules "$work/modules"
make_parties "$work/parties"
one_way 1
one_way 2
two_way 1
two_way 2
side_by_side
left_overs
trusted_clock
clock_off
basic_refused
basic_allowed
pin_right
pin_wrong
batch
audit
tap_done
