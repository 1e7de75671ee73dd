#!/bin/bash
# The slow twin of `./dev check`: what takes minutes.  audit.sh BUILD-FOLDER
# shellcheck disable=SC2317 # the cases are called by name
set -u
top=$(cd "$(dirname "$0")/.." && pwd) base=${1:?}
pass=0 fail=0

# case NAME COMMAND...: its output is kept and shown only when it fails.
run_case() {
	local name=$1 log=$base/audit-$1.log
	shift
	printf 'audit %s ... ' "$name"
	if "$@" >"$log" 2>&1; then
		echo ok
		pass=$((pass + 1))
	else
		echo "FAILED, see $log"
		tail -n 20 "$log"
		fail=$((fail + 1))
	fi
}

# build FOLDER CONFIGURE-ARG...
build() {
	local dir=$base/$1
	shift
	rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" &&
		"$top/configure" --quiet "$@" && make -j"$(nproc)"
}

gcc_werror() { build audit-gcc --enable-werror; }
clang_werror() { build audit-clang --enable-werror CC=clang CXX=clang++; }
sanitized() {
	build audit-san --enable-sanitizers && cd "$base/audit-san" &&
		ASAN_OPTIONS=detect_leaks=1 make -k check
}
distcheck() { make -C "$base" distcheck; }
shell_scripts() { shellcheck "$top/dev" "$top"/tests/*.sh "$top"/tests/*/*.sh; }
manual() { mandoc -Tlint -W warning "$base/core/man/countersign.1"; }
memory() {
	local t
	for t in "$base"/tests/unit/.libs/* "$base"/tests/unit/*; do
		[ -f "$t" ] && [ -x "$t" ] && [ "$(head -c4 "$t")" = $'\x7fELF' ] || continue
		case $t in *modem* | *qr*) continue ;; esac # minutes under valgrind; sanitized above
		echo "== $t"
		valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
			"$t" >/dev/null || return 1
	done
}

run_case gcc-werror gcc_werror
run_case clang-werror clang_werror
run_case sanitizers sanitized
run_case valgrind memory
run_case shellcheck shell_scripts
run_case manual manual
run_case distcheck distcheck
printf '%d passed, %d failed, 0 skipped\n' "$pass" "$fail"
exit $((fail != 0))
