#!/bin/bash
# campaign-channels.sh [-b FOLDER] [-n EXECUTIONS] [-s SECONDS] [TARGET...]
# What the channels and the two-way messages are read by, under the engine: APDUs and the
# tag's record (nfc), GATT values (ble), the serial line (line), and each message of CSGN/1
# by its name, with the vectors' own as seeds.  Until each has had EXECUTIONS, those of
# earlier runs counted, or for SECONDS.  FOLDER/executions.tsv has a line a run.  Exits 1 at
# the first finding.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$top/build-fuzz-channels runs=10000000 seconds=600 data=${CSN_SHARED:-$top/../shared}/data
while getopts b:n:s: option; do
	case $option in
	n) runs=$OPTARG ;;
	s) seconds=$OPTARG ;;
	b) dir=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
targets=${*:-line ble nfc M0a M0b M1 M2 M3 M4 M5}
mkdir -p "$dir" && cd "$dir"
cc=clang
! command -v ccache >/dev/null || cc="ccache clang"
[ -f libtool ] || "$top/configure" --quiet --enable-sanitizers CC="$cc" CXX="$cc++" \
	CFLAGS="-g -O2 -fsanitize=fuzzer-no-link" CXXFLAGS="-g -O2 -fsanitize=fuzzer-no-link"
reader=plugins/channel/nfc/libnfcreader.la tag=sdk/device/libcsndevicetag.la
ble=plugins/channel/ble/libble.la sdk=sdk/lib/libcsnsdk.la
make -j"$(nproc)" $reader $tag $ble $sdk >make.log

# program NAME LIBRARY...
program() {
	local name=$1
	shift
	# shellcheck disable=SC2086 # options, separately
	$cc -g -O2 -std=gnu11 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
		-DFUZZ_ENGINE -I"$top/sdk/include" -I"$top/sdk" -I"$top/tests" -I"$top" \
		-c "$top/tests/fuzz/fuzz_$name.c" -o "fuzz-$name.o"
	./libtool --silent --tag=CXX --mode=link clang++ -fsanitize=fuzzer,address,undefined \
		-o "fuzz-$name" "fuzz-$name.o" "$@"
}
program line $sdk
program ble $ble $sdk
program nfc $reader $tag $sdk
program messages $sdk

seeds() { # MESSAGE: those of the two-way vectors, without the byte that chooses
	python3 - "$1" "corpus/$1" "$data"/csgn1/twoway*.json <<-'PY'
	import json, sys
	name, folder, files = sys.argv[1], sys.argv[2], sys.argv[3:]
	for n, file in enumerate(files):
	    trace = json.load(open(file)).get("trace", {})
	    if isinstance(trace.get(name), str):
	        open(f"{folder}/seed{n}", "wb").write(bytes.fromhex(trace[name]))
	PY
}

touch executions.tsv
mkdir -p found
for target in $targets; do
	left=$(awk -v n="$runs" -v t="$target" '$1 == t { n -= $2 } END { print n }' executions.tsv)
	[ "$left" -gt 0 ] || continue
	mkdir -p "corpus/$target"
	program=$target
	case $target in M*) program=messages && seeds "$target" ;; esac
	from=$SECONDS
	CSN_FUZZ_READER=$target ASAN_OPTIONS=malloc_context_size=3:quarantine_size_mb=16 \
		"./fuzz-$program" -runs="$left" -max_total_time="$seconds" -max_len=4096 \
		-artifact_prefix="found/$target-" -print_final_stats=1 "corpus/$target" \
		>"$target.log" 2>&1 || {
		tail -n 30 "$target.log"
		echo "campaign: $target has a finding"
		exit 1
	}
	had=$(sed -n 's/^stat::number_of_executed_units: *//p' "$target.log")
	printf '%s\t%s\t%d\n' "$target" "$had" "$((SECONDS - from))" | tee -a executions.tsv
done
