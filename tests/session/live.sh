#!/bin/bash
# Evidence a device makes in a two-way session, of every kind it has keys for: certificates
# of another maker, a shared key, layers; and what of it is good in no other session.
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
mkdir "$dir/dice" && "$build/tests/session/dice_item" "$dir/dice" || die "no layers"

# maker NAME KEY: a maker's root, and a device's certificate with a serial number under it.
maker() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1-root.key" &&
		openssl req -x509 -new -key "$1-root.key" -days 100 -subj "/CN=$1 root" \
			-addext keyUsage=critical,keyCertSign,cRLSign -out "$1-root.pem" &&
		printf '%s\n' 'basicConstraints=critical,CA:FALSE' \
			'keyUsage=critical,digitalSignature' 'subjectKeyIdentifier=hash' \
			'authorityKeyIdentifier=keyid' >device.ext &&
		openssl req -new -key "$2" -subj "/O=$1/serialNumber=SN-48213" -out device.csr &&
		: >"$1.index" && printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s.index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\norganizationName=supplied\nserialNumber=supplied\n' "$1" >ca.conf &&
		openssl ca -batch -config ca.conf -cert "$1-root.pem" -keyfile "$1-root.key" -in device.csr \
			-startdate 20200101000000Z -enddate 99991231235959Z -preserveDN -notext \
			-extfile device.ext -out "$1-device.pem"
}
for key in device stranger; do
	openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out $key.key
done
{ maker acme device.key && maker evil stranger.key; } >ca.log 2>&1 || die "no makers: $(tail -n 1 ca.log)"
mkdir -p makers/acme && cp acme-root.pem makers/acme/
printf '%s\n' 8f3c1a5be2d4470691ac5e7f20b3d86814c9e5a2f7063bd148ca92e01f6d7b55 >shared.key
printf '%s\n' 1f3c1a5be2d4470691ac5e7f20b3d86814c9e5a2f7063bd148ca92e01f6d7b56 >other.key
chmod 600 shared.key other.key

station_judges() {
	sed -i '/^attest[ :=]/d; /^ceremony /d' $conf
	cat >>$conf <<-EOT
		ceremony : { use = "csgn1"; makers = "trust/makers"; require_evidence = "x509,idevid,psk-kdf,dice"; };
		attest = ( { use = "x509"; anchors = "trust/makers"; }, { use = "x509"; profile = "idevid"; makers = "$PWD/makers"; }, { use = "psk"; key = "$PWD/shared.key"; derive = true; }, { use = "dice"; anchors = "$dir/dice/uds.pem"; references = "$dir/dice/references"; unsigned_references = true; leaf_is_device = false; } );
	EOT
}
station_judges
sed -i 's/^ceremony .*/ceremony : { use = "csgn1-device"; evidence = "both"; psk_derive = true; };/' device/device.conf

# keeps OPTION...: into the device's store.
keeps() { "$bin" device evidence -q --dir device "$@" >keeps.out 2>&1 <&-; }
# session: both sides, two way; the device's last hello stays as hello.m0b.
session() {
	clear_air
	rm -f device/delivered.json
	start_device device
	start_station device/manifest.cbor --two-way
	finish "$station_pid"
	station_rc=$rc
	stop "$device_pid"
	cat station.out station.err >said
}

session
same "without the evidence it is asked for a device is refused" $station_rc 1
has "by its code" "$(cat said)" CSN-222
check "a shared key is kept" keeps --psk shared.key
check "so is another maker's key with its certificate" \
	keeps --type idevid --key device.key --chain acme-device.pem
check "and the last layer's with its chain" \
	keeps --type dice --key "$dir/dice/leaf.key" --chain "$dir/dice/chain.pem"
keeps --type ldevid --key device.key --chain evil-device.pem
same "a key and another's certificate are not" $? 2
has "and the reason is told" "$(cat keeps.out)" CSN-DEV-007

# A hello of this device that no station took, as whoever listens has it.
clear_air
start_station device/manifest.cbor --two-way
announced() { [ -n "$(first station/air/offer)" ]; }
wait_until "the station's word" announced
stop "$station_pid"
start_device device
answered() { [ -n "$(first station/air/return)" ]; }
wait_until "the device's hello" answered
cp "$(first station/air/return)" hello.m0b
stop "$device_pid"

# judged FILE: "type judgement reason" of each piece of evidence in it.
judged() {
	"$bin" policy try "$1" --json -c $conf >try.json 2>try.err <&-
	python3 -c 'import json
for e in json.load(open("try.json"))["evidence"]:
    print(e["type"], e["judgement"], *[r["code"] for r in e["reasons"]][:1])'
}
same "every item of it is good for its own session" "$(judged hello.m0b)" \
	"$(printf '%s accepted\n' x509 x509 psk-kdf idevid dice)"
"$bin" policy try hello.m0b --save recording.json -c $conf >save.out 2>&1 <&-
python3 - <<'EOT'
import json
r = json.load(open("recording.json"))
r["challenge"] = "00" + r["challenge"][2:]
json.dump(r, open("replayed.json", "w"))
EOT
same "and for no other: each is refused by the check of its kind" "$(judged replayed.json)" \
	"$(printf '%s\n' 'x509 rejected x509.syntax' 'x509 rejected x509.signature' \
		'psk-kdf rejected psk.mac' 'idevid rejected x509.proof' 'dice rejected dice.proof')"

