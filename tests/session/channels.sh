#!/bin/bash
# channels: what is heard and why not, from recordings and over a real sound server.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
bin=${top_builddir:?}/countersign plant=$top_builddir/tests/session/channels_plant
lab=${CSN_LAB:-$top_srcdir/../shared/lab}/audio/run.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/modules"
find "$(cd "$top_builddir" && pwd)/plugins" -path '*/.libs/*_*.so' -exec cp {} "$dir/modules" \;
bin=$(cd "$top_builddir" && pwd)/countersign plant=$(cd "$top_builddir" && pwd)/tests/session/channels_plant
[ -f "$lab" ] && lab=$(cd "$(dirname "$lab")" && pwd)/run.sh
cd "$dir" || exit 99

try() {
	out=$("$bin" channels "$@" --plugin-path modules 2>err <&-)
	rc=$?
	err=$(cat err)
}

# value PATH: a member of the JSON answer, e.g. attempts.0.cause
value() {
	printf '%s' "$out" | python3 -c '
import json, sys
at = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    at = at[int(key)] if isinstance(at, list) else at.get(key, "")
print(len(at) if isinstance(at, list) else at)' "$1" 2>/dev/null
}

try list
same "list exits 0" $rc 0
has "and names the channel" "$out" "near-ultrasonic"
try test
same "test without a name exits 2" $rc 2
try test ultrasonic
same "test without any media exits 3" $rc 3
has "and says how to name one" "$err" "--in USE:KEY=VALUE"
try listen ultrasonic --in file:path=nosuch.wav
same "a recording that is not there exits 3" $rc 3
has "and is named" "$err" "nosuch.wav"
try listen ultrasonic --in file:pat=x.wav
same "an option nobody has exits 2" $rc 2
try listen loop --in file:path=x.wav
same "a channel without sound or picture exits 3" $rc 3
has "and that is said" "$err" "no picture or sound"
try test ultrasonic --bytes 121 --in file:path=x.wav --out file:path=y.wav
same "a message over the channel's bound exits 2" $rc 2

# The cause of a failure, as far as the sound tells it: never another one.
while read -r what code cause stage sentence; do
	"$plant" "$what" "$what.wav" || exit 99
	try listen ultrasonic --in "file:path=$what.wav,pace=fast" --json
	same "$sentence: the exit code" $rc "$code"
	same "$sentence: the cause" "$(value cause)" "$cause"
	[ "$stage" = - ] || same "$sentence: the stage" "$(value attempts.0.stage)" "$stage"
done <<'END'
muted   4 muted   -      digital silence
rate    4 rate    decode 44.1 kHz sound declared as 48 kHz
clipped 4 clipped -      a voice that drives the input to full scale
voice   4 voice   -      a microphone that filters high tones
far     4 far     decode noise as loud as the burst
echo    4 echo    decode an echo too long for the longest profile
profile 4 profile decode an echo too long for the profile that was sent
lost    4 lost    decode 10 ms that the recorder dropped
noise   4 noise   decode a door slammed within the burst
unheard 4 unheard -      a room in which nothing was sent
END

"$plant" fine fine.wav || exit 99
try listen ultrasonic --in file:path=fine.wav,pace=fast --record kept.wav --json --contents
same "a good burst: the exit code" $rc 0
same "a good burst: the stage" "$(value attempts.0.stage)" "done"
same "a good burst: the profile" "$(value attempts.0.mode)" fast
same "a good burst: 41 bytes" "$(value attempts.0.bytes)" 41
for figure in level snr sync clock echo; do
	check "a good burst: its $figure is told" test -n "$(value attempts.0.figures.$figure.value)"
done
first=$out
same "what was heard is kept sample by sample" "$(tail -c +45 kept.wav | sha256sum)" \
	"$(tail -c +45 fine.wav | sha256sum)"
check "and other programs can read it" sh -c 'soxi -r kept.wav | grep -qx 48000'
# Who listens to strangers is sealed; who keeps what was heard writes, and is not.
sealed() {
	local pid now state=0 tries=100
	"$bin" channels listen ultrasonic --in file:path=fine.wav,repeat=true --seconds 5 \
		--plugin-path modules "$@" >/dev/null 2>&1 &
	pid=$!
	until [ "$state" = 2 ] || [ $((tries--)) -eq 0 ] || [ ! -d /proc/$pid ]; do
		now=$(sed -n 's/^Seccomp:.//p' /proc/$pid/status 2>/dev/null)
		state=${now:-$state}
		[ "$state" = 2 ] || sleep 0.02
	done
	kill -INT $pid 2>/dev/null
	wait $pid
	echo "$state"
}
same "who listens is sealed once the device is open" "$(sealed)" 2
same "who records is not" "$(sealed --record sealed.wav)" 0
try listen ultrasonic --in file:path=kept.wav,pace=fast --json --contents
same "heard again it gives the same answer" "$out" "$first"
# Other rates, as files give them: GStreamer's resampler is between.
while read -r what rate; do
	[ -f "$what.wav" ] || "$plant" "$what" "$what.wav" || exit 99
	sox "$what.wav" -r "$rate" "$what-$rate.wav" 2>/dev/null || exit 99
	try listen ultrasonic --in "gst:through=file,location=$what-$rate.wav" --json
	same "$what at $rate Hz through media/gst: one message" "$(value received)" 1
	same "and the profile is told" "$(value attempts.0.mode)" \
		"$(printf %s "$what" | sed s/fine/fast/)"
done <<'END'
fine 44100
long 44100
motion 44100
fine 96000
long 96000
motion 96000
END
try listen ultrasonic --in file:path=fine.wav,pace=fast --record /nosuch/kept.wav
same "a recording that cannot be kept exits 3" $rc 3

if ! out=$(bash "$lab" -- true 2>&1); then
	echo "ok $((tap_count += 1)) - # SKIP no sound server at $lab: $out"
	tap_done
fi
out=$(bash "$lab" -- "$bin" channels test ultrasonic --plugin-path modules --json --count 4 \
	--set profile=motion \
	--out gst:through=pulse --in gst:through=pulse --record air.wav 2>err)
rc=$?
check "over a sound server: at least one of four arrives" test "$(value received)" -ge 1
check "over a sound server: the exit code says whether all did" test \
	$rc -eq "$([ "$(value received)" -eq 4 ] && echo 0 || echo 1)"
heard=$(value received)
try listen ultrasonic --in file:path=air.wav,pace=fast --json
same "what was heard there gives the same verdict from the file" "$(value received)" "$heard"
tap_done
