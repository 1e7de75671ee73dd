#!/bin/bash
# Any two different media take offer and bind; one medium twice is refused.  A table of
# whole two-way sessions by command.
#   pairs.sh       card (files), serial and NFC: those that take no time
#   pairs.sh all   and a screen with a camera, and sound
#   pairs.sh ble   Bluetooth, either way round, with each of the others, in the lab's guest
# Each line says how long its session took.
# shellcheck disable=SC2154 # parties.sh sets rc, the labs their variables
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}")
bin=$build/countersign
here=$(realpath "$top_srcdir/tests/session")
lab=${CSN_LAB:-$top_srcdir/../shared/lab}

if [ "${1:-}" = ble ]; then
	[ -f "$lab/vm/run.sh" ] || {
		echo "1..0 # SKIP no lab at $lab (set CSN_LAB)"
		exit 0
	}
	top_srcdir=$(realpath "$top_srcdir") top_builddir=$build CSN_LAB=$lab
	export top_srcdir top_builddir CSN_LAB
	"$lab/vm/run.sh" --with ble --time 1500 --mem 1536 --env top_srcdir --env top_builddir \
		--env CSN_LAB -- "$top_srcdir/tests/session/pairs.sh" guest
	rc=$?
	[ $rc -ne 125 ] || echo "1..0 # SKIP lab/vm cannot run here"
	exit $((rc == 125 ? 0 : rc))
fi
if [ "${1:-}" != inside ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	export CSN_WORK=$dir CSN_PAIRS=${1:-quick}
	around=("$lab/nfc/run.sh" --no-tag --)
	case $CSN_PAIRS in
	all) around=("$lab/display/run.sh" -- "$lab/audio/run.sh" -- "${around[@]}") ;;
	guest) around=("$lab/display/run.sh" -- "${around[@]}") ;;
	esac
	[ -f "$lab/nfc/run.sh" ] || {
		echo "1..0 # SKIP no lab at $lab (set CSN_LAB)"
		exit 0
	}
	"${around[@]}" "$build/tests/lab/pty_pair" "$dir/station-port" "$dir/device-port" -- \
		"$0" inside
	rc=$?
	[ $rc -ne 125 ] || echo "1..0 # SKIP the lab cannot run on this machine"
	exit $((rc == 125 ? 0 : rc))
fi

cd "${CSN_WORK:?}" || exit 99
# shellcheck source=tests/session/parties.sh
. "$here/parties.sh"
gather_modules "$CSN_WORK/modules"

# How each medium is named on either side: the members of its channel.
station_side() { # MEDIUM ROLE
	case $1 in
	card) echo "use = \"file\"; folder = \"air/$2\"; medium = \"card\";" ;;
	serial) echo 'use = "serial"; device = "../station-port";' ;;
	nfc) echo "use = \"nfc\"; poll_ms = 5; socket = \"$PCSCLITE_CSOCK_NAME\";" ;;
	ble) echo 'use = "ble"; mode = "central"; adapter = "hci1";' ;;
	ble-station) echo 'use = "ble"; mode = "peripheral"; adapter = "hci1";' ;;
	qr) echo 'use = "qr"; media = "screen";' ;;
	ultrasonic) echo 'use = "ultrasonic"; media = "speaker";' ;;
	esac
}
device_side() {
	case $1 in
	card) echo "use = \"file\"; folder = \"../station/air/$2\"; medium = \"card\";" ;;
	serial) echo 'use = "serial"; device = "../device-port";' ;;
	nfc) echo 'use = "nfc-tag";' ;;
	ble) echo 'use = "ble"; mode = "peripheral"; adapter = "hci0";' ;;
	ble-station) echo 'use = "ble"; mode = "central"; adapter = "hci0";' ;;
	qr) echo 'use = "qr"; media = "camera";' ;;
	ultrasonic) echo 'use = "ultrasonic"; media = "microphone";' ;;
	esac
}

# channels SIDE OFFER BIND: the answer comes back where the offer went, if it can.
channels() {
	local also='also = "return"; '
	[ "$2" != qr ] || also=
	echo "channels = ("
	if [ "$2" = "$3" ] && [ "$2" != card ]; then
		echo "  { role = \"offer\"; also = \"bind, return\"; $("$1_side" "$2" offer) }"
	else
		echo "  { role = \"offer\"; $also$("$1_side" "$2" offer) },"
		echo "  { role = \"bind\"; $("$1_side" "$3" bind) }"
	fi
	[ "$2" != qr ] || echo ", { role = \"return\"; $("$1_side" card return) }"
	echo ");"
	[ "$1$2$3" = "${1}${2/qr/}${3/ultrasonic/}" ] || media "$1" "$2" "$3"
}

