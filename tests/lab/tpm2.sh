#!/bin/bash
# attest/tpm2 and a software TPM, live: fresh keys of both kinds quote over our challenge.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(realpath "${top_builddir:?}")
bin=$build/countersign judge=$build/tests/lab/tpm2_judge
. "$top_srcdir/tests/session/parties.sh"
lab=${CSN_LAB:-$top_srcdir/../shared/lab}

if [ $# -eq 0 ]; then
	[ -f "$lab/tpm/run.sh" ] || {
		echo "1..0 # SKIP no lab at $lab/tpm (set CSN_LAB)"
		exit 0
	}
	bash "$lab/tpm/run.sh" -- "$0" inside
	rc=$?
	[ $rc -ne 125 ] || echo "1..0 # SKIP lab/tpm cannot run on this machine"
	exit $((rc == 125 ? 0 : rc))
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
nonce=$(openssl rand -hex 32)

tpm2_startup -c >/dev/null 2>&1
tpm2_pcrextend 7:sha256="$(openssl rand -hex 32)" >/dev/null 2>&1
# A TPM has room for three objects: what a step left loaded is let go of.
step() {
	"$@" && tpm2_flushcontext -t
}
# quote NAME ALGORITHM SCHEME: a key under the endorsement hierarchy quotes PCRs 0 and 7.
quote() {
	{
		step tpm2_createek -c ek.ctx -G rsa -u ek.pub &&
			step tpm2_createak -C ek.ctx -c "$1.ctx" -G "$2" -g sha256 -s "$3" -u "$1.pub" &&
			step tpm2_quote -c "$1.ctx" -l sha256:0,7 -q "$nonce" -m "$1.attest" \
				-s "$1.sig" -g sha256 --scheme "$3" &&
			step tpm2_pcrread sha256:0,7 -o "$1.pcrs"
	} >"$1.log" 2>&1 || sed 's/^/# /' "$1.log"
}

for kind in "ec ecc ecdsa" "rsa rsa rsassa" "pss rsa rsapss"; do
	# shellcheck disable=SC2086 # three words
	set -- $kind
	quote "$@"
	out=$("$judge" "$1.attest" "$1.sig" "$1.pub" "$nonce" "$1.pcrs" "$1.item" "$1.allow" 2>&1)
	tap_ok $? "a live quote by $2 with $3 is accepted: $out"
done
out=$("$judge" ec.attest ec.sig ec.pub "$(openssl rand -hex 32)" ec.pcrs)
[ "$out" = tpm2.nonce ]
tap_ok $? "for another challenge it is refused: $out"
tpm2_pcrextend 7:sha256="$(openssl rand -hex 32)" >/dev/null 2>&1
tpm2_pcrread sha256:0,7 -o later.pcrs >/dev/null 2>&1
out=$("$judge" ec.attest ec.sig ec.pub "$nonce" later.pcrs)
[ "$out" = tpm2.pcrs ]
tap_ok $? "with the values of a moment later it is refused: $out"
out=$("$judge" ec.attest rsa.sig ec.pub "$nonce" ec.pcrs)
[ "$out" = tpm2.signature ]
tap_ok $? "with the signature of another key it is refused: $out"

# The same by command, the verifier in a worker.
gather_modules "$work/modules"
mkdir parties
cd parties || exit 99
make_station || die "no station"
try() {
	sed -i '/^attest[ :=]/d' station/countersign.conf
	printf 'attest = ( { use = "tpm2"; allow = "%s"; } );\n' "$work/$1.allow" \
		>>station/countersign.conf
	out=$("$bin" policy try "$work/$2.item" --type tpm2 --challenge "$3" \
		-c station/countersign.conf 2>&1 <&-)
}
for kind in ec rsa pss; do
	try $kind $kind "$nonce"
	has "a live quote ($kind) by command" "$out" "instance-identity  affirming (2)"
done
try rsa ec "$nonce"
has "by a key nobody allowed it is refused" "$out" "[tpm2.key.unknown]"
try ec ec "$(openssl rand -hex 32)"
has "for another challenge, too" "$out" "[tpm2.nonce]"
tap_done
