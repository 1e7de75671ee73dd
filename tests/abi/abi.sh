#!/bin/bash
# The contract only grows: the ledger, plugins of an earlier contract under today's host,
# a plugin of a later one, headers alone, one symbol a module.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
umask 022
abi=$top_srcdir/tests/abi include=$top_srcdir/sdk/include
bin=${top_builddir:?}/countersign checker=$top_builddir/countersign-check
read -ra cc <<<"${CC:-cc}"
read -ra cxx <<<"${CXX:-c++}"
cd "$dir" || exit 99

# module FROM TO INCLUDE: compiles one file as a module against the headers in INCLUDE.
module() {
	"${cc[@]}" -std=gnu11 -O1 -Wall -Wextra -Werror -I"$3" -fPIC -fvisibility=hidden -shared \
		-Wl,-z,defs -o "$2" "$1"
}

# --- the ledger ------------------------------------------------------------------------

minor=$(sed -n 's/^#define CSN_ABI_MINOR //p' "$include/countersign/types.h")
if [ "$(getconf LONG_BIT)" = 64 ]; then
	check "today's members are listed" sh -c '"$@" >today' _ \
		python3 "$abi/members.py" "$include" "${cc[@]}"
	check "those of 0.9 are" sh -c '"$@" >frozen' _ python3 "$abi/members.py" "$abi/0.9" "${cc[@]}"
	same "the ledger says the same, and nothing in it was edited" \
		"$(python3 "$abi/ledger.py" "$abi/ledger" today frozen "$minor")" ""
	grep -v '^#' "$abi/ledger" >held
	same "a member that moves is noticed" "$(sed 's/^struct csn_host.log 8 8/struct csn_host.log 16 8/' held |
		python3 "$abi/ledger.py" "$abi/ledger" /dev/stdin frozen "$minor" | head -n 1)" \
		"changed or gone: struct csn_host.log 8 8"
	same "one that is new is asked for" "$(echo 'struct csn_host.new 176 8' | cat held - |
		python3 "$abi/ledger.py" "$abi/ledger" /dev/stdin frozen "$minor")" \
		"not in the ledger; add it under the contract that brings it: struct csn_host.new 176 8"
	same "an edited line of 0.9 is noticed" "$(sed '1s/0$/1/' frozen |
		python3 "$abi/ledger.py" "$abi/ledger" held /dev/stdin "$minor")" \
		"the lines of 0.9 are not those of the frozen headers"
else
	echo "# the ledger is for 64-bit machines: not compared here"
fi
for section in $(sed -n 's/^# \(0\.[0-9]*\)$/\1/p' "$abi/ledger"); do
	check "docs/abi.md says what $section brought" grep -q "^| $section |" "$top_srcdir/docs/abi.md"
done

# --- each header alone, as C11 and C++17 ---------------------------------------------------

# alone COMPILER STANDARD LANGUAGE
alone() {
	local header bad=
	for header in "$include"/countersign/*.h; do
		echo "#include <countersign/${header##*/}>" |
			$1 -std="$2" -x "$3" -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$include" - 2>>alone.err ||
			bad="$bad ${header##*/}"
	done
	same "$1 -std=$2 takes each header alone" "$bad" ""
}
alone "${cc[*]}" c11 c
alone "${cxx[*]}" c++17 c++
if command -v clang >/dev/null && command -v clang++ >/dev/null; then
	alone clang c11 c
	alone clang++ c++17 c++
else
	echo "# clang is not here: ./dev audit installs it and asks it, too"
fi

# --- an earlier contract under today's host ---------------------------------------------------

for kind in channel media attest format ceremony keys store prompt; do
	mkdir -p "old/$kind"
	"$bin" plugins new "$kind" old --template "$top_srcdir/sdk/template" --dir "old/$kind" -q
	# Names that 0.10 gave to numbers.
	sed -i 's/CSN_CODE_AFFIRMED/2/; s/CSN_CODE_FORGED/99/' "old/$kind/${kind}_old/${kind}_old.c"
	check "$kind: a plugin is built with the headers of 0.9" \
		module "old/$kind/${kind}_old/${kind}_old.c" "old/$kind/${kind}_old.so" "$abi/0.9"
	out=$("$checker" "old/$kind/${kind}_old.so" 2>&1)
	same "$kind: today's host finds nothing wrong with it" "$? $(printf '%s\n' "$out" | grep '^not ok')" "0 "
done

# session NAME INCLUDE: a device is provisioned over the example, built with those headers.
session() {
	mkdir -p "$1"
	check "$1: the example is built with its headers" \
		module "$top_srcdir/sdk/example/channel_fifo/channel_fifo.c" "$1/channel_fifo.so" "$2"
	out=$(timeout 120 "$bin" demo --dir "$1/run" --plugin-path "$dir/plugins" --with "$1" --offer fifo \
		--station out="$dir/$1/pipe" --device in="$dir/$1/pipe" 2>&1 </dev/null)
	same "$1: and a device is provisioned over it" "$? $(printf '%s\n' "$out" | grep -c 'enrolled      done')" "0 2"
}
mkdir plugins
find "$top_builddir/plugins" -path '*/.libs/*.so' -exec cp {} plugins \;
session 0.9 "$abi/0.9"

# --- a later contract under today's host ---------------------------------------------------------

check "headers of a contract to come are made" python3 "$abi/later.py" "$include" later
check "a plugin with its longer tables is built" module "$abi/later.c" channel_later.so later
out=$("$checker" "$dir/channel_later.so" 2>&1)
same "today's host, the older one, finds nothing wrong with it" \
	"$? $(printf '%s\n' "$out" | grep '^not ok')" "0 "
session later later
sed 's/if (CSN_HAS(host, later))//' "$abi/later.c" >careless.c
module careless.c channel_later.so later
# The signal itself, also where a sanitizer would rather tell a story of it.
out=$(ASAN_OPTIONS=${ASAN_OPTIONS:-}:handle_segv=0 "$checker" "$dir/channel_later.so" 2>&1)
has "one that does not ask first is found out" "$(printf '%s\n' "$out" | grep '^not ok')" \
	"it crashes with SIGSEGV in create"

# --- what a module gives away -------------------------------------------------------------------

for file in plugins/*.so; do
	name=$(basename "$file" .so)
	same "$name exports one symbol" "$(nm -D --defined-only "$file" | sed 's/.* //; /^__odr_asan/d')" \
		"${name}_LTX_csn_plugin"
done
tap_done
