# Shared by all tests; each room lists its own tests in its own local.mk.
EXTRA_DIST += tests/models.sh tests/kit/tap.h tests/fuzz/draw.h tests/fuzz/parts.h tests/fuzz/readers.h tests/fuzz/fakes.c
dist_check_SCRIPTS = tests/floors.sh tests/fuzz/campaign.sh tests/fuzz/campaign-channels.sh
TESTS += tests/floors.sh

# Everything that reads evidence others wrote, with the suites as seeds.
check_PROGRAMS += tests/fuzz/fuzz_evidence
tests_fuzz_fuzz_evidence_SOURCES  = tests/fuzz/fuzz_evidence.c tests/fuzz/drive.c
tests_fuzz_fuzz_evidence_CPPFLAGS = $(TEST_CPPFLAGS) $(TSS2_CFLAGS)
tests_fuzz_fuzz_evidence_LDADD    = plugins/attest/dice/libdice.la plugins/attest/eat/libeat.la \
	plugins/attest/tpm2/libtpm2.la sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la \
	sdk/lib/libcsnsdk.la $(TSS2_LIBS) $(CRYPTO_LIBS)
TESTS += tests/fuzz/fuzz_evidence
