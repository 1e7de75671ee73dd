#!/bin/bash
# Every pitfall docs/attestation.md names has the test it says: the sentence is in the file.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
rows=0
while IFS='|' read -r _ pitfall file sentence _; do
	file=$(echo "$file" | tr -d '` ') sentence=$(echo "$sentence" | sed 's/^ *//; s/ *$//')
	rows=$((rows + 1))
	check "$(echo "$pitfall" | sed 's/^ *//; s/ *$//')" grep -qF -- "$sentence" "$top_srcdir/$file"
done < <(grep -E '^\|[^|]*\| `tests/[^|]*\|' "$top_srcdir/docs/attestation.md")
check "there are rows" test $rows -gt 60
tap_done
