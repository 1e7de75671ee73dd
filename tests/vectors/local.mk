# The vector runner: one table, a source file for each kind of file.
check_PROGRAMS += tests/vectors/csn-vectors
tests_vectors_csn_vectors_SOURCES = \
	tests/vectors/csgn1-device.c \
	tests/vectors/csgn1-device.h \
	tests/vectors/csgn1-station.c \
	tests/vectors/csgn1-station.h \
	tests/vectors/run-cbor.c \
	tests/vectors/run-cose.c \
	tests/vectors/run-comid.c \
	tests/vectors/run-corim.c \
	tests/vectors/run-csgn1.c \
	tests/vectors/run-dice.c \
	tests/vectors/run-ear.c \
	tests/vectors/run-eat.c \
	tests/vectors/run-json.c \
	tests/vectors/run-matter.c \
	tests/vectors/run-ocsp.c \
	tests/vectors/run-pkits.c \
	tests/vectors/run-rfc.c \
	tests/vectors/run-rows.c \
	tests/vectors/run-tpm.c \
	tests/vectors/run-wycheproof.c \
	tests/vectors/run-x509.c \
	tests/vectors/runners.h \
	tests/vectors/vectors.c \
	tests/vectors/vectors.h
tests_vectors_csn_vectors_CPPFLAGS = $(TEST_CPPFLAGS) $(TSS2_CFLAGS) $(JANSSON_CFLAGS)
tests_vectors_csn_vectors_LDADD = \
	sdk/device/libcsndevice.la plugins/ceremony/csgn1/libcsgn1.la \
	plugins/attest/dice/libdice.la plugins/attest/eat/libeat.la plugins/attest/tpm2/libtpm2.la plugins/attest/psk/libpsk.la \
	plugins/attest/x509/libx509.la sdk/lib/libcsnevidence.la \
	plugins/format/json/libjson.la \
	sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(JANSSON_LIBS) $(CRYPTO_LIBS)
dist_check_SCRIPTS += tests/vectors/vectors.sh
TESTS += tests/vectors/vectors.sh
# Which vector reaches which code of the protocol.
dist_check_SCRIPTS += tests/vectors/codes.sh
TESTS += tests/vectors/codes.sh
