#!/bin/bash
# The shared vectors through csn-vectors: N of M for each file, deviations by name.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
runner=${top_builddir:?}/tests/vectors/csn-vectors
data=${CSN_SHARED:-$top_srcdir/../shared}/data

for dir in csgn1 cbor cose crypto json x509/limbo x509/matter x509/ocsp; do
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
tap_done
