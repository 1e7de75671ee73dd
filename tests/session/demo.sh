#!/bin/bash
# The main job on real input: one process shows the offer in a real window and plays
# the bind burst through a real sound server; another, the device, films that window
# and records that sound.  Needs no display, sound card or camera: it starts Xvfb and
# PulseAudio on private sockets.  Everything it made stays in build/demo/.
set -euo pipefail

top=${top_srcdir:?} build=${top_builddir:?}
bin=$build/countersign
out=$build/demo
lab=${CSN_SHARED:-$top/../shared}/lab
tamper=0 only=''

usage() {
	cat <<'EOF'
usage: ./dev demo [--tamper] [--only plain|impaired]
  --tamper   flip bits, replay, swap: every one is refused with its code
  --only     only the plain or only the impaired part
EOF
}

while [ $# -gt 0 ]; do
	case $1 in
	--tamper) tamper=1 ;;
	--only) only=$2; shift ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

# shellcheck source=tests/session/parties.sh
. "$top/tests/session/parties.sh"

say() { printf '%s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

pids=()
cleanup() {
	local pid
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	[ -z "${run:-}" ] || rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A screen nobody sees, for the window and for the camera that films it.
start_screen() {
	Xvfb -displayfd 6 -screen 0 800x800x24 -nolisten tcp -noreset 6>"$run/number" \
		2>"$out/xvfb.log" &
	pids+=($!)
	wait_until "Xvfb" test -s "$run/number"
	DISPLAY=:$(cat "$run/number")
	export DISPLAY
}

# A loudspeaker whose sound a microphone hears.
start_sound() {
	export PULSE_SERVER="unix:$run/socket" PULSE_SINK=air PULSE_SOURCE=air.monitor
	export PULSE_COOKIE=$run/cookie
	HOME=$run XDG_RUNTIME_DIR=$run DBUS_SESSION_BUS_ADDRESS="unix:path=$run/none" \
		pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 \
		--realtime=no --high-priority=no \
		-L "module-native-protocol-unix socket=$run/socket auth-anonymous=1" \
		-L "module-null-sink sink_name=air rate=48000 channels=1 format=float32le" \
		>"$out/pulse.log" 2>&1 &
	pids+=($!)
	wait_until "PulseAudio" pactl info
}

station_conf() {
	cat <<-EOF
	schema = 1;
	station : { name = "line-a-3"; profile = "lab"; log_key = "log"; };
	plugins : { path = [ "$modules" ]; };
	ceremony : { use = "csgn1"; makers = "trust/makers"; };
	channels = (
	  { role = "offer"; use = "qr"; media = "screen"; },
	  { role = "bind"; use = "ultrasonic"; media = "speaker"; },
	  { role = "return"; use = "file"; folder = "air/return"; medium = "serial"; }
	);
	media : {
	  screen  : { use = "gst"; direction = "send"; medium = "video"; through = "window";
	              width = 800; height = 800; };
	  speaker : { use = "gst"; direction = "send"; medium = "audio"; through = "pulse"; };
	};
	attest = ( { use = "x509"; anchors = "trust/makers"; } );
	keys : { use = "file"; path = "keys"; };
	store : { use = "sqlite"; path = "state.db"; };
	policy : { };
	EOF
}

# device_conf CAMERA-GROUP MICROPHONE-GROUP
device_conf() {
	cat <<-EOF
	schema = 1;
	station : { name = "device"; profile = "lab"; };
	plugins : { path = [ "$modules" ]; };
	ceremony : { use = "csgn1-device"; send_receipt = true; };
	channels = (
	  { role = "offer"; use = "qr"; media = "camera"; },
	  { role = "bind"; use = "ultrasonic"; media = "microphone"; },
	  { role = "return"; use = "file"; folder = "../station/air/return"; medium = "serial"; }
	);
	media : { camera : { $1 }; microphone : { $2 }; };
	store : { use = "sqlite"; path = "device.db"; };
	policy : { };
	EOF
}

# Both tell their story.
run_station() {
	local rc=0
	"$bin" provision device/manifest.cbor --payload payload.json \
		-c station/countersign.conf || rc=$?
	return $rc
}

finish_device() {
	local rc=0
	wait "$device_pid" || rc=$?
	sed 's/^/   device /' device.out
	[ $rc -eq 0 ] || { sed 's/^/   device /' device.err >&2; die "the device ended with exit $rc"; }
}

logs() {
	"$bin" audit show -c station/countersign.conf >station-audit.txt
	"$bin" audit show -c device/device.conf >device-audit.txt
}

spectrogram() { # WAV PNG
	sox "$1" -n rate 48k spectrogram -x 800 -y 257 -z 90 -o "$2" 2>/dev/null ||
		say "   (no spectrogram: sox could not draw it)"
}

# The offer as the camera sees it, and the sound as the microphone hears it, for people.
record_evidence() {
	gst-launch-1.0 -q ximagesrc use-damage=false ! video/x-raw,framerate=2/1 \
		! videoconvert ! pngenc ! multifilesink location=seen-%03d.png max-files=60 \
		>/dev/null 2>&1 &
	pids+=($!)
	recorders=($!)
	parec --format=s16le --rate=48000 --channels=1 --latency-msec=50 --file-format=wav \
		heard.wav &
	pids+=($!)
	recorders+=($!)
	wait_until "the microphone" longer_than heard.wav 10000
}

longer_than() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]; }

