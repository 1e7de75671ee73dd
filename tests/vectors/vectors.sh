#!/bin/bash
# The shared vectors through csn-vectors: N of M for each file, deviations by name.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
runner=${top_builddir:?}/tests/vectors/csn-vectors
data=${CSN_SHARED:-$top_srcdir/../shared}/data

for dir in csgn1 cbor cose crypto dice json tpm x509/limbo x509/matter x509/ocsp; do
	if [ ! -d "$data/$dir" ]; then
		tap_count=$((tap_count + 1))
		echo "ok $tap_count - $dir # SKIP no vectors at $data/$dir"
		continue
	fi
	rc=0
	out=$("$runner" "$data/$dir" 2>&1) || rc=$?
	printf '%s\n' "$out" | grep -v ': 1 of 1, 0 left out$' | sed 's/^/# /'
	tap_ok $rc "$(printf '%s\n' "$out" | tail -1 | sed 's|.*: |'"$dir"' vectors, |')"
done
# One of PKITS is beyond OpenSSL: a floor, and nothing accepted that must not be.
if [ -d "$data/x509/pkits" ]; then
	out=$("$runner" "$data/x509/pkits" 2>&1)
	printf '%s\n' "$out" | sed 's/^/# /'
	passed=$(printf '%s\n' "$out" | sed -n 's/^vectors .*: \([0-9]*\) of .*/\1/p')
	rc=1
	[ "${passed:-0}" -ge 150 ] && printf '%s\n' "$out" | grep -q ': 0 false accepts$' && rc=0
	tap_ok $rc "x509/pkits vectors, ${passed:-0} of at least 150, 0 false accepts"
else
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - x509/pkits # SKIP no vectors at $data/x509/pkits"
fi
tap_done
