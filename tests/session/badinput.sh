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
		fails "a payload that is a folder" 2 CSN-USE-004 "payload" \
			$(provision device/manifest.cbor station)
		fails "a plugin that is not there" 2 CSN-CFG-001 'did you mean "file"' \
			$(provision device/manifest.cbor payload.json station/missing.conf)
	}
	check "nothing of all that was offered" test -z "$(first station/air/offer)"
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

# Not there yet: it says so, with the next step, and tries again until it is stopped.
devices_missing() {
	if [ ! -e "$modules/media_gst.so" ]; then
		echo "ok $((tap_count += 1)) - camera and sound # SKIP built without media/gst"
		return
	fi
	eyes_and_ears 'through = "camera"; device = "/dev/video99";' >device/eyes.conf
	PULSE_SERVER=unix:$work/nobody start_device device -c device/eyes.conf
	wait_until "the camera's absence" grep -q '/dev/video99' device.err
	wait_until "the microphone's absence" grep -q 'no microphone' device.err
	stop "$device_pid"
	has "no camera: the next step" "$(cat device.err)" "v4l2-ctl --list-devices"
	has "no sound server: the next step" "$(cat device.err)" "pactl info"
	same "stopped while it waits: exit 1" "$rc" 1
	same "nothing was committed" "$(shown device next)" 0
}

# The station's store on a disk with no room: no offer leaves that is not on record.
full_disk() {
	mkdir small
	if ! mount -t tmpfs -o size=128k none small 2>mount.err; then
		echo "ok $((tap_count += 1)) - full disk # SKIP no tmpfs: $(head -n 1 mount.err)"
		return
	fi
	mounted=$work/parties/small
	sed "s|path = \"state.db\"|path = \"$mounted/state.db\"|" $conf >station/full.conf
	head -c 200000 /dev/zero >small/filler 2>/dev/null
	# shellcheck disable=SC2046
	timeout --foreground 60 $(provision device/manifest.cbor payload.json station/full.conf) \
		>bad.out 2>bad.err <&-
	check "a full disk: not a success" test $? -ne 0
	sed 's/^/# /' bad.err
	check "a full disk: next" grep -q '^ *next ' bad.err
	check "a full disk: nothing was offered" test -z "$(first station/air/offer)"
	umount small && mounted=''
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
devices_missing
full_disk
canaries
tap_done
