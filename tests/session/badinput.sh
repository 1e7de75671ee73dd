#!/bin/bash
# Bad input: each a clear error with what was found and the next step, the exit code
# that scripts rely on, and nothing lost.  And no secret in any word of either side.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
work=$(mktemp -d)
mounted=''
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$work"' EXIT
conf=station/countersign.conf

# fails WHAT EXIT CODE TEXT COMMAND...: the exit, the code, the text, found and next.
fails() {
	local what=$1 want=$2 code=$3 text=$4
	shift 4
	rc=0
	timeout --foreground 60 "$@" >bad.out 2>bad.err <&- || rc=$?
	same "$what: exit" "$rc" "$want"
	has "$what: the code" "$(cat bad.err)" "[$code]"
	has "$what: the text" "$(cat bad.err)" "$text"
	check "$what: found" grep -q '^ *found ' bad.err
	check "$what: next" grep -q '^ *next ' bad.err
}

provision() { # SUBJECT [PAYLOAD [CONFIG]]
	echo "$bin" provision "$1" --payload "${2:-payload.json}" -c "${3:-$conf}"
}

station_inputs() {
	"$bin" manufacture -q --maker stranger --out foreign --plugin-path "$modules"
	head -c 500 device/manifest.cbor >cut.cbor
	cp device/manifest.cbor flipped.cbor
	flip flipped.cbor "$(($(stat -c %s flipped.cbor) - 5))"
	echo '{ "config": {' >cut.json
	{ cat payload.json && head -c 32768 /dev/zero | tr '\0' ' '; } >long.json
	sed 's/use = "file"; folder = "air\/offer"/use = "fil"; folder = "air\/offer"/' $conf \
		>station/missing.conf
	# shellcheck disable=SC2046 # words are wanted
	{
		fails "a maker not pinned" 1 CSN-203 MANIFEST_CHAIN $(provision foreign/manifest.cbor)
		fails "a manifest cut short" 1 CSN-201 MANIFEST_SYNTAX $(provision cut.cbor)
		fails "a manifest with a wrong signature" 1 CSN-202 MANIFEST_SIG $(provision flipped.cbor)
		fails "an unknown option" 2 CSN-USE-002 "unknown option" \
			$(provision device/manifest.cbor) --payloads x
		fails "a payload cut short" 2 CSN-RUN-002 "ends too early" \
			$(provision device/manifest.cbor cut.json)
		fails "a payload over its bound" 2 CSN-USE-004 "over its bound" \
			$(provision device/manifest.cbor long.json)
		fails "a payload that is a folder" 2 CSN-USE-004 "payload" \
			$(provision device/manifest.cbor station)
		fails "a plugin that is not there" 2 CSN-CFG-001 'did you mean "file"' \
			$(provision device/manifest.cbor payload.json station/missing.conf)
	}
	check "nothing of all that was offered" test -z "$(first station/air/offer)"
}

# Equal refusals in a row are one entry and a number, also over several runs.
counted() {
	local before
	before=$("$bin" audit show -c $conf | wc -l)
	for _ in 1 2 3; do
		# shellcheck disable=SC2046,SC2091 # the words of a command
		$(provision foreign/manifest.cbor) >bad.out 2>bad.err <&-
	done
	same "three equal refusals are one entry" \
		"$(("$("$bin" audit show -c $conf | wc -l)" - before))" 1
	# shellcheck disable=SC2046,SC2091 # the words of a command
	$(provision cut.cbor) >bad.out 2>bad.err <&-
	same "another refusal is another entry" \
		"$(("$("$bin" audit show -c $conf | wc -l)" - before))" 2
	has "which says how often the one before it came again" \
		"$("$bin" audit show -c $conf | tail -n 1)" "after 2 more ends like the one before"
	"$bin" audit show --json -c $conf >bad.out
	same "in JSON, too" "$(grep -o '"repeats": *[0-9]*' bad.out | tail -n 1 | tr -d ' ')" '"repeats":2'
	"$bin" audit verify -c $conf >bad.out 2>&1
	same "and the log verifies" $? 5
}

