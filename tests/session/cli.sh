#!/bin/bash
# The command line as its users meet it: answers, exit codes, JSON, no prompts.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
bin=${top_builddir:?}/countersign
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99

# try ARG...: output, error and exit code of one run with standard input closed.
try() {
	out=$("$bin" "$@" 2>err <&-)
	rc=$?
	err=$(cat err)
}

is_json() { printf '%s' "$out" | python3 -c 'import json,sys; json.loads(sys.stdin.read())' 2>/dev/null; }

try --help
same "help exits 0" $rc 0
check "help fits a screen of 24 lines" test "$(printf '%s\n' "$out" | wc -l)" -le 24
try
same "no command exits 2" $rc 2
try provsion
same "a wrong word exits 2" $rc 2
has "and suggests the nearest" "$err" 'did you mean "provision"'
try version --js
same "an abbreviated option is refused" $rc 2
try version --json
check "version --json is one document" is_json
try provision nosuch.cbor --json
same "a missing file exits 2" $rc 2
check "a failure is one document too" is_json
has "with the code" "$out" '"code": "CSN-USE-004"'
try explain 126
has "explain names the check" "$out" BIND_TAG
try explain CSN-107 --json
has "explain takes the printed form" "$out" RUNG_USED
try explain 999
same "an unknown code exits 2" $rc 2
for shell in bash zsh fish; do
	try completion $shell
	same "completion for $shell exits 0" $rc 0
	has "completion for $shell knows the commands" "$out" provision
done
printf '%s' "$("$bin" completion bash)" >completion.bash
check "bash itself accepts its completion" bash -n completion.bash
try man
has "the manual page comes from the tables" "$out" "countersign provision"
check "the manual page passes the linter" sh -c '"$1" man | mandoc -Tlint -W warning' _ "$bin"

try setup --dir station
same "setup exits 0 without a terminal" $rc 0
same "private keys are for their owner only" "$(stat -c %a station/keys/station-1.key)" 600
before=$(sha256sum station/owner/owner-1.key)
try setup --dir station
same "setup again keeps the owner's anchor" "$(sha256sum station/owner/owner-1.key)" "$before"
check "the station's certificate verifies for what it says" sh -c \
	'openssl x509 -in station/keys/station-1.pem -noout -ext extendedKeyUsage | grep -q 2.25.276109209820688181293072881045488597224.1'
try manufacture --suite 3
same "a suite out of bounds exits 2" $rc 2
has "and says the bound" "$err" "1 or 2"
try manufacture --out device --owner station/owner/owner-1.key
same "manufacture exits 0" $rc 0
same "the device's state is for its owner only" "$(stat -c %a device/device.state)" 600

mkdir modules
find "$top_builddir" -path '*/.libs/*_*.so' -exec cp {} modules \;
cat >bad.conf <<'EOF'
schema = 1;
plugins : { path = [ "modules" ]; };
station : { name = "x"; profle = "lab"; };
store : { use = "sqlite"; path = "s.db"; busy_ms = 5000000000; };
EOF
try config check bad.conf
same "a configuration with mistakes exits 1" $rc 1
has "the unknown option has file, line and the nearest name" "$out" 'bad.conf:3: '
has "the nearest name" "$out" 'profile'
has "an integer that would be cut off is named" "$out" '5000000000'
tap_done