# last_reasons: what the log's newest appraisals said, as far as they said no.
last_reasons() {
	"$bin" audit show --json -c $conf 2>/dev/null <&- | python3 -c 'import json, sys
print(*[x.get("reason") for x in json.load(sys.stdin)["entries"] if x["what"] == "appraise" and not x["yes"]][-1:])'
}
# refused WHAT REASON: a session that ends by 222, for that reason.
refused() {
	session
	same "$1: refused" "$station_rc" 1
	has "$1: nothing but the code is said" "$(cat said)" CSN-222
	same "$1: the log says by which check" "$(last_reasons)" "$2"
	check "$1: nothing was delivered" test ! -e device/delivered.json
}
keeps --type idevid --key stranger.key --chain evil-device.pem
refused "a certificate of a maker nobody pinned" x509.anchor
keeps --type idevid --key device.key --chain acme-device.pem
keeps --psk other.key
refused "another shared key" psk.mac
keeps --psk shared.key
keeps --type dice --key stranger.key --chain evil-device.pem
refused "layers of somebody else" dice.anchor
keeps --type dice --key "$dir/dice/leaf.key" --chain "$dir/dice/chain.pem"

clear_air
enrol device --two-way
same "with all of it a session ends well" "$rc $device_rc" "0 0"
check "and delivers" test -e device/delivered.json
"$bin" audit show --json -c $conf >log.json 2>&1 <&-
same "its appraisals are in the log, all of them yes" "$(python3 -c 'import json
print(*[x["yes"] for x in json.load(open("log.json"))["entries"] if x["what"] == "appraise"][-5:])')" \
	"True True True True True"

results() { "$bin" audit results "$@" -c $conf >results.out 2>results.err <&-; }
results
same "every result that was kept is as the log has it" $? 0
has "and says what was judged" "$(cat results.out)" "dice accepted  record good"
has "and why not" "$(cat results.out)" "[psk.mac]"
has "at which layer" "$(cat results.out)" "[x509.anchor] at layer 1"
results --json
hash=$(python3 -c 'import json
rows = json.load(open("results.out"))["results"]
print([r["result"] for r in rows if r["type"] == "dice" and r["judgement"] == "accepted"][-1])')
results --json "$hash"
same "one by its hash, with the vector" \
	"$(python3 -c 'import json; (r,) = json.load(open("results.out"))["results"]; print(r["trust"]["executables"], r["record"])')" \
	"2 good"
python3 - "$hash" <<'EOT'
import sqlite3, sys
db = sqlite3.connect("station/state.db")
for table, in db.execute("select name from sqlite_master where type = 'table'").fetchall():
    columns = [c[1] for c in db.execute(f"pragma table_info({table})")]
    if {"space", "key", "value"} <= set(columns):
        value, = db.execute(f"select value from {table} where space = 'result' and key = ?",
                            (bytes.fromhex(sys.argv[1]),)).fetchone()
        db.execute(f"update {table} set value = ? where space = 'result' and key = ?",
                   (value[:-1] + bytes([value[-1] ^ 1]), bytes.fromhex(sys.argv[1])))
db.commit()
EOT
results
same "one that was changed in the store: exit 1" $? 1
has "and is named" "$(grep altered results.out)" "${hash:0:16}"

# list NUMBER: the maker's revocation list of that number, in its folder.
list() {
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=acme.index\ncrlnumber=acme.number\ndefault_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n' >crl.conf
	echo "$1" >acme.number
	openssl ca -gencrl -config crl.conf -crldays 30 -cert acme-root.pem -keyfile acme-root.key \
		-out makers/acme/list.pem >crl.log 2>&1
}
list 05
same "with a revocation list the evidence is judged as before" \
	"$(judged hello.m0b | grep idevid)" "idevid accepted"
list 04
judged hello.m0b >judged.out 2>&1
has "a list put back while the station was off: it does not start" "$(cat try.err try.json)" \
	x509.crl.rollback
list 06
same "with the next one it does" "$(judged hello.m0b | grep idevid)" "idevid accepted"

# What is enrolled may not be the key that proves who the device is: its own certificate,
# out of its hello, in a body.
python3 - <<'EOT'
import json
hello = open("hello.m0b", "rb").read()
at = hello.index(b"\x30\x82")
cert = hello[at:at + 4 + int.from_bytes(hello[at + 2:at + 4], "big")]
json.dump({"credentials": {"certificates": [{"id": "text:own", "chain": ["hex:" + cert.hex()]}]}},
          open("payload.json", "w"))
EOT
clear_air
enrol device --two-way
same "a body with a certificate of the identity key is refused" "$rc" 1
"$bin" audit show --json -c device/device.conf >log.json 2>&1 <&-
same "by the device's own policy (180)" \
	"$(python3 -c 'import json; print(json.load(open("log.json"))["entries"][-1].get("code"))')" 180
tap_done
