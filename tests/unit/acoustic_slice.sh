#!/bin/bash
# A few bursts over the channel simulator: enough to see that nothing fell over.
set -u
# shellcheck source=tests/kit/tap.sh
. "$top_srcdir/tests/kit/tap.sh"

bench=$top_srcdir/tests/bench/acoustic
if ! /usr/bin/python3 -c 'import numpy, scipy' 2>/dev/null; then
	echo "1..0 # SKIP python3 with numpy and scipy is not installed"
	exit 0
fi
if ! "$bench" --have-channel >/dev/null 2>&1; then
	echo "1..0 # SKIP the channel simulator is not beside the source tree"
	exit 0
fi

while read -r preset level trials least; do
	line=$("$bench" --preset "$preset" --level "$level" --trials "$trials" --seed 900 \
		--bytes 41 | tail -n 1)
	echo "# $line"
	got=${line#*success } got=${got%%/*}
	check "$preset at equal $level: $least of $trials bursts arrive" test "$got" -ge "$least"
	has "$preset at equal $level: no wrong message" "$line" "false 0"
done <<'END'
desk rms 4 4
room peak 4 3
factory rms 4 3
hostile rms 4 3
END

all=$("$bench" --server --preset desk --trials 5 --seed 900 --bytes 41 2>&1)
rc=$?
if [ "$rc" -eq 125 ]; then
	echo "ok $((tap_count += 1)) - # SKIP no sound server can be run here"
	tap_done
fi
printf '%s\n' "$all" | sed 's/^/# /'
got=${all#*success } got=${got%%/*}
check "over a sound server in real time: 3 of 5 bursts arrive" test "$got" -ge 3
tap_done
