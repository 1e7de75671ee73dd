#!/bin/bash
# The tampering of `./dev demo --tamper` as a test: each is refused with its code.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
# shellcheck source=tests/session/tamper.sh
. "$top_srcdir/tests/session/tamper.sh"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The story's lines are the cases; what goes wrong ends it.
say() {
	case $1 in
	" ✗ "* | " ✓ "*) tap_ok 0 "${1#* * }" ;;
	*) echo "# $1" ;;
	esac
}

die() {
	tap_ok 1 "$*"
	tap_done
}

gather_modules "$out/modules"
tamper_demo
same "every kind of tampering was tried" $tamper_count 4
same "and two honest pairs" $tap_count 7
tap_done
