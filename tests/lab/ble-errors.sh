#!/bin/bash
# Errors that BlueZ cannot be made to produce at will: python3-dbusmock plays it on a bus
# of our own.  Each must be told in BlueZ's words, by a channel that goes on trying.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
ends=$(realpath "${top_builddir:?}/tests/lab/ble_ends")
/usr/bin/python3 -c 'import dbusmock' 2>/dev/null || {
	echo "1..0 # SKIP python3-dbusmock is not installed"
	exit 0
}
dir=$(mktemp -d)
bus=
trap '[ -z "$bus" ] || kill "$bus"; rm -rf "$dir"' EXIT
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus CSN_BUS=$dir/bus

# told MODE WORDS WHAT
told() {
	"$ends" why hci0 "$1" "$2" >"$dir/why" 2>"$dir/err"
	tap_ok $? "$3"
	sed 's/^/# /' "$dir/why"
}
told central "no system bus" "without a system bus it says so"
dbus-daemon --session --nofork --address="$DBUS_SYSTEM_BUS_ADDRESS" 2>"$dir/daemon.err" &
bus=$!
until [ -S "$dir/bus" ]; do kill -0 $bus || { echo "Bail out! no bus"; exit 99; }; sleep 0.05; done
told central "bluetoothd is not running" "without BlueZ it says so"

# bluez POWERED METHOD ERROR TEXT: an adapter whose METHOD ends with that error.
cat >"$dir/bluez.py" <<'PY'
import subprocess, sys, time
import dbus

powered, method, error, text = sys.argv[1:]
mock = subprocess.Popen(["/usr/bin/python3", "-m", "dbusmock", "--system", "-m", "org.bluez", "/",
                         "org.freedesktop.DBus.Mock"], stdout=subprocess.DEVNULL)
bus = dbus.SystemBus()
while not bus.name_has_owner("org.bluez"):
    time.sleep(0.05)
fails = f'raise dbus.exceptions.DBusException({text!r}, name={error!r})'
methods = {
    "org.bluez.Adapter1": {"StartDiscovery": "", "StopDiscovery": "", "SetDiscoveryFilter": "a{sv}"},
    "org.bluez.GattManager1": {"RegisterApplication": "oa{sv}"},
    "org.bluez.LEAdvertisingManager1": {"RegisterAdvertisement": "oa{sv}"},
}
call = {"dbus_interface": "org.freedesktop.DBus.Mock"}
root = bus.get_object("org.bluez", "/")
if method != "none":
    rows = lambda own: dbus.Array([(name, args, "", fails if name == method else "")
                                   for name, args in own.items()], signature="(ssss)")
    # A switch that does not move: there is no property to set.
    props = dbus.Dictionary({} if powered == "stuck" else {"Powered": True}, signature="sv")
    root.AddObject("/org/bluez/hci0", "org.bluez.Adapter1", props, rows(methods["org.bluez.Adapter1"]), **call)
    adapter = bus.get_object("org.bluez", "/org/bluez/hci0")
    for name in list(methods)[1:]:
        adapter.AddMethods(name, rows(methods[name]), **call)
print("ready", mock.pid, flush=True)
mock.wait()
PY
bluez() {
	/usr/bin/python3 "$dir/bluez.py" "$@" >"$dir/ready" 2>"$dir/mock.err" &
	mock=$!
	until grep -q ready "$dir/ready"; do
		kill -0 $mock || { cat "$dir/mock.err"; echo "Bail out! no mock"; exit 99; }
		sleep 0.05
	done
}
unplay() {
	kill "$(cut -d' ' -f2 "$dir/ready")"
	wait $mock
}
bluez on none - -
told central "no Bluetooth adapter hci0" "an adapter that is not there is named"
unplay
bluez stuck "" - -
told central "Set: " "an adapter that cannot be switched on"
unplay
while IFS='|' read -r mode method error text what; do
	bluez on "$method" "$error" "$text"
	told "$mode" "$text" "$what"
	unplay
done <<'EOF'
central|StartDiscovery|org.bluez.Error.NotReady|Resource Not Ready|a scan that cannot be started
central|StartDiscovery|org.bluez.Error.InProgress|Operation already in progress|a scan that another one is in the way of
central|SetDiscoveryFilter|org.bluez.Error.NotSupported|Operation is not supported|an adapter without LE
peripheral|RegisterAdvertisement|org.bluez.Error.NotPermitted|Maximum advertisements reached|no advertisement left
peripheral|RegisterApplication|org.bluez.Error.AlreadyExists|Already Exists|a service that BlueZ does not take
peripheral|RegisterApplication|org.bluez.Error.Failed|No object received|a service that BlueZ cannot read
EOF
tap_done
