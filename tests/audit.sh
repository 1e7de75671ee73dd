#!/bin/bash
# The slow twin of `./dev check`: what takes minutes.
# audit.sh BUILD-FOLDER [CASE...]: all cases, or those named.
# shellcheck disable=SC2317 # the cases are called by name
set -u
top=$(cd "$(dirname "$0")/.." && pwd) base=$(cd "${1:?}" && pwd)
shift
wanted=" $* "
jobs=${CSN_JOBS:-$(nproc)} fuzz_s=${CSN_FUZZ_S:-60}
pass=0 fail=0 names=

# run_case NAME COMMAND...: its output is kept and shown only when it fails.
run_case() {
	local name=$1 log=$base/audit-$1.log start=$SECONDS
	shift
	names+=" $name"
	[ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
	printf 'audit %s ... ' "$name"
	if "$@" >"$log" 2>&1; then
		echo "ok ($((SECONDS - start)) s)"
		[ "$name" != abi-report ] || cat "$log"
		pass=$((pass + 1))
	else
		echo "FAILED after $((SECONDS - start)) s, see $log"
		tail -n 20 "$log"
		fail=$((fail + 1))
	fi
}

# tree FOLDER CONFIGURE-ARG...: a fresh, configured build folder, which it enters.
tree() {
	local dir=$base/$1
	shift
	rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" && "$top/configure" --quiet "$@"
}

# build FOLDER CONFIGURE-ARG...
build() { tree "$@" && make -j"$jobs"; }

# The programs of the tests, too.
gcc_werror() { build audit-gcc --enable-werror && make -j"$jobs" check TESTS=; }
clang_werror() { build audit-clang --enable-werror CC=clang CXX=clang++ && make -j"$jobs" check TESTS=; }
sanitized() {
	build audit-san --enable-sanitizers && cd "$base/audit-san" &&
		make -k check
}
distcheck() { make -C "$base" distcheck; }
# In real time, without a scheduler's favour: alone on the machine, so not in the check.
servers() { make -C "$base" check TESTS="tests/lab/gst-alsa.sh tests/lab/gst-pipewire.sh"; }
# Attachments from a window to a screen that is filmed, both ends live, for half a minute each.
light() { make -C "$base" check TESTS=tests/lab/light.sh; }
shell_scripts() { shellcheck -S warning "$top/dev" "$top"/tests/*.sh "$top"/tests/*/*.sh; }
manual() {
	mandoc -Tlint -W warning "$base/core/man/countersign.1" "$top/core/man/countersign.conf.5" \
		"$base"/sdk/man/*.[37]
}

# One program with the plugins in it: the same tests, and a session with no file of a plugin.
static_plugins() {
	local dir=$base/audit-static
	build audit-static --enable-static-plugins && mkdir -p "$dir/nothing" &&
		./countersign plugins list --plugin-path "$dir/nothing" >builtin.txt &&
		! grep -v -e '^KIND' -e ' built in .* ready ' builtin.txt &&
		./countersign demo --dir "$dir/run" --plugin-path "$dir/nothing" </dev/null &&
		make -k check
}

# The tutorial as a newcomer has it: one real prefix, nothing of the source or build tree.
newcomer() {
	local prefix=$base/audit-prefix work=$base/audit-newcomer
	rm -rf "$prefix" "$work" && mkdir -p "$work" && build audit-prefix-build --prefix="$prefix" &&
		make install || return 1
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$top/docs/plugin-tutorial.md" \
		>"$work/commands"
	rm -rf "$base/audit-prefix-build"
	cd "$work" && time env -i HOME="$work" LANG=C.UTF-8 PATH="$prefix/bin:/usr/bin:/bin" \
		PKG_CONFIG_PATH="$prefix/lib/pkgconfig" bash -eux commands </dev/null
}

# Another implementation of UR, from npm; only here and in the bench.
ur_peer() {
	command -v npm && command -v node || {
		echo "install npm and node (apt-get install npm): the peer comes from there"
		return 1
	}
	top_builddir=$base "$top/tests/bench/ur"
}

# What a package would carry, and whether the program finds it there.
installed() {
	local root=$base/audit-root libdir
	rm -rf "$root"
	make -C "$base" install DESTDIR="$root" || return 1
	libdir=$(sed -n 's/^libdir = //p' "$base/Makefile" | sed 's/\${exec_prefix}/\${prefix}/')
	libdir=$root${libdir/'${prefix}'/$(sed -n 's/^prefix = //p' "$base/Makefile")}
	"$(find "$root" -path '*/bin/countersign')" plugins list \
		--plugin-path "$libdir/countersign/plugins" >"$base/audit-plugins.txt" || return 1
	cat "$base/audit-plugins.txt"
	! grep -w refused "$base/audit-plugins.txt" &&
		[ "$(find "$libdir/countersign/plugins" -name '*.so' | wc -l)" -eq \
			"$(find "$top/plugins" -name plugin.c | wc -l)" ] &&
		[ -n "$(find "$root" -name countersign.1)" ] &&
		[ -n "$(find "$root" -name countersign.conf.5)" ] &&
		[ -z "$(find "$root" -name '*.la')" ] || return 1
	make -C "$base" uninstall DESTDIR="$root" && [ -z "$(find "$root" ! -type d)" ]
}

# A plugin that crashes a thousand times, beside one that notices nothing.
crashes() {
	cd "$base" && make tests/unit/core_isolate tests/modules/prison/channel_prisoner.la countersign-worker &&
		CSN_CRASHES=1000 tests/unit/core_isolate >audit-crashes.tap && grep crash audit-crashes.tap
}

# Under valgrind these take many minutes; the sanitizers case runs them all.
too_slow() {
	case $1 in
	modem_*) echo "a modem over seconds of sound" ;;
	qr_*) echo "a QR reader over many pictures" ;;
	x509_device) echo "hundreds of chains, each with fresh keys" ;;
	*) return 1 ;;
	esac
}

