#!/bin/bash
# Attachments: sealed at the station, fetched by the device, refused when touched.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}") bin=$(realpath "$top_builddir")/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gather_modules "$dir/modules"
cd "$dir" || exit 99

fetch() {
	"$bin" device fetch --dir device --json >fetch.out 2>fetch.err <&-
	rc=$?
	out=$(cat fetch.out)
}

# The refusal that a fetch of a touched stream must give, with nothing stored.
refuses() {
	fetch
	same "$1: exit 1" $rc 1
	has "$1: the code" "$out" "\"code\": \"CSN-$2\""
	check "$1: nothing is stored" test ! -e device/attachments/fw
	same "$1: no leftovers" "$(find device/attachments -type f | wc -l)" 0
}

make_station
head -c 40000 /dev/urandom >firmware.bin
printf x >note.txt
for suite in 1 2; do
	rm -rf device
	clear_air
	check "suite $suite: a device" make_device device --suite $suite
	fetch
	same "before anything came fetch exits 1" $rc 1
	has "and says so" "$out" CSN-DEV-007
	enrol device --attach fw:firmware=firmware.bin --attach ../n=note.txt
	same "suite $suite: enrolled" "$rc $device_rc" "0 0"
	same "two streams in the bulk folder" "$(find station/air/bulk -name '*.att' | wc -l)" 2
	same "and nothing half made" "$(find station/air/bulk -name '.*' -type f | wc -l)" 0
	stream=$(find station/air/bulk -name '*-6677.att')
	same "the stream has 16 bytes more a chunk" "$(stat -c %s "$stream")" 40048
	check "it is not the plain file" sh -c '! cmp -s -n 64 firmware.bin "$1"' _ "$stream"
	check "no key of an attachment is in delivered.json" python3 - <<'PY'
import json
rows = json.load(open("device/delivered.json"))["attachments"]
assert len(rows) == 2
for row in rows:
    key = row["key"]
    assert set(str(key).strip("=").replace("base64:", "").replace("hex:", "")) <= set("A0"), key
PY
	cp "$stream" good.att

	flip "$stream" 20000
	refuses "a bit of the second chunk flipped" 192
	cp good.att "$stream"
	head -c 40047 good.att >"$stream"
	refuses "one byte short" 191
	cat good.att note.txt >"$stream"
	refuses "one byte long" 191
	{ head -c 32800 good.att | tail -c 16400; head -c 16400 good.att; tail -c 7248 good.att; } >"$stream"
	refuses "two chunks swapped" 192
	rm "$stream"
	fetch
	same "a stream that is not there: exit 4" $rc 4
	check "the other one is stored, under a name that is no path" cmp note.txt device/attachments/@2e2e2f6e
	cp good.att "$stream"
	fetch
	same "the right stream: exit 0" $rc 0
	check "it is the file" cmp firmware.bin device/attachments/fw
	same "for its owner only" "$(stat -c %a device/attachments/fw)" 600
	check "the one fetched before is done" sh -c 'grep -q "\"state\": \"done\"" fetch.out'
	rm device/attachments/fw
	fetch
	same "fetched again: nothing left to do" $rc 0
	check "its key is gone" test ! -e device/attachments/fw
	rm -rf device/attachments
done

clear_air
"$bin" provision device/manifest.cbor --payload payload.json -c station/countersign.conf \
	--attach fw=nosuch.bin >station.out 2>&1 <&-
same "a file that is not there exits 2" $? 2
has "because the file is not there" "$(cat station.out)" "No such file"
clear_air
"$bin" provision device/manifest.cbor --payload payload.json -c station/countersign.conf --json \
	--attach a=note.txt --attach a=note.txt >station.out 2>&1 <&-
same "two with one id exit 2" $? 2
has "by the record's own check" "$(cat station.out)" CSN-ATT-002
same "nothing was offered" "$(find station/air -type f | wc -l)" 0
nine=()
for i in 1 2 3 4 5 6 7 8 9; do nine+=(--attach "$i=note.txt"); done
"$bin" provision device/manifest.cbor --payload payload.json -c station/countersign.conf \
	"${nine[@]}" >station.out 2>&1 <&-
same "nine exit 2" $? 2
has "because of the ninth, before any is read" "$(cat station.out)" "a ninth"
same "nothing was left behind" "$(find station/air -type f | wc -l)" 0
tap_done
