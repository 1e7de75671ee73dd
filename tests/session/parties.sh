# shellcheck shell=bash disable=SC2154 # the caller sets bin and build
# An owner, a maker, a station and devices, as files in a folder, and what runs them.
# Sourced by the session tests and by demo.sh; the caller sets bin and build, both
# absolute.  Everything is relative to the working folder that make_parties enters.

# The caller may say it in its own words.
die() {
	printf 'Bail out! %s\n' "$*"
	exit 99
}

# Polls a condition that nothing can announce to us: what another process does.
wait_until() {
	local what=$1 tries=400
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "$what did not come"
		sleep 0.05
	done
}

# gather_modules FOLDER: the plugins as they are installed: one folder, no .la.
gather_modules() {
	modules=$1
	mkdir -p "$modules"
	find "$build/plugins" -path '*/.libs/*.so' -exec cp {} "$modules" \;
}

# make_device NAME [OPTION...]: a device of this maker and owner that is ready to run.
make_device() {
	local name=$1 suite=1
	shift
	case " $* " in *" --suite 2 "*) suite=2 ;; esac
	"$bin" manufacture -q --maker maker --out "$name" --owner "station/owner/owner-$suite.key" \
		--plugin-path "$modules" "$@" &&
		cp maker/maker-*.pem station/trust/makers/ &&
		"$bin" device init -q --dir "$name"
}

# make_parties FOLDER: makes and enters it; an owner, a station, a maker, one device.
make_parties() {
	rm -rf "$1"
	mkdir -p "$1"
	cd "$1" || exit 99
	make_station
	make_device device
}

# make_station: an owner and a station in the working folder, and a payload.
make_station() {
	"$bin" setup -q --dir station --plugin-path "$modules"
	cat >payload.json <<-'EOT'
	{ "config": { "wifi": [ { "ssid": "workshop", "auth": "wpa2-psk",
	    "passphrase": "correct horse battery" } ] } }
	EOT
}

clear_air() { rm -rf station/air/*/*; }

# first FOLDER: its first message; what a killed sender left unpublished is not one.
first() { find "$1" -type f -name '*.msg' | sort | head -n 1; }

pair_is_there() { [ -n "$(first station/air/offer)" ] && [ -n "$(first station/air/bind)" ]; }

# start_device NAME [OPTION...]: in the background; its words go to NAME.out and NAME.err.
start_device() {
	local name=$1
	shift
	timeout --foreground 120 "$bin" device run --once --dir "$name" "$@" >"$name.out" 2>"$name.err" <&- &
	device_pid=$!
}

# start_station SUBJECT [OPTION...]: in the background; station.out and station.err.
start_station() {
	timeout --foreground 120 "$bin" provision "$@" --payload payload.json -c station/countersign.conf \
		>station.out 2>station.err <&- &
	station_pid=$!
}

# enrol DEVICE [STATION-OPTION...]: both sides of one session; sets rc and device_rc.
enrol() {
	local device=$1
	shift
	start_device "$device"
	start_station "$device/manifest.cbor" "$@"
	finish "$device_pid"
	device_rc=$rc
	finish "$station_pid"
}

# finish PID: waits and sets rc.
finish() {
	rc=0
	wait "$1" || rc=$?
}

# stop PID: a Ctrl-C, which ends a session cleanly.
stop() {
	kill -INT "$1" 2>/dev/null || true
	finish "$1"
}

# fresh_pair [DEVICE]: a pair of messages by a real station; the station is gone.
fresh_pair() {
	clear_air
	start_station "${1:-device}/manifest.cbor"
	wait_until "the pair" pair_is_there
	stop "$station_pid"
}

# flip FILE OFFSET: flips one bit.
flip() {
	local byte
	byte=$(od -An -tu1 -j"$2" -N1 "$1" | tr -d ' ')
	printf '%b' "\\$(printf %03o $((byte ^ 1)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# member FILE NAME...: the member of a JSON document, or nothing when it is not one.
member() {
	python3 -c '
import json, sys
at = json.load(open(sys.argv[1]))
for name in sys.argv[2:]:
    at = at[int(name) if isinstance(at, list) else name]
print(at if isinstance(at, str) else json.dumps(at))' "$@" 2>/dev/null
}

# shown DEVICE NAME: one member of the device's durable state.
shown() {
	"$bin" device show --json --dir "$1" >"$1.show" 2>&1 </dev/null
	member "$1.show" device "$2"
}
