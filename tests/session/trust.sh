#!/bin/bash
# Whose modules are loaded, and where they run: signers, sealed copies, workers.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?} bin=${top_builddir:?}/countersign
# shellcheck source=tests/session/parties.sh
. "$top_srcdir/tests/session/parties.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try ARGS...: runs the command; sets out, err, rc.
try() {
	rc=0
	out=$("$bin" "$@" 2>"$work/err") || rc=$?
	err=$(cat "$work/err")
}

# row NAME: the line of plugins list that has it, single spaced.
row() { printf '%s\n' "$out" | tr -s ' ' | grep " $1 "; }

mkdir "$work/nothing"
if "$bin" plugins list --plugin-path "$work/nothing" | grep -q ' built in '; then
	echo "1..0 # SKIP the plugins are built in: there are no modules to be signed"
	exit 0
fi
gather_modules "$work/modules"
make_parties "$work/parties" || exit 99
openssl genpkey -algorithm ed25519 -out "$work/signer.key" 2>/dev/null
openssl pkey -in "$work/signer.key" -pubout -out "$work/signer.pem"
openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "$work/p256.key" 2>/dev/null
conf=station/countersign.conf
cp $conf plain.conf

try plugins list -c $conf
same "the list is there" $rc 0
has "a verifier runs in a worker" "$(row x509)" " file yes ready"
has "a channel does, with a media" "$(row qr)" " file yes ready"
has "or without one" "$(row file)" " file yes ready"
has "a media in that of its channel" "$(row gst)" " file channel ready"
has "a store does not" "$(row sqlite)" " file - ready"
try plugins info x509 -c $conf
has "and plugins info says so" "$out" 'worker   runs in one, unless isolation = "none"'

try plugins sign "$modules/attest_x509.so"
same "to sign needs a key" $rc 2
try plugins sign "$modules/attest_x509.so" --key "$work/p256.key"
same "and one of Ed25519" $rc 3
try plugins sign "$work/nothing.so" --key "$work/signer.key"
same "and a module" $rc 3

sed -i "s|^plugins : { path|plugins : { signers = \"$work/signer.pem\"; path|" $conf
try plugins list -c $conf
has "with signers a module nobody signed is refused" "$(row attest_x509)" "refused: no signature $modules/attest_x509.so.sig"
for module in "$modules"/*.so; do
	"$bin" plugins sign -q "$module" --key "$work/signer.key" || exit 99
done
try plugins list -c $conf
has "signed ones are loaded from a sealed copy" "$(row x509)" " sealed yes ready"
same "all of them" "$(printf '%s\n' "$out" | grep -c refused)" 0

start_device device --json
start_station device/manifest.cbor --json
finish "$station_pid"
same "a session over sealed modules: the station exits 0" $rc 0
finish "$device_pid"
same "a session over sealed modules: the device exits 0" $rc 0

printf x >>"$modules/attest_x509.so"
try plugins why attest_x509 -c $conf
same "a module that was changed since exits 1" $rc 1
has "and says why" "$out" "was made by none of the signers for this file"
rm "$modules/attest_x509.so.sig" && cp "$(find "$build/plugins" -name attest_x509.so | head -n 1)" "$modules"
cp plain.conf $conf

# A hung or missing worker must not be worked around by running without one.
sed -i 's|^plugins : { path|plugins : { worker = "nothing-here"; path|' $conf
try provision device/manifest.cbor --payload payload.json -c $conf
same "without a worker the station does not start" $rc 3
has "and says what is missing" "$err" "no worker to isolate plugins in"
cp plain.conf $conf
cp "$build/countersign-worker" worker && chmod 775 worker
sed -i "s|^plugins : { path|plugins : { worker = \"$PWD/worker\"; path|" $conf
try provision device/manifest.cbor --payload payload.json -c $conf
has "nor with one that others can write" "$err" "can be written by its group"
cp plain.conf $conf
sed -i 's|^attest = ( { |&isolation = "sometimes"; |' $conf
try config check $conf
has "isolation has three words" "$out" 'must be one of auto|worker|none'
cp plain.conf $conf

sed 's/profile = "lab"/profile = "factory"/' plain.conf >factory.conf
try plugins list -c factory.conf --plugin-path "$modules"
same "--plugin-path with a factory's configuration exits 2" $rc 2
has "and says why" "$err" "--plugin-path works in the lab profile only"
try plugins list -c $conf --plugin-path "$modules"
same "with a lab's it is taken" $rc 0
try setup --dir factory --profile factory --plugin-path "$modules"
same "setup does not write one for a factory" $rc 2
check "and makes nothing" test ! -e factory
tap_done