media() {
	echo "media : {"
	case $1$2 in
	stationqr) echo 'screen : { use = "gst"; direction = "send"; medium = "video"; through = "window"; width = 700; height = 700; };' ;;
	deviceqr) echo 'camera : { use = "gst"; direction = "receive"; medium = "video"; through = "screen"; frame_ms = 100; };' ;;
	esac
	case $1$3 in
	stationultrasonic) echo 'speaker : { use = "gst"; direction = "send"; medium = "audio"; through = "pulse"; };' ;;
	deviceultrasonic) echo 'microphone : { use = "gst"; direction = "receive"; medium = "audio"; through = "pulse"; };' ;;
	esac
	echo "};"
}

# configure FILE SIDE OFFER BIND: its channels, and those media they want.
configure() {
	local file=$1
	shift
	python3 - "$file.as-made" "$(channels "$@")" >"$file" <<-'PY'
	import re, sys
	text = open(sys.argv[1]).read()
	print(re.sub(r'(?s)channels = \(.*?\n\);\n', lambda _: sys.argv[2] + "\n", text))
	PY
}

# pair OFFER BIND [STATION-OPTION...]: one session; sets rc, device_rc and took_ms.
pair() {
	local offer=$1 bind=$2 start
	shift 2
	clear_air
	rm -f device/delivered.json
	configure station/countersign.conf station "$offer" "$bind"
	configure device/device.conf device "$offer" "$bind"
	start=$(date +%s%N)
	# shellcheck disable=SC2086 # a prefix of words: the device is in the reader's field
	timeout 150 $LAB_NFC_ENTER "$bin" device run --once --dir device >device.out 2>device.err <&- &
	local pid=$!
	timeout 120 "$bin" provision device/manifest.cbor --payload payload.json --two-way \
		-c station/countersign.conf "$@" >station.out 2>station.err <&-
	rc=$?
	[ $rc -eq 0 ] || kill -INT $pid
	device_rc=0
	wait $pid || device_rc=$?
	took_ms=$((($(date +%s%N) - start) / 1000000))
}

make_station
make_device device
cp station/countersign.conf station/countersign.conf.as-made
cp device/device.conf device/device.conf.as-made

# enrols OFFER BIND: a row of the table.
enrols() {
	pair "$1" "$2"
	same "$1 and $2: both enrol" "$rc $device_rc" "0 0"
	[ "$rc $device_rc" = "0 0" ] || tail -n 3 station.err device.err | sed 's/^/# /'
	check "$1 and $2: the payload is there" grep -q workshop device/delivered.json
	echo "# $1 and $2: $took_ms ms"
}

# The station's own rule of two media says no to one medium twice ...
twice_at_station() {
	pair "$1" "$1"
	same "$1 twice: the station refuses" $rc 1
	has "$1 twice: by its rule of two media" "$(cat station.out station.err)" oob.channels
}

# ... and where a station has no such rule, the device does: check 124.
twice_at_device() {
	clear_air
	configure station/countersign.conf station "$1" "$1"
	configure device/device.conf device "$1" "$1"
	# shellcheck disable=SC2086 # a prefix of words
	timeout 120 $LAB_NFC_ENTER "$bin" device run --once --dir device --json >device.out \
		2>device.err <&- &
	local pid=$! station
	timeout 120 "$bin" provision device/manifest.cbor --payload payload.json \
		-c station/countersign.conf >station.out 2>station.err <&- &
	station=$!
	wait $pid
	same "$1 twice, a station without the rule: the device refuses" $? 1
	has "$1 twice: by check 124" "$(cat device.out)" CSN-124
	kill -INT $station
	wait $station
}

case $CSN_PAIRS in
guest)
	for other in card serial nfc; do
		for air in ble ble-station; do
			enrols "$air" "$other"
			enrols "$other" "$air"
		done
	done
	enrols qr ble
	media="ble ble-station"
	;;
*)
	offers="card serial nfc" binds="card serial nfc" media="card serial nfc"
	[ "$CSN_PAIRS" = quick ] || offers="$offers qr" binds="$binds ultrasonic"
	for offer in $offers; do
		for bind in $binds; do
			[ "$offer" = "$bind" ] || enrols "$offer" "$bind"
		done
	done
	;;
esac
for medium in $media; do
	twice_at_station "$medium"
done
check "and nothing was bound by it" test -z "$(find station/air/bind -name '*.msg')"
for side in station device; do
	sed -i 's/^policy : .*/policy : { require = [ "identity.did exists" ]; };/' \
		"$side"/*.conf.as-made
done
for medium in $media; do
	twice_at_device "$medium"
done
[ "$CSN_PAIRS" != guest ] || { tap_done; exit; }

# Rules about the media themselves.
sed -i 's/^policy : .*/policy : { require = [ "oob.channels >= 2", "oob.media has nfc" ]; };/' \
	station/countersign.conf.as-made
pair card serial
same "a rule that wants NFC refuses card and serial" $rc 1
has "and is named" "$(cat station.out station.err)" "oob.media has nfc"
pair nfc serial
same "and lets NFC and serial pass" "$rc $device_rc" "0 0"
tap_done