# eyes_and_ears THROUGH: a device that looks and listens with real devices.
eyes_and_ears() {
	cat <<-EOT
	schema = 1;
	station : { name = "device"; profile = "lab"; };
	plugins : { path = [ "$modules" ]; };
	ceremony : { use = "csgn1-device"; };
	channels = ( { role = "offer"; use = "qr"; media = "camera"; },
	             { role = "bind"; use = "ultrasonic"; media = "microphone"; } );
	media : {
	  camera : { use = "gst"; medium = "video"; direction = "receive"; $1 };
	  microphone : { use = "gst"; medium = "audio"; direction = "receive"; through = "pulse"; };
	};
	store : { use = "sqlite"; path = "device.db"; };
	policy : { };
	EOT
}

# troubled WHAT FOUND NEXT: said once, with what was found, what is wanted and what to do.
troubled() {
	wait_until "$1" grep -q "found .*$2" device.err
	check "$1: said once" test "$(grep -c "found .*$2" device.err)" -eq 1
	check "$1: what is wanted" grep -q '^ *wanted ' device.err
	has "$1: the next step" "$(cat device.err)" "$3"
}

# waits_and_stops WHAT: it tries again until it is stopped, and nothing came of it.
waits_and_stops() {
	stop "$device_pid"
	same "$1: stopped while it waits, exit 130" "$rc" 130
	same "$1: nothing was committed" "$(shown device next)" 0
}

devices_missing() {
	if [ ! -e "$modules/media_gst.so" ]; then
		echo "ok $((tap_count += 1)) - camera and sound # SKIP built without media/gst"
		return
	fi
	eyes_and_ears 'through = "camera"; device = "/dev/video99";' >device/eyes.conf
	PULSE_SERVER=unix:$work/nobody start_device device -c device/eyes.conf
	troubled "no camera" "no camera (/dev/video99)" "v4l2-ctl --list-devices"
	troubled "no sound server" "no microphone" "pactl info"
	waits_and_stops "no camera and no microphone"
}

# A recording at the rate of music: the modem's band is not in it.
wrong_rate() {
	python3 -c '
import sys, wave
with wave.open(sys.argv[1], "wb") as w:
    w.setnchannels(1); w.setsampwidth(2); w.setframerate(44100); w.writeframes(bytes(88200))
' device/music.wav
	eyes_and_ears 'through = "camera";' |
		sed 's|microphone : .*|microphone : { use = "file"; medium = "audio"; direction = "receive"; path = "music.wav"; };|
		s|camera : .*|camera : { use = "file"; medium = "video"; direction = "receive"; path = "none"; };|' \
			>device/music.conf
	mkdir -p device/none
	start_device device -c device/music.conf
	troubled "a source at 44.1 kHz" "44100" "48000"
	waits_and_stops "a source at 44.1 kHz"
}

# small_disk SIDE-CONFIG NEW-CONFIG STORE: that side's store on a disk with little room.
small_disk() {
	mkdir -p small
	if ! mount -t tmpfs -o size=400k none small 2>mount.err; then
		echo "ok $((tap_count += 1)) - full disk # SKIP no tmpfs: $(head -n 1 mount.err)"
		return 1
	fi
	mounted=$work/parties/small
	sed "s|path = \"$3\"|path = \"$mounted/$3\"|" "$1" >"$2"
}

fill() { cat /dev/zero >small/filler 2>/dev/null; }

no_disk() {
	umount small && mounted=''
}

# No offer leaves that is not on record.
full_disk() {
	small_disk $conf station/full.conf state.db || return
	fill
	clear_air
	# shellcheck disable=SC2046,SC2091 # the words of a command
	fails "a full disk" 3 CSN-RUN-001 "disk is full" \
		$(provision device/manifest.cbor payload.json station/full.conf)
	has "a full disk: the next step" "$(cat bad.err)" "free some space and try again"
	check "a full disk: nothing was offered" test -z "$(first station/air/offer)"
	no_disk
}

greeted() { [ -n "$(first station/air/offer)" ]; }

