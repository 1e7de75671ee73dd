#!/bin/bash
# The checker, held to modules that are wrong in one way each: the lines it fails are
# these, word for word, and no others.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
dir=$(mktemp -d)
# Where a sync costs nothing if there is such a place: a busy disk makes no store slow then.
disk=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$dir" "$disk"' EXIT
umask 022
checker=${top_builddir:?}/countersign-check
# shellcheck source=tests/modules/build.sh
. "$top_srcdir/tests/modules/build.sh"

# finds NAME KIND LINES [ARG...]: LINES are all that fail, without numbers and places.
finds() {
	local name=$1 kind=$2 want=$3 out rc=0 code
	code=$([ -n "$want" ] && echo 1 || echo 0)
	shift 3
	build "$name" "$kind" || {
		tap_ok 1 "$name is built"
		return
	}
	out=$("$checker" --limit 20 "$@" "$dir/$name/${kind}_wrong.so" 2>"$dir/$name/err") || rc=$?
	same "$(about "$name")" \
		"$(printf '%s\n' "$out" | sed -n 's/+0x[0-9a-f]*//; s/^not ok [0-9]* - //p')" "$want"
	same "$name.c: the exit code says so" "$rc" "$code"
	[ "$rc" = "$code" ] ||
		printf '%s\n' "$out" "$(cat "$dir/$name/err")" | tail -n 30 | sed 's/^/#   /'
}

# What needs a malloc of the checker's own; the sanitizers bring theirs.
with_malloc() {
	if [ -n "$sanitized" ]; then
		tap_ok 0 "$1.c # SKIP the sanitizers bring their own malloc"
	else
		finds "$@"
	fi
}

sanitized=
if grep -q '^CSN_CFLAGS.*-fsanitize=address' "$top_builddir/Makefile"; then
	sanitized=1
	export ASAN_OPTIONS=handle_segv=0:detect_leaks=0
fi
pin=pin=correct-horse-battery
life="create and destroy"

# Nothing.
finds sound channel ""
finds durable store "" --set path="$disk/durable"

# What the loader already says.
loads() { finds "$1" channel "the loader takes the module: $dir/$1/channel_wrong.so: $2"; }
loads typeless 'option "odd" of channel wrong has unknown type 9'
loads inverted 'option "odd" of channel wrong has bounds 9 to 1'
loads needless "channel wrong does not say why it needs a store"

# Crashes, hangs and the like cost a line, and the checker goes on.
finds crashes channel "it crashes with SIGSEGV in create: $life"
finds exits channel "it ends the process with exit code 3 in create: $life"
finds hangs channel "it hangs in caps: $life" --limit 1
finds once channel "the second create gives an instance: all went well"
finds silent channel "the first create says why it failed and leaves *ret_self alone"

# Operations.
finds never channel "a message of max_message bytes is carried, or waits for somebody (-9)
every operation ends: send never ended"
finds twice channel "no operation ends twice: send was ended twice"
finds deaf channel "a cancelled receive ends as cancelled (-10, not ended once)
every operation ends: receive did not end when it was cancelled"
finds thread channel "what is marked [loop] is called on the loop's thread: op_done was called from another thread"
finds sleeps channel "send is back within a blink of 20 ms"
finds computes channel "caps is back within a blink of 20 ms"

# Sizes.
finds newer channel "it crashes with SIGSEGV in caps: $life"
finds laterhost channel "it crashes with SIGSEGV in create: $life"
finds greedy channel "a host of a later contract: what is beyond is left alone: caps wrote beyond what it knows
no struct is written beyond its size: caps wrote beyond what it knows"

# Memory and secrets.
with_malloc leaks channel "create, use and destroy leak no memory: 24 bytes each time, the last asked for by channel_wrong.so"
with_malloc unchecked channel "it crashes with SIGSEGV in create: allocation 3 of 4 fails"
with_malloc half channel "each allocation failing: a create that fails frees what it had (allocation 4 fails; what is left was asked for by channel_wrong.so)"
with_malloc talks channel "no secret is in memory that was given back: freed by channel_wrong.so" --set $pin
with_malloc keeps channel "no secret is in memory after destroy" --set $pin
with_malloc logs channel "the host's functions are called as host.h says: log was given a secret" --set $pin
finds opens channel "create, use and destroy leave no descriptor open"
finds timer channel "destroy leaves nothing in the loop: a timer after destroy"
finds stale channel "the host's functions are called as host.h says: timer_drop got a timer that has run or was dropped"