memory() {
	local t name why rc=0
	export top_srcdir=$top top_builddir=$base
	make -C "$base" -j"$jobs" check TESTS= || return 1
	for t in "$base"/tests/unit/*; do
		[ -f "$t" ] && [ -x "$t" ] && [ "$(head -c4 "$t" | tail -c3)" = ELF ] || continue
		name=$(basename "$t")
		if why=$(too_slow "$name"); then
			echo "== $name left out: $why"
			continue
		fi
		echo "== $name"
		(cd "$base" && valgrind -q --error-exitcode=9 --leak-check=full \
			--errors-for-leak-kinds=definite "$t" >"audit-$name.tap") || {
			grep '^not ok' "$base/audit-$name.tap"
			rc=1
		}
	done
	return $rc
}

# The model of the commit path, beside the checkout as the vectors are.
commit_model() {
	local models=${CSN_SHARED:-$top/../shared}/models
	[ -x "$models/explore" ] || { echo "no models at $models"; return 1; }
	"$top/tests/models.sh" "$models"
}

# Hundreds of connections: every medium with every other one, two suites over the air,
# ten thousand sessions over bad channels.
channels() {
	export top_srcdir=$top top_builddir=$base
	make -C "$base" -j"$jobs" check TESTS= || return 1
	"$top/tests/session/pairs.sh" all && "$base/tests/sim/loss" 10000 1000 &&
		CSN_SUITE=2 "$top/tests/lab/ble.sh" && "$top/tests/lab/ble.sh" pairs &&
		"$top/tests/session/pairs.sh" ble
}

# fuzz TARGET LIBRARY: the target under the engine, from nothing, for a while.
fuzz() {
	local dir=$base/audit-fuzz
	[ -f "$dir/libtool" ] || tree audit-fuzz --enable-sanitizers CC=clang CXX=clang++ \
		CFLAGS="-g -O1 -fsanitize=fuzzer-no-link" CXXFLAGS="-g -O1 -fsanitize=fuzzer-no-link" ||
		return 1
	# shellcheck disable=SC2086 # one library or several
	cd "$dir" && make -j"$jobs" $2 && mkdir -p "corpus-$1" &&
		clang -g -O1 -std=gnu11 -fsanitize=fuzzer-no-link,address,undefined \
			-fno-sanitize-recover=all -DFUZZ_ENGINE -I"$top/sdk/include" -I"$top/sdk" \
			-I"$top/tests" -I"$top" -c "$top/tests/fuzz/fuzz_$1.c" -o "fuzz-$1.o" &&
		./libtool --tag=CXX --mode=link clang++ -fsanitize=fuzzer,address,undefined \
			-o "fuzz-$1" "fuzz-$1.o" $2 &&
		LSAN_OPTIONS=suppressions=$top/tests/lsan.supp:print_suppressions=0 \
			"./fuzz-$1" -max_total_time="$fuzz_s" "corpus-$1"
}

# Every reader of evidence for a tenth of that, with the suites as seeds.
fuzz_readers() {
	make -C "$base" -s tests/unit/x509_device tests/unit/x509_revocation &&
		CSN_TEST_PROGRAMS=$base/tests "$top/tests/fuzz/campaign.sh" -b "$base/audit-readers" \
			-s "$((fuzz_s / 10 + 1))" &&
		rm -f "$base/audit-readers/executions.tsv"
}

run_case gcc-werror gcc_werror
run_case clang-werror clang_werror
run_case sanitizers sanitized
run_case valgrind memory
run_case crashes crashes
run_case sound-servers servers
run_case light light
run_case channels channels
run_case commit-model commit_model
run_case shellcheck shell_scripts
run_case manual manual
[ "$wanted" != "  " ] || rm -rf "$base/audit-fuzz"
run_case fuzz-readers fuzz_readers
run_case fuzz-config fuzz config "core/libcsncore.la sdk/lib/libcsnsdk.la"
run_case fuzz-wire fuzz wire "core/libcsncore.la sdk/lib/libcsnsdk.la"
run_case fuzz-modem fuzz modem sdk/modem/libmodem.la
# Comparisons tell the engine nothing about pictures, and cost half the time.
fuzz_qr() { CSN_FUZZ_FLAGS=-fno-sanitize-coverage=trace-cmp fuzz qr plugins/channel/qr/libqr.la; }
run_case fuzz-qr fuzz_qr
run_case fuzz-stream fuzz stream "plugins/channel/qr/libqr.la sdk/lib/libcsnstream.la sdk/lib/libcsnsdk.la"
run_case fuzz-nfc fuzz nfc "plugins/channel/nfc/libnfcreader.la sdk/device/libcsndevicetag.la sdk/lib/libcsnsdk.la"
run_case fuzz-ble fuzz ble "plugins/channel/ble/libble.la sdk/lib/libcsnsdk.la"
run_case fuzz-messages fuzz messages sdk/lib/libcsnsdk.la
run_case fuzz-line fuzz line sdk/lib/libcsnsdk.la
run_case ur-peer ur_peer
run_case installed installed
run_case newcomer newcomer
run_case static-plugins static_plugins
run_case doxygen "$top/tests/abi/doxygen.sh" "$top"
run_case abi-report "$top/tests/abi/report.sh" "$top"
run_case distcheck distcheck
for name in $wanted; do
	[[ "$names " == *" $name "* ]] || {
		echo "audit: no case \"$name\"; there are:$names" >&2
		fail=$((fail + 1))
	}
done
printf '%d passed, %d failed, 0 skipped\n' "$pass" "$fail"
exit $((fail != 0))
