#!/bin/bash
# lab plot: what is drawn is what was measured, and every failure has its exit code.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
top=$(cd "${top_builddir:?}" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/modules"
find "$top/plugins" -path '*/.libs/*_*.so' -exec cp {} "$dir/modules" \;
cd "$dir" || exit 99

try() {
	out=$("$top/countersign" lab plot "$@" 2>err <&-)
	rc=$?
	err=$(cat err)
}

# drawn FILE CODE: a Python expression over the picture's elements must hold.
# shellcheck disable=SC2317 # called by check
drawn() {
	python3 - "$1" "$2" <<'END'
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
def all(name): return root.findall(".//{http://www.w3.org/2000/svg}" + name)
def number(element, key): return float(element.get(key))
texts = [t.text for t in all("text")]
def bright(r): return sum(int(r.get("fill")[i:i + 2], 16) for i in (1, 3, 5))
cells = [r for r in all("rect") if (r.get("fill") or "").startswith("#")]
def wilson(k, n, side):
    z, p = 1.96, k / n
    return 100 * (p + z * z / 2 / n + side * z * (p * (1 - p) / n + z * z / 4 / n / n) ** .5) / (1 + z * z / n)
sys.exit(not eval("(" + sys.argv[2] + ")"))
END
}

"$top/tests/session/channels_plant" fine fine.wav || exit 99
"$top/tests/session/channels_plant" far far.wav || exit 99
"$top/tests/session/channels_plant" muted mute.wav || exit 99
printf 'trial,ok,snr\n' >empty.csv

try spectrogram fine.wav -o s.svg
same "a spectrogram exits 0" $rc 0
# The frame is 360 high for 24 kHz: 17.25 to 20 kHz lie 101 to 60 below its top at 36.
check "the loudest lies within the band" drawn s.svg \
	'58 < number(max(cells[:-24], key=bright), "y") - 36 < 104'
check "the axes say what they are" drawn s.svg \
	'"time, s" in texts and "frequency, kHz" in texts and "20" in texts'
try spectrogram fine.wav -o s.svg --from 16 --to 22 --json
has "a part of the spectrum can be asked for" "$out" '"ok": true'
try constellation ultrasonic --in file:path=fine.wav,pace=fast --plugin-path modules -o c.svg
same "a constellation exits 0" $rc 0
check "a good burst's points lie around the four that were sent" drawn c.svg \
	'len(all("circle")) == 384 and {c.get("fill") for c in all("circle")} == {"#1b7837"} and
	 sum(30 < abs(number(c, "cx") - 185) < 55 and 30 < abs(number(c, "cy") - 185) < 55
	     for c in all("circle")) > 330'
try constellation ultrasonic --in file:path=far.wav,pace=fast --plugin-path modules -o c.svg
check "those of a burst in noise lie everywhere, in another colour" drawn c.svg \
	'{c.get("fill") for c in all("circle")} == {"#b2182b"} and
	 sum(30 < abs(number(c, "cx") - 185) < 55 and 30 < abs(number(c, "cy") - 185) < 55
	     for c in all("circle")) < 200'

# Three codes of version 13, 69 modules of 6 pixels in the middle of 640x480; and a dark room.
mkdir film dark
{ printf 'P5\n640 480\n255\n'; head -c 307200 /dev/zero; } >dark/1.pgm
"$top/countersign" channels test qr --plugin-path modules --bytes 900 --count 1 --set code_bytes=400 \
	--out file:medium=video,direction=send,path=film,width=640,height=480 \
	--in file:medium=video,path=dark,repeat=true >/dev/null 2>&1 <&-
try picture qr --in file:medium=video,path=film,pace=fast --plugin-path modules -o p.svg
same "a picture that was read exits 0" $rc 0
check "the outline is where the code was drawn, a finder pattern in its corner" drawn p.svg \
	'max(abs(a - b) for q, w in zip(all("polygon"), ([123, 67, 537, 67, 537, 481, 123, 481],
	                                                  [123, 67, 165, 67, 165, 109, 123, 109]))
	     for a, b in zip([float(v) for p in q.get("points").split() for v in p.split(",")], w)) < 1.5'
check "and six alignment patterns" drawn p.svg 'len(all("polygon")) == 1 + 3 + 6'
check "six pixels a module are told" drawn p.svg \
	'any(t.startswith("module ") and abs(float(t.split()[1]) - 6) < 0.1 for t in texts)'
check "no cause is named" drawn p.svg '"cause: none" in texts and "v13 done" in texts'
check "and the picture is the one that was filmed" drawn p.svg \
	'(lambda bmp: b"".join(bmp[1078 + i * 640:1078 + i * 640 + 640] for i in range(479, -1, -1)) in
	 [open(f, "rb").read()[-307200:] for f in __import__("glob").glob("film/*.pgm")])(
	     __import__("base64").b64decode(all("image")[0].get("href").split(",")[1]))'
try picture qr --in file:medium=video,path=dark,pace=fast --plugin-path modules -o d.svg --json
same "a dark picture is drawn, too" $rc 0
has "and darkness is named" "$out" '"cause": "dark"'
check "with nothing outlined in it" drawn d.svg '"cause: dark" in texts and len(all("polygon")) == 0'
try picture ultrasonic --in file:path=fine.wav,pace=fast --plugin-path modules -o x.svg
same "a channel of sound has no picture: exit 4" $rc 4
has "which is said" "$err" "saw no picture"
try picture qr --in file:medium=video,path=nosuch --plugin-path modules -o x.svg
same "a folder that is not there: exit 3" $rc 3

printf 'trial,ok,snr\n' >t.csv
for i in $(seq 20); do printf '%d,%d,3\n%d,1,9.2\n' "$i" $((i <= 5)) "$i"; done >>t.csv
try success t.csv -o t.svg
same "a curve of success exits 0" $rc 0
# The frame is 350 high from 40: 5 of 20 and 20 of 20.
check "its points are the shares" drawn t.svg \
	'[round((390 - number(c, "cy")) / 3.5) for c in all("circle")] == [25, 100]'
check "its band is the 95 % confidence interval" drawn t.svg \
	'max(abs((390 - float(p.split(",")[1])) / 3.5 - w) for p, w in zip(
	     all("polygon")[0].get("points").split(),
	     [wilson(5, 20, -1), wilson(20, 20, -1), wilson(20, 20, 1), wilson(5, 20, 1)])) < 0.1'

while IFS='|' read -r code text words sentence; do
	# shellcheck disable=SC2086 # a list of words
	try $words
	same "$sentence: the exit code" $rc "$code"
	has "$sentence: what is said" "$err" "$text"
done <<'END'
2|needs what to plot|spectrogram fine.wav|no place for the plot
2|no such plot|waterfall fine.wav -o x.svg|a plot nobody draws
2|out of bounds|spectrogram fine.wav -o x.svg --from 20 --to 20.1|a spectrum without width
3|No such file|spectrogram nosuch.wav -o x.svg|a recording that is not there
3|cannot be read|spectrogram t.csv -o x.svg|a recording that is none
3|could not be written|spectrogram fine.wav -o /nosuch/x.svg|a place that is not there
3|no table of trials|success fine.wav -o x.svg|a table that is none
3|no table of trials|success t.csv --column nosuch -o x.svg|a column that is not there
4|has no trial|success empty.csv -o x.svg|a table without rows
4|no attempt|constellation ultrasonic --in file:path=mute.wav,pace=fast --plugin-path modules -o x.svg|a recording without bursts
END
tap_done
