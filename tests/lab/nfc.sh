#!/bin/bash
# channel/nfc through a real pcscd and a virtual reader: messages both ways, a tag that
# leaves the field again and again, a passive tag, whole sessions by command.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
here=$(realpath "$top_srcdir/tests/session")
build=$(realpath "${top_builddir:?}")
bin=$build/countersign ends=$build/tests/lab/nfc_ends
lab=${CSN_LAB:-$top_srcdir/../shared/lab}

if [ $# -eq 0 ]; then
	[ -f "$lab/nfc/run.sh" ] || {
		echo "1..0 # SKIP no lab at $lab/nfc (set CSN_LAB)"
		exit 0
	}
	out=$(bash "$lab/nfc/run.sh" --no-tag -- "$0" device 2>&1)
	rc=$?
	if [ $rc -eq 125 ]; then
		echo "1..0 # SKIP lab/nfc cannot run on this machine: $(tail -n 1 <<<"$out")"
		exit 0
	fi
	printf '%s\n' "$out" | grep -v '^1\.\.'
	count=$(grep -cE '^(not )?ok ' <<<"$out")
	# A slip of paper: the lab's own tag, which knows nothing of us.
	out=$(bash "$lab/nfc/run.sh" -- "$ends" write "carried by hand" 2>&1)
	paper=$?
	printf '%s\n' "$out" | grep -E '^(not ok|ok|#)' |
		awk -v n="$count" '/^(not )?ok / { sub(/ok [0-9]+/, "ok " ++n) } { print }'
	echo "1..$((count + $(grep -cE '^(not )?ok ' <<<"$out")))"
	exit $((rc | paper))
fi

work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "${tag:-}" ] || kill $tag 2>/dev/null' EXIT
cd "$work" || exit 99

# numbered FILE PREFIX: the lines of another program's TAP, in our count.
numbered() {
	local line
	while read -r line; do
		case $line in
		ok\ *) tap_ok 0 "$2: ${line#ok * - }" ;;
		not\ ok\ *) tap_ok 1 "$2: ${line#not ok * - }" ;;
		1..*) ;;
		*) echo "$line" ;;
		esac
	done <"$1"
}

$LAB_NFC_ENTER "$ends" tag "127.0.0.1:$VPCD_PORT" &
tag=$!
"$ends" reader 40960 >reader.tap 2>&1
same "both ends meet in the reader's field" $? 0
numbered reader.tap "in the field"
kill $tag
wait $tag 2>/dev/null

# An offer takes four visits and its echo as many more; a visit is half a second of pcscd's.
$LAB_NFC_ENTER "$ends" tag 127.0.0.1:39000 file 256 &
tag=$!
$LAB_NFC_ENTER "$ends" leave "$VPCD_PORT" 40 &
tag="$tag $!"
"$ends" reader 2672 >reader.tap 2>&1
same "a tag that comes and goes is met again" $? 0
numbered reader.tap "coming and going"
kill $tag
wait $tag 2>/dev/null
tag=

# shellcheck source=tests/session/parties.sh
. "$here/parties.sh"
gather_modules "$work/modules"

# enrol_nfc DIR ARG...: as enrol, the device beside the reader.
enrol_nfc() {
	local device=$1
	shift
	# shellcheck disable=SC2086 # a prefix of words
	timeout 60 $LAB_NFC_ENTER "$bin" device run --once --dir "$device" >device.out 2>device.err <&- &
	local pid=$!
	timeout 60 "$bin" provision "$device/manifest.cbor" --payload payload.json \
		-c station/countersign.conf "$@" >station.out 2>station.err <&-
	rc=$?
	device_rc=0
	wait $pid || device_rc=$?
}

make_station
cp station/countersign.conf as-made.conf
for suite in 1 2; do
	cp as-made.conf station/countersign.conf
	sed -i -e '/role = "return"/d' \
		-e 's|{ role = "offer";.*|{ role = "offer"; also = "return"; use = "nfc"; poll_ms = 5; '"socket = \"$PCSCLITE_CSOCK_NAME\"; },|" \
		station/countersign.conf
	make_device "d$suite" --suite $suite
	cp "d$suite/device.conf" "d$suite/as-made.conf"
	sed -i -e '/role = "return"/d' \
		-e 's|{ role = "offer";.*|{ role = "offer"; also = "return"; use = "nfc-tag"; },|' \
		"d$suite/device.conf"
	enrol_nfc "d$suite" --two-way
	same "suite $suite, two way, offer and return by NFC: both enrol" "$rc $device_rc" "0 0"
	check "suite $suite: the payload is there" grep -q workshop "d$suite/delivered.json"
	clear_air
	rm -f "d$suite/delivered.json"

	cp as-made.conf station/countersign.conf
	sed -i 's|{ role = "bind";.*|{ role = "bind"; use = "nfc"; poll_ms = 5; '"socket = \"$PCSCLITE_CSOCK_NAME\"; },|" station/countersign.conf
	cp "d$suite/as-made.conf" "d$suite/device.conf"
	sed -i 's|{ role = "bind";.*|{ role = "bind"; use = "nfc-tag"; },|' "d$suite/device.conf"
	enrol_nfc "d$suite"
	same "suite $suite, one way, bind by NFC: both enrol" "$rc $device_rc" "0 0"
	check "suite $suite: the payload is there again" grep -q workshop "d$suite/delivered.json"
	clear_air
done
tap_done
