#!/bin/bash
# channel/ble over a real bluetoothd: in the lab's guest, whose kernel has Bluetooth.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
lab=${CSN_LAB:-$top_srcdir/../shared/lab}
top_srcdir=$(realpath "$top_srcdir") top_builddir=$(realpath "$top_builddir")
CSN_LAB=$(realpath "$lab")
export top_srcdir top_builddir CSN_LAB
[ -f "$lab/vm/run.sh" ] || {
	echo "1..0 # SKIP no lab at $lab/vm (set CSN_LAB)"
	exit 0
}
out=$("$lab/vm/run.sh" --with ble --time 400 --env top_srcdir --env top_builddir --env CSN_SUITE --env CSN_LAB -- \
	"$top_srcdir/tests/lab/ble-guest.sh" "$@" 2>"$top_builddir/tests/lab/ble-guest.err")
rc=$?
if [ $rc -eq 125 ]; then
	echo "1..0 # SKIP lab/vm cannot run here: $(tail -n 1 "$top_builddir/tests/lab/ble-guest.err")"
	exit 0
fi
printf '%s\n' "$out"
[ $rc -eq 0 ] || tail -n 20 "$top_builddir/tests/lab/ble-guest.err" | sed 's/^/# /'
exit $rc
