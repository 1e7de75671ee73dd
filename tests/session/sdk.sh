#!/bin/bash
# The SDK as a stranger meets it: installed elsewhere, every kind written, built and
# checked with pkg-config alone; our own modules checked; wrong ones found out.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
umask 022
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
root=$dir/root
if ! make -C "${top_builddir:?}" install DESTDIR="$root" >"$dir/install.log" 2>&1; then
	tail -5 "$dir/install.log" | sed 's/^/# /'
	tap_ok 1 "make install works"
	tap_done
fi
tap_ok 0 "make install works"
cd "$dir" || exit 99

# As if it had been configured for here.
pc=$(find "$root" -name countersign.pc)
sed -i "s:^prefix=:&$root:" "$pc"
PKG_CONFIG_LIBDIR=$(dirname "$pc")
export PKG_CONFIG_LIBDIR
export CC="${CC:-cc}" CFLAGS="-O1 -Wall -Wextra -Werror"
bin=$(find "$root" -type f -name countersign -perm -u+x)
# The program looks for plugins where it was installed to; here that is elsewhere.
modules=$(find "$root" -name channel_file.so -printf '%h')
if [ -z "$modules" ]; then # they are in the program; the tree has them as files, too
	modules=$dir/modules
	mkdir "$modules"
	find "$(realpath "$top_builddir")/plugins" -path '*/.libs/*.so' -exec cp {} "$modules" \;
fi
mkdir "$dir/bin"
cat >"$dir/bin/countersign" <<END
#!/bin/sh
case "\${1-}" in
demo) exec "$bin" "\$@" --plugin-path "$modules" ;;
*) exec "$bin" "\$@" ;;
esac
END
chmod +x "$dir/bin/countersign"
PATH=$dir/bin:$PATH

check "nothing to link with" test -z "$(pkg-config --libs-only-l countersign)"
for kind in channel media attest format ceremony keys store prompt; do
	check "$kind: a folder is written" countersign plugins new $kind mine --dir "$dir" -q
	check "$kind: it builds without a warning" make -s -C "${kind}_mine"
	out=$(make -s -C "${kind}_mine" check 2>&1)
	same "$kind: it passes its check" $? 0
	printf '%s\n' "$out" | sed 's/^/#   /'
	check "$kind: no word of the template is left" sh -c '! grep -r "@[A-Z]*@" "$1"' _ "${kind}_mine"
	rc=0
	(cd "${kind}_mine" && meson setup b && meson test -C b) >"$kind.log" 2>&1 || rc=$?
	same "$kind: meson builds and checks it too" $rc 0
	[ $rc -eq 0 ] || sed 's/^/#   /' "$kind.log"
done
# refused WHAT EXIT CODE ARG...
refused() {
	local what=$1 want=$2 code=$3 err rc=0
	shift 3
	err=$(countersign plugins new "$@" 2>&1) || rc=$?
	same "$what exits $want" $rc "$want"
	has "$what says which rule" "$err" "$code"
}
before=$(sha256sum channel_mine/channel_mine.c)
refused "a folder that is there" 3 CSN-PLG-005 channel mine
same "and its file is as it was" "$(sha256sum channel_mine/channel_mine.c)" "$before"
refused "a name with a slash" 2 CSN-PLG-004 channel ../mine
refused "a name with a capital" 2 CSN-PLG-004 channel Mine
refused "a name that is too long" 2 CSN-PLG-004 channel abcdefghijklmnopqrstuvwxy
refused "an unknown kind" 2 CSN-USE-001 pigeon mine
refused "no name" 2 CSN-USE-001 channel

# wrong KIND NAME SED LINE: a template made wrong in one way fails first with that line.
wrong() {
	countersign plugins new "$1" "$2" -q
	sed -i "$3" "$1_$2/$1_$2.c"
	make -s -C "$1_$2" CFLAGS=-O1
	out=$(countersign plugins check "$1_$2/$1_$2.so" 2>&1)
	same "$2: exits 1" $? 1
	has "$2: the right line fails" "$(printf '%s\n' "$out" | grep -m 1 '^not ok')" "$4"
}
wrong channel deaf 's/op != me->receiving/1 || op != me->receiving/' \
	"a receive with nothing to receive stays pending"
wrong channel twice 's/^\tme->host->op_done(op, CSN_E_CANCELLED, NULL);/&\n&/' \
	"a cancelled receive ends as cancelled (-10, not ended once)"
wrong channel wide 's/message.len > me->limit/message.len > me->limit + 1/' \
	"a message over max_message is refused as too big"
wrong channel nobound 's/max_message = me->limit/max_message = 0/' "caps: max_message is 1 to"
wrong channel default 's/limit, 4096, 1, 65536/limit, 70000, 1, 65536/' "the loader takes the module"
wrong attest credulous 's/if (echo(/if (evidence->value.len + evidence->challenge.len == 0 || echo(/' \
	"no evidence at all is never a pass"

