# TAP for shell tests: source it, call check, end with tap_done.
# shellcheck shell=bash
tap_count=0 tap_failed=0

# ok PASS WHAT
tap_ok() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		tap_failed=1
	fi
}

# check WHAT COMMAND...: the command must succeed.
check() {
	local what=$1 rc=0
	shift
	"$@" || rc=$?
	tap_ok $rc "$what"
}

# Every line of it for the reader of the log, none for the harness.
tap_note() { printf '%s\n' "$1" | sed 's/^/#   /'; }

# same WHAT GOT WANTED
same() {
	if [ "$2" = "$3" ]; then
		tap_ok 0 "$1"
	else
		tap_ok 1 "$1"
		tap_note "got    $2"
		tap_note "wanted $3"
	fi
}

# has WHAT TEXT PATTERN: a fixed string is in the text.
has() {
	case $2 in
	*"$3"*) tap_ok 0 "$1" ;;
	*)
		tap_ok 1 "$1"
		tap_note "got    $2"
		tap_note "wanted $3"
		;;
	esac
}

tap_done() {
	echo "1..$tap_count"
	exit $tap_failed
}
