#!/bin/bash
# Evidence of other kinds than certificates, judged by command and within workers.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(cd "${top_builddir:?}" && pwd)
export bin=$build/countersign
. "$top_srcdir/tests/session/parties.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gather_modules "$dir/modules"
mkdir "$dir/parties" "$dir/given" && cd "$dir/parties" || exit 99
make_station || die "no station"
"$build/tests/session/dice_item" "$dir/given" || die "no evidence"
conf=station/countersign.conf
chal=$(printf '07%.0s' $(seq 32))
did=$(cat "$dir/given/did")

# verifiers LINES: what the station judges with.
verifiers() {
	sed -i "/^attest[ :=]/d" $conf
	printf 'attest = ( %s );\n' "$1" >>$conf
}
# try TYPE FILE [OPTION...]
try() {
	out=$("$bin" policy try "$2" --type "$1" --challenge "$chal" --did "$did" -c $conf \
		"${@:3}" 2>&1 <&-)
	rc=$?
}

dice="use = \"dice\"; anchors = \"$dir/given/anchor.pem\"; references = \"$dir/given/references\";"
verifiers "{ $dice unsigned_references = true; }"
try dice "$dir/given/item"
has "a chain of layers is accepted" "$out" "executables        affirming (2)"
has "configuration, too" "$out" "configuration      affirming (2)"
try dice "$dir/given/item" --at 1600000000
same "before its certificates began: exit 1" $rc 1
has "and says which check" "$out" "[dice.time]"
did=00000000000000000000000000000000 try dice "$dir/given/item"
has "about another device it is refused" "$out" "[dice.did]"
chal=$(printf '08%.0s' $(seq 32)) try dice "$dir/given/item"
has "for another challenge it is refused" "$out" "[dice.proof]"
head -c 300 "$dir/given/item" >"$dir/given/cut"
try dice "$dir/given/cut"
has "cut off it is refused" "$out" "[dice.syntax]"
verifiers "{ $dice }"
try dice "$dir/given/item"
check "with references nobody signed nothing is judged" [ $rc -ne 0 ]
has "and says why" "$out" "corim.unsigned"
verifiers "{ $dice unsigned_references = true; layers_min = 4; }"
try dice "$dir/given/item"
has "with fewer layers than policy wants it is refused" "$out" "[dice.layers]"

mkdir -m 700 "$dir/given/mac"
verifiers "{ use = \"eat\"; mac_keys = \"$dir/given/mac\"; }"
try cwt "$dir/given/item"
has "a token's verifier refuses what is none" "$out" "[eat.cose]"
printf '%064d\n' 0 >"$dir/given/allow"
verifiers "{ use = \"tpm2\"; allow = \"$dir/given/allow\"; }"
try tpm2 "$dir/given/item"
has "so does a quote's" "$out" "[tpm2.syntax]"
tap_done
