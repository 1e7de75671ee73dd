#!/bin/bash
# Inside the lab's guest, which has two controllers under one bluetoothd: messages over
# the air both ways round, a device that goes and comes back, whole sessions by command.
#   ble-guest.sh [bench|pairs]
# pairs: four controllers, two stations and two devices at once.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}")
bin=$build/countersign ends=$build/tests/lab/ble_ends
here=$(realpath "$top_srcdir/tests/session")
if [ "${1:-}" = bench ]; then
	"$ends" echo hci0 peripheral >/dev/null 2>&1 &
	"$ends" bench hci1 central
	rc=$?
	mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
	echo "interval $(cat /sys/kernel/debug/bluetooth/hci1/conn_max_interval)"
	exit $rc
fi
work=$(mktemp -d)
cd "$work" || exit 99

# controllers N: so many in one air, instead of the lab's two.
controllers() {
	kill "$(pidof btvirt)"
	btvirt -L "-l$1" >/run/btvirt.log 2>&1 &
	# As the lab does for its two: with it a scan is sure to hear who advertises.
	local all=()
	for n in $(seq 0 $(($1 - 1))); do all+=("hci$n"); done
	"${CSN_LAB:?}/vm/guest/beacon.py" /run/ble-ready-again "${all[@]}" &
	wait_for "controllers" test -e /run/ble-ready-again
}
wait_for() {
	local what=$1 tries=200
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "Bail out! $what did not come"; exit 99; }
		sleep 0.1
	done
}

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

# The second link of one virtual controller carries nothing (BlueZ 5.66's btvirt mixes up
# its handles), so devices at once are pairs at once, which tell each other apart by name.
if [ "${1:-}" = pairs ]; then
	controllers 4
	for n in 0 1; do
		CSN_NAME=bench-$n "$ends" echo "hci$n" peripheral >"echo$n.out" 2>&1 &
		echoes+=($!)
	done
	for n in 0 1; do
		CSN_NAME=bench-$n "$ends" talk "hci$((n + 2))" central 2672 >"talk$n.tap" 2>&1 &
		talks+=($!)
	done
	for n in 0 1; do
		wait "${talks[n]}"
		same "two pairs at once, pair $n" $? 0
		numbered "talk$n.tap" "pair $n"
	done
	kill "${echoes[@]}"
	wait "${echoes[@]}" 2>/dev/null
	tap_done
	exit
fi

# talk WHAT ECHO-ADAPTER ECHO-MODE ADAPTER MODE BYTES
talk() {
	"$ends" echo "$2" "$3" >echo.out 2>&1 &
	local echo=$!
	"$ends" talk "$4" "$5" "$6" >talk.tap 2>&1
	same "$1" $? 0
	numbered talk.tap "$5"
	kill $echo
	wait $echo 2>/dev/null
}

talk "a central finds a peripheral" hci0 peripheral hci1 central 40960
talk "and again after both have restarted" hci0 peripheral hci1 central 700
talk "and the other way round" hci1 central hci0 peripheral 2672

# shellcheck source=tests/session/parties.sh
. "$here/parties.sh"
gather_modules "$work/modules"

make_station
make_device device --suite "${CSN_SUITE:-1}"
sed -i -e '/role = "return"/d' \
	-e 's|{ role = "offer";.*|{ role = "offer"; also = "return"; use = "ble"; mode = "central"; adapter = "hci1"; },|' \
	station/countersign.conf
sed -i -e '/role = "return"/d' \
	-e 's|{ role = "offer";.*|{ role = "offer"; also = "return"; use = "ble"; mode = "peripheral"; adapter = "hci0"; },|' \
	device/device.conf
# What one session leaves behind in BlueZ must not be in the way of the next one.
for nth in first second; do
	clear_air
	rm -f device/delivered.json
	start=$(date +%s%N)
	enrol device --two-way
	same "two way, offer and return by air, the $nth time: both enrol" "$rc $device_rc" "0 0"
	[ "$rc $device_rc" = "0 0" ] || tail -n 5 station.err device.err | sed 's/^/# /'
	check "the payload is there" grep -q workshop device/delivered.json
	echo "# session in $((($(date +%s%N) - start) / 1000000)) ms"
done
tap_done