# Channels.
finds boundless channel "caps: max_message is 1 to 16777216"
finds wide channel "a message over max_message is refused as too big (0)"
finds empty channel "an empty message is carried or refused as invalid (-5)"
finds cuts channel "it carries line ends to its sender as sent: something else came"
finds short channel "it carries max_message bytes, 64, to its sender as sent"
finds backwards channel "it carries 3 messages in a row to its sender in order"
finds trusting channel "it crashes with SIGSEGV in feed: samples without memory"
finds corrupts channel "what one instance shows another one takes in
a frame is drawn on and otherwise left alone: render changed its frame's shape or memory"

# Verifiers.
finds credulous attest "no evidence at all is never a pass
no evidence at all: appraise does not raise it
no evidence to a challenge is never a pass
no evidence to a challenge: appraise does not raise it"
finds raises attest "an undecided verdict is not raised"
finds undecided attest "one byte: an answer of CSN_OK holds a judgement"
finds decided attest "no evidence at all: an error leaves the verdict undecided
no evidence to a challenge: an error leaves the verdict undecided
one byte: an error leaves the verdict undecided
noise: an error leaves the verdict undecided
noise without a challenge: an error leaves the verdict undecided
the challenge itself: an error leaves the verdict undecided
zeros of a signature's length: an error leaves the verdict undecided
zeros of a MAC's length: an error leaves the verdict undecided
four thousand bytes: an error leaves the verdict undecided"
with_malloc failopen attest "noise is never a pass, whatever fails: noise was accepted"

# Formats.
finds trailing format "a byte behind the end is refused"
finds lossy format "a record comes back as it went in"
with_malloc unwiped format "no secret is in memory that was given back: freed by format_wrong.so"
with_malloc open format "no secret is in memory that was given back: a buffer with one is not marked secret"

# Ceremonies: the second line is the rule's own, at the end.
session() {
	finds "$1" ceremony "$2: $3
a session is asked as ceremony.h says: $3"
}
whole="a session that grants everything finishes once"
finds agreed ceremony ""
session early "$whole" "the payload was asked for before AUTHORISED was granted"
session skips "$whole" "stage 3 was asked for behind 3"
session unstoppable "$whole" "a session did not finish when it was stopped"
session insists "$whole" "fact was called behind finish"
session clock "$whole" "now was called in step: a ceremony does no I/O"
session nameless "$whole" "decide was called with the id 0"
session overrules "each stage refused in turn: who was refused is not enrolled" \
	"stage 2 was asked for after one was refused"
session forgets "frozen after each event it goes on from its state" "stage 1 was asked for behind 1"
with_malloc remembers ceremony "no secret is in memory that was given back: freed by ceremony_wrong.so"

# Stores.
stored() { finds "$1" store "$2" --set path="$disk/$1"; }
synced="the disk was told to write it down before the answer (0)"
listened="when the disk says that it cannot, the answer is no (0)"
stored later "after kill -9 everything that was answered is there
and its audit entries with it
$synced
$listened"
stored nosync "$synced
$listened"
stored optimist "$listened"
stored parts "of a refused transaction nothing is kept
and nothing of that transaction is kept
those of a refused transaction are not
and there is none past the end"
stored forgives "a second one is refused (0)
and so is a transaction that holds it (0)
of a refused transaction nothing is kept
those of a refused transaction are not
and there is none past the end
a claim is for ever"

# Every module stands in the table of what is checked, and every name there is a module.
table=$top_srcdir/tests/modules/README.md
same "each module is in a row of README.md" "$(for file in "$wrong"/*.c; do
	name=$(basename "$file" .c)
	grep -q "^|.*\`$name\`" "$table" || echo "$name"
done)" ""
same "and each name in a row is a module" "$(sed -n '5,$s/^|[^|]*|//p' "$table" | grep -o '`[a-z_./]*`' |
	tr -d '`' | while read -r name; do
		case $name in *.sh) continue ;; esac
		[ -f "$wrong/$name.c" ] || echo "$name"
	done | grep -v NAME)" ""
tap_done
