#!/bin/bash
# Killed at any moment, both sides come back to a consistent state: a device has either
# its rung unused and nothing staged, or its rung used and the body staged.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rounds=12
RANDOM=7

# A short wait that differs each time: it spreads the kills over what follows the event.
spread() {
	local n=$((RANDOM % 600))
	while [ $n -gt 0 ]; do n=$((n - 1)); done
}

# The program itself, so that kill -9 ends it and not a watcher.
device_bare() {
	"$bin" device run --once --dir device >device.out 2>device.err <&- &
	device_pid=$!
}

station_bare() {
	"$bin" provision device/manifest.cbor --payload payload.json \
		-c station/countersign.conf >station.out 2>station.err <&- &
	station_pid=$!
}

kill_hard() {
	kill -9 "$1" 2>/dev/null
	{ wait "$1"; } 2>/dev/null
}

# Spins until a file is there or is longer than it was: the moment before a commit.
seen() { [ -s "$1" ]; }
spin_until() {
	local end=$((SECONDS + 20))
	until "$@"; do [ $SECONDS -lt $end ] || die "nothing happened: $*"; done
}

# consistent WHAT NEXT-BEFORE: unused and not staged, or used once and staged.
consistent() {
	local next staged
	next=$(shown device next)
	staged=$(shown device enrolled)
	case "$next $staged" in
	"$2 $before_staged") kept=$((kept + 1)) ;;
	*)
		# one way the rung that was offered is used, and those below it with it
		if [ "${next:-0}" -gt "$2" ] && [ "$staged" = true ]; then
			taken=$((taken + 1))
		else
			printf '# %s: next %s after %s, staged %s\n' "$1" "$next" "$2" "$staged"
			broken=$((broken + 1))
		fi
		;;
	esac
}

verified() {
	"$bin" audit verify -c "$1" >verify.out 2>&1
	[ $? -eq 5 ] || { sed 's/^/# /' verify.out; broken=$((broken + 1)); }
}

# honest: the same parties, once more, undisturbed.
honest() {
	clear_air
	rm -f device/delivered.json
	start_device device
	start_station device/manifest.cbor
	finish "$station_pid"
	local station=$rc
	finish "$device_pid"
	[ "$station $rc" = "0 0" ] && [ -s device/delivered.json ] && return
	sed 's/^/# /' station.err device.err
	broken=$((broken + 1))
}

# A device that is new each time, before one and the same station.
new_device() {
	rm -rf device
	make_device device
	before_staged=false
}

device_killed() {
	local n
	kept=0 taken=0 broken=0
	for n in $(seq $rounds); do
		new_device
		fresh_pair
		device_bare
		case $((n % 3)) in
		0) spin_until grep -q bound device.out ;;
		1) spin_until grep -q authorised device.out ;;
		2) spin_until seen device/device.db-wal ;;
		esac
		spread
		kill_hard "$device_pid"
		consistent "device killed, round $n" 0
		verified device/device.conf
	done
	echo "# device killed $rounds times: $kept before, $taken after its commit"
	same "a device killed round its commit is as before or as after" $broken 0
	honest
	same "the next honest session succeeds" $broken 0
}

# killed_at STAGE: kill -9 the moment the device says it entered that stage.
killed_at() {
	local line
	fresh_pair
	"$bin" device run --once --dir device >story 2>device.err <&- &
	device_pid=$!
	while read -r line; do
		case $line in *" $1 "*) kill -9 "$device_pid" && break ;; esac
	done <story
	{ wait "$device_pid"; } 2>/dev/null
}

# After its commit and before the configuration was written: the next start writes it.
activation_killed() {
	local stage sid try
	mkfifo story
	for stage in delivered enrolled; do
		# The kill has to win a race against the write: on a busy machine it may need tries.
		for try in 1 2 3 4 5 6 7 8; do
			new_device
			killed_at "$stage"
			[ -e device/delivered.json ] || break
			echo "# killed at $stage: too late, try $try"
		done
		same "killed at $stage: the body is staged" "$(shown device enrolled)" true
		check "killed at $stage: it was not written" test ! -e device/delivered.json
		sid=$(shown device last_sid)
		clear_air
		start_device device
		wait_until "the activation" test -s device/delivered.json
		stop "$device_pid"
		same "killed at $stage: the next start writes what was staged" \
			"$(member device/delivered.json config wifi 0 ssid)" workshop
		same "killed at $stage: by no other commit" "$(shown device last_sid)" "$sid"
		broken=0
		honest
		same "killed at $stage: the next honest session succeeds" $broken 0
		same "killed at $stage: and writes its own configuration only" \
			"$(grep -c activated device.out)" 1
	done
}

station_killed() {
	local n next
	kept=0 taken=0 broken=0
	new_device
	for n in $(seq $rounds); do
		# nine offers in a row without an answer are the ladder's bound
		[ $((n % 4)) -ne 0 ] || honest
		clear_air
		next=$(shown device next)
		before_staged=$(shown device enrolled)
		[ $((n % 2)) -eq 0 ] || start_device device
		station_bare
		case $((n % 3)) in
		0) spin_until grep -q authorised station.out ;;
		1) spin_until pair_is_there ;;
		2) spin_until grep -q attested station.out ;;
		esac
		spread
		kill_hard "$station_pid"
		[ $((n % 2)) -eq 0 ] || stop "$device_pid"
		consistent "station killed, round $n" "$next"
		verified station/countersign.conf
		offered_is_recorded
	done
	echo "# station killed $rounds times: device $kept times untouched, $taken times enrolled"
	same "a station killed leaves a log that verifies, and the device consistent" $broken 0
	honest
	same "the next honest session with it succeeds" $broken 0
}

# Nothing is in the air that is not on record: the commit comes before the offer.
offered_is_recorded() {
	local offer sid
	offer=$(first station/air/offer)
	[ -n "$offer" ] || return 0
	offer=$(od -An -v -tx1 "$offer" | tr -d ' \n')
	for sid in $("$bin" audit show -c station/countersign.conf |
		sed -n 's/.* commit .*session \([0-9a-f]*\).*/\1/p'); do
		case $offer in *"$sid"*) return 0 ;; esac
	done
	echo "# an offer without a record"
	broken=$((broken + 1))
}

gather_modules "$work/modules"
make_parties "$work/parties"
before_staged=false
device_killed
activation_killed
station_killed
same "no temporary message was left under a message's name" \
	"$(find station/air -type f -size 0 -name '*.msg' | wc -l)" 0
tap_done
