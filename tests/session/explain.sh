#!/bin/bash
# Every reason a verifier can give is explained, by more than its kind.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
bin=$(cd "${top_builddir:?}" && pwd)/countersign
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
facts='x509.h|dice.h|eat.h|psk.h|tpm2.h|tpm2.resets|tpm2.clock|tpm2.firmware|dice.form'
for kind in x509 dice eat tpm2 psk; do
	grep -ohE "\"$kind\.[a-z0-9.-]+\"" "$top_srcdir"/plugins/attest/*/*.c | tr -d '"' | sort -u |
		grep -vxE "$facts" >"$dir/codes"
	missing=
	while read -r code; do
		"$bin" explain "$code" >"$dir/out" 2>&1 <&- && grep -q 'next  ' "$dir/out" ||
			missing+="$code "
	done <"$dir/codes"
	same "$kind: each of $(wc -l <"$dir/codes") reasons has a meaning and what to do next" "$missing" ""
done
"$bin" explain x509 >"$dir/out" 2>&1 <&-
same "a kind lists its reasons" $? 0
has "with their meaning" "$(cat "$dir/out")" "x509.revoked"
"$bin" explain x509.crl.time --json >"$dir/out" 2>&1 <&-
has "as JSON, too" "$(cat "$dir/out")" '"code": "x509.crl.time"'
"$bin" explain nosuch.reason >"$dir/out" 2>&1 <&-
same "one that is none: exit 2" $? 2
tap_done