# The disk fills up while the station waits for the hello.
full_station() {
	small_disk $conf station/full.conf state.db || return
	clear_air
	timeout --foreground 60 "$bin" provision device/manifest.cbor --payload payload.json \
		--two-way -c station/full.conf >bad.out 2>bad.err <&- &
	station_pid=$!
	wait_until "the greeting" greeted
	fill
	start_device device
	finish "$station_pid"
	same "a disk that fills up: exit" "$rc" 3
	stop "$device_pid"
	has "a disk that fills up: the code" "$(cat bad.err)" "[CSN-RUN-003]"
	check "a disk that fills up: found" grep -q '^ *found .*disk' bad.err
	check "a disk that fills up: next" grep -q '^ *next .*make room' bad.err
	check "a disk that fills up: no second message left" test -z "$(first station/air/bind)"
	rm small/filler
	"$bin" audit verify -c station/full.conf >verify.out 2>&1
	same "a disk that filled up: the log verifies" $? 5
	no_disk
}

# The device's disk fills up before its commit: the rung is still there.
full_device() {
	small_disk device/device.conf device/full.conf device.db || return
	cp device/device.db* small/
	clear_air
	start_device device -c device/full.conf --json
	wait_until "the device listens" listening "$device_pid"
	fill
	start_station device/manifest.cbor --json
	finish "$device_pid"
	same "a device's full disk: refused by its code" \
		"$rc $(member device.out error code)" "1 CSN-190"
	stop "$station_pid"
	rm small/filler
	"$bin" device show --json --dir device -c device/full.conf >device.show 2>&1 <&-
	same "a device's full disk: the rung is still there" \
		"$(member device.show device next) $(member device.show device enrolled)" "0 false"
	clear_air
	start_device device -c device/full.conf
	start_station device/manifest.cbor
	finish "$station_pid"
	same "a device's full disk: with room again it is enrolled" "$rc" 0
	finish "$device_pid"
	no_disk
	rm -f device/delivered.json
}

# A child of the watcher is ready for messages when the workers of its channels are sealed.
listening() {
	local child worker sealed=0
	child=$(ps -o pid= --ppid "$1" | tr -d ' ')
	for worker in $(ps -o pid= --ppid "${child:-0}"); do
		grep -q '^Seccomp:.2' "/proc/$worker/status" && sealed=$((sealed + 1))
	done
	[ "$sealed" -eq "$(grep -c 'role = ' device/full.conf)" ]
}

# Keys that do not belong: a device of another owner, and a station's key that was changed.
wrong_keys() {
	"$bin" setup -q --dir other --plugin-path "$modules"
	make_device stray --owner other/owner/owner-1.key
	clear_air
	start_device stray --json
	start_station stray/manifest.cbor --json
	finish "$device_pid"
	same "a device of another owner refuses" "$rc $(member stray.out error code)" "1 CSN-135"
	stop "$station_pid"
	same "a device of another owner: nothing was committed" "$(shown stray next)" 0
	clear_air
	cp -r station swapped
	cp other/keys/station-1.key swapped/keys/station-1.key
	# shellcheck disable=SC2046,SC2091 # the words of a command
	fails "a station's key that is not its certificate's" 3 CSN-RUN-001 "not for the key" \
		$(provision device/manifest.cbor payload.json swapped/countersign.conf)
	check "a wrong key: nothing was offered" test -z "$(first swapped/air/offer)"
	fails "an owner's key of the other suite" 2 CSN-USE-009 "--owner" "$bin" manufacture \
		--maker maker --out odd --suite 2 --owner station/owner/owner-1.key
	has "an owner's key of the other suite: the remedy" "$(cat bad.err)" "owner-2.key"
	check "an owner's key of the other suite: no device" test ! -e odd/device.state
}

# A plugin whose file is gone: its name, and where it was looked for.
plugin_gone() {
	mkdir few
	if "$bin" plugins list --plugin-path few | grep -q ' built in '; then
		echo "ok $((tap_count += 1)) - a plugin whose file is gone # SKIP it is built in"
		return
	fi
	cp "$modules"/*.so few/
	rm few/channel_file.so
	sed "s|path = \[.*\]|path = [ \"$PWD/few\" ]|" $conf >station/few.conf
	# shellcheck disable=SC2046,SC2091 # the words of a command
	fails "a plugin whose file is gone" 2 CSN-CFG-001 '"file"' \
		$(provision device/manifest.cbor payload.json station/few.conf)
}

# No device answers: how long, on what, and what the channel heard.
silence() {
	clear_air
	sed 's/^ceremony : .*/ceremony : { use = "csgn1"; makers = "trust\/makers"; deadline_ms = 1000; };/' \
		$conf >station/quick.conf
	# shellcheck disable=SC2046,SC2091 # the words of a command
	fails "no device answers" 4 CSN-246 TIMEOUT \
		$(provision device/manifest.cbor payload.json station/quick.conf) --two-way
	has "no device answers: what the channel heard" "$(cat bad.out)" "no new one"
	check "no device answers: nothing was bound" test -z "$(first station/air/bind)"
}

