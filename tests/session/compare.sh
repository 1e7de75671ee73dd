#!/bin/bash
# A person compares: the station asks whether the device at hand shows the head of its id,
# on terminals of their own.  The person is a program that reads both and says what is so.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}") bin=$(realpath "$top_builddir")/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gather_modules "$dir/modules"
cd "$dir" || exit 99

make_station
make_device one
make_device two
sed -i -e 's/^policy : {/&\n\tcompare_when = [ "two_way == yes" ];/' \
	-e 's|prompt : .*|prompt : { use = "tty"; device = "../station-tty"; };|' station/countersign.conf
for name in one two; do
	sed -i -e 's|prompt : .*|prompt : { use = "tty"; device = "../'$name'-tty"; };|' \
		-e 's|use = "csgn1-device";|& show_code = true;|' $name/device.conf
done
"$bin" config check -q -c station/countersign.conf >out 2>&1
same "the station's file is good" $? 0
has "the rule is among the policy's" "$("$bin" policy show -c station/countersign.conf)" compare_when

# person HELD: looks at that device's terminal, and answers at the station's, once each.
cat >person.py <<'PY'
import os, pty, select, sys, tty

names, held = ["station", "one", "two"], sys.argv[1]
ends = {}
for name in names:
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = f"{name}-tty"
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(os.ttyname(slave), path)
    ends[master] = name
said = {name: "" for name in names}
open("person-is-there", "w").close()
while "[yes/no]" not in said["station"] or "code:" not in said[held] or \
        "\n" not in said[held].split("code:")[1]:
    for fd in select.select(list(ends), [], [])[0]:
        said[ends[fd]] += os.read(fd, 4096).decode()
shown = said[held].split("code:")[1].split("\n")[0].strip()
asked = said["station"].split("the code here:")[1].split("[")[0].strip()
print(f"{held} shows {shown}, the station asks for {asked}", flush=True)
station = next(fd for fd in ends if ends[fd] == "station")
os.write(station, b"yes\n" if shown == asked else b"no\n")
while True: # what else is said is read, so that nobody waits
    for fd in select.select(list(ends), [], [])[0]:
        os.read(fd, 4096)
PY

# look HELD ANSWERS: the person holds one device, a device (the same or not) answers.
look() {
	rm -f person-is-there "$2"/delivered.json
	clear_air
	python3 person.py "$1" >person.out 2>&1 &
	person=$!
	wait_until "the person" test -e person-is-there
	start_device "$2"
	answering=$device_pid held=
	[ "$1" = "$2" ] || { start_device "$1" && held=$device_pid; }
	start_station "$2/manifest.cbor" --two-way
	finish "$station_pid"
	station_rc=$rc
	[ -z "$held" ] || stop "$held"
	if [ $station_rc -eq 0 ]; then finish "$answering"; else stop "$answering"; fi
	kill "$person"
	wait "$person" 2>/dev/null
	sed 's/^/# /' person.out
}

look one one
same "the device in hand is the one that answered: both enrol" "$station_rc $rc" "0 0"
has "its code is the head of its id" "$(cat person.out)" \
	"shows $(shown one did | sed 's/^\(....\)\(....\)\(....\).*/\1 \2 \3/'),"
check "the payload is there" grep -q workshop one/delivered.json

# The person holds one, two answers in its place: all signatures are good, the eyes say no.
cp -r station/air elsewhere
sed -i 's|folder = "../station/air/|folder = "../elsewhere/|' one/device.conf
look one two
same "another device answered in its place: the station refuses" $station_rc 1
has "for what the person saw" "$(cat station.out station.err)" \
	"nobody who saw its code on it, wanted $(shown two did | sed 's/^\(....\)\(....\)\(....\).*/\1 \2 \3/')"
check "and nothing is delivered" test ! -e two/delivered.json
check "nothing was offered" test -z "$(find station/air/bind -name '*.msg')"

# Nobody is there to compare.
sed -i 's|prompt : .*|prompt : { use = "script"; path = "answers"; };|' station/countersign.conf
: >station/answers
clear_air
start_device two
start_station two/manifest.cbor --two-way
finish "$station_pid"
station_rc=$rc
stop "$device_pid"
same "nobody compares: the station refuses" $station_rc 1
echo "compare yes" >station/answers
clear_air
enrol two --two-way
same "a script that says yes is believed: both enrol" "$rc $device_rc" "0 0"
tap_done
