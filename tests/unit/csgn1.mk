# Tests of ceremony/csgn1, attest/x509 and attest/psk.
CSGN1_TEST_LIBS = plugins/ceremony/csgn1/libcsgn1.la plugins/attest/psk/libpsk.la \
	plugins/attest/x509/libx509.la sdk/lib/libcsnevidence.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la \
	$(JANSSON_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/csgn1_vectors
tests_unit_csgn1_vectors_SOURCES = \
	tests/unit/csgn1_vectors.c \
	tests/vectors/csgn1-station.c \
	tests/vectors/csgn1-station.h
tests_unit_csgn1_vectors_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_csgn1_vectors_LDADD    = $(CSGN1_TEST_LIBS)
TESTS += tests/unit/csgn1_vectors

check_PROGRAMS += tests/unit/csgn1_ceremony
tests_unit_csgn1_ceremony_SOURCES = \
	tests/unit/csgn1-fake.c \
	tests/unit/csgn1-fake.h \
	tests/unit/csgn1_ceremony.c
tests_unit_csgn1_ceremony_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_csgn1_ceremony_LDADD    = $(CSGN1_TEST_LIBS)
TESTS += tests/unit/csgn1_ceremony

check_PROGRAMS += tests/unit/csgn1_attest
tests_unit_csgn1_attest_SOURCES  = tests/unit/csgn1_attest.c
tests_unit_csgn1_attest_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_csgn1_attest_LDADD    = $(CSGN1_TEST_LIBS)
TESTS += tests/unit/csgn1_attest

check_PROGRAMS += tests/unit/x509_device
tests_unit_x509_device_SOURCES  = tests/unit/x509_device.c tests/kit/pki.c tests/kit/pki.h \
	tests/unit/x509_tree.h
tests_unit_x509_device_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_x509_device_LDADD    = plugins/attest/x509/libx509.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
TESTS += tests/unit/x509_device

check_PROGRAMS += tests/unit/x509_revocation
tests_unit_x509_revocation_SOURCES  = tests/unit/x509_revocation.c tests/kit/pki.c \
	tests/kit/pki.h tests/unit/x509_tree.h
tests_unit_x509_revocation_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_x509_revocation_LDADD    = $(tests_unit_x509_device_LDADD)
TESTS += tests/unit/x509_revocation

check_PROGRAMS += tests/unit/x509_forms
tests_unit_x509_forms_SOURCES  = tests/unit/x509_forms.c tests/kit/pki.c tests/kit/pki.h
tests_unit_x509_forms_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_x509_forms_LDADD    = $(tests_unit_x509_device_LDADD)
TESTS += tests/unit/x509_forms

check_PROGRAMS += tests/unit/x509_load
tests_unit_x509_load_SOURCES  = tests/unit/x509_load.c tests/kit/pki.c tests/kit/pki.h \
	plugins/attest/x509/crl-numbers.c plugins/attest/x509/device-io.c
tests_unit_x509_load_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_x509_load_LDADD    = $(tests_unit_x509_device_LDADD)
TESTS += tests/unit/x509_load

check_PROGRAMS += tests/unit/psk
tests_unit_psk_SOURCES  = tests/unit/psk.c plugins/attest/psk/psk-io.c
tests_unit_psk_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_psk_LDADD    = plugins/attest/psk/libpsk.la sdk/lib/libcsnsdk.la \
	sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
TESTS += tests/unit/psk

# What strangers send to attest/x509, and to attest/psk.
check_PROGRAMS += tests/fuzz/fuzz_x509
TESTS += tests/fuzz/fuzz_x509
tests_fuzz_fuzz_x509_SOURCES  = tests/fuzz/fuzz_x509.c tests/fuzz/drive.c tests/kit/pki.c
tests_fuzz_fuzz_x509_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_x509_LDADD    = plugins/attest/x509/libx509.la plugins/attest/psk/libpsk.la \
	sdk/lib/libcsnevidence.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += tests/fuzz/corpus_x509.py