# Nobody can be asked: which answer was needed, and how to give it without a person.
no_input() {
	clear_air
	# shellcheck disable=SC2046,SC2091 # the words of a command
	{
		fails "a PIN and no terminal" 3 CSN-RUN-004 "nobody to ask" \
			setsid $(provision device/manifest.cbor) --pin
		fails "a PIN and --no-input" 2 CSN-USE-008 "--no-input" \
			$(provision device/manifest.cbor) --pin --no-input
	}
	check "nobody was asked: nothing was offered" test -z "$(first station/air/offer)"
	sed 's/^prompt : .*/prompt : { use = "script"; path = "answers"; };/' $conf \
		>station/script.conf
	echo "pin 493027" >station/answers
	timeout --foreground 60 "$bin" provision device/manifest.cbor --pin --no-input \
		--payload payload.json -c station/script.conf >bad.out 2>bad.err <&- &
	station_pid=$!
	wait_until "the pair" pair_is_there
	check "a prompt that needs no person may answer" test -n "$(first station/air/bind)"
	start_device device --json --no-input
	finish "$device_pid"
	same "the device's PIN and --no-input" \
		"$rc $(member device.out error code)" "2 CSN-USE-008"
	same "the device's PIN: no try is counted" "$(shown device tries)" 0
	stop "$station_pid"
}

# Canaries: a passphrase, a PIN and the device's seed in no word of either side.
canaries() {
	local side seed
	"$bin" manufacture -q --maker maker --out canary --owner station/owner/owner-1.key \
		--plugin-path "$modules"
	od -An -v -tx1 canary/device.state | tr -d ' \n' >state.hex
	"$bin" device init -q --dir canary
	for side in $conf canary/device.conf; do
		sed -i -e 's/profile = "lab";/profile = "lab"; log = "debug";/' \
			-e 's/^prompt : .*/prompt : { use = "script"; path = "answers"; };/' "$side"
		echo "pin 83920175" >"$(dirname "$side")/answers"
	done
	fresh_pair device # which the canary ignores, and its debug log says so
	start_device canary --json
	start_station canary/manifest.cbor --json --pin
	finish "$station_pid"
	same "canaries: enrolled with a PIN at log = debug" "$rc" 0
	finish "$device_pid"
	"$bin" audit show --json -c $conf >station.audit 2>&1
	"$bin" audit show --json -c canary/device.conf >canary.audit 2>&1
	"$bin" device show --json --dir canary >canary.show 2>&1
	"$bin" config show -c $conf >config.out 2>&1
	cat station.out station.err canary.out canary.err station.audit canary.audit \
		canary.show config.out >words
	check "canaries: the debug log is among them" grep -q 'ignored: 106' words
	check "canaries: the passphrase is the delivered one" \
		grep -q 'correct horse battery' canary/delivered.json
	check "no passphrase in any word" sh -c '! grep -q "correct horse" words'
	check "no PIN in any word" sh -c '! grep -q 83920175 words'
	# The state's 32-byte strings are its secrets (seed, identity key) in hex.
	for seed in $(grep -oE '5820[0-9a-f]{64}' state.hex | cut -c 5-); do
		check "no secret of the state in any word" sh -c '! grep -qi "$1" words' _ "$seed"
	done
	check "the state holds secrets to look for" grep -q 5820 state.hex
}

gather_modules "$work/modules"
make_parties "$work/parties"
station_inputs
counted
devices_missing
wrong_rate
wrong_keys
plugin_gone
silence
no_input
full_disk
full_station
full_device
canaries
tap_done
