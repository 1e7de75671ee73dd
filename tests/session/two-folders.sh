# shellcheck shell=bash disable=SC2154 # bin and modules are the caller's
# A station and devices in the working folder, for tests of whole programs.

# make_station: a station and a payload.
make_station() {
	"$bin" setup -q --dir station --plugin-path "$modules" >/dev/null
	printf '{ "config": { "wifi": [ { "ssid": "workshop", "auth": "wpa2-psk",' >payload.json
	printf ' "passphrase": "correct horse battery" } ] } }\n' >>payload.json
}

# make_device DIR SUITE ARG...: a device with its state taken in.
make_device() {
	local out=$1 suite=$2
	shift 2
	"$bin" manufacture -q --out "$out" --suite "$suite" --owner "station/owner/owner-$suite.key" \
		--plugin-path "$modules" "$@" >/dev/null &&
		cp "maker/maker-$suite.pem" station/trust/makers/ &&
		"$bin" device init -q --dir "$out" >/dev/null
}

clear_air() { rm -f station/air/*/*; }

# enrol DIR ARG...: one session of both sides; sets rc (station) and device_rc.
enrol() {
	local device=$1
	shift
	timeout 60 "$bin" device run --once --dir "$device" >device.out 2>device.err <&- &
	local pid=$!
	timeout 60 "$bin" provision "$device/manifest.cbor" --payload payload.json \
		-c station/countersign.conf "$@" >station.out 2>station.err <&-
	rc=$?
	device_rc=0
	wait $pid || device_rc=$?
}