for module in "$root"/*/countersign/plugins/*.so "$root"/*/*/countersign/plugins/*.so \
	"$root"/*/*/*/countersign/plugins/*.so; do
	[ -f "$module" ] || continue
	out=$(countersign plugins check "$module" 2>&1 </dev/null)
	same "our ${module##*/} passes" $? 0
	printf '%s\n' "$out" | grep -E '^not ok|SKIP' | sed 's/^[^#]*ok [0-9]* - *\(# SKIP\)\{0,1\}/#  /'
done

# Those that need a value to be created, with one.
mkdir given
(umask 077 && openssl rand -hex 32 >given/key)
openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout >given/anchor.pem
# with MODULE LINE KEY=VALUE [KEY=VALUE]: passes, and that line was among what was asked.
with() {
	out=$(countersign plugins check "$modules/$1.so" --set "$3" ${4:+--set "$4"} 2>&1)
	same "our $1 passes with ${3%%=*} given" $? 0
	printf '%s\n' "$out" | sed -n 's/^not ok/#  not ok/p'
	has "our $1: it was asked that" "$out" "$2"
}
with attest_psk "no evidence to a challenge is never a pass" key="$dir/given/key"
with attest_x509 "no evidence to a challenge is never a pass" anchors="$dir/given/anchor.pem"
with attest_dice "no evidence to a challenge is never a pass" anchors="$dir/given/anchor.pem" \
	references_needed=false
mkdir -m 700 given/mac
with attest_eat "no evidence to a challenge is never a pass" mac_keys="$dir/given/mac"
printf '%064d\n' 0 >given/allow
with attest_tpm2 "no evidence to a challenge is never a pass" allow="$dir/given/allow"
with channel_file "a cancelled receive ends as cancelled" folder="$dir/given"
with store_sqlite "after kill -9 everything that was answered is there" path="$dir/given/db"
mkdir -m 700 given/keys
(umask 077 && openssl genpkey -algorithm ed25519 >given/keys/check.key 2>/dev/null)
with keys_file "sign cancelled at each of" path="$dir/given/keys"
out=$(countersign plugins check "$modules/channel_file.so" --set foldr=/tmp 2>&1)
same "an option that is not there exits 2" $? 2
has "and the nearest is named" "$out" 'no option "foldr"; did you mean "folder"?'
out=$(umask 002 && countersign plugins new channel shared -q && make -s -C channel_shared check 2>&1)
same "a umask that lets the group write is no hindrance" $? 0
out=$(countersign plugins check "$modules/channel_file.so" --set folder 2>&1)
same "an option without a value exits 2" $? 2
has "and says so" "$out" "is not KEY=VALUE"

# The tutorial, as it stands there.
tutorial=$top_srcdir/docs/plugin-tutorial.md example=$top_srcdir/sdk/example/channel_fifo
mkdir tutorial
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$tutorial" >tutorial/commands
check "the tutorial takes at most 8 commands" test "$(grep -c . tutorial/commands)" -le 8
out=$(cd tutorial && timeout 120 bash -eu commands 2>&1 </dev/null)
same "every command of the tutorial works" $? 0
has "a device was enrolled over its channel" "$out" "enrolled      done"
has "the station sent its offer there" "$(cat tutorial/channel_fifo/run/station/countersign.conf)" \
	'{ role = "offer"; use = "fifo"; out = '
has "the device got what was sent" "$(cat tutorial/channel_fifo/run/device/delivered.json)" workshop
has "and it ends with what others see" "$out" "fifo: carries messages through named pipes"
countersign plugins new channel fifo -q
own=$(diff channel_fifo/channel_fifo.c "$example/channel_fifo.c" | grep -c '^>')
check "its channel has at most 120 lines of its own ($own)" test "$own" -le 120
check "its text says so" grep -q "^templates: $own lines of it differ" "$tutorial"
check "every piece of it that the tutorial shows is in it" python3 - "$tutorial" "$example/channel_fifo.c" <<'END'
import re, sys
text, code = open(sys.argv[1]).read(), open(sys.argv[2]).read()
pieces = re.findall(r"^```c\n(.*?)^```$", text, re.S | re.M)
sys.exit(not pieces or any(piece not in code for piece in pieces))
END
for part in Makefile meson.build test.sh; do
	check "$part of the example is the template's" cmp "channel_fifo/$part" "$example/$part"
done

# The example as it is installed, out of tree, and its own test.
cp -r "$(pkg-config --variable=exampledir countersign)/channel_fifo" example
out=$(make -s -C example check CHECK="--set in=$dir/a --set out=$dir/b --peer in=$dir/b --peer out=$dir/a --inject $dir/a" 2>&1)
same "the installed example passes with both ends" $? 0
has "and was asked what arrives" "$out" "it carries max_message bytes, 4096, to the other end as sent"
has "and was asked to survive noise" "$out" "noise where it reads is survived"
sed -i 's/ || whole(in) > HEAD + me->limit//' example/channel_fifo.c
out=$(make -s -C example check CFLAGS="-O1" CHECK="--set in=$dir/a --set out=$dir/b --peer in=$dir/b --peer out=$dir/a --inject $dir/a" 2>&1)
check "one that believes a length is found out" test -n "$(printf '%s\n' "$out" | grep '^not ok')"
tap_done
