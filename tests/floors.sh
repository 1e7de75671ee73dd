#!/bin/bash
# Holds the floors: a room may only look down.  See docs/architecture.md.
set -eu
cd "${top_srcdir:-$(dirname "$0")/..}"
n=0 failed=0

# case WHAT GREP-PATTERN PATH...: the pattern may match nothing there.
case_none() {
	local what=$1 pattern=$2 hits
	shift 2
	n=$((n + 1))
	hits=$(grep -rnE --include='*.[ch]' --include='*.cpp' "$pattern" "$@" 2>/dev/null || true)
	if [ -z "$hits" ]; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		printf '%s\n' "$hits" | sed 's/^/# /'
		failed=1
	fi
}

inc='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
case_none "public headers include only the C library and themselves" \
	"$inc(lib/|core/|device/|modem/|openssl|glib|gst/|cbor|jansson|ltdl|sqlite)" sdk/include
case_none "sdk/lib includes nothing above it" "$inc(core/|plugins/|device/|modem/)" sdk/lib
case_none "sdk/device includes no core, plugin or library" \
	"$inc(core/|plugins/|openssl|cbor|glib|gst/|sqlite)" sdk/device
case_none "sdk/modem includes no core, plugin or library" \
	"$inc(core/|plugins/|lib/|openssl|glib|gst/)" sdk/modem
case_none "core includes no plugin, GLib or GStreamer" "$inc(plugins/|\.\./plugins|glib|gst/|gio/)" core
case_none "sdk/modem and sdk/device allocate nothing and open nothing" \
	'\b(malloc|calloc|realloc|free|alloca|fopen|open|printf|pthread_[a-z]+) *\(' sdk/modem sdk/device
# The rooms of core, lowest first as docs/architecture.md lists them, then the three programs.
set -- base loop plugin config host link isolate policy audit session station 'cli|worker|check'
while [ $# -gt 1 ]; do
	room=$1
	shift
	case_none "core/$room uses no room above it" "${inc}core/($(IFS='|' && echo "$*"))[./]" "core/$room"*
done
case_none "core/cli uses neither of the other programs" "${inc}core/(worker|check)/" core/cli
case_none "core/worker uses neither of the other programs" "${inc}core/(cli|check)/" core/worker
case_none "core/check uses neither of the other programs" "${inc}core/(cli|worker)/" core/check
case_none "plugins never include core" "$inc(core/|\.\./.*core/)" plugins
case_none "only media/gst includes GStreamer" "${inc}gst/" \
	core sdk plugins/channel plugins/attest plugins/format plugins/ceremony plugins/keys \
	plugins/store plugins/prompt plugins/media/file
case_none "the station half of csgn1 does not include the device half" "${inc}device/" plugins/ceremony/csgn1

for dir in plugins/*/*/; do
	[ -d "$dir" ] || continue
	n=$((n + 1))
	me=${dir%/}
	hits=$(grep -rnE --include='*.[ch]' --include='*.cpp' "$inc"'(plugins/|\.\./)' "$me" | grep -v "plugins/${me#plugins/}/" || true)
	if [ -z "$hits" ]; then
		echo "ok $n - $me includes no other plugin"
	else
		echo "not ok $n - $me includes no other plugin"
		printf '%s\n' "$hits" | sed 's/^/# /'
		failed=1
	fi
done
echo "1..$n"
exit $failed
