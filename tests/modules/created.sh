#!/bin/bash
# Our own modules that need something to be created, held to the contract with it: a line
# with two ends, pictures on disk, GStreamer's test pictures, a station's keys.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}") bin=$(realpath "$top_builddir/countersign")
checker=$build/countersign-check here=$(realpath "$top_srcdir/tests/session")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if grep -q '^CSN_CFLAGS.*-fsanitize=address' "$build/Makefile"; then
	export ASAN_OPTIONS=handle_segv=0:detect_leaks=0
fi
# shellcheck source=tests/session/parties.sh
. "$here/parties.sh"
gather_modules "$dir/modules"

# passes MODULE LINE COMMAND...: all of it, and that was among what was asked.
passes() {
	local name=$1 line=$2 out rc=0
	shift 2
	out=$("$@" "$modules/$name.so" 2>&1 </dev/null) || rc=$?
	same "$name ${what-}passes" "$rc $(printf '%s\n' "$out" | grep '^not ok')" "0 "
	has "$name: it was asked that" "$out" "$line"
	check "$name: it could be created" sh -c '! printf "%s\n" "$1" | grep -q "cannot be created"' _ "$out"
	[ $rc -eq 0 ] || printf '%s\n' "$out" | tail -n 20 | sed 's/^/#   /'
}

passes channel_serial "it carries max_message bytes, 65535, to the other end as sent" \
	"$build/tests/lab/pty_pair" "$dir/a" "$dir/b" -- \
	"$checker" --wait 10 --set device="$dir/a" --peer device="$dir/b"

mkdir "$dir/seen" "$dir/shown"
for i in 1 2 3; do
	printf 'P5\n64 64\n255\n%4096s' '' >"$dir/seen/0000000$i.pgm"
done
passes media_file "capture cancelled at each of" "$checker" --set path="$dir/seen"
passes media_file "play cancelled at each of" "$checker" --set path="$dir/shown" \
	--set direction=send --set width=64 --set height=64
# GLib ends the process when there is no memory, and says so in its manual.
if [ -f "$modules/media_gst.so" ]; then
	passes media_gst "capture cancelled at each of" "$checker" --set through=test \
		--leave-out "every allocation failing in turn"
else
	tap_ok 0 "media_gst # SKIP built without it"
fi

# CSN_WHOLE, in the audit: with each of its some five hundred allocations failing, too.
brief=(--leave-out "every allocation failing in turn")
[ -z "${CSN_WHOLE-}" ] || brief=()
# A station's half meets a session that grants everything: it offers, binds and waits.
make_parties "$dir/parties"
granted=$dir/granted
"$checker" "${brief[@]}" --set makers="$PWD/station/trust/makers" --subject device/manifest.cbor \
	--keys "$modules/keys_file.so" --peer path="$PWD/station/keys" \
	"$modules/ceremony_csgn1.so" >"$granted" 2>&1
same "ceremony_csgn1 passes with a station's keys and a device's manifest" \
	"$? $(grep '^not ok' "$granted")" "0 "
has "it came to its end" "$(cat "$granted")" \
	"# one way as a station: 39 events, 58 calls, stage 8, offered: nothing came back in time"
has "it was stopped at each point" "$(cat "$granted")" "stopped at each of 39 points it finishes"
out=$("$checker" --set evidence=none "$modules/ceremony_csgn1_device.so" 2>&1)
same "ceremony_csgn1_device passes" "$? $(printf '%s\n' "$out" | grep '^not ok')" "0 "
tap_done
