# shellcheck shell=bash disable=SC2154 # the caller sets dir
# Builds the modules of tests/modules/wrong; sourced.  The caller sets dir.
wrong=${top_srcdir:?}/tests/modules/wrong
read -ra cc <<<"${CC:-cc}"

# build NAME KIND: NAME.c as KIND_wrong.so in a folder of its own.
build() {
	mkdir -p "$dir/$1"
	"${cc[@]}" -std=gnu11 -O1 -g -Wall -Wextra -I"$top_srcdir/sdk/include" -I"$wrong" -fPIC \
		-fvisibility=hidden -shared -Wl,-z,defs -o "$dir/$1/$2_wrong.so" "$wrong/$1.c" -lpthread
}

# about NAME: what is wrong with it, from its first line.
about() { echo "$1.c: $(sed -n '1s:^/\* \(.*\) \*/$:\1:p' "$wrong/$1.c")"; }