# Until the sound server has let out what was played: one second more is recorded.
let_ring() { wait_until "the end of the burst" longer_than heard.wav $(($(stat -c %s heard.wav) + 144000)); }

stop_recording() {
	local pid
	for pid in "${recorders[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
	for pid in "${recorders[@]}"; do wait "$pid" 2>/dev/null || true; done
}

# Keeps the one picture with the most ink: the offer.
keep_offer() {
	local best
	best=$(find . -maxdepth 1 -name 'seen-*.png' -printf '%s %f\n' | sort -n | tail -n 1)
	[ -z "$best" ] || cp "${best#* }" offer.png
	rm -f seen-*.png
}

plain() {
	make_parties "$out/plain"
	station_conf >station/countersign.conf
	device_conf \
		'use = "gst"; direction = "receive"; medium = "video"; through = "screen"; frame_ms = 100;' \
		'use = "gst"; direction = "receive"; medium = "audio"; through = "pulse";' \
		>device/device.conf
	say "station line-a-3 · csgn1 one way · offer qr, bind ultrasonic, return file"
	record_evidence
	start_device device
	run_station
	finish_device
	stop_recording
	keep_offer
	logs
	spectrogram heard.wav burst.png
	grep -q workshop device/delivered.json || die "the delivered configuration is not the payload"
}

# The same pair of channels, seen by a tilted, noisy camera and heard across a desk:
# the window and the sound are recorded, impaired, and given to the device, whose
# receipt reaches the station that still waits.
impaired() {
	local python=/usr/bin/python3 station rc=0
	if [ ! -f "$lab/optical/camera.py" ] || [ ! -f "$lab/acoustic/channel.py" ]; then
		say "SKIP the impaired run: no camera and channel simulators in $lab"
		return
	fi
	make_parties "$out/impaired"
	station_conf >station/countersign.conf
	device_conf 'use = "file"; medium = "video"; path = "camera";' \
		'use = "file"; medium = "audio"; path = "heard.wav";' >device/device.conf
	say "the same, filmed by a tilted noisy camera and heard across a desk"
	record_evidence
	run_station >station.story &
	station=$!
	pids+=("$station")
	wait_until "the bind burst" grep -q delivered station.story
	let_ring
	stop_recording
	keep_offer
	"$python" "$lab/optical/camera.py" offer.png -o device/camera --preset handheld \
		--tilt 12 --frames 12 --fill 0.8 --seed 3 >/dev/null
	"$python" "$lab/acoustic/channel.py" heard.wav device/heard.wav --preset desk --seed 1 >/dev/null
	start_device device
	finish_device
	wait "$station" || rc=$?
	cat station.story
	[ $rc -eq 0 ] || die "the station ended with exit $rc"
	logs
	spectrogram device/heard.wav burst.png
}

# The story and the tampering each clear what they left themselves last time.
clear_own() {
	if [ $tamper -eq 1 ]; then
		rm -rf "$out/tamper" "$out/modules"
	else
		find "$out" -mindepth 1 -maxdepth 1 ! -name tamper -exec rm -rf {} +
	fi
}

main() {
	mkdir -p "$out"
	clear_own
	run=$(mktemp -d)
	gather_modules "$out/modules"
	if [ $tamper -eq 1 ]; then
		# shellcheck source=tests/session/tamper.sh
		. "$top/tests/session/tamper.sh"
		tamper_demo
		return
	fi
	start_screen
	start_sound
	[ "$only" = impaired ] || plain
	[ "$only" = plain ] || impaired
	say "pictures, sound, logs and the delivered configuration: $out"
	say "Enrolled"
}

main
