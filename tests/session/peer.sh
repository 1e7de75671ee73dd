#!/bin/bash
# Both halves against peer.py, which was written from docs/protocol.md alone.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
peer=$(realpath "$top_srcdir")/tests/session/peer.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! python3 -c 'import cryptography' 2>"$work/why"; then
	echo "1..0 # SKIP the peer needs python3-cryptography: $(tail -n 1 "$work/why")"
	exit 0
fi
run_peer() { timeout --foreground 90 python3 -B -W ignore "$peer" "$@" <&-; }

# our_station WHAT SUITE TIER [OPTION...]: our station, the peer's device.
our_station() {
	local what=$1 suite=$2 tier=$3 name=peer-device pin=()
	shift 3
	case " $* " in *" --pin "*) pin=(493027) ;; esac
	rm -rf "$name"
	run_peer make "$name" "$suite" "station/owner/owner-$suite.pem" "$tier" >/dev/null
	rm -f station/trust/makers/* # a record names no maker: one must be the only one
	cp "$name/maker.pem" station/trust/makers/peer.pem
	clear_air
	run_peer device "$name" station/air "${pin[@]}" >peer.out 2>peer.err &
	local peer_pid=$!
	start_station "$name/subject.cbor" --json "$@"
	finish "$station_pid"
	same "our station, $what, suite $suite: exit 0" "$rc" 0
	same "our station, $what, suite $suite: it took the peer's receipt" \
		"$(member station.out outcome)" enrolled
	finish "$peer_pid"
	same "our station, $what, suite $suite: the peer took our offer" \
		"$(member peer.out outcome) $(member peer.out ssid)" "enrolled workshop"
	check "our station, $what, suite $suite: one session" \
		test "$(member peer.out sid)" = "$(member station.out sid)"
}

# our_device WHAT SUITE MODE SUBJECT [MAKE-OPTION...]: our device, the peer's station.
our_device() {
	local what=$1 suite=$2 mode=$3 subject=$4 name=ours pin=()
	shift 4
	[ $((mode & 2)) -eq 0 ] || pin=(493027)
	rm -rf "$name" owner
	run_peer owner owner "$suite"
	"$bin" manufacture -q --maker maker --out "$name" --owner owner/owner.pem \
		--suite "$suite" --cost 8 --plugin-path "$modules" "$@" &&
		"$bin" device init -q --dir "$name"
	sed -i 's/^policy : .*/policy : { basic_tier = true; };/' "$name/device.conf"
	sed -i 's/^prompt : .*/prompt : { use = "script"; path = "answers"; };/' "$name/device.conf"
	echo "pin 493027" >"$name/answers"
	clear_air
	start_device "$name" --json
	run_peer station owner station/air "$name/$subject" "maker/maker-$suite.pem" "$mode" \
		"${pin[@]}" >peer.out 2>peer.err
	same "our device, $what, suite $suite: the peer took our receipt" \
		"$(member peer.out outcome)" enrolled
	finish "$device_pid"
	same "our device, $what, suite $suite: exit 0" "$rc" 0
	same "our device, $what, suite $suite: it delivers the peer's body" \
		"$(member "$name/delivered.json" config wifi 0 ssid)" peer-net
	check "our device, $what, suite $suite: one session" \
		test "$(member peer.out sid)" = "$(member "$name.out" sid)"
}

gather_modules "$work/modules"
make_parties "$work/parties"
sed -i 's/^policy : .*/policy : { basic_tier = true; };/
	s/^prompt : .*/prompt : { use = "script"; path = "answers"; };/' station/countersign.conf
echo "pin 493027" >station/answers
for suite in 1 2; do
	our_station "one way" "$suite" keyed
	our_station "one way with a PIN" "$suite" keyed --pin
	our_station "two way" "$suite" keyed --two-way
	our_station "basic tier" "$suite" basic
	our_device "one way" "$suite" 0 manifest.cbor
	our_device "one way with a PIN" "$suite" 2 manifest.cbor
	our_device "two way" "$suite" 1 manifest.cbor
	our_device "basic tier" "$suite" 4 psk-record.cbor --tier basic
done
tap_done
