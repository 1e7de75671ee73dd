# The protocol helpers a device and a station share: pure, no allocation, no I/O.
noinst_LTLIBRARIES += sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la
sdk_lib_libcsnsdk_la_SOURCES = \
	sdk/lib/attachment.c \
	sdk/lib/attachment.h \
	sdk/lib/body-schema.c \
	sdk/lib/body-view.c \
	sdk/lib/body.c \
	sdk/lib/body.h \
	sdk/lib/cert.c \
	sdk/lib/cert.h \
	sdk/lib/cose.c \
	sdk/lib/cose.h \
	sdk/lib/crypto.c \
	sdk/lib/crypto.h \
	sdk/lib/csgn1-put.c \
	sdk/lib/csgn1.c \
	sdk/lib/csgn1.h \
	sdk/lib/dcbor.c \
	sdk/lib/dcbor.h \
	sdk/lib/der.c \
	sdk/lib/der.h \
	sdk/lib/ear.c \
	sdk/lib/ear.h \
	sdk/lib/frag.c \
	sdk/lib/frag.h \
	sdk/lib/hex.c \
	sdk/lib/hex.h \
	sdk/lib/hpke.c \
	sdk/lib/hpke.h \
	sdk/lib/kdf.c \
	sdk/lib/kdf.h \
	sdk/lib/inbox.c \
	sdk/lib/inbox.h \
	sdk/lib/ladder.c \
	sdk/lib/ladder.h \
	sdk/lib/line.c \
	sdk/lib/line.h \
	sdk/lib/offer.c \
	sdk/lib/offer.h \
	sdk/lib/outbox.c \
	sdk/lib/outbox.h \
	sdk/lib/spake2p.c \
	sdk/lib/spake2p.h \
	sdk/lib/t4t.c \
	sdk/lib/t4t.h \
	sdk/lib/verdict.c \
	sdk/lib/verdict.h \
	sdk/lib/words.c \
	sdk/lib/words.h
sdk_lib_libcsnsdk_la_CFLAGS = $(MODULE_CFLAGS)

# The OpenSSL backend of lib/crypto.h.
sdk_lib_libcsncrypto_la_SOURCES = \
	sdk/lib/crypto-openssl-p256.c \
	sdk/lib/crypto-openssl-p256.h \
	sdk/lib/crypto-openssl.c \
	sdk/lib/crypto-openssl.h
sdk_lib_libcsncrypto_la_CFLAGS = $(MODULE_CFLAGS)
sdk_lib_libcsncrypto_la_LIBADD = $(CRYPTO_LIBS)

# Anchors from PEM files: for plugins that pin keys.
noinst_LTLIBRARIES += sdk/lib/libcsnanchors.la
sdk_lib_libcsnanchors_la_SOURCES = sdk/lib/anchors.c sdk/lib/anchors.h
sdk_lib_libcsnanchors_la_CFLAGS  = $(MODULE_CFLAGS)
sdk_lib_libcsnanchors_la_LIBADD  = $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/lib_dcbor tests/unit/lib_crypto tests/unit/lib_cert \
	tests/unit/lib_frag tests/unit/lib_body tests/unit/lib_cose
tests_unit_lib_dcbor_SOURCES   = tests/unit/lib_dcbor.c
tests_unit_lib_dcbor_CPPFLAGS  = $(TEST_CPPFLAGS)
tests_unit_lib_dcbor_LDADD     = sdk/lib/libcsnsdk.la
tests_unit_lib_crypto_SOURCES  = tests/unit/lib_crypto.c
tests_unit_lib_crypto_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_crypto_LDADD    = sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/unit/lib_dcbor tests/unit/lib_crypto tests/unit/lib_cert \
	tests/unit/lib_frag tests/unit/lib_body tests/unit/lib_cose
tests_unit_lib_cert_SOURCES  = tests/unit/lib_cert.c
tests_unit_lib_cert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_cert_LDADD    = sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
tests_unit_lib_frag_SOURCES  = tests/unit/lib_frag.c
tests_unit_lib_frag_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_frag_LDADD    = sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
tests_unit_lib_body_SOURCES  = tests/unit/lib_body.c
tests_unit_lib_body_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_body_LDADD    = sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
tests_unit_lib_cose_SOURCES  = tests/unit/lib_cose.c
tests_unit_lib_cose_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_cose_LDADD    = sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/lib_hex
TESTS += tests/unit/lib_hex
tests_unit_lib_hex_SOURCES  = tests/unit/lib_hex.c
tests_unit_lib_hex_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_hex_LDADD    = sdk/lib/libcsnsdk.la

check_PROGRAMS += tests/unit/lib_outbox
TESTS += tests/unit/lib_outbox
tests_unit_lib_outbox_SOURCES  = tests/unit/lib_outbox.c
tests_unit_lib_outbox_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_outbox_LDADD    = tests/kit/libfakehost.la sdk/lib/libcsnsdk.la

