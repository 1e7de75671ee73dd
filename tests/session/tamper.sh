# shellcheck shell=bash disable=SC2154 # bin is demo.sh's
# Part of demo.sh: every kind of tampering is refused with its code and commits nothing.
# The messages are real ones, taken off channel/file, where anybody can reach them.

tamper_count=0

# What the device has committed and delivered.
durable() {
	"$bin" device show --json --dir device
	cat device/delivered.json 2>/dev/null || true
}

# refused WHAT CODE: runs the device on what is in the air and wants exactly that code.
refused() {
	local what=$1 want=$2 got
	local before
	before=$(durable)
	"$bin" device run --once --json --dir device >device.json 2>device.err && die "$what: accepted"
	got=$(sed -n 's/.*"code": \([0-9]*\),\{0,1\}$/\1/p' device.json | head -n 1)
	[ "$got" = "$want" ] || die "$what: refused with ${got:-nothing}, wanted $want; $(cat device.err)"
	[ "$(durable)" = "$before" ] || die "$what: something was committed"
	tamper_count=$((tamper_count + 1))
	say " ✗ $what: CSN-$want, nothing was committed"
}

# ignored WHAT CODE: a message that is not the device's own is passed over: no verdict,
# no audit entry, no commit.  The debug log names the check.
ignored() {
	local what=$1 want=$2 before
	before=$(durable)
	start_device device -v
	wait_until "$what: $want" grep -q "ignored: $want " device.err
	stop "$device_pid"
	[ "$(durable)" = "$before" ] || die "$what: something was committed"
	tamper_count=$((tamper_count + 1))
	say " ✗ $what: CSN-$want, ignored, nothing was committed"
}

accepted() {
	"$bin" device run -q --once --dir device >device.json 2>device.err ||
		die "an honest pair was refused: $(cat device.err)"
	say " ✓ $1"
}

# Another device of the same maker and owner, and its pair in the air.
other_device() {
	make_device other
	fresh_pair other
}

tamper_demo() {
	make_parties "$out/tamper"
	fresh_pair
	flip "$(first station/air/offer)" 120
	refused "one bit of the offer flipped" 126
	fresh_pair
	flip "$(first station/air/bind)" 30
	refused "one bit of the burst flipped" 126
	other_device
	ignored "the QR code of another device" 106
	fresh_pair
	rm -rf old && mkdir old
	cp "$(first station/air/offer)" old/offer.msg
	cp "$(first station/air/bind)" old/bind.msg
	accepted "an honest pair: Enrolled"
	fresh_pair
	accepted "another honest pair, one rung higher: Enrolled"
	rm -rf station/air/offer/* station/air/bind/*
	cp old/offer.msg station/air/offer/00000001.msg
	cp old/bind.msg station/air/bind/00000001.msg
	refused "the old pair played again" 107
	say "$tamper_count tamperings, all refused"
}
