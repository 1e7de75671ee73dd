#!/bin/bash
# What policy says of evidence: tried out, and in a session that it stops.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=$(cd "${top_builddir:?}" && pwd)
export bin=$build/countersign
. "$top_srcdir/tests/session/parties.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gather_modules "$dir/modules"
make_parties "$dir/parties" || die "no parties"
conf=station/countersign.conf

try() {
	out=$("$bin" "$@" -c $conf 2>err <&-)
	rc=$?
	err=$(cat err)
}

is_json() { printf '%s' "$out" | python3 -c 'import json,sys; json.loads(sys.stdin.read())' 2>/dev/null; }

# member EXPRESSION: what python sees in the document d.
member() { printf '%s' "$out" | python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

set_policy() { sed -i "/^policy : /,\$d" $conf && printf 'policy : %s;\n' "$1" >>$conf; }

try policy show
same "show exits 0" $rc 0
has "and lists the defaults" "$out" "require: identity.did exists"
try policy try device/manifest.cbor
same "a manifest of the maker: exit 0" $rc 0
has "and says what was affirmed" "$out" "instance-identity  affirming (2)"
try policy try device/manifest.cbor --json
check "--json is one document" is_json
same "with the judgement" "$(member 'd["evidence"][0]["judgement"]')" accepted
same "and the level of assurance the core measured" "$(member 'd["facts"]["assurance"]')" 1
same "and every rule" "$(member 'len(d["rules"])')" 3

try policy try device/manifest.cbor -v --log json
check "the log as JSON: a document each line" python3 -c 'import json
lines = [json.loads(line) for line in open("err")]
assert lines and all(line["schema"] == 1 and line["text"] for line in lines)'
try policy try device/manifest.cbor -v --log journal
has "for a journal: the level in front" "$err" "<7>"
try policy try device/manifest.cbor --log xml
same "in no other shape: exit 2" $rc 2
has "and says which go" "$err" "text|journal|json"

python3 - <<'EOF'
b = bytearray(open("device/manifest.cbor", "rb").read())
b[-1] ^= 1
open("forged.cbor", "wb").write(b)
EOF
try policy try forged.cbor
same "a manifest with another signature: exit 1" $rc 1
has "names the check" "$out" "[x509.signature]"
has "and what was wanted" "$out" "a signature by the leaf"
try policy try forged.cbor --json
same "--json has layer, claim and code" \
	"$(member '[(r["code"], r["claim"]) for r in d["evidence"][0]["reasons"]]')" \
	"[('x509.signature', 'instance-identity')]"
same "and ok is false" "$(member 'd["ok"]')" False
try policy try device/manifest.cbor --at 1600000000
same "judged as of 2020: exit 1" $rc 1
has "its certificates were not valid then" "$out" "[x509.chain.time]"
try policy try device/manifest.cbor --save recording.json
same "a recording is written" $rc 0
try policy try recording.json
same "and judged alike" $rc 0
printf '{"schema":1,"evidence":[]}' >empty.json
try policy try empty.json
same "a recording without evidence exits 2" $rc 2
try policy try payload.json
same "a file that is no evidence exits 2" $rc 2
has "and says what goes" "$err" "policy try --save"
printf noise >noise.bin
try policy try noise.bin
same "noise exits 2" $rc 2
try policy try noise.bin --type nosuch
same "a type without a verifier: exit 1, nothing passes" $rc 1
has "and says so" "$out" "no verifier of that type"
try policy try noise.bin --type x509 --did 00
same "a device id that is none exits 2" $rc 2
try policy
same "no word exits 2" $rc 2

set_policy '{ quarantine = true; classes = ( { class = "pump"; pin = true; }, { class = "*"; all_of = [ "x509" ]; assurance = "proved"; } ); }'
try policy show
has "a class is one line" "$out" 'class *: all_of x509; any_of; assurance proved'
try policy try device/manifest.cbor
same "a class that wants a proof: exit 1" $rc 1
has "found" "$out" "assurance 1"
has "wanted" "$out" "assurance 2 (proved)"
try policy try device/manifest.cbor --class pump
same "judged as a pump, by that entry: exit 0" $rc 0
try policy try device/manifest.cbor --class pump --json
same "a PIN would be asked for" "$(member '[r["state"] for r in d["rules"] if "pump" in r["rule"]][0]')" asks

did=$(python3 - <<'EOF'
import subprocess, json, os
out = subprocess.run([os.environ["bin"], "policy", "try", "device/manifest.cbor", "--json",
                      "-c", "station/countersign.conf"], capture_output=True, text=True).stdout
print(json.loads(out)["facts"]["identity.did"])
EOF
)
try quarantine list
has "nothing of this was stored: no device is in quarantine" "$out" "no device is in quarantine"
try provision device/manifest.cbor --payload payload.json
same "a session policy refuses: exit 1" $rc 1
same "nothing was sent" "$(find station/air -name '*.msg' | wc -l)" 0
try quarantine list
same "the device is in quarantine" "$out" "$did  policy"
try audit show
has "the log has the appraisal" "$out" "appraise"
has "its answer and the hash of its result" "$(printf '%s\n' "$out" | grep appraise)" "yes"
has "by hash" "$(printf '%s\n' "$out" | grep appraise)" "result "
set_policy '{ }'
try provision device/manifest.cbor --payload payload.json
same "in quarantine it stays refused under any policy" $rc 1
has "by its code" "$out$err" 208
try quarantine release "$did"
same "release wants --yes" $rc 2
try quarantine release 00000000000000000000000000000000 --yes
same "another device: exit 1" $rc 1
try quarantine release "$did" --yes
same "released" $rc 0
try quarantine list
has "and gone from the list" "$out" "no device is in quarantine"
try audit show
has "the log says who was released" "$(printf '%s\n' "$out" | grep quarantine-release)" "$did"

set_policy '{ require = [ "identity.did exists", "clock == trusted" ]; }'
try policy try device/manifest.cbor
same "a rule about the clock, which nobody vouches for: exit 1" $rc 1
has "found" "$out" "untrusted"
sed -i 's/profile = "lab";/profile = "lab"; clock = "trusted";/' $conf
try policy try device/manifest.cbor
same "vouched for: exit 0" $rc 0
set_policy '{ }'
# As if the last entry had been written a day from now, and the clock set back since.
python3 - <<'EOF'
import sqlite3, struct
db = sqlite3.connect("station/state.db")
idx, entry = db.execute("select idx, entry from audit order by idx desc limit 1").fetchone()
at = [i for i in range(len(entry) - 4) if entry[i] == 0x1a and
      1700000000 < struct.unpack(">I", entry[i + 1:i + 5])[0] < 4000000000][0]
unix_s, = struct.unpack(">I", entry[at + 1:at + 5])
entry = entry[:at + 1] + struct.pack(">I", unix_s + 86400) + entry[at + 5:]
db.execute("update audit set entry = ? where idx = ?", (entry, idx))
db.commit()
EOF
clear_air() { find station/air -name '*.msg' -delete; }
clear_air
try provision device/manifest.cbor --payload payload.json
same "a clock that was set back since the log's last entry: exit 1" $rc 1
has "by the rule" "$out$err" "clock != behind"
same "and nothing was sent" "$(find station/air -name '*.msg' | wc -l)" 0
set_policy '{ require = [ "identity.did exists" ]; }'
try policy try device/manifest.cbor
same "a policy of one's own may say otherwise" $rc 0
tap_done
