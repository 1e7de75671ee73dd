#!/bin/bash
# The spin model of the commit path: every claim of the rules as they are must hold, what
# must be reachable is, and each planted defect breaks the claims it must break.
#   models.sh FOLDER-OF-MODELS
set -u
models=${1:?}
rc=0

# expect WANTED-ERRORS CLAIM...: about the lines in $out.
expect() {
	local want=$1 claim
	shift
	for claim; do
		if grep -q "^errors: $want .* $claim\$" <<<"$out"; then
			echo "ok: $(grep " $claim\$" <<<"$out")"
		else
			echo "NOT: wanted $want errors: $(grep " $claim\$" <<<"$out")"
			rc=1
		fi
	done
}

out=$("$models/explore") || exit 1
expect 0 once audited nolost ladder truth recorded m3kept release
# An error trail is the proof that the state can be reached.
expect 1 r_resend r_conf r_rung r_clear
# Without the operator's word a station can be left on a used rung; with it it cannot.
expect 1 usable
out=$("$models/explore" WORD) || exit 1
expect 0 usable
for bug in BUG_PIN_AFTER:once BUG_SPLIT:nolost BUG_NOSTORE:m3kept BUG_RUNG:once BUG_RELEASE:release; do
	out=$("$models/explore" "${bug%:*}") || exit 1
	expect 1 "${bug#*:}"
done
exit $rc
