# Whole programs, run as their users run them.
WHOLE_TESTS = tests/session/cli.sh tests/session/exchange.sh tests/session/crash.sh \
	tests/session/tampering.sh tests/session/badinput.sh
dist_check_SCRIPTS += $(WHOLE_TESTS) tests/session/demo.sh tests/session/tamper.sh
EXTRA_DIST += tests/kit/tap.sh tests/session/parties.sh
TESTS += $(WHOLE_TESTS)
dist_check_SCRIPTS += tests/session/attach.sh
TESTS += tests/session/attach.sh
dist_check_SCRIPTS += tests/session/release.sh
TESTS += tests/session/release.sh
dist_check_SCRIPTS += tests/session/resume.sh
TESTS += tests/session/resume.sh
dist_check_SCRIPTS += tests/session/pin.sh
TESTS += tests/session/pin.sh
# Both halves against an implementation of docs/protocol.md that shares no line with them.
dist_check_SCRIPTS += tests/session/peer.sh
TESTS += tests/session/peer.sh
EXTRA_DIST += tests/session/peer.py tests/session/peer_cert.py
# The SDK as an author of plugins meets it: installed, with pkg-config alone.
dist_check_SCRIPTS += tests/session/sdk.sh
TESTS += tests/session/sdk.sh
# The session over a serial line; the line itself is a program of ours.
dist_check_SCRIPTS += tests/session/serial.sh
TESTS += tests/session/serial.sh
check_PROGRAMS += tests/lab/pty_pair
tests_lab_pty_pair_SOURCES = tests/lab/pty_pair.c
# What a path lets through: recordings with one thing wrong, and real sound.
check_PROGRAMS += tests/session/channels_plant
tests_session_channels_plant_SOURCES = tests/session/channels_plant.c core/cli/wav.c \
	core/cli/wav.h tests/unit/modem_kit.h
tests_session_channels_plant_CPPFLAGS = $(TEST_CPPFLAGS)
tests_session_channels_plant_LDADD = sdk/modem/libmodem.la
dist_check_SCRIPTS += tests/session/channels.sh
TESTS += tests/session/channels.sh
# Policy over evidence: tried out, and in a session that it stops.
check_PROGRAMS += tests/session/dice_item
tests_session_dice_item_SOURCES  = tests/session/dice_item.c tests/kit/dice-forge.c \
	tests/kit/dice-forge.h
tests_session_dice_item_CPPFLAGS = $(TEST_CPPFLAGS)
tests_session_dice_item_LDADD    = sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
dist_check_SCRIPTS += tests/session/evidence.sh
TESTS += tests/session/evidence.sh
dist_check_SCRIPTS += tests/session/policy.sh
TESTS += tests/session/policy.sh
# Modules by signers, workers by default, and what plugins list says of both.
dist_check_SCRIPTS += tests/session/trust.sh
TESTS += tests/session/trust.sh
dist_check_SCRIPTS += tests/session/lab.sh
TESTS += tests/session/lab.sh
# Attachments as messages: filmed codes, a bad serial line.
dist_check_SCRIPTS += tests/session/stream.sh
TESTS += tests/session/stream.sh
# Every two media that take no time; `pairs.sh all` is for the audit.
dist_check_SCRIPTS += tests/session/pairs.sh
TESTS += tests/session/pairs.sh
# Evidence a device makes of itself, judged in the session it is bound to.
dist_check_SCRIPTS += tests/session/live.sh
TESTS += tests/session/live.sh
# A person who compares codes, on terminals of its own.
dist_check_SCRIPTS += tests/session/compare.sh
TESTS += tests/session/compare.sh
dist_check_SCRIPTS += tests/session/explain.sh
TESTS += tests/session/explain.sh
dist_check_SCRIPTS += tests/session/pitfalls.sh
TESTS += tests/session/pitfalls.sh
