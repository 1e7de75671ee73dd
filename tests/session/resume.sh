#!/bin/bash
# An answer that is lost leaves a session unknown, never refused; settling it later says
# what the device really did.  The device has folders of its own, and this test carries
# each message between the two sides, or does not.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
conf=station/countersign.conf

# quick: an answer is waited for that long.
quick() {
	sed -i "s/^ceremony : .*/ceremony : { use = \"csgn1\"; makers = \"trust\/makers\"; deadline_ms = $1; };/" $conf
}

# distant NAME: a device that is not where the station is.
distant() {
	make_device "$1" "${@:2}"
	sed -i 's,\.\./station/air,../away,' "$1/device.conf"
}

clear_all() {
	clear_air
	rm -rf away
	mkdir -p away/offer away/bind away/return away/bulk
	carried=0
}

waiting() { [ -n "$(first "$1")" ]; }

# deliver FROM TO: the next message of a folder, as soon as it is there.
deliver() {
	local from
	wait_until "a message in $1" waiting "$1"
	from=$(first "$1")
	carried=$((carried + 1))
	cp "$from" "$2/.next"
	mv "$2/.next" "$2/$(printf %08d.msg $carried)"
	rm "$from"
}
to_device() { deliver "station/air/$1" "away/$1"; }
to_station() { deliver away/return station/air/return; }

# ended WHAT EXIT OUTCOME: how the station's side ended.
ended() {
	same "$1: the station's exit and outcome" "$rc $(member station.out outcome)" "$2 $3"
}

# lost WHAT: the station gives up before an answer came.
lost() {
	stop "$station_pid"
	same "$1: the outcome" "$(member station.out outcome)" unknown
	has "$1: the next step" "$(member station.out next)" "provision --resume"
	sid=$(member station.out sid)
}

start_resume() { # [SID]
	timeout --foreground 60 "$bin" provision --resume "$@" --json -c $conf \
		>station.out 2>station.err <&- &
	station_pid=$!
}

resume() { # [SID]
	start_resume "$@"
	finish "$station_pid"
}

unsettled() {
	resume
	member station.out unsettled | grep -o '"sid"' | wc -l
}

entries() { "$bin" audit show -c $conf | grep -c "session $1"; }

# greet NAME [STATION-OPTION...]: both sides up to the device's hello.
greet() {
	clear_all
	start_device "$1" --json
	start_station "$1/manifest.cbor" --two-way --json "${@:2}"
	to_device offer
	to_station
}

# A device that commits, and whose answer never arrives.
committed() { # NAME [STATION-OPTION...]
	local what="$1 committed" sid before
	greet "$@"
	to_device offer
	to_device bind
	if [ "${2-}" = --pin ]; then
		to_station
		to_device offer
	fi
	finish "$device_pid"
	same "$what: the device is enrolled" "$rc" 0
	wait_until "the answer" waiting away/return
	lost "$what, answer lost"
	same "$what: one session is unsettled" "$(unsettled)" 1
	same "$what: it is that one" "$(member station.out unsettled 0 sid)" "$sid"
	same "$what: and it is unknown" "$(member station.out unsettled 0 state)" unknown

	# Nobody answers: it stays as it is.
	clear_all
	quick 1000
	resume "$sid"
	quick 30000
	ended "$what, the device is away" 5 unknown
	same "$what: still unsettled" "$(unsettled)" 1

	# The device is asked once more.
	before=$(entries "$sid")
	clear_all
	start_device "$1" --json
	start_resume "${sid:0:8}"
	to_device offer
	to_station
	finish "$station_pid"
	ended "$what, asked again" 0 enrolled
	same "$what: the same session" "$(member station.out sid)" "$sid"
	stop "$device_pid"
	check "$what: the end is in the log" test "$(entries "$sid")" -gt "$before"
	same "$what: nothing is unsettled" "$(unsettled)" 0
	resume "$sid"
	same "$what: settled, it cannot be settled again" \
		"$rc $(member station.out error code)" "2 CSN-USE-007"
}

# A device that never heard the second channel: it did not commit.
not_committed() {
	local sid before
	before=$(shown device last_sid)
	greet device
	to_device offer
	wait_until "the second message" waiting station/air/bind
	lost "not committed"
	stop "$device_pid"
	clear_all
	start_device device --json
	start_resume "$sid"
	to_device offer
	finish "$device_pid"
	same "not committed: the device refuses what it cannot open" \
		"$rc $(member device.out error code)" "1 CSN-109"
	lost "not committed, asked again"
	same "not committed: it stays unsettled" "$(unsettled)" 1
	same "not committed: what was committed before it stays the last" \
		"$(shown device last_sid)" "$before"
}

# A device whose policy refused, and said so too late.
refused() {
	local sid
	sed -i 's/use = "csgn1-device";/use = "csgn1-device"; refuse_roles = "admin";/' \
		strict/device.conf
	cp payload.json plain.json
	sed 's/{ "config"/{ "policies": { "access": { "roles": [ "admin" ] } }, "config"/' \
		plain.json >payload.json
	greet strict
	to_device offer
	to_device bind
	finish "$device_pid"
	same "refused: the device's code" "$(member strict.out error code)" CSN-180
	wait_until "the refusal" waiting away/return
	lost "refused, answer lost"
	to_station
	resume "$sid"
	ended "refused, the answer came late" 1 refused
	same "refused: by the device" "$(member station.out code)" 245
	mv plain.json payload.json
}

# A station killed while the answer was on its way knows no more than that it offered.
killed() {
	local sid
	greet device
	to_device offer
	to_device bind
	finish "$device_pid"
	same "station killed: the device is enrolled" "$rc" 0
	pkill_station
	resume
	sid=$(member station.out unsettled 0 sid)
	same "station killed: listed as interrupted" \
		"$(member station.out unsettled 0 state)" interrupted
	to_station
	resume "$sid"
	ended "station killed, the answer was waiting" 0 enrolled
	same "station killed: nothing is unsettled" "$(unsettled)" 0
}

# The station itself, not the watcher round it.
pkill_station() {
	pkill -9 -P "$station_pid"
	kill -9 "$station_pid" 2>/dev/null
	{ wait "$station_pid"; } 2>/dev/null
}

wrong_use() {
	resume abc
	same "three digits are too few" "$rc $(member station.out error code)" "2 CSN-USE-007"
	"$bin" provision --resume --pin --json -c $conf >station.out 2>station.err <&-
	same "--resume takes no PIN" "$? $(member station.out error code)" "2 CSN-USE-010"
}

gather_modules "$work/modules"
make_parties "$work/parties"
rm -rf device
distant device
distant two --suite 2 --owner station/owner/owner-2.key
distant strict
printf 493027 >pin
distant pinned --pin-file pin
for side in $conf pinned/device.conf; do
	sed -i 's/^prompt : .*/prompt : { use = "script"; path = "answers"; };/' "$side"
	echo "pin 493027" >"$(dirname "$side")/answers"
done
same "at first every session is settled" "$(unsettled)" 0
committed device
committed two
committed pinned --pin
killed
refused
not_committed
wrong_use
"$bin" audit verify -c $conf >verify.out 2>&1
same "the log verifies" $? 5
tap_done