check_PROGRAMS += tests/unit/lib_verdict
TESTS += tests/unit/lib_verdict
tests_unit_lib_verdict_SOURCES  = tests/unit/lib_verdict.c
tests_unit_lib_verdict_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_verdict_LDADD    = sdk/lib/libcsnsdk.la

# What reads evidence others wrote: strict CBOR with tags, foreign keys, COSE of RFC 9052.
noinst_LTLIBRARIES += sdk/lib/libcsnevidence.la
sdk_lib_libcsnevidence_la_SOURCES = \
	sdk/lib/corim-profile.c \
	sdk/lib/corim.c \
	sdk/lib/corim.h \
	sdk/lib/cose-any.c \
	sdk/lib/cose-any.h \
	sdk/lib/pubkey.c \
	sdk/lib/pubkey.h \
	sdk/lib/references.c \
	sdk/lib/references.h \
	sdk/lib/scbor.c \
	sdk/lib/scbor.h
sdk_lib_libcsnevidence_la_CFLAGS = $(MODULE_CFLAGS)
sdk_lib_libcsnevidence_la_LIBADD = $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/lib_evidence
tests_unit_lib_evidence_SOURCES  = tests/unit/lib_evidence.c
tests_unit_lib_evidence_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_evidence_LDADD    = sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la \
	sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/unit/lib_evidence
check_PROGRAMS += tests/unit/lib_line
TESTS += tests/unit/lib_line
tests_unit_lib_line_SOURCES  = tests/unit/lib_line.c
tests_unit_lib_line_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_line_LDADD    = sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/fuzz/fuzz_line
TESTS += tests/fuzz/fuzz_line
tests_fuzz_fuzz_line_SOURCES  = tests/fuzz/fuzz_line.c
tests_fuzz_fuzz_line_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_line_LDADD    = sdk/lib/libcsnsdk.la

check_PROGRAMS += tests/unit/lib_corim
tests_unit_lib_corim_SOURCES  = tests/unit/lib_corim.c tests/kit/dice-forge.c tests/kit/dice-forge.h
tests_unit_lib_corim_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_corim_LDADD    = sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la \
	sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/unit/lib_corim

check_PROGRAMS += tests/unit/lib_ear
TESTS += tests/unit/lib_ear
tests_unit_lib_ear_SOURCES  = tests/unit/lib_ear.c
tests_unit_lib_ear_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_ear_LDADD    = sdk/lib/libcsnsdk.la

# Attachments as packets over any channel of messages.
noinst_LTLIBRARIES += sdk/lib/libcsnstream.la
sdk_lib_libcsnstream_la_SOURCES = \
	sdk/lib/fountain.c \
	sdk/lib/fountain.h \
	sdk/lib/stream.c \
	sdk/lib/stream.h \
	sdk/lib/ur.c \
	sdk/lib/ur.h \
	sdk/lib/ur-draw.c \
	sdk/lib/ur-int.h \
	sdk/lib/ur-take.c
sdk_lib_libcsnstream_la_CFLAGS = $(MODULE_CFLAGS)
sdk_lib_libcsnstream_la_LIBADD = $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/lib_stream
TESTS += tests/unit/lib_stream
tests_unit_lib_stream_SOURCES  = tests/unit/lib_stream.c
tests_unit_lib_stream_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_stream_LDADD    = sdk/lib/libcsnstream.la $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/lib_ur
TESTS += tests/unit/lib_ur
tests_unit_lib_ur_SOURCES  = tests/unit/lib_ur.c
tests_unit_lib_ur_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_lib_ur_LDADD    = sdk/lib/libcsnstream.la $(CRYPTO_LIBS)

# What the fountain costs; see the README of channel/qr.
noinst_PROGRAMS += tests/bench/fountain-bench
tests_bench_fountain_bench_SOURCES  = tests/bench/fountain_bench.c
tests_bench_fountain_bench_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bench_fountain_bench_LDADD    = sdk/lib/libcsnstream.la $(CRYPTO_LIBS)

# UR against another implementation: see tests/audit.sh.
noinst_PROGRAMS += tests/bench/ur-pipe
tests_bench_ur_pipe_SOURCES  = tests/bench/ur_pipe.c
tests_bench_ur_pipe_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bench_ur_pipe_LDADD    = sdk/lib/libcsnstream.la $(CRYPTO_LIBS)
EXTRA_DIST += tests/bench/ur_peer.mjs tests/bench/ur tests/bench/fountain
check_PROGRAMS += tests/fuzz/fuzz_messages
TESTS += tests/fuzz/fuzz_messages
tests_fuzz_fuzz_messages_SOURCES  = tests/fuzz/fuzz_messages.c
tests_fuzz_fuzz_messages_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_messages_LDADD    = sdk/lib/libcsnsdk.la
